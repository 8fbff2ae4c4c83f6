/* SPDX-License-Identifier: MIT */
/* The classes of a holdout: texts in a file to class indexes. */
#ifndef WEIR_GATE_LABELS_H
#define WEIR_GATE_LABELS_H

#include "base/arena.h"
#include "tensor/spec.h"

#include <stdbool.h>
#include <stdint.h>

enum { WEIR_GATE_LABELS_MAX = 10000 };

/* Classes that are known from the start, or gathered as they are met. */
struct weir_gate_labels {
    const struct weir_labels *known; /* a model's; NULL: gathered */
    struct weir_str *texts;          /* n; of gathered ones in the order in which they were met */
    size_t n;
    size_t cap;
    size_t last; /* the class found last: rows of a class often follow each other */
    struct weir_arena *arena;
};

/* Begins with a model's classes (NULL: none are known). arena is borrowed. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_labels_init(struct weir_gate_labels *labels,
                                                     const struct weir_labels *known,
                                                     struct weir_arena *arena);

/* Finds the class of a text: of a model's by their meaning (1, 1.0 and true are the same number),
 * of gathered ones by their bytes; those are added. WEIR_ERR_NOT_FOUND: none of the model's;
 * WEIR_ERR_LIMIT: more than WEIR_GATE_LABELS_MAX; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_labels_find(struct weir_gate_labels *labels,
                                                     struct weir_str text, uint32_t *out);

/* Tells whether two labels mean the same: the same bytes, or the same number. */
bool weir_gate_labels_alike(struct weir_str a, struct weir_str b);

/* Puts gathered classes in order (as numbers if all are, else by bytes), positive (NULL: the
 * greater) second of two. places (n, made here): the new index of each. WEIR_ERR_INVALID: positive
 * is not among them; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_labels_order(struct weir_gate_labels *labels,
                                                      const char *positive, uint32_t **places,
                                                      struct weir_error *err);

#endif
