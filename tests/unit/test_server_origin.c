/* SPDX-License-Identifier: MIT */
#include "server/origin.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static const struct {
    const char *label;
    const char *origin;
    const char *host;
    bool is_own;
} rows[] = {
    {"the page on loopback", "http://127.0.0.1:8081", "127.0.0.1:8081", true},
    {"by the name of this machine to itself", "http://localhost:8081", "localhost:8081", true},
    {"in any case", "http://LocalHost:8081", "localhost:8081", true},
    {"without a port", "http://127.0.0.1", "127.0.0.1", true},
    {"IPv6", "http://[::1]:8081", "[::1]:8081", true},
    {"an IPv4 address in IPv6", "http://[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]", true},
    {"another machine's address", "http://10.1.2.3:8081", "10.1.2.3:8081", true},
    {"behind something that speaks TLS", "https://10.1.2.3", "10.1.2.3", true},
    {"another site", "http://evil.example", "127.0.0.1:8081", false},
    {"another port of this machine", "http://127.0.0.1:9999", "127.0.0.1:8081", false},
    {"the same machine by another name", "http://localhost:8081", "127.0.0.1:8081", false},
    {"a name that was made to mean this machine", "http://evil.example:8081", "evil.example:8081",
     false},
    {"a name that ends like it", "http://evil.localhost.example:1", "evil.localhost.example:1",
     false},
    {"a name that begins like an address", "http://127.0.0.1.evil.example",
     "127.0.0.1.evil.example", false},
    {"a number too large", "http://127.0.0.256", "127.0.0.256", false},
    {"too few numbers", "http://127.0.1", "127.0.1", false},
    {"a page without an origin", "null", "127.0.0.1:8081", false},
    {"a file", "file://", "127.0.0.1:8081", false},
    {"another scheme", "ftp://127.0.0.1:8081", "127.0.0.1:8081", false},
    {"a path behind it", "http://127.0.0.1:8081/", "127.0.0.1:8081", false},
    {"no host", "http://", "", false},
    {"a port alone", "http://:8081", ":8081", false},
    {"an empty port", "http://127.0.0.1:", "127.0.0.1:", false},
    {"brackets around a name", "http://[evil]", "[evil]", false},
};

ParameterizedTestParameters(server_origin, only_a_page_of_this_server_is_its_own)
{
    static size_t indices[sizeof rows / sizeof rows[0]];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(size_t *i, server_origin, only_a_page_of_this_server_is_its_own)
{
    cr_assert_eq(weir_server_origin_is_own(weir_str_c(rows[*i].origin), weir_str_c(rows[*i].host)),
                 rows[*i].is_own, "%s", rows[*i].label);
}
