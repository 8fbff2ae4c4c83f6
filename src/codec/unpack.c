/* SPDX-License-Identifier: MIT */
/* One loop for all libraries: it grows the output in steps, as far as data really comes out, and
 * looks at the caps after each. What differs is a row of three functions. */
#include "codec/unpack.h"

#include "base/macros.h"
#include "base/mem.h"

#include <zstd.h>

#include <bzlib.h>
#include <limits.h>
#include <lz4frame.h>
#include <lzma.h>
#include <string.h>

static const uint64_t BYTES_MAX_DEFAULT = UINT64_C(64) << 20;
/* Tiny inputs may have any ratio: a page of zeros is no attack. */
static const uint64_t RATIO_FREE_BYTES = UINT64_C(1) << 20;

enum { STEP_BYTES_MIN = 16 * 1024, STEP_BYTES_MAX = 1024 * 1024, ZSTD_WINDOW_LOG_MAX = 28 };

/* A stream under way. */
struct unpack {
    struct weir_str in; /* what is left of the input */
    bool is_done;       /* the end of a stream was read and its checksum was right */
    union {
        bz_stream bz;
        lzma_stream lzma;
        LZ4F_dctx *lz4;
        ZSTD_DCtx *zstd;
    };
};

struct backend {
    enum weir_codec_unpack_format format;
    struct weir_str magic;
    bool may_repeat; /* streams may follow each other */
    /* Begins a stream; may be called again after the end of one. */
    enum weir_status (*begin)(struct unpack *u, struct weir_error *err);
    /* Takes from u->in and gives at most room bytes; *n_new: how many. */
    enum weir_status (*step)(struct unpack *u, char *out, size_t room, size_t *n_new,
                             struct weir_error *err);
    void (*end)(struct unpack *u);
};

static enum weir_status no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory to decompress");
}

static enum weir_status corrupt(struct weir_error *err, const char *what)
{
    return weir_error_set(err, WEIR_ERR_CORRUPT, "compressed data: %s", what);
}

static void advance(struct unpack *u, size_t n)
{
    u->in = weir_str_make(u->in.at + n, u->in.n - n);
}

/* --- bzip2 --- */

static void *bz_alloc(void *opaque, int n, int size)
{
    (void)opaque;
    return weir_mem_array(weir_mem_default(), (size_t)n, (size_t)size);
}

static void bz_free(void *opaque, void *p)
{
    (void)opaque;
    weir_mem_free(weir_mem_default(), p);
}

static enum weir_status bz_begin(struct unpack *u, struct weir_error *err)
{
    u->bz = (bz_stream){.bzalloc = bz_alloc, .bzfree = bz_free};
    return BZ2_bzDecompressInit(&u->bz, 0, 0) == BZ_OK ? WEIR_OK : no_memory(err);
}

static enum weir_status bz_step(struct unpack *u, char *out, size_t room, size_t *n_new,
                                struct weir_error *err)
{
    size_t n_in = weir_min_size(u->in.n, UINT_MAX / 2);
    u->bz.next_in = (char *)(uintptr_t)u->in.at; /* bzip2 does not write to its input */
    u->bz.avail_in = (unsigned)n_in;
    u->bz.next_out = out;
    u->bz.avail_out = (unsigned)room;
    int rc = BZ2_bzDecompress(&u->bz);
    *n_new = room - u->bz.avail_out;
    advance(u, n_in - u->bz.avail_in);
    u->is_done = rc == BZ_STREAM_END;
    if (rc == BZ_OK || rc == BZ_STREAM_END)
        return WEIR_OK;
    return rc == BZ_MEM_ERROR ? no_memory(err) : corrupt(err, "not valid bzip2");
}

static void bz_end(struct unpack *u)
{
    (void)BZ2_bzDecompressEnd(&u->bz); /* fails only for a stream that is not one */
}

/* --- xz and .lzma --- */

static void *xz_alloc(void *opaque, size_t n, size_t size)
{
    (void)opaque;
    return weir_mem_array(weir_mem_default(), n, size);
}

static void xz_free(void *opaque, void *p)
{
    (void)opaque;
    weir_mem_free(weir_mem_default(), p);
}

static const lzma_allocator xz_allocator = {xz_alloc, xz_free, NULL};

static enum weir_status xz_begin(struct unpack *u, struct weir_error *err)
{
    u->lzma = (lzma_stream)LZMA_STREAM_INIT;
    u->lzma.allocator = &xz_allocator;
    return lzma_stream_decoder(&u->lzma, WEIR_CODEC_UNPACK_WINDOW_MAX, 0) == LZMA_OK
               ? WEIR_OK
               : no_memory(err);
}

static enum weir_status lzma_begin(struct unpack *u, struct weir_error *err)
{
    u->lzma = (lzma_stream)LZMA_STREAM_INIT;
    u->lzma.allocator = &xz_allocator;
    return lzma_alone_decoder(&u->lzma, WEIR_CODEC_UNPACK_WINDOW_MAX) == LZMA_OK ? WEIR_OK
                                                                                 : no_memory(err);
}

static enum weir_status xz_step(struct unpack *u, char *out, size_t room, size_t *n_new,
                                struct weir_error *err)
{
    u->lzma.next_in = (const uint8_t *)u->in.at;
    u->lzma.avail_in = u->in.n;
    u->lzma.next_out = (uint8_t *)out;
    u->lzma.avail_out = room;
    lzma_ret rc = lzma_code(&u->lzma, LZMA_RUN);
    *n_new = room - u->lzma.avail_out;
    advance(u, u->in.n - u->lzma.avail_in);
    u->is_done = rc == LZMA_STREAM_END;
    /* BUF_ERROR: no progress was possible; the loop notices that the input is over. */
    if (rc == LZMA_OK || rc == LZMA_STREAM_END || rc == LZMA_BUF_ERROR)
        return WEIR_OK;
    if (rc == LZMA_MEM_ERROR)
        return no_memory(err);
    if (rc == LZMA_MEMLIMIT_ERROR)
        return weir_error_set(err, WEIR_ERR_LIMIT, "compressed data: its window is too large");
    return corrupt(err, "not valid xz or lzma");
}

static void xz_end(struct unpack *u)
{
    lzma_end(&u->lzma);
}

/* --- LZ4 frames --- */

static enum weir_status lz4_begin(struct unpack *u, struct weir_error *err)
{
    u->lz4 = NULL;
    return LZ4F_isError(LZ4F_createDecompressionContext(&u->lz4, LZ4F_VERSION)) ? no_memory(err)
                                                                                : WEIR_OK;
}

static enum weir_status lz4_step(struct unpack *u, char *out, size_t room, size_t *n_new,
                                 struct weir_error *err)
{
    size_t n_in = u->in.n;
    size_t n_out = room;
    size_t rc = LZ4F_decompress(u->lz4, out, &n_out, u->in.at, &n_in, NULL);
    if (LZ4F_isError(rc))
        return corrupt(err, LZ4F_getErrorName(rc));
    *n_new = n_out;
    advance(u, n_in);
    u->is_done = rc == 0;
    return WEIR_OK;
}

static void lz4_end(struct unpack *u)
{
    (void)LZ4F_freeDecompressionContext(u->lz4);
}

/* --- Zstandard --- */

static enum weir_status zstd_begin(struct unpack *u, struct weir_error *err)
{
    u->zstd = ZSTD_createDCtx();
    if (!u->zstd)
        return no_memory(err);
    (void)ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    return WEIR_OK;
}

static enum weir_status zstd_step(struct unpack *u, char *out, size_t room, size_t *n_new,
                                  struct weir_error *err)
{
    ZSTD_inBuffer in = {u->in.at, u->in.n, 0};
    ZSTD_outBuffer to = {out, room, 0};
    size_t rc = ZSTD_decompressStream(u->zstd, &to, &in);
    if (ZSTD_isError(rc))
        return corrupt(err, ZSTD_getErrorName(rc));
    *n_new = to.pos;
    advance(u, in.pos);
    u->is_done = rc == 0;
    return WEIR_OK;
}

static void zstd_end(struct unpack *u)
{
    (void)ZSTD_freeDCtx(u->zstd);
}

/* --- all of them --- */

/* clang-format off */
static const struct backend backends[] = {
    {WEIR_CODEC_UNPACK_BZIP2, {"BZh", 3}, true, bz_begin, bz_step, bz_end},
    {WEIR_CODEC_UNPACK_XZ, {"\xfd" "7zXZ\0", 6}, true, xz_begin, xz_step, xz_end},
    {WEIR_CODEC_UNPACK_LZMA, {"]\0\0", 3}, false, lzma_begin, xz_step, xz_end},
    {WEIR_CODEC_UNPACK_LZ4, {"\x04\x22M\x18", 4}, false, lz4_begin, lz4_step, lz4_end},
    {WEIR_CODEC_UNPACK_ZSTD, {"\x28\xb5\x2f\xfd", 4}, false, zstd_begin, zstd_step, zstd_end},
};
/* clang-format on */

static const struct backend *find_backend(struct weir_str bytes)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(backends); i++)
        if (weir_str_starts(bytes, backends[i].magic))
            return &backends[i];
    return NULL;
}

enum weir_codec_unpack_format weir_codec_unpack_detect(struct weir_str bytes)
{
    const struct backend *backend = find_backend(bytes);
    if (backend)
        return backend->format;
    switch (weir_codec_inflate_detect(bytes)) {
    case WEIR_CODEC_INFLATE_ZLIB:
        return WEIR_CODEC_UNPACK_ZLIB;
    case WEIR_CODEC_INFLATE_GZIP:
        return WEIR_CODEC_UNPACK_GZIP;
    case WEIR_CODEC_INFLATE_NONE:
        break;
    }
    return WEIR_CODEC_UNPACK_NONE;
}

static enum weir_status check_limits(struct weir_codec_inflate_limits limits, uint64_t n_in,
                                     uint64_t n_out, struct weir_error *err)
{
    if (n_out > limits.bytes_max)
        return weir_error_set(err, WEIR_ERR_LIMIT, "decompresses to more than %llu bytes",
                              (unsigned long long)limits.bytes_max);
    if (limits.ratio_max > 0 && n_out > RATIO_FREE_BYTES && n_out / limits.ratio_max > n_in)
        return weir_error_set(err, WEIR_ERR_LIMIT, "decompresses to more than %llu times its size",
                              (unsigned long long)limits.ratio_max);
    return WEIR_OK;
}

/* Reads one stream to its end. n_all: bytes of the whole input; n_before: of out at its start. */
static enum weir_status unpack_stream(const struct backend *backend, struct unpack *u, size_t n_all,
                                      size_t n_before, struct weir_codec_inflate_limits limits,
                                      struct weir_buf *out, struct weir_error *err)
{
    while (!u->is_done) {
        size_t room = weir_min_size(weir_max_size(out->n, STEP_BYTES_MIN), STEP_BYTES_MAX);
        enum weir_status status = weir_buf_reserve(out, room);
        if (status != WEIR_OK)
            return weir_error_set(err, status, "no memory for %zu decompressed bytes",
                                  out->n + room);
        size_t n_left = u->in.n, n_new = 0;
        status = backend->step(u, out->at + out->n, room, &n_new, err);
        if (status != WEIR_OK)
            return status;
        out->n += n_new;
        status = check_limits(limits, n_all - u->in.n, out->n - n_before, err);
        if (status != WEIR_OK)
            return status;
        if (!u->is_done && n_new == 0 && u->in.n == n_left)
            return weir_error_set(err, WEIR_ERR_CORRUPT,
                                  "the compressed stream is cut short after %zu bytes",
                                  n_all - u->in.n);
    }
    return WEIR_OK;
}

enum weir_status weir_codec_unpack_all(struct weir_str bytes,
                                       struct weir_codec_inflate_limits limits,
                                       struct weir_buf *out, struct weir_error *err)
{
    const struct backend *backend = find_backend(bytes);
    if (!backend)
        return weir_codec_inflate_all(bytes, limits, out, err);
    if (limits.bytes_max == 0)
        limits.bytes_max = BYTES_MAX_DEFAULT;
    struct unpack u = {.in = bytes};
    size_t n_before = out->n;
    do {
        u.is_done = false;
        enum weir_status status = backend->begin(&u, err);
        if (status != WEIR_OK)
            return status;
        status = unpack_stream(backend, &u, bytes.n, n_before, limits, out, err);
        backend->end(&u);
        if (status != WEIR_OK)
            return status;
    } while (backend->may_repeat && weir_str_starts(u.in, backend->magic));
    if (u.in.n > 0)
        return weir_error_set(err, WEIR_ERR_CORRUPT,
                              "bytes follow the end of the compressed stream at offset %zu",
                              bytes.n - u.in.n);
    return WEIR_OK;
}
