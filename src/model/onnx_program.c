/* SPDX-License-Identifier: MIT */
#include "model/onnx_program.h"

#include "base/macros.h"

#include <math.h>
#include <string.h>

struct program {
    struct weir_model_node node;
    const struct weir_model_node *inner;
    enum weir_output output;
    struct weir_model_onnx_program p;
    size_t slots_at, inner_at; /* in scratch; at 0 the inner node's scores */
};

static float apply(enum weir_model_onnx_op op, float a, float b)
{
    switch (op) {
    case WEIR_MODEL_ONNX_OP_ADD:
        return a + b;
    case WEIR_MODEL_ONNX_OP_MULTIPLY:
        return a * b;
    case WEIR_MODEL_ONNX_OP_DIVIDE:
        return a / b;
    case WEIR_MODEL_ONNX_OP_LESS:
        return a < b ? 1.0f : 0.0f;
    case WEIR_MODEL_ONNX_OP_NEGATE:
        return -a;
    case WEIR_MODEL_ONNX_OP_ABS:
        return fabsf(a);
    }
    return 0.0f;
}

static void program_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct program *m = (const struct program *)(const void *)node;
    const struct weir_model_onnx_program *p = &m->p;
    double *scores = (double *)(void *)run->scratch;
    float *slots = (float *)(void *)(run->scratch + m->slots_at);
    double *out = run->out[m->output];
    struct weir_model_node_run inner = *run;
    inner.scratch = run->scratch + m->inner_at;
    inner.out[m->output] = out ? scores : NULL;
    m->inner->run(m->inner, &inner);
    if (!out)
        return;
    memcpy(slots, p->constants, p->n_constants * sizeof *slots);
    for (size_t row = 0; row < run->n_rows; row++) {
        float *next = slots + p->n_constants;
        for (size_t i = 0; i < p->n_scores; i++)
            *next++ = (float)scores[row * p->n_scores + i];
        for (size_t i = 0; i < p->n_steps; i++)
            *next++ = apply(p->steps[i].op, slots[p->steps[i].a], slots[p->steps[i].b]);
        for (size_t i = 0; i < p->n_results; i++)
            out[row * p->n_results + i] = (double)slots[p->results[i]];
    }
}

enum weir_status
weir_model_onnx_program_new(struct weir_model_builder *b, const struct weir_model_node *inner,
                            enum weir_output output, const struct weir_model_onnx_program *program,
                            const struct weir_model_node **out, struct weir_error *err)
{
    size_t n_slots = program->n_constants + program->n_scores + program->n_steps;
    weir_assert(output != WEIR_OUTPUT_PREDICT);
    weir_assert(inner->n_out[output] == program->n_scores);
    weir_assert(program->n_results > 0);
    if (inner->depth >= WEIR_MODEL_DEPTH_MAX || n_slots > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "too many operators behind the scores");
    struct program *m = weir_model_builder_node(b, sizeof *m);
    float *constants = weir_arena_zarray(b->arena, program->n_constants + 1, sizeof *constants);
    struct weir_model_onnx_step *steps =
        weir_arena_zarray(b->arena, program->n_steps + 1, sizeof *steps);
    uint32_t *results = weir_arena_array(b->arena, program->n_results, sizeof *results);
    if (!m || !constants || !steps || !results)
        return weir_model_builder_no_memory(b, err);
    for (size_t i = 0; i < program->n_constants; i++)
        constants[i] = program->constants[i];
    for (size_t i = 0; i < program->n_steps; i++) {
        steps[i] = program->steps[i];
        weir_assert(weir_max_size(steps[i].a, steps[i].b) <
                    program->n_constants + program->n_scores + i);
    }
    for (size_t i = 0; i < program->n_results; i++) {
        results[i] = program->results[i];
        weir_assert(results[i] < n_slots);
    }
    m->inner = inner;
    m->output = output;
    m->p = *program;
    m->p.constants = constants;
    m->p.steps = steps;
    m->p.results = results;
    m->node = *inner;
    m->node.run = program_run;
    m->node.block_rows = 0;
    m->node.n_out[output] = (uint32_t)program->n_results;
    m->node.depth = (uint16_t)(inner->depth + 1);
    m->slots_at = weir_model_node_block_bytes(program->n_scores);
    m->inner_at = m->slots_at + weir_model_node_align(n_slots * sizeof(float));
    m->node.scratch_bytes = m->inner_at + inner->scratch_bytes;
    *out = &m->node;
    return WEIR_OK;
}
