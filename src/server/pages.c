/* SPDX-License-Identifier: MIT */
#include "server/pages.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "codec/coding.h"
#include "codec/json.h"
#include "server/answer.h"
#include "server/catalog.h"
#include "server/gate.h"
#include "server/grpc.h"
#include "server/keeper.h"
#include "server/live.h"
#include "server/openapi.h"
#include "server/order.h"
#include "server/origin.h"
#include "server/page.h"
#include "server/selection.h"
#include "server/shadow.h"
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
    weir_buf_printf(&body, "{\"ready\":%s,\"table\":%llu,\"events\":%llu,\"models\":[",
                    weir_server_catalog_is_ready(shard, &reason) ? "true" : "false",
                    (unsigned long long)(table ? table->serial : 0),
                    (unsigned long long)weir_server_keeper_events(shard->shared->keeper)->n);
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

/* Browsers send Origin with every POST, and let any page send this one: the user's browser must not
 * be a way around the loopback address. Our own page may, on the listener that it came from. */
static bool is_of_web_page(struct weir_server_shard *shard, struct weir_http_req *req,
                           const struct weir_server_route *route)
{
    struct weir_str origin = weir_http_req_header(req, WEIR_HTTP_FIELD_ORIGIN);
    if (origin.n == 0 ||
        (shard->is_keeper &&
         weir_server_origin_is_own(origin, weir_http_req_header(req, WEIR_HTTP_FIELD_HOST))))
        return false;
    const char *text = "calls from web pages are refused";
    if (route->ops)
        weir_server_answer_error(shard, weir_http_req_ticket(req), route->ops, 403, WEIR_STR(""),
                                 weir_str_c(text));
    else
        (void)weir_http_reply_error(shard->loop.http, weir_http_req_ticket(req), 403, 0,
                                    weir_str_c(text));
    return true;
}

/* Answers an order of ours. */
static void on_repository_done(const struct weir_server_order *order)
{
    static const char *const done[] = {"load", "unload", "rollback", "promote"};
    struct weir_http_server *http = order->shard->loop.http;
    if (order->code != 200) {
        (void)weir_http_reply_error(http, order->ticket, order->code, order->code == 503 ? 1 : 0,
                                    weir_str_c(order->err.msg));
        return;
    }
    struct weir_buf body = {.mem = order->shard->shared->mem};
    struct weir_http_reply reply = {.status = 200, .owned = &body};
    weir_buf_append_c(&body, "{\"name\":");
    weir_codec_json_append_text(&body, order->model);
    weir_buf_printf(&body, ",\"%s\":true}", done[order->kind]);
    if (weir_buf_ok(&body))
        (void)weir_http_reply(http, order->ticket, &reply); /* Nobody may be waiting. */
    else
        (void)weir_http_reply_error(http, order->ticket, 503, 1, WEIR_STR("no memory"));
    weir_buf_deinit(&body);
}

static void repository_call(struct weir_server_shard *shard, struct weir_http_req *req,
                            const struct weir_server_route *route, enum weir_server_order_kind kind)
{
    struct weir_error err = WEIR_ERROR_INIT;
    if (is_of_web_page(shard, req, route))
        return;
    enum weir_status status =
        weir_server_order_give(shard, kind, weir_http_req_match(req)->captures[0],
                               weir_http_req_ticket(req), route, on_repository_done, &err);
    if (status != WEIR_OK)
        answer_error(shard, req, status, err.msg);
}

/* Who asks: the address, and the request's id where there is one. */
static void append_asker(const struct weir_http_req *req, struct weir_buf *out)
{
    char text[WEIR_ADDR_TEXT_BYTES];
    const struct weir_addr *peer = weir_http_req_peer(req);
    struct weir_str id = weir_http_req_header(req, WEIR_HTTP_FIELD_X_REQUEST_ID);
    weir_buf_append_c(out, weir_addr_text(peer, "a local socket", text));
    if (id.n > 0)
        weir_buf_printf(out, " (request %.*s)", (int)weir_min_size(id.n, 128), id.at);
}

static void promote_call(struct weir_server_shard *shard, struct weir_http_req *req,
                         const struct weir_server_route *route)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf reason = {.mem = shard->shared->mem};
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf by = {.mem = shard->shared->mem};
    struct weir_error err = WEIR_ERROR_INIT;
    if (is_of_web_page(shard, req, route))
        return;
    append_asker(req, &by);
    enum weir_status status = weir_server_gate_reason(weir_http_req_body(req), &reason, &err);
    if (status == WEIR_OK)
        status = weir_server_order_promote(
            shard, weir_http_req_match(req)->captures[0], weir_buf_str(&reason), weir_buf_str(&by),
            weir_http_req_ticket(req), route, on_repository_done, &err);
    if (status != WEIR_OK)
        answer_error(shard, req, status, err.msg);
}

static void metrics_page(struct weir_server_shard *shard, struct weir_http_req *req)
{
    struct weir_buf body = {.mem = shard->shared->mem};
    struct weir_buf room = {.mem = shard->shared->mem};
    struct weir_metric_selection selection;
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_status status =
        weir_server_selection_read(&selection, weir_http_req_query(req), &room, &err);
    if (status == WEIR_OK) {
        weir_server_keeper_expose(shard->shared->keeper, &selection, &body);
        answer(shard, req, 200, &body, WEIR_METRIC_TEXT_TYPE);
    } else {
        answer_error(shard, req, status, err.msg);
    }
    weir_buf_deinit(&body);
    weir_buf_deinit(&room);
}

/* The query may say `model=NAME` and `after=NUMBER`. */
static void events_page(struct weir_server_shard *shard, struct weir_http_req *req)
{
    struct weir_buf body = {.mem = shard->shared->mem};
    struct weir_str query = weir_http_req_query(req);
    struct weir_str model = WEIR_STR("");
    char name[WEIR_HTTP_CAPTURE_BYTES_MAX];
    uint64_t after = 0;
    while (query.n > 0) {
        struct weir_str value = weir_str_split(&query, '&');
        struct weir_str key = weir_str_split(&value, '=');
        if (weir_str_eq_c(key, "model")) {
            model = weir_str_make(name, weir_http_percent_decode(value, name, sizeof name));
        } else if (!weir_str_eq_c(key, "after") || !weir_str_to_u64(value, UINT64_MAX, &after)) {
            answer_error(shard, req, WEIR_ERR_INVALID,
                         "only model=NAME and after=NUMBER are known");
            return;
        }
    }
    weir_server_events_write(weir_server_keeper_events(shard->shared->keeper), model, after, &body);
    answer(shard, req, 200, &body, NULL);
    weir_buf_deinit(&body);
}

static void openapi_page(struct weir_server_shard *shard, struct weir_http_req *req)
{
    struct weir_buf body = {.mem = shard->shared->mem};
    struct weir_server_catalog catalog;
    weir_server_catalog_init(&catalog, shard);
    weir_server_openapi_write(&body, shard->routes, &catalog.catalog);
    answer(shard, req, 200, &body, NULL);
    weir_buf_deinit(&body);
}

static void answer_text(struct weir_server_shard *shard, struct weir_http_req *req,
                        const char *text)
{
    struct weir_http_reply reply = {.status = 200, .body = weir_str_c(text)};
    (void)weir_http_reply(shard->loop.http, weir_http_req_ticket(req), &reply);
}

static void answer_own(struct weir_server_shard *shard, struct weir_http_req *req,
                       const struct weir_server_route *route)
{
    switch ((enum weir_server_own)route->route->action) {
    case WEIR_SERVER_OWN_PAGE:
        weir_server_page_answer(shard, req);
        break;
    case WEIR_SERVER_OWN_EVENTS:
        events_page(shard, req);
        break;
    case WEIR_SERVER_OWN_HEALTH:
        answer_text(shard, req, "{\"status\":\"ok\"}");
        break;
    case WEIR_SERVER_OWN_OPENAPI:
        openapi_page(shard, req);
        break;
    case WEIR_SERVER_OWN_METRICS:
        metrics_page(shard, req);
        break;
    case WEIR_SERVER_OWN_MODELS:
        states_page(shard, req);
        break;
    case WEIR_SERVER_OWN_ROLLBACK:
        repository_call(shard, req, route, WEIR_SERVER_ORDER_ROLLBACK);
        break;
    case WEIR_SERVER_OWN_UNLOAD:
        repository_call(shard, req, route, WEIR_SERVER_ORDER_UNLOAD);
        break;
    case WEIR_SERVER_OWN_GATE:
        weir_server_gate_page(shard, req);
        break;
    case WEIR_SERVER_OWN_REPORT:
        weir_server_gate_report(shard, req);
        break;
    case WEIR_SERVER_OWN_PROMOTE:
        promote_call(shard, req, route);
        break;
    case WEIR_SERVER_OWN_LOAD:
        repository_call(shard, req, route, WEIR_SERVER_ORDER_LOAD);
        break;
    case WEIR_SERVER_OWN_LABELS:
        if (!is_of_web_page(shard, req, route))
            weir_server_live_labels(shard, req);
        break;
    case WEIR_SERVER_OWN_QUALITY:
        weir_server_live_quality(shard, req);
        break;
    case WEIR_SERVER_OWN_SHADOW:
        weir_server_shadow_page(shard, req);
        break;
    }
}

/* Answers with what the dialect writes to a question. */
static void answer_question(struct weir_server_shard *shard, struct weir_http_ticket ticket,
                            const struct weir_protocol_ops *ops,
                            const struct weir_protocol_question *question)
{
    struct weir_buf body = {.mem = shard->shared->mem};
    struct weir_protocol_page page = {.status = 200, .body = &body};
    struct weir_server_catalog catalog;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_server_catalog_init(&catalog, shard);
    enum weir_status status = ops->page(question, &catalog.catalog, &page, &err);
    struct weir_http_reply reply = {
        .status = page.status, .content_type = page.content_type, .owned = &body};
    if (status != WEIR_OK)
        weir_server_answer_error(shard, ticket, ops, weir_server_status_http(status), WEIR_STR(""),
                                 weir_str_c(err.msg));
    else if (!weir_buf_ok(&body))
        weir_server_answer_error(shard, ticket, ops, 503, WEIR_STR(""),
                                 WEIR_STR("no memory for the answer"));
    else if (weir_server_grpc_is(ops))
        weir_server_grpc_reply(shard, ticket, &reply);
    else
        (void)weir_http_reply(shard->loop.http, ticket, &reply); /* Nobody may be waiting. */
    weir_buf_deinit(&body);
}

/* Answers an order of a dialect. */
static void on_order_done(const struct weir_server_order *order)
{
    const struct weir_protocol_ops *ops = order->route->ops;
    struct weir_protocol_question question = {.route = order->route->route,
                                              .target = {.model = order->model}};
    if (order->code != 200)
        weir_server_answer_error(order->shard, order->ticket, ops, order->code, WEIR_STR(""),
                                 weir_str_c(order->err.msg));
    else
        answer_question(order->shard, order->ticket, ops, &question);
}

static void take_order(struct weir_server_shard *shard, struct weir_http_req *req,
                       const struct weir_server_route *route,
                       const struct weir_protocol_question *question)
{
    struct weir_protocol_order wanted = {.model = question->target.model, .log_level = -1};
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_http_ticket ticket = weir_http_req_ticket(req);
    enum weir_status status = WEIR_OK;
    if (is_of_web_page(shard, req, route))
        return;
    if (route->ops->order)
        status = route->ops->order(question, &wanted, &err);
    if (status == WEIR_OK && route->route->act == WEIR_PROTOCOL_LOG) {
        /* To read them is for all; to change them is as to change what is served. */
        if (wanted.log_level >= 0 && !shard->is_keeper &&
            shard->loop.config->repository_api != WEIR_SERVER_REPOSITORY_MAIN) {
            weir_server_answer_error(shard, ticket, route->ops, 403, WEIR_STR(""),
                                     WEIR_STR("logging is changed on the admin listener"));
            return;
        }
        if (wanted.log_level >= 0)
            weir_log_set_level((enum weir_log_level)wanted.log_level);
        answer_question(shard, ticket, route->ops, question);
        return;
    }
    enum weir_server_order_kind kind =
        route->route->act == WEIR_PROTOCOL_LOAD ? WEIR_SERVER_ORDER_LOAD : WEIR_SERVER_ORDER_UNLOAD;
    if (status == WEIR_OK)
        status =
            weir_server_order_give(shard, kind, wanted.model, ticket, route, on_order_done, &err);
    if (status != WEIR_OK)
        weir_server_answer_error(shard, ticket, route->ops, weir_server_status_http(status),
                                 WEIR_STR(""), weir_str_c(err.msg));
}

enum weir_http_verdict weir_server_pages_head(struct weir_server_shard *shard,
                                              struct weir_http_req *req,
                                              const struct weir_server_route *route)
{
    struct weir_str coding = weir_http_req_header(req, WEIR_HTTP_FIELD_CONTENT_ENCODING);
    uint8_t n_codings = 0;
    bool is_read = route->ops && route->route->flags & WEIR_PROTOCOL_POST;
    if (!is_read || coding.n == 0 || (weir_codec_coding_read(coding, &n_codings) && n_codings == 0))
        return WEIR_HTTP_ACCEPT;
    weir_server_answer_error(
        shard, weir_http_req_ticket(req), route->ops, 415,
        WEIR_STR("Accept-Encoding: identity\r\n"),
        WEIR_STR("Content-Encoding: only the bodies of predictions may be compressed"));
    return WEIR_HTTP_REPLIED;
}

/* Makes the question that a request is. */
static struct weir_protocol_question question_of(struct weir_http_req *req,
                                                 const struct weir_server_route *route)
{
    const struct weir_http_match *match = weir_http_req_match(req);
    struct weir_protocol_question question = {
        .route = route->route, .query = weir_http_req_query(req), .body = weir_http_req_body(req)};
    if (match->n_captures > 0)
        question.target.model = match->captures[0];
    if (match->n_captures > 1)
        question.target.version = match->captures[1];
    return question;
}

void weir_server_pages_answer(struct weir_server_shard *shard, struct weir_http_req *req,
                              const struct weir_server_route *route)
{
    struct weir_protocol_question question = question_of(req, route);
    weir_server_pages_ask(shard, req, route, &question);
}

void weir_server_pages_ask(struct weir_server_shard *shard, struct weir_http_req *req,
                           const struct weir_server_route *route,
                           const struct weir_protocol_question *question)
{
    switch ((enum weir_protocol_act)route->route->act) {
    case WEIR_PROTOCOL_HOST:
        answer_own(shard, req, route);
        return;
    case WEIR_PROTOCOL_PAGE:
        answer_question(shard, weir_http_req_ticket(req), route->ops, question);
        return;
    case WEIR_PROTOCOL_LOAD:
    case WEIR_PROTOCOL_UNLOAD:
    case WEIR_PROTOCOL_LOG:
        take_order(shard, req, route, question);
        return;
    case WEIR_PROTOCOL_WATCH:
    case WEIR_PROTOCOL_PREDICT:
        break;
    }
    weir_assert(!"a prediction is no page");
}
