/* SPDX-License-Identifier: MIT */
#include "model/columns.h"

#include "tensor/cell.h"

#include <string.h>

struct part {
    const struct weir_model_node *node;
    const uint32_t *index;
    uint32_t n_index;
    uint32_t n_out;
    bool is_run; /* index is consecutive: the node reads the input where it lies */
    bool has_weight;
    double weight;
};

struct joined {
    struct weir_model_node node;
    size_t n_parts;
    const struct part *parts;
    size_t out_at;   /* offsets into scratch: what a part gave, */
    size_t inner_at; /* and what its node needs; before them the columns it reads */
};

static double value_at(const struct weir_model_matrix *in, size_t row, size_t column)
{
    size_t at = row * in->stride + column;
    return in->storage == WEIR_F32 ? (double)((const float *)in->at)[at]
                                   : ((const double *)in->at)[at];
}

/* Copies columns of the input; n_index doubles a row, `stride` apart. */
static void gather(const struct weir_model_node_run *run, const uint32_t *index, uint32_t n_index,
                   double *out, size_t stride)
{
    for (size_t row = 0; row < run->n_rows; row++)
        for (uint32_t j = 0; j < n_index; j++)
            out[row * stride + j] = value_at(&run->in, row, index[j]);
}

/* Returns the input of a part's node: the run's own columns where they lie side by side, else a
 * copy. */
static struct weir_model_matrix part_input(const struct part *p,
                                           const struct weir_model_node_run *run)
{
    struct weir_model_matrix in = run->in;
    if (p->is_run) {
        in.at = (const char *)run->in.at + p->index[0] * weir_dtype_size(run->in.storage);
        return in;
    }
    double *copy = (double *)(void *)run->scratch;
    gather(run, p->index, p->n_index, copy, p->n_index);
    in.at = copy;
    in.stride = p->n_index;
    in.storage = WEIR_F64;
    return in;
}

static void scale(const struct part *p, double *out, size_t n_rows, size_t stride, bool is_f32)
{
    double weight = weir_model_node_round(p->weight, is_f32);
    for (size_t row = 0; row < n_rows; row++)
        for (uint32_t j = 0; j < p->n_out; j++) {
            double *v = &out[row * stride + j];
            *v = weir_model_node_round(*v * weight, is_f32);
        }
}

static void joined_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct joined *u = (const struct joined *)(const void *)node;
    size_t width = node->n_out[WEIR_OUTPUT_TRANSFORM];
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    for (size_t i = 0; i < u->n_parts; i++) {
        const struct part *p = &u->parts[i];
        bool is_f32 = run->in.is_f32;
        if (!p->node) {
            gather(run, p->index, p->n_index, out, width);
        } else {
            struct weir_model_node_run part = {.n_rows = run->n_rows,
                                               .in = part_input(p, run),
                                               .faults = run->faults,
                                               .scratch = run->scratch + u->inner_at};
            double *to = u->n_parts == 1 ? out : (double *)(void *)(run->scratch + u->out_at);
            part.out[WEIR_OUTPUT_TRANSFORM] = to;
            p->node->run(p->node, &part);
            for (size_t row = 0; to != out && row < run->n_rows; row++)
                memcpy(out + row * width, to + row * p->n_out, p->n_out * sizeof *out);
            is_f32 = is_f32 && (p->node->follows_f32 & 1u << WEIR_OUTPUT_TRANSFORM);
        }
        if (p->has_weight)
            scale(p, out, run->n_rows, width, is_f32);
        out += p->n_out;
    }
}

/* As weir_model_columns_narrow, for kinds without the flag. */
static bool narrow(uint8_t *kind, uint8_t taken)
{
    if (*kind == taken || taken == WEIR_MODEL_COLUMN_UNUSED)
        return true;
    if (*kind == WEIR_MODEL_COLUMN_UNUSED || *kind == WEIR_MODEL_COLUMN_ANY) {
        *kind = taken;
        return true;
    }
    if (taken == WEIR_MODEL_COLUMN_ANY || taken == WEIR_COLUMN_MIXED)
        return true;
    if (*kind == WEIR_COLUMN_MIXED) {
        *kind = taken;
        return true;
    }
    return false;
}

bool weir_model_columns_narrow(uint8_t *kind, uint8_t taken)
{
    uint8_t flag = (*kind | taken) & WEIR_MODEL_COLUMN_KNOWS_NONE;
    uint8_t plain = weir_model_columns_kind(*kind);
    if (!narrow(&plain, weir_model_columns_kind(taken)))
        return false;
    bool has_text = plain == WEIR_COLUMN_TEXT || plain == WEIR_COLUMN_MIXED;
    *kind = has_text ? plain | flag : plain;
    return true;
}

/* Copies a part and says whether its columns lie side by side. */
static bool part_copy(struct weir_model_builder *b, const struct weir_model_columns_part *from,
                      struct part *to)
{
    uint32_t *index = weir_arena_array(b->arena, from->n_index, sizeof *index);
    if (!index)
        return false;
    memcpy(index, from->index, from->n_index * sizeof *index);
    bool is_run = true;
    for (uint32_t j = 1; j < from->n_index; j++)
        is_run = is_run && index[j] == index[0] + j;
    *to = (struct part){.node = from->node,
                        .index = index,
                        .n_index = from->n_index,
                        .n_out =
                            from->node ? from->node->n_out[WEIR_OUTPUT_TRANSFORM] : from->n_index,
                        .is_run = is_run,
                        .has_weight = from->has_weight,
                        .weight = from->weight};
    return true;
}

/* Fills columns, gives, passes and from of a union from its parts. */
static enum weir_status describe_columns(struct weir_model_builder *b, struct weir_model_node *node,
                                         const struct part *parts, size_t n_parts,
                                         struct weir_error *err)
{
    uint32_t width = node->n_out[WEIR_OUTPUT_TRANSFORM];
    uint8_t *columns = weir_arena_array(b->arena, node->n_in, sizeof *columns);
    uint8_t *gives = weir_arena_array(b->arena, width, sizeof *gives);
    uint32_t *passes = weir_arena_array(b->arena, width, sizeof *passes);
    uint32_t *origins = weir_arena_array(b->arena, width, sizeof *origins);
    if (!columns || !gives || !passes || !origins)
        return weir_model_builder_no_memory(b, err);
    memset(columns, WEIR_MODEL_COLUMN_UNUSED, node->n_in);
    node->columns = columns;
    node->gives = gives;
    node->passes = passes;
    node->from = origins;
    for (size_t i = 0; i < n_parts; i++) {
        const struct part *p = &parts[i];
        for (uint32_t j = 0; j < p->n_index; j++) {
            uint8_t taken =
                p->node ? weir_model_columns_taken(p->node, j) : (uint8_t)WEIR_MODEL_COLUMN_ANY;
            if (p->has_weight && taken == WEIR_MODEL_COLUMN_ANY)
                taken = WEIR_COLUMN_NUMBER;
            if (!weir_model_columns_narrow(&columns[p->index[j]], taken))
                return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                                      "column %u is taken for text and for numbers", p->index[j]);
        }
        for (uint32_t k = 0; k < p->n_out; k++) {
            uint32_t from = p->has_weight ? WEIR_MODEL_PASSES_NONE
                            : p->node     ? weir_model_columns_passed(p->node, k)
                                          : k;
            uint32_t origin = p->node ? weir_model_columns_from(p->node, k) : k;
            *passes++ = from == WEIR_MODEL_PASSES_NONE ? from : p->index[from];
            *origins++ = origin == WEIR_MODEL_PASSES_NONE ? origin : p->index[origin];
            *gives++ = p->has_weight ? (uint8_t)WEIR_COLUMN_NUMBER
                       : p->node     ? weir_model_columns_given(p->node, k)
                                     : (uint8_t)WEIR_MODEL_COLUMN_ANY;
        }
    }
    return WEIR_OK;
}

/* Fills the rest of a union's head and the offsets of its scratch memory. */
static enum weir_status describe(struct joined *u, uint32_t n_in, size_t width,
                                 struct weir_error *err)
{
    struct weir_model_node *node = &u->node;
    size_t gathered = 0;
    size_t part_out = 0;
    size_t inner = 0;
    uint16_t depth = 0;
    node->run = joined_run;
    node->n_in = n_in;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = (uint32_t)width;
    node->follows_f32 = 1u << WEIR_OUTPUT_TRANSFORM;
    node->takes_f32 = u->n_parts > 0;
    for (size_t i = 0; i < u->n_parts; i++) {
        const struct part *p = &u->parts[i];
        if (!p->is_run && p->node)
            gathered = weir_max_size(gathered, p->n_index);
        if (p->node) {
            part_out = weir_max_size(part_out, p->n_out);
            inner = weir_max_size(inner, p->node->scratch_bytes);
            depth = p->node->depth > depth ? p->node->depth : depth;
            node->follows_f32 &= p->node->follows_f32;
        }
        node->takes_f32 = node->takes_f32 && p->node && p->node->takes_f32;
        node->allows_nan = node->allows_nan || !p->node || p->node->allows_nan;
        node->allows_inf = node->allows_inf || !p->node || p->node->allows_inf;
    }
    for (uint32_t i = 0; i < n_in; i++)
        if (node->columns[i] == WEIR_MODEL_COLUMN_UNUSED)
            node->allows_nan = node->allows_inf = true;
    if (depth >= WEIR_MODEL_DEPTH_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "estimators are nested deeper than %d",
                              WEIR_MODEL_DEPTH_MAX);
    node->depth = (uint16_t)(depth + 1);
    u->out_at = weir_model_node_block_bytes(gathered);
    u->inner_at = u->out_at + (u->n_parts > 1 ? weir_model_node_block_bytes(part_out) : 0);
    node->scratch_bytes = u->inner_at + inner;
    return WEIR_OK;
}

enum weir_status weir_model_columns_union_new(struct weir_model_builder *b, uint32_t n_in,
                                              const struct weir_model_columns_part *parts,
                                              size_t n_parts, const struct weir_model_node **out,
                                              struct weir_error *err)
{
    weir_assert(n_in > 0);
    weir_assert(n_parts > 0);
    struct joined *u = weir_model_builder_node(b, sizeof *u);
    struct part *copy = weir_arena_array(b->arena, n_parts, sizeof *copy);
    if (!u || !copy)
        return weir_model_builder_no_memory(b, err);
    size_t width = 0;
    for (size_t i = 0; i < n_parts; i++) {
        weir_assert(parts[i].n_index > 0);
        weir_assert(!parts[i].node || parts[i].node->n_in == parts[i].n_index);
        for (uint32_t j = 0; j < parts[i].n_index; j++)
            weir_assert(parts[i].index[j] < n_in);
        if (!part_copy(b, &parts[i], &copy[i]))
            return weir_model_builder_no_memory(b, err);
        if (copy[i].n_out == 0)
            return weir_error_set(err, WEIR_ERR_INVALID, "part %zu does not transform", i);
        width += copy[i].n_out;
        if (width > WEIR_MODEL_COLUMNS_MAX)
            return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns",
                                  WEIR_MODEL_COLUMNS_MAX);
    }
    u->parts = copy;
    u->n_parts = n_parts;
    u->node.n_in = n_in;
    u->node.n_out[WEIR_OUTPUT_TRANSFORM] = (uint32_t)width;
    enum weir_status status = describe_columns(b, &u->node, copy, n_parts, err);
    if (status == WEIR_OK)
        status = describe(u, n_in, width, err);
    if (status == WEIR_OK)
        *out = &u->node;
    return status;
}

/* --- selections --- */

struct selection {
    struct weir_model_node node;
    const uint32_t *index;
    uint32_t n_index;
};

static void selection_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct selection *s = (const struct selection *)(const void *)node;
    if (run->in.storage == WEIR_F32)
        weir_model_node_check_f32(node, run, run->in.at, run->in.stride);
    else
        weir_model_node_check_f64(node, run, run->in.at, run->in.stride);
    gather(run, s->index, s->n_index, run->out[WEIR_OUTPUT_TRANSFORM], s->n_index);
}

enum weir_status weir_model_columns_select_new(struct weir_model_builder *b,
                                               const struct weir_model_columns_select_opts *opts,
                                               const struct weir_model_node **out,
                                               struct weir_error *err)
{
    weir_assert(opts->n_in > 0);
    weir_assert(opts->n_index > 0);
    if (opts->n_in > WEIR_MODEL_COLUMNS_MAX || opts->n_index > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct selection *s = weir_model_builder_node(b, sizeof *s);
    uint32_t *index = weir_arena_array(b->arena, opts->n_index, sizeof *index);
    if (!s || !index)
        return weir_model_builder_no_memory(b, err);
    s->node.keeps_columns = opts->n_index == opts->n_in;
    for (uint32_t i = 0; i < opts->n_index; i++) {
        weir_assert(opts->index[i] < opts->n_in);
        index[i] = opts->index[i];
        s->node.keeps_columns = s->node.keeps_columns && index[i] == i;
    }
    s->index = index;
    s->n_index = opts->n_index;
    struct weir_model_node *node = &s->node;
    node->run = selection_run;
    node->n_in = opts->n_in;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = opts->n_index;
    node->allows_nan = opts->allows_nan;
    node->allows_inf = opts->allows_inf;
    node->follows_f32 = 1u << WEIR_OUTPUT_TRANSFORM;
    node->depth = 1;
    enum weir_status status =
        weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}

/* --- None --- */

struct nones {
    struct weir_model_node node;
    const struct weir_model_node *inner;
    const uint32_t *index; /* columns in which None is NaN */
    uint32_t n_index;
    size_t inner_at; /* offset into scratch */
};

static void nones_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct nones *m = (const struct nones *)(const void *)node;
    struct weir_model_node_run part = *run;
    part.scratch = run->scratch + m->inner_at;
    if (run->in.storage == WEIR_F64) {
        double *copy = (double *)(void *)run->scratch;
        const double *x = run->in.at;
        for (size_t row = 0; row < run->n_rows; row++) {
            double *to = copy + row * node->n_in;
            memcpy(to, x + row * run->in.stride, node->n_in * sizeof *to);
            for (uint32_t i = 0; i < m->n_index; i++)
                if (weir_cell_is_none(to[m->index[i]]))
                    to[m->index[i]] = (double)NAN;
        }
        part.in.at = copy;
        part.in.stride = node->n_in;
    }
    m->inner->run(m->inner, &part);
}

enum weir_status weir_model_columns_none_new(struct weir_model_builder *b,
                                             const struct weir_model_node *inner,
                                             const struct weir_model_node **out,
                                             struct weir_error *err)
{
    uint32_t n_index = 0;
    for (uint32_t i = 0; i < inner->n_in; i++)
        n_index += weir_model_columns_taken(inner, i) == WEIR_COLUMN_MIXED;
    if (n_index == 0) {
        *out = inner;
        return WEIR_OK;
    }
    struct nones *m = weir_model_builder_node(b, sizeof *m);
    uint32_t *index = weir_arena_array(b->arena, n_index, sizeof *index);
    if (!m || !index)
        return weir_model_builder_no_memory(b, err);
    m->index = index;
    for (uint32_t i = 0; i < inner->n_in; i++)
        if (weir_model_columns_taken(inner, i) == WEIR_COLUMN_MIXED)
            index[m->n_index++] = i;
    m->node = *inner;
    m->node.run = nones_run;
    m->inner = inner;
    m->inner_at = weir_model_node_block_bytes(inner->n_in);
    m->node.scratch_bytes = m->inner_at + inner->scratch_bytes;
    *out = &m->node;
    return WEIR_OK;
}
