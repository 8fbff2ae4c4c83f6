/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include "base/macros.h"

#include <stdbool.h>
#include <sys/mman.h>

/* Mapped blocks begin small and double, so that a small model stays small in memory and a large one
 * takes few calls. */
enum {
    HEAP_BLOCK_BYTES = 4096,
    MAP_BLOCK_BYTES = 64 * 1024,
    MAP_BLOCK_BYTES_MAX = 16 * 1024 * 1024,
    HUGE_BYTES_MIN = 4 * 1024 * 1024 /* blocks from here on ask for huge pages */
};

struct weir_arena_block {
    struct weir_arena_block *next;
    size_t size; /* whole block, this header included */
    _Alignas(64) char data[];
};

void weir_arena_init(struct weir_arena *a, struct weir_mem *mem, size_t bytes_max)
{
    weir_assert(a);
    *a = (struct weir_arena){.mem = mem, .bytes_max = bytes_max};
}

static void block_free(struct weir_arena *a, struct weir_arena_block *b)
{
    a->bytes_held -= b->size;
    if (a->mem)
        weir_mem_free(a->mem, b);
    else
        weir_assert(munmap(b, b->size) == 0);
}

void weir_arena_deinit(struct weir_arena *a)
{
    weir_assert(a);
    while (a->blocks) {
        struct weir_arena_block *b = a->blocks;
        a->blocks = b->next;
        block_free(a, b);
    }
    a->at = NULL;
    a->end = NULL;
}

void weir_arena_reset(struct weir_arena *a)
{
    weir_assert(a);
    struct weir_arena_block *keep = a->blocks;
    if (!keep)
        return;
    while (keep->next) {
        struct weir_arena_block *b = keep->next;
        keep->next = b->next;
        block_free(a, b);
    }
    a->at = keep->data;
    a->end = (char *)keep + keep->size;
}

static bool block_add(struct weir_arena *a, size_t size, size_t align)
{
    size_t need;
    if (!weir_size_add(size, sizeof(struct weir_arena_block) + align, &need))
        return false;
    size_t grain = a->mem ? HEAP_BLOCK_BYTES : MAP_BLOCK_BYTES;
    if (!a->mem && a->blocks) {
        grain = weir_min_size(a->blocks->size * 2, MAP_BLOCK_BYTES_MAX);
        grain = weir_max_size(grain, MAP_BLOCK_BYTES);
    }
    if (need < grain)
        need = grain;
    else if (!a->mem && !weir_size_add(need, 4095, &need))
        return false;
    if (!a->mem)
        need &= ~(size_t)4095;
    if (a->bytes_max > 0 && (need > a->bytes_max || a->bytes_held > a->bytes_max - need))
        return false;
    struct weir_arena_block *b;
    if (a->mem) {
        b = weir_mem_alloc(a->mem, need);
        if (!b)
            return false;
    } else {
        b = mmap(NULL, need, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (b == MAP_FAILED)
            return false;
        /* Fewer faults while a large model is made, fewer TLB misses while it runs; only a wish. */
        if (need >= HUGE_BYTES_MIN)
            (void)madvise(b, need, MADV_HUGEPAGE);
    }
    b->next = a->blocks;
    b->size = need;
    a->blocks = b;
    a->bytes_held += need;
    a->at = b->data;
    a->end = (char *)b + need;
    return true;
}

static char *take(struct weir_arena *a, size_t size, size_t align)
{
    uintptr_t at = (uintptr_t)a->at;
    size_t pad = (size_t)(-at & (align - 1));
    if (!a->at || pad > (size_t)(a->end - a->at) || size > (size_t)(a->end - a->at) - pad)
        return NULL;
    char *p = a->at + pad;
    a->at = p + size;
    return p;
}

void *weir_arena_alloc_aligned(struct weir_arena *a, size_t size, size_t align)
{
    weir_assert(a);
    weir_assert(align > 0);
    weir_assert((align & (align - 1)) == 0);
    char *p = take(a, size, align);
    if (!p && block_add(a, size, align))
        p = take(a, size, align);
    return p;
}

void *weir_arena_alloc(struct weir_arena *a, size_t size)
{
    return weir_arena_alloc_aligned(a, size, _Alignof(max_align_t));
}

void *weir_arena_zalloc(struct weir_arena *a, size_t size)
{
    void *p = weir_arena_alloc(a, size);
    return p && size > 0 ? memset(p, 0, size) : p;
}

void *weir_arena_array(struct weir_arena *a, size_t n, size_t size)
{
    size_t bytes;
    return weir_size_mul(n, size, &bytes) ? weir_arena_alloc(a, bytes) : NULL;
}

void *weir_arena_zarray(struct weir_arena *a, size_t n, size_t size)
{
    size_t bytes;
    return weir_size_mul(n, size, &bytes) ? weir_arena_zalloc(a, bytes) : NULL;
}

struct weir_str weir_arena_str(struct weir_arena *a, struct weir_str s)
{
    size_t bytes;
    char *p = weir_size_add(s.n, 1, &bytes) ? weir_arena_alloc_aligned(a, bytes, 1) : NULL;
    if (!p)
        return (struct weir_str){NULL, 0};
    if (s.n > 0)
        memcpy(p, s.at, s.n);
    p[s.n] = '\0';
    return weir_str_make(p, s.n);
}
