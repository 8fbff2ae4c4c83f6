/* SPDX-License-Identifier: MIT */
/* Addresses of listeners and peers: IPv4, IPv6, Unix sockets. No name is ever looked up. */
#ifndef WEIR_LOOP_ADDR_H
#define WEIR_LOOP_ADDR_H

#include "base/str.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum weir_addr_kind { WEIR_ADDR_NONE, WEIR_ADDR_IP4, WEIR_ADDR_IP6, WEIR_ADDR_UNIX };

enum { WEIR_ADDR_PATH_BYTES_MAX = 107, WEIR_ADDR_TEXT_BYTES = 128 };

/* An address. Peers on Unix sockets have no path. */
struct weir_addr {
    enum weir_addr_kind kind;
    uint16_t port;     /* IPv4, IPv6: host byte order */
    uint32_t scope_id; /* IPv6 */
    uint8_t ip[16];    /* IPv4: the first 4 bytes */
};

/* The same with a path; what is listened on or connected to. */
struct weir_addr_target {
    struct weir_addr addr;
    char path[WEIR_ADDR_PATH_BYTES_MAX + 1]; /* Unix: NUL-terminated, else empty */
};

/* Parses "127.0.0.1:8080", "[::1]:8080", ":8080" and "*:8080" (all IPv4 addresses),
 * "localhost:8080" (127.0.0.1) or "unix:/path". WEIR_ERR_INVALID names what is wrong; *out is then
 * unchanged. */
WEIR_MUST_USE enum weir_status weir_addr_parse(struct weir_addr_target *out, struct weir_str text,
                                               struct weir_error *err);

/* Writes the address as weir_addr_parse reads it ("unix:" without a path for a Unix peer). out has
 * WEIR_ADDR_TEXT_BYTES; returned. */
const char *weir_addr_text(const struct weir_addr *addr, const char *path, char *out);

/* Finds whether the address is a loopback one (127/8, ::1, also mapped) or a Unix socket. */
bool weir_addr_is_local(const struct weir_addr *addr);

/* Converts from and to the kernel's form. */
void weir_addr_from_sockaddr(struct weir_addr *out, const struct sockaddr *sa, socklen_t n);
socklen_t weir_addr_to_sockaddr(const struct weir_addr_target *addr, struct sockaddr_storage *out);

#endif
