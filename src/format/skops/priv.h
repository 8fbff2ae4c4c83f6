/* SPDX-License-Identifier: MIT */
/* The inside of the skops reader: skops.c (archive, schema, protocol), nodes.c (the kinds of
 * nodes), plain.c (values written as JSON, arrays, sparse matrices). */
#ifndef WEIR_FORMAT_SKOPS_PRIV_H
#define WEIR_FORMAT_SKOPS_PRIV_H

#include "codec/archive.h"
#include "format/pickle_priv.h"

#include <yyjson.h>

/* A node that was read: the memo of ids. */
struct weir_format_skops_seen {
    uint64_t id;
    struct weir_value *v; /* NULL: the entry is free */
};

struct weir_format_skops {
    struct weir_format_pickle_machine m; /* whose stack the values are made on */
    struct weir_codec_archive archive;
    struct weir_format_skops_seen *seen; /* owned; open addressing, cap_seen a power of two */
    size_t n_seen;
    size_t cap_seen;
    uint32_t depth; /* of the node at hand */
};

/* Sets the error to "schema.json: reason". */
enum weir_status weir_format_skops_fail(struct weir_format_skops *s, enum weir_status code,
                                        const char *fmt, ...) WEIR_PRINTF(3, 4);

/* Reads a node and pushes its value. */
WEIR_MUST_USE enum weir_status weir_format_skops_nodes_read(struct weir_format_skops *s,
                                                            yyjson_val *node);

/* Pushes the global that a node's __module__ and __class__ name, if it is on the allow-list. */
WEIR_MUST_USE enum weir_status weir_format_skops_nodes_push_global(struct weir_format_skops *s,
                                                                   yyjson_val *node);

/* --- plain.c --- */

/* Returns a member of an object as text; at == NULL: there is none, or it is no text. */
struct weir_str weir_format_skops_plain_text(yyjson_val *node, const char *key);

/* Pushes text or bytes, borrowed. */
WEIR_MUST_USE enum weir_status weir_format_skops_plain_push_text(struct weir_format_skops *s,
                                                                 enum weir_value_kind kind,
                                                                 struct weir_str text);

/* Pushes what a JSON value says. */
WEIR_MUST_USE enum weir_status weir_format_skops_plain_push_json(struct weir_format_skops *s,
                                                                 yyjson_val *v);

/* The nodes JsonNode, BytesNode, NdArrayNode, DTypeNode and SparseMatrixNode. */
WEIR_MUST_USE enum weir_status weir_format_skops_plain_json(struct weir_format_skops *s,
                                                            yyjson_val *node);
WEIR_MUST_USE enum weir_status weir_format_skops_plain_bytes(struct weir_format_skops *s,
                                                             yyjson_val *node);
WEIR_MUST_USE enum weir_status weir_format_skops_plain_array(struct weir_format_skops *s,
                                                             yyjson_val *node);
WEIR_MUST_USE enum weir_status weir_format_skops_plain_dtype(struct weir_format_skops *s,
                                                             yyjson_val *node);
WEIR_MUST_USE enum weir_status weir_format_skops_plain_sparse(struct weir_format_skops *s,
                                                              yyjson_val *node);

/* Parses JSON as Python's json module writes it. The caller frees *out with yyjson_doc_free. */
WEIR_MUST_USE enum weir_status weir_format_skops_plain_parse_json(struct weir_format_skops *s,
                                                                  struct weir_str text,
                                                                  yyjson_doc **out);

#endif
