/* SPDX-License-Identifier: MIT */
/* Any text as an MLmodel file: refused, or its path stays inside the folder. */
#include "format/mlflow/mlmodel.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_arena arena;
    struct weir_format_mlmodel m;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_arena_init(&arena, NULL, 64 << 20);
    struct weir_str text = weir_str_make((const char *)data, size);
    if (weir_format_mlflow_mlmodel_parse(&m, text, &arena, &err) == WEIR_OK &&
        (m.data.at[0] == '/' || strncmp(m.data.at, "../", 3) == 0 || strstr(m.data.at, "/../")))
        abort();
    weir_arena_deinit(&arena);
    return 0;
}
