/* SPDX-License-Identifier: MIT */
/* Pickled objects of LightGBM: the scikit-learn wrappers, whose booster is in _Booster, and bare
 * Boosters, which keep their text model in _handle (from 4.0) or handle. */
#include "base/macros.h"
#include "format/lightgbm/booster.h"
#include "format/sklearn/build.h"

/* Reads a pickled Booster: its text, and how many rounds its predict takes. */
static enum weir_status read_booster(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                     struct weir_format_lightgbm *out, int64_t *best,
                                     struct weir_error *err)
{
    struct weir_value_at handle;
    struct weir_str text;
    enum weir_status status = weir_value_attr_opt(at, "_handle", &handle, err);
    if (status == WEIR_OK && !handle.v)
        status = weir_value_attr_opt(at, "handle", &handle, err);
    if (status != WEIR_OK)
        return status;
    if (!handle.v)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "holds no model: it was not trained");
    status = weir_value_text(&handle, &text, err);
    if (status == WEIR_OK)
        status = weir_value_attr_i64_or(at, "best_iteration", 0, best, err);
    if (status != WEIR_OK)
        return status;
    struct weir_error reason = WEIR_ERROR_INIT;
    status = weir_format_lightgbm_read(out, text, s->temp, s->deadline_ns, &reason);
    return status == WEIR_OK ? status : weir_value_fail(&handle, status, err, "%s", reason.msg);
}

static enum weir_status build(struct weir_format_sklearn *s, const struct weir_value_at *at,
                              const struct weir_format_lightgbm *x,
                              const struct weir_format_lightgbm_rules *rules,
                              const struct weir_model_node **out, struct weir_error *err)
{
    struct weir_error reason = WEIR_ERROR_INIT;
    struct weir_spec *spec = s->b->spec;
    enum weir_status status = weir_format_lightgbm_build(x, rules, s->b, s->temp, out, &reason);
    if (status == WEIR_OK && s->depth == 1) {
        spec->library = weir_arena_str(s->b->arena, WEIR_STR("lightgbm"));
        if (!spec->library.at)
            return weir_model_builder_no_memory(s->b, err);
    }
    if (status == WEIR_OK && s->keeps_columns)
        status = weir_format_lightgbm_build_names(x, s->b, &reason);
    return status == WEIR_OK ? status : weir_value_fail(at, status, err, "%s", reason.msg);
}

enum weir_status weir_format_lightgbm_wrapper_booster(struct weir_format_sklearn *s,
                                                      const struct weir_value_at *at,
                                                      const struct weir_model_node **out,
                                                      struct weir_error *err)
{
    struct weir_format_lightgbm x;
    struct weir_format_lightgbm_rules rules = {.name = at->v->object->cls,
                                               .keeps_columns = s->keeps_columns};
    enum weir_status status = read_booster(s, at, &x, &rules.best_iteration, err);
    return status == WEIR_OK ? build(s, at, &x, &rules, out, err) : status;
}

/* Reads the labels from the encoder, else from _classes. */
static enum weir_status read_labels(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                    struct weir_labels *labels, struct weir_error *err)
{
    struct weir_value_at encoder, classes;
    enum weir_status status = weir_value_attr_opt(at, "_le", &encoder, err);
    if (status == WEIR_OK)
        status = encoder.v ? weir_value_attr(&encoder, "classes_", &classes, err)
                           : weir_value_attr(at, "_classes", &classes, err);
    return status == WEIR_OK ? weir_format_sklearn_build_labels(s, &classes, labels, err) : status;
}

enum weir_status weir_format_lightgbm_wrapper(struct weir_format_sklearn *s,
                                              const struct weir_value_at *at,
                                              const struct weir_model_node **out,
                                              struct weir_error *err)
{
    struct weir_value_at booster;
    struct weir_format_lightgbm x;
    struct weir_labels labels = {.n = 0};
    struct weir_format_lightgbm_rules rules = {
        .is_classifier = weir_str_ends(at->v->object->cls, WEIR_STR("Classifier")),
        .name = at->v->object->cls,
        .keeps_columns = s->keeps_columns,
        .hides_margins = s->is_part,
    };
    enum weir_status status = weir_value_attr_opt(at, "_Booster", &booster, err);
    if (status != WEIR_OK)
        return status;
    if (!booster.v)
        return weir_value_fail(at, WEIR_ERR_INVALID, err, "holds no booster: it was not fitted");
    status = read_booster(s, &booster, &x, &rules.best_iteration, err);
    if (status == WEIR_OK && rules.is_classifier) {
        rules.labels = &labels;
        status = read_labels(s, at, &labels, err);
    }
    return status == WEIR_OK ? build(s, at, &x, &rules, out, err) : status;
}
