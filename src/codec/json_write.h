/* SPDX-License-Identifier: MIT */
/* Members of JSON objects, appended to a buffer one after the other. The comma before a member is
 * put where one belongs: not behind an open brace or bracket. A buffer without memory keeps that to
 * itself until it is asked (base/buf.h).
 */
#ifndef WEIR_CODEC_JSON_WRITE_H
#define WEIR_CODEC_JSON_WRITE_H

#include "base/buf.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends `"name":`, after a comma unless it is the first of its object. name needs no escapes. */
void weir_codec_json_write_key(struct weir_buf *buf, const char *name);

/* Appends a key and an open brace or bracket. */
void weir_codec_json_write_open(struct weir_buf *buf, const char *name, char bracket);

/* Appends a number in the shortest form that reads back the same; null where it is not finite. */
void weir_codec_json_write_number(struct weir_buf *buf, double v);

/* Append a member: a number as above, a count, a text with its escapes, `[low,high]`, true or
 * false. */
void weir_codec_json_write_f64(struct weir_buf *buf, const char *name, double v);
void weir_codec_json_write_u64(struct weir_buf *buf, const char *name, uint64_t n);
void weir_codec_json_write_text(struct weir_buf *buf, const char *name, struct weir_str text);
void weir_codec_json_write_pair(struct weir_buf *buf, const char *name, double low, double high);
void weir_codec_json_write_bool(struct weir_buf *buf, const char *name, bool is_set);

#endif
