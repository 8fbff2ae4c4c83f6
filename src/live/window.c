/* SPDX-License-Identifier: MIT */
#include "live/window.h"

#include "base/macros.h"
#include "live/reference.h"

#include <math.h>
#include <string.h>

struct weir_live_layout weir_live_layout_of(const struct weir_live_shape *shape)
{
    struct weir_live_layout l = {0};
    size_t k = shape->n_classes;
    size_t n = 0;
    l.predicted = n;
    n += k > 0 ? k : 1;
    l.confusion = n;
    l.n_confusion = k == 0 ? 0 : k > WEIR_LIVE_CLASSES_MAX ? 2 : k * k;
    n += l.n_confusion;
    l.scores = n;
    n += shape->task == WEIR_LIVE_BINARY ? shape->n_bins : 0;
    l.positives = n;
    n += (size_t)shape->n_columns * shape->n_bins;
    l.negatives = n;
    n += (size_t)shape->n_columns * shape->n_bins;
    l.delays = n;
    n += WEIR_LIVE_WINDOW_DELAYS;
    l.drift = n;
    if (shape->reference)
        n += ((size_t)shape->n_features + 1) * WEIR_LIVE_REFERENCE_BINS;
    l.n = n;
    return l;
}

void weir_live_window_see(struct weir_live_window *w, const struct weir_live_shape *shape,
                          const struct weir_live_layout *layout,
                          const struct weir_live_observation *seen, uint32_t row)
{
    const struct weir_live_seen *s = &seen->rows[row];
    w->n_rows++;
    w->counts[layout->predicted + (s->decided < shape->n_classes ? s->decided : 0)]++;
    if (s->bin < shape->n_bins && shape->task == WEIR_LIVE_BINARY)
        w->counts[layout->scores + s->bin]++;
}

void weir_live_window_see_features(struct weir_live_window *w, const struct weir_live_shape *shape,
                                   const struct weir_live_layout *layout,
                                   const struct weir_live_observation *seen)
{
    const uint8_t *bins = seen->features;
    for (uint32_t i = 0; i < seen->n_sampled; i++) {
        uint32_t *counts = w->counts + layout->drift;
        for (uint32_t k = 0; k <= shape->n_features; k++, counts += WEIR_LIVE_REFERENCE_BINS)
            counts[*bins++]++;
    }
    w->n_sampled += seen->n_sampled;
}

/* --- labels ---------------------------------------------------------------------------------- */

static void label_number(struct weir_live_window *w, const struct weir_live_record *r, double sign)
{
    double e = r->truth - r->score;
    double squares[] = {e * e, r->truth * r->truth};
    struct weir_live_errors *errors = w->errors;
    /* What is no finite number would stay for ever; a row that far off is left out of the sums. */
    if (!isfinite(squares[0]) || !isfinite(squares[1]))
        return;
    weir_eval_exact_add(&errors->e, sign * e);
    weir_eval_exact_add(&errors->absolute, sign * fabs(e));
    weir_eval_exact_add(&errors->squares, sign * squares[0]);
    weir_eval_exact_add(&errors->truths, sign * r->truth);
    weir_eval_exact_add(&errors->truth_squares, sign * squares[1]);
}

static void label_score(struct weir_live_window *w, const struct weir_live_shape *shape,
                        const struct weir_live_layout *layout, const struct weir_live_record *r,
                        const uint16_t *bins, uint32_t one)
{
    uint32_t truth = (uint32_t)r->truth;
    if (shape->task == WEIR_LIVE_BINARY) {
        if (isnan(r->score))
            return;
        uint32_t b = weir_eval_binned_bin(r->score, shape->space, shape->n_bins);
        w->counts[(truth == 1 ? layout->positives : layout->negatives) + b] += one;
        return;
    }
    for (uint32_t k = 0; k < shape->n_columns; k++) {
        size_t section = truth == k ? layout->positives : layout->negatives;
        if (bins[k] < shape->n_bins)
            w->counts[section + (size_t)k * shape->n_bins + bins[k]] += one;
    }
}

void weir_live_window_label(struct weir_live_window *w, const struct weir_live_shape *shape,
                            const struct weir_live_layout *layout,
                            const struct weir_live_record *record, const uint16_t *bins,
                            bool is_taken_back)
{
    uint32_t one = is_taken_back ? UINT32_MAX : 1; /* Unsigned sums go round: −1. */
    w->n_labelled += is_taken_back ? UINT64_MAX : 1;
    if (shape->task == WEIR_LIVE_REGRESSION) {
        label_number(w, record, is_taken_back ? -1 : 1);
        return;
    }
    size_t truth = (size_t)record->truth;
    size_t k = shape->n_classes;
    if (k > WEIR_LIVE_CLASSES_MAX)
        w->counts[layout->confusion + (truth == record->decided)] += one;
    else
        w->counts[layout->confusion + truth * k + record->decided] += one;
    if (shape->has_score && (shape->task == WEIR_LIVE_BINARY || bins))
        label_score(w, shape, layout, record, bins, one);
    if (w->calibration && record->score >= 0 && record->score <= 1)
        weir_eval_binned_calibration_add(w->calibration, record->score, truth == 1, is_taken_back);
}

uint32_t weir_live_window_delay_place(uint64_t delay_s)
{
    uint32_t i = 0;
    while (i + 1 < WEIR_LIVE_WINDOW_DELAYS && delay_s >> i > 0)
        i++;
    return i;
}

void weir_live_window_delay(struct weir_live_window *w, const struct weir_live_layout *layout,
                            uint64_t delay_s)
{
    w->counts[layout->delays + weir_live_window_delay_place(delay_s)]++;
    w->delay_s += delay_s;
}

/* --- sums ------------------------------------------------------------------------------------ */

enum weir_status weir_live_sum_init(struct weir_live_sum *sum, const struct weir_live_shape *shape,
                                    struct weir_mem *mem)
{
    weir_assert(sum);
    *sum = (struct weir_live_sum){
        .shape = *shape, .layout = weir_live_layout_of(shape), .has_shape = true, .mem = mem};
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
