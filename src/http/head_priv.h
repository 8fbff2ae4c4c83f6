/* SPDX-License-Identifier: MIT */
/* Request heads: finding the end of one within the limits, and reading it. Pure.
 *
 * Scanning is incremental over bytes that stay contiguous from the head's first byte on; reading
 * happens once, on the whole head. So the outcome depends on the bytes alone and not on how they
 * were cut on their way. */
#ifndef WEIR_HTTP_HEAD_PRIV_H
#define WEIR_HTTP_HEAD_PRIV_H

#include "http/http.h"
#include "http/refusal_priv.h"

/* A part of the head, by offset from its first byte. */
struct weir_http_span {
    uint32_t at;
    uint32_t n;
};

/* Names of fields that mean something here, beyond enum weir_http_field. */
enum {
    WEIR_HTTP_NAME_LENGTH = WEIR_HTTP_N_FIELDS,
    WEIR_HTTP_NAME_CODING,
    WEIR_HTTP_NAME_CONNECTION,
    WEIR_HTTP_NAME_EXPECT,
    WEIR_HTTP_NAME_OTHER,
};

/* What a head says. */
struct weir_http_head {
    uint32_t bytes; /* from its first byte through the empty line; leading empty lines count */
    enum weir_http_method method;
    uint8_t minor; /* HTTP/1.minor */
    bool is_asterisk : 1;
    bool has_length : 1;
    bool is_chunked : 1; /* a body of unknown length, also of HTTP/2 */
    bool expects_continue : 1;
    bool expects_other : 1;
    bool wants_close : 1;
    bool wants_keep_alive : 1;
    uint64_t length; /* Content-Length; 0 without one */
    struct weir_http_span target;
    struct weir_http_span path;
    struct weir_http_span query;
    struct weir_http_span fields[WEIR_HTTP_N_FIELDS]; /* at == 0: absent */
};

/* How far a head was scanned; zero-initialise for each head. */
struct weir_http_scan {
    uint32_t at;      /* bytes looked at */
    uint32_t line;    /* where the current line begins */
    uint32_t request; /* where the request line begins */
    uint32_t headers; /* where the first header line begins; 0: still before */
    uint32_t n_headers;
    bool is_line_begun; /* the current header line was counted */
};

enum weir_http_scan_result { WEIR_HTTP_SCAN_MORE, WEIR_HTTP_SCAN_WHOLE, WEIR_HTTP_SCAN_REFUSED };

/* Goes on scanning at scan->at; bytes are n contiguous bytes from the head's first. The request
 * line is read into head, which need not be kept between calls. WHOLE: head->bytes is set. REFUSED:
 * *refusal is set. */
enum weir_http_scan_result weir_http_head_scan(struct weir_http_scan *scan,
                                               const struct weir_http_options *opts,
                                               const char *bytes, size_t n,
                                               struct weir_http_head *head,
                                               enum weir_http_refusal *refusal);

/* Reads the header lines of a whole head. Returns NONE, or why it is refused. */
enum weir_http_refusal weir_http_head_read(struct weir_http_head *head,
                                           const struct weir_http_scan *scan, const char *bytes);

/* Reads "METHOD SP target SP HTTP/1.x", line being a part of bytes. Malformed comes before unknown,
 * the version before the method. */
enum weir_http_refusal weir_http_head_request_line(struct weir_http_head *head, const char *bytes,
                                                   struct weir_str line);

/* Reads a request target for head->method (RFC 9112 §3.2), target being a part of bytes. Returns
 * NONE or TARGET. */
enum weir_http_refusal weir_http_head_target(struct weir_http_head *head, const char *bytes,
                                             struct weir_str target);

/* Finds a method by its name; false: there is none like it. */
bool weir_http_head_method(struct weir_str name, enum weir_http_method *out);

/* Finds what a field name means: an enum weir_http_field or a WEIR_HTTP_NAME_. */
uint32_t weir_http_head_name(struct weir_str name);

/* Makes a span of a part of bytes. */
struct weir_http_span weir_http_head_span(const char *bytes, struct weir_str s);

/* Finds whether s is host [":" port], not empty and without user information (RFC 3986 §3.2). */
bool weir_http_head_is_authority(struct weir_str s);

/* Finds whether c may stand in a token (RFC 9110 §5.6.2). */
bool weir_http_head_is_token(unsigned char c);

#endif
