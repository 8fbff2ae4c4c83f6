/* SPDX-License-Identifier: MIT */
#include "format/onnx/svm.h"

#include "base/macros.h"
#include "base/mem.h"

/* Finds whether a node has attributes that are not read here, or twice. */
static bool has_others(const struct weir_format_onnx_node *node)
{
    static const char *const known[] = {"classlabels_ints",
                                        "classlabels_strings",
                                        "coefficients",
                                        "kernel_params",
                                        "kernel_type",
                                        "post_transform",
                                        "prob_a",
                                        "prob_b",
                                        "rho",
                                        "support_vectors",
                                        "vectors_per_class",
                                        "n_supports",
                                        "one_class"};
    for (size_t i = 0; i < node->n_attrs; i++) {
        size_t k = 0;
        while (k < WEIR_ARRAY_LEN(known) && !weir_str_eq_c(node->attrs[i].name, known[k]))
            k++;
        if (k == WEIR_ARRAY_LEN(known))
            return true;
    }
    return false;
}

/* Returns n floats of an attribute; NULL: it has not n of them. */
static const float *floats(const struct weir_format_onnx_node *node, const char *name, size_t n)
{
    const struct weir_format_onnx_attr *a = weir_format_onnx_node_attr(node, name);
    return a && a->kind == WEIR_FORMAT_ONNX_ATTR_FLOATS && a->n == n ? a->floats : NULL;
}

static bool take_kernel(const struct weir_format_onnx_node *node,
                        struct weir_model_onnx_machine_opts *opts)
{
    static const struct {
        const char *name;
        enum weir_model_kernel_kind kind;
    } rows[] = {{"LINEAR", WEIR_MODEL_KERNEL_LINEAR},
                {"POLY", WEIR_MODEL_KERNEL_POLY},
                {"RBF", WEIR_MODEL_KERNEL_RBF},
                {"SIGMOID", WEIR_MODEL_KERNEL_SIGMOID}};
    struct weir_str type = weir_format_onnx_node_text(node, "kernel_type", "LINEAR");
    const float *params = floats(node, "kernel_params", 3);
    if (!params)
        return false;
    opts->gamma = params[0];
    opts->coef0 = params[1];
    opts->degree = params[2];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        if (weir_str_eq_c(type, rows[i].name)) {
            opts->kind = rows[i].kind;
            return true;
        }
    return false;
}

/* Counts the support vectors; false: there are none, or not of every class. */
static bool take_counts(const struct weir_format_onnx_node *node,
                        struct weir_model_onnx_machine_opts *opts)
{
    if (opts->n_classes == 0) {
        int64_t n = weir_format_onnx_node_int(node, "n_supports", 0);
        opts->n_points = n > 0 ? (size_t)n : 0;
        return n > 0 && n <= INT32_MAX;
    }
    const struct weir_format_onnx_attr *a = weir_format_onnx_node_attr(node, "vectors_per_class");
    if (!a || a->kind != WEIR_FORMAT_ONNX_ATTR_INTS || a->n != opts->n_classes)
        return false;
    opts->n_points = 0;
    for (size_t i = 0; i < a->n; i++) {
        if (a->ints[i] < 1 || a->ints[i] > INT32_MAX)
            return false;
        opts->n_points += (size_t)a->ints[i];
    }
    opts->n_support = a->ints;
    return true;
}

/* With two classes and no coefficient below 0 the library's rules are its own. */
static bool has_negative(const float *coefs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (coefs[i] < 0.0f)
            return true;
    return false;
}

bool weir_format_onnx_svm_read(const struct weir_format_onnx_node *node,
                               struct weir_model_onnx_machine_opts *opts)
{
    enum { CLASSES_MAX = 256, POINTS_MAX = 1 << 24 }; /* those of the machine */
    size_t k = opts->n_classes, n_values, n_coefs;
    if (has_others(node) || k == 1 || k > CLASSES_MAX || !take_kernel(node, opts) ||
        !take_counts(node, opts) || opts->n_points > POINTS_MAX ||
        !weir_str_eq_c(weir_format_onnx_node_text(node, "post_transform", "NONE"), "NONE") ||
        weir_format_onnx_node_int(node, "one_class", 0) != 0)
        return false;
    size_t n_rho = k > 0 ? k * (k - 1) / 2 : 1;
    if (!weir_size_mul(opts->n_points, opts->n_features, &n_values) ||
        !weir_size_mul(opts->n_points, k > 0 ? k - 1 : 1, &n_coefs))
        return false;
    opts->points = floats(node, "support_vectors", n_values);
    opts->coefs = floats(node, "coefficients", n_coefs);
    opts->rho = floats(node, "rho", n_rho);
    if (!opts->points || !opts->coefs || !opts->rho ||
        (k == 2 && !has_negative(opts->coefs, n_coefs)))
        return false;
    const struct weir_format_onnx_attr *a = weir_format_onnx_node_attr(node, "prob_a");
    const struct weir_format_onnx_attr *b = weir_format_onnx_node_attr(node, "prob_b");
    if (!a && !b)
        return true;
    opts->prob_a = floats(node, "prob_a", n_rho);
    opts->prob_b = floats(node, "prob_b", n_rho);
    return k > 0 && opts->prob_a && opts->prob_b;
}
