/* SPDX-License-Identifier: MIT */
/* Makes a configuration: each place in turn writes over what came before, then relations between
 * options are checked. A reload makes a second one the same way and takes over, for options that
 * need a restart, what the first one had. */
#include "config/config.h"

#include "base/macros.h"
#include "base/mem.h"
#include "codec/yaml.h"
#include "config/read_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 1 << 20 };

static enum weir_status set_defaults(struct weir_config *config, struct weir_error *err)
{
    for (size_t i = 0; i < WEIR_CONFIG_OPTION_N; i++) {
        const struct weir_config_row *row = &weir_config_value_rows[i];
        if (row->kind == WEIR_CONFIG_LIST && row->text[0] == '\0')
            continue;
        enum weir_status st =
            weir_config_read_set(config, (enum weir_config_option)i, weir_str_c(row->text),
                                 WEIR_CONFIG_FROM_DEFAULT, err);
        if (st != WEIR_OK)
            return st;
    }
    return WEIR_OK;
}

static enum weir_status check(const struct weir_config *c, struct weir_error *err)
{
    const struct {
        bool is_wrong;
        const char *text;
    } rules[] = {
        {c->listen.n == 0, "listen: needs at least one address"},
        {c->drain_delay_ns > c->drain_timeout_ns, "drain_delay: longer than drain_timeout"},
        {c->unsent_bytes_resume > c->unsent_bytes_max,
         "unsent_bytes_resume: larger than unsent_bytes_max"},
        {c->header_line_bytes_max > c->header_bytes_max,
         "header_line_bytes_max: larger than header_bytes_max"},
        {c->chunk_extension_bytes_max > c->chunk_extensions_bytes_max,
         "chunk_extension_bytes_max: larger than chunk_extensions_bytes_max"},
        {c->memory_keepalive_percent > c->memory_refuse_percent,
         "memory_keepalive_percent: larger than memory_refuse_percent"},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rules); i++) {
        if (rules[i].is_wrong)
            return weir_error_set(err, WEIR_ERR_INVALID, "%s", rules[i].text);
    }
    return WEIR_OK;
}

/* Reads a whole regular file into out. */
static enum weir_status read_file(const char *path, struct weir_buf *out, struct weir_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", path, strerror(errno));
    enum weir_status status = WEIR_OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        status = weir_error_set(err, WEIR_ERR_INVALID, "%s: is not a regular file", path);
    while (status == WEIR_OK) {
        char block[16384];
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            status = weir_error_set(err, WEIR_ERR_IO, "%s: %s", path, strerror(errno));
        if (n <= 0)
            break;
        weir_buf_append(out, block, (size_t)n);
        if (out->n > FILE_BYTES_MAX)
            status = weir_error_set(err, WEIR_ERR_LIMIT, "%s: larger than %d bytes", path,
                                    (int)FILE_BYTES_MAX);
        else if (!weir_buf_ok(out))
            status = weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    }
    (void)close(fd); /* Only read from. */
    return status;
}

static enum weir_status read_yaml_file(struct weir_config *config, const char *path,
                                       struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    enum weir_status st = read_file(path, &text, err);
    if (st != WEIR_OK)
        return st;
    config->file = weir_arena_str(&config->arena, weir_str_c(path));
    if (!config->file.at)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    return weir_config_file_read(config, config->file, weir_buf_str(&text), err);
}

/* yaml.at NULL: the file that sources name, if any. */
static enum weir_status read_all(struct weir_config *config, struct weir_str name,
                                 struct weir_str yaml, const struct weir_config_sources *sources,
                                 struct weir_error *err)
{
    const char *path = NULL;
    enum weir_status st = set_defaults(config, err);
    if (st == WEIR_OK)
        st = weir_config_platform_read(config, sources->env, err);
    if (st == WEIR_OK && yaml.at)
        st = weir_config_file_read(config, name, yaml, err);
    else if (st == WEIR_OK)
        st = weir_config_args_find_file(sources, &path, err);
    if (st == WEIR_OK && path)
        st = read_yaml_file(config, path, err);
    if (st == WEIR_OK)
        st = weir_config_args_read_env(config, sources->env, err);
    if (st == WEIR_OK)
        st = weir_config_args_read_flags(config, sources->args, sources->n_args, err);
    if (st == WEIR_OK)
        st = check(config, err);
    if (st == WEIR_OK)
        weir_config_file_inherit(config);
    return st;
}

enum weir_status weir_config_new_from_text(struct weir_config **out, struct weir_str name,
                                           struct weir_str yaml,
                                           const struct weir_config_sources *sources,
                                           struct weir_error *err)
{
    weir_assert(out);
    weir_assert(sources);
    struct weir_config *config = weir_mem_zalloc(weir_mem_default(), sizeof *config);
    if (!config)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    weir_arena_init(&config->arena, weir_mem_default(), 0);
    enum weir_status st = read_all(config, name, yaml, sources, err);
    if (st != WEIR_OK)
        weir_config_free(config);
    else
        *out = config;
    return st;
}

enum weir_status weir_config_new(struct weir_config **out,
                                 const struct weir_config_sources *sources, struct weir_error *err)
{
    return weir_config_new_from_text(out, WEIR_STR(""), (struct weir_str){NULL, 0}, sources, err);
}

void weir_config_free(struct weir_config *config)
{
    if (!config)
        return;
    weir_arena_deinit(&config->arena);
    weir_mem_free(weir_mem_default(), config);
}

const struct weir_config_model *weir_config_find_model(const struct weir_config *config,
                                                       struct weir_str name)
{
    size_t from = 0;
    size_t to = config->n_by_model;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = weir_str_cmp(config->by_model[middle].name, name);
        if (order == 0)
            return &config->by_model[middle];
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return &config->any_model;
}

static bool is_same_list(const struct weir_config_list *a, const struct weir_config_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (!weir_str_eq(a->at[i], b->at[i]))
            return false;
    }
    return true;
}

static bool is_same(const struct weir_config_row *row, const void *a, const void *b)
{
    switch (row->kind) {
    case WEIR_CONFIG_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case WEIR_CONFIG_COUNT:
    case WEIR_CONFIG_SIZE:
    case WEIR_CONFIG_DURATION:
    case WEIR_CONFIG_CHOICE:
        return *(const uint64_t *)a == *(const uint64_t *)b;
    case WEIR_CONFIG_TEXT:
        return weir_str_eq(*(const struct weir_str *)a, *(const struct weir_str *)b);
    case WEIR_CONFIG_LIST:
        return is_same_list(a, b);
    }
    return false;
}

/* Copies the value of a RESTART option from an older configuration. */
static bool keep(struct weir_config *config, const struct weir_config_row *row, const void *from,
                 void *to)
{
    switch (row->kind) {
    case WEIR_CONFIG_BOOL:
        *(bool *)to = *(const bool *)from;
        return true;
    case WEIR_CONFIG_COUNT:
    case WEIR_CONFIG_SIZE:
    case WEIR_CONFIG_DURATION:
    case WEIR_CONFIG_CHOICE:
        *(uint64_t *)to = *(const uint64_t *)from;
        return true;
    case WEIR_CONFIG_TEXT:
        *(struct weir_str *)to = weir_arena_str(&config->arena, *(const struct weir_str *)from);
        return ((struct weir_str *)to)->at != NULL;
    case WEIR_CONFIG_LIST: {
        const struct weir_config_list *list = from;
        struct weir_str *items =
            weir_arena_array(&config->arena, list->n ? list->n : 1, sizeof *items);
        for (size_t i = 0; items && i < list->n; i++) {
            items[i] = weir_arena_str(&config->arena, list->at[i]);
            if (!items[i].at)
                return false;
        }
        *(struct weir_config_list *)to = (struct weir_config_list){items, list->n};
        return items != NULL;
    }
    }
    return false;
}

static bool is_same_model(const struct weir_config_model *a, const struct weir_config_model *b)
{
    if (!weir_str_eq(a->name, b->name) || a->policy != b->policy ||
        a->n_versions != b->n_versions || a->n_labels != b->n_labels || a->shadow != b->shadow ||
        !weir_str_eq(a->root_key, b->root_key) || a->has_threshold != b->has_threshold ||
        a->threshold != b->threshold || !weir_str_eq(a->threshold_score, b->threshold_score) ||
        !weir_str_eq(a->threshold_positive, b->threshold_positive) ||
        !weir_str_eq(a->drift_reference, b->drift_reference) ||
        !weir_codec_yaml_is_same(a->gate, b->gate))
        return false;
    for (size_t i = 0; i < a->n_versions; i++) {
        if (a->versions[i] != b->versions[i])
            return false;
    }
    for (size_t i = 0; i < a->n_labels; i++) {
        if (a->labels[i].version != b->labels[i].version ||
            !weir_str_eq(a->labels[i].name, b->labels[i].name))
            return false;
    }
    for (size_t i = 0; i < WEIR_CONFIG_MODEL_ROW_N; i++) {
        size_t at = weir_config_value_model_rows[i].offset;
        if (memcmp((const char *)a + at, (const char *)b + at, sizeof(uint64_t)) != 0)
            return false;
    }
    return true;
}

static bool are_same_models(const struct weir_config *a, const struct weir_config *b)
{
    if (a->n_by_model != b->n_by_model)
        return false;
    for (size_t i = 0; i < a->n_by_model; i++) {
        if (!is_same_model(&a->by_model[i], &b->by_model[i]))
            return false;
    }
    return true;
}

/* Compares, keeps what needs a restart; false: no memory. */
static bool compare(struct weir_config *config, const struct weir_config *old,
                    struct weir_config_changes *changes)
{
    for (size_t i = 0; i < WEIR_CONFIG_OPTION_N; i++) {
        const struct weir_config_row *row = &weir_config_value_rows[i];
        const void *before = (const char *)old + row->offset;
        void *after = (char *)config + row->offset;
        if (is_same(row, before, after))
            continue;
        if (row->scope == WEIR_CONFIG_RESTART) {
            changes->needs_restart[i] = true;
            changes->n_restart++;
            config->origins[i] = old->origins[i];
            if (!keep(config, row, before, after))
                return false;
        } else {
            changes->is_changed[i] = true;
            changes->n_changed++;
        }
    }
    changes->model_options = !are_same_models(config, old);
    changes->n_changed += changes->model_options;
    return true;
}

enum weir_status weir_config_reload(struct weir_config **out, const struct weir_config *old,
                                    const struct weir_config_sources *sources,
                                    struct weir_config_changes *changes, struct weir_error *err)
{
    struct weir_config *config = NULL;
    struct weir_config_changes found = {0};
    enum weir_status st = weir_config_new(&config, sources, err);
    if (st != WEIR_OK)
        return st;
    if (!compare(config, old, &found)) {
        weir_config_free(config);
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    }
    *changes = found;
    *out = config;
    return WEIR_OK;
}

const char *weir_config_name(enum weir_config_option option)
{
    weir_assert((size_t)option < WEIR_CONFIG_OPTION_N);
    return weir_config_value_rows[option].name;
}
