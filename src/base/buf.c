/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/macros.h"

#include <stdio.h>

enum { BUF_BYTES_MIN = 64 };

static struct weir_mem *mem_of(const struct weir_buf *b)
{
    return b->mem ? b->mem : weir_mem_default();
}

void weir_buf_deinit(struct weir_buf *b)
{
    weir_assert(b);
    if (b->at)
        weir_mem_free(mem_of(b), b->at);
    *b = (struct weir_buf){.mem = b->mem};
}

enum weir_status weir_buf_reserve(struct weir_buf *b, size_t n)
{
    weir_assert(b);
    if (n <= b->cap - b->n)
        return WEIR_OK;
    size_t need;
    size_t cap = weir_max_size(b->cap, BUF_BYTES_MIN);
    if (!weir_size_add(b->n, n, &need)) {
        b->failed = true;
        return WEIR_ERR_NO_MEMORY;
    }
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    char *at = weir_mem_resize(mem_of(b), b->at, cap, 1);
    if (!at) {
        b->failed = true;
        return WEIR_ERR_NO_MEMORY;
    }
    b->at = at;
    b->cap = cap;
    return WEIR_OK;
}

void weir_buf_append(struct weir_buf *b, const void *bytes, size_t n)
{
    if (n == 0 || b->failed || weir_buf_reserve(b, n) != WEIR_OK)
        return;
    memcpy(b->at + b->n, bytes, n);
    b->n += n;
}

void weir_buf_printf(struct weir_buf *b, const char *fmt, ...)
{
    va_list args;
    va_list again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n >= 0 && !b->failed && weir_buf_reserve(b, (size_t)n + 1) == WEIR_OK) {
        (void)vsnprintf(b->at + b->n, (size_t)n + 1, fmt,
                        again); /* The length was measured just above. */
        b->n += (size_t)n;
    }
    va_end(again);
}

void weir_buf_append_u64(struct weir_buf *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    weir_buf_append(b, digits + at, sizeof digits - at);
}

void weir_buf_append_i64(struct weir_buf *b, int64_t v)
{
    if (v < 0)
        weir_buf_append_byte(b, '-');
    weir_buf_append_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

const char *weir_buf_c(struct weir_buf *b)
{
    if (weir_buf_reserve(b, 1) != WEIR_OK)
        return NULL;
    b->at[b->n] = '\0';
    return b->at;
}
