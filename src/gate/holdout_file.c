/* SPDX-License-Identifier: MIT */
/* The file of a holdout while it is read. */
#include "base/macros.h"
#include "gate/holdout_priv.h"

enum { SKIPS_UNTOLD = 64 }; /* reads of a file's rest before it is asked whether to go on: 4 MiB */

enum weir_status weir_gate_holdout_tell(const struct weir_gate_holdout_opts *opts,
                                        const struct weir_table *table, struct weir_error *err)
{
    if (!opts->progress || opts->progress(opts->progress_ctx, table->csv.bytes_taken,
                                          table->bytes_total, table->n_rows))
        return WEIR_OK;
    return weir_error_set(err, WEIR_ERR_CANCELED, "%s: stopped after %llu rows", table->path,
                          (unsigned long long)table->n_rows);
}

enum weir_status weir_gate_holdout_digest(struct weir_gate_holdout *holdout,
                                          const struct weir_gate_holdout_opts *opts,
                                          struct weir_table *table, struct weir_error *err)
{
    bool is_end = table->csv.is_end;
    if (!is_end && table->bytes_total == 0)
        return WEIR_OK;
    for (unsigned i = 1; !is_end; i++) {
        enum weir_status status = weir_table_skip(table, &is_end, err);
        if (status == WEIR_OK && i % SKIPS_UNTOLD == 0)
            status = weir_gate_holdout_tell(opts, table, err);
        if (status != WEIR_OK)
            return status;
    }
    return weir_table_digest(table, holdout->digest, err);
}
