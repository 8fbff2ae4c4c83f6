/* SPDX-License-Identifier: MIT */
/* An allocator for tests: counts live blocks and can make calls fail.
 *
 * Use it as an argument, or as the process's default with test_mem_install. Thread-safe. */
#ifndef WEIR_TESTS_LIB_TEST_MEM_H
#define WEIR_TESTS_LIB_TEST_MEM_H

#include "base/mem.h"

#include <stdint.h>

/* Returns the test allocator, borrowed for ever. */
struct weir_mem *test_mem(void);

/* Makes it what weir_mem_default returns. */
void test_mem_install(void);

/* Makes call number n from now on (1 is the next) fail; with is_sticky all later ones too. 0: no
 * call fails. */
void test_mem_fail_at(uint64_t n, bool is_sticky);

/* Tells whether an injected failure has happened since test_mem_fail_at. */
bool test_mem_has_failed(void);

/* Returns the number of blocks allocated and not yet freed. */
int64_t test_mem_n_live(void);

#endif
