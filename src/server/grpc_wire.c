/* SPDX-License-Identifier: MIT */
#include "server/grpc_wire.h"

#include "base/clock.h"
#include "base/macros.h"

enum { HEAD_BYTES = 5, TIMEOUT_DIGITS_MAX = 8, MESSAGE_BYTES_MAX = 1024 };

bool weir_server_grpc_wire_take(struct weir_str *rest, struct weir_server_grpc_frame *out,
                                uint64_t *n_bytes)
{
    weir_assert(rest);
    weir_assert(out);
    *n_bytes = 0;
    if (rest->n < HEAD_BYTES)
        return false;
    uint32_t n = 0;
    for (size_t i = 1; i < HEAD_BYTES; i++) /* the most significant byte comes first */
        n = n << 8 | (uint8_t)rest->at[i];
    *n_bytes = n;
    if (n > rest->n - HEAD_BYTES)
        return false;
    out->is_compressed = rest->at[0] != 0;
    out->bytes = weir_str_make(rest->at + HEAD_BYTES, n);
    *rest = weir_str_make(rest->at + HEAD_BYTES + n, rest->n - HEAD_BYTES - n);
    return true;
}

bool weir_server_grpc_wire_is_type(struct weir_str content_type)
{
    struct weir_str rest = content_type;
    struct weir_str type = weir_str_trim(weir_str_split(&rest, ';'));
    return weir_str_eq_nocase(type, WEIR_STR("application/grpc")) ||
           weir_str_eq_nocase(type, WEIR_STR("application/grpc+proto"));
}

bool weir_server_grpc_wire_timeout(struct weir_str text, uint64_t *out_ns)
{
    static const struct {
        char unit;
        uint64_t ns;
    } units[] = {
        {'n', 1},
        {'u', WEIR_NS_PER_US},
        {'m', WEIR_NS_PER_MS},
        {'S', WEIR_NS_PER_S},
        {'M', 60 * WEIR_NS_PER_S},
        {'H', 3600 * WEIR_NS_PER_S},
    };
    uint64_t n;
    if (text.n < 2 || text.n > TIMEOUT_DIGITS_MAX + 1 ||
        !weir_str_to_u64(weir_str_make(text.at, text.n - 1), UINT32_MAX, &n))
        return false;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(units); i++) {
        if (units[i].unit == text.at[text.n - 1]) {
            *out_ns = n * units[i].ns; /* at most 99,999,999 h: 3.6e20 ns do not fit */
            if (n > UINT64_MAX / units[i].ns)
                *out_ns = UINT64_MAX;
            return true;
        }
    }
    return false;
}

bool weir_server_grpc_wire_coding(struct weir_str name, enum weir_server_grpc_coding *out)
{
    if (name.n == 0 || weir_str_eq_nocase(name, WEIR_STR("identity")))
        *out = WEIR_SERVER_GRPC_IDENTITY;
    else if (weir_str_eq_nocase(name, WEIR_STR("gzip")))
        *out = WEIR_SERVER_GRPC_GZIP;
    else if (weir_str_eq_nocase(name, WEIR_STR("deflate")))
        *out = WEIR_SERVER_GRPC_DEFLATE;
    else
        return false;
    return true;
}

enum weir_server_grpc_status weir_server_grpc_wire_status(int http_status)
{
    static const struct {
        int http;
        enum weir_server_grpc_status status;
    } table[] = {
        {200, WEIR_SERVER_GRPC_OK},
        {400, WEIR_SERVER_GRPC_INVALID_ARGUMENT},
        {401, WEIR_SERVER_GRPC_UNAUTHENTICATED},
        {403, WEIR_SERVER_GRPC_PERMISSION_DENIED},
        {404, WEIR_SERVER_GRPC_NOT_FOUND},
        {405, WEIR_SERVER_GRPC_UNIMPLEMENTED},
        {408, WEIR_SERVER_GRPC_DEADLINE_EXCEEDED},
        {409, WEIR_SERVER_GRPC_ABORTED},
        {411, WEIR_SERVER_GRPC_INVALID_ARGUMENT},
        {413, WEIR_SERVER_GRPC_RESOURCE_EXHAUSTED},
        {414, WEIR_SERVER_GRPC_INVALID_ARGUMENT},
        {415, WEIR_SERVER_GRPC_INVALID_ARGUMENT},
        {429, WEIR_SERVER_GRPC_RESOURCE_EXHAUSTED},
        {431, WEIR_SERVER_GRPC_RESOURCE_EXHAUSTED},
        {499, WEIR_SERVER_GRPC_CANCELLED},
        {501, WEIR_SERVER_GRPC_UNIMPLEMENTED},
        {503, WEIR_SERVER_GRPC_UNAVAILABLE},
        {504, WEIR_SERVER_GRPC_DEADLINE_EXCEEDED},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(table); i++) {
        if (table[i].http == http_status)
            return table[i].status;
    }
    return WEIR_SERVER_GRPC_INTERNAL;
}

void weir_server_grpc_wire_append_status(struct weir_buf *buf, enum weir_server_grpc_status status,
                                         struct weir_str text)
{
    static const char digits[] = "0123456789ABCDEF";
    weir_buf_append_c(buf, "grpc-status: ");
    weir_buf_append_u64(buf, (uint64_t)status);
    weir_buf_append_c(buf, "\r\n");
    if (text.n == 0)
        return;
    weir_buf_append_c(buf, "grpc-message: ");
    for (size_t i = 0; i < text.n && i < MESSAGE_BYTES_MAX; i++) {
        uint8_t c = (uint8_t)text.at[i];
        if (c >= 0x20 && c <= 0x7e && c != '%') {
            weir_buf_append_byte(buf, (char)c);
            continue;
        }
        weir_buf_append_byte(buf, '%');
        weir_buf_append_byte(buf, digits[c >> 4]);
        weir_buf_append_byte(buf, digits[c & 15]);
    }
    weir_buf_append_c(buf, "\r\n");
}
