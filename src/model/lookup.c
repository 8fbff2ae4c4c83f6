/* SPDX-License-Identifier: MIT */
#include "model/lookup.h"

#include "tensor/cell.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More than this many texts in a row do not fall on one place of a table that is a quarter full,
 * unless a file was made so that they do. */
enum { PROBES_MAX = 4096 };

/* Returns a hash of n bytes: FNV-1a by words of 8 bytes, its bits mixed at the end. */
static uint64_t hash(struct weir_str text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ text.n;
    size_t i = 0;
    for (; i + 8 <= text.n; i += 8) {
        uint64_t word;
        memcpy(&word, text.at + i, 8);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    for (; i < text.n; i++)
        h = (h ^ (unsigned char)text.at[i]) * UINT64_C(0x100000001b3);
    h ^= h >> 29;
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ h >> 32;
}

uint32_t weir_model_lookup_find_text(const struct weir_model_lookup *l, struct weir_str text)
{
    for (uint64_t at = hash(text) & l->mask;; at = (at + 1) & l->mask) {
        uint32_t slot = l->slots[at];
        if (slot == 0)
            return WEIR_MODEL_LOOKUP_NOT;
        if (weir_str_eq(l->texts[slot - 1], text))
            return slot - 1;
    }
}

static uint32_t find_number(const struct weir_model_lookup *l, double x)
{
    size_t low = 0;
    size_t n = l->n_numbers;
    while (n > 0) {
        size_t half = n / 2;
        if (l->numbers[low + half] < x) {
            low += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return low < l->n_numbers && l->numbers[low] == x ? l->number_index[low]
                                                      : WEIR_MODEL_LOOKUP_NOT;
}

uint32_t weir_model_lookup_find(const struct weir_model_lookup *l, double cell)
{
    if (weir_cell_is_text(cell))
        return weir_model_lookup_find_text(l, weir_cell_text(cell));
    if (weir_cell_is_none(cell))
        return l->none;
    return isnan(cell) ? l->nan : find_number(l, cell);
}

bool weir_model_lookup_text(struct weir_model_builder *b, struct weir_str text, double *out)
{
    struct weir_cell_text *copy = weir_arena_alloc(b->arena, sizeof *copy + text.n + 1);
    if (!copy)
        return false;
    copy->n = (uint32_t)text.n;
    if (text.n > 0)
        memcpy(copy->at, text.at, text.n);
    copy->at[text.n] = '\0';
    *out = weir_cell_from_text(copy);
    return true;
}

/* --- making --- */

struct number {
    double value;
    uint32_t index;
};

static int compare_numbers(const void *a, const void *b)
{
    const struct number *x = a;
    const struct number *y = b;
    return x->value < y->value ? -1 : x->value > y->value;
}

static enum weir_status twice(struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_INVALID, "a value is known twice");
}

static enum weir_status add_text(struct weir_model_lookup *l, struct weir_str *texts,
                                 uint32_t *slots, uint32_t index, struct weir_str text,
                                 struct weir_error *err)
{
    uint64_t at = hash(text) & l->mask;
    for (int probes = 0; slots[at] != 0; probes++, at = (at + 1) & l->mask) {
        if (weir_str_eq(texts[slots[at] - 1], text))
            return twice(err);
        if (probes > PROBES_MAX)
            return weir_error_set(err, WEIR_ERR_LIMIT, "too many texts with one hash");
    }
    texts[index] = text;
    slots[at] = index + 1;
    return WEIR_OK;
}

static enum weir_status add_numbers(struct weir_model_lookup *l, struct weir_model_builder *b,
                                    struct number *numbers, struct weir_error *err)
{
    double *values = weir_arena_array(b->arena, l->n_numbers, sizeof *values);
    uint32_t *index = weir_arena_array(b->arena, l->n_numbers, sizeof *index);
    if (!values || !index)
        return weir_model_builder_no_memory(b, err);
    if (l->n_numbers > 0)
        qsort(numbers, l->n_numbers, sizeof *numbers, compare_numbers);
    for (size_t i = 0; i < l->n_numbers; i++) {
        if (i > 0 && numbers[i].value == numbers[i - 1].value)
            return twice(err);
        values[i] = numbers[i].value;
        index[i] = numbers[i].index;
    }
    l->numbers = values;
    l->number_index = index;
    return WEIR_OK;
}

/* Puts value i where it is found; numbers are gathered for sorting. */
static enum weir_status add_cell(struct weir_model_lookup *l, struct weir_model_builder *b,
                                 double cell, uint32_t i, struct weir_str *texts, uint32_t *slots,
                                 struct number *numbers, struct weir_error *err)
{
    if (weir_cell_is_text(cell)) {
        struct weir_str text = weir_arena_str(b->arena, weir_cell_text(cell));
        return text.at ? add_text(l, texts, slots, i, text, err)
                       : weir_model_builder_no_memory(b, err);
    }
    if (!isnan(cell)) {
        numbers[l->n_numbers++] = (struct number){cell, i};
        return WEIR_OK;
    }
    uint32_t *place = weir_cell_is_none(cell) ? &l->none : &l->nan;
    if (*place != WEIR_MODEL_LOOKUP_NOT)
        return twice(err);
    *place = i;
    return WEIR_OK;
}

enum weir_status weir_model_lookup_init(struct weir_model_lookup *out, struct weir_model_builder *b,
                                        const double *cells, size_t n, struct weir_error *err)
{
    struct weir_model_lookup l = {
        .n = n, .none = WEIR_MODEL_LOOKUP_NOT, .nan = WEIR_MODEL_LOOKUP_NOT};
    if (n >= UINT32_MAX / 8)
        return weir_error_set(err, WEIR_ERR_LIMIT, "too many known values");
    size_t n_texts = 0;
    for (size_t i = 0; i < n; i++)
        n_texts += weir_cell_is_text(cells[i]) ? 1 : 0;
    for (l.mask = 1; l.mask + 1 < 4 * n_texts; l.mask = 2 * l.mask + 1)
        ;
    uint32_t *slots = weir_arena_zarray(b->arena, l.mask + 1, sizeof *slots);
    struct weir_str *texts = weir_arena_zarray(b->arena, n_texts > 0 ? n : 0, sizeof *texts);
    struct number *numbers = weir_mem_array(weir_mem_default(), n - n_texts + 1, sizeof *numbers);
    enum weir_status status = WEIR_OK;
    if (!slots || !texts || !numbers)
        status = weir_model_builder_no_memory(b, err);
    for (size_t i = 0; i < n && status == WEIR_OK; i++)
        status = add_cell(&l, b, cells[i], (uint32_t)i, texts, slots, numbers, err);
    l.texts = texts;
    l.slots = slots;
    if (status == WEIR_OK)
        status = add_numbers(&l, b, numbers, err);
    weir_mem_free(weir_mem_default(), numbers);
    if (status == WEIR_OK)
        *out = l;
    return status;
}
