/* SPDX-License-Identifier: MIT */
/* OneHotEncoder. A category becomes its index; seldom categories are grouped; the dropped one has
 * no column, and those behind it move up. */
#include "format/sklearn/encode.h"

enum unknown { UNKNOWN_ERROR, UNKNOWN_IGNORED, UNKNOWN_INFREQUENT };

static enum weir_status read_unknown(const struct weir_value_at *at, enum unknown *out,
                                     struct weir_error *err)
{
    struct weir_str text;
    enum weir_status status =
        weir_value_attr_text_or(at, "handle_unknown", WEIR_STR("error"), &text, err);
    if (status != WEIR_OK)
        return status;
    if (weir_str_eq_c(text, "error"))
        *out = UNKNOWN_ERROR;
    else if (weir_str_eq_c(text, "ignore"))
        *out = UNKNOWN_IGNORED;
    else if (weir_str_eq_c(text, "infrequent_if_exist") || weir_str_eq_c(text, "warn"))
        *out = UNKNOWN_INFREQUENT;
    else
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "handle_unknown is not one that is known");
    return WEIR_OK;
}

/* Reads which column, after grouping, is dropped for each feature; −1: none. */
static enum weir_status read_drops(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   size_t n, int64_t *drops, struct weir_error *err)
{
    struct weir_value_at list;
    enum weir_status status = weir_value_attr_opt(at, "_drop_idx_after_grouping", &list, err);
    if (status == WEIR_OK && !list.v) /* before 1.2.1 this one was meant so */
        status = weir_value_attr_opt(at, "drop_idx_", &list, err);
    for (size_t j = 0; j < n; j++)
        drops[j] = -1;
    if (status != WEIR_OK || !list.v)
        return status;
    struct weir_value_shape shape;
    status = weir_value_shape(&list, &shape, err);
    if (status != WEIR_OK)
        return status;
    if (shape.n_dims != 1 || shape.n != n)
        return weir_value_fail(&list, WEIR_ERR_CORRUPT, err, "is not as long as the columns");
    for (size_t j = 0; j < n; j++) {
        struct weir_value element;
        struct weir_value_at item = list;
        status = weir_value_element(&list, j, s->temp, &element, err);
        item.v = &element;
        if (status == WEIR_OK && !weir_value_is_none(&element))
            status = weir_value_i64_in(&item, 0, WEIR_MODEL_COLUMNS_MAX, &drops[j], err);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* Returns the column of a grouped index after one is dropped. */
static uint32_t after_drop(int64_t index, int64_t drop)
{
    if (index == drop)
        return WEIR_MODEL_ENCODE_NOTHING;
    return (uint32_t)(drop >= 0 && index > drop ? index - 1 : index);
}

static enum weir_status onehot_column(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                      struct weir_format_sklearn_encode *e, size_t j, int64_t drop,
                                      enum unknown unknown, struct weir_error *err)
{
    struct weir_model_encode_column *c = &e->columns[j];
    const int64_t *mapping = e->mappings[j];
    int64_t n_grouped = mapping ? 0 : (int64_t)c->n_categories;
    if (mapping && e->n_mapped[j] != c->n_categories)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "groups of column %zu do not fit", j);
    uint32_t *position = weir_arena_array(s->temp, c->n_categories, sizeof *position);
    if (!position)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    for (size_t i = 0; i < c->n_categories; i++) {
        int64_t index = mapping ? mapping[i] : (int64_t)i;
        n_grouped = index + 1 > n_grouped ? index + 1 : n_grouped;
        position[i] = after_drop(index, drop);
    }
    if (drop >= n_grouped)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "column %zu drops what it does not have",
                               j);
    c->width = (uint32_t)(n_grouped - (drop >= 0));
    c->position = position;
    c->faults_unknown = unknown == UNKNOWN_ERROR;
    c->unknown_position = WEIR_MODEL_ENCODE_NOTHING;
    if (unknown == UNKNOWN_INFREQUENT && mapping)
        c->unknown_position = after_drop(mapping[e->infrequent[j][0]], drop);
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_encode_onehot(struct weir_format_sklearn *s,
                                                   const struct weir_value_at *at,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err)
{
    struct weir_format_sklearn_encode e;
    struct weir_value_at dtype;
    enum unknown unknown = UNKNOWN_ERROR;
    enum weir_status status = weir_format_sklearn_encode_read(s, at, &e, err);
    if (status == WEIR_OK)
        status = read_unknown(at, &unknown, err);
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "dtype", &dtype, err);
    if (status != WEIR_OK)
        return status;
    int64_t *drops = weir_arena_array(s->temp, e.n, sizeof *drops);
    if (!drops)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    status = read_drops(s, at, e.n, drops, err);
    for (size_t j = 0; j < e.n && status == WEIR_OK; j++)
        status = onehot_column(s, at, &e, j, drops[j], unknown, err);
    bool is_f32 = dtype.v && dtype.v->kind == WEIR_VALUE_GLOBAL &&
                  weir_str_ends(dtype.v->text, WEIR_STR(".float32"));
    return status == WEIR_OK ? weir_format_sklearn_encode_make(s, at, &e, is_f32, out, err)
                             : status;
}
