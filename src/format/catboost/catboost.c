/* SPDX-License-Identifier: MIT */
#include "format/catboost/catboost.h"

#include "base/macros.h"
#include "codec/json.h"
#include "format/catboost/booster.h"

enum { PROBE_BYTES = 64 };

bool weir_format_catboost_probe(struct weir_str bytes)
{
    static const char *const names[] = {
        "\"ctrs\"",       "\"ctr_data\"",        "\"features_info\"",
        "\"model_info\"", "\"oblivious_trees\"", "\"trees\""};
    if (weir_str_starts(bytes, WEIR_STR("CBM1")))
        return true;
    if (bytes.n == 0 || bytes.at[0] != '{')
        return false;
    size_t n = weir_min_size(bytes.n, PROBE_BYTES);
    size_t i = 1;
    while (i < n && (bytes.at[i] == ' ' || bytes.at[i] == '\n' || bytes.at[i] == '\r' ||
                     bytes.at[i] == '\t'))
        i++;
    struct weir_str rest = weir_str_make(bytes.at + i, bytes.n - i);
    for (size_t k = 0; k < WEIR_ARRAY_LEN(names); k++)
        if (weir_str_starts(rest, weir_str_c(names[k])))
            return true;
    return false;
}

static enum weir_status read(struct weir_format_catboost *out, const struct weir_format_file *file,
                             struct weir_arena *arena, struct weir_error *err)
{
    if (weir_str_starts(file->bytes, WEIR_STR("CBM1")))
        return weir_format_catboost_cbm_read(out, file->bytes, arena, err);
    return weir_format_catboost_json_read(out, file->bytes, arena, file->opts->deadline_ns, err);
}

enum weir_status weir_format_catboost_load(struct weir_model **out,
                                           const struct weir_format_file *file,
                                           struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, NULL, file->opts->tree_bytes_max);
    WEIR_CLEANUP(weir_model_builder_deinit) struct weir_model_builder b = {.arena = NULL};
    struct weir_format_catboost x;
    const struct weir_model_node *node = NULL;
    enum weir_status status = read(&x, file, &temp, err);
    if (status == WEIR_OK)
        status = weir_format_builder_init(&b, file->opts, err);
    if (status != WEIR_OK)
        return status;
    status = weir_format_catboost_build(&x, &b, &temp, &node, err);
    return status == WEIR_OK ? weir_model_builder_finish(&b, node, out, err) : status;
}

enum weir_status weir_format_catboost_describe(struct weir_buf *out,
                                               const struct weir_format_file *file,
                                               enum weir_format_describe how,
                                               struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, NULL, file->opts->tree_bytes_max);
    struct weir_format_catboost x;
    enum weir_status status = read(&x, file, &temp, err);
    if (status != WEIR_OK)
        return status;
    char loss[WEIR_ECHO_BUF_BYTES];
    char version[WEIR_ECHO_BUF_BYTES];
    weir_str_echo(x.loss, loss, sizeof loss);
    weir_str_echo(x.version, version, sizeof version);
    bool is_symmetric = x.n_trees == 0 || !x.trees[0].nodes;
    if (how == WEIR_FORMAT_DESCRIBE_JSON) {
        weir_buf_append_c(out, "{\"format\":\"catboost\",\"library\":\"catboost\","
                               "\"library_version\":");
        weir_codec_json_append_text(out, x.version);
        weir_buf_append_c(out,
                          ",\"roots\":[{\"name\":\"\",\"label\":\"\",\"class\":\"CatBoost\","
                          "\"module\":\"catboost\",\"count\":1,\"params\":{\"loss_function\":");
        weir_codec_json_append_text(out, x.loss);
        weir_buf_printf(out,
                        ",\"float_features\":%zu},\"attributes\":{\"trees\":%zu,\"symmetric\":%s},"
                        "\"children\":[]}]}",
                        x.n_features, x.n_trees, is_symmetric ? "true" : "false");
    } else {
        weir_buf_printf(out,
                        "CatBoost %s\n  loss_function = \"%s\"\n  float_features = %zu\n"
                        "  trees = %zu, %s\n",
                        x.version.n ? version : "of unknown version", loss, x.n_features, x.n_trees,
                        is_symmetric ? "symmetric" : "not symmetric");
    }
    return weir_buf_ok(out)
               ? WEIR_OK
               : weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for the description");
}
