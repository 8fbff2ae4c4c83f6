/* SPDX-License-Identifier: MIT */
#include "server/origin.h"

#include "base/macros.h"

/* Cuts the port off a host; false: what stands after ':' is no port. */
static bool cut_port(struct weir_str *host)
{
    size_t n = host->n;
    while (n > 0 && host->at[n - 1] >= '0' && host->at[n - 1] <= '9')
        n--;
    if (n > 0 && host->at[n - 1] == ':') {
        bool has_digits = n < host->n;
        host->n = n - 1;
        return has_digits;
    }
    return true;
}

/* Four numbers below 256. A host of digits and dots that is not this is a name, or an address that
 * browsers write otherwise. */
static bool is_ipv4(struct weir_str host)
{
    for (int i = 0; i < 4; i++) {
        struct weir_str part = weir_str_split(&host, '.');
        uint64_t number;
        if (part.n > 3 || !weir_str_to_u64(part, 255, &number) || (host.at == NULL) != (i == 3))
            return false;
    }
    return true;
}

/* "[…]" of hexadecimal digits and ':' (RFC 3986 §3.2.2); '.' as in [::ffff:127.0.0.1]. */
static bool is_ipv6(struct weir_str host)
{
    if (host.n < 4 || host.at[0] != '[' || host.at[host.n - 1] != ']')
        return false;
    for (size_t i = 1; i + 1 < host.n; i++) {
        char c = (char)(host.at[i] | 0x20);
        bool is_hex = (host.at[i] >= '0' && host.at[i] <= '9') || (c >= 'a' && c <= 'f');
        if (!is_hex && host.at[i] != ':' && host.at[i] != '.')
            return false;
    }
    return true;
}

bool weir_server_origin_is_own(struct weir_str origin, struct weir_str host)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(schemes); i++) {
        struct weir_str scheme = weir_str_c(schemes[i]);
        if (!weir_str_starts(origin, scheme))
            continue;
        struct weir_str asked = weir_str_make(origin.at + scheme.n, origin.n - scheme.n);
        if (!weir_str_eq_nocase(asked, host) || !cut_port(&host))
            return false;
        return weir_str_eq_nocase(host, WEIR_STR("localhost")) || is_ipv4(host) || is_ipv6(host);
    }
    return false;
}
