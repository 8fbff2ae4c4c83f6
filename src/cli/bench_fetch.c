/* SPDX-License-Identifier: MIT */
#include "cli/bench_fetch.h"

#include "base/clock.h"
#include "base/macros.h"
#include "codec/json.h"
#include "codec/number.h"

#include <stdio.h>
#include <string.h>

static const uint64_t TIMEOUT_NS = 5 * WEIR_NS_PER_S;
static const uint64_t POLL_NS = 20 * WEIR_NS_PER_MS;

struct fetch {
    struct weir_http_client client;
    struct weir_str request;
    struct weir_cli_bench_fetched *out;
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

enum weir_status weir_cli_bench_fetch(struct weir_loop *loop, const struct weir_addr_target *addr,
                                      struct weir_str request, uint64_t timeout_ns,
                                      struct weir_cli_bench_fetched *out, struct weir_error *err)
{
    struct fetch f = {.request = request, .out = out};
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

enum weir_status weir_cli_bench_fetch_path(struct weir_loop *loop,
                                           const struct weir_cli_bench_url *url, const char *path,
                                           uint64_t timeout_ns, struct weir_cli_bench_fetched *out,
                                           struct weir_error *err)
{
    struct weir_cli_bench_requests request = {.n = 0};
    enum weir_status status =
        weir_cli_bench_requests_one(&request, url, weir_str_c(path), NULL, err);
    if (status == WEIR_OK)
        status = weir_cli_bench_fetch(loop, &url->addr, request.at[0], timeout_ns, out, err);
    weir_cli_bench_requests_deinit(&request);
    return status;
}

/* Fetches a document that must be there and be JSON. */
static enum weir_status fetch_json(struct weir_loop *loop, const struct weir_cli_bench_url *url,
                                   const char *path, struct weir_cli_bench_fetched *fetched,
                                   struct weir_codec_json *json, struct weir_error *err)
{
    enum weir_status status = weir_cli_bench_fetch_path(loop, url, path, TIMEOUT_NS, fetched, err);
    if (status != WEIR_OK)
        return status;
    if (fetched->status != 200) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(err, WEIR_ERR_INVALID, "GET %s: status %d: %s", path, fetched->status,
                              weir_str_echo(weir_buf_str(&fetched->body), echo, sizeof echo));
    }
    status = weir_codec_json_scan(json, weir_buf_str(&fetched->body), err);
    return status == WEIR_OK ? WEIR_OK : weir_error_prefix(err, "GET %s", path);
}

/* Returns a member of an object, borrowed; NULL: value is NULL or no object, or has none. */
static const char *member(const struct weir_codec_json *json, const char *value, const char *name)
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

/* Returns element i of an array, borrowed; NULL: value is NULL or no array, or shorter. */
static const char *element(const struct weir_codec_json *json, const char *value, size_t i)
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

enum weir_status weir_cli_bench_fetch_model(struct weir_loop *loop,
                                            const struct weir_cli_bench_url *url,
                                            struct weir_buf *name, struct weir_error *err)
{
    struct weir_cli_bench_fetched fetched = {0};
    struct weir_codec_json json;
    weir_codec_json_init(&json, NULL, NULL);
    enum weir_status status = fetch_json(loop, url, "/v2/models", &fetched, &json, err);
    if (status == WEIR_OK) {
        const char *models = member(&json, json.root, "models");
        const char *first = element(&json, models, 0);
        if (!first || weir_codec_json_kind(first) != WEIR_CODEC_JSON_STRING)
            status = weir_error_set(err, WEIR_ERR_INVALID, "the server has no model");
        else if (element(&json, models, 1))
            status = weir_error_set(err, WEIR_ERR_INVALID,
                                    "the server has several models; choose one "
                                    "with --model: %.*s",
                                    WEIR_STR_ARG(weir_buf_str(&fetched.body)));
        else
            weir_codec_json_unescape(weir_codec_json_string(first), name);
    }
    weir_codec_json_deinit(&json);
    weir_buf_deinit(&fetched.body);
    return status;
}

enum weir_status weir_cli_bench_fetch_signature(struct weir_loop *loop,
                                                const struct weir_cli_bench_url *url,
                                                struct weir_str model, size_t *n_features,
                                                struct weir_error *err)
{
    struct weir_cli_bench_fetched fetched = {0};
    struct weir_codec_json json;
    char path[WEIR_NAME_BYTES_MAX + 32];
    if (!weir_str_is_name(model)) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(err, WEIR_ERR_INVALID, "\"%s\" is not the name of a model",
                              weir_str_echo(model, echo, sizeof echo));
    }
    (void)snprintf(path, sizeof path, "/v2/models/%.*s", WEIR_STR_ARG(model));
    weir_codec_json_init(&json, NULL, NULL);
    enum weir_status status = fetch_json(loop, url, path, &fetched, &json, err);
    if (status == WEIR_OK) {
        int64_t n = 0;
        const char *inputs = member(&json, json.root, "inputs");
        const char *input = element(&json, inputs, 0);
        const char *shape = member(&json, input, "shape");
        const char *width = element(&json, shape, 1);
        const char *datatype = member(&json, input, "datatype");
        bool is_number = width && weir_codec_json_kind(width) == WEIR_CODEC_JSON_NUMBER;
        bool is_text = datatype && weir_codec_json_kind(datatype) == WEIR_CODEC_JSON_STRING &&
                       weir_str_eq_c(weir_codec_json_string(datatype), "BYTES");
        /* Rows are made up for one matrix of numbers only. */
        if (!is_number || is_text || element(&json, inputs, 1) || element(&json, shape, 2) ||
            weir_codec_number_read_i64(weir_codec_json_token(width, json.end), &n) !=
                WEIR_CODEC_NUMBER_INT_OK ||
            n < 1)
            status = weir_error_set(
                err, WEIR_ERR_UNSUPPORTED,
                "GET %s: not one input of numbers, of shape [-1, features]; use --body", path);
        else
            *n_features = (size_t)n;
    }
    weir_codec_json_deinit(&json);
    weir_buf_deinit(&fetched.body);
    return status;
}
