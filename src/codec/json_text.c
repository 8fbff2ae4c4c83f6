/* SPDX-License-Identifier: MIT */
/* Strings: from what is written to what is meant, and back. */
#include "base/macros.h"
#include "codec/json_priv.h"
#include "codec/number_priv.h"

#include <string.h>

/* U+FFFD */
static const char replacement[] = "\xef\xbf\xbd";

static unsigned hex_value(char c)
{
    return weir_codec_number_is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

static uint32_t hex4(const char *p)
{
    return (uint32_t)(hex_value(p[0]) << 12 | hex_value(p[1]) << 8 | hex_value(p[2]) << 4 |
                      hex_value(p[3]));
}

/* Writes a code point as UTF-8; returns the number of bytes. */
static size_t put_utf8(char out[4], uint32_t c)
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
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Reads the escape at p (its backslash) into out; *n: bytes written. Returns its end. */
static const char *read_escape(const char *p, const char *end, char out[4], size_t *n)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (p[1] != 'u') {
        const char *letter = strchr(letters, p[1]);
        weir_assert(letter);
        out[0] = meanings[letter - letters];
        *n = 1;
        return p + 2;
    }
    uint32_t c = hex4(p + 2);
    p += 6;
    if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        uint32_t low = hex4(p + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            *n = put_utf8(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
            return p + 6;
        }
    }
    *n = put_utf8(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
    return p;
}

bool weir_codec_json_string_eq(struct weir_str written, struct weir_str text)
{
    if (written.n == text.n && (text.n == 0 || memcmp(written.at, text.at, text.n) == 0))
        return !memchr(written.n ? written.at : "", '\\', written.n);
    /* Escapes only make a text longer. */
    if (written.n <= text.n)
        return false;
    const char *p = written.at;
    const char *end = p + written.n;
    size_t i = 0;
    while (p < end) {
        char bytes[4];
        size_t n = 1;
        if (*p == '\\')
            p = read_escape(p, end, bytes, &n);
        else
            bytes[0] = *p++;
        if (text.n - i < n || memcmp(text.at + i, bytes, n) != 0)
            return false;
        i += n;
    }
    return i == text.n;
}

void weir_codec_json_unescape(struct weir_str written, struct weir_buf *out)
{
    const char *p = written.at;
    const char *end = p + written.n;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        weir_buf_append(out, p, (size_t)((slash ? slash : end) - p));
        if (!slash)
            return;
        char bytes[4];
        size_t n;
        p = read_escape(slash, end, bytes, &n);
        weir_buf_append(out, bytes, n);
    }
}

/* Returns the length of the UTF-8 sequence at p; 0: there is none. Unicode 15, table 3-7. */
static size_t utf8_bytes(const char *p, const char *end)
{
    unsigned char c = (unsigned char)*p;
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (n == 0 || (size_t)(end - p) < n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)p[i] & 0xc0) != 0x80)
            return 0;
    }
    unsigned char second = n > 1 ? (unsigned char)p[1] : 0;
    bool is_bad = (c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
                  (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f);
    return is_bad ? 0 : n;
}

void weir_codec_json_append_text(struct weir_buf *buf, struct weir_str text)
{
    static const char hex[] = "0123456789abcdef";
    const char *p = text.n ? text.at : "";
    const char *end = p + text.n;
    weir_buf_append_byte(buf, '"');
    while (p < end) {
        const char *plain = p;
        size_t n = 1;
        while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20 &&
               (n = utf8_bytes(p, end)) > 0)
            p += n;
        weir_buf_append(buf, plain, (size_t)(p - plain));
        if (p == end)
            break;
        unsigned char c = (unsigned char)*p++;
        if (c >= 0x80) {
            weir_buf_append(buf, replacement, 3);
        } else if (c == '"' || c == '\\') {
            weir_buf_append(buf, (char[]){'\\', (char)c}, 2);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            weir_buf_append(buf, (char[]){'\\', c == '\n' ? 'n' : c == '\r' ? 'r' : 't'}, 2);
        } else {
            weir_buf_append(buf, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        }
    }
    weir_buf_append_byte(buf, '"');
}
