/* SPDX-License-Identifier: MIT */
/* The chunked coding (RFC 9112 §7.1), read strictly and byte by byte, with the limits that llhttp
 * does not have: digits of a size, extension bytes, framing bytes, trailers. Pure. */
#ifndef WEIR_HTTP_CHUNK_PRIV_H
#define WEIR_HTTP_CHUNK_PRIV_H

#include "base/str.h"
#include "http/options.h"
#include "http/refusal_priv.h"

enum { WEIR_HTTP_CHUNK_DIGITS_MAX = 16 };

/* Where the reader is; private to chunk.c. */
enum weir_http_chunk_state {
    WEIR_HTTP_CHUNK_SIZE,
    WEIR_HTTP_CHUNK_EXTENSION, /* after ';' */
    WEIR_HTTP_CHUNK_EXTENSION_NAME,
    WEIR_HTTP_CHUNK_EXTENSION_VALUE, /* after '=' */
    WEIR_HTTP_CHUNK_EXTENSION_TOKEN,
    WEIR_HTTP_CHUNK_EXTENSION_QUOTED,
    WEIR_HTTP_CHUNK_EXTENSION_ESCAPED,
    WEIR_HTTP_CHUNK_EXTENSION_UNQUOTED,
    WEIR_HTTP_CHUNK_SIZE_LF,
    WEIR_HTTP_CHUNK_DATA,
    WEIR_HTTP_CHUNK_DATA_CR,
    WEIR_HTTP_CHUNK_DATA_LF,
    WEIR_HTTP_CHUNK_TRAILER, /* where a trailer line or the last line begins */
    WEIR_HTTP_CHUNK_TRAILER_NAME,
    WEIR_HTTP_CHUNK_TRAILER_VALUE,
    WEIR_HTTP_CHUNK_TRAILER_LF,
    WEIR_HTTP_CHUNK_LAST_LF,
    WEIR_HTTP_CHUNK_DONE,
};

/* A body being read; zero-initialise. */
struct weir_http_chunks {
    enum weir_http_chunk_state state;
    uint32_t n_digits;
    uint64_t left;      /* of this chunk's data; while reading its size: the size so far */
    uint64_t body;      /* data bytes so far */
    uint64_t framing;   /* all other bytes so far */
    uint64_t extension; /* of this chunk */
    uint64_t extensions;
    uint64_t trailer_bytes;
    uint64_t n_trailers;
};

enum weir_http_chunk_result {
    WEIR_HTTP_CHUNK_MORE,    /* all input is used */
    WEIR_HTTP_CHUNK_BYTES,   /* *data is set; call again with the rest of the input */
    WEIR_HTTP_CHUNK_WHOLE,   /* the body ended; the rest of the input is the next request's */
    WEIR_HTTP_CHUNK_REFUSED, /* *refusal is set */
};

/* Reads on. *used is the number of input bytes that were used; *data a view into the input. */
enum weir_http_chunk_result weir_http_chunk_read(struct weir_http_chunks *c,
                                                 const struct weir_http_options *opts,
                                                 struct weir_str in, size_t *used,
                                                 struct weir_str *data,
                                                 enum weir_http_refusal *refusal);

#endif
