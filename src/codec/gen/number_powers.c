/* SPDX-License-Identifier: MIT */
/* Writes the table of powers of ten that reading and printing numbers share.
 *
 * Runs at build time and prints, for e = −342 … 324, the upper 128 bits of the binary expansion of
 * 10^e, truncated, the top bit set. 10^e = 5^e · 2^e, so only 5^e matters: for e ≥ 0 by repeated
 * multiplication, for e < 0 by repeated division of 2^1024, where ⌊⌊a/5⌋/5⌋ = ⌊a/25⌋ keeps the
 * truncation exact. 5^342 < 2^795, so at least 229 significant bits are left. */
#include <stdint.h>
#include <stdio.h>

enum { LIMBS = 33, EXP_MIN = -342, EXP_MAX = 324, N = EXP_MAX - EXP_MIN + 1 };

struct big {
    uint32_t limb[LIMBS]; /* least significant first */
};

static void multiply_by_5(struct big *b)
{
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        carry += (uint64_t)b->limb[i] * 5;
        b->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static void divide_by_5(struct big *b)
{
    uint64_t rest = 0;
    for (int i = LIMBS - 1; i >= 0; i--) {
        rest = rest << 32 | b->limb[i];
        b->limb[i] = (uint32_t)(rest / 5);
        rest %= 5;
    }
}

static int bit_of(const struct big *b, int bit)
{
    return bit < 0 ? 0 : (int)(b->limb[bit / 32] >> (bit % 32) & 1);
}

/* Reads 64 bits downwards from bit top. */
static uint64_t word_of(const struct big *b, int top)
{
    uint64_t word = 0;
    for (int i = 0; i < 64; i++)
        word = word << 1 | (uint64_t)bit_of(b, top - i);
    return word;
}

static void store(uint64_t out[2], const struct big *b)
{
    int top = LIMBS * 32 - 1;
    while (!bit_of(b, top))
        top--;
    out[0] = word_of(b, top);
    out[1] = word_of(b, top - 64);
}

int main(void)
{
    static uint64_t table[N][2];
    struct big up = {{1}};
    for (int e = 0; e <= EXP_MAX; e++, multiply_by_5(&up))
        store(table[e - EXP_MIN], &up);
    struct big down = {{0}};
    down.limb[LIMBS - 1] = 1;
    for (int e = -1; e >= EXP_MIN; e--) {
        divide_by_5(&down);
        store(table[e - EXP_MIN], &down);
    }
    printf("/* Made by gen/number_powers.c at build time. */\n#include \"codec/number_priv.h\"\n\n"
           "const uint64_t weir_codec_number_powers[%d][2] = {\n",
           N);
    for (int i = 0; i < N; i++)
        printf("    {0x%016llxu, 0x%016llxu},\n", (unsigned long long)table[i][0],
               (unsigned long long)table[i][1]);
    printf("};\n");
    return 0;
}
