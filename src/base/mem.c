/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include "base/macros.h"

#include <stdlib.h>
#include <string.h>

static void *libc_alloc(void *ctx, size_t size)
{
    (void)ctx; /* The C library needs no payload. */
    return malloc(size);
}

static void *libc_realloc(void *ctx, void *p, size_t size)
{
    (void)ctx;
    return realloc(p, size);
}

static void libc_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

static struct weir_mem libc_mem = {libc_alloc, libc_realloc, libc_free, NULL};
static struct weir_mem *default_mem = &libc_mem;

struct weir_mem *weir_mem_default(void)
{
    return default_mem;
}

void weir_mem_set_default(struct weir_mem *mem)
{
    default_mem = mem ? mem : &libc_mem;
}

void *weir_mem_alloc(struct weir_mem *mem, size_t size)
{
    weir_assert(mem);
    return mem->alloc(mem->ctx, size > 0 ? size : 1);
}

void *weir_mem_zalloc(struct weir_mem *mem, size_t size)
{
    void *p = weir_mem_alloc(mem, size);
    return p ? memset(p, 0, size > 0 ? size : 1) : NULL;
}

void *weir_mem_array(struct weir_mem *mem, size_t n, size_t size)
{
    size_t bytes;
    return weir_size_mul(n, size, &bytes) ? weir_mem_alloc(mem, bytes) : NULL;
}

void *weir_mem_zarray(struct weir_mem *mem, size_t n, size_t size)
{
    size_t bytes;
    return weir_size_mul(n, size, &bytes) ? weir_mem_zalloc(mem, bytes) : NULL;
}

void *weir_mem_resize(struct weir_mem *mem, void *p, size_t n, size_t size)
{
    weir_assert(mem);
    size_t bytes;
    if (!weir_size_mul(n, size, &bytes))
        return NULL;
    return mem->realloc(mem->ctx, p, bytes > 0 ? bytes : 1);
}

void weir_mem_free(struct weir_mem *mem, void *p)
{
    weir_assert(mem);
    mem->free(mem->ctx, p);
}

char *weir_mem_strndup(struct weir_mem *mem, const char *s, size_t n)
{
    size_t bytes;
    char *copy = weir_size_add(n, 1, &bytes) ? weir_mem_alloc(mem, bytes) : NULL;
    if (copy) {
        if (n > 0)
            memcpy(copy, s, n);
        copy[n] = '\0';
    }
    return copy;
}
