/* SPDX-License-Identifier: MIT */
#include "codec/utf8.h"

#include "base/macros.h"

#include <stdint.h>

size_t weir_codec_utf8_valid_bytes(struct weir_str s, enum weir_codec_utf8_mode mode)
{
    const unsigned char *p = (const unsigned char *)s.at;
    size_t at = 0;
    while (at < s.n) {
        uint64_t eight;
        if (s.n - at >= sizeof eight) {
            memcpy(&eight, p + at, sizeof eight);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof eight;
                continue;
            }
        }
        size_t n = p[at] < 0x80 ? 1
                                : weir_str_char_bytes(weir_str_make(s.at + at, s.n - at),
                                                      mode == WEIR_CODEC_UTF8_SURROGATEPASS);
        if (n == 0)
            return at;
        at += n;
    }
    return at;
}

bool weir_codec_utf8_is_valid(struct weir_str s, enum weir_codec_utf8_mode mode)
{
    return weir_codec_utf8_valid_bytes(s, mode) == s.n;
}

size_t weir_codec_utf8_encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    if (c > 0x10ffff)
        return 0;
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

size_t weir_codec_utf8_decode(struct weir_str s, uint32_t *c)
{
    weir_assert(s.n > 0);
    const unsigned char *p = (const unsigned char *)s.at;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    weir_assert(n <= s.n);
    uint32_t x = n == 1 ? p[0] : p[0] & (0x7fU >> n);
    for (size_t i = 1; i < n; i++)
        x = x << 6 | (p[i] & 0x3fU);
    *c = x;
    return n;
}
