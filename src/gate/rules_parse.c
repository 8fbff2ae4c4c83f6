/* SPDX-License-Identifier: MIT */
/* A file of rules:
 *
 *   file = { [severity] [name ":"] expression ["@" slice] (";" | end of line) }
 *
 * rules_tree.c has the expression. */
#include "base/macros.h"
#include "codec/utf8.h"
#include "gate/rules_priv.h"

enum { NAME_BYTES_MAX = 128 };

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* Takes "name:" if it is next. */
static enum weir_status parse_name(struct weir_gate_rules_parser *p, struct weir_str *name)
{
    struct weir_gate_rules_scan *s = &p->scan;
    size_t begin = s->at;
    size_t end = begin;
    while (end < s->text.n && is_name_byte(s->text.at[end]))
        end++;
    size_t at = end;
    while (at < s->text.n && (s->text.at[at] == ' ' || s->text.at[at] == '\t'))
        at++;
    if (end == begin || at == s->text.n || s->text.at[at] != ':')
        return WEIR_OK;
    *name = weir_str_make(s->text.at + begin, end - begin);
    if (name->n > NAME_BYTES_MAX)
        return weir_gate_rules_scan_fail(s, begin, "a name has at most %d characters",
                                         NAME_BYTES_MAX);
    for (int i = 0; i < WEIR_GATE_RULES_SEVERITIES; i++) {
        if (weir_str_eq_c(*name, weir_gate_rules_severity_name((enum weir_gate_rules_severity)i)))
            return weir_gate_rules_scan_fail(s, at, "no ':' after '%.*s'", WEIR_STR_ARG(*name));
    }
    for (size_t i = 0; i < p->n_rules; i++) {
        if (weir_str_eq(p->rules[i].name, *name))
            return weir_gate_rules_scan_fail(s, begin, "the name '%.*s' is that of line %u already",
                                             WEIR_STR_ARG(*name), p->rules[i].line);
    }
    s->at = at + 1;
    weir_gate_rules_scan_space(s);
    return WEIR_OK;
}

/* Takes a severity if one is next that is not a name. */
static enum weir_gate_rules_severity parse_severity(struct weir_gate_rules_parser *p)
{
    struct weir_gate_rules_scan *s = &p->scan;
    for (int i = 0; i < WEIR_GATE_RULES_SEVERITIES; i++) {
        size_t at = s->at;
        enum weir_gate_rules_severity severity = (enum weir_gate_rules_severity)i;
        if (!weir_gate_rules_scan_take_word(s, weir_gate_rules_severity_name(severity)))
            continue;
        weir_gate_rules_scan_space(s);
        if (weir_gate_rules_scan_peek(s) != ':')
            return severity;
        s->at = at;
    }
    return WEIR_GATE_RULES_MUST;
}

/* "@ slice" behind a rule: all that the rule names is asked of that slice. */
static enum weir_status parse_slice(struct weir_gate_rules_parser *p, struct weir_gate_rule *rule)
{
    struct weir_gate_rules_scan *s = &p->scan;
    size_t at = s->at;
    if (!weir_gate_rules_scan_take(s, '@'))
        return WEIR_OK;
    enum weir_status status =
        weir_gate_rules_scan_text(s, '\0', "a slice such as country=CN", &rule->slice);
    if (status != WEIR_OK)
        return status;
    if (!memchr(rule->slice.at, '=', rule->slice.n))
        return weir_gate_rules_scan_fail(s, at, "expected a slice such as '@ country=CN'");
    for (size_t i = rule->first_ask; i < p->n_asks; i++) {
        if (p->asks[i].metric->traits & WEIR_GATE_RULES_WHOLE)
            return weir_gate_rules_scan_fail(s, at, "%s is not measured by slice",
                                             p->asks[i].metric->name);
        p->asks[i].slice = rule->slice;
    }
    return WEIR_OK;
}

static enum weir_status parse_rule(struct weir_gate_rules_parser *p)
{
    struct weir_gate_rules_scan *s = &p->scan;
    struct weir_gate_rule rule = {.line = weir_gate_rules_scan_line(s, s->at),
                                  .first_ask = (uint32_t)p->n_asks};
    p->depth = 0;
    p->needs_live = false;
    rule.severity = parse_severity(p);
    enum weir_status status = parse_name(p, &rule.name);
    size_t begin = s->at;
    if (status == WEIR_OK)
        status = weir_gate_rules_tree_parse(p, &rule.node);
    size_t end = s->at;
    if (status != WEIR_OK)
        return status;
    weir_gate_rules_scan_space(s);
    if (weir_gate_rules_scan_peek(s) == '@') {
        status = parse_slice(p, &rule);
        end = s->at;
        weir_gate_rules_scan_space(s);
    }
    if (status != WEIR_OK)
        return status;
    if (s->at < s->text.n && s->text.at[s->at] != '\n' && s->text.at[s->at] != ';')
        return weir_gate_rules_scan_expected(s, rule.slice.n > 0
                                                    ? "the end of the rule"
                                                    : "an operator, '@' or the end of the rule");
    rule.text = weir_str_trim(weir_str_make(s->text.at + begin, end - begin));
    rule.needs_live = p->needs_live;
    rule.n_asks = (uint32_t)p->n_asks - rule.first_ask;
    status = weir_gate_rules_tree_grow(p, &p->rules, p->n_rules, &p->cap_rules, sizeof *p->rules);
    if (status == WEIR_OK)
        p->rules[p->n_rules++] = rule;
    return status;
}

static enum weir_status parse_file(struct weir_gate_rules_parser *p)
{
    struct weir_gate_rules_scan *s = &p->scan;
    enum weir_status status = WEIR_OK;
    while (status == WEIR_OK) {
        weir_gate_rules_scan_space(s);
        if (s->at == s->text.n)
            break;
        if (!weir_gate_rules_scan_take(s, '\n') && !weir_gate_rules_scan_take(s, ';'))
            status = parse_rule(p);
    }
    if (status == WEIR_OK && p->n_rules == 0)
        return weir_gate_rules_scan_expected(s, "a rule");
    return status;
}

/* Names and slices go into documents and on terminals. */
static enum weir_status check_text(const struct weir_gate_rules_scan *s)
{
    size_t n_valid = weir_codec_utf8_valid_bytes(s->text, WEIR_CODEC_UTF8_STRICT);
    if (n_valid < s->text.n)
        return weir_gate_rules_scan_fail(s, n_valid, "not UTF-8");
    for (size_t i = 0; i < s->text.n; i++) {
        unsigned char c = (unsigned char)s->text.at[i];
        if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return weir_gate_rules_scan_fail(s, i, "a control character");
    }
    return WEIR_OK;
}

enum weir_status weir_gate_rules_parse(struct weir_gate_rules *rules, struct weir_str text,
                                       uint32_t line, const struct weir_gate_metric_kind *extras,
                                       size_t n_extras, struct weir_error *err)
{
    weir_assert(rules);
    weir_assert(n_extras == 0 || extras);
    *rules = (struct weir_gate_rules){.mem = weir_mem_default()};
    if (text.n > WEIR_GATE_RULES_BYTES_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "rules are longer than %d bytes",
                              WEIR_GATE_RULES_BYTES_MAX);
    char *copy = weir_mem_strndup(rules->mem, text.n > 0 ? text.at : "", text.n);
    if (!copy)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    rules->text = weir_str_make(copy, text.n);
    struct weir_gate_rules_parser p = {.scan = {.text = rules->text, .line = line, .err = err},
                                       .extras = extras,
                                       .n_extras = n_extras,
                                       .mem = rules->mem};
    enum weir_status status = check_text(&p.scan);
    if (status == WEIR_OK)
        status = parse_file(&p);
    rules->rules = p.rules;
    rules->n_rules = p.n_rules;
    rules->asks = p.asks;
    rules->n_asks = p.n_asks;
    rules->nodes = p.nodes;
    rules->n_nodes = p.n_nodes;
    if (status != WEIR_OK)
        weir_gate_rules_deinit(rules);
    return status;
}
