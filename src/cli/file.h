/* SPDX-License-Identifier: MIT */
/* Model files as the commands see them: bytes, digest, name. */
#ifndef WEIR_CLI_FILE_H
#define WEIR_CLI_FILE_H

#include "base/buf.h"
#include "codec/digest.h"
#include <weir/error.h>

#include <stdint.h>

enum { WEIR_CLI_FILE_DIGEST_SHORT_HEX = 16 }; /* digits of a digest that answers carry */

struct weir_cli_file {
    const char *path; /* borrowed */
    struct weir_buf bytes;
    char digest[WEIR_CODEC_DIGEST_HEX_BYTES]; /* SHA-256 */
};

/* Reads a whole regular file. The message names the path. */
WEIR_MUST_USE enum weir_status weir_cli_file_read(struct weir_cli_file *f, const char *path,
                                                  struct weir_error *err);

/* A zeroed file is fine. */
void weir_cli_file_deinit(struct weir_cli_file *f);

/* Appends the name under which a server serves the file: the folder above a version folder of
 * digits, or the file's name without its last extension. */
void weir_cli_file_model_name(const char *path, struct weir_buf *out);

/* Appends the folder in which a server finds that model: the one of the file, or of the folder of
 * version folders; "." for none. */
void weir_cli_file_model_folder(const char *path, struct weir_buf *out);

#endif
