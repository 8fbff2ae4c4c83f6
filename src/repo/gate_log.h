/* SPDX-License-Identifier: MIT */
/* What is known of the gates of all models, for people: the last lines of each one's history, and
 * the documents of its latest verdict. Threads: the keeper's. */
#ifndef WEIR_REPO_GATE_LOG_H
#define WEIR_REPO_GATE_LOG_H

#include "repo/judge.h"

/* One line of a history. */
struct weir_repo_gate_log_line {
    struct weir_repo_note note; /* its views point into text */
    char text[WEIR_REPO_TEXTS][WEIR_REPO_REASON_BYTES];
};

/* One model's gate. */
struct weir_repo_gate_log_model {
    char *name;                            /* owned */
    struct weir_repo_gate_log_line *lines; /* n, newest first, owned */
    size_t n;
    char key[WEIR_REPO_VERDICTS_KEY_BYTES]; /* of the latest verdict; "": it is not kept */
    struct weir_buf document, report;       /* of the latest verdict; owned; may be empty */
    struct weir_repo_judge_numbers numbers;
    uint64_t number, live_number; /* versions of the latest verdict; 0: none */
    uint64_t n_uses;              /* candidates judged on its holdout; 0: not known */
};

/* All of them; zero-initialise. */
struct weir_repo_gate_log {
    struct weir_repo_gate_log_model **models; /* n of cap, by name, owned */
    size_t n, cap;
};

void weir_repo_gate_log_deinit(struct weir_repo_gate_log *log);

/* Finds a model; NULL: nothing was ever judged of it. */
struct weir_repo_gate_log_model *weir_repo_gate_log_find(const struct weir_repo_gate_log *log,
                                                         struct weir_str name);

/* Takes a verdict's documents over. Without memory they are not shown. */
void weir_repo_gate_log_verdict(struct weir_repo_gate_log *log,
                                struct weir_repo_judge_result *result, uint64_t number,
                                uint64_t live_number);

/* Adds a line; the oldest beyond WEIR_REPO_GATE_LINES_MAX goes. Returns its model; NULL: no memory.
 */
struct weir_repo_gate_log_model *weir_repo_gate_log_add(struct weir_repo_gate_log *log,
                                                        const struct weir_repo_note *note);

/* Writes a model's history as text, and reads it. WEIR_ERR_CORRUPT: it is not understood; what was
 * read until then stays. */
void weir_repo_gate_log_put(const struct weir_repo_gate_log_model *model, struct weir_buf *out);
WEIR_MUST_USE enum weir_status weir_repo_gate_log_parse(struct weir_repo_gate_log *log,
                                                        struct weir_str model, struct weir_str text,
                                                        struct weir_error *err);

/* Reads the history of a model and the documents of its latest verdict, if they are kept.
 * WEIR_ERR_CORRUPT: something is damaged and was passed over. */
WEIR_MUST_USE enum weir_status weir_repo_gate_log_recall(struct weir_repo_gate_log *log,
                                                         const struct weir_repo_verdicts *verdicts,
                                                         struct weir_str model,
                                                         struct weir_error *err);

#endif
