/* SPDX-License-Identifier: MIT */
/* The rows of the option table as data, and single values: text ↔ number. */
#ifndef WEIR_CONFIG_VALUE_PRIV_H
#define WEIR_CONFIG_VALUE_PRIV_H

#include "config/config.h"

enum weir_config_kind {
    WEIR_CONFIG_BOOL,
    WEIR_CONFIG_COUNT,
    WEIR_CONFIG_SIZE,
    WEIR_CONFIG_DURATION,
    WEIR_CONFIG_CHOICE,
    WEIR_CONFIG_TEXT,
    WEIR_CONFIG_LIST,
};

enum weir_config_scope { WEIR_CONFIG_RESTART, WEIR_CONFIG_LIVE, WEIR_CONFIG_MODEL };

struct weir_config_row {
    const char *name;
    enum weir_config_kind kind;
    enum weir_config_scope scope;
    size_t offset;    /* of the field in struct weir_config */
    const char *text; /* the default */
    uint64_t min, max;
    const char *unit;
    const char *group;
    const char *help;
};

extern const struct weir_config_row weir_config_value_rows[WEIR_CONFIG_OPTION_N];

/* A per-model value: the row it comes from, and its field in struct weir_config_model. */
struct weir_config_model_row {
    enum weir_config_option option;
    size_t offset;
};

enum { WEIR_CONFIG_MODEL_ROW_N = 19 };
extern const struct weir_config_model_row weir_config_value_model_rows[WEIR_CONFIG_MODEL_ROW_N];

/* Reads a BOOL, COUNT, SIZE, DURATION or CHOICE and checks its bounds. WEIR_ERR_INVALID: the
 * message says what was expected, without the option's name. */
WEIR_MUST_USE enum weir_status weir_config_value_parse(const struct weir_config_row *row,
                                                       struct weir_str text, uint64_t *out,
                                                       struct weir_error *err);

/* Writes such a value in its shortest exact form ("250ms", "16MiB", "auto"). */
void weir_config_value_write(const struct weir_config_row *row, uint64_t value,
                             struct weir_buf *out);

/* Checks a TEXT or one item of a LIST: its length, and for listen, admin and default_model its
 * form. */
WEIR_MUST_USE enum weir_status weir_config_value_check_text(enum weir_config_option option,
                                                            struct weir_str text,
                                                            struct weir_error *err);

/* Finds an option by its name (with _ or -); WEIR_CONFIG_OPTION_N: none. */
size_t weir_config_value_find(struct weir_str name);

/* Returns the name nearest to a mistyped one, from the options and n_more other names; NULL: none
 * is near. */
const char *weir_config_value_nearest(struct weir_str name, const char *const *more, size_t n_more);

#endif
