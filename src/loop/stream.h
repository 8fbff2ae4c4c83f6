/* SPDX-License-Identifier: MIT */
/* A connected byte stream (TCP or Unix socket), by readiness: bytes that came are shown in a buffer
 * that all streams of the loop share; writing takes what the kernel takes now and says how much,
 * and `writable` tells when to go on. So no bytes are ever owned here. */
#ifndef WEIR_LOOP_STREAM_H
#define WEIR_LOOP_STREAM_H

#include "loop/addr.h"
#include "loop/loop.h"

#include <sys/types.h>
#include <sys/uio.h>

struct weir_stream;

enum { WEIR_STREAM_IOV_MAX = 64 };

/* What a stream tells its owner. None is called from inside a call of the owner's. Any of them may
 * close the stream; no other callback but `closed` follows then. */
struct weir_stream_events {
    /* The connection asked for stands (error 0) or failed (errno; the stream must be closed). Only
     * after weir_stream_connect. */
    void (*connected)(struct weir_stream *s, int error);
    /* Asked before each read: where the bytes should go. Sets *at and *n (> 0, the room there), or
     * leaves them as they are: the buffer that the loop's streams share. May be NULL. */
    void (*room)(struct weir_stream *s, char **at, size_t *n);
    /* n > 0 bytes came; valid during the call, and the owner may write into them. */
    void (*read)(struct weir_stream *s, char *bytes, size_t n);
    /* The peer will send no more; writing still works. Reading is stopped. */
    void (*eof)(struct weir_stream *s);
    /* The connection broke (errno: ECONNRESET, …); nothing works any more but close. */
    void (*error)(struct weir_stream *s, int error);
    /* More can be written; called once for each weir_stream_want_write. */
    void (*writable)(struct weir_stream *s);
    /* The last one: the memory may go. */
    void (*closed)(struct weir_stream *s);
};

/* A stream; lives in its owner until `closed`. */
struct weir_stream {
    struct weir_loop *loop;
    const struct weir_stream_events *events;
    int fd;
    uint8_t watching; /* what uv is asked for */
    bool is_open : 1;
    bool is_reading : 1;
    bool is_connecting : 1;
    bool wants_write : 1;
    bool has_eof : 1;
    bool is_broken : 1;
    bool ignores_urgent : 1; /* the peer sent urgent data: resets go unnoticed while stopped */
    uv_poll_t uv;
};

/* Puts a connected socket on the loop; takes fd on success. Reading is not started. WEIR_ERR_IO:
 * the kernel does not want to watch it; fd stays the caller's. */
WEIR_MUST_USE enum weir_status weir_stream_open_fd(struct weir_stream *s, struct weir_loop *loop,
                                                   int fd, const struct weir_stream_events *events);

/* Begins to connect; `connected` tells the outcome. WEIR_ERR_IO: no socket. */
WEIR_MUST_USE enum weir_status weir_stream_connect(struct weir_stream *s, struct weir_loop *loop,
                                                   const struct weir_addr_target *to,
                                                   const struct weir_stream_events *events,
                                                   struct weir_error *err);

/* Starts or stops `read`. A stopped stream still notices a reset. After eof: nothing. */
void weir_stream_read_start(struct weir_stream *s);
void weir_stream_read_stop(struct weir_stream *s);

/* Writes what the kernel takes at once of n_iov (<= WEIR_STREAM_IOV_MAX) pieces. Returns the number
 * of bytes taken, 0 when it takes none now, or -errno when the connection is broken. */
ssize_t weir_stream_write(struct weir_stream *s, const struct iovec *iov, int n_iov);

/* Asks for one `writable`. */
void weir_stream_want_write(struct weir_stream *s);

/* Says that nothing more will be written (FIN after what the kernel holds). */
void weir_stream_shutdown(struct weir_stream *s);

/* Ends the stream; `closed` follows. reset: what the kernel still holds is thrown away and the peer
 * sees RST. A zeroed or closing stream is left alone. */
void weir_stream_close(struct weir_stream *s);
void weir_stream_reset(struct weir_stream *s);

#endif
