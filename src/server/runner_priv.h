/* SPDX-License-Identifier: MIT */
/* What the runner's files share. */
#ifndef WEIR_SERVER_RUNNER_PRIV_H
#define WEIR_SERVER_RUNNER_PRIV_H

#include "server/runner.h"

/* Makes *p hold at least need bytes; the old contents are not kept. false: no memory. */
bool weir_server_runner_grow(struct weir_mem *mem, void **p, size_t *bytes, size_t need);

/* Keeps a failure's text as the slice's body. */
void weir_server_runner_fail(struct weir_server_job *job, struct weir_server_call *call,
                             enum weir_status status, const char *text);

/* Writes a slice's answer, compressed if it is to be; no memory for it is its failure. */
void weir_server_runner_encode(struct weir_server_runner *runner, struct weir_server_job *job,
                               struct weir_server_call *call, const struct weir_result *result);

/* What a run took. */
struct weir_server_runner_times {
    uint64_t run_ns;    /* in the model; 0: nothing was run, and nothing is to be learned from it */
    uint64_t encode_ns; /* writing the answers */
    uint64_t end_ns;    /* when it was over */
};

/* Runs the live slices of n begun batches of a tensor model together, or one by one if that fails,
 * and writes their answers. */
struct weir_server_runner_times weir_server_runner_tensors(struct weir_server_runner *runner,
                                                           struct weir_server_job *const *jobs,
                                                           size_t n);

#endif
