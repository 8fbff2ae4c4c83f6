/* SPDX-License-Identifier: MIT */
#include "gate/signature.h"

#include "base/macros.h"

static enum weir_status fail_feature(const struct weir_spec *candidate,
                                     const struct weir_spec *live, size_t i, struct weir_error *err)
{
    char a[WEIR_ECHO_BUF_BYTES];
    char b[WEIR_ECHO_BUF_BYTES];
    return weir_error_set(err, WEIR_ERR_INVALID,
                          "feature %zu is \"%s\", that of the live version \"%s\"", i + 1,
                          weir_str_echo(candidate->feature_names[i], a, sizeof a),
                          weir_str_echo(live->feature_names[i], b, sizeof b));
}

static enum weir_status check_features(const struct weir_spec *candidate,
                                       const struct weir_spec *live, struct weir_error *err)
{
    if (candidate->form == WEIR_INPUT_TENSORS)
        return WEIR_OK;
    if (candidate->n_features != live->n_features)
        return weir_error_set(err, WEIR_ERR_INVALID, "it takes %zu features, the live version %zu",
                              candidate->n_features, live->n_features);
    if (live->feature_names && !candidate->feature_names)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "its features have no names, those of the live version have");
    for (size_t i = 0; i < live->n_features; i++) {
        if (live->feature_names &&
            !weir_str_eq(candidate->feature_names[i], live->feature_names[i]))
            return fail_feature(candidate, live, i, err);
        if (weir_spec_column(candidate, i) != weir_spec_column(live, i) &&
            weir_spec_column(candidate, i) != WEIR_COLUMN_MIXED)
            return weir_error_set(
                err, WEIR_ERR_INVALID, "column %zu holds %s, that of the live version does not",
                i + 1,
                weir_spec_column(candidate, i) == WEIR_COLUMN_TEXT ? "only text" : "only numbers");
    }
    return WEIR_OK;
}

static enum weir_status check_targets(const struct weir_spec *candidate,
                                      const struct weir_spec *live, struct weir_error *err)
{
    char a[WEIR_ECHO_BUF_BYTES];
    char b[WEIR_ECHO_BUF_BYTES];
    if (candidate->n_targets != live->n_targets)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "it predicts %zu targets, the live version %zu", candidate->n_targets,
                              live->n_targets);
    for (size_t t = 0; t < live->n_targets; t++) {
        const struct weir_labels *x = &candidate->targets[t];
        const struct weir_labels *y = &live->targets[t];
        if ((x->n == 0) != (y->n == 0))
            return weir_error_set(err, WEIR_ERR_INVALID, "it predicts %s, the live version %s",
                                  x->n ? "classes" : "numbers", y->n ? "classes" : "numbers");
        if (x->n != y->n)
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "it knows %zu classes, the live version %zu", x->n, y->n);
        for (size_t k = 0; k < y->n; k++) {
            if (!weir_str_eq(x->json[k], y->json[k]))
                return weir_error_set(
                    err, WEIR_ERR_INVALID, "class %zu is %s, that of the live version %s", k + 1,
                    weir_str_echo(x->json[k], a, sizeof a), weir_str_echo(y->json[k], b, sizeof b));
        }
    }
    return WEIR_OK;
}

static bool is_common(int output)
{
    return output == WEIR_OUTPUT_PREDICT || output == WEIR_OUTPUT_PREDICT_PROBA;
}

static enum weir_status check_outputs(const struct weir_spec *candidate,
                                      const struct weir_spec *live, bool is_every,
                                      struct weir_error *err)
{
    is_every |= !live->outputs[WEIR_OUTPUT_PREDICT].is_given &&
                !live->outputs[WEIR_OUTPUT_PREDICT_PROBA].is_given;
    for (int o = 0; o < WEIR_OUTPUT_N; o++) {
        const struct weir_spec_output *x = &candidate->outputs[o];
        const struct weir_spec_output *y = &live->outputs[o];
        const char *name = weir_output_name((enum weir_output)o);
        if (!y->is_given || (!x->is_given && !is_every && !is_common(o)))
            continue;
        if (!x->is_given)
            return weir_error_set(err, WEIR_ERR_INVALID, "it has no %s, the live version has",
                                  name);
        /* Leaves and transformed columns are the model's own affair. */
        bool is_own = o == WEIR_OUTPUT_LEAF || o == WEIR_OUTPUT_TRANSFORM;
        if (!is_own && x->n_columns != y->n_columns)
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "%s has %u columns, that of the live version %u", name,
                                  x->n_columns, y->n_columns);
    }
    return WEIR_OK;
}

static bool is_same_shape(const struct weir_tensor_info *a, const struct weir_tensor_info *b)
{
    if (a->dtype != b->dtype || (a->n_dims != b->n_dims && a->n_dims != -1))
        return false;
    for (int d = 0; d < a->n_dims; d++) {
        if (a->dims[d] != b->dims[d] && a->dims[d] != -1)
            return false;
    }
    return true;
}

/* Finds the tensor of the live one's name among the candidate's. */
static enum weir_status check_tensor(const char *kind, const struct weir_tensor_info *candidates,
                                     size_t n, const struct weir_tensor_info *live,
                                     struct weir_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(candidates[i].name, live->name) != 0)
            continue;
        return is_same_shape(&candidates[i], live)
                   ? WEIR_OK
                   : weir_error_set(err, WEIR_ERR_INVALID,
                                    "%s \"%s\" has another type or shape than in the live version",
                                    kind, live->name);
    }
    return weir_error_set(err, WEIR_ERR_INVALID, "it has no %s \"%s\", the live version has", kind,
                          live->name);
}

static enum weir_status check_tensors(const struct weir_tensors_spec *candidate,
                                      const struct weir_tensors_spec *live, struct weir_error *err)
{
    enum weir_status status = WEIR_OK;
    if (candidate->n_inputs != live->n_inputs)
        return weir_error_set(err, WEIR_ERR_INVALID, "it takes %zu inputs, the live version %zu",
                              candidate->n_inputs, live->n_inputs);
    for (size_t i = 0; i < live->n_inputs && status == WEIR_OK; i++)
        status =
            check_tensor("input", candidate->inputs, candidate->n_inputs, &live->inputs[i], err);
    for (size_t i = 0; i < live->n_outputs && status == WEIR_OK; i++)
        status = check_tensor("output", candidate->outputs, candidate->n_outputs, &live->outputs[i],
                              err);
    return status;
}

enum weir_status weir_gate_signature_check(const struct weir_spec *candidate,
                                           const struct weir_spec *live,
                                           enum weir_gate_likeness likeness, struct weir_error *err)
{
    weir_assert(candidate);
    weir_assert(live);
    bool has_tensors = candidate->form == WEIR_INPUT_TENSORS;
    if (has_tensors != (live->form == WEIR_INPUT_TENSORS))
        return weir_error_set(err, WEIR_ERR_INVALID, "it takes %s, the live version %s",
                              has_tensors ? "tensors" : "rows", has_tensors ? "rows" : "tensors");
    if (has_tensors)
        return check_tensors(candidate->tensors, live->tensors, err);
    enum weir_status status = check_features(candidate, live, err);
    if (status == WEIR_OK)
        status = check_targets(candidate, live, err);
    if (status == WEIR_OK)
        status = check_outputs(candidate, live, likeness == WEIR_GATE_SAME, err);
    return status;
}
