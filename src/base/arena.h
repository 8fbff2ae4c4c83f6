/* SPDX-License-Identifier: MIT */
/* Arenas: many small allocations that are released together.
 *
 * Two kinds of backing: blocks from a weir_mem (request memory), or anonymous mappings (models and
 * value trees), which go back to the operating system whole when the arena is freed. Not
 * thread-safe. */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "base/mem.h"
#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct weir_arena_block;

struct weir_arena {
    struct weir_arena_block *blocks; /* newest first */
    char *at;                        /* free bytes of the newest block */
    char *end;
    size_t bytes_held;    /* bytes obtained from the backing, block headers included */
    size_t bytes_max;     /* bytes that may be obtained; 0: no bound */
    struct weir_mem *mem; /* NULL: anonymous mappings */
};

#define WEIR_ARENA_INIT              \
    {                                \
        NULL, NULL, NULL, 0, 0, NULL \
    }

/* Makes an empty arena over mem (NULL: anonymous mappings) that holds at most bytes_max bytes (0:
 * no bound). Allocates nothing yet. */
void weir_arena_init(struct weir_arena *a, struct weir_mem *mem, size_t bytes_max);

/* Releases all blocks; a zeroed or already deinited arena is fine. */
void weir_arena_deinit(struct weir_arena *a);

/* Forgets all contents but keeps the newest block for reuse. */
void weir_arena_reset(struct weir_arena *a);

/* Returns size bytes aligned to align (a power of two, at most 64), contents undefined; NULL: no
 * memory or past bytes_max. Valid until the arena is reset or freed. */
WEIR_MUST_USE void *weir_arena_alloc_aligned(struct weir_arena *a, size_t size, size_t align);

/* As above, aligned for any standard type. */
WEIR_MUST_USE void *weir_arena_alloc(struct weir_arena *a, size_t size);
WEIR_MUST_USE void *weir_arena_zalloc(struct weir_arena *a, size_t size);

/* Returns n × size bytes; NULL also when the product overflows. */
WEIR_MUST_USE void *weir_arena_array(struct weir_arena *a, size_t n, size_t size);
WEIR_MUST_USE void *weir_arena_zarray(struct weir_arena *a, size_t n, size_t size);

/* Copies a view into the arena (NUL-terminated, not counted); at is NULL on no memory. */
struct weir_str weir_arena_str(struct weir_arena *a, struct weir_str s);

#endif
