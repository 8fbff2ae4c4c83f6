/* SPDX-License-Identifier: MIT */
/* What gRPC puts around messages: frames cut anywhere, timeouts, types, statuses. */
#include "base/macros.h"
#include "server/grpc_wire.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

Test(server_grpc_wire, frames_are_taken_when_they_are_whole)
{
    static const char bytes[] = "\0\0\0\0\3abc\1\0\0\0\0\0\0\0\1\0";
    enum { N = sizeof bytes - 1 };
    struct weir_server_grpc_frame frame;
    uint64_t n_bytes;
    for (size_t n = 0; n <= N; n++) {
        char *exact = malloc(n + !n);
        cr_assert(exact);
        memcpy(exact, bytes, n);
        struct weir_str rest = weir_str_make(exact, n);
        bool has_first = weir_server_grpc_wire_take(&rest, &frame, &n_bytes);
        cr_assert_eq(has_first, n >= 8);
        cr_assert_eq(n_bytes, n >= 5 ? 3 : 0);
        if (has_first) {
            cr_assert_not(frame.is_compressed);
            cr_assert(weir_str_eq_c(frame.bytes, "abc"));
            bool has_second = weir_server_grpc_wire_take(&rest, &frame, &n_bytes);
            cr_assert_eq(has_second, n >= 13);
            if (has_second) {
                cr_assert(frame.is_compressed);
                cr_assert_eq(frame.bytes.n, 0);
                cr_assert_not(weir_server_grpc_wire_take(&rest, &frame, &n_bytes));
            }
        }
        free(exact);
    }
    struct weir_str huge = WEIR_STR("\0\xff\xff\xff\xff");
    cr_assert_not(weir_server_grpc_wire_take(&huge, &frame, &n_bytes));
    cr_assert_eq(n_bytes, UINT32_MAX);
}

Test(server_grpc_wire, timeouts_have_a_unit)
{
    static const struct {
        const char *text;
        bool is_right;
        uint64_t ns;
    } cases[] = {
        {"3010m", true, 3010000000},
        {"1S", true, 1000000000},
        {"2M", true, 120000000000},
        {"1H", true, 3600000000000},
        {"7u", true, 7000},
        {"99999999n", true, 99999999},
        {"0m", true, 0},
        {"99999999H", true, UINT64_MAX},
        {"123456789m", false, 0},
        {"", false, 0},
        {"m", false, 0},
        {"10", false, 0},
        {"10s", false, 0},
        {"-1m", false, 0},
        {"1 m", false, 0},
        {"1.5S", false, 0},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        uint64_t ns = 1;
        cr_assert_eq(weir_server_grpc_wire_timeout(weir_str_c(cases[i].text), &ns),
                     cases[i].is_right, "%s", cases[i].text);
        if (cases[i].is_right)
            cr_assert_eq(ns, cases[i].ns, "%s", cases[i].text);
    }
}

Test(server_grpc_wire, content_types_of_grpc_are_known)
{
    cr_assert(weir_server_grpc_wire_is_type(WEIR_STR("application/grpc")));
    cr_assert(weir_server_grpc_wire_is_type(WEIR_STR("application/grpc+proto")));
    cr_assert(weir_server_grpc_wire_is_type(WEIR_STR("Application/gRPC; charset=utf-8")));
    cr_assert_not(weir_server_grpc_wire_is_type(WEIR_STR("application/grpc+json")));
    cr_assert_not(weir_server_grpc_wire_is_type(WEIR_STR("application/grpc-web")));
    cr_assert_not(weir_server_grpc_wire_is_type(WEIR_STR("application/json")));
    cr_assert_not(weir_server_grpc_wire_is_type(WEIR_STR("")));
}

Test(server_grpc_wire, codings_have_names)
{
    enum weir_server_grpc_coding coding;
    cr_assert(weir_server_grpc_wire_coding(WEIR_STR(""), &coding));
    cr_assert_eq(coding, WEIR_SERVER_GRPC_IDENTITY);
    cr_assert(weir_server_grpc_wire_coding(WEIR_STR("gzip"), &coding));
    cr_assert_eq(coding, WEIR_SERVER_GRPC_GZIP);
    cr_assert(weir_server_grpc_wire_coding(WEIR_STR("deflate"), &coding));
    cr_assert_eq(coding, WEIR_SERVER_GRPC_DEFLATE);
    cr_assert_not(weir_server_grpc_wire_coding(WEIR_STR("snappy"), &coding));
}

Test(server_grpc_wire, statuses_are_lines)
{
    struct weir_buf buf = WEIR_BUF_INIT;
    weir_server_grpc_wire_append_status(&buf, WEIR_SERVER_GRPC_OK, WEIR_STR(""));
    cr_assert_str_eq(weir_buf_c(&buf), "grpc-status: 0\r\n");
    weir_buf_clear(&buf);
    weir_server_grpc_wire_append_status(&buf, WEIR_SERVER_GRPC_NOT_FOUND,
                                        WEIR_STR("no \"h\xc3\xa9\"\r\n: 100% ~"));
    cr_assert_str_eq(weir_buf_c(&buf),
                     "grpc-status: 5\r\ngrpc-message: no \"h%C3%A9\"%0D%0A: 100%25 ~\r\n");
    weir_buf_deinit(&buf);
    cr_assert_eq(weir_server_grpc_wire_status(503), WEIR_SERVER_GRPC_UNAVAILABLE);
    cr_assert_eq(weir_server_grpc_wire_status(418), WEIR_SERVER_GRPC_INTERNAL);
}
