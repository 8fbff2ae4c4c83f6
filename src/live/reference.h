/* SPDX-License-Identifier: MIT */
/* What rows of a model looked like before: the reference that drift is measured against.
 *
 * Of each feature, and of the score, the reference rows are counted in bins: of numbers up to 60 of
 * about equal mass (edges at sixtieths of the distribution, equal ones merged), of which six make a
 * bin of the stability index, and one for missing values; of texts the 30 most frequent ones, one
 * for all others that the reference has, one for those it has not, one for missing ones.
 * Immutable once made; any thread. */
#ifndef WEIR_LIVE_REFERENCE_H
#define WEIR_LIVE_REFERENCE_H

#include "base/mem.h"
#include "model/model.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WEIR_LIVE_REFERENCE_BINS = 64, /* room of a feature; the last ones may be unused */
    WEIR_LIVE_REFERENCE_ROWS_MAX = 200000,
    WEIR_LIVE_REFERENCE_FEATURES_MAX = 4096,
};

struct weir_live_reference;

struct weir_live_reference_opts {
    const char *others[2];      /* columns that are no features, where the model knows no names;
                                   NULL entries mean nothing */
    bool (*is_over)(void *ctx); /* whether to give up; NULL: never */
    void *ctx;
};

/* Reads rows of a CSV file (columns by name, others are ignored), runs the model on them for the
 * score, and makes the reference: of the first WEIR_LIVE_REFERENCE_ROWS_MAX rows, or fewer where
 * they are wide. WEIR_ERR_INVALID: the columns are not the model's, or there are no rows;
 * WEIR_ERR_UNSUPPORTED: the model takes tensors, or too many features; WEIR_ERR_CANCELED: is_over
 * said so; file errors; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_live_reference_read(
    struct weir_live_reference **out, const char *path, const struct weir_model *model,
    const struct weir_live_reference_opts *opts, struct weir_mem *mem, struct weir_error *err);

/* Makes one from n rows of cells (n × n_features, row-major) and their scores. is_text: of each
 * feature; NULL: none is. */
WEIR_MUST_USE enum weir_status weir_live_reference_new(struct weir_live_reference **out,
                                                       const double *rows, const double *scores,
                                                       size_t n, size_t n_features,
                                                       const bool *is_text, struct weir_mem *mem);
void weir_live_reference_free(struct weir_live_reference *reference);

/* Returns the number of features; of rows; the file's name; and the bytes held. */
uint32_t weir_live_reference_n(const struct weir_live_reference *reference);
uint64_t weir_live_reference_rows(const struct weir_live_reference *reference);
const char *weir_live_reference_file(const struct weir_live_reference *reference);
size_t weir_live_reference_bytes(const struct weir_live_reference *reference);

/* Writes the bin of each feature of a row (n_features of dtype; cells for F64), and that of its
 * score, into bins (n_features + 1). */
void weir_live_reference_bins(const struct weir_live_reference *reference, const void *row,
                              enum weir_dtype dtype, double score, uint8_t *bins);

/* How far a feature has moved. */
struct weir_live_drift {
    uint64_t n;    /* reference rows */
    uint64_t m;    /* rows counted */
    size_t n_bins; /* of the index */
    double psi;
    double guard; /* what PSI stays below in 99 of 100 cases if nothing has changed */
    bool is_text; /* there is no distance then: categories have no order */
    double ks_low, ks_high, ks_p; /* p of ks_low */
};

/* Measures feature i, n_features for the score. counts: WEIR_LIVE_REFERENCE_BINS of it. */
struct weir_live_drift weir_live_reference_measure(const struct weir_live_reference *reference,
                                                   size_t i, const uint64_t *counts);

#endif
