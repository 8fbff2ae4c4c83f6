/* SPDX-License-Identifier: MIT */
/* How long a model takes for a batch of rows, beside another one.
 *
 * Both run on rows of the same file. After a warm-up, short blocks of runs of the one and of the
 * other follow each other, in an order that is turned round each time, so that whatever else the
 * machine does hits both. What is counted is the time from call to return on this thread, not the
 * way through the server. Quantiles are order statistics with distribution-free intervals: at 1000
 * runs the 95 % interval of the 99th percentile is between the 983rd and the 997th of them. */
#ifndef WEIR_GATE_LATENCY_H
#define WEIR_GATE_LATENCY_H

#include "model/model.h"

enum { WEIR_GATE_LATENCY_RUNS = 1000, WEIR_GATE_LATENCY_SIDES = 2, WEIR_GATE_LATENCY_BATCHES = 2 };

/* The sizes of batches: 1 and 32. */
extern const size_t weir_gate_latency_batches[WEIR_GATE_LATENCY_BATCHES];

struct weir_gate_latency_opts {
    const char *path;          /* CSV file of rows */
    const char *const *others; /* n_others names of columns that are no features */
    size_t n_others;
    uint32_t batches;     /* set of 1 << index into weir_gate_latency_batches */
    uint64_t deadline_ns; /* of the monotonic clock: what has too few runs by then is undefined */
    bool (*goes_on)(void *ctx); /* asked between blocks; false: stop with WEIR_ERR_CANCELED */
    void *ctx;
};

/* The times of one model and size of batches. */
struct weir_gate_latency_times {
    size_t n;    /* runs; 0: not measured */
    double *ms;  /* n milliseconds, ascending, owned */
    double mean; /* milliseconds */
    double sd;
};

struct weir_gate_latency {
    bool has_live;
    /* By batch, then the candidate and the live one. */
    struct weir_gate_latency_times times[WEIR_GATE_LATENCY_BATCHES][WEIR_GATE_LATENCY_SIDES];
};

/* Measures a candidate, and a live model (NULL: none) beside it. WEIR_ERR_INVALID: the file has no
 * row that both take; WEIR_ERR_UNSUPPORTED: a model takes tensors; WEIR_ERR_CANCELED, WEIR_ERR_IO,
 * WEIR_ERR_NOT_FOUND, WEIR_ERR_NO_MEMORY. *out is then as zeroed. */
WEIR_MUST_USE enum weir_status weir_gate_latency_measure(struct weir_gate_latency *out,
                                                         const struct weir_model *candidate,
                                                         const struct weir_model *live,
                                                         const struct weir_gate_latency_opts *opts,
                                                         struct weir_error *err);
void weir_gate_latency_deinit(struct weir_gate_latency *latency);

/* An estimate in milliseconds. */
struct weir_gate_latency_number {
    double value; /* NaN: undefined, */
    double low;   /* NaN: the interval is */
    double high;
    const char *why; /* because of this; borrowed for ever */
};

/* Finds a number by the name that rules have for it: "latency.p99_ms", "latency.batch32.mean_ms".
 * alpha: the interval is at the level 1 − alpha. false: there is no such name. */
bool weir_gate_latency_find(const struct weir_gate_latency *latency, struct weir_str name,
                            bool is_live, double alpha, struct weir_gate_latency_number *out);

/* Finds which batches a name needs: a set of 1 << index; 0: it is none of latency. */
uint32_t weir_gate_latency_batch_of(struct weir_str name);

#endif
