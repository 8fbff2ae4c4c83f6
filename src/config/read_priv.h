/* SPDX-License-Identifier: MIT */
/* A configuration being made: the places that values come from, in their order. */
#ifndef WEIR_CONFIG_READ_PRIV_H
#define WEIR_CONFIG_READ_PRIV_H

#include "config/value_priv.h"

enum {
    WEIR_CONFIG_LIST_MAX = 256, /* items of any LIST */
    WEIR_CONFIG_WARNINGS_MAX = 32,
};

/* Gives one option its value from one text; a LIST gets one item more, and is begun anew by the
 * first item from a new origin. origin: enum weir_config_origin. The message begins with the
 * option's name. */
WEIR_MUST_USE enum weir_status
weir_config_read_set(struct weir_config *config, enum weir_config_option option,
                     struct weir_str text, enum weir_config_origin origin, struct weir_error *err);

/* Empties a LIST that a place sets to nothing. */
void weir_config_read_clear(struct weir_config *config, enum weir_config_option option,
                            enum weir_config_origin origin);

/* Adds a sentence for the log; beyond WEIR_CONFIG_WARNINGS_MAX they are dropped. */
WEIR_MUST_USE enum weir_status weir_config_read_warn(struct weir_config *config,
                                                     struct weir_str text);

/* Reads what SageMaker and Vertex AI say in their variables and folders; nothing elsewhere. */
WEIR_MUST_USE enum weir_status weir_config_platform_read(struct weir_config *config,
                                                         char *const *env, struct weir_error *err);

/* Reads YAML text into config. name: in messages, before line and column. */
WEIR_MUST_USE enum weir_status weir_config_file_read(struct weir_config *config,
                                                     struct weir_str name, struct weir_str yaml,
                                                     struct weir_error *err);

/* Reads the text of --model-options or WEIR_MODEL_OPTIONS: a YAML map of models. */
WEIR_MUST_USE enum weir_status weir_config_file_read_models(struct weir_config *config,
                                                            struct weir_str name,
                                                            struct weir_str yaml,
                                                            struct weir_error *err);

/* Fills what entries of model_options left open from the global values. */
void weir_config_file_inherit(struct weir_config *config);

/* Reads the environment, the flags; finds which file they name. */
WEIR_MUST_USE enum weir_status weir_config_args_read_env(struct weir_config *config,
                                                         char *const *env, struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_config_args_read_flags(struct weir_config *config,
                                                           char *const *args, size_t n_args,
                                                           struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_config_args_find_file(const struct weir_config_sources *sources,
                                                          const char **out, struct weir_error *err);

#endif
