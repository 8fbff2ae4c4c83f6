/* SPDX-License-Identifier: MIT */
/* Lanes: which requests may share a batch. Rows have few kinds; tensors as many as clients have
 * shapes, so lanes that are out of use are forgotten. */
#include "base/macros.h"
#include "batch/batcher_priv.h"

#include <string.h>

size_t weir_batcher_lane_tensors_bytes(const struct weir_sink_tensors *tensors)
{
    return sizeof(struct weir_batch_tensors) +
           tensors->spec->n_inputs * sizeof(struct weir_tensors_shape);
}

void weir_batcher_lane_tensors_copy(struct weir_batch_tensors *to,
                                    const struct weir_sink_tensors *tensors)
{
    const struct weir_tensors_spec *spec = tensors->spec;
    to->wanted = tensors->wanted;
    to->n_inputs = spec->n_inputs;
    to->is_batched = spec->is_batched;
    memcpy(to->shapes, tensors->shapes, spec->n_inputs * sizeof *to->shapes);
    for (size_t i = 0; spec->is_batched && i < spec->n_inputs; i++)
        to->shapes[i].dims[0] = 0;
}

static bool shape_is(const struct weir_tensors_shape *a, const struct weir_tensors_shape *b)
{
    size_t rest = (WEIR_TENSOR_DIMS_MAX - 1) * sizeof a->dims[0];
    return a->n_dims == b->n_dims && memcmp(a->dims + 1, b->dims + 1, rest) == 0;
}

static bool tensors_are(const struct weir_batch_tensors *a, const struct weir_sink_tensors *b)
{
    if (!a || !b)
        return !a && !b;
    if (a->wanted != b->wanted)
        return false;
    /* Where the model does not batch, the lane only gathers costs: what it holds never meets. */
    for (size_t i = 0; i < a->n_inputs; i++) {
        if (!shape_is(&a->shapes[i], &b->shapes[i]) ||
            (!a->is_batched && a->shapes[i].dims[0] != b->shapes[i].dims[0]))
            return false;
    }
    return true;
}

static bool lane_is(const struct weir_batcher_lane *lane, const struct weir_batcher_level *level,
                    const struct weir_sink_want *want)
{
    if (lane->level != level)
        return false;
    if (want->tensors || lane->tensors)
        return tensors_are(lane->tensors, want->tensors);
    return lane->dtype == want->dtype && lane->n_columns == want->n_columns &&
           lane->costly == want->costly;
}

static void lane_free(struct weir_batcher *b, struct weir_batcher_lane *lane)
{
    weir_mem_free(b->mem, lane->tensors);
    weir_mem_free(b->mem, lane);
}

/* Forgets the lane that was not used for longest, if there are many. */
static void forget_one(struct weir_batcher *b, struct weir_batcher_version *v)
{
    struct weir_batcher_lane **last = NULL;
    for (struct weir_batcher_lane **at = &v->lanes; *at; at = &(*at)->next) {
        if ((*at)->n_batches == 0)
            last = at;
    }
    if (v->n_lanes < WEIR_BATCH_LANES_MAX || !last)
        return;
    struct weir_batcher_lane *lane = *last;
    *last = lane->next;
    lane_free(b, lane);
    v->n_lanes--;
}

static struct weir_batcher_lane *lane_new(struct weir_batcher *b, struct weir_batcher_version *v,
                                          struct weir_batcher_level *level,
                                          const struct weir_sink_want *want, size_t row_bytes)
{
    struct weir_batcher_lane *lane = weir_mem_zalloc(b->mem, sizeof *lane);
    if (!lane)
        return NULL;
    lane->version = v;
    lane->level = level;
    lane->dtype = want->dtype;
    lane->n_columns = (uint32_t)want->n_columns;
    lane->costly = want->costly;
    lane->row_bytes = row_bytes;
    lane->cost = &v->cost;
    if (want->tensors) {
        lane->tensors = weir_mem_alloc(b->mem, weir_batcher_lane_tensors_bytes(want->tensors));
        if (!lane->tensors) {
            lane_free(b, lane);
            return NULL;
        }
        weir_batcher_lane_tensors_copy(lane->tensors, want->tensors);
    }
    if (want->costly || want->tensors)
        lane->cost = &lane->own;
    forget_one(b, v);
    v->n_lanes++;
    return lane;
}

struct weir_batcher_lane *weir_batcher_lane_get(struct weir_batcher *b,
                                                struct weir_batcher_version *v,
                                                struct weir_batcher_level *level,
                                                const struct weir_sink_want *want, size_t row_bytes)
{
    struct weir_batcher_lane **at = &v->lanes;
    while (*at && !lane_is(*at, level, want))
        at = &(*at)->next;
    struct weir_batcher_lane *lane = *at;
    if (lane)
        *at = lane->next;
    else
        lane = lane_new(b, v, level, want, row_bytes);
    if (!lane)
        return NULL;
    lane->next = v->lanes;
    v->lanes = lane;
    return lane;
}

void weir_batcher_lanes_free(struct weir_batcher *b, struct weir_batcher_version *v)
{
    while (v->lanes) {
        struct weir_batcher_lane *lane = v->lanes;
        v->lanes = lane->next;
        lane_free(b, lane);
    }
    v->n_lanes = 0;
}
