/* SPDX-License-Identifier: MIT */
/* Reading the model directories: which files are models, under which name and number.
 *
 * A model is a file with a known extension (its stem is the name; .json, .txt and .model only when
 * it begins like a model), an MLflow folder, or a folder with numeric version folders of one such
 * file each, or that are MLflow folders. A path of the option that is an MLflow folder is that one
 * model, under the folder's name. Names that begin with a dot, names of temporary files, and
 * what belongs to a model (*.gate.yaml, *.holdout.csv, *.smoke.json, *.sha256) are passed over.
 * Threads: the keeper's only. */
#ifndef WEIR_REPO_SCAN_H
#define WEIR_REPO_SCAN_H

#include "base/arena.h"
#include "config/config.h"
#include "repo/step.h"

#include <sys/stat.h>

/* One of the paths that the option `models` names. */
struct weir_repo_root {
    char *path;                          /* the directory; owned */
    char *only;                          /* the one file of it that is meant; NULL: all; owned */
    bool is_ok;                          /* it could be read in the last scan */
    bool is_scanned;                     /* at least once */
    char reason[WEIR_REPO_REASON_BYTES]; /* why not */
};

/* What a scan asks about paths, and tells about directories. */
struct weir_repo_scan_hooks {
    /* Returns the hints of a path ("0:churn/2/model.joblib"); NULL: there are none. */
    uint8_t (*hints)(void *ctx, struct weir_str key);
    /* Tells of a directory that is being read; key ends with ":" or "/". NULL: not wanted. */
    void (*directory)(void *ctx, const char *path, struct weir_str key);
    void *ctx;
};

struct weir_repo_scanner {
    struct weir_repo_root *roots; /* n_roots, owned */
    size_t n_roots;
    bool *root_ok; /* by root, for struct weir_repo_scan; owned */
    bool allows_hard_links;
    struct weir_arena arena;       /* of the running or last scan */
    struct weir_repo_found *found; /* n_found of cap_found, owned */
    size_t n_found, cap_found;
};

/* Takes the option's paths in. WEIR_ERR_INVALID: there are none, or one is neither a directory nor
 * a file. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_repo_scan_init(struct weir_repo_scanner *scanner,
                                                   const struct weir_config_list *paths,
                                                   struct weir_error *err);

void weir_repo_scan_deinit(struct weir_repo_scanner *scanner);

/* Reads all directories; out->found is valid until the next scan. The caller fills the times.
 * WEIR_ERR_NO_MEMORY: the scan is not complete and must not be used. */
WEIR_MUST_USE enum weir_status weir_repo_scan_run(struct weir_repo_scanner *scanner,
                                                  const struct weir_repo_scan_hooks *hooks,
                                                  struct weir_repo_scan *out);

/* Returns what a stat says, as the identity that versions are told apart by. */
struct weir_repo_identity weir_repo_scan_identity(const struct stat *st);

/* Finds one identity for all files in a folder, two levels deep; dir is borrowed. false: it cannot
 * be looked at. */
bool weir_repo_scan_folder_identity(int dir, struct weir_repo_identity *out);

/* Finds the stem of a model file's name; false: its extension is not one of a model's. */
bool weir_repo_scan_stem(struct weir_str name, struct weir_str *stem);

/* Finds whether a name is passed over whatever it is. */
bool weir_repo_scan_is_passed_over(struct weir_str name);

#endif
