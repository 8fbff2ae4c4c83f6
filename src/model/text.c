/* SPDX-License-Identifier: MIT */
#include "model/text.h"

#include "model/sparse.h"
#include "tensor/cell.h"

#include <math.h>
#include <string.h>

/* How many steps matching may take for each byte of a text, and beyond that: a tenth of a second.
 */
enum { STEPS_PER_BYTE = 256, STEPS_MORE = 1 << 24 };

struct weights {
    bool is_sublinear;
    const double *idf;
    char norm;
    bool sums_back;
    bool is_f32;
};

struct text {
    struct weir_model_node node;
    bool is_lower;
    enum weir_model_text_strip strip;
    enum weir_model_text_terms terms;
    uint32_t min;
    uint32_t max;
    struct weir_model_text_pattern pattern;
    bool has_stop;
    bool is_hashed;
    bool alternates;
    bool is_binary;
    size_t longest; /* bytes of the longest text of the vocabulary */
    struct weir_model_lookup stop;
    struct weir_model_lookup vocabulary;
    struct weights weights;
};

/* One text being counted. */
struct count {
    const struct text *t;
    struct weir_model_sparse_row *row;
    struct weir_str terms[WEIR_MODEL_TEXT_RUN_MAX]; /* the last ones, by number modulo the room */
    size_t n_terms;
    char *joined; /* longest + 1 bytes */
};

/* --- weighing --- */

static void weigh(const struct weights *w, struct weir_model_sparse_row *row)
{
    struct weir_model_sparse_cell *at = row->at;
    double sum = 0.0;
    for (size_t i = 0; w->is_sublinear && i < row->n; i++) {
        at[i].value = weir_model_node_round(log(at[i].value), w->is_f32);
        at[i].value = weir_model_node_round(at[i].value + 1.0, w->is_f32);
    }
    for (size_t i = 0; w->idf && i < row->n; i++)
        at[i].value = weir_model_node_round(at[i].value * w->idf[at[i].column], w->is_f32);
    for (size_t i = 0; w->norm && i < row->n; i++) {
        double value = at[w->sums_back ? row->n - 1 - i : i].value;
        sum += w->norm == '1' ? fabs(value) : value * value;
    }
    if (sum == 0.0)
        return;
    double by = w->norm == '1' ? sum : sqrt(sum);
    for (size_t i = 0; i < row->n; i++)
        at[i].value = weir_model_node_round(at[i].value / by, w->is_f32);
}

static bool weights_copy(struct weir_model_builder *b, const struct weir_model_text_weights *from,
                         uint32_t n_columns, struct weights *to)
{
    *to = (struct weights){.is_sublinear = from->is_sublinear,
                           .norm = from->norm,
                           .sums_back = from->sums_back,
                           .is_f32 = from->is_f32};
    if (!from->idf)
        return true;
    to->idf = weir_model_builder_doubles(b, from->idf, n_columns);
    return to->idf != NULL;
}

/* --- counting --- */

/* Adds bytes to a MurmurHash3 x86-32 (Appleby 2011). */
struct murmur {
    uint32_t h;
    uint32_t block;
    uint32_t n; /* bytes so far */
};

static uint32_t rotate(uint32_t v, int by)
{
    return v << by | v >> (32 - by);
}

static uint32_t murmur_mix(uint32_t k)
{
    return rotate(k * 0xcc9e2d51u, 15) * 0x1b873593u;
}

static void murmur_add(struct murmur *m, struct weir_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        m->block |= (uint32_t)(unsigned char)text.at[i] << 8 * (m->n % 4);
        if (++m->n % 4 == 0) {
            m->h = rotate(m->h ^ murmur_mix(m->block), 13) * 5 + 0xe6546b64u;
            m->block = 0;
        }
    }
}

static int32_t murmur_end(struct murmur *m)
{
    uint32_t h = m->h;
    if (m->n % 4)
        h ^= murmur_mix(m->block);
    h ^= m->n;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return (int32_t)(h ^ h >> 16);
}

static void count_hash(struct count *c, struct murmur *m)
{
    int32_t h = murmur_end(m);
    uint32_t n = c->t->node.n_out[WEIR_OUTPUT_TRANSFORM];
    uint32_t magnitude = h < 0 ? 0u - (uint32_t)h : (uint32_t)h;
    weir_model_sparse_add(c->row, magnitude % n, c->t->alternates && h < 0 ? -1.0 : 1.0);
}

/* Counts a run that is one piece of the text. */
static void count_piece(struct count *c, struct weir_str piece)
{
    const struct text *t = c->t;
    if (t->is_hashed) {
        struct murmur m = {0};
        murmur_add(&m, piece);
        count_hash(c, &m);
        return;
    }
    if (piece.n > t->longest)
        return;
    uint32_t column = weir_model_lookup_find_text(&t->vocabulary, piece);
    if (column != WEIR_MODEL_LOOKUP_NOT)
        weir_model_sparse_add(c->row, column, 1.0);
}

/* Counts the run of the last n terms, joined by blanks. */
static void count_words(struct count *c, size_t n)
{
    struct murmur m = {0};
    size_t length = 0;
    for (size_t i = c->n_terms - n; i < c->n_terms; i++) {
        struct weir_str term = c->terms[i % WEIR_MODEL_TEXT_RUN_MAX];
        bool is_first = i == c->n_terms - n;
        if (c->t->is_hashed) {
            murmur_add(&m, weir_str_make(" ", is_first ? 0 : 1));
            murmur_add(&m, term);
            continue;
        }
        if (length + !is_first + term.n > c->t->longest)
            return;
        if (!is_first)
            c->joined[length++] = ' ';
        if (term.n > 0)
            memcpy(c->joined + length, term.at, term.n);
        length += term.n;
    }
    if (c->t->is_hashed)
        count_hash(c, &m);
    else
        count_piece(c, weir_str_make(c->joined, length));
}

/* Returns false when the pattern takes too long. */
static bool count_all_words(struct count *c, struct weir_str text)
{
    const struct text *t = c->t;
    uint64_t steps = STEPS_PER_BYTE * (uint64_t)text.n + STEPS_MORE;
    struct weir_str term;
    for (size_t at = 0; weir_model_text_pattern_next(&t->pattern, text, &at, &term, &steps);) {
        if (t->has_stop && weir_model_lookup_find_text(&t->stop, term) != WEIR_MODEL_LOOKUP_NOT)
            continue;
        c->terms[c->n_terms++ % WEIR_MODEL_TEXT_RUN_MAX] = term;
        for (size_t n = t->min; n <= t->max && n <= c->n_terms; n++) {
            if (n == 1)
                count_piece(c, term);
            else
                count_words(c, n);
        }
    }
    return steps > 0;
}

static size_t char_bytes(const char *at, size_t n)
{
    size_t bytes;
    (void)weir_model_text_char(weir_str_make(at, n), &bytes);
    return bytes;
}

/* Makes one blank of each run of two or more white spaces, in place; returns the new length. */
static size_t join_spaces(char *text, size_t n)
{
    size_t to = 0;
    for (size_t at = 0; at < n;) {
        size_t begin = at;
        size_t n_spaces = 0;
        size_t bytes = 0;
        while (at < n && weir_model_text_is_space(
                             weir_model_text_char(weir_str_make(text + at, n - at), &bytes))) {
            at += bytes;
            n_spaces++;
        }
        if (n_spaces >= 2) {
            text[to++] = ' ';
            continue;
        }
        if (n_spaces == 0)
            at += bytes;
        memmove(text + to, text + begin, at - begin);
        to += at - begin;
    }
    return to;
}

/* Counts all runs of min to max characters. */
static void count_chars(struct count *c, struct weir_str text)
{
    size_t begins[WEIR_MODEL_TEXT_RUN_MAX];
    size_t n_chars = 0;
    for (size_t at = 0; at < text.n;) {
        begins[n_chars++ % WEIR_MODEL_TEXT_RUN_MAX] = at;
        at += char_bytes(text.at + at, text.n - at);
        for (size_t n = c->t->min; n <= c->t->max && n <= n_chars; n++) {
            size_t begin = begins[(n_chars - n) % WEIR_MODEL_TEXT_RUN_MAX];
            count_piece(c, weir_str_make(text.at + begin, at - begin));
        }
    }
}

/* Counts the runs of one word with a blank on both sides. A word with its blanks that is shorter
 * than a run counts once as a whole. */
static void count_chars_wb(struct count *c, struct weir_str padded)
{
    size_t n_chars = 0;
    for (size_t at = 0; at < padded.n; n_chars++)
        at += char_bytes(padded.at + at, padded.n - at);
    if (n_chars <= c->t->min) {
        count_piece(c, padded);
        return;
    }
    /* Lengths up to the word's own slide over it; the first that covers all of it ends the list. */
    count_chars(c, padded);
}

/* Cuts at white space and counts each word. */
static void count_all_wb(struct count *c, char *text, size_t n, char *padded)
{
    for (size_t at = 0; at < n;) {
        size_t bytes;
        uint32_t first = weir_model_text_char(weir_str_make(text + at, n - at), &bytes);
        if (weir_model_text_is_space(first)) {
            at += bytes;
            continue;
        }
        size_t begin = at;
        while (at < n && !weir_model_text_is_space(
                             weir_model_text_char(weir_str_make(text + at, n - at), &bytes)))
            at += bytes;
        padded[0] = ' ';
        memcpy(padded + 1, text + begin, at - begin);
        padded[1 + at - begin] = ' ';
        count_chars_wb(c, weir_str_make(padded, at - begin + 2));
    }
}

static void text_source(const struct weir_model_node *node, const struct weir_model_node_run *run,
                        struct weir_model_sparse_row *row)
{
    const struct text *t = (const struct text *)(const void *)node;
    struct weir_row_fault fault = {.step = node->step};
    double cell = run->in.storage == WEIR_F64 ? *(const double *)run->in.at : (double)NAN;
    char *small = run->scratch;
    char *padded = small + WEIR_MODEL_TEXT_BYTES_MAX;
    struct count c = {.t = t, .row = row, .joined = padded + WEIR_MODEL_TEXT_BYTES_MAX + 64};
    if (!weir_cell_is_text(cell)) {
        fault.kind = WEIR_FAULT_NAN;
    } else {
        size_t n = weir_model_text_prepare(weir_cell_text(cell), t->is_lower, t->strip, small,
                                           WEIR_MODEL_TEXT_BYTES_MAX);
        if (n != SIZE_MAX && t->terms != WEIR_MODEL_TEXT_WORDS)
            n = join_spaces(small, n);
        if (n == SIZE_MAX)
            fault.kind = WEIR_FAULT_RANGE;
        else if (t->terms == WEIR_MODEL_TEXT_CHARS)
            count_chars(&c, weir_str_make(small, n));
        else if (t->terms == WEIR_MODEL_TEXT_CHARS_WB)
            count_all_wb(&c, small, n, padded);
        else if (!count_all_words(&c, weir_str_make(small, n)))
            fault.kind = WEIR_FAULT_RANGE;
    }
    if (fault.kind != WEIR_FAULT_NONE && run->faults->kind == WEIR_FAULT_NONE)
        *run->faults = fault;
    weir_model_sparse_join(row);
    for (size_t i = 0; t->is_binary && i < row->n; i++)
        row->at[i].value = 1.0;
    weigh(&t->weights, row);
}

static const struct weir_model_sparse_ops text_sparse = {.source = text_source};

/* Reads the vocabulary and the stop words. */
static enum weir_status read_words(struct weir_model_builder *b,
                                   const struct weir_model_text_opts *opts, struct text *t,
                                   struct weir_error *err)
{
    size_t sizes[] = {opts->n_stop, opts->vocabulary ? opts->n_columns : 0};
    const struct weir_str *sources[] = {opts->stop, opts->vocabulary};
    struct weir_model_lookup *tables[] = {&t->stop, &t->vocabulary};
    for (size_t k = 0; k < 2; k++) {
        double *cells = weir_arena_array(b->arena, sizes[k], sizeof *cells);
        if (!cells)
            return weir_model_builder_no_memory(b, err);
        for (size_t i = 0; i < sizes[k]; i++)
            if (!weir_model_lookup_text(b, sources[k][i], &cells[i]))
                return weir_model_builder_no_memory(b, err);
        enum weir_status status = weir_model_lookup_init(tables[k], b, cells, sizes[k], err);
        if (status != WEIR_OK)
            return status;
    }
    for (size_t i = 0; i < sizes[1]; i++)
        t->longest = weir_max_size(t->longest, opts->vocabulary[i].n);
    t->longest = weir_min_size(t->longest, WEIR_MODEL_TEXT_BYTES_MAX);
    return WEIR_OK;
}

enum weir_status weir_model_text_new(struct weir_model_builder *b,
                                     const struct weir_model_text_opts *opts,
                                     const struct weir_model_node **out, struct weir_error *err)
{
    weir_assert(opts->min >= 1);
    weir_assert(opts->max >= opts->min);
    weir_assert(opts->max <= WEIR_MODEL_TEXT_RUN_MAX);
    if (opts->n_columns > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct text *t = weir_model_builder_node(b, sizeof *t);
    uint8_t *kinds = weir_arena_array(b->arena, 1, sizeof *kinds);
    if (!t || !kinds || !weights_copy(b, &opts->weights, opts->n_columns, &t->weights))
        return weir_model_builder_no_memory(b, err);
    enum weir_status status = read_words(b, opts, t, err);
    if (status != WEIR_OK)
        return status;
    kinds[0] = WEIR_COLUMN_TEXT;
    t->is_lower = opts->is_lower;
    t->strip = opts->strip;
    t->terms = opts->terms;
    t->min = opts->min;
    t->max = opts->max;
    if (opts->terms == WEIR_MODEL_TEXT_WORDS)
        t->pattern = *opts->pattern;
    t->has_stop = opts->n_stop > 0;
    t->is_hashed = opts->vocabulary == NULL;
    t->alternates = opts->alternates;
    t->is_binary = opts->is_binary;
    struct weir_model_node *node = &t->node;
    node->run = weir_model_sparse_run;
    node->n_in = 1;
    node->columns = kinds;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = opts->n_columns;
    node->depth = 1;
    node->sparse = &text_sparse;
    node->sparse_scratch_bytes =
        weir_model_node_align(2 * (size_t)WEIR_MODEL_TEXT_BYTES_MAX + 64 + t->longest + 1);
    node->scratch_bytes = weir_model_sparse_scratch(node);
    status = weir_model_builder_step(b, opts->name, opts->keeps_columns, &node->step, err);
    if (status != WEIR_OK)
        return status;
    *out = node;
    return WEIR_OK;
}

/* --- TfidfTransformer --- */

struct weigh {
    struct weir_model_node node;
    struct weights weights;
};

static void weigh_map(const struct weir_model_node *node, struct weir_model_sparse_row *row)
{
    weigh(&((const struct weigh *)(const void *)node)->weights, row);
}

/* Weighs the rows of a matrix: those of its cells that are not 0, as a sparse row. */
static void weigh_run(const struct weir_model_node *node, const struct weir_model_node_run *run)
{
    const struct weigh *w = (const struct weigh *)(const void *)node;
    double *out = run->out[WEIR_OUTPUT_TRANSFORM];
    size_t n = node->n_in;
    size_t stride;
    struct weir_model_sparse_row row = {.at = (struct weir_model_sparse_cell *)(void *)run->scratch,
                                        .cap = weir_model_sparse_cap(n)};
    const double *x = weir_model_node_input_f64(run, n, out, &stride);
    weir_model_node_check_f64(node, run, x, stride);
    for (size_t i = 0; i < run->n_rows; i++) {
        row.n = 0;
        for (size_t j = 0; j < n; j++)
            if (x[i * stride + j] != 0.0)
                row.at[row.n++] = (struct weir_model_sparse_cell){(uint32_t)j, x[i * stride + j]};
        struct weights weights = w->weights;
        weights.is_f32 = run->in.is_f32;
        weigh(&weights, &row);
        memset(out + i * n, 0, n * sizeof *out);
        for (size_t k = 0; k < row.n; k++)
            out[i * n + row.at[k].column] = row.at[k].value;
    }
}

static const struct weir_model_sparse_ops weigh_sparse = {.map = weigh_map};

enum weir_status weir_model_text_weigh_new(struct weir_model_builder *b, struct weir_str name,
                                           uint32_t n_columns,
                                           const struct weir_model_text_weights *weights,
                                           bool keeps_columns, const struct weir_model_node **out,
                                           struct weir_error *err)
{
    weir_assert(n_columns > 0);
    if (n_columns > WEIR_MODEL_COLUMNS_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d columns", WEIR_MODEL_COLUMNS_MAX);
    struct weigh *w = weir_model_builder_node(b, sizeof *w);
    if (!w || !weights_copy(b, weights, n_columns, &w->weights))
        return weir_model_builder_no_memory(b, err);
    struct weir_model_node *node = &w->node;
    node->run = weigh_run;
    node->n_in = n_columns;
    node->n_out[WEIR_OUTPUT_TRANSFORM] = n_columns;
    node->keeps_columns = true;
    node->follows_f32 = 1u << WEIR_OUTPUT_TRANSFORM;
    node->depth = 1;
    node->scratch_bytes = weir_model_node_align(weir_model_sparse_cap(n_columns) *
                                                sizeof(struct weir_model_sparse_cell));
    node->sparse = &weigh_sparse;
    enum weir_status status = weir_model_builder_step(b, name, keeps_columns, &node->step, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}
