/* SPDX-License-Identifier: MIT */
/* What a repository does over its life: restarts, rollbacks, policies, names, removal, readiness,
 * and a state directory that is killed, full or not there. Real files, the real thread. */
#include "base/clock.h"
#include "base/macros.h"
#include "repo/state_dir.h"
#include "test_random.h"
#include "test_repo.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOON_MS = 3000 };

static struct weir_test_repo *rig;

static void setup(void)
{
    rig = malloc(sizeof *rig);
    cr_assert_not_null(rig);
    weir_test_repo_init(rig);
}

static void teardown(void)
{
    weir_test_repo_deinit(rig);
    free(rig);
}

TestSuite(repo_life, .init = setup, .fini = teardown, .timeout = 60);

static const char *path(const char *name)
{
    static char at[4][512];
    static unsigned turn;
    return weir_test_repo_path(rig, name, at[turn++ % 4]);
}

static const struct weir_version *version_of(const char *model)
{
    const struct weir_repo_entry *e = weir_repo_table_find(rig->table, weir_str_c(model));
    return e ? e->version : NULL;
}

/* As version_of, but there must be one. */
static const struct weir_version *serving(const char *model)
{
    const struct weir_version *v = version_of(model);
    cr_assert_not_null(v, "%s does not serve", model);
    if (!v)
        abort(); /* Not reached; the compiler does not know that. */
    return v;
}

static void expect(const char *model, double c)
{
    cr_assert(weir_test_repo_answers(rig, model, c, SOON_MS), "%s answers %g instead of %g", model,
              weir_test_repo_answer(rig, model), c);
}

static const char *failure_of(const char *model)
{
    const struct weir_repo_status *s = weir_test_repo_await(rig, model, WEIR_REPO_FAILED, SOON_MS);
    return s ? s->reason.at : "(not failed)";
}

struct failure {
    const char *model, *reason;
};

static bool has_failed_with(struct weir_test_repo *t, void *arg)
{
    const struct failure *f = arg;
    const struct weir_repo_status *s = weir_test_repo_status(t, f->model, WEIR_REPO_FAILED);
    return s && strstr(s->reason.at, f->reason);
}

static void expect_failure(const char *model, const char *reason)
{
    struct failure f = {model, reason};
    cr_assert(weir_test_repo_until(rig, has_failed_with, &f, SOON_MS), "%s", failure_of(model));
}

static bool is_ready(struct weir_test_repo *t, void *arg)
{
    (void)arg;
    return t->table->is_ready;
}

/* --- restarts --- */

Test(repo_life, a_restart_after_garbage_serves_the_last_good_version)
{
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_start(rig, NULL);
    expect("m", 1);
    weir_test_repo_rename(rig, "m.joblib", 2);
    expect("m", 2);
    cr_assert_eq(serving("m")->number, 2);
    weir_test_repo_stop(rig);
    weir_test_repo_put(rig, "m.joblib", "garbage", 7);
    weir_test_repo_start(rig, NULL);
    expect("m", 2);
    cr_assert_eq(serving("m")->number, 2, "the generation stays with the content");
    cr_assert(serving("m")->is_from_state_dir);
    cr_assert_eq(weir_test_repo_count(rig, WEIR_REPO_EVENT_RESTORED), 1);
    expect_failure("m", "the end is missing");
    cr_assert(rig->table->is_ready);
    /* And the repaired file is a new generation. */
    weir_test_repo_rename(rig, "m.joblib", 3);
    expect("m", 3);
    cr_assert_eq(serving("m")->number, 3);
    cr_assert_not(serving("m")->is_from_state_dir);
}

Test(repo_life, a_restart_keeps_the_generation_of_the_same_file)
{
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_start(rig, NULL);
    expect("m", 1);
    for (int i = 2; i < 5; i++) {
        weir_test_repo_rename(rig, "m.joblib", i);
        expect("m", i);
    }
    weir_test_repo_stop(rig);
    weir_test_repo_start(rig, NULL);
    expect("m", 4);
    cr_assert_eq(serving("m")->number, 4);
    cr_assert_not(serving("m")->is_from_state_dir);
}

Test(repo_life, without_the_kept_file_a_broken_one_is_only_reported)
{
    weir_test_repo_put(rig, "m.joblib", "garbage", 7);
    weir_test_repo_start(rig, NULL);
    expect_failure("m", "the end is missing");
    cr_assert_null(version_of("m"));
    cr_assert_not(rig->table->is_ready);
    cr_assert_str_eq(rig->table->unready_reason.at, "no model serves");
}

Test(repo_life, a_damaged_kept_file_is_not_served)
{
    char state[512];
    struct weir_test_tmp *tmp = &rig->tmp;
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_start(rig, NULL);
    expect("m", 1);
    weir_test_repo_stop(rig);
    weir_test_tmp_path(tmp, "state", state, sizeof state);
    char command[1200];
    (void)snprintf(command, sizeof command,
                   "for f in %s/*/????????????????*; do echo damage >> $f; done", state);
    cr_assert_eq(system(command), 0);
    weir_test_repo_put(rig, "m.joblib", "garbage", 7);
    weir_test_repo_start(rig, NULL);
    cr_assert_not_null(weir_test_repo_await(rig, "m", WEIR_REPO_FAILED, SOON_MS));
    weir_test_repo_run(rig, 200);
    cr_assert_null(version_of("m"));
    cr_assert_eq(weir_test_repo_count(rig, WEIR_REPO_EVENT_LOAD_FAILED), 2);
}

Test(repo_life, an_unusable_state_directory_is_one_warning)
{
    char state[512];
    weir_test_tmp_path(&rig->tmp, "state", state, sizeof state);
    weir_test_tmp_write(&rig->tmp, "state", "a file", 6);
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_start(rig, NULL);
    expect("m", 1);
    for (int i = 2; i < 5; i++) {
        weir_test_repo_rename(rig, "m.joblib", i);
        expect("m", i);
    }
    cr_assert_eq(weir_test_repo_count(rig, WEIR_REPO_EVENT_STATE_DIR), 1);
}

Test(repo_life, two_servers_do_not_share_a_state_directory)
{
    struct weir_repo_state_dir a;
    struct weir_repo_state_dir b;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_test_repo_start(rig, NULL);
    cr_assert_eq(weir_repo_state_dir_open(&a, rig->config, &err), WEIR_ERR_IO);
    cr_assert_not_null(strstr(err.msg, "another server uses it"), "%s", err.msg);
    struct weir_config *config = rig->config;
    rig->config = NULL; /* Kept over the stop, for the directory it names. */
    weir_test_repo_stop(rig);
    cr_assert_eq(weir_repo_state_dir_open(&b, config, &err), WEIR_OK, "%s", err.msg);
    weir_repo_state_dir_close(&b);
    weir_config_free(config);
}

/* The writer of the state directory is killed at random instants; what is read back is always whole
 * and one of the states that were written. */
static void write_for_ever(const struct weir_repo_state_dir *dir)
{
    for (uint64_t i = 1;; i++) {
        struct weir_repo_record r = {.generation = i, .live_number = i};
        struct weir_buf lines = WEIR_BUF_INIT;
        struct weir_error err = WEIR_ERROR_INIT;
        char text[64];
        int n = snprintf(text, sizeof text, "content %llu", (unsigned long long)i);
        memset(r.live, (int)(i % 251), sizeof r.live);
        if (weir_repo_state_dir_keep(dir, r.live, text, (size_t)n, 1 << 20, &err) != WEIR_OK)
            _exit(1);
        weir_repo_state_dir_put(&lines, WEIR_STR("m"), &r);
        if (weir_repo_state_dir_write(dir, weir_buf_str(&lines), 1 << 20, &err) != WEIR_OK)
            _exit(1);
        weir_buf_deinit(&lines);
    }
}

static void take_record(void *ctx, struct weir_str model, const struct weir_repo_record *r)
{
    cr_assert(weir_str_eq_c(model, "m"));
    *(struct weir_repo_record *)ctx = *r;
}

Test(repo_life, a_killed_writer_leaves_a_whole_state)
{
    char state[512];
    uint64_t highest = 0;
    struct weir_test_random random;
    weir_test_random_init(&random, 20);
    weir_test_tmp_path(&rig->tmp, "killed", state, sizeof state);
    cr_assert_eq(mkdir(state, 0700), 0);
    for (int round = 0; round < 60; round++) {
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0) {
            struct weir_repo_state_dir dir = {open(state, O_RDONLY | O_DIRECTORY), -1};
            write_for_ever(&dir);
        }
        /* The loop turns while the child works: no sleep, and a random instant. */
        weir_test_repo_run(rig, 1 + (unsigned)weir_test_random_below(&random, 20));
        cr_assert_eq(kill(child, SIGKILL), 0);
        int status;
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFSIGNALED(status), "the writer failed by itself");
        struct weir_repo_state_dir dir = {open(state, O_RDONLY | O_DIRECTORY), -1};
        struct weir_repo_record r = {0};
        struct weir_error err = WEIR_ERROR_INIT;
        enum weir_status st = weir_repo_state_dir_recall(&dir, take_record, &r, &err);
        cr_assert(st == WEIR_OK || (st == WEIR_ERR_NOT_FOUND && highest == 0), "round %d: %s",
                  round, err.msg);
        if (st == WEIR_OK) {
            int fd = -1;
            char text[64] = {0};
            char wanted[64];
            cr_assert_eq(weir_repo_state_dir_find(&dir, r.live, &fd, &err), WEIR_OK, "%s", err.msg);
            cr_assert_gt(read(fd, text, sizeof text - 1), 0);
            /* The same digest comes again after 251 states: only the latest is sure. */
            (void)snprintf(wanted, sizeof wanted, "content ");
            cr_assert_eq(strncmp(text, wanted, 8), 0, "%s", text);
            cr_assert_eq(close(fd), 0);
            highest = r.generation;
        }
        weir_repo_state_dir_close(&dir);
    }
    cr_assert_gt(highest, 0, "no round wrote anything; seed %llu", (unsigned long long)random.seed);
}

/* --- rollback, unload, load --- */

Test(repo_life, a_rollback_serves_the_version_before_and_holds_the_other)
{
    struct weir_error err = WEIR_ERROR_INIT;
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_start(rig, NULL);
    expect("m", 1);
    cr_assert_eq(weir_repo_rollback(rig->repo, WEIR_STR("m"), &err), WEIR_ERR_UNSUPPORTED);
    weir_test_repo_rename(rig, "m.joblib", 2);
    expect("m", 2);
    cr_assert_eq(weir_repo_rollback(rig->repo, WEIR_STR("m"), &err), WEIR_OK, "%s", err.msg);
    cr_assert(!isnan(weir_test_repo_answer(rig, "m")), "it serves all the while");
    expect("m", 1);
    cr_assert_eq(serving("m")->number, 1);
    cr_assert_eq(weir_test_repo_count(rig, WEIR_REPO_EVENT_ROLLED_BACK), 1);
    cr_assert_not_null(weir_test_repo_await(rig, "m", WEIR_REPO_HELD, SOON_MS));
    /* Touching the file does not bring it back, nor does a restart. */
    cr_assert_eq(utimensat(AT_FDCWD, path("m.joblib"), NULL, 0), 0);
    weir_test_repo_run(rig, 250);
    expect("m", 1);
    cr_assert_not_null(weir_test_repo_status(rig, "m", WEIR_REPO_HELD));
    weir_test_repo_stop(rig);
    weir_test_repo_start(rig, NULL);
    expect("m", 1);
    cr_assert_not_null(weir_test_repo_await(rig, "m", WEIR_REPO_HELD, SOON_MS));
    weir_test_repo_rename(rig, "m.joblib", 3);
    expect("m", 3);
    cr_assert_eq(serving("m")->number, 3);
}

Test(repo_life, a_rollback_among_folders_takes_the_next_lower)
{
    struct weir_error err = WEIR_ERROR_INIT;
    weir_test_repo_write(rig, "m/1/a.pkl", 1);
    weir_test_repo_write(rig, "m/2/a.pkl", 2);
    weir_test_repo_start(rig, NULL);
    expect("m", 2);
    cr_assert_eq(weir_repo_rollback(rig->repo, WEIR_STR("m"), &err), WEIR_OK, "%s", err.msg);
    expect("m", 1);
    cr_assert_eq(serving("m")->number, 1);
    cr_assert_not_null(weir_test_repo_status(rig, "m", WEIR_REPO_HELD));
    cr_assert_eq(weir_repo_load(rig->repo, WEIR_STR("m"), &err), WEIR_OK, "%s", err.msg);
    expect("m", 2);
}

Test(repo_life, unload_and_load_by_name)
{
    struct weir_error err = WEIR_ERROR_INIT;
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_write(rig, "n.joblib", 5);
    weir_test_repo_start(rig, NULL);
    expect("m", 1);
    expect("n", 5);
    cr_assert_eq(weir_repo_unload(rig->repo, WEIR_STR("x"), &err), WEIR_ERR_NOT_FOUND);
    cr_assert_eq(weir_repo_unload(rig->repo, WEIR_STR("m"), &err), WEIR_OK, "%s", err.msg);
    cr_assert_null(version_of("m"));
    weir_test_repo_run(rig, 200);
    cr_assert_null(version_of("m"), "it stays unloaded");
    cr_assert_not_null(version_of("n"));
    cr_assert_eq(weir_repo_load(rig->repo, WEIR_STR("m"), &err), WEIR_OK, "%s", err.msg);
    expect("m", 1);
    cr_assert_eq(serving("m")->number, 1);
    cr_assert_eq(weir_repo_load(rig->repo, WEIR_STR("zz"), &err), WEIR_ERR_NOT_FOUND);
}

/* --- names, policies, labels --- */

Test(repo_life, two_files_for_one_name_the_serving_one_stays)
{
    weir_test_repo_write(rig, "m.pkl", 1);
    weir_test_repo_start(rig, NULL);
    expect("m", 1);
    weir_test_repo_write(rig, "m.joblib", 2);
    expect_failure("m", "the name \"m\" is taken by m.pkl");
    weir_test_repo_run(rig, 200);
    expect("m", 1);
    /* When the one that serves goes, the other takes its place without a gap. */
    cr_assert_eq(unlink(path("m.pkl")), 0);
    expect("m", 2);
    cr_assert_eq(serving("m")->number, 2);
}

Test(repo_life, a_broken_file_does_not_keep_a_name_from_a_good_one)
{
    weir_test_repo_put(rig, "m.joblib", "garbage", 7);
    weir_test_repo_write(rig, "m.pkl", 2);
    weir_test_repo_start(rig, NULL);
    expect("m", 2);
}

Test(repo_life, what_is_not_a_model_is_not_listed)
{
    static const char *const names[] = {"README.md",        ".hidden.joblib", "m.joblib.tmp",
                                        "m.joblib~",        "m.holdout.csv",  "m.gate.yaml",
                                        "m.joblib.sha256x", "notes.txt",      "m.smoke.json",
                                        "m.joblib.part",    "folder/readme"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++)
        weir_test_repo_put(rig, names[i], "x", 1);
    weir_test_repo_write(rig, "ok.pickle", 1);
    weir_test_repo_write(rig, "zipped.joblib.gz", 2);
    weir_test_repo_write(rig, "bad name.pkl", 3);
    weir_test_repo_put(rig, "flow/MLmodel", "flavors:\n", 9);
    weir_test_repo_put(rig, "empty/1/readme", "x", 1);
    weir_test_repo_write(rig, "two/1/a.pkl", 1);
    weir_test_repo_write(rig, "two/1/b.pkl", 1);
    weir_test_repo_start(rig, NULL);
    expect("ok", 1);
    expect("zipped", 2);
    expect_failure("bad_name", "not a legal model name");
    expect_failure("flow", "MLmodel: has no flavors");
    expect_failure("two", "more than one model file");
    cr_assert_not_null(weir_test_repo_await(rig, "empty", WEIR_REPO_SEEN, SOON_MS));
    cr_assert_eq(rig->table->n_models, 6);
    cr_assert(weir_test_repo_until(rig, is_ready, NULL, SOON_MS), "%s",
              rig->table->unready_reason.at);
}

Test(repo_life, all_and_named_policies_and_labels)
{
    static const char *const args[] = {
        "--model-options",
        "{a: {version_policy: all, labels: {stable: 1, canary: 3, none: 7}}, "
        "b: {version_policy: [1, 3]}}",
        NULL};
    for (int i = 1; i <= 3; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "a/%d/m.pkl", i);
        weir_test_repo_write(rig, name, i);
        name[0] = 'b';
        weir_test_repo_write(rig, name, 10 + i);
    }
    weir_test_repo_start(rig, args);
    expect("a", 3);
    expect("b", 13);
    const struct weir_repo_entry *a = weir_repo_table_find(rig->table, WEIR_STR("a"));
    const struct weir_repo_entry *b = weir_repo_table_find(rig->table, WEIR_STR("b"));
    for (int i = 0; i < 300 && (a->n_versions < 3 || b->n_versions < 2); i++) {
        weir_test_repo_run(rig, 10);
        a = weir_repo_table_find(rig->table, WEIR_STR("a"));
        b = weir_repo_table_find(rig->table, WEIR_STR("b"));
    }
    cr_assert_eq(a->n_versions, 3);
    cr_assert_eq(b->n_versions, 2);
    cr_assert_eq(weir_repo_table_version(a, WEIR_STR("2"))->number, 2);
    cr_assert_eq(weir_repo_table_version(a, WEIR_STR("stable"))->number, 1);
    cr_assert_eq(weir_repo_table_version(a, WEIR_STR("canary"))->number, 3);
    cr_assert_eq(weir_repo_table_version(a, WEIR_STR(""))->number, 3);
    cr_assert_null(weir_repo_table_version(a, WEIR_STR("none")));
    cr_assert_null(weir_repo_table_version(b, WEIR_STR("2")));
    cr_assert_eq(b->versions[0]->number, 1);
}

/* --- removal --- */

Test(repo_life, a_vanished_file_is_unloaded_after_the_grace_when_asked_for)
{
    static const char *const args[] = {"--on-removal=unload", "--removal-grace=150ms", NULL};
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_write(rig, "n.joblib", 2);
    weir_test_repo_start(rig, args);
    expect("m", 1);
    expect("n", 2);
    cr_assert_eq(unlink(path("m.joblib")), 0);
    cr_assert_not_null(weir_test_repo_await(rig, "m", WEIR_REPO_ORPHANED, SOON_MS));
    cr_assert_not_null(version_of("m"));
    for (int i = 0; i < 100 && version_of("m"); i++)
        weir_test_repo_run(rig, 20);
    cr_assert_null(version_of("m"));
    /* The last one of a directory stays: an empty directory may be an unmounted volume. */
    cr_assert_eq(unlink(path("n.joblib")), 0);
    weir_test_repo_run(rig, 500);
    cr_assert_not_null(version_of("n"));
}

Test(repo_life, sighup_unloads_what_is_gone)
{
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_write(rig, "n.joblib", 2);
    weir_test_repo_start(rig, NULL);
    expect("m", 1);
    expect("n", 2);
    cr_assert_eq(unlink(path("m.joblib")), 0);
    cr_assert_not_null(weir_test_repo_await(rig, "m", WEIR_REPO_ORPHANED, SOON_MS));
    weir_repo_reconfigure(rig->repo, rig->config);
    weir_test_repo_run(rig, 50);
    cr_assert_null(version_of("m"));
    cr_assert_not_null(version_of("n"));
    cr_assert_eq(weir_test_repo_count(rig, WEIR_REPO_EVENT_UNLOADED), 1);
}

/* --- readiness --- */

Test(repo_life, ready_means_every_model_is_decided_and_one_serves)
{
    weir_test_repo_start(rig, NULL);
    weir_test_repo_run(rig, 50);
    cr_assert_not(rig->table->is_ready);
    weir_test_repo_rename(rig, "m.joblib", 1);
    expect("m", 1);
    cr_assert(rig->table->is_ready);
    /* One that fails later does not take the server out of service. */
    weir_test_repo_put(rig, "bad.pkl", "x", 1);
    (void)failure_of("bad");
    cr_assert(rig->table->is_ready);
}

Test(repo_life, strict_readiness_wants_every_model)
{
    static const char *const args[] = {"--strict-readiness", NULL};
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_put(rig, "bad.pkl", "x", 1);
    weir_test_repo_start(rig, args);
    expect("m", 1);
    (void)failure_of("bad");
    cr_assert_not(rig->table->is_ready);
    cr_assert_str_eq(rig->table->unready_reason.at, "no version serves of model bad");
    weir_test_repo_rename(rig, "bad.pkl", 2);
    expect("bad", 2);
    cr_assert(rig->table->is_ready);
}

/* --- digests beside files --- */

static void put_digest(const char *name, const char *hex)
{
    char text[128];
    int n = snprintf(text, sizeof text, "%s  m.joblib\n", hex);
    weir_test_repo_put(rig, name, text, (size_t)n);
}

Test(repo_life, a_digest_beside_a_file_must_agree)
{
    static const char *const args[] = {"--require-digest", NULL};
    char digest[65];
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_start(rig, NULL);
    expect("m", 1);
    memcpy(digest, serving("m")->digest_hex, sizeof digest);
    weir_test_repo_stop(rig);
    weir_test_repo_start(rig, args);
    expect_failure("m", "its .sha256 file cannot be read");
    put_digest("m.joblib.sha256", digest);
    expect("m", 1);
    weir_test_repo_rename(rig, "m.joblib", 2);
    expect_failure("m", "names another digest");
    cr_assert(weir_test_repo_answers(rig, "m", 1, 10));
}

/* --- limits and scarce means --- */

Test(repo_life, too_large_a_file_is_refused_with_both_numbers)
{
    static const char *const args[] = {"--model-bytes-max=20", NULL};
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_start(rig, args);
    expect_failure("m", "has 25 bytes, model_bytes_max allows 20");
}

Test(repo_life, no_descriptors_left_is_survived)
{
    struct rlimit old;
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_start(rig, NULL);
    expect("m", 1);
    weir_test_repo_write(rig, ".new", 2);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    int spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct rlimit none = {(rlim_t)spare + 1, old.rlim_max};
    cr_assert_eq(rename(path(".new"), path("m.joblib")), 0);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    weir_test_repo_run(rig, 200);
    cr_assert(weir_test_repo_answers(rig, "m", 1, 10), "the old one serves");
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    cr_assert_eq(close(spare), 0);
    expect("m", 2);
}

/* --- publishing --- */

Test(repo_life, a_version_in_use_is_freed_only_when_released)
{
    weir_test_repo_write(rig, "m.joblib", 1);
    weir_test_repo_start(rig, NULL);
    expect("m", 1);
    const struct weir_version *first = version_of("m");
    rig->holds_releases = true;
    for (int i = 2; i < 6; i++) {
        weir_test_repo_rename(rig, "m.joblib", i);
        expect("m", i);
    }
    /* Still there, and still what it was; five tables and five versions are alive. */
    cr_assert_eq(first->number, 1);
    const double x[2] = {0, 0};
    double y = 0;
    cr_assert_eq(weir_model_predict(first->model, x, 1, 2, WEIR_OUTPUT_PREDICT, &y, NULL), WEIR_OK);
    cr_assert_float_eq(y, 1, 1e-12);
    cr_assert_not_null(weir_test_repo_status(rig, "m", WEIR_REPO_RETIRING));
    uint64_t freed = weir_repo_get_counters(rig->repo)->versions_freed;
    weir_repo_version_released(rig->repo, first);
    weir_repo_table_adopted(rig->repo, rig->table);
    for (int i = 0; i < 200 && weir_repo_get_counters(rig->repo)->versions_freed == freed; i++) {
        weir_test_repo_run(rig, 10);
        weir_repo_rescan(rig->repo);
    }
    cr_assert_eq(weir_repo_get_counters(rig->repo)->versions_freed, freed + 1);
    cr_assert_geq(weir_test_repo_count(rig, WEIR_REPO_EVENT_ADOPTED), 5);
}

/* --- the real reader on real files --- */

static void copy_model(const char *from, const char *to)
{
    char path_from[1024];
    const char *root = getenv("WEIR_TEST_SOURCE_ROOT");
    size_t n;
    (void)snprintf(path_from, sizeof path_from, "%s/tests/data/sklearn/1.6.1/%s", root ? root : ".",
                   from);
    char *bytes = weir_test_tmp_read(path_from, &n);
    weir_test_repo_put(rig, ".copy", bytes, n);
    free(bytes);
    cr_assert_eq(rename(path(".copy"), path(to)), 0);
}

static bool has_estimator(struct weir_test_repo *t, void *arg)
{
    const struct weir_repo_entry *e = weir_repo_table_find(t->table, WEIR_STR("m"));
    return e && e->version && strstr(e->version->spec->estimator.at, arg);
}

Test(repo_life, files_of_scikit_learn_are_swapped)
{
    rig->uses_real_reader = true;
    copy_model("trees/dtc_iris.pkl", "m.joblib");
    weir_test_repo_start(rig, NULL);
    cr_assert(weir_test_repo_until(rig, has_estimator, (char[]){"DecisionTreeClassifier"}, SOON_MS),
              "%s", failure_of("m"));
    cr_assert_gt(serving("m")->cost_ns + serving("m")->cost_row_ns, 0.0);
    copy_model("encodings/enc_lr_joblib_zlib.joblib", "m.joblib");
    cr_assert(weir_test_repo_until(rig, has_estimator, (char[]){"LogisticRegression"}, SOON_MS),
              "%s", failure_of("m"));
    cr_assert_eq(serving("m")->number, 2);
    weir_test_repo_put(rig, "m.joblib", "cos\nsystem\n(S'true'\ntR.", 24);
    const char *reason = failure_of("m");
    cr_assert_not_null(strstr(reason, "system"), "%s", reason);
    cr_assert_null(strstr(reason, rig->tmp.path), "no absolute path: %s", reason);
    cr_assert_eq(serving("m")->number, 2);
}
