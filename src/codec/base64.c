/* SPDX-License-Identifier: MIT */
#include "codec/base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Returns the six bits that a character stands for; -1: none. */
static int bits_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool weir_codec_base64_decode(struct weir_str text, struct weir_buf *out)
{
    size_t before = out->n;
    uint32_t held = 0; /* bits that are not written yet, */
    uint32_t n_held = 0;
    size_t n = text.n;
    if (n % 4 == 0 && n > 0 && text.at[n - 1] == '=')
        n -= text.at[n - 2] == '=' ? 2 : 1;
    for (size_t i = 0; i < n; i++) {
        int bits = bits_of(text.at[i]);
        if (bits < 0 || n % 4 == 1) {
            out->n = before;
            return false;
        }
        held = held << 6 | (uint32_t)bits;
        n_held += 6;
        if (n_held >= 8) {
            n_held -= 8;
            weir_buf_append_byte(out, (char)(held >> n_held));
            held &= (1u << n_held) - 1;
        }
    }
    if (held != 0) { /* A text that nothing was encoded to. */
        out->n = before;
        return false;
    }
    return true;
}

void weir_codec_base64_encode(struct weir_str bytes, struct weir_buf *out)
{
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t n = bytes.n - i < 3 ? bytes.n - i : 3;
        uint32_t three = 0;
        for (size_t k = 0; k < 3; k++)
            three = three << 8 | (k < n ? (unsigned char)bytes.at[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            weir_buf_append_byte(out, k <= n ? alphabet[three >> (18 - 6 * k) & 63] : '=');
    }
}
