/* SPDX-License-Identifier: MIT */
/* The inside of a reference, for its files. */
#ifndef WEIR_LIVE_REFERENCE_PRIV_H
#define WEIR_LIVE_REFERENCE_PRIV_H

#include "base/arena.h"
#include "base/str.h"
#include "live/reference.h"

enum {
    WEIR_LIVE_FINE = 60,   /* bins of about equal mass */
    WEIR_LIVE_COARSE = 10, /* bins of the index that they make */
    WEIR_LIVE_CATEGORIES = 30,
};

struct category {
    bool is_text;
    struct weir_str text;
    double number;
};

/* A feature's bins, the last one for missing values; of categories the one before for others. */
struct feature {
    bool is_text;
    uint32_t n_bins;
    uint32_t n_coarse; /* bins of the index */
    uint8_t coarse[WEIR_LIVE_REFERENCE_BINS];
    uint64_t counts[WEIR_LIVE_REFERENCE_BINS];
    uint32_t n_edges;
    uint32_t n_categories;
    double edges[WEIR_LIVE_FINE];
    struct category categories[WEIR_LIVE_CATEGORIES];
};

struct weir_live_reference {
    struct weir_mem *mem;
    uint32_t n_features;
    uint64_t n_rows;
    struct feature *features;              /* n_features + 1: the last is the score */
    double chi2[WEIR_LIVE_REFERENCE_BINS]; /* by number of bins: its 99 % quantile */
    const char *file;                      /* in the arena; NULL: none */
    struct weir_arena arena;               /* texts */
};

#endif
