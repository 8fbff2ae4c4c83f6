/* SPDX-License-Identifier: MIT */
/* The part of Python's re that token patterns are written in: a sequence of characters and classes
 * with greedy repeats, borders of words, and one group. Matching goes back as Python's does; each
 * item tries its longest repeat first. */
#include "model/text.h"

#include <string.h>

struct parse {
    struct weir_str source;
    size_t at;
    struct weir_arena *arena;
    struct weir_model_text_pattern *out;
};

static enum weir_status refuse(const struct parse *p, struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                          "the pattern \"%s\" is not supported (at character %zu)",
                          weir_str_echo(p->source, echo, sizeof echo), p->at);
}

static bool has_more(const struct parse *p)
{
    return p->at < p->source.n;
}

static bool take(struct parse *p, const char *text)
{
    struct weir_str rest = weir_str_make(p->source.at + p->at, p->source.n - p->at);
    if (!weir_str_starts(rest, weir_str_c(text)))
        return false;
    p->at += strlen(text);
    return true;
}

static uint32_t take_char(struct parse *p)
{
    size_t n;
    uint32_t c = weir_model_text_char(weir_str_make(p->source.at + p->at, p->source.n - p->at), &n);
    p->at += n;
    return c;
}

static void class_add(struct weir_model_text_class *class, uint32_t c)
{
    class->ascii[c / 64] |= UINT64_C(1) << c % 64;
}

static bool is_kind(uint32_t c, uint8_t kind)
{
    return ((kind & WEIR_MODEL_TEXT_WORD) && weir_model_text_is_word(c)) ||
           ((kind & WEIR_MODEL_TEXT_NO_WORD) && !weir_model_text_is_word(c)) ||
           ((kind & WEIR_MODEL_TEXT_DIGIT) && weir_model_text_is_decimal(c)) ||
           ((kind & WEIR_MODEL_TEXT_NO_DIGIT) && !weir_model_text_is_decimal(c)) ||
           ((kind & WEIR_MODEL_TEXT_SPACE) && weir_model_text_is_space(c)) ||
           ((kind & WEIR_MODEL_TEXT_NO_SPACE) && !weir_model_text_is_space(c));
}

static void class_add_kind(struct weir_model_text_class *class, uint8_t kind)
{
    class->above |= kind;
    for (uint32_t c = 0; c < 128; c++)
        if (is_kind(c, kind))
            class_add(class, c);
}

/* Adds a range of characters. false: no memory. */
static bool class_add_range(struct parse *p, struct weir_model_text_class *class, uint32_t first,
                            uint32_t last)
{
    for (uint32_t c = first; c <= last && c < 128; c++)
        class_add(class, c);
    if (last < 128)
        return true;
    uint32_t *ranges =
        weir_arena_array(p->arena, 2 * ((size_t) class->n_ranges + 1), sizeof *ranges);
    if (!ranges)
        return false;
    if (class->n_ranges > 0)
        memcpy(ranges, class->ranges, 2 * (size_t) class->n_ranges * sizeof *ranges);
    ranges[2 * class->n_ranges] = first;
    ranges[2 * class->n_ranges + 1] = last;
    class->ranges = ranges;
    class->n_ranges++;
    return true;
}

/* Reads what is behind a backslash: a kind, or a character (*kind 0). false: neither. */
static bool parse_escape(struct parse *p, uint8_t *kind, uint32_t *c)
{
    static const char letters[] = "wWdDsS";
    static const char plain[] = ".-'\"_/\\[](){}*+?|^$@#&%!,;:=<>~` ";
    if (!has_more(p))
        return false;
    char letter = p->source.at[p->at++];
    const char *found = letter ? strchr(letters, letter) : NULL;
    *kind = found ? (uint8_t)(1u << (found - letters)) : 0;
    *c = letter == 'n' ? '\n' : letter == 't' ? '\t' : letter == 'r' ? '\r' : (unsigned char)letter;
    return found || letter == 'n' || letter == 't' || letter == 'r' ||
           (letter && strchr(plain, letter));
}

/* Reads [...]; the bracket is read already. */
static enum weir_status parse_set(struct parse *p, struct weir_model_text_class *class,
                                  struct weir_error *err)
{
    class->is_negated = take(p, "^");
    for (bool is_first = true; is_first || !take(p, "]"); is_first = false) {
        uint8_t kind = 0;
        uint32_t first, last;
        if (!has_more(p) || (is_first && p->source.at[p->at] == ']'))
            return refuse(p, err);
        first = take_char(p);
        if (first == '[' || (first == '\\' && !parse_escape(p, &kind, &first)))
            return refuse(p, err);
        if (kind) {
            class_add_kind(class, kind);
            continue;
        }
        last = first;
        bool is_range =
            p->at + 1 < p->source.n && p->source.at[p->at] == '-' && p->source.at[p->at + 1] != ']';
        if (is_range) {
            p->at++;
            last = take_char(p);
            if ((last == '\\' && (!parse_escape(p, &kind, &last) || kind)) || last < first)
                return refuse(p, err);
        }
        if (!class_add_range(p, class, first, last))
            return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    }
    if (class->is_negated) {
        class->ascii[0] = ~class->ascii[0];
        class->ascii[1] = ~class->ascii[1];
    }
    return WEIR_OK;
}

static bool take_number(struct parse *p, uint32_t *out)
{
    uint64_t v = 0;
    size_t begin = p->at;
    while (has_more(p) && p->source.at[p->at] >= '0' && p->source.at[p->at] <= '9' &&
           p->at - begin < 6)
        v = 10 * v + (uint64_t)(p->source.at[p->at++] - '0');
    *out = (uint32_t)v;
    return p->at > begin;
}

/* Reads a repeat, if there is one. */
static enum weir_status parse_repeat(struct parse *p, struct weir_model_text_item *item,
                                     struct weir_error *err)
{
    item->min = item->max = 1;
    if (take(p, "*") || take(p, "+")) {
        item->min = p->source.at[p->at - 1] == '+';
        item->max = UINT32_MAX;
    } else if (take(p, "?")) {
        item->min = 0;
    } else if (take(p, "{")) {
        bool has_min = take_number(p, &item->min);
        item->min = has_min ? item->min : 0;
        item->max = item->min;
        if (take(p, ",") && !take_number(p, &item->max))
            item->max = UINT32_MAX;
        if ((!has_min && item->max == 0) || item->max < item->min || !take(p, "}"))
            return refuse(p, err);
    } else {
        return WEIR_OK;
    }
    /* Lazy and possessive repeats, and repeats of repeats. */
    if (has_more(p) && strchr("?+*{", p->source.at[p->at]))
        return refuse(p, err);
    return WEIR_OK;
}

static enum weir_status parse_item(struct parse *p, struct weir_error *err)
{
    if (p->out->n_items == WEIR_MODEL_TEXT_ITEMS_MAX)
        return refuse(p, err);
    struct weir_model_text_item *item = &p->out->items[p->out->n_items++];
    *item = (struct weir_model_text_item){.what = 'c', .min = 1, .max = 1};
    if (take(p, "\\b") || take(p, "\\B")) {
        item->what = p->source.at[p->at - 1];
        return WEIR_OK;
    }
    enum weir_status status = WEIR_OK;
    uint8_t kind = 0;
    uint32_t c;
    if (take(p, "[")) {
        status = parse_set(p, &item->class, err);
    } else if (take(p, ".")) {
        class_add(&item->class, '\n');
        item->class.is_negated = true;
        item->class.ascii[0] = ~item->class.ascii[0];
        item->class.ascii[1] = ~item->class.ascii[1];
    } else {
        c = take_char(p);
        if (c == '\\' ? !parse_escape(p, &kind, &c) : c < 128 && strchr("()|^$*+?{", (int)c))
            return refuse(p, err);
        if (kind)
            class_add_kind(&item->class, kind);
        else if (!class_add_range(p, &item->class, c, c))
            return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the load");
    }
    return status == WEIR_OK ? parse_repeat(p, item, err) : status;
}

/* Finds whether matches are just the runs of word characters: \b at either end or not, and \w, one
 * of them without bound. */
static uint32_t find_word_min(const struct weir_model_text_pattern *p)
{
    uint32_t min = 0;
    bool has_end = false;
    for (uint32_t i = 0; i < p->n_items; i++) {
        const struct weir_model_text_item *item = &p->items[i];
        if (item->what == 'b' && (i == 0 || i + 1 == p->n_items))
            continue;
        if (item->what != 'c' || item->class.above != WEIR_MODEL_TEXT_WORD ||
            item->class.is_negated || item->class.n_ranges > 0 ||
            (item->max != item->min && item->max != UINT32_MAX))
            return 0;
        for (uint32_t c = 0; c < 128; c++)
            if ((item->class.ascii[c / 64] >> c % 64 & 1) != weir_model_text_is_word(c))
                return 0;
        has_end = has_end || item->max == UINT32_MAX;
        min += item->min;
    }
    bool is_whole = p->group_first == 0 && p->group_end == p->n_items;
    return has_end && is_whole ? min : 0;
}

enum weir_status weir_model_text_pattern_read(struct weir_model_text_pattern *out,
                                              struct weir_arena *arena, struct weir_str source,
                                              struct weir_error *err)
{
    memset(out, 0, sizeof *out);
    struct parse p = {.source = source, .arena = arena, .out = out};
    (void)take(&p, "(?u)"); /* texts are Unicode anyway */
    bool has_group = false;
    bool is_open = false;
    while (has_more(&p)) {
        if (!has_group && take(&p, "(")) {
            has_group = is_open = true;
            out->group_first = out->n_items;
            if (has_more(&p) && p.source.at[p.at] == '?')
                return refuse(&p, err);
            continue;
        }
        if (is_open && take(&p, ")")) {
            is_open = false;
            out->group_end = out->n_items;
            if (has_more(&p) && strchr("?+*{", p.source.at[p.at]))
                return refuse(&p, err);
            continue;
        }
        enum weir_status status = parse_item(&p, err);
        if (status != WEIR_OK)
            return status;
    }
    uint64_t least = 0;
    for (uint32_t i = 0; i < out->n_items; i++)
        least += out->items[i].what == 'c' ? out->items[i].min : 0;
    if (is_open || least == 0)
        return refuse(&p, err);
    if (!has_group)
        out->group_end = out->n_items;
    out->word_min = find_word_min(out);
    return WEIR_OK;
}

/* --- matching --- */

struct match {
    const struct weir_model_text_pattern *p;
    struct weir_str text;
    size_t group_begin;
    size_t group_end;
    uint64_t *steps;
};

static bool class_has(const struct weir_model_text_class *class, uint32_t c)
{
    if (c < 128)
        return class->ascii[c / 64] >> c % 64 & 1;
    bool is_in = class->above && is_kind(c, class->above);
    for (uint32_t i = 0; i < class->n_ranges && !is_in; i++)
        is_in = class->ranges[2 * i] <= c && c <= class->ranges[2 * i + 1];
    return is_in != class->is_negated;
}

static uint32_t char_at(struct weir_str text, size_t at, size_t *n)
{
    return weir_model_text_char(weir_str_make(text.at + at, text.n - at), n);
}

static size_t step_back(struct weir_str text, size_t at)
{
    do
        at--;
    while (at > 0 && ((unsigned char)text.at[at] & 0xc0) == 0x80);
    return at;
}

static bool is_border(struct weir_str text, size_t at)
{
    size_t n;
    bool before = at > 0 && weir_model_text_is_word(char_at(text, step_back(text, at), &n));
    bool after = at < text.n && weir_model_text_is_word(char_at(text, at, &n));
    return before != after;
}

/* Matches the items from i on at a place; gives the end. As deep as there are items. */
static bool match_from(struct match *m, uint32_t i, size_t at, size_t *end)
{
    if (*m->steps == 0)
        return false;
    --*m->steps;
    if (i == m->p->group_first)
        m->group_begin = at;
    size_t group_end = m->group_end;
    if (i == m->p->group_end)
        m->group_end = at;
    if (i == m->p->n_items) {
        *end = at;
        return true;
    }
    const struct weir_model_text_item *item = &m->p->items[i];
    if (item->what != 'c')
        return is_border(m->text, at) == (item->what == 'b') && match_from(m, i + 1, at, end);
    uint32_t count = 0;
    size_t here = at;
    for (size_t n; count < item->max && here < m->text.n; count++, here += n)
        if (!class_has(&item->class, char_at(m->text, here, &n)))
            break;
    for (;; count--, here = step_back(m->text, here)) {
        if (count < item->min || *m->steps == 0)
            break;
        if (match_from(m, i + 1, here, end))
            return true;
        if (count == 0)
            break;
    }
    m->group_end = group_end;
    return false;
}

/* As weir_model_text_pattern_next for runs of word characters. */
static bool next_word(const struct weir_model_text_pattern *p, struct weir_str text, size_t *at,
                      struct weir_str *out)
{
    size_t i = *at;
    while (i < text.n) {
        size_t n = 1;
        size_t begin = i;
        uint32_t count = 0;
        for (; i < text.n; i += n, count++) {
            n = 1;
            uint32_t c = (unsigned char)text.at[i];
            if (c >= 128)
                c = char_at(text, i, &n);
            if (!weir_model_text_is_word(c))
                break;
        }
        if (count >= p->word_min) {
            *out = weir_str_make(text.at + begin, i - begin);
            *at = i;
            return true;
        }
        i += count == 0 || i < text.n ? n : 0;
    }
    *at = text.n;
    return false;
}

bool weir_model_text_pattern_next(const struct weir_model_text_pattern *p, struct weir_str text,
                                  size_t *at, struct weir_str *out, uint64_t *steps)
{
    if (p->word_min > 0)
        return next_word(p, text, at, out);
    struct match m = {.p = p, .text = text, .steps = steps};
    for (size_t i = *at; i<text.n && * steps> 0;) {
        size_t end;
        if (match_from(&m, 0, i, &end)) {
            *at = end;
            *out = weir_str_make(text.at + m.group_begin, m.group_end - m.group_begin);
            return true;
        }
        size_t n;
        (void)char_at(text, i, &n);
        i += n;
    }
    *at = text.n;
    return false;
}
