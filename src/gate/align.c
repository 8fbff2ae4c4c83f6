/* SPDX-License-Identifier: MIT */
#include "gate/align.h"

#include "base/macros.h"
#include "gate/labels.h"
#include "gate/rows.h"

#include <string.h>

/* Finds the first's class of each of the second's. */
static enum weir_status find_classes(const struct weir_gate_holdout *first,
                                     const struct weir_gate_holdout *second, uint32_t *places,
                                     struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    for (size_t k = 0; k < second->n_classes; k++) {
        size_t j = 0;
        while (j < first->n_classes &&
               !weir_gate_labels_alike(first->classes[j], second->classes[k]))
            j++;
        if (j == first->n_classes)
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "the class \"%s\" is known to one of the models only",
                                  weir_str_echo(second->classes[k], echo, sizeof echo));
        places[k] = (uint32_t)j;
    }
    return WEIR_OK;
}

/* Brings the second's classes into the first's order. */
static enum weir_status order_classes(const struct weir_gate_holdout *first,
                                      struct weir_gate_holdout *second, struct weir_error *err)
{
    size_t n = first->n_classes;
    if (first->task != second->task || n != second->n_classes)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "one model knows %zu classes, the other one %zu", n,
                              second->n_classes);
    uint32_t *places = weir_mem_zarray(weir_mem_default(), weir_max_size(n, 1), sizeof *places);
    double *room = weir_mem_array(weir_mem_default(), weir_max_size(n, 1), sizeof *room);
    struct weir_str *texts = weir_arena_array(&second->arena, weir_max_size(n, 1), sizeof *texts);
    enum weir_status status = places && room && texts
                                  ? find_classes(first, second, places, err)
                                  : weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (status == WEIR_OK) {
        for (size_t k = 0; k < n; k++)
            texts[places[k]] = second->classes[k];
        weir_gate_rows_renumber(second, places, room);
        second->classes = texts;
    }
    weir_mem_free(weir_mem_default(), places);
    weir_mem_free(weir_mem_default(), room);
    return status;
}

/* Keeps the rows of each whose line the other one has too. */
static enum weir_status keep_common(struct weir_gate_holdout *const sides[2],
                                    struct weir_gate_align *out, struct weir_error *err)
{
    const uint64_t *lines[2] = {sides[0]->lines, sides[1]->lines};
    size_t n[2] = {sides[0]->n, sides[1]->n};
    size_t at[2] = {0, 0};
    size_t most = weir_max_size(weir_min_size(n[0], n[1]), 1);
    uint32_t *rows = weir_mem_array(weir_mem_default(), most, 2 * sizeof *rows);
    size_t k = 0;
    if (!rows)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    while (at[0] < n[0] && at[1] < n[1]) {
        uint64_t a = lines[0][at[0]];
        uint64_t b = lines[1][at[1]];
        if (a == b) {
            rows[k] = (uint32_t)at[0];
            rows[most + k++] = (uint32_t)at[1];
        }
        at[0] += a <= b;
        at[1] += b <= a;
    }
    for (size_t s = 0; s < 2; s++) {
        weir_gate_rows_keep(sides[s], rows + s * most, k);
        out->n_dropped[s] = n[s] - k;
    }
    out->n = k;
    weir_mem_free(weir_mem_default(), rows);
    return WEIR_OK;
}

/* Cuts the second's rows as the first's: bins of numbers depend on the rows that were there. */
static enum weir_status take_cuts(const struct weir_gate_holdout *first,
                                  struct weir_gate_holdout *second, struct weir_error *err)
{
    size_t n = first->n_cuts;
    if (n != second->n_cuts)
        return weir_error_set(err, WEIR_ERR_INVALID, "the rows are not cut by the same columns");
    for (size_t c = 0; c < n; c++) {
        if (weir_gate_cut_copy(&second->cuts[c], &first->cuts[c], &second->arena) != WEIR_OK)
            return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    }
    if (n > 0 && first->n > 0)
        memcpy(second->parts, first->parts, first->n * n * sizeof *first->parts);
    return WEIR_OK;
}

enum weir_status weir_gate_align(struct weir_gate_holdout *first, struct weir_gate_holdout *second,
                                 struct weir_gate_align *out, struct weir_error *err)
{
    weir_assert(first);
    weir_assert(second);
    weir_assert(out);
    struct weir_gate_holdout *const sides[2] = {first, second};
    *out = (struct weir_gate_align){.n = 0};
    weir_assert(first->truths || first->numbers || first->n == 0); /* Models give one of both. */
    if (strcmp(first->digest, second->digest) != 0)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "the rows are of two files, or of one that has changed meanwhile");
    enum weir_status status = order_classes(first, second, err);
    if (status == WEIR_OK)
        status = keep_common(sides, out, err);
    if (status == WEIR_OK)
        status = take_cuts(first, second, err);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < first->n; i++) {
        bool is_same = first->truths ? first->truths[i] == second->truths[i]
                                     : first->numbers[i] == second->numbers[i];
        if (!is_same)
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "line %llu has two truths; were both read by one column?",
                                  (unsigned long long)first->lines[i]);
    }
    return WEIR_OK;
}
