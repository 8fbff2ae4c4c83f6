/* SPDX-License-Identifier: MIT */
/* Reading pickles (protocols 0 to 5) and joblib files as data.
 *
 * The opcodes are interpreted into a value tree; nothing is imported, called or looked up. Every
 * name of a class or function is compared with an allow-list at the moment it is met, also when its
 * value would be thrown away later. joblib's arrays in the middle of the stream are read in place.
 *
 * What is refused on purpose: names that are not on the list, opcodes that no pickler writes (DUP,
 * INST, OBJ, the extension registry, persistent and out-of-band data), a second state for one
 * object, sparse memo indexes, bytes after the end, frames that disagree with the opcodes, strings
 * of Python 2 that are not plain ASCII. */
#ifndef WEIR_FORMAT_PICKLE_H
#define WEIR_FORMAT_PICKLE_H

#include "base/arena.h"
#include "base/str.h"
#include "format/value.h"
#include <weir/format.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was read. */
struct weir_format_pickle {
    const struct weir_value *root; /* in the arena; points into the bytes too */
    size_t n_nodes;                /* values made, for weir_value_walk_init */
    uint64_t n_ops;                /* opcodes read */
    uint32_t protocol;             /* 0 to 5; of skops 0 to 2 */
    bool is_joblib;                /* has arrays that joblib wrote */
    const char *container;         /* "pickle" or "skops" */
};

/* Finds whether bytes begin like a pickle. */
bool weir_format_pickle_probe(struct weir_str bytes);

/* Reads bytes whole. They are borrowed until the tree is gone; arena: the tree's. opts: all
 * defaults filled in. WEIR_ERR_UNSUPPORTED: a name or an opcode that is refused; WEIR_ERR_CORRUPT:
 * not a whole pickle, or it contradicts itself; WEIR_ERR_LIMIT; WEIR_ERR_TIMEOUT;
 * WEIR_ERR_NO_MEMORY. Messages name the offset; a refused name reads `refers to "posix.system",
 * which is not on the list of model classes`. */
WEIR_MUST_USE enum weir_status weir_format_pickle_parse(struct weir_format_pickle *out,
                                                        struct weir_str bytes,
                                                        const struct weir_format_opts *opts,
                                                        struct weir_arena *arena,
                                                        struct weir_error *err);

#endif
