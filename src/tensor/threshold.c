/* SPDX-License-Identifier: MIT */
#include "tensor/threshold.h"

#include "base/macros.h"

#include <math.h>
#include <stdio.h>

/* Finds whether an output tells two classes apart by one number of each row. */
static bool is_score(const struct weir_spec *spec, enum weir_output output)
{
    const struct weir_spec_output *o = &spec->outputs[output];
    return o->is_given && o->storage == WEIR_STORAGE_F64 &&
           o->n_columns == (output == WEIR_OUTPUT_PREDICT_PROBA ? 2u : 1u);
}

static enum weir_status choose_score(const struct weir_spec *spec, struct weir_str name,
                                     enum weir_output *out, struct weir_error *err)
{
    static const enum weir_output outputs[] = {WEIR_OUTPUT_DECISION_FUNCTION,
                                               WEIR_OUTPUT_PREDICT_PROBA};
    char echo[WEIR_ECHO_BUF_BYTES];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(outputs); i++) {
        if (!is_score(spec, outputs[i]) ||
            (name.n > 0 && !weir_str_eq_c(name, weir_output_name(outputs[i]))))
            continue;
        *out = outputs[i];
        return WEIR_OK;
    }
    if (name.n == 0)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "threshold: the model has no scores of its classes");
    return weir_error_set(err, WEIR_ERR_INVALID, "threshold: the model has no score \"%s\"",
                          weir_str_echo(name, echo, sizeof echo));
}

static enum weir_status choose_class(const struct weir_labels *labels, struct weir_str name,
                                     uint32_t *out, struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    *out = 1;
    if (name.n == 0)
        return WEIR_OK;
    for (uint32_t k = 0; k < labels->n; k++) {
        *out = k;
        if (weir_str_eq(labels->json[k], name) ||
            (labels->text && weir_str_eq(labels->text[k], name)) ||
            (labels->dtype == WEIR_BOOL && weir_str_eq_nocase(labels->json[k], name)))
            return WEIR_OK;
    }
    return weir_error_set(err, WEIR_ERR_INVALID,
                          "threshold: the model has no class \"%s\", only %.*s and %.*s",
                          weir_str_echo(name, echo, sizeof echo), WEIR_STR_ARG(labels->json[0]),
                          WEIR_STR_ARG(labels->json[1]));
}

enum weir_status weir_tensor_threshold_set(struct weir_tensor_threshold *out,
                                           const struct weir_spec *spec, double value,
                                           struct weir_str score, struct weir_str positive,
                                           const char *origin, struct weir_error *err)
{
    weir_assert(out);
    weir_assert(spec);
    struct weir_tensor_threshold threshold = {.is_set = true, .value = value};
    const struct weir_spec_output *predict = &spec->outputs[WEIR_OUTPUT_PREDICT];
    if (isnan(value))
        return weir_error_set(err, WEIR_ERR_INVALID, "threshold: not a number");
    if (spec->form == WEIR_INPUT_TENSORS || !predict->is_given || spec->n_targets != 1 ||
        predict->storage != WEIR_STORAGE_LABEL || spec->targets[0].n != 2)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "threshold: the model does not decide between two classes");
    enum weir_status status = choose_score(spec, score, &threshold.score, err);
    if (status == WEIR_OK)
        status = choose_class(&spec->targets[0], positive, &threshold.positive, err);
    if (status != WEIR_OK)
        return status;
    (void)snprintf(threshold.origin, sizeof threshold.origin, "%s", origin); /* Cut if long. */
    *out = threshold;
    return WEIR_OK;
}

void weir_tensor_threshold_apply(const struct weir_tensor_threshold *threshold,
                                 const struct weir_spec *spec, size_t n_rows, const double *scores,
                                 int32_t *labels)
{
    weir_assert(threshold->is_set);
    bool is_proba = threshold->score == WEIR_OUTPUT_PREDICT_PROBA;
    size_t step = spec->outputs[threshold->score].n_columns;
    size_t column = is_proba ? threshold->positive : 0;
    double sign = !is_proba && threshold->positive == 0 ? -1 : 1;
    int32_t positive = (int32_t)threshold->positive;
    for (size_t i = 0; i < n_rows; i++) {
        bool is_positive = sign * scores[i * step + column] >= threshold->value;
        labels[i] = is_positive ? positive : 1 - positive;
    }
}

struct weir_str weir_tensor_threshold_positive(const struct weir_tensor_threshold *threshold,
                                               const struct weir_spec *spec)
{
    return spec->targets[0].json[threshold->positive];
}
