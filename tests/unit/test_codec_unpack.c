/* SPDX-License-Identifier: MIT */
/* Decompression through each library: what it wrote comes back, cut or damaged streams are refused,
 * bombs meet the caps. */
#include "base/macros.h"
#include "base/mem.h"
#include "codec/unpack.h"

#include <criterion/criterion.h>
#include <zlib.h>
#include <zstd.h>

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>

enum { PLAIN_BYTES = 300000, ROOM_BYTES = 24 << 20 };

static char plain[PLAIN_BYTES];
static char packed[ROOM_BYTES];

TestSuite(codec_unpack);

static void fill_plain(void)
{
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof plain; i++) {
        x = x * 1664525 + 1013904223;
        plain[i] = (char)(x >> 28);
    }
}

static size_t pack_zlib(const char *at, size_t n)
{
    uLongf room = sizeof packed;
    cr_assert_eq(compress2((Bytef *)packed, &room, (const Bytef *)at, n, 6), Z_OK);
    return room;
}

static size_t pack_bzip2(const char *at, size_t n)
{
    unsigned room = sizeof packed;
    cr_assert_eq(
        BZ2_bzBuffToBuffCompress(packed, &room, (char *)(uintptr_t)at, (unsigned)n, 9, 0, 0),
        BZ_OK);
    return room;
}

static size_t pack_xz(const char *at, size_t n)
{
    size_t room = 0;
    cr_assert_eq(lzma_easy_buffer_encode(3, LZMA_CHECK_CRC64, NULL, (const uint8_t *)at, n,
                                         (uint8_t *)packed, &room, sizeof packed),
                 LZMA_OK);
    return room;
}

static size_t pack_lzma(const char *at, size_t n)
{
    lzma_options_lzma options;
    cr_assert(!lzma_lzma_preset(&options, 3));
    lzma_stream s = LZMA_STREAM_INIT;
    cr_assert_eq(lzma_alone_encoder(&s, &options), LZMA_OK);
    s.next_in = (const uint8_t *)at;
    s.avail_in = n;
    s.next_out = (uint8_t *)packed;
    s.avail_out = sizeof packed;
    cr_assert_eq(lzma_code(&s, LZMA_FINISH), LZMA_STREAM_END);
    lzma_end(&s);
    return sizeof packed - s.avail_out;
}

static size_t pack_lz4(const char *at, size_t n)
{
    const LZ4F_preferences_t preferences = {
        .frameInfo = {.contentChecksumFlag = LZ4F_contentChecksumEnabled}};
    size_t got = LZ4F_compressFrame(packed, sizeof packed, at, n, &preferences);
    cr_assert(!LZ4F_isError(got));
    return got;
}

static size_t pack_zstd(const char *at, size_t n)
{
    size_t got = ZSTD_compress(packed, sizeof packed, at, n, 3);
    cr_assert(!ZSTD_isError(got));
    return got;
}

static const struct {
    const char *label;
    enum weir_codec_unpack_format format;
    size_t (*pack)(const char *at, size_t n);
    bool may_repeat;
} rows[] = {
    {"zlib", WEIR_CODEC_UNPACK_ZLIB, pack_zlib, false},
    {"bzip2", WEIR_CODEC_UNPACK_BZIP2, pack_bzip2, true},
    {"xz", WEIR_CODEC_UNPACK_XZ, pack_xz, true},
    {"lzma", WEIR_CODEC_UNPACK_LZMA, pack_lzma, false},
    {"lz4", WEIR_CODEC_UNPACK_LZ4, pack_lz4, false},
    {"zstd", WEIR_CODEC_UNPACK_ZSTD, pack_zstd, false},
};

static const struct weir_codec_inflate_limits no_limits = {0, 0};

Test(codec_unpack, what_went_in_comes_out)
{
    fill_plain();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_buf out = WEIR_BUF_INIT;
        weir_buf_append(&out, "before", 6);
        struct weir_str z = weir_str_make(packed, rows[i].pack(plain, sizeof plain));
        cr_assert_eq(weir_codec_unpack_detect(z), rows[i].format, "%s", rows[i].label);
        cr_assert_eq(weir_codec_unpack_all(z, no_limits, &out, &err), WEIR_OK, "%s: %s",
                     rows[i].label, err.msg);
        cr_assert_eq(out.n, 6 + sizeof plain);
        cr_assert_eq(memcmp(out.at + 6, plain, sizeof plain), 0, "%s", rows[i].label);
        weir_buf_deinit(&out);
    }
    cr_assert_eq(weir_codec_unpack_detect(WEIR_STR("\x80\x04")), WEIR_CODEC_UNPACK_NONE);
    cr_assert_eq(weir_codec_unpack_detect(WEIR_STR("")), WEIR_CODEC_UNPACK_NONE);
}

Test(codec_unpack, every_strict_prefix_is_refused)
{
    fill_plain();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        size_t n = rows[i].pack(plain, 2000);
        for (size_t cut = 0; cut < n; cut++) {
            struct weir_error err = WEIR_ERROR_INIT;
            struct weir_buf out = WEIR_BUF_INIT;
            cr_assert_neq(weir_codec_unpack_all(weir_str_make(packed, cut), no_limits, &out, &err),
                          WEIR_OK, "%s: %zu of %zu bytes", rows[i].label, cut, n);
            weir_buf_deinit(&out);
        }
    }
}

Test(codec_unpack, streams_may_follow_where_the_format_says_so)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_buf twice = WEIR_BUF_INIT, out = WEIR_BUF_INIT;
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_str z = weir_str_make(packed, rows[i].pack("abc", 3));
        weir_buf_append_str(&twice, z);
        weir_buf_append_str(&twice, z);
        cr_assert_eq(weir_codec_unpack_all(weir_buf_str(&twice), no_limits, &out, &err),
                     rows[i].may_repeat ? WEIR_OK : WEIR_ERR_CORRUPT, "%s: %s", rows[i].label,
                     err.msg);
        weir_buf_append_byte(&twice, 'x');
        cr_assert_eq(weir_codec_unpack_all(weir_buf_str(&twice), no_limits, &out, &err),
                     WEIR_ERR_CORRUPT, "%s", rows[i].label);
        weir_buf_deinit(&twice);
        weir_buf_deinit(&out);
    }
}

/* Where there is a checksum of the contents no change of a byte goes unnoticed; elsewhere it must
 * not do harm. */
Test(codec_unpack, damage_is_noticed_or_harmless)
{
    fill_plain();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        size_t n = rows[i].pack(plain, 2000);
        bool is_checked = rows[i].format == WEIR_CODEC_UNPACK_ZLIB ||
                          rows[i].format == WEIR_CODEC_UNPACK_BZIP2 ||
                          rows[i].format == WEIR_CODEC_UNPACK_XZ;
        for (size_t at = 0; at < n; at++) {
            struct weir_error err = WEIR_ERROR_INIT;
            struct weir_buf out = WEIR_BUF_INIT;
            packed[at] ^= 4;
            enum weir_status status =
                weir_codec_unpack_all(weir_str_make(packed, n), no_limits, &out, &err);
            cr_assert(status != WEIR_OK || !is_checked ||
                          (out.n == 2000 && memcmp(out.at, plain, 2000) == 0),
                      "%s: byte %zu", rows[i].label, at);
            packed[at] ^= 4;
            weir_buf_deinit(&out);
        }
    }
}

Test(codec_unpack, bombs_meet_both_caps)
{
    size_t n = 16 << 20;
    char *zeros = weir_mem_zalloc(weir_mem_default(), n);
    const struct weir_codec_inflate_limits by_bytes = {.bytes_max = 1 << 20};
    const struct weir_codec_inflate_limits by_ratio = {.bytes_max = 1 << 30, .ratio_max = 100};
    cr_assert_not_null(zeros);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_buf out = WEIR_BUF_INIT;
        struct weir_str z = weir_str_make(packed, rows[i].pack(zeros, n));
        cr_assert_eq(weir_codec_unpack_all(z, by_bytes, &out, &err), WEIR_ERR_LIMIT, "%s",
                     rows[i].label);
        cr_assert_leq(out.n, (size_t)3 << 20);
        cr_assert_not_null(strstr(err.msg, "1048576 bytes"), "%s", err.msg);
        weir_buf_clear(&out);
        cr_assert_eq(weir_codec_unpack_all(z, by_ratio, &out, &err), WEIR_ERR_LIMIT, "%s",
                     rows[i].label);
        cr_assert_not_null(strstr(err.msg, "100 times"), "%s", err.msg);
        weir_buf_deinit(&out);
    }
    weir_mem_free(weir_mem_default(), zeros);
}

/* A header of 13 bytes may ask for 4 GiB of memory. */
Test(codec_unpack, a_window_beyond_the_limit_is_refused)
{
    static const char header[] = "]\0\0\0\xc0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0";
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_buf out = WEIR_BUF_INIT;
    cr_assert_eq(
        weir_codec_unpack_all(weir_str_make(header, sizeof header - 1), no_limits, &out, &err),
        WEIR_ERR_LIMIT, "%s", err.msg);
    weir_buf_deinit(&out);
}
