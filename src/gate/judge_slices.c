/* SPDX-License-Identifier: MIT */
/* The slices that rules name, measured on both sides and compared. */
#include "base/macros.h"
#include "gate/judge_priv.h"
#include "gate/slice.h"

/* A slice of both sides. */
struct weir_gate_case_slice {
    bool has[WEIR_GATE_SIDES];
    struct weir_gate_slice sides[WEIR_GATE_SIDES];
    bool has_compare;
    struct weir_gate_compare compare;
};

/* Measures one slice. That a side has no such rows is no failure: rules on it are unknown. */
static enum weir_status measure(struct weir_gate_case *c, struct weir_str name,
                                struct weir_gate_case_slice *slice,
                                struct weir_gate_rules_part *part)
{
    enum weir_status status = WEIR_OK;
    *part = (struct weir_gate_rules_part){.name = name};
    for (int side = 0; side < WEIR_GATE_SIDES && status == WEIR_OK; side++) {
        if (!c->has_evaluation[side])
            continue;
        status = weir_gate_slice_make(&slice->sides[side], &c->evaluations[side], name, &c->err);
        slice->has[side] = status == WEIR_OK;
        status = status == WEIR_ERR_NOT_FOUND ? WEIR_OK : status;
    }
    if (slice->has[0])
        part->candidate = &slice->sides[0].evaluation;
    if (slice->has[1])
        part->live = &slice->sides[1].evaluation;
    if (status != WEIR_OK || !part->candidate || !part->live)
        return status;
    struct weir_gate_compare_opts opts = weir_gate_judge_compare_opts(c);
    status = weir_gate_compare_make(&slice->compare, part->candidate, part->live, &opts, &c->err);
    slice->has_compare = status == WEIR_OK;
    part->compare = slice->has_compare ? &slice->compare : NULL;
    return status;
}

bool weir_gate_judge_slices(struct weir_gate_case *c)
{
    size_t n = 0;
    enum weir_status status = WEIR_OK;
    while (weir_gate_rules_slice(c->rules, n).n > 0)
        n++;
    if (n == 0)
        return true;
    weir_gate_judge_enter(c, "measuring slices");
    c->slices = weir_mem_zarray(weir_mem_default(), n, sizeof *c->slices);
    c->parts = weir_mem_zarray(weir_mem_default(), n, sizeof *c->parts);
    c->n_slices = c->slices ? n : 0;
    if (!c->slices || !c->parts)
        status = weir_error_set(&c->err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n && status == WEIR_OK; i++)
        status = weir_gate_judge_goes_on(c)
                     ? measure(c, weir_gate_rules_slice(c->rules, i), &c->slices[i], &c->parts[i])
                     : WEIR_ERR_CANCELED;
    return status == WEIR_OK || weir_gate_judge_fail(c, status, WEIR_GATE_CODE_INCONCLUSIVE);
}

void weir_gate_judge_free_slices(struct weir_gate_case *c)
{
    for (size_t i = 0; i < c->n_slices; i++) {
        for (int side = 0; side < WEIR_GATE_SIDES; side++) {
            if (c->slices[i].has[side])
                weir_gate_slice_deinit(&c->slices[i].sides[side]);
        }
    }
    weir_mem_free(weir_mem_default(), c->slices);
    weir_mem_free(weir_mem_default(), c->parts);
    c->slices = NULL;
    c->parts = NULL;
    c->n_slices = 0;
}
