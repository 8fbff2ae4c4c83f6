/* SPDX-License-Identifier: MIT */
/* sklearn.feature_extraction.text: CountVectorizer, TfidfVectorizer, HashingVectorizer,
 * TfidfTransformer. */
#include "model/text.h"

#include "format/sklearn/text.h"
#include "format/sklearn/transform.h"

#include <math.h>
#include <string.h>

static enum weir_status no_memory(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
}

/* Refuses functions of the user's own, and texts that are not given as texts. */
static enum weir_status check_plain(const struct weir_value_at *at, struct weir_error *err)
{
    static const char *const functions[] = {"preprocessor", "tokenizer"};
    struct weir_value_at place;
    struct weir_str input;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(functions); i++) {
        enum weir_status status = weir_value_attr_opt(at, functions[i], &place, err);
        if (status != WEIR_OK)
            return status;
        if (place.v)
            return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                                   "a %s of its own is not supported", functions[i]);
    }
    enum weir_status status =
        weir_value_attr_text_or(at, "input", WEIR_STR("content"), &input, err);
    if (status == WEIR_OK && !weir_str_eq_c(input, "content"))
        status = weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "input is not \"content\"");
    return status;
}

/* Reads strip_accents and analyzer, each one of a few texts. */
static enum weir_status read_rules(const struct weir_value_at *at,
                                   struct weir_model_text_opts *opts, struct weir_error *err)
{
    struct weir_value_at place;
    struct weir_str text;
    enum weir_status status = weir_value_attr_bool_or(at, "lowercase", true, &opts->is_lower, err);
    if (status == WEIR_OK)
        status = weir_value_attr_opt(at, "strip_accents", &place, err);
    if (status != WEIR_OK)
        return status;
    if (place.v && weir_value_is_text(place.v, "ascii"))
        opts->strip = WEIR_MODEL_TEXT_STRIP_ASCII;
    else if (place.v && weir_value_is_text(place.v, "unicode"))
        opts->strip = WEIR_MODEL_TEXT_STRIP_UNICODE;
    else if (place.v)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "strip_accents is not \"ascii\" or \"unicode\"");
    status = weir_value_attr_opt(at, "analyzer", &place, err);
    if (status != WEIR_OK)
        return status;
    if (!place.v || place.v->kind != WEIR_VALUE_TEXT)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "an analyzer of its own is not supported");
    text = place.v->text;
    if (weir_str_eq_c(text, "word"))
        opts->terms = WEIR_MODEL_TEXT_WORDS;
    else if (weir_str_eq_c(text, "char"))
        opts->terms = WEIR_MODEL_TEXT_CHARS;
    else if (weir_str_eq_c(text, "char_wb"))
        opts->terms = WEIR_MODEL_TEXT_CHARS_WB;
    else
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "analyzer is not one that is known");
    return WEIR_OK;
}

static enum weir_status read_range(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   struct weir_model_text_opts *opts, struct weir_error *err)
{
    struct weir_value_at place;
    struct weir_value_i64s range;
    enum weir_status status = weir_value_attr(at, "ngram_range", &place, err);
    if (status == WEIR_OK)
        status = weir_value_i64s(&place, s->temp, &range, err);
    if (status != WEIR_OK)
        return status;
    if (range.shape.n != 2 || range.at[0] < 1 || range.at[1] < range.at[0] ||
        range.at[1] > WEIR_MODEL_TEXT_RUN_MAX)
        return weir_value_fail(&place, WEIR_ERR_UNSUPPORTED, err, "runs are not of 1 to %d terms",
                               WEIR_MODEL_TEXT_RUN_MAX);
    opts->min = (uint32_t)range.at[0];
    opts->max = (uint32_t)range.at[1];
    return WEIR_OK;
}

/* Reads stop_words: none, "english", or a list or set of texts. */
static enum weir_status read_stop(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                  struct weir_model_text_opts *opts, struct weir_error *err)
{
    struct weir_value_at place;
    enum weir_status status = weir_value_attr_opt(at, "stop_words", &place, err);
    if (status != WEIR_OK || !place.v)
        return status;
    if (weir_value_is_text(place.v, "english")) {
        opts->stop = weir_format_sklearn_text_english(s->temp, &opts->n_stop);
        return opts->stop ? WEIR_OK : no_memory(err);
    }
    size_t n = weir_value_n(place.v);
    struct weir_str *words = weir_arena_array(s->temp, n, sizeof *words);
    if (!words)
        return no_memory(err);
    if (place.v->kind == WEIR_VALUE_TEXT || place.v->kind == WEIR_VALUE_DICT)
        return weir_value_fail(&place, WEIR_ERR_UNSUPPORTED, err, "is not a list of words");
    for (size_t i = 0; i < n; i++) {
        struct weir_value_at item;
        struct weir_str word = {NULL, 0};
        status = weir_value_item(&place, i, &item, err);
        if (status == WEIR_OK)
            status = weir_value_text(&item, &word, err);
        if (status != WEIR_OK)
            return status;
        words[i] = word;
    }
    opts->stop = words;
    opts->n_stop = weir_format_sklearn_text_unique(words, n);
    return WEIR_OK;
}

static enum weir_status read_pattern(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     struct weir_model_text_pattern *pattern,
                                     struct weir_model_text_opts *opts, struct weir_error *err)
{
    struct weir_str source;
    struct weir_error reason = WEIR_ERROR_INIT;
    if (opts->terms != WEIR_MODEL_TEXT_WORDS)
        return WEIR_OK;
    enum weir_status status = weir_value_attr_text(at, "token_pattern", &source, err);
    if (status != WEIR_OK)
        return status;
    status = weir_model_text_pattern_read(pattern, s->b->arena, source, &reason);
    opts->pattern = pattern;
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

/* Reads vocabulary_, {text: column}, as texts by column. */
static enum weir_status read_vocabulary(struct weir_format_sklearn *s,
                                        const struct weir_value_at *at,
                                        struct weir_model_text_opts *opts, struct weir_error *err)
{
    struct weir_value_at dict;
    enum weir_status status = weir_value_attr(at, "vocabulary_", &dict, err);
    if (status != WEIR_OK)
        return status;
    if (dict.v->kind != WEIR_VALUE_DICT || dict.v->dict.n == 0 ||
        dict.v->dict.n > WEIR_MODEL_COLUMNS_MAX)
        return weir_value_fail(&dict, WEIR_ERR_UNSUPPORTED, err, "is not a dict of 1 to %d texts",
                               WEIR_MODEL_COLUMNS_MAX);
    size_t n = dict.v->dict.n;
    struct weir_str *texts = weir_arena_zarray(s->temp, n, sizeof *texts);
    if (!texts)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct weir_value_at value = dict;
        const struct weir_value *key = dict.v->dict.at[i].key;
        int64_t column;
        value.v = dict.v->dict.at[i].value;
        if (key->kind != WEIR_VALUE_TEXT)
            return weir_value_fail(&dict, WEIR_ERR_UNSUPPORTED, err, "holds more than texts");
        status = weir_value_i64_in(&value, 0, (int64_t)n - 1, &column, err);
        if (status != WEIR_OK)
            return status;
        if (texts[column].at)
            return weir_value_fail(&dict, WEIR_ERR_CORRUPT, err, "column %zu has two texts",
                                   (size_t)column);
        texts[column] = key->text.n > 0 ? key->text : WEIR_STR("");
    }
    opts->vocabulary = texts;
    opts->n_columns = (uint32_t)n;
    return WEIR_OK;
}

/* --- weights --- */

static enum weir_status read_norm(const struct weir_value_at *at, char *out, struct weir_error *err)
{
    struct weir_value_at place;
    enum weir_status status = weir_value_attr_opt(at, "norm", &place, err);
    if (status != WEIR_OK || !place.v)
        return status;
    if (weir_value_is_text(place.v, "l1"))
        *out = '1';
    else if (weir_value_is_text(place.v, "l2"))
        *out = '2';
    else
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "norm is not l1 or l2");
    return WEIR_OK;
}

/* Reads idf_ (from 1.5), or the diagonal of the sparse matrix _idf_diag. The product with a sparse
 * matrix gives a row's cells from the last to the first (scipy's csr_matmat), and so they are
 * summed. */
static enum weir_status read_idf(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                 struct weir_value_f64s *idf, bool *sums_back,
                                 struct weir_error *err)
{
    struct weir_value_at place;
    enum weir_status status = weir_value_attr_opt(at, "idf_", &place, err);
    if (status == WEIR_OK && place.v)
        return weir_value_f64s(&place, s->temp, idf, err);
    *sums_back = true;
    if (status == WEIR_OK)
        status = weir_value_attr(at, "_idf_diag", &place, err);
    return status == WEIR_OK ? weir_value_attr_f64s(&place, "data", s->temp, idf, err) : status;
}

/* Reads the weights of a TfidfTransformer. n_columns: 0: as many as its idf. */
static enum weir_status read_weights(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     size_t *n_columns, struct weir_model_text_weights *out,
                                     struct weir_error *err)
{
    bool uses_idf;
    struct weir_value_f64s idf;
    enum weir_status status =
        weir_value_attr_bool_or(at, "sublinear_tf", false, &out->is_sublinear, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "use_idf", true, &uses_idf, err);
    if (status == WEIR_OK)
        status = read_norm(at, &out->norm, err);
    if (status != WEIR_OK || !uses_idf)
        return status;
    status = read_idf(s, at, &idf, &out->sums_back, err);
    if (status != WEIR_OK)
        return status;
    if (*n_columns == 0)
        *n_columns = idf.shape.n;
    if (idf.shape.n != *n_columns || idf.shape.n == 0 || idf.shape.n > WEIR_MODEL_COLUMNS_MAX ||
        !weir_format_sklearn_build_is_finite(idf.at, idf.shape.n))
        return weir_value_fail(at, WEIR_ERR_CORRUPT, err, "%zu idf weights for %zu columns",
                               idf.shape.n, *n_columns);
    out->idf = idf.at;
    return WEIR_OK;
}

static enum weir_status read_f32(const struct weir_value_at *at, bool *out, struct weir_error *err)
{
    struct weir_value_at dtype;
    enum weir_status status = weir_value_attr_opt(at, "dtype", &dtype, err);
    if (status == WEIR_OK)
        *out = dtype.v && dtype.v->kind == WEIR_VALUE_GLOBAL &&
               weir_str_ends(dtype.v->text, WEIR_STR(".float32"));
    return status;
}

/* --- the classes --- */

static enum weir_status read_common(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct weir_model_text_pattern *pattern,
                                    struct weir_model_text_opts *opts, struct weir_error *err)
{
    *opts = (struct weir_model_text_opts){.name = at->v->object->cls,
                                          .keeps_columns = s->keeps_columns};
    enum weir_status status = check_plain(at, err);
    if (status == WEIR_OK)
        status = read_rules(at, opts, err);
    if (status == WEIR_OK)
        status = read_range(s, at, opts, err);
    if (status == WEIR_OK && opts->terms == WEIR_MODEL_TEXT_WORDS)
        status = read_stop(s, at, opts, err);
    if (status == WEIR_OK)
        status = read_pattern(s, at, pattern, opts, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "binary", false, &opts->is_binary, err);
    if (status == WEIR_OK)
        status = read_f32(at, &opts->weights.is_f32, err);
    return status;
}

static enum weir_status make(struct weir_format_sklearn *s, const struct weir_value_at *at,
                             const struct weir_model_text_opts *opts,
                             const struct weir_model_node **out, struct weir_error *err)
{
    struct weir_error reason = WEIR_ERROR_INIT;
    enum weir_status status = weir_model_text_new(s->b, opts, out, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

enum weir_status weir_format_sklearn_text_count(struct weir_format_sklearn *s,
                                                const struct weir_value_at *at,
                                                const struct weir_model_node **out,
                                                struct weir_error *err)
{
    struct weir_model_text_pattern pattern;
    struct weir_model_text_opts opts;
    struct weir_value_at tfidf;
    enum weir_status status = read_common(s, at, &pattern, &opts, err);
    if (status == WEIR_OK)
        status = read_vocabulary(s, at, &opts, err);
    if (status == WEIR_OK && weir_str_eq_c(at->v->object->cls, "TfidfVectorizer")) {
        size_t n = opts.n_columns;
        status = weir_value_attr(at, "_tfidf", &tfidf, err);
        if (status == WEIR_OK)
            status = read_weights(s, &tfidf, &n, &opts.weights, err);
    }
    return status == WEIR_OK ? make(s, at, &opts, out, err) : status;
}

enum weir_status weir_format_sklearn_text_hashing(struct weir_format_sklearn *s,
                                                  const struct weir_value_at *at,
                                                  const struct weir_model_node **out,
                                                  struct weir_error *err)
{
    struct weir_model_text_pattern pattern;
    struct weir_model_text_opts opts;
    struct weir_value_at place;
    int64_t n;
    enum weir_status status = read_common(s, at, &pattern, &opts, err);
    if (status == WEIR_OK)
        status = weir_value_attr(at, "n_features", &place, err);
    if (status == WEIR_OK)
        status = weir_value_i64_in(&place, 1, WEIR_MODEL_COLUMNS_MAX, &n, err);
    if (status == WEIR_OK)
        status = weir_value_attr_bool_or(at, "alternate_sign", true, &opts.alternates, err);
    if (status == WEIR_OK)
        status = read_norm(at, &opts.weights.norm, err);
    if (status != WEIR_OK)
        return status;
    opts.n_columns = (uint32_t)n;
    return make(s, at, &opts, out, err);
}

enum weir_status weir_format_sklearn_text_tfidf(struct weir_format_sklearn *s,
                                                const struct weir_value_at *at,
                                                const struct weir_model_node **out,
                                                struct weir_error *err)
{
    struct weir_model_text_weights weights = {0};
    size_t n = 0;
    enum weir_status status = weir_format_sklearn_build_n_features(at, &n, err);
    if (n == 0)
        n = s->n_in;
    if (status == WEIR_OK)
        status = read_weights(s, at, &n, &weights, err);
    if (status == WEIR_OK && n == 0)
        status = weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                                 "does not say how many columns it takes");
    if (status != WEIR_OK)
        return status;
    return weir_model_text_weigh_new(s->b, at->v->object->cls, (uint32_t)n, &weights,
                                     s->keeps_columns, out, err);
}
