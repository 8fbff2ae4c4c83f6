/* SPDX-License-Identifier: MIT */
#include "server/pages.h"

#include "base/clock.h"
#include "base/macros.h"
#include "codec/json.h"
#include "server/keeper.h"
#include "server/status.h"

#include <stdio.h>
#include <time.h>

enum { VERSIONS_SHOWN_MAX = 256, TIME_BYTES = 32 };

static void answer(struct weir_server_shard *shard, struct weir_http_req *req, int code,
                   struct weir_buf *body, const char *type)
{
    if (!weir_buf_ok(body)) {
        (void)weir_http_reply_error(shard->loop.http, weir_http_req_ticket(req), 503, 1,
                                    WEIR_STR("no memory for the answer"));
        return;
    }
    struct weir_http_reply reply = {.status = code, .content_type = type, .owned = body};
    (void)weir_http_reply(shard->loop.http, weir_http_req_ticket(req), &reply);
}

static void answer_error(struct weir_server_shard *shard, struct weir_http_req *req,
                         enum weir_status status, const char *text)
{
    int code = weir_server_status_http(status);
    (void)weir_http_reply_error(shard->loop.http, weir_http_req_ticket(req), code,
                                code == 503 ? 1 : 0, weir_str_c(text));
}

/* Writes a wall-clock time as RFC 3339 in UTC. */
static struct weir_str time_text(uint64_t wall_ns, char *room)
{
    time_t s = (time_t)(wall_ns / WEIR_NS_PER_S);
    struct tm tm;
    (void)gmtime_r(&s, &tm); /* Cannot fail for the present. */
    return weir_str_make(room, strftime(room, TIME_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm));
}

static bool is_ready(const struct weir_server_shard *shard, struct weir_str *reason)
{
    if (shard->loop.is_ready_off) {
        *reason = WEIR_STR("the server is stopping");
        return false;
    }
    if (!shard->loop.table) {
        *reason = WEIR_STR("the server is starting");
        return false;
    }
    *reason = shard->loop.table->unready_reason;
    return shard->loop.table->is_ready;
}

static void ready_page(struct weir_server_shard *shard, struct weir_http_req *req)
{
    struct weir_buf body = {.mem = shard->shared->mem};
    struct weir_str reason;
    if (is_ready(shard, &reason)) {
        weir_protocol_ready(&body);
        answer(shard, req, 200, &body, NULL);
    } else {
        (void)weir_http_reply_error(shard->loop.http, weir_http_req_ticket(req), 503, 1, reason);
    }
    weir_buf_deinit(&body);
}

static void models_page(struct weir_server_shard *shard, struct weir_http_req *req)
{
    const struct weir_table *table = shard->loop.table;
    struct weir_mem *mem = shard->shared->mem;
    struct weir_buf body = {.mem = mem};
    size_t n_models = table ? table->n_models : 0;
    struct weir_str *names = weir_mem_array(mem, n_models, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; names && i < n_models; i++) {
        if (table->models[i].version)
            names[n++] = table->models[i].name;
    }
    weir_protocol_v2_models(&body, names, n);
    if (!names)
        body.failed = true;
    answer(shard, req, 200, &body, NULL);
    weir_mem_free(mem, names);
    weir_buf_deinit(&body);
}

/* What failed most recently of a model, for its metadata. */
static void add_failure(const struct weir_repo_entry *entry, struct weir_protocol_model *out,
                        char *room)
{
    for (size_t i = 0; i < entry->n_status; i++) {
        const struct weir_repo_status *status = &entry->status[i];
        if (status->state != WEIR_REPO_FAILED && status->state != WEIR_REPO_HELD)
            continue;
        out->failed_file = status->file;
        out->failed_reason = status->reason;
        out->failed_since = time_text(status->since_wall_ns, room);
        return;
    }
}

static const char *state_of(const struct weir_repo_entry *entry, const struct weir_version *version)
{
    for (size_t i = 0; i < entry->n_status; i++) {
        if (!version || entry->status[i].number == version->number)
            return weir_repo_state_name(entry->status[i].state);
    }
    return version ? "ready" : "gone";
}

static void model_page(struct weir_server_shard *shard, struct weir_http_req *req,
                       const struct weir_repo_entry *entry, const struct weir_version *version,
                       bool is_one_version)
{
    struct weir_buf body = {.mem = shard->shared->mem};
    struct weir_str numbers[VERSIONS_SHOWN_MAX];
    char room[TIME_BYTES];
    size_t n = 0;
    for (size_t i = 0; !is_one_version && i < entry->n_versions && n < VERSIONS_SHOWN_MAX; i++)
        numbers[n++] = entry->versions[i]->number_text;
    if (is_one_version && version)
        numbers[n++] = version->number_text;
    struct weir_protocol_model model = {.name = entry->name,
                                        .versions = numbers,
                                        .n_versions = n,
                                        .state = weir_str_c(state_of(entry, version))};
    if (version) {
        model.version = version->number_text;
        model.digest = weir_str_c(version->digest_hex);
        model.file = version->file;
        model.spec = version->spec;
    }
    add_failure(entry, &model, room);
    weir_protocol_v2_model(&body, &model);
    answer(shard, req, 200, &body, NULL);
    weir_buf_deinit(&body);
}

static void v2_model_routes(struct weir_server_shard *shard, struct weir_http_req *req,
                            enum weir_server_route route)
{
    const struct weir_http_match *match = weir_http_req_match(req);
    struct weir_str name = match->captures[0];
    struct weir_str number = match->n_captures > 1 ? match->captures[1] : (struct weir_str){0};
    struct weir_server_shard_version *sv = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_status status = weir_server_shard_find(shard, name, number, &sv, &err);
    const struct weir_table *table = shard->loop.table;
    bool is_metadata = route == WEIR_SERVER_ROUTE_V2_MODEL;
    if (status == WEIR_OK && is_metadata) {
        model_page(shard, req, weir_repo_table_find(table, sv->version->name), sv->version,
                   number.n > 0);
    } else if (status == WEIR_OK) {
        struct weir_buf body = {.mem = shard->shared->mem};
        weir_protocol_model_ready(&body, sv->version->name);
        answer(shard, req, 200, &body, NULL);
        weir_buf_deinit(&body);
    } else if (status == WEIR_ERR_BUSY && is_metadata && table) {
        /* A model that is known but not served is described, with the reason. */
        model_page(shard, req, weir_repo_table_find(table, name), NULL, false);
    } else {
        answer_error(shard, req, status, err.msg);
    }
}

static void append_member(struct weir_buf *body, const char *key, struct weir_str value)
{
    weir_buf_append_c(body, ",\"");
    weir_buf_append_c(body, key);
    weir_buf_append_c(body, "\":");
    weir_codec_json_append_text(body, value);
}

static void append_status(struct weir_buf *body, const struct weir_repo_status *status)
{
    char room[TIME_BYTES];
    weir_buf_append_c(body, "{\"state\":\"");
    weir_buf_append_c(body, weir_repo_state_name(status->state));
    weir_buf_append_c(body, "\"");
    if (status->number > 0) {
        weir_buf_append_c(body, ",\"version\":\"");
        weir_buf_append_u64(body, status->number);
        weir_buf_append_c(body, "\"");
    }
    append_member(body, "file", status->file);
    if (status->digest.n > 0)
        append_member(body, "digest", status->digest);
    if (status->reason.n > 0)
        append_member(body, "reason", status->reason);
    append_member(body, "since", time_text(status->since_wall_ns, room));
    weir_buf_printf(body, ",\"attempts\":%u}", status->attempts);
}

/* The admin listener's overview of all models and of every attempt to load one. */
static void states_page(struct weir_server_shard *shard, struct weir_http_req *req)
{
    const struct weir_table *table = shard->loop.table;
    struct weir_buf body = {.mem = shard->shared->mem};
    struct weir_str reason;
    weir_buf_printf(&body, "{\"ready\":%s,\"table\":%llu,\"models\":[",
                    is_ready(shard, &reason) ? "true" : "false",
                    (unsigned long long)(table ? table->serial : 0));
    for (size_t i = 0; table && i < table->n_models; i++) {
        const struct weir_repo_entry *entry = &table->models[i];
        weir_buf_append_c(&body, i > 0 ? ",{\"name\":" : "{\"name\":");
        weir_codec_json_append_text(&body, entry->name);
        if (entry->version) {
            append_member(&body, "version", entry->version->number_text);
            append_member(&body, "digest", weir_str_c(entry->version->digest_hex));
        }
        weir_buf_append_c(&body, ",\"versions\":[");
        for (size_t j = 0; j < entry->n_status; j++) {
            if (j > 0)
                weir_buf_append_byte(&body, ',');
            append_status(&body, &entry->status[j]);
        }
        weir_buf_append_c(&body, "]}");
    }
    weir_buf_append_c(&body, "]}");
    answer(shard, req, 200, &body, NULL);
    weir_buf_deinit(&body);
}

static void repository_call(struct weir_server_shard *shard, struct weir_http_req *req,
                            enum weir_server_route route)
{
    struct weir_repo *repo = weir_server_keeper_repo(shard->shared->keeper);
    struct weir_str name = weir_http_req_match(req)->captures[0];
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_status status;
    const char *done;
    /* Browsers send Origin with every POST, and let any page send this one: the user's browser
     * must not be a way around the loopback address. */
    if (weir_http_req_header(req, WEIR_HTTP_FIELD_ORIGIN).n > 0) {
        (void)weir_http_reply_error(shard->loop.http, weir_http_req_ticket(req), 403, 0,
                                    WEIR_STR("calls from web pages are refused"));
        return;
    }
    if (route == WEIR_SERVER_ROUTE_ROLLBACK) {
        status = weir_repo_rollback(repo, name, &err);
        done = "rollback";
    } else if (route == WEIR_SERVER_ROUTE_UNLOAD) {
        status = weir_repo_unload(repo, name, &err);
        done = "unload";
    } else {
        status = weir_repo_load(repo, name, &err);
        done = "load";
    }
    if (status != WEIR_OK) {
        answer_error(shard, req, status, err.msg);
        return;
    }
    struct weir_buf body = {.mem = shard->shared->mem};
    weir_buf_append_c(&body, "{\"name\":");
    weir_codec_json_append_text(&body, name);
    weir_buf_printf(&body, ",\"%s\":true}", done);
    answer(shard, req, 200, &body, NULL);
    weir_buf_deinit(&body);
}

static void metrics_page(struct weir_server_shard *shard, struct weir_http_req *req)
{
    struct weir_buf body = {.mem = shard->shared->mem};
    weir_server_keeper_expose(shard->shared->keeper, &body);
    answer(shard, req, 200, &body, WEIR_METRIC_TEXT_TYPE);
    weir_buf_deinit(&body);
}

/* Answers with what a document writer of the protocols appends. */
static void document(struct weir_server_shard *shard, struct weir_http_req *req,
                     void (*append)(struct weir_buf *))
{
    struct weir_buf body = {.mem = shard->shared->mem};
    append(&body);
    answer(shard, req, 200, &body, NULL);
    weir_buf_deinit(&body);
}

static void append_health(struct weir_buf *body)
{
    weir_buf_append_c(body, "{\"status\":\"ok\"}");
}

void weir_server_pages_answer(struct weir_server_shard *shard, struct weir_http_req *req,
                              enum weir_server_route route)
{
    switch (route) {
    case WEIR_SERVER_ROUTE_ALIVE:
        document(shard, req, weir_protocol_alive);
        break;
    case WEIR_SERVER_ROUTE_HEALTH:
        document(shard, req, append_health);
        break;
    case WEIR_SERVER_ROUTE_V2_SERVER:
        document(shard, req, weir_protocol_v2_server);
        break;
    case WEIR_SERVER_ROUTE_V2_LIVE:
        document(shard, req, weir_protocol_live);
        break;
    case WEIR_SERVER_ROUTE_V2_READY:
        ready_page(shard, req);
        break;
    case WEIR_SERVER_ROUTE_V2_MODELS:
        models_page(shard, req);
        break;
    case WEIR_SERVER_ROUTE_V2_MODEL:
    case WEIR_SERVER_ROUTE_V2_MODEL_READY:
        v2_model_routes(shard, req, route);
        break;
    case WEIR_SERVER_ROUTE_METRICS:
        metrics_page(shard, req);
        break;
    case WEIR_SERVER_ROUTE_MODELS:
        states_page(shard, req);
        break;
    case WEIR_SERVER_ROUTE_ROLLBACK:
    case WEIR_SERVER_ROUTE_UNLOAD:
    case WEIR_SERVER_ROUTE_LOAD:
        repository_call(shard, req, route);
        break;
    case WEIR_SERVER_ROUTE_V2_INFER:
    case WEIR_SERVER_ROUTE_PREDICT:
    case WEIR_SERVER_ROUTE_PREDICT_PROBA:
    case WEIR_SERVER_ROUTE_DECISION_FUNCTION:
    case WEIR_SERVER_ROUTE_TRANSFORM:
    case WEIR_SERVER_ROUTE_SCORE_SAMPLES:
        weir_assert(!weir_server_routes_predicts(route));
        break;
    }
}
