/* SPDX-License-Identifier: MIT */
/* The calls: labels in, quality out. */
#include "base/clock.h"
#include "base/macros.h"
#include "codec/json.h"
#include "server/live_priv.h"
#include "server/shadow.h"
#include "server/status.h"

#include <string.h>

static void answer_error(struct weir_server_shard *shard, struct weir_http_ticket ticket,
                         enum weir_status status, const char *text)
{
    int code = weir_server_status_http(status);
    (void)weir_http_reply_error(shard->loop.http, ticket, code, code == 503 ? 1 : 0,
                                weir_str_c(text)); /* Nobody may be waiting. */
}

static void answer_body(struct weir_server_shard *shard, struct weir_http_ticket ticket,
                        struct weir_buf *body)
{
    struct weir_http_reply reply = {.status = 200, .owned = body};
    if (weir_buf_ok(body))
        (void)weir_http_reply(shard->loop.http, ticket, &reply); /* As above. */
    else
        answer_error(shard, ticket, WEIR_ERR_NO_MEMORY, "no memory for the answer");
}

/* Finds whether a model is there and quality is on for it; else answers. */
static bool is_on(struct weir_server_shard *shard, struct weir_http_ticket ticket,
                  struct weir_str name)
{
    const struct weir_table *table = shard->loop.table;
    char echo[WEIR_ECHO_BUF_BYTES];
    char text[WEIR_ECHO_BUF_BYTES + 64];
    bool is_there = table && weir_repo_table_find(table, name);
    bool is_wanted =
        weir_config_find_model(shard->loop.config, name)->quality != WEIR_CONFIG_QUALITY_OFF;
    if (weir_server_live_find(shard, name) && is_wanted)
        return true;
    (void)snprintf(text, sizeof text, "model \"%s\"%s", weir_str_echo(name, echo, sizeof echo),
                   !is_there    ? " not found"
                   : !is_wanted ? ": quality is off in the configuration"
                                : ": no version of it has had quality on");
    answer_error(shard, ticket, WEIR_ERR_NOT_FOUND, text);
    return false;
}

void weir_server_live_labels(struct weir_server_shard *shard, struct weir_http_req *req)
{
    struct weir_http_ticket ticket = weir_http_req_ticket(req);
    struct weir_str name = weir_http_req_match(req)->captures[0];
    struct weir_live_labels labels;
    struct weir_error err = WEIR_ERROR_INIT;
    if (!is_on(shard, ticket, name))
        return;
    enum weir_status status = weir_live_labels_read(
        &labels, &shard->shared->live_secret, weir_http_req_body(req), shard->shared->mem, &err);
    if (status == WEIR_OK)
        status = weir_server_live_give(shard, WEIR_SERVER_LIVE_LABELS, ticket, name, 0, 0, &labels);
    if (status != WEIR_OK)
        answer_error(shard, ticket, status, err.msg[0] ? err.msg : weir_status_text(status));
}

/* --- quality --------------------------------------------------------------------------------- */

/* Reads a span of time as options are written: "24h", "90m", "3600" (seconds). */
static bool read_span(struct weir_str text, uint64_t *out)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    uint64_t factor = 1;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(units) && text.n > 0; i++) {
        if (text.at[text.n - 1] == units[i].unit) {
            factor = units[i].seconds;
            text.n--;
            break;
        }
    }
    if (!weir_str_to_u64(text, UINT32_MAX, out) || *out == 0)
        return false;
    *out *= factor;
    return true;
}

/* What is asked for. */
struct query {
    uint64_t version;
    uint64_t window_s;
};

/* Reads ?version=N|all&window=24h&by=prediction_time. */
static enum weir_status read_query(struct weir_server_shard *shard, struct weir_str name,
                                   struct weir_str text, struct query *out, struct weir_error *err)
{
    const struct weir_repo_entry *entry =
        shard->loop.table ? weir_repo_table_find(shard->loop.table, name) : NULL;
    out->version = entry && entry->version ? entry->version->number : 0;
    uint64_t held_s =
        weir_config_find_model(shard->loop.config, name)->quality_window_ns / WEIR_NS_PER_S;
    out->window_s = held_s;
    while (text.n > 0) {
        struct weir_str value = weir_str_split(&text, '&');
        struct weir_str key = weir_str_split(&value, '=');
        if (weir_str_eq_c(key, "version") && weir_str_eq_c(value, "all")) {
            out->version = 0;
        } else if (weir_str_eq_c(key, "version")) {
            const struct weir_version *v =
                entry && value.n > 0 ? weir_repo_table_version(entry, value) : NULL;
            if (v)
                out->version = v->number;
            else if (!weir_str_to_u64(value, UINT64_MAX, &out->version) || out->version == 0)
                return weir_error_set(err, WEIR_ERR_INVALID,
                                      "version: expected a number, a label or all");
        } else if (weir_str_eq_c(key, "window")) {
            if (!read_span(value, &out->window_s))
                return weir_error_set(err, WEIR_ERR_INVALID,
                                      "window: expected a time, as 24h, 90m or 3600s");
        } else if (!weir_str_eq_c(key, "by") || !weir_str_eq_c(value, "prediction_time")) {
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "only version, window and by=prediction_time are known");
        }
    }
    if (out->window_s > held_s)
        out->window_s = held_s; /* More is not there to be told. */
    return WEIR_OK;
}

void weir_server_live_quality(struct weir_server_shard *shard, struct weir_http_req *req)
{
    struct weir_http_ticket ticket = weir_http_req_ticket(req);
    struct weir_str name = weir_http_req_match(req)->captures[0];
    struct weir_error err = WEIR_ERROR_INIT;
    struct query query;
    if (!is_on(shard, ticket, name))
        return;
    enum weir_status status = read_query(shard, name, weir_http_req_query(req), &query, &err);
    if (status == WEIR_OK)
        status = weir_server_live_give(shard, WEIR_SERVER_LIVE_QUALITY, ticket, name, query.version,
                                       query.window_s, NULL);
    if (status != WEIR_OK)
        answer_error(shard, ticket, status, err.msg[0] ? err.msg : weir_status_text(status));
}

/* --- answers --------------------------------------------------------------------------------- */

/* What all shards together say of a label: the prediction was on one of them at most, unless its id
 * came again on another. */
static enum weir_live_join join_of(const struct weir_server_live_task *task, size_t i)
{
    enum weir_live_join best = WEIR_LIVE_JOIN_UNKNOWN;
    for (uint32_t s = 0; s < task->giver->shared->n_shards; s++) {
        const struct weir_server_live_part *part = &task->parts[s];
        enum weir_live_join join = (enum weir_live_join)part->joins[i];
        if (!part->is_known || join == WEIR_LIVE_JOIN_UNKNOWN)
            continue;
        /* A class that is none was met by a prediction: that counts before what was not. */
        if (best == WEIR_LIVE_JOIN_UNKNOWN || join == WEIR_LIVE_JOIN_UNKNOWN_CLASS || join < best)
            best = join;
    }
    return best;
}

static void append_errors(struct weir_buf *body, const struct weir_live_labels *labels)
{
    weir_buf_append_c(body, ",\"errors\":[");
    for (size_t i = 0; i < labels->n_errors; i++)
        weir_buf_printf(body, "%s{\"row\":%u,\"code\":\"%s\"}", i > 0 ? "," : "",
                        labels->errors[i].row, labels->errors[i].code);
    weir_buf_append_c(body, "]}");
}

static void answer_labels(struct weir_server_live_task *task)
{
    struct weir_server_shard *shard = task->giver;
    struct weir_live_labels *labels = &task->labels;
    uint64_t n[WEIR_LIVE_JOIN_N] = {0};
    for (size_t i = 0; i < labels->n; i++) {
        enum weir_live_join join = join_of(task, i);
        if (join == WEIR_LIVE_JOIN_UNKNOWN_CLASS)
            weir_live_labels_refuse(labels, labels->rows[i], "unknown_class");
        else
            n[join]++;
    }
    n[WEIR_LIVE_JOIN_UNKNOWN_CLASS] = labels->n_invalid;
    struct weir_buf body = {.mem = shard->shared->mem};
    for (int j = 0; j < WEIR_LIVE_JOIN_N; j++) {
        struct weir_str values[] = {weir_str_make(task->name, task->n_name),
                                    weir_str_c(weir_live_model_join_name((enum weir_live_join)j))};
        weir_buf_printf(&body, "%s\"%s\":%llu", j > 0 ? "," : "{",
                        weir_live_model_join_name((enum weir_live_join)j),
                        (unsigned long long)n[j]);
        if (n[j] > 0)
            weir_metric_counter_add(
                weir_metric_registry_counter(shard->shared->metrics, shard->index,
                                             WEIR_SERVER_METRIC_LABEL_JOIN, values),
                n[j]);
    }
    append_errors(&body, labels);
    answer_body(shard, task->ticket, &body);
    weir_buf_deinit(&body);
}

static void answer_quality(struct weir_server_live_task *task)
{
    struct weir_server_shard *shard = task->giver;
    struct weir_str name = weir_str_make(task->name, task->n_name);
    struct weir_live_sum *sum = &task->parts[0].sum;
    enum weir_status status = weir_server_live_merge(task);
    if (status != WEIR_OK) {
        answer_error(shard, task->ticket, status,
                     status == WEIR_ERR_NOT_FOUND ? "no such version, or quality was off for it"
                     : status == WEIR_ERR_UNSUPPORTED
                         ? "the versions differ in what they predict: ask for one of them"
                         : weir_status_text(status));
        return;
    }
    const struct weir_version *version = weir_server_live_version_of(shard, sum->shape.reference);
    if (!version)
        sum->shape.reference = NULL;
    const struct weir_server_live_model *m = weir_server_live_find(shard, name);
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)task->version);
    struct weir_live_source source = {
        .model = name,
        .version = weir_str_make(digits, task->version > 0 ? (size_t)n : 0),
        .digest = weir_str_c(m ? weir_live_model_digest(m->model, task->version) : ""),
        .classes = m ? weir_live_model_classes(m->model, task->version) : NULL,
        .feature_names = version ? version->spec->feature_names : NULL,
        .window_s = task->window_s,
        .now_s = task->now_s,
        .psi_limit =
            (double)weir_config_find_model(shard->loop.config, name)->drift_psi_percent / 100,
        .store = task->parts[0].store,
    };
    struct weir_buf body = {.mem = shard->shared->mem};
    if (weir_live_document_append(&body, sum, &source, shard->shared->mem) == WEIR_OK)
        answer_body(shard, task->ticket, &body);
    else
        answer_error(shard, task->ticket, WEIR_ERR_NO_MEMORY, "no memory for the answer");
    weir_buf_deinit(&body);
}

void weir_server_live_answer(struct weir_server_live_task *task)
{
    if (task->kind == WEIR_SERVER_LIVE_LABELS)
        answer_labels(task);
    else if (task->kind == WEIR_SERVER_LIVE_SHADOW)
        weir_server_shadow_answer(task);
    else
        answer_quality(task);
}
