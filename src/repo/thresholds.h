/* SPDX-License-Identifier: MIT */
/* The decision thresholds that gates chose, kept in the state directory by model and by digest of
 * its file, so that a version that is loaded again (after a restart, by a rollback, by a promotion)
 * decides as it did:
 *
 *     verdicts/<model>.thresholds    lines, newest first: digest, value, score, positive class
 *
 * Threads: any; put: the judge. */
#ifndef WEIR_REPO_THRESHOLDS_H
#define WEIR_REPO_THRESHOLDS_H

#include "repo/verdicts.h"
#include "tensor/threshold.h"

enum { WEIR_REPO_THRESHOLDS_MAX = 32 }; /* kept of one model; the oldest are forgotten */

/* Keeps the threshold of a file of a model (digest: 64 hex digits), or forgets it where it is not
 * set. Does nothing without a state directory. WEIR_ERR_IO, WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status
weir_repo_thresholds_put(const struct weir_repo_verdicts *verdicts, struct weir_str model,
                         const char *digest, const struct weir_tensor_threshold *threshold,
                         struct weir_error *err);

/* Finds it again, for a model of this spec. WEIR_ERR_NOT_FOUND: none is kept; WEIR_ERR_CORRUPT: the
 * file is damaged, or the model cannot have it; WEIR_ERR_IO, WEIR_ERR_NO_MEMORY. *out is then
 * untouched. */
WEIR_MUST_USE enum weir_status weir_repo_thresholds_find(const struct weir_repo_verdicts *verdicts,
                                                         struct weir_str model, const char *digest,
                                                         const struct weir_spec *spec,
                                                         struct weir_tensor_threshold *out,
                                                         struct weir_error *err);

#endif
