/* SPDX-License-Identifier: MIT */
#include "model/rows.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* --- norms --- */

struct norm {
    struct weir_model_node node;
    enum weir_model_rows_norm norm;
    bool keeps_zero_only;
};

static double norm_of(enum weir_model_rows_norm norm, const double *x, size_t n)
{
    double sum = 0.0;
    switch (norm) {
    case WEIR_MODEL_ROWS_L1:
        for (size_t j = 0; j < n; j++)
            sum += fabs(x[j]);
        return sum;
    case WEIR_MODEL_ROWS_L2:
        for (size_t j = 0; j < n; j++)
            sum += x[j] * x[j];
        return sqrt(sum);
    case WEIR_MODEL_ROWS_MAX:
        for (size_t j = 0; j < n; j++)
            sum = fabs(x[j]) > sum ? fabs(x[j]) : sum;
        return sum;
    }
    return sum;
}

static void norm_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct norm *m = (const struct norm *)(const void *)node;
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    size_t n = node->n_in;
    size_t stride;
    bool is_f32 = run->in.is_f32;
    double least = 10.0 * (is_f32 ? (double)FLT_EPSILON : DBL_EPSILON);
    const double *x = weir_model_node_input_f64(run, n, out, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    for (size_t row = 0; row < run->n_rows; row++) {
        const double *from = x + row * stride;
        double by = weir_model_node_round(norm_of(m->norm, from, n), is_f32);
        if (m->keeps_zero_only ? by == 0.0 : by < least)
            by = 1.0;
        for (size_t j = 0; j < n; j++)
            out[row * n + j] = weir_model_node_round(from[j] / by, is_f32);
    }
}

enum weir_status weir_model_rows_norm_new(struct weir_model_builder *b,
                                          const struct weir_model_rows_norm_opts *opts,
                                          const struct weir_model_node **out,
                                          struct weir_error *err)
{
    weir_assert(opts->n_columns > 0);
    if (opts->n_columns > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct norm *m = weir_model_builder_node(b, sizeof *m);
    if (!m)
        return weir_model_builder_no_memory(b, err);
    m->norm = opts->norm;
    m->keeps_zero_only = opts->keeps_zero_only;
    struct weir_model_node *node = &m->node;
    node->run = norm_run;
    node->n_in = opts->n_columns;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = opts->n_columns;
    node->keeps_columns = true;
    node->follows_f32 = 1u << WEIR_OUTPUT_TRANSFORM;
    node->depth = 1;
    enum weir_status status =
        weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}

/* --- products --- */

/* One product: that number `rest` (the columns after its first one) times a column. */
struct product {
    uint32_t rest; /* UINT32_MAX: the column alone */
    uint32_t column;
};

struct products {
    struct weir_model_node node;
    const struct product *all; /* of degree 1 and up */
    size_t n_all;
    size_t n_skipped; /* the first ones, of degrees that are left out */
    bool has_one;
};

static void products_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct products *p = (const struct products *)(const void *)node;
    size_t n = node->n_in;
    size_t width = node->n_out[WEIR_OUTPUT_TRANSFORM];
    size_t stride;
    double *values = (double *)(void *)run->scratch;
    const double *x = weir_model_node_input_f64(
        run, n, run->scratch + weir_model_node_align(p->n_all * sizeof *values), &stride);
    weir_model_node_check_f64(node, run, x, stride);
    for (size_t row = 0; row < run->n_rows; row++) {
        const double *from = x + row * stride;
        double *out = (double *)run->out[WEIR_OUTPUT_TRANSFORM] + row * width;
        for (size_t i = 0; i < p->n_all; i++) {
            const struct product *one = &p->all[i];
            double v = from[one->column];
            values[i] = one->rest == UINT32_MAX
                            ? v
                            : weir_model_node_round(values[one->rest] * v, run->in.is_f32);
        }
        if (p->has_one)
            *out++ = 1.0;
        memcpy(out, values + p->n_skipped, (p->n_all - p->n_skipped) * sizeof *out);
    }
}

/* Fills the products of one degree from those of the degree below, as many as `room` (SIZE_MAX:
 * only counts them). before: index of the first product of the degree below; first[j]: index of the
 * first of them that begins with column j, n + 1 of these; replaced by this degree's. Returns how
 * many there are. */
static size_t fill_degree(const struct weir_model_rows_products_opts *opts, struct product *all,
                          size_t at, size_t cap, size_t *first)
{
    size_t n = opts->n_columns;
    size_t end = first[n];
    size_t begun = at;
    for (size_t j = 0; j < n; j++) {
        size_t from = opts->interaction_only ? first[j + 1] : first[j];
        size_t here = at;
        for (size_t k = from; k < end; k++, at++) {
            if (at >= cap)
                return SIZE_MAX;
            all[at] = (struct product){.rest = (uint32_t)k, .column = (uint32_t)j};
        }
        first[j] = here; /* read above for this j already */
    }
    first[n] = at;
    return at - begun;
}

static enum weir_status describe_products(struct weir_model_builder *b, struct products *p,
                                          const struct weir_model_rows_products_opts *opts,
                                          struct weir_error *err)
{
    size_t width = p->n_all - p->n_skipped + p->has_one;
    if (width == 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "gives no column");
    struct weir_model_node *node = &p->node;
    node->run = products_run;
    node->n_in = opts->n_columns;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = (uint32_t)width;
    node->follows_f32 = 1u << WEIR_OUTPUT_TRANSFORM;
    node->depth = 1;
    node->scratch_bytes = weir_model_node_align(p->n_all * sizeof(double)) +
                          weir_model_node_block_bytes(opts->n_columns);
    return weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
}

/* Returns how many products of at most degree_max columns there are, or SIZE_MAX past the limit. */
static size_t count_products(const struct weir_model_rows_products_opts *opts)
{
    double total = 0.0;
    double of_degree = 1.0; /* C(n, d), or C(n + d − 1, d) */
    for (uint32_t d = 1; d <= opts->degree_max; d++) {
        double n = opts->n_columns;
        of_degree *= (opts->interaction_only ? n - d + 1.0 : n + d - 1.0) / d;
        total += of_degree > 0.0 ? of_degree : 0.0;
        if (total > WEIR_MODEL_COLUMNS_MAX)
            return SIZE_MAX;
        if (of_degree < 0.5)
            break;
    }
    return (size_t)(total + 0.5);
}

enum weir_status weir_model_rows_products_new(struct weir_model_builder *b,
                                              const struct weir_model_rows_products_opts *opts,
                                              const struct weir_model_node **out,
                                              struct weir_error *err)
{
    weir_assert(opts->n_columns > 0);
    weir_assert(opts->degree_max <= WEIR_MODEL_ROWS_DEGREE_MAX);
    size_t n = opts->n_columns;
    size_t cap = count_products(opts);
    if (cap == SIZE_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct products *p = weir_model_builder_node(b, sizeof *p);
    struct product *all = weir_arena_array(b->arena, cap + 1, sizeof *all);
    size_t *first = weir_arena_array(b->arena, n + 1, sizeof *first);
    if (!p || !all || !first)
        return weir_model_builder_no_memory(b, err);
    size_t n_all = 0;
    size_t n_skipped = 0;
    for (size_t j = 0; j < n && opts->degree_max > 0; j++)
        all[n_all++] = (struct product){.rest = UINT32_MAX, .column = (uint32_t)j};
    for (size_t j = 0; j <= n; j++)
        first[j] = j;
    for (uint32_t d = 2; d <= opts->degree_max; d++) {
        if (d == opts->degree_min)
            n_skipped = n_all;
        size_t added = fill_degree(opts, all, n_all, cap, first);
        weir_assert(added != SIZE_MAX);
        n_all += added;
    }
    p->all = all;
    p->n_all = n_all;
    p->n_skipped = n_skipped;
    p->has_one = opts->has_one;
    enum weir_status status = describe_products(b, p, opts, err);
    if (status == WEIR_OK)
        *out = &p->node;
    return status;
}
