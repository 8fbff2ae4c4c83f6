/* SPDX-License-Identifier: MIT */
/* Small language helpers: assertions, scope cleanup, attributes. Everything GNU about our C is
 * behind a macro here. */
#ifndef WEIR_BASE_MACROS_H
#define WEIR_BASE_MACROS_H

#include <stddef.h>

/* Ends the process with the failed expression and its place on standard error; for programmer
 * errors only, and active in release builds. */
_Noreturn void weir_assert_fail(const char *expr, const char *file, int line);

#define weir_assert(expr) \
    (__builtin_expect(!(expr), 0) ? weir_assert_fail(#expr, __FILE__, __LINE__) : (void)0)

/* As weir_assert, for checks that cost time: active only where WEIR_DEBUG is defined to 1 (debug
 * and sanitizer builds). */
#if defined(WEIR_DEBUG) && WEIR_DEBUG
#define weir_debug_assert(expr) weir_assert(expr)
#else
#define weir_debug_assert(expr) ((void)sizeof(!(expr)))
#endif

/* Runs fn(&variable) when the variable goes out of scope. */
#define WEIR_CLEANUP(fn) __attribute__((cleanup(fn)))

/* Hands a pointer on: yields its value and sets the variable to NULL. */
#define WEIR_TAKE(p)                                       \
    __extension__({                                        \
        __typeof__(p) *weir_take_from_ = &(p);             \
        __typeof__(p) weir_take_value_ = *weir_take_from_; \
        *weir_take_from_ = NULL;                           \
        weir_take_value_;                                  \
    })

/* Yields the struct that contains the member that ptr points to. */
#define WEIR_CONTAINER_OF(ptr, type, member) \
    __extension__((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define WEIR_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define WEIR_LIKELY(x)   __builtin_expect(!!(x), 1)
#define WEIR_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define WEIR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define WEIR_UNUSED            __attribute__((unused))
#define WEIR_FALLTHROUGH       __attribute__((fallthrough))

static inline size_t weir_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t weir_max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

#endif
