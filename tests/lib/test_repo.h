/* SPDX-License-Identifier: MIT */
/* A repository over a temporary folder, with a server's manners: every table is adopted at once and
 * what it retires is released, unless told otherwise.
 *
 * Model files are texts of a format of the tests' own, "weir-test A B C end\n": the model of two
 * features that answers A·x + B·y + C. A file that does not end in "end\n" is refused. */
#ifndef WEIR_TESTS_LIB_TEST_REPO_H
#define WEIR_TESTS_LIB_TEST_REPO_H

#include "loop/loop.h"
#include "repo/repo.h"
#include "test_tmp.h"

enum { WEIR_TEST_REPO_EVENTS_MAX = 4096 };

struct weir_test_repo_event {
    enum weir_repo_event_kind kind;
    char model[64];
    char reason[512];
    uint64_t number, number_before;
};

struct weir_test_repo {
    struct weir_test_tmp tmp; /* models/ and state/ below it */
    struct weir_loop loop;
    struct weir_config *config;
    struct weir_repo *repo;
    const struct weir_table *table; /* the newest */
    struct weir_test_repo_event events[WEIR_TEST_REPO_EVENTS_MAX];
    size_t n_events;
    size_t n_tables;
    bool holds_releases; /* retired versions and old tables are not given back */
    bool uses_real_reader;
    bool is_stopped;
    bool is_running;
};

/* Makes the folders. */
void weir_test_repo_init(struct weir_test_repo *t);

/* Starts a repository on models/ with settle 60 ms and rescan 30 ms; args: further flags, NULL at
 * the end, or NULL. Ends the test when it cannot. */
void weir_test_repo_start(struct weir_test_repo *t, const char *const *args);

/* Stops and frees it; the folders stay, so that it can be started again. */
void weir_test_repo_stop(struct weir_test_repo *t);

void weir_test_repo_deinit(struct weir_test_repo *t);

/* Runs the loop until the condition holds or ms milliseconds have passed; tells which. */
bool weir_test_repo_until(struct weir_test_repo *t,
                          bool (*condition)(struct weir_test_repo *t, void *arg), void *arg,
                          unsigned ms);

/* Runs the loop for ms milliseconds. */
void weir_test_repo_run(struct weir_test_repo *t, unsigned ms);

/* Returns what a model answers to (0, 0): its C; NaN: none serves. */
double weir_test_repo_answer(const struct weir_test_repo *t, const char *model);

/* Runs until the model answers C. */
bool weir_test_repo_answers(struct weir_test_repo *t, const char *model, double c, unsigned ms);

/* Runs until some version or attempt of the model is in a state; finds its status. */
const struct weir_repo_status *weir_test_repo_await(struct weir_test_repo *t, const char *model,
                                                    enum weir_repo_state state, unsigned ms);

/* Finds a status now; NULL: none is in that state. */
const struct weir_repo_status *weir_test_repo_status(const struct weir_test_repo *t,
                                                     const char *model, enum weir_repo_state state);

/* Counts events of a kind. */
size_t weir_test_repo_count(const struct weir_test_repo *t, enum weir_repo_event_kind kind);

/* Writes models/NAME: in place, by rename, or cut after n bytes. */
void weir_test_repo_write(struct weir_test_repo *t, const char *name, double c);
void weir_test_repo_rename(struct weir_test_repo *t, const char *name, double c);
void weir_test_repo_put(struct weir_test_repo *t, const char *name, const void *bytes, size_t n);

/* Writes the path of models/NAME into out. */
const char *weir_test_repo_path(const struct weir_test_repo *t, const char *name, char out[512]);

/* The reader of the tests' format. */
enum weir_status weir_test_repo_load(void *ctx, struct weir_model **out,
                                     const struct weir_config *config, struct weir_str file,
                                     const void *bytes, size_t n, uint64_t deadline_ns,
                                     struct weir_error *err);

#endif
