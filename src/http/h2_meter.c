/* SPDX-License-Identifier: MIT */
/* Floods of HTTP/2 are frames that cost the sender next to nothing and us a little each: PING,
 * SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, CONTINUATION, and streams that are reset as soon
 * as they were opened (CVE-2023-44487, CVE-2019-9511 to 9518, CVE-2024-28182). Frames are counted
 * here by their nine bytes of head, before anything else is done with them.
 *
 * Clients that work send such frames too, in proportion to what they get: window updates and pings
 * for answers. So a frame that carries nothing takes a token, a frame of an answer gives some back,
 * and the same for resets and whole answers. */
#include "base/macros.h"
#include "http/h2_priv.h"

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, CONTINUATION = 9 }; /* RFC 9113 §6 */
enum { END_STREAM = 0x1, END_HEADERS = 0x4, PADDED = 0x8 };

enum {
    TOKEN = 1000,
    DATA_BYTES_FEW = 8,              /* DATA with less carries nothing, if more is to follow */
    PADDED_BYTES_FEW = 256 + 8,      /* likewise where most may be padding */
    FRAME_TOKENS = 4 * TOKEN,        /* given back for a frame with bytes, in either direction */
    ANSWER_RESET_TOKENS = TOKEN / 2, /* given back for an answer */
};

static const uint64_t NS_PER_MS = 1000000;

static void refill(struct weir_http_h2_bucket *bucket, uint64_t max, uint64_t per_s,
                   uint64_t now_ns)
{
    /* Whole milliseconds only, so that nothing is lost to rounding. */
    uint64_t ms = (now_ns - bucket->at_ns) / NS_PER_MS;
    if (ms == 0)
        return;
    bucket->at_ns += ms * NS_PER_MS;
    uint64_t room = max * TOKEN - weir_min_size(bucket->tokens, max * TOKEN);
    bucket->tokens += per_s > 0 && ms > room / per_s ? room : ms * per_s;
}

static bool take(struct weir_http_h2_bucket *bucket, uint64_t max, uint64_t per_s, uint64_t now_ns)
{
    refill(bucket, max, per_s, now_ns);
    if (bucket->tokens < TOKEN)
        return false;
    bucket->tokens -= TOKEN;
    return true;
}

static void give(struct weir_http_h2_bucket *bucket, uint64_t max, uint64_t tokens)
{
    bucket->tokens = weir_min_size(bucket->tokens + tokens, max * TOKEN);
}

void weir_http_h2_meter_init(struct weir_http_h2_meter *meter, const struct weir_http_options *opts,
                             uint64_t now_ns)
{
    *meter = (struct weir_http_h2_meter){0};
    meter->glitches =
        (struct weir_http_h2_bucket){.tokens = opts->h2_glitches_max * TOKEN, .at_ns = now_ns};
    meter->resets =
        (struct weir_http_h2_bucket){.tokens = opts->h2_resets_max * TOKEN, .at_ns = now_ns};
}

bool weir_http_h2_meter_reset(struct weir_http_h2_meter *meter,
                              const struct weir_http_options *opts, uint64_t now_ns)
{
    return take(&meter->resets, opts->h2_resets_max, opts->h2_resets_per_s, now_ns);
}

void weir_http_h2_meter_credit(struct weir_http_h2_meter *meter,
                               const struct weir_http_options *opts, bool is_answer)
{
    give(&meter->glitches, opts->h2_glitches_max, FRAME_TOKENS);
    if (is_answer)
        give(&meter->resets, opts->h2_resets_max, ANSWER_RESET_TOKENS);
}

/* Judges the frame whose head is whole. */
static enum weir_http_h2_seen judge(struct weir_http_h2_meter *meter,
                                    const struct weir_http_options *opts, uint64_t now_ns)
{
    uint8_t type = meter->head[3];
    uint8_t flags = meter->head[4];
    if (type == HEADERS) {
        meter->n_continuations = 0;
        meter->is_in_block = (flags & END_HEADERS) == 0;
        return WEIR_HTTP_H2_SEEN_ALL;
    }
    if (type == CONTINUATION) {
        meter->is_in_block = (flags & END_HEADERS) == 0;
        if (++meter->n_continuations > opts->h2_continuations_max)
            return WEIR_HTTP_H2_SEEN_CONTINUATIONS;
    }
    if (type == DATA) {
        uint32_t few = (flags & PADDED) != 0 ? PADDED_BYTES_FEW : DATA_BYTES_FEW;
        if (meter->payload_left >= few)
            give(&meter->glitches, opts->h2_glitches_max, FRAME_TOKENS);
        if ((flags & END_STREAM) != 0 || meter->payload_left >= few)
            return WEIR_HTTP_H2_SEEN_DATA;
    }
    if (type == RST_STREAM && !weir_http_h2_meter_reset(meter, opts, now_ns))
        return WEIR_HTTP_H2_SEEN_RESETS;
    if (!take(&meter->glitches, opts->h2_glitches_max, opts->h2_glitches_per_s, now_ns))
        return WEIR_HTTP_H2_SEEN_GLITCHES;
    return type == DATA ? WEIR_HTTP_H2_SEEN_DATA : WEIR_HTTP_H2_SEEN_ALL;
}

/* Takes bytes of a frame's head; true: it is whole. */
static bool read_head(struct weir_http_h2_meter *meter, const char *bytes, size_t n, size_t *at)
{
    size_t k = weir_min_size(n - *at, (size_t)WEIR_HTTP_H2_FRAME_HEAD_BYTES - meter->n_head);
    memcpy(meter->head + meter->n_head, bytes + *at, k);
    meter->n_head += (uint8_t)k;
    *at += k;
    if (meter->n_head < WEIR_HTTP_H2_FRAME_HEAD_BYTES)
        return false;
    const uint8_t *h = meter->head;
    meter->payload_left = (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 | h[2];
    return true;
}

int32_t weir_http_h2_meter_stream_id(const struct weir_http_h2_meter *meter)
{
    const uint8_t *h = meter->head + 5;
    return (int32_t)((uint32_t)(h[0] & 0x7f) << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 |
                     h[3]);
}

enum weir_http_h2_seen weir_http_h2_meter_read(struct weir_http_h2_meter *meter,
                                               const struct weir_http_options *opts,
                                               const char *bytes, size_t n, size_t *at,
                                               uint64_t now_ns)
{
    enum weir_http_h2_seen seen = WEIR_HTTP_H2_SEEN_ALL;
    while (*at < n && seen == WEIR_HTTP_H2_SEEN_ALL) {
        if (meter->n_head < WEIR_HTTP_H2_FRAME_HEAD_BYTES) {
            if (!read_head(meter, bytes, n, at))
                break;
            seen = judge(meter, opts, now_ns);
        } else {
            size_t k = weir_min_size(n - *at, meter->payload_left);
            meter->payload_left -= (uint32_t)k;
            *at += k;
        }
        if (meter->payload_left > 0)
            continue;
        meter->n_head = 0;
        if (seen == WEIR_HTTP_H2_SEEN_ALL && meter->head[3] == RST_STREAM)
            seen = WEIR_HTTP_H2_SEEN_RESET;
    }
    return seen;
}

bool weir_http_h2_meter_is_inside(const struct weir_http_h2_meter *meter)
{
    if (meter->is_in_block)
        return true;
    return meter->n_head > 0 &&
           (meter->n_head < WEIR_HTTP_H2_FRAME_HEAD_BYTES || meter->head[3] != DATA);
}
