/* SPDX-License-Identifier: MIT */
/* What a loop serves: its configuration, its copy of the table of versions, and finding in it the
 * version a request is for. */
#include "base/macros.h"
#include "server/live.h"
#include "server/shadow.h"
#include "server/shard_priv.h"

#include <stdio.h>

enum { NAMES_SHOWN_MAX = 8 };

/* --- configuration --- */

static struct weir_batcher_limits limits_of(const struct weir_config *config, struct weir_str model)
{
    const struct weir_config_model *m = weir_config_find_model(config, model);
    struct weir_batcher_limits limits = WEIR_BATCHER_LIMITS_INIT;
    limits.rows_max = (uint32_t)m->max_batch_size;
    limits.queue_delay_ns_max = m->max_queue_delay_microseconds * WEIR_NS_PER_US;
    limits.queue_requests_max = (uint32_t)m->queue_requests_max;
    limits.queue_rows_max = (uint32_t)m->queue_rows_max;
    limits.queue_bytes_max = m->queue_bytes_max;
    limits.queue_ns_max = m->queue_delay_max_ns;
    limits.inline_mode = (enum weir_batcher_inline)m->inline_choice;
    limits.inline_ns_max = m->inline_cost_max_ns;
    limits.n_levels = (uint32_t)m->priority_levels;
    limits.default_level = (uint32_t)m->default_priority_level;
    limits.queue_timeout_ns = m->queue_timeout_ns;
    limits.takes_queue_timeout = m->request_queue_timeout == WEIR_CONFIG_QUEUE_TIMEOUT_SHORTEN;
    return limits;
}

struct weir_protocol_limits weir_server_shard_protocol_limits(const struct weir_config *config)
{
    struct weir_protocol_limits limits = WEIR_PROTOCOL_LIMITS_INIT;
    limits.n_rows_max = config->request_rows_max;
    limits.n_cells_max = config->request_cells_max;
    limits.answer_bytes_max = config->answer_bytes_max;
    limits.columns_answer = (uint8_t)config->columns_answer;
    limits.json.depth_max = (uint32_t)config->json_depth_max;
    limits.json.n_values_max = config->json_values_max;
    limits.json.string_bytes_max = config->json_string_bytes_max;
    limits.json.number_bytes_max = config->json_number_bytes_max;
    limits.json.n_keys_max = (uint32_t)config->json_keys_max;
    return limits;
}

struct weir_http_options weir_server_shard_http_options(const struct weir_server_shared *shared,
                                                        bool is_admin, const struct weir_config *c)
{
    struct weir_http_options o = WEIR_HTTP_OPTIONS_INIT;
    o.conns_max = is_admin ? shared->connections_admin : shared->connections_max;
    o.conns_are_apart = is_admin;
    o.conns_per_address_max =
        c->connections_per_address_max > 0 ? c->connections_per_address_max : UINT64_MAX;
    o.local_is_exempt = !c->limit_loopback;
    o.first_byte_ns_max = c->first_byte_timeout_ns;
    o.idle_ns_max = c->idle_timeout_ns;
    o.head_ns_max = c->head_timeout_ns;
    o.body_ns_max = c->body_timeout_ns;
    o.body_rate_bytes_min = c->body_rate_min;
    o.body_rate_ns = c->body_rate_window_ns;
    o.write_ns_max = c->write_timeout_ns;
    o.unsent_bytes_max = c->unsent_bytes_max;
    o.unsent_bytes_resume = c->unsent_bytes_resume;
    o.pipeline_max = c->pipelined_requests_max;
    o.h2_streams_max = c->http2_streams_max;
    o.h2_resets_max = c->http2_resets_max;
    o.h2_glitches_max = c->http2_glitches_max;
    o.conn_requests_max =
        c->requests_per_connection_max > 0 ? c->requests_per_connection_max : UINT64_MAX;
    o.conn_age_ns_max = c->connection_age_max_ns;
    o.request_line_bytes_max = c->request_line_bytes_max;
    o.header_bytes_max = c->header_bytes_max;
    o.header_line_bytes_max = c->header_line_bytes_max;
    o.headers_max = c->headers_max;
    o.trailer_bytes_max = c->trailer_bytes_max;
    o.trailers_max = c->trailers_max;
    o.chunk_extension_bytes_max = c->chunk_extension_bytes_max;
    o.chunk_extensions_bytes_max = c->chunk_extensions_bytes_max;
    o.chunk_framing_bytes_max = c->chunk_framing_bytes_max;
    o.body_bytes_max = c->body_bytes_max;
    o.buffered_bytes_max = shared->request_memory_max;
    o.keep_alive_percent = c->memory_keepalive_percent;
    o.accepts_per_tick_max = c->accepts_per_tick_max;
    return o;
}

void weir_server_shard_adopt_config(struct weir_server_shard *shard,
                                    const struct weir_config *config)
{
    struct weir_http_options options =
        weir_server_shard_http_options(shard->shared, shard->is_keeper, config);
    weir_http_server_set_options(shard->loop.http, &options);
    shard->loop.config = config;
    for (uint32_t i = 0; i < shard->loop.n_unix_listeners; i++)
        shard->loop.unix_listeners[i].opts.accepts_per_tick_max =
            (uint32_t)config->accepts_per_tick_max;
    shard->loop.decoder.limits = weir_server_shard_protocol_limits(config);
    WEIR_LIST_FOREACH (it, &shard->loop.versions) {
        struct weir_server_shard_version *sv =
            WEIR_CONTAINER_OF(it, struct weir_server_shard_version, link);
        struct weir_batcher_limits limits = limits_of(config, sv->version->name);
        weir_batcher_set_limits(sv->batching, &limits);
        sv->request_timeout_ns =
            weir_config_find_model(config, sv->version->name)->request_timeout_ns;
        weir_server_live_attach(shard, sv);
    }
    weir_server_live_forget(shard);
}

/* --- the table of versions --- */

static struct weir_server_shard_version *find_known(struct weir_server_shard *shard,
                                                    const struct weir_version *version)
{
    WEIR_LIST_FOREACH (it, &shard->loop.versions) {
        struct weir_server_shard_version *sv =
            WEIR_CONTAINER_OF(it, struct weir_server_shard_version, link);
        if (sv->version == version)
            return sv;
    }
    return NULL;
}

/* The same for a version of a model in a newer table: mostly it is the one that serves already,
 * which needs no search. The cost of a publish is then the models times a binary search. */
static struct weir_server_shard_version *find_of_model(struct weir_server_shard *shard,
                                                       const struct weir_version *version)
{
    const struct weir_table *table = shard->loop.table;
    const struct weir_repo_entry *entry = table ? weir_repo_table_find(table, version->name) : NULL;
    struct weir_server_shard_version *sv =
        entry ? shard->loop.by_model[entry - table->models] : NULL;
    return sv && sv->version == version ? sv : find_known(shard, version);
}

static struct weir_server_shard_version *
add_version(struct weir_server_shard *shard, const struct weir_version *version, bool is_shadow)
{
    struct weir_server_shard_version *sv = weir_mem_zalloc(shard->shared->mem, sizeof *sv);
    if (!sv)
        return NULL;
    struct weir_batcher_limits limits = limits_of(shard->loop.config, version->name);
    struct weir_batch_cost cost;
    weir_batch_cost_init(&cost);
    if (version->cost_ns > 0 || version->cost_row_ns > 0)
        weir_batch_cost_seed(&cost, version->cost_ns, version->cost_row_ns);
    sv->version = version;
    sv->is_shadow = is_shadow;
    sv->request_timeout_ns =
        weir_config_find_model(shard->loop.config, version->name)->request_timeout_ns;
    if (weir_batcher_add_version(&sv->batching, shard->loop.batcher, sv, &limits, &cost) !=
        WEIR_OK) {
        weir_mem_free(shard->shared->mem, sv);
        return NULL;
    }
    weir_server_metrics_version_cells(&sv->cells, shard->shared->metrics, shard->index, version);
    int n = snprintf(sv->fields, sizeof sv->fields,
                     "Weir-Model: %.*s\r\nWeir-Version: %.*s\r\nWeir-Digest: %s\r\n",
                     WEIR_STR_ARG(version->name), WEIR_STR_ARG(version->number_text),
                     version->digest_short);
    weir_assert(n > 0);
    weir_assert((size_t)n < sizeof sv->fields);
    sv->fields_bytes = (size_t)n;
    weir_server_live_attach(shard, sv);
    weir_list_push(&shard->loop.versions, &sv->link);
    return sv;
}

/* Adds all versions of a table that the shard does not have yet; false: no memory. */
static bool add_versions(struct weir_server_shard *shard, const struct weir_table *table)
{
    for (size_t i = 0; i < table->n_models; i++) {
        for (size_t j = 0; j < table->models[i].n_versions; j++) {
            const struct weir_version *version = table->models[i].versions[j];
            if (!find_of_model(shard, version) && !add_version(shard, version, false))
                return false;
        }
        const struct weir_version *shadow = table->models[i].shadow;
        if (shadow && !find_known(shard, shadow) && !add_version(shard, shadow, true))
            return false;
    }
    return true;
}

void weir_server_shard_send_keeper(struct weir_server_shard *shard,
                                   enum weir_server_message_kind kind, const void *ptr)
{
    struct weir_server_shared *shared = shard->shared;
    struct weir_server_message message = {.kind = kind, .from = shard->index, .ptr = ptr};
    weir_server_inbox_push(&shared->shards[shared->n_shards - 1]->inbox, message);
}

/* Has the versions compared that the shard's table says, and no others. */
static void set_shadows(struct weir_server_shard *shard)
{
    const struct weir_table *table = shard->loop.table;
    WEIR_LIST_FOREACH (it, &shard->loop.versions) {
        struct weir_server_shard_version *sv =
            WEIR_CONTAINER_OF(it, struct weir_server_shard_version, link);
        const struct weir_repo_entry *entry =
            sv->shadow ? weir_repo_table_find(table, sv->version->name) : NULL;
        if (sv->shadow && (!entry || entry->version != sv->version || !entry->shadow))
            weir_server_shadow_set(shard, sv, NULL);
    }
    for (size_t i = 0; i < table->n_models; i++) {
        const struct weir_version *shadow = table->models[i].shadow;
        struct weir_server_shard_version *sv = shard->loop.by_model[i];
        if (sv && (shadow || sv->shadow_why))
            weir_server_shadow_set(shard, sv, shadow ? find_known(shard, shadow) : NULL);
    }
}

/* Between two iterations of its requests, a shard turns to a new table. Without memory for it the
 * old versions would have to go on, which the publishing protocol does not know: a few hundred
 * bytes not being there ends the process. */
void weir_server_shard_adopt_table(struct weir_server_shard *shard, const struct weir_table *table)
{
    struct weir_mem *mem = shard->shared->mem;
    struct weir_server_shard_version **by_model =
        weir_mem_zarray(mem, table->n_models, sizeof(struct weir_server_shard_version *));
    bool is_complete = by_model && add_versions(shard, table);
    weir_assert(is_complete);
    for (size_t i = 0; i < table->n_models; i++) {
        if (table->models[i].version)
            by_model[i] = find_of_model(shard, table->models[i].version);
    }
    weir_mem_free(mem, shard->loop.by_model);
    shard->loop.by_model = by_model;
    shard->loop.head_version = NULL;
    shard->loop.table = table;
    set_shadows(shard);
    for (size_t i = 0; i < table->n_retired; i++) {
        struct weir_server_shard_version *sv = find_known(shard, table->retired[i]);
        if (sv)
            weir_batcher_retire(shard->loop.batcher, sv->batching,
                                weir_loop_now_ns(&shard->loop.loop));
        else /* Never served here. */
            weir_server_shard_send_keeper(shard, WEIR_SERVER_VERSION_RELEASED, table->retired[i]);
    }
    weir_server_shard_send_keeper(shard, WEIR_SERVER_TABLE_ADOPTED, table);
}

/* Appends `loaded: a, b` for a message. */
static void name_models(const struct weir_table *table, struct weir_error *err,
                        enum weir_status status, const char *what, struct weir_str name)
{
    char list[160] = "none";
    char echo[WEIR_ECHO_BUF_BYTES];
    size_t at = 0;
    size_t n_shown = 0;
    for (size_t i = 0; table && i < table->n_models; i++) {
        struct weir_str model = table->models[i].name;
        if (!table->models[i].version)
            continue;
        if (n_shown == NAMES_SHOWN_MAX || at + model.n + 8 > sizeof list) {
            (void)snprintf(list + at, sizeof list - at, ", …"); /* Room was kept for it. */
            break;
        }
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%.*s", n_shown > 0 ? ", " : "",
                               WEIR_STR_ARG(model));
        n_shown++;
    }
    (void)weir_error_set(err, status, "%s \"%s\" not found; loaded: %s", what,
                         weir_str_echo(name, echo, sizeof echo), list);
}

static const struct weir_repo_entry *find_default(struct weir_server_shard *shard,
                                                  struct weir_error *err)
{
    const struct weir_table *table = shard->loop.table;
    struct weir_str name = shard->loop.config->default_model;
    if (name.n > 0) {
        const struct weir_repo_entry *entry = weir_repo_table_find(table, name);
        if (!entry)
            name_models(table, err, WEIR_ERR_NOT_FOUND, "default model", name);
        return entry;
    }
    const struct weir_repo_entry *only = NULL;
    for (size_t i = 0; i < table->n_models; i++) {
        if (table->models[i].version && only) {
            (void)weir_error_set(err, WEIR_ERR_NOT_FOUND,
                                 "name a model (as in /predict/%.*s): several are loaded and none "
                                 "is the default",
                                 WEIR_STR_ARG(only->name));
            return NULL;
        }
        if (table->models[i].version)
            only = &table->models[i];
    }
    if (!only && table->n_models == 1)
        only = &table->models[0];
    if (!only)
        (void)weir_error_set(err, table->n_models > 0 ? WEIR_ERR_BUSY : WEIR_ERR_NOT_FOUND,
                             "no model is loaded");
    return only;
}

/* Says why a model that is there does not serve. */
static enum weir_status not_served(const struct weir_repo_entry *entry, struct weir_error *err)
{
    const struct weir_repo_status *status = entry->n_status > 0 ? &entry->status[0] : NULL;
    if (status && status->state == WEIR_REPO_FAILED)
        return weir_error_set(err, WEIR_ERR_BUSY, "model \"%.*s\" is not ready: %.*s: %.*s",
                              WEIR_STR_ARG(entry->name), WEIR_STR_ARG(status->file),
                              WEIR_STR_ARG(status->reason));
    if (status && status->reason.n > 0)
        return weir_error_set(err, WEIR_ERR_BUSY, "model \"%.*s\" is not ready (%s): %.*s",
                              WEIR_STR_ARG(entry->name), weir_repo_state_name(status->state),
                              WEIR_STR_ARG(status->reason));
    return weir_error_set(err, WEIR_ERR_BUSY, "model \"%.*s\" is not ready: it is %s",
                          WEIR_STR_ARG(entry->name),
                          status ? weir_repo_state_name(status->state) : "gone");
}

enum weir_status weir_server_shard_find(struct weir_server_shard *shard, struct weir_str model,
                                        struct weir_str version,
                                        struct weir_server_shard_version **out,
                                        struct weir_error *err)
{
    const struct weir_table *table = shard->loop.table;
    const struct weir_repo_entry *entry = NULL;
    if (!table)
        return weir_error_set(err, WEIR_ERR_BUSY, "the server is starting");
    if (model.n == 0) {
        entry = find_default(shard, err);
        if (!entry)
            return err ? err->code : WEIR_ERR_NOT_FOUND;
    } else {
        entry = weir_str_is_name(model) && model.n <= shard->loop.config->name_bytes_max
                    ? weir_repo_table_find(table, model)
                    : NULL;
        if (!entry) {
            name_models(table, err, WEIR_ERR_NOT_FOUND, "model", model);
            return WEIR_ERR_NOT_FOUND;
        }
    }
    struct weir_server_shard_version *sv = shard->loop.by_model[entry - table->models];
    if (version.n > 0) {
        const struct weir_version *v = weir_repo_table_version(entry, version);
        char echo[WEIR_ECHO_BUF_BYTES];
        if (!v)
            return weir_error_set(err, WEIR_ERR_NOT_FOUND, "model \"%.*s\" has no version \"%s\"",
                                  WEIR_STR_ARG(entry->name),
                                  weir_str_echo(version, echo, sizeof echo));
        sv = sv && sv->version == v ? sv : find_known(shard, v);
    }
    if (!sv)
        return not_served(entry, err);
    *out = sv;
    return WEIR_OK;
}

struct weir_server_statistics_part *
weir_server_shard_statistics(struct weir_server_shard *shard, struct weir_server_shard_version *sv)
{
    if (!sv->statistics)
        sv->statistics =
            weir_server_statistics_part(&shard->shared->statistics, sv->version, shard->index);
    return sv->statistics;
}
