/* SPDX-License-Identifier: MIT */
/* The plain walk: one row, one node after the other, every rule spelled out. It defines what a
 * forest means; the fast kernels are compared with it, and it runs what they do not know. */
#include "model/forest_priv.h"

#include <math.h>

static bool has_bit(const uint32_t *words, uint32_t n_words, uint32_t category)
{
    return category / 32 < n_words && (words[category / 32] >> category % 32 & 1);
}

/* Truncates to a category number below 2^31; false: not one. */
static bool truncates(double x, double end, uint32_t *out)
{
    if (!(x > -1.0) || !(x < end))
        return false;
    *out = (uint32_t)(int32_t)x;
    return true;
}

/* What (uint8_t)x gives on x86-64, where the libraries' wheels convert to int32 first: beyond int32
 * the conversion yields its least value, whose low byte is 0. */
static uint32_t category_byte(double x)
{
    return x < 0x1p31 ? (uint32_t)(int32_t)x & 255 : 0;
}

/* Whether a SET node sends x left; x is not NaN, or the node reads NaN as zero. */
static bool set_goes_left(const struct weir_model_forest *f,
                          const struct weir_model_forest_plain *node,
                          const struct weir_model_forest_set *set, double x)
{
    uint32_t category;
    switch (f->category) {
    case WEIR_MODEL_FOREST_CATEGORY_XGBOOST:
        return x >= 0.0 && truncates(x, 0x1p24, &category) &&
               has_bit(set->words, set->n_words, category);
    case WEIR_MODEL_FOREST_CATEGORY_LIGHTGBM:
        return truncates(x, 0x1p31, &category) && has_bit(set->words, set->n_words, category);
    case WEIR_MODEL_FOREST_CATEGORY_HIST:
        break;
    }
    if (x >= 0.0) {
        category = category_byte(x);
        if (has_bit(set->words, set->n_words, category))
            return true;
        if (has_bit(set->known, set->n_words, category))
            return false;
    }
    return node->missing == WEIR_MODEL_FOREST_NAN_LEFT;
}

bool weir_model_forest_goes_left(const struct weir_model_forest *f,
                                 const struct weir_model_forest_member *tree,
                                 const struct weir_model_forest_plain *node, double x)
{
    switch ((enum weir_model_forest_missing)node->missing) {
    case WEIR_MODEL_FOREST_NAN_RIGHT:
        if (isnan(x))
            return false;
        break;
    case WEIR_MODEL_FOREST_NAN_LEFT:
        if (isnan(x))
            return true;
        break;
    case WEIR_MODEL_FOREST_NAN_ZERO:
        if (isnan(x))
            x = 0.0;
        break;
    case WEIR_MODEL_FOREST_ZERO_RIGHT:
    case WEIR_MODEL_FOREST_ZERO_LEFT:
        if (!(fabs(x) > WEIR_MODEL_FOREST_TINY))
            return node->missing == WEIR_MODEL_FOREST_ZERO_LEFT;
        break;
    }
    switch ((enum weir_model_forest_test)node->test) {
    case WEIR_MODEL_FOREST_LE:
        return x <= node->threshold;
    case WEIR_MODEL_FOREST_LT:
        return x < node->threshold;
    case WEIR_MODEL_FOREST_EQ:
        return x == node->threshold;
    case WEIR_MODEL_FOREST_SET:
        return set_goes_left(f, node, &tree->sets[node->set], x);
    case WEIR_MODEL_FOREST_LEAF:
        break;
    }
    weir_assert(0 && "a leaf has no test");
}

uint32_t weir_model_forest_walk(const struct weir_model_forest *f,
                                const struct weir_model_forest_member *tree, const double *x)
{
    if (!tree->nodes) {
        uint32_t leaf = 0;
        for (uint32_t i = 0; i < tree->n_levels; i++) {
            const struct weir_model_forest_level *level = &tree->levels[i];
            double v = x[level->feature];
            bool sets = isnan(v)             ? level->nan_sets
                        : level->is_equality ? v == level->threshold
                                             : v > level->threshold;
            leaf |= (uint32_t)sets << i;
        }
        return leaf;
    }
    const struct weir_model_forest_plain *node = tree->nodes;
    while (node->test != WEIR_MODEL_FOREST_LEAF)
        node = &tree->nodes[node->left +
                            !weir_model_forest_goes_left(f, tree, node, x[node->feature])];
    return node->left;
}

static double linear_value(const struct weir_model_forest_linear *linear, double value,
                           const double *x)
{
    double sum = linear->constant;
    for (size_t i = 0; i < linear->n; i++) {
        double v = x[linear->features[i]];
        if (isnan(v))
            return value;
        sum += linear->coefs[i] * v;
    }
    return sum;
}

void weir_model_forest_add_leaf(const struct weir_model_forest *f,
                                const struct weir_model_forest_member *tree, uint32_t leaf,
                                const double *x, double *sums)
{
    bool is_f32 = f->sum == WEIR_F32;
    if (tree->columns) {
        const struct weir_model_forest_span *span = &tree->spans[leaf];
        for (size_t i = span->at; i < (size_t)span->at + span->n; i++) {
            double *sum = &sums[tree->columns[i]];
            *sum = weir_model_node_round(*sum + tree->values[i], is_f32);
        }
        return;
    }
    const double *values = tree->values + (size_t)leaf * f->width;
    sums += tree->first;
    if (tree->linear) {
        sums[0] += linear_value(&tree->linear[leaf], values[0], x);
        return;
    }
    for (size_t k = 0; k < f->width; k++)
        sums[k] = weir_model_node_round(sums[k] + values[k], is_f32);
}
