/* SPDX-License-Identifier: MIT */
/* The fault matrix of the hot swap on real files: each row with events of the kernel and without.
 * Whatever is done to a file, the model goes on answering one whole version or another. */
#include "base/clock.h"
#include "base/macros.h"
#include "test_repo.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SOON_MS = 3000, QUIET_MS = 250 };

static const char *const no_events[] = {"--no-events", NULL};

struct path {
    char at[512];
};

static struct path path(const struct weir_test_repo *t, const char *name)
{
    struct path p;
    (void)weir_test_repo_path(t, name, p.at);
    return p;
}

#define PATH(t, name) (path((t), (name)).at)

/* The model "m" must never answer anything but these two, nor nothing. */
struct allowed {
    double a, b;
    size_t n_seen;
};

static bool is_wrong(struct weir_test_repo *t, void *arg)
{
    struct allowed *allowed = arg;
    double y = weir_test_repo_answer(t, "m");
    allowed->n_seen++;
    return isnan(y) || (fabs(y - allowed->a) > 0.0 && fabs(y - allowed->b) > 0.0);
}

static void assert_only(struct weir_test_repo *t, double a, double b, unsigned ms)
{
    struct allowed allowed = {a, b, 0};
    cr_assert_not(weir_test_repo_until(t, is_wrong, &allowed, ms), "answers %g",
                  weir_test_repo_answer(t, "m"));
    cr_assert_gt(allowed.n_seen, 0);
}

static void expect(struct weir_test_repo *t, double c)
{
    cr_assert(weir_test_repo_answers(t, "m", c, SOON_MS), "answers %g instead of %g",
              weir_test_repo_answer(t, "m"), c);
}

static void expect_failed(struct weir_test_repo *t, const char *reason)
{
    const struct weir_repo_status *s = weir_test_repo_await(t, "m", WEIR_REPO_FAILED, SOON_MS);
    cr_assert_not_null(s, "not reported as failed");
    cr_assert_not_null(strstr(s->reason.at, reason), "%s", s->reason.at);
}

/* --- the rows --- */

static void renamed_over(struct weir_test_repo *t)
{
    for (int i = 2; i < 20; i++) {
        weir_test_repo_rename(t, "m.joblib", i);
        expect(t, i);
    }
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_SWAPPED), 18);
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_LOAD_FAILED), 0);
}

static void symlink_flipped(struct weir_test_repo *t)
{
    cr_assert_eq(unlink(PATH(t, "m.joblib")), 0);
    weir_test_repo_write(t, ".rel/1", 1);
    weir_test_repo_write(t, ".rel/2", 2);
    for (int i = 1; i < 6; i++) {
        char target[32];
        (void)snprintf(target, sizeof target, ".rel/%d", 1 + i % 2);
        cr_assert_eq(symlink(target, PATH(t, ".new")), 0);
        cr_assert_eq(rename(PATH(t, ".new"), PATH(t, "m.joblib")), 0);
        expect(t, 1 + i % 2);
    }
}

/* A ConfigMap: m.joblib → ..data/m.joblib, ..data → ..1/, and ..data is replaced by rename. */
static void kubernetes_flipped(struct weir_test_repo *t)
{
    cr_assert_eq(unlink(PATH(t, "m.joblib")), 0);
    weir_test_repo_write(t, "..1/m.joblib", 1);
    cr_assert_eq(symlink("..1", PATH(t, "..data")), 0);
    cr_assert_eq(symlink("..data/m.joblib", PATH(t, "m.joblib")), 0);
    expect(t, 1);
    for (int i = 2; i < 6; i++) {
        char dir[32];
        char file[64];
        (void)snprintf(dir, sizeof dir, "..%d", i);
        (void)snprintf(file, sizeof file, "..%d/m.joblib", i);
        weir_test_repo_write(t, file, i);
        cr_assert_eq(symlink(dir, PATH(t, "..tmp")), 0);
        cr_assert_eq(rename(PATH(t, "..tmp"), PATH(t, "..data")), 0);
        expect(t, i);
    }
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_LOAD_FAILED), 0);
}

static void hard_linked(struct weir_test_repo *t)
{
    weir_test_repo_write(t, ".other", 2);
    cr_assert_eq(link(PATH(t, ".other"), PATH(t, ".link")), 0);
    cr_assert_eq(rename(PATH(t, ".link"), PATH(t, "m.joblib")), 0);
    expect_failed(t, "hard link");
    assert_only(t, 1, 1, QUIET_MS);
    cr_assert_eq(unlink(PATH(t, ".other")), 0);
    expect(t, 2);
}

/* Cut, then written bit by bit with pauses longer than settle, the writer staying open. */
static void written_slowly_in_place(struct weir_test_repo *t)
{
    for (int round = 2; round < 5; round++) {
        char text[64];
        int n = snprintf(text, sizeof text, "weir-test 0.5 0.25 %d end\n", round);
        int fd = open(PATH(t, "m.joblib"), O_WRONLY | O_TRUNC | O_CLOEXEC);
        cr_assert_geq(fd, 0);
        for (int i = 0; i < n; i++) {
            cr_assert_eq(write(fd, text + i, 1), 1);
            assert_only(t, round - 1, round - 1, i % 8 == 0 ? 150 : 5);
        }
        cr_assert_eq(close(fd), 0);
        expect(t, round);
    }
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_LOAD_FAILED), 0,
                 "a file that is being written is no failure");
}

/* The same length, in place, never cut: old and new bytes mixed look whole. */
static void overwritten_in_place_with_pauses(struct weir_test_repo *t)
{
    weir_test_repo_rename(t, "m.joblib", 1111);
    expect(t, 1111);
    int fd = open(PATH(t, "m.joblib"), O_WRONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pwrite(fd, "2", 1, 19 + i), 1);
        assert_only(t, 1111, 1111, 150);
    }
    cr_assert_eq(close(fd), 0);
    expect(t, 2222);
}

/* An editor: backup, truncate, write, chmod, close. */
static void saved_by_an_editor(struct weir_test_repo *t)
{
    for (int i = 2; i < 8; i++) {
        weir_test_repo_write(t, "m.joblib~", i - 1);
        weir_test_repo_write(t, ".m.joblib.swp", 77);
        weir_test_repo_write(t, "m.joblib", i);
        cr_assert_eq(chmod(PATH(t, "m.joblib"), i % 2 ? 0600 : 0644), 0);
        cr_assert_eq(unlink(PATH(t, ".m.joblib.swp")), 0);
        expect(t, i);
    }
    cr_assert_eq(t->table->n_models, 1);
}

static void cut_at_every_byte(struct weir_test_repo *t)
{
    static const char text[] = "weir-test 0.5 0.25 2 end\n";
    for (size_t n = 1; n < sizeof text - 1; n++) {
        size_t before = weir_test_repo_count(t, WEIR_REPO_EVENT_LOAD_FAILED);
        weir_test_repo_put(t, ".cut", text, n);
        cr_assert_eq(rename(PATH(t, ".cut"), PATH(t, "m.joblib")), 0);
        for (int i = 0; i < 200 && weir_test_repo_count(t, WEIR_REPO_EVENT_LOAD_FAILED) == before;
             i++)
            assert_only(t, 1, 1, 10);
        cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_LOAD_FAILED), before + 1, "cut at %zu",
                     n);
    }
    expect_failed(t, "offset 24: the end is missing");
    weir_test_repo_rename(t, "m.joblib", 2);
    expect(t, 2);
    cr_assert_null(weir_test_repo_status(t, "m", WEIR_REPO_FAILED));
}

static void emptied(struct weir_test_repo *t)
{
    cr_assert_eq(truncate(PATH(t, "m.joblib"), 0), 0);
    expect_failed(t, "is empty");
    assert_only(t, 1, 1, QUIET_MS);
    weir_test_repo_write(t, "m.joblib", 2);
    expect(t, 2);
}

static void replaced_by_garbage(struct weir_test_repo *t)
{
    weir_test_repo_put(t, "m.joblib", "\x80\x04garbage", 9);
    expect_failed(t, "offset 9: the end is missing");
    size_t n_loads = weir_repo_get_counters(t->repo)->loads;
    uint64_t since = weir_test_repo_status(t, "m", WEIR_REPO_FAILED)->since_wall_ns;
    assert_only(t, 1, 1, QUIET_MS);
    cr_assert_eq(weir_repo_get_counters(t->repo)->loads, n_loads, "not tried again unchanged");
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_LOAD_FAILED), 1);
    /* Touched: read, recognised by its digest, still failed since the same time. */
    cr_assert_eq(utimensat(AT_FDCWD, PATH(t, "m.joblib"), NULL, 0), 0);
    assert_only(t, 1, 1, QUIET_MS);
    cr_assert_gt(weir_repo_get_counters(t->repo)->loads, n_loads);
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_LOAD_FAILED), 1);
    cr_assert_eq(weir_test_repo_status(t, "m", WEIR_REPO_FAILED)->since_wall_ns, since);
}

static void deleted_and_restored(struct weir_test_repo *t)
{
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(rename(PATH(t, "m.joblib"), PATH(t, ".away")), 0);
        cr_assert_not_null(weir_test_repo_await(t, "m", WEIR_REPO_ORPHANED, SOON_MS));
        assert_only(t, 1, 1, 60);
        cr_assert_eq(rename(PATH(t, ".away"), PATH(t, "m.joblib")), 0);
        cr_assert_not_null(weir_test_repo_await(t, "m", WEIR_REPO_READY, SOON_MS));
        assert_only(t, 1, 1, 60);
    }
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_SWAPPED), 0);
    cr_assert_eq(unlink(PATH(t, "m.joblib")), 0);
    cr_assert_not_null(weir_test_repo_await(t, "m", WEIR_REPO_ORPHANED, SOON_MS));
    weir_test_repo_write(t, "m.joblib", 2);
    expect(t, 2);
}

static void directory_moved_away(struct weir_test_repo *t)
{
    struct path away;
    weir_test_tmp_path(&t->tmp, "away", away.at, sizeof away.at);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(rename(PATH(t, ""), away.at), 0);
        cr_assert_not_null(weir_test_repo_await(t, "m", WEIR_REPO_ORPHANED, SOON_MS));
        assert_only(t, 1, 1, 100);
        cr_assert_eq(rename(away.at, PATH(t, "")), 0);
        cr_assert_not_null(weir_test_repo_await(t, "m", WEIR_REPO_READY, SOON_MS));
    }
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_ROOT_FAILED), 3);
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_ROOT_BACK), 3);
    weir_test_repo_rename(t, "m.joblib", 2);
    expect(t, 2);
}

static void made_unreadable(struct weir_test_repo *t)
{
    weir_test_repo_write(t, ".new", 2);
    cr_assert_eq(chmod(PATH(t, ".new"), 0), 0);
    cr_assert_eq(rename(PATH(t, ".new"), PATH(t, "m.joblib")), 0);
    if (geteuid() == 0) {
        expect(t, 2); /* Modes do not hold for the superuser. */
        return;
    }
    expect_failed(t, "cannot be opened: Permission denied");
    assert_only(t, 1, 1, QUIET_MS);
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_LOAD_FAILED), 1, "reported once");
    cr_assert_eq(chmod(PATH(t, "m.joblib"), 0600), 0);
    expect(t, 2);
}

static void make_fifo(struct weir_test_repo *t)
{
    cr_assert_eq(mkfifo(PATH(t, "m.joblib"), 0600), 0);
}

static void make_directory(struct weir_test_repo *t)
{
    cr_assert_eq(mkdir(PATH(t, "m.joblib"), 0700), 0);
}

static void make_dangling(struct weir_test_repo *t)
{
    cr_assert_eq(symlink("nowhere", PATH(t, "m.joblib")), 0);
}

static void make_loop(struct weir_test_repo *t)
{
    cr_assert_eq(symlink("m.joblib", PATH(t, "m.joblib")), 0);
}

static void make_way_out(struct weir_test_repo *t)
{
    weir_test_tmp_write(&t->tmp, "secret", "weir-test 0 0 9 end\n", 20);
    cr_assert_eq(symlink("../secret", PATH(t, "m.joblib")), 0);
}

static void make_absolute_way_out(struct weir_test_repo *t)
{
    struct path p;
    weir_test_tmp_write(&t->tmp, "secret", "weir-test 0 0 9 end\n", 20);
    weir_test_tmp_path(&t->tmp, "secret", p.at, sizeof p.at);
    cr_assert_eq(symlink(p.at, PATH(t, "m.joblib")), 0);
}

static void make_socket(struct weir_test_repo *t)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct path p = path(t, "m.joblib");
    cr_assert_lt(strlen(p.at), sizeof address.sun_path);
    memcpy(address.sun_path, p.at, strlen(p.at) + 1);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(close(fd), 0);
}

static void replaced_by_other_kinds(struct weir_test_repo *t)
{
    static const struct {
        void (*make)(struct weir_test_repo *t);
        const char *reason;
    } kinds[] = {
        {make_fifo, "is a pipe"},
        {make_socket, "is a socket"},
        {make_directory, "is a directory"},
        {make_dangling, "leads nowhere"},
        {make_loop, "leads to itself"},
        {make_way_out, "leads out of the model directory"},
        {make_absolute_way_out, "leads out of the model directory"},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++) {
        cr_assert_eq(unlink(PATH(t, "m.joblib")), 0);
        kinds[i].make(t);
        expect_failed(t, kinds[i].reason);
        assert_only(t, (double)i + 1, (double)i + 1, 60);
        cr_assert_eq(remove(PATH(t, "m.joblib")), 0);
        weir_test_repo_write(t, "m.joblib", (double)i + 2);
        expect(t, (double)i + 2);
    }
}

static void flooded(struct weir_test_repo *t)
{
    enum { N = 3000 };
    for (int i = 0; i < N; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "f%d.txt", i % 200);
        weir_test_repo_put(t, name, "x", 1);
        if (i % 100 == 0)
            assert_only(t, 1, 1, 1);
    }
    weir_test_repo_rename(t, "m.joblib", 2);
    expect(t, 2);
}

static void back_and_forth_within_settle(struct weir_test_repo *t)
{
    weir_test_repo_write(t, "m.joblib", 2);
    weir_test_repo_write(t, "m.joblib", 1);
    weir_test_repo_run(t, QUIET_MS);
    assert_only(t, 1, 1, 10);
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_SWAPPED), 0);
}

static bool was_unchanged(struct weir_test_repo *t, void *arg)
{
    (void)arg;
    return weir_test_repo_count(t, WEIR_REPO_EVENT_UNCHANGED) > 0;
}

static void same_content_in_a_new_file(struct weir_test_repo *t)
{
    weir_test_repo_rename(t, "m.joblib", 1);
    cr_assert(weir_test_repo_until(t, was_unchanged, NULL, SOON_MS));
    weir_test_repo_run(t, QUIET_MS);
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_SWAPPED), 0);
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_UNCHANGED), 1);
    cr_assert_eq(weir_repo_table_find(t->table, WEIR_STR("m"))->version->number, 1);
}

/* Size and modification time are put back as they were: the change time and the digest tell. */
static void new_content_of_same_size_and_time(struct weir_test_repo *t)
{
    struct stat st;
    cr_assert_eq(stat(PATH(t, "m.joblib"), &st), 0);
    weir_test_repo_write(t, "m.joblib", 2);
    cr_assert_eq(
        utimensat(AT_FDCWD, PATH(t, "m.joblib"), (struct timespec[]){st.st_atim, st.st_mtim}, 0),
        0);
    expect(t, 2);
}

static void touched(struct weir_test_repo *t)
{
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(utimensat(AT_FDCWD, PATH(t, "m.joblib"), NULL, 0), 0);
        weir_test_repo_run(t, 150);
    }
    cr_assert(weir_test_repo_until(t, was_unchanged, NULL, SOON_MS));
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_SWAPPED), 0);
    assert_only(t, 1, 1, 10);
}

static void many_at_once(struct weir_test_repo *t)
{
    for (int i = 0; i < 50; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "n%d.pkl", i);
        weir_test_repo_rename(t, name, i);
    }
    weir_test_repo_rename(t, "m.joblib", 2);
    for (int i = 0; i < 50; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "n%d", i);
        cr_assert(weir_test_repo_answers(t, name, i, SOON_MS), "%s", name);
    }
    expect(t, 2);
    cr_assert_eq(t->table->n_serving, 51);
}

static void new_version_all_the_time(struct weir_test_repo *t)
{
    int i = 2;
    for (uint64_t until = weir_clock_ns() + WEIR_NS_PER_S; weir_clock_ns() < until; i++) {
        weir_test_repo_rename(t, "m.joblib", i);
        weir_test_repo_run(t, 10);
        cr_assert_not(isnan(weir_test_repo_answer(t, "m")));
    }
    expect(t, i - 1);
    cr_assert_eq(weir_test_repo_count(t, WEIR_REPO_EVENT_LOAD_FAILED), 0);
    cr_assert_geq(weir_test_repo_count(t, WEIR_REPO_EVENT_SWAPPED), 3, "no starvation");
}

static void folders_come_and_go(struct weir_test_repo *t)
{
    weir_test_repo_write(t, "v/1/model.pkl", 1);
    cr_assert(weir_test_repo_answers(t, "v", 1, SOON_MS));
    weir_test_repo_write(t, "v/3/model.pkl", 3);
    cr_assert(weir_test_repo_answers(t, "v", 3, SOON_MS));
    const struct weir_repo_entry *e = weir_repo_table_find(t->table, WEIR_STR("v"));
    cr_assert_eq(e->n_versions, 1, "latest: one serves");
    cr_assert_eq(e->version->number, 3);
    weir_test_repo_put(t, "v/10/model.pkl", "bad", 3);
    cr_assert_not_null(weir_test_repo_await(t, "v", WEIR_REPO_FAILED, SOON_MS));
    cr_assert(weir_test_repo_answers(t, "v", 3, 10), "3 stays when 10 fails");
    weir_test_repo_rename(t, "v/10/model.pkl", 10);
    cr_assert(weir_test_repo_answers(t, "v", 10, SOON_MS));
    cr_assert_eq(unlink(PATH(t, "v/10/model.pkl")), 0);
    cr_assert_eq(rmdir(PATH(t, "v/10")), 0);
    cr_assert(weir_test_repo_answers(t, "v", 3, SOON_MS), "3 is loaded again, then 10 retires");
    expect(t, 1);
}

static const struct row {
    const char *label;
    void (*run)(struct weir_test_repo *t);
} rows[] = {
    {"renamed over", renamed_over},
    {"symbolic link flipped", symlink_flipped},
    {"..data flipped", kubernetes_flipped},
    {"hard link", hard_linked},
    {"written slowly in place", written_slowly_in_place},
    {"overwritten in place with pauses", overwritten_in_place_with_pauses},
    {"saved by an editor", saved_by_an_editor},
    {"cut at every byte", cut_at_every_byte},
    {"emptied", emptied},
    {"replaced by garbage", replaced_by_garbage},
    {"deleted and restored", deleted_and_restored},
    {"directory moved away", directory_moved_away},
    {"made unreadable", made_unreadable},
    {"replaced by other kinds", replaced_by_other_kinds},
    {"flooded", flooded},
    {"back and forth within settle", back_and_forth_within_settle},
    {"same content in a new file", same_content_in_a_new_file},
    {"new content of same size and time", new_content_of_same_size_and_time},
    {"touched", touched},
    {"many at once", many_at_once},
    {"new version all the time", new_version_all_the_time},
    {"folders come and go", folders_come_and_go},
};

/* Each row twice: even indices with events, odd ones without. */
ParameterizedTestParameters(repo_swap, survives)
{
    static size_t indices[2 * WEIR_ARRAY_LEN(rows)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(indices); i++)
        indices[i] = i;
    return cr_make_param_array(size_t, indices, WEIR_ARRAY_LEN(indices));
}

ParameterizedTest(size_t *index, repo_swap, survives, .timeout = 60)
{
    const struct row *row = &rows[*index / 2];
    bool has_events = *index % 2 == 0;
    struct weir_test_repo *t = malloc(sizeof *t);
    cr_assert_not_null(t);
    weir_test_repo_init(t);
    weir_test_repo_write(t, "m.joblib", 1);
    weir_test_repo_start(t, has_events ? NULL : no_events);
    if (getenv("WEIR_TEST_VERBOSE"))
        (void)fprintf(stderr, "--- %s, %s\n", row->label, has_events ? "events" : "no events");
    expect(t, 1);
    row->run(t);
    weir_test_repo_deinit(t);
    free(t);
}
