/* SPDX-License-Identifier: MIT */
/* The inside of the judge: the thread (judge.c) and one job (judge_run.c). */
#ifndef WEIR_REPO_JUDGE_PRIV_H
#define WEIR_REPO_JUDGE_PRIV_H

#include "repo/judge.h"

#include <stdatomic.h>

/* A job with its own copies. */
struct weir_repo_judge_own {
    struct weir_repo_judge_job job;
    char *model, *source, *folder; /* owned */
    struct weir_buf yaml, yaml_of; /* owned */
};

/* Judges. failure (may get a reason): what could not be kept or read of the state directory.
 * *result is zeroed. Runs on: the judge. */
void weir_repo_judge_run(const struct weir_repo_judge_own *own,
                         const struct weir_repo_verdicts *verdicts, const atomic_bool *is_canceled,
                         struct weir_repo_judge_result *result, struct weir_error *failure);

#endif
