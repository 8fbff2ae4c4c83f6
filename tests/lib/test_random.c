/* SPDX-License-Identifier: MIT */
#include "test_random.h"

#include <stdlib.h>

void weir_test_random_init(struct weir_test_random *r, uint64_t seed)
{
    const char *given = getenv("WEIR_TEST_SEED");
    r->seed = given ? strtoull(given, NULL, 0) : seed;
    r->state = r->seed;
}

uint64_t weir_test_random_u64(struct weir_test_random *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

size_t weir_test_random_below(struct weir_test_random *r, size_t n)
{
    return (size_t)(weir_test_random_u64(r) % n);
}

double weir_test_random_unit(struct weir_test_random *r)
{
    return (double)(weir_test_random_u64(r) >> 11) * 0x1p-53;
}
