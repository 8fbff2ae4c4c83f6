/* SPDX-License-Identifier: MIT */
/* The gate of a model: what a new version must do before it serves.
 *
 * It is the file NAME.gate.yaml beside the model NAME, or a map of the same keys under `gate` in
 * the model's model_options, which goes before the file:
 *
 *     holdout: churn.holdout.csv   # rows with truths; paths are relative to the gate's folder
 *     label: churned               # the column of the truths
 *     rules:                       # a list of lines, or a file of them
 *       - roc_auc >= 0.8
 *       - "safe: ci_low(delta(roc_auc)) >= -0.01"
 *     threshold: "fpr<=0.05"       # how the decision threshold is chosen
 *     smoke: churn.smoke.json      # rows with the answers that must come
 *     first_deploy: allow          # without a live version: allow or deny
 *
 * The README has all keys. In a file beside the model, paths stay below its folder; in the
 * configuration they may lead anywhere. A gate is immutable once read. Threads: any; reading does
 * file I/O. */
#ifndef WEIR_GATE_GATE_FILE_H
#define WEIR_GATE_GATE_FILE_H

#include "base/arena.h"
#include "base/str.h"
#include "codec/digest.h"
#include "eval/policy.h"
#include "gate/rules.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stdint.h>

struct weir_yaml;

/* What a gate says where there are two answers. */
enum weir_gate_choice {
    WEIR_GATE_UNSAID,
    WEIR_GATE_ALLOW,
    WEIR_GATE_DENY,
};

/* How alike a candidate's signature must be to the live version's; each is weaker than the one
 * before. */
enum weir_gate_likeness {
    WEIR_GATE_SAME,       /* all outputs of the live version are there */
    WEIR_GATE_COMPATIBLE, /* predictions and probabilities are; other outputs come and go with the
                             kind of estimator */
    WEIR_GATE_ANY,        /* nothing is compared */
};

/* Where a line of rules stands in the gate. */
struct weir_gate_file_line {
    uint32_t line;   /* from 1 */
    uint32_t column; /* from 1 */
};

struct weir_gate_file {
    struct weir_str name;     /* as messages name it: the file's path, or the configuration's */
    struct weir_str holdout;  /* path; empty: none, judged by smoke and signature alone */
    struct weir_str label;    /* column; empty without a holdout */
    struct weir_str weight;   /* column; empty: all rows weigh 1 */
    struct weir_str positive; /* of two classes; empty: the greater */
    struct weir_str *slices;  /* n_slices: "country", "age:3" */
    size_t n_slices;
    struct weir_str rules;       /* all lines, each with a line feed; empty: the default rules */
    struct weir_str rules_path;  /* the file they are in; empty: in the gate itself */
    struct weir_gate_rules list; /* of the rules; of none: those of weir_gate_rulings_default */
    struct weir_gate_file_line *lines; /* n_lines, of rules in the gate itself */
    size_t n_lines;
    bool has_threshold;
    struct weir_eval_policy threshold;
    struct weir_str threshold_text;     /* as written */
    struct weir_str smoke;              /* bytes of the smoke file; empty: none */
    struct weir_str smoke_path;         /* empty: none */
    enum weir_gate_choice first_deploy; /* UNSAID: allow if an absolute rule passed, or none is */
    enum weir_gate_choice no_holdout;   /* the holdout is named but not there; UNSAID is deny */
    enum weir_gate_likeness signature;  /* COMPATIBLE unless said */
    bool ranks_by_proba;                /* `score_space: proba` */
    double alpha;                       /* of intervals; 0.05 unless said */
    uint64_t timeout_ns;                /* of the whole judgement */
    uint64_t rows_max;                  /* rows after these are not looked at */
    uint64_t rows_min;                  /* fewer that count are holdout_too_small */
    uint64_t memory_max;                /* bytes for rows and numbers, the models not counted */
    struct weir_str report;             /* path of the HTML report; empty: none is written */
    uint8_t digest[WEIR_CODEC_DIGEST_BYTES]; /* of all of the above but name, paths and report */
    struct weir_str folder;                  /* of relative paths */
    bool is_file;                            /* name is a file that can be read again */
    bool is_trusted;                         /* paths may lead anywhere */
    struct weir_arena arena;                 /* what the texts live in */
};

/* Where a gate may be. */
struct weir_gate_file_place {
    const char *folder;           /* of the model files; "churn/3/model.onnx" in it is of "churn" */
    const char *model;            /* name */
    const struct weir_yaml *yaml; /* the `gate` of its model_options: a map of keys, the path of a
                                     file, or `off`; NULL: none; borrowed during the call */
    const char *yaml_name;        /* the configuration's, for messages */
    const char *path;             /* a gate file named outright, before all others; NULL: none */
};

/* Reads the gate of a model, with the files of rules and smoke that it names. *out NULL: there is
 * none. *out is the caller's (weir_gate_file_free). WEIR_ERR_INVALID: an unknown key (the message
 * names the nearest), a wrong value, an impossible combination, a rule that is none: the message
 * begins with file:line:column. WEIR_ERR_IO, WEIR_ERR_NOT_FOUND: a file that is named cannot be
 * read. WEIR_ERR_LIMIT, WEIR_ERR_NO_MEMORY. On failure *out is unchanged; a model whose gate cannot
 * be read has a gate, and no new version passes it. */
WEIR_MUST_USE enum weir_status weir_gate_file_read(struct weir_gate_file **out,
                                                   const struct weir_gate_file_place *place,
                                                   struct weir_error *err);

/* Reads a gate from text; name: in messages; folder: of the files that it names; is_trusted: these
 * may be anywhere. Otherwise as above. */
WEIR_MUST_USE enum weir_status weir_gate_file_parse(struct weir_gate_file **out,
                                                    struct weir_str text, const char *name,
                                                    const char *folder, bool is_trusted,
                                                    struct weir_error *err);

/* Finds whether the gate may name a path: it is trusted, or the path, its links followed, ends
 * below its folder or nowhere. */
bool weir_gate_file_allows(const struct weir_gate_file *file, const char *path);

/* Releases a gate; NULL is allowed. */
void weir_gate_file_free(struct weir_gate_file *file);

#endif
