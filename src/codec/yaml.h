/* SPDX-License-Identifier: MIT */
/* YAML 1.1 text → a tree of scalars, lists and maps, each with its place in the text.
 *
 * Scalars stay text: what they mean is the reader's business, so "no" is not a boolean by accident.
 * Refused: more than one document, tags other than the plain ones, keys that are not scalars, a key
 * twice in one map, anchors used before they end. Threads: any. */
#ifndef WEIR_CODEC_YAML_H
#define WEIR_CODEC_YAML_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum weir_yaml_kind { WEIR_YAML_NULL, WEIR_YAML_SCALAR, WEIR_YAML_LIST, WEIR_YAML_MAP };

/* A value. Lists have their items in children; maps a key and its value in turn. */
struct weir_yaml {
    enum weir_yaml_kind kind;
    bool is_quoted;       /* a scalar in quotes or a block: surely a text */
    struct weir_str text; /* SCALAR: NUL-terminated UTF-8; NULL: as written ("" or "~") */
    uint32_t line;        /* from 1 */
    uint32_t column;      /* from 1 */
    size_t n_children;
    struct weir_yaml **children;
    size_t n_values; /* of the whole tree below and this, aliases counted in full */
};

struct weir_yaml_limits {
    size_t bytes_max;
    size_t values_max; /* aliases counted in full, so that they cannot multiply */
    size_t depth_max;  /* at most WEIR_YAML_DEPTH_MAX */
    size_t aliases_max;
};

enum { WEIR_YAML_DEPTH_MAX = 64 };

/* What a configuration may be. */
#define WEIR_YAML_LIMITS_DEFAULT                                                       \
    {                                                                                  \
        .bytes_max = 1 << 20, .values_max = 20000, .depth_max = 32, .aliases_max = 256 \
    }

/* Parses one document into *out, which lives in arena; an empty text gives a NULL value.
 * WEIR_ERR_INVALID: not YAML, or refused: the message begins with "line:column: ".
 * WEIR_ERR_LIMIT: past a limit. WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_codec_yaml_parse(struct weir_yaml **out,
                                                     struct weir_arena *arena, struct weir_str text,
                                                     const struct weir_yaml_limits *limits,
                                                     struct weir_error *err);

/* Finds the value of a key in a map; NULL: not there. O(n). */
struct weir_yaml *weir_codec_yaml_find(const struct weir_yaml *map, struct weir_str key);

/* Finds whether two trees say the same in the same order, wherever they stand; NULL equals NULL. */
bool weir_codec_yaml_is_same(const struct weir_yaml *a, const struct weir_yaml *b);

/* Appends a tree on one line ({a: "b", c: ["d"]}), which parses to the same tree; scalars that were
 * not in quotes stay so where that is possible. */
void weir_codec_yaml_append(struct weir_buf *buf, const struct weir_yaml *tree);

#endif
