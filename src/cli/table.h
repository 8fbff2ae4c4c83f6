/* SPDX-License-Identifier: MIT */
/* A CSV file as rows of a model: which column is which feature, and numbers into a matrix.
 *
 * With a first record that names columns, columns are found by the model's feature names, in any
 * order; others are ignored. A model that was fitted without names takes all columns by position,
 * and the first record is then names only when it holds something that is no number. */
#ifndef WEIR_CLI_TABLE_H
#define WEIR_CLI_TABLE_H

#include "base/arena.h"
#include "cli/csv.h"
#include "tensor/spec.h"

#include <stdbool.h>
#include <stdint.h>

struct weir_cli_table {
    const struct weir_spec *spec; /* borrowed until close */
    const char *path;             /* as messages name it; borrowed until close */
    int fd;
    uint64_t bytes_total; /* size of the file; 0: unknown */
    uint64_t bytes_read;
    struct weir_cli_csv csv;
    bool has_first;         /* the record just read by csv is the first row */
    bool has_header;        /* the first record names columns */
    size_t n_fields;        /* of every record */
    size_t *columns;        /* n_features field numbers */
    struct weir_buf texts;  /* the names of the first record, side by side */
    struct weir_str *names; /* n_fields views into texts; NULL: without a header */
    uint64_t n_rows;        /* read so far */
    struct weir_arena room; /* texts of the rows just read */
};

struct weir_cli_table_opts {
    char separator;     /* 0: comma */
    bool is_headless;   /* the first record is a row whatever it holds */
    bool is_positional; /* columns are features in order, whatever their names */
};

/* Opens path ("-": standard input) and reads its first record. WEIR_ERR_NOT_FOUND, WEIR_ERR_IO: the
 * file; WEIR_ERR_INVALID: its columns are not the model's, and the message names which. *t is then
 * closed. */
WEIR_MUST_USE enum weir_status weir_cli_table_open(struct weir_cli_table *t, const char *path,
                                                   const struct weir_spec *spec,
                                                   const struct weir_cli_table_opts *opts,
                                                   struct weir_error *err);

/* Closes and frees; a zeroed table is fine. */
void weir_cli_table_close(struct weir_cli_table *t);

/* Reads at most n_max rows into rows (n_max × n_features of dtype, F64 or F32, row-major, missing =
 * NaN; for a frame cells, whose texts are valid until the next call) and the line of the file on
 * which each begins into lines. *n_read 0: the end. WEIR_ERR_INVALID: a value that is no number, or
 * that the model does not take; the message names file, row (from 1), line and column. */
WEIR_MUST_USE enum weir_status weir_cli_table_read(struct weir_cli_table *t, void *rows,
                                                   enum weir_dtype dtype, size_t n_max,
                                                   uint64_t *lines, size_t *n_read,
                                                   struct weir_error *err);

#endif
