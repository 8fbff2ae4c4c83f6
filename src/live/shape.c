/* SPDX-License-Identifier: MIT */
#include "live/shape.h"

#include "base/macros.h"
#include "live/reference.h"

/* Finds whether an output comes with every run, of so many columns. */
static bool is_free(const struct weir_spec *spec, enum weir_output output, size_t n_columns)
{
    const struct weir_spec_output *o = &spec->outputs[output];
    return o->is_given && !o->is_costly && o->n_columns == n_columns;
}

static void choose_score(struct weir_live_shape *shape, const struct weir_spec *spec)
{
    size_t k = shape->n_classes;
    if (is_free(spec, WEIR_OUTPUT_PREDICT_PROBA, k)) {
        shape->score = WEIR_OUTPUT_PREDICT_PROBA;
        shape->space = WEIR_EVAL_BINNED_PROBABILITY;
    } else if (is_free(spec, WEIR_OUTPUT_DECISION_FUNCTION, k == 2 ? 1 : k)) {
        shape->score = WEIR_OUTPUT_DECISION_FUNCTION;
        shape->space = WEIR_EVAL_BINNED_MARGIN;
    } else {
        return;
    }
    shape->has_score = true;
    shape->n_columns = k == 2 ? 1 : (uint32_t)k;
    shape->n_bins = k == 2 ? WEIR_LIVE_BINS_BINARY : WEIR_LIVE_BINS_CLASS;
    shape->wanted |= 1u << shape->score;
}

bool weir_live_shape_init(struct weir_live_shape *shape, const struct weir_spec *spec,
                          const struct weir_live_reference *reference, const char **why)
{
    weir_assert(shape);
    weir_assert(why);
    const struct weir_spec_output *predict = &spec->outputs[WEIR_OUTPUT_PREDICT];
    *shape = (struct weir_live_shape){.wanted = 1u << WEIR_OUTPUT_PREDICT};
    *why = NULL;
    if (spec->form == WEIR_INPUT_TENSORS)
        *why = "the model takes tensors, of which rows have no label";
    else if (!predict->is_given || spec->n_targets != 1 || predict->n_columns != 1)
        *why = "the model does not predict one target";
    else if (spec->targets[0].n == 1 || spec->targets[0].n > WEIR_LIVE_CLASSES_KNOWN)
        *why = "the model has one class, or too many";
    else if (spec->targets[0].n > 0 && predict->storage != WEIR_STORAGE_LABEL)
        *why = "the model's predictions are no classes";
    if (*why)
        return false;
    shape->n_classes = (uint32_t)spec->targets[0].n;
    shape->task = shape->n_classes == 0  ? WEIR_LIVE_REGRESSION
                  : shape->n_classes > 2 ? WEIR_LIVE_MULTICLASS
                                         : WEIR_LIVE_BINARY;
    if (shape->n_classes > 0 && shape->n_classes <= WEIR_LIVE_CLASSES_MAX)
        choose_score(shape, spec);
    shape->reference = reference;
    shape->n_features = reference ? weir_live_reference_n(reference) : 0;
    return true;
}

const char *weir_live_shape_task(enum weir_live_task task)
{
    static const char *const names[] = {"binary", "multiclass", "regression"};
    return names[task];
}
