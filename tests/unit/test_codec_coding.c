/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "codec/coding.h"
#include "test_random.h"

#include <criterion/criterion.h>

static const struct weir_codec_inflate_limits no_limits = {0, 0};

/* --- compression: what zlib itself makes of it again --- */

static struct weir_codec_deflate deflate = WEIR_CODEC_DEFLATE_INIT;

static void fini(void)
{
    weir_codec_deflate_deinit(&deflate);
}

TestSuite(codec_deflate, .fini = fini);

static void expect_round_trip(struct weir_str in)
{
    static const enum weir_codec_inflate_format formats[] = {WEIR_CODEC_INFLATE_ZLIB,
                                                             WEIR_CODEC_INFLATE_GZIP};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(formats); i++) {
        struct weir_buf z = WEIR_BUF_INIT;
        struct weir_buf out = WEIR_BUF_INIT;
        struct weir_error err = WEIR_ERROR_INIT;
        weir_buf_append_c(&z, "before");
        cr_assert_eq(weir_codec_deflate_all(&deflate, formats[i], in, &z), WEIR_OK);
        cr_assert(weir_str_starts(weir_buf_str(&z), WEIR_STR("before")));
        struct weir_str packed = weir_str_make(z.at + 6, z.n - 6);
        cr_assert_eq(weir_codec_inflate_detect(packed), formats[i]);
        cr_assert_eq(weir_codec_inflate_all(packed, no_limits, &out, &err), WEIR_OK, "%s", err.msg);
        cr_assert(weir_str_eq(weir_buf_str(&out), in), "%zu bytes", in.n);
        weir_buf_deinit(&z);
        weir_buf_deinit(&out);
    }
}

Test(codec_deflate, what_went_in_comes_out_again)
{
    static char bytes[3000000];
    struct weir_test_random random;
    weir_test_random_init(&random, 7);
    static const size_t sizes[] = {0, 1, 2, 100, 65535, 65536, 300000, sizeof bytes};
    for (int pass = 0; pass < 3; pass++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = pass == 0   ? (char)weir_test_random_below(&random, 256)
                       : pass == 1 ? "0123456789,.-[]e"[weir_test_random_below(&random, 16)]
                                   : 0;
        for (size_t i = 0; i < WEIR_ARRAY_LEN(sizes); i++)
            expect_round_trip(weir_str_make(bytes, sizes[i]));
    }
}

Test(codec_deflate, text_of_numbers_becomes_smaller)
{
    struct weir_buf text = WEIR_BUF_INIT;
    struct weir_buf z = WEIR_BUF_INIT;
    struct weir_test_random random;
    weir_test_random_init(&random, 8);
    for (int i = 0; i < 3000; i++) {
        weir_buf_append_u64(&text, weir_test_random_below(&random, 1000000));
        weir_buf_append_c(&text, ",");
    }
    cr_assert_eq(weir_codec_deflate_all(&deflate, WEIR_CODEC_INFLATE_GZIP, weir_buf_str(&text), &z),
                 WEIR_OK);
    cr_assert_lt(z.n, text.n * 6 / 10, "%zu of %zu", z.n, text.n);
    weir_buf_deinit(&text);
    weir_buf_deinit(&z);
}

/* --- headers --- */

static const struct {
    const char *value;
    int n; /* -1: refused */
} encodings[] = {
    {"", 0},
    {"identity", 0},
    {"gzip", 1},
    {"GZIP", 1},
    {"x-gzip", 1},
    {"deflate", 1},
    {"gzip, deflate", 2},
    {" gzip ,\tidentity,deflate ", 2},
    {"gzip,,", 1},
    {"gzip,gzip,gzip,gzip", 4},
    {"gzip,gzip,gzip,gzip,gzip", -1},
    {"br", -1},
    {"gzip, br", -1},
    {"zstd", -1},
    {"gzipp", -1},
    {"gzip;q=1", -1},
    {"gzip deflate", -1},
    {"*", -1},
};

Test(codec_coding, content_encodings_are_counted)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(encodings); i++) {
        uint8_t n = 99;
        bool is_known = weir_codec_coding_read(weir_str_c(encodings[i].value), &n);
        cr_assert_eq(is_known, encodings[i].n >= 0, "%s", encodings[i].value);
        if (is_known)
            cr_assert_eq(n, encodings[i].n, "%s", encodings[i].value);
        else
            cr_assert_eq(n, 99, "%s", encodings[i].value);
    }
}

static const struct {
    const char *value;
    enum weir_codec_coding coding;
} accepted[] = {
    {"", WEIR_CODEC_CODING_IDENTITY},
    {"*", WEIR_CODEC_CODING_IDENTITY},
    {"br", WEIR_CODEC_CODING_IDENTITY},
    {"identity", WEIR_CODEC_CODING_IDENTITY},
    {"gzip", WEIR_CODEC_CODING_GZIP},
    {"x-gzip", WEIR_CODEC_CODING_GZIP},
    {"deflate", WEIR_CODEC_CODING_DEFLATE},
    {"gzip, deflate", WEIR_CODEC_CODING_GZIP}, /* of equal weights the first */
    {"deflate, gzip", WEIR_CODEC_CODING_DEFLATE},
    {"identity, gzip", WEIR_CODEC_CODING_IDENTITY},
    {"gzip, identity", WEIR_CODEC_CODING_GZIP},
    {"gzip;q=0.5, deflate;q=0.8", WEIR_CODEC_CODING_DEFLATE},
    {"gzip;q=0.5,deflate;Q=0.501", WEIR_CODEC_CODING_DEFLATE},
    {"gzip; q=0.5 , identity ; q=0.4", WEIR_CODEC_CODING_GZIP},
    {"identity;q=1, gzip;q=0.9", WEIR_CODEC_CODING_IDENTITY},
    {"gzip;q=0", WEIR_CODEC_CODING_IDENTITY},
    {"gzip;q=0.000, deflate;q=0.001", WEIR_CODEC_CODING_DEFLATE},
    {"br;q=1.0, gzip;q=0.8, *;q=0.1", WEIR_CODEC_CODING_GZIP},
    {"gzip;q=1.001", WEIR_CODEC_CODING_IDENTITY}, /* not a weight: the element is ignored */
    {"gzip;q=0.1234", WEIR_CODEC_CODING_IDENTITY},
    {"gzip;q=2", WEIR_CODEC_CODING_IDENTITY},
    {"gzip;q=", WEIR_CODEC_CODING_IDENTITY},
    {"gzip;q=.5", WEIR_CODEC_CODING_IDENTITY},
    {"gzip;level=3", WEIR_CODEC_CODING_IDENTITY},
    {"gzip;q=1.", WEIR_CODEC_CODING_GZIP},
    {",, gzip", WEIR_CODEC_CODING_GZIP},
};

Test(codec_coding, the_highest_weight_of_accept_encoding_wins)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(accepted); i++)
        cr_assert_eq(weir_codec_coding_accepted(weir_str_c(accepted[i].value)), accepted[i].coding,
                     "%s", accepted[i].value);
}

/* --- undoing --- */

static struct weir_codec_inflate inflate = WEIR_CODEC_INFLATE_INIT;

static void pack(struct weir_str in, enum weir_codec_inflate_format format, struct weir_buf *out)
{
    weir_buf_clear(out);
    cr_assert_eq(weir_codec_deflate_all(&deflate, format, in, out), WEIR_OK);
}

static enum weir_status undo(uint8_t n, struct weir_str in, uint64_t bytes_max,
                             struct weir_buf *out)
{
    struct weir_codec_inflate_limits limits = {bytes_max, 0};
    struct weir_error err = WEIR_ERROR_INIT;
    weir_buf_clear(out);
    enum weir_status status = weir_codec_coding_undo(n, &inflate, in, limits, out, &err);
    cr_assert((status == WEIR_OK) == (err.msg[0] == 0), "%s", err.msg);
    return status;
}

Test(codec_coding, codings_are_undone_one_after_the_other_with_one_inflater)
{
    struct weir_str in = WEIR_STR("[[1,2,3],[1,2,3],[1,2,3],[1,2,3],[1,2,3]]");
    struct weir_buf once = WEIR_BUF_INIT;
    struct weir_buf twice = WEIR_BUF_INIT;
    struct weir_buf out = WEIR_BUF_INIT;
    pack(in, WEIR_CODEC_INFLATE_ZLIB, &once);
    pack(weir_buf_str(&once), WEIR_CODEC_INFLATE_GZIP, &twice);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(undo(1, weir_buf_str(&once), 0, &out), WEIR_OK);
        cr_assert(weir_str_eq(weir_buf_str(&out), in));
        cr_assert_eq(undo(2, weir_buf_str(&twice), 0, &out), WEIR_OK);
        cr_assert(weir_str_eq(weir_buf_str(&out), in));
        cr_assert_eq(undo(2, weir_buf_str(&once), 0, &out), WEIR_ERR_CORRUPT, "only one is there");
        cr_assert_eq(undo(1, in, 0, &out), WEIR_ERR_CORRUPT, "none is there");
    }
    weir_codec_inflate_deinit(&inflate);
    weir_codec_deflate_deinit(&deflate);
    weir_buf_deinit(&once);
    weir_buf_deinit(&twice);
    weir_buf_deinit(&out);
}

Test(codec_coding, what_is_cut_or_goes_on_or_is_too_much_is_told_apart)
{
    static char zeros[2000000];
    struct weir_buf packed = WEIR_BUF_INIT;
    struct weir_buf out = WEIR_BUF_INIT;
    for (enum weir_codec_inflate_format format = WEIR_CODEC_INFLATE_ZLIB;
         format <= WEIR_CODEC_INFLATE_GZIP; format++) {
        pack(weir_str_make(zeros, sizeof zeros), format, &packed);
        cr_assert_lt(packed.n, 20000);
        cr_assert_eq(undo(1, weir_buf_str(&packed), sizeof zeros, &out), WEIR_OK);
        cr_assert_eq(undo(1, weir_buf_str(&packed), sizeof zeros - 1, &out), WEIR_ERR_LIMIT);
        cr_assert_leq(out.n, sizeof zeros + (1 << 20), "noticed within a step");
        cr_assert_eq(undo(1, weir_buf_str(&packed), 1000, &out), WEIR_ERR_LIMIT);
        cr_assert_leq(out.n, 64 * 1024, "noticed within a step");
        for (size_t n = 0; n < packed.n; n += 1 + n / 7)
            cr_assert_eq(undo(1, weir_str_make(packed.at, n), 0, &out), WEIR_ERR_CORRUPT, "%zu", n);
        cr_assert_eq(undo(1, weir_str_make(packed.at, packed.n - 1), 0, &out), WEIR_ERR_CORRUPT);
        packed.at[packed.n - 6] = (char)(packed.at[packed.n - 6] ^ 1);
        cr_assert_eq(undo(1, weir_buf_str(&packed), 0, &out), WEIR_ERR_CORRUPT, "its checksum");
        packed.at[packed.n - 6] = (char)(packed.at[packed.n - 6] ^ 1);
        weir_buf_append_c(&packed, "x");
        cr_assert_eq(undo(1, weir_buf_str(&packed), 0, &out), WEIR_ERR_CORRUPT, "bytes behind it");
    }
    weir_codec_inflate_deinit(&inflate);
    weir_codec_deflate_deinit(&deflate);
    weir_buf_deinit(&packed);
    weir_buf_deinit(&out);
}
