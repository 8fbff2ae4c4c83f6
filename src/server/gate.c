/* SPDX-License-Identifier: MIT */
#include "server/gate.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/str.h"
#include "codec/json.h"
#include "server/keeper_priv.h"

#include <stdio.h>
#include <time.h>

enum { TIME_BYTES = 40, REASON_BYTES_MAX = 256 };

/* --- pages --- */

static void put_text(struct weir_buf *out, const char *key, struct weir_str text)
{
    weir_buf_printf(out, ",\"%s\":", key);
    weir_codec_json_append_text(out, text);
}

static void put_line(struct weir_buf *out, const struct weir_repo_gate_line *line)
{
    char at[TIME_BYTES];
    time_t s = (time_t)(line->wall_ns / WEIR_NS_PER_S);
    struct tm tm;
    (void)gmtime_r(&s, &tm); /* Cannot fail for the present. */
    size_t n = strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &tm);
    if (line->number > 0)
        weir_buf_printf(out, "{\"version\":\"%llu\"", (unsigned long long)line->number);
    else
        weir_buf_append_c(out, "{\"version\":null");
    put_text(out, "digest", line->digest);
    put_text(out, "verdict", weir_str_c(weir_repo_verdict_name(line->verdict)));
    put_text(out, "code", line->code);
    put_text(out, "reason", line->reason);
    weir_buf_printf(out, ",\"at\":\"%.*s.%03uZ\",\"seconds\":%.6f,\"forced\":", (int)n, at,
                    (unsigned)(line->wall_ns % WEIR_NS_PER_S / WEIR_NS_PER_MS),
                    (double)line->ns / 1e9);
    if (line->forced.n == 0) {
        weir_buf_append_c(out, "null}");
        return;
    }
    weir_buf_append_c(out, "{\"reason\":");
    weir_codec_json_append_text(out, line->forced);
    put_text(out, "by", line->by);
    weir_buf_append_c(out, "}}");
}

/* Finds the gate of the model that a request names; answers if there is none. */
static bool find_gate(struct weir_server_shard *shard, struct weir_http_req *req,
                      struct weir_repo_gate *gate)
{
    struct weir_str model = weir_http_req_match(req)->captures[0];
    if (weir_repo_gate(shard->shared->keeper->repo, model, gate))
        return true;
    char echo[WEIR_ECHO_BUF_BYTES];
    char text[WEIR_ECHO_BUF_BYTES + 32];
    (void)snprintf(text, sizeof text, "model \"%s\" not found",
                   weir_str_echo(model, echo, sizeof echo));
    (void)weir_http_reply_error(shard->loop.http, weir_http_req_ticket(req), 404, 0,
                                weir_str_c(text));
    return false;
}

static void answer(struct weir_server_shard *shard, struct weir_http_req *req,
                   struct weir_buf *body, const char *type)
{
    struct weir_http_reply reply = {.status = 200, .content_type = type, .owned = body};
    if (weir_buf_ok(body))
        (void)weir_http_reply(shard->loop.http, weir_http_req_ticket(req), &reply);
    else
        (void)weir_http_reply_error(shard->loop.http, weir_http_req_ticket(req), 503, 1,
                                    WEIR_STR("no memory for the answer"));
    weir_buf_deinit(body);
}

void weir_server_gate_page(struct weir_server_shard *shard, struct weir_http_req *req)
{
    struct weir_buf body = {.mem = shard->shared->mem};
    struct weir_repo_gate gate;
    if (!find_gate(shard, req, &gate))
        return;
    weir_buf_append_c(&body, "{\"model\":");
    weir_codec_json_append_text(&body, weir_http_req_match(req)->captures[0]);
    put_text(&body, "state", weir_str_c(weir_repo_gate_state_name(gate.state)));
    if (gate.state == WEIR_REPO_GATE_NONE) {
        weir_buf_append_c(&body, ",\"gate\":null");
    } else {
        weir_buf_append_c(&body, ",\"gate\":{\"file\":");
        weir_codec_json_append_text(&body, gate.file);
        put_text(&body, "digest", gate.digest);
        weir_buf_printf(&body, ",\"uses\":%llu}", (unsigned long long)gate.n_uses);
    }
    weir_buf_append_c(&body, ",\"latest\":");
    if (gate.document.n > 0)
        weir_buf_append_str(&body, gate.document);
    else
        weir_buf_append_c(&body, "null");
    weir_buf_append_c(&body, ",\"history\":[");
    for (size_t i = 0; i < gate.n_lines; i++) {
        if (i > 0)
            weir_buf_append_byte(&body, ',');
        put_line(&body, &gate.lines[i]);
    }
    weir_buf_append_c(&body, "]}");
    answer(shard, req, &body, NULL);
}

void weir_server_gate_report(struct weir_server_shard *shard, struct weir_http_req *req)
{
    struct weir_buf body = {.mem = shard->shared->mem};
    struct weir_repo_gate gate;
    if (!find_gate(shard, req, &gate))
        return;
    if (gate.report.n == 0) {
        (void)weir_http_reply_error(shard->loop.http, weir_http_req_ticket(req), 404, 0,
                                    gate.document.n > 0
                                        ? WEIR_STR("the latest verdict came without numbers")
                                        : WEIR_STR("nothing was judged yet"));
        return;
    }
    weir_buf_append_str(&body, gate.report);
    answer(shard, req, &body, "text/html; charset=utf-8");
}

/* --- promotion --- */

enum weir_status weir_server_gate_reason(struct weir_str body, struct weir_buf *out,
                                         struct weir_error *err)
{
    static const char wanted[] = "expected {\"reason\": \"why it is to be served all the same\"}";
    struct weir_codec_json_limits limits = WEIR_CODEC_JSON_LIMITS_INIT;
    struct weir_codec_json json;
    struct weir_str name;
    const char *value;
    limits.depth_max = 2;
    weir_codec_json_init(&json, &limits, NULL);
    enum weir_status status = weir_codec_json_scan(&json, body, err);
    if (status == WEIR_OK && weir_codec_json_kind(json.root) != WEIR_CODEC_JSON_OBJECT)
        status = weir_error_set(err, WEIR_ERR_INVALID, wanted);
    if (status == WEIR_OK) {
        struct weir_codec_json_iter it = weir_codec_json_iter(&json, json.root);
        while (weir_codec_json_next_member(&it, &name, &value)) {
            if (weir_codec_json_string_eq(name, WEIR_STR("reason")) &&
                weir_codec_json_kind(value) == WEIR_CODEC_JSON_STRING)
                weir_codec_json_unescape(weir_codec_json_string(value), out);
        }
    }
    weir_codec_json_deinit(&json);
    if (status != WEIR_OK)
        return status;
    if (out->failed)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the request");
    struct weir_str reason = weir_buf_str(out);
    while (reason.n > 0 && (reason.at[0] == ' ' || reason.at[0] == '\n'))
        reason = weir_str_make(reason.at + 1, reason.n - 1);
    if (reason.n == 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "there is no reason: %s", wanted);
    if (out->n > REASON_BYTES_MAX)
        return weir_error_set(err, WEIR_ERR_INVALID, "the reason has %zu bytes, %d are allowed",
                              out->n, REASON_BYTES_MAX);
    return WEIR_OK;
}

/* --- metrics --- */

void weir_server_gate_on_verdict(void *ctx, struct weir_str model, enum weir_repo_verdict verdict,
                                 bool is_forced, uint64_t ns)
{
    struct weir_server_keeper *keeper = ctx;
    struct weir_metric_registry *r = keeper->shared.metrics;
    uint32_t shard = keeper->shard->index;
    struct weir_str labels[] = {model, is_forced ? WEIR_STR("forced")
                                                 : weir_str_c(weir_repo_verdict_name(verdict))};
    weir_metric_counter_add(
        weir_metric_registry_counter(r, shard, WEIR_SERVER_METRIC_GATE_VERDICTS, labels), 1);
    if (ns > 0)
        weir_metric_histogram_add(
            weir_metric_registry_histogram(r, shard, WEIR_SERVER_METRIC_GATE, labels), ns);
}

static const struct weir_metric_family family_judging = {"weir_gate_judging",
                                                         WEIR_METRIC_GAUGE,
                                                         WEIR_METRIC_UNIT_NONE,
                                                         "Whether a gate is being run.",
                                                         {NULL}};
static const struct weir_metric_family family_held = {
    "weir_gate_held",
    WEIR_METRIC_GAUGE,
    WEIR_METRIC_UNIT_NONE,
    "Whether a model's gate holds a version back.",
    {"model"}};
static const struct weir_metric_family family_uses = {
    "weir_gate_holdout_uses",
    WEIR_METRIC_GAUGE,
    WEIR_METRIC_UNIT_NONE,
    "Different versions that were judged on the holdout of a model's latest verdict.",
    {"model"}};
static const struct weir_metric_family family_metric = {
    "weir_gate_metric",
    WEIR_METRIC_GAUGE,
    WEIR_METRIC_UNIT_NONE,
    "What the latest verdict measured on the holdout, of the candidate and of what served then.",
    {"model", "version", "metric"}};

static void expose_numbers(const struct weir_repo *repo, struct weir_str model,
                           struct weir_buf *out)
{
    struct weir_repo_gate_number number;
    for (size_t i = 0; weir_repo_gate_number(repo, model, i, &number); i++) {
        char digits[24];
        int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number.version);
        struct weir_str labels[] = {model, weir_str_make(digits, n > 0 ? (size_t)n : 0),
                                    number.name};
        weir_metric_text_f64(out, &family_metric, labels, number.value);
    }
}

void weir_server_gate_expose(const struct weir_server_keeper *keeper, struct weir_buf *out)
{
    const struct weir_repo *repo = keeper->repo;
    const struct weir_table *table = weir_repo_table(repo);
    weir_metric_text_family(out, &family_judging);
    weir_metric_text_u64(out, &family_judging, NULL, weir_repo_gate_is_judging(repo));
    weir_metric_text_family(out, &family_held);
    for (size_t i = 0; i < table->n_models; i++) {
        enum weir_repo_gate_state state = weir_repo_gate_state(repo, table->models[i].name);
        if (state != WEIR_REPO_GATE_NONE)
            weir_metric_text_u64(out, &family_held, &table->models[i].name,
                                 state == WEIR_REPO_GATE_HELD);
    }
    weir_metric_text_family(out, &family_uses);
    for (size_t i = 0; i < table->n_models; i++) {
        uint64_t n = weir_repo_gate_uses(repo, table->models[i].name);
        if (n > 0)
            weir_metric_text_u64(out, &family_uses, &table->models[i].name, n);
    }
    weir_metric_text_family(out, &family_metric);
    for (size_t i = 0; i < table->n_models; i++)
        expose_numbers(repo, table->models[i].name, out);
}
