/* SPDX-License-Identifier: MIT */
#include "base/macros.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void weir_assert_fail(const char *expr, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expr);
    abort();
}
