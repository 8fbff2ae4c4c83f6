/* SPDX-License-Identifier: MIT */
/* The files that gates are made of, as a scan sees them: where a model's gate is, and whether any
 * of its files is another than before. What belongs to a gate besides its own file (holdout, rules,
 * smoke) is known once the gate was read, which the judge does.
 *
 * The gate of a model NAME is NAME.gate.yaml in the folder of its file, else in the folder above,
 * and so on up to the model directory; or what the model's options say. Threads: the keeper's. */
#ifndef WEIR_REPO_GATES_H
#define WEIR_REPO_GATES_H

#include "base/buf.h"
#include "repo/scan.h"

enum { WEIR_REPO_GATES_FILES_MAX = 4 }; /* the gate, holdout, rules, smoke */

struct weir_repo_gates_entry;

/* What is known of the gates of all sources; zero-initialise. */
struct weir_repo_gates {
    struct weir_repo_gates_entry *entries; /* n of cap, owned */
    size_t n, cap;
};

void weir_repo_gates_deinit(struct weir_repo_gates *gates);

/* Fills in what is to be seen of the gate of each entry of a scan. Without memory a gate counts as
 * changed, never as gone. */
void weir_repo_gates_look(const struct weir_repo_gates *gates, const struct weir_config *config,
                          const struct weir_repo_root *roots, struct weir_repo_found *found,
                          size_t n_found);

/* Remembers which files the gate of a source consists of: n paths, copied. */
void weir_repo_gates_learn(struct weir_repo_gates *gates, struct weir_str source,
                           char *const *paths, size_t n);

/* Returns the path of the gate's own file, as it was learnt; empty: not known. Borrowed until the
 * next learn. */
struct weir_str weir_repo_gates_file(const struct weir_repo_gates *gates, struct weir_str source);

/* Appends the folder of the gate's own file for a model file ("churn/2/m.pkl") below root; false:
 * there is none. */
bool weir_repo_gates_folder(const char *root, struct weir_str file, struct weir_str model,
                            struct weir_buf *out);

/* Returns what is to be seen of some files; said: what the configuration says of the gate, counted
 * in; may be empty. Runs on: any thread. */
struct weir_repo_gate_seen weir_repo_gates_see(char *const *paths, size_t n, struct weir_str said);

#endif
