/* SPDX-License-Identifier: MIT */
/* Labels as they are sent: {"labels":[{"id":"r-81","label":1}, …]}, a list of such objects, or one
 * object a line (NDJSON). Other members than id and label are not looked at, but for "weight",
 * which may only be 1: counts have no weights. */
#ifndef WEIR_LIVE_LABELS_H
#define WEIR_LIVE_LABELS_H

#include "base/arena.h"
#include "codec/json.h"
#include "live/model.h"

enum { WEIR_LIVE_LABELS_MAX = 10000, WEIR_LIVE_LABELS_ERRORS_MAX = 100 };

/* A row that is no label: which, and a literal that says why ("no_id"). */
struct weir_live_labels_error {
    uint32_t row; /* from 0 */
    const char *code;
};

/* Labels that were read; constant then, and read by any thread. */
struct weir_live_labels {
    size_t n;
    struct weir_live_label *at; /* n; texts are in the arena */
    uint32_t *rows;             /* n: which row of the body each is */
    size_t n_invalid;           /* rows that are none; of them the first are told: */
    struct weir_live_labels_error errors[WEIR_LIVE_LABELS_ERRORS_MAX];
    size_t n_errors;
    struct weir_arena arena;
};

/* Reads a body. WEIR_ERR_INVALID: it is no JSON, or not of one of the forms; WEIR_ERR_LIMIT: more
 * than WEIR_LIVE_LABELS_MAX rows; WEIR_ERR_NO_MEMORY. *labels is then as zeroed. */
WEIR_MUST_USE enum weir_status weir_live_labels_read(struct weir_live_labels *labels,
                                                     const struct weir_live_secret *secret,
                                                     struct weir_str body, struct weir_mem *mem,
                                                     struct weir_error *err);
void weir_live_labels_deinit(struct weir_live_labels *labels);

/* Notes another row that is none. */
void weir_live_labels_refuse(struct weir_live_labels *labels, uint32_t row, const char *code);

#endif
