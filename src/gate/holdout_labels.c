/* SPDX-License-Identifier: MIT */
/* Rows with several labels: a column of truths, 0 or 1, and a column p_LABEL of scores for each. */
#include "base/macros.h"
#include "codec/csv.h"
#include "eval/sort.h"
#include "gate/holdout_priv.h"
#include "gate/rows.h"

#include <math.h>
#include <stdio.h>

enum { FIRST_ROWS = 1024, NAME_BYTES = 1024 };

/* A holdout while it is read. */
struct reader {
    struct weir_gate_holdout *out;
    const struct weir_gate_holdout_opts *opts;
    struct weir_table table;
    uint32_t arrays;
    size_t cap;
    size_t *truths; /* n_labels fields */
    size_t *scores; /* n_labels fields */
    size_t weight_field;
    struct weir_error *err;
};

static enum weir_status find_columns(struct reader *r)
{
    struct weir_gate_holdout *h = r->out;
    char name[NAME_BYTES];
    enum weir_status status = WEIR_OK;
    if (r->opts->weight)
        status = weir_table_find(&r->table, weir_str_c(r->opts->weight), &r->weight_field, r->err);
    for (size_t k = 0; k < h->n_classes && status == WEIR_OK; k++) {
        int n = snprintf(name, sizeof name, "p_%.*s", WEIR_STR_ARG(h->classes[k]));
        if (n >= NAME_BYTES)
            return weir_error_set(r->err, WEIR_ERR_LIMIT, "the name of a label is too long");
        status = weir_table_find(&r->table, h->classes[k], &r->truths[k], r->err);
        if (status == WEIR_OK)
            status =
                weir_table_find(&r->table, weir_str_make(name, (size_t)n), &r->scores[k], r->err);
    }
    return status;
}

static enum weir_status start(struct reader *r, const char *path)
{
    static const struct weir_str no_names[1];
    static const struct weir_spec no_features = {.feature_names = no_names};
    const struct weir_table_opts opts = {.separator = r->opts->separator, .takes_digest = true};
    struct weir_gate_holdout *h = r->out;
    size_t n = r->opts->n_labels;
    weir_arena_init(&h->arena, NULL, 0);
    h->task = WEIR_GATE_MULTILABEL;
    h->score_space = "column";
    h->n_classes = n;
    h->classes = weir_arena_array(&h->arena, n, sizeof *h->classes);
    r->truths = weir_arena_array(&h->arena, n, sizeof *r->truths);
    r->scores = weir_arena_array(&h->arena, n, sizeof *r->scores);
    if (!h->classes || !r->truths || !r->scores)
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t k = 0; k < n; k++) {
        h->classes[k] = weir_arena_str(&h->arena, r->opts->labels[k]);
        if (!h->classes[k].at)
            return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    }
    r->arrays = 1u << WEIR_GATE_LINES | 1u << WEIR_GATE_LABELS | 1u << WEIR_GATE_SCORES |
                (r->opts->weight ? 1u << WEIR_GATE_WEIGHTS : 0);
    enum weir_status status = weir_table_open(&r->table, path, &no_features, &opts, r->err);
    return status == WEIR_OK ? find_columns(r) : status;
}

/* Reads the truths and scores of the row just read. *is_labeled: no truth is missing. */
static enum weir_status read_row(struct reader *r, size_t row, bool *is_labeled)
{
    struct weir_gate_holdout *h = r->out;
    for (size_t k = 0; k < h->n_classes; k++) {
        double y;
        double *score = &h->scores[row * h->n_classes + k];
        struct weir_str truth = weir_table_field(&r->table, r->truths[k]);
        if (!weir_codec_csv_number(truth, &y) || (y != 0 && y != 1 && !isnan(y)))
            return weir_table_fail(&r->table, r->truths[k], "expected 0 or 1", r->err);
        *is_labeled = !isnan(y);
        if (!*is_labeled)
            return WEIR_OK;
        h->labels[row * h->n_classes + k] = y == 1;
        if (!weir_codec_csv_number(weir_table_field(&r->table, r->scores[k]), score))
            return weir_table_fail(&r->table, r->scores[k], "expected a number", r->err);
    }
    double *w = h->weights ? &h->weights[row] : NULL;
    if (w && (!weir_codec_csv_number(weir_table_field(&r->table, r->weight_field), w) ||
              !(*w >= 0) || isinf(*w)))
        return weir_table_fail(&r->table, r->weight_field, "expected a weight, a number from 0",
                               r->err);
    h->lines[row] = r->table.csv.line;
    return WEIR_OK;
}

static enum weir_status make_room(struct reader *r)
{
    struct weir_gate_holdout *h = r->out;
    size_t row_bytes = weir_gate_rows_bytes(h, r->arrays);
    size_t most = r->opts->bytes_max > 0 ? r->opts->bytes_max / row_bytes : WEIR_EVAL_SORT_MAX;
    size_t cap = weir_min_size(r->cap ? 2 * r->cap : FIRST_ROWS, most);
    if (h->n < r->cap)
        return WEIR_OK;
    if (cap <= r->cap)
        return weir_error_set(r->err, WEIR_ERR_LIMIT, "%s: more than %zu rows", r->table.path,
                              most);
    if (weir_gate_rows_grow(h, r->arrays, cap) != WEIR_OK)
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "no memory for %zu rows", cap);
    r->cap = cap;
    return WEIR_OK;
}

static enum weir_status read_rows(struct reader *r)
{
    char none[1];
    for (uint64_t i = 0; r->opts->n_rows_max == 0 || i < r->opts->n_rows_max; i++) {
        bool is_end = false;
        bool is_labeled = false;
        enum weir_status status = weir_table_next(&r->table, none, WEIR_F64, &is_end, r->err);
        if (status == WEIR_OK && !is_end)
            status = make_room(r);
        if (status == WEIR_OK && !is_end)
            status = read_row(r, r->out->n, &is_labeled);
        if (status == WEIR_OK && i % WEIR_GATE_CHUNK_ROWS == 0)
            status = weir_gate_holdout_tell(r->opts, &r->table, r->err);
        if (status != WEIR_OK)
            return status;
        if (is_end)
            break;
        r->out->n += is_labeled;
        r->out->n_unlabeled += !is_labeled;
    }
    return weir_gate_holdout_digest(r->out, r->opts, &r->table, r->err);
}

enum weir_status weir_gate_holdout_read_labels(struct weir_gate_holdout *holdout, const char *path,
                                               const struct weir_gate_holdout_opts *opts,
                                               struct weir_error *err)
{
    struct reader r = {.out = holdout, .opts = opts, .err = err};
    enum weir_status status = start(&r, path);
    if (status == WEIR_OK)
        status = read_rows(&r);
    weir_table_close(&r.table);
    if (status != WEIR_OK)
        weir_gate_holdout_deinit(holdout);
    return status;
}
