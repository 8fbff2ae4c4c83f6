/* SPDX-License-Identifier: MIT */
/* Random numbers for tests: the same from the same seed on every machine. */
#ifndef WEIR_TESTS_LIB_TEST_RANDOM_H
#define WEIR_TESTS_LIB_TEST_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct weir_test_random {
    uint64_t state;
    uint64_t seed; /* print it when a test fails */
};

/* Seeds from the environment variable WEIR_TEST_SEED, or with the given number. */
void weir_test_random_init(struct weir_test_random *r, uint64_t seed);

/* Returns 64 random bits. Steele, Lea, Flood 2014 (SplitMix64). */
uint64_t weir_test_random_u64(struct weir_test_random *r);

/* Returns a number below n (n > 0); its bias is below n / 2^64. */
size_t weir_test_random_below(struct weir_test_random *r, size_t n);

/* Returns a number in [0, 1). */
double weir_test_random_unit(struct weir_test_random *r);

#endif
