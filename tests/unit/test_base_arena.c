/* SPDX-License-Identifier: MIT */
#include "base/arena.h"
#include "test_mem.h"

#include <criterion/criterion.h>

Test(base_arena, heap_blocks_are_all_given_back)
{
    struct weir_arena a;
    weir_arena_init(&a, test_mem(), 0);
    for (size_t i = 0; i < 1000; i++) {
        char *p = weir_arena_alloc(&a, i);
        cr_assert_not_null(p);
        cr_assert_eq((uintptr_t)p % _Alignof(max_align_t), 0);
        memset(p, 0x5a, i);
    }
    cr_assert_gt(test_mem_n_live(), 1);
    weir_arena_deinit(&a);
    cr_assert_eq(test_mem_n_live(), 0);
    cr_assert_eq(a.bytes_held, 0);
    weir_arena_deinit(&a);
}

Test(base_arena, mapped_arena_keeps_to_its_bound)
{
    struct weir_arena a;
    weir_arena_init(&a, NULL, 1024 * 1024);
    cr_assert_null(weir_arena_alloc(&a, 2 * 1024 * 1024));
    cr_assert_null(weir_arena_array(&a, SIZE_MAX / 2, 4), "the product must not wrap");
    size_t n = 0;
    while (weir_arena_alloc(&a, 10000))
        n++;
    cr_assert_geq(n, 50);
    cr_assert_leq(a.bytes_held, 1024 * 1024);
    weir_arena_deinit(&a);
}

Test(base_arena, reset_keeps_one_block_and_reuses_it)
{
    struct weir_arena a;
    weir_arena_init(&a, test_mem(), 0);
    void *first = weir_arena_alloc(&a, 100);
    weir_arena_reset(&a);
    cr_assert_eq(weir_arena_alloc(&a, 100), first);
    cr_assert_eq(test_mem_n_live(), 1);
    weir_arena_deinit(&a);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(base_arena, aligned_allocation_is_aligned)
{
    struct weir_arena a;
    weir_arena_init(&a, NULL, 0);
    for (size_t align = 1; align <= 64; align *= 2) {
        cr_assert_not_null(weir_arena_alloc_aligned(&a, 3, 1));
        void *p = weir_arena_alloc_aligned(&a, 8, align);
        cr_assert_eq((uintptr_t)p % align, 0);
    }
    weir_arena_deinit(&a);
}

Test(base_arena, no_memory_is_a_null)
{
    struct weir_arena a;
    weir_arena_init(&a, test_mem(), 0);
    test_mem_fail_at(1, false);
    cr_assert_null(weir_arena_alloc(&a, 10));
    cr_assert(test_mem_has_failed());
    cr_assert_not_null(weir_arena_alloc(&a, 10));
    weir_arena_deinit(&a);
    cr_assert_eq(test_mem_n_live(), 0);
}
