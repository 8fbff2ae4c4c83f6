/* SPDX-License-Identifier: MIT */
/* The judgement of a new version: may it take the place of the one that serves?
 *
 * The order is: signature (does it take and give what the live one does?), smoke (does it answer,
 * and what it must?), holdout (is it there and large enough?), scores (both models on the same
 * rows), numbers, latency if a rule asks, rules. The first that fails decides. Everything runs on
 * the calling thread, within the gate's rows, time and memory; no state is kept between calls.
 * Threads: any; calls may overlap. */
#ifndef WEIR_GATE_JUDGE_H
#define WEIR_GATE_JUDGE_H

#include "base/buf.h"
#include "gate/gate_file.h"
#include "model/model.h"

/* What was found: enumerator, name. */
#define WEIR_GATE_RESULT_MAP(X) \
    X(PASS, "pass")             \
    X(FAIL, "fail")             \
    X(INCONCLUSIVE, "inconclusive")

enum weir_gate_result {
#define WEIR_GATE_RESULT_ENUM(code, name) WEIR_GATE_##code,
    WEIR_GATE_RESULT_MAP(WEIR_GATE_RESULT_ENUM)
#undef WEIR_GATE_RESULT_ENUM
};

enum { WEIR_GATE_RESULT_N = WEIR_GATE_INCONCLUSIVE + 1 };

/* Why: enumerator, name, the result that it has unless the gate says otherwise. */
#define WEIR_GATE_CODE_MAP(X)                               \
    X(OK, "ok", PASS)                                       \
    X(LOAD_ERROR, "load_error", FAIL)                       \
    X(SCHEMA_MISMATCH, "schema_mismatch", FAIL)             \
    X(SMOKE_MISMATCH, "smoke_mismatch", FAIL)               \
    X(HOLDOUT_MISSING, "holdout_missing", INCONCLUSIVE)     \
    X(HOLDOUT_INVALID, "holdout_invalid", INCONCLUSIVE)     \
    X(HOLDOUT_TOO_SMALL, "holdout_too_small", INCONCLUSIVE) \
    X(GATE_INVALID, "gate_invalid", INCONCLUSIVE)           \
    X(RULE_FAILED, "rule_failed", FAIL)                     \
    X(FIRST_DEPLOY, "first_deploy", FAIL)                   \
    X(INCONCLUSIVE, "inconclusive", INCONCLUSIVE)           \
    X(TIMEOUT, "timeout", INCONCLUSIVE)                     \
    X(OOM, "oom", INCONCLUSIVE)                             \
    X(SUPERSEDED, "superseded", INCONCLUSIVE)

enum weir_gate_code {
#define WEIR_GATE_CODE_ENUM(code, name, result) WEIR_GATE_CODE_##code,
    WEIR_GATE_CODE_MAP(WEIR_GATE_CODE_ENUM)
#undef WEIR_GATE_CODE_ENUM
};

enum { WEIR_GATE_CODE_N = WEIR_GATE_CODE_SUPERSEDED + 1 };

/* Return the names, borrowed for ever. */
const char *weir_gate_judge_result_name(enum weir_gate_result result);
const char *weir_gate_judge_code_name(enum weir_gate_code code);

/* Finds a code by its name; false: there is none. */
bool weir_gate_judge_code_find(struct weir_str name, enum weir_gate_code *out);

/* Returns the result that a code has unless the gate says otherwise. */
enum weir_gate_result weir_gate_judge_code_result(enum weir_gate_code code);

struct weir_gate_report;

/* A model in a judgement. */
struct weir_gate_party {
    const struct weir_model *model; /* NULL: there is none */
    struct weir_str digest;         /* SHA-256 of its file, 64 hex digits; empty: unknown */
    struct weir_str version;        /* for documents; may be empty */
    struct weir_str file;           /* for documents; may be empty */
    bool has_threshold;             /* it serves, or is to serve, with a threshold of its own: */
    double threshold;               /* score >= threshold is the positive class, */
    struct weir_str score_space;    /* on this output ("predict_proba"); empty: the gate's */
    bool chooses_threshold;         /* the live one without a threshold: the gate's policy chooses
                                       one for it too, else it decides as the model does */
};

/* What is to be judged; all is borrowed during the call. */
struct weir_gate_job {
    struct weir_str model; /* name */
    struct weir_gate_party candidate;
    struct weir_gate_party live; /* .model NULL: none serves */
    const struct weir_gate_file *gate;
    uint64_t n_uses;   /* candidates judged on this holdout, this one included; 0: not known */
    bool wants_report; /* make the HTML report too */
    bool (*is_stopped)(void *ctx); /* asked every few milliseconds; true: the candidate is of no
                                      interest any more; NULL: never */
    void (*progress)(void *ctx, const char *phase, uint64_t done, uint64_t total); /* may be NULL */
    /* Given all that was found once there are numbers of the candidate; what it points to ends with
     * the call. NULL: nobody. */
    void (*show)(void *ctx, const struct weir_gate_report *report);
    void *ctx;
};

enum { WEIR_GATE_REASON_BYTES = 512 };

/* What was found. */
struct weir_gate_verdict {
    enum weir_gate_result result;
    enum weir_gate_code code;
    char reason[WEIR_GATE_REASON_BYTES]; /* one sentence */
    bool has_threshold;                  /* the policy chose one for the candidate: */
    double threshold;                    /* score >= threshold is the positive class, */
    struct weir_str score_space; /* on this output ("decision_function", "predict_proba"); borrowed
                                    for ever */
    struct weir_str positive;    /* which is this one, as text; a view of positive_text */
    struct weir_buf positive_text; /* owned */
    struct weir_buf document;      /* gate/1, JSON; owned */
    struct weir_buf report;        /* HTML; owned; empty unless wanted and there are numbers */
};

/* Judges. WEIR_OK: *out is the verdict, whatever it is, to be released with
 * weir_gate_judge_deinit; also a lack of memory or time is a verdict. WEIR_ERR_NO_MEMORY: there is
 * not even memory for that; *out is as zeroed. */
WEIR_MUST_USE enum weir_status weir_gate_judge(const struct weir_gate_job *job,
                                               struct weir_gate_verdict *out,
                                               struct weir_error *err);

/* Makes a verdict of what was found elsewhere: a candidate that could not be loaded (LOAD_ERROR,
 * OOM, TIMEOUT), a gate that could not be read (GATE_INVALID; job->gate is then NULL). Otherwise as
 * above. */
WEIR_MUST_USE enum weir_status weir_gate_judge_refuse(const struct weir_gate_job *job,
                                                      enum weir_gate_code code, const char *reason,
                                                      struct weir_gate_verdict *out,
                                                      struct weir_error *err);

/* Releases a verdict; a zeroed one is fine. */
void weir_gate_judge_deinit(struct weir_gate_verdict *verdict);

/* What a verdict depends on; the same four need not be judged twice. */
struct weir_gate_key {
    uint8_t candidate[WEIR_CODEC_DIGEST_BYTES]; /* of the file; with a threshold, of both */
    uint8_t holdout[WEIR_CODEC_DIGEST_BYTES];   /* all 0: none, or not there */
    uint8_t gate[WEIR_CODEC_DIGEST_BYTES];      /* keys, rules, smoke */
    uint8_t live[WEIR_CODEC_DIGEST_BYTES];      /* the same; all 0: none */
};

/* 16 digits of each, "-" between, and a NUL: the name of a file. */
enum { WEIR_GATE_KEY_TEXT_BYTES = 4 * 16 + 3 + 1 };

/* Computes the key: reads and hashes the holdout, O(its size), asking job->is_stopped now and then.
 * WEIR_ERR_INVALID: a digest of the job is none; WEIR_ERR_IO: the holdout cannot be read;
 * WEIR_ERR_CANCELED; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_judge_key(const struct weir_gate_job *job,
                                                   struct weir_gate_key *out,
                                                   struct weir_error *err);
void weir_gate_judge_key_text(const struct weir_gate_key *key, char out[WEIR_GATE_KEY_TEXT_BYTES]);

/* Finds whether a verdict holds whenever its four digests do: not one that hung on the moment
 * (TIMEOUT, OOM, SUPERSEDED, HOLDOUT_MISSING, GATE_INVALID, LOAD_ERROR). */
bool weir_gate_judge_is_lasting(const struct weir_gate_verdict *verdict);

#endif
