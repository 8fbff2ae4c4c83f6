/* SPDX-License-Identifier: MIT */
/* What the encoders share. */
#ifndef WEIR_FORMAT_SKLEARN_ENCODE_H
#define WEIR_FORMAT_SKLEARN_ENCODE_H

#include "format/sklearn/transform.h"
#include "model/encode.h"

/* An encoder being made, in s->temp. */
struct weir_format_sklearn_encode {
    struct weir_model_encode_column *columns; /* n of them, zeroed but for their categories */
    size_t n;
    const int64_t **mappings; /* n: grouped index by category; NULL: not grouped */
    size_t *n_mapped;         /* n: categories that mappings speak of; the last, a missing one, may
                                 be left out */
    const int64_t **infrequent; /* n: categories that are grouped; NULL: none */
};

/* Reads categories_, and how seldom categories are grouped (max_categories, min_frequency). */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_encode_read(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                struct weir_format_sklearn_encode *out, struct weir_error *err);

/* Makes the node of an encoder whose columns are filled. */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_encode_make(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                const struct weir_format_sklearn_encode *e, bool follows_f32,
                                const struct weir_model_node **out, struct weir_error *err);

#endif
