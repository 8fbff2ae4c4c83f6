/* SPDX-License-Identifier: MIT */
#include "gate/holdout.h"

#include "base/macros.h"
#include "codec/csv.h"
#include "eval/sort.h"
#include "gate/holdout_priv.h"
#include "gate/rows.h"

#include <math.h>
#include <stdio.h>

enum {
    FIRST_ROWS = 1024,
    CLASS_COLUMNS_MAX = 1000,
};

/* A holdout while it is read. */
struct reader {
    struct weir_gate_holdout *out;
    const struct weir_gate_holdout_opts *opts;
    const struct weir_model *model;
    struct weir_table table;
    struct weir_gate_labels labels;
    struct weir_gate_scorer scorer;
    uint32_t arrays; /* that are filled */
    size_t cap;      /* rows that they have room for */
    size_t label_field;
    size_t weight_field;
    double *numbers;                             /* cap × n_cuts: what bins are made of, owned */
    struct weir_str perhaps[WEIR_GATE_CUTS_MAX]; /* the columns of slices */
    size_t n_fields; /* without a model: fields of what is said of a row */
    const size_t *fields;
    /* Of each row of the chunk the holdout's row, and which row of the file it is. */
    size_t chunk[WEIR_GATE_CHUNK_ROWS];
    uint64_t chunk_rows[WEIR_GATE_CHUNK_ROWS];
    size_t n_chunk;
    struct weir_error *err;
};

/* --- arrays ---------------------------------------------------------------------------------- */

static uint32_t bit(enum weir_gate_array array)
{
    return 1u << array;
}

/* Chooses the arrays that the task and what is said of rows fill. */
static uint32_t choose_arrays(const struct reader *r)
{
    const struct weir_gate_holdout *h = r->out;
    uint32_t set = bit(WEIR_GATE_LINES) | (r->opts->weight ? bit(WEIR_GATE_WEIGHTS) : 0) |
                   (h->n_cuts > 0 ? bit(WEIR_GATE_PARTS) : 0);
    if (h->task == WEIR_GATE_REGRESSION)
        return set | bit(WEIR_GATE_NUMBERS) | bit(WEIR_GATE_PREDICTIONS);
    set |= bit(WEIR_GATE_TRUTHS);
    if (!r->model)
        return set | bit(WEIR_GATE_SCORES) | (r->opts->score_column ? 0 : bit(WEIR_GATE_P));
    bool has_p = r->scorer.run.wanted & 1u << WEIR_OUTPUT_PREDICT_PROBA;
    return set | bit(WEIR_GATE_DECISIONS) | (r->scorer.has_score ? bit(WEIR_GATE_SCORES) : 0) |
           (has_p ? bit(WEIR_GATE_P) : 0);
}

/* Makes room for another row in the arrays that are used. */
static enum weir_status make_room(struct reader *r)
{
    struct weir_gate_holdout *h = r->out;
    if (h->n < r->cap)
        return WEIR_OK;
    size_t row_bytes = weir_gate_rows_bytes(h, r->arrays) + h->n_cuts * sizeof *r->numbers;
    size_t most = r->opts->bytes_max > 0 ? r->opts->bytes_max / row_bytes : WEIR_EVAL_SORT_MAX;
    size_t cap = weir_min_size(r->cap ? 2 * r->cap : FIRST_ROWS, most);
    if (cap <= r->cap)
        return weir_error_set(r->err, WEIR_ERR_LIMIT,
                              "%s: more than %zu rows, of %zu bytes each in memory", r->table.path,
                              most, row_bytes);
    double *numbers = h->n_cuts > 0 ? weir_mem_resize(weir_mem_default(), r->numbers,
                                                      cap * h->n_cuts, sizeof *numbers)
                                    : NULL;
    if (numbers)
        r->numbers = numbers;
    if ((h->n_cuts > 0 && !numbers) || weir_gate_rows_grow(h, r->arrays, cap) != WEIR_OK)
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "no memory for %zu rows", cap);
    r->cap = cap;
    return WEIR_OK;
}

void weir_gate_holdout_deinit(struct weir_gate_holdout *holdout)
{
    weir_assert(holdout);
    weir_gate_rows_free(holdout);
    weir_arena_deinit(&holdout->arena);
    *holdout = (struct weir_gate_holdout){.n = 0};
}

/* --- columns --------------------------------------------------------------------------------- */

/* Finds the columns p_CLASS; the classes become known. */
static enum weir_status find_class_columns(struct reader *r)
{
    size_t *fields = weir_arena_array(&r->out->arena, r->table.n_fields + 1, sizeof *fields);
    if (!fields)
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; r->table.names && i < r->table.n_fields; i++) {
        struct weir_str name = r->table.names[i];
        uint32_t class;
        if (!weir_str_starts(name, WEIR_STR("p_")) || name.n == 2)
            continue;
        if (r->n_fields == CLASS_COLUMNS_MAX)
            return weir_error_set(r->err, WEIR_ERR_LIMIT, "more than %d columns p_CLASS",
                                  CLASS_COLUMNS_MAX);
        fields[r->n_fields++] = i;
        if (weir_gate_labels_find(&r->labels, weir_str_make(name.at + 2, name.n - 2), &class) !=
            WEIR_OK)
            return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    }
    r->fields = fields;
    if (r->n_fields < 2 || r->labels.n != r->n_fields)
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              "%s: no model is given, and there are no columns p_CLASS of two "
                              "classes at least; name a column of scores",
                              r->table.path);
    return WEIR_OK;
}

/* Finds where scores or predictions are in a file that is judged without a model. */
static enum weir_status find_scores(struct reader *r)
{
    const char *name =
        r->opts->prediction_column ? r->opts->prediction_column : r->opts->score_column;
    r->out->task = r->opts->prediction_column ? WEIR_GATE_REGRESSION : WEIR_GATE_BINARY;
    r->out->score_space = "column";
    if (!name) {
        enum weir_status status = find_class_columns(r);
        r->out->n_classes = r->labels.n;
        r->out->task = r->labels.n > 2 ? WEIR_GATE_MULTICLASS : WEIR_GATE_BINARY;
        return status;
    }
    size_t *field = weir_arena_array(&r->out->arena, 1, sizeof *field);
    if (!field)
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    r->fields = field;
    r->n_fields = 1;
    return weir_table_find(&r->table, weir_str_c(name), field, r->err);
}

static enum weir_status find_columns(struct reader *r)
{
    enum weir_status status =
        weir_table_find(&r->table, weir_str_c(r->opts->label), &r->label_field, r->err);
    if (status == WEIR_OK && r->opts->weight)
        status = weir_table_find(&r->table, weir_str_c(r->opts->weight), &r->weight_field, r->err);
    for (size_t c = 0; c < r->out->n_cuts && status == WEIR_OK; c++)
        status = weir_gate_cut_find(&r->out->cuts[c], &r->table, r->err);
    if (status == WEIR_OK && !r->model)
        status = find_scores(r);
    return status;
}

/* Reads which columns rows are cut by. */
static enum weir_status start_cuts(struct reader *r)
{
    struct weir_gate_holdout *h = r->out;
    size_t n = r->opts->n_slices + (r->opts->fold != NULL);
    enum weir_status status = WEIR_OK;
    if (n > WEIR_GATE_CUTS_MAX)
        return weir_error_set(r->err, WEIR_ERR_LIMIT, "rows are cut by more than %d columns",
                              WEIR_GATE_CUTS_MAX);
    h->cuts = weir_arena_zarray(&h->arena, weir_max_size(n, 1), sizeof *h->cuts);
    if (!h->cuts)
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t c = 0; c < r->opts->n_slices && status == WEIR_OK; c++) {
        status = weir_gate_cut_init(&h->cuts[c], r->opts->slices[c], &h->arena, r->err);
        r->perhaps[c] = h->cuts[c].column;
    }
    if (r->opts->fold) {
        struct weir_str column = weir_str_c(r->opts->fold);
        h->cuts[n - 1] =
            (struct weir_gate_cut){.spec = column, .column = column, .arena = &h->arena};
        h->has_fold = true;
    }
    h->n_cuts = n;
    return status;
}

/* --- rows ------------------------------------------------------------------------------------ */

static enum weir_status read_cuts(struct reader *r, size_t row)
{
    struct weir_gate_holdout *h = r->out;
    enum weir_status status = WEIR_OK;
    for (size_t c = 0; c < h->n_cuts && status == WEIR_OK; c++) {
        size_t at = row * h->n_cuts + c;
        status = weir_gate_cut_read(&h->cuts[c], &r->table, &h->parts[at], &r->numbers[at], r->err);
    }
    return status;
}

static bool is_missing(struct weir_str text)
{
    double v;
    return text.n == 0 || (weir_codec_csv_number(text, &v) && isnan(v));
}

static enum weir_status read_truth(struct reader *r, struct weir_str text, size_t row)
{
    struct weir_gate_holdout *h = r->out;
    if (h->task == WEIR_GATE_REGRESSION) {
        if (!weir_codec_csv_number(text, &h->numbers[row]))
            return weir_table_fail(&r->table, r->label_field, "expected a number", r->err);
        return WEIR_OK;
    }
    enum weir_status status = weir_gate_labels_find(&r->labels, text, &h->truths[row]);
    if (status == WEIR_OK && h->n_classes == 0 && r->labels.n > 2)
        return weir_table_fail(&r->table, r->label_field,
                               "a third class; one column of scores ranks two", r->err);
    if (status == WEIR_OK && h->n_classes > 0 && r->labels.n > h->n_classes)
        return weir_table_fail(&r->table, r->label_field, "a class without a column p_CLASS",
                               r->err);
    if (status == WEIR_ERR_NOT_FOUND)
        return weir_table_fail(&r->table, r->label_field, "none of the model's classes", r->err);
    return status == WEIR_OK ? WEIR_OK : weir_error_set(r->err, status, "out of memory");
}

static enum weir_status read_weight(struct reader *r, size_t row)
{
    double *w = &r->out->weights[row];
    if (!weir_codec_csv_number(weir_table_field(&r->table, r->weight_field), w) || !(*w >= 0) ||
        isinf(*w))
        return weir_table_fail(&r->table, r->weight_field, "expected a weight, a number from 0",
                               r->err);
    return WEIR_OK;
}

/* Reads what the file says of the row. */
static enum weir_status read_scores(struct reader *r, size_t row)
{
    struct weir_gate_holdout *h = r->out;
    for (size_t k = 0; k < r->n_fields; k++) {
        double v;
        if (!weir_codec_csv_number(weir_table_field(&r->table, r->fields[k]), &v))
            return weir_table_fail(&r->table, r->fields[k], "expected a number", r->err);
        if (h->task == WEIR_GATE_REGRESSION)
            h->predictions[row] = v;
        else if (!h->p)
            h->scores[row] = v;
        else
            h->p[row * r->n_fields + k] = v;
    }
    return WEIR_OK;
}

/* Says why a row of the chunk was refused. */
static void tell_refused(struct reader *r, size_t i)
{
    struct weir_gate_holdout *h = r->out;
    int n = snprintf(h->refused, sizeof h->refused,
                     "line %llu: ", (unsigned long long)h->lines[r->chunk[i]]);
    weir_model_fault_text(r->model, r->scorer.run.faults[i], (size_t)r->chunk_rows[i],
                          h->refused + n, sizeof h->refused - (size_t)n);
}

/* Runs the model on the chunk, and closes up the rows that it refused. */
static void run_chunk(struct reader *r)
{
    struct weir_gate_holdout *h = r->out;
    if (r->n_chunk == 0)
        return;
    size_t n_faults = weir_gate_scorer_run(&r->scorer, r->n_chunk);
    size_t to = r->chunk[0];
    for (size_t i = 0; i < r->n_chunk; i++) {
        size_t from = r->chunk[i];
        if (n_faults > 0 && r->scorer.run.faults[i].kind != WEIR_FAULT_NONE) {
            if (h->n_refused++ == 0)
                tell_refused(r, i);
            continue;
        }
        weir_gate_rows_move(h, to, from);
        if (h->n_cuts > 0)
            memmove(r->numbers + to * h->n_cuts, r->numbers + from * h->n_cuts,
                    h->n_cuts * sizeof *r->numbers);
        weir_gate_scorer_put(&r->scorer, i, h, to++);
    }
    h->n = to;
    r->n_chunk = 0;
    weir_table_forget(&r->table);
}

/* Takes the row just read in. */
static enum weir_status take_row(struct reader *r)
{
    struct weir_gate_holdout *h = r->out;
    struct weir_str truth = weir_table_field(&r->table, r->label_field);
    if (is_missing(truth)) {
        h->n_unlabeled++;
        return WEIR_OK;
    }
    enum weir_status status = make_room(r);
    if (status == WEIR_OK)
        status = read_truth(r, truth, h->n);
    if (status == WEIR_OK && h->weights)
        status = read_weight(r, h->n);
    if (status == WEIR_OK)
        status = read_cuts(r, h->n);
    if (status == WEIR_OK && !r->model)
        status = read_scores(r, h->n);
    if (status != WEIR_OK)
        return status;
    h->lines[h->n] = r->table.csv.line;
    if (r->model) {
        r->chunk_rows[r->n_chunk] = r->table.n_rows;
        r->chunk[r->n_chunk++] = h->n;
    }
    h->n++;
    if (r->n_chunk == WEIR_GATE_CHUNK_ROWS)
        run_chunk(r);
    return WEIR_OK;
}

static enum weir_status read_rows(struct reader *r)
{
    char none[1];
    for (uint64_t i = 0; r->opts->n_rows_max == 0 || i < r->opts->n_rows_max; i++) {
        bool is_end;
        void *row = r->model ? r->scorer.rows + r->n_chunk * r->scorer.row_bytes : none;
        enum weir_dtype dtype = r->model ? r->scorer.run.dtype : WEIR_F64;
        enum weir_status status = weir_table_next(&r->table, row, dtype, &is_end, r->err);
        if (status != WEIR_OK)
            return status;
        if (is_end)
            break;
        status = take_row(r);
        if (status != WEIR_OK)
            return status;
        if (i % WEIR_GATE_CHUNK_ROWS == 0)
            status = weir_gate_holdout_tell(r->opts, &r->table, r->err);
        if (status != WEIR_OK)
            return status;
    }
    run_chunk(r);
    return weir_gate_holdout_digest(r->out, r->opts, &r->table, r->err);
}

/* --- the whole ------------------------------------------------------------------------------- */

/* Puts classes that were gathered in order, and what depends on it. */
static enum weir_status order_classes(struct reader *r)
{
    struct weir_gate_holdout *h = r->out;
    uint32_t *places;
    if (h->task == WEIR_GATE_REGRESSION)
        return WEIR_OK;
    enum weir_status status =
        weir_gate_labels_order(&r->labels, r->opts->positive, &places, r->err);
    if (status != WEIR_OK)
        return status;
    h->classes = r->labels.texts;
    h->n_classes = r->labels.n;
    size_t k = h->n_classes;
    double *p = weir_arena_array(&h->arena, k ? k : 1, sizeof *p);
    if (!p)
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < h->n; i++)
        h->truths[i] = places[h->truths[i]];
    for (size_t i = 0; h->p && !r->model && i < h->n; i++) {
        memcpy(p, h->p + i * k, k * sizeof *p);
        for (size_t j = 0; j < k; j++)
            h->p[i * k + places[j]] = p[j];
        if (h->task == WEIR_GATE_BINARY)
            h->scores[i] = h->p[2 * i + 1];
        else
            memcpy(h->scores + i * k, h->p + i * k, k * sizeof *p);
    }
    return WEIR_OK;
}

static enum weir_status finish_cuts(struct reader *r)
{
    struct weir_gate_holdout *h = r->out;
    for (size_t c = 0; c < h->n_cuts && h->n > 0; c++) {
        if (weir_gate_cut_finish(&h->cuts[c], r->numbers + c, h->parts + c, h->n, h->n_cuts) !=
            WEIR_OK)
            return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    }
    return WEIR_OK;
}

/* Readies for a model: its classes, and which of two is positive. */
static enum weir_status start_model(struct reader *r)
{
    const struct weir_spec *spec = weir_model_spec(r->model);
    struct weir_gate_holdout *h = r->out;
    enum weir_status status =
        weir_gate_scorer_init(&r->scorer, r->model, r->opts->ranks_by_proba, &h->arena, r->err);
    if (status != WEIR_OK)
        return status;
    const struct weir_labels *classes = &spec->targets[0];
    h->n_classes = classes->n;
    h->task = classes->n == 0  ? WEIR_GATE_REGRESSION
              : classes->n > 2 ? WEIR_GATE_MULTICLASS
                               : WEIR_GATE_BINARY;
    h->score_space = r->scorer.has_score ? weir_output_name(r->scorer.score) : NULL;
    return WEIR_OK;
}

static enum weir_status start(struct reader *r, const char *path)
{
    static const struct weir_str no_names[1];
    static const struct weir_spec no_features = {.feature_names = no_names};
    const struct weir_spec *spec = r->model ? weir_model_spec(r->model) : &no_features;
    const char *const others[] = {r->opts->label, r->opts->weight, r->opts->fold};
    struct weir_table_opts opts = {.separator = r->opts->separator,
                                   .takes_digest = true,
                                   .is_regular = r->opts->is_regular,
                                   .others = others,
                                   .n_others = WEIR_ARRAY_LEN(others),
                                   .perhaps = r->perhaps,
                                   .n_perhaps = r->opts->n_slices};
    const struct weir_labels *known =
        r->model && spec->n_targets > 0 && spec->targets[0].n > 0 ? &spec->targets[0] : NULL;
    weir_arena_init(&r->out->arena, NULL, 0);
    enum weir_status status = r->model ? start_model(r) : WEIR_OK;
    if (status == WEIR_OK)
        status = start_cuts(r);
    if (status == WEIR_OK && weir_gate_labels_init(&r->labels, known, &r->out->arena) != WEIR_OK)
        status = weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (status == WEIR_OK)
        status = weir_table_open(&r->table, path, spec, &opts, r->err);
    if (status == WEIR_OK)
        status = find_columns(r);
    if (status == WEIR_OK && known && r->opts->positive) {
        uint32_t *places; /* the model's classes, the positive one second */
        status = weir_gate_labels_order(&r->labels, r->opts->positive, &places, r->err);
        if (status == WEIR_OK)
            r->scorer.positive = places[1] == 1 ? 1 : 0;
    }
    if (status == WEIR_OK)
        r->arrays = choose_arrays(r);
    return status;
}

enum weir_status weir_gate_holdout_read(struct weir_gate_holdout *holdout, const char *path,
                                        const struct weir_model *model,
                                        const struct weir_gate_holdout_opts *opts,
                                        struct weir_error *err)
{
    weir_assert(holdout);
    weir_assert(opts);
    weir_assert(opts->label || opts->n_labels > 0);
    struct weir_error own = WEIR_ERROR_INIT;
    *holdout = (struct weir_gate_holdout){.n = 0};
    if (!opts->label) {
        weir_assert(!model);
        weir_assert(opts->n_slices == 0);
        weir_assert(!opts->fold);
        return weir_gate_holdout_read_labels(holdout, path, opts, err ? err : &own);
    }
    struct reader *r = weir_mem_zalloc(weir_mem_default(), sizeof *r);
    if (!r)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    r->out = holdout;
    r->opts = opts;
    r->model = model;
    r->err = err ? err : &own;
    enum weir_status status = start(r, path);
    if (status == WEIR_OK)
        status = read_rows(r);
    if (status == WEIR_OK)
        status = order_classes(r);
    if (status == WEIR_OK)
        status = finish_cuts(r);
    weir_mem_free(weir_mem_default(), r->numbers);
    weir_table_close(&r->table);
    weir_mem_free(weir_mem_default(), r);
    if (status != WEIR_OK)
        weir_gate_holdout_deinit(holdout);
    return status;
}
