/* SPDX-License-Identifier: MIT */
/* A record is first brought into the buffer whole, by looking for an end of line outside quotes,
 * and then cut into fields in place: doubled quotes shrink, so that a field is always one run of
 * bytes. The search goes on where it stopped when more bytes arrive, so that it is linear. */
#include "cli/csv.h"

#include "base/macros.h"
#include "base/mem.h"

#include <string.h>

enum { READ_BYTES = 256 * 1024 };

void weir_cli_csv_init(struct weir_cli_csv *c, char separator, weir_cli_csv_read_fn *read,
                       void *ctx)
{
    *c = (struct weir_cli_csv){
        .read = read, .ctx = ctx, .separator = separator, .line_next = 1, .fields = NULL};
}

void weir_cli_csv_deinit(struct weir_cli_csv *c)
{
    weir_mem_free(weir_mem_default(), WEIR_TAKE(c->bytes));
    weir_mem_free(weir_mem_default(), WEIR_TAKE(c->fields));
    c->cap = c->n = c->at = c->fields_cap = 0;
}

/* Reads more bytes behind those that are there. */
static enum weir_status fill(struct weir_cli_csv *c, struct weir_error *err)
{
    if (c->bytes && c->at > 0) {
        memmove(c->bytes, c->bytes + c->at, c->n - c->at);
        c->n -= c->at;
        c->at = 0;
    }
    if (c->n > WEIR_CLI_CSV_RECORD_BYTES_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "line %llu: the record is longer than %d bytes",
                              (unsigned long long)c->line_next, WEIR_CLI_CSV_RECORD_BYTES_MAX);
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
static enum weir_status find_record(struct weir_cli_csv *c, size_t *n_record,
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

static enum weir_status refuse(const struct weir_cli_csv *c, struct weir_error *err,
                               const char *what)
{
    return weir_error_set(err, WEIR_ERR_INVALID, "line %llu, column %zu: %s",
                          (unsigned long long)c->line, c->n_fields + 1, what);
}

static enum weir_status push_field(struct weir_cli_csv *c, char *from, size_t n,
                                   struct weir_error *err)
{
    if (c->n_fields >= WEIR_CLI_CSV_FIELDS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "line %llu: more than %d columns",
                              (unsigned long long)c->line, WEIR_CLI_CSV_FIELDS_MAX);
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

/* Cuts a quoted field that begins at *at (after its quote), moving its bytes together; *at is then
 * behind the closing quote. */
static enum weir_status cut_quoted(struct weir_cli_csv *c, char **at, char *end,
                                   struct weir_error *err)
{
    char *from = *at;
    char *to = from;
    char *p = from;
    for (;; p++) {
        if (p == end)
            return refuse(c, err, "the quoted field that begins here never ends");
        if (*p == '\0')
            return refuse(c, err, "a NUL byte");
        if (*p == '"') {
            if (p + 1 == end || p[1] != '"')
                break;
            p++;
        }
        *to++ = *p;
    }
    *at = p + 1;
    if (*at < end && **at != c->separator)
        return refuse(c, err, "text after the closing quote");
    return push_field(c, from, (size_t)(to - from), err);
}

static enum weir_status cut_plain(struct weir_cli_csv *c, char **at, char *end,
                                  struct weir_error *err)
{
    char *p = *at;
    while (p < end && *p != c->separator) {
        if (*p == '"')
            return refuse(c, err, "a quote inside an unquoted field");
        if (*p == '\r')
            return refuse(c, err, "a carriage return that is not followed by an end of line");
        if (*p == '\0')
            return refuse(c, err, "a NUL byte");
        p++;
    }
    char *from = *at;
    *at = p;
    return push_field(c, from, (size_t)(p - from), err);
}

static enum weir_status cut(struct weir_cli_csv *c, char *at, char *end, struct weir_error *err)
{
    c->n_fields = 0;
    for (;;) {
        enum weir_status status;
        if (at < end && *at == '"') {
            at++;
            status = cut_quoted(c, &at, end, err);
        } else {
            status = cut_plain(c, &at, end, err);
        }
        if (status != WEIR_OK || at == end)
            return status;
        at++;
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

enum weir_cli_csv_result weir_cli_csv_next(struct weir_cli_csv *c, struct weir_error *err)
{
    for (;;) {
        size_t n_record;
        if (find_record(c, &n_record, err) != WEIR_OK)
            return WEIR_CLI_CSV_BAD;
        if (n_record == 0)
            return WEIR_CLI_CSV_END;
        char *from = c->bytes + c->at;
        char *end = from + n_record;
        c->line = c->line_next;
        c->line_next += count_lines(from, n_record);
        c->at += n_record;
        if (c->bytes_taken == 0 && n_record >= 3 && memcmp(from, "\xef\xbb\xbf", 3) == 0)
            from += 3;
        c->bytes_taken += n_record;
        if (end > from && end[-1] == '\n')
            end--;
        if (end > from && end[-1] == '\r')
            end--;
        /* A blank line is nothing, but in a file of one column it is a missing value. */
        if (from == end && c->n_fields != 1)
            continue;
        return cut(c, from, end, err) == WEIR_OK ? WEIR_CLI_CSV_RECORD : WEIR_CLI_CSV_BAD;
    }
}

void weir_cli_csv_put(struct weir_buf *out, struct weir_str field)
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
