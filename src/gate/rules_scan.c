/* SPDX-License-Identifier: MIT */
/* The words of the rules language, and the places of its mistakes. */
#include "base/macros.h"
#include "codec/number.h"
#include "gate/rules_priv.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static const char number_form[] = "a number is written 0.5, 5% or 1e-3";

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

uint32_t weir_gate_rules_scan_line(const struct weir_gate_rules_scan *scan, size_t at)
{
    uint32_t line = scan->line;
    for (size_t i = 0; i < at; i++)
        line += scan->text.at[i] == '\n';
    return line;
}

enum weir_status weir_gate_rules_scan_fail(const struct weir_gate_rules_scan *scan, size_t at,
                                           const char *fmt, ...)
{
    char text[WEIR_ERROR_MSG_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args); /* A cut message is still one. */
    va_end(args);
    size_t begin = at;
    uint32_t column = 1;
    while (begin > 0 && scan->text.at[begin - 1] != '\n')
        begin--;
    for (size_t i = begin; i < at; i++)
        column += ((unsigned char)scan->text.at[i] & 0xc0) != 0x80;
    return weir_error_set(scan->err, WEIR_ERR_INVALID, "line %u, column %u: %s",
                          weir_gate_rules_scan_line(scan, at), column, text);
}

/* Names what is at a place as a person would. */
static const char *found(const struct weir_gate_rules_scan *scan, char *out, size_t cap)
{
    struct weir_str rest = weir_str_make(scan->text.at + scan->at, scan->text.n - scan->at);
    char echo[WEIR_ECHO_BUF_BYTES];
    if (rest.n == 0)
        return "the end";
    if (rest.at[0] == '\n')
        return "the end of the line";
    struct weir_str word = weir_gate_rules_scan_word(scan);
    size_t n = word.n > 0 ? word.n : weir_max_size(weir_str_char_bytes(rest, false), 1);
    if (word.n == 0 && is_digit(rest.at[0]))
        n = weir_max_size(weir_codec_number_span(rest), 1);
    (void)snprintf(out, cap, "'%s'", weir_str_echo(weir_str_make(rest.at, n), echo, sizeof echo));
    return out;
}

/* What people write for something that is spelled otherwise here. */
static const char *hint(const struct weir_gate_rules_scan *scan)
{
    static const struct {
        const char *typed;
        const char *hint;
    } rows[] = {{"&&", "; write 'and'"},  {"||", "; write 'or'"}, {"!", "; write 'not'"},
                {"=>", "; write '>='"},   {"=<", "; write '<='"}, {"=", "; write '=='"},
                {"AND", "; write 'and'"}, {"OR", "; write 'or'"}, {"NOT", "; write 'not'"}};
    struct weir_str rest = weir_str_make(scan->text.at + scan->at, scan->text.n - scan->at);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        if (weir_str_starts(rest, weir_str_c(rows[i].typed)))
            return rows[i].hint;
    }
    return "";
}

enum weir_status weir_gate_rules_scan_expected(const struct weir_gate_rules_scan *scan,
                                               const char *what)
{
    char text[WEIR_ECHO_BUF_BYTES + 4];
    return weir_gate_rules_scan_fail(scan, scan->at, "expected %s, found %s%s", what,
                                     found(scan, text, sizeof text), hint(scan));
}

void weir_gate_rules_scan_space(struct weir_gate_rules_scan *scan)
{
    for (; scan->at < scan->text.n; scan->at++) {
        char c = scan->text.at[scan->at];
        if (c == '#') {
            while (scan->at < scan->text.n && scan->text.at[scan->at] != '\n')
                scan->at++;
            if (scan->at == scan->text.n)
                return;
            c = '\n';
        }
        if (c == '\n' ? scan->n_open == 0 : c != ' ' && c != '\t' && c != '\r')
            return;
    }
}

struct weir_str weir_gate_rules_scan_word(const struct weir_gate_rules_scan *scan)
{
    const struct weir_str text = scan->text;
    size_t i = scan->at;
    if (i >= text.n || !is_letter(text.at[i]))
        return weir_str_make(NULL, 0);
    /* A dot belongs to the word when it goes on behind it. */
    while (i < text.n && (is_letter(text.at[i]) || is_digit(text.at[i]) ||
                          (text.at[i] == '.' && i + 1 < text.n &&
                           (is_letter(text.at[i + 1]) || is_digit(text.at[i + 1])))))
        i++;
    return weir_str_make(text.at + scan->at, i - scan->at);
}

bool weir_gate_rules_scan_take_word(struct weir_gate_rules_scan *scan, const char *word)
{
    bool is_next = weir_str_eq_c(weir_gate_rules_scan_word(scan), word);
    scan->at += is_next ? strlen(word) : 0;
    return is_next;
}

const char *weir_gate_rules_operator_text(enum weir_gate_rules_operator op)
{
    static const char *const texts[] = {
        [WEIR_GATE_RULES_NONE] = "",   [WEIR_GATE_RULES_GE] = ">=",  [WEIR_GATE_RULES_LE] = "<=",
        [WEIR_GATE_RULES_GT] = ">",    [WEIR_GATE_RULES_LT] = "<",   [WEIR_GATE_RULES_EQ] = "==",
        [WEIR_GATE_RULES_NE] = "!=",   [WEIR_GATE_RULES_PLUS] = "+", [WEIR_GATE_RULES_MINUS] = "-",
        [WEIR_GATE_RULES_TIMES] = "*", [WEIR_GATE_RULES_OVER] = "/",
    };
    return texts[op];
}

enum weir_gate_rules_operator weir_gate_rules_scan_operator(struct weir_gate_rules_scan *scan,
                                                            enum weir_gate_rules_operator from,
                                                            enum weir_gate_rules_operator to)
{
    struct weir_str rest = weir_str_make(scan->text.at + scan->at, scan->text.n - scan->at);
    for (enum weir_gate_rules_operator op = from; op <= to; op++) {
        struct weir_str text = weir_str_c(weir_gate_rules_operator_text(op));
        if (weir_str_starts(rest, text)) {
            scan->at += text.n;
            return op;
        }
    }
    return WEIR_GATE_RULES_NONE;
}

enum weir_status weir_gate_rules_scan_number(struct weir_gate_rules_scan *scan, bool takes_percent,
                                             double *out)
{
    char text[WEIR_CODEC_NUMBER_BYTES_MAX * 8];
    struct weir_str rest = weir_str_make(scan->text.at + scan->at, scan->text.n - scan->at);
    /* JSON's numbers, and ".5". */
    size_t n_zero = rest.n > 1 && rest.at[0] == '.' && is_digit(rest.at[1]);
    text[0] = '0';
    size_t n = weir_min_size(rest.n, sizeof text - n_zero);
    memcpy(text + n_zero, rest.at, n);
    size_t span = weir_codec_number_span(weir_str_make(text, n + n_zero));
    if (span == 0 || rest.at[0] == '-')
        return weir_gate_rules_scan_fail(scan, scan->at, "%s", number_form);
    if (span > sizeof text - sizeof "e-2")
        return weir_gate_rules_scan_fail(scan, scan->at, "the number is too long");
    size_t begin = scan->at;
    scan->at += span - n_zero;
    double v = 0;
    bool has_exponent = memchr(text, 'e', span) || memchr(text, 'E', span);
    if (takes_percent && weir_gate_rules_scan_take(scan, '%')) {
        /* In decimal, so that 0.1% is the double nearest to 0.001. */
        memcpy(text + span, "e-2", 3);
        span += has_exponent ? 0 : 3;
        (void)weir_codec_number_read_f64(weir_str_make(text, span), &v); /* It is a number. */
        v /= has_exponent ? 100 : 1;
    } else {
        (void)weir_codec_number_read_f64(weir_str_make(text, span), &v);
    }
    if (isinf(v))
        return weir_gate_rules_scan_fail(scan, begin, "the number is too large");
    char c = weir_gate_rules_scan_peek(scan);
    if (is_letter(c) || is_digit(c) || c == '.' || c == '%')
        return weir_gate_rules_scan_fail(scan, begin, "%s", number_form);
    *out = v;
    return WEIR_OK;
}

enum weir_status weir_gate_rules_scan_text(struct weir_gate_rules_scan *scan, char end,
                                           const char *what, struct weir_str *out)
{
    const struct weir_str text = scan->text;
    while (weir_gate_rules_scan_peek(scan) == ' ' || weir_gate_rules_scan_peek(scan) == '\t')
        scan->at++;
    size_t begin = scan->at;
    bool is_quoted = weir_gate_rules_scan_take(scan, '"');
    size_t i = scan->at;
    while (i < text.n && text.at[i] != '\n' &&
           (is_quoted ? text.at[i] != '"'
            : end     ? text.at[i] != end
                      : text.at[i] != ';' && text.at[i] != '#'))
        i++;
    *out = weir_str_make(text.at + scan->at, i - scan->at);
    if (!is_quoted) {
        if (out->n > 0 && out->at[out->n - 1] == '\r')
            out->n--;
        *out = weir_str_trim(*out);
    }
    scan->at = i;
    if (out->n == 0)
        return weir_gate_rules_scan_fail(scan, begin, "expected %s", what);
    if (is_quoted && !weir_gate_rules_scan_take(scan, '"'))
        return weir_gate_rules_scan_fail(scan, begin, "the quote does not end on its line");
    if (end) {
        weir_gate_rules_scan_space(scan);
        if (!weir_gate_rules_scan_take(scan, end))
            return weir_gate_rules_scan_fail(scan, scan->at, "expected '%c' after %s", end, what);
    }
    return WEIR_OK;
}
