/* SPDX-License-Identifier: MIT */
/* The opcodes of protocol 0 that carry a line of text, and strings of Python 2. */
#include "codec/utf8.h"
#include "format/pickle_priv.h"

#include <stdlib.h>

enum {
    DIGITS_MAX = 4096,     /* of a whole number */
    FLOAT_BYTES_MAX = 400, /* Python writes at most 24 */
};

enum weir_status weir_format_pickle_text_index(struct weir_format_pickle_machine *m, uint64_t *out)
{
    struct weir_str line;
    enum weir_status status = weir_format_pickle_line(m, &line);
    if (status != WEIR_OK)
        return status;
    if (!weir_str_to_u64(line, UINT32_MAX, out))
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a memo index is not a number");
    return WEIR_OK;
}

/* Turns decimal digits into little-endian two's complement, with one byte to spare for the sign. */
static struct weir_value *make_bigint(struct weir_format_pickle_machine *m, struct weir_str digits,
                                      bool is_negative)
{
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_BIGINT);
    size_t n = digits.n / 2 + 2; /* log2(10) / 8 < 0.42 bytes a digit */
    unsigned char *bytes = v ? weir_arena_zalloc(m->arena, n) : NULL;
    if (!bytes)
        return NULL;
    for (size_t i = 0; i < digits.n; i++) {
        unsigned carry = (unsigned)(digits.at[i] - '0');
        for (size_t k = 0; k < n; k++) {
            carry += bytes[k] * 10U;
            bytes[k] = (unsigned char)carry;
            carry >>= 8;
        }
    }
    if (is_negative) {
        unsigned carry = 1;
        for (size_t k = 0; k < n; k++) {
            carry += (unsigned char)~bytes[k];
            bytes[k] = (unsigned char)carry;
            carry >>= 8;
        }
    }
    /* The shortest form: as LONG1 would have it. */
    unsigned char sign = is_negative ? 0xff : 0;
    while (n > 1 && bytes[n - 1] == sign && (bytes[n - 2] & 0x80) == (sign & 0x80))
        n--;
    v->text = weir_str_make((const char *)bytes, n);
    return v;
}

static enum weir_status push_decimal(struct weir_format_pickle_machine *m, struct weir_str line)
{
    bool is_negative = line.n > 0 && line.at[0] == '-';
    struct weir_str digits = is_negative ? weir_str_make(line.at + 1, line.n - 1) : line;
    if (digits.n == 0 || digits.n > DIGITS_MAX)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a number of %zu digits", digits.n);
    for (size_t i = 0; i < digits.n; i++)
        if (digits.at[i] < '0' || digits.at[i] > '9')
            return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a number holds other than digits");
    uint64_t x;
    /* −2^63 is left to the long form: no pickle of a model needs it. */
    if (!weir_str_to_u64(digits, INT64_MAX, &x))
        return weir_format_pickle_push(m, make_bigint(m, digits, is_negative));
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_I64);
    if (v)
        v->i64 = is_negative ? -(int64_t)x : (int64_t)x;
    return weir_format_pickle_push(m, v);
}

enum weir_status weir_format_pickle_text_int(struct weir_format_pickle_machine *m)
{
    struct weir_str line;
    enum weir_status status = weir_format_pickle_line(m, &line);
    if (status != WEIR_OK)
        return status;
    if (!weir_str_eq_c(line, "00") && !weir_str_eq_c(line, "01"))
        return push_decimal(m, line);
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_BOOL);
    if (v)
        v->b = line.at[1] == '1';
    return weir_format_pickle_push(m, v);
}

enum weir_status weir_format_pickle_text_long(struct weir_format_pickle_machine *m)
{
    struct weir_str line;
    enum weir_status status = weir_format_pickle_line(m, &line);
    if (status != WEIR_OK)
        return status;
    if (line.n > 0 && line.at[line.n - 1] == 'L')
        line.n--;
    return push_decimal(m, line);
}

enum weir_status weir_format_pickle_text_float(struct weir_format_pickle_machine *m)
{
    struct weir_str line;
    enum weir_status status = weir_format_pickle_line(m, &line);
    if (status != WEIR_OK)
        return status;
    char text[FLOAT_BYTES_MAX + 1];
    bool is_word =
        weir_str_eq_c(line, "nan") || weir_str_eq_c(line, "inf") || weir_str_eq_c(line, "-inf");
    bool is_plain = line.n > 0 && line.n <= FLOAT_BYTES_MAX;
    for (size_t i = 0; is_plain && i < line.n; i++)
        is_plain = line.at[i] && strchr("0123456789+-.eE", line.at[i]);
    if (!is_word && !is_plain)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a float is not a number");
    memcpy(text, line.at, line.n);
    text[line.n] = '\0';
    char *end;
    double x = strtod(text, &end);
    if (*end)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a float is not a number");
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_F64);
    if (v)
        v->f64 = x;
    return weir_format_pickle_push(m, v);
}

enum weir_status weir_format_pickle_text_ascii(struct weir_format_pickle_machine *m,
                                               struct weir_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.at[i] >= 0x80)
            return weir_format_pickle_fail(m, WEIR_ERR_UNSUPPORTED,
                                           "a string of Python 2; save the model with Python 3");
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_TEXT);
    if (v)
        v->text = s;
    return weir_format_pickle_push(m, v);
}

enum weir_status weir_format_pickle_text_string(struct weir_format_pickle_machine *m)
{
    struct weir_str line;
    enum weir_status status = weir_format_pickle_line(m, &line);
    if (status != WEIR_OK)
        return status;
    bool is_quoted = line.n >= 2 && (line.at[0] == '\'' || line.at[0] == '"') &&
                     line.at[line.n - 1] == line.at[0];
    if (!is_quoted)
        return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a string without quotes");
    if (memchr(line.at, '\\', line.n))
        return weir_format_pickle_fail(m, WEIR_ERR_UNSUPPORTED,
                                       "a string of Python 2; save the model with Python 3");
    return weir_format_pickle_text_ascii(m, weir_str_make(line.at + 1, line.n - 2));
}

/* Reads n hexadecimal digits; false: there are fewer. */
static bool take_hex(struct weir_str s, size_t n, uint32_t *out)
{
    if (s.n < n)
        return false;
    uint32_t x = 0;
    for (size_t i = 0; i < n; i++) {
        char c = s.at[i];
        if (c >= '0' && c <= '9')
            x = x << 4 | (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            x = x << 4 | (uint32_t)((c | 32) - 'a' + 10);
        else
            return false;
    }
    *out = x;
    return true;
}

/* Raw-unicode-escape: \uXXXX and \UXXXXXXXX; every other byte is the character of that number
 * (latin-1), backslashes too. */
static enum weir_status decode_escapes(struct weir_format_pickle_machine *m, struct weir_str line,
                                       char *out, size_t *n_out)
{
    size_t n = 0;
    size_t i = 0;
    while (i < line.n) {
        uint32_t c = (unsigned char)line.at[i];
        size_t n_hex = 0;
        if (c == '\\' && i + 1 < line.n)
            n_hex = line.at[i + 1] == 'u' ? 4 : line.at[i + 1] == 'U' ? 8 : 0;
        if (n_hex > 0) {
            struct weir_str rest = weir_str_make(line.at + i + 2, line.n - i - 2);
            if (!take_hex(rest, n_hex, &c))
                return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT, "a text has a cut escape");
            i += 2 + n_hex;
        } else {
            i++;
        }
        size_t n_bytes = weir_codec_utf8_encode(c, out + n);
        if (n_bytes == 0)
            return weir_format_pickle_fail(m, WEIR_ERR_CORRUPT,
                                           "a text has a character that does not exist");
        n += n_bytes;
    }
    *n_out = n;
    return WEIR_OK;
}

enum weir_status weir_format_pickle_text_unicode(struct weir_format_pickle_machine *m)
{
    struct weir_str line;
    enum weir_status status = weir_format_pickle_line(m, &line);
    if (status != WEIR_OK)
        return status;
    struct weir_value *v = weir_format_pickle_node(m, WEIR_VALUE_TEXT);
    /* One byte gives at most two; six give at most three, ten at most four. */
    char *out = v ? weir_arena_array(m->arena, line.n + 2, 2) : NULL;
    if (!out)
        return weir_format_pickle_fail_memory(m);
    size_t n = 0;
    status = decode_escapes(m, line, out, &n);
    if (status != WEIR_OK)
        return status;
    v->text = weir_str_make(out, n);
    return weir_format_pickle_push(m, v);
}
