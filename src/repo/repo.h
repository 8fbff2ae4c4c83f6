/* SPDX-License-Identifier: MIT */
/* The model repository: it watches directories, loads what changes, and publishes tables of the
 * versions that serve.
 *
 * Everything here runs on the keeper's loop; the loader is a thread of its own that only sees jobs.
 *
 *     on_publish(table N+1) ─▶ the server tells every loop ─▶ each adopts it between two iterations
 *         all adopted   ─▶ weir_repo_table_adopted(N+1): tables up to N are freed, the swap is done
 *         each version of table->retired, when no loop has work of it in flight
 *                       ─▶ weir_repo_version_released(version): the loader frees it
 *
 * The order of the last two calls does not matter. Both may be called from inside on_publish. */
#ifndef WEIR_REPO_REPO_H
#define WEIR_REPO_REPO_H

#include "base/str.h"
#include "config/config.h"
#include "repo/version.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_loop;
struct weir_repo;

/* What happened, for the log. */
#define WEIR_REPO_EVENT_MAP(X)                                          \
    X(PUBLISHED, "model published")                                     \
    X(SWAPPED, "model swapped")                                         \
    X(SHADOWED, "shadow loaded")                                        \
    X(ADOPTED, "swap done")                                             \
    X(SLOW, "model runs without its fast kernels")                      \
    X(LOAD_FAILED, "model not loaded")                                  \
    X(UNCHANGED, "model file touched, same content")                    \
    X(ORPHANED, "model file is gone, still serving")                    \
    X(RESTORED, "last good version restored from the state directory")  \
    X(RETURNED, "model file is back")                                   \
    X(RETIRED, "version retired")                                       \
    X(FREED, "version freed")                                           \
    X(UNLOADED, "model unloaded")                                       \
    X(ROLLED_BACK, "model rolled back")                                 \
    X(GATE_BEGUN, "gate begun")                                         \
    X(GATE_PASSED, "gate passed")                                       \
    X(GATE_REFUSED, "gate refused the version")                         \
    X(GATE_SUPERSEDED, "version changed before its gate had judged it") \
    X(GATE_STORE, "verdicts are not kept")                              \
    X(PROMOTED, "version promoted against its gate")                    \
    X(ROOT_FAILED, "model directory cannot be read")                    \
    X(ROOT_BACK, "model directory can be read again")                   \
    X(WATCH_LOST, "events are not available, rescans go on")            \
    X(STATE_DIR, "no state directory")

enum weir_repo_event_kind {
#define WEIR_REPO_EVENT_ENUM(code, text) WEIR_REPO_EVENT_##code,
    WEIR_REPO_EVENT_MAP(WEIR_REPO_EVENT_ENUM)
#undef WEIR_REPO_EVENT_ENUM
};

/* One event; views are valid during the callback. */
struct weir_repo_event {
    enum weir_repo_event_kind kind;
    bool is_problem;        /* worth a warning */
    struct weir_str model;  /* empty: none */
    uint64_t number;        /* version; 0: none */
    uint64_t number_before; /* the version it replaced; 0: none */
    struct weir_str digest; /* 64 hex digits or empty */
    struct weir_str file;   /* below its model directory */
    struct weir_str reason; /* what is wrong and what is done next; empty: nothing */
    uint64_t ns;            /* how long it took: a load, or a swap from being seen to being done */
    uint64_t serial;        /* of the table, for PUBLISHED, SWAPPED, ADOPTED */
};

/* Returns the text of an event ("model swapped"), borrowed for ever. */
const char *weir_repo_event_text(enum weir_repo_event_kind kind);

/* Counters since the start, of the keeper's thread: name, help. */
#define WEIR_REPO_COUNTERS(X)                                                        \
    X(scans, "times the model directories were read")                                \
    X(file_events, "change events received from the kernel")                         \
    X(event_overflows, "times change events were lost, answered by a rescan")        \
    X(loads, "loads begun")                                                          \
    X(loads_failed, "loads that failed")                                             \
    X(slow_versions, "versions put into service whose kernels failed their check")   \
    X(loads_unchanged, "loads that found the content that serves already")           \
    X(loads_restarted, "loads begun again since the file changed while it was read") \
    X(swaps, "versions that replaced another")                                       \
    X(publishes, "tables published")                                                 \
    X(restores, "versions restored from the state directory")                        \
    X(rollbacks, "rollbacks asked for and done")                                     \
    X(unloads, "models unloaded")                                                    \
    X(gates, "candidates judged by their gate")                                      \
    X(gates_passed, "candidates that passed it")                                     \
    X(gates_reused, "verdicts that were known from the same files")                  \
    X(gates_superseded, "candidates that changed before they were judged")           \
    X(promotions, "candidates promoted against their gate")                          \
    X(orphans, "times a model's file was found gone")                                \
    X(versions_freed, "versions freed")                                              \
    X(state_failures, "writes to the state directory that failed")

struct weir_repo_counters {
#define WEIR_REPO_COUNTER_FIELD(name, help) uint64_t name;
    WEIR_REPO_COUNTERS(WEIR_REPO_COUNTER_FIELD)
#undef WEIR_REPO_COUNTER_FIELD
};

/* Makes a model from a file's bytes; the default is weir_format_load_bytes. bytes: n, borrowed
 * during the call. deadline_ns: monotonic; a load that sees it pass gives WEIR_ERR_TIMEOUT.
 * Runs on: loader. */
typedef enum weir_status weir_repo_load_fn(void *ctx, struct weir_model **out,
                                           const struct weir_config *config, struct weir_str file,
                                           const void *bytes, size_t n, uint64_t deadline_ns,
                                           struct weir_error *err);

struct weir_repo_callbacks {
    /* A new table; borrowed until weir_repo_table_adopted names a newer one. Never called from
     * inside weir_repo_new. */
    void (*on_publish)(void *ctx, const struct weir_table *table);
    /* Something to log; may be NULL. */
    void (*on_event)(void *ctx, const struct weir_repo_event *event);
    /* A line was added to the history of a model's gate; may be NULL. is_forced: a promotion
     * against the verdict. */
    void (*on_verdict)(void *ctx, struct weir_str model, enum weir_repo_verdict verdict,
                       bool is_forced, uint64_t ns);
    /* weir_repo_stop is done: the threads have ended, no callback follows. */
    void (*on_stopped)(void *ctx);
    void *ctx;
    weir_repo_load_fn *load; /* NULL: weir_format_load_bytes */
    void *load_ctx;
    const char *program; /* the file of the program weir, for the option onnx_guard; NULL: ONNX
                            models are not tried; borrowed until weir_repo_free */
};

/* Makes a repository on the keeper's loop. Uses config's options of the groups Repository and
 * Loading, models, strict_readiness and model_options; config is borrowed until weir_repo_free or
 * weir_repo_reconfigure. Opens the state directory; one that cannot be used is an event, not a
 * failure. WEIR_ERR_NO_MEMORY; WEIR_ERR_INVALID: no models are named, or one of them is neither a
 * directory nor a file. */
WEIR_MUST_USE enum weir_status weir_repo_new(struct weir_repo **out, struct weir_loop *loop,
                                             const struct weir_config *config,
                                             const struct weir_repo_callbacks *callbacks,
                                             struct weir_error *err);

/* Starts the loader and the first scan, which is done before the call returns (its loads are not).
 * WEIR_ERR_IO: no thread could be had. */
WEIR_MUST_USE enum weir_status weir_repo_start(struct weir_repo *repo, struct weir_error *err);

/* Ends watching and the loader; a load under way is given up at its next step. on_stopped is called
 * later, from the loop. Tables and versions stay valid until weir_repo_free. */
void weir_repo_stop(struct weir_repo *repo);

/* Frees everything, tables and versions included; only when no loop uses any of them, and after
 * on_stopped (or when it was never started). NULL is allowed. */
void weir_repo_free(struct weir_repo *repo);

/* Tells that every loop uses table, or a newer one: older tables are freed. */
void weir_repo_table_adopted(struct weir_repo *repo, const struct weir_table *table);

/* Tells that no loop has work in flight for a retired version, nor will start any. */
void weir_repo_version_released(struct weir_repo *repo, const struct weir_version *version);

/* Returns the table published last; never NULL (an empty one before the first). */
const struct weir_table *weir_repo_table(const struct weir_repo *repo);

/* Takes over a new configuration and reads the directories again at once; what vanished is
 * unloaded, what was held or has failed is tried again when its content changed. For SIGHUP. */
void weir_repo_reconfigure(struct weir_repo *repo, const struct weir_config *config);

/* Reads the directories again at once. */
void weir_repo_rescan(struct weir_repo *repo);

/* Serves the version before again; the current one is held until its file changes.
 * WEIR_ERR_NOT_FOUND: no such model; WEIR_ERR_UNSUPPORTED: there is no version before, or its file
 * is not kept. On WEIR_OK it is under way; the event ROLLED_BACK or LOAD_FAILED follows. */
WEIR_MUST_USE enum weir_status weir_repo_rollback(struct weir_repo *repo, struct weir_str model,
                                                  struct weir_error *err);

/* Serves the version that a model's gate holds, against its verdict, for a reason that is logged
 * with who asked (by). WEIR_ERR_NOT_FOUND: no such model; WEIR_ERR_EXISTS: its gate holds none;
 * WEIR_ERR_BUSY: one is being judged or loaded; WEIR_ERR_UNSUPPORTED: its file is neither there nor
 * kept. On WEIR_OK it is under way; the event PROMOTED or LOAD_FAILED follows. */
WEIR_MUST_USE enum weir_status weir_repo_promote(struct weir_repo *repo, struct weir_str model,
                                                 struct weir_str reason, struct weir_str by,
                                                 struct weir_error *err);

/* How a model stands with its gate: enumerator, name. */
#define WEIR_REPO_GATE_STATE_MAP(X)                \
    X(NONE, "none")       /* it has no gate */     \
    X(JUDGING, "judging") /* one is, or will be */ \
    X(LIVE, "live")       /* nothing is held */    \
    X(HELD, "held")       /* a candidate was refused */

enum weir_repo_gate_state {
#define WEIR_REPO_GATE_ENUM(code, name) WEIR_REPO_GATE_##code,
    WEIR_REPO_GATE_STATE_MAP(WEIR_REPO_GATE_ENUM)
#undef WEIR_REPO_GATE_ENUM
};

enum { WEIR_REPO_GATE_LINES_MAX = 32 }; /* of a history; older ones are forgotten */

/* One verdict, or one promotion against one. Texts are borrowed with the gate. */
struct weir_repo_gate_line {
    uint64_t number;        /* version; 0: it was given none */
    struct weir_str digest; /* 64 hex digits; empty: not known */
    enum weir_repo_verdict verdict;
    struct weir_str code; /* "ok", "rule_failed", … */
    struct weir_str reason;
    struct weir_str forced; /* why it was promoted against the verdict; empty: it was not */
    struct weir_str by;     /* who asked for that */
    uint64_t ns;            /* how long judging took */
    uint64_t wall_ns;
};

/* One number of the latest verdict. */
struct weir_repo_gate_number {
    struct weir_str name; /* "roc_auc" */
    uint64_t version;
    double value;
};

/* What is known of a model's gate. */
struct weir_repo_gate {
    enum weir_repo_gate_state state;
    struct weir_str file;     /* the gate's, below its model directory where it is; may be empty */
    struct weir_str digest;   /* of the latest verdict's gate, 16 hex digits; may be empty */
    struct weir_str document; /* gate/1 of the latest verdict; empty: there was none */
    struct weir_str report;   /* HTML of the latest verdict; may be empty */
    uint64_t n_uses;          /* candidates judged on its holdout; 0: not known */
    struct weir_repo_gate_line lines[WEIR_REPO_GATE_LINES_MAX]; /* n_lines, newest first */
    size_t n_lines;
};

/* Returns the name of a state ("held"), borrowed for ever. */
const char *weir_repo_gate_state_name(enum weir_repo_gate_state state);

/* Finds what is known of a model's gate; its texts are borrowed until the repository does anything
 * again. false: there is no such model. */
bool weir_repo_gate(const struct weir_repo *repo, struct weir_str model,
                    struct weir_repo_gate *out);

/* Returns number i of the latest verdict on a model, those of the candidate first; false: there are
 * no more. Borrowed as above. */
bool weir_repo_gate_number(const struct weir_repo *repo, struct weir_str model, size_t i,
                           struct weir_repo_gate_number *out);

/* Returns how a model stands with its gate, and how many candidates were judged on the holdout of
 * its latest verdict (0: not known). */
enum weir_repo_gate_state weir_repo_gate_state(const struct weir_repo *repo, struct weir_str model);
uint64_t weir_repo_gate_uses(const struct weir_repo *repo, struct weir_str model);

/* Tells whether a candidate is being judged. */
bool weir_repo_gate_is_judging(const struct weir_repo *repo);

/* Unloads a model until its file changes (or, when the file is gone, for good).
 * WEIR_ERR_NOT_FOUND: no such model, or none of its versions serves. */
WEIR_MUST_USE enum weir_status weir_repo_unload(struct weir_repo *repo, struct weir_str model,
                                                struct weir_error *err);

/* Loads a model that was unloaded or is held. WEIR_ERR_NOT_FOUND: no file of that name is there. */
WEIR_MUST_USE enum weir_status weir_repo_load(struct weir_repo *repo, struct weir_str model,
                                              struct weir_error *err);

/* How far a model is. */
enum weir_repo_progress {
    WEIR_REPO_PROGRESS_BUSY,    /* something is being loaded, or waits for its turn */
    WEIR_REPO_PROGRESS_FAILED,  /* an attempt to load failed; a version may serve all the same */
    WEIR_REPO_PROGRESS_SERVING, /* nothing is under way, a version serves */
    WEIR_REPO_PROGRESS_NONE,    /* nothing is under way, none serves */
};

/* Finds how far a model is; failures before since_wall_ns do not count. reason (cap bytes, may be
 * NULL) gets what is told of the attempt that is under way or has failed. */
enum weir_repo_progress weir_repo_progress(const struct weir_repo *repo, struct weir_str model,
                                           uint64_t since_wall_ns, char *reason, size_t cap);

/* Returns the counters, borrowed. */
const struct weir_repo_counters *weir_repo_get_counters(const struct weir_repo *repo);

#endif
