/* SPDX-License-Identifier: MIT */
#include "model/lanes.h"

#include "model/lanes_priv.h"

#include <stdbool.h>

enum { N_VERSIONS = 3 };

#if defined(__x86_64__)
static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("fma");
}

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#else
static bool has_avx512(void)
{
    return false;
}

static bool has_avx2(void)
{
    return false;
}
#endif

const struct weir_model_lanes *weir_model_lanes_list(size_t i)
{
    const struct weir_model_lanes *found[N_VERSIONS + 1] = {NULL};
    size_t n = 0;
    if (has_avx512() && weir_model_lanes_avx512())
        found[n++] = weir_model_lanes_avx512();
    if (has_avx2() && weir_model_lanes_avx2())
        found[n++] = weir_model_lanes_avx2();
    found[n++] = weir_model_lanes_portable();
    return i < n ? found[i] : NULL;
}

const struct weir_model_lanes *weir_model_lanes_get(void)
{
    return weir_model_lanes_list(0);
}
