/* SPDX-License-Identifier: MIT */
#include "live/shadow.h"

#include "base/macros.h"
#include "codec/number.h"
#include "eval/drift.h"
#include "eval/rates.h"

#include <math.h>

static bool are_same_texts(const struct weir_str *a, const struct weir_str *b, size_t n)
{
    for (size_t i = 0; a && b && i < n; i++) {
        if (!weir_str_eq(a[i], b[i]))
            return false;
    }
    return true;
}

const char *weir_live_shadow_fit(const struct weir_live_shape *live,
                                 const struct weir_spec *live_spec,
                                 const struct weir_spec *shadow_spec, struct weir_live_shape *shape)
{
    const char *why;
    if (!weir_live_shape_init(shape, shadow_spec, NULL, &why))
        return why;
    if (live_spec->form != WEIR_INPUT_MATRIX || shadow_spec->form != WEIR_INPUT_MATRIX)
        return "only rows of numbers are given to a shadow";
    if (live_spec->n_features != shadow_spec->n_features ||
        !are_same_texts(live_spec->feature_names, shadow_spec->feature_names,
                        live_spec->n_features))
        return "its features are not those of the version that answers";
    if (live->task != shape->task || live->n_classes != shape->n_classes)
        return "it predicts something else than the version that answers";
    for (uint32_t i = 0; i < shape->n_classes; i++) {
        if (!weir_str_eq(live_spec->targets[0].json[i], shadow_spec->targets[0].json[i]))
            return "its classes are not those of the version that answers";
    }
    if (live->has_score != shape->has_score || (live->has_score && live->score != shape->score))
        return "its scores are of another kind than those of the version that answers";
    return NULL;
}

void weir_live_shadow_add(struct weir_live_shadow *sum, const struct weir_live_shape *shape,
                          const struct weir_live_seen *live, const struct weir_live_seen *shadow,
                          size_t n)
{
    bool is_number = shape->task == WEIR_LIVE_REGRESSION;
    for (size_t i = 0; i < n; i++) {
        if (shadow[i].decided == WEIR_LIVE_REFUSED) {
            sum->n_refused++;
            continue;
        }
        sum->n_rows++;
        sum->n_disagreements += !is_number && live[i].decided != shadow[i].decided;
        double gap = fabs(live[i].score - shadow[i].score);
        if (!isfinite(gap))
            continue;
        sum->n_scores++;
        weir_eval_exact_add(&sum->gap, gap);
        if (is_number)
            continue;
        sum->live[weir_eval_binned_bin(live[i].score, shape->space, WEIR_LIVE_SHADOW_BINS)]++;
        sum->shadow[weir_eval_binned_bin(shadow[i].score, shape->space, WEIR_LIVE_SHADOW_BINS)]++;
    }
}

void weir_live_shadow_merge(struct weir_live_shadow *sum, const struct weir_live_shadow *other)
{
    sum->n_rows += other->n_rows;
    sum->n_disagreements += other->n_disagreements;
    sum->n_refused += other->n_refused;
    sum->n_dropped += other->n_dropped;
    sum->n_scores += other->n_scores;
    weir_eval_exact_merge(&sum->gap, &other->gap);
    for (size_t i = 0; i < WEIR_LIVE_SHADOW_BINS; i++) {
        sum->live[i] += other->live[i];
        sum->shadow[i] += other->shadow[i];
    }
}

struct weir_live_shadow_psi weir_live_shadow_psi(const struct weir_live_shadow *sum)
{
    uint64_t live[WEIR_LIVE_SHADOW_PSI_BINS] = {0};
    uint64_t shadow[WEIR_LIVE_SHADOW_PSI_BINS] = {0};
    uint64_t n = 0;
    for (size_t i = 0; i < WEIR_LIVE_SHADOW_BINS; i++)
        n += sum->live[i];
    if (n == 0)
        return (struct weir_live_shadow_psi){0};
    uint32_t b = 0;
    uint64_t below = 0;
    for (size_t i = 0; i < WEIR_LIVE_SHADOW_BINS; i++) {
        live[b] += sum->live[i];
        shadow[b] += sum->shadow[i];
        below += sum->live[i];
        bool is_full = below * WEIR_LIVE_SHADOW_PSI_BINS >= (b + 1) * n;
        if (is_full && live[b] > 0 && below < n)
            b++;
    }
    uint32_t n_bins = b + 1;
    return (struct weir_live_shadow_psi){
        .value = weir_eval_drift_psi(live, shadow, n_bins),
        .guard = weir_eval_drift_psi_guard(n, n, n_bins, 0.99),
        .n_bins = n_bins,
    };
}

static void append_number(struct weir_buf *out, const char *name, double value)
{
    weir_buf_append_c(out, name);
    weir_codec_number_append_f64(out, value, WEIR_CODEC_NUMBER_NONFINITE_NULL);
}

void weir_live_shadow_append(const struct weir_live_shadow *sum,
                             const struct weir_live_shape *shape, struct weir_buf *out)
{
    const double alpha = 0.05;
    weir_buf_printf(out, "\"rows\":%llu,\"refused\":%llu,\"dropped\":%llu,\"disagreements\":",
                    (unsigned long long)sum->n_rows, (unsigned long long)sum->n_refused,
                    (unsigned long long)sum->n_dropped);
    if (sum->n_rows > 0 && shape->task != WEIR_LIVE_REGRESSION) {
        struct weir_eval_rates_interval ci =
            weir_eval_rates_wilson(sum->n_disagreements, sum->n_rows, alpha);
        weir_buf_printf(out, "{\"count\":%llu", (unsigned long long)sum->n_disagreements);
        append_number(out, ",\"rate\":", (double)sum->n_disagreements / (double)sum->n_rows);
        append_number(out, ",\"ci\":[", ci.low);
        append_number(out, ",", ci.high);
        weir_buf_append_c(out, "]}");
    } else {
        weir_buf_append_c(out, "null");
    }
    weir_buf_append_c(out, ",\"score_gap\":");
    if (sum->n_scores > 0) {
        append_number(out, "{\"mean\":", weir_eval_exact_get(&sum->gap) / (double)sum->n_scores);
        weir_buf_printf(out, ",\"rows\":%llu}", (unsigned long long)sum->n_scores);
    } else {
        weir_buf_append_c(out, "null");
    }
    struct weir_live_shadow_psi psi = weir_live_shadow_psi(sum);
    weir_buf_append_c(out, ",\"psi\":");
    if (psi.n_bins < 2) {
        weir_buf_append_c(out, "null");
        return;
    }
    append_number(out, "{\"value\":", psi.value);
    append_number(out, ",\"guard\":", isfinite(psi.guard) ? psi.guard : (double)NAN);
    weir_buf_printf(out, ",\"bins\":%u}", psi.n_bins);
}
