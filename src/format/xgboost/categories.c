/* SPDX-License-Identifier: MIT */
/* The dictionary of categories (from 3.1 on): values in, codes for the trees. */
#include "codec/utf8.h"
#include "format/xgboost/build_priv.h"
#include "model/chain.h"
#include "model/codes.h"
#include "model/lookup.h"

#include <math.h>

static enum weir_status fails(struct weir_format_xgboost_build *c, enum weir_status code,
                              size_t feature, const char *what)
{
    return weir_error_set(c->err, code, "cats.enc[%zu]: %s", feature, what);
}

static enum weir_status take_text(struct weir_format_xgboost_build *c, size_t feature,
                                  struct weir_str text, double *out)
{
    bool is_ascii = true;
    for (size_t i = 0; i < text.n; i++)
        is_ascii = is_ascii && (unsigned char)text.at[i] < 0x80;
    /* These wrote as many bytes of a text as it has characters. */
    if (!is_ascii && c->x->version < WEIR_FORMAT_XGBOOST_VERSION(3, 4))
        return fails(c, WEIR_ERR_UNSUPPORTED, feature,
                     "this version of the library cuts categories that are not ASCII");
    if (!is_ascii && !weir_codec_utf8_is_valid(text, WEIR_CODEC_UTF8_STRICT))
        return fails(c, WEIR_ERR_CORRUPT, feature, "a category is not UTF-8");
    return weir_model_lookup_text(c->b, text, out) ? WEIR_OK
                                                   : weir_format_xgboost_build_no_memory(c);
}

static enum weir_status take_column(struct weir_format_xgboost_build *c, size_t feature,
                                    struct weir_model_codes_column *out)
{
    const struct weir_format_xgboost_categories *from = &c->x->categories[feature];
    double *cells = weir_arena_array(c->temp, from->n, sizeof *cells);
    if (!cells)
        return weir_format_xgboost_build_no_memory(c);
    for (size_t i = 0; i < from->n; i++) {
        if (from->is_text) {
            enum weir_status status = take_text(c, feature, from->texts[i], &cells[i]);
            if (status != WEIR_OK)
                return status;
            continue;
        }
        if (!(fabs(from->numbers[i]) <= 0x1p53))
            return fails(c, WEIR_ERR_UNSUPPORTED, feature, "a category is beyond 2^53");
        cells[i] = from->numbers[i];
    }
    *out = (struct weir_model_codes_column){.categories = cells, .n_categories = from->n};
    return WEIR_OK;
}

enum weir_status weir_format_xgboost_categories_add(struct weir_format_xgboost_build *c,
                                                    const struct weir_model_node *inner,
                                                    const struct weir_model_node **out)
{
    const struct weir_format_xgboost *x = c->x;
    size_t n_lists = 0;
    for (size_t i = 0; i < x->n_categories; i++)
        n_lists += x->categories[i].n > 0;
    *out = inner;
    if (n_lists == 0)
        return WEIR_OK;
    if (x->n_categories != (size_t)x->n_features)
        return weir_error_set(c->err, WEIR_ERR_CORRUPT, "cats.enc: %zu entries for %lld features",
                              x->n_categories, (long long)x->n_features);
    if (!isnan(c->rules->missing))
        return weir_error_set(c->err, WEIR_ERR_UNSUPPORTED,
                              "missing: is a number, beside a dictionary of categories");
    struct weir_model_codes_column *columns =
        weir_arena_zarray(c->temp, x->n_categories, sizeof *columns);
    if (!columns)
        return weir_format_xgboost_build_no_memory(c);
    for (size_t i = 0; i < x->n_categories; i++) {
        enum weir_status status = x->categories[i].n > 0 ? take_column(c, i, &columns[i]) : WEIR_OK;
        if (status != WEIR_OK)
            return status;
    }
    const struct weir_model_codes_opts opts = {.name = c->rules->name,
                                               .n_columns = (uint32_t)x->n_features,
                                               .columns = columns,
                                               .faults_unknown = true,
                                               .keeps_columns = c->rules->keeps_columns};
    const struct weir_model_node *nodes[2] = {NULL, inner};
    enum weir_status status = weir_model_codes_new(c->b, &opts, &nodes[0], c->err);
    return status == WEIR_OK ? weir_model_chain_new(c->b, nodes, 2, out, c->err) : status;
}
