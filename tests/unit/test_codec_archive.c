/* SPDX-License-Identifier: MIT */
/* Zip archives: members come out whole, and archives that lie are refused. They are written by
 * libzip in memory and then damaged. */
#include "base/macros.h"
#include "codec/archive.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <zip.h>

struct member {
    const char *name;
    const char *at;
    size_t n;
    bool is_deflated;
};

/* Writes an archive; the caller frees the bytes. */
static struct weir_str write_zip(const struct member *members, size_t n)
{
    zip_error_t error;
    zip_source_t *to = zip_source_buffer_create(NULL, 0, 0, &error);
    cr_assert_not_null(to);
    zip_source_keep(to);
    zip_t *zip = zip_open_from_source(to, ZIP_TRUNCATE, &error);
    cr_assert_not_null(zip);
    for (size_t i = 0; i < n; i++) {
        zip_source_t *from = zip_source_buffer(zip, members[i].at, members[i].n, 0);
        zip_int64_t index = zip_file_add(zip, members[i].name, from, 0);
        cr_assert_geq(index, 0);
        cr_assert_eq(
            zip_set_file_compression(zip, (zip_uint64_t)index,
                                     members[i].is_deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0),
            0);
    }
    cr_assert_eq(zip_close(zip), 0);
    zip_stat_t st;
    cr_assert_eq(zip_source_stat(to, &st), 0);
    char *out = malloc(st.size);
    cr_assert_eq(zip_source_open(to), 0);
    cr_assert_eq(zip_source_read(to, out, st.size), (zip_int64_t)st.size);
    zip_source_close(to);
    zip_source_free(to);
    return weir_str_make(out, st.size);
}

static const struct weir_codec_inflate_limits no_limits = {0, 0};

static const struct member two[] = {{"a.txt", "hello hello hello hello", 23, true},
                                    {"dir/b", "stored", 6, false}};

/* Opens, reads both members and closes; returns the first status that is not OK. */
static enum weir_status read_both(struct weir_str bytes, struct weir_codec_inflate_limits limits,
                                  struct weir_error *err)
{
    struct weir_codec_archive a;
    struct weir_arena arena;
    struct weir_str out;
    weir_arena_init(&arena, NULL, 0);
    enum weir_status status = weir_codec_archive_open(&a, bytes, limits, err);
    for (size_t i = 0; i < 2 && status == WEIR_OK; i++) {
        status = weir_codec_archive_read(&a, two[i].name, &arena, &out, err);
        if (status == WEIR_OK && !weir_str_eq(out, weir_str_make(two[i].at, two[i].n)))
            status = WEIR_ERR_INTERNAL;
    }
    weir_codec_archive_close(&a);
    weir_arena_deinit(&arena);
    return status;
}

Test(codec_archive, members_come_out_whole)
{
    struct weir_str bytes = write_zip(two, 2);
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_codec_archive a;
    struct weir_arena arena;
    struct weir_str out;
    weir_arena_init(&arena, NULL, 0);
    cr_assert(weir_codec_archive_probe(bytes));
    cr_assert_eq(read_both(bytes, no_limits, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(weir_codec_archive_open(&a, bytes, no_limits, &err), WEIR_OK);
    cr_assert(weir_codec_archive_has(&a, "dir/b"));
    cr_assert(!weir_codec_archive_has(&a, "b"));
    cr_assert_eq(weir_codec_archive_read(&a, "b", &arena, &out, &err), WEIR_ERR_NOT_FOUND);
    weir_codec_archive_close(&a);
    weir_codec_archive_close(&a);
    weir_arena_deinit(&arena);
    free((char *)(uintptr_t)bytes.at);
}

Test(codec_archive, every_strict_prefix_and_damage_is_refused)
{
    struct weir_str bytes = write_zip(two, 2);
    char *copy = malloc(bytes.n);
    for (size_t n = 0; n < bytes.n; n++) {
        struct weir_error err = WEIR_ERROR_INIT;
        cr_assert_neq(read_both(weir_str_make(bytes.at, n), no_limits, &err), WEIR_OK, "%zu", n);
    }
    /* Times and flags may change without harm; contents may not. */
    for (size_t at = 0; at < bytes.n; at++) {
        struct weir_error err = WEIR_ERROR_INIT;
        memcpy(copy, bytes.at, bytes.n);
        copy[at] ^= 0x10;
        cr_assert_neq(read_both(weir_str_make(copy, bytes.n), no_limits, &err), WEIR_ERR_INTERNAL,
                      "byte %zu", at);
    }
    free(copy);
    free((char *)(uintptr_t)bytes.at);
}

/* libzip itself refuses to write them: the second name is changed afterwards, in both places. */
Test(codec_archive, two_members_of_one_name_are_refused)
{
    static const struct member members[] = {{"one", "1", 1, false}, {"two", "2", 1, false}};
    struct weir_str bytes = write_zip(members, 2);
    char *at = (char *)(uintptr_t)bytes.at;
    size_t n_changed = 0;
    for (size_t i = 0; i + 3 <= bytes.n; i++)
        if (memcmp(at + i, "two", 3) == 0) {
            memcpy(at + i, "one", 3);
            n_changed++;
        }
    cr_assert_eq(n_changed, 2);
    struct weir_codec_archive a;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_codec_archive_open(&a, bytes, no_limits, &err), WEIR_ERR_CORRUPT);
    free(at);
}

Test(codec_archive, bombs_meet_both_caps)
{
    size_t n = 32 << 20;
    char *zeros = calloc(n, 1);
    const struct member members[] = {{"a.txt", zeros, n, true}, {"dir/b", "stored", 6, false}};
    struct weir_str bytes = write_zip(members, 2);
    const struct weir_codec_inflate_limits by_bytes = {.bytes_max = 1 << 20};
    const struct weir_codec_inflate_limits by_ratio = {.bytes_max = 1 << 30, .ratio_max = 100};
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_lt(bytes.n, n / 500);
    cr_assert_eq(read_both(bytes, by_bytes, &err), WEIR_ERR_LIMIT, "%s", err.msg);
    cr_assert_eq(read_both(bytes, by_ratio, &err), WEIR_ERR_LIMIT, "%s", err.msg);
    cr_assert_not_null(strstr(err.msg, "100 times"), "%s", err.msg);
    free(zeros);
    free((char *)(uintptr_t)bytes.at);
}
