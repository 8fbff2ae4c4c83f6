/* SPDX-License-Identifier: MIT */
/* What a pickle holds, for people and programs: the tree of estimators with their classes, settings
 * and the shapes of what they learnt. Works on every file that can be read, also where no model can
 * be made of it. */
#ifndef WEIR_FORMAT_DESCRIBE_H
#define WEIR_FORMAT_DESCRIBE_H

#include "base/buf.h"
#include "format/pickle.h"

/* Appends indented lines. Of several estimators of one class in a list only the first is shown,
 * with their number. WEIR_ERR_LIMIT: the parts are nested too deep; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_format_describe_text(struct weir_buf *out,
                                                         const struct weir_format_pickle *pickle,
                                                         struct weir_error *err);

/* Appends {"format": "sklearn_pickle" or "sklearn_skops", "protocol", "joblib", "library",
 * "library_version" or null, "roots": [NODE…]} (mostly one) with NODE = {"name", "label", "class",
 * "module", "count", "params": {…}, "attributes": {…}, "children": [NODE…]}; an array is {"dtype",
 * "shape"}; settings that are None are left out. Statuses as weir_format_describe_text. */
WEIR_MUST_USE enum weir_status weir_format_describe_json(struct weir_buf *out,
                                                         const struct weir_format_pickle *pickle,
                                                         struct weir_error *err);

#endif
