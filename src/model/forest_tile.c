/* SPDX-License-Identifier: MIT */
/* Running the fast form: rows are read column by column into ranks or keys, the kernels add to a
 * tile's sums, and these go back to the run's. */
#include "model/forest_fast.h"

#include <math.h>

enum { TILE = WEIR_MODEL_FOREST_TILE };

/* --- reading --- */

/* Reads a feature of one row as the trees see it. */
static inline double read_value(const struct weir_model_forest *f,
                                const struct weir_model_matrix *in, size_t row, uint32_t feature)
{
    size_t at = row * in->stride + feature;
    double x = in->storage == WEIR_F32
                   ? (double)((const float *)in->at)[at]
                   : weir_model_node_round(((const double *)in->at)[at], f->input == WEIR_F32);
    if (f->flushes_tiny && fabs(x) <= WEIR_MODEL_FOREST_TINY)
        x = 0.0;
    return f->has_missing_value && x == f->missing_value ? (double)NAN : x;
}

static inline bool is_zero(double x)
{
    return !(fabs(x) > WEIR_MODEL_FOREST_TINY);
}

/* The keys of one column under its missing rule: below or above all where the node would not
 * compare. */
#define KEYS_OF(name, type, number, key_of, least, most)                    \
    static void name(uint8_t missing, const number *x, size_t n, type *out) \
    {                                                                       \
        switch ((enum weir_model_forest_missing)missing) {                  \
        case WEIR_MODEL_FOREST_NAN_RIGHT:                                   \
            for (size_t i = 0; i < n; i++)                                  \
                out[i] = x[i] != x[i] ? most : key_of(x[i]);                \
            return;                                                         \
        case WEIR_MODEL_FOREST_NAN_LEFT:                                    \
            for (size_t i = 0; i < n; i++)                                  \
                out[i] = x[i] != x[i] ? least : key_of(x[i]);               \
            return;                                                         \
        case WEIR_MODEL_FOREST_NAN_ZERO:                                    \
            for (size_t i = 0; i < n; i++)                                  \
                out[i] = x[i] != x[i] ? 0 : key_of(x[i]);                   \
            return;                                                         \
        case WEIR_MODEL_FOREST_ZERO_RIGHT:                                  \
            for (size_t i = 0; i < n; i++)                                  \
                out[i] = is_zero((double)x[i]) ? most : key_of(x[i]);       \
            return;                                                         \
        case WEIR_MODEL_FOREST_ZERO_LEFT:                                   \
            for (size_t i = 0; i < n; i++)                                  \
                out[i] = is_zero((double)x[i]) ? least : key_of(x[i]);      \
            return;                                                         \
        }                                                                   \
    }

KEYS_OF(keys32_of, int32_t, float, weir_model_forest_key32, INT32_MIN, INT32_MAX)
KEYS_OF(keys64_of, int64_t, double, weir_model_forest_key64, INT64_MIN, INT64_MAX)

/* Gathers n values of a feature as floats: rows are floats, or cast to them. */
static void gather_f32(const struct weir_model_forest *f, const struct weir_model_matrix *in,
                       size_t row, size_t n, uint32_t feature, float *out)
{
    size_t at = row * in->stride + feature;
    if (in->storage == WEIR_F32)
        for (size_t i = 0; i < n; i++)
            out[i] = ((const float *)in->at)[at + i * in->stride];
    else
        for (size_t i = 0; i < n; i++)
            out[i] = (float)((const double *)in->at)[at + i * in->stride];
    for (size_t i = 0; f->flushes_tiny && i < n; i++)
        out[i] = fabs((double)out[i]) <= WEIR_MODEL_FOREST_TINY ? 0.0f : out[i];
    for (size_t i = 0; f->has_missing_value && i < n; i++)
        out[i] = (double)out[i] == f->missing_value ? NAN : out[i];
}

static void gather_f64(const struct weir_model_forest *f, const struct weir_model_matrix *in,
                       size_t row, size_t n, uint32_t feature, double *out)
{
    size_t at = row * in->stride + feature;
    for (size_t i = 0; i < n; i++)
        out[i] = ((const double *)in->at)[at + i * in->stride];
    for (size_t i = 0; f->flushes_tiny && i < n; i++)
        out[i] = fabs(out[i]) <= WEIR_MODEL_FOREST_TINY ? 0.0 : out[i];
    for (size_t i = 0; f->has_missing_value && i < n; i++)
        out[i] = out[i] == f->missing_value ? (double)NAN : out[i];
}

/* Ranks among any number of keys. */
static int32_t rank_of32(const struct weir_model_forest_column *c, int32_t key)
{
    size_t low = 0;
    size_t n = c->n_keys;
    while (n > 0) {
        size_t half = (n + 1) / 2;
        low += key > c->keys32[low + half - 1] ? half : 0;
        n -= half;
    }
    return (int32_t)low;
}

static int32_t rank_of64(const struct weir_model_forest_column *c, int64_t key)
{
    size_t low = 0;
    size_t n = c->n_keys;
    while (n > 0) {
        size_t half = (n + 1) / 2;
        low += key > c->keys64[low + half - 1] ? half : 0;
        n -= half;
    }
    return (int32_t)low;
}

/* Fills n (at most TILE) elements of one column, one after the other, from row on. */
static void read_column(const struct weir_model_forest *f, const struct weir_model_matrix *in,
                        const struct weir_model_forest_column *c, size_t row, size_t n, void *out)
{
    const struct weir_model_forest_fast *fast = f->fast;
    bool is_8 = fast->element == WEIR_MODEL_FOREST_RANK8;
    int32_t *out32 = out;
    if (c->test) {
        for (size_t i = 0; i < n; i++) {
            double x = read_value(f, in, row + i, c->feature);
            bool is_right = !weir_model_forest_goes_left(f, c->test_tree, c->test, x);
            if (is_8)
                ((uint8_t *)out)[i] = is_right;
            else
                out32[i] = is_right;
        }
        return;
    }
    if (in->storage == WEIR_F32 || f->input == WEIR_F32) {
        float x[TILE];
        int32_t keys[TILE];
        gather_f32(f, in, row, n, c->feature, x);
        if (fast->element == WEIR_MODEL_FOREST_KEY32) {
            keys32_of(c->missing, x, n, out32);
            return;
        }
        keys32_of(c->missing, x, n, keys);
        if (is_8)
            fast->isa->rank32(c, keys, n, out);
        for (size_t i = 0; !is_8 && i < n; i++)
            out32[i] = rank_of32(c, keys[i]);
        return;
    }
    double x[TILE];
    int64_t keys[TILE];
    gather_f64(f, in, row, n, c->feature, x);
    keys64_of(c->missing, x, n, keys);
    if (is_8)
        fast->isa->rank64(c, keys, n, out);
    for (size_t i = 0; !is_8 && i < n; i++)
        out32[i] = rank_of64(c, keys[i]);
}

/* Fills a tile: column after column, the dead one (zeros) last. */
static void read_tile(const struct weir_model_forest *f, const struct weir_model_matrix *in,
                      size_t row, size_t n, char *out)
{
    const struct weir_model_forest_fast *fast = f->fast;
    size_t item = fast->element == WEIR_MODEL_FOREST_RANK8 ? 1 : sizeof(int32_t);
    for (size_t c = 0; c < fast->n_columns; c++, out += TILE * item) {
        read_column(f, in, &fast->columns[c], row, n, out);
        memset(out + n * item, 0, (TILE - n) * item);
    }
    memset(out, 0, TILE * item);
}

/* Fills rows: row after row, each with the dead column (a zero) last. */
static void read_rows(const struct weir_model_forest *f, const struct weir_model_matrix *in,
                      size_t row, size_t n, char *out)
{
    const struct weir_model_forest_fast *fast = f->fast;
    int32_t column[TILE];
    for (size_t c = 0; c < fast->n_columns; c++) {
        read_column(f, in, &fast->columns[c], row, n, column);
        for (size_t i = 0; i < n; i++) {
            char *to = out + i * fast->row_bytes;
            if (fast->element == WEIR_MODEL_FOREST_RANK8)
                ((uint8_t *)to)[c] = ((const uint8_t *)column)[i];
            else
                ((int32_t *)(void *)to)[c] = column[i];
        }
    }
    for (size_t i = 0; i < n; i++) {
        char *to = out + i * fast->row_bytes;
        if (fast->element == WEIR_MODEL_FOREST_RANK8)
            ((uint8_t *)to)[fast->n_columns] = 0;
        else
            ((int32_t *)(void *)to)[fast->n_columns] = 0;
    }
}

/* --- sums --- */

/* Moves n rows of sums into a tile's, or back. Width 1: sum after sum, so that the rows of one
 * lie side by side. */
static void move_sums(const struct weir_model_forest_fast *f, double *sums, size_t n, void *tile,
                      bool back)
{
    size_t row_step = f->width == 1 ? 1 : f->n_sums;
    size_t sum_step = f->width == 1 ? TILE : 1;
    for (size_t k = 0; k < f->n_sums; k++)
        for (size_t row = 0; row < n; row++) {
            double *sum = &sums[row * f->n_sums + k];
            size_t at = row * row_step + k * sum_step;
            if (f->values_f32 && back)
                *sum = (double)((float *)tile)[at];
            else if (f->values_f32)
                ((float *)tile)[at] = (float)*sum;
            else if (back)
                *sum = ((double *)tile)[at];
            else
                ((double *)tile)[at] = *sum;
        }
}

/* Runs n rows, at most TILE, one by one. */
static void run_rows(const struct weir_model_forest *forest, const struct weir_model_node_run *run,
                     struct weir_model_forest_job *job, size_t row, size_t n, double *sums)
{
    const struct weir_model_forest_fast *f = forest->fast;
    job->n_rows = n;
    read_rows(forest, &run->in, row, n, run->scratch + f->tile_at);
    move_sums(f, sums + row * f->n_sums, n, job->sums, false);
    (f->bits ? f->isa->run_bits : f->paths ? f->isa->run_paths : f->isa->run_rows)(job);
    move_sums(f, sums + row * f->n_sums, n, job->sums, true);
}

void weir_model_forest_fast_run(const struct weir_model_forest *forest,
                                const struct weir_model_node_run *run, double *sums)
{
    const struct weir_model_forest_fast *f = forest->fast;
    char *elements = run->scratch + f->tile_at;
    struct weir_model_forest_job job = {.f = f,
                                        .elements = elements,
                                        .sums = run->scratch + f->sums_at,
                                        .slots = (uint8_t *)run->scratch + f->slots_at};
    size_t n_tail = run->n_rows % TILE <= f->rows_max ? run->n_rows % TILE : 0;
    size_t n_tiled = run->n_rows - n_tail;
    for (size_t row = 0; row < n_tiled; row += TILE, job.n_tiles++) {
        size_t n = weir_min_size(n_tiled - row, TILE);
        read_tile(forest, &run->in, row, n, elements + job.n_tiles * f->tile_bytes);
        move_sums(f, sums + row * f->n_sums, n, job.sums + job.n_tiles * f->sums_bytes, false);
    }
    if (job.n_tiles > 0) {
        for (size_t i = 0; i < f->n_slots; i++)
            memset(job.slots + i * TILE, (int)i, TILE);
        f->isa->run_tile(&job);
    }
    for (size_t row = 0, i = 0; row < n_tiled; row += TILE, i++)
        move_sums(f, sums + row * f->n_sums, weir_min_size(n_tiled - row, TILE),
                  job.sums + i * f->sums_bytes, true);
    if (n_tail > 0)
        run_rows(forest, run, &job, n_tiled, n_tail, sums);
}
