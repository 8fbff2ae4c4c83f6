/* SPDX-License-Identifier: MIT */
/* A record is first brought into the buffer whole, by looking for an end of line outside quotes,
 * and then cut into fields in place (codec/csv.h): doubled quotes shrink, so that a field is always
 * one run of bytes. The search goes on where it stopped when more bytes arrive, so that it is
 * linear. */
#include "table/csv.h"

#include "base/macros.h"
#include "base/mem.h"
#include "codec/csv.h"

#include <string.h>

enum { READ_BYTES = 256 * 1024 };

void weir_table_csv_init(struct weir_table_csv *c, char separator, weir_table_csv_read_fn *read,
                         void *ctx)
{
    *c = (struct weir_table_csv){
        .read = read, .ctx = ctx, .separator = separator, .line_next = 1, .fields = NULL};
}

void weir_table_csv_deinit(struct weir_table_csv *c)
{
    weir_mem_free(weir_mem_default(), WEIR_TAKE(c->bytes));
    weir_mem_free(weir_mem_default(), WEIR_TAKE(c->fields));
    c->cap = c->n = c->at = c->fields_cap = 0;
}

/* Reads more bytes behind those that are there. */
static enum weir_status fill(struct weir_table_csv *c, struct weir_error *err)
{
    if (c->bytes && c->at > 0) {
        memmove(c->bytes, c->bytes + c->at, c->n - c->at);
        c->n -= c->at;
        c->at = 0;
    }
    if (c->n > WEIR_TABLE_CSV_RECORD_BYTES_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "line %llu: the record is longer than %d bytes",
                              (unsigned long long)c->line_next, WEIR_TABLE_CSV_RECORD_BYTES_MAX);
    if (c->cap - c->n < READ_BYTES) {
        size_t cap = weir_max_size(c->cap * 2, (size_t)READ_BYTES * 2);
        char *bytes = weir_mem_resize(weir_mem_default(), c->bytes, cap, 1);
        if (!bytes)
            return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
        c->bytes = bytes;
        c->cap = cap;
    }
    size_t n_read = 0;
    enum weir_status status = c->read(c->ctx, c->bytes + c->n, c->cap - c->n, &n_read, err);
    c->n += n_read;
    c->is_end = status == WEIR_OK && n_read == 0;
    return status;
}

/* Finds the end of the record at c->at: *n_record bytes with its end of line. n_record 0: the end
 * of the file. */
static enum weir_status find_record(struct weir_table_csv *c, size_t *n_record,
                                    struct weir_error *err)
{
    bool is_quoted = false;
    for (size_t i = 0;;) {
        const char *from = c->bytes ? c->bytes + c->at : NULL;
        size_t n = from ? c->n - c->at : 0;
        while (i < n) {
            char ch = from[i++];
            if (ch == '"') {
                is_quoted = !is_quoted;
            } else if (ch == '\n' && !is_quoted) {
                *n_record = i;
                return WEIR_OK;
            }
        }
        if (c->is_end) {
            *n_record = n;
            return WEIR_OK;
        }
        enum weir_status status = fill(c, err);
        if (status != WEIR_OK)
            return status;
    }
}

static enum weir_status push_field(struct weir_table_csv *c, char *from, size_t n,
                                   struct weir_error *err)
{
    if (c->n_fields >= WEIR_TABLE_CSV_FIELDS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "line %llu: more than %d columns",
                              (unsigned long long)c->line, WEIR_TABLE_CSV_FIELDS_MAX);
    if (c->n_fields == c->fields_cap) {
        size_t cap = weir_max_size(c->fields_cap * 2, 64);
        struct weir_str *fields =
            weir_mem_resize(weir_mem_default(), c->fields, cap, sizeof *fields);
        if (!fields)
            return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
        c->fields = fields;
        c->fields_cap = cap;
    }
    c->fields[c->n_fields++] = weir_str_make(from, n);
    return WEIR_OK;
}

/* Cuts a record without its end of line into fields; a blank one has none. */
static enum weir_status cut(struct weir_table_csv *c, char *at, char *end, struct weir_error *err)
{
    struct weir_codec_csv csv;
    struct weir_codec_csv_field field;
    weir_codec_csv_init(&csv, weir_str_make(at, (size_t)(end - at)), c->separator);
    csv.line_next = c->line;
    /* A blank line is nothing, but in a file of one column it is a missing value. */
    csv.keeps_blank = c->n_fields == 1;
    bool is_empty = at == end && csv.keeps_blank;
    c->n_fields = 0;
    if (is_empty)
        return push_field(c, at, 0, err);
    for (;;) {
        switch (weir_codec_csv_next(&csv, &field, err)) {
        case WEIR_CODEC_CSV_BAD:
            return WEIR_ERR_INVALID;
        case WEIR_CODEC_CSV_END:
            return WEIR_OK;
        case WEIR_CODEC_CSV_FIELD:
            break;
        }
        char *to = at + (field.text.at - at);
        enum weir_status status = push_field(c, to, weir_codec_csv_unquote(&field, to), err);
        if (status != WEIR_OK)
            return status;
    }
}

static uint64_t count_lines(const char *at, size_t n)
{
    uint64_t lines = 0;
    const char *end = at + n;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        lines++;
        at++;
    }
    return lines;
}

enum weir_table_csv_result weir_table_csv_next(struct weir_table_csv *c, struct weir_error *err)
{
    for (;;) {
        size_t n_record;
        if (find_record(c, &n_record, err) != WEIR_OK)
            return WEIR_TABLE_CSV_BAD;
        if (n_record == 0)
            return WEIR_TABLE_CSV_END;
        char *from = c->bytes + c->at;
        char *end = from + n_record;
        c->line = c->line_next;
        c->line_next += count_lines(from, n_record);
        c->at += n_record;
        c->bytes_taken += n_record;
        if (end > from && end[-1] == '\n')
            end--;
        if (end > from && end[-1] == '\r')
            end--;
        size_t n_before = c->n_fields;
        if (cut(c, from, end, err) != WEIR_OK)
            return WEIR_TABLE_CSV_BAD;
        if (c->n_fields > 0)
            return WEIR_TABLE_CSV_RECORD;
        c->n_fields = n_before;
    }
}
