/* SPDX-License-Identifier: MIT */
/* A real `weir serve` for tests: a child process on free loopback ports, and plain blocking sockets
 * to talk to it. A failure here ends the test program with a message. Everything is bounded in
 * time. */
#ifndef WEIR_TESTS_LIB_TEST_SERVER_H
#define WEIR_TESTS_LIB_TEST_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { WEIR_TEST_SERVER_TEXT_BYTES = 64 * 1024, WEIR_TEST_SERVER_WAIT_MS = 20000 };

struct weir_test_server {
    pid_t pid;
    int out; /* its standard output */
    int err; /* a file with its standard error */
    uint16_t port;
    uint16_t admin_port;
    char said[WEIR_TEST_SERVER_TEXT_BYTES]; /* what it wrote on standard output so far */
};

/* An answer; body is NUL-terminated. */
struct weir_test_answer {
    int status;
    char head[8192];
    char *body; /* owned; weir_test_answer_deinit */
    size_t body_bytes;
};

/* Starts the program named by $WEIR_PROGRAM with `serve`, free ports, and args (NULL-terminated),
 * and waits until it listens. */
void weir_test_server_start(struct weir_test_server *s, const char *const *args);

/* Waits until the readiness route answers 200. */
void weir_test_server_wait_ready(struct weir_test_server *s);

/* Waits until what the server wrote on standard error contains text; false: not in time. */
bool weir_test_server_logged(struct weir_test_server *s, const char *text);

/* Sends SIGTERM's like; returns the exit status, or 128 + the signal that ended it. */
int weir_test_server_stop(struct weir_test_server *s, int signal);

/* Waits for the process to end; as above. */
int weir_test_server_wait(struct weir_test_server *s);

/* Connects; returns a blocking socket with a read timeout. */
int weir_test_server_connect(uint16_t port);

/* Sends all bytes. */
void weir_test_server_send(int fd, const char *bytes, size_t n);

/* Reads one answer; false: the connection ended before it was whole. */
bool weir_test_server_receive(int fd, struct weir_test_answer *answer);

/* Makes one request on a connection of its own and reads the answer. body NULL: none; fields: more
 * header lines, each with its CRLF, or NULL. */
void weir_test_server_request(uint16_t port, const char *method, const char *path,
                              const char *fields, const char *body,
                              struct weir_test_answer *answer);

void weir_test_answer_deinit(struct weir_test_answer *answer);

/* Finds the value of a header line, NUL-terminated into out; false: not there. */
bool weir_test_answer_field(const struct weir_test_answer *answer, const char *name, char *out,
                            size_t size);

/* Reads a sample of the metrics page by the text before its value, e.g.
 * `weir_rows_total{model="toy",version="1"}`; -1: not there. */
double weir_test_server_metric(struct weir_test_server *s, const char *series);

#endif
