/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "base/near.h"
#include "base/unit.h"
#include "config/value_priv.h"

#include <arpa/inet.h>
#include <sys/un.h>

#define ROW(kind_, field_, name_, default_, min_, max_, unit_, scope_, group_, help_) \
    [WEIR_CONFIG_OPTION_##field_] = {                                                 \
        .name = (name_),                                                              \
        .kind = WEIR_CONFIG_##kind_,                                                  \
        .scope = WEIR_CONFIG_##scope_,                                                \
        .offset = offsetof(struct weir_config, field_),                               \
        .text = (default_),                                                           \
        .min = (min_),                                                                \
        .max = (max_),                                                                \
        .unit = (unit_),                                                              \
        .group = (group_),                                                            \
        .help = (help_),                                                              \
    },

const struct weir_config_row weir_config_value_rows[WEIR_CONFIG_OPTION_N] = {
    WEIR_CONFIG_OPTIONS(ROW)};

#define MODEL_ROW(field)                                                      \
    {                                                                         \
        WEIR_CONFIG_OPTION_##field, offsetof(struct weir_config_model, field) \
    }

const struct weir_config_model_row weir_config_value_model_rows[WEIR_CONFIG_MODEL_ROW_N] = {
    MODEL_ROW(max_batch_size),         MODEL_ROW(max_queue_delay_microseconds),
    MODEL_ROW(inline_choice),          MODEL_ROW(inline_cost_max_ns),
    MODEL_ROW(queue_requests_max),     MODEL_ROW(queue_rows_max),
    MODEL_ROW(queue_bytes_max),        MODEL_ROW(queue_delay_max_ns),
    MODEL_ROW(request_timeout_ns),     MODEL_ROW(queue_timeout_ns),
    MODEL_ROW(request_queue_timeout),  MODEL_ROW(priority_levels),
    MODEL_ROW(default_priority_level), MODEL_ROW(quality),
    MODEL_ROW(quality_window_ns),      MODEL_ROW(quality_ttl_ns),
    MODEL_ROW(quality_capacity),       MODEL_ROW(quality_labels),
    MODEL_ROW(drift_psi_percent),
};

static bool parse_bool(struct weir_str text, uint64_t *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(words); i++) {
        if (weir_str_eq_nocase(text, weir_str_c(words[i]))) {
            *out = i % 2;
            return true;
        }
    }
    return false;
}

static bool parse_choice(const char *words, struct weir_str text, uint64_t *out)
{
    struct weir_str rest = weir_str_c(words);
    for (uint64_t i = 0; rest.at; i++) {
        if (weir_str_eq(weir_str_split(&rest, '|'), text)) {
            *out = i;
            return true;
        }
    }
    return false;
}

static enum weir_status check_bounds(const struct weir_config_row *row, uint64_t v,
                                     struct weir_error *err)
{
    if (v >= row->min && v <= row->max)
        return WEIR_OK;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf b = WEIR_BUF_INIT;
    weir_config_value_write(row, row->min, &b);
    weir_buf_append_c(&b, " to ");
    weir_config_value_write(row, row->max, &b);
    const char *range = weir_buf_c(&b);
    return weir_error_set(err, WEIR_ERR_INVALID, "out of range, allowed: %s", range ? range : "");
}

enum weir_status weir_config_value_parse(const struct weir_config_row *row, struct weir_str text,
                                         uint64_t *out, struct weir_error *err)
{
    uint64_t v = 0;
    bool ok = false;
    const char *expected = "";
    switch (row->kind) {
    case WEIR_CONFIG_BOOL:
        ok = parse_bool(text, &v);
        expected = "true or false";
        break;
    case WEIR_CONFIG_COUNT:
        ok = weir_str_to_u64(text, UINT64_MAX, &v);
        expected = "a whole number";
        break;
    case WEIR_CONFIG_SIZE:
        ok = weir_unit_read_size(text, &v);
        expected = "a size such as 16MiB";
        break;
    case WEIR_CONFIG_DURATION:
        ok = weir_unit_read_duration(text, &v);
        expected = "a time with its unit such as 250ms or 10s";
        break;
    case WEIR_CONFIG_CHOICE:
        ok = parse_choice(row->unit, text, &v);
        expected = row->unit;
        break;
    case WEIR_CONFIG_TEXT:
    case WEIR_CONFIG_LIST:
        return weir_error_set(err, WEIR_ERR_INTERNAL, "not a number");
    }
    if (!ok) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(err, WEIR_ERR_INVALID, "expected %s, got \"%s\"", expected,
                              weir_str_echo(text, echo, sizeof echo));
    }
    enum weir_status st = check_bounds(row, v, err);
    if (st == WEIR_OK)
        *out = v;
    return st;
}

void weir_config_value_write(const struct weir_config_row *row, uint64_t value,
                             struct weir_buf *out)
{
    struct weir_str rest = weir_str_c(row->unit);
    switch (row->kind) {
    case WEIR_CONFIG_BOOL:
        weir_buf_append_c(out, value ? "true" : "false");
        return;
    case WEIR_CONFIG_COUNT:
        weir_buf_append_u64(out, value);
        return;
    case WEIR_CONFIG_SIZE:
        weir_unit_write_size(value, out);
        return;
    case WEIR_CONFIG_DURATION:
        weir_unit_write_duration(value, out);
        return;
    case WEIR_CONFIG_CHOICE:
        for (uint64_t i = 0; i < value; i++)
            (void)weir_str_split(&rest, '|'); /* Skips the words before. */
        weir_buf_append_str(out, weir_str_split(&rest, '|'));
        return;
    case WEIR_CONFIG_TEXT:
    case WEIR_CONFIG_LIST:
        return;
    }
}

static bool is_host(struct weir_str host)
{
    char text[64];
    unsigned char address[sizeof(struct in6_addr)];
    if (host.n == 0 || weir_str_eq_c(host, "*"))
        return true; /* All IPv4 addresses. */
    if (host.n >= sizeof text)
        return false;
    bool is_v6 = host.at[0] == '[';
    if (is_v6 && (host.n < 2 || host.at[host.n - 1] != ']'))
        return false;
    struct weir_str bare = is_v6 ? weir_str_make(host.at + 1, host.n - 2) : host;
    if (weir_str_eq_c(bare, "localhost"))
        return !is_v6;
    memcpy(text, bare.at, bare.n);
    text[bare.n] = '\0';
    return inet_pton(is_v6 ? AF_INET6 : AF_INET, text, address) == 1;
}

static enum weir_status check_address(struct weir_str text, struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    if (weir_str_starts(text, WEIR_STR("unix:"))) {
        size_t n = text.n - 5;
        if (n > 0 && n < sizeof((struct sockaddr_un *)0)->sun_path)
            return WEIR_OK;
        return weir_error_set(err, WEIR_ERR_INVALID, "unix: needs a path of 1 to %zu bytes",
                              sizeof((struct sockaddr_un *)0)->sun_path - 1);
    }
    const char *colon = text.n ? memrchr(text.at, ':', text.n) : NULL;
    uint64_t port;
    if (colon) {
        size_t n = (size_t)(colon - text.at);
        if (is_host(weir_str_make(text.at, n)) &&
            weir_str_to_u64(weir_str_make(colon + 1, text.n - n - 1), 65535, &port))
            return WEIR_OK;
    }
    return weir_error_set(err, WEIR_ERR_INVALID,
                          "expected ADDR:PORT, [V6]:PORT or unix:PATH, got \"%s\"",
                          weir_str_echo(text, echo, sizeof echo));
}

enum weir_status weir_config_value_check_text(enum weir_config_option option, struct weir_str text,
                                              struct weir_error *err)
{
    const struct weir_config_row *row = &weir_config_value_rows[option];
    char echo[WEIR_ECHO_BUF_BYTES];
    size_t max = row->kind == WEIR_CONFIG_TEXT ? row->max : 4096;
    if (text.n > max)
        return weir_error_set(err, WEIR_ERR_INVALID, "longer than %zu bytes", max);
    if (text.n && memchr(text.at, 0, text.n))
        return weir_error_set(err, WEIR_ERR_INVALID, "holds a NUL byte");
    if (option == WEIR_CONFIG_OPTION_listen)
        return check_address(text, err);
    if (option == WEIR_CONFIG_OPTION_admin && !weir_str_eq_c(text, "off") && text.n > 0)
        return check_address(text, err);
    if (option == WEIR_CONFIG_OPTION_models && text.n == 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "a path is empty");
    bool is_route =
        option == WEIR_CONFIG_OPTION_predict_route || option == WEIR_CONFIG_OPTION_health_route;
    if (is_route && text.n > 0 &&
        (text.at[0] != '/' || memchr(text.at, '{', text.n) || memchr(text.at, '}', text.n)))
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "\"%s\" is not a path that begins with '/' and has no braces",
                              weir_str_echo(text, echo, sizeof echo));
    if (option == WEIR_CONFIG_OPTION_default_model && text.n > 0 && !weir_str_is_name(text))
        return weir_error_set(err, WEIR_ERR_INVALID, "\"%s\" is not a model name",
                              weir_str_echo(text, echo, sizeof echo));
    return WEIR_OK;
}

static bool is_same_name(struct weir_str a, const char *name)
{
    if (a.n != strlen(name))
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (a.at[i] != name[i] && !(a.at[i] == '-' && name[i] == '_'))
            return false;
    }
    return true;
}

size_t weir_config_value_find(struct weir_str name)
{
    for (size_t i = 0; i < WEIR_CONFIG_OPTION_N; i++) {
        if (is_same_name(name, weir_config_value_rows[i].name))
            return i;
    }
    return WEIR_CONFIG_OPTION_N;
}

const char *weir_config_value_nearest(struct weir_str name, const char *const *more, size_t n_more)
{
    const char *best = NULL;
    size_t best_at = name.n / 3 + 2; /* Further away is no help. */
    for (size_t i = 0; i < WEIR_CONFIG_OPTION_N + n_more; i++) {
        const char *other = i < WEIR_CONFIG_OPTION_N ? weir_config_value_rows[i].name
                                                     : more[i - WEIR_CONFIG_OPTION_N];
        size_t d = weir_near_distance(name, weir_str_c(other));
        if (d < best_at) {
            best_at = d;
            best = other;
        }
    }
    return best;
}
