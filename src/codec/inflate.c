/* SPDX-License-Identifier: MIT */
/* Decompression with caps. Output is appended in steps, so that memory grows only as far as data
 * really comes out, and a cap is noticed within one step of being met. */
#include "codec/inflate.h"

#include "base/macros.h"
#include "codec/zlib_priv.h"

static const uint64_t BYTES_MAX_DEFAULT = UINT64_C(64) << 20;
/* Tiny inputs may have any ratio: a page of zeros is no attack. */
static const uint64_t RATIO_FREE_BYTES = UINT64_C(1) << 20;

enum {
    STEP_BYTES_MIN = 16 * 1024,
    STEP_BYTES_MAX = 1024 * 1024,
    INPUT_BYTES_MAX = 1 << 30, /* zlib counts in unsigned int */
    WINDOW_BITS = 15,
    WINDOW_BITS_GZIP = 15 + 16,
};

enum weir_codec_inflate_format weir_codec_inflate_detect(struct weir_str bytes)
{
    if (bytes.n < 2)
        return WEIR_CODEC_INFLATE_NONE;
    unsigned first = (unsigned char)bytes.at[0];
    unsigned second = (unsigned char)bytes.at[1];
    if (first == 0x1f && second == 0x8b)
        return WEIR_CODEC_INFLATE_GZIP;
    /* RFC 1950 §2.2: method 8, window at most 32 KiB, header divisible by 31, no dictionary. */
    bool is_zlib = (first & 15) == 8 && first >> 4 <= 7 && (first * 256 + second) % 31 == 0 &&
                   (second & 0x20) == 0;
    return is_zlib ? WEIR_CODEC_INFLATE_ZLIB : WEIR_CODEC_INFLATE_NONE;
}

enum weir_status weir_codec_inflate_init(struct weir_codec_inflate *s,
                                         enum weir_codec_inflate_format format,
                                         struct weir_codec_inflate_limits limits)
{
    weir_assert(format != WEIR_CODEC_INFLATE_NONE);
    *s = (struct weir_codec_inflate)WEIR_CODEC_INFLATE_INIT;
    s->limits = limits;
    if (s->limits.bytes_max == 0)
        s->limits.bytes_max = BYTES_MAX_DEFAULT;
    s->is_gzip = format == WEIR_CODEC_INFLATE_GZIP;
    z_stream *z = weir_codec_zlib_new();
    if (!z)
        return WEIR_ERR_NO_MEMORY;
    if (inflateInit2(z, s->is_gzip ? WINDOW_BITS_GZIP : WINDOW_BITS) != Z_OK) {
        weir_mem_free(weir_mem_default(), z);
        return WEIR_ERR_NO_MEMORY;
    }
    s->z = z;
    return WEIR_OK;
}

enum weir_status weir_codec_inflate_restart(struct weir_codec_inflate *s,
                                            enum weir_codec_inflate_format format,
                                            struct weir_codec_inflate_limits limits)
{
    z_stream *z = s->z;
    if (!z)
        return weir_codec_inflate_init(s, format, limits);
    s->is_gzip = format == WEIR_CODEC_INFLATE_GZIP;
    if (inflateReset2(z, s->is_gzip ? WINDOW_BITS_GZIP : WINDOW_BITS) != Z_OK) {
        weir_codec_inflate_deinit(s);
        return WEIR_ERR_NO_MEMORY;
    }
    s->limits = limits;
    if (s->limits.bytes_max == 0)
        s->limits.bytes_max = BYTES_MAX_DEFAULT;
    s->n_in = 0;
    s->n_out = 0;
    s->is_done = false;
    z->avail_in = 0;
    return WEIR_OK;
}

void weir_codec_inflate_deinit(struct weir_codec_inflate *s)
{
    if (!s->z)
        return;
    (void)inflateEnd(s->z); /* fails only for a stream that is not one */
    weir_mem_free(weir_mem_default(), s->z);
    s->z = NULL;
}

static enum weir_status check_limits(const struct weir_codec_inflate *s, struct weir_error *err)
{
    if (s->n_out > s->limits.bytes_max)
        return weir_error_set(err, WEIR_ERR_LIMIT, "decompresses to more than %llu bytes",
                              (unsigned long long)s->limits.bytes_max);
    if (s->limits.ratio_max > 0 && s->n_out > RATIO_FREE_BYTES &&
        s->n_out / s->limits.ratio_max > s->n_in)
        return weir_error_set(err, WEIR_ERR_LIMIT, "decompresses to more than %llu times its size",
                              (unsigned long long)s->limits.ratio_max);
    return WEIR_OK;
}

/* After the end of one gzip member another may follow (RFC 1952 §2.2). */
static enum weir_status next_member(struct weir_codec_inflate *s, const z_stream *z,
                                    struct weir_error *err)
{
    if (!s->is_gzip || z->next_in[0] != 0x1f)
        return weir_error_set(err, WEIR_ERR_CORRUPT,
                              "bytes follow the end of the compressed stream at offset %llu",
                              (unsigned long long)s->n_in);
    if (inflateReset(s->z) != Z_OK)
        return weir_error_set(err, WEIR_ERR_INTERNAL, "zlib cannot start over");
    s->is_done = false;
    return WEIR_OK;
}

/* One call of zlib: appends at most one step of output. */
static enum weir_status inflate_step(struct weir_codec_inflate *s, struct weir_buf *out,
                                     struct weir_error *err)
{
    z_stream *z = s->z;
    size_t room = weir_min_size(weir_max_size(out->n, STEP_BYTES_MIN), STEP_BYTES_MAX);
    enum weir_status status = weir_buf_reserve(out, room);
    if (status != WEIR_OK)
        return weir_error_set(err, status, "no memory for %zu decompressed bytes", out->n + room);
    uInt n_in_before = z->avail_in;
    z->next_out = (Bytef *)(out->at + out->n);
    z->avail_out = (uInt)room;
    int rc = inflate(z, Z_NO_FLUSH);
    size_t n_new = room - z->avail_out;
    out->n += n_new;
    s->n_out += n_new;
    s->n_in += n_in_before - z->avail_in;
    status = check_limits(s, err);
    if (status != WEIR_OK)
        return status;
    if (rc == Z_STREAM_END) {
        s->is_done = true;
        return WEIR_OK;
    }
    if (rc == Z_MEM_ERROR)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory to decompress");
    /* No progress although there was input and room would be a defect of zlib's. */
    if (rc != Z_OK && !(rc == Z_BUF_ERROR && z->avail_in == 0))
        return weir_error_set(err, WEIR_ERR_CORRUPT, "compressed data at offset %llu: %s",
                              (unsigned long long)s->n_in, z->msg ? z->msg : "not valid");
    return WEIR_OK;
}

/* All output that is due has come out when zlib left room unused and has no input. */
static enum weir_status inflate_chunk(struct weir_codec_inflate *s, struct weir_buf *out,
                                      struct weir_error *err)
{
    z_stream *z = s->z;
    for (;;) {
        if (s->is_done && z->avail_in == 0)
            return WEIR_OK;
        enum weir_status status = s->is_done ? next_member(s, z, err) : WEIR_OK;
        if (status == WEIR_OK)
            status = inflate_step(s, out, err);
        if (status != WEIR_OK)
            return status;
        if (!s->is_done && z->avail_in == 0 && z->avail_out > 0)
            return WEIR_OK;
    }
}

enum weir_status weir_codec_inflate_push(struct weir_codec_inflate *s, struct weir_str bytes,
                                         struct weir_buf *out, struct weir_error *err)
{
    weir_assert(s->z);
    z_stream *z = s->z;
    while (bytes.n > 0) {
        size_t n = weir_min_size(bytes.n, INPUT_BYTES_MAX);
        z->next_in = (z_const Bytef *)(uintptr_t)bytes.at; /* zlib does not write to its input */
        z->avail_in = (uInt)n;
        enum weir_status status = inflate_chunk(s, out, err);
        if (status != WEIR_OK)
            return status;
        bytes = weir_str_make(bytes.at + n, bytes.n - n);
    }
    return WEIR_OK;
}

enum weir_status weir_codec_inflate_finish(struct weir_codec_inflate *s, struct weir_error *err)
{
    if (!s->is_done)
        return weir_error_set(err, WEIR_ERR_CORRUPT,
                              "the compressed stream is cut short after %llu bytes",
                              (unsigned long long)s->n_in);
    return WEIR_OK;
}

enum weir_status weir_codec_inflate_all(struct weir_str bytes,
                                        struct weir_codec_inflate_limits limits,
                                        struct weir_buf *out, struct weir_error *err)
{
    enum weir_codec_inflate_format format = weir_codec_inflate_detect(bytes);
    if (format == WEIR_CODEC_INFLATE_NONE)
        return weir_error_set(err, WEIR_ERR_INVALID, "neither zlib nor gzip");
    WEIR_CLEANUP(weir_codec_inflate_deinit)
    struct weir_codec_inflate s = WEIR_CODEC_INFLATE_INIT;
    enum weir_status status = weir_codec_inflate_init(&s, format, limits);
    if (status != WEIR_OK)
        return weir_error_set(err, status, "no memory to decompress");
    status = weir_codec_inflate_push(&s, bytes, out, err);
    return status == WEIR_OK ? weir_codec_inflate_finish(&s, err) : status;
}
