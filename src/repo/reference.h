/* SPDX-License-Identifier: MIT */
/* The rows that drift of a new version is measured against: those of drift_reference, else the
 * holdout of the model's gate. Read beside the load; a file that cannot be used does not keep the
 * version from serving, but is said. */
#ifndef WEIR_REPO_REFERENCE_H
#define WEIR_REPO_REFERENCE_H

#include "base/buf.h"
#include "repo/version.h"

/* Which file, as the configuration said when the load was asked for; zeroed: none. */
struct weir_repo_reference {
    bool is_wanted;       /* quality is on */
    char *file;           /* drift_reference, owned; NULL: not said */
    struct weir_buf gate; /* the keys of the gate in the configuration, as YAML, owned */
};

/* Copies what options say. WEIR_ERR_NO_MEMORY. Runs on: the keeper. */
WEIR_MUST_USE enum weir_status weir_repo_reference_init(struct weir_repo_reference *reference,
                                                        const struct weir_config_model *options);
void weir_repo_reference_deinit(struct weir_repo_reference *reference);

/* Reads the file and sets the version's reference, or reference_why; neither where there is no
 * file. folder: of the model files. is_over(ctx): whether to give up. Runs on: the loader. */
void weir_repo_reference_read(const struct weir_repo_reference *reference, const char *folder,
                              bool (*is_over)(void *ctx), void *ctx, struct weir_version *version);

#endif
