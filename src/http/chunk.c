/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "http/chunk_priv.h"
#include "http/head_priv.h"

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_text(unsigned char c)
{
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

static enum weir_http_refusal take_size(struct weir_http_chunks *c, unsigned char byte)
{
    int digit = hex_value(byte);
    if (digit >= 0) {
        if (++c->n_digits > WEIR_HTTP_CHUNK_DIGITS_MAX)
            return WEIR_HTTP_REFUSAL_CHUNK;
        c->left = c->left << 4 | (uint64_t)digit;
        return WEIR_HTTP_REFUSAL_NONE;
    }
    if (c->n_digits == 0 || (byte != ';' && byte != '\r'))
        return WEIR_HTTP_REFUSAL_CHUNK;
    c->state = WEIR_HTTP_CHUNK_SIZE_LF;
    if (byte == ';') {
        c->state = WEIR_HTTP_CHUNK_EXTENSION;
        c->extension++;
        c->extensions++;
    }
    return WEIR_HTTP_REFUSAL_NONE;
}

/* Moves on after a whole extension; false: byte cannot follow one. */
static bool end_extension(struct weir_http_chunks *c, unsigned char byte)
{
    if (byte != ';' && byte != '\r')
        return false;
    c->state = byte == ';' ? WEIR_HTTP_CHUNK_EXTENSION : WEIR_HTTP_CHUNK_SIZE_LF;
    return true;
}

static bool step_extension(struct weir_http_chunks *c, unsigned char byte)
{
    bool is_token = weir_http_head_is_token(byte);
    if (c->state == WEIR_HTTP_CHUNK_EXTENSION) {
        c->state = WEIR_HTTP_CHUNK_EXTENSION_NAME;
        return is_token;
    }
    if (c->state == WEIR_HTTP_CHUNK_EXTENSION_NAME) {
        if (byte == '=')
            c->state = WEIR_HTTP_CHUNK_EXTENSION_VALUE;
        return is_token || byte == '=' || end_extension(c, byte);
    }
    if (c->state == WEIR_HTTP_CHUNK_EXTENSION_VALUE) {
        c->state = byte == '"' ? WEIR_HTTP_CHUNK_EXTENSION_QUOTED : WEIR_HTTP_CHUNK_EXTENSION_TOKEN;
        return is_token || byte == '"';
    }
    if (c->state == WEIR_HTTP_CHUNK_EXTENSION_TOKEN)
        return is_token || end_extension(c, byte);
    if (c->state == WEIR_HTTP_CHUNK_EXTENSION_QUOTED) {
        if (byte == '"')
            c->state = WEIR_HTTP_CHUNK_EXTENSION_UNQUOTED;
        else if (byte == '\\')
            c->state = WEIR_HTTP_CHUNK_EXTENSION_ESCAPED;
        return is_text(byte);
    }
    if (c->state == WEIR_HTTP_CHUNK_EXTENSION_ESCAPED) {
        c->state = WEIR_HTTP_CHUNK_EXTENSION_QUOTED;
        return is_text(byte);
    }
    return end_extension(c, byte);
}

static enum weir_http_refusal
take_extension(struct weir_http_chunks *c, const struct weir_http_options *opts, unsigned char byte)
{
    c->extension++;
    c->extensions++;
    if (byte != '\r' && (c->extension > opts->chunk_extension_bytes_max ||
                         c->extensions > opts->chunk_extensions_bytes_max))
        return WEIR_HTTP_REFUSAL_CHUNK_EXTENSION;
    return step_extension(c, byte) ? WEIR_HTTP_REFUSAL_NONE : WEIR_HTTP_REFUSAL_CHUNK;
}

static enum weir_http_refusal take_size_lf(struct weir_http_chunks *c,
                                           const struct weir_http_options *opts, unsigned char byte)
{
    if (byte != '\n')
        return WEIR_HTTP_REFUSAL_CHUNK;
    if (c->extension > 0)
        c->extensions--; /* The CR was counted with them. */
    c->extension = 0;
    c->n_digits = 0;
    c->state = c->left > 0 ? WEIR_HTTP_CHUNK_DATA : WEIR_HTTP_CHUNK_TRAILER;
    if (c->left > opts->body_bytes_max || c->body > opts->body_bytes_max - c->left)
        return WEIR_HTTP_REFUSAL_BODY_LONG;
    return WEIR_HTTP_REFUSAL_NONE;
}

static enum weir_http_refusal take_trailer(struct weir_http_chunks *c,
                                           const struct weir_http_options *opts, unsigned char byte)
{
    if (c->state == WEIR_HTTP_CHUNK_TRAILER && byte == '\r') {
        c->state = WEIR_HTTP_CHUNK_LAST_LF;
        return WEIR_HTTP_REFUSAL_NONE;
    }
    if (c->state == WEIR_HTTP_CHUNK_TRAILER && ++c->n_trailers > opts->trailers_max)
        return WEIR_HTTP_REFUSAL_TRAILERS_MANY;
    if (++c->trailer_bytes > opts->trailer_bytes_max)
        return WEIR_HTTP_REFUSAL_TRAILERS_LONG;
    bool is_fine;
    if (c->state == WEIR_HTTP_CHUNK_TRAILER_VALUE) {
        is_fine = is_text(byte) || byte == '\r';
        if (byte == '\r')
            c->state = WEIR_HTTP_CHUNK_TRAILER_LF;
    } else if (c->state == WEIR_HTTP_CHUNK_TRAILER_LF) {
        is_fine = byte == '\n';
        c->state = WEIR_HTTP_CHUNK_TRAILER;
    } else if (c->state == WEIR_HTTP_CHUNK_TRAILER_NAME && byte == ':') {
        is_fine = true;
        c->state = WEIR_HTTP_CHUNK_TRAILER_VALUE;
    } else {
        is_fine = weir_http_head_is_token(byte);
        c->state = WEIR_HTTP_CHUNK_TRAILER_NAME;
    }
    return is_fine ? WEIR_HTTP_REFUSAL_NONE : WEIR_HTTP_REFUSAL_TRAILER;
}

/* Takes one framing byte. */
static enum weir_http_refusal take_byte(struct weir_http_chunks *c,
                                        const struct weir_http_options *opts, unsigned char byte)
{
    if (++c->framing > opts->chunk_framing_bytes_max &&
        c->framing - opts->chunk_framing_bytes_max > c->body)
        return WEIR_HTTP_REFUSAL_CHUNK_FRAMING;
    switch (c->state) {
    case WEIR_HTTP_CHUNK_SIZE:
        return take_size(c, byte);
    case WEIR_HTTP_CHUNK_EXTENSION:
    case WEIR_HTTP_CHUNK_EXTENSION_NAME:
    case WEIR_HTTP_CHUNK_EXTENSION_VALUE:
    case WEIR_HTTP_CHUNK_EXTENSION_TOKEN:
    case WEIR_HTTP_CHUNK_EXTENSION_QUOTED:
    case WEIR_HTTP_CHUNK_EXTENSION_ESCAPED:
    case WEIR_HTTP_CHUNK_EXTENSION_UNQUOTED:
        return take_extension(c, opts, byte);
    case WEIR_HTTP_CHUNK_SIZE_LF:
        return take_size_lf(c, opts, byte);
    case WEIR_HTTP_CHUNK_DATA_CR:
        c->state = WEIR_HTTP_CHUNK_DATA_LF;
        return byte == '\r' ? WEIR_HTTP_REFUSAL_NONE : WEIR_HTTP_REFUSAL_CHUNK;
    case WEIR_HTTP_CHUNK_DATA_LF:
        c->state = WEIR_HTTP_CHUNK_SIZE;
        return byte == '\n' ? WEIR_HTTP_REFUSAL_NONE : WEIR_HTTP_REFUSAL_CHUNK;
    case WEIR_HTTP_CHUNK_TRAILER:
    case WEIR_HTTP_CHUNK_TRAILER_NAME:
    case WEIR_HTTP_CHUNK_TRAILER_VALUE:
    case WEIR_HTTP_CHUNK_TRAILER_LF:
        return take_trailer(c, opts, byte);
    case WEIR_HTTP_CHUNK_LAST_LF:
        c->state = WEIR_HTTP_CHUNK_DONE;
        return byte == '\n' ? WEIR_HTTP_REFUSAL_NONE : WEIR_HTTP_REFUSAL_CHUNK;
    case WEIR_HTTP_CHUNK_DATA:
    case WEIR_HTTP_CHUNK_DONE:
        break;
    }
    weir_assert(c->state != WEIR_HTTP_CHUNK_DATA && c->state != WEIR_HTTP_CHUNK_DONE);
    return WEIR_HTTP_REFUSAL_CHUNK;
}

enum weir_http_chunk_result weir_http_chunk_read(struct weir_http_chunks *c,
                                                 const struct weir_http_options *opts,
                                                 struct weir_str in, size_t *used,
                                                 struct weir_str *data,
                                                 enum weir_http_refusal *refusal)
{
    for (size_t i = 0; i < in.n;) {
        if (c->state == WEIR_HTTP_CHUNK_DATA) {
            size_t n = in.n - i < c->left ? in.n - i : (size_t)c->left;
            *data = weir_str_make(in.at + i, n);
            *used = i + n;
            c->body += n;
            c->left -= n;
            if (c->left == 0)
                c->state = WEIR_HTTP_CHUNK_DATA_CR;
            return WEIR_HTTP_CHUNK_BYTES;
        }
        *refusal = take_byte(c, opts, (unsigned char)in.at[i++]);
        if (*refusal != WEIR_HTTP_REFUSAL_NONE)
            return WEIR_HTTP_CHUNK_REFUSED;
        if (c->state == WEIR_HTTP_CHUNK_DONE) {
            *used = i;
            return WEIR_HTTP_CHUNK_WHOLE;
        }
    }
    *used = in.n;
    return WEIR_HTTP_CHUNK_MORE;
}
