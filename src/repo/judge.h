/* SPDX-License-Identifier: MIT */
/* The judge: one thread at low priority that runs gates, and keeps what they said. It sees jobs and
 * nothing else of the repository: two versions, which its owner keeps alive until the result is
 * taken, and where the gate is. One job at a time; what is to be written goes before it.
 *
 * A verdict that is known by the digests of all four files is not found again. Threads: calls are
 * the keeper's. */
#ifndef WEIR_REPO_JUDGE_H
#define WEIR_REPO_JUDGE_H

#include "loop/wake.h"
#include "repo/gates.h"
#include "repo/verdicts.h"
#include "tensor/threshold.h"

struct weir_repo_judge;

/* What is to be judged; texts are copied, versions borrowed until the result was taken. */
struct weir_repo_judge_job {
    const char *model;
    const char *source;      /* key, handed back */
    const char *folder;      /* of the gate's file, or of paths in yaml */
    struct weir_str yaml;    /* what the configuration says of the gate; empty: nothing */
    struct weir_str yaml_of; /* where, for messages */
    const struct weir_version *candidate;
    const struct weir_version *live; /* NULL: none */
    uint64_t settle_ns;              /* files younger than that may still be written */
};

enum { WEIR_REPO_JUDGE_NUMBERS_MAX = 96, WEIR_REPO_JUDGE_NAME_BYTES = 48 };

/* One number of a verdict. */
struct weir_repo_judge_number {
    char name[WEIR_REPO_JUDGE_NAME_BYTES]; /* "roc_auc" */
    bool is_live;                          /* of the live version, not of the candidate */
    double value;
};

struct weir_repo_judge_numbers {
    struct weir_repo_judge_number at[WEIR_REPO_JUDGE_NUMBERS_MAX]; /* n */
    size_t n;
};

struct weir_repo_judge_result {
    struct weir_repo_judged judged; /* its views are of entry */
    struct weir_repo_verdicts_entry entry;
    struct weir_tensor_threshold threshold; /* that the candidate is to serve with; not set: none */
    char *source, *model;                   /* owned; of the job */
    char *paths[WEIR_REPO_GATES_FILES_MAX]; /* n_paths, owned: what the gate consists of */
    size_t n_paths;
    char key[WEIR_REPO_VERDICTS_KEY_BYTES]; /* under which the verdict is kept; "": it is not */
    struct weir_repo_judge_numbers numbers;
};

/* Finds the numbers of both sides in a document of schema gate/1. Without memory there are none.
 * Runs on: any thread. */
void weir_repo_judge_numbers(struct weir_str document, struct weir_repo_judge_numbers *out);

/* Makes a judge. fn(arg) is called on the loop when a result is there or the thread has ended.
 * verdicts is borrowed until free. WEIR_ERR_IO, WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_repo_judge_new(struct weir_repo_judge **out,
                                                   struct weir_loop *loop,
                                                   const struct weir_repo_verdicts *verdicts,
                                                   weir_loop_fn *fn, void *arg);

/* WEIR_ERR_IO: no thread could be had. */
WEIR_MUST_USE enum weir_status weir_repo_judge_start(struct weir_repo_judge *judge);

/* Asks for a verdict; none may be under way. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_repo_judge_give(struct weir_repo_judge *judge,
                                                    const struct weir_repo_judge_job *job);

/* Gives the job under way up; its result comes all the same. */
void weir_repo_judge_cancel(struct weir_repo_judge *judge);

/* Takes the result; false: it is not there yet. *out is the caller's (result_deinit). */
bool weir_repo_judge_take(struct weir_repo_judge *judge, struct weir_repo_judge_result *out);
void weir_repo_judge_result_deinit(struct weir_repo_judge_result *result);

/* Has a model's history written; takes text. One that waits for the same model is replaced. */
void weir_repo_judge_write(struct weir_repo_judge *judge, struct weir_str model,
                           struct weir_buf *text);

/* Takes the reason of the last failure to keep or to read; false: there was none since. */
bool weir_repo_judge_take_failure(struct weir_repo_judge *judge, char *out, size_t cap,
                                  uint64_t *n_failures);

/* Asks the thread to end: the job under way is given up, what waits to be written is. */
void weir_repo_judge_stop(struct weir_repo_judge *judge);

/* Tells whether the thread has ended (or was never started). */
bool weir_repo_judge_has_ended(struct weir_repo_judge *judge);

/* Joins the thread, which has ended, and closes the wake-up; fn(arg of new) is called when
 * weir_repo_judge_free may be. */
void weir_repo_judge_close(struct weir_repo_judge *judge, weir_loop_fn *fn);

/* Joins the thread and frees; NULL is allowed. */
void weir_repo_judge_free(struct weir_repo_judge *judge);

#endif
