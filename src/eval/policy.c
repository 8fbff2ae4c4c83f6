/* SPDX-License-Identifier: MIT */
#include "eval/policy.h"

#include "base/macros.h"
#include "eval/rates.h"

#include <math.h>
#include <stdlib.h>

/* --- reading --------------------------------------------------------------------------------- */

enum { NUMBER_BYTES_MAX = 40 };

/* Reads a whole text as a finite number. */
static bool read_number(struct weir_str text, double *out)
{
    char room[NUMBER_BYTES_MAX + 1];
    char *end;
    if (text.n == 0 || text.n > NUMBER_BYTES_MAX || text.at[0] == ' ')
        return false;
    memcpy(room, text.at, text.n);
    room[text.n] = 0;
    *out = strtod(room, &end);
    return end == room + text.n && isfinite(*out);
}

/* Reads a percentage as a share. */
static bool read_percent(struct weir_str text, double *out)
{
    if (text.n == 0 || text.at[text.n - 1] != '%')
        return false;
    text.n--;
    if (!read_number(text, out))
        return false;
    *out /= 100;
    return *out > 0 && *out < 1;
}

static bool skip(struct weir_str *text, const char *prefix)
{
    struct weir_str p = weir_str_c(prefix);
    if (!weir_str_starts(*text, p))
        return false;
    *text = weir_str_make(text->at + p.n, text->n - p.n);
    return true;
}

static bool read_share(struct weir_str text, double *out)
{
    return read_number(text, out) && *out >= 0 && *out <= 1;
}

static bool read_cost(struct weir_str text, struct weir_eval_policy *out)
{
    struct weir_str first = weir_str_split(&text, ',');
    return skip(&first, "fp=") && skip(&text, "fn=") && read_number(first, &out->value) &&
           read_number(text, &out->value_fn) && out->value >= 0 && out->value_fn >= 0;
}

static bool read_fpr(struct weir_str text, struct weir_eval_policy *out)
{
    struct weir_str share = weir_str_split(&text, '@');
    return read_share(share, &out->value) && (text.n == 0 || read_percent(text, &out->confidence));
}

static bool read_policy(struct weir_str text, struct weir_eval_policy *out)
{
    enum weir_eval_policy_kind *kind = &out->kind;
    if (weir_str_eq_c(text, "youden"))
        return *kind = WEIR_EVAL_POLICY_YOUDEN, true;
    if (weir_str_eq_c(text, "f1"))
        return *kind = WEIR_EVAL_POLICY_F1, true;
    if (weir_str_eq_c(text, "mcc"))
        return *kind = WEIR_EVAL_POLICY_MCC, true;
    if (skip(&text, "fixed:"))
        return *kind = WEIR_EVAL_POLICY_FIXED, read_number(text, &out->value);
    if (skip(&text, "fbeta:"))
        return *kind = WEIR_EVAL_POLICY_FBETA, read_number(text, &out->value) && out->value > 0;
    if (skip(&text, "fpr<="))
        return *kind = WEIR_EVAL_POLICY_FPR, read_fpr(text, out);
    if (skip(&text, "tpr>=") || skip(&text, "recall>="))
        return *kind = WEIR_EVAL_POLICY_TPR, read_share(text, &out->value);
    if (skip(&text, "precision>="))
        return *kind = WEIR_EVAL_POLICY_PRECISION, read_share(text, &out->value);
    if (skip(&text, "cost:"))
        return *kind = WEIR_EVAL_POLICY_COST, read_cost(text, out);
    if (skip(&text, "top:"))
        return *kind = WEIR_EVAL_POLICY_TOP, read_percent(text, &out->value);
    return false;
}

enum weir_status weir_eval_policy_read(struct weir_str text, struct weir_eval_policy *out,
                                       struct weir_error *err)
{
    weir_assert(out);
    *out = (struct weir_eval_policy){.confidence = 0};
    if (read_policy(text, out))
        return WEIR_OK;
    char echo[WEIR_ECHO_BUF_BYTES];
#define FORM(code, form, text) " " form ","
    return weir_error_set(err, WEIR_ERR_INVALID, "\"%s\" is no threshold policy; there are:%.*s",
                          weir_str_echo(text, echo, sizeof echo),
                          (int)sizeof WEIR_EVAL_POLICY_MAP(FORM) - 2, WEIR_EVAL_POLICY_MAP(FORM));
#undef FORM
}

/* --- choosing -------------------------------------------------------------------------------- */

struct counts {
    double tp, fp, fn, tn;
};

static double f_of(const struct counts *c, double beta)
{
    double b = beta * beta;
    double whole = (1 + b) * c->tp + c->fp + b * c->fn;
    return whole > 0 ? (1 + b) * c->tp / whole : 0;
}

static double mcc_of(const struct counts *c)
{
    double root = sqrt((c->tp + c->fp) * (c->tp + c->fn) * (c->tn + c->fp) * (c->tn + c->fn));
    return root > 0 ? (c->tp * c->tn - c->fp * c->fn) / root : 0;
}

/* What the policy makes large; −infinity: the threshold does not meet it. */
static double worth(const struct weir_eval_policy *policy, const struct counts *c)
{
    double tpr = c->tp / (c->tp + c->fn);
    double fpr = c->fp / (c->fp + c->tn);
    switch (policy->kind) {
    case WEIR_EVAL_POLICY_YOUDEN:
        return tpr - fpr;
    case WEIR_EVAL_POLICY_F1:
        return f_of(c, 1);
    case WEIR_EVAL_POLICY_FBETA:
        return f_of(c, policy->value);
    case WEIR_EVAL_POLICY_MCC:
        return mcc_of(c);
    case WEIR_EVAL_POLICY_TPR:
        return tpr >= policy->value ? -fpr : -(double)INFINITY;
    case WEIR_EVAL_POLICY_PRECISION:
        return c->tp + c->fp > 0 && c->tp >= policy->value * (c->tp + c->fp) ? tpr
                                                                             : -(double)INFINITY;
    case WEIR_EVAL_POLICY_COST:
        return -(policy->value * c->fp + policy->value_fn * c->fn);
    case WEIR_EVAL_POLICY_TOP:
        return c->tp + c->fp <= policy->value * (c->tp + c->fp + c->tn + c->fn) ? c->tp + c->fp
                                                                                : -(double)INFINITY;
    case WEIR_EVAL_POLICY_FIXED:
    case WEIR_EVAL_POLICY_FPR:
        break; /* chosen otherwise */
    }
    return 0;
}

static struct counts counts_at(const struct weir_eval_sweep *sweep, size_t n_above)
{
    double tp = n_above > 0 ? sweep->tp[n_above - 1] : 0;
    double fp = n_above > 0 ? sweep->fp[n_above - 1] : 0;
    return (struct counts){tp, fp, sweep->positives - tp, sweep->negatives - fp};
}

/* Describes the choice of the first n_above groups. */
static void describe(const struct weir_eval_sweep *sweep, size_t n_above, double objective,
                     struct weir_eval_policy_choice *out)
{
    struct counts c = counts_at(sweep, n_above);
    *out = (struct weir_eval_policy_choice){.observed = (double)INFINITY,
                                            .threshold = (double)INFINITY,
                                            .tp = c.tp,
                                            .fp = c.fp,
                                            .fn = c.fn,
                                            .tn = c.tn,
                                            .objective = objective};
    if (n_above == 0)
        return;
    out->observed = sweep->thresholds[n_above - 1];
    out->threshold = out->observed;
    if (n_above < sweep->n_groups) {
        double below = sweep->thresholds[n_above];
        double middle = below + (out->observed - below) / 2;
        out->threshold = middle > below ? middle : out->observed;
    }
}

static void choose_fixed(const struct weir_eval_sweep *sweep, double threshold,
                         struct weir_eval_policy_choice *out)
{
    size_t n_above = 0;
    while (n_above < sweep->n_groups && sweep->thresholds[n_above] >= threshold)
        n_above++;
    describe(sweep, n_above, 0, out);
    out->observed = threshold;
    out->threshold = threshold;
}

static bool keeps_fpr(const struct weir_eval_policy *policy, const struct counts *c)
{
    double rate = policy->confidence > 0
                      ? weir_eval_rates_upper((uint64_t)c->fp, (uint64_t)(c->fp + c->tn),
                                              1 - policy->confidence)
                      : c->fp / (c->fp + c->tn);
    return rate <= policy->value;
}

/* The rate and its limit rise with the groups: the last that keeps it is found by halving. Of those
 * with the same true positives the first is taken. */
static bool choose_fpr(const struct weir_eval_policy *policy, const struct weir_eval_sweep *sweep,
                       struct weir_eval_policy_choice *out)
{
    struct counts none = counts_at(sweep, 0);
    size_t low = 0;
    size_t high = sweep->n_groups;
    if (!keeps_fpr(policy, &none))
        return false;
    while (low < high) {
        size_t middle = high - (high - low) / 2;
        struct counts c = counts_at(sweep, middle);
        if (keeps_fpr(policy, &c))
            low = middle;
        else
            high = middle - 1;
    }
    while (low > 0 && counts_at(sweep, low - 1).tp == counts_at(sweep, low).tp)
        low--;
    describe(sweep, low, counts_at(sweep, low).tp / sweep->positives, out);
    return true;
}

static bool choose_best(const struct weir_eval_policy *policy, const struct weir_eval_sweep *sweep,
                        struct weir_eval_policy_choice *out)
{
    size_t best = 0;
    double best_worth = -(double)INFINITY;
    for (size_t n_above = 0; n_above <= sweep->n_groups; n_above++) {
        struct counts c = counts_at(sweep, n_above);
        double w = worth(policy, &c);
        if (w > best_worth) {
            best = n_above;
            best_worth = w;
        }
    }
    if (isinf(best_worth))
        return false;
    describe(sweep, best, best_worth, out);
    return true;
}

enum weir_status weir_eval_policy_choose(const struct weir_eval_policy *policy,
                                         const struct weir_eval_sweep *sweep,
                                         struct weir_eval_policy_choice *out,
                                         struct weir_error *err)
{
    weir_assert(policy);
    weir_assert(sweep);
    weir_assert(out);
    if (!(sweep->positives > 0) || !(sweep->negatives > 0))
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "a threshold is chosen from rows of both classes");
    if (policy->confidence > 0 && sweep->is_weighted)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "a confidence needs rows without weights");
    if (policy->kind == WEIR_EVAL_POLICY_FIXED) {
        choose_fixed(sweep, policy->value, out);
        return WEIR_OK;
    }
    bool is_met = policy->kind == WEIR_EVAL_POLICY_FPR ? choose_fpr(policy, sweep, out)
                                                       : choose_best(policy, sweep, out);
    return is_met ? WEIR_OK
                  : weir_error_set(err, WEIR_ERR_INVALID, "no threshold meets the policy");
}
