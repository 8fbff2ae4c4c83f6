/* SPDX-License-Identifier: MIT */
/* What estimators made of estimators share, and those that only pass on to one of them. */
#include "format/sklearn/meta.h"

#include <math.h>

/* --- parts --- */

enum weir_status weir_format_sklearn_meta_part(struct weir_format_sklearn *s,
                                               const struct weir_value_at *at, bool keeps_columns,
                                               const struct weir_model_node **out,
                                               struct weir_error *err)
{
    bool kept = s->keeps_columns;
    uint32_t n_in = s->n_in;
    const uint32_t *features = s->b->features;
    enum weir_format_sklearn_rows rows = s->rows;
    s->keeps_columns = kept && keeps_columns;
    if (!keeps_columns) {
        s->n_in = 0;
        s->b->features = NULL;
        if (rows != WEIR_FORMAT_SKLEARN_ROWS_DENSE)
            s->rows = WEIR_FORMAT_SKLEARN_ROWS_UNSURE;
    }
    weir_buf_append_byte(s->text, '(');
    enum weir_status status = weir_format_sklearn_node(s, at, out, err);
    weir_buf_append_byte(s->text, ')');
    s->keeps_columns = kept;
    s->n_in = n_in;
    s->rows = rows;
    s->b->features = features;
    return status;
}

enum weir_status weir_format_sklearn_meta_parts(struct weir_format_sklearn *s,
                                                const struct weir_value_at *list,
                                                struct weir_format_sklearn_meta_parts *out,
                                                struct weir_error *err)
{
    size_t n;
    enum weir_status status = weir_value_list(list, &n, err);
    if (status != WEIR_OK)
        return status;
    if (n == 0)
        return weir_value_fail(list, WEIR_ERR_INVALID, err, "there are no estimators");
    struct weir_model_combine_member *parts = weir_arena_zarray(s->temp, n, sizeof *parts);
    if (!parts)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf unseen = WEIR_BUF_INIT;
    struct weir_buf *text = s->text;
    weir_buf_append_byte(text, '(');
    for (size_t i = 0; status == WEIR_OK && i < n; i++) {
        struct weir_value_at item;
        status = weir_value_item(list, i, &item, err);
        if (status == WEIR_OK)
            status = weir_format_sklearn_node(s, &item, &parts[i].node, err);
        s->text = &unseen;
        weir_buf_clear(&unseen);
    }
    s->text = text;
    if (n > 1)
        weir_buf_printf(text, " and %zu more", n - 1);
    weir_buf_append_byte(text, ')');
    if (status == WEIR_OK)
        *out = (struct weir_format_sklearn_meta_parts){.at = parts, .n = n};
    return status;
}

enum weir_status weir_format_sklearn_meta_fail(const struct weir_value_at *at,
                                               enum weir_status status,
                                               const struct weir_error *reason,
                                               struct weir_error *err)
{
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason->msg);
}

enum weir_status weir_format_sklearn_meta_opts(struct weir_format_sklearn *s,
                                               const struct weir_value_at *at,
                                               const struct weir_format_sklearn_meta_parts *parts,
                                               struct weir_model_combine_opts *out,
                                               struct weir_error *err)
{
    size_t n_in = parts->at[0].node->n_in;
    if (parts->at[0].columns) {
        enum weir_status status = weir_format_sklearn_build_n_features(at, &n_in, err);
        if (status != WEIR_OK)
            return status;
    }
    *out = (struct weir_model_combine_opts){.name = at->v->object->cls,
                                            .n_in = (uint32_t)n_in,
                                            .members = parts->at,
                                            .n = parts->n,
                                            .keeps_columns = s->keeps_columns};
    return WEIR_OK;
}

/* --- classes --- */

/* Gives label i as a number; false: it is a text. */
static bool label_number(const struct weir_labels *l, size_t i, double *out)
{
    if (l->dtype == WEIR_BYTES)
        return false;
    *out = l->dtype == WEIR_F64 ? l->f64[i] : (double)l->i64[i];
    return true;
}

static bool same_label(const struct weir_labels *a, size_t i, const struct weir_labels *b, size_t j)
{
    double x, y;
    if (label_number(a, i, &x) && label_number(b, j, &y))
        return x == y;
    return a->dtype == b->dtype && weir_str_eq(a->text[i], b->text[j]);
}

/* Finds the class of the whole that class i of a part is; classes->n: none. Labels stand mostly at
 * their own place. */
static size_t find_class(const struct weir_labels *part, size_t i,
                         const struct weir_labels *classes, bool by_index)
{
    double number;
    if (by_index) {
        bool is_index = label_number(part, i, &number) && number >= 0 &&
                        number < (double)classes->n && number == floor(number);
        return is_index ? (size_t)number : classes->n;
    }
    if (i < classes->n && same_label(part, i, classes, i))
        return i;
    size_t k = 0;
    while (k < classes->n && !same_label(part, i, classes, k))
        k++;
    return k;
}

enum weir_status weir_format_sklearn_meta_class_map(struct weir_format_sklearn *s,
                                                    const struct weir_value_at *at,
                                                    const struct weir_model_node *part,
                                                    const struct weir_labels *classes,
                                                    bool by_index, const uint32_t **out,
                                                    struct weir_error *err)
{
    if (!part->predicts_labels || part->n_targets != 1)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "a part is no classifier of one target");
    const struct weir_labels *theirs = &part->targets[0];
    uint32_t *map = weir_arena_array(s->b->arena, theirs->n, sizeof *map);
    if (!map)
        return weir_model_builder_no_memory(s->b, err);
    bool is_same = theirs->n == classes->n;
    for (size_t i = 0; i < theirs->n; i++) {
        size_t k = find_class(theirs, i, classes, by_index);
        if (k == classes->n)
            return weir_value_fail(at, WEIR_ERR_CORRUPT, err,
                                   "class %zu of a part is none of the %zu classes", i, classes->n);
        map[i] = (uint32_t)k;
        is_same = is_same && k == i;
    }
    *out = is_same ? NULL : map;
    return WEIR_OK;
}

enum weir_status weir_format_sklearn_meta_numbers(struct weir_format_sklearn *s,
                                                  const struct weir_value_at *at,
                                                  const struct weir_labels *labels,
                                                  const double **out, struct weir_error *err)
{
    double *numbers = weir_arena_array(s->b->arena, labels->n, sizeof *numbers);
    if (!numbers)
        return weir_model_builder_no_memory(s->b, err);
    for (size_t i = 0; i < labels->n; i++)
        if (!label_number(labels, i, &numbers[i]))
            return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                                   "predicted texts would be features");
    *out = numbers;
    return WEIR_OK;
}

/* --- those that pass on --- */

/* Makes the node of the estimator in the first of several attributes that is there. */
static enum weir_status pass_on(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                const char *const *names, size_t n,
                                const struct weir_model_node **out, struct weir_error *err)
{
    for (size_t i = 0; i < n; i++) {
        struct weir_value_at inner;
        enum weir_status status = weir_value_attr_opt(at, names[i], &inner, err);
        if (status == WEIR_OK && inner.v)
            status = weir_format_sklearn_meta_part(s, &inner, true, out, err);
        if (status != WEIR_OK || inner.v)
            return status;
    }
    return weir_value_fail(at, WEIR_ERR_INVALID, err, "%s is missing", names[0]);
}

enum weir_status weir_format_sklearn_meta_frozen(struct weir_format_sklearn *s,
                                                 const struct weir_value_at *at,
                                                 const struct weir_model_node **out,
                                                 struct weir_error *err)
{
    static const char *const names[] = {"estimator"};
    return pass_on(s, at, names, 1, out, err);
}

enum weir_status weir_format_sklearn_meta_self_training(struct weir_format_sklearn *s,
                                                        const struct weir_value_at *at,
                                                        const struct weir_model_node **out,
                                                        struct weir_error *err)
{
    static const char *const names[] = {"estimator_", "base_estimator_"};
    const struct weir_model_node *node;
    enum weir_status status = pass_on(s, at, names, 2, &node, err);
    if (status != WEIR_OK)
        return status;
    if (node->columns)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "its estimator takes text");
    if (node->n_out[WEIR_OUTPUT_TRANSFORM] > 0 || !node->predicts_labels)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "its estimator is no plain classifier");
    *out = node;
    return WEIR_OK;
}
