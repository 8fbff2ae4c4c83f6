/* SPDX-License-Identifier: MIT */
/* What the parts of the comparison share: the model at hand, runs of it, and what was measured. */
#ifndef WEIR_TESTS_PARITY_CHECK_H
#define WEIR_TESTS_PARITY_CHECK_H

#include "model/model.h"
#include "ref.h"

#include <stdbool.h>

enum { PATH_BYTES = 4096, TOLERANCE_BYTES = 64 };

/* A row of the table: what was measured for one model and one type of input. */
struct measure {
    char tolerance[TOLERANCE_BYTES]; /* the widest that was in force */
    size_t n_rows;
    size_t n_values;
    double diff;  /* largest |a − b| */
    double share; /* largest |a − b| ÷ what is allowed; 0 where both are 0 */
};

/* The model at hand. */
struct check {
    const char *path;
    struct weir_model *model;
    const struct weir_spec *spec;
    const struct ref *ref;
    const char *family;
    struct measure *measure; /* of the type of input at hand */
    bool has_failed;
};

/* Says what is wrong; the model counts as failed. Only the first few of a model are printed. */
void check_fail(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Returns n × size zeroed bytes, aligned to 64; ends the program without memory. */
void *check_alloc(size_t n, size_t size);

/* --- running (runs.c) --- */

/* Rows and what a run made of them. */
struct answers {
    size_t n_rows;
    enum weir_dtype dtype; /* of the batch */
    void *x;               /* n_rows × n_features of dtype */
    void *out[WEIR_OUTPUT_N];
    struct weir_row_fault *faults;
};

/* Makes a batch of doubles (or cells) that a request in `request` type would make. */
struct answers check_batch_new(const struct check *c, const double *x, size_t n_rows,
                               enum weir_dtype request);
void check_batch_free(struct answers *a);

/* Runs a batch in blocks of at most `step` rows; the scratch memory begins as noise. */
void check_batch_run(const struct check *c, struct answers *a, size_t step);

/* Fails unless each row has the same bits in batches of all sizes, at all positions and among rows
 * that are refused. */
void check_reproducible(struct check *c, const double *x, enum weir_dtype request,
                        const struct answers *whole);

/* --- named tensors (tensors.c) --- */

/* Finds whether the reference has requests of named tensors. */
bool check_tensors_has(const struct check *c);

/* Compares the answers to all of them. */
void check_tensors(struct check *c);

/* --- comparing (compare.c) --- */

/* Compares every output with the reference's arrays of a type ("f8"). */
void check_outputs(struct check *c, const char *type, const struct answers *a);

/* Finds whether a class index stands for element i of the reference's labels. */
bool check_label_is(const struct weir_labels *l, int32_t index, const struct ref_array *ref,
                    size_t i);

/* Compares the answer of row `row` to the i-th of the bad rows that the library takes. */
void check_bad_answer(struct check *c, const char *type, const struct answers *a, size_t row,
                      const struct ref_array *ref, size_t i, enum weir_output output);

#endif
