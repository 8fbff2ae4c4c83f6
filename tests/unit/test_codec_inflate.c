/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "codec/inflate.h"

#include <criterion/criterion.h>
#include <zlib.h>

#include <stdlib.h>

/* What the current case made; freed at its end. */
static char *made[8];
static size_t n_made;

static void *keep(void *p)
{
    cr_assert_not_null(p);
    cr_assert_lt(n_made, WEIR_ARRAY_LEN(made));
    made[n_made++] = p;
    return p;
}

static void free_made(void)
{
    while (n_made > 0)
        weir_mem_free(weir_mem_default(), made[--n_made]);
}

TestSuite(codec_inflate, .fini = free_made);

/* Compresses n bytes; window_bits as deflateInit2 takes them (31: gzip). */
static struct weir_str compress_with(const char *bytes, size_t n, int window_bits)
{
    z_stream z = {0};
    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, n);
    char *out = keep(weir_mem_alloc(weir_mem_default(), room));
    z.next_in = (z_const Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n_out = room - z.avail_out;
    deflateEnd(&z);
    return weir_str_make(out, n_out);
}

static char noise[100000];

static struct weir_str make_noise(void)
{
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof noise; i++) {
        x = x * 1664525 + 1013904223;
        noise[i] = (char)(x >> 28);
    }
    return weir_str_make(noise, sizeof noise);
}

static const struct weir_codec_inflate_limits no_limits = {0, 0};

Test(codec_inflate, both_formats_give_back_what_went_in)
{
    struct weir_str in = make_noise();
    for (int window_bits = 15; window_bits <= 31; window_bits += 16) {
        struct weir_str z = compress_with(in.at, in.n, window_bits);
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_buf out = WEIR_BUF_INIT;
        cr_assert_eq(weir_codec_inflate_all(z, no_limits, &out, &err), WEIR_OK, "%s", err.msg);
        cr_assert(weir_str_eq(weir_buf_str(&out), in));
        weir_buf_deinit(&out);
    }
}

Test(codec_inflate, input_may_come_byte_by_byte)
{
    struct weir_str in = make_noise();
    struct weir_str z = compress_with(in.at, 5000, 15);
    struct weir_codec_inflate s;
    struct weir_buf out = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_codec_inflate_init(&s, WEIR_CODEC_INFLATE_ZLIB, no_limits), WEIR_OK);
    for (size_t i = 0; i < z.n; i++) {
        cr_assert_eq(weir_codec_inflate_finish(&s, &err), WEIR_ERR_CORRUPT);
        cr_assert_eq(weir_codec_inflate_push(&s, weir_str_make(z.at + i, 1), &out, &err), WEIR_OK);
    }
    cr_assert_eq(weir_codec_inflate_finish(&s, &err), WEIR_OK);
    cr_assert(weir_str_eq(weir_buf_str(&out), weir_str_make(in.at, 5000)));
    weir_codec_inflate_deinit(&s);
    weir_buf_deinit(&out);
}

Test(codec_inflate, every_strict_prefix_is_cut_short)
{
    struct weir_str in = make_noise();
    struct weir_str z = compress_with(in.at, 300, 31);
    for (size_t n = 2; n < z.n; n++) {
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_buf out = WEIR_BUF_INIT;
        cr_assert_eq(weir_codec_inflate_all(weir_str_make(z.at, n), no_limits, &out, &err),
                     WEIR_ERR_CORRUPT, "%zu of %zu bytes", n, z.n);
        weir_buf_deinit(&out);
    }
}

Test(codec_inflate, bytes_after_the_end_are_refused_but_gzip_members_may_follow)
{
    struct weir_buf twice = WEIR_BUF_INIT, out = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_str z = compress_with("abc", 3, 31);
    weir_buf_append_str(&twice, z);
    weir_buf_append_str(&twice, z);
    cr_assert_eq(weir_codec_inflate_all(weir_buf_str(&twice), no_limits, &out, &err), WEIR_OK);
    cr_assert(weir_str_eq_c(weir_buf_str(&out), "abcabc"));
    weir_buf_append_byte(&twice, 'x');
    weir_buf_clear(&out);
    cr_assert_eq(weir_codec_inflate_all(weir_buf_str(&twice), no_limits, &out, &err),
                 WEIR_ERR_CORRUPT);
    z = compress_with("abc", 3, 15);
    weir_buf_clear(&twice);
    weir_buf_append_str(&twice, z);
    weir_buf_append_str(&twice, z);
    weir_buf_clear(&out);
    cr_assert_eq(weir_codec_inflate_all(weir_buf_str(&twice), no_limits, &out, &err),
                 WEIR_ERR_CORRUPT);
    weir_buf_deinit(&twice);
    weir_buf_deinit(&out);
}

Test(codec_inflate, a_bomb_meets_both_caps)
{
    size_t n = 64 << 20;
    char *zeros = keep(weir_mem_zalloc(weir_mem_default(), n));
    struct weir_str z = compress_with(zeros, n, 15);
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_buf out = WEIR_BUF_INIT;
    struct weir_codec_inflate_limits by_bytes = {.bytes_max = 1 << 20};
    cr_assert_eq(weir_codec_inflate_all(z, by_bytes, &out, &err), WEIR_ERR_LIMIT);
    cr_assert_leq(out.n, (size_t)3 << 20);
    cr_assert_not_null(strstr(err.msg, "1048576 bytes"), "%s", err.msg);
    weir_buf_clear(&out);
    struct weir_codec_inflate_limits by_ratio = {.bytes_max = 1 << 30, .ratio_max = 100};
    cr_assert_eq(weir_codec_inflate_all(z, by_ratio, &out, &err), WEIR_ERR_LIMIT);
    cr_assert_leq(out.n, n / 2 + (4 << 20));
    cr_assert_not_null(strstr(err.msg, "100 times"), "%s", err.msg);
    weir_buf_deinit(&out);
}

Test(codec_inflate, damage_is_noticed)
{
    struct weir_str in = make_noise();
    struct weir_str z = compress_with(in.at, 2000, 15);
    char *bytes = (char *)(uintptr_t)z.at;
    for (size_t i = 0; i < z.n; i++) {
        bytes[i] ^= 1;
        struct weir_error err = WEIR_ERROR_INIT;
        struct weir_buf out = WEIR_BUF_INIT;
        cr_assert_neq(weir_codec_inflate_all(z, no_limits, &out, &err), WEIR_OK, "byte %zu", i);
        weir_buf_deinit(&out);
        bytes[i] ^= 1;
    }
}
