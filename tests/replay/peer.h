/* SPDX-License-Identifier: MIT */
/* The client's side of a connection, blocking: sends bytes as they are, reads answers of HTTP/1 and
 * HTTP/2. */
#ifndef WEIR_TESTS_REPLAY_PEER_H
#define WEIR_TESTS_REPLAY_PEER_H

#include "script.h"

#include <nghttp2/nghttp2.h>

enum { REPLAY_WAIT_MS = 20000, REPLAY_STREAMS_MAX = 512 };

/* How bytes are sent. */
enum replay_mode {
    REPLAY_WHOLE,  /* each request at once */
    REPLAY_PIECES, /* in pieces of changing size, with pauses */
};

struct replay_stream {
    uint32_t id;
    bool is_ended;
    struct replay_answer answer;
};

struct replay_peer {
    int fd; /* -1: not connected */
    struct weir_buf received;
    size_t at;    /* of received, what has been read */
    bool is_head; /* the last request was HEAD */
    nghttp2_hd_inflater *inflater;
    struct replay_stream *streams; /* n_streams, owned */
    size_t n_streams;
};

bool replay_peer_connect(struct replay_peer *peer, uint16_t port);
void replay_peer_close(struct replay_peer *peer);

/* Sends all; a server that has ended the connection meanwhile is not an error here. */
void replay_peer_send(struct replay_peer *peer, const struct weir_buf *bytes,
                      enum replay_mode mode);

/* Each reads what its step waits for; false: reason says what came instead. Fields that tell the
 * time are left out; a compressed body is inflated, and its lengths are left out too. */
bool replay_peer_answer(struct replay_peer *peer, struct replay_answer *answer, char *reason,
                        size_t size);
bool replay_peer_continue(struct replay_peer *peer, char *reason, size_t size);
bool replay_peer_closed(struct replay_peer *peer, char *reason, size_t size);
bool replay_peer_stream(struct replay_peer *peer, uint32_t id, struct replay_answer *answer,
                        char *reason, size_t size);

#endif
