/* SPDX-License-Identifier: MIT */
/* The bodies of Flask tutorials: {"features": …} → {"prediction": …}. */
#ifndef WEIR_PROTOCOL_FLASK_FLASK_H
#define WEIR_PROTOCOL_FLASK_FLASK_H

#include "protocol/dialect.h"

extern const struct weir_protocol_ops weir_protocol_flask;

/* ops->describe. */
void weir_protocol_flask_describe(const struct weir_protocol_route *route,
                                  struct weir_protocol_description *d);

/* Reads a Flask-style body: `{"features": rows}` (also instances, data, input, inputs, X, x) into
 * the sink and commits it. rows: a list of lists, one flat list, a list of objects by feature name,
 * or one such object; null is a missing value, true and false are 1 and 0; other members are
 * ignored. Columns that hold text take strings, and one column of text also a list of strings, a
 * row each, or a single string. asked: PREDICT means the default output (transform for a
 * transformer).
 * On failure nothing stays in the sink and *call is undefined. */
WEIR_MUST_USE enum weir_status
weir_protocol_flask_decode(struct weir_protocol_decoder *decoder, const struct weir_spec *spec,
                           enum weir_output asked, struct weir_str body, struct weir_sink *sink,
                           struct weir_protocol_call *call, struct weir_error *err);

#endif
