/* SPDX-License-Identifier: MIT */
/* Files that a gate names. */
#ifndef WEIR_GATE_GATE_FILE_PRIV_H
#define WEIR_GATE_GATE_FILE_PRIV_H

#include "base/buf.h"
#include "gate/gate_file.h"

struct weir_yaml;

/* A gate while it is read. */
struct weir_gate_keys {
    struct weir_gate_file *out;
    const char *name; /* in messages, before line and column */
    const char *key;  /* the one being read, in messages after them; NULL: none */
    const char *folder;
    bool is_trusted;
    const struct weir_yaml *rules; /* the values of keys that name files, which are read last */
    const struct weir_yaml *smoke;
    struct weir_error *err;
};

/* Reads the value v of a key. WEIR_ERR_INVALID: an unknown key, a wrong value; the message begins
 * with the place; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_keys_read(struct weir_gate_keys *r,
                                                   const struct weir_yaml *key,
                                                   const struct weir_yaml *v);

/* Returns the name of the i-th key of WEIR_GATE_KEYS_N, borrowed for ever. */
const char *weir_gate_keys_name(size_t i);

enum { WEIR_GATE_KEYS_N = 18 };

/* Fails at a place; returns WEIR_ERR_INVALID. */
enum weir_status weir_gate_keys_fail(const struct weir_gate_keys *r, const struct weir_yaml *at,
                                     const char *what);

/* Puts a place before the message of a failure; returns status. */
WEIR_MUST_USE enum weir_status weir_gate_keys_place(const struct weir_gate_keys *r,
                                                    const struct weir_yaml *at,
                                                    enum weir_status status);

/* Fails for a lack of memory. */
enum weir_status weir_gate_keys_no_memory(const struct weir_gate_keys *r);

/* Copies a text into the gate. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_keys_keep(const struct weir_gate_keys *r,
                                                   struct weir_str text, struct weir_str *out);

/* Finds whether a value is a text that is not empty. */
bool weir_gate_keys_is_text(const struct weir_yaml *v);

/* Takes the path that v is, with the folder before it. WEIR_ERR_INVALID: it is none, or leads out
 * of the folder though it must not; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_keys_path(const struct weir_gate_keys *r,
                                                   const struct weir_yaml *v, struct weir_str *out);

enum {
    WEIR_GATE_FILE_RULES_BYTES_MAX = 64 << 10,
    WEIR_GATE_FILE_SMOKE_BYTES_MAX = 4 << 20,
    WEIR_GATE_FILE_SLICES_MAX = 60, /* a holdout is cut by a few more columns at most */
};

/* Appends what a regular file holds. WEIR_ERR_NOT_FOUND, WEIR_ERR_IO: the message names the path;
 * WEIR_ERR_LIMIT: more than bytes_max; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_gate_file_slurp(const char *path, size_t bytes_max,
                                                    struct weir_buf *out, struct weir_error *err);

/* Finds whether a path, its links followed, ends below the folder or is it; true where it ends
 * nowhere. */
bool weir_gate_file_is_inside(const char *folder, const char *path);

#endif
