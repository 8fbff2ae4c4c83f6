/* SPDX-License-Identifier: MIT */
/* Decompression of zlib (RFC 1950) and gzip (RFC 1952) streams, through zlib, with caps on what
 * comes out: a small input must not fill the memory. A stream belongs to one thread. */
#ifndef WEIR_CODEC_INFLATE_H
#define WEIR_CODEC_INFLATE_H

#include "base/buf.h"
#include "base/str.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum weir_codec_inflate_format {
    WEIR_CODEC_INFLATE_NONE, /* neither of them */
    WEIR_CODEC_INFLATE_ZLIB,
    WEIR_CODEC_INFLATE_GZIP,
};

struct weir_codec_inflate_limits {
    uint64_t bytes_max; /* of the output; 0: 64 MiB */
    uint64_t ratio_max; /* output ÷ input so far, looked at above 1 MiB of output; 0: no bound */
};

/* A stream under way. */
struct weir_codec_inflate {
    void *z; /* zlib's; NULL: not begun or over */
    struct weir_codec_inflate_limits limits;
    uint64_t n_in;
    uint64_t n_out;
    bool is_gzip;
    bool is_done; /* the stream's end was read and its checksum was right */
};

#define WEIR_CODEC_INFLATE_INIT          \
    {                                    \
        NULL, {0, 0}, 0, 0, false, false \
    }

/* Tells the format by the first bytes: 1f 8b is gzip; a valid two-byte zlib header is zlib. */
enum weir_codec_inflate_format weir_codec_inflate_detect(struct weir_str bytes);

/* Begins a stream; s need not be initialised. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_codec_inflate_init(struct weir_codec_inflate *s,
                                                       enum weir_codec_inflate_format format,
                                                       struct weir_codec_inflate_limits limits);

/* Begins another stream with the memory of the last one, if s has had any; s is initialised or
 * deinited. WEIR_ERR_NO_MEMORY: as deinited. */
WEIR_MUST_USE enum weir_status weir_codec_inflate_restart(struct weir_codec_inflate *s,
                                                          enum weir_codec_inflate_format format,
                                                          struct weir_codec_inflate_limits limits);

/* Ends a stream; a zeroed or already deinited one is fine. */
void weir_codec_inflate_deinit(struct weir_codec_inflate *s);

/* Decompresses the next part of the input and appends what comes out. All of bytes is consumed;
 * bytes after the stream's end are WEIR_ERR_CORRUPT (a gzip file of several members is read to its
 * end). WEIR_ERR_LIMIT: a cap was met; WEIR_ERR_CORRUPT: not such a stream, or its checksum is
 * wrong; WEIR_ERR_NO_MEMORY. out may hold a part then. */
WEIR_MUST_USE enum weir_status weir_codec_inflate_push(struct weir_codec_inflate *s,
                                                       struct weir_str bytes, struct weir_buf *out,
                                                       struct weir_error *err);

/* Finds whether the input may end here. WEIR_ERR_CORRUPT: it is cut short. */
WEIR_MUST_USE enum weir_status weir_codec_inflate_finish(struct weir_codec_inflate *s,
                                                         struct weir_error *err);

/* Decompresses a whole stream, telling its format by its first bytes, and appends what comes out.
 * Statuses as weir_codec_inflate_push; WEIR_ERR_INVALID: neither zlib nor gzip. */
WEIR_MUST_USE enum weir_status weir_codec_inflate_all(struct weir_str bytes,
                                                      struct weir_codec_inflate_limits limits,
                                                      struct weir_buf *out, struct weir_error *err);

#endif
