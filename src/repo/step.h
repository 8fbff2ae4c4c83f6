/* SPDX-License-Identifier: MIT */
/* The life of model files and versions, as a pure machine: scans, load results and times go in,
 * actions come out. It opens no file, reads no clock and starts no thread.
 *
 * A *source* is a place where a version can come from: a flat file, or a numeric folder. It has at
 * most one *attempt* under way (a state below), and at most one *live* version, which serves until
 * another takes its place. A *group* is what competes for a model's name: one flat file, or one
 * folder with all its versions.
 *
 *     seen ──▶ settling ──▶ loading ──▶ checking ──▶ ready ◀──▶ orphaned
 *      ▲          │  ▲         │           │           │           │
 *      │          ▼  └─────────┤           ▼           ▼           ▼
 *      └──── failed, held ◀────┴───────────┘        retiring ──▶ gone
 *
 * What was loaded and has a gate is a *candidate* while it is checking: it is judged against what
 * serves, and becomes the live version, or is held. One is judged at a time; loads go on meanwhile.
 *
 * Threads: the keeper's only. */
#ifndef WEIR_REPO_STEP_H
#define WEIR_REPO_STEP_H

#include "base/str.h"
#include "config/config.h"
#include "repo/repo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEIR_REPO_REASON_BYTES = 320 };

/* What tells one state of a file from another. */
struct weir_repo_identity {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns; /* wall clock */
};

/* What the kernel told of a path since the last scan. */
enum {
    WEIR_REPO_HINT_RENAMED = 1, /* it came by rename */
    WEIR_REPO_HINT_CLOSED = 2,  /* it was closed after writing, and not written to since */
    WEIR_REPO_HINT_WRITTEN = 4, /* it was written to, and not closed since */
};

/* The files that a version's gate is made of, as seen from outside. */
struct weir_repo_gate_seen {
    uint64_t print;           /* another whenever one of the files is; 0: there is no gate */
    uint64_t changed_wall_ns; /* when the last of them changed; 0: never */
};

/* One entry of a scan. Views are borrowed during the call. */
struct weir_repo_found {
    struct weir_str key;   /* the source: its path below its root, after the root's number */
    struct weir_str model; /* a legal name */
    struct weir_str group; /* the candidate for the name it belongs to */
    struct weir_str file;  /* path of the file below its root, "churn/2/model.joblib" */
    uint32_t root;
    uint64_t number; /* of the folder; 0: a flat file */
    struct weir_repo_identity id;
    bool is_link; /* reached through a symbolic link */
    uint8_t hints;
    bool is_waiting;           /* the complaint is no failure: something is still to come */
    struct weir_str complaint; /* why it cannot be loaded; empty: it can be tried */
    struct weir_repo_gate_seen gate;
};

struct weir_repo_scan {
    const struct weir_repo_found *found; /* n_found, sorted by key, each once */
    size_t n_found;
    const bool *root_ok; /* by root: it could be read */
    size_t n_roots;
    bool is_hangup;   /* SIGHUP: what vanished is unloaded */
    uint64_t now_ns;  /* monotonic */
    uint64_t wall_ns; /* since 1970 */
};

/* How a load ended. */
enum weir_repo_outcome {
    WEIR_REPO_OUTCOME_OK,
    WEIR_REPO_OUTCOME_KNOWN,   /* a digest that the job named; nothing was parsed */
    WEIR_REPO_OUTCOME_CHANGED, /* the file changed while it was read, or before */
    WEIR_REPO_OUTCOME_WRITER,  /* somebody has it open for writing */
    WEIR_REPO_OUTCOME_FAILED,
    WEIR_REPO_OUTCOME_CANCELED, /* the loader is being stopped */
};

struct weir_repo_loaded {
    enum weir_repo_outcome outcome;
    bool has_digest;
    uint8_t digest[WEIR_REPO_DIGEST_BYTES];
    bool is_transient; /* FAILED for a reason outside the file: tried again by itself */
    struct weir_str reason;
    struct weir_version *version; /* OK: not yet numbered; the step's from now on */
    uint64_t ns;
};

/* How a candidate was judged. Views are borrowed during the call. */
struct weir_repo_judged {
    bool is_canceled; /* it was not judged: nothing else holds */
    enum weir_repo_verdict verdict;
    struct weir_str code;   /* "rule_failed"; a word */
    struct weir_str reason; /* a sentence */
    bool is_reused;         /* an earlier verdict on the same files */
    /* The files of the gate when judging began, those included that only then were known to be part
     * of it. */
    struct weir_repo_gate_seen gate;
    uint64_t ns;
};

/* What is kept of a model over restarts. A zero number means none. */
struct weir_repo_record {
    uint64_t generation; /* the highest number given to a flat file's contents */
    uint64_t live_number, before_number;
    uint8_t live[WEIR_REPO_DIGEST_BYTES];   /* what serves */
    uint8_t before[WEIR_REPO_DIGEST_BYTES]; /* what served before it */
    bool has_held;
    uint8_t held[WEIR_REPO_DIGEST_BYTES];      /* rolled back: not to be loaded */
    uint64_t candidate_number;                 /* judged, or being judged, and not live */
    uint8_t candidate[WEIR_REPO_DIGEST_BYTES]; /* its content */
};

struct weir_repo_step_model;

/* A live version. */
struct weir_repo_live {
    struct weir_repo_live *next;
    struct weir_version *version;
    enum weir_repo_state state; /* READY, ORPHANED, RETIRING */
    uint64_t since_wall_ns;
    uint64_t seen_ns;  /* when its file was first seen, for the time of the swap */
    bool is_published; /* it was in a table: others must let go of it before it is freed */
    bool is_shadow;    /* it was loaded as the shadow: it never answers, and is loaded again to */
};

/* A source; see above. */
struct weir_repo_source {
    char *key, *group, *file; /* owned, NUL-terminated */
    struct weir_repo_step_model *model;
    uint32_t root;
    uint64_t number;
    bool is_present;
    bool is_link;
    bool has_attempt;
    bool is_settled;       /* the attempt may be loaded */
    bool is_refused_name;  /* FAILED, since another group has the name */
    bool is_complaint;     /* the scan's complaint, not a load's failure */
    bool is_selected;      /* by the version policy */
    bool has_writer;       /* the last load found one */
    bool is_changed_again; /* since it is loading */
    bool needs_lease;      /* settled only if nobody has it open for writing, surely */
    bool has_failed_digest;
    enum weir_repo_state state;     /* of the attempt */
    struct weir_repo_identity id;   /* as last seen */
    struct weir_repo_live *live;    /* loaded from here and current; borrowed from the model */
    struct weir_version *candidate; /* CHECKING: loaded and not live yet; owned */
    struct weir_repo_gate_seen gate;
    uint64_t gate_same_ns;     /* its gate is the same since */
    uint64_t judge_after_ns;   /* the candidate is not judged before that */
    uint64_t candidate_number; /* of the candidate, or of the one that its gate holds; 0: none */
    uint64_t load_ns;          /* how long the candidate's load took */
    bool is_gate_held;         /* HELD by its gate; the following say why */
    enum weir_repo_verdict held_verdict;
    char held_code[WEIR_REPO_CODE_BYTES];
    uint8_t held_digest[WEIR_REPO_DIGEST_BYTES];
    uint8_t failed_digest[WEIR_REPO_DIGEST_BYTES];
    char failed_reason[WEIR_REPO_REASON_BYTES];
    char reason[WEIR_REPO_REASON_BYTES];
    uint64_t failed_wall_ns;
    uint64_t since_wall_ns;
    uint64_t seen_ns;    /* when this content was first seen */
    uint64_t same_ns;    /* the identity is the same since */
    uint64_t retry_ns;   /* when to try again; WEIR_TIME_NEVER: when it changes */
    uint64_t missing_ns; /* not there since; WEIR_TIME_NEVER: it is there */
    uint32_t attempts;
};

/* A promotion that somebody asked for, against the gate. */
struct weir_repo_promotion {
    bool is_wanted;                         /* until it is done or cannot be done */
    const struct weir_repo_source *source;  /* compared, never followed; NULL: the kept file */
    uint8_t digest[WEIR_REPO_DIGEST_BYTES]; /* of what is to be promoted, and of nothing else */
    enum weir_repo_verdict verdict;         /* what the gate said */
    char code[WEIR_REPO_CODE_BYTES];
    char failed[WEIR_REPO_REASON_BYTES];
    char reason[WEIR_REPO_REASON_BYTES]; /* why it is promoted all the same */
    char by[WEIR_REPO_REASON_BYTES];     /* who asked */
};

struct weir_repo_step_model {
    char *name;                  /* owned */
    char *owner;                 /* the group that has the name; owned; NULL: none */
    struct weir_repo_live *live; /* all, newest first, retiring ones too */
    struct weir_repo_record record;
    bool is_restore_wanted; /* nothing serves, and the file cannot be used */
    bool is_restore_tried;
    bool is_rollback;      /* the restore under way is one */
    bool is_unloaded;      /* by the call */
    bool is_promoted_kept; /* the restore under way is of a candidate whose file is gone */
    struct weir_repo_promotion promotion;
    struct weir_version *parked; /* what served before, for a rollback; owned; NULL: not in memory
                                  */
};

enum weir_repo_action_kind {
    WEIR_REPO_ACTION_LOAD,    /* load a source */
    WEIR_REPO_ACTION_RESTORE, /* load a kept file by its digest */
    WEIR_REPO_ACTION_FREE,    /* free a version */
    WEIR_REPO_ACTION_KEEP,    /* keep a version's file in the state directory */
    WEIR_REPO_ACTION_RECORD,  /* a model's record has changed */
    WEIR_REPO_ACTION_EVENT,
    WEIR_REPO_ACTION_JUDGE,  /* judge a source's candidate against what serves */
    WEIR_REPO_ACTION_CANCEL, /* give the judging under way up */
    WEIR_REPO_ACTION_NOTE,   /* a line of the history of a model's gate */
};

enum { WEIR_REPO_KNOWN_MAX = 3, WEIR_REPO_TEXTS = 6 };

/* A line of the history of a gate; views point into the action. */
struct weir_repo_note {
    struct weir_str model;
    uint64_t number;
    struct weir_str digest; /* 64 hex digits; empty: not known */
    enum weir_repo_verdict verdict;
    struct weir_str code; /* empty: it passed */
    struct weir_str reason;
    struct weir_str forced; /* promoted against the verdict, for this reason; empty: it was not */
    struct weir_str by;
    uint64_t ns;
    uint64_t wall_ns;
};

/* What is to be done. Texts are in the action itself or borrowed until the next call. */
struct weir_repo_action {
    enum weir_repo_action_kind kind;
    const struct weir_repo_source *source;                      /* LOAD, JUDGE */
    struct weir_repo_step_model *model;                         /* RESTORE, RECORD */
    struct weir_version *version;                               /* FREE, KEEP; JUDGE: candidate */
    const struct weir_version *live;                            /* JUDGE; NULL: none serves */
    uint8_t digest[WEIR_REPO_DIGEST_BYTES];                     /* RESTORE */
    uint8_t known[WEIR_REPO_KNOWN_MAX][WEIR_REPO_DIGEST_BYTES]; /* LOAD: n_known */
    size_t n_known;
    struct weir_repo_event event; /* EVENT; its views point into text */
    struct weir_repo_note note;   /* NOTE; the same */
    char text[WEIR_REPO_TEXTS][WEIR_REPO_REASON_BYTES];
};

struct weir_repo_step;

/* Makes a machine that knows nothing yet. config is borrowed until set_config or free. */
WEIR_MUST_USE enum weir_status weir_repo_step_new(struct weir_repo_step **out,
                                                  const struct weir_config *config);

/* Frees it; versions are the caller's to free (see weir_repo_step_models). NULL is allowed. */
void weir_repo_step_free(struct weir_repo_step *step);

void weir_repo_step_set_config(struct weir_repo_step *step, const struct weir_config *config);

/* Tells what was kept of a model; before the first scan. Without memory it is forgotten. */
void weir_repo_step_recall(struct weir_repo_step *step, struct weir_str model,
                           const struct weir_repo_record *record);

/* Takes one scan in. WEIR_ERR_NO_MEMORY: some of it was passed over; the next scan has it again. */
WEIR_MUST_USE enum weir_status weir_repo_step_scan(struct weir_repo_step *step,
                                                   const struct weir_repo_scan *scan);

/* Takes in how the load that was asked for last ended. */
void weir_repo_step_loaded(struct weir_repo_step *step, const struct weir_repo_loaded *loaded,
                           uint64_t now_ns, uint64_t wall_ns);

/* Takes in how the judging that was asked for last ended; also after a CANCEL. What was judged is
 * published, held, judged again (its gate or what serves has changed), or freed (it was
 * superseded).
 */
void weir_repo_step_judged(struct weir_repo_step *step, const struct weir_repo_judged *judged,
                           uint64_t now_ns, uint64_t wall_ns);

/* Tells that nobody uses a retired version any more. */
void weir_repo_step_released(struct weir_repo_step *step, const struct weir_version *version);

/* Finds whether a rollback of the model would load a kept file, and which: its digest. */
bool weir_repo_step_rollback_file(const struct weir_repo_step *step, struct weir_str model,
                                  uint8_t digest[WEIR_REPO_DIGEST_BYTES]);

/* The calls of weir_repo_rollback, weir_repo_unload, weir_repo_load. */
WEIR_MUST_USE enum weir_status weir_repo_step_rollback(struct weir_repo_step *step,
                                                       struct weir_str model, uint64_t wall_ns,
                                                       struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_repo_step_unload(struct weir_repo_step *step,
                                                     struct weir_str model, uint64_t now_ns,
                                                     uint64_t wall_ns, struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_repo_step_load(struct weir_repo_step *step,
                                                   struct weir_str model, uint64_t now_ns,
                                                   uint64_t wall_ns, struct weir_error *err);

/* Finds whether a promotion would load a kept file, and which: its digest. */
bool weir_repo_step_promotion_file(const struct weir_repo_step *step, struct weir_str model,
                                   uint8_t digest[WEIR_REPO_DIGEST_BYTES]);

/* The call of weir_repo_promote. */
WEIR_MUST_USE enum weir_status weir_repo_step_promote(struct weir_repo_step *step,
                                                      struct weir_str model, struct weir_str reason,
                                                      struct weir_str by, uint64_t now_ns,
                                                      uint64_t wall_ns, struct weir_error *err);

/* The same as weir_repo_progress. */
enum weir_repo_progress weir_repo_step_progress(const struct weir_repo_step *step,
                                                struct weir_str model, uint64_t since_wall_ns,
                                                char *reason, size_t cap);

/* Calls fn for every version that the machine owns, which are the caller's to free then. */
void weir_repo_step_each_version(const struct weir_repo_step *step,
                                 void (*fn)(void *ctx, struct weir_version *version), void *ctx);

/* Takes the next action; false: there is none. A LOAD or RESTORE is given only when none is under
 * way, and a JUDGE. */
bool weir_repo_step_take(struct weir_repo_step *step, struct weir_repo_action *out);

/* Tells whether the table changed since the last call. */
bool weir_repo_step_take_change(struct weir_repo_step *step);

/* Returns when the machine wants a scan at the latest; WEIR_TIME_NEVER: the usual one will do. */
uint64_t weir_repo_step_next_ns(const struct weir_repo_step *step);

/* Finds whether a model has a version that serves, or none that will serve until a file or an
 * option changes. */
bool weir_repo_step_is_decided(const struct weir_repo_step *step,
                               const struct weir_repo_step_model *m);

/* Finds whether the repository is ready; why (may be NULL) gets a sentence when not. */
bool weir_repo_step_is_ready(struct weir_repo_step *step, char *why, size_t cap);

/* The models by name, and the sources by key; borrowed until the next call that changes them. */
struct weir_repo_step_model *const *weir_repo_step_models(const struct weir_repo_step *step,
                                                          size_t *n);
struct weir_repo_source *const *weir_repo_step_sources(const struct weir_repo_step *step,
                                                       size_t *n);

/* Returns the version that answers when none is named; NULL: none serves. */
struct weir_repo_live *weir_repo_step_default(const struct weir_repo_step *step,
                                              const struct weir_repo_step_model *m);

/* Counts of what happened, which the owner adds to its counters. */
struct weir_repo_counters *weir_repo_step_counters(struct weir_repo_step *step);

#endif
