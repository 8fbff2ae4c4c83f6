/* SPDX-License-Identifier: MIT */
/* Comma-separated values (RFC 4180) that are read where they lie, field by field: nothing is copied
 * and nothing allocated.
 *
 * Taken: CRLF or LF as the end of a record, with or without one at the end of the text; a UTF-8
 * byte order mark at the beginning; blank lines, and lines of spaces, which are skipped as pandas
 * skips them. Refused, with line and column: a quote inside an unquoted field, text after a closing
 * quote, a carriage return by itself, a NUL byte, a quoted field that never ends. Pure; no function
 * keeps anything but what is in the caller's struct. */
#ifndef WEIR_CODEC_CSV_H
#define WEIR_CODEC_CSV_H

#include "base/buf.h"
#include "base/str.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A walk over a text, which is borrowed. */
struct weir_codec_csv {
    const char *at; /* the next field, or the next record */
    const char *end;
    char separator;
    bool keeps_blank;  /* a line of spaces is a record of one field, not nothing */
    bool is_in_record; /* the next field belongs to the record of the one before */
    uint64_t line;     /* at which the record of the last field begins, from 1 */
    uint64_t line_next;
    size_t column; /* of the last field, from 0 */
};

/* A field, until the text goes. */
struct weir_codec_csv_field {
    struct weir_str text; /* without the quotes around it */
    bool is_quoted;
    bool has_doubled; /* quotes within are doubled: weir_codec_csv_unquote */
    bool is_last;     /* of its record */
};

enum weir_codec_csv_step { WEIR_CODEC_CSV_FIELD, WEIR_CODEC_CSV_END, WEIR_CODEC_CSV_BAD };

/* Begins a walk over a whole text, at its first line; a byte order mark is stepped over. */
void weir_codec_csv_init(struct weir_codec_csv *csv, struct weir_str text, char separator);

/* Steps to the next field. END: there is none. BAD: err says why, "line 7, column 3: …" (columns
 * from 1); the walk is of no use any more. O(its bytes). */
enum weir_codec_csv_step weir_codec_csv_next(struct weir_codec_csv *csv,
                                             struct weir_codec_csv_field *out,
                                             struct weir_error *err);

/* Finds whether there is another record. May step over blank lines. */
bool weir_codec_csv_has_record(struct weir_codec_csv *csv);

/* Counts the records from here on, without looking into them; at the beginning of a record. Wrong
 * only for a text that weir_codec_csv_next refuses. */
uint64_t weir_codec_csv_count(const struct weir_codec_csv *csv);

/* Writes a field's text with single quotes for the doubled ones; out has room for text.n bytes and
 * may be where the text lies. Returns how many were written. */
size_t weir_codec_csv_unquote(const struct weir_codec_csv_field *field, char *out);

/* Compares a field's text, as it is meant, with plain text. */
bool weir_codec_csv_eq(const struct weir_codec_csv_field *field, struct weir_str text);

/* Finds whether a text stands for a missing value: the words that pandas takes for one ("", "NA",
 * "NaN", "null", "None", "#N/A", …). */
bool weir_codec_csv_is_missing(struct weir_str text);

/* Reads a text as a number: decimal as Python and spreadsheets write it, "inf" with a sign or none,
 * true and false as 1 and 0, and as NaN what is missing: nothing, or one of the words above, in any
 * case. Spaces around it are fine. false: it is none of these. */
bool weir_codec_csv_number(struct weir_str text, double *out);

/* Appends a field, in quotes where it needs them. */
void weir_codec_csv_put(struct weir_buf *out, struct weir_str field);

#endif
