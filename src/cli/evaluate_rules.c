/* SPDX-License-Identifier: MIT */
#include "cli/evaluate_rules.h"

#include "base/macros.h"
#include "cli/file.h"
#include "gate/slice.h"

#include <string.h>

enum { MODEL, BASELINE, N_SIDES };

/* A slice of both models. */
struct weir_cli_evaluate_slice {
    bool has[N_SIDES];
    struct weir_gate_slice sides[N_SIDES];
    struct weir_gate_compare compare;
};

enum weir_status weir_cli_evaluate_rules_read(struct weir_cli_evaluate_rules *r, const char *path,
                                              struct weir_error *err)
{
    struct weir_cli_file file = {.path = NULL};
    enum weir_status status = weir_cli_file_read(&file, path, err);
    if (status == WEIR_OK) {
        status = weir_gate_rulings_parse(&r->rules, weir_buf_str(&file.bytes), err);
        r->has_rules = status == WEIR_OK;
        if (status != WEIR_OK)
            (void)weir_error_prefix(err, "%s", path);
    }
    weir_cli_file_deinit(&file);
    return status;
}

enum weir_status weir_cli_evaluate_rules_cut(const struct weir_cli_evaluate_rules *r,
                                             struct weir_str *slices, size_t *n_slices,
                                             size_t n_max, struct weir_error *err)
{
    for (size_t i = 0; r->has_rules; i++) {
        struct weir_str rest = weir_gate_rules_slice(&r->rules, i);
        if (rest.n == 0)
            break;
        struct weir_str column = weir_str_split(&rest, '=');
        bool is_there = false;
        for (size_t k = 0; k < *n_slices && !is_there; k++)
            is_there = weir_str_eq(slices[k], column);
        if (is_there)
            continue;
        if (*n_slices == n_max)
            return weir_error_set(err, WEIR_ERR_LIMIT, "slices of more than %zu columns", n_max);
        slices[(*n_slices)++] = column;
    }
    return WEIR_OK;
}

/* Measures a slice on the sides that have it, and compares them. */
static enum weir_status measure(struct weir_cli_evaluate_slice *slice,
                                struct weir_gate_rules_part *part,
                                const struct weir_gate_evaluation *const sides[N_SIDES],
                                const struct weir_gate_compare_opts *opts, struct weir_error *err)
{
    for (int i = 0; i < N_SIDES; i++) {
        enum weir_status status =
            sides[i] ? weir_gate_slice_make(&slice->sides[i], sides[i], part->name, err)
                     : WEIR_ERR_NOT_FOUND;
        slice->has[i] = status == WEIR_OK;
        if (status != WEIR_OK && status != WEIR_ERR_NOT_FOUND)
            return status;
    }
    if (slice->has[MODEL])
        part->candidate = &slice->sides[MODEL].evaluation;
    if (slice->has[BASELINE])
        part->live = &slice->sides[BASELINE].evaluation;
    if (!part->candidate || !part->live)
        return WEIR_OK;
    part->compare = &slice->compare;
    return weir_gate_compare_make(&slice->compare, part->candidate, part->live, opts, err);
}

static enum weir_status measure_slices(struct weir_cli_evaluate_rules *r,
                                       const struct weir_gate_evaluation *const sides[N_SIDES],
                                       const struct weir_gate_compare_opts *opts,
                                       struct weir_error *err)
{
    enum weir_status status = WEIR_OK;
    size_t n = 0;
    while (weir_gate_rules_slice(&r->rules, n).n > 0)
        n++;
    if (n == 0)
        return WEIR_OK;
    r->slices = weir_mem_zarray(weir_mem_default(), n, sizeof *r->slices);
    r->parts = weir_mem_zarray(weir_mem_default(), n, sizeof *r->parts);
    r->n_slices = r->slices && r->parts ? n : 0;
    if (r->n_slices == 0)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        r->parts[i].name = weir_gate_rules_slice(&r->rules, i);
        status = measure(&r->slices[i], &r->parts[i], sides, opts, err);
    }
    return status;
}

enum weir_status weir_cli_evaluate_rules_judge(struct weir_cli_evaluate_rules *r,
                                               const struct weir_gate_evaluation *model,
                                               const struct weir_gate_evaluation *baseline,
                                               const struct weir_gate_compare *compare,
                                               const struct weir_gate_compare_opts *opts,
                                               struct weir_error *err)
{
    const struct weir_gate_evaluation *const sides[N_SIDES] = {model, baseline};
    enum weir_status status = measure_slices(r, sides, opts, err);
    struct weir_gate_rules_measured measured = {
        .has_live = baseline != NULL,
        .all = {.candidate = model, .live = baseline, .compare = compare},
        .slices = r->parts,
        .n_slices = r->n_slices};
    if (status != WEIR_OK)
        return status;
    struct weir_gate_rules_facts facts = weir_gate_rules_facts_make(&measured);
    status = weir_gate_rules_judge(&r->rules, &facts, &r->judgement, err);
    r->has_judgement = status == WEIR_OK;
    return status;
}

void weir_cli_evaluate_rules_deinit(struct weir_cli_evaluate_rules *r)
{
    for (size_t i = 0; i < r->n_slices; i++) {
        for (int k = 0; k < N_SIDES; k++) {
            if (r->slices[i].has[k])
                weir_gate_slice_deinit(&r->slices[i].sides[k]);
        }
    }
    weir_mem_free(weir_mem_default(), r->slices);
    weir_mem_free(weir_mem_default(), r->parts);
    if (r->has_judgement)
        weir_gate_rules_judgement_deinit(&r->judgement);
    if (r->has_rules)
        weir_gate_rules_deinit(&r->rules);
    *r = (struct weir_cli_evaluate_rules){.has_rules = false};
}
