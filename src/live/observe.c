/* SPDX-License-Identifier: MIT */
#include "live/observe.h"

#include "base/macros.h"
#include "live/reference.h"

#include <math.h>
#include <string.h>

enum { FEATURES_A_ROW = 2 };

struct head {
    uint32_t n_rows;
    uint32_t n_sampled;
};

static size_t bins_bytes(const struct weir_live_shape *shape, size_t n_rows)
{
    size_t n = shape->task == WEIR_LIVE_MULTICLASS ? n_rows * shape->n_columns : 0;
    return (n * sizeof(uint16_t) + 7) & ~(size_t)7;
}

static uint32_t bin_of(const struct weir_live_shape *shape, double score)
{
    return isnan(score) ? WEIR_LIVE_NO_BIN
                        : weir_eval_binned_bin(score, shape->space, shape->n_bins);
}

/* Takes down a row of two classes, or a number. */
static void see(const struct weir_live_shape *shape, const struct weir_result *result, size_t i,
                struct weir_live_seen *seen)
{
    const void *predict = result->out[WEIR_OUTPUT_PREDICT];
    *seen = (struct weir_live_seen){.score = (double)NAN, .bin = WEIR_LIVE_NO_BIN};
    if (shape->task == WEIR_LIVE_REGRESSION) {
        seen->score = ((const double *)predict)[i];
        return;
    }
    seen->decided = (uint32_t)((const int32_t *)predict)[i];
    if (!shape->has_score || seen->decided >= shape->n_classes) /* The latter: a row that failed. */
        return;
    const double *values = result->out[shape->score];
    if (shape->task == WEIR_LIVE_MULTICLASS)
        seen->score = values[i * shape->n_columns + seen->decided];
    else if (shape->score == WEIR_OUTPUT_PREDICT_PROBA)
        seen->score = values[2 * i + 1];
    else
        seen->score = values[i];
    if (shape->task == WEIR_LIVE_BINARY)
        seen->bin = bin_of(shape, seen->score);
}

/* Draws how many rows are left out before the next that is looked at: 0 … 2 (every − 1), so that
 * one in `every` is taken and no period of the traffic is met. */
static uint32_t draw(struct weir_live_sampler *sampler, uint32_t every)
{
    sampler->random = sampler->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)((sampler->random >> 32) * (2 * every - 1) >> 32);
}

/* Appends the bins of the features of the rows that are drawn; what was seen of the rows is at
 * seen_at of the buffer, which may move. Leaves room for 8 bytes more. */
static uint32_t see_features(const struct weir_live_shape *shape, size_t n_rows, const void *rows,
                             enum weir_dtype dtype, size_t seen_at,
                             struct weir_live_sampler *sampler, struct weir_buf *out)
{
    uint32_t every = (shape->n_features + FEATURES_A_ROW - 1) / FEATURES_A_ROW;
    uint32_t n = 0;
    size_t width = (size_t)shape->n_features + 1;
    size_t row_bytes = shape->n_features * weir_dtype_size(dtype);
    size_t i = sampler->skip;
    for (; i < n_rows; i += 1 + draw(sampler, every > 0 ? every : 1)) {
        if (weir_buf_reserve(out, width + 8) != WEIR_OK) {
            out->failed = false; /* The rows that were taken are as good as all. */
            return n;
        }
        const struct weir_live_seen *seen = (const void *)(out->at + seen_at);
        weir_live_reference_bins(shape->reference, (const char *)rows + i * row_bytes, dtype,
                                 seen[i].score, (uint8_t *)out->at + out->n);
        out->n += width;
        n++;
    }
    sampler->skip = (uint32_t)(i - n_rows);
    return n;
}

bool weir_live_observe(const struct weir_live_shape *shape, const struct weir_result *result,
                       const void *rows, enum weir_dtype dtype, struct weir_live_sampler *sampler,
                       struct weir_buf *out)
{
    weir_assert(out->n % 8 == 0);
    size_t at = out->n;
    size_t n = result->n_rows;
    size_t bytes = sizeof(struct head) + n * sizeof(struct weir_live_seen) + bins_bytes(shape, n);
    if (weir_buf_reserve(out, bytes + 8) != WEIR_OK) {
        out->failed = false;
        return false;
    }
    struct head head = {.n_rows = (uint32_t)n};
    struct weir_live_seen *seen = (void *)(out->at + at + sizeof head);
    uint16_t *bins = (void *)(seen + n);
    bool has_bins = shape->task == WEIR_LIVE_MULTICLASS && shape->has_score;
    const double *values = has_bins ? result->out[shape->score] : NULL;
    for (size_t i = 0; i < n; i++)
        see(shape, result, i, &seen[i]);
    for (size_t i = 0; values && i < n * shape->n_columns; i++)
        bins[i] = (uint16_t)bin_of(shape, values[i]);
    out->n += bytes;
    if (shape->reference)
        head.n_sampled = see_features(shape, n, rows, dtype, at + sizeof head, sampler, out);
    while (out->n % 8 != 0)
        out->at[out->n++] = 0;
    memcpy(out->at + at, &head, sizeof head);
    return true;
}

struct weir_live_observation weir_live_observe_read(const struct weir_live_shape *shape,
                                                    const char *bytes)
{
    struct head head;
    memcpy(&head, bytes, sizeof head);
    struct weir_live_observation o = {.n_rows = head.n_rows, .n_sampled = head.n_sampled};
    o.rows = (const void *)(bytes + sizeof head);
    o.bins = (const void *)(o.rows + head.n_rows);
    o.features = (const uint8_t *)o.bins + bins_bytes(shape, head.n_rows);
    return o;
}

void weir_live_observe_refuse(char *bytes, size_t i)
{
    struct weir_live_seen *rows = (void *)(bytes + sizeof(struct head));
    rows[i].decided = WEIR_LIVE_REFUSED;
}
