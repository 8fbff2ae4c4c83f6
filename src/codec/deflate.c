/* SPDX-License-Identifier: MIT */
/* One raw stream is kept and reset for every use; the containers, which zlib fixes when a stream is
 * made, are written around it here. */
#include "codec/deflate.h"

#include "base/macros.h"
#include "codec/zlib_priv.h"

#include <limits.h>
#include <string.h>

enum {
    LEVEL = 1, /* numbers as text: some 5 times as quick as level 6, for 6 % more bytes */
    WINDOW_BITS_RAW = -15,
    MEM_LEVEL = 8,
    HEAD_BYTES_MAX = 10,
    TAIL_BYTES_MAX = 8,
};

/* Readies the stream; false: no memory. */
static bool start(struct weir_codec_deflate *d)
{
    if (d->z)
        return deflateReset(d->z) == Z_OK;
    z_stream *z = weir_codec_zlib_new();
    if (!z)
        return false;
    if (deflateInit2(z, LEVEL, Z_DEFLATED, WINDOW_BITS_RAW, MEM_LEVEL, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        weir_mem_free(weir_mem_default(), z);
        return false;
    }
    d->z = z;
    return true;
}

static void put_u32(char *at, uint32_t v, bool is_big)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(v >> (is_big ? 24 - 8 * i : 8 * i));
}

/* RFC 1952 §2.3: no name, no time, "fastest", system unknown. RFC 1950 §2.2: window of 32 KiB,
 * "fastest". */
static void put_head(struct weir_buf *out, bool is_gzip)
{
    static const char gzip[HEAD_BYTES_MAX] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 4, (char)0xff};
    static const char zlib[] = {0x78, 0x01};
    if (is_gzip)
        weir_buf_append(out, gzip, sizeof gzip);
    else
        weir_buf_append(out, zlib, sizeof zlib);
}

static void put_tail(struct weir_buf *out, bool is_gzip, struct weir_str bytes)
{
    char tail[TAIL_BYTES_MAX];
    const Bytef *at = (const Bytef *)bytes.at;
    if (is_gzip) {
        put_u32(tail, (uint32_t)crc32_z(crc32_z(0, NULL, 0), at, bytes.n), false);
        put_u32(tail + 4, (uint32_t)bytes.n, false); /* modulo 2^32 */
        weir_buf_append(out, tail, 8);
    } else {
        put_u32(tail, (uint32_t)adler32_z(adler32_z(0, NULL, 0), at, bytes.n), true);
        weir_buf_append(out, tail, 4);
    }
}

/* Compresses into room that is large enough for whatever comes out. */
static void run(z_stream *z, struct weir_str bytes, struct weir_buf *out)
{
    int rc = Z_OK;
    z->next_in = (z_const Bytef *)(uintptr_t)bytes.at; /* zlib does not write to its input */
    z->next_out = (Bytef *)(out->at + out->n);
    size_t n_left = bytes.n;
    size_t room = out->cap - out->n;
    while (rc != Z_STREAM_END) { /* zlib counts in unsigned int */
        uInt n_in = (uInt)weir_min_size(n_left, INT_MAX);
        uInt n_out = (uInt)weir_min_size(room, INT_MAX);
        z->avail_in = n_in;
        z->avail_out = n_out;
        rc = deflate(z, n_left <= INT_MAX ? Z_FINISH : Z_NO_FLUSH);
        weir_assert(rc == Z_OK || rc == Z_STREAM_END);
        n_left -= n_in - z->avail_in;
        room -= n_out - z->avail_out;
        out->n += n_out - z->avail_out;
    }
}

enum weir_status weir_codec_deflate_all(struct weir_codec_deflate *d,
                                        enum weir_codec_inflate_format format,
                                        struct weir_str bytes, struct weir_buf *out)
{
    weir_assert(format != WEIR_CODEC_INFLATE_NONE);
    size_t room;
    if (!start(d) ||
        !weir_size_add(deflateBound(d->z, bytes.n), HEAD_BYTES_MAX + TAIL_BYTES_MAX, &room) ||
        weir_buf_reserve(out, room) != WEIR_OK)
        return WEIR_ERR_NO_MEMORY;
    bool is_gzip = format == WEIR_CODEC_INFLATE_GZIP;
    put_head(out, is_gzip);
    run(d->z, bytes, out);
    put_tail(out, is_gzip, bytes);
    return WEIR_OK;
}

void weir_codec_deflate_deinit(struct weir_codec_deflate *d)
{
    if (!d->z)
        return;
    (void)deflateEnd(d->z); /* What it says of unsaved data is of no use. */
    weir_mem_free(weir_mem_default(), d->z);
    d->z = NULL;
}
