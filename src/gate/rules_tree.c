/* SPDX-License-Identifier: MIT */
/* A rule's expression from text to tree, by recursive descent:
 *
 *   or    = and {"or" and}; and = not {"and" not}; not = ["not"] compare
 *   compare = sum [(">=" | "<=" | ">" | "<" | "==" | "!=") sum]
 *   sum   = product {("+" | "-") product}; product = unary {("*" | "/") unary}; unary = ["-"] atom
 *   atom  = number ["%"] | ["live."] metric | function "(" or {"," or} ")" | "(" or ")"
 *   metric = word ["[" class "]"] ["@" number]
 *
 * Truths and numbers are told apart here, so that judging needs no checks. A chain is one node;
 * what recurses is bounded by the depth of parentheses. */
#include "base/macros.h"
#include "base/near.h"
#include "gate/rules_priv.h"

enum { ROOM_FIRST = 16 };

typedef enum weir_status parse_fn(struct weir_gate_rules_parser *p, uint32_t *out);

static parse_fn parse_or;

/* --- lists ------------------------------------------------------------------------------------ */

enum weir_status weir_gate_rules_tree_grow(struct weir_gate_rules_parser *p, void *list, size_t n,
                                           size_t *cap, size_t size)
{
    void **at = list;
    if (n < *cap)
        return WEIR_OK;
    size_t more = weir_max_size(*cap * 2, ROOM_FIRST);
    void *grown = weir_mem_resize(p->mem, *at, more, size);
    if (!grown)
        return weir_error_set(p->scan.err, WEIR_ERR_NO_MEMORY, "out of memory");
    *at = grown;
    *cap = more;
    return WEIR_OK;
}

/* Makes a node that begins at a place of the text; it ends where the scan is when it is closed. */
static enum weir_status add_node(struct weir_gate_rules_parser *p, enum weir_gate_rules_kind kind,
                                 size_t at, uint32_t first, uint32_t *out)
{
    enum weir_status status =
        weir_gate_rules_tree_grow(p, &p->nodes, p->n_nodes, &p->cap_nodes, sizeof *p->nodes);
    if (status != WEIR_OK)
        return status;
    p->nodes[p->n_nodes] = (struct weir_gate_rules_node){
        .kind = kind, .first = first, .at = (uint32_t)at, .n = (uint32_t)(p->scan.at - at)};
    *out = (uint32_t)p->n_nodes++;
    return WEIR_OK;
}

static enum weir_status add_ask(struct weir_gate_rules_parser *p, struct weir_gate_rules_ask ask)
{
    enum weir_status status =
        weir_gate_rules_tree_grow(p, &p->asks, p->n_asks, &p->cap_asks, sizeof *p->asks);
    if (status == WEIR_OK)
        p->asks[p->n_asks++] = ask;
    return status;
}

/* --- kinds ------------------------------------------------------------------------------------ */

static enum weir_status require(struct weir_gate_rules_parser *p, uint32_t node, bool is_truth)
{
    const struct weir_gate_rules_node *at = &p->nodes[node];
    if (weir_gate_rules_is_truth(at) == is_truth)
        return WEIR_OK;
    return is_truth
               ? weir_gate_rules_scan_fail(&p->scan, at->at,
                                           "expected a comparison such as 'roc_auc >= 0.9', found "
                                           "only a number")
               : weir_gate_rules_scan_fail(&p->scan, at->at,
                                           "expected a number, found a comparison");
}

static enum weir_status enter(struct weir_gate_rules_parser *p)
{
    if (p->depth++ < WEIR_GATE_RULES_DEPTH_MAX)
        return WEIR_OK;
    (void)weir_gate_rules_scan_fail(&p->scan, p->scan.at,
                                    "deeper than %d parentheses and functions",
                                    WEIR_GATE_RULES_DEPTH_MAX); /* The limit's code counts. */
    if (p->scan.err)
        p->scan.err->code = WEIR_ERR_LIMIT;
    return WEIR_ERR_LIMIT;
}

/* --- metrics ---------------------------------------------------------------------------------- */

/* Returns the i-th metric that is known. */
static const struct weir_gate_metric_kind *known(const struct weir_gate_rules_parser *p, size_t i)
{
    size_t n;
    const struct weir_gate_metric_kind *kinds = weir_gate_metric_kinds(&n);
    return i < n ? &kinds[i] : i < n + p->n_extras ? &p->extras[i - n] : NULL;
}

static const struct weir_gate_metric_kind *find_metric(const struct weir_gate_rules_parser *p,
                                                       struct weir_str name)
{
    const struct weir_gate_metric_kind *kind;
    for (size_t i = 0; (kind = known(p, i)) != NULL; i++) {
        if (weir_str_eq_c(name, kind->name))
            return kind;
    }
    return NULL;
}

static enum weir_status fail_unknown(struct weir_gate_rules_parser *p, struct weir_str word,
                                     size_t at)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    const char *near = NULL;
    const struct weir_gate_metric_kind *kind;
    size_t least = weir_max_size(word.n / 3, 1) + 1;
    for (size_t i = 0; (kind = known(p, i)) != NULL; i++) {
        size_t distance = weir_near_distance(word, weir_str_c(kind->name));
        if (distance < least) {
            least = distance;
            near = kind->name;
        }
    }
    (void)weir_str_echo(word, echo, sizeof echo);
    if (near)
        return weir_gate_rules_scan_fail(&p->scan, at, "no metric '%s'; did you mean '%s'?", echo,
                                         near);
    return weir_gate_rules_scan_fail(&p->scan, at, "no metric '%s'", echo);
}

/* [class] and @number behind a metric. */
static enum weir_status parse_of(struct weir_gate_rules_parser *p, struct weir_gate_rules_ask *ask)
{
    struct weir_gate_rules_scan *s = &p->scan;
    size_t at = s->at;
    if (weir_gate_rules_scan_peek(s) == '[') {
        if (!(ask->metric->traits & WEIR_GATE_METRIC_BY_CLASS))
            return weir_gate_rules_scan_fail(s, at, "%s is not measured by class",
                                             ask->metric->name);
        s->at++;
        enum weir_status status =
            weir_gate_rules_scan_text(s, ']', "the name of a class", &ask->class_name);
        if (status != WEIR_OK)
            return status;
    }
    at = s->at;
    /* "recall@0.5" is a threshold, "recall @ a=b" and "recall@a=b" are slices. */
    if (at + 1 < s->text.n && s->text.at[at] == '@' && strchr("0123456789.-", s->text.at[at + 1])) {
        if (!(ask->metric->traits & (WEIR_GATE_METRIC_BY_THRESHOLD | WEIR_GATE_METRIC_NEEDS_AT)))
            return weir_gate_rules_scan_fail(s, at, "%s is not measured at a threshold",
                                             ask->metric->name);
        s->at++;
        bool is_negative = weir_gate_rules_scan_take(s, '-');
        enum weir_status status = weir_gate_rules_scan_number(s, true, &ask->at);
        if (status != WEIR_OK)
            return status;
        ask->at = is_negative ? -ask->at : ask->at;
        ask->has_at = true;
    } else if (ask->metric->traits & WEIR_GATE_METRIC_NEEDS_AT) {
        return weir_gate_rules_scan_fail(s, at, "%s needs a number: %s@0.1", ask->metric->name,
                                         ask->metric->name);
    }
    return WEIR_OK;
}

static enum weir_status parse_metric(struct weir_gate_rules_parser *p, uint32_t *out)
{
    struct weir_gate_rules_scan *s = &p->scan;
    struct weir_str word = weir_gate_rules_scan_word(s);
    size_t at = s->at;
    struct weir_gate_rules_ask ask = {.side = WEIR_GATE_RULES_CANDIDATE};
    if (weir_str_starts(word, WEIR_STR("live."))) {
        if (p->in_delta)
            return weir_gate_rules_scan_fail(
                s, at, "delta compares with the live version by itself: leave out 'live.'");
        ask.side = WEIR_GATE_RULES_LIVE;
        word = weir_str_make(word.at + 5, word.n - 5);
    }
    ask.metric = find_metric(p, word);
    if (!ask.metric)
        return fail_unknown(p, word, (size_t)(word.at - s->text.at));
    bool is_live = p->in_delta || ask.side == WEIR_GATE_RULES_LIVE;
    if (is_live && ask.metric->traits & (WEIR_GATE_METRIC_OF_ROWS | WEIR_GATE_RULES_OF_PAIR))
        return weir_gate_rules_scan_fail(s, at, "%s is the same for both versions",
                                         ask.metric->name);
    p->needs_live |= is_live || ask.metric->traits & WEIR_GATE_RULES_OF_PAIR;
    s->at = (size_t)(word.at - s->text.at) + word.n;
    enum weir_status status = parse_of(p, &ask);
    if (status == WEIR_OK)
        status = add_node(p, WEIR_GATE_RULES_METRIC, at, 0, out);
    if (status != WEIR_OK)
        return status;
    p->nodes[*out].ask = (uint32_t)p->n_asks;
    status = add_ask(p, ask);
    /* A difference asks for two numbers, the live version's behind the candidate's. */
    ask.side = WEIR_GATE_RULES_LIVE;
    return status == WEIR_OK && p->in_delta ? add_ask(p, ask) : status;
}

/* --- functions -------------------------------------------------------------------------------- */

static const struct function {
    const char *name;
    enum weir_gate_rules_kind kind;
    bool takes_more; /* than one argument */
} functions[] = {
    {"ci_low", WEIR_GATE_RULES_CI_LOW, false},    {"ci_high", WEIR_GATE_RULES_CI_HIGH, false},
    {"delta", WEIR_GATE_RULES_DIFFERENCE, false}, {"min", WEIR_GATE_RULES_MIN, true},
    {"max", WEIR_GATE_RULES_MAX, true},           {"abs", WEIR_GATE_RULES_ABS, false},
    {"defined", WEIR_GATE_RULES_DEFINED, false},
};

static const struct function *find_function(struct weir_str word)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(functions); i++) {
        if (weir_str_eq_c(word, functions[i].name))
            return &functions[i];
    }
    return NULL;
}

/* An interval is that of one metric, or of its difference: turns what was asked for that into one
 * ask for the interval. */
static enum weir_status make_interval(struct weir_gate_rules_parser *p, uint32_t node,
                                      const char *name)
{
    struct weir_gate_rules_node *argument = &p->nodes[p->nodes[node].first - 1];
    bool is_delta = argument->kind == WEIR_GATE_RULES_DIFFERENCE;
    if (is_delta)
        argument = &p->nodes[argument->first - 1];
    if (argument->kind != WEIR_GATE_RULES_METRIC)
        return weir_gate_rules_scan_fail(&p->scan, argument->at,
                                         "%s takes a metric or delta(metric)", name);
    struct weir_gate_rules_ask *ask = &p->asks[argument->ask];
    ask->is_interval = true;
    if (is_delta)
        ask->side = WEIR_GATE_RULES_DELTA;
    p->n_asks = argument->ask + (size_t)1;
    p->nodes[node].ask = argument->ask;
    return WEIR_OK;
}

static enum weir_status check_place(struct weir_gate_rules_parser *p, const struct function *f)
{
    if (!p->in_delta || f->kind == WEIR_GATE_RULES_MIN || f->kind == WEIR_GATE_RULES_MAX ||
        f->kind == WEIR_GATE_RULES_ABS || f->kind == WEIR_GATE_RULES_DEFINED)
        return WEIR_OK;
    if (f->kind == WEIR_GATE_RULES_DIFFERENCE)
        return weir_gate_rules_scan_fail(&p->scan, p->scan.at, "delta cannot be inside delta");
    return weir_gate_rules_scan_fail(&p->scan, p->scan.at, "write %s(delta(…)), not delta(%s(…))",
                                     f->name, f->name);
}

static enum weir_status parse_arguments(struct weir_gate_rules_parser *p, const struct function *f,
                                        uint32_t *first)
{
    struct weir_gate_rules_scan *s = &p->scan;
    uint32_t last = 0;
    do {
        uint32_t node;
        weir_gate_rules_scan_space(s);
        enum weir_status status = parse_or(p, &node);
        if (status == WEIR_OK)
            status = require(p, node, false);
        if (status != WEIR_OK)
            return status;
        if (last)
            p->nodes[last - 1].next = node + 1;
        else
            *first = node + 1;
        last = node + 1;
        weir_gate_rules_scan_space(s);
    } while (f->takes_more && weir_gate_rules_scan_take(s, ','));
    if (weir_gate_rules_scan_peek(s) == ')')
        return WEIR_OK;
    return weir_gate_rules_scan_expected(s, f->takes_more ? "an operator, ',' or ')'"
                                                          : "an operator or ')'");
}

static enum weir_status parse_function(struct weir_gate_rules_parser *p, const struct function *f,
                                       uint32_t *out)
{
    struct weir_gate_rules_scan *s = &p->scan;
    size_t at = s->at;
    uint32_t first = 0;
    enum weir_status status = check_place(p, f);
    if (status == WEIR_OK)
        status = enter(p);
    if (status != WEIR_OK)
        return status;
    s->at += strlen(f->name);
    weir_gate_rules_scan_space(s);
    if (!weir_gate_rules_scan_take(s, '('))
        return weir_gate_rules_scan_expected(s, "'(' after the function");
    s->n_open++;
    bool was_in_delta = p->in_delta;
    p->in_delta |= f->kind == WEIR_GATE_RULES_DIFFERENCE;
    status = parse_arguments(p, f, &first);
    p->in_delta = was_in_delta;
    if (status != WEIR_OK)
        return status;
    s->at++;
    s->n_open--;
    p->depth--;
    status = add_node(p, f->kind, at, first, out);
    if (status == WEIR_OK &&
        (f->kind == WEIR_GATE_RULES_CI_LOW || f->kind == WEIR_GATE_RULES_CI_HIGH))
        status = make_interval(p, *out, f->name);
    return status;
}

/* --- expressions ------------------------------------------------------------------------------ */

static enum weir_status parse_parentheses(struct weir_gate_rules_parser *p, uint32_t *out)
{
    struct weir_gate_rules_scan *s = &p->scan;
    enum weir_status status = enter(p);
    if (status != WEIR_OK)
        return status;
    s->at++;
    s->n_open++;
    weir_gate_rules_scan_space(s);
    status = parse_or(p, out);
    if (status != WEIR_OK)
        return status;
    weir_gate_rules_scan_space(s);
    if (weir_gate_rules_scan_peek(s) != ')')
        return weir_gate_rules_scan_expected(s, "an operator or ')'");
    s->at++;
    s->n_open--;
    p->depth--;
    return WEIR_OK;
}

static enum weir_status parse_atom(struct weir_gate_rules_parser *p, uint32_t *out)
{
    struct weir_gate_rules_scan *s = &p->scan;
    struct weir_str word = weir_gate_rules_scan_word(s);
    char c = weir_gate_rules_scan_peek(s);
    size_t at = s->at;
    double v;
    if (c == '(')
        return parse_parentheses(p, out);
    if (weir_str_eq_c(word, "and") || weir_str_eq_c(word, "or") || weir_str_eq_c(word, "not"))
        word.n = 0;
    if (word.n > 0) {
        const struct function *f = find_function(word);
        return f ? parse_function(p, f, out) : parse_metric(p, out);
    }
    bool is_fraction = c == '.' && at + 1 < s->text.n && strchr("0123456789", s->text.at[at + 1]);
    if (!is_fraction && (c < '0' || c > '9'))
        return weir_gate_rules_scan_expected(s, "a number, a metric or a function");
    enum weir_status status = weir_gate_rules_scan_number(s, true, &v);
    if (status == WEIR_OK)
        status = add_node(p, WEIR_GATE_RULES_NUMBER, at, 0, out);
    if (status == WEIR_OK)
        p->nodes[*out].number = v;
    return status;
}

static enum weir_status parse_unary(struct weir_gate_rules_parser *p, uint32_t *out)
{
    struct weir_gate_rules_scan *s = &p->scan;
    size_t at = s->at;
    if (!weir_gate_rules_scan_take(s, '-'))
        return parse_atom(p, out);
    weir_gate_rules_scan_space(s);
    uint32_t node;
    enum weir_status status = parse_atom(p, &node);
    if (status == WEIR_OK)
        status = require(p, node, false);
    return status == WEIR_OK ? add_node(p, WEIR_GATE_RULES_NEGATE, at, node + 1, out) : status;
}

/* A chain: member {operator member}. With one member it is that member. */
static enum weir_status parse_chain(struct weir_gate_rules_parser *p, parse_fn *member,
                                    enum weir_gate_rules_kind kind,
                                    enum weir_gate_rules_operator from,
                                    enum weir_gate_rules_operator to, uint32_t *out)
{
    struct weir_gate_rules_scan *s = &p->scan;
    const char *word = kind == WEIR_GATE_RULES_OR    ? "or"
                       : kind == WEIR_GATE_RULES_AND ? "and"
                                                     : NULL;
    size_t at = s->at;
    uint32_t first;
    enum weir_status status = member(p, &first);
    uint32_t last = first;
    bool is_chain = false;
    while (status == WEIR_OK) {
        size_t end = s->at;
        enum weir_gate_rules_operator op = WEIR_GATE_RULES_NONE;
        weir_gate_rules_scan_space(s);
        if (word ? !weir_gate_rules_scan_take_word(s, word)
                 : (op = weir_gate_rules_scan_operator(s, from, to)) == WEIR_GATE_RULES_NONE) {
            s->at = end;
            break;
        }
        uint32_t node;
        weir_gate_rules_scan_space(s);
        status = require(p, last, word != NULL);
        if (status == WEIR_OK)
            status = member(p, &node);
        if (status == WEIR_OK)
            status = require(p, node, word != NULL);
        if (status == WEIR_OK) {
            if (!word) /* A comparison keeps its own. */
                p->nodes[node].op = op;
            p->nodes[last].next = node + 1;
            last = node;
            is_chain = true;
        }
    }
    if (status != WEIR_OK)
        return status;
    *out = first;
    return is_chain ? add_node(p, kind, at, first + 1, out) : WEIR_OK;
}

static enum weir_status parse_product(struct weir_gate_rules_parser *p, uint32_t *out)
{
    return parse_chain(p, parse_unary, WEIR_GATE_RULES_PRODUCT, WEIR_GATE_RULES_TIMES,
                       WEIR_GATE_RULES_OVER, out);
}

static enum weir_status parse_sum(struct weir_gate_rules_parser *p, uint32_t *out)
{
    return parse_chain(p, parse_product, WEIR_GATE_RULES_SUM, WEIR_GATE_RULES_PLUS,
                       WEIR_GATE_RULES_MINUS, out);
}

static enum weir_status parse_compare(struct weir_gate_rules_parser *p, uint32_t *out)
{
    struct weir_gate_rules_scan *s = &p->scan;
    size_t at = s->at;
    uint32_t left;
    uint32_t right;
    enum weir_status status = parse_sum(p, &left);
    if (status != WEIR_OK)
        return status;
    size_t end = s->at;
    weir_gate_rules_scan_space(s);
    enum weir_gate_rules_operator op =
        weir_gate_rules_scan_operator(s, WEIR_GATE_RULES_GE, WEIR_GATE_RULES_NE);
    if (op == WEIR_GATE_RULES_NONE) {
        s->at = end;
        *out = left;
        return WEIR_OK;
    }
    weir_gate_rules_scan_space(s);
    status = require(p, left, false);
    if (status == WEIR_OK)
        status = parse_sum(p, &right);
    if (status == WEIR_OK)
        status = require(p, right, false);
    if (status != WEIR_OK)
        return status;
    p->nodes[left].next = right + 1;
    status = add_node(p, WEIR_GATE_RULES_COMPARE, at, left + 1, out);
    if (status == WEIR_OK)
        p->nodes[*out].op = op;
    return status;
}

static enum weir_status parse_not(struct weir_gate_rules_parser *p, uint32_t *out)
{
    struct weir_gate_rules_scan *s = &p->scan;
    size_t at = s->at;
    if (!weir_gate_rules_scan_take_word(s, "not"))
        return parse_compare(p, out);
    weir_gate_rules_scan_space(s);
    uint32_t node;
    enum weir_status status = parse_compare(p, &node);
    if (status == WEIR_OK)
        status = require(p, node, true);
    return status == WEIR_OK ? add_node(p, WEIR_GATE_RULES_NOT, at, node + 1, out) : status;
}

static enum weir_status parse_and(struct weir_gate_rules_parser *p, uint32_t *out)
{
    return parse_chain(p, parse_not, WEIR_GATE_RULES_AND, WEIR_GATE_RULES_NONE,
                       WEIR_GATE_RULES_NONE, out);
}

static enum weir_status parse_or(struct weir_gate_rules_parser *p, uint32_t *out)
{
    return parse_chain(p, parse_and, WEIR_GATE_RULES_OR, WEIR_GATE_RULES_NONE, WEIR_GATE_RULES_NONE,
                       out);
}

enum weir_status weir_gate_rules_tree_parse(struct weir_gate_rules_parser *p, uint32_t *out)
{
    enum weir_status status = parse_or(p, out);
    if (status != WEIR_OK || weir_gate_rules_is_truth(&p->nodes[*out]))
        return status;
    weir_gate_rules_scan_space(&p->scan);
    if (p->scan.at < p->scan.text.n && !strchr(";\n", weir_gate_rules_scan_peek(&p->scan)))
        return weir_gate_rules_scan_expected(&p->scan, "an operator such as '>='");
    return require(p, *out, true);
}
