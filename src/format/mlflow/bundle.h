/* SPDX-License-Identifier: MIT */
/* Bundles: the files of a folder in one block of bytes. Magic, then for each file: u64 length of
 * its name, u64 length of its contents, both little-endian, name, contents. */
#ifndef WEIR_FORMAT_MLFLOW_BUNDLE_H
#define WEIR_FORMAT_MLFLOW_BUNDLE_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>

/* Finds whether bytes begin with the magic. */
bool weir_format_mlflow_bundle_probe(struct weir_str bytes);

/* Begins a bundle; adds a file. What fails shows in weir_buf_ok. */
void weir_format_mlflow_bundle_begin(struct weir_buf *out);
void weir_format_mlflow_bundle_add(struct weir_buf *out, struct weir_str name,
                                   struct weir_str contents);

/* Steps to the next file; *at begins at 0. false: there is no further one, or *is_bad. */
bool weir_format_mlflow_bundle_next(struct weir_str bundle, size_t *at, struct weir_str *name,
                                    struct weir_str *contents, bool *is_bad);

/* Finds the file of a name; false: it is not there, or the bundle is damaged before it. */
bool weir_format_mlflow_bundle_find(struct weir_str bundle, struct weir_str name,
                                    struct weir_str *contents);

#endif
