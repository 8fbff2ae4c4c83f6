/* SPDX-License-Identifier: MIT */
/* An evaluation, a comparison of two, or a gate's verdict as one HTML file: nothing is fetched,
 * nothing runs. */
#ifndef WEIR_GATE_REPORT_H
#define WEIR_GATE_REPORT_H

#include "gate/document.h"

struct weir_gate_compare;
struct weir_gate_rules_judgement;

/* A model on the rows. */
struct weir_gate_report_side {
    const struct weir_gate_evaluation *evaluation; /* NULL: there is none */
    const struct weir_gate_source *source;
};

/* A number that is not of the evaluation: a latency. */
struct weir_gate_report_number {
    const char *name; /* "latency.p99_ms" */
    double candidate; /* NaN: undefined */
    double live;      /* NaN: undefined, or there is none */
};

/* What a report tells; empty texts and NULL are left out. All is borrowed during the call. */
struct weir_gate_report {
    struct weir_gate_report_side candidate;  /* the judged model, or the only one; must be there */
    struct weir_gate_report_side live;       /* on the same rows */
    struct weir_str candidate_name;          /* beside another; empty: "candidate" */
    struct weir_str live_name;               /* empty: "live"; "baseline" */
    const struct weir_gate_compare *compare; /* of both */
    const struct weir_gate_rules_judgement *rules; /* of the candidate */
    const struct weir_gate_report_number *numbers; /* n_numbers more of them */
    size_t n_numbers;
    struct weir_str verdict; /* "pass", "fail", "inconclusive" */
    struct weir_str code;    /* of the verdict: "rule_failed" */
    struct weir_str reason;  /* a sentence */
    uint64_t holdout_uses;   /* candidates judged on these rows so far; 0: not known */
    struct weir_str begun;   /* RFC 3339 */
    struct weir_str command; /* that repeats it */
};

/* Appends the page: verdict and key numbers, rules, drawings with both models' curves, confusion
 * matrices, thresholds, all numbers with their differences, classes. Names of classes, columns and
 * files are escaped. Look at weir_buf_ok afterwards. */
void weir_gate_report_append(struct weir_buf *buf, const struct weir_gate_report *report);

#endif
