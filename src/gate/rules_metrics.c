/* SPDX-License-Identifier: MIT */
/* The metrics that rules may name: those of gate/evaluation.h, counts of rows, and what is measured
 * around an evaluation. */
#include "base/macros.h"
#include "gate/rules.h"

enum {
    CLASS = WEIR_GATE_RULES_BY_CLASS,
    AT = WEIR_GATE_RULES_BY_THRESHOLD,
    ANALYTIC = WEIR_GATE_RULES_ANALYTIC,
    ROWS = WEIR_GATE_RULES_ONE_SIDED,
    HOLDOUT = WEIR_GATE_RULES_ONE_SIDED | WEIR_GATE_RULES_WHOLE,
    LATENCY = WEIR_GATE_RULES_LATENCY | WEIR_GATE_RULES_WHOLE,
};

static const struct weir_gate_rules_metric metrics[] = {
    /* two classes, ranked */
    {"roc_auc", CLASS | ANALYTIC},
    {"gini", 0},
    {"roc_auc_fpr_0.1", 0},
    {"average_precision", 0},
    {"ks", 0},
    /* many classes, ranked */
    {"roc_auc_ovr_macro", 0},
    {"roc_auc_ovr_macro_present", 0},
    {"roc_auc_ovr_weighted", 0},
    {"roc_auc_ovr_micro", 0},
    {"roc_auc_ovo_macro", 0},
    {"roc_auc_ovo_weighted", 0},
    /* probabilities */
    {"log_loss", 0},
    {"brier", 0},
    {"spiegelhalter_z", 0},
    {"ece", 0},
    {"mce", 0},
    /* decisions */
    {"accuracy", AT},
    {"balanced_accuracy", AT},
    {"precision", CLASS | AT},
    {"recall", CLASS | AT},
    {"f1", CLASS | AT},
    {"fbeta", 0},
    {"specificity", CLASS | AT},
    {"fpr", CLASS | AT},
    {"npv", CLASS | AT},
    {"precision_macro", 0},
    {"recall_macro", 0},
    {"f1_macro", 0},
    {"precision_weighted", 0},
    {"recall_weighted", 0},
    {"f1_weighted", 0},
    {"precision_micro", 0},
    {"recall_micro", 0},
    {"f1_micro", 0},
    {"mcc", AT},
    {"kappa", AT},
    /* numbers */
    {"mse", 0},
    {"rmse", 0},
    {"mae", 0},
    {"median_ae", 0},
    {"max_error", 0},
    {"mape", 0},
    {"r2", 0},
    {"explained_variance", 0},
    {"pinball", 0},
    {"poisson_deviance", 0},
    {"gamma_deviance", 0},
    /* rows */
    {"n_rows", ROWS},
    {"n_pos", ROWS},
    {"n_neg", ROWS},
    {"n_unlabeled", HOLDOUT},
    {"n_invalid", 0},
    {"n_refused", WEIR_GATE_RULES_WHOLE},
    {"support", CLASS | ROWS},
    /* around it */
    {"holdout.uses", HOLDOUT},
    {"disagreement", WEIR_GATE_RULES_ONE_SIDED},
    {"latency.mean_ms", LATENCY},
    {"latency.p50_ms", LATENCY},
    {"latency.p90_ms", LATENCY},
    {"latency.p95_ms", LATENCY},
    {"latency.p99_ms", LATENCY},
    {"latency.batch32.mean_ms", LATENCY},
    {"latency.batch32.p50_ms", LATENCY},
    {"latency.batch32.p90_ms", LATENCY},
    {"latency.batch32.p95_ms", LATENCY},
    {"latency.batch32.p99_ms", LATENCY},
};

const struct weir_gate_rules_metric *weir_gate_rules_metrics(size_t *n)
{
    weir_assert(n);
    *n = WEIR_ARRAY_LEN(metrics);
    return metrics;
}
