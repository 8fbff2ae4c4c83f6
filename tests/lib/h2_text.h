/* SPDX-License-Identifier: MIT */
/* Frames of HTTP/2 as lines of text, for tests that send what no client library would.
 *
 * What is sent; texts are in double quotes with C's escapes, FLAGS are numbers or END_STREAM,
 * END_HEADERS, ACK, PADDED, PRIORITY joined by '+', or '-' for none:
 *
 *   preface                           the preface and empty SETTINGS
 *   get STREAM PATH ["N: V"]…         a whole request
 *   post STREAM PATH ["N: V"]…        a request whose body is to follow
 *   headers STREAM FLAGS ["N: V"]…    exactly these fields, as literals that are not indexed
 *   block ["N: V"]…                   the bytes of such fields without a frame around them
 *   data STREAM FLAGS [["N"] TEXT]    TEXT N times over
 *   frame TYPE FLAGS STREAM [TEXT]    any frame; TYPE is a number
 *   settings ID=VALUE…, rst STREAM CODE, ping FLAGS TEXT, window STREAM BYTES, goaway LAST CODE
 *   raw TEXT                          bytes
 *
 * What is received is written likewise: TYPE STREAM [FLAGS] and what is in it. */
#ifndef WEIR_TESTS_LIB_H2_TEXT_H
#define WEIR_TESTS_LIB_H2_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { H2_TEXT_LINE_BYTES = 4096, H2_TEXT_DATA_BYTES_SHOWN = 256 };

/* Writes the bytes that a line describes to out. Returns their number, -1: it is no such line, or
 * there is no room. */
long h2_text_write(const char *line, char *out, size_t cap);

/* What is known of the peer's side of a connection; zeroed at first. */
struct h2_text_reader {
    struct nghttp2_hd_inflater *inflater;
};

/* Writes the line of the first frame in bytes. Returns the bytes that it takes, 0: it is not whole,
 * -1: it is none. Date fields are shown as "date: #". */
long h2_text_read(struct h2_text_reader *reader, const char *bytes, size_t n, char *line,
                  size_t cap);

/* Frees what the reader keeps. */
void h2_text_reader_deinit(struct h2_text_reader *reader);

/* Finds whether a line has the first two words of `like` (* for any), and all its other words in
 * any place. */
bool h2_text_is_like(const char *line, const char *like);

#endif
