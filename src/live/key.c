/* SPDX-License-Identifier: MIT */
#include "live/key.h"

#include <endian.h>
#include <string.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned b)
{
    return x << b | x >> (64 - b);
}

static inline void rounds(struct state *s, int n)
{
    for (int i = 0; i < n; i++) {
        s->v0 += s->v1;
        s->v1 = rotl(s->v1, 13) ^ s->v0;
        s->v0 = rotl(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotl(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotl(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotl(s->v1, 17) ^ s->v2;
        s->v2 = rotl(s->v2, 32);
    }
}

static inline void absorb(struct state *s, uint64_t m)
{
    s->v3 ^= m;
    rounds(s, 2);
    s->v0 ^= m;
}

/* Reads eight bytes, the first the lowest; and up to seven. */
static inline uint64_t read_word(const unsigned char *p)
{
    uint64_t m;
    memcpy(&m, p, sizeof m);
    return le64toh(m);
}

static inline uint64_t read_rest(const unsigned char *p, size_t n)
{
    uint64_t m = 0;
    if (n > 0)
        memcpy(&m, p, n);
    return le64toh(m);
}

struct weir_live_key weir_live_key_hash(const struct weir_live_secret *secret, const void *bytes,
                                        size_t n)
{
    const unsigned char *p = bytes;
    struct state s = {secret->k[0] ^ UINT64_C(0x736f6d6570736575),
                      secret->k[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
                      secret->k[0] ^ UINT64_C(0x6c7967656e657261),
                      secret->k[1] ^ UINT64_C(0x7465646279746573)};
    size_t left = n;
    for (; left >= 8; left -= 8, p += 8)
        absorb(&s, read_word(p));
    absorb(&s, (uint64_t)n << 56 | read_rest(p, left));
    s.v2 ^= 0xee;
    rounds(&s, 4);
    struct weir_live_key key;
    key.a = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    s.v1 ^= 0xdd;
    rounds(&s, 4);
    key.b = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    return key;
}

/* A bijection of the key for each row (SplitMix64's finaliser of its steps), so that rows of a
 * request are as far apart as requests are. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

struct weir_live_key weir_live_key_of_row(struct weir_live_key request, uint32_t row)
{
    if (row == 0)
        return request;
    return (struct weir_live_key){mix(request.a + row * UINT64_C(0x9e3779b97f4a7c15)),
                                  mix(request.b + row * UINT64_C(0xd1342543de82ef95))};
}

struct weir_live_key_names weir_live_key_names(const struct weir_live_secret *secret,
                                               struct weir_str id)
{
    struct weir_live_key_names names = {.n = 0};
    size_t at = id.n;
    uint64_t row;
    while (at > 0 && id.at[at - 1] >= '0' && id.at[at - 1] <= '9')
        at--;
    struct weir_str digits = weir_str_make(id.at + at, id.n - at);
    bool is_canonical = digits.n > 0 && (digits.at[0] != '0' || digits.n == 1);
    if (at > 1 && id.at[at - 1] == '#' && is_canonical && weir_str_to_u64(digits, UINT32_MAX, &row))
        names.keys[names.n++] =
            weir_live_key_of_row(weir_live_key_hash(secret, id.at, at - 1), (uint32_t)row);
    names.keys[names.n++] = weir_live_key_hash(secret, id.at, id.n);
    return names;
}
