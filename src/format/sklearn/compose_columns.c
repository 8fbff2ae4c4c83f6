/* SPDX-License-Identifier: MIT */
/* ColumnTransformer and FeatureUnion: several transformers side by side.
 *
 * A fitted ColumnTransformer says which columns each part gets in the form in which the user said
 * it (names, numbers, a slice, a mask) and, from 1.0 on, also as numbers
 * (_transformer_to_input_indices). The numbers are used where there are any. */
#include "format/sklearn/transform.h"
#include "model/columns.h"

#include <string.h>

/* The columns of one part. */
struct chosen {
    uint32_t *index;
    size_t n;
};

/* What is known of a ColumnTransformer while its parts are made. */
struct table {
    size_t n_columns;
    const struct weir_value_strs *names; /* NULL: fitted without */
    struct weir_value_at weights;        /* v NULL: none */
    struct weir_value_at indices;        /* v NULL: none */
    struct weir_model_columns_part *parts;
    size_t n_parts;
};

static enum weir_status no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

/* Finds the column of a name. */
static enum weir_status find_name(const struct table *t, const struct weir_value_at *at,
                                  struct weir_str name, size_t *out, struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    for (size_t i = 0; t->names && i < t->names->shape.n; i++)
        if (weir_str_eq(t->names->at[i], name)) {
            *out = i;
            return WEIR_OK;
        }
    return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "no column is named \"%s\"",
                           weir_str_echo(name, echo, sizeof echo));
}

/* Turns one number or name into a column; negative numbers count from the end. */
static enum weir_status one_column(const struct table *t, const struct weir_value_at *at,
                                   size_t *out, struct weir_error *err)
{
    struct weir_str name;
    int64_t i;
    if (at->v->kind == WEIR_VALUE_TEXT) {
        enum weir_status status = weir_value_text(at, &name, err);
        return status == WEIR_OK ? find_name(t, at, name, out, err) : status;
    }
    int64_t n = (int64_t)t->n_columns;
    enum weir_status status = weir_value_i64_in(at, -n, n - 1, &i, err);
    if (status == WEIR_OK)
        *out = (size_t)(i < 0 ? i + n : i);
    return status;
}

/* Reads an end of a slice; absent ends keep def. Names at the end of a slice are included. */
static enum weir_status slice_end(const struct table *t, const struct weir_value_at *at,
                                  bool is_end, int64_t *out, struct weir_error *err)
{
    if (weir_value_is_none(at->v))
        return WEIR_OK;
    if (at->v->kind == WEIR_VALUE_TEXT) {
        size_t column;
        enum weir_status status = one_column(t, at, &column, err);
        if (status == WEIR_OK)
            *out = (int64_t)column + is_end;
        return status;
    }
    int64_t i;
    enum weir_status status = weir_value_i64(at, &i, err);
    if (status != WEIR_OK)
        return status;
    int64_t n = (int64_t)t->n_columns;
    i = i < 0 ? i + n : i;
    *out = i < 0 ? 0 : i > n ? n : i;
    return WEIR_OK;
}

static enum weir_status slice_columns(const struct table *t, const struct weir_value_at *at,
                                      struct chosen *out, struct weir_error *err)
{
    const struct weir_value_object *slice = at->v->object;
    int64_t start = 0;
    int64_t stop = (int64_t)t->n_columns;
    if (slice->args.n != 3)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "a slice has three parts");
    if (!weir_value_is_none(slice->args.at[2]))
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "slices with a step are not supported");
    struct weir_value_at end = *at;
    end.v = slice->args.at[0];
    enum weir_status status = slice_end(t, &end, false, &start, err);
    end.v = slice->args.at[1];
    if (status == WEIR_OK)
        status = slice_end(t, &end, true, &stop, err);
    if (status != WEIR_OK)
        return status;
    out->n = 0;
    for (int64_t i = start; i < stop; i++)
        out->index[out->n++] = (uint32_t)i;
    return WEIR_OK;
}

static enum weir_status mask_columns(struct weir_format_sklearn *s, const struct table *t,
                                     const struct weir_value_at *at, struct chosen *out,
                                     struct weir_error *err)
{
    struct weir_value_i64s mask;
    enum weir_status status = weir_value_i64s(at, s->temp, &mask, err);
    if (status != WEIR_OK)
        return status;
    if (mask.shape.n != t->n_columns)
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "a mask of %zu for %zu columns",
                               mask.shape.n, t->n_columns);
    out->n = 0;
    for (size_t i = 0; i < mask.shape.n; i++)
        if (mask.at[i])
            out->index[out->n++] = (uint32_t)i;
    return WEIR_OK;
}

/* Finds whether a list or array is a mask: truth values only. */
static bool is_mask(const struct weir_value_at *at, size_t n)
{
    char kind = weir_value_element_kind(at->v);
    if (kind != 'O')
        return kind == 'b';
    struct weir_value_at item;
    for (size_t i = 0; i < n; i++)
        if (weir_value_item(at, i, &item, NULL) != WEIR_OK || item.v->kind != WEIR_VALUE_BOOL)
            return false;
    return n > 0;
}

/* Reads columns in whichever form they are. out->index has room for all columns. */
static enum weir_status read_columns(struct weir_format_sklearn *s, const struct table *t,
                                     const struct weir_value_at *given, struct chosen *out,
                                     struct weir_error *err)
{
    struct weir_value_at at = *given;
    enum weir_status status = WEIR_OK;
    if (weir_value_is_object(given->v, "_RemainderColsList"))
        status = weir_value_attr(given, "data", &at, err);
    if (status != WEIR_OK)
        return status;
    if (weir_value_is_object(at.v, "slice"))
        return slice_columns(t, &at, out, err);
    if (at.v->kind == WEIR_VALUE_TEXT || at.v->kind == WEIR_VALUE_I64) {
        size_t column;
        status = one_column(t, &at, &column, err);
        out->index[0] = status == WEIR_OK ? (uint32_t)column : 0;
        out->n = 1;
        return status;
    }
    size_t n = weir_value_n(at.v);
    struct weir_value_shape shape;
    status = weir_value_shape(&at, &shape, err);
    if (status != WEIR_OK)
        return status;
    if (shape.n_dims != 1)
        return weir_value_fail(&at, WEIR_ERR_UNSUPPORTED, err,
                               "cannot tell which columns are meant");
    n = shape.n;
    if (is_mask(&at, n))
        return mask_columns(s, t, &at, out, err);
    if (n > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(&at, WEIR_ERR_LIMIT, err, "more than %d columns",
                               WEIR_MODEL_COLUMNS_MAX);
    out->index = weir_arena_array(s->temp, n, sizeof *out->index);
    if (!out->index)
        return no_memory(err);
    for (out->n = 0; out->n < n; out->n++) {
        struct weir_value element;
        size_t column = 0;
        status = weir_value_element(&at, out->n, s->temp, &element, err);
        struct weir_value_at item = at;
        item.v = &element;
        if (status == WEIR_OK)
            status = one_column(t, &item, &column, err);
        if (status != WEIR_OK)
            return status;
        out->index[out->n] = (uint32_t)column;
    }
    return WEIR_OK;
}

/* Finds the columns of a part: under its name among the numbers, else as they were said. */
static enum weir_status part_columns(struct weir_format_sklearn *s, const struct table *t,
                                     struct weir_str name, const struct weir_value_at *said,
                                     struct chosen *out, struct weir_error *err)
{
    out->index = weir_arena_array(s->temp, t->n_columns, sizeof *out->index);
    const struct weir_str copy = weir_arena_str(s->temp, name);
    if (!out->index || !copy.at)
        return no_memory(err);
    if (t->indices.v && weir_value_find_key(t->indices.v, copy.at)) {
        struct weir_value_at numbers;
        enum weir_status status = weir_value_key(&t->indices, copy.at, &numbers, err);
        return status == WEIR_OK ? read_columns(s, t, &numbers, out, err) : status;
    }
    return read_columns(s, t, said, out, err);
}

/* Reads the weight of a part from transformer_weights. */
static enum weir_status read_weight(struct weir_format_sklearn *s,
                                    const struct weir_value_at *weights, struct weir_str name,
                                    struct weir_model_columns_part *part, struct weir_error *err)
{
    if (!weights->v)
        return WEIR_OK;
    struct weir_value_at at;
    const struct weir_str copy = weir_arena_str(s->temp, name);
    if (!copy.at)
        return no_memory(err);
    const struct weir_value *found = weir_value_find_key(weights->v, copy.at);
    if (!found || weir_value_is_none(found))
        return WEIR_OK;
    enum weir_status status = weir_value_key(weights, copy.at, &at, err);
    if (status == WEIR_OK)
        status = weir_value_f64(&at, &part->weight, err);
    if (status == WEIR_OK && !weir_format_sklearn_build_is_finite(&part->weight, 1))
        status = weir_value_fail(&at, WEIR_ERR_CORRUPT, err, "a weight is NaN or infinite");
    part->has_weight = status == WEIR_OK;
    return status;
}

/* Makes the node of a part that sees these columns; NULL for "passthrough". */
static enum weir_status part_node(struct weir_format_sklearn *s, const struct weir_value_at *object,
                                  struct weir_model_columns_part *part, struct weir_error *err)
{
    if (weir_value_is_text(object->v, "passthrough")) {
        weir_buf_append_c(s->text, "passthrough");
        return WEIR_OK;
    }
    uint32_t n_in = s->n_in;
    s->n_in = part->n_index;
    enum weir_status status = weir_format_sklearn_node(s, object, &part->node, err);
    s->n_in = n_in;
    if (status != WEIR_OK)
        return status;
    if (part->n_index > 0 && part->node->n_in != part->n_index)
        return weir_value_fail(object, WEIR_ERR_CORRUPT, err, "takes %u columns, but is given %u",
                               part->node->n_in, part->n_index);
    if (part->node->n_out[WEIR_OUTPUT_TRANSFORM] == 0)
        return weir_value_fail(object, WEIR_ERR_INVALID, err, "does not transform");
    return WEIR_OK;
}

/* Says for the nodes of a part which of the model's features its columns are. */
static enum weir_status map_features(struct weir_format_sklearn *s, const struct chosen *columns,
                                     struct weir_error *err)
{
    uint32_t *features = weir_arena_array(s->b->arena, columns->n, sizeof *features);
    if (!features)
        return weir_model_builder_no_memory(s->b, err);
    for (size_t i = 0; i < columns->n; i++)
        features[i] = s->b->features ? s->b->features[columns->index[i]] : columns->index[i];
    s->b->features = features;
    return WEIR_OK;
}

/* Takes in one entry of transformers_: (name, object, columns). */
static enum weir_status add_part(struct weir_format_sklearn *s, struct table *t,
                                 const struct weir_value_at *entry, struct weir_error *err)
{
    struct weir_value_at at, object, said;
    struct weir_str name;
    struct chosen columns;
    size_t n;
    enum weir_status status = weir_value_list(entry, &n, err);
    if (status == WEIR_OK && n != 3)
        status =
            weir_value_fail(entry, WEIR_ERR_INVALID, err, "expected (name, transformer, columns)");
    if (status == WEIR_OK)
        status = weir_value_item(entry, 0, &at, err);
    if (status == WEIR_OK)
        status = weir_value_text(&at, &name, err);
    if (status == WEIR_OK)
        status = weir_value_item(entry, 1, &object, err);
    if (status == WEIR_OK)
        status = weir_value_item(entry, 2, &said, err);
    if (status != WEIR_OK || weir_value_is_text(object.v, "drop"))
        return status;
    status = part_columns(s, t, name, &said, &columns, err);
    if (status != WEIR_OK || columns.n == 0)
        return status; /* a part without columns adds none */
    struct weir_model_columns_part *part = &t->parts[t->n_parts];
    *part =
        (struct weir_model_columns_part){.index = columns.index, .n_index = (uint32_t)columns.n};
    status = read_weight(s, &t->weights, name, part, err);
    const uint32_t *features = s->b->features;
    if (status == WEIR_OK)
        status = map_features(s, &columns, err);
    if (t->n_parts++ > 0)
        weir_buf_append_c(s->text, ", ");
    if (status == WEIR_OK)
        status = part_node(s, &object, part, err);
    s->b->features = features;
    return status;
}

/* Reads the names of the columns a ColumnTransformer was fitted on, if it has any. */
static enum weir_status table_names(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct weir_value_strs *names, struct table *t,
                                    struct weir_error *err)
{
    static const char *const attrs[] = {"feature_names_in_", "_feature_names_in"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(attrs) && !t->names; i++) {
        struct weir_value_at place;
        enum weir_status status = weir_value_attr_opt(at, attrs[i], &place, err);
        if (status == WEIR_OK && place.v)
            status = weir_value_strs(&place, s->temp, names, err);
        if (status != WEIR_OK)
            return status;
        if (place.v && names->shape.n != t->n_columns)
            return weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "%zu names for %zu columns",
                                   names->shape.n, t->n_columns);
        t->names = place.v ? names : NULL;
    }
    return WEIR_OK;
}

static enum weir_status make_union(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   const struct table *t, const struct weir_model_node **out,
                                   struct weir_error *err)
{
    if (t->n_parts == 0)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "no part gives a column");
    struct weir_error reason = WEIR_ERROR_INIT;
    enum weir_status status = weir_model_columns_union_new(s->b, (uint32_t)t->n_columns, t->parts,
                                                           t->n_parts, out, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

enum weir_status weir_format_sklearn_compose_columns(struct weir_format_sklearn *s,
                                                     const struct weir_value_at *at,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err)
{
    struct table t = {0};
    struct weir_value_strs names;
    struct weir_value_at fitted;
    size_t n;
    enum weir_status status = weir_format_sklearn_build_n_features(at, &t.n_columns, err);
    if (status == WEIR_OK && t.n_columns == 0)
        status = weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "does not say its n_features_in_");
    if (status == WEIR_OK)
        status = table_names(s, at, &names, &t, err);
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "transformer_weights", &t.weights, err);
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "_transformer_to_input_indices", &t.indices, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "transformers_", &fitted, err);
    if (status == WEIR_OK)
        status = weir_value_list(&fitted, &n, err);
    if (status != WEIR_OK)
        return status;
    t.parts = weir_arena_array(s->temp, n, sizeof *t.parts);
    if (!t.parts)
        return no_memory(err);
    weir_buf_append_byte(s->text, '(');
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        struct weir_value_at entry;
        status = weir_value_item(&fitted, i, &entry, err);
        if (status == WEIR_OK)
            status = add_part(s, &t, &entry, err);
    }
    weir_buf_append_byte(s->text, ')');
    return status == WEIR_OK ? make_union(s, at, &t, out, err) : status;
}

/* Takes in one entry of transformer_list: (name, object). Its columns are set later. */
static enum weir_status add_member(struct weir_format_sklearn *s, struct table *t,
                                   const struct weir_value_at *entry, struct weir_error *err)
{
    struct weir_value_at at, object;
    struct weir_str name;
    size_t n;
    enum weir_status status = weir_value_list(entry, &n, err);
    if (status == WEIR_OK && n != 2)
        status = weir_value_fail(entry, WEIR_ERR_INVALID, err, "expected (name, transformer)");
    if (status == WEIR_OK)
        status = weir_value_item(entry, 0, &at, err);
    if (status == WEIR_OK)
        status = weir_value_text(&at, &name, err);
    if (status == WEIR_OK)
        status = weir_value_item(entry, 1, &object, err);
    if (status != WEIR_OK || weir_value_is_none(object.v) || weir_value_is_text(object.v, "drop"))
        return status;
    struct weir_model_columns_part *part = &t->parts[t->n_parts];
    *part = (struct weir_model_columns_part){.n_index = (uint32_t)t->n_columns};
    if (t->n_parts++ > 0)
        weir_buf_append_c(s->text, ", ");
    status = read_weight(s, &t->weights, name, part, err);
    if (status == WEIR_OK)
        status = part_node(s, &object, part, err);
    if (status == WEIR_OK && part->node)
        t->n_columns = part->node->n_in;
    return status;
}

enum weir_status weir_format_sklearn_compose_union(struct weir_format_sklearn *s,
                                                   const struct weir_value_at *at,
                                                   const struct weir_model_node **out,
                                                   struct weir_error *err)
{
    struct table t = {.n_columns = s->n_in};
    struct weir_value_at list;
    size_t n;
    enum weir_status status = weir_value_attr_opt(at, "transformer_weights", &t.weights, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "transformer_list", &list, err);
    if (status == WEIR_OK)
        status = weir_value_list(&list, &n, err);
    if (status != WEIR_OK)
        return status;
    t.parts = weir_arena_array(s->temp, n, sizeof *t.parts);
    if (!t.parts)
        return no_memory(err);
    weir_buf_append_byte(s->text, '(');
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        struct weir_value_at entry;
        status = weir_value_item(&list, i, &entry, err);
        if (status == WEIR_OK)
            status = add_member(s, &t, &entry, err);
    }
    weir_buf_append_byte(s->text, ')');
    if (status == WEIR_OK && t.n_columns == 0)
        status =
            weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "cannot tell how many columns it takes");
    if (status != WEIR_OK)
        return status;
    uint32_t *all = weir_arena_array(s->temp, t.n_columns, sizeof *all);
    if (!all)
        return no_memory(err);
    for (size_t i = 0; i < t.n_columns; i++)
        all[i] = (uint32_t)i;
    for (size_t i = 0; i < t.n_parts; i++) {
        t.parts[i].index = all;
        t.parts[i].n_index = (uint32_t)t.n_columns;
    }
    return make_union(s, at, &t, out, err);
}
