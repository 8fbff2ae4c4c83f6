/* SPDX-License-Identifier: MIT */
/* What a model takes and gives as JSON Schema (draft 2020-12, the one of OpenAPI 3.1).
 *
 * The schemas of a model are named `MODEL.rows`, `MODEL.predict` and so on below
 * components/schemas; dialects refer to them. Names of models need no escapes. */
#ifndef WEIR_PROTOCOL_SCHEMA_H
#define WEIR_PROTOCOL_SCHEMA_H

#include "base/buf.h"
#include "tensor/spec.h"

/* Appends the members of components/schemas for a model, each followed by a comma:
 *   MODEL.row      a row as a list (of a matrix or frame)
 *   MODEL.record   a row by name, where features have names
 *   MODEL.rows     a list of either; of tensors the inputs, bare if there is one, else by name
 *   MODEL.columns  a list of values for each feature, where they have names; of tensors as rows
 *   MODEL.OUTPUT   what one row is answered with, for each output
 *   MODEL.output.0 of a graph, its first output whole
 *   MODEL.outputs  of a graph, all of them by name */
void weir_protocol_schema_components(struct weir_buf *out, struct weir_str model,
                                     const struct weir_spec *spec);

/* Appends {"$ref": …} to one of them. */
void weir_protocol_schema_ref(struct weir_buf *out, struct weir_str model, const char *name);

#endif
