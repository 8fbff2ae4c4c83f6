/* SPDX-License-Identifier: MIT */
/* The first pass: is this text JSON, within the limits, and where do its large parts end?
 *
 * One loop over the bytes with an explicit stack of open arrays and objects. Names are kept, hashed
 * without their escapes, until their object closes; then equal ones are looked for. Nothing is read
 * beyond the end of the text: no padding is asked of the caller. */
#include "codec/json_block_priv.h"
#include "codec/json_priv.h"
#include "codec/number_priv.h"

#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

__extension__ typedef unsigned __int128 u128;

/* An open array or object. */
struct frame {
    uint32_t start;      /* offset of its bracket */
    uint32_t n;          /* values in it so far */
    uint32_t first_name; /* index into json->names */
    bool is_object;
};

struct scan {
    struct weir_codec_json *json;
    const char *start;
    const char *end;
    struct weir_error *err;
    enum weir_status status; /* of the first failure */
    uint32_t depth;
    struct frame frames[WEIR_CODEC_JSON_DEPTH_CAP];
};

/* Fails at a place; returns NULL, which the steps below hand upwards. */
static const char *fail(struct scan *s, const char *at, const char *what)
{
    s->status =
        weir_error_set(s->err, WEIR_ERR_INVALID, "offset %zu: %s", (size_t)(at - s->start), what);
    return NULL;
}

static const char *fail_limit(struct scan *s, const char *at, uint64_t limit, const char *what)
{
    s->status = weir_error_set(s->err, WEIR_ERR_INVALID, "offset %zu: more than %llu %s",
                               (size_t)(at - s->start), (unsigned long long)limit, what);
    return NULL;
}

static const char *fail_expected(struct scan *s, const char *at, const char *expected)
{
    if (at >= s->end) {
        s->status = weir_error_set(s->err, WEIR_ERR_INVALID,
                                   "offset %zu: expected %s, got the end of the text",
                                   (size_t)(at - s->start), expected);
        return NULL;
    }
    char echo[WEIR_ECHO_BUF_BYTES];
    size_t n = 0;
    while (n < 16 && at + n < s->end && !weir_codec_json_is_space(at[n]))
        n++;
    weir_str_echo(weir_str_make(at, n ? n : 1), echo, sizeof echo);
    s->status = weir_error_set(s->err, WEIR_ERR_INVALID, "offset %zu: expected %s, got %s",
                               (size_t)(at - s->start), expected, echo);
    return NULL;
}

/* The byte at p, or 0, which is no part of any token, at the end. */
static inline char peek(const struct scan *s, const char *p)
{
    return WEIR_LIKELY(p < s->end) ? *p : 0;
}

static inline const char *space(const struct scan *s, const char *p)
{
    while (weir_codec_json_is_space(peek(s, p)))
        p++;
    return p;
}

/* Returns the end of the run of digits at p. */
static inline const char *digits(const struct scan *s, const char *p)
{
#if defined(__SSE2__)
    while (s->end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i d = _mm_sub_epi8(v, _mm_set1_epi8('0'));
        __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d);
        unsigned others = ~(unsigned)_mm_movemask_epi8(is_digit) & 0xffff;
        if (others)
            return p + __builtin_ctz(others);
        p += 16;
    }
#else
    while (s->end - p >= 8) {
        unsigned n = weir_codec_number_n_digits8(weir_codec_number_load8(p));
        p += n;
        if (n < 8)
            return p;
    }
#endif
    while (weir_codec_number_is_digit(peek(s, p)))
        p++;
    return p;
}

static const char *scan_tail(struct scan *s, const char *p, const char *token, size_t n)
{
    if ((size_t)(s->end - p) < n || memcmp(p, token, n) != 0)
        return fail_expected(s, p, "a value");
    return p + n;
}

/* Reads one of the literals and, where allowed, one of the non-finite tokens. */
static const char *scan_literal(struct scan *s, const char *p)
{
    const char *token = p + (peek(s, p) == '-');
    switch (peek(s, token)) {
    case 't':
        return scan_tail(s, p, "true", 4);
    case 'f':
        return scan_tail(s, p, "false", 5);
    case 'n':
        return scan_tail(s, p, "null", 4);
    case 'N':
        if (s->json->limits.allows_nonfinite)
            return scan_tail(s, p, "NaN", 3);
        break;
    case 'I':
        if (s->json->limits.allows_nonfinite) {
            bool is_long = (size_t)(s->end - token) >= 8 && memcmp(token, "Infinity", 8) == 0;
            return is_long ? token + 8 : scan_tail(s, token, "Inf", 3);
        }
        break;
    }
    return fail_expected(s, p, "a value");
}

static inline const char *scan_number(struct scan *s, const char *at)
{
    const char *p = at + (*at == '-');
    char c = peek(s, p);
    if (WEIR_UNLIKELY(!weir_codec_number_is_digit(c)))
        return p == at || c == 'I' ? scan_literal(s, at) : fail_expected(s, at, "a value");
    p++;
    if (c != '0' && weir_codec_number_is_digit(peek(s, p)))
        p = digits(s, p + 1);
    if (peek(s, p) == '.') {
        const char *fraction = p + 1;
        p = digits(s, fraction);
        if (WEIR_UNLIKELY(p == fraction))
            return fail_expected(s, p, "a digit after the point");
    }
    if ((peek(s, p) | 0x20) == 'e') {
        p++;
        p += peek(s, p) == '-' || peek(s, p) == '+';
        const char *exponent = p;
        p = digits(s, p);
        if (WEIR_UNLIKELY(p == exponent))
            return fail_expected(s, p, "a digit in the exponent");
    }
    if (WEIR_UNLIKELY((size_t)(p - at) > s->json->limits.number_bytes_max))
        return fail_limit(s, at, s->json->limits.number_bytes_max, "bytes in a number");
    return p;
}

static inline bool is_tail(const struct scan *s, const char *p, unsigned char low,
                           unsigned char high)
{
    unsigned char c = (unsigned char)peek(s, p);
    return c >= low && c <= high;
}

/* Checks one UTF-8 sequence of two bytes or more; Unicode 15, table 3-7. */
static const char *scan_utf8(struct scan *s, const char *p)
{
    unsigned char c = (unsigned char)*p;
    bool is_good;
    size_t n;
    if (c < 0xc2) {
        return fail(s, p, "not UTF-8");
    } else if (c < 0xe0) {
        n = 2;
        is_good = true;
    } else if (c < 0xf0) {
        n = 3;
        is_good = is_tail(s, p + 1, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf);
    } else if (c < 0xf5) {
        n = 4;
        is_good = is_tail(s, p + 1, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf);
    } else {
        return fail(s, p, "not UTF-8");
    }
    for (size_t i = 1; i < n && is_good; i++)
        is_good = is_tail(s, p + i, 0x80, 0xbf);
    return is_good ? p + n : fail(s, p, "not UTF-8");
}

static bool is_hex(char c)
{
    return weir_codec_number_is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static const char *scan_escape(struct scan *s, const char *p)
{
    char c = peek(s, p + 1);
    if (c == 'u') {
        for (int i = 2; i < 6; i++) {
            if (!is_hex(peek(s, p + i)))
                return fail_expected(s, p, "\\u and four hex digits");
        }
        return p + 6;
    }
    if (c == 0 || !strchr("\"\\/bfnrt", c))
        return fail_expected(s, p, "an escape");
    return p + 2;
}

/* Reads a string whose opening quote is at; *has_escape: it holds a backslash. */
static const char *scan_string(struct scan *s, const char *at, bool *has_escape)
{
    const char *p = at + 1;
    *has_escape = false;
    for (;;) {
#if defined(__SSE2__)
        while (s->end - p >= 16) {
            __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
            __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
            __m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
            /* As signed bytes, control bytes and those from 0x80 on are below 0x20. */
            __m128i odd = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
            unsigned stop =
                (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), odd));
            if (stop) {
                p += __builtin_ctz(stop);
                break;
            }
            p += 16;
        }
#endif
        if (p >= s->end)
            return fail(s, at, "a string that does not end");
        unsigned char c = (unsigned char)*p;
        if (c == '"') {
            break;
        } else if (c == '\\') {
            *has_escape = true;
            p = scan_escape(s, p);
        } else if (c < 0x20) {
            return fail(s, p, "a control byte in a string");
        } else if (c >= 0x80) {
            p = scan_utf8(s, p);
        } else {
            p++;
        }
        if (!p)
            return NULL;
    }
    if ((size_t)(p - at - 1) > s->json->limits.string_bytes_max)
        return fail_limit(s, at, s->json->limits.string_bytes_max, "bytes in a string");
    return p + 1;
}

/* Makes room for one more element of an array of the scanner. */
static bool grow(struct scan *s, void **at, size_t *cap, size_t size)
{
    size_t wanted = *cap ? *cap * 2 : 32;
    void *p = weir_mem_resize(s->json->mem, *at, wanted, size);
    if (!p) {
        s->status = weir_error_set(s->err, WEIR_ERR_NO_MEMORY, "out of memory");
        return false;
    }
    *at = p;
    *cap = wanted;
    return true;
}

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    u128 r = (u128)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/* Hashes by folded multiplications, keyed so that names cannot be chosen to collide. */
static inline uint64_t hash(uint64_t seed, const char *at, size_t n)
{
    uint64_t h = seed ^ (n * 0x9e3779b97f4a7c15u);
    for (; n >= 8; n -= 8, at += 8)
        h = mix(h ^ weir_codec_number_load8(at), 0xa0761d6478bd642fu ^ seed);
    uint64_t rest = 0;
    for (size_t i = 0; i < n; i++)
        rest = rest << 8 | (unsigned char)at[i];
    return mix(h ^ rest, 0xe7037ed1a0b428dbu ^ seed);
}

uint64_t weir_codec_json_hash(const struct weir_codec_json *json, struct weir_str text)
{
    weir_assert(json);
    return hash(json->seed, text.at, text.n);
}

static uint64_t hash_escaped(struct scan *s, struct weir_str written)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf plain = WEIR_BUF_INIT;
    plain.mem = s->json->mem;
    weir_codec_json_unescape(written, &plain);
    if (!weir_buf_ok(&plain))
        s->status = weir_error_set(s->err, WEIR_ERR_NO_MEMORY, "out of memory");
    return hash(s->json->seed, plain.at, plain.n);
}

/* Reads a name and the colon after it. */
static const char *scan_name(struct scan *s, const char *at)
{
    struct weir_codec_json *json = s->json;
    if (peek(s, at) != '"')
        return fail_expected(s, at, "a name in quotes");
    bool has_escape;
    const char *end = scan_string(s, at, &has_escape);
    if (!end)
        return NULL;
    if (json->n_names == json->cap_names) {
        void *names = json->names;
        if (!grow(s, &names, &json->cap_names, sizeof *json->names))
            return NULL;
        json->names = names;
    }
    struct weir_str written = weir_str_make(at + 1, (size_t)(end - at) - 2);
    json->names[json->n_names++] = (struct weir_codec_json_name){
        .hash = has_escape ? hash_escaped(s, written) : hash(json->seed, written.at, written.n),
        .at = (uint32_t)(at - s->start),
    };
    if (s->status != WEIR_OK)
        return NULL;
    const char *p = space(s, end);
    return peek(s, p) == ':' ? space(s, p + 1) : fail_expected(s, p, "':'");
}

static bool is_same_name(struct scan *s, const struct weir_codec_json_name *a,
                         const struct weir_codec_json_name *b)
{
    if (a->hash != b->hash)
        return false;
    struct weir_str x = weir_codec_json_string(s->start + a->at);
    struct weir_str y = weir_codec_json_string(s->start + b->at);
    if (!memchr(x.at, '\\', x.n))
        return weir_codec_json_string_eq(y, x);
    if (!memchr(y.at, '\\', y.n))
        return weir_codec_json_string_eq(x, y);
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf plain = WEIR_BUF_INIT;
    plain.mem = s->json->mem;
    weir_codec_json_unescape(x, &plain);
    if (!weir_buf_ok(&plain))
        s->status = weir_error_set(s->err, WEIR_ERR_NO_MEMORY, "out of memory");
    return weir_codec_json_string_eq(y, weir_buf_str(&plain));
}

static bool fail_twice(struct scan *s, const struct weir_codec_json_name *name)
{
    if (s->status != WEIR_OK)
        return false;
    char echo[WEIR_ECHO_BUF_BYTES];
    weir_str_echo(weir_codec_json_string(s->start + name->at), echo, sizeof echo);
    s->status =
        weir_error_set(s->err, WEIR_ERR_INVALID, "offset %zu: the name \"%s\" is there twice",
                       (size_t)name->at, echo);
    return false;
}

/* Looks for equal names among the n last ones. Few are compared with each other, many are put into
 * a table. */
static bool check_names(struct scan *s, size_t first)
{
    enum { FEW = 12 };
    struct weir_codec_json *json = s->json;
    size_t n = json->n_names - first;
    if (n < 2)
        return true;
    const struct weir_codec_json_name *names = json->names + first;
    if (n <= FEW) {
        for (size_t i = 1; i < n; i++) {
            for (size_t j = 0; j < i; j++) {
                if (WEIR_UNLIKELY(is_same_name(s, &names[i], &names[j])))
                    return fail_twice(s, &names[i]);
            }
        }
        return s->status == WEIR_OK;
    }
    size_t n_slots = 32;
    while (n_slots < 2 * n)
        n_slots *= 2;
    while (json->cap_slots < n_slots) {
        void *slots = json->slots;
        if (!grow(s, &slots, &json->cap_slots, sizeof *json->slots))
            return false;
        json->slots = slots;
    }
    memset(json->slots, 0, n_slots * sizeof *json->slots);
    for (size_t i = 0; i < n; i++) {
        size_t slot = names[i].hash & (n_slots - 1);
        while (json->slots[slot]) {
            if (is_same_name(s, &names[i], &names[json->slots[slot] - 1]))
                return fail_twice(s, &names[i]);
            slot = (slot + 1) & (n_slots - 1);
        }
        json->slots[slot] = (uint32_t)i + 1;
    }
    return s->status == WEIR_OK;
}

/* Enters an array or object; returns the place of its first element or name. */
static const char *enter(struct scan *s, const char *at)
{
    struct weir_codec_json *json = s->json;
    if (s->depth >= json->limits.depth_max || s->depth >= WEIR_CODEC_JSON_DEPTH_CAP)
        return fail_limit(s, at, json->limits.depth_max, "levels of arrays and objects");
    s->frames[s->depth++] = (struct frame){
        .start = (uint32_t)(at - s->start),
        .first_name = (uint32_t)json->n_names,
        .is_object = *at == '{',
    };
    if (s->depth <= WEIR_CODEC_JSON_JUMP_DEPTH_MAX) {
        if (json->n_jumps == json->cap_jumps) {
            void *jumps = json->jumps;
            if (!grow(s, &jumps, &json->cap_jumps, sizeof *json->jumps))
                return NULL;
            json->jumps = jumps;
        }
        json->jumps[json->n_jumps++] = (struct weir_codec_json_jump){
            .start = (uint32_t)(at - s->start),
        };
    }
    return space(s, at + 1);
}

/* Leaves an array or object after its last byte. */
static bool leave(struct scan *s, const char *end)
{
    struct weir_codec_json *json = s->json;
    struct frame *f = &s->frames[s->depth - 1];
    if (f->is_object) {
        if (!check_names(s, f->first_name))
            return false;
        json->n_names = f->first_name;
    }
    if (s->depth <= WEIR_CODEC_JSON_JUMP_DEPTH_MAX) {
        uint32_t offset = (uint32_t)(end - s->start);
        if (offset - f->start < WEIR_CODEC_JSON_JUMP_BYTES_MIN) {
            /* What was inside is smaller still and has gone: this is the last one. */
            json->n_jumps--;
        } else {
            size_t i = json->n_jumps - 1;
            while (json->jumps[i].end != 0)
                i--;
            json->jumps[i].end = offset;
            json->jumps[i].n = f->n;
        }
    }
    s->depth--;
    return true;
}

/* Reads one value that is no array or object. */
static inline const char *scan_scalar(struct scan *s, const char *p)
{
    if (WEIR_LIKELY(weir_codec_number_is_digit(peek(s, p)) || peek(s, p) == '-'))
        return scan_number(s, p);
    bool has_escape;
    return peek(s, p) == '"' ? scan_string(s, p, &has_escape) : scan_literal(s, p);
}

/* Reads ',' or closing brackets after a value, up to the next value; *is_done: the root has ended.
 */
static inline const char *scan_after(struct scan *s, const char *p, bool *is_done)
{
    for (;;) {
        if (s->depth == 0) {
            *is_done = true;
            return p;
        }
        struct frame *f = &s->frames[s->depth - 1];
        p = space(s, p);
        char c = peek(s, p);
        if (WEIR_LIKELY(c == ',')) {
            p = space(s, p + 1);
            if (!f->is_object)
                return p;
            if (WEIR_UNLIKELY(f->n >= s->json->limits.n_keys_max))
                return fail_limit(s, p, s->json->limits.n_keys_max, "names in an object");
            return scan_name(s, p);
        }
        if (c != (f->is_object ? '}' : ']'))
            return fail_expected(s, p, f->is_object ? "',' or '}'" : "',' or ']'");
        p++;
        if (!leave(s, p))
            return NULL;
    }
}

#if WEIR_CODEC_JSON_HAS_BLOCKS

/* Counts ones of which no two are neighbours, in place: the compiler's own way is a call where the
 * processor need not have an instruction for it. */
static inline uint64_t count_apart(uint64_t ones)
{
    ones = (ones | ones >> 1) & UINT64_C(0x5555555555555555);
    ones = (ones & UINT64_C(0x3333333333333333)) + (ones >> 2 & UINT64_C(0x3333333333333333));
    ones = (ones + (ones >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return ones * UINT64_C(0x0101010101010101) >> 56;
}

/* Checks the whole numbers and decimal fractions of a block up to its last comma; the block begins
 * with a value. Returns the number of bytes that are good: up to and including a comma; 0: none, or
 * something is wrong or unusual, which the careful way will find. *n: values in them. */
static inline size_t check_block(const char *at, uint64_t *n)
{
    struct weir_codec_json_block b = weir_codec_json_block_load(at);
    uint64_t commas = b.commas & weir_codec_json_block_plain(&b);
    if (!commas)
        return 0;
    int last = 63 - __builtin_clzll(commas);
    uint64_t all = UINT64_MAX >> (63 - last);
    uint64_t digits = b.digits & all;
    uint64_t points = b.points & all;
    uint64_t minuses = b.minuses & all;
    uint64_t after = commas << 1 & all;
    uint64_t spaces = b.spaces & after;
    uint64_t starts = 1 | (after & ~spaces) | spaces << 1;
    uint64_t wholes = (starts & ~minuses) | (starts & minuses) << 1;
    /* Adding its first bit to a run of ones carries into the place after the run. */
    uint64_t whole_ends = (digits + wholes) & ~digits;
    uint64_t fractions = points << 1;
    uint64_t fraction_ends = (digits + fractions) & ~digits;
    uint64_t wrong = (minuses & ~starts) | (wholes & ~digits);
    wrong |= (wholes & b.zeros) << 1 & digits; /* no digit after a leading 0 */
    wrong |= (whole_ends & ~(points | commas)) | (points & ~whole_ends);
    wrong |= (fractions & ~digits) | (fraction_ends & ~commas);
    wrong |= commas & ~(whole_ends | fraction_ends);
    if (WEIR_UNLIKELY(wrong))
        return 0;
    *n = count_apart(commas);
    return (size_t)last + 1;
}

/* Goes over numbers and commas from a value on, as far as blocks reach; returns the start of the
 * next value, *n: values before it. */
static const char *scan_run(const struct scan *s, const char *p, uint64_t *n)
{
    *n = 0;
    if (s->json->limits.number_bytes_max < WEIR_CODEC_JSON_BLOCK_BYTES)
        return p;
    for (;;) {
        uint64_t n_block = 0;
        size_t size;
        size_t rest = (size_t)(s->end - p);
        if (WEIR_LIKELY(rest >= WEIR_CODEC_JSON_BLOCK_BYTES)) {
            size = check_block(p, &n_block);
        } else {
            char tail[WEIR_CODEC_JSON_BLOCK_BYTES] = {0};
            memcpy(tail, p, rest);
            size = check_block(tail, &n_block);
        }
        if (size == 0)
            return p;
        *n += n_block;
        p += size;
        p += peek(s, p) == ' ';
        if (!weir_codec_number_is_digit(peek(s, p)) && peek(s, p) != '-')
            return space(s, p);
    }
}

#else

static const char *scan_run(const struct scan *s, const char *p, uint64_t *n)
{
    (void)s;
    *n = 0;
    return p;
}

#endif

static const char *scan_value(struct scan *s, const char *p)
{
    uint64_t n_values = 0;
    bool tries_run = false; /* this may be an array of plain numbers */
    uint64_t n_values_max = s->json->limits.n_values_max;
    for (bool is_done = false; !is_done;) {
        if (tries_run) {
            uint64_t n_run;
            p = scan_run(s, p, &n_run);
            tries_run = n_run > 0;
            n_values += n_run;
            s->frames[s->depth - 1].n += (uint32_t)n_run;
        }
        if (WEIR_UNLIKELY(++n_values > n_values_max))
            return fail_limit(s, p, n_values_max, "values");
        if (s->depth > 0)
            s->frames[s->depth - 1].n++;
        char c = peek(s, p);
        if (c == '[' || c == '{') {
            p = enter(s, p);
            if (!p)
                return NULL;
            if (peek(s, p) == (c == '[' ? ']' : '}')) {
                if (!leave(s, ++p))
                    return NULL;
            } else {
                tries_run = c == '[';
                if (c == '{')
                    p = scan_name(s, p);
                if (!p)
                    return NULL;
                continue;
            }
        } else {
            p = scan_scalar(s, p);
            if (!p)
                return NULL;
        }
        uint32_t depth = s->depth;
        p = scan_after(s, p, &is_done);
        if (!p)
            return NULL;
        tries_run = tries_run && s->depth == depth;
    }
    s->json->n_values = n_values;
    return p;
}

enum weir_status weir_codec_json_scan(struct weir_codec_json *json, struct weir_str text,
                                      struct weir_error *err)
{
    weir_assert(json);
    if (!text.at)
        text = WEIR_STR("");
    json->root = NULL;
    json->start = text.at;
    json->end = text.at + text.n;
    json->n_jumps = 0;
    json->n_names = 0;
    json->n_values = 0;
    if (text.n >= UINT32_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "a JSON text of 4 GiB or more");
    /* Not initialised as a whole: the frames are 1 KiB that most texts never touch. */
    struct scan s;
    s.json = json;
    s.start = text.at;
    s.end = text.at + text.n;
    s.err = err;
    s.status = WEIR_OK;
    s.depth = 0;
    const char *root = space(&s, text.at);
    const char *p = scan_value(&s, root);
    if (p && json->limits.ignores_tail) {
        json->end = p;
    } else if (p) {
        p = space(&s, p);
        if (p != s.end)
            p = fail_expected(&s, p, "the end of the text");
    }
    if (!p) {
        weir_assert(s.status != WEIR_OK);
        return s.status;
    }
    json->root = root;
    return WEIR_OK;
}
