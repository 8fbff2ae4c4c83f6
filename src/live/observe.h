/* SPDX-License-Identifier: MIT */
/* Taking down what a run said: from the outputs and rows of a run to bytes that its loop files.
 * Runs on the thread that ran the rows; allocates only to grow the buffer. */
#ifndef WEIR_LIVE_OBSERVE_H
#define WEIR_LIVE_OBSERVE_H

#include "base/buf.h"
#include "live/shape.h"
#include "model/model.h"

/* Of a row. */
struct weir_live_seen {
    double score;     /* of the positive class; of more classes of the decided one; the predicted
                         number; NaN: none */
    uint32_t decided; /* class */
    uint32_t bin;     /* of the score; WEIR_LIVE_NO_BIN: none. Two classes only */
};

/* What was seen of a request's rows: views of an observation. */
struct weir_live_observation {
    uint32_t n_rows;
    const struct weir_live_seen *rows; /* n_rows */
    const uint16_t *bins;    /* n_rows × n_columns where there are more than two classes */
    uint32_t n_sampled;      /* rows whose features were binned */
    const uint8_t *features; /* n_sampled × (n_features + 1): the last is the score */
};

/* Chooses rows whose features are looked at; one for each thread, zeroed at first. */
struct weir_live_sampler {
    uint64_t random;
    uint32_t skip; /* rows before the next one */
};

/* Appends what is seen of result's rows (in whose outputs those of shape->wanted are) to out, whose
 * bytes so far are a multiple of 8. rows: the first of them as they were run, of `dtype`. Of the
 * features of one row in (n_features + 1) / 2 the bins are taken down, chosen at random, so that a
 * row costs the same however wide it is. false: no memory; out is as before. */
bool weir_live_observe(const struct weir_live_shape *shape, const struct weir_result *result,
                       const void *rows, enum weir_dtype dtype, struct weir_live_sampler *sampler,
                       struct weir_buf *out);

/* Reads it again; bytes as they were appended. */
struct weir_live_observation weir_live_observe_read(const struct weir_live_shape *shape,
                                                    const char *bytes);

/* The decision of a row that has none. */
#define WEIR_LIVE_REFUSED UINT32_MAX

/* Notes in an observation that its row i had no answer, whatever was seen of it. */
void weir_live_observe_refuse(char *bytes, size_t i);

#endif
