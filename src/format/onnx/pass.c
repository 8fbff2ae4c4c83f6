/* SPDX-License-Identifier: MIT */
#include "format/onnx/pass.h"

#include "base/macros.h"

bool weir_format_onnx_pass_plain(const struct weir_format_onnx_node *node, int32_t type)
{
    if (node->n_inputs != 1 || node->n_outputs != 1)
        return false;
    if (weir_format_onnx_node_is(node, "", "Identity"))
        return true;
    return weir_format_onnx_node_is(node, "", "Cast") &&
           weir_format_onnx_node_int(node, "to", 0) == type;
}

bool weir_format_onnx_pass_has_keys(const struct weir_format_onnx_node *node,
                                    const struct weir_labels *labels)
{
    bool is_text = labels->dtype == WEIR_BYTES;
    const struct weir_format_onnx_attr *a =
        weir_format_onnx_node_attr(node, is_text ? "classlabels_strings" : "classlabels_int64s");
    if (!a || a->n != labels->n ||
        a->kind != (is_text ? WEIR_FORMAT_ONNX_ATTR_STRINGS : WEIR_FORMAT_ONNX_ATTR_INTS))
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (is_text ? !weir_str_eq(a->strings[i], labels->text[i]) : a->ints[i] != labels->i64[i])
            return false;
    return true;
}

bool weir_format_onnx_pass_is_sum_normalizer(const struct weir_format_onnx_node *node)
{
    return weir_format_onnx_node_is(node, "ai.onnx.ml", "Normalizer") && node->n_inputs == 1 &&
           node->n_outputs == 1 &&
           weir_str_eq_c(weir_format_onnx_node_text(node, "norm", "MAX"), "L1");
}

bool weir_format_onnx_pass_transform(const struct weir_format_onnx_node *node,
                                     enum weir_model_onnx_transform *out)
{
    static const char *const names[] = {
        [WEIR_MODEL_ONNX_TRANSFORM_NONE] = "NONE",
        [WEIR_MODEL_ONNX_TRANSFORM_SOFTMAX] = "SOFTMAX",
        [WEIR_MODEL_ONNX_TRANSFORM_LOGISTIC] = "LOGISTIC",
    };
    struct weir_str text = weir_format_onnx_node_text(node, "post_transform", "NONE");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
        if (weir_str_eq_c(text, names[i])) {
            *out = (enum weir_model_onnx_transform)i;
            return true;
        }
    }
    return false;
}
