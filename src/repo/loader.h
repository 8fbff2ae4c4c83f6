/* SPDX-License-Identifier: MIT */
/* The loader: one thread at low priority that reads, checks and warms up models, frees old ones
 * and writes the state directory. It sees jobs and nothing else of the repository. One load at
 * once; frees and writes go before it. Threads: calls are the keeper's. */
#ifndef WEIR_REPO_LOADER_H
#define WEIR_REPO_LOADER_H

#include "loop/wake.h"
#include "repo/state_dir.h"
#include "repo/step.h"
#include "repo/verdicts.h"

struct weir_repo_loader;

/* What is to be loaded; copied. */
struct weir_repo_load {
    const struct weir_config *config; /* copied; only its numbers are used */
    const char *root;                 /* directory; copied */
    const char *file;                 /* below root; copied */
    const char *model;                /* name; copied */
    bool needs_lease; /* CHANGED unless it is sure that nobody has it open for writing */
    bool is_anywhere; /* the file was named itself: its link may lead out of root */
    bool is_restore;  /* from the state directory, by digest */
    uint8_t digest[WEIR_REPO_DIGEST_BYTES]; /* what it must have, when is_restore */
    struct weir_repo_identity id;           /* what the scan saw */
    uint8_t known[WEIR_REPO_KNOWN_MAX][WEIR_REPO_DIGEST_BYTES]; /* n_known: not to be parsed */
    size_t n_known;
};

struct weir_repo_loader_result {
    struct weir_repo_loaded loaded;
    char reason[WEIR_REPO_REASON_BYTES]; /* loaded.reason is a view of it */
};

/* Makes a loader. callbacks: of them load, load_ctx and program count. fn(arg) is called on the
 * loop when a result is there or the thread has ended. state is borrowed until free. */
WEIR_MUST_USE enum weir_status weir_repo_loader_new(struct weir_repo_loader **out,
                                                    struct weir_loop *loop,
                                                    const struct weir_repo_state_dir *state,
                                                    const struct weir_repo_callbacks *callbacks,
                                                    weir_loop_fn *fn, void *arg);

/* Says where thresholds that gates chose are kept; borrowed until free. Before start. */
void weir_repo_loader_set_verdicts(struct weir_repo_loader *loader,
                                   const struct weir_repo_verdicts *verdicts);

/* WEIR_ERR_IO: no thread could be had. */
WEIR_MUST_USE enum weir_status weir_repo_loader_start(struct weir_repo_loader *loader);

/* Asks for a load; none may be under way. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_repo_loader_load(struct weir_repo_loader *loader,
                                                     const struct weir_repo_load *load);

/* Takes the result of the load; false: it is not there yet. */
bool weir_repo_loader_take(struct weir_repo_loader *loader, struct weir_repo_loader_result *out);

/* Has a version freed; takes it. */
void weir_repo_loader_free_version(struct weir_repo_loader *loader, struct weir_version *version);

/* Has the file of the version loaded last kept in the state directory. Without effect when another
 * load was asked for since. */
void weir_repo_loader_keep(struct weir_repo_loader *loader, const struct weir_version *version,
                           uint64_t bytes_max);

/* Has the index written; takes lines. A later index replaces one that waits. */
void weir_repo_loader_write(struct weir_repo_loader *loader, struct weir_buf *lines,
                            uint64_t bytes_max);

/* Takes the reason of the last failure to write; false: there was none since. */
bool weir_repo_loader_take_failure(struct weir_repo_loader *loader, char *out, size_t cap,
                                   uint64_t *n_failures);

/* Returns how many versions were freed. */
uint64_t weir_repo_loader_n_freed(struct weir_repo_loader *loader);

/* Asks the thread to end: what waits to be freed and written is done first. */
void weir_repo_loader_stop(struct weir_repo_loader *loader);

/* Tells whether the thread has ended (or was never started). */
bool weir_repo_loader_has_ended(struct weir_repo_loader *loader);

/* Joins the thread, which has ended, and closes the wake-up; fn(arg of new) is called when
 * weir_repo_loader_free may be. */
void weir_repo_loader_close(struct weir_repo_loader *loader, weir_loop_fn *fn);

/* Joins the thread and frees; NULL is allowed. */
void weir_repo_loader_free(struct weir_repo_loader *loader);

/* Frees a version at once; for those that are left at the end. NULL is allowed. */
void weir_repo_loader_destroy(struct weir_version *version);

#endif
