/* SPDX-License-Identifier: MIT */
/* Triton's model repository extension: the index, and what orders to load and unload say. */
#include "protocol/v2/v2_priv.h"

/* How Triton calls the states of ours (repo/version.h). */
static const struct {
    const char *state;
    const char *name;
} states[] = {
    {"ready", "READY"},        {"orphaned", "READY"},   {"settling", "LOADING"},
    {"loading", "LOADING"},    {"checking", "LOADING"}, {"retiring", "UNLOADING"},
    {"failed", "UNAVAILABLE"}, {"held", "UNAVAILABLE"}, {"seen", "UNAVAILABLE"},
    {"gone", "UNAVAILABLE"},
};

static const char *state_name(struct weir_str state)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(states); i++) {
        if (weir_str_eq_c(state, states[i].state))
            return states[i].name;
    }
    return "UNKNOWN";
}

/* --- bodies ---------------------------------------------------------------------------------- */

enum weir_status weir_protocol_v2_repository_body(struct weir_codec_json *json,
                                                  struct weir_str body, struct weir_error *err)
{
    weir_codec_json_init(json, NULL, NULL);
    if (body.n == 0)
        return WEIR_OK;
    enum weir_status status = weir_codec_json_scan(json, body, err);
    if (status == WEIR_OK && !weir_protocol_v2_is_kind(json->root, WEIR_CODEC_JSON_OBJECT))
        status = weir_error_set(err, WEIR_ERR_INVALID, "expected an object, got %s",
                                weir_codec_json_kind_text(weir_codec_json_kind(json->root)));
    return status;
}

static enum weir_status read_ready(const struct weir_codec_json *json, bool *out,
                                   struct weir_error *err)
{
    if (!json->root)
        return WEIR_OK;
    struct weir_codec_json_iter it = weir_codec_json_iter(json, json->root);
    struct weir_str name;
    const char *value;
    while (weir_codec_json_next_member(&it, &name, &value)) {
        enum weir_codec_json_kind kind = weir_codec_json_kind(value);
        if (!weir_codec_json_string_eq(name, WEIR_STR("ready")))
            continue;
        if (kind != WEIR_CODEC_JSON_TRUE && kind != WEIR_CODEC_JSON_FALSE)
            return weir_error_set(err, WEIR_ERR_INVALID, "ready: expected true or false, got %s",
                                  weir_codec_json_kind_text(kind));
        *out = kind == WEIR_CODEC_JSON_TRUE;
    }
    return WEIR_OK;
}

/* --- the index ------------------------------------------------------------------------------- */

static void write_entry(struct weir_buf *buf, bool *is_first, struct weir_str model,
                        const struct weir_protocol_version *version)
{
    weir_buf_append_c(buf, *is_first ? "{\"name\":" : ",{\"name\":");
    *is_first = false;
    weir_codec_json_append_text(buf, model);
    if (version && version->number > 0)
        weir_buf_printf(buf, ",\"version\":\"%llu\"", (unsigned long long)version->number);
    if (version)
        weir_buf_printf(buf, ",\"state\":\"%s\"", state_name(version->state));
    if (version && version->reason.n > 0) {
        weir_buf_append_c(buf, ",\"reason\":");
        weir_codec_json_append_text(buf, version->reason);
    }
    weir_buf_append_byte(buf, '}');
}

enum weir_status weir_protocol_v2_repository_index(const struct weir_protocol_question *question,
                                                   const struct weir_protocol_catalog *catalog,
                                                   struct weir_buf *buf, struct weir_error *err)
{
    WEIR_CLEANUP(weir_codec_json_deinit) struct weir_codec_json json;
    bool is_ready_only = false;
    bool is_first = true;
    enum weir_status status = weir_protocol_v2_repository_body(&json, question->body, err);
    if (status == WEIR_OK)
        status = read_ready(&json, &is_ready_only, err);
    if (status != WEIR_OK)
        return status;
    weir_buf_append_byte(buf, '[');
    for (size_t i = 0; i < catalog->ops->n_models(catalog); i++) {
        struct weir_protocol_model model;
        catalog->ops->model(catalog, i, &model);
        size_t n = is_ready_only ? model.n_serving : model.n_versions;
        for (size_t k = 0; k < n; k++) {
            struct weir_protocol_version version;
            catalog->ops->version(catalog, &model, k, &version);
            write_entry(buf, &is_first, model.name, &version);
        }
        if (model.n_versions == 0 && !is_ready_only)
            write_entry(buf, &is_first, model.name, NULL);
    }
    weir_buf_append_byte(buf, ']');
    return WEIR_OK;
}

/* --- orders ---------------------------------------------------------------------------------- */

/* Reads the parameters of an order: that dependents are unloaded too means nothing here; files and
 * configurations come from the model directory alone. */
static enum weir_status check_parameters(const struct weir_codec_json *json, const char *value,
                                         struct weir_error *err)
{
    if (weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_NULL))
        return WEIR_OK;
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_OBJECT))
        return weir_error_set(err, WEIR_ERR_INVALID, "parameters: expected an object, got %s",
                              weir_codec_json_kind_text(weir_codec_json_kind(value)));
    struct weir_codec_json_iter it = weir_codec_json_iter(json, value);
    struct weir_str name;
    const char *member;
    while (weir_codec_json_next_member(&it, &name, &member)) {
        enum weir_codec_json_kind kind = weir_codec_json_kind(member);
        if (weir_codec_json_string_eq(name, WEIR_STR("config")) ||
            weir_str_starts(name, WEIR_STR("file:")))
            return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                                  "parameters: models and their options are not taken from "
                                  "requests; put the file into the model directory");
        if (weir_codec_json_string_eq(name, WEIR_STR("unload_dependents")) &&
            kind != WEIR_CODEC_JSON_TRUE && kind != WEIR_CODEC_JSON_FALSE)
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "parameters.unload_dependents: expected true or false, got %s",
                                  weir_codec_json_kind_text(kind));
    }
    return WEIR_OK;
}

enum weir_status weir_protocol_v2_repository_order(const struct weir_protocol_question *question,
                                                   struct weir_protocol_order *out,
                                                   struct weir_error *err)
{
    WEIR_CLEANUP(weir_codec_json_deinit) struct weir_codec_json json;
    enum weir_status status = weir_protocol_v2_repository_body(&json, question->body, err);
    if (status != WEIR_OK || !json.root)
        return status;
    if (question->route->act == WEIR_PROTOCOL_LOG)
        return weir_protocol_v2_settings_order(&json, out, err);
    struct weir_codec_json_iter it = weir_codec_json_iter(&json, json.root);
    struct weir_str name;
    const char *value;
    while (status == WEIR_OK && weir_codec_json_next_member(&it, &name, &value)) {
        if (weir_codec_json_string_eq(name, WEIR_STR("parameters")))
            status = check_parameters(&json, value, err);
    }
    return status;
}
