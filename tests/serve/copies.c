/* SPDX-License-Identifier: MIT */
/* Preloaded into a server, counts the bytes that are copied in pieces of 1 KiB and more, by
 * whatever code of the process, and writes it to $COPIES_FILE at its end. Small copies, and what
 * the kernel copies, are not counted.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SHOWN __attribute__((visibility("default")))

enum { LARGE_BYTES = 1024 };

static _Atomic uint64_t n_bytes;

SHOWN void *memcpy(void *restrict to, const void *restrict from, size_t n);
SHOWN void *memmove(void *to, const void *from, size_t n);
SHOWN void *__memcpy_chk(void *restrict to, const void *restrict from, size_t n, size_t room);
SHOWN void *__memmove_chk(void *to, const void *from, size_t n, size_t room);

/* Not by a loop: compilers would make a call of memcpy of that. */
static void copy(char *to, const char *from, size_t n)
{
#if defined(__x86_64__)
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
#else
    for (volatile size_t i = 0; i < n; i++)
        to[i] = from[i];
#endif
}

static void copy_back(char *to, const char *from, size_t n)
{
    for (volatile size_t i = n; i > 0; i--)
        to[i - 1] = from[i - 1];
}

static void count(size_t n)
{
    if (n >= LARGE_BYTES)
        (void)atomic_fetch_add_explicit(&n_bytes, n, memory_order_relaxed);
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    count(n);
    copy(to, from, n);
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    count(n);
    if ((uintptr_t)to - (uintptr_t)from < n)
        copy_back(to, from, n);
    else
        copy(to, from, n);
    return to;
}

void *__memcpy_chk(void *restrict to, const void *restrict from, size_t n, size_t room)
{
    (void)room;
    return memcpy(to, from, n);
}

void *__memmove_chk(void *to, const void *from, size_t n, size_t room)
{
    (void)room;
    return memmove(to, from, n);
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("COPIES_FILE");
    FILE *f = path ? fopen(path, "w") : NULL;
    if (!f)
        return;
    (void)fprintf(f, "%llu\n",
                  (unsigned long long)atomic_load_explicit(&n_bytes, memory_order_relaxed));
    (void)fclose(f);
}
