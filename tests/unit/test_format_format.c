/* SPDX-License-Identifier: MIT */
/* From file to model: detection by content, compression, limits, descriptions. */
#include "codec/inflate.h"
#include "format/format.h"
#include "format/pickle.h"
#include "test_file.h"
#include "test_tmp.h"
#include "test_value.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <zlib.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void full_path(const char *name, char *out, size_t size)
{
    const char *root = getenv("WEIR_TEST_SOURCE_ROOT");
    snprintf(out, size, "%s/tests/data/pickle/%s", root ? root : ".", name);
}

/* Appends the tree of a file, decompressed if need be. */
static void dump_file(const char *name, struct weir_buf *out)
{
    char path[512];
    snprintf(path, sizeof path, "tests/data/pickle/%s", name);
    struct weir_str file = test_file_read(path), bytes = file;
    struct weir_buf plain = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    const struct weir_codec_inflate_limits limits = {0, 0};
    const struct weir_format_opts opts = weir_format_opts_fill(NULL);
    if (weir_codec_inflate_detect(bytes) != WEIR_CODEC_INFLATE_NONE) {
        cr_assert_eq(weir_codec_inflate_all(bytes, limits, &plain, &err), WEIR_OK);
        bytes = weir_buf_str(&plain);
    }
    struct weir_arena arena;
    struct weir_format_pickle pickle;
    weir_arena_init(&arena, NULL, 0);
    cr_assert_eq(weir_format_pickle_parse(&pickle, bytes, &opts, &arena, &err), WEIR_OK, "%s: %s",
                 name, err.msg);
    test_value_dump(out, pickle.root);
    weir_arena_deinit(&arena);
    weir_buf_deinit(&plain);
    test_file_free(file);
}

Test(format_format, one_object_in_all_its_files_is_one_tree)
{
    static const char *const forms[] = {"p0.pkl",    "p1.pkl",      "p2.pkl",     "p3.pkl",
                                        "p4.pkl",    "p5.pkl",      "p2.joblib",  "p4.joblib",
                                        "p5.joblib", "zlib.joblib", "gzip.joblib"};
    static const char *const objects[] = {"all", "model"};
    for (size_t o = 0; o < 2; o++) {
        struct weir_buf first = WEIR_BUF_INIT;
        for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
            char name[64];
            struct weir_buf out = WEIR_BUF_INIT;
            snprintf(name, sizeof name, "%s.%s", objects[o], forms[i]);
            dump_file(name, i ? &out : &first);
            cr_assert(i == 0 || weir_str_eq(weir_buf_str(&out), weir_buf_str(&first)),
                      "%s says something else than %s.%s", name, objects[o], forms[0]);
            weir_buf_deinit(&out);
        }
        cr_assert_gt(first.n, 100);
        weir_buf_deinit(&first);
    }
}

Test(format_format, a_model_loads_from_every_form)
{
    static const char *const names[] = {"model.p0.pkl",      "model.p5.pkl",
                                        "model.p2.joblib",   "model.p5.joblib",
                                        "model.zlib.joblib", "model.gzip.joblib"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[512];
        struct weir_model *model = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        full_path(names[i], path, sizeof path);
        cr_assert_eq(weir_format_load(&model, path, NULL, &err), WEIR_OK, "%s: %s", names[i],
                     err.msg);
        const double x[2] = {1, 2};
        double p[2];
        cr_assert_eq(weir_model_predict(model, x, 1, 2, WEIR_OUTPUT_PREDICT_PROBA, p, &err),
                     WEIR_OK, "%s", err.msg);
        cr_assert_lt(p[0] + p[1] - 1, 1e-12);
        weir_model_free(model);
    }
}

/* What is inside of these is a plain array, which is told apart from a compressor not known. */
Test(format_format, every_compressor_of_joblib_is_undone)
{
    static const char *const names[] = {"one.bz2.joblib", "one.xz.joblib", "one.lzma.joblib",
                                        "one.lz4.joblib"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[512];
        struct weir_model *model = NULL;
        struct weir_error err = WEIR_ERROR_INIT;
        full_path(names[i], path, sizeof path);
        cr_assert_eq(weir_format_load(&model, path, NULL, &err), WEIR_ERR_UNSUPPORTED);
        cr_assert_not_null(strstr(err.msg, "without an estimator"), "%s: %s", names[i], err.msg);
    }
}

static void refuse_bytes(const char *bytes, size_t n, const struct weir_format_opts *opts,
                         enum weir_status status, const char *reason)
{
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_format_load_bytes(&model, bytes, n, "x", opts, &err), status, "%s", err.msg);
    cr_assert_not_null(strstr(err.msg, reason), "%s", err.msg);
    cr_assert_null(model);
}

Test(format_format, what_is_no_model_is_refused_with_a_word_on_what_it_is)
{
    refuse_bytes("", 0, NULL, WEIR_ERR_CORRUPT, "empty");
    refuse_bytes("PK\x03\x04rest", 8, NULL, WEIR_ERR_UNSUPPORTED, "zip archive");
    refuse_bytes("ZF0x1", 5, NULL, WEIR_ERR_UNSUPPORTED, "joblib before 0.10");
    refuse_bytes("\x89PNG\r\n", 6, NULL, WEIR_ERR_UNSUPPORTED, "begins with \"\\x89PNG");
    refuse_bytes("\x80\x02N.", 4, NULL, WEIR_ERR_UNSUPPORTED, "without an estimator");
}

/* Compresses with gzip, n_layers times. */
static struct weir_str gzip(struct weir_str in, unsigned n_layers)
{
    for (unsigned i = 0; i < n_layers; i++) {
        z_stream z = {0};
        cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
        size_t room = deflateBound(&z, in.n);
        char *out = weir_mem_alloc(weir_mem_default(), room);
        z.next_in = (z_const Bytef *)(uintptr_t)in.at;
        z.avail_in = (uInt)in.n;
        z.next_out = (Bytef *)out;
        z.avail_out = (uInt)room;
        cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
        deflateEnd(&z);
        if (i > 0)
            test_file_free(in);
        in = weir_str_make(out, room - z.avail_out);
    }
    return in;
}

Test(format_format, compression_is_undone_once_and_bombs_meet_the_caps)
{
    struct weir_str file = test_file_read("tests/data/pickle/model.p4.pkl");
    struct weir_str once = gzip(file, 1), twice = gzip(file, 2);
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_format_load_bytes(&model, once.at, once.n, NULL, NULL, &err), WEIR_OK, "%s",
                 err.msg);
    weir_model_free(model);
    refuse_bytes(twice.at, twice.n, NULL, WEIR_ERR_UNSUPPORTED, "compressed twice");
    char *zeros = weir_mem_zalloc(weir_mem_default(), 32 << 20);
    struct weir_str bomb = gzip(weir_str_make(zeros, 32 << 20), 1);
    const struct weir_format_opts by_bytes = {.version = 1, .inflated_bytes_max = 1 << 20};
    const struct weir_format_opts by_ratio = {.version = 1, .inflated_ratio_max = 50};
    refuse_bytes(bomb.at, bomb.n, &by_bytes, WEIR_ERR_LIMIT, "more than 1048576 bytes");
    refuse_bytes(bomb.at, bomb.n, &by_ratio, WEIR_ERR_LIMIT, "more than 50 times");
    const struct weir_format_opts small = {.version = 1, .file_bytes_max = 10};
    refuse_bytes(file.at, file.n, &small, WEIR_ERR_LIMIT, "at most 10 are allowed");
    weir_mem_free(weir_mem_default(), zeros);
    test_file_free(bomb);
    test_file_free(twice);
    test_file_free(once);
    test_file_free(file);
}

Test(format_format, only_regular_files_are_read)
{
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_test_tmp tmp;
    char path[512];
    weir_test_tmp_init(&tmp);
    cr_assert_eq(weir_format_load(&model, tmp.path, NULL, &err), WEIR_ERR_INVALID, "%s", err.msg);
    weir_test_tmp_path(&tmp, "pipe", path, sizeof path);
    cr_assert_eq(weir_format_load(&model, path, NULL, &err), WEIR_ERR_NOT_FOUND, "%s", err.msg);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(weir_format_load(&model, path, NULL, &err), WEIR_ERR_INVALID, "%s", err.msg);
    cr_assert_str_eq(err.msg, "not a regular file");
    weir_test_tmp_deinit(&tmp);
}

/* Whoever looks into a strange file must not have a terminal steered by it. */
Test(format_format, a_description_escapes_the_names_of_attributes)
{
    static const char pickle[] = "\x80\x02"
                                 "csklearn.linear_model._base\nLinearRegression\n"
                                 ")\x81}X\x05\0\0\0e\x1b[2JI3\nsb.";
    struct weir_buf text = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_format_describe_bytes(&text, pickle, sizeof pickle - 1, "m",
                                            WEIR_FORMAT_DESCRIBE_TEXT, NULL, &err),
                 WEIR_OK, "%s", err.msg);
    const char *t = weir_buf_c(&text);
    cr_assert_not_null(strstr(t, "\n  e\\x1b[2J = 3\n"), "%s", t);
    cr_assert_null(strchr(t, '\x1b'));
    weir_buf_deinit(&text);
}

Test(format_format, a_description_shows_the_tree_of_estimators)
{
    char path[512];
    struct weir_buf text = WEIR_BUF_INIT, json = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    full_path("model.p4.joblib", path, sizeof path);
    cr_assert_eq(weir_format_describe(&text, path, WEIR_FORMAT_DESCRIBE_TEXT, NULL, &err), WEIR_OK);
    cr_assert_eq(weir_format_describe(&json, path, WEIR_FORMAT_DESCRIBE_JSON, NULL, &err), WEIR_OK);
    const char *t = weir_buf_c(&text), *j = weir_buf_c(&json);
    cr_assert_not_null(strstr(t, "scikit-learn \"1.6.1\", pickle protocol 4, joblib\nPipeline\n"),
                       "%s", t);
    cr_assert_not_null(strstr(t, "\n  steps[1] \"logisticregression\": LogisticRegression\n"), "%s",
                       t);
    cr_assert_not_null(strstr(t, "\n    coef_ = f8 [1, 2]\n"), "%s", t);
    cr_assert_not_null(strstr(j, "\"library_version\":\"1.6.1\""), "%s", j);
    cr_assert_not_null(strstr(j, "\"name\":\"steps[0]\",\"label\":\"standardscaler\","
                                 "\"class\":\"StandardScaler\""),
                       "%s", j);
    cr_assert_not_null(strstr(j, "\"coef_\":{\"dtype\":\"f8\",\"shape\":[1,2]}"), "%s", j);
    weir_buf_deinit(&text);
    weir_buf_deinit(&json);
}
