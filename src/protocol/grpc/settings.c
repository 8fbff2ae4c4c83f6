/* SPDX-License-Identifier: MIT */
/* Triton's log and trace settings: maps of named values, of which all are told and some may be
 * changed. */
#include "base/log.h"
#include "base/macros.h"
#include "protocol/grpc/pages.h"

/* Field numbers. */
enum {
    SETTINGS = 1,
    ENTRY_KEY = 1,
    ENTRY_VALUE = 2,
    VALUE_BOOL = 1,
    VALUE_UINT32 = 2,
    VALUE_STRING = 3,
    TRACE_VALUE = 1,
};

static size_t begin_entry(struct weir_buf *buf, const char *key, size_t *value)
{
    size_t entry = weir_codec_protobuf_begin(buf, SETTINGS);
    weir_codec_protobuf_put_text(buf, ENTRY_KEY, weir_str_c(key));
    *value = weir_codec_protobuf_begin(buf, ENTRY_VALUE);
    return entry;
}

static void end_entry(struct weir_buf *buf, size_t entry, size_t value)
{
    weir_codec_protobuf_end(buf, value);
    weir_codec_protobuf_end(buf, entry);
}

static void put_number(struct weir_buf *buf, const char *key, uint32_t kind, uint64_t number)
{
    size_t value;
    size_t entry = begin_entry(buf, key, &value);
    weir_codec_protobuf_put_u64_always(buf, kind, number);
    end_entry(buf, entry, value);
}

static void put_text(struct weir_buf *buf, const char *key, uint32_t kind, const char *text)
{
    size_t value;
    size_t entry = begin_entry(buf, key, &value);
    weir_codec_protobuf_put_text_always(buf, kind, weir_str_c(text));
    end_entry(buf, entry, value);
}

void weir_protocol_grpc_settings_log_page(const struct weir_protocol_grpc_page *page)
{
    enum weir_log_level level = weir_log_get_level();
    put_text(page->buf, "log_file", VALUE_STRING, "");
    put_number(page->buf, "log_info", VALUE_BOOL, level <= WEIR_LOG_INFO);
    put_number(page->buf, "log_warning", VALUE_BOOL, level <= WEIR_LOG_WARN);
    put_number(page->buf, "log_error", VALUE_BOOL, true);
    put_number(page->buf, "log_verbose_level", VALUE_UINT32, level <= WEIR_LOG_DEBUG);
    put_text(page->buf, "log_format", VALUE_STRING, "default");
}

/* What is asked of the log, as it is changed step by step. */
struct log_wish {
    bool has_info, has_warning, is_verbose;
    bool is_changed;
};

static enum weir_status read_log_setting(struct weir_str bytes, struct log_wish *wish,
                                         struct weir_error *err)
{
    struct weir_str key;
    struct weir_str value;
    struct weir_str text;
    uint64_t on;
    uint64_t number;
    if (!weir_protocol_grpc_pages_read_entry(bytes, &key, &value) ||
        !weir_protocol_grpc_pages_find_number(value, VALUE_BOOL, &on) ||
        !weir_protocol_grpc_pages_find_number(value, VALUE_UINT32, &number) ||
        !weir_protocol_grpc_pages_find_text(value, VALUE_STRING, &text))
        return weir_error_set(err, WEIR_ERR_INVALID, "the message is malformed");
    wish->is_changed = true;
    if (weir_str_eq_c(key, "log_info"))
        wish->has_info = on != 0;
    else if (weir_str_eq_c(key, "log_warning"))
        wish->has_warning = on != 0;
    else if (weir_str_eq_c(key, "log_verbose_level"))
        wish->is_verbose = number > 0;
    else if (weir_str_eq_c(key, "log_error") && on == 0)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "log_error: errors are always logged");
    else if ((weir_str_eq_c(key, "log_file") && text.n > 0) ||
             (weir_str_eq_c(key, "log_format") && !weir_str_eq_c(text, "default")))
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "%.*s cannot be changed",
                              WEIR_STR_ARG(key));
    else if (!weir_str_eq_c(key, "log_error") && !weir_str_eq_c(key, "log_file") &&
             !weir_str_eq_c(key, "log_format"))
        return weir_error_set(err, WEIR_ERR_INVALID, "there is no such log setting");
    return WEIR_OK;
}

enum weir_status weir_protocol_grpc_settings_order_log(struct weir_str body,
                                                       struct weir_protocol_order *out,
                                                       struct weir_error *err)
{
    enum weir_log_level level = weir_log_get_level();
    struct log_wish wish = {.has_info = level <= WEIR_LOG_INFO,
                            .has_warning = level <= WEIR_LOG_WARN,
                            .is_verbose = level <= WEIR_LOG_DEBUG};
    struct weir_codec_protobuf message = weir_codec_protobuf_of(body);
    struct weir_codec_protobuf_field f;
    while (weir_codec_protobuf_next(&message, &f)) {
        if (f.number != SETTINGS || f.type != WEIR_CODEC_PROTOBUF_BYTES)
            continue;
        enum weir_status status = read_log_setting(f.bytes, &wish, err);
        if (status != WEIR_OK)
            return status;
    }
    if (message.is_malformed)
        return weir_error_set(err, WEIR_ERR_INVALID, "the message is malformed");
    if (wish.is_changed)
        out->log_level = wish.is_verbose    ? WEIR_LOG_DEBUG
                         : wish.has_info    ? WEIR_LOG_INFO
                         : wish.has_warning ? WEIR_LOG_WARN
                                            : WEIR_LOG_ERROR;
    return WEIR_OK;
}

enum weir_status weir_protocol_grpc_settings_trace_page(const struct weir_protocol_grpc_page *page)
{
    static const struct {
        const char *key;
        const char *value;
    } settings[] = {
        {"trace_file", ""},    {"trace_level", "OFF"}, {"trace_rate", "1000"},
        {"trace_count", "-1"}, {"log_frequency", "0"}, {"trace_mode", "triton"},
    };
    struct weir_codec_protobuf message = weir_codec_protobuf_of(page->body);
    struct weir_codec_protobuf_field f;
    while (weir_codec_protobuf_next(&message, &f)) {
        if (f.number == SETTINGS)
            return weir_error_set(page->err, WEIR_ERR_UNSUPPORTED, "requests are not traced");
    }
    if (message.is_malformed)
        return weir_protocol_grpc_pages_fail(page);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(settings); i++)
        put_text(page->buf, settings[i].key, TRACE_VALUE, settings[i].value);
    return WEIR_OK;
}
