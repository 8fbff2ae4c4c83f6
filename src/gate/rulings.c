/* SPDX-License-Identifier: MIT */
#include "gate/rulings.h"

#include "base/macros.h"

#include <math.h>

enum weir_status weir_gate_rulings_parse(struct weir_gate_rules *rules, struct weir_str text,
                                         struct weir_error *err)
{
    size_t n;
    const struct weir_gate_metric_kind *extras = weir_gate_rules_extras(&n);
    return weir_gate_rules_parse(rules, text, 1, extras, n, err);
}

struct weir_str weir_gate_rulings_default(const struct weir_gate_holdout *holdout)
{
#define SOUND "n_invalid == 0; n_refused <= live.n_refused; "
    weir_assert(holdout);
    bool is_weighted = holdout->weights != NULL; /* intervals would take a bootstrap */
    if (holdout->task == WEIR_GATE_REGRESSION)
        return WEIR_STR(SOUND "rmse <= 1.05 * live.rmse");
    if (holdout->task == WEIR_GATE_BINARY && holdout->scores)
        return is_weighted ? WEIR_STR(SOUND "roc_auc >= live.roc_auc - 0.01")
                           : WEIR_STR(SOUND "ci_high(delta(roc_auc)) >= 0");
    return is_weighted ? WEIR_STR(SOUND "accuracy >= live.accuracy - 0.01")
                       : WEIR_STR(SOUND "ci_high(delta(accuracy)) >= 0");
#undef SOUND
}

/* Writes the times of both sides. The difference of two is no further apart than the ends of
 * intervals that hold together with 1 − alpha (Bonferroni). */
static void put_latency(const struct weir_gate_latency *latency, struct weir_str name, double alpha,
                        struct weir_gate_rules_extra *out)
{
    struct weir_gate_latency_number one[2];
    struct weir_gate_latency_number both[2];
    bool is_known = true;
    for (int side = 0; side < 2; side++)
        is_known = is_known &&
                   weir_gate_latency_find(latency, name, side == 1, alpha, &one[side]) &&
                   weir_gate_latency_find(latency, name, side == 1, alpha / 2, &both[side]);
    if (!is_known)
        return;
    out->candidate = one[0].value;
    out->live = one[1].value;
    out->why = one[0].why ? one[0].why : one[1].why;
    out->has_intervals = true;
    for (int side = 0; side < 2; side++) {
        out->intervals[side][0] = one[side].low;
        out->intervals[side][1] = one[side].high;
    }
    out->intervals[WEIR_GATE_RULES_DELTA][0] = both[0].low - both[1].high;
    out->intervals[WEIR_GATE_RULES_DELTA][1] = both[0].high - both[1].low;
}

size_t weir_gate_rulings_extras(const struct weir_gate_latency *latency, uint64_t n_uses,
                                double alpha, struct weir_gate_rules_extra *out)
{
    size_t n;
    const struct weir_gate_metric_kind *extras = weir_gate_rules_extras(&n);
    weir_assert(n <= WEIR_GATE_RULINGS_EXTRAS_MAX);
    for (size_t i = 0; i < n; i++) {
        struct weir_str name = weir_str_c(extras[i].name);
        out[i] = (struct weir_gate_rules_extra){
            .name = extras[i].name, .candidate = (double)NAN, .live = (double)NAN};
        if (weir_str_eq_c(name, "holdout.uses")) {
            out[i].candidate = n_uses > 0 ? (double)n_uses : (double)NAN;
            out[i].why = "how often the holdout was used is not known here";
        } else if (latency && weir_gate_latency_batch_of(name)) {
            put_latency(latency, name, alpha, &out[i]);
        }
    }
    return n;
}
