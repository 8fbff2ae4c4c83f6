/* SPDX-License-Identifier: MIT */
/* A part of the metrics page: some families, some of them added up over models, or one model's. For
 * readers that come every second and want little of it. Pure. */
#ifndef WEIR_METRIC_SELECTION_H
#define WEIR_METRIC_SELECTION_H

#include "metric/registry.h"

enum { WEIR_METRIC_SELECTION_NAMES_MAX = 32 };

/* What is wanted; a zeroed one is everything. Views are the caller's. */
struct weir_metric_selection {
    struct weir_str names[WEIR_METRIC_SELECTION_NAMES_MAX]; /* families; none: all */
    bool is_summed[WEIR_METRIC_SELECTION_NAMES_MAX]; /* of each: series that differ in nothing but
                                                        `model` and `version` are added up, and
                                                        those labels are empty */
    size_t n_names;
    struct weir_str model; /* of families with a label `model` that are not summed, only this one's
                              series; empty: all */
};

/* Appends what is selected of a registry, in the order of its table. Without memory out is marked
 * as failed. Runs on: the keeper. */
void weir_metric_selection_expose(const struct weir_metric_selection *selection,
                                  const struct weir_metric_registry *r, struct weir_buf *out);

/* Appends what is selected of a text in the page's format: whole families, each from its HELP line
 * on. Nothing is summed, and the model is not looked at. */
void weir_metric_selection_cut(const struct weir_metric_selection *selection, struct weir_str text,
                               struct weir_buf *out);

#endif
