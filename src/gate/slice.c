/* SPDX-License-Identifier: MIT */
#include "gate/slice.h"

#include "base/macros.h"
#include "codec/number.h"
#include "gate/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void weir_gate_slice_deinit(struct weir_gate_slice *slice)
{
    weir_assert(slice);
    weir_gate_evaluation_deinit(&slice->evaluation);
    weir_gate_holdout_deinit(&slice->rows);
    *slice = (struct weir_gate_slice){.part = 0};
}

static size_t n_slice_cuts(const struct weir_gate_holdout *h)
{
    return h->n_cuts - h->has_fold;
}

/* Writes the name of a part: the column's spec, =, and its value. */
static struct weir_str name_of(struct weir_arena *arena, const struct weir_gate_cut *cut,
                               size_t part)
{
    struct weir_str value = cut->values[part];
    size_t n = cut->spec.n + 1 + value.n;
    char *text = weir_arena_alloc(arena, n + 1);
    if (!text)
        return weir_str_make(NULL, 0);
    memcpy(text, cut->spec.at, cut->spec.n);
    text[cut->spec.n] = '=';
    memcpy(text + cut->spec.n + 1, value.at, value.n);
    text[n] = 0;
    return weir_str_make(text, n);
}

/* Gathers the n rows of a part. */
static enum weir_status gather(struct weir_gate_slice *slice, const struct weir_gate_holdout *h,
                               size_t cut, size_t part, size_t n)
{
    uint32_t *rows = weir_mem_array(weir_mem_default(), n, sizeof *rows);
    size_t k = 0;
    if (!rows)
        return WEIR_ERR_NO_MEMORY;
    for (size_t i = 0; i < h->n; i++) {
        if (h->parts[i * h->n_cuts + cut] == part)
            rows[k++] = (uint32_t)i;
    }
    weir_assert(k == n);
    enum weir_status status = weir_gate_rows_gather(&slice->rows, h, rows, n);
    weir_mem_free(weir_mem_default(), rows);
    return status;
}

/* Measures a part of n > 0 rows. */
static enum weir_status make(struct weir_gate_slice *slice,
                             const struct weir_gate_evaluation *whole, size_t cut, size_t part,
                             size_t n, struct weir_error *err)
{
    const struct weir_gate_holdout *h = whole->holdout;
    struct weir_gate_evaluation_opts opts = whole->opts;
    *slice = (struct weir_gate_slice){
        .cut = &h->cuts[cut], .part = part, .low = (double)NAN, .high = (double)NAN};
    opts.is_bare = true;
    if (whole->has_choice) {
        opts.has_threshold = true;
        opts.threshold = whole->choice.threshold;
    }
    if (slice->cut->edges && slice->cut->values[part].n > 0) {
        slice->low = slice->cut->edges[part];
        slice->high = slice->cut->edges[part + 1];
    }
    enum weir_status status = gather(slice, h, cut, part, n);
    if (status == WEIR_OK) {
        slice->name = name_of(&slice->rows.arena, slice->cut, part);
        status = slice->name.at
                     ? weir_gate_evaluation_make(&slice->evaluation, &slice->rows, &opts, err)
                     : WEIR_ERR_NO_MEMORY;
    }
    if (status == WEIR_ERR_NO_MEMORY)
        (void)weir_error_set(err, status, "out of memory");
    if (status != WEIR_OK)
        weir_gate_slice_deinit(slice);
    return status;
}

/* Counts the rows of each part of a cut into n. */
static void count(const struct weir_gate_holdout *h, size_t cut, size_t *n)
{
    memset(n, 0, WEIR_GATE_CUT_VALUES_MAX * sizeof *n);
    for (size_t i = 0; i < h->n; i++)
        n[h->parts[i * h->n_cuts + cut]]++;
}

enum weir_status weir_gate_slice_make(struct weir_gate_slice *slice,
                                      const struct weir_gate_evaluation *whole,
                                      struct weir_str name, struct weir_error *err)
{
    weir_assert(slice);
    weir_assert(whole);
    const struct weir_gate_holdout *h = whole->holdout;
    char echo[WEIR_ECHO_BUF_BYTES];
    size_t counts[WEIR_GATE_CUT_VALUES_MAX];
    for (size_t c = 0; c < n_slice_cuts(h); c++) {
        const struct weir_gate_cut *cut = &h->cuts[c];
        if (!weir_str_starts(name, cut->spec) || name.n == cut->spec.n ||
            name.at[cut->spec.n] != '=')
            continue;
        struct weir_str value = weir_str_make(name.at + cut->spec.n + 1, name.n - cut->spec.n - 1);
        size_t part = 0;
        while (part < cut->n_parts && !weir_str_eq(cut->values[part], value))
            part++;
        if (part == cut->n_parts)
            continue;
        count(h, c, counts);
        if (counts[part] > 0)
            return make(slice, whole, c, part, counts[part], err);
    }
    return weir_error_set(err, WEIR_ERR_NOT_FOUND, "no row is in the slice %s",
                          weir_str_echo(name, echo, sizeof echo));
}

const struct weir_gate_slice *weir_gate_slice_find(const struct weir_gate_evaluation *whole,
                                                   struct weir_str name)
{
    weir_assert(whole);
    for (size_t i = 0; i < whole->n_slices; i++) {
        if (weir_str_eq(whole->slices[i].name, name))
            return &whole->slices[i];
    }
    return NULL;
}

/* A part while it is chosen. */
struct part {
    struct weir_str value;
    size_t at;
    size_t n;
};

static int by_rows(const void *a, const void *b)
{
    const struct part *x = a;
    const struct part *y = b;
    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return weir_str_cmp(x->value, y->value);
}

/* Lists the parts of a cut that are measured, those of bins in order. Returns how many. */
static size_t choose(const struct weir_gate_holdout *h, size_t cut, struct part *parts,
                     size_t *n_left_out)
{
    const struct weir_gate_cut *c = &h->cuts[cut];
    size_t counts[WEIR_GATE_CUT_VALUES_MAX];
    size_t n = 0;
    count(h, cut, counts);
    for (size_t p = 0; p < c->n_parts; p++) {
        if (counts[p] > 0)
            parts[n++] = (struct part){c->values[p], p, counts[p]};
    }
    if (!c->edges)
        qsort(parts, n, sizeof *parts, by_rows);
    size_t kept = weir_min_size(n, WEIR_GATE_SLICE_PARTS_MAX);
    *n_left_out += n - kept;
    return kept;
}

enum weir_status weir_gate_slice_all(struct weir_gate_evaluation *whole, struct weir_error *err)
{
    weir_assert(whole);
    const struct weir_gate_holdout *h = whole->holdout;
    struct part parts[WEIR_GATE_CUT_VALUES_MAX];
    size_t most = weir_min_size(n_slice_cuts(h) * WEIR_GATE_SLICE_PARTS_MAX, WEIR_GATE_SLICES_MAX);
    if (most == 0)
        return WEIR_OK;
    whole->slices = weir_mem_zarray(whole->mem, most, sizeof *whole->slices);
    if (!whole->slices)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for slices");
    for (size_t c = 0; c < n_slice_cuts(h); c++) {
        size_t n = choose(h, c, parts, &whole->n_slices_left_out);
        for (size_t p = 0; p < n; p++) {
            if (whole->n_slices == most) {
                whole->n_slices_left_out++;
                continue;
            }
            struct weir_gate_slice *slice = &whole->slices[whole->n_slices];
            enum weir_status status = make(slice, whole, c, parts[p].at, parts[p].n, err);
            if (status != WEIR_OK)
                return status;
            whole->n_slices++;
        }
    }
    return WEIR_OK;
}

/* A fold while it is put in order. */
struct fold {
    struct weir_str value;
    double number;
    size_t at;
};

static int by_number(const void *a, const void *b)
{
    const struct fold *x = a;
    const struct fold *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static int by_bytes(const void *a, const void *b)
{
    const struct fold *x = a;
    const struct fold *y = b;
    return weir_str_cmp(x->value, y->value);
}

enum weir_status weir_gate_slice_folds(struct weir_gate_evaluation *whole, struct weir_error *err)
{
    weir_assert(whole);
    const struct weir_gate_holdout *h = whole->holdout;
    size_t counts[WEIR_GATE_CUT_VALUES_MAX];
    struct fold folds[WEIR_GATE_FOLDS_MAX];
    size_t n = 0;
    bool are_numbers = true;
    if (!h->has_fold)
        return WEIR_OK;
    size_t c = h->n_cuts - 1;
    count(h, c, counts);
    for (size_t p = 0; p < h->cuts[c].n_parts; p++) {
        if (counts[p] == 0)
            continue;
        if (n == WEIR_GATE_FOLDS_MAX)
            return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d folds", WEIR_GATE_FOLDS_MAX);
        folds[n] = (struct fold){h->cuts[c].values[p], 0, p};
        are_numbers = weir_codec_number_read_f64(folds[n].value, &folds[n].number) && are_numbers;
        n++;
    }
    qsort(folds, n, sizeof *folds, are_numbers ? by_number : by_bytes);
    whole->folds = weir_mem_zarray(whole->mem, weir_max_size(n, 1), sizeof *whole->folds);
    if (!whole->folds)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for folds");
    for (size_t i = 0; i < n; i++) {
        size_t part = folds[i].at;
        enum weir_status status = make(&whole->folds[i], whole, c, part, counts[part], err);
        if (status != WEIR_OK)
            return status;
        whole->n_folds++;
    }
    return WEIR_OK;
}

struct weir_gate_fold_mean weir_gate_slice_fold_mean(const struct weir_gate_evaluation *whole,
                                                     size_t i)
{
    weir_assert(whole);
    weir_assert(i < whole->n_metrics);
    struct weir_gate_fold_mean m = {.name = whole->metrics[i].name};
    double values[WEIR_GATE_FOLDS_MAX];
    double sum = 0;
    double square = 0;
    for (size_t f = 0; f < whole->n_folds; f++) {
        const struct weir_gate_metric *found =
            weir_gate_evaluation_find(&whole->folds[f].evaluation, weir_str_c(m.name));
        if (!found || isnan(found->value))
            continue;
        values[m.n++] = found->value;
        sum += found->value;
    }
    m.mean = m.n > 0 ? sum / (double)m.n : (double)NAN;
    for (size_t f = 0; f < m.n; f++)
        square += (values[f] - m.mean) * (values[f] - m.mean);
    m.sd = m.n > 1 ? sqrt(square / (double)(m.n - 1)) : (double)NAN;
    return m;
}
