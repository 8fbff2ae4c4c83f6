/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "loop/addr.h"

#include <criterion/criterion.h>

#include <stdio.h>

static const struct {
    const char *text;
    const char *back; /* NULL: refused */
    bool is_local;
} rows[] = {
    {"127.0.0.1:8080", "127.0.0.1:8080", true},
    {"127.9.9.9:1", "127.9.9.9:1", true},
    {"localhost:0", "127.0.0.1:0", true},
    {":80", "0.0.0.0:80", false},
    {"*:80", "0.0.0.0:80", false},
    {"10.1.2.3:65535", "10.1.2.3:65535", false},
    {"[::1]:8080", "[::1]:8080", true},
    {"[::]:0", "[::]:0", false},
    {"[::ffff:127.0.0.1]:1", "[::ffff:127.0.0.1]:1", true},
    {"[2001:db8::1]:443", "[2001:db8::1]:443", false},
    {"unix:/run/weir.sock", "unix:/run/weir.sock", true},
    {"unix:", NULL, false},
    {"127.0.0.1", NULL, false},
    {"127.0.0.1:", NULL, false},
    {"127.0.0.1:65536", NULL, false},
    {"127.0.0.1:-1", NULL, false},
    {"127.0.0.1:80x", NULL, false},
    {"127.0.0.256:80", NULL, false},
    {"example.com:80", NULL, false},
    {"::1:80", NULL, false},
    {"[::1:80", NULL, false},
    {"[]:80", NULL, false},
    {"", NULL, false},
};

Test(loop_addr, texts_are_read_and_written_back)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_addr_target addr = {.addr.port = 7};
        struct weir_error err = WEIR_ERROR_INIT;
        enum weir_status status = weir_addr_parse(&addr, weir_str_c(rows[i].text), &err);
        cr_assert_eq(status, rows[i].back ? WEIR_OK : WEIR_ERR_INVALID, "%s", rows[i].text);
        if (!rows[i].back) {
            cr_assert_eq(addr.addr.port, 7, "a failed parse must leave the result alone");
            cr_assert_not_null(strstr(err.msg, "address \""));
            continue;
        }
        char text[WEIR_ADDR_TEXT_BYTES];
        cr_assert_str_eq(weir_addr_text(&addr.addr, addr.path, text), rows[i].back);
        cr_assert_eq(weir_addr_is_local(&addr.addr), rows[i].is_local, "%s", rows[i].text);
        struct sockaddr_storage sa;
        struct weir_addr again;
        socklen_t n = weir_addr_to_sockaddr(&addr, &sa);
        weir_addr_from_sockaddr(&again, (struct sockaddr *)&sa, n);
        cr_assert_str_eq(weir_addr_text(&again, addr.path, text), rows[i].back);
    }
}

Test(loop_addr, a_socket_path_has_the_kernels_bound)
{
    char text[200];
    struct weir_addr_target addr;
    (void)snprintf(text, sizeof text, "unix:%0107d", 1);
    cr_assert_eq(weir_addr_parse(&addr, weir_str_c(text), NULL), WEIR_OK);
    cr_assert_eq(strlen(addr.path), 107);
    (void)snprintf(text, sizeof text, "unix:%0108d", 1);
    cr_assert_eq(weir_addr_parse(&addr, weir_str_c(text), NULL), WEIR_ERR_INVALID);
}
