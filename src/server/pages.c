/* SPDX-License-Identifier: MIT */
#include "server/pages.h"

#include "base/clock.h"
#include "base/macros.h"
#include "codec/json.h"
#include "server/catalog.h"
#include "server/keeper.h"
#include "server/status.h"

#include <stdio.h>
#include <time.h>

enum { TIME_BYTES = 32 };

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
                    weir_server_catalog_is_ready(shard, &reason) ? "true" : "false",
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
                            enum weir_server_own own)
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
    if (own == WEIR_SERVER_OWN_ROLLBACK) {
        status = weir_repo_rollback(repo, name, &err);
        done = "rollback";
    } else if (own == WEIR_SERVER_OWN_UNLOAD) {
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

static void answer_text(struct weir_server_shard *shard, struct weir_http_req *req,
                        const char *text)
{
    struct weir_http_reply reply = {.status = 200, .body = weir_str_c(text)};
    (void)weir_http_reply(shard->loop.http, weir_http_req_ticket(req), &reply);
}

static void answer_own(struct weir_server_shard *shard, struct weir_http_req *req,
                       enum weir_server_own own)
{
    switch (own) {
    case WEIR_SERVER_OWN_ALIVE:
        answer_text(shard, req, "{\"status\":\"alive\"}");
        break;
    case WEIR_SERVER_OWN_HEALTH:
        answer_text(shard, req, "{\"status\":\"ok\"}");
        break;
    case WEIR_SERVER_OWN_METRICS:
        metrics_page(shard, req);
        break;
    case WEIR_SERVER_OWN_MODELS:
        states_page(shard, req);
        break;
    case WEIR_SERVER_OWN_ROLLBACK:
    case WEIR_SERVER_OWN_UNLOAD:
    case WEIR_SERVER_OWN_LOAD:
        repository_call(shard, req, own);
        break;
    }
}

/* Answers with a document of a dialect. */
static void answer_page(struct weir_server_shard *shard, struct weir_http_req *req,
                        const struct weir_server_route *route)
{
    const struct weir_http_match *match = weir_http_req_match(req);
    struct weir_protocol_question question = {
        .route = route->route, .query = weir_http_req_query(req), .body = weir_http_req_body(req)};
    if (match->n_captures > 0)
        question.target.model = match->captures[0];
    if (match->n_captures > 1)
        question.target.version = match->captures[1];
    struct weir_buf body = {.mem = shard->shared->mem};
    struct weir_protocol_page page = {.status = 200, .body = &body};
    struct weir_server_catalog catalog;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_server_catalog_init(&catalog, shard);
    enum weir_status status = route->ops->page(&question, &catalog.catalog, &page, &err);
    if (status != WEIR_OK && route->ops->error) {
        weir_buf_clear(&body);
        page.status = weir_server_status_http(status);
        page.content_type = route->ops->error(&body, page.status, weir_str_c(err.msg));
        status = WEIR_OK;
    }
    if (status == WEIR_OK)
        answer(shard, req, page.status, &body, page.content_type);
    else
        answer_error(shard, req, status, err.msg);
    weir_buf_deinit(&body);
}

void weir_server_pages_answer(struct weir_server_shard *shard, struct weir_http_req *req,
                              const struct weir_server_route *route)
{
    if (route->route->act == WEIR_PROTOCOL_HOST)
        answer_own(shard, req, (enum weir_server_own)route->route->action);
    else
        answer_page(shard, req, route);
}
