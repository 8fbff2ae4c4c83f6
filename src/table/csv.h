/* SPDX-License-Identifier: MIT */
/* A streaming reader of comma-separated values (RFC 4180): records are returned one by one from a
 * buffer as large as the longest record.
 *
 * Taken: CRLF or LF as the end of a record, with or without one at the end of the file; a UTF-8
 * byte order mark at the beginning; blank lines, which are skipped where records have several
 * fields. Refused, with line and column: a quote inside an unquoted field, text after a closing
 * quote, a carriage return by itself, a NUL byte, a quoted field that never ends, and what is
 * larger than the limits. Pure but for the read callback. */
#ifndef WEIR_TABLE_CSV_H
#define WEIR_TABLE_CSV_H

#include "base/buf.h"
#include "base/str.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stdint.h>

enum {
    WEIR_TABLE_CSV_RECORD_BYTES_MAX = 16 * 1024 * 1024,
    WEIR_TABLE_CSV_FIELDS_MAX = 65536,
};

/* Reads at most n bytes into out and writes how many into *n_read; 0 is the end. */
typedef enum weir_status weir_table_csv_read_fn(void *ctx, char *out, size_t n, size_t *n_read,
                                                struct weir_error *err);

struct weir_table_csv {
    weir_table_csv_read_fn *read; /* constant */
    void *ctx;
    char separator;
    char *bytes; /* cap bytes: what was read and not yet returned */
    size_t cap;
    size_t at; /* first byte not yet returned */
    size_t n;  /* bytes there */
    bool is_end;
    uint64_t line_next;      /* line number of bytes[at], from 1 */
    struct weir_str *fields; /* fields_cap views */
    size_t fields_cap;
    /* The record just returned. Fields are views into the buffer, unquoted, valid until the next
     * call. */
    uint64_t line; /* line on which it begins, from 1 */
    size_t n_fields;
    uint64_t bytes_taken; /* bytes of all records so far */
};

enum weir_table_csv_result { WEIR_TABLE_CSV_RECORD, WEIR_TABLE_CSV_END, WEIR_TABLE_CSV_BAD };

/* Makes a reader of what read gives, fields parted by separator. Allocates nothing yet. */
void weir_table_csv_init(struct weir_table_csv *c, char separator, weir_table_csv_read_fn *read,
                         void *ctx);

void weir_table_csv_deinit(struct weir_table_csv *c);

/* Steps to the next record. BAD: err has the reason, "line 7, column 3: …" where it is in the text;
 * the reader is of no use any more. */
enum weir_table_csv_result weir_table_csv_next(struct weir_table_csv *c, struct weir_error *err);

#endif
