/* SPDX-License-Identifier: MIT */
#include "server/catalog.h"

#include "base/clock.h"
#include "base/macros.h"

static struct weir_server_shard *shard_of(const struct weir_protocol_catalog *catalog)
{
    /* It is the first member. */
    return ((const struct weir_server_catalog *)(const void *)catalog)->shard;
}

bool weir_server_catalog_is_ready(const struct weir_server_shard *shard, struct weir_str *reason)
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

static bool is_ready(const struct weir_protocol_catalog *catalog, struct weir_str *reason)
{
    return weir_server_catalog_is_ready(shard_of(catalog), reason);
}

static size_t n_models(const struct weir_protocol_catalog *catalog)
{
    const struct weir_table *table = shard_of(catalog)->loop.table;
    return table ? table->n_models : 0;
}

static void describe_model(const struct weir_repo_entry *entry, struct weir_protocol_model *out)
{
    *out = (struct weir_protocol_model){.name = entry->name,
                                        .n_versions = entry->n_status,
                                        .n_serving = entry->n_versions,
                                        .entry = entry};
}

static void model(const struct weir_protocol_catalog *catalog, size_t i,
                  struct weir_protocol_model *out)
{
    const struct weir_table *table = shard_of(catalog)->loop.table;
    weir_assert(table);
    weir_assert(i < table->n_models);
    describe_model(&table->models[i], out);
}

static void describe_status(const struct weir_repo_status *status,
                            struct weir_protocol_version *out)
{
    out->number = status->number;
    out->digest = status->digest;
    out->file = status->file;
    out->state = weir_str_c(weir_repo_state_name(status->state));
    out->reason = status->reason;
    out->since_wall_ns = status->since_wall_ns;
}

/* Describes a version that serves. */
static void describe_serving(const struct weir_server_shard *shard,
                             const struct weir_repo_entry *entry,
                             const struct weir_version *version, struct weir_protocol_version *out)
{
    const struct weir_config_model *options =
        weir_config_find_model(shard->loop.config, entry->name);
    for (size_t i = 0; i < entry->n_versions; i++) {
        if (entry->status[i].number == version->number)
            describe_status(&entry->status[i], out);
    }
    out->number = version->number;
    out->digest = weir_str_c(version->digest_hex);
    out->file = version->file;
    out->spec = version->spec;
    out->threshold = version->threshold.is_set ? &version->threshold : NULL;
    out->version = version;
    out->max_batch_size = (uint32_t)options->max_batch_size;
    if (version->spec->tensors && !version->spec->tensors->is_batched)
        out->max_batch_size = 0;
    out->queue_delay_ns = options->max_queue_delay_microseconds * WEIR_NS_PER_US;
    out->n_priority_levels = (uint32_t)options->priority_levels;
    out->default_priority_level = (uint32_t)options->default_priority_level;
    if (out->default_priority_level == 0)
        out->default_priority_level = out->n_priority_levels; /* The lowest. */
    out->n_loops = shard->shared->n_shards - 1;
    out->n_workers = weir_pool_n_workers(shard->shared->pool);
}

static void version(const struct weir_protocol_catalog *catalog,
                    const struct weir_protocol_model *model, size_t i,
                    struct weir_protocol_version *out)
{
    const struct weir_repo_entry *entry = model->entry;
    weir_assert(i < model->n_versions);
    *out = (struct weir_protocol_version){0};
    if (i < entry->n_versions)
        describe_serving(shard_of(catalog), entry, entry->versions[i], out);
    else
        describe_status(&entry->status[i], out);
}

static enum weir_status find(const struct weir_protocol_catalog *catalog,
                             const struct weir_protocol_target *target,
                             struct weir_protocol_model *model,
                             struct weir_protocol_version *version, struct weir_error *err)
{
    struct weir_server_shard *shard = shard_of(catalog);
    struct weir_server_shard_version *sv = NULL;
    const struct weir_table *table = shard->loop.table;
    enum weir_status status =
        weir_server_shard_find(shard, target->model, target->version, &sv, err);
    *version = (struct weir_protocol_version){.state = WEIR_STR("gone")};
    if (status == WEIR_OK) {
        const struct weir_repo_entry *entry = weir_repo_table_find(table, sv->version->name);
        describe_model(entry, model);
        describe_serving(shard, entry, sv->version, version);
    } else if (status == WEIR_ERR_BUSY) {
        const struct weir_repo_entry *entry =
            table ? weir_repo_table_find(table, target->model) : NULL;
        if (!entry)
            return weir_error_set(err, WEIR_ERR_NOT_FOUND, "the server is starting");
        describe_model(entry, model);
        if (entry->n_status > 0)
            describe_status(&entry->status[0], version);
    }
    return status;
}

static void statistics(const struct weir_protocol_catalog *catalog,
                       const struct weir_protocol_version *version,
                       struct weir_protocol_statistics *out)
{
    weir_assert(version->version);
    weir_server_statistics_sum(&shard_of(catalog)->shared->statistics, version->version, out);
}

static const struct weir_protocol_catalog_ops ops = {
    .is_ready = is_ready,
    .n_models = n_models,
    .model = model,
    .version = version,
    .find = find,
    .statistics = statistics,
};

void weir_server_catalog_init(struct weir_server_catalog *catalog, struct weir_server_shard *shard)
{
    weir_assert(catalog);
    *catalog = (struct weir_server_catalog){.catalog = {.ops = &ops}, .shard = shard};
}
