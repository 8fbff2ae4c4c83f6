/* SPDX-License-Identifier: MIT */
#include "table/table.h"

#include "base/macros.h"
#include "base/mem.h"
#include "codec/csv.h"
#include "codec/number.h"
#include "tensor/cell.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COLUMN_TEXT_BYTES = WEIR_ECHO_BUF_BYTES + 16, SKIP_BYTES = 64 * 1024 };

static enum weir_status read_fd(void *ctx, char *out, size_t n, size_t *n_read,
                                struct weir_error *err)
{
    struct weir_table *t = ctx;
    for (;;) {
        ssize_t got = read(t->fd, out, n);
        if (got >= 0) {
            *n_read = (size_t)got;
            t->bytes_read += (uint64_t)got;
            if (t->digest.ctx && weir_codec_digest_update(&t->digest, out, (size_t)got) != WEIR_OK)
                return weir_error_set(err, WEIR_ERR_INTERNAL, "no digest can be taken");
            return WEIR_OK;
        }
        if (errno != EINTR)
            return weir_error_set(err, WEIR_ERR_IO, "%s", strerror(errno));
    }
}

static enum weir_status open_file(struct weir_table *t, const struct weir_table_opts *opts,
                                  struct weir_error *err)
{
    struct stat st;
    if (!opts->is_regular && strcmp(t->path, "-") == 0) {
        t->path = "standard input";
        t->fd = dup(STDIN_FILENO);
    } else {
        /* A pipe that nobody writes to would not come back. */
        t->fd = open(t->path, O_RDONLY | O_CLOEXEC | (opts->is_regular ? O_NONBLOCK : 0));
    }
    if (t->fd < 0)
        return weir_error_set(err, errno == ENOENT ? WEIR_ERR_NOT_FOUND : WEIR_ERR_IO, "%s: %s",
                              t->path, strerror(errno));
    bool is_regular = fstat(t->fd, &st) == 0 && S_ISREG(st.st_mode);
    if (opts->is_regular && !is_regular)
        return weir_error_set(err, WEIR_ERR_INVALID, "%s: not a regular file", t->path);
    if (opts->takes_digest && weir_codec_digest_init(&t->digest) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_INTERNAL, "%s: no digest can be taken", t->path);
    if (is_regular)
        t->bytes_total = (uint64_t)st.st_size;
    return WEIR_OK;
}

/* Keeps the names of the first record. */
static enum weir_status keep_names(struct weir_table *t, struct weir_error *err)
{
    struct weir_mem *mem = weir_mem_default();
    t->names = weir_mem_array(mem, t->n_fields, sizeof *t->names);
    for (size_t i = 0; i < t->n_fields; i++)
        weir_buf_append_str(&t->texts, weir_str_trim(t->csv.fields[i]));
    if (!t->names || !weir_buf_ok(&t->texts))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    size_t at = 0;
    for (size_t i = 0; i < t->n_fields; i++) {
        size_t n = weir_str_trim(t->csv.fields[i]).n;
        t->names[i] = weir_str_make(t->texts.at + at, n);
        at += n;
    }
    t->has_header = true;
    return WEIR_OK;
}

static bool is_numbers(const struct weir_table_csv *csv)
{
    double v;
    for (size_t i = 0; i < csv->n_fields; i++) {
        if (!weir_codec_csv_number(csv->fields[i], &v))
            return false;
    }
    return true;
}

/* Returns how many fields of the first record are named as a feature; *at is the first of them.
 * O(fields); fine for the few thousand columns that a text file has. */
static size_t find_name(const struct weir_table_csv *csv, struct weir_str name, size_t *at)
{
    size_t n = 0;
    for (size_t i = 0; i < csv->n_fields; i++) {
        if (weir_str_eq(weir_str_trim(csv->fields[i]), name) && n++ == 0)
            *at = i;
    }
    return n;
}

/* Finds the field of each feature by name. *n_found: how many were found; err is set for the first
 * that is missing or there twice. */
static enum weir_status find_names(struct weir_table *t, size_t *n_found, struct weir_error *err)
{
    enum weir_status status = WEIR_OK;
    for (size_t i = 0; i < t->spec->n_features; i++) {
        struct weir_str name = t->spec->feature_names[i];
        char echo[WEIR_ECHO_BUF_BYTES];
        size_t n = find_name(&t->csv, name, &t->columns[i]);
        *n_found += n > 0;
        if (n != 1 && status == WEIR_OK)
            status =
                weir_error_set(err, WEIR_ERR_INVALID,
                               n == 0 ? "column \"%s\" is missing" : "column \"%s\" is there twice",
                               weir_str_echo(name, echo, sizeof echo));
    }
    return status;
}

static bool is_other(const struct weir_table *t, const struct weir_table_opts *opts, size_t field,
                     bool is_perhaps)
{
    for (size_t i = 0; t->names && i < opts->n_others; i++) {
        if (opts->others[i] && weir_str_eq_c(t->names[field], opts->others[i]))
            return true;
    }
    for (size_t i = 0; t->names && is_perhaps && i < opts->n_perhaps; i++) {
        if (weir_str_eq(t->names[field], opts->perhaps[i]))
            return true;
    }
    return false;
}

/* Takes the columns in order. Returns how many features there are. is_perhaps: columns that may be
 * features are none. */
static size_t take_columns(struct weir_table *t, const struct weir_table_opts *opts,
                           bool is_perhaps)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_fields; i++) {
        if (is_other(t, opts, i, is_perhaps))
            continue;
        if (n < t->spec->n_features)
            t->columns[n] = i;
        n++;
    }
    return n;
}

static enum weir_status by_position(struct weir_table *t, const struct weir_table_opts *opts,
                                    struct weir_error *err)
{
    size_t n = take_columns(t, opts, false);
    if (n != t->spec->n_features && opts->n_perhaps > 0)
        n = take_columns(t, opts, true);
    if (n != t->spec->n_features)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "line %llu: %zu columns, and the model takes %zu features",
                              (unsigned long long)t->csv.line, n, t->spec->n_features);
    return WEIR_OK;
}

static enum weir_status read_first(struct weir_table *t, const struct weir_table_opts *opts,
                                   struct weir_error *err)
{
    switch (weir_table_csv_next(&t->csv, err)) {
    case WEIR_TABLE_CSV_BAD:
        return err->code;
    case WEIR_TABLE_CSV_END:
        return weir_error_set(err, WEIR_ERR_INVALID, "the file is empty");
    case WEIR_TABLE_CSV_RECORD:
        break;
    }
    t->n_fields = t->csv.n_fields;
    bool has_names = t->spec->feature_names && !opts->is_positional && !opts->is_headless;
    size_t n_found = 0;
    if (has_names) {
        enum weir_status status = find_names(t, &n_found, err);
        if (status == WEIR_OK)
            return keep_names(t, err);
        if (n_found > 0 || !is_numbers(&t->csv))
            return status;
    }
    t->has_first = opts->is_headless || is_numbers(&t->csv);
    if (!t->has_first) {
        enum weir_status status = keep_names(t, err);
        if (status != WEIR_OK)
            return status;
    }
    return by_position(t, opts, err);
}

enum weir_status weir_table_open(struct weir_table *t, const char *path,
                                 const struct weir_spec *spec, const struct weir_table_opts *opts,
                                 struct weir_error *err)
{
    struct weir_error own = WEIR_ERROR_INIT;
    err = err ? err : &own;
    *t = (struct weir_table){.spec = spec, .path = path, .fd = -1};
    weir_arena_init(&t->room, NULL, 0);
    enum weir_status status = open_file(t, opts, err);
    if (status != WEIR_OK) {
        weir_table_close(t);
        return status;
    }
    weir_table_csv_init(&t->csv, opts->separator ? opts->separator : ',', read_fd, t);
    t->columns =
        weir_mem_zarray(weir_mem_default(), weir_max_size(spec->n_features, 1), sizeof *t->columns);
    status = t->columns ? read_first(t, opts, err)
                        : weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (status != WEIR_OK) {
        (void)weir_error_prefix(err, "%s", t->path);
        weir_table_close(t);
    }
    return status;
}

void weir_table_close(struct weir_table *t)
{
    if (!t->path)
        return;
    weir_table_csv_deinit(&t->csv);
    weir_mem_free(weir_mem_default(), WEIR_TAKE(t->columns));
    weir_mem_free(weir_mem_default(), WEIR_TAKE(t->names));
    weir_buf_deinit(&t->texts);
    weir_arena_deinit(&t->room);
    weir_codec_digest_deinit(&t->digest);
    if (t->fd >= 0)
        (void)close(t->fd); /* Was only read. */
    t->path = NULL;
}

/* `column "age"`, or `column 3` (from 1) in a file without names. */
static const char *column_text(const struct weir_table *t, size_t field, char *out)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    if (t->names)
        (void)snprintf(out, COLUMN_TEXT_BYTES, "column \"%s\"",
                       weir_str_echo(t->names[field], echo, sizeof echo));
    else
        (void)snprintf(out, COLUMN_TEXT_BYTES, "column %zu", field + 1);
    return out;
}

static enum weir_status refuse(const struct weir_table *t, size_t field, const char *what,
                               const char *detail, struct weir_error *err)
{
    char column[COLUMN_TEXT_BYTES];
    return weir_error_set(err, WEIR_ERR_INVALID, "row %llu (line %llu), %s: %s%s",
                          (unsigned long long)t->n_rows + 1, (unsigned long long)t->csv.line,
                          column_text(t, field, column), what, detail);
}

/* Reads a field of a column that may hold text into a cell. Nothing in it is None; in a column of
 * texts and numbers, what is written as a number is one, as when a data frame is read. */
static enum weir_status read_cell(struct weir_table *t, size_t i, struct weir_str field,
                                  double *out, struct weir_error *err)
{
    double v;
    bool is_mixed = t->spec->columns[i] == WEIR_COLUMN_MIXED;
    if (field.n == 0) {
        *out = weir_cell_none();
        return WEIR_OK;
    }
    if (is_mixed && weir_codec_number_read_f64(weir_str_trim(field), &v) && isfinite(v)) {
        *out = weir_cell_number(v);
        return WEIR_OK;
    }
    struct weir_cell_text *text = weir_arena_alloc(&t->room, sizeof *text + field.n + 1);
    if (!text)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    text->n = (uint32_t)field.n; /* A record has 16 MiB at most. */
    memcpy(text->at, field.at, field.n);
    text->at[field.n] = 0;
    *out = weir_cell_from_text(text);
    return WEIR_OK;
}

static enum weir_status read_row(struct weir_table *t, void *row, enum weir_dtype dtype,
                                 struct weir_error *err)
{
    const struct weir_spec *spec = t->spec;
    if (t->csv.n_fields != t->n_fields)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "row %llu (line %llu): %zu columns, expected %zu",
                              (unsigned long long)t->n_rows + 1, (unsigned long long)t->csv.line,
                              t->csv.n_fields, t->n_fields);
    for (size_t i = 0; i < spec->n_features; i++) {
        size_t field = t->columns[i];
        double v;
        if (spec->columns && spec->columns[i] != WEIR_COLUMN_NUMBER) {
            enum weir_status status = read_cell(t, i, t->csv.fields[field], (double *)row + i, err);
            if (status != WEIR_OK)
                return status;
            continue;
        }
        if (!weir_codec_csv_number(t->csv.fields[field], &v)) {
            char echo[WEIR_ECHO_BUF_BYTES + 2];
            echo[0] = '"';
            weir_str_echo(t->csv.fields[field], echo + 1, WEIR_ECHO_BUF_BYTES);
            size_t n = strlen(echo);
            echo[n] = '"';
            echo[n + 1] = '\0';
            return refuse(t, field, "expected a number, got ", echo, err);
        }
        bool is_inf = dtype == WEIR_F32 ? isinf((float)v) : isinf(v);
        if (isnan(v) && !spec->allows_nan)
            return refuse(t, field, "a missing value, which the model does not take", "", err);
        if (is_inf && !spec->allows_inf)
            return refuse(t, field,
                          isinf(v) ? "an infinite value, which the model does not take"
                                   : "a value too large for the model's float32",
                          "", err);
        if (dtype == WEIR_F32)
            ((float *)row)[i] = (float)v;
        else
            ((double *)row)[i] = v;
    }
    return WEIR_OK;
}

enum weir_status weir_table_next(struct weir_table *t, void *row, enum weir_dtype dtype,
                                 bool *is_end, struct weir_error *err)
{
    struct weir_error own = WEIR_ERROR_INIT;
    err = err ? err : &own;
    weir_assert(dtype == WEIR_F32 || dtype == WEIR_F64);
    enum weir_table_csv_result result =
        t->has_first ? WEIR_TABLE_CSV_RECORD : weir_table_csv_next(&t->csv, err);
    t->has_first = false;
    *is_end = result == WEIR_TABLE_CSV_END;
    if (*is_end)
        return WEIR_OK;
    if (result == WEIR_TABLE_CSV_BAD || read_row(t, row, dtype, err) != WEIR_OK) {
        (void)weir_error_prefix(err, "%s", t->path);
        return err->code;
    }
    t->n_rows++;
    return WEIR_OK;
}

void weir_table_forget(struct weir_table *t)
{
    weir_arena_reset(&t->room);
}

enum weir_status weir_table_read(struct weir_table *t, void *rows, enum weir_dtype dtype,
                                 size_t n_max, uint64_t *lines, size_t *n_read,
                                 struct weir_error *err)
{
    size_t row_bytes = t->spec->n_features * weir_dtype_size(dtype);
    weir_table_forget(t);
    for (*n_read = 0; *n_read < n_max; (*n_read)++) {
        bool is_end;
        enum weir_status status =
            weir_table_next(t, (char *)rows + *n_read * row_bytes, dtype, &is_end, err);
        if (status != WEIR_OK || is_end)
            return status;
        lines[*n_read] = t->csv.line;
    }
    return WEIR_OK;
}

enum weir_status weir_table_skip(struct weir_table *t, bool *is_end, struct weir_error *err)
{
    char bytes[SKIP_BYTES];
    size_t n = 0;
    enum weir_status status = read_fd(t, bytes, sizeof bytes, &n, err);
    *is_end = n == 0;
    if (status != WEIR_OK)
        (void)weir_error_prefix(err, "%s", t->path);
    return status;
}

enum weir_status weir_table_digest(struct weir_table *t, char out[WEIR_CODEC_DIGEST_HEX_BYTES],
                                   struct weir_error *err)
{
    uint8_t digest[WEIR_CODEC_DIGEST_BYTES];
    weir_assert(t->digest.ctx);
    if (weir_codec_digest_finish(&t->digest, digest) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_INTERNAL, "%s: no digest can be taken", t->path);
    weir_codec_digest_hex(digest, out);
    return WEIR_OK;
}

enum weir_status weir_table_find(const struct weir_table *t, struct weir_str name, size_t *field,
                                 struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    size_t n = 0;
    for (size_t i = 0; t->names && i < t->n_fields; i++) {
        if (weir_str_eq(t->names[i], name) && n++ == 0)
            *field = i;
    }
    if (n == 1)
        return WEIR_OK;
    weir_str_echo(name, echo, sizeof echo);
    return weir_error_set(err, WEIR_ERR_INVALID,
                          n == 0 ? "%s: column \"%s\" is missing"
                                 : "%s: column \"%s\" is there twice",
                          t->path, echo);
}

struct weir_str weir_table_field(const struct weir_table *t, size_t field)
{
    weir_assert(field < t->csv.n_fields);
    return weir_str_trim(t->csv.fields[field]);
}

enum weir_status weir_table_fail(const struct weir_table *t, size_t field, const char *what,
                                 struct weir_error *err)
{
    char column[COLUMN_TEXT_BYTES];
    return weir_error_set(err, WEIR_ERR_INVALID, "%s: row %llu (line %llu), %s: %s", t->path,
                          (unsigned long long)t->n_rows, (unsigned long long)t->csv.line,
                          column_text(t, field, column), what);
}
