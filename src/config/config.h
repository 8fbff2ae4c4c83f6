/* SPDX-License-Identifier: MIT */
/* The configuration of the server: one plain struct, made from the option table.
 *
 * Values come from five places, later ones win: the defaults, the container platform (platform.c
 * has its variables), a YAML file, the environment (WEIR_MAX_BATCH_SIZE), the command line
 * (--max-batch-size 64). A configuration is immutable once made; a reload makes another. Threads:
 * any that the owner allows; nothing here is shared. */
#ifndef WEIR_CONFIG_CONFIG_H
#define WEIR_CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "config/options.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_yaml;

/* Texts of a LIST option. */
struct weir_config_list {
    const struct weir_str *at; /* n texts, NUL-terminated */
    size_t n;
};

/* Which versions of a model serve. */
enum weir_config_policy {
    WEIR_CONFIG_POLICY_LATEST, /* the newest that loads */
    WEIR_CONFIG_POLICY_ALL,
    WEIR_CONFIG_POLICY_NAMED, /* those listed */
};

/* A name for a version, as "stable": usable wherever a version number is. */
struct weir_config_label {
    struct weir_str name;
    uint64_t version;
};

/* What model_options says of one model. Where has_… is false the field holds the global value, so
 * that readers need not look. */
struct weir_config_model {
    struct weir_str name; /* empty: the global values, for models without an entry */
    enum weir_config_policy policy;
    const uint64_t *versions; /* n_versions numbers, ascending, for WEIR_CONFIG_POLICY_NAMED */
    size_t n_versions;
    const struct weir_config_label *labels;
    size_t n_labels;
    uint64_t shadow;              /* the version that runs beside the one that answers; 0: none */
    const struct weir_yaml *gate; /* the gate's keys, a file's path or "off", as gate/gate_file.h
                                     reads them; NULL: not said; lives in the configuration */
    struct weir_str gate_name;    /* where that was read, for messages */
    bool has_threshold;           /* labels of two classes are decided by a score: */
    double threshold;             /* score >= this is positive; finite */
    struct weir_str threshold_score;    /* name of the output; empty: as evaluations rank */
    struct weir_str threshold_positive; /* the positive class; empty: the second */
    struct weir_str root_key; /* which of several estimators in the model's file is served: its key
                                 in the dict or its index in the list, nested ones a/b; empty: not
                                 said */
    struct weir_str drift_reference; /* CSV file that drift is measured against, below the model's
                                        directory unless absolute; empty: none */
    uint64_t max_batch_size;
    uint64_t max_queue_delay_microseconds;
    uint64_t inline_choice; /* enum weir_config_inline */
    uint64_t inline_cost_max_ns;
    uint64_t queue_requests_max;
    uint64_t queue_rows_max;
    uint64_t queue_bytes_max;
    uint64_t queue_delay_max_ns;
    uint64_t request_timeout_ns;
    uint64_t queue_timeout_ns;
    uint64_t request_queue_timeout; /* enum weir_config_queue_timeout */
    uint64_t priority_levels;
    uint64_t default_priority_level;
    uint64_t quality; /* enum weir_config_quality */
    uint64_t quality_window_ns;
    uint64_t quality_ttl_ns;
    uint64_t quality_capacity;
    uint64_t quality_labels; /* enum weir_config_quality_labels */
    uint64_t drift_psi_percent;
};

/* Where the value of an option came from. */
enum weir_config_origin {
    WEIR_CONFIG_FROM_DEFAULT,
    WEIR_CONFIG_FROM_PLATFORM, /* SageMaker's or Vertex AI's variables and folders */
    WEIR_CONFIG_FROM_FILE,
    WEIR_CONFIG_FROM_ENVIRONMENT,
    WEIR_CONFIG_FROM_FLAG,
};

/* Indices of the options, WEIR_CONFIG_OPTION_listen and so on. */
enum weir_config_option {
#define WEIR_CONFIG_OPTION_ENUM(kind, field, ...) WEIR_CONFIG_OPTION_##field,
    WEIR_CONFIG_OPTIONS(WEIR_CONFIG_OPTION_ENUM)
#undef WEIR_CONFIG_OPTION_ENUM
};

enum {
#define WEIR_CONFIG_OPTION_COUNT(...) +1
    WEIR_CONFIG_OPTION_N = 0 WEIR_CONFIG_OPTIONS(WEIR_CONFIG_OPTION_COUNT)
#undef WEIR_CONFIG_OPTION_COUNT
};

#define WEIR_CONFIG_FIELD_BOOL(field)     bool field;
#define WEIR_CONFIG_FIELD_COUNT(field)    uint64_t field;
#define WEIR_CONFIG_FIELD_SIZE(field)     uint64_t field;
#define WEIR_CONFIG_FIELD_DURATION(field) uint64_t field;
#define WEIR_CONFIG_FIELD_CHOICE(field)   uint64_t field;
#define WEIR_CONFIG_FIELD_TEXT(field)     struct weir_str field;
#define WEIR_CONFIG_FIELD_LIST(field)     struct weir_config_list field;

/* All options; the meaning of each field is in the table of config/options.h. Texts are
 * NUL-terminated and live in the configuration. */
struct weir_config {
#define WEIR_CONFIG_FIELD(kind, field, ...) WEIR_CONFIG_FIELD_##kind(field)
    WEIR_CONFIG_OPTIONS(WEIR_CONFIG_FIELD)
#undef WEIR_CONFIG_FIELD
    struct weir_config_model any_model; /* what holds for a model without an entry */
    struct weir_config_model *by_model; /* n_by_model entries of model_options, by name */
    size_t n_by_model;
    struct weir_str file;            /* the YAML file that was read; empty: none */
    const struct weir_str *warnings; /* n_warnings sentences to be logged */
    size_t n_warnings;
    uint8_t origins[WEIR_CONFIG_OPTION_N]; /* enum weir_config_origin of each option */
    struct weir_arena arena;               /* owns all texts */
};

/* Where to read from. */
struct weir_config_sources {
    const char *file;  /* YAML file; NULL: --config or WEIR_CONFIG, else none */
    char *const *args; /* arguments after "weir serve", n_args of them; what is no flag is a model
                          path */
    size_t n_args;
    char *const *env; /* NULL-terminated NAME=value; NULL: no environment and no platform */
};

/* Reads a configuration. On success *out is owned by the caller (weir_config_free).
 * WEIR_ERR_INVALID: an unknown option (the message names the nearest), a wrong value, a broken
 * file: the message names the place (`weir.yaml:3:7: max_batch_size: …`, `--loops: …`).
 * WEIR_ERR_IO: the file cannot be read. WEIR_ERR_LIMIT: the file is too large. */
WEIR_MUST_USE enum weir_status weir_config_new(struct weir_config **out,
                                               const struct weir_config_sources *sources,
                                               struct weir_error *err);

/* As weir_config_new, with the YAML text given instead of the file; name is used in messages. */
WEIR_MUST_USE enum weir_status weir_config_new_from_text(struct weir_config **out,
                                                         struct weir_str name, struct weir_str yaml,
                                                         const struct weir_config_sources *sources,
                                                         struct weir_error *err);

/* Releases a configuration; NULL is allowed. */
void weir_config_free(struct weir_config *config);

/* Returns the options of a model, by name; its own, or any_model. Borrowed from config. */
const struct weir_config_model *weir_config_find_model(const struct weir_config *config,
                                                       struct weir_str name);

/* What a reload found: for each option whether its value differs, and whether that needs a restart.
 */
struct weir_config_changes {
    bool is_changed[WEIR_CONFIG_OPTION_N];    /* took effect */
    bool needs_restart[WEIR_CONFIG_OPTION_N]; /* differs, but the old value was kept */
    bool model_options;                       /* the entries of model_options differ */
    size_t n_changed;                         /* all that took effect */
    size_t n_restart;
};

/* Reads the configuration again, for SIGHUP. *out is a new configuration in which options of scope
 * RESTART have the values of old. On failure *out and *changes are unchanged, and old stays good.
 */
WEIR_MUST_USE enum weir_status weir_config_reload(struct weir_config **out,
                                                  const struct weir_config *old,
                                                  const struct weir_config_sources *sources,
                                                  struct weir_config_changes *changes,
                                                  struct weir_error *err);

/* Returns the name of an option ("max_batch_size"), borrowed for ever. */
const char *weir_config_name(enum weir_config_option option);

/* Writes the value of an option as the YAML file would have it ("16MiB", "[a, b]"). */
void weir_config_help_value(const struct weir_config *config, enum weir_config_option option,
                            struct weir_buf *out);

/* Writes the flags for --help: one line each, grouped, at most 100 columns. */
void weir_config_help_flags(struct weir_buf *out);

/* Writes the table of options as Markdown (conf/options.md). */
void weir_config_help_markdown(struct weir_buf *out);

/* Writes the whole configuration as YAML, with the origin of what is not a default. */
void weir_config_help_yaml(const struct weir_config *config, struct weir_buf *out);

#endif
