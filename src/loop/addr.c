/* SPDX-License-Identifier: MIT */
#include "loop/addr.h"

#include "base/macros.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

/* Parses ":port" at the end of text into *port and cuts it off. */
static bool take_port(struct weir_str *text, uint16_t *port)
{
    const char *colon = memrchr(text->at, ':', text->n);
    if (!colon)
        return false;
    size_t host = (size_t)(colon - text->at);
    uint64_t value;
    if (!weir_str_to_u64(weir_str_make(colon + 1, text->n - host - 1), UINT16_MAX, &value))
        return false;
    *port = (uint16_t)value;
    text->n = host;
    return true;
}

static bool parse_ip(struct weir_addr *out, struct weir_str host)
{
    char text[INET6_ADDRSTRLEN + 1];
    bool is_v6 = host.n >= 2 && host.at[0] == '[' && host.at[host.n - 1] == ']';
    if (is_v6)
        host = weir_str_make(host.at + 1, host.n - 2);
    if (host.n >= sizeof text)
        return false;
    memcpy(text, host.at, host.n);
    text[host.n] = '\0';
    out->kind = is_v6 ? WEIR_ADDR_IP6 : WEIR_ADDR_IP4;
    return inet_pton(is_v6 ? AF_INET6 : AF_INET, text, out->ip) == 1;
}

enum weir_status weir_addr_parse(struct weir_addr_target *out, struct weir_str text,
                                 struct weir_error *err)
{
    struct weir_addr_target a = {0};
    char echo[WEIR_ECHO_BUF_BYTES];
    struct weir_str prefix = WEIR_STR("unix:");
    if (weir_str_starts(text, prefix)) {
        struct weir_str path = weir_str_make(text.at + prefix.n, text.n - prefix.n);
        if (path.n == 0 || path.n > WEIR_ADDR_PATH_BYTES_MAX || memchr(path.at, '\0', path.n))
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "address \"%s\": a socket path has 1 to %d bytes",
                                  weir_str_echo(text, echo, sizeof echo), WEIR_ADDR_PATH_BYTES_MAX);
        a.addr.kind = WEIR_ADDR_UNIX;
        memcpy(a.path, path.at, path.n);
        *out = a;
        return WEIR_OK;
    }
    struct weir_str host = text;
    if (!take_port(&host, &a.addr.port))
        return weir_error_set(err, WEIR_ERR_INVALID, "address \"%s\": no port of 0 to 65535",
                              weir_str_echo(text, echo, sizeof echo));
    if (host.n == 0 || weir_str_eq_c(host, "*")) {
        a.addr.kind = WEIR_ADDR_IP4; /* 0.0.0.0 */
    } else if (!parse_ip(&a.addr,
                         weir_str_eq_c(host, "localhost") ? WEIR_STR("127.0.0.1") : host)) {
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "address \"%s\": expected an IPv4 address, [IPv6] or localhost",
                              weir_str_echo(text, echo, sizeof echo));
    }
    *out = a;
    return WEIR_OK;
}

const char *weir_addr_text(const struct weir_addr *addr, const char *path, char *out)
{
    char ip[INET6_ADDRSTRLEN] = "";
    int n = 0;
    switch (addr->kind) {
    case WEIR_ADDR_NONE:
        n = snprintf(out, WEIR_ADDR_TEXT_BYTES, "unknown");
        break;
    case WEIR_ADDR_IP4:
        (void)inet_ntop(AF_INET, addr->ip, ip, sizeof ip); /* Fits. */
        n = snprintf(out, WEIR_ADDR_TEXT_BYTES, "%s:%u", ip, (unsigned)addr->port);
        break;
    case WEIR_ADDR_IP6:
        (void)inet_ntop(AF_INET6, addr->ip, ip, sizeof ip); /* Fits. */
        n = snprintf(out, WEIR_ADDR_TEXT_BYTES, "[%s]:%u", ip, (unsigned)addr->port);
        break;
    case WEIR_ADDR_UNIX:
        n = snprintf(out, WEIR_ADDR_TEXT_BYTES, "unix:%s", path ? path : "");
        break;
    }
    weir_assert(n > 0 && n < WEIR_ADDR_TEXT_BYTES);
    return out;
}

bool weir_addr_is_local(const struct weir_addr *addr)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t loopback6[16] = {[15] = 1};
    switch (addr->kind) {
    case WEIR_ADDR_NONE:
        return false;
    case WEIR_ADDR_IP4:
        return addr->ip[0] == 127;
    case WEIR_ADDR_IP6:
        return memcmp(addr->ip, loopback6, sizeof loopback6) == 0 ||
               (memcmp(addr->ip, mapped, sizeof mapped) == 0 && addr->ip[12] == 127);
    case WEIR_ADDR_UNIX:
        return true;
    }
    return false;
}

void weir_addr_from_sockaddr(struct weir_addr *out, const struct sockaddr *sa, socklen_t n)
{
    *out = (struct weir_addr){0};
    if (sa->sa_family == AF_INET && n >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        out->kind = WEIR_ADDR_IP4;
        out->port = ntohs(in.sin_port);
        memcpy(out->ip, &in.sin_addr, 4);
    } else if (sa->sa_family == AF_INET6 && n >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 in;
        memcpy(&in, sa, sizeof in);
        out->kind = WEIR_ADDR_IP6;
        out->port = ntohs(in.sin6_port);
        out->scope_id = in.sin6_scope_id;
        memcpy(out->ip, &in.sin6_addr, 16);
    } else if (sa->sa_family == AF_UNIX) {
        out->kind = WEIR_ADDR_UNIX;
    }
}

socklen_t weir_addr_to_sockaddr(const struct weir_addr_target *addr, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    switch (addr->addr.kind) {
    case WEIR_ADDR_NONE:
        break;
    case WEIR_ADDR_IP4: {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->addr.port)};
        memcpy(&in.sin_addr, addr->addr.ip, 4);
        memcpy(out, &in, sizeof in);
        return sizeof in;
    }
    case WEIR_ADDR_IP6: {
        struct sockaddr_in6 in = {.sin6_family = AF_INET6,
                                  .sin6_port = htons(addr->addr.port),
                                  .sin6_scope_id = addr->addr.scope_id};
        memcpy(&in.sin6_addr, addr->addr.ip, 16);
        memcpy(out, &in, sizeof in);
        return sizeof in;
    }
    case WEIR_ADDR_UNIX: {
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        _Static_assert(sizeof un.sun_path == WEIR_ADDR_PATH_BYTES_MAX + 1, "sun_path");
        memcpy(un.sun_path, addr->path, sizeof un.sun_path);
        memcpy(out, &un, sizeof un);
        return sizeof un;
    }
    }
    weir_assert(addr->addr.kind != WEIR_ADDR_NONE);
    return 0;
}
