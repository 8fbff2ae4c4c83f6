/* SPDX-License-Identifier: MIT */
/* What gates said, kept in the state directory, so that the same files are never judged twice:
 *
 *     verdicts/<4 × 16 hex digits>   a verdict by the digests of candidate, holdout, gate and live
 *             /<model>.history       the last lines of a gate's history, newest first
 *             /<model>.thresholds    the thresholds that gates chose (thresholds.h)
 *             /uses                  which candidates were judged on which holdout
 *
 * Each file ends with a digest of itself; one that is damaged is as good as none. The oldest
 * verdicts go when there are too many. Threads: the judge; open and history_read: the keeper,
 * before the judge starts. */
#ifndef WEIR_REPO_VERDICTS_H
#define WEIR_REPO_VERDICTS_H

#include "base/buf.h"
#include "repo/state_dir.h"

enum {
    WEIR_REPO_VERDICTS_MAX = 256,                /* kept at once */
    WEIR_REPO_VERDICTS_BYTES_MAX = 64 << 20,     /* of all */
    WEIR_REPO_VERDICTS_FILE_BYTES_MAX = 8 << 20, /* of one; a longer one is not kept */
    WEIR_REPO_VERDICTS_USES_MAX = 16384,         /* remembered; the oldest are forgotten */
    WEIR_REPO_VERDICTS_REASON_BYTES = 512,
    WEIR_REPO_VERDICTS_WORD_BYTES = 128,
    WEIR_REPO_VERDICTS_KEY_BYTES = 4 * 16 + 3 + 1,
};

struct weir_repo_verdicts {
    struct weir_repo_state_dir dir; /* verdicts/; its fd is -1: nothing is kept */
};

/* A verdict with its documents. */
struct weir_repo_verdicts_entry {
    enum weir_repo_verdict verdict;
    char code[WEIR_REPO_CODE_BYTES]; /* "ok", "rule_failed" */
    char reason[WEIR_REPO_VERDICTS_REASON_BYTES];
    uint64_t ns;     /* how long judging took */
    uint64_t n_uses; /* candidates judged on the holdout until then */
    bool has_threshold;
    double threshold;                                /* score >= threshold is positive, */
    char score_space[WEIR_REPO_VERDICTS_WORD_BYTES]; /* on this output; */
    char positive[WEIR_REPO_VERDICTS_WORD_BYTES];    /* the positive class */
    struct weir_buf document;                        /* gate/1, JSON; owned */
    struct weir_buf report;                          /* HTML; owned; may be empty */
};

/* Opens verdicts/ below the state directory, making it if needed. WEIR_ERR_IO; *verdicts keeps
 * nothing then, nor when there is no state directory. */
WEIR_MUST_USE enum weir_status weir_repo_verdicts_open(struct weir_repo_verdicts *verdicts,
                                                       const struct weir_repo_state_dir *state,
                                                       struct weir_error *err);
void weir_repo_verdicts_close(struct weir_repo_verdicts *verdicts);

/* Finds a verdict; *out is the caller's (weir_repo_verdicts_deinit). WEIR_ERR_NOT_FOUND;
 * WEIR_ERR_CORRUPT: it is damaged; WEIR_ERR_IO, WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_repo_verdicts_find(const struct weir_repo_verdicts *verdicts,
                                                       const char *key,
                                                       struct weir_repo_verdicts_entry *out,
                                                       struct weir_error *err);

/* Keeps a verdict, and removes the oldest ones beyond the limits. WEIR_ERR_IO, WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_repo_verdicts_put(const struct weir_repo_verdicts *verdicts,
                                                      const char *key,
                                                      const struct weir_repo_verdicts_entry *entry,
                                                      struct weir_error *err);
void weir_repo_verdicts_deinit(struct weir_repo_verdicts_entry *entry);

/* Notes that a candidate is judged on a holdout (16 hex digits each). Returns how many different
 * ones were, this one included. A failure to write is no failure: the count is then lower later. */
uint64_t weir_repo_verdicts_use(const struct weir_repo_verdicts *verdicts, struct weir_str holdout,
                                struct weir_str candidate);

/* Writes, reads a small text of the directory, each with a digest of itself, by the name of its
 * file; text gets the digest appended. Threads: any, of different names; readers of one see the old
 * or the new text. WEIR_ERR_IO, WEIR_ERR_NO_MEMORY; read: WEIR_ERR_NOT_FOUND, WEIR_ERR_CORRUPT. */
WEIR_MUST_USE enum weir_status
weir_repo_verdicts_text_write(const struct weir_repo_verdicts *verdicts, const char *name,
                              struct weir_buf *text, struct weir_error *err);
WEIR_MUST_USE enum weir_status
weir_repo_verdicts_text_read(const struct weir_repo_verdicts *verdicts, const char *name,
                             struct weir_buf *out, size_t bytes_max, struct weir_error *err);

/* Writes, reads a model's history: any text. WEIR_ERR_IO; read: WEIR_ERR_NOT_FOUND,
 * WEIR_ERR_CORRUPT. */
WEIR_MUST_USE enum weir_status
weir_repo_verdicts_history_write(const struct weir_repo_verdicts *verdicts, struct weir_str model,
                                 struct weir_str text, struct weir_error *err);
WEIR_MUST_USE enum weir_status
weir_repo_verdicts_history_read(const struct weir_repo_verdicts *verdicts, struct weir_str model,
                                struct weir_buf *out, struct weir_error *err);

#endif
