/* SPDX-License-Identifier: MIT */
/* Columns: choosing some, and putting together what several nodes make of them.
 *
 * A *union* gives each of its parts some of its input columns and sets their outputs side by side
 * (ColumnTransformer, FeatureUnion). A *selection* passes some columns on and checks them. Both
 * pass cells (tensor/cell.h) as they are, so that text goes through. */
#ifndef WEIR_MODEL_COLUMNS_H
#define WEIR_MODEL_COLUMNS_H

#include "model/builder.h"

/* One part of a union. */
struct weir_model_columns_part {
    const struct weir_model_node *node; /* gives transform; NULL: the columns pass as they are */
    const uint32_t *index;              /* n_index columns of the input, in the order in which the
                                           node takes them; copied */
    uint32_t n_index;                   /* at least 1; node->n_in where there is a node */
    bool has_weight;                    /* its output is multiplied by weight */
    double weight;
};

/* Makes a node that gives `transform`: the outputs of n_parts > 0 parts side by side. It checks
 * nothing itself. WEIR_ERR_NO_MEMORY; WEIR_ERR_LIMIT: too wide or nested too deep;
 * WEIR_ERR_UNSUPPORTED: one column is text to one part and a number to another. */
WEIR_MUST_USE enum weir_status
weir_model_columns_union_new(struct weir_model_builder *b, uint32_t n_in,
                             const struct weir_model_columns_part *parts, size_t n_parts,
                             const struct weir_model_node **out, struct weir_error *err);

struct weir_model_columns_select_opts {
    struct weir_str name;  /* for faults: "SelectKBest" */
    uint32_t n_in;         /* columns read, and checked for NaN and infinities */
    const uint32_t *index; /* n_index > 0 columns that are given; copied */
    uint32_t n_index;
    bool allows_nan;
    bool allows_inf;
    bool keeps_columns; /* its columns are the model's features */
};

/* Makes a node that gives the chosen columns as `transform`, bit for bit. WEIR_ERR_NO_MEMORY,
 * WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status
weir_model_columns_select_new(struct weir_model_builder *b,
                              const struct weir_model_columns_select_opts *opts,
                              const struct weir_model_node **out, struct weir_error *err);

/* Narrows *kind, what a column may hold, to what one more reader of it takes; both of enum
 * weir_column_kind or WEIR_MODEL_COLUMN_*. false: it cannot be both text and number. */
bool weir_model_columns_narrow(uint8_t *kind, uint8_t taken);

/* Returns what column i of a node's input may hold. */
static inline uint8_t weir_model_columns_taken(const struct weir_model_node *node, uint32_t i)
{
    return node->columns ? node->columns[i] : (uint8_t)WEIR_COLUMN_NUMBER;
}

/* Returns what column i of a node's transform holds, ANY where its input decides. */
static inline uint8_t weir_model_columns_given(const struct weir_model_node *node, uint32_t i)
{
    return node->gives ? node->gives[i] : (uint8_t)WEIR_COLUMN_NUMBER;
}

/* Returns the input column that column i of a node's transform is, or WEIR_MODEL_PASSES_NONE. */
static inline uint32_t weir_model_columns_passed(const struct weir_model_node *node, uint32_t i)
{
    return node->passes ? node->passes[i] : WEIR_MODEL_PASSES_NONE;
}

/* Returns the input column that column i of a node's transform is made of, or
 * WEIR_MODEL_PASSES_NONE. */
static inline uint32_t weir_model_columns_from(const struct weir_model_node *node, uint32_t i)
{
    if (node->from)
        return node->from[i];
    return node->keeps_columns && i < node->n_in ? i : weir_model_columns_passed(node, i);
}

/* Returns the kind of a column without WEIR_MODEL_COLUMN_KNOWS_NONE. */
static inline uint8_t weir_model_columns_kind(uint8_t kind)
{
    return kind & (WEIR_MODEL_COLUMN_KNOWS_NONE - 1);
}

/* Makes a node that does what `inner` does, with None as NaN in the columns that may hold text and
 * do not know None; *out is inner itself where there are none. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_model_columns_none_new(struct weir_model_builder *b,
                                                           const struct weir_model_node *inner,
                                                           const struct weir_model_node **out,
                                                           struct weir_error *err);

#endif
