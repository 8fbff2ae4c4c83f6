/* SPDX-License-Identifier: MIT */
#include "format/lightgbm/lightgbm.h"

#include "base/macros.h"
#include "codec/json.h"
#include "format/lightgbm/booster.h"

bool weir_format_lightgbm_probe(struct weir_str bytes)
{
    return weir_str_starts(bytes, WEIR_STR("tree\n")) ||
           weir_str_starts(bytes, WEIR_STR("tree\r\n"));
}

static enum weir_status fill_spec(const struct weir_format_lightgbm *x,
                                  struct weir_model_builder *b, struct weir_error *err)
{
    struct weir_spec *spec = b->spec;
    spec->library = weir_arena_str(b->arena, WEIR_STR("lightgbm"));
    spec->library_version = weir_arena_str(b->arena, WEIR_STR("")); /* the file does not say */
    spec->platform = weir_arena_str(b->arena, WEIR_STR("lightgbm"));
    spec->estimator = weir_arena_str(b->arena, WEIR_STR("Booster"));
    if (!spec->library.at || !spec->library_version.at || !spec->platform.at || !spec->estimator.at)
        return weir_model_builder_no_memory(b, err);
    return weir_format_lightgbm_build_names(x, b, err);
}

enum weir_status weir_format_lightgbm_load(struct weir_model **out,
                                           const struct weir_format_file *file,
                                           struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, NULL, file->opts->tree_bytes_max);
    WEIR_CLEANUP(weir_model_builder_deinit) struct weir_model_builder b = {.arena = NULL};
    struct weir_format_lightgbm x;
    const struct weir_format_lightgbm_rules rules = {.name = WEIR_STR("Booster"),
                                                     .keeps_columns = true};
    const struct weir_model_node *node = NULL;
    enum weir_status status =
        weir_format_lightgbm_read(&x, file->bytes, &temp, file->opts->deadline_ns, err);
    if (status == WEIR_OK)
        status = weir_format_builder_init(&b, file->opts, err);
    if (status != WEIR_OK)
        return status;
    status = weir_format_lightgbm_build(&x, &rules, &b, &temp, &node, err);
    if (status == WEIR_OK)
        status = fill_spec(&x, &b, err);
    return status == WEIR_OK ? weir_model_builder_finish(&b, node, out, err) : status;
}

/* --- describing --- */

static uint64_t count_leaves(const struct weir_format_lightgbm *x)
{
    uint64_t n = 0;
    for (size_t i = 0; i < x->n_trees; i++)
        n += x->trees[i].value.n;
    return n;
}

static void put_text(struct weir_buf *out, const struct weir_format_lightgbm *x)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    weir_buf_printf(out, "LightGBM, text format %s\n", weir_str_echo(x->format, echo, sizeof echo));
    weir_buf_printf(out, "Booster\n  objective = \"%s\"\n",
                    weir_str_echo(x->objective, echo, sizeof echo));
    weir_buf_printf(out, "  num_class = %lld\n  features = %lld\n", (long long)x->n_classes,
                    (long long)x->n_features);
    if (x->is_average)
        weir_buf_append_c(out, "  average_output\n");
    weir_buf_printf(out, "  trees = %zu of %llu leaves\n", x->n_trees,
                    (unsigned long long)count_leaves(x));
}

static void put_json(struct weir_buf *out, const struct weir_format_lightgbm *x)
{
    weir_buf_append_c(out, "{\"format\":\"lightgbm\",\"library\":\"lightgbm\",\"library_version\":"
                           "null,\"roots\":[{\"name\":\"\",\"label\":\"\",\"class\":\"Booster\","
                           "\"module\":\"lightgbm\",\"count\":1,\"params\":{\"objective\":");
    weir_codec_json_append_text(out, x->objective);
    weir_buf_printf(out,
                    ",\"num_class\":%lld,\"features\":%lld,\"average_output\":%s},"
                    "\"attributes\":{\"trees\":%zu,\"leaves\":%llu},\"children\":[]}]}",
                    (long long)x->n_classes, (long long)x->n_features,
                    x->is_average ? "true" : "false", x->n_trees,
                    (unsigned long long)count_leaves(x));
}

enum weir_status weir_format_lightgbm_describe(struct weir_buf *out,
                                               const struct weir_format_file *file,
                                               enum weir_format_describe how,
                                               struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, NULL, file->opts->tree_bytes_max);
    struct weir_format_lightgbm x;
    enum weir_status status =
        weir_format_lightgbm_read(&x, file->bytes, &temp, file->opts->deadline_ns, err);
    if (status != WEIR_OK)
        return status;
    if (how == WEIR_FORMAT_DESCRIBE_JSON)
        put_json(out, &x);
    else
        put_text(out, &x);
    return weir_buf_ok(out)
               ? WEIR_OK
               : weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the description");
}
