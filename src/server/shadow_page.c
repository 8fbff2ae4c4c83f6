/* SPDX-License-Identifier: MIT */
/* What a shadow has been found to be: a task of all shards, as those of live quality are. */
#include "base/macros.h"
#include "codec/json.h"
#include "server/live_priv.h"
#include "server/shadow.h"
#include "server/status.h"

#include <stdio.h>

static void answer_error(struct weir_server_shard *shard, struct weir_http_ticket ticket,
                         enum weir_status status, const char *text)
{
    int code = weir_server_status_http(status);
    (void)weir_http_reply_error(shard->loop.http, ticket, code, code == 503 ? 1 : 0,
                                weir_str_c(text)); /* Nobody may be waiting. */
}

/* Finds a model that has, or is to have, a shadow; NULL: it was answered that there is none. */
static const struct weir_repo_entry *find(struct weir_server_shard *shard,
                                          struct weir_http_ticket ticket, struct weir_str name)
{
    const struct weir_table *table = shard->loop.table;
    const struct weir_repo_entry *entry = table ? weir_repo_table_find(table, name) : NULL;
    char echo[WEIR_ECHO_BUF_BYTES];
    char text[WEIR_ECHO_BUF_BYTES + 64];
    if (entry && (entry->shadow || weir_config_find_model(shard->loop.config, name)->shadow > 0))
        return entry;
    (void)snprintf(text, sizeof text, "model \"%s\"%s", weir_str_echo(name, echo, sizeof echo),
                   entry ? ": no shadow is configured" : " not found"); /* Fits. */
    answer_error(shard, ticket, WEIR_ERR_NOT_FOUND, text);
    return NULL;
}

void weir_server_shadow_page(struct weir_server_shard *shard, struct weir_http_req *req)
{
    struct weir_http_ticket ticket = weir_http_req_ticket(req);
    struct weir_str name = weir_http_req_match(req)->captures[0];
    if (!find(shard, ticket, name))
        return;
    enum weir_status status =
        weir_server_live_give(shard, WEIR_SERVER_LIVE_SHADOW, ticket, name, 0, 0, NULL);
    if (status != WEIR_OK)
        answer_error(shard, ticket, status, weir_status_text(status));
}

void weir_server_shadow_part(struct weir_server_shard *shard, struct weir_server_live_part *part)
{
    struct weir_str name = weir_str_make(part->task->name, part->task->n_name);
    const struct weir_table *table = shard->loop.table;
    const struct weir_repo_entry *entry = table ? weir_repo_table_find(table, name) : NULL;
    const struct weir_server_shard_version *sv =
        entry ? shard->loop.by_model[entry - table->models] : NULL;
    part->status = WEIR_OK;
    if (!sv || !sv->shadow)
        return;
    part->shadow = weir_mem_alloc(shard->shared->mem, sizeof *part->shadow);
    if (!part->shadow) {
        part->status = WEIR_ERR_NO_MEMORY;
        return;
    }
    *part->shadow = sv->shadow->sum;
    part->live_version = sv->version;
    part->shadow_version = sv->shadow->version;
}

static void append_version(struct weir_buf *body, const char *name,
                           const struct weir_version *version)
{
    if (version)
        weir_buf_printf(body, ",\"%s\":{\"version\":\"%s\",\"digest\":\"%s\"}", name,
                        version->number_digits, version->digest_hex);
    else
        weir_buf_printf(body, ",\"%s\":null", name);
}

/* Says why nothing is compared. */
static void append_waiting(struct weir_buf *body, const struct weir_repo_entry *entry,
                           uint64_t wanted)
{
    char number[32];
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)wanted); /* Fits. */
    struct weir_buf text = {.mem = body->mem};
    const struct weir_repo_status *found = NULL;
    for (size_t i = 0; i < entry->n_status && !found; i++)
        found = entry->status[i].number == wanted ? &entry->status[i] : NULL;
    if (entry->shadow)
        weir_buf_append_c(&text, "no version answers");
    else if (!found)
        weir_buf_printf(&text, "there is no version %s", number);
    else
        weir_buf_printf(&text, "version %s is %s%s%.*s", number, weir_repo_state_name(found->state),
                        found->reason.n ? ": " : "", WEIR_STR_ARG(found->reason));
    weir_buf_append_c(body, ",\"state\":\"waiting\",\"reason\":");
    weir_codec_json_append_text(body, weir_buf_str(&text));
    weir_buf_deinit(&text);
}

/* Adds up the parts of the shards that compare the two versions. */
static enum weir_status merge(const struct weir_server_live_task *task,
                              const struct weir_repo_entry *entry, struct weir_live_shadow *sum)
{
    for (uint32_t i = 0; i < task->giver->shared->n_shards; i++) {
        const struct weir_server_live_part *part = &task->parts[i];
        if (part->status != WEIR_OK)
            return part->status;
        if (part->shadow && part->live_version == entry->version &&
            part->shadow_version == entry->shadow)
            weir_live_shadow_merge(sum, part->shadow);
    }
    return WEIR_OK;
}

void weir_server_shadow_answer(struct weir_server_live_task *task)
{
    struct weir_server_shard *shard = task->giver;
    struct weir_str name = weir_str_make(task->name, task->n_name);
    const struct weir_repo_entry *entry = find(shard, task->ticket, name);
    struct weir_live_shadow sum = {0};
    if (!entry)
        return;
    enum weir_status status = merge(task, entry, &sum);
    if (status != WEIR_OK) {
        answer_error(shard, task->ticket, status, weir_status_text(status));
        return;
    }
    const struct weir_server_shard_version *sv =
        shard->loop.by_model[entry - shard->loop.table->models];
    struct weir_buf body = {.mem = shard->shared->mem};
    weir_buf_append_c(&body, "{\"model\":");
    weir_codec_json_append_text(&body, name);
    append_version(&body, "live", entry->version);
    append_version(&body, "shadow", entry->shadow);
    if (sv && sv->shadow) {
        weir_buf_append_c(&body, ",\"state\":\"comparing\",\"reason\":\"\",");
        weir_live_shadow_append(&sum, &sv->shadow->shape, &body);
    } else if (sv && sv->shadow_why) {
        weir_buf_append_c(&body, ",\"state\":\"refused\",\"reason\":");
        weir_codec_json_append_text(&body, weir_str_c(sv->shadow_why));
    } else {
        append_waiting(&body, entry, weir_config_find_model(shard->loop.config, name)->shadow);
    }
    weir_buf_append_c(&body, "}");
    struct weir_http_reply reply = {.status = 200, .owned = &body};
    if (weir_buf_ok(&body))
        (void)weir_http_reply(shard->loop.http, task->ticket, &reply); /* As above. */
    else
        answer_error(shard, task->ticket, WEIR_ERR_NO_MEMORY, "no memory for the answer");
    weir_buf_deinit(&body);
}
