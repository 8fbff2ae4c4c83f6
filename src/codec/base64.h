/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648, section 4), the standard alphabet. Pure. */
#ifndef WEIR_CODEC_BASE64_H
#define WEIR_CODEC_BASE64_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>

/* Appends the bytes that text stands for; '=' at its end may be left out. false: text is no base64,
 * *out has gained nothing. Look at weir_buf_ok afterwards. */
bool weir_codec_base64_decode(struct weir_str text, struct weir_buf *out);

/* Appends the text that stands for bytes, padded with '='. */
void weir_codec_base64_encode(struct weir_str bytes, struct weir_buf *out);

#endif
