/* SPDX-License-Identifier: MIT */
/* A growing byte buffer. Appending past memory marks the buffer as failed instead of returning a
 * status from each call: writers append freely and look once, at the end, with weir_buf_ok. */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include "base/mem.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

struct weir_buf {
    char *at;             /* cap bytes, owned */
    size_t n;             /* bytes used */
    size_t cap;           /* bytes allocated */
    bool failed;          /* an append could not get memory; contents are cut there */
    struct weir_mem *mem; /* NULL: the default allocator */
};

#define WEIR_BUF_INIT           \
    {                           \
        NULL, 0, 0, false, NULL \
    }

/* Frees the bytes and makes the buffer empty and usable again; a zeroed buffer is fine. */
void weir_buf_deinit(struct weir_buf *b);

/* Forgets the contents, keeps the memory, and clears the failure mark. */
static inline void weir_buf_clear(struct weir_buf *b)
{
    b->n = 0;
    b->failed = false;
}

/* Makes room for n more bytes. WEIR_ERR_NO_MEMORY: none; the buffer is marked as failed, contents
 * are kept. */
WEIR_MUST_USE enum weir_status weir_buf_reserve(struct weir_buf *b, size_t n);

/* Appends bytes, a view, one byte, a NUL-terminated text, formatted text. */
void weir_buf_append(struct weir_buf *b, const void *bytes, size_t n);
void weir_buf_printf(struct weir_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline void weir_buf_append_str(struct weir_buf *b, struct weir_str s)
{
    weir_buf_append(b, s.at, s.n);
}

static inline void weir_buf_append_c(struct weir_buf *b, const char *s)
{
    weir_buf_append(b, s, strlen(s));
}

static inline void weir_buf_append_byte(struct weir_buf *b, char c)
{
    if (b->n < b->cap)
        b->at[b->n++] = c;
    else
        weir_buf_append(b, &c, 1);
}

/* Appends v in decimal. */
void weir_buf_append_u64(struct weir_buf *b, uint64_t v);
void weir_buf_append_i64(struct weir_buf *b, int64_t v);

/* Ends the contents with a NUL that is not counted in n, and returns them; NULL: no memory. Valid
 * until the next append. */
const char *weir_buf_c(struct weir_buf *b);

static inline bool weir_buf_ok(const struct weir_buf *b)
{
    return !b->failed;
}

static inline struct weir_str weir_buf_str(const struct weir_buf *b)
{
    return weir_str_make(b->at, b->n);
}

#endif
