/* SPDX-License-Identifier: MIT */
#include "live/window.h"

#include "base/macros.h"
#include "live/reference.h"

#include <math.h>
#include <string.h>

struct weir_live_layout weir_live_window_layout(const struct weir_live_shape *shape)
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
