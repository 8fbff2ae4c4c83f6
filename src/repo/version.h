/* SPDX-License-Identifier: MIT */
/* What the repository publishes: versions of models, and the table of those that serve.
 *
 * Both are immutable from the moment they are handed out and may be read from any thread. A version
 * lives until weir_repo_version_released, a table until weir_repo_table_adopted names a newer one.
 */
#ifndef WEIR_REPO_VERSION_H
#define WEIR_REPO_VERSION_H

#include "base/str.h"
#include "config/config.h"
#include "live/reference.h"
#include "model/model.h"
#include "tensor/threshold.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEIR_REPO_DIGEST_BYTES = 32, WEIR_REPO_DIGEST_HEX = 64, WEIR_REPO_DIGEST_SHORT_HEX = 16 };

/* One loaded version of one model. All texts are NUL-terminated and live in the version. */
struct weir_version {
    struct weir_str name;        /* of the model */
    uint64_t number;             /* the folder's number, or the generation of a flat file */
    struct weir_str number_text; /* views number_digits */
    char number_digits[24];
    uint8_t digest[WEIR_REPO_DIGEST_BYTES]; /* SHA-256 of the file */
    char digest_hex[WEIR_REPO_DIGEST_HEX + 1];
    char digest_short[WEIR_REPO_DIGEST_SHORT_HEX + 1]; /* its first 16 digits, for Weir-Digest */
    const struct weir_model *model;
    const struct weir_spec *spec;
    struct weir_tensor_threshold threshold; /* of labels; part of the version: a request sees it
                                               with its model or not at all. May be set until the
                                               version is published */
    struct weir_str file; /* below its model directory ("churn/2/model.joblib"); never an absolute
                             path */
    uint64_t file_bytes;
    uint64_t model_bytes;    /* memory held */
    uint64_t load_ns;        /* reading, parsing and warming up */
    uint64_t loaded_wall_ns; /* when, since 1970 */
    double cost_ns;          /* cost(n) = cost_ns + cost_row_ns × n, measured while warming up */
    double cost_row_ns;
    const struct weir_live_reference *reference; /* that drift is measured against; NULL: none */
    char reference_why[256];                     /* why there is none; empty: none was asked for */
    bool is_from_state_dir; /* the last good file, since the one in the models directory is not */
};

/* The life of a version; see repo/step.h for the diagram. */
#define WEIR_REPO_STATE_MAP(X)                                              \
    X(SEEN, "seen", "was found, and waits for its turn or is not selected") \
    X(SETTLING, "settling", "may still be written")                         \
    X(LOADING, "loading", "is being read")                                  \
    X(CHECKING, "checking", "was read, and is judged by its gate")          \
    X(READY, "ready", "serves")                                             \
    X(ORPHANED, "orphaned", "serves, though its file is gone")              \
    X(RETIRING, "retiring", "finishes the work that it has")                \
    X(GONE, "gone", "is no more")                                           \
    X(FAILED, "failed", "could not be loaded")                              \
    X(HELD, "held", "was rolled back or refused by its gate")

enum weir_repo_state {
#define WEIR_REPO_STATE_ENUM(code, name, text) WEIR_REPO_##code,
    WEIR_REPO_STATE_MAP(WEIR_REPO_STATE_ENUM)
#undef WEIR_REPO_STATE_ENUM
};

enum { WEIR_REPO_STATE_N = 10 }; /* enumerators of enum weir_repo_state */

/* Returns the name of a state ("ready"), borrowed for ever. */
const char *weir_repo_state_name(enum weir_repo_state state);

/* What a gate says of a candidate. */
enum weir_repo_verdict {
    WEIR_REPO_VERDICT_PASS,
    WEIR_REPO_VERDICT_FAIL,
    WEIR_REPO_VERDICT_INCONCLUSIVE, /* it could not be found out; what serves goes on serving */
};

enum { WEIR_REPO_VERDICT_N = 3, WEIR_REPO_CODE_BYTES = 32 };

/* Returns "pass", "fail", "inconclusive"; borrowed for ever. */
const char *weir_repo_verdict_name(enum weir_repo_verdict verdict);

/* What is known of one version or one attempt to load one, for listings. */
struct weir_repo_status {
    enum weir_repo_state state;
    uint64_t number;        /* 0: none was given yet */
    struct weir_str file;   /* below its model directory */
    struct weir_str digest; /* 64 hex digits; empty: not known yet */
    struct weir_str reason; /* why it is in this state, with the place in the file; empty: none */
    uint64_t since_wall_ns; /* in this state since, wall clock */
    uint32_t attempts;      /* times it was tried to load */
};

/* A label and the version it stands for. */
struct weir_repo_label {
    struct weir_str name;
    const struct weir_version *version;
};

/* One model of the table. */
struct weir_repo_entry {
    struct weir_str name;
    const struct weir_version *const *versions; /* n_versions that serve, by number, ascending */
    size_t n_versions;                          /* 0: none does; see status for why */
    const struct weir_version *version;   /* what a request without a version gets: the newest that
                                             serves; NULL: none */
    const struct weir_version *shadow;    /* runs beside it and never answers; not among versions;
                                             NULL: none */
    const struct weir_repo_label *labels; /* those whose version serves */
    size_t n_labels;
    const struct weir_repo_status *status; /* n_status, the serving ones first */
    size_t n_status;
    bool is_decided; /* a version serves, or none will until a file or an option changes */
};

/* All models that were found, by name; also those of which no version serves. */
struct weir_table {
    uint64_t serial;                      /* rises by 1 with each table */
    const struct weir_repo_entry *models; /* n_models, sorted by name */
    size_t n_models;
    size_t n_serving; /* models with a version that serves */
    bool is_ready;    /* by the rule of readiness; draining and such is the server's */
    struct weir_str unready_reason; /* a sentence; empty when ready */
    /* Versions that the table before had and this one has not: each loop lets go of them. */
    const struct weir_version *const *retired;
    size_t n_retired;
};

/* Finds a model; NULL: there is none of that name. */
const struct weir_repo_entry *weir_repo_table_find(const struct weir_table *table,
                                                   struct weir_str name);

/* Finds a serving version by number or label; an empty text means the default. NULL: none. */
const struct weir_version *weir_repo_table_version(const struct weir_repo_entry *entry,
                                                   struct weir_str version);

#endif
