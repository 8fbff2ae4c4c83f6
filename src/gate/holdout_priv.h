/* SPDX-License-Identifier: MIT */
/* Reading a holdout: the parts that share the work. */
#ifndef WEIR_GATE_HOLDOUT_PRIV_H
#define WEIR_GATE_HOLDOUT_PRIV_H

#include "gate/holdout.h"
#include "gate/labels.h"

enum { WEIR_GATE_CHUNK_ROWS = 1024 };

/* A model's run on a chunk of rows. */
struct weir_gate_scorer {
    const struct weir_model *model;
    const struct weir_spec *spec;
    struct weir_run run;
    struct weir_rows block;
    char *rows; /* WEIR_GATE_CHUNK_ROWS × row_bytes */
    size_t row_bytes;
    bool has_score;         /* rows are ranked, */
    enum weir_output score; /* by this */
    size_t positive;        /* of two classes: the model's index of the positive one */
};

/* Makes room in the arena and chooses the outputs. WEIR_ERR_UNSUPPORTED: the model cannot be judged
 * by rows; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_scorer_init(struct weir_gate_scorer *scorer,
                                                     const struct weir_model *model,
                                                     bool ranks_by_proba, struct weir_arena *arena,
                                                     struct weir_error *err);

/* Runs the model on the first n rows of the chunk. Returns how many it refused. */
size_t weir_gate_scorer_run(struct weir_gate_scorer *scorer, size_t n);

/* Tells progress how much was read. WEIR_ERR_CANCELED: it said to stop. */
WEIR_MUST_USE enum weir_status weir_gate_holdout_tell(const struct weir_gate_holdout_opts *opts,
                                                      const struct weir_table *table,
                                                      struct weir_error *err);

/* Takes the digest of the whole file. A stream that goes on is left alone. */
WEIR_MUST_USE enum weir_status weir_gate_holdout_digest(struct weir_gate_holdout *holdout,
                                                        const struct weir_gate_holdout_opts *opts,
                                                        struct weir_table *table,
                                                        struct weir_error *err);

/* Reads rows with several labels, as weir_gate_holdout_read. */
WEIR_MUST_USE enum weir_status
weir_gate_holdout_read_labels(struct weir_gate_holdout *holdout, const char *path,
                              const struct weir_gate_holdout_opts *opts, struct weir_error *err);

/* Writes what was said of row i into the holdout's row `to`. */
void weir_gate_scorer_put(const struct weir_gate_scorer *scorer, size_t i,
                          struct weir_gate_holdout *holdout, size_t to);

#endif
