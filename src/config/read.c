/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "config/read_priv.h"

static void *field(struct weir_config *config, const struct weir_config_row *row)
{
    return (char *)config + row->offset;
}

static enum weir_status add_item(struct weir_config *config, const struct weir_config_row *row,
                                 struct weir_str text, struct weir_error *err)
{
    struct weir_config_list *list = field(config, row);
    if (list->n >= row->max || list->n >= WEIR_CONFIG_LIST_MAX)
        return weir_error_set(err, WEIR_ERR_INVALID, "more than %llu items",
                              (unsigned long long)row->max);
    /* Copied whole for each item: lists are short, and the arena goes with the configuration. */
    struct weir_str *items = weir_arena_array(&config->arena, list->n + 1, sizeof *items);
    struct weir_str own = weir_arena_str(&config->arena, text);
    if (!items || !own.at)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (list->n)
        memcpy(items, list->at, list->n * sizeof *items);
    items[list->n] = own;
    *list = (struct weir_config_list){items, list->n + 1};
    return WEIR_OK;
}

static enum weir_status set_value(struct weir_config *config, enum weir_config_option option,
                                  struct weir_str text, enum weir_config_origin origin,
                                  struct weir_error *err)
{
    const struct weir_config_row *row = &weir_config_value_rows[option];
    if (row->kind == WEIR_CONFIG_TEXT || row->kind == WEIR_CONFIG_LIST) {
        enum weir_status st = weir_config_value_check_text(option, text, err);
        if (st != WEIR_OK)
            return st;
    }
    if (row->kind == WEIR_CONFIG_LIST) {
        if (config->origins[option] != (uint8_t)origin)
            weir_config_read_clear(config, option, origin);
        return add_item(config, row, text, err);
    }
    if (row->kind == WEIR_CONFIG_TEXT) {
        struct weir_str own = weir_arena_str(&config->arena, text);
        if (!own.at)
            return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
        *(struct weir_str *)field(config, row) = own;
        return WEIR_OK;
    }
    uint64_t v = 0;
    enum weir_status st = weir_config_value_parse(row, text, &v, err);
    if (st != WEIR_OK)
        return st;
    if (row->kind == WEIR_CONFIG_BOOL)
        *(bool *)field(config, row) = v != 0;
    else
        *(uint64_t *)field(config, row) = v;
    return WEIR_OK;
}

enum weir_status weir_config_read_set(struct weir_config *config, enum weir_config_option option,
                                      struct weir_str text, enum weir_config_origin origin,
                                      struct weir_error *err)
{
    enum weir_status st = set_value(config, option, text, origin, err);
    if (st == WEIR_OK)
        config->origins[option] = (uint8_t)origin;
    else
        (void)weir_error_prefix(err, "%s", weir_config_value_rows[option].name); /* Only words. */
    return st;
}

void weir_config_read_clear(struct weir_config *config, enum weir_config_option option,
                            enum weir_config_origin origin)
{
    const struct weir_config_row *row = &weir_config_value_rows[option];
    weir_assert(row->kind == WEIR_CONFIG_LIST);
    *(struct weir_config_list *)field(config, row) = (struct weir_config_list){NULL, 0};
    config->origins[option] = (uint8_t)origin;
}

enum weir_status weir_config_read_warn(struct weir_config *config, struct weir_str text)
{
    if (config->n_warnings >= WEIR_CONFIG_WARNINGS_MAX)
        return WEIR_OK;
    struct weir_str *all = weir_arena_array(&config->arena, config->n_warnings + 1, sizeof *all);
    struct weir_str own = weir_arena_str(&config->arena, text);
    if (!all || !own.at)
        return WEIR_ERR_NO_MEMORY;
    if (config->n_warnings)
        memcpy(all, config->warnings, config->n_warnings * sizeof *all);
    all[config->n_warnings++] = own;
    config->warnings = all;
    return WEIR_OK;
}
