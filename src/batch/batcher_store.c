/* SPDX-License-Identifier: MIT */
/* Memory of the batcher: matrices, batches and slices are kept and reused, the last used first,
 * because its lines are the warm ones. A batch keeps its matrix while it is spare, so lanes of
 * different widths soon share a few batches that are wide enough for all. */
#include "base/macros.h"
#include "batch/batcher_priv.h"

#include <stdint.h>
#include <string.h>

bool weir_batcher_want_bytes(const struct weir_sink_want *want, size_t *row_bytes, size_t *bytes)
{
    weir_assert(want->n_rows > 0);
    if (want->tensors) {
        *row_bytes = want->tensors->row_bytes;
        return want->n_rows < UINT32_MAX && weir_size_mul(want->n_rows, *row_bytes, bytes);
    }
    return want->n_rows < UINT32_MAX && want->n_columns < UINT32_MAX &&
           weir_size_mul(want->n_columns, weir_dtype_size(want->dtype), row_bytes) &&
           weir_size_mul(want->n_rows, *row_bytes, bytes);
}

bool weir_batcher_grow(struct weir_batch *batch, size_t n_kept, size_t bytes)
{
    weir_assert(n_kept <= bytes);
    if (WEIR_LIKELY(bytes <= batch->store.bytes))
        return true;
    size_t size;
    if (!weir_size_add(bytes, WEIR_BATCH_ALIGN, &size))
        return false;
    void *block = weir_mem_alloc(batch->store.mem, size);
    if (!block)
        return false;
    uintptr_t at = ((uintptr_t)block + WEIR_BATCH_ALIGN - 1) & ~(uintptr_t)(WEIR_BATCH_ALIGN - 1);
    void *rows = (char *)block + (at - (uintptr_t)block);
    if (n_kept > 0)
        memcpy(rows, batch->rows, n_kept);
    weir_mem_free(batch->store.mem, batch->store.block);
    batch->store.block = block;
    batch->store.bytes = bytes;
    batch->rows = rows;
    return true;
}

bool weir_batcher_text_lend(struct weir_batch *batch, struct weir_sink *sink, size_t bytes)
{
    struct weir_batch_text *text = batch->store.text;
    if (!text || text->bytes - text->used < bytes) {
        size_t size = weir_max_size(bytes, WEIR_BATCH_TEXT_BYTES_MIN);
        if (text && text->bytes < WEIR_BATCH_TEXT_BYTES_KEPT)
            size = weir_max_size(size, 2 * text->bytes);
        size_t all;
        if (!weir_size_add(size, sizeof *text, &all))
            return false;
        text = weir_mem_alloc(batch->store.mem, all);
        if (!text)
            return false;
        *text = (struct weir_batch_text){.next = batch->store.text, .bytes = size};
        batch->store.text = text;
    }
    sink->text.at = (char *)(text + 1) + text->used;
    sink->text.end = sink->text.at + bytes;
    return true;
}

size_t weir_batcher_text_keep(struct weir_batch *batch, const struct weir_sink *sink)
{
    struct weir_batch_text *text = batch->store.text;
    size_t used = (size_t)(sink->text.at - (char *)(text + 1));
    weir_assert(used >= text->used);
    weir_assert(used <= text->bytes);
    size_t bytes = used - text->used;
    text->used = used;
    return bytes;
}

/* Frees the texts, but for the largest piece of at most `kept` bytes. */
static void drop_text(struct weir_batch *batch, size_t kept)
{
    struct weir_batch_text *best = NULL;
    struct weir_batch_text *next;
    for (struct weir_batch_text *text = batch->store.text; text; text = next) {
        next = text->next;
        struct weir_batch_text *worse = text;
        if (text->bytes <= kept && (!best || text->bytes > best->bytes)) {
            worse = best;
            best = text;
        }
        weir_mem_free(batch->store.mem, worse);
    }
    if (best) {
        best->next = NULL;
        best->used = 0;
    }
    batch->store.text = best;
}

bool weir_batcher_tensors_keep(struct weir_batch *batch, const struct weir_sink_tensors *tensors)
{
    batch->tensors = NULL;
    if (!tensors)
        return true;
    size_t bytes = weir_batcher_lane_tensors_bytes(tensors);
    if (bytes > batch->store.tensors_bytes) {
        struct weir_batch_tensors *at = weir_mem_alloc(batch->store.mem, bytes);
        if (!at)
            return false;
        weir_mem_free(batch->store.mem, batch->store.tensors);
        batch->store.tensors = at;
        batch->store.tensors_bytes = bytes;
    }
    weir_batcher_lane_tensors_copy(batch->store.tensors, tensors);
    batch->tensors = batch->store.tensors;
    return true;
}

static void drop_matrix(struct weir_batch *batch)
{
    weir_mem_free(batch->store.mem, batch->store.block);
    batch->store.block = NULL;
    batch->store.bytes = 0;
    batch->rows = NULL;
}

static size_t batch_head_bytes(void)
{
    return (sizeof(struct weir_batch) + WEIR_BATCH_ALIGN - 1) & ~(size_t)(WEIR_BATCH_ALIGN - 1);
}

static struct weir_batch *batch_new(struct weir_batcher *b)
{
    size_t size;
    if (!weir_size_add(batch_head_bytes(), b->opts.batch_user_bytes, &size))
        return NULL;
    struct weir_batch *batch = weir_mem_zalloc(b->mem, size);
    if (!batch)
        return NULL;
    batch->store.mem = b->mem;
    batch->user = b->opts.batch_user_bytes > 0 ? (char *)batch + batch_head_bytes() : NULL;
    return batch;
}

struct weir_batch *weir_batcher_batch_acquire(struct weir_batcher *b)
{
    struct weir_list *link = weir_list_take(&b->spare);
    struct weir_batch *batch;
    if (link) {
        batch = WEIR_CONTAINER_OF(link, struct weir_batch, loop.link);
        weir_assert(batch->loop.place == PLACE_SPARE);
        b->n_spare--;
        b->spare_bytes -= batch->store.bytes;
    } else {
        batch = batch_new(b);
        if (!batch)
            return NULL;
    }
    batch->loop.place = PLACE_DECODING;
    return batch;
}

void weir_batcher_batch_release(struct weir_batcher *b, struct weir_batch *batch)
{
    weir_assert(!weir_list_is_linked(&batch->loop.link));
    if (b->n_spare >= WEIR_BATCH_SPARES_MAX) {
        weir_batcher_batch_free(b, batch);
        return;
    }
    if (b->spare_bytes + batch->store.bytes > b->opts.spare_bytes_max)
        drop_matrix(batch);
    if (batch->store.text)
        drop_text(batch, WEIR_BATCH_TEXT_BYTES_KEPT);
    batch->tensors = NULL;
    batch->version = NULL;
    batch->n_rows = 0;
    batch->wanted = 0;
    batch->slices = NULL;
    batch->n_slices = 0;
    batch->is_inline = false;
    batch->is_private = false;
    batch->opened_ns = 0;
    batch->closed_ns = 0;
    batch->finished_ns = 0;
    batch->group = NULL;
    batch->store.n_reserved = 0;
    atomic_store_explicit(&batch->started_ns, 0, memory_order_relaxed);
    batch->loop.version = NULL;
    batch->loop.lane = NULL;
    batch->loop.level = NULL;
    batch->loop.last = NULL;
    batch->loop.cost_ns = 0;
    batch->loop.n_live = 0;
    batch->loop.is_closed = false;
    batch->loop.is_off_loop = false;
    batch->loop.place = PLACE_SPARE;
    weir_list_push_front(&b->spare, &batch->loop.link);
    b->n_spare++;
    b->spare_bytes += batch->store.bytes;
}

void weir_batcher_batch_free(struct weir_batcher *b, struct weir_batch *batch)
{
    if (b->opts.batch_user_deinit)
        b->opts.batch_user_deinit(batch->user);
    drop_matrix(batch);
    drop_text(batch, 0);
    weir_mem_free(batch->store.mem, batch->store.tensors);
    weir_mem_free(b->mem, batch);
}

/* Makes a chunk of slices; false: no memory. */
static bool add_slices(struct weir_batcher *b)
{
    size_t slices;
    size_t size;
    if (!weir_size_mul(b->slice_bytes, WEIR_BATCH_SLICES_CHUNK, &slices) ||
        !weir_size_add(slices, WEIR_BATCH_ALIGN, &size))
        return false;
    struct weir_batcher_chunk *chunk = weir_mem_alloc(b->mem, size);
    if (!chunk)
        return false;
    chunk->next = b->chunks;
    b->chunks = chunk;
    size_t head = (sizeof(struct weir_batch_slice) + 15) & ~(size_t)15;
    for (size_t i = WEIR_BATCH_SLICES_CHUNK; i-- > 0;) {
        char *at = (char *)chunk + 16 + i * b->slice_bytes;
        struct weir_batch_slice *slice = (struct weir_batch_slice *)(void *)at;
        memset(slice, 0, sizeof *slice);
        slice->user = b->opts.slice_user_bytes > 0 ? at + head : NULL;
        slice->next = b->free_slices;
        b->free_slices = slice;
    }
    return true;
}

struct weir_batch_slice *weir_batcher_slice_acquire(struct weir_batcher *b)
{
    if (!b->free_slices && !add_slices(b))
        return NULL;
    struct weir_batch_slice *slice = b->free_slices;
    b->free_slices = slice->next;
    return slice;
}

void weir_batcher_slice_release(struct weir_batcher *b, struct weir_batch_slice *slice)
{
    slice->next = b->free_slices;
    b->free_slices = slice;
}
