/* SPDX-License-Identifier: MIT */
#include "gate/cut.h"

#include "base/macros.h"
#include "codec/csv.h"
#include "eval/sort.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N_SLOTS = 2048, FIRST_VALUES = 16 };

enum weir_status weir_gate_cut_init(struct weir_gate_cut *cut, struct weir_str spec,
                                    struct weir_arena *arena, struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    uint64_t n_bins = 0;
    struct weir_str column = spec;
    /* Names of columns may hold colons: only the last one, before a number, is ours. */
    size_t at = spec.n;
    while (at > 0 && spec.at[at - 1] != ':')
        at--;
    if (at > 0 && weir_str_to_u64(weir_str_make(spec.at + at, spec.n - at), UINT32_MAX, &n_bins))
        column.n = at - 1;
    if (column.n == 0 || (column.n < spec.n && (n_bins < 2 || n_bins > WEIR_GATE_CUT_BINS_MAX)))
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "\"%s\" cuts nothing: expected a column, or column:N to cut numbers "
                              "into 2 to %d parts",
                              weir_str_echo(spec, echo, sizeof echo), WEIR_GATE_CUT_BINS_MAX);
    *cut = (struct weir_gate_cut){
        .spec = spec, .column = column, .n_bins = (size_t)n_bins, .arena = arena};
    return WEIR_OK;
}

enum weir_status weir_gate_cut_find(struct weir_gate_cut *cut, const struct weir_table *table,
                                    struct weir_error *err)
{
    if (cut->n_bins > 0 && weir_table_find(table, cut->spec, &cut->field, NULL) == WEIR_OK) {
        cut->column = cut->spec; /* A column may be called so. */
        cut->n_bins = 0;
        return WEIR_OK;
    }
    return weir_table_find(table, cut->column, &cut->field, err);
}

/* --- by value --------------------------------------------------------------------------------- */

/* FNV-1a. */
static uint64_t hash(struct weir_str text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (uint8_t)text.at[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

static enum weir_status add_value(struct weir_gate_cut *cut, struct weir_str text)
{
    if (cut->n_parts == cut->cap) {
        size_t cap = cut->cap > 0 ? 2 * cut->cap : FIRST_VALUES;
        struct weir_str *more = weir_arena_array(cut->arena, cap, sizeof *more);
        if (!more)
            return WEIR_ERR_NO_MEMORY;
        if (cut->n_parts > 0)
            memcpy(more, cut->values, cut->n_parts * sizeof *more);
        cut->values = more;
        cut->cap = cap;
    }
    struct weir_str copy = weir_arena_str(cut->arena, text);
    if (!copy.at)
        return WEIR_ERR_NO_MEMORY;
    cut->values[cut->n_parts++] = copy;
    return WEIR_OK;
}

static enum weir_status find_value(struct weir_gate_cut *cut, struct weir_str text, uint32_t *part)
{
    if (!cut->slots)
        cut->slots = weir_arena_zarray(cut->arena, N_SLOTS, sizeof *cut->slots);
    if (!cut->slots)
        return WEIR_ERR_NO_MEMORY;
    size_t slot = hash(text) % N_SLOTS;
    for (; cut->slots[slot] > 0; slot = (slot + 1) % N_SLOTS) {
        *part = cut->slots[slot] - 1;
        if (weir_str_eq(cut->values[*part], text))
            return WEIR_OK;
    }
    if (cut->n_parts == WEIR_GATE_CUT_VALUES_MAX)
        return WEIR_ERR_LIMIT;
    enum weir_status status = add_value(cut, text);
    if (status != WEIR_OK)
        return status;
    *part = (uint32_t)cut->n_parts - 1;
    cut->slots[slot] = (uint32_t)cut->n_parts;
    return WEIR_OK;
}

enum weir_status weir_gate_cut_read(struct weir_gate_cut *cut, const struct weir_table *table,
                                    uint32_t *part, double *number, struct weir_error *err)
{
    struct weir_str text = weir_table_field(table, cut->field);
    *part = 0;
    if (cut->n_bins > 0)
        return weir_codec_csv_number(text, number)
                   ? WEIR_OK
                   : weir_table_fail(table, cut->field, "expected a number to cut rows by", err);
    enum weir_status status = find_value(cut, text, part);
    if (status == WEIR_ERR_LIMIT) {
        (void)weir_table_fail(table, cut->field,
                              "more than 1000 values to cut rows by; cut numbers with COLUMN:N",
                              err);
        return status;
    }
    return status == WEIR_OK ? status : weir_error_set(err, status, "out of memory");
}

/* --- by bins ---------------------------------------------------------------------------------- */

/* Writes the quantiles of n sorted keys, each once. Returns how many edges there are. */
static size_t find_edges(const uint64_t *keys, size_t n, size_t n_bins, double *edges)
{
    size_t k = 0;
    for (size_t b = 0; b <= n_bins; b++) {
        /* The keys are in descending order of numbers. */
        double at = (double)(n - 1) * (double)b / (double)n_bins;
        size_t below = (size_t)at;
        double low = weir_eval_sort_score(keys[n - 1 - below]);
        double high = below + 1 < n ? weir_eval_sort_score(keys[n - 2 - below]) : low;
        double share = at - (double)below;
        double edge = share > 0 ? low + (high - low) * share : low;
        if (k == 0 || edge > edges[k - 1])
            edges[k++] = edge;
    }
    return k;
}

/* Names bins 1, 2, … and the rows without a number "". */
static enum weir_status name_bins(struct weir_gate_cut *cut, size_t n_bins, bool has_missing)
{
    char text[8];
    for (size_t b = 0; b < n_bins; b++) {
        int n = snprintf(text, sizeof text, "%zu", b + 1);
        enum weir_status status = add_value(cut, weir_str_make(text, (size_t)n));
        if (status != WEIR_OK)
            return status;
    }
    return has_missing ? add_value(cut, WEIR_STR("")) : WEIR_OK;
}

/* Returns the number of inner edges below x. */
static uint32_t bin_of(const double *edges, size_t n_bins, double x)
{
    uint32_t bin = 0;
    while (bin + 1 < n_bins && edges[bin + 1] < x)
        bin++;
    return bin;
}

enum weir_status weir_gate_cut_finish(struct weir_gate_cut *cut, const double *numbers,
                                      uint32_t *parts, size_t n, size_t stride)
{
    struct weir_eval_sort sort;
    size_t k = 0;
    if (cut->n_bins == 0)
        return WEIR_OK;
    cut->edges = weir_arena_array(cut->arena, cut->n_bins + 1, sizeof *cut->edges);
    enum weir_status status =
        cut->edges ? weir_eval_sort_init(&sort, weir_max_size(n, 1), weir_mem_default(), NULL)
                   : WEIR_ERR_NO_MEMORY;
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(numbers[i * stride]))
            sort.keys[k++] = weir_eval_sort_key(numbers[i * stride]);
    }
    memset(sort.values, 0, k * sizeof *sort.values);
    weir_eval_sort_run(&sort, k);
    size_t n_edges = k > 0 ? find_edges(sort.keys, k, cut->n_bins, cut->edges) : 1;
    weir_eval_sort_deinit(&sort);
    if (n_edges == 1 && k > 0) /* one value only */
        cut->edges[n_edges++] = cut->edges[0];
    size_t n_bins = n_edges - 1;
    for (size_t i = 0; i < n; i++) {
        double x = numbers[i * stride];
        parts[i * stride] = isnan(x) ? (uint32_t)n_bins : bin_of(cut->edges, n_bins, x);
    }
    return name_bins(cut, n_bins, k < n);
}

enum weir_status weir_gate_cut_copy(struct weir_gate_cut *cut, const struct weir_gate_cut *other,
                                    struct weir_arena *arena)
{
    size_t n = weir_max_size(other->n_parts, 1);
    struct weir_gate_cut made = *other;
    made.arena = arena;
    made.slots = NULL;
    made.values = weir_arena_array(arena, n, sizeof *made.values);
    made.edges = other->edges ? weir_arena_array(arena, n + 1, sizeof *made.edges) : NULL;
    made.spec = weir_arena_str(arena, other->spec);
    made.column = weir_arena_str(arena, other->column);
    bool is_ok = made.values && (made.edges || !other->edges) && made.spec.at && made.column.at;
    for (size_t p = 0; p < other->n_parts && is_ok; p++) {
        made.values[p] = weir_arena_str(arena, other->values[p]);
        is_ok = made.values[p].at != NULL;
        if (made.edges)
            made.edges[p] = other->edges[p];
    }
    if (!is_ok)
        return WEIR_ERR_NO_MEMORY;
    *cut = made;
    return WEIR_OK;
}
