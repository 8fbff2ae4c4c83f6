/* SPDX-License-Identifier: MIT */
#include "live/sum.h"

#include "base/macros.h"

enum weir_status weir_live_sum_init(struct weir_live_sum *sum, const struct weir_live_shape *shape,
                                    struct weir_mem *mem)
{
    weir_assert(sum);
    *sum = (struct weir_live_sum){
        .shape = *shape, .layout = weir_live_window_layout(shape), .has_shape = true, .mem = mem};
    bool is_binary = shape->task == WEIR_LIVE_BINARY && shape->has_score;
    bool has_p = is_binary && shape->space == WEIR_EVAL_BINNED_PROBABILITY;
    bool is_number = shape->task == WEIR_LIVE_REGRESSION;
    sum->counts = weir_mem_zarray(mem, sum->layout.n, sizeof *sum->counts);
    sum->total.confusion =
        weir_mem_zarray(mem, sum->layout.n_confusion + 1, sizeof *sum->total.confusion);
    if (is_binary) {
        sum->first = weir_mem_zarray(mem, shape->n_bins, sizeof *sum->first);
        sum->is_mixed = weir_mem_zarray(mem, shape->n_bins, sizeof *sum->is_mixed);
        sum->is_used = weir_mem_zarray(mem, shape->n_bins, sizeof *sum->is_used);
    }
    if (has_p)
        sum->calibration = weir_mem_zalloc(mem, sizeof *sum->calibration);
    if (is_number)
        sum->errors = weir_mem_zalloc(mem, sizeof *sum->errors);
    if (!sum->counts || !sum->total.confusion ||
        (is_binary && (!sum->first || !sum->is_mixed || !sum->is_used)) ||
        (has_p && !sum->calibration) || (is_number && !sum->errors)) {
        weir_live_sum_deinit(sum);
        return WEIR_ERR_NO_MEMORY;
    }
    return WEIR_OK;
}

void weir_live_sum_deinit(struct weir_live_sum *sum)
{
    weir_assert(sum);
    if (!sum->mem)
        return;
    weir_mem_free(sum->mem, sum->counts);
    weir_mem_free(sum->mem, sum->total.confusion);
    weir_mem_free(sum->mem, sum->first);
    weir_mem_free(sum->mem, sum->is_mixed);
    weir_mem_free(sum->mem, sum->is_used);
    weir_mem_free(sum->mem, sum->calibration);
    weir_mem_free(sum->mem, sum->errors);
    *sum = (struct weir_live_sum){0};
}

static void merge_errors(struct weir_live_errors *to, const struct weir_live_errors *from)
{
    weir_eval_exact_merge(&to->e, &from->e);
    weir_eval_exact_merge(&to->absolute, &from->absolute);
    weir_eval_exact_merge(&to->squares, &from->squares);
    weir_eval_exact_merge(&to->truths, &from->truths);
    weir_eval_exact_merge(&to->truth_squares, &from->truth_squares);
}

void weir_live_sum_add(struct weir_live_sum *sum, const struct weir_live_window *w)
{
    weir_assert(sum);
    sum->n_rows += w->n_rows;
    sum->n_labelled += w->n_labelled;
    sum->delay_s += w->delay_s;
    sum->n_sampled += w->n_sampled;
    for (size_t i = 0; i < sum->layout.n; i++)
        sum->counts[i] += w->counts[i];
    if (sum->calibration)
        weir_eval_binned_calibration_merge(sum->calibration, w->calibration);
    if (sum->errors)
        merge_errors(sum->errors, w->errors);
}

void weir_live_sum_total(struct weir_live_sum *sum, const struct weir_live_total *total)
{
    weir_assert(sum);
    sum->total.delay_s += total->delay_s;
    for (size_t i = 0; i < WEIR_LIVE_WINDOW_DELAYS; i++)
        sum->total.delays[i] += total->delays[i];
    for (size_t i = 0; i < sum->layout.n_confusion; i++)
        sum->total.confusion[i] += total->confusion[i];
}

void weir_live_sum_note(struct weir_live_sum *sum, const double *first, const bool *is_used,
                        const bool *is_mixed)
{
    for (size_t b = 0; sum->first && b < sum->shape.n_bins; b++) {
        if (!is_used[b])
            continue;
        if (!sum->is_used[b])
            sum->first[b] = first[b];
        sum->is_mixed[b] = sum->is_mixed[b] || is_mixed[b] || sum->first[b] != first[b];
        sum->is_used[b] = true;
    }
}

void weir_live_sum_merge(struct weir_live_sum *sum, const struct weir_live_sum *other)
{
    weir_assert(sum);
    weir_assert(weir_live_sum_fits(&sum->shape, &other->shape));
    sum->n_rows += other->n_rows;
    sum->n_labelled += other->n_labelled;
    sum->delay_s += other->delay_s;
    sum->n_sampled += other->n_sampled;
    if (sum->from_s == 0 || (other->from_s > 0 && other->from_s < sum->from_s))
        sum->from_s = other->from_s;
    for (size_t i = 0; i < sum->layout.n; i++)
        sum->counts[i] += other->counts[i];
    weir_live_sum_total(sum, &other->total);
    if (other->first)
        weir_live_sum_note(sum, other->first, other->is_used, other->is_mixed);
    if (sum->calibration)
        weir_eval_binned_calibration_merge(sum->calibration, other->calibration);
    if (sum->errors)
        merge_errors(sum->errors, other->errors);
}

bool weir_live_sum_fits(const struct weir_live_shape *a, const struct weir_live_shape *b)
{
    return a->task == b->task && a->n_classes == b->n_classes && a->n_columns == b->n_columns &&
           a->n_bins == b->n_bins && a->space == b->space && a->has_score == b->has_score &&
           a->reference == b->reference;
}
