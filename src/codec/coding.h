/* SPDX-License-Identifier: MIT */
/* Content codings of HTTP (RFC 9110 §8.4, §12.5.3): which ones a body has, which one an answer may
 * have, and undoing them. gzip and deflate are known; deflate is the zlib container, and what says
 * it is one of them may be the other. */
#ifndef WEIR_CODEC_CODING_H
#define WEIR_CODEC_CODING_H

#include "codec/deflate.h"
#include "codec/inflate.h"

enum weir_codec_coding {
    WEIR_CODEC_CODING_IDENTITY,
    WEIR_CODEC_CODING_DEFLATE,
    WEIR_CODEC_CODING_GZIP,
};

enum {
    WEIR_CODEC_CODINGS_MAX = 4, /* of one body, identity not counted */
};

/* Reads a Content-Encoding: how many codings are to be undone; identity is none. Returns false for
 * a coding that is not known, or too many of them. */
bool weir_codec_coding_read(struct weir_str value, uint8_t *n);

/* Reads an Accept-Encoding: the coding of the highest weight, of equal ones the first; IDENTITY
 * where none is wanted, known, or written as it should be. "*" asks for nothing. */
enum weir_codec_coding weir_codec_coding_accepted(struct weir_str value);

/* Returns the name of a coding, borrowed for ever. */
const char *weir_codec_coding_name(enum weir_codec_coding coding);

/* Undoes n codings, at least one, and appends what comes out. inflate is reused from call to call.
 * limits hold for each of them. Statuses as weir_codec_inflate_all. */
WEIR_MUST_USE enum weir_status weir_codec_coding_undo(uint8_t n, struct weir_codec_inflate *inflate,
                                                      struct weir_str bytes,
                                                      struct weir_codec_inflate_limits limits,
                                                      struct weir_buf *out, struct weir_error *err);

#endif
