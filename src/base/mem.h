/* SPDX-License-Identifier: MIT */
/* Allocation: every heap block of weir comes from a struct weir_mem, so that tests can count blocks
 * and make the n-th call fail.
 *
 * An allocator may be used from any thread. Running out of memory is an ordinary failure: NULL is
 * returned. */
#ifndef WEIR_BASE_MEM_H
#define WEIR_BASE_MEM_H

#include <weir/error.h>

#include <stdbool.h>
#include <stddef.h>

/* An allocator: three calls and their payload. Blocks are aligned for any standard type. */
struct weir_mem {
    void *(*alloc)(void *ctx, size_t size); /* size > 0; contents undefined; NULL: no memory */
    void *(*realloc)(void *ctx, void *p,
                     size_t size);    /* p may be NULL; on NULL the old block is unchanged */
    void (*free)(void *ctx, void *p); /* p may be NULL */
    void *ctx;
};

/* Returns the allocator on top of the C library, borrowed for ever. */
struct weir_mem *weir_mem_default(void);

/* Replaces what weir_mem_default returns (NULL: back to the C library). Only before any thread was
 * started; for tests. */
void weir_mem_set_default(struct weir_mem *mem);

/* Returns an owned block of size bytes (at least 1), contents undefined; NULL: no memory. */
WEIR_MUST_USE void *weir_mem_alloc(struct weir_mem *mem, size_t size);

/* Returns an owned, zeroed block of size bytes; NULL: no memory. */
WEIR_MUST_USE void *weir_mem_zalloc(struct weir_mem *mem, size_t size);

/* Returns an owned block of n × size bytes, contents undefined; NULL: no memory or the product
 * overflows. */
WEIR_MUST_USE void *weir_mem_array(struct weir_mem *mem, size_t n, size_t size);

/* As weir_mem_array, zeroed. */
WEIR_MUST_USE void *weir_mem_zarray(struct weir_mem *mem, size_t n, size_t size);

/* Resizes p (may be NULL) to n × size bytes; NULL: no memory or overflow, p is unchanged then. */
WEIR_MUST_USE void *weir_mem_resize(struct weir_mem *mem, void *p, size_t n, size_t size);

/* Releases a block; NULL is allowed. */
void weir_mem_free(struct weir_mem *mem, void *p);

/* Returns an owned NUL-terminated copy of n bytes; NULL: no memory. */
WEIR_MUST_USE char *weir_mem_strndup(struct weir_mem *mem, const char *s, size_t n);

/* Computes a × b into *out; false: it does not fit, *out is unchanged. */
static inline bool weir_size_mul(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

/* Computes a + b into *out; false: it does not fit, *out is unchanged. */
static inline bool weir_size_add(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

#endif
