/* SPDX-License-Identifier: MIT */
/* Reading .skops files (protocols 0 to 2: skops 0.2 to 0.16) as data: a zip archive with a
 * schema.json, which describes the objects, and a member for each array. README.md in this folder
 * has the nodes. The result is the value tree that the pickle of the same object gives. */
#ifndef WEIR_FORMAT_SKOPS_SKOPS_H
#define WEIR_FORMAT_SKOPS_SKOPS_H

#include "format/format.h"
#include "format/pickle.h"

/* Finds whether bytes begin like a zip archive with a schema.json in it. */
bool weir_format_skops_probe(struct weir_str bytes);

/* Reads bytes whole, as weir_format_pickle_parse does; they are not borrowed longer than the
 * arena. out->protocol is skops's. */
WEIR_MUST_USE enum weir_status weir_format_skops_parse(struct weir_format_pickle *out,
                                                       struct weir_str bytes,
                                                       const struct weir_format_opts *opts,
                                                       struct weir_arena *arena,
                                                       struct weir_error *err);

/* Makes a model, or a description (format/format.h). */
WEIR_MUST_USE enum weir_status weir_format_skops_load(struct weir_model **out,
                                                      const struct weir_format_file *file,
                                                      struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_format_skops_describe(struct weir_buf *out,
                                                          const struct weir_format_file *file,
                                                          enum weir_format_describe how,
                                                          struct weir_error *err);

#endif
