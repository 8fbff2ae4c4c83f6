/* SPDX-License-Identifier: MIT */
/* Compression to zlib (RFC 1950) and gzip (RFC 1952) containers, through zlib, quickly rather than
 * tightly. A deflater belongs to one thread; it takes some 260 KiB at its first use and keeps them.
 */
#ifndef WEIR_CODEC_DEFLATE_H
#define WEIR_CODEC_DEFLATE_H

#include "codec/inflate.h"

struct weir_codec_deflate {
    void *z; /* zlib's; NULL: not used yet */
};

#define WEIR_CODEC_DEFLATE_INIT \
    {                           \
        NULL                    \
    }

/* Compresses all of bytes and appends the stream, of format ZLIB or GZIP. WEIR_ERR_NO_MEMORY: out
 * is as it was. */
WEIR_MUST_USE enum weir_status weir_codec_deflate_all(struct weir_codec_deflate *d,
                                                      enum weir_codec_inflate_format format,
                                                      struct weir_str bytes, struct weir_buf *out);

/* Releases what it keeps; a zeroed or already deinited one is fine. */
void weir_codec_deflate_deinit(struct weir_codec_deflate *d);

#endif
