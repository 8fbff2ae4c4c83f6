/* SPDX-License-Identifier: MIT */
/* What outlives the process: for each model its record (generations, what serves, what is held),
 * and by digest the files that served last.
 *
 *     STATE_DIR/<16 hex digits of the model paths>/lock     held while a server runs
 *                                                 /index    the records, as text, with a digest
 *                                                 /<64 hex digits>   one kept model file
 *                                                 /verdicts/         what gates said (verdicts.h)
 *
 * Files are written beside and renamed, with fsync between: whatever instant the process is killed
 * at, the old or the new one is there whole. Open and recall: the keeper, before the loader starts;
 * everything else: the loader only. */
#ifndef WEIR_REPO_STATE_DIR_H
#define WEIR_REPO_STATE_DIR_H

#include "base/buf.h"
#include "config/config.h"
#include "repo/step.h"

enum {
    WEIR_REPO_STATE_DIR_INDEX_BYTES_MAX = 16 << 20,
    WEIR_REPO_STATE_DIR_NAME_BYTES = 160, /* of a file in it, with its NUL */
};

struct weir_repo_state_dir {
    int fd;      /* the directory; -1: there is none */
    int lock_fd; /* held */
};

/* Opens the state directory that the configuration means, making it if needed. WEIR_ERR_IO: it
 * cannot be used, and why; WEIR_ERR_CANCELED: none is wanted; *dir is then as closed. */
WEIR_MUST_USE enum weir_status weir_repo_state_dir_open(struct weir_repo_state_dir *dir,
                                                        const struct weir_config *config,
                                                        struct weir_error *err);

void weir_repo_state_dir_close(struct weir_repo_state_dir *dir);

/* Reads the index and calls fn for each model. WEIR_ERR_NOT_FOUND: there is none yet;
 * WEIR_ERR_CORRUPT: it is damaged, nothing was recalled. */
WEIR_MUST_USE enum weir_status weir_repo_state_dir_recall(
    const struct weir_repo_state_dir *dir,
    void (*fn)(void *ctx, struct weir_str model, const struct weir_repo_record *record), void *ctx,
    struct weir_error *err);

/* Appends one model's line to an index. */
void weir_repo_state_dir_put(struct weir_buf *index, struct weir_str model,
                             const struct weir_repo_record *record);

/* Reads an index's text; as recall. */
WEIR_MUST_USE enum weir_status weir_repo_state_dir_parse(
    struct weir_str index,
    void (*fn)(void *ctx, struct weir_str model, const struct weir_repo_record *record), void *ctx,
    struct weir_error *err);

/* Writes the index (lines of put, its head and digest are added) and removes kept files that it
 * does not name, or that do not fit into bytes_max: those that serve come first. WEIR_ERR_IO. */
WEIR_MUST_USE enum weir_status weir_repo_state_dir_write(const struct weir_repo_state_dir *dir,
                                                         struct weir_str lines, uint64_t bytes_max,
                                                         struct weir_error *err);

/* Keeps a file's bytes under their digest; one that is there already is left alone. WEIR_ERR_LIMIT:
 * larger than bytes_max; WEIR_ERR_IO. */
WEIR_MUST_USE enum weir_status
weir_repo_state_dir_keep(const struct weir_repo_state_dir *dir,
                         const uint8_t digest[WEIR_REPO_DIGEST_BYTES], const void *bytes, size_t n,
                         uint64_t bytes_max, struct weir_error *err);

/* Writes a file of the directory whole: beside it, synced, renamed over it, the directory synced.
 * name is shorter than WEIR_REPO_STATE_DIR_NAME_BYTES. WEIR_ERR_IO. */
WEIR_MUST_USE enum weir_status weir_repo_state_dir_replace(const struct weir_repo_state_dir *dir,
                                                           const char *name, const void *bytes,
                                                           size_t n, struct weir_error *err);

/* Appends all that can be read from a descriptor. WEIR_ERR_IO; WEIR_ERR_LIMIT: more than bytes_max;
 * WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_repo_state_dir_read(int fd, struct weir_buf *out,
                                                        size_t bytes_max);

/* Opens a kept file for reading; *fd is the caller's. WEIR_ERR_NOT_FOUND. */
WEIR_MUST_USE enum weir_status
weir_repo_state_dir_find(const struct weir_repo_state_dir *dir,
                         const uint8_t digest[WEIR_REPO_DIGEST_BYTES], int *fd,
                         struct weir_error *err);

#endif
