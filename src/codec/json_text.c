/* SPDX-License-Identifier: MIT */
/* Strings: from what is written to what is meant, and back. */
#include "base/macros.h"
#include "codec/json_priv.h"
#include "codec/number_priv.h"
#include "codec/utf8.h"

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
            *n = weir_codec_utf8_encode(0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00), out);
            return p + 6;
        }
    }
    *n = weir_codec_utf8_encode(c >= 0xd800 && c < 0xe000 ? 0xfffd : c, out);
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

/* Control characters are escaped: those that JSON forbids raw, and U+007F to U+009F, which a
 * terminal would obey. p points at valid UTF-8. */
static bool is_plain(const char *p)
{
    unsigned char c = (unsigned char)*p;
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f &&
           (c != 0xc2 || (unsigned char)p[1] >= 0xa0);
}

/* Appends text that is UTF-8, without quotes around it. */
static void append_valid(struct weir_buf *buf, const char *p, const char *end)
{
    static const char hex[] = "0123456789abcdef";
    while (p < end) {
        const char *plain = p;
        while (p < end && is_plain(p))
            p++;
        weir_buf_append(buf, plain, (size_t)(p - plain));
        if (p == end)
            return;
        unsigned char c = (unsigned char)*p++;
        if (c == 0xc2) /* U+0080 to U+009F: the second byte is the number. */
            c = (unsigned char)*p++;
        if (c == '"' || c == '\\') {
            weir_buf_append(buf, (char[]){'\\', (char)c}, 2);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            weir_buf_append(buf, (char[]){'\\', c == '\n' ? 'n' : c == '\r' ? 'r' : 't'}, 2);
        } else {
            weir_buf_append(buf, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        }
    }
}

void weir_codec_json_append_text(struct weir_buf *buf, struct weir_str text)
{
    weir_buf_append_byte(buf, '"');
    weir_codec_json_append_escaped(buf, text);
    weir_buf_append_byte(buf, '"');
}

void weir_codec_json_append_escaped(struct weir_buf *buf, struct weir_str text)
{
    struct weir_str rest = weir_str_make(text.n ? text.at : "", text.n);
    while (rest.n > 0) {
        size_t n = weir_codec_utf8_valid_bytes(rest, WEIR_CODEC_UTF8_STRICT);
        append_valid(buf, rest.at, rest.at + n);
        if (n < rest.n) {
            weir_buf_append(buf, replacement, 3);
            n++;
        }
        rest = weir_str_make(rest.at + n, rest.n - n);
    }
}
