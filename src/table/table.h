/* SPDX-License-Identifier: MIT */
/* A CSV file as rows of a model: which column is which feature, and numbers into a matrix.
 *
 * With a first record that names columns, columns are found by the model's feature names, in any
 * order; others are ignored. A model that was fitted without names takes all columns by position,
 * and the first record is then names only when it holds something that is no number. */
#ifndef WEIR_TABLE_H
#define WEIR_TABLE_H

#include "base/arena.h"
#include "codec/digest.h"
#include "table/csv.h"
#include "tensor/spec.h"

#include <stdbool.h>
#include <stdint.h>

struct weir_table {
    const struct weir_spec *spec; /* borrowed until close */
    const char *path;             /* as messages name it; borrowed until close */
    int fd;
    uint64_t bytes_total; /* size of the file; 0: unknown */
    uint64_t bytes_read;
    struct weir_codec_digest digest; /* of the bytes read; only where it was asked for */
    struct weir_table_csv csv;
    bool has_first;         /* the record just read by csv is the first row */
    bool has_header;        /* the first record names columns */
    size_t n_fields;        /* of every record */
    size_t *columns;        /* n_features field numbers */
    struct weir_buf texts;  /* the names of the first record, side by side */
    struct weir_str *names; /* n_fields views into texts; NULL: without a header */
    uint64_t n_rows;        /* read so far */
    struct weir_arena room; /* texts of the rows just read */
};

struct weir_table_opts {
    char separator;            /* 0: comma */
    bool is_headless;          /* the first record is a row whatever it holds */
    bool takes_digest;         /* weir_table_digest will be called */
    bool is_regular;           /* a pipe or a device, which may never end, is WEIR_ERR_INVALID */
    bool is_positional;        /* columns are features in order, whatever their names */
    const char *const *others; /* n_others names of columns that are no features where columns are
                                  features in order; NULL entries mean nothing */
    size_t n_others;
    const struct weir_str *perhaps; /* n_perhaps names of columns that are features by position, or
                                       not: as the number of the model's features says */
    size_t n_perhaps;
};

/* Opens path ("-": standard input) and reads its first record. WEIR_ERR_NOT_FOUND, WEIR_ERR_IO: the
 * file; WEIR_ERR_INVALID: its columns are not the model's, and the message names which. *t is then
 * closed. */
WEIR_MUST_USE enum weir_status weir_table_open(struct weir_table *t, const char *path,
                                               const struct weir_spec *spec,
                                               const struct weir_table_opts *opts,
                                               struct weir_error *err);

/* Closes and frees; a zeroed table is fine. */
void weir_table_close(struct weir_table *t);

/* Reads one row into row (n_features of dtype, F64 or F32, missing = NaN; for a frame cells, whose
 * texts are valid until weir_table_forget). *is_end: there is none. WEIR_ERR_INVALID: a value that
 * is no number, or that the model does not take; the message names file, row (from 1), line and
 * column.
 */
WEIR_MUST_USE enum weir_status weir_table_next(struct weir_table *t, void *row,
                                               enum weir_dtype dtype, bool *is_end,
                                               struct weir_error *err);

/* Gives back the texts of the rows read so far. */
void weir_table_forget(struct weir_table *t);

/* Forgets, and reads at most n_max rows into rows (row-major), and the line of the file on which
 * each begins into lines. *n_read 0: the end. Errors as above. */
WEIR_MUST_USE enum weir_status weir_table_read(struct weir_table *t, void *rows,
                                               enum weir_dtype dtype, size_t n_max, uint64_t *lines,
                                               size_t *n_read, struct weir_error *err);

/* Reads some more bytes, perhaps in the middle of a row, that count for the digest only: after the
 * last row that is wanted. *is_end: there are none. WEIR_ERR_IO. */
WEIR_MUST_USE enum weir_status weir_table_skip(struct weir_table *t, bool *is_end,
                                               struct weir_error *err);

/* Writes the SHA-256 of the bytes read so far, in hexadecimal digits. Once, and no row is read
 * afterwards. WEIR_ERR_INTERNAL. */
WEIR_MUST_USE enum weir_status weir_table_digest(struct weir_table *t,
                                                 char out[WEIR_CODEC_DIGEST_HEX_BYTES],
                                                 struct weir_error *err);

/* Finds a column by its name. WEIR_ERR_INVALID: it is not there, is there twice, or columns have no
 * names; the message names file and column. */
WEIR_MUST_USE enum weir_status weir_table_find(const struct weir_table *t, struct weir_str name,
                                               size_t *field, struct weir_error *err);

/* Returns a field of the row just read, without blanks around it; valid until the next row. */
struct weir_str weir_table_field(const struct weir_table *t, size_t field);

/* Fails at a field of the row just read: "row 3 (line 4), column "y": what"; returns
 * WEIR_ERR_INVALID. */
enum weir_status weir_table_fail(const struct weir_table *t, size_t field, const char *what,
                                 struct weir_error *err);

#endif
