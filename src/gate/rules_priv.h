/* SPDX-License-Identifier: MIT */
/* The tree of a rule, between the files that parse, judge and show it. */
#ifndef WEIR_GATE_RULES_PRIV_H
#define WEIR_GATE_RULES_PRIV_H

#include "gate/rules.h"

enum weir_gate_rules_kind {
    /* truths */
    WEIR_GATE_RULES_OR,
    WEIR_GATE_RULES_AND,
    WEIR_GATE_RULES_NOT,
    WEIR_GATE_RULES_COMPARE,
    WEIR_GATE_RULES_DEFINED,
    /* numbers */
    WEIR_GATE_RULES_SUM,
    WEIR_GATE_RULES_PRODUCT,
    WEIR_GATE_RULES_NEGATE,
    WEIR_GATE_RULES_NUMBER,
    WEIR_GATE_RULES_METRIC,
    WEIR_GATE_RULES_DIFFERENCE, /* delta(child) */
    WEIR_GATE_RULES_CI_LOW,     /* of ask */
    WEIR_GATE_RULES_CI_HIGH,
    WEIR_GATE_RULES_MIN,
    WEIR_GATE_RULES_MAX,
    WEIR_GATE_RULES_ABS,
};

enum weir_gate_rules_operator {
    WEIR_GATE_RULES_NONE,
    WEIR_GATE_RULES_GE,
    WEIR_GATE_RULES_LE,
    WEIR_GATE_RULES_GT,
    WEIR_GATE_RULES_LT,
    WEIR_GATE_RULES_EQ,
    WEIR_GATE_RULES_NE,
    WEIR_GATE_RULES_PLUS,
    WEIR_GATE_RULES_MINUS,
    WEIR_GATE_RULES_TIMES,
    WEIR_GATE_RULES_OVER,
};

/* A chain of any length (a + b - c) is one node, so that the tree is as deep as its text's
 * parentheses. */
struct weir_gate_rules_node {
    enum weir_gate_rules_kind kind;
    enum weir_gate_rules_operator op; /* of a COMPARE; in a chain, the one before this member */
    uint32_t first;                   /* child, index + 1; 0: none */
    uint32_t next;                    /* sibling, index + 1 */
    uint32_t at, n;                   /* where it is written, without parentheses around it */
    uint32_t ask;                     /* METRIC, CI_*: its index */
    double number;                    /* NUMBER */
};

/* Finds whether a node gives a truth, not a number. */
static inline bool weir_gate_rules_is_truth(const struct weir_gate_rules_node *node)
{
    return node->kind <= WEIR_GATE_RULES_DEFINED;
}

/* Returns how an operator is written. */
const char *weir_gate_rules_operator_text(enum weir_gate_rules_operator op);

/* Finds whether a number compares to another as an operator says (GE … NE). */
static inline bool weir_gate_rules_compare(enum weir_gate_rules_operator op, double a, double b)
{
    return op == WEIR_GATE_RULES_GE   ? a >= b
           : op == WEIR_GATE_RULES_LE ? a <= b
           : op == WEIR_GATE_RULES_GT ? a > b
           : op == WEIR_GATE_RULES_LT ? a < b
           : op == WEIR_GATE_RULES_EQ ? a == b
                                      : a != b;
}

/* --- scanning, between rules_scan.c and rules_parse.c ----------------------------------------- */

/* A text while it is parsed. */
struct weir_gate_rules_scan {
    struct weir_str text;
    size_t at;
    uint32_t line;   /* of the text's first line in its file */
    uint32_t n_open; /* parentheses that are open: a line may end inside them */
    struct weir_error *err;
};

/* Sets a message with its place and returns WEIR_ERR_INVALID. */
enum weir_status weir_gate_rules_scan_fail(const struct weir_gate_rules_scan *scan, size_t at,
                                           const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As above: "expected WHAT, found …". */
enum weir_status weir_gate_rules_scan_expected(const struct weir_gate_rules_scan *scan,
                                               const char *what);

/* Returns the line of a place. */
uint32_t weir_gate_rules_scan_line(const struct weir_gate_rules_scan *scan, size_t at);

/* Skips blanks and comments, and ends of lines inside parentheses. */
void weir_gate_rules_scan_space(struct weir_gate_rules_scan *scan);

/* Returns the next byte, 0 at the end. */
static inline char weir_gate_rules_scan_peek(const struct weir_gate_rules_scan *scan)
{
    return scan->at < scan->text.n ? scan->text.at[scan->at] : '\0';
}

/* Takes c if it is next. */
static inline bool weir_gate_rules_scan_take(struct weir_gate_rules_scan *scan, char c)
{
    bool is_next = scan->at < scan->text.n && scan->text.at[scan->at] == c;
    scan->at += is_next;
    return is_next;
}

/* Returns the word that is next, dots inside it, without taking it; n == 0: none. */
struct weir_str weir_gate_rules_scan_word(const struct weir_gate_rules_scan *scan);

/* Takes a word if it is next as a whole. */
bool weir_gate_rules_scan_take_word(struct weir_gate_rules_scan *scan, const char *word);

/* Takes an operator if one is next, of comparisons, sums or products; NONE: none is. */
enum weir_gate_rules_operator weir_gate_rules_scan_operator(struct weir_gate_rules_scan *scan,
                                                            enum weir_gate_rules_operator from,
                                                            enum weir_gate_rules_operator to);

/* Takes a number, with a percent sign where takes_percent. */
WEIR_MUST_USE enum weir_status weir_gate_rules_scan_number(struct weir_gate_rules_scan *scan,
                                                           bool takes_percent, double *out);

/* Takes the text up to end (']', or 0: the end of the rule) or, quoted, up to its second quote;
 * trimmed, not empty. what names it in messages. */
WEIR_MUST_USE enum weir_status weir_gate_rules_scan_text(struct weir_gate_rules_scan *scan,
                                                         char end, const char *what,
                                                         struct weir_str *out);

/* --- parsing, between rules_parse.c and rules_tree.c ------------------------------------------ */

struct weir_gate_rules_parser {
    struct weir_gate_rules_scan scan;
    const struct weir_gate_metric_kind *extras; /* known beside gate/metric.h */
    size_t n_extras;
    struct weir_gate_rules_node *nodes;
    size_t n_nodes, cap_nodes;
    struct weir_gate_rules_ask *asks;
    size_t n_asks, cap_asks;
    struct weir_gate_rule *rules;
    size_t n_rules, cap_rules;
    uint32_t depth;
    bool in_delta;
    bool needs_live; /* of the rule */
    struct weir_mem *mem;
};

/* Makes room for one more item of size bytes at the end of a list of n. */
WEIR_MUST_USE enum weir_status weir_gate_rules_tree_grow(struct weir_gate_rules_parser *p,
                                                         void *list, size_t n, size_t *cap,
                                                         size_t size);

/* Takes an expression that gives a truth; *out is its node. */
WEIR_MUST_USE enum weir_status weir_gate_rules_tree_parse(struct weir_gate_rules_parser *p,
                                                          uint32_t *out);

/* --- judging, between rules.c and rules_text.c ------------------------------------------------ */

/* What a node came to. */
struct weir_gate_rules_value {
    enum weir_gate_rules_result truth; /* of truths: FALSE, TRUE, UNKNOWN */
    double number;                     /* of numbers; NaN: not defined */
    const char *why;                   /* not defined, UNKNOWN: because of this */
};

/* Appends the sentence about a rule to buf. values[i] is that of rules->nodes[i]; NULL: the rule
 * was skipped. */
void weir_gate_rules_text_append(struct weir_buf *buf, const struct weir_gate_rules *rules,
                                 const struct weir_gate_rules_value *values,
                                 const struct weir_gate_rules_outcome *outcome);

#endif
