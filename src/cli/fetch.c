/* SPDX-License-Identifier: MIT */
#include "cli/fetch.h"

#include "base/clock.h"
#include "base/macros.h"
#include "loop/timer.h"

#include <stdio.h>
#include <string.h>

static const uint64_t POLL_NS = 20 * WEIR_NS_PER_MS;

struct fetch {
    struct weir_http_client client;
    struct weir_str request;
    struct weir_cli_fetched *out;
    bool is_answered;
    bool is_closed;
    enum weir_http_client_failure why;
    int error;
};

static struct fetch *fetch_of(struct weir_http_client *c)
{
    return WEIR_CONTAINER_OF(c, struct fetch, client);
}

static void on_ready(struct weir_http_client *c)
{
    weir_http_client_send(c, fetch_of(c)->request);
}

static void on_answer(struct weir_http_client *c, const struct weir_http_client_answer *answer)
{
    struct fetch *f = fetch_of(c);
    struct weir_str digest = weir_http_client_header(c, "Weir-Digest");
    f->out->status = answer->status;
    weir_buf_clear(&f->out->body);
    weir_buf_append_str(&f->out->body, answer->body);
    (void)snprintf(f->out->digest, sizeof f->out->digest, "%.*s", WEIR_STR_ARG(digest));
    f->is_answered = true;
    weir_http_client_close(c);
}

static void on_failed(struct weir_http_client *c, enum weir_http_client_failure why, int error)
{
    struct fetch *f = fetch_of(c);
    f->why = why;
    f->error = error;
    f->out->is_unsent = why == WEIR_HTTP_CLIENT_CONNECT;
    weir_http_client_close(c);
}

static void on_closed(struct weir_http_client *c)
{
    fetch_of(c)->is_closed = true;
}

static const struct weir_http_client_events events = {
    .ready = on_ready, .answer = on_answer, .failed = on_failed, .closed = on_closed};

/* Keeps the loop coming round while nothing happens. */
static void on_poll(struct weir_timer *timer, void *arg)
{
    (void)arg;
    weir_timer_start(timer, weir_loop_now_ns(timer->loop) + POLL_NS);
}

static void on_timer_closed(struct weir_timer *timer, void *arg)
{
    (void)timer;
    *(bool *)arg = true;
}

enum weir_status weir_cli_fetch(struct weir_loop *loop, const struct weir_addr_target *addr,
                                struct weir_str request, uint64_t timeout_ns,
                                struct weir_cli_fetched *out, struct weir_error *err)
{
    struct fetch f = {.request = request, .out = out};
    out->is_unsent = false;
    struct weir_timer timer;
    bool is_timer_closed = false;
    char text[WEIR_ADDR_TEXT_BYTES];
    uint64_t until_ns = weir_clock_ns() + timeout_ns;
    weir_addr_text(&addr->addr, addr->path, text);
    enum weir_status status = weir_http_client_open(&f.client, loop, addr, &events, err);
    if (status != WEIR_OK)
        return weir_error_prefix(err, "%s", text);
    /* A coarse timer takes no descriptor. */
    weir_assert(weir_timer_init(&timer, loop, WEIR_TIMER_COARSE, on_poll, &is_timer_closed) ==
                WEIR_OK);
    weir_timer_start(&timer, weir_clock_ns() + POLL_NS);
    while (!f.is_closed && weir_clock_ns() < until_ns)
        (void)weir_loop_run_once(loop, true);
    bool is_late = !f.is_closed;
    weir_http_client_close(&f.client);
    weir_timer_close(&timer, on_timer_closed);
    while (!f.is_closed || !is_timer_closed)
        (void)weir_loop_run_once(loop, true);
    if (f.is_answered)
        return WEIR_OK;
    if (is_late)
        return weir_error_set(err, WEIR_ERR_TIMEOUT, "%s: no answer in %.1f s", text,
                              (double)timeout_ns / (double)WEIR_NS_PER_S);
    return weir_error_set(err, WEIR_ERR_IO, "%s: %s%s%s", text,
                          weir_http_client_failure_text(f.why), f.error ? ": " : "",
                          f.error ? strerror(f.error) : "");
}

const char *weir_cli_fetch_member(const struct weir_codec_json *json, const char *value,
                                  const char *name)
{
    struct weir_str key;
    const char *at;
    if (!value || weir_codec_json_kind(value) != WEIR_CODEC_JSON_OBJECT)
        return NULL;
    struct weir_codec_json_iter it = weir_codec_json_iter(json, value);
    while (weir_codec_json_next_member(&it, &key, &at)) {
        if (weir_codec_json_string_eq(key, weir_str_c(name)))
            return at;
    }
    return NULL;
}

const char *weir_cli_fetch_element(const struct weir_codec_json *json, const char *value, size_t i)
{
    const char *at = NULL;
    if (!value || weir_codec_json_kind(value) != WEIR_CODEC_JSON_ARRAY)
        return NULL;
    struct weir_codec_json_iter it = weir_codec_json_iter(json, value);
    for (size_t n = 0; weir_codec_json_next(&it, &at); n++) {
        if (n == i)
            return at;
    }
    return NULL;
}
