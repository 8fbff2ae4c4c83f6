/* SPDX-License-Identifier: MIT */
/* The table of model file formats. A reader tells by a file's first bytes whether it is one of its
 * own, and makes a model of it, or a description for people.
 *
 * To add a format: write NAME.{h,c} with a probe, a load and a describe function, and add a row to
 * the table in format.c. */
#ifndef WEIR_FORMAT_FORMAT_H
#define WEIR_FORMAT_FORMAT_H

#include "base/buf.h"
#include "base/str.h"
#include <weir/format.h>

#include <stdbool.h>

struct weir_model_builder;

/* A file to be read; all of it is borrowed during the call. */
struct weir_format_file {
    struct weir_str bytes;               /* uncompressed */
    struct weir_str name;                /* for messages; may be empty */
    const struct weir_format_opts *opts; /* all defaults filled in */
    struct weir_str siblings; /* the bundle (format/mlflow) that the file is in; empty: none */
};

/* How a description is written. */
enum weir_format_describe { WEIR_FORMAT_DESCRIBE_TEXT, WEIR_FORMAT_DESCRIBE_JSON };

struct weir_format_reader {
    const char *name; /* "sklearn_pickle" */
    /* Finds whether the bytes are this reader's, by their beginning. */
    bool (*probe)(struct weir_str bytes);
    enum weir_status (*load)(struct weir_model **out, const struct weir_format_file *file,
                             struct weir_error *err);
    /* Appends what the file is; works also for files that no model can be made of. */
    enum weir_status (*describe)(struct weir_buf *out, const struct weir_format_file *file,
                                 enum weir_format_describe how, struct weir_error *err);
};

/* Copies opts (may be NULL) with all defaults filled in. */
struct weir_format_opts weir_format_opts_fill(const struct weir_format_opts *opts);

/* Readies a builder within the limits of opts (all defaults filled in). WEIR_ERR_NO_MEMORY,
 * WEIR_ERR_LIMIT. */
WEIR_MUST_USE enum weir_status weir_format_builder_init(struct weir_model_builder *b,
                                                        const struct weir_format_opts *opts,
                                                        struct weir_error *err);

/* Returns the reader for these (uncompressed) bytes, borrowed for ever; NULL: none knows them. */
const struct weir_format_reader *weir_format_find(struct weir_str bytes);

/* Undoes compression and finds the reader: *bytes becomes what the reader is to be given, a view of
 * the same bytes or of *plain. WEIR_ERR_UNSUPPORTED: none knows them; WEIR_ERR_CORRUPT,
 * WEIR_ERR_LIMIT, WEIR_ERR_NO_MEMORY: the compression. */
WEIR_MUST_USE enum weir_status weir_format_open(struct weir_str *bytes,
                                                const struct weir_format_opts *opts,
                                                struct weir_buf *plain,
                                                const struct weir_format_reader **out,
                                                struct weir_error *err);

/* Finds whether a file whose name says little (.json, .txt, .model) begins like a model. head: its
 * first bytes, up to WEIR_FORMAT_HEAD_BYTES of them. Pickles, which begin like many a text, do not
 * count. */
bool weir_format_is_model_head(struct weir_str head);

enum { WEIR_FORMAT_HEAD_BYTES = 4096 };

/* Appends what a file is, without making a model of it: the tree of estimators with their classes,
 * parameters that differ from None, shapes of arrays and the library's version. For `weir inspect`.
 * As text: indented lines; as JSON: one object {"format", "library_version", "roots": […]}, see
 * format/describe.h. Statuses as weir_format_load; out may hold a part then. */
WEIR_MUST_USE enum weir_status weir_format_describe(struct weir_buf *out, const char *path,
                                                    enum weir_format_describe how,
                                                    const struct weir_format_opts *opts,
                                                    struct weir_error *err);

/* As weir_format_describe, from bytes in memory. */
WEIR_MUST_USE enum weir_status weir_format_describe_bytes(struct weir_buf *out, const void *bytes,
                                                          size_t n, const char *name,
                                                          enum weir_format_describe how,
                                                          const struct weir_format_opts *opts,
                                                          struct weir_error *err);

#endif
