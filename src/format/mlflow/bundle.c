/* SPDX-License-Identifier: MIT */
#include "format/mlflow/bundle.h"

#include "base/macros.h"

#include <stdint.h>

#define MAGIC WEIR_STR("weir-folder-1\r\n\n")

enum { MAGIC_BYTES = 16, HEAD_BYTES = 16 };

bool weir_format_mlflow_bundle_probe(struct weir_str bytes)
{
    return weir_str_starts(bytes, MAGIC);
}

static void put_u64(struct weir_buf *out, uint64_t v)
{
    for (size_t i = 0; i < 8; i++)
        weir_buf_append_byte(out, (char)(v >> (8 * i) & 0xff));
}

static uint64_t get_u64(const char *at)
{
    uint64_t v = 0;
    for (size_t i = 0; i < 8; i++)
        v |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return v;
}

void weir_format_mlflow_bundle_begin(struct weir_buf *out)
{
    weir_buf_append_str(out, MAGIC);
}

void weir_format_mlflow_bundle_add(struct weir_buf *out, struct weir_str name,
                                   struct weir_str contents)
{
    put_u64(out, name.n);
    put_u64(out, contents.n);
    weir_buf_append_str(out, name);
    weir_buf_append_str(out, contents);
}

bool weir_format_mlflow_bundle_next(struct weir_str bundle, size_t *at, struct weir_str *name,
                                    struct weir_str *contents, bool *is_bad)
{
    size_t from = weir_max_size(*at, MAGIC_BYTES);
    *is_bad = bundle.n < from;
    if (*is_bad || from == bundle.n)
        return false;
    *is_bad = bundle.n - from < HEAD_BYTES;
    if (*is_bad)
        return false;
    uint64_t n_name = get_u64(bundle.at + from), n = get_u64(bundle.at + from + 8);
    size_t left = bundle.n - from - HEAD_BYTES;
    *is_bad = n_name > left || n > left - n_name;
    if (*is_bad)
        return false;
    *name = weir_str_make(bundle.at + from + HEAD_BYTES, (size_t)n_name);
    *contents = weir_str_make(name->at + n_name, (size_t)n);
    *at = from + HEAD_BYTES + (size_t)n_name + (size_t)n;
    return true;
}

bool weir_format_mlflow_bundle_find(struct weir_str bundle, struct weir_str name,
                                    struct weir_str *contents)
{
    size_t at = 0;
    bool is_bad;
    struct weir_str found;
    while (weir_format_mlflow_bundle_next(bundle, &at, &found, contents, &is_bad))
        if (weir_str_eq(found, name))
            return true;
    return false;
}
