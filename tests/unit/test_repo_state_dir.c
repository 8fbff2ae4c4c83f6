/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "repo/state_dir.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct seen {
    size_t n;
    struct weir_repo_record last;
    char name[64];
};

static void on_record(void *ctx, struct weir_str model, const struct weir_repo_record *r)
{
    struct seen *seen = ctx;
    seen->n++;
    seen->last = *r;
    (void)snprintf(seen->name, sizeof seen->name, "%.*s", WEIR_STR_ARG(model));
}

static struct weir_repo_record sample(void)
{
    struct weir_repo_record r = {
        .generation = 12, .live_number = 11, .before_number = 10, .has_held = true};
    r.candidate_number = 12;
    memset(r.candidate, 0x77, sizeof r.candidate);
    memset(r.live, 0xab, sizeof r.live);
    memset(r.before, 0x01, sizeof r.before);
    memset(r.held, 0xff, sizeof r.held);
    return r;
}

Test(repo_state_dir, what_is_written_is_recalled)
{
    struct weir_test_tmp tmp;
    struct weir_error err = WEIR_ERROR_INIT;
    struct seen seen = {0};
    struct weir_repo_record r = sample();
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf lines = WEIR_BUF_INIT;
    weir_test_tmp_init(&tmp);
    struct weir_repo_state_dir dir = {open(tmp.path, O_RDONLY | O_DIRECTORY), -1};
    cr_assert_eq(weir_repo_state_dir_recall(&dir, on_record, &seen, &err), WEIR_ERR_NOT_FOUND);
    weir_repo_state_dir_put(&lines, WEIR_STR("a"), &(struct weir_repo_record){.generation = 1});
    weir_repo_state_dir_put(&lines, WEIR_STR("churn-2"), &r);
    cr_assert_eq(weir_repo_state_dir_write(&dir, weir_buf_str(&lines), 1000, &err), WEIR_OK, "%s",
                 err.msg);
    cr_assert_eq(weir_repo_state_dir_recall(&dir, on_record, &seen, &err), WEIR_OK, "%s", err.msg);
    cr_assert_eq(seen.n, 2);
    cr_assert_str_eq(seen.name, "churn-2");
    cr_assert_eq(seen.last.generation, 12);
    cr_assert_eq(seen.last.live_number, 11);
    cr_assert_eq(seen.last.before_number, 10);
    cr_assert(seen.last.has_held);
    cr_assert_eq(memcmp(seen.last.live, r.live, sizeof r.live), 0);
    cr_assert_eq(memcmp(seen.last.held, r.held, sizeof r.held), 0);
    cr_assert_eq(seen.last.candidate_number, 12);
    cr_assert_eq(memcmp(seen.last.candidate, r.candidate, sizeof r.candidate), 0);
    weir_repo_state_dir_close(&dir);
    weir_test_tmp_deinit(&tmp);
}

/* Every cut and every changed bit is noticed: the index ends with its own digest. */
Test(repo_state_dir, a_damaged_index_is_refused_whole)
{
    struct weir_test_tmp tmp;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_repo_record r = sample();
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf lines = WEIR_BUF_INIT;
    char path[512];
    size_t n;
    weir_test_tmp_init(&tmp);
    struct weir_repo_state_dir dir = {open(tmp.path, O_RDONLY | O_DIRECTORY), -1};
    weir_repo_state_dir_put(&lines, WEIR_STR("m"), &r);
    cr_assert_eq(weir_repo_state_dir_write(&dir, weir_buf_str(&lines), 1000, &err), WEIR_OK);
    weir_test_tmp_path(&tmp, "index", path, sizeof path);
    char *text = weir_test_tmp_read(path, &n);
    struct seen seen = {0};
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(weir_repo_state_dir_parse(weir_str_make(text, i), on_record, &seen, &err),
                     WEIR_ERR_CORRUPT, "cut at %zu", i);
    for (size_t i = 0; i < 8 * n; i++) {
        text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
        cr_assert_eq(weir_repo_state_dir_parse(weir_str_make(text, n), on_record, &seen, &err),
                     WEIR_ERR_CORRUPT, "bit %zu", i);
        text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
    }
    cr_assert_eq(seen.n, 0);
    cr_assert_eq(weir_repo_state_dir_parse(weir_str_make(text, n), on_record, &seen, &err),
                 WEIR_OK);
    free(text);
    weir_repo_state_dir_close(&dir);
    weir_test_tmp_deinit(&tmp);
}

static bool is_kept(const struct weir_repo_state_dir *dir, uint8_t digest)
{
    uint8_t bytes[WEIR_REPO_DIGEST_BYTES];
    int fd = -1;
    memset(bytes, digest, sizeof bytes);
    if (weir_repo_state_dir_find(dir, bytes, &fd, NULL) != WEIR_OK)
        return false;
    cr_assert_eq(close(fd), 0);
    return true;
}

static void keep(const struct weir_repo_state_dir *dir, uint8_t digest, size_t n)
{
    static const char zeros[200];
    uint8_t bytes[WEIR_REPO_DIGEST_BYTES];
    struct weir_error err = WEIR_ERROR_INIT;
    memset(bytes, digest, sizeof bytes);
    cr_assert_eq(weir_repo_state_dir_keep(dir, bytes, zeros, n, 1000, &err), WEIR_OK, "%s",
                 err.msg);
}

Test(repo_state_dir, files_that_serve_are_kept_first_and_others_go)
{
    struct weir_test_tmp tmp;
    struct weir_error err = WEIR_ERROR_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf lines = WEIR_BUF_INIT;
    weir_test_tmp_init(&tmp);
    struct weir_repo_state_dir dir = {open(tmp.path, O_RDONLY | O_DIRECTORY), -1};
    struct weir_repo_record a = {.generation = 2, .live_number = 2, .before_number = 1};
    struct weir_repo_record b = {.generation = 1, .live_number = 1};
    memset(a.before, 1, sizeof a.before);
    memset(a.live, 2, sizeof a.live);
    memset(b.live, 3, sizeof b.live);
    keep(&dir, 1, 100);
    keep(&dir, 2, 100);
    keep(&dir, 3, 100);
    keep(&dir, 4, 100);
    weir_repo_state_dir_put(&lines, WEIR_STR("a"), &a);
    weir_repo_state_dir_put(&lines, WEIR_STR("b"), &b);
    cr_assert_eq(weir_repo_state_dir_write(&dir, weir_buf_str(&lines), 300, &err), WEIR_OK);
    cr_assert(is_kept(&dir, 1) && is_kept(&dir, 2) && is_kept(&dir, 3));
    cr_assert_not(is_kept(&dir, 4), "nobody names it");
    cr_assert_eq(weir_repo_state_dir_write(&dir, weir_buf_str(&lines), 299, &err), WEIR_OK);
    cr_assert_not(is_kept(&dir, 1), "what served before goes first");
    cr_assert(is_kept(&dir, 2) && is_kept(&dir, 3));
    cr_assert_eq(weir_repo_state_dir_write(&dir, weir_buf_str(&lines), 199, &err), WEIR_OK);
    cr_assert_eq(is_kept(&dir, 2) + is_kept(&dir, 3), 1);
    weir_repo_state_dir_close(&dir);
    weir_test_tmp_deinit(&tmp);
}
