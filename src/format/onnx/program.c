/* SPDX-License-Identifier: MIT */
/* Nodes of a graph stand in an order in which each follows what it reads, so one pass compiles
 * them. A value is a row of slots; moving columns about (Concat, ArrayFeatureExtractor) is no
 * operation. */
#include "format/onnx/program.h"

#include "base/macros.h"

enum { SLOTS_MAX = 1 << 16, COLUMNS_MAX = 1 << 12 };

/* A value that is computed from the scores. */
struct value {
    struct weir_str name;
    size_t n; /* columns */
    uint32_t *slots;
    bool is_bool; /* of Less: only Cast reads it */
};

struct compiler {
    const struct weir_format_onnx_graph *g;
    struct weir_arena *temp;
    struct value *values; /* n_nodes + 1 */
    size_t n_values;
    float *constants; /* by initializer of one float, the others 0 */
    struct weir_model_onnx_step *steps;
    size_t n_steps, n_scores;
    bool is_out_of_memory;
};

static const struct value *find(const struct compiler *c, struct weir_str name)
{
    for (size_t i = 0; i < c->n_values; i++)
        if (weir_str_eq(c->values[i].name, name))
            return &c->values[i];
    return NULL;
}

/* Finds an initializer; its number is its slot. */
static const struct weir_format_onnx_tensor *find_constant(const struct compiler *c,
                                                           struct weir_str name, size_t *slot)
{
    for (size_t i = 0; i < c->g->n_initializers; i++)
        if (weir_str_eq(c->g->initializers[i].name, name)) {
            *slot = i;
            return &c->g->initializers[i];
        }
    return NULL;
}

/* Begins the value that a node gives; NULL: no memory, or it gives none or several. */
static struct value *begin(struct compiler *c, const struct weir_format_onnx_node *node, size_t n)
{
    if (node->n_outputs != 1 || n == 0 || n > COLUMNS_MAX)
        return NULL;
    struct value *v = &c->values[c->n_values];
    *v = (struct value){.name = node->outputs[0], .n = n};
    v->slots = weir_arena_array(c->temp, n, sizeof *v->slots);
    c->is_out_of_memory = c->is_out_of_memory || !v->slots;
    c->n_values += v->slots != NULL;
    return v->slots ? v : NULL;
}

/* Adds an operation; its slot, or UINT32_MAX when there are too many. */
static uint32_t emit(struct compiler *c, enum weir_model_onnx_op op, uint32_t a, uint32_t b)
{
    if (c->n_steps >= SLOTS_MAX)
        return UINT32_MAX;
    c->steps[c->n_steps] = (struct weir_model_onnx_step){op, a, b};
    return (uint32_t)(c->g->n_initializers + c->n_scores + c->n_steps++);
}

/* Makes one column of an operand: of a value, or a constant that stands for all columns. */
struct operand {
    const struct value *value;
    uint32_t constant;
};

static bool take_operand(const struct compiler *c, struct weir_str name, struct operand *out)
{
    size_t slot;
    *out = (struct operand){.value = find(c, name)};
    if (out->value)
        return !out->value->is_bool;
    const struct weir_format_onnx_tensor *t = find_constant(c, name, &slot);
    if (!t || t->type != WEIR_FORMAT_ONNX_FLOAT || t->n != 1 || t->n_dims > 2)
        return false;
    out->constant = (uint32_t)slot;
    return true;
}

/* An operator of two operands, or a chain of them (Sum). */
static bool compile_binary(struct compiler *c, const struct weir_format_onnx_node *node,
                           enum weir_model_onnx_op op)
{
    struct operand a, b;
    if (node->n_inputs < 2 || !take_operand(c, node->inputs[0], &a))
        return false;
    size_t n = a.value ? a.value->n : 0;
    for (size_t i = 1; i < node->n_inputs; i++) {
        if (!take_operand(c, node->inputs[i], &b) || (b.value && n > 0 && b.value->n != n))
            return false;
        n = b.value ? b.value->n : n;
    }
    struct value *v = begin(c, node, n);
    for (size_t k = 0; v && k < n; k++) {
        uint32_t slot = a.value ? a.value->slots[k] : a.constant;
        for (size_t i = 1; i < node->n_inputs && slot != UINT32_MAX; i++) {
            if (!take_operand(c, node->inputs[i], &b))
                return false;
            slot = emit(c, op, slot, b.value ? b.value->slots[k] : b.constant);
        }
        v->slots[k] = slot;
        if (slot == UINT32_MAX)
            return false;
    }
    if (v)
        v->is_bool = op == WEIR_MODEL_ONNX_OP_LESS;
    return v != NULL;
}

static bool compile_unary(struct compiler *c, const struct weir_format_onnx_node *node,
                          enum weir_model_onnx_op op)
{
    const struct value *a = node->n_inputs == 1 ? find(c, node->inputs[0]) : NULL;
    struct value *v = a && !a->is_bool ? begin(c, node, a->n) : NULL;
    for (size_t k = 0; v && k < a->n; k++) {
        v->slots[k] = emit(c, op, a->slots[k], a->slots[k]);
        if (v->slots[k] == UINT32_MAX)
            return false;
    }
    return v != NULL;
}

/* Cast to float, and Identity. */
static bool compile_copy(struct compiler *c, const struct weir_format_onnx_node *node, bool is_cast)
{
    const struct value *a = node->n_inputs == 1 ? find(c, node->inputs[0]) : NULL;
    if (!a || (is_cast && weir_format_onnx_node_int(node, "to", 0) != WEIR_FORMAT_ONNX_FLOAT))
        return false;
    struct value *v = begin(c, node, a->n);
    for (size_t k = 0; v && k < a->n; k++)
        v->slots[k] = a->slots[k];
    if (v)
        v->is_bool = a->is_bool && !is_cast;
    return v != NULL;
}

static bool compile_concat(struct compiler *c, const struct weir_format_onnx_node *node)
{
    int64_t axis = weir_format_onnx_node_int(node, "axis", 0);
    size_t n = 0;
    for (size_t i = 0; i < node->n_inputs; i++) {
        const struct value *a = find(c, node->inputs[i]);
        if (!a || a->is_bool || a->n > COLUMNS_MAX - n)
            return false;
        n += a->n;
    }
    struct value *v = axis == 1 || axis == -1 ? begin(c, node, n) : NULL;
    size_t at = 0;
    for (size_t i = 0; v && i < node->n_inputs; i++) {
        const struct value *a = find(c, node->inputs[i]);
        for (size_t k = 0; k < a->n; k++)
            v->slots[at++] = a->slots[k];
    }
    return v != NULL;
}

static bool compile_extract(struct compiler *c, const struct weir_format_onnx_node *node)
{
    size_t slot;
    double *at;
    const struct value *a = node->n_inputs == 2 ? find(c, node->inputs[0]) : NULL;
    const struct weir_format_onnx_tensor *t = a ? find_constant(c, node->inputs[1], &slot) : NULL;
    if (!t || a->is_bool || t->type != WEIR_FORMAT_ONNX_INT64 || t->n_dims > 1 ||
        weir_format_onnx_tensor_values(t, c->temp, &at, NULL) != WEIR_OK)
        return false;
    struct value *v = begin(c, node, t->n);
    for (size_t k = 0; v && k < t->n; k++) {
        if (!(at[k] >= 0.0 && at[k] < (double)a->n))
            return false;
        v->slots[k] = a->slots[(size_t)at[k]];
    }
    return v != NULL;
}

static bool compile_node(struct compiler *c, const struct weir_format_onnx_node *node)
{
    static const struct {
        const char *name;
        enum weir_model_onnx_op op;
        uint8_t n; /* operands; 0: any number */
    } rows[] = {
        {"Add", WEIR_MODEL_ONNX_OP_ADD, 2},    {"Mul", WEIR_MODEL_ONNX_OP_MULTIPLY, 2},
        {"Div", WEIR_MODEL_ONNX_OP_DIVIDE, 2}, {"Less", WEIR_MODEL_ONNX_OP_LESS, 2},
        {"Sum", WEIR_MODEL_ONNX_OP_ADD, 0},    {"Neg", WEIR_MODEL_ONNX_OP_NEGATE, 1},
        {"Abs", WEIR_MODEL_ONNX_OP_ABS, 1},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        if (weir_format_onnx_node_is(node, "", rows[i].name))
            return rows[i].n == 1 ? compile_unary(c, node, rows[i].op)
                                  : (rows[i].n == 0 || node->n_inputs == 2) &&
                                        compile_binary(c, node, rows[i].op);
    if (weir_format_onnx_node_is(node, "", "Identity"))
        return compile_copy(c, node, false);
    if (weir_format_onnx_node_is(node, "", "Cast"))
        return compile_copy(c, node, true);
    if (weir_format_onnx_node_is(node, "", "Concat"))
        return compile_concat(c, node);
    return weir_format_onnx_node_is(node, "ai.onnx.ml", "ArrayFeatureExtractor") &&
           compile_extract(c, node);
}

/* Reads the constants that may be operands. */
static bool take_constants(struct compiler *c)
{
    for (size_t i = 0; i < c->g->n_initializers; i++) {
        double *at;
        const struct weir_format_onnx_tensor *t = &c->g->initializers[i];
        if (t->type != WEIR_FORMAT_ONNX_FLOAT || t->n != 1)
            continue;
        if (weir_format_onnx_tensor_values(t, c->temp, &at, NULL) != WEIR_OK)
            return false;
        c->constants[i] = (float)at[0];
    }
    return true;
}

/* Compiles all that follows from the scores; false: not of this kind. */
static bool compile_all(struct compiler *c, bool *is_used)
{
    for (size_t i = 0; i < c->g->n_nodes; i++) {
        const struct weir_format_onnx_node *node = &c->g->nodes[i];
        bool reads = false;
        for (size_t j = 0; j < node->n_inputs; j++)
            reads = reads || find(c, node->inputs[j]);
        if (!reads)
            continue;
        if (is_used[i] || !compile_node(c, node))
            return false;
        is_used[i] = true;
    }
    return true;
}

enum weir_status weir_format_onnx_program_compile(const struct weir_format_onnx_graph *g,
                                                  struct weir_arena *temp, struct weir_str value,
                                                  uint32_t n_scores, bool *is_used,
                                                  struct weir_model_onnx_program *out,
                                                  struct weir_str *name, struct weir_error *err)
{
    struct compiler c = {.g = g, .temp = temp, .n_scores = n_scores};
    *out = (struct weir_model_onnx_program){.n_results = 0};
    if (weir_format_onnx_graph_opset(g, "") < 8 || n_scores > COLUMNS_MAX)
        return WEIR_OK; /* before 8 operands of other shapes need attributes */
    c.values = weir_arena_zarray(temp, g->n_nodes + 1, sizeof *c.values);
    c.constants = weir_arena_zarray(temp, g->n_initializers + 1, sizeof *c.constants);
    c.steps = weir_arena_array(temp, SLOTS_MAX, sizeof *c.steps);
    uint32_t *slots = weir_arena_array(temp, n_scores, sizeof *slots);
    if (!c.values || !c.constants || !c.steps || !slots)
        return weir_error_set(err, WEIR_ERR_LIMIT, "no memory for what the file says");
    for (uint32_t i = 0; i < n_scores; i++)
        slots[i] = (uint32_t)g->n_initializers + i;
    c.values[c.n_values++] = (struct value){.name = value, .n = n_scores, .slots = slots};
    if (!take_constants(&c) || !compile_all(&c, is_used))
        return c.is_out_of_memory
                   ? weir_error_set(err, WEIR_ERR_LIMIT, "no memory for what the file says")
                   : WEIR_OK;
    const struct value *result = NULL;
    size_t n_outputs = 0;
    for (size_t i = 0; i < g->n_outputs; i++) {
        const struct value *v = find(&c, g->outputs[i].name);
        n_outputs += v != NULL;
        result = v ? v : result;
    }
    if (n_outputs != 1 || result->is_bool)
        return WEIR_OK;
    *name = result->name;
    *out = (struct weir_model_onnx_program){.constants = c.constants,
                                            .n_constants = g->n_initializers,
                                            .n_scores = n_scores,
                                            .steps = c.steps,
                                            .n_steps = c.n_steps,
                                            .results = result->slots,
                                            .n_results = result->n};
    return WEIR_OK;
}
