/* SPDX-License-Identifier: MIT */
#include "gate/rows.h"

#include "base/macros.h"

#include <string.h>

/* One array: where its pointer is, and the bytes of a row in it. */
struct column {
    void *at;
    size_t row_bytes;
};

static void columns_of(struct weir_gate_holdout *h, struct column out[WEIR_GATE_ARRAY_N])
{
    bool has_many = h->task == WEIR_GATE_MULTICLASS || h->task == WEIR_GATE_MULTILABEL;
    size_t n_scores = has_many ? h->n_classes : 1;
    size_t n_p = h->task == WEIR_GATE_BINARY ? 2 : h->n_classes;
    out[WEIR_GATE_TRUTHS] = (struct column){&h->truths, sizeof *h->truths};
    out[WEIR_GATE_LABELS] = (struct column){&h->labels, h->n_classes * sizeof *h->labels};
    out[WEIR_GATE_NUMBERS] = (struct column){&h->numbers, sizeof *h->numbers};
    out[WEIR_GATE_WEIGHTS] = (struct column){&h->weights, sizeof *h->weights};
    out[WEIR_GATE_LINES] = (struct column){&h->lines, sizeof *h->lines};
    out[WEIR_GATE_SCORES] = (struct column){&h->scores, n_scores * sizeof *h->scores};
    out[WEIR_GATE_P] = (struct column){&h->p, n_p * sizeof *h->p};
    out[WEIR_GATE_DECISIONS] = (struct column){&h->decisions, sizeof *h->decisions};
    out[WEIR_GATE_PARTS] = (struct column){&h->parts, h->n_cuts * sizeof *h->parts};
    out[WEIR_GATE_PREDICTIONS] = (struct column){&h->predictions, sizeof *h->predictions};
}

/* The array, NULL: there is none. Pointers to objects of all types look alike here. */
static char *bytes_of(const struct column *c)
{
    char *bytes;
    memcpy(&bytes, c->at, sizeof bytes);
    return bytes;
}

size_t weir_gate_rows_bytes(struct weir_gate_holdout *holdout, uint32_t set)
{
    struct column columns[WEIR_GATE_ARRAY_N];
    size_t bytes = 0;
    columns_of(holdout, columns);
    for (size_t a = 0; a < WEIR_GATE_ARRAY_N; a++)
        bytes += set & 1u << a ? columns[a].row_bytes : 0;
    return bytes;
}

enum weir_status weir_gate_rows_grow(struct weir_gate_holdout *holdout, uint32_t set, size_t cap)
{
    struct column columns[WEIR_GATE_ARRAY_N];
    columns_of(holdout, columns);
    for (size_t a = 0; a < WEIR_GATE_ARRAY_N; a++) {
        if (!(set & 1u << a))
            continue;
        void *more =
            weir_mem_resize(weir_mem_default(), bytes_of(&columns[a]), cap, columns[a].row_bytes);
        if (!more)
            return WEIR_ERR_NO_MEMORY;
        memcpy(columns[a].at, &more, sizeof more);
    }
    return WEIR_OK;
}

void weir_gate_rows_move(struct weir_gate_holdout *holdout, size_t to, size_t from)
{
    struct column columns[WEIR_GATE_ARRAY_N];
    columns_of(holdout, columns);
    for (size_t a = 0; a < WEIR_GATE_ARRAY_N && to != from; a++) {
        char *bytes = bytes_of(&columns[a]);
        size_t n = columns[a].row_bytes;
        if (bytes)
            memcpy(bytes + to * n, bytes + from * n, n);
    }
}

void weir_gate_rows_keep(struct weir_gate_holdout *holdout, const uint32_t *rows, size_t n)
{
    struct column columns[WEIR_GATE_ARRAY_N];
    columns_of(holdout, columns);
    for (size_t a = 0; a < WEIR_GATE_ARRAY_N; a++) {
        char *bytes = bytes_of(&columns[a]);
        size_t size = columns[a].row_bytes;
        for (size_t i = 0; bytes && i < n; i++)
            memmove(bytes + i * size, bytes + rows[i] * size, size);
    }
    holdout->n = n;
}

void weir_gate_rows_refill(struct weir_gate_holdout *out, const struct weir_gate_holdout *from,
                           const uint32_t *rows, size_t n)
{
    struct weir_gate_holdout source = *from;
    struct column ours[WEIR_GATE_ARRAY_N];
    struct column theirs[WEIR_GATE_ARRAY_N];
    columns_of(out, ours);
    columns_of(&source, theirs);
    for (size_t a = 0; a < WEIR_GATE_ARRAY_N; a++) {
        char *to = bytes_of(&ours[a]);
        const char *bytes = bytes_of(&theirs[a]);
        size_t size = ours[a].row_bytes;
        for (size_t i = 0; to && i < n; i++)
            memcpy(to + i * size, bytes + rows[i] * size, size);
    }
    out->n = n;
}

enum weir_status weir_gate_rows_gather(struct weir_gate_holdout *out,
                                       const struct weir_gate_holdout *from, const uint32_t *rows,
                                       size_t n)
{
    struct weir_gate_holdout source = *from;
    struct column columns[WEIR_GATE_ARRAY_N];
    uint32_t set = 0;
    columns_of(&source, columns);
    for (size_t a = 0; a < WEIR_GATE_ARRAY_N; a++)
        set |= bytes_of(&columns[a]) ? 1u << a : 0;
    *out = (struct weir_gate_holdout){.task = from->task,
                                      .n_classes = from->n_classes,
                                      .classes = from->classes,
                                      .score_space = from->score_space,
                                      .n_cuts = from->n_cuts,
                                      .cuts = from->cuts,
                                      .has_fold = from->has_fold};
    weir_arena_init(&out->arena, NULL, 0);
    enum weir_status status = weir_gate_rows_grow(out, set, weir_max_size(n, 1));
    if (status == WEIR_OK)
        weir_gate_rows_refill(out, from, rows, n);
    else
        weir_gate_holdout_deinit(out);
    return status;
}

void weir_gate_rows_renumber(struct weir_gate_holdout *holdout, const uint32_t *places,
                             double *room)
{
    struct weir_gate_holdout *h = holdout;
    size_t k = h->n_classes;
    bool is_turned = k == 2 && places[0] == 1;
    double *const tables[] = {h->p, h->task == WEIR_GATE_MULTICLASS ? h->scores : NULL};
    for (size_t i = 0; i < h->n && h->truths; i++)
        h->truths[i] = places[h->truths[i]];
    for (size_t i = 0; i < h->n && h->decisions; i++)
        h->decisions[i] = places[h->decisions[i]];
    for (size_t t = 0; t < WEIR_ARRAY_LEN(tables); t++) {
        for (size_t i = 0; tables[t] && i < h->n; i++) {
            memcpy(room, tables[t] + i * k, k * sizeof *room);
            for (size_t j = 0; j < k; j++)
                tables[t][i * k + places[j]] = room[j];
        }
    }
    for (size_t i = 0; is_turned && h->task == WEIR_GATE_BINARY && h->scores && i < h->n; i++)
        h->scores[i] = -h->scores[i];
}

void weir_gate_rows_free(struct weir_gate_holdout *holdout)
{
    struct column columns[WEIR_GATE_ARRAY_N];
    char *const none = NULL;
    columns_of(holdout, columns);
    for (size_t a = 0; a < WEIR_GATE_ARRAY_N; a++) {
        weir_mem_free(weir_mem_default(), bytes_of(&columns[a]));
        memcpy(columns[a].at, &none, sizeof none);
    }
}
