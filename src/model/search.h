/* SPDX-License-Identifier: MIT */
/* Finding the nearest of many points. Where points are equally far, the one that the library finds
 * is found: its heap and its trees are walked in its order, and distances are summed in its order
 * (column after column, each product rounded). Only its brute force for Euclidean distances
 * differs: it expands squares, and what rounding then calls nearer is its BLAS's. */
#ifndef WEIR_MODEL_SEARCH_H
#define WEIR_MODEL_SEARCH_H

#include "model/dense.h"

enum weir_model_search_metric {
    WEIR_MODEL_SEARCH_EUCLIDEAN,
    WEIR_MODEL_SEARCH_MANHATTAN,
    WEIR_MODEL_SEARCH_CHEBYSHEV,
    WEIR_MODEL_SEARCH_MINKOWSKI, /* (Σ |x − w|^p)^(1/p) */
    WEIR_MODEL_SEARCH_COSINE     /* 1 − x · w ÷ (|x| |w|) */
};

enum weir_model_search_tree {
    WEIR_MODEL_SEARCH_BRUTE,
    WEIR_MODEL_SEARCH_KD,
    WEIR_MODEL_SEARCH_BALL
};

/* A node of a tree over the points; node i has the children 2 i + 1 and 2 i + 2 unless a leaf. */
struct weir_model_search_node {
    uint32_t start; /* its points: order[start … end − 1] */
    uint32_t end;
    bool is_leaf;
    double radius; /* BALL */
};

struct weir_model_search_opts {
    enum weir_model_search_metric metric;
    double p; /* MINKOWSKI: at least 1 */
    uint32_t n_in;
    size_t n_points;      /* 1 … 2^31 */
    const double *points; /* n_points × n_in, row-major */
    enum weir_model_search_tree tree;
    const int64_t *order; /* trees: n_points numbers of points */
    size_t n_nodes;
    const struct weir_model_search_node *nodes;
    const double *bounds; /* KD: the lower, then the upper corners, n_nodes × n_in each; BALL: the
                             centres, n_nodes × n_in */
};

struct weir_model_search;

/* Copies everything into the builder's arena. WEIR_ERR_CORRUPT: the tree does not hold each point
 * in one leaf. WEIR_ERR_NO_MEMORY, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_model_search_new(struct weir_model_builder *b,
                                                     const struct weir_model_search_opts *opts,
                                                     struct weir_model_search **out,
                                                     struct weir_error *err);

/* Returns the bytes of scratch memory for finding k points of each row of a block; k 0: for
 * weir_model_search_scan. */
size_t weir_model_search_scratch_bytes(const struct weir_model_search *s, size_t k);

/* Points that were found for a row, the nearest first. */
struct weir_model_search_found {
    double *distances;
    int32_t *points;
};

/* Finds the k nearest points (1 … n_points) of each row; of row r, in out + r × k. */
void weir_model_search_nearest(const struct weir_model_search *s, const double *x, size_t stride,
                               size_t n_rows, size_t k, struct weir_model_search_found out,
                               char *scratch);

/* Shows every point within radius of each row, in the points' order. */
void weir_model_search_scan(const struct weir_model_search *s, const double *x, size_t stride,
                            size_t n_rows, double radius,
                            void (*show)(void *ctx, size_t row, int32_t point, double distance),
                            void *ctx, char *scratch);

#endif
