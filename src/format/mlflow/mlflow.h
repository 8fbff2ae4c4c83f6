/* SPDX-License-Identifier: MIT */
/* Models in MLflow folders: an MLmodel file (YAML) that names a flavour, the file with the model's
 * data, and a signature. README.md in this folder has the fields.
 *
 * A folder is read once, into a *bundle*: one block of bytes with the MLmodel file, the data file,
 * what lies beside it (ONNX's external tensors) and the input example. Everything else is done on
 * the bundle, which can be hashed, kept and loaded again as a file can. */
#ifndef WEIR_FORMAT_MLFLOW_MLFLOW_H
#define WEIR_FORMAT_MLFLOW_MLFLOW_H

#include "format/format.h"

/* Reads a folder into a bundle, appended to out. dir: a descriptor of the folder, borrowed. No file
 * outside of it is opened, nor through a symbolic link. on_file, if not NULL, is called with each
 * file that was opened, before it is read; what it returns other than WEIR_OK ends the reading.
 * bytes_max: of the bundle. WEIR_ERR_NOT_FOUND: there is no MLmodel or no data file;
 * WEIR_ERR_INVALID, WEIR_ERR_UNSUPPORTED: the MLmodel file; WEIR_ERR_IO; WEIR_ERR_LIMIT;
 * WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_format_mlflow_folder_pack(
    int dir, uint64_t bytes_max,
    enum weir_status (*on_file)(void *ctx, int fd, struct weir_error *err), void *ctx,
    struct weir_buf *out, struct weir_error *err);

/* Opens the folder that a path means: the folder itself, if it has an MLmodel file, or that file.
 * The descriptor is the caller's to close; −1: the path is neither. */
int weir_format_mlflow_folder_open(const char *path);

/* Finds whether bytes are a bundle. */
bool weir_format_mlflow_probe(struct weir_str bytes);

/* Makes a model or a description of a bundle (format/format.h). */
WEIR_MUST_USE enum weir_status weir_format_mlflow_load(struct weir_model **out,
                                                       const struct weir_format_file *file,
                                                       struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_mlflow_describe(struct weir_buf *out,
                                                           const struct weir_format_file *file,
                                                           enum weir_format_describe how,
                                                           struct weir_error *err);

#endif
