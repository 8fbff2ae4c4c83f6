/* SPDX-License-Identifier: MIT */
/* Pickled objects of XGBoost: the scikit-learn wrappers, whose booster is in _Booster, and bare
 * Boosters, whose bytes are in handle. They take part in pipelines like any estimator. */
#include "base/macros.h"
#include "format/sklearn/build.h"
#include "format/xgboost/booster.h"

#include <math.h>

/* Reads the bytes that Booster.__getstate__ has left in handle. */
static enum weir_status read_handle(const struct weir_value_at *at, struct weir_format_sklearn *s,
                                    struct weir_format_xgboost *out, struct weir_error *err)
{
    struct weir_value_at handle;
    enum weir_status status = weir_value_attr_opt(at, "handle", &handle, err);
    if (status != WEIR_OK)
        return status;
    if (!handle.v)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "holds no model: it was not trained");
    if (handle.v->kind != WEIR_VALUE_BYTES)
        return weir_value_fail(&handle, WEIR_ERR_INVALID, err, "expected bytes, found %s",
                               weir_value_kind_name(handle.v->kind));
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_format_xgboost_read(out, handle.v->text, s->temp, s->deadline_ns, &reason);
    return status == WEIR_OK ? status : weir_value_fail(&handle, status, err, "%s", reason.msg);
}

/* Says where the model came from when it is all that the file holds. */
static enum weir_status fill_spec(struct weir_format_sklearn *s,
                                  const struct weir_format_xgboost *x, struct weir_error *err)
{
    struct weir_spec *spec = s->b->spec;
    if (s->depth == 1) {
        spec->library = weir_arena_str(s->b->arena, WEIR_STR("xgboost"));
        spec->library_version = weir_arena_str(s->b->arena, x->version_text);
        if (!spec->library.at || !spec->library_version.at)
            return weir_model_builder_no_memory(s->b, err);
    }
    return s->keeps_columns ? weir_format_xgboost_names(x, s->b, err) : WEIR_OK;
}

static enum weir_status build(struct weir_format_sklearn *s, const struct weir_value_at *at,
                              const struct weir_format_xgboost *x,
                              const struct weir_format_xgboost_rules *rules,
                              const struct weir_model_node **out, struct weir_error *err)
{
    struct weir_error reason = WEIR_ERROR_INIT;
    enum weir_status status = weir_format_xgboost_build(x, rules, s->b, s->temp, out, &reason);
    if (status == WEIR_OK)
        status = fill_spec(s, x, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

enum weir_status weir_format_xgboost_wrapper_booster(struct weir_format_sklearn *s,
                                                     const struct weir_value_at *at,
                                                     const struct weir_model_node **out,
                                                     struct weir_error *err)
{
    struct weir_format_xgboost x;
    enum weir_status status = read_handle(at, s, &x, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_format_xgboost_rules rules = {
        .best_iteration = -1,
        .missing = (double)NAN,
        .name = at->v->object->cls,
        .keeps_columns = s->keeps_columns,
    };
    return build(s, at, &x, &rules, out, err);
}

/* Reads the labels of the encoder that wrappers had to 1.5. */
static enum weir_status read_labels(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct weir_labels *labels,
                                    struct weir_format_xgboost_rules *rules, struct weir_error *err)
{
    struct weir_value_at encoder;
    struct weir_value_at classes = {.v = NULL};
    enum weir_status status = weir_value_attr_opt(at, "_le", &encoder, err);
    if (status == WEIR_OK && encoder.v)
        status = weir_value_attr(&encoder, "classes_", &classes, err);
    if (status != WEIR_OK || !encoder.v)
        return status;
    rules->labels = labels;
    return weir_format_sklearn_build_labels(s, &classes, labels, err);
}

/* The library reads what a sparse matrix does not hold as missing: zeros are, after a step that
 * gives one. */
static enum weir_status read_missing(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     double *out, struct weir_error *err)
{
    enum weir_status status = weir_value_attr_f64_or(at, "missing", (double)NAN, out, err);
    if (status != WEIR_OK || s->rows == WEIR_FORMAT_SKLEARN_ROWS_DENSE)
        return status;
    if (s->rows == WEIR_FORMAT_SKLEARN_ROWS_UNSURE)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "the steps before it may give sparse rows, of which it reads what "
                               "is absent as missing: which zeros are is not known");
    if (!isnan(*out) && *out != 0.0)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err,
                               "missing = %g on sparse rows, in which absent values are missing",
                               *out);
    *out = 0.0;
    return status;
}

enum weir_status weir_format_xgboost_wrapper(struct weir_format_sklearn *s,
                                             const struct weir_value_at *at,
                                             const struct weir_model_node **out,
                                             struct weir_error *err)
{
    struct weir_value_at booster;
    struct weir_format_xgboost x;
    struct weir_labels labels = {.n = 0};
    enum weir_status status = weir_value_attr_opt(at, "_Booster", &booster, err);
    if (status != WEIR_OK)
        return status;
    if (!booster.v)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "holds no booster: it was not fitted");
    struct weir_format_xgboost_rules rules = {
        .is_wrapper = true,
        .is_classifier = weir_str_ends(at->v->object->cls, WEIR_STR("Classifier")),
        .best_iteration = -1,
        .name = at->v->object->cls,
        .keeps_columns = s->keeps_columns,
        .hides_margins = s->is_part,
    };
    status = read_missing(s, at, &rules.missing, err);
    if (status == WEIR_OK && rules.is_classifier)
        status = read_labels(s, at, &labels, &rules, err);
    if (status == WEIR_OK)
        status = read_handle(&booster, s, &x, err);
    return status == WEIR_OK ? build(s, at, &x, &rules, out, err) : status;
}
