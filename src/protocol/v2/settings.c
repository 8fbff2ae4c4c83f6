/* SPDX-License-Identifier: MIT */
/* Triton's extensions for logging, tracing and shared memory, and those calls of theirs that are
 * only there to be refused in the right way. */
#include "base/log.h"
#include "protocol/v2/v2_priv.h"

/* --- logging --------------------------------------------------------------------------------- */

/* Triton's switches, as far as levels can say them: errors are always logged. */
struct switches {
    bool info;
    bool warning;
    uint64_t verbose;
};

static struct switches switches_now(void)
{
    enum weir_log_level level = weir_log_get_level();
    return (struct switches){.info = level <= WEIR_LOG_INFO,
                             .warning = level <= WEIR_LOG_WARN,
                             .verbose = level <= WEIR_LOG_DEBUG};
}

void weir_protocol_v2_settings_logging(struct weir_buf *buf)
{
    struct switches now = switches_now();
    weir_buf_printf(buf,
                    "{\"log_file\":\"\",\"log_info\":%s,\"log_warning\":%s,\"log_error\":true,"
                    "\"log_verbose_level\":%d,\"log_format\":\"default\"}",
                    now.info ? "true" : "false", now.warning ? "true" : "false",
                    now.verbose ? 1 : 0);
}

static enum weir_status read_flag(const char *member, const char *value, bool *out,
                                  struct weir_error *err)
{
    enum weir_codec_json_kind kind = weir_codec_json_kind(value);
    if (kind != WEIR_CODEC_JSON_TRUE && kind != WEIR_CODEC_JSON_FALSE)
        return weir_error_set(err, WEIR_ERR_INVALID, "%s: expected true or false, got %s", member,
                              weir_codec_json_kind_text(kind));
    *out = kind == WEIR_CODEC_JSON_TRUE;
    return WEIR_OK;
}

/* Reads one setting. */
static enum weir_status read_setting(const struct weir_codec_json *json, struct weir_str name,
                                     const char *value, struct switches *to, struct weir_error *err)
{
    bool is_on = true;
    bool is_text = weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_STRING);
    if (weir_codec_json_string_eq(name, WEIR_STR("log_info")))
        return read_flag("log_info", value, &to->info, err);
    if (weir_codec_json_string_eq(name, WEIR_STR("log_warning")))
        return read_flag("log_warning", value, &to->warning, err);
    if (weir_codec_json_string_eq(name, WEIR_STR("log_error"))) {
        enum weir_status status = read_flag("log_error", value, &is_on, err);
        if (status == WEIR_OK && !is_on)
            return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "log_error: errors are always logged");
        return status;
    }
    if (weir_codec_json_string_eq(name, WEIR_STR("log_verbose_level"))) {
        if (weir_codec_number_read_u64(weir_codec_json_token(value, json->end), &to->verbose) ==
            WEIR_CODEC_NUMBER_INT_OK)
            return WEIR_OK;
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "log_verbose_level: expected a whole number from 0");
    }
    if (weir_codec_json_string_eq(name, WEIR_STR("log_file"))) {
        if (is_text && weir_codec_json_string(value).n == 0)
            return WEIR_OK;
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "log_file: the log goes to standard error");
    }
    if (weir_codec_json_string_eq(name, WEIR_STR("log_format"))) {
        if (is_text &&
            weir_codec_json_string_eq(weir_codec_json_string(value), WEIR_STR("default")))
            return WEIR_OK;
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "log_format: only \"default\"; the option log_format sets it");
    }
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_error_set(err, WEIR_ERR_INVALID, "\"%s\" is no setting of the log",
                          weir_str_echo(name, echo, sizeof echo));
}

enum weir_status weir_protocol_v2_settings_order(const struct weir_codec_json *json,
                                                 struct weir_protocol_order *out,
                                                 struct weir_error *err)
{
    struct switches to = switches_now();
    struct weir_codec_json_iter it = weir_codec_json_iter(json, json->root);
    struct weir_str name;
    const char *value;
    while (weir_codec_json_next_member(&it, &name, &value)) {
        if (weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_NULL))
            continue; /* As it is. */
        enum weir_status status = read_setting(json, name, value, &to, err);
        if (status != WEIR_OK)
            return status;
    }
    out->log_level = to.verbose   ? WEIR_LOG_DEBUG
                     : to.info    ? WEIR_LOG_INFO
                     : to.warning ? WEIR_LOG_WARN
                                  : WEIR_LOG_ERROR;
    return WEIR_OK;
}

/* --- tracing --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *value;
} trace[] = {
    {"trace_rate", "1000"}, {"trace_count", "-1"},    {"log_frequency", "0"},
    {"trace_file", ""},     {"trace_mode", "triton"},
};

/* Finds whether a value is OFF, or a list of nothing else. */
static bool is_off(const struct weir_codec_json *json, const char *value)
{
    if (weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_STRING))
        return weir_codec_json_string_eq(weir_codec_json_string(value), WEIR_STR("OFF"));
    if (!weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_ARRAY))
        return false;
    struct weir_codec_json_iter it = weir_codec_json_iter(json, value);
    const char *item;
    while (weir_codec_json_next(&it, &item)) {
        if (!weir_protocol_v2_is_kind(item, WEIR_CODEC_JSON_STRING) ||
            !weir_codec_json_string_eq(weir_codec_json_string(item), WEIR_STR("OFF")))
            return false;
    }
    return true;
}

/* Finds whether a setting leaves everything as it is. */
static bool is_as_it_is(const struct weir_codec_json *json, struct weir_str name, const char *value)
{
    if (weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_NULL))
        return true;
    if (weir_codec_json_string_eq(name, WEIR_STR("trace_level")))
        return is_off(json, value);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(trace); i++) {
        if (weir_codec_json_string_eq(name, weir_str_c(trace[i].name)))
            return weir_protocol_v2_is_kind(value, WEIR_CODEC_JSON_STRING) &&
                   weir_codec_json_string_eq(weir_codec_json_string(value),
                                             weir_str_c(trace[i].value));
    }
    return false;
}

static void write_trace(struct weir_buf *buf)
{
    weir_buf_append_c(buf, "{\"trace_level\":[\"OFF\"]");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(trace); i++)
        weir_buf_printf(buf, ",\"%s\":\"%s\"", trace[i].name, trace[i].value);
    weir_buf_append_byte(buf, '}');
}

static void refuse(struct weir_protocol_page *page, const char *text)
{
    page->status = 501;
    weir_protocol_error(page->body, weir_str_c(text));
}

enum weir_status weir_protocol_v2_settings_trace(const struct weir_protocol_question *question,
                                                 const struct weir_protocol_catalog *catalog,
                                                 struct weir_protocol_page *page,
                                                 struct weir_error *err)
{
    WEIR_CLEANUP(weir_codec_json_deinit) struct weir_codec_json json;
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    enum weir_status status = weir_protocol_v2_repository_body(&json, question->body, err);
    if (status == WEIR_OK && question->target.model.n > 0)
        status = catalog->ops->find(catalog, &question->target, &model, &version, err);
    if (status != WEIR_OK)
        return status;
    if (json.root) {
        struct weir_codec_json_iter it = weir_codec_json_iter(&json, json.root);
        struct weir_str name;
        const char *value;
        while (weir_codec_json_next_member(&it, &name, &value)) {
            if (is_as_it_is(&json, name, value))
                continue;
            refuse(page, "tracing is not served: trace_level can only be OFF");
            return WEIR_OK;
        }
    }
    write_trace(page->body);
    return WEIR_OK;
}

/* --- what is not served ---------------------------------------------------------------------- */

void weir_protocol_v2_settings_refuse(enum weir_protocol_v2_action action,
                                      struct weir_protocol_page *page)
{
    if (action == WEIR_PROTOCOL_V2_GENERATE)
        refuse(page, "generation of text is not served");
    else
        refuse(page, "shared memory is not served");
}
