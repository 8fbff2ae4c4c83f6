/* SPDX-License-Identifier: MIT */
/* A file that is written beside its place and put there whole, by rename: who reads it sees the old
 * one or the new one, never a part, and a failure leaves the old one. What is not a regular file
 * (standard output, a pipe, a device) is written directly. */
#ifndef WEIR_CLI_OUTFILE_H
#define WEIR_CLI_OUTFILE_H

#include "base/buf.h"
#include <weir/error.h>

#include <stdbool.h>

struct weir_cli_outfile {
    const char *path; /* as given; borrowed until close */
    struct weir_buf temporary;
    int fd;
};

/* Opens path ("-": standard output). WEIR_ERR_IO: it cannot be written. */
WEIR_MUST_USE enum weir_status weir_cli_outfile_open(struct weir_cli_outfile *f, const char *path,
                                                     struct weir_error *err);

/* Writes all bytes of b and empties it. */
WEIR_MUST_USE enum weir_status weir_cli_outfile_put(struct weir_cli_outfile *f, struct weir_buf *b,
                                                    struct weir_error *err);

/* Puts the file into its place. After a failure only close is left to do. */
WEIR_MUST_USE enum weir_status weir_cli_outfile_finish(struct weir_cli_outfile *f,
                                                       struct weir_error *err);

/* Closes; without a finish before, what was written is removed. A zeroed one is fine. */
void weir_cli_outfile_close(struct weir_cli_outfile *f);

#endif
