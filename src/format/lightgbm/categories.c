/* SPDX-License-Identifier: MIT */
/* Categories of a data frame: values in, codes for the trees.
 *
 * The last line of a text holds a list for each column of the data frame that was of a category
 * type, in the columns' order; which columns those were it does not say. They are the categorical
 * features, unless the caller chose those by himself, or some categories were ordered: what could
 * be such a case is refused. */
#include "base/macros.h"
#include "codec/json.h"
#include "codec/number.h"
#include "format/lightgbm/booster.h"
#include "model/chain.h"
#include "model/codes.h"
#include "model/lookup.h"

#include <math.h>
#include <stdio.h>

struct categories {
    const struct weir_format_lightgbm *x;
    struct weir_model_builder *b;
    struct weir_arena *temp;
    struct weir_str *infos; /* of each feature */
    bool *is_categorical;   /* each feature */
    struct weir_model_codes_column *columns;
    struct weir_codec_json json;
    struct weir_buf text; /* of a category */
    struct weir_error *err;
};

static enum weir_status no_memory(struct categories *c)
{
    return weir_error_set(c->err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

/* --- which features --- */

static bool is_number_info(struct weir_str info)
{
    return info.n > 0 && info.at[0] == '[';
}

static enum weir_status read_infos(struct categories *c)
{
    size_t n = (size_t)c->x->n_features;
    struct weir_str rest = weir_str_trim(c->x->feature_infos);
    for (size_t i = 0; i < n; i++) {
        c->infos[i] = rest.at ? weir_str_split(&rest, ' ') : WEIR_STR("");
        if (c->infos[i].n == 0 || (i + 1 == n && rest.at))
            return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                                  "feature_infos: is no entry for each of %zu features", n);
    }
    return WEIR_OK;
}

/* Marks the features that the parameter names; false: it does not name them by numbers. */
static bool mark_named(struct categories *c)
{
    struct weir_str rest = c->x->categorical;
    while (rest.at && rest.n > 0) {
        uint64_t feature;
        struct weir_str word = weir_str_split(&rest, ',');
        if (!weir_str_to_u64(word, (uint64_t)c->x->n_features - 1, &feature))
            return false;
        c->is_categorical[feature] = true;
    }
    return true;
}

/* Marks the features that lists may belong to and checks that there are n. */
static enum weir_status mark_features(struct categories *c, size_t n)
{
    size_t n_found = 0;
    size_t n_features = (size_t)c->x->n_features;
    bool is_named = mark_named(c);
    for (size_t i = 0; i < n_features; i++) {
        bool is_number = is_number_info(c->infos[i]);
        if (!is_named)
            c->is_categorical[i] = false;
        if (!is_number && !weir_str_eq_c(c->infos[i], "none"))
            c->is_categorical[i] = true;
        n_found += c->is_categorical[i];
        if (is_number && c->is_categorical[i])
            return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                                  "categorical_feature: feature %zu is no categorical one", i);
    }
    if (n_found != n)
        return weir_error_set(c->err, WEIR_ERR_UNSUPPORTED,
                              "pandas_categorical: %zu lists and %zu categorical features: the "
                              "file does not tell which columns they belong to",
                              n, n_found);
    return WEIR_OK;
}

/* Checks that the codes that a feature was trained on are those of its list. */
static enum weir_status check_codes(struct categories *c, size_t feature, size_t n)
{
    struct weir_str rest = c->infos[feature];
    if (weir_str_eq_c(rest, "none"))
        return WEIR_OK;
    while (rest.at) {
        double code;
        if (!weir_codec_number_read_f64(weir_str_split(&rest, ':'), &code))
            return weir_error_set(c->err, WEIR_ERR_CORRUPT,
                                  "feature_infos[%zu]: expected codes of categories", feature);
        if (!(code < (double)n))
            return weir_error_set(c->err, WEIR_ERR_UNSUPPORTED,
                                  "pandas_categorical: feature %zu was trained on code %g, and its "
                                  "list has %zu categories",
                                  feature, code, n);
    }
    return WEIR_OK;
}

/* Refuses numbers whose column may be another one: a number given for a category of the wrong
 * column could not be noticed. */
static enum weir_status check_numbers(struct categories *c, size_t feature, size_t n)
{
    char span[48];
    (void)snprintf(span, sizeof span, "[0:%zu]", n - 1);
    for (size_t i = 0; i < (size_t)c->x->n_features; i++)
        if (weir_str_eq_c(c->infos[i], span))
            return weir_error_set(c->err, WEIR_ERR_UNSUPPORTED,
                                  "pandas_categorical: the file does not tell whether the %zu "
                                  "numbers are of feature %zu or %zu",
                                  n, feature, i);
    return WEIR_OK;
}

/* --- their values --- */

static enum weir_status take_cell(struct categories *c, size_t feature, const char *value,
                                  double *out)
{
    enum weir_codec_json_kind kind = weir_codec_json_kind(value);
    if (kind == WEIR_CODEC_JSON_STRING) {
        weir_buf_clear(&c->text);
        weir_codec_json_unescape(weir_codec_json_string(value), &c->text);
        if (!weir_buf_ok(&c->text) ||
            !weir_model_lookup_text(c->b, weir_str_make(c->text.at, c->text.n), out))
            return no_memory(c);
        return WEIR_OK;
    }
    if (kind == WEIR_CODEC_JSON_TRUE || kind == WEIR_CODEC_JSON_FALSE) {
        *out = kind == WEIR_CODEC_JSON_TRUE ? 1.0 : 0.0;
        return WEIR_OK;
    }
    if (kind == WEIR_CODEC_JSON_NUMBER) {
        struct weir_str token = weir_codec_json_token(value, weir_codec_json_skip(&c->json, value));
        if (weir_codec_number_read_f64(token, out) && fabs(*out) <= 0x1p53)
            return WEIR_OK;
    }
    return weir_error_set(c->err, WEIR_ERR_UNSUPPORTED,
                          "pandas_categorical: a category of feature %zu is neither a text nor a "
                          "number up to 2^53",
                          feature);
}

static enum weir_status take_list(struct categories *c, size_t feature, const char *list)
{
    if (weir_codec_json_kind(list) != WEIR_CODEC_JSON_ARRAY)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "pandas_categorical: expected lists");
    size_t n = weir_codec_json_count(&c->json, list);
    double *cells = weir_arena_array(c->temp, weir_max_size(n, 1), sizeof *cells);
    if (!cells)
        return no_memory(c);
    if (n == 0)
        return weir_error_set(c->err, WEIR_ERR_UNSUPPORTED,
                              "pandas_categorical: feature %zu has no categories", feature);
    struct weir_codec_json_iter it = weir_codec_json_iter(&c->json, list);
    bool are_texts = true, are_codes = true;
    const char *value;
    for (size_t i = 0; weir_codec_json_next(&it, &value); i++) {
        enum weir_status status = take_cell(c, feature, value, &cells[i]);
        if (status != WEIR_OK)
            return status;
        bool is_text = weir_codec_json_kind(value) == WEIR_CODEC_JSON_STRING;
        are_texts = are_texts && is_text;
        are_codes = are_codes && !is_text && cells[i] == (double)i;
    }
    c->columns[feature] = (struct weir_model_codes_column){.categories = cells, .n_categories = n};
    enum weir_status status = check_codes(c, feature, n);
    return status == WEIR_OK && !are_texts && !are_codes ? check_numbers(c, feature, n) : status;
}

static enum weir_status take_lists(struct categories *c, const char *lists)
{
    enum weir_status status = read_infos(c);
    if (status == WEIR_OK)
        status = mark_features(c, weir_codec_json_count(&c->json, lists));
    struct weir_codec_json_iter it = weir_codec_json_iter(&c->json, lists);
    const char *list;
    for (size_t i = 0; status == WEIR_OK && i < (size_t)c->x->n_features; i++)
        if (c->is_categorical[i] && weir_codec_json_next(&it, &list))
            status = take_list(c, i, list);
    return status;
}

static enum weir_status build(struct categories *c, const struct weir_format_lightgbm_rules *rules,
                              const struct weir_model_node *inner,
                              const struct weir_model_node **out)
{
    const char *lists = c->json.root;
    if (weir_codec_json_kind(lists) == WEIR_CODEC_JSON_NULL)
        return WEIR_OK;
    if (weir_codec_json_kind(lists) != WEIR_CODEC_JSON_ARRAY)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "pandas_categorical: expected lists");
    if (weir_codec_json_count(&c->json, lists) == 0)
        return WEIR_OK;
    size_t n = (size_t)c->x->n_features;
    c->infos = weir_arena_zarray(c->temp, n, sizeof *c->infos);
    c->is_categorical = weir_arena_zarray(c->temp, n, sizeof *c->is_categorical);
    c->columns = weir_arena_zarray(c->temp, n, sizeof *c->columns);
    if (!c->infos || !c->is_categorical || !c->columns)
        return no_memory(c);
    enum weir_status status = take_lists(c, lists);
    const struct weir_model_codes_opts opts = {.name = rules->name,
                                               .n_columns = (uint32_t)n,
                                               .columns = c->columns,
                                               .keeps_columns = rules->keeps_columns};
    const struct weir_model_node *nodes[2] = {NULL, inner};
    if (status == WEIR_OK)
        status = weir_model_codes_new(c->b, &opts, &nodes[0], c->err);
    return status == WEIR_OK ? weir_model_chain_new(c->b, nodes, 2, out, c->err) : status;
}

enum weir_status weir_format_lightgbm_categories_add(
    const struct weir_format_lightgbm *x, const struct weir_format_lightgbm_rules *rules,
    struct weir_model_builder *b, struct weir_arena *temp, const struct weir_model_node *inner,
    const struct weir_model_node **out, struct weir_error *err)
{
    struct categories c = {.x = x, .b = b, .temp = temp, .text = WEIR_BUF_INIT, .err = err};
    struct weir_error reason = WEIR_ERROR_INIT;
    *out = inner;
    if (!x->dictionary.at)
        return WEIR_OK;
    weir_codec_json_init(&c.json, NULL, NULL);
    enum weir_status status = weir_codec_json_scan(&c.json, x->dictionary, &reason);
    if (status == WEIR_ERR_INVALID)
        status = weir_error_set(err, WEIR_ERR_CORRUPT, "pandas_categorical: %s", reason.msg);
    else if (status != WEIR_OK)
        status = weir_error_set(err, status, "pandas_categorical: %s", reason.msg);
    else
        status = build(&c, rules, inner, out);
    weir_buf_deinit(&c.text);
    weir_codec_json_deinit(&c.json);
    return status;
}
