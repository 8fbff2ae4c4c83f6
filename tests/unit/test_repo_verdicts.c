/* SPDX-License-Identifier: MIT */
/* The store of verdicts: what is put is found, what is damaged is not, and there is an end to it.
 */
#include "repo/gate_log.h"
#include "test_tmp.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct weir_test_tmp tmp;
static struct weir_repo_state_dir state;
static struct weir_repo_verdicts store;

static void setup(void)
{
    weir_test_tmp_init(&tmp);
    state = (struct weir_repo_state_dir){open(tmp.path, O_RDONLY | O_DIRECTORY), -1};
    cr_assert_eq(weir_repo_verdicts_open(&store, &state, NULL), WEIR_OK);
}

static void teardown(void)
{
    weir_repo_verdicts_close(&store);
    weir_repo_state_dir_close(&state);
    weir_test_tmp_deinit(&tmp);
}

TestSuite(repo_verdicts, .init = setup, .fini = teardown);

static const char *key(unsigned i)
{
    static char text[WEIR_REPO_VERDICTS_KEY_BYTES];
    (void)snprintf(text, sizeof text, "%016x-%016x-%016x-%016x", i, 2u, 3u, 4u);
    return text;
}

static struct weir_repo_verdicts_entry sample(void)
{
    struct weir_repo_verdicts_entry e = {.verdict = WEIR_REPO_VERDICT_FAIL,
                                         .code = "rule_failed",
                                         .reason = "worse\nby far",
                                         .ns = 5,
                                         .n_uses = 7,
                                         .has_threshold = true,
                                         .threshold = 0.1,
                                         .score_space = "predict_proba",
                                         .positive = "yes sir"};
    weir_buf_append_c(&e.document, "{\"a\":\n\n1}");
    weir_buf_append_c(&e.report, "<p>\n\n</p>");
    return e;
}

Test(repo_verdicts, what_is_put_is_found)
{
    struct weir_repo_verdicts_entry e = sample();
    struct weir_repo_verdicts_entry out;
    cr_assert_eq(weir_repo_verdicts_find(&store, key(1), &out, NULL), WEIR_ERR_NOT_FOUND);
    cr_assert_eq(weir_repo_verdicts_put(&store, key(1), &e, NULL), WEIR_OK);
    cr_assert_eq(weir_repo_verdicts_find(&store, key(1), &out, NULL), WEIR_OK);
    cr_assert_eq(out.verdict, WEIR_REPO_VERDICT_FAIL);
    cr_assert_str_eq(out.code, "rule_failed");
    cr_assert_str_eq(out.reason, "worse by far");
    cr_assert_eq(out.ns, 5);
    cr_assert_eq(out.n_uses, 7);
    cr_assert(out.has_threshold);
    cr_assert_float_eq(out.threshold, 0.1, 0, "to the last bit");
    cr_assert_str_eq(out.score_space, "predict_proba");
    cr_assert_str_eq(out.positive, "yes sir");
    cr_assert(weir_str_eq(weir_buf_str(&out.document), weir_buf_str(&e.document)));
    cr_assert(weir_str_eq(weir_buf_str(&out.report), weir_buf_str(&e.report)));
    weir_repo_verdicts_deinit(&out);
    weir_repo_verdicts_deinit(&e);
}

Test(repo_verdicts, each_damaged_byte_is_noticed)
{
    struct weir_repo_verdicts_entry e = sample();
    struct weir_repo_verdicts_entry out;
    struct stat st;
    cr_assert_eq(weir_repo_verdicts_put(&store, key(1), &e, NULL), WEIR_OK);
    int fd = openat(store.dir.fd, key(1), O_RDWR);
    cr_assert_eq(fstat(fd, &st), 0);
    for (off_t i = 0; i < st.st_size; i++) {
        char was;
        cr_assert_eq(pread(fd, &was, 1, i), 1);
        char is = (char)(was ^ 1);
        cr_assert_eq(pwrite(fd, &is, 1, i), 1);
        cr_assert_eq(weir_repo_verdicts_find(&store, key(1), &out, NULL), WEIR_ERR_CORRUPT,
                     "byte %lld", (long long)i);
        cr_assert_eq(pwrite(fd, &was, 1, i), 1);
    }
    for (off_t n = st.st_size - 1; n >= 0; n--) {
        cr_assert_eq(ftruncate(fd, n), 0);
        cr_assert_eq(weir_repo_verdicts_find(&store, key(1), &out, NULL), WEIR_ERR_CORRUPT);
    }
    (void)close(fd);
    weir_repo_verdicts_deinit(&e);
}

Test(repo_verdicts, the_oldest_go_when_there_are_too_many)
{
    struct weir_repo_verdicts_entry e = sample();
    struct weir_repo_verdicts_entry out;
    for (unsigned i = 0; i < WEIR_REPO_VERDICTS_MAX; i++) {
        cr_assert_eq(weir_repo_verdicts_put(&store, key(i), &e, NULL), WEIR_OK);
        struct timespec old[2] = {{.tv_sec = 1000 + i}, {.tv_sec = 1000 + i}};
        cr_assert_eq(utimensat(store.dir.fd, key(i), old, 0), 0);
    }
    cr_assert_eq(weir_repo_verdicts_find(&store, key(0), &out, NULL), WEIR_OK,
                 "what is used is young again");
    weir_repo_verdicts_deinit(&out);
    cr_assert_eq(weir_repo_verdicts_put(&store, key(1000), &e, NULL), WEIR_OK);
    cr_assert_eq(weir_repo_verdicts_find(&store, key(1), &out, NULL), WEIR_ERR_NOT_FOUND);
    cr_assert_eq(weir_repo_verdicts_find(&store, key(0), &out, NULL), WEIR_OK);
    weir_repo_verdicts_deinit(&out);
    weir_repo_verdicts_deinit(&e);
}

Test(repo_verdicts, candidates_of_a_holdout_are_counted_once_each)
{
    const struct weir_str h = WEIR_STR("0000000000000001"), i = WEIR_STR("0000000000000002");
    const struct weir_str a = WEIR_STR("00000000000000aa"), b = WEIR_STR("00000000000000bb");
    cr_assert_eq(weir_repo_verdicts_use(&store, h, a), 1);
    cr_assert_eq(weir_repo_verdicts_use(&store, h, a), 1);
    cr_assert_eq(weir_repo_verdicts_use(&store, h, b), 2);
    cr_assert_eq(weir_repo_verdicts_use(&store, i, b), 1);
    cr_assert_eq(weir_repo_verdicts_use(&store, h, a), 2);
}

Test(repo_verdicts, a_history_is_read_as_it_was_written)
{
    struct weir_repo_gate_log log = {0}, again = {0};
    struct weir_buf text = WEIR_BUF_INIT;
    struct weir_repo_gate_log_model *m = NULL;
    for (uint64_t i = 1; i <= WEIR_REPO_GATE_LINES_MAX + 3; i++) {
        struct weir_repo_note note = {.model = WEIR_STR("m"),
                                      .number = i,
                                      .digest = WEIR_STR("ab"),
                                      .verdict = WEIR_REPO_VERDICT_INCONCLUSIVE,
                                      .code = WEIR_STR("timeout"),
                                      .reason = WEIR_STR("two\nlines"),
                                      .ns = i * 10,
                                      .wall_ns = i * 100};
        m = weir_repo_gate_log_add(&log, &note);
    }
    cr_assert_not_null(m);
    if (!m)
        return; /* Not reached; the compiler does not know that. */
    cr_assert_eq(m->n, WEIR_REPO_GATE_LINES_MAX);
    weir_repo_gate_log_put(m, &text);
    cr_assert_eq(weir_repo_gate_log_parse(&again, WEIR_STR("m"), weir_buf_str(&text), NULL),
                 WEIR_OK);
    const struct weir_repo_gate_log_model *o = weir_repo_gate_log_find(&again, WEIR_STR("m"));
    cr_assert_eq(o->n, m->n);
    for (size_t i = 0; i < o->n; i++) {
        cr_assert_eq(o->lines[i].note.number, m->lines[i].note.number);
        cr_assert_eq(o->lines[i].note.wall_ns, m->lines[i].note.wall_ns);
        cr_assert(weir_str_eq_c(o->lines[i].note.reason, "two lines"));
        cr_assert_eq(o->lines[i].note.by.n, 0);
    }
    for (size_t n = 0; n + 1 < text.n; n++) { /* However it is cut: understood or refused. */
        struct weir_repo_gate_log cut = {0};
        (void)!weir_repo_gate_log_parse(&cut, WEIR_STR("m"), weir_str_make(text.at, n), NULL);
        weir_repo_gate_log_deinit(&cut);
    }
    weir_buf_deinit(&text);
    weir_repo_gate_log_deinit(&log);
    weir_repo_gate_log_deinit(&again);
}
