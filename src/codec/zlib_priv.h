/* SPDX-License-Identifier: MIT */
/* Streams of zlib with our allocator. */
#ifndef WEIR_CODEC_ZLIB_PRIV_H
#define WEIR_CODEC_ZLIB_PRIV_H

#include "base/mem.h"

#include <zlib.h>

static inline voidpf weir_codec_zlib_alloc(voidpf opaque, uInt n, uInt size)
{
    (void)opaque;
    return weir_mem_array(weir_mem_default(), n, size);
}

static inline void weir_codec_zlib_free(voidpf opaque, voidpf p)
{
    (void)opaque;
    weir_mem_free(weir_mem_default(), p);
}

/* Makes a stream that is ready for deflateInit2 or inflateInit2; to be freed by weir_mem_free after
 * its end. NULL: no memory. */
static inline z_stream *weir_codec_zlib_new(void)
{
    z_stream *z = weir_mem_zalloc(weir_mem_default(), sizeof *z);
    if (z) {
        z->zalloc = weir_codec_zlib_alloc;
        z->zfree = weir_codec_zlib_free;
    }
    return z;
}

#endif
