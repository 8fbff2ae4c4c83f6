/* SPDX-License-Identifier: MIT */
#include "codec/csv.h"

#include "base/macros.h"
#include "codec/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES_MAX = 400 };

void weir_codec_csv_init(struct weir_codec_csv *csv, struct weir_str text, char separator)
{
    weir_assert(csv);
    if (text.n == 0)
        text = WEIR_STR(""); /* nothing may be nowhere */
    *csv = (struct weir_codec_csv){
        .at = text.at, .end = text.at + text.n, .separator = separator, .line = 1, .line_next = 1};
    if (text.n >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
        csv->at += 3;
}

static enum weir_codec_csv_step refuse(const struct weir_codec_csv *csv, struct weir_error *err,
                                       const char *what)
{
    (void)weir_error_set(err, WEIR_ERR_INVALID, "line %llu, column %zu: %s",
                         (unsigned long long)csv->line, csv->column + 1, what);
    return WEIR_CODEC_CSV_BAD;
}

/* Returns the end of the blank line at `at`, its end of line included; NULL: it is not blank. */
static const char *blank_line(const struct weir_codec_csv *csv)
{
    const char *at = csv->at;
    while (!csv->keeps_blank && at < csv->end && (*at == ' ' || *at == '\t') &&
           *at != csv->separator)
        at++;
    if (at == csv->end)
        return at > csv->at ? at : NULL;
    if (*at == '\r' && at + 1 < csv->end && at[1] == '\n')
        at++;
    return *at == '\n' ? at + 1 : NULL;
}

bool weir_codec_csv_has_record(struct weir_codec_csv *csv)
{
    weir_assert(csv);
    if (csv->is_in_record)
        return true;
    const char *after;
    while (csv->at < csv->end && (after = blank_line(csv)) != NULL) {
        csv->at = after;
        csv->line_next++;
    }
    return csv->at < csv->end;
}

/* Steps behind what ends a field; false: nothing that may. */
static bool end_field(struct weir_codec_csv *csv, struct weir_codec_csv_field *out)
{
    out->is_last = true;
    if (csv->at < csv->end && *csv->at == csv->separator) {
        out->is_last = false;
        csv->at++;
    } else if (csv->at < csv->end) {
        bool is_crlf = *csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n';
        if (*csv->at != '\n' && !is_crlf)
            return false;
        csv->at += is_crlf ? 2 : 1;
        csv->line_next++;
    }
    csv->is_in_record = !out->is_last;
    return true;
}

/* Takes a field that begins behind a quote. */
static enum weir_codec_csv_step
take_quoted(struct weir_codec_csv *csv, struct weir_codec_csv_field *out, struct weir_error *err)
{
    const char *from = csv->at;
    const char *p = from;
    out->is_quoted = true;
    for (;; p++) {
        if (p == csv->end)
            return refuse(csv, err, "the quoted field that begins here never ends");
        if (*p == '\0')
            return refuse(csv, err, "a NUL byte");
        csv->line_next += *p == '\n';
        if (*p != '"')
            continue;
        if (p + 1 == csv->end || p[1] != '"')
            break;
        out->has_doubled = true;
        p++;
    }
    out->text = weir_str_make(from, (size_t)(p - from));
    csv->at = p + 1;
    return end_field(csv, out) ? WEIR_CODEC_CSV_FIELD
                               : refuse(csv, err, "text after the closing quote");
}

enum weir_codec_csv_step weir_codec_csv_next(struct weir_codec_csv *csv,
                                             struct weir_codec_csv_field *out,
                                             struct weir_error *err)
{
    weir_assert(csv);
    weir_assert(out);
    if (csv->is_in_record) {
        csv->column++;
    } else {
        if (!weir_codec_csv_has_record(csv))
            return WEIR_CODEC_CSV_END;
        csv->column = 0;
        csv->line = csv->line_next;
    }
    *out = (struct weir_codec_csv_field){.is_quoted = false};
    if (csv->at < csv->end && *csv->at == '"') {
        csv->at++;
        return take_quoted(csv, out, err);
    }
    const char *from = csv->at;
    const char *p = from;
    while (p < csv->end && *p != csv->separator) {
        /* Everything that means something but the separator is '"' or below. */
        if (WEIR_UNLIKELY((unsigned char)*p <= '"') &&
            (*p == '"' || *p == '\n' || *p == '\r' || *p == '\0'))
            break;
        p++;
    }
    out->text = weir_str_make(from, (size_t)(p - from));
    csv->at = p;
    if (WEIR_LIKELY(end_field(csv, out)))
        return WEIR_CODEC_CSV_FIELD;
    return refuse(csv, err,
                  *p == '"'    ? "a quote inside an unquoted field"
                  : *p == '\r' ? "a carriage return that is not followed by an end of line"
                               : "a NUL byte");
}

/* Returns the end of the record at `at`, its end of line included: the first outside quotes. */
static const char *record_end(const char *at, const char *end)
{
    const char *line_end = memchr(at, '\n', (size_t)(end - at));
    if (!line_end)
        return end;
    if (!memchr(at, '"', (size_t)(line_end - at)))
        return line_end + 1;
    bool is_quoted = false;
    for (; at < end; at++) {
        is_quoted ^= *at == '"';
        if (*at == '\n' && !is_quoted)
            return at + 1;
    }
    return end;
}

uint64_t weir_codec_csv_count(const struct weir_codec_csv *csv)
{
    weir_assert(csv);
    weir_assert(!csv->is_in_record);
    struct weir_codec_csv walk = *csv;
    uint64_t n = 0;
    while (weir_codec_csv_has_record(&walk)) {
        walk.at = record_end(walk.at, walk.end);
        n++;
    }
    return n;
}

size_t weir_codec_csv_unquote(const struct weir_codec_csv_field *field, char *out)
{
    struct weir_str from = field->text;
    if (!field->has_doubled) {
        if (from.n > 0 && out != from.at)
            memmove(out, from.at, from.n);
        return from.n;
    }
    size_t n = 0;
    for (size_t i = 0; i < from.n; i++) {
        out[n++] = from.at[i];
        i += from.at[i] == '"';
    }
    return n;
}

bool weir_codec_csv_eq(const struct weir_codec_csv_field *field, struct weir_str text)
{
    if (!field->has_doubled)
        return weir_str_eq(field->text, text);
    size_t at = 0;
    for (size_t i = 0; i < text.n; i++, at++) {
        if (at >= field->text.n || field->text.at[at] != text.at[i])
            return false;
        at += text.at[i] == '"';
    }
    return at == field->text.n;
}

/* --- values --------------------------------------------------------------------------------- */

bool weir_codec_csv_is_missing(struct weir_str text)
{
    static const char *const words[] = {
        "",     "#N/A",   "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN",
        "-nan", "1.#IND", "1.#QNAN",  "<NA>", "N/A",     "NA",       "NULL",
        "NaN",  "None",   "n/a",      "nan",  "null",
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(words); i++) {
        if (weir_str_eq_c(text, words[i]))
            return true;
    }
    return false;
}

/* Forms that JSON does not have: "+1", ".5", "5.". */
static bool read_loose(struct weir_str s, double *out)
{
    char text[NUMBER_BYTES_MAX + 1];
    if (s.n > NUMBER_BYTES_MAX)
        return false;
    bool has_digit = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.at[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && c != '.' && c != '+' && c != '-' && c != 'e' && c != 'E')
            return false;
        has_digit = has_digit || is_digit;
    }
    memcpy(text, s.at, s.n);
    text[s.n] = '\0';
    char *end;
    double v = strtod(text, &end);
    if (!has_digit || *end)
        return false;
    *out = v;
    return true;
}

bool weir_codec_csv_number(struct weir_str text, double *out)
{
    static const struct {
        const char *text;
        double value;
    } words[] = {
        {"nan", NAN},       {"na", NAN},       {"n/a", NAN},           {"null", NAN},
        {"none", NAN},      {"inf", INFINITY}, {"infinity", INFINITY}, {"-inf", -INFINITY},
        {"+inf", INFINITY}, {"true", 1},       {"false", 0},           {"-infinity", -INFINITY},
    };
    struct weir_str s = weir_str_trim(text);
    if (s.n == 0) {
        *out = (double)NAN;
        return true;
    }
    if (weir_codec_number_read_f64(s, out))
        return true;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(words); i++) {
        if (weir_str_eq_nocase(s, weir_str_c(words[i].text))) {
            *out = words[i].value;
            return true;
        }
    }
    if (weir_codec_csv_is_missing(s)) {
        *out = (double)NAN;
        return true;
    }
    return read_loose(s, out);
}

void weir_codec_csv_put(struct weir_buf *out, struct weir_str field)
{
    bool is_plain = field.n == 0 || (field.at[0] != ' ' && field.at[field.n - 1] != ' ');
    for (size_t i = 0; is_plain && i < field.n; i++) {
        char ch = field.at[i];
        is_plain = ch != ',' && ch != '"' && ch != '\n' && ch != '\r';
    }
    if (is_plain) {
        weir_buf_append_str(out, field);
        return;
    }
    weir_buf_append_byte(out, '"');
    for (size_t i = 0; i < field.n; i++) {
        if (field.at[i] == '"')
            weir_buf_append_byte(out, '"');
        weir_buf_append_byte(out, field.at[i]);
    }
    weir_buf_append_byte(out, '"');
}
