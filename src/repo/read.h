/* SPDX-License-Identifier: MIT */
/* Reading one model file so that what is parsed is what a finished file held: opened beneath its
 * directory and without blocking, regular, with no writer, the same before and after, hashed on the
 * way. Never mapped: a file that is cut while it is read is a short read, not a signal.
 * Threads: the loader. */
#ifndef WEIR_REPO_READ_H
#define WEIR_REPO_READ_H

#include "repo/loader.h"

#include <stdatomic.h>

struct weir_repo_read {
    char *bytes; /* n bytes, owned (weir_mem_default); NULL unless the outcome is OK */
    size_t n;
    bool has_digest;
    uint8_t digest[WEIR_REPO_DIGEST_BYTES];
    bool is_transient; /* of a failure: not the file's fault, or of what may come beside it */
};

/* Reads what load names. OK, KNOWN, CHANGED, WRITER, FAILED (err says why), CANCELED (*is_stopping
 * became true). deadline_ns: monotonic. */
enum weir_repo_outcome weir_repo_read_file(const struct weir_repo_load *load,
                                           const struct weir_repo_state_dir *state,
                                           const atomic_bool *is_stopping, uint64_t deadline_ns,
                                           struct weir_repo_read *out, struct weir_error *err);

/* Finds whether somebody surely has a file open for writing. */
bool weir_repo_read_has_writer(int fd);

/* Finds the digest in the text of a .sha256 file: 64 hexadecimal digits at its beginning. */
bool weir_repo_read_sidecar(struct weir_str text, uint8_t out[WEIR_REPO_DIGEST_BYTES]);

#endif
