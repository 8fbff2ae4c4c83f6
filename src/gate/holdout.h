/* SPDX-License-Identifier: MIT */
/* A holdout: rows with known truths, read from a CSV file, and what a model says to them.
 *
 * Truths are in a column of the file (the label). With a model, the other columns are its features,
 * found by name; without one, scores are in the file: one column of scores of the positive class,
 * or a column p_CLASS for each class. A row without a truth is left out and counted. A truth is
 * missing where pandas reads a missing value: nothing, NA, NaN, null, None and the like, so a class
 * cannot be called so; blanks around a truth do not count. */
#ifndef WEIR_GATE_HOLDOUT_H
#define WEIR_GATE_HOLDOUT_H

#include "base/arena.h"
#include "codec/digest.h"
#include "gate/cut.h"
#include "model/model.h"
#include "table/table.h"

#include <stdbool.h>
#include <stdint.h>

enum { WEIR_GATE_MULTILABEL_MAX = 1000 }; /* labels of a row */

/* What is measured. */
enum weir_gate_task {
    WEIR_GATE_BINARY,
    WEIR_GATE_MULTICLASS,
    WEIR_GATE_REGRESSION,
    WEIR_GATE_MULTILABEL, /* several labels for each row, each yes or no */
};

struct weir_gate_holdout_opts {
    const char *label;             /* the column of the truths; NULL: there are several, */
    const struct weir_str *labels; /* n_labels columns of 0 and 1, each with scores in p_LABEL;
                                      without a model, slices and folds */
    size_t n_labels;
    const char *weight;       /* the column of weights; NULL: all 1 */
    const char *score_column; /* without a model: the column of scores; NULL: p_CLASS columns */
    const char *prediction_column; /* without a model: predicted numbers; regression then */
    const char *positive;          /* two classes: the positive one; NULL: the greater label */
    const struct weir_str *slices; /* n_slices columns that rows are cut by: "country", "age:3";
                                      borrowed by the holdout */
    size_t n_slices;               /* at most WEIR_GATE_CUTS_MAX − 1 */
    const char *fold;              /* the column of folds, by value; NULL: none; borrowed as well */
    bool is_regular;     /* the file is none that may never end: not a pipe, not a device */
    bool ranks_by_proba; /* with a model: scores are probabilities although there are margins */
    uint64_t n_rows_max; /* rows after these are not read; 0: all */
    size_t bytes_max;    /* of the arrays of rows; 0: no bound */
    char separator;      /* 0: comma */
    /* Told now and then, every thousand rows or so, how much was read; NULL: nobody. bytes_total 0:
     * not known. false: stop with WEIR_ERR_CANCELED. */
    bool (*progress)(void *ctx, uint64_t bytes, uint64_t bytes_total, uint64_t n_rows);
    void *progress_ctx;
};

struct weir_gate_holdout {
    enum weir_gate_task task;
    size_t n;                 /* rows that count */
    size_t n_unlabeled;       /* rows without a truth, left out */
    size_t n_refused;         /* rows that the model refused, left out */
    char refused[256];        /* why, of the first of them: "line 7: row 6, …" */
    size_t n_classes;         /* 0: regression */
    struct weir_str *classes; /* n_classes labels as texts; two: the second is the positive one */
    uint32_t *truths;         /* n class indexes; NULL: regression, several labels */
    uint8_t *labels;          /* n × n_classes: which labels a row has; NULL: one class each */
    double *numbers;          /* n true values; NULL: classes */
    double *weights;          /* n; NULL: all 1 */
    size_t n_cuts;            /* columns that rows are cut by, */
    struct weir_gate_cut *cuts;
    uint32_t *parts; /* n × n_cuts: which part of each a row is in */
    bool has_fold;   /* the last cut is into folds, the others are into slices */
    uint64_t *lines; /* n: the line of the file on which each row begins, ascending */
    /* SHA-256 of the file in hexadecimal digits, also of what is behind the last row that was read;
     * empty: of a stream that was not read to its end. */
    char digest[WEIR_CODEC_DIGEST_HEX_BYTES];
    /* What is said of the rows; NULL: it is not. */
    double *scores;          /* n × n_classes, of two classes n (of the positive one) */
    double *p;               /* n × n_classes probabilities */
    uint32_t *decisions;     /* n class indexes: what the model predicts */
    double *predictions;     /* n numbers: what the model predicts */
    const char *score_space; /* "decision_function", "predict_proba", "column"; borrowed for ever */
    struct weir_arena arena; /* what the labels live in */
};

/* Reads a file, and runs the model (NULL: scores are in the file) on it, in chunks of rows. The
 * message of a failure names file, line and column. WEIR_ERR_INVALID: the columns are not those, a
 * truth is none of the model's classes; WEIR_ERR_UNSUPPORTED: a model with several targets or
 * without predictions; WEIR_ERR_LIMIT: bytes_max; WEIR_ERR_CANCELED: by progress;
 * WEIR_ERR_NOT_FOUND, WEIR_ERR_IO, WEIR_ERR_NO_MEMORY. *holdout is then as zeroed. */
WEIR_MUST_USE enum weir_status weir_gate_holdout_read(struct weir_gate_holdout *holdout,
                                                      const char *path,
                                                      const struct weir_model *model,
                                                      const struct weir_gate_holdout_opts *opts,
                                                      struct weir_error *err);
void weir_gate_holdout_deinit(struct weir_gate_holdout *holdout);

#endif
