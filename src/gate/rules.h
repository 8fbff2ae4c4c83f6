/* SPDX-License-Identifier: MIT */
/* Rules: what must hold of an evaluation before a model may serve.
 *
 * A text of rules is parsed once into an immutable list and judged against facts, which the caller
 * gives as a table of functions. conf/rules.md has the language. A rule is true, false, unknown (a
 * number it needs is not defined) or skipped (it needs a live version and there is none). not, and,
 * or are Kleene's: unknown or true is true, unknown and true is unknown.
 *
 * Threads: any; a list may be judged by several at once. */
#ifndef WEIR_GATE_RULES_H
#define WEIR_GATE_RULES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "gate/metric.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEIR_GATE_RULES_BYTES_MAX = 64 << 10, /* of a text */
    WEIR_GATE_RULES_DEPTH_MAX = 32,       /* parentheses and functions inside each other */
    WEIR_GATE_RULES_WHY_BYTES = 160,      /* why a number is not defined, NUL included */
};

/* --- names ------------------------------------------------------------------------------------ */

/* What is known of a metric beside gate/metric.h's traits. */
enum weir_gate_rules_trait {
    WEIR_GATE_RULES_WHOLE = 1 << 16,   /* is not measured by slice */
    WEIR_GATE_RULES_LATENCY = 1 << 17, /* needs the latency to be measured */
    WEIR_GATE_RULES_OF_PAIR = 1 << 18, /* of both versions together: needs a live one */
};

/* Returns the metrics that are known beside those of gate/metric.h, borrowed for ever: what is
 * measured around an evaluation. */
const struct weir_gate_metric_kind *weir_gate_rules_extras(size_t *n);

/* --- a list of rules -------------------------------------------------------------------------- */

#define WEIR_GATE_RULES_SEVERITY_MAP(X) X(MUST, "must") X(WARN, "warn") X(DRYRUN, "dryrun")

/* What follows when a rule is not true. */
enum weir_gate_rules_severity {
#define WEIR_GATE_RULES_SEVERITY_ENUM(code, name) WEIR_GATE_RULES_##code,
    WEIR_GATE_RULES_SEVERITY_MAP(WEIR_GATE_RULES_SEVERITY_ENUM)
#undef WEIR_GATE_RULES_SEVERITY_ENUM
};
enum { WEIR_GATE_RULES_SEVERITIES = 3 };

enum weir_gate_rules_side {
    WEIR_GATE_RULES_CANDIDATE,
    WEIR_GATE_RULES_LIVE,
    WEIR_GATE_RULES_DELTA, /* candidate - live on the same rows; of intervals only */
};

/* A number that a rule names. */
struct weir_gate_rules_ask {
    const struct weir_gate_metric_kind *metric; /* of gate/metric.h, or of the extras */
    enum weir_gate_rules_side side;
    struct weir_str class_name; /* "cat" of recall[cat]; n == 0: none */
    bool has_at;
    double at;             /* 0.5 of recall@0.5 */
    struct weir_str slice; /* "country=CN"; n == 0: all rows */
    bool is_interval;      /* its interval is asked for, else its value */
};

struct weir_gate_rule {
    enum weir_gate_rules_severity severity;
    struct weir_str name;  /* n == 0: none */
    struct weir_str text;  /* as written, without severity, name and comments at its end */
    struct weir_str slice; /* n == 0: all rows */
    uint32_t line;         /* where it begins, from 1 */
    bool needs_live;       /* names live. or delta */
    uint32_t node;         /* for the rules' own files */
    uint32_t first_ask;    /* its asks are asks[first_ask … first_ask + n_asks) */
    uint32_t n_asks;
};

struct weir_gate_rules_node;

/* A parsed text. All is constant and lives as long as the list; names of metrics as long as their
 * tables. */
struct weir_gate_rules {
    struct weir_gate_rule *rules;
    size_t n_rules;
    struct weir_gate_rules_ask *asks; /* all numbers that rules name, in order */
    size_t n_asks;
    struct weir_gate_rules_node *nodes;
    size_t n_nodes;
    struct weir_str text; /* what views look into */
    struct weir_mem *mem;
};

/* Parses a text of 1 … WEIR_GATE_RULES_BYTES_MAX bytes; nothing of it is kept. line is that of its
 * first line in the file it is from (1). Known are the metrics of gate/metric.h and n_extras
 * others, borrowed for the life of the list. WEIR_ERR_INVALID: it is not rules, names a metric that
 * is not known, or has no rule at all (a cut file must not pass everything); the message begins
 * with "line L, column C: " (characters, from 1). WEIR_ERR_LIMIT: too long or too deep;
 * WEIR_ERR_NO_MEMORY. *rules is then as zeroed. */
WEIR_MUST_USE enum weir_status weir_gate_rules_parse(struct weir_gate_rules *rules,
                                                     struct weir_str text, uint32_t line,
                                                     const struct weir_gate_metric_kind *extras,
                                                     size_t n_extras, struct weir_error *err);
void weir_gate_rules_deinit(struct weir_gate_rules *rules);

/* What must be measured before rules can be judged. */
struct weir_gate_rules_needs {
    bool absolute; /* a rule names no live version */
    bool live;     /* a rule names the live version */
    /* Of the rules that can be judged: */
    bool latency;         /* the candidate's */
    bool live_latency;    /* the live version's */
    bool intervals;       /* of one version's numbers */
    bool delta_intervals; /* of differences */
    bool bootstrap;       /* an interval among them takes one */
    bool slices;          /* see weir_gate_rules_slice */
};

/* Finds what is needed. Without a live version, rules that name it cannot be judged. What exactly
 * is asked for is in rules->asks. */
struct weir_gate_rules_needs weir_gate_rules_needs(const struct weir_gate_rules *rules,
                                                   bool has_live);

/* Returns the i-th slice that rules name, each once, valid as long as rules; n == 0: there are not
 * so many. */
struct weir_str weir_gate_rules_slice(const struct weir_gate_rules *rules, size_t i);

/* --- judging ---------------------------------------------------------------------------------- */

/* What rules are judged against. */
struct weir_gate_rules_facts {
    void *ctx;
    bool has_live; /* a live version was measured */
    /* Finds a number (side CANDIDATE or LIVE). false, or true with NaN: it is not defined; why then
     * says so ("only one class is there"), NUL-terminated. */
    bool (*value)(void *ctx, const struct weir_gate_rules_ask *ask, double *value,
                  char why[WEIR_GATE_RULES_WHY_BYTES]);
    /* Finds the interval of a number or, side DELTA, of its difference. As above. */
    bool (*interval)(void *ctx, const struct weir_gate_rules_ask *ask, double *low, double *high,
                     char why[WEIR_GATE_RULES_WHY_BYTES]);
};

#define WEIR_GATE_RULES_RESULT_MAP(X) \
    X(FALSE, "false") X(TRUE, "true") X(UNKNOWN, "unknown") X(SKIPPED, "skipped")

enum weir_gate_rules_result {
#define WEIR_GATE_RULES_RESULT_ENUM(code, name) WEIR_GATE_RULES_##code,
    WEIR_GATE_RULES_RESULT_MAP(WEIR_GATE_RULES_RESULT_ENUM)
#undef WEIR_GATE_RULES_RESULT_ENUM
};
enum { WEIR_GATE_RULES_RESULTS = 4 };

/* What one rule came to. Texts live as long as the judgement. */
struct weir_gate_rules_outcome {
    const struct weir_gate_rule *rule;
    enum weir_gate_rules_result result;
    /* Of the first metric that the rule names: both versions' numbers; NaN: not there. */
    double candidate;
    double live;
    bool has_interval; /* the rule asked for one: the first */
    double low, high;
    const char *why;      /* unknown, skipped: because of this; else NULL */
    const char *sentence; /* "roc_auc 0.9312 >= 0.9: true" */
};

#define WEIR_GATE_RULES_VERDICT_MAP(X) \
    X(PASS, "pass") X(FAIL, "fail") X(INCONCLUSIVE, "inconclusive")

enum weir_gate_rules_verdict {
#define WEIR_GATE_RULES_VERDICT_ENUM(code, name) WEIR_GATE_RULES_##code,
    WEIR_GATE_RULES_VERDICT_MAP(WEIR_GATE_RULES_VERDICT_ENUM)
#undef WEIR_GATE_RULES_VERDICT_ENUM
};

struct weir_gate_rules_judgement {
    /* Over the rules of each severity: FAIL, one is false; else INCONCLUSIVE, one is unknown; else
     * PASS, also without any. verdict is that of the must rules, the only ones that count. */
    enum weir_gate_rules_verdict verdict;
    enum weir_gate_rules_verdict by_severity[WEIR_GATE_RULES_SEVERITIES];
    uint32_t counts[WEIR_GATE_RULES_SEVERITIES][WEIR_GATE_RULES_RESULTS];
    /* Must rules that are true and name no live version. 0 and no live version: nothing speaks for
     * the candidate, the caller decides what to do with a first one. */
    uint32_t n_absolute_passed;
    const char *reason; /* a sentence: the first rule that decided, and how many more */
    struct weir_gate_rules_outcome *outcomes; /* one for each rule, in order */
    size_t n_outcomes;
    struct weir_arena arena; /* what all of it lives in */
};

/* Judges all rules. WEIR_ERR_NO_MEMORY: *judgement is as zeroed. rules must outlive it. */
WEIR_MUST_USE enum weir_status weir_gate_rules_judge(const struct weir_gate_rules *rules,
                                                     const struct weir_gate_rules_facts *facts,
                                                     struct weir_gate_rules_judgement *judgement,
                                                     struct weir_error *err);
void weir_gate_rules_judgement_deinit(struct weir_gate_rules_judgement *judgement);

/* Appends the outcomes as a JSON array of {"text","name","severity","slice","result","candidate",
 * "live","ci","why","sentence"}, without what a rule does not have. */
void weir_gate_rules_append(const struct weir_gate_rules_judgement *judgement,
                            struct weir_buf *buf);

/* Returns "must", "true", "pass", … borrowed for ever. */
const char *weir_gate_rules_severity_name(enum weir_gate_rules_severity severity);
const char *weir_gate_rules_result_name(enum weir_gate_rules_result result);
const char *weir_gate_rules_verdict_name(enum weir_gate_rules_verdict verdict);

#endif
