/* SPDX-License-Identifier: MIT */
/* Rows by name: which column does a name mean?
 *
 * Clients send all rows with their names in one order, mostly the model's. So the n-th name is
 * first compared with the column that the n-th name of the row before meant; only when that fails
 * is the table of hashes built, once for the request. */
#include "protocol/protocol_priv.h"

#include <stdio.h>
#include <string.h>

struct weir_protocol_columns {
    size_t n_cap;         /* features that fit */
    uint32_t *order;      /* by position of a name: its column when last seen; n_cap */
    uint32_t *marks;      /* by column: the last round that gave it; n_cap */
    uint32_t *slots;      /* open addressing, column + 1; n_slots_cap, used: n_slots */
    size_t n_slots;       /* 0: not built for this request */
    size_t n_slots_cap;   /* a power of two ≥ 2 × n_cap */
    struct weir_buf text; /* a name without its escapes */
};

void weir_protocol_columns_free(struct weir_protocol_decoder *decoder)
{
    struct weir_protocol_columns *c = decoder->columns;
    if (!c)
        return;
    weir_buf_deinit(&c->text);
    weir_mem_free(decoder->mem, c->order);
    weir_mem_free(decoder->mem, c->marks);
    weir_mem_free(decoder->mem, c->slots);
    weir_mem_free(decoder->mem, c);
    decoder->columns = NULL;
}

static bool grow(struct weir_protocol_decoder *decoder, size_t n)
{
    if (decoder->columns && decoder->columns->n_cap >= n)
        return true;
    weir_protocol_columns_free(decoder);
    struct weir_protocol_columns *c = weir_mem_zalloc(decoder->mem, sizeof *c);
    decoder->columns = c;
    if (!c)
        return false;
    c->n_slots_cap = 16;
    while (c->n_slots_cap < 2 * n)
        c->n_slots_cap *= 2;
    c->text.mem = decoder->mem;
    c->order = weir_mem_array(decoder->mem, n, sizeof *c->order);
    c->marks = weir_mem_array(decoder->mem, n, sizeof *c->marks);
    c->slots = weir_mem_array(decoder->mem, c->n_slots_cap, sizeof *c->slots);
    if (!c->order || !c->marks || !c->slots) {
        weir_protocol_columns_free(decoder);
        return false;
    }
    c->n_cap = n;
    return true;
}

enum weir_status weir_protocol_columns_start(struct weir_protocol_decoder *decoder,
                                             const struct weir_spec *spec, struct weir_error *err)
{
    if (!spec->feature_names)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "rows by name: this model was fitted without feature names; send "
                              "arrays of %zu values",
                              spec->n_features);
    if (!grow(decoder, spec->n_features))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    struct weir_protocol_columns *c = decoder->columns;
    for (size_t i = 0; i < spec->n_features; i++)
        c->order[i] = (uint32_t)i;
    memset(c->marks, 0, spec->n_features * sizeof *c->marks);
    c->n_slots = 0;
    return WEIR_OK;
}

static void build_slots(struct weir_protocol_decoder *decoder, const struct weir_spec *spec)
{
    struct weir_protocol_columns *c = decoder->columns;
    c->n_slots = 16;
    while (c->n_slots < 2 * spec->n_features)
        c->n_slots *= 2;
    weir_assert(c->n_slots <= c->n_slots_cap);
    memset(c->slots, 0, c->n_slots * sizeof *c->slots);
    for (size_t i = 0; i < spec->n_features; i++) {
        size_t slot = weir_codec_json_hash(&decoder->json, spec->feature_names[i]);
        while (c->slots[slot & (c->n_slots - 1)])
            slot++;
        c->slots[slot & (c->n_slots - 1)] = (uint32_t)i + 1;
    }
}

int64_t weir_protocol_columns_find_plain(struct weir_protocol_decoder *decoder,
                                         const struct weir_spec *spec, struct weir_str name,
                                         size_t position)
{
    struct weir_protocol_columns *c = decoder->columns;
    if (position < spec->n_features && weir_str_eq(name, spec->feature_names[c->order[position]]))
        return c->order[position];
    if (c->n_slots == 0)
        build_slots(decoder, spec);
    for (size_t slot = weir_codec_json_hash(&decoder->json, name);; slot++) {
        uint32_t found = c->slots[slot & (c->n_slots - 1)];
        if (found == 0)
            return WEIR_PROTOCOL_COLUMN_NONE;
        if (weir_str_eq(spec->feature_names[found - 1], name)) {
            if (position < spec->n_features)
                c->order[position] = found - 1;
            return found - 1;
        }
    }
}

int32_t *weir_protocol_columns_map(struct weir_protocol_decoder *decoder, size_t n)
{
    if (decoder->map_cap < n || !decoder->map) {
        int32_t *map = weir_mem_resize(decoder->mem, decoder->map, n ? n : 1, sizeof *map);
        if (!map)
            return NULL;
        decoder->map = map;
        decoder->map_cap = n;
    }
    return decoder->map;
}

int64_t weir_protocol_columns_find(struct weir_protocol_decoder *decoder,
                                   const struct weir_spec *spec, struct weir_str written,
                                   size_t position)
{
    struct weir_protocol_columns *c = decoder->columns;
    if (position < spec->n_features &&
        weir_codec_json_string_eq(written, spec->feature_names[c->order[position]]))
        return c->order[position];
    if (WEIR_LIKELY(!memchr(written.n ? written.at : "", '\\', written.n)))
        return weir_protocol_columns_find_plain(decoder, spec, written, position);
    weir_buf_clear(&c->text);
    weir_codec_json_unescape(written, &c->text);
    if (!weir_buf_ok(&c->text))
        return WEIR_PROTOCOL_COLUMN_NO_MEMORY;
    return weir_protocol_columns_find_plain(decoder, spec, weir_buf_str(&c->text), position);
}

bool weir_protocol_columns_mark(struct weir_protocol_decoder *decoder, size_t column,
                                uint32_t round)
{
    uint32_t *mark = &decoder->columns->marks[column];
    bool is_first = *mark != round;
    *mark = round;
    return is_first;
}

bool weir_protocol_columns_is_marked(const struct weir_protocol_decoder *decoder, size_t column,
                                     uint32_t round)
{
    return decoder->columns->marks[column] == round;
}

size_t weir_protocol_columns_missing(const struct weir_protocol_decoder *decoder,
                                     const struct weir_spec *spec, uint32_t round)
{
    for (size_t i = 0; i < spec->n_features; i++) {
        if (decoder->columns->marks[i] != round)
            return i;
    }
    return SIZE_MAX;
}

static bool may_lack(const struct weir_spec *spec, size_t column)
{
    bool is_optional = spec->mlflow && spec->mlflow->columns &&
                       (spec->mlflow->columns[column] & WEIR_SPEC_MLFLOW_OPTIONAL);
    bool is_cell = spec->columns && spec->columns[column] != WEIR_COLUMN_NUMBER;
    return is_optional && (is_cell || spec->allows_nan);
}

size_t weir_protocol_columns_lacking(const struct weir_protocol_decoder *decoder,
                                     const struct weir_spec *spec, uint32_t round)
{
    size_t lacking = SIZE_MAX;
    size_t n_given = 0;
    for (size_t i = 0; i < spec->n_features; i++) {
        if (decoder->columns->marks[i] == round)
            n_given++;
        else if (lacking == SIZE_MAX && !may_lack(spec, i))
            lacking = i;
    }
    return n_given == 0 ? 0 : lacking;
}

enum weir_status weir_protocol_columns_complete(const struct weir_protocol_decoder *decoder,
                                                const struct weir_spec *spec,
                                                struct weir_error *err)
{
    size_t column = weir_protocol_columns_lacking(decoder, spec, 1);
    char echo[WEIR_ECHO_BUF_BYTES];
    if (column == SIZE_MAX)
        return WEIR_OK;
    return weir_error_set(err, WEIR_ERR_INVALID, "inputs: column \"%s\" is missing",
                          weir_str_echo(spec->feature_names[column], echo, sizeof echo));
}

void weir_protocol_columns_texts(const struct weir_spec *spec, size_t column, bool *may, bool *must)
{
    size_t first = column == SIZE_MAX ? 0 : column;
    size_t end = column == SIZE_MAX ? spec->n_features : column + 1;
    *may = *must = false;
    for (size_t c = first; spec->columns && c < end; c++) {
        *may |= spec->columns[c] != WEIR_COLUMN_NUMBER;
        *must |= spec->columns[c] == WEIR_COLUMN_TEXT;
    }
}

/* Writes a missing value into each column of a row that was not given; false: it is refused. */
static bool fill_missing(struct weir_protocol_fill *fill, size_t row, uint32_t round)
{
    for (size_t i = 0; i < fill->spec->n_features; i++) {
        if (fill->decoder->columns->marks[i] != round &&
            weir_protocol_cells_missing(fill, row, i) != WEIR_OK)
            return false;
    }
    return true;
}

void weir_protocol_columns_leave_out(struct weir_protocol_fill *fill, size_t row, size_t n_rows,
                                     uint32_t round)
{
    if (weir_protocol_columns_missing(fill->decoder, fill->spec, round) == SIZE_MAX)
        return;
    for (size_t i = row; i < row + n_rows; i++) {
        bool is_filled = fill_missing(fill, i, round);
        weir_assert(is_filled);
    }
}

static void fail_missing(struct weir_protocol_fill *fill, size_t row, size_t column)
{
    const struct weir_spec *spec = fill->spec;
    size_t n_more = 0;
    for (size_t i = column + 1; i < spec->n_features; i++)
        n_more += fill->decoder->columns->marks[i] != (uint32_t)row + 1 && !may_lack(spec, i);
    char name[WEIR_ECHO_BUF_BYTES];
    weir_str_echo(spec->feature_names[column], name, sizeof name);
    if (n_more == 0)
        (void)weir_protocol_fill_row_error(fill, row, "column \"%s\" is missing", name);
    else
        (void)weir_protocol_fill_row_error(fill, row, "column \"%s\" and %zu more are missing",
                                           name, n_more);
}

bool weir_protocol_columns_check(struct weir_protocol_fill *fill, size_t row, size_t n_given)
{
    uint32_t round = (uint32_t)row + 1;
    if (WEIR_LIKELY(n_given == fill->spec->n_features))
        return true;
    size_t lacking = weir_protocol_columns_lacking(fill->decoder, fill->spec, round);
    if (fill->takes_missing || lacking == SIZE_MAX)
        return fill_missing(fill, row, round);
    fail_missing(fill, row, lacking);
    return false;
}

static const char *fill_one(struct weir_protocol_fill *fill, const char *value, size_t row,
                            size_t column)
{
    if (fill->spec->columns)
        return weir_protocol_cells_fill(fill, value, row, column);
    size_t n;
    void *to =
        (char *)fill->span.base + row * fill->span.row_stride + column * fill->span.column_stride;
    const char *at =
        weir_codec_json_rows_read(&fill->decoder->json, value, fill->element, to, 0, 1, &n);
    return n == 1 ? at : weir_protocol_fill_cell(fill, value, row, column);
}

const char *weir_protocol_columns_cell(struct weir_protocol_fill *fill, const char *value,
                                       size_t row, size_t column)
{
    if (WEIR_LIKELY(*value != '[' || !fill->takes_unit_lists))
        return fill_one(fill, value, row, column);
    const char *at = weir_codec_json_rows_first(value);
    if (*at != ']')
        at = fill_one(fill, at, row, column);
    if (!at)
        return NULL;
    size_t n = weir_codec_json_count(&fill->decoder->json, value);
    if (n == 1)
        return weir_codec_json_rows_after(at + 1);
    (void)weir_protocol_fill_cell_error(fill, row, column, "expected one value, got a list of %zu",
                                        n);
    return NULL;
}

const char *weir_protocol_columns_members(struct weir_protocol_fill *fill, const char *object,
                                          size_t row, size_t *n_given)
{
    struct weir_protocol_decoder *decoder = fill->decoder;
    const char *at = weir_codec_json_rows_first(object);
    for (size_t position = 0; *at != '}'; position++) {
        struct weir_str name = weir_codec_json_string(at);
        const char *value = weir_codec_json_rows_member(name);
        int64_t column = weir_protocol_columns_find(decoder, fill->spec, name, position);
        if (column == WEIR_PROTOCOL_COLUMN_NO_MEMORY) {
            fill->is_out_of_memory = true;
            return NULL;
        }
        if (column == WEIR_PROTOCOL_COLUMN_NONE) {
            fill->n_ignored += fill->n_ignored < UINT32_MAX;
            at = weir_codec_json_rows_after(weir_codec_json_skip(&decoder->json, value));
            continue;
        }
        at = weir_protocol_columns_cell(fill, value, row, (size_t)column);
        if (!at)
            return NULL;
        *n_given += weir_protocol_columns_mark(decoder, (size_t)column, (uint32_t)row + 1);
    }
    return at;
}

const char *weir_protocol_columns_fill(struct weir_protocol_fill *fill, const char *object,
                                       size_t row)
{
    size_t n_given = 0;
    const char *end = weir_protocol_columns_members(fill, object, row, &n_given);
    return end && weir_protocol_columns_check(fill, row, n_given) ? end : NULL;
}
