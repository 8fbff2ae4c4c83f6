/* SPDX-License-Identifier: MIT */
#include "test_mem.h"

#include <stdatomic.h>
#include <stdlib.h>

static _Atomic int64_t n_live;
static _Atomic int64_t n_until_failure; /* 0: off; 1: the next call fails */
static atomic_bool is_sticky_on;
static atomic_bool has_failed;

static bool fails_now(void)
{
    if (atomic_load(&n_until_failure) == 0)
        return atomic_load(&has_failed) && atomic_load(&is_sticky_on);
    if (atomic_fetch_sub(&n_until_failure, 1) != 1)
        return false;
    atomic_store(&has_failed, true);
    return true;
}

static void *counted_alloc(void *ctx, size_t size)
{
    (void)ctx;
    void *p = fails_now() ? NULL : malloc(size);
    if (p)
        atomic_fetch_add(&n_live, 1);
    return p;
}

static void *counted_realloc(void *ctx, void *old, size_t size)
{
    (void)ctx;
    void *p = fails_now() ? NULL : realloc(old, size);
    if (p && !old)
        atomic_fetch_add(&n_live, 1);
    return p;
}

static void counted_free(void *ctx, void *p)
{
    (void)ctx;
    if (p)
        atomic_fetch_sub(&n_live, 1);
    free(p);
}

static struct weir_mem counted = {counted_alloc, counted_realloc, counted_free, NULL};

struct weir_mem *test_mem(void)
{
    return &counted;
}

void test_mem_install(void)
{
    weir_mem_set_default(&counted);
}

void test_mem_fail_at(uint64_t n, bool is_sticky)
{
    atomic_store(&has_failed, false);
    atomic_store(&is_sticky_on, is_sticky);
    atomic_store(&n_until_failure, (int64_t)n);
}

bool test_mem_has_failed(void)
{
    return atomic_load(&has_failed);
}

int64_t test_mem_n_live(void)
{
    return atomic_load(&n_live);
}
