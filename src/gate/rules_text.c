/* SPDX-License-Identifier: MIT */
/* Rules in sentences: as written, with what each metric came to behind it. */
#include "base/macros.h"
#include "codec/json.h"
#include "codec/number.h"
#include "gate/rules_priv.h"

#include <math.h>
#include <stdio.h>

enum { DIGITS = 6, DIGITS_MAX = 17 };

struct printer {
    struct weir_buf *buf;
    const struct weir_gate_rules *rules;
    const struct weir_gate_rules_value *values;
    int digits;
};

static const struct weir_gate_rules_node *child(const struct printer *p,
                                                const struct weir_gate_rules_node *node)
{
    return &p->rules->nodes[node->first - 1];
}

static const struct weir_gate_rules_value *value_of(const struct printer *p,
                                                    const struct weir_gate_rules_node *node)
{
    return &p->values[node - p->rules->nodes];
}

static double rounded(double v, int digits)
{
    char text[WEIR_CODEC_NUMBER_BYTES_MAX];
    double back = v;
    int n = snprintf(text, sizeof text, "%.*g", digits, v);
    (void)weir_codec_number_read_f64(weir_str_make(text, (size_t)n), &back); /* inf stays. */
    return back;
}

/* How many digits show that a comparison came out as it did: "0.9 >= 0.9: false" says nothing. */
static int digits_of(const struct printer *p, const struct weir_gate_rules_node *compare)
{
    const struct weir_gate_rules_node *left = child(p, compare);
    double a = value_of(p, left)->number;
    double b = value_of(p, &p->rules->nodes[left->next - 1])->number;
    int digits = DIGITS;
    while (digits < DIGITS_MAX &&
           weir_gate_rules_compare(compare->op, rounded(a, digits), rounded(b, digits)) !=
               weir_gate_rules_compare(compare->op, a, b))
        digits++;
    return digits;
}

/* Appends what is written at a node in one line, without comments. */
static void append_written(struct weir_buf *buf, struct weir_str text)
{
    bool has_space = false;
    for (size_t i = 0; i < text.n; i++) {
        bool is_comment = text.at[i] == '#';
        while (is_comment && i + 1 < text.n && text.at[i] != '\n')
            i++;
        if (strchr(" \t\r\n", text.at[i])) {
            has_space = true;
            continue;
        }
        if (has_space && text.at[i] != ')' && buf->at[buf->n - 1] != '(')
            weir_buf_append_byte(buf, ' ');
        has_space = false;
        weir_buf_append_byte(buf, text.at[i]);
    }
}

static void append_leaf(struct printer *p, const struct weir_gate_rules_node *node)
{
    const struct weir_gate_rules_value *v = value_of(p, node);
    append_written(p->buf, weir_str_make(p->rules->text.at + node->at, node->n));
    if (node->kind == WEIR_GATE_RULES_NUMBER)
        return;
    weir_buf_append_byte(p->buf, ' ');
    if (weir_gate_rules_is_truth(node))
        weir_buf_append_c(p->buf, weir_gate_rules_result_name(v->truth));
    else if (isnan(v->number))
        weir_buf_append_c(p->buf, "unknown");
    else
        weir_buf_printf(p->buf, "%.*g", p->digits, v->number);
}

/* How tightly a node binds. */
static int precedence(const struct weir_gate_rules_node *node)
{
    switch (node->kind) {
    case WEIR_GATE_RULES_OR:
        return 1;
    case WEIR_GATE_RULES_AND:
        return 2;
    case WEIR_GATE_RULES_NOT:
        return 3;
    case WEIR_GATE_RULES_COMPARE:
        return 4;
    case WEIR_GATE_RULES_SUM:
        return 5;
    case WEIR_GATE_RULES_PRODUCT:
        return 6;
    case WEIR_GATE_RULES_NEGATE:
        return 7;
    case WEIR_GATE_RULES_DEFINED:
    case WEIR_GATE_RULES_NUMBER:
    case WEIR_GATE_RULES_METRIC:
    case WEIR_GATE_RULES_DIFFERENCE:
    case WEIR_GATE_RULES_CI_LOW:
    case WEIR_GATE_RULES_CI_HIGH:
    case WEIR_GATE_RULES_MIN:
    case WEIR_GATE_RULES_MAX:
    case WEIR_GATE_RULES_ABS:
        return 8;
    }
    return 8;
}

static void append_node(struct printer *p, const struct weir_gate_rules_node *node)
{
    int tight = precedence(node);
    if (tight == 8) {
        append_leaf(p, node);
        return;
    }
    if (node->kind == WEIR_GATE_RULES_NOT)
        weir_buf_append_c(p->buf, "not ");
    if (node->kind == WEIR_GATE_RULES_NEGATE)
        weir_buf_append_byte(p->buf, '-');
    if (node->kind == WEIR_GATE_RULES_COMPARE)
        p->digits = digits_of(p, node);
    const char *word = node->kind == WEIR_GATE_RULES_OR    ? "or"
                       : node->kind == WEIR_GATE_RULES_AND ? "and"
                                                           : NULL;
    for (uint32_t i = node->first; i; i = p->rules->nodes[i - 1].next) {
        const struct weir_gate_rules_node *member = &p->rules->nodes[i - 1];
        if (i != node->first)
            weir_buf_printf(
                p->buf, " %s ",
                word ? word
                     : weir_gate_rules_operator_text(
                           node->kind == WEIR_GATE_RULES_COMPARE ? node->op : member->op));
        bool is_inside = precedence(member) <= tight;
        if (is_inside)
            weir_buf_append_byte(p->buf, '(');
        append_node(p, member);
        if (is_inside)
            weir_buf_append_byte(p->buf, ')');
    }
}

void weir_gate_rules_text_append(struct weir_buf *buf, const struct weir_gate_rules *rules,
                                 const struct weir_gate_rules_value *values,
                                 const struct weir_gate_rules_outcome *outcome)
{
    struct printer p = {.buf = buf, .rules = rules, .values = values, .digits = DIGITS};
    const struct weir_gate_rule *rule = outcome->rule;
    if (values) {
        append_node(&p, &rules->nodes[rule->node]);
        if (rule->slice.n > 0) {
            weir_buf_append_c(buf, " @ ");
            weir_buf_append_str(buf, rule->slice);
        }
    } else {
        append_written(buf, rule->text);
    }
    weir_buf_append_c(buf, ": ");
    weir_buf_append_c(buf, weir_gate_rules_result_name(outcome->result));
    if (outcome->why)
        weir_buf_printf(buf, " (%s)", outcome->why);
}

/* --- documents -------------------------------------------------------------------------------- */

static void put(struct weir_buf *buf, const char *name, struct weir_str text)
{
    if (text.n == 0)
        return;
    weir_buf_printf(buf, ",\"%s\":", name);
    weir_codec_json_append_text(buf, text);
}

static void put_number(struct weir_buf *buf, const char *name, double v)
{
    if (isnan(v))
        return;
    weir_buf_printf(buf, ",\"%s\":", name);
    weir_codec_number_append_f64(buf, v, WEIR_CODEC_NUMBER_NONFINITE_NULL);
}

void weir_gate_rules_append(const struct weir_gate_rules_judgement *judgement, struct weir_buf *buf)
{
    weir_assert(judgement);
    weir_buf_append_byte(buf, '[');
    for (size_t i = 0; i < judgement->n_outcomes; i++) {
        const struct weir_gate_rules_outcome *o = &judgement->outcomes[i];
        weir_buf_append_c(buf, i > 0 ? ",{\"text\":" : "{\"text\":");
        weir_codec_json_append_text(buf, o->rule->text);
        put(buf, "name", o->rule->name);
        put(buf, "severity", weir_str_c(weir_gate_rules_severity_name(o->rule->severity)));
        put(buf, "slice", o->rule->slice);
        put(buf, "result", weir_str_c(weir_gate_rules_result_name(o->result)));
        put_number(buf, "candidate", o->candidate);
        put_number(buf, "live", o->live);
        if (o->has_interval) {
            weir_buf_append_c(buf, ",\"ci\":[");
            weir_codec_number_append_f64(buf, o->low, WEIR_CODEC_NUMBER_NONFINITE_NULL);
            weir_buf_append_byte(buf, ',');
            weir_codec_number_append_f64(buf, o->high, WEIR_CODEC_NUMBER_NONFINITE_NULL);
            weir_buf_append_byte(buf, ']');
        }
        put(buf, "why", weir_str_c(o->why));
        put(buf, "sentence", weir_str_c(o->sentence));
        weir_buf_append_byte(buf, '}');
    }
    weir_buf_append_byte(buf, ']');
}

const char *weir_gate_rules_severity_name(enum weir_gate_rules_severity severity)
{
    static const char *const names[] = {
#define NAME(code, name) [WEIR_GATE_RULES_##code] = name,
        WEIR_GATE_RULES_SEVERITY_MAP(NAME)};
    return names[severity];
}

const char *weir_gate_rules_result_name(enum weir_gate_rules_result result)
{
    static const char *const names[] = {WEIR_GATE_RULES_RESULT_MAP(NAME)};
    return names[result];
}

const char *weir_gate_rules_verdict_name(enum weir_gate_rules_verdict verdict)
{
    static const char *const names[] = {WEIR_GATE_RULES_VERDICT_MAP(NAME)};
    return names[verdict];
}
