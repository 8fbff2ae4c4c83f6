/* SPDX-License-Identifier: MIT */
/* Names of predictions: a keyed 128-bit hash of a request's id and a row's number in it.
 *
 * Whoever does not know the secret cannot make two ids meet, nor make the places of many ids in a
 * table the same. SipHash-2-4 with 128 bits of output: Aumasson and Bernstein 2012, and the
 * reference implementation's double-length variant. */
#ifndef WEIR_LIVE_KEY_H
#define WEIR_LIVE_KEY_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

struct weir_live_key {
    uint64_t a;
    uint64_t b;
};

/* The hash's key; random, one for each process. */
struct weir_live_secret {
    uint64_t k[2];
};

/* Returns SipHash-2-4-128 of bytes. */
struct weir_live_key weir_live_key_hash(const struct weir_live_secret *secret, const void *bytes,
                                        size_t n);

/* Returns the key of a row of a request. */
struct weir_live_key weir_live_key_of_row(struct weir_live_key request, uint32_t row);

/* The keys that the id of a label may stand for: "r7#3" is row 3 of "r7", or row 0 of a request
 * whose id is "r7#3"; "r7" is row 0 of "r7". */
struct weir_live_key_names {
    struct weir_live_key keys[2];
    uint32_t n; /* 1 or 2 */
};

struct weir_live_key_names weir_live_key_names(const struct weir_live_secret *secret,
                                               struct weir_str id);

static inline bool weir_live_key_eq(struct weir_live_key x, struct weir_live_key y)
{
    return x.a == y.a && x.b == y.b;
}

#endif
