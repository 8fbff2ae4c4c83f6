/* SPDX-License-Identifier: MIT */
#include "test_file.h"

#include "base/macros.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct weir_str test_file_read(const char *path)
{
    const char *root = getenv("WEIR_TEST_SOURCE_ROOT");
    char full[4096];
    snprintf(full, sizeof full, "%s/%s", root ? root : ".", path);
    FILE *f = fopen(full, "rb");
    if (!f) {
        perror(full);
        abort();
    }
    weir_assert(fseek(f, 0, SEEK_END) == 0);
    long n = ftell(f);
    weir_assert(n >= 0);
    rewind(f);
    char *bytes = weir_mem_alloc(weir_mem_default(), n > 0 ? (size_t)n : 1);
    weir_assert(bytes);
    size_t got = fread(bytes, 1, (size_t)n, f);
    weir_assert(got == (size_t)n);
    fclose(f);
    return weir_str_make(bytes, (size_t)n);
}

void test_file_free(struct weir_str bytes)
{
    weir_mem_free(weir_mem_default(), (void *)(uintptr_t)bytes.at);
}
