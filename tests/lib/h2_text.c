/* SPDX-License-Identifier: MIT */
#include "h2_text.h"

#include <ctype.h>
#include <nghttp2/nghttp2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1 << 16, HEAD_BYTES = 9 };

static const char *const types[] = {"DATA",          "HEADERS",      "PRIORITY", "RST_STREAM",
                                    "SETTINGS",      "PUSH_PROMISE", "PING",     "GOAWAY",
                                    "WINDOW_UPDATE", "CONTINUATION"};

static const char *const codes[] = {"NO_ERROR",
                                    "PROTOCOL_ERROR",
                                    "INTERNAL_ERROR",
                                    "FLOW_CONTROL_ERROR",
                                    "SETTINGS_TIMEOUT",
                                    "STREAM_CLOSED",
                                    "FRAME_SIZE_ERROR",
                                    "REFUSED_STREAM",
                                    "CANCEL",
                                    "COMPRESSION_ERROR",
                                    "CONNECT_ERROR",
                                    "ENHANCE_YOUR_CALM",
                                    "INADEQUATE_SECURITY",
                                    "HTTP_1_1_REQUIRED"};

/* --- writing ---------------------------------------------------------------------------------- */

struct out {
    char *at;
    size_t n;
    size_t cap;
    bool failed;
};

static void put(struct out *o, const void *bytes, size_t n)
{
    if (n > o->cap - o->n) {
        o->failed = true;
        return;
    }
    memcpy(o->at + o->n, bytes, n);
    o->n += n;
}

static void put_u32(struct out *o, uint32_t v)
{
    char bytes[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};
    put(o, bytes, 4);
}

static void put_frame(struct out *o, unsigned type, unsigned flags, uint32_t stream,
                      const void *payload, size_t n)
{
    char head[5] = {(char)(n >> 16), (char)(n >> 8), (char)n, (char)type, (char)flags};
    put(o, head, 5);
    put_u32(o, stream);
    put(o, payload, n);
}

/* Reads the next word, or quoted text, into out; -1: there is none. */
static long next_word(const char **at, char *out, bool *is_text)
{
    while (**at == ' ')
        (*at)++;
    if (**at == '\0')
        return -1;
    long n = 0;
    *is_text = **at == '"';
    if (!*is_text) {
        while (**at != ' ' && **at != '\0')
            out[n++] = *(*at)++;
        out[n] = '\0';
        return n;
    }
    for ((*at)++; **at && **at != '"'; (*at)++) {
        char c = **at;
        if (c == '\\') {
            c = *++*at;
            if (c == 'x') {
                char hex[3] = {(*at)[1], (*at)[2], '\0'};
                c = (char)strtoul(hex, NULL, 16);
                *at += 2;
            } else {
                c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
            }
        }
        out[n++] = c;
    }
    if (**at == '"')
        (*at)++;
    out[n] = '\0';
    return n;
}

static uint32_t next_number(const char **at)
{
    char word[TEXT_BYTES];
    bool is_text;
    return next_word(at, word, &is_text) < 0 ? 0 : (uint32_t)strtoul(word, NULL, 0);
}

static uint32_t next_code(const char **at)
{
    char word[TEXT_BYTES];
    bool is_text;
    if (next_word(at, word, &is_text) < 0)
        return 0;
    for (uint32_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(word, codes[i]) == 0)
            return i;
    return (uint32_t)strtoul(word, NULL, 0);
}

static unsigned next_flags(const char **at)
{
    static const struct {
        const char *name;
        unsigned bit;
    } names[] = {
        {"END_STREAM", 1}, {"ACK", 1}, {"END_HEADERS", 4}, {"PADDED", 8}, {"PRIORITY", 32}};
    char word[TEXT_BYTES];
    bool is_text;
    if (next_word(at, word, &is_text) < 0)
        return 0;
    unsigned flags = (unsigned)strtoul(word, NULL, 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strstr(word, names[i].name))
            flags |= names[i].bit;
    return flags;
}

/* An integer of HPACK with a prefix of 7 bits (RFC 7541 §5.1). */
static void put_length(struct out *o, size_t n)
{
    unsigned char byte = n < 127 ? (unsigned char)n : 127;
    put(o, &byte, 1);
    if (n < 127)
        return;
    for (n -= 127; n >= 128; n /= 128) {
        byte = (unsigned char)(n % 128 + 128);
        put(o, &byte, 1);
    }
    byte = (unsigned char)n;
    put(o, &byte, 1);
}

static void put_field(struct out *o, const char *name, size_t n_name, const char *value,
                      size_t n_value)
{
    put(o, "\0", 1); /* literal without indexing, new name */
    put_length(o, n_name);
    put(o, name, n_name);
    put_length(o, n_value);
    put(o, value, n_value);
}

/* Takes "name: value" words; a name may begin with a colon. */
static void put_fields(struct out *o, const char **at)
{
    static char word[TEXT_BYTES];
    bool is_text;
    for (long n; (n = next_word(at, word, &is_text)) >= 0;) {
        char *colon = memmem(word + 1, (size_t)n - 1, ": ", 2);
        if (n < 2 || !colon) {
            o->failed = true;
            return;
        }
        size_t n_name = (size_t)(colon - word);
        put_field(o, word, n_name, colon + 2, (size_t)n - n_name - 2);
    }
}

static void put_request(struct out *o, const char *method, unsigned flags, const char **at)
{
    static char block[TEXT_BYTES];
    static char path[TEXT_BYTES];
    struct out b = {.at = block, .cap = sizeof block};
    uint32_t stream = next_number(at);
    bool is_text;
    long n = next_word(at, path, &is_text);
    put_field(&b, ":method", 7, method, strlen(method));
    put_field(&b, ":scheme", 7, "http", 4);
    put_field(&b, ":path", 5, path, n < 0 ? 0 : (size_t)n);
    put_field(&b, ":authority", 10, "a", 1);
    put_fields(&b, at);
    o->failed = o->failed || b.failed;
    put_frame(o, NGHTTP2_HEADERS, flags, stream, block, b.n);
}

static void put_data(struct out *o, const char **at)
{
    static char text[TEXT_BYTES];
    uint32_t stream = next_number(at);
    unsigned flags = next_flags(at);
    bool is_text;
    unsigned long times = 1;
    long n = next_word(at, text, &is_text);
    if (n >= 0 && !is_text) {
        times = strtoul(text, NULL, 10);
        n = next_word(at, text, &is_text);
    }
    size_t size = n < 0 ? 0 : (size_t)n;
    char *all = malloc(size * times + 1);
    for (unsigned long i = 0; i < times && all; i++)
        memcpy(all + i * size, text, size);
    put_frame(o, NGHTTP2_DATA, flags, stream, all, size * times);
    free(all);
}

static void put_settings(struct out *o, const char **at)
{
    char payload[600];
    char word[TEXT_BYTES];
    bool is_text;
    struct out p = {.at = payload, .cap = sizeof payload};
    while (next_word(at, word, &is_text) >= 0) {
        char *rest;
        unsigned long id = strtoul(word, &rest, 0);
        char bytes[2] = {(char)(id >> 8), (char)id};
        put(&p, bytes, 2);
        put_u32(&p, (uint32_t)strtoul(rest + 1, NULL, 0));
    }
    put_frame(o, NGHTTP2_SETTINGS, 0, 0, payload, p.n);
}

/* Frames whose payload is a number or two. */
static bool put_small(struct out *o, const char *word, const char **at)
{
    char payload[8];
    struct out p = {.at = payload, .cap = sizeof payload};
    uint32_t stream = next_number(at);
    if (strcmp(word, "rst") == 0) {
        put_u32(&p, next_code(at));
        put_frame(o, NGHTTP2_RST_STREAM, 0, stream, payload, p.n);
    } else if (strcmp(word, "window") == 0) {
        put_u32(&p, next_number(at));
        put_frame(o, NGHTTP2_WINDOW_UPDATE, 0, stream, payload, p.n);
    } else if (strcmp(word, "goaway") == 0) {
        put_u32(&p, stream);
        put_u32(&p, next_code(at));
        put_frame(o, NGHTTP2_GOAWAY, 0, 0, payload, p.n);
    } else {
        return false;
    }
    return true;
}

/* Frames with any payload. */
static bool put_other(struct out *o, const char *word, const char **at)
{
    static char text[TEXT_BYTES];
    struct out b = {.at = text, .cap = sizeof text};
    bool is_text;
    if (strcmp(word, "headers") == 0) {
        uint32_t stream = next_number(at);
        unsigned flags = next_flags(at);
        put_fields(&b, at);
        o->failed = o->failed || b.failed;
        put_frame(o, NGHTTP2_HEADERS, flags, stream, text, b.n);
    } else if (strcmp(word, "block") == 0) {
        put_fields(o, at);
    } else if (strcmp(word, "frame") == 0) {
        unsigned type = next_number(at);
        unsigned flags = next_flags(at);
        uint32_t stream = next_number(at);
        long n = next_word(at, text, &is_text);
        put_frame(o, type, flags, stream, text, n < 0 ? 0 : (size_t)n);
    } else if (strcmp(word, "ping") == 0) {
        unsigned flags = next_flags(at);
        long n = next_word(at, text, &is_text);
        put_frame(o, NGHTTP2_PING, flags, 0, text, n < 0 ? 0 : (size_t)n);
    } else if (strcmp(word, "raw") == 0) {
        long n = next_word(at, text, &is_text);
        put(o, text, n < 0 ? 0 : (size_t)n);
    } else {
        return false;
    }
    return true;
}

long h2_text_write(const char *line, char *out, size_t cap)
{
    struct out o = {.at = out, .cap = cap};
    char word[TEXT_BYTES];
    bool is_text;
    bool is_known = true;
    if (next_word(&line, word, &is_text) < 0)
        return -1;
    if (strcmp(word, "preface") == 0) {
        put(&o, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
        put_frame(&o, NGHTTP2_SETTINGS, 0, 0, "", 0);
    } else if (strcmp(word, "get") == 0) {
        put_request(&o, "GET", NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, &line);
    } else if (strcmp(word, "post") == 0) {
        put_request(&o, "POST", NGHTTP2_FLAG_END_HEADERS, &line);
    } else if (strcmp(word, "data") == 0) {
        put_data(&o, &line);
    } else if (strcmp(word, "settings") == 0) {
        put_settings(&o, &line);
    } else {
        is_known = put_other(&o, word, &line) || put_small(&o, word, &line);
    }
    return is_known && !o.failed ? (long)o.n : -1;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A line that is being written. */
struct line {
    char *at;
    size_t n;
    size_t cap;
};

static void say(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct line *l, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(l->at + l->n, l->cap - l->n, format, args);
    va_end(args);
    if (n > 0)
        l->n = l->n + (size_t)n < l->cap ? l->n + (size_t)n : l->cap - 1;
}

static void say_text(struct line *l, const uint8_t *bytes, size_t n)
{
    say(l, " \"");
    for (size_t i = 0; i < n; i++)
        if (isprint(bytes[i]) && bytes[i] != '"' && bytes[i] != '\\')
            say(l, "%c", bytes[i]);
        else
            say(l, "\\x%02x", bytes[i]);
    say(l, "\"");
}

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void say_code(struct line *l, uint32_t code)
{
    if (code < sizeof codes / sizeof codes[0])
        say(l, " %s", codes[code]);
    else
        say(l, " %u", code);
}

static bool say_fields(struct h2_text_reader *r, struct line *l, const uint8_t *block, size_t n)
{
    if (!r->inflater && nghttp2_hd_inflate_new(&r->inflater) != 0)
        return false;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(r->inflater, &nv, &flags, block, n, 1);
        if (used < 0)
            return false;
        block += used;
        n -= (size_t)used;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
            bool is_date = nv.namelen == 4 && memcmp(nv.name, "date", 4) == 0;
            say(l, " \"%.*s: %.*s\"", (int)nv.namelen, (const char *)nv.name,
                is_date ? 1 : (int)nv.valuelen, is_date ? "#" : (const char *)nv.value);
        }
        if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0)
            break;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && n == 0)
            return false;
    }
    return nghttp2_hd_inflate_end_headers(r->inflater) == 0;
}

static bool say_payload(struct h2_text_reader *r, struct line *l, unsigned type, unsigned flags,
                        const uint8_t *p, size_t n)
{
    switch (type) {
    case NGHTTP2_DATA:
        if ((flags & NGHTTP2_FLAG_END_STREAM) != 0)
            say(l, " END_STREAM");
        if (n <= H2_TEXT_DATA_BYTES_SHOWN)
            say_text(l, p, n);
        else
            say(l, " %zu", n);
        return true;
    case NGHTTP2_HEADERS:
        if ((flags & NGHTTP2_FLAG_END_STREAM) != 0)
            say(l, " END_STREAM");
        return say_fields(r, l, p, n);
    case NGHTTP2_RST_STREAM:
        say_code(l, u32_at(p));
        return n == 4;
    case NGHTTP2_SETTINGS:
        if ((flags & NGHTTP2_FLAG_ACK) != 0)
            say(l, " ACK");
        for (size_t i = 0; i + 6 <= n; i += 6)
            say(l, " %u=%u", (unsigned)p[i] << 8 | p[i + 1], u32_at(p + i + 2));
        return true;
    case NGHTTP2_PING:
        if ((flags & NGHTTP2_FLAG_ACK) != 0)
            say(l, " ACK");
        say_text(l, p, n);
        return n == 8;
    case NGHTTP2_GOAWAY:
        say(l, " last=%u", u32_at(p));
        say_code(l, u32_at(p + 4));
        return n >= 8;
    case NGHTTP2_WINDOW_UPDATE:
        say(l, " %u", u32_at(p));
        return n == 4;
    default:
        return false;
    }
}

long h2_text_read(struct h2_text_reader *reader, const char *bytes, size_t n, char *line,
                  size_t cap)
{
    const uint8_t *h = (const uint8_t *)bytes;
    if (n < HEAD_BYTES)
        return 0;
    size_t length = (size_t)h[0] << 16 | (size_t)h[1] << 8 | h[2];
    if (h[3] >= sizeof types / sizeof types[0] || length > 1 << 24)
        return -1;
    if (n < HEAD_BYTES + length)
        return 0;
    struct line l = {.at = line, .cap = cap};
    say(&l, "%s %u", types[h[3]], u32_at(h + 5));
    if (!say_payload(reader, &l, h[3], h[4], h + HEAD_BYTES, length))
        return -1;
    return (long)(HEAD_BYTES + length);
}

void h2_text_reader_deinit(struct h2_text_reader *reader)
{
    if (reader->inflater)
        nghttp2_hd_inflate_del(reader->inflater);
    reader->inflater = NULL;
}

/* Returns the length of the word at the beginning, quotes included. */
static size_t word_length(const char *at)
{
    if (*at != '"')
        return strcspn(at, " ");
    const char *end = strchr(at + 1, '"');
    return end ? (size_t)(end + 1 - at) : strlen(at);
}

bool h2_text_is_like(const char *line, const char *like)
{
    for (int i = 0; *like != '\0'; i++) {
        size_t n = word_length(like);
        if (i < 2) {
            size_t n_line = word_length(line);
            bool is_any = n == 1 && *like == '*';
            if (!is_any && (n != n_line || strncmp(line, like, n) != 0))
                return false;
            line += n_line + (line[n_line] == ' ');
        } else {
            const char *found = memmem(line, strlen(line), like, n);
            if (!found || (found[n] != ' ' && found[n] != '\0'))
                return false;
        }
        like += n;
        while (*like == ' ')
            like++;
    }
    return true;
}
