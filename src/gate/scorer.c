/* SPDX-License-Identifier: MIT */
/* What a model says of the rows of a holdout: what it predicts, probabilities, and what rows are
 * ranked by: margins where there are some, because float32 probabilities saturate. */
#include "base/macros.h"
#include "gate/holdout_priv.h"

enum { ALIGN = 64 };

static bool is_given(const struct weir_spec *spec, enum weir_output output)
{
    return spec->outputs[output].is_given;
}

/* Chooses what rows are ranked by, if by anything. */
static void choose_score(struct weir_gate_scorer *scorer, bool ranks_by_proba)
{
    const struct weir_spec *spec = scorer->spec;
    size_t n_classes = spec->targets[0].n;
    const struct weir_spec_output *margin = &spec->outputs[WEIR_OUTPUT_DECISION_FUNCTION];
    bool has_margin = margin->is_given && margin->n_columns == (n_classes == 2 ? 1 : n_classes);
    bool has_proba = is_given(spec, WEIR_OUTPUT_PREDICT_PROBA);
    bool takes_proba = has_proba && (ranks_by_proba || !has_margin || n_classes > 2);
    scorer->has_score = n_classes > 0 && (has_margin || has_proba);
    scorer->score = takes_proba ? WEIR_OUTPUT_PREDICT_PROBA : WEIR_OUTPUT_DECISION_FUNCTION;
}

enum weir_status weir_gate_scorer_init(struct weir_gate_scorer *scorer,
                                       const struct weir_model *model, bool ranks_by_proba,
                                       struct weir_arena *arena, struct weir_error *err)
{
    const struct weir_spec *spec = weir_model_spec(model);
    if (spec->form == WEIR_INPUT_TENSORS)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "the model takes tensors, which a CSV file does not hold");
    if (!is_given(spec, WEIR_OUTPUT_PREDICT) || spec->n_targets != 1 ||
        spec->outputs[WEIR_OUTPUT_PREDICT].n_columns != 1)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "only models that predict one target can be judged");
    if (spec->targets[0].n == 1)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "the model knows one class only");
    *scorer = (struct weir_gate_scorer){.model = model, .spec = spec, .positive = 1};
    choose_score(scorer, ranks_by_proba);
    scorer->run.dtype = weir_spec_batch_dtype(spec, WEIR_F64);
    scorer->run.wanted = 1u << WEIR_OUTPUT_PREDICT;
    if (scorer->has_score)
        scorer->run.wanted |= 1u << scorer->score;
    if (spec->targets[0].n > 0 && is_given(spec, WEIR_OUTPUT_PREDICT_PROBA))
        scorer->run.wanted |= 1u << WEIR_OUTPUT_PREDICT_PROBA;
    scorer->row_bytes = weir_max_size(spec->n_features * weir_dtype_size(scorer->run.dtype), 1);
    scorer->rows = weir_arena_alloc_aligned(arena, WEIR_GATE_CHUNK_ROWS * scorer->row_bytes, ALIGN);
    scorer->run.faults = weir_arena_array(arena, WEIR_GATE_CHUNK_ROWS, sizeof *scorer->run.faults);
    scorer->run.scratch =
        weir_arena_alloc_aligned(arena, weir_max_size(weir_model_scratch_bytes(model), 1), ALIGN);
    bool is_ok = scorer->rows && scorer->run.faults && scorer->run.scratch;
    for (int o = 0; o < WEIR_OUTPUT_N && is_ok; o++) {
        if (!(scorer->run.wanted & 1u << o))
            continue;
        scorer->run.out[o] = weir_arena_array(
            arena, WEIR_GATE_CHUNK_ROWS * spec->outputs[o].n_columns, sizeof(double));
        is_ok = scorer->run.out[o] != NULL;
    }
    return is_ok ? WEIR_OK : weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
}

size_t weir_gate_scorer_run(struct weir_gate_scorer *scorer, size_t n)
{
    weir_assert(n <= WEIR_GATE_CHUNK_ROWS);
    scorer->block = (struct weir_rows){scorer->rows, n};
    scorer->run.blocks = &scorer->block;
    scorer->run.n_blocks = 1;
    return weir_model_run(scorer->model, &scorer->run);
}

/* Copies the values of the classes; of two that are the other way round, in that order. */
static void put_classes(const struct weir_gate_scorer *scorer, const double *from, double *to)
{
    size_t n = scorer->spec->targets[0].n;
    for (size_t k = 0; k < n; k++)
        to[k] = from[n == 2 && scorer->positive == 0 ? 1 - k : k];
}

static void put_score(const struct weir_gate_scorer *scorer, size_t i,
                      struct weir_gate_holdout *holdout, size_t to)
{
    size_t n = scorer->spec->targets[0].n;
    const double *values = scorer->run.out[scorer->score];
    if (n > 2)
        put_classes(scorer, values + i * n, holdout->scores + to * n);
    else if (scorer->score == WEIR_OUTPUT_PREDICT_PROBA)
        holdout->scores[to] = values[i * n + scorer->positive];
    else
        holdout->scores[to] = scorer->positive == 0 ? -values[i] : values[i];
}

void weir_gate_scorer_put(const struct weir_gate_scorer *scorer, size_t i,
                          struct weir_gate_holdout *holdout, size_t to)
{
    const struct weir_run *run = &scorer->run;
    size_t n = scorer->spec->targets[0].n;
    if (n == 0) {
        holdout->predictions[to] = ((const double *)run->out[WEIR_OUTPUT_PREDICT])[i];
        return;
    }
    uint32_t decision = (uint32_t)((const int32_t *)run->out[WEIR_OUTPUT_PREDICT])[i];
    holdout->decisions[to] = n == 2 && scorer->positive == 0 ? 1 - decision : decision;
    if (scorer->has_score)
        put_score(scorer, i, holdout, to);
    if (holdout->p)
        put_classes(scorer, (const double *)run->out[WEIR_OUTPUT_PREDICT_PROBA] + i * n,
                    holdout->p + to * n);
}
