/* SPDX-License-Identifier: MIT */
/* Scripts of what clients sent, and what must come back. README.md says how a script is written. */
#ifndef WEIR_TESTS_REPLAY_SCRIPT_H
#define WEIR_TESTS_REPLAY_SCRIPT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum replay_kind {
    REPLAY_CALL,     /* text: what the client was doing; the name of a test point */
    REPLAY_ON,       /* number: the connection that is meant from here on; is_admin: its listener */
    REPLAY_SEND,     /* bytes */
    REPLAY_CONTINUE, /* "HTTP/1.1 100 Continue" comes */
    REPLAY_ANSWER,   /* an HTTP/1 answer comes */
    REPLAY_STREAM,   /* number: the HTTP/2 stream that ends */
    REPLAY_CLOSED,   /* the server ends the connection, and has sent nothing else */
};

/* How bodies are compared. */
enum replay_how {
    REPLAY_BODY_ANY,   /* not at all */
    REPLAY_BODY_EXACT, /* byte for byte; what is compressed after inflating */
    REPLAY_BODY_NEAR,  /* as text in which numbers may differ a little; what is no text by its size
                        */
    REPLAY_BODY_LIKE,  /* as text in which every number is the same: times, counts */
};

/* An answer. head: lines, first the status, then `name: value` with the name in lower case,
 * trailers last; in a wanted head `!name` says that there is no such field. A NUL follows the body.
 */
struct replay_answer {
    struct weir_buf head;
    struct weir_buf body;
    enum replay_how how;
};

struct replay_step {
    enum replay_kind kind;
    unsigned line;
    bool is_admin;
    uint32_t number;
    struct weir_buf text; /* of CALL and SEND */
    struct replay_answer want;
    struct replay_answer got[2]; /* of two runs; a check makes one */
};

enum { REPLAY_SETTINGS_MAX = 16 };

struct replay_script {
    struct replay_step *steps; /* n, owned */
    size_t n;
    struct weir_buf head;                     /* the lines before the first step, as they are */
    struct weir_buf env[REPLAY_SETTINGS_MAX]; /* NAME=VALUE for the server */
    size_t n_env;
    struct weir_buf args; /* further arguments of the server, by spaces */
    bool needs_onnx;
};

/* Reads a script; false: reason says which line is wrong. */
bool replay_script_read(struct replay_script *script, FILE *file, char *reason, size_t size);

/* Writes it with what came back in two runs: fields that were alike, and bodies exactly, or as like
 * where they differed in numbers, or not at all. near: texts ended by an empty one; what a call
 * that sends one of them gets back may differ in the last bits from machine to machine. */
void replay_script_write(const struct replay_script *script, const struct weir_buf *near,
                         FILE *file);

void replay_script_deinit(struct replay_script *script);

/* Finds whether an answer is the wanted one; false: reason says how it differs. */
bool replay_answer_matches(const struct replay_answer *want, const struct replay_answer *got,
                           char *reason, size_t size);

#endif
