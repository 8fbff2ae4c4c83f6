/* SPDX-License-Identifier: MIT */
/* HTTP/2 on a connection (RFC 9113). nghttp2 reads and writes the frames and keeps the streams'
 * states; everything that concerns requests is ours, so that handlers see no difference.
 *
 *   h2.c          the connection: its beginning, its input, its ends
 *   h2_session.c  what nghttp2 tells
 *   h2_meter.c    frames counted before nghttp2 sees them: floods, and where a frame is cut
 *   h2_head.c     header fields to struct weir_http_head
 *   h2_read.c     requests: heads and bodies to the handlers
 *   h2_reply.c    answers, whole and in parts, to nghttp2
 *   h2_write.c    frames to the transport */
#ifndef WEIR_HTTP_H2_PRIV_H
#define WEIR_HTTP_H2_PRIV_H

#include "http/server_priv.h"

enum {
    WEIR_HTTP_H2_PREFACE_BYTES = 24,
    WEIR_HTTP_H2_FRAME_HEAD_BYTES = 9,
    WEIR_HTTP_H2_PIECES_MAX = 32,          /* bodies written from where they are, at once */
    WEIR_HTTP_H2_QUEUE_BYTES_MAX = 131072, /* frames made ahead of the transport */
    WEIR_HTTP_H2_DATA_BYTES_COPIED = 4096, /* a longer part of a body is written from where it is */
    WEIR_HTTP_H2_OUT_BYTES_KEPT = 65536,   /* a larger frame buffer is freed when it is empty */
    WEIR_HTTP_H2_CLOSED_KEPT = 64,         /* closed streams that are remembered */
    WEIR_HTTP_H2_LINES_MAX = 48,           /* header lines of an answer */
};

/* Error codes (RFC 9113 §7). */
enum weir_http_h2_error {
    WEIR_HTTP_H2_NO_ERROR = 0,
    WEIR_HTTP_H2_PROTOCOL_ERROR = 1,
    WEIR_HTTP_H2_INTERNAL_ERROR = 2,
    WEIR_HTTP_H2_STREAM_CLOSED = 5,
    WEIR_HTTP_H2_CANCEL = 8,
    WEIR_HTTP_H2_ENHANCE_YOUR_CALM = 11,
};

/* --- h2_meter.c: floods ----------------------------------------------------------------------- */

/* A token bucket, in thousandths of a token. */
struct weir_http_h2_bucket {
    uint64_t tokens;
    uint64_t at_ns;
};

/* Follows the frames of the input by their heads alone. */
struct weir_http_h2_meter {
    uint8_t head[WEIR_HTTP_H2_FRAME_HEAD_BYTES];
    uint8_t n_head;        /* bytes of the head that are there; 9: inside the payload */
    uint32_t payload_left; /* of the frame at hand */
    bool is_in_block;      /* a header block goes on in CONTINUATION frames */
    uint32_t n_continuations;
    struct weir_http_h2_bucket glitches; /* frames that carry nothing */
    struct weir_http_h2_bucket resets;   /* streams ended early, by either side */
};

enum weir_http_h2_seen {
    WEIR_HTTP_H2_SEEN_ALL,      /* nothing to tell */
    WEIR_HTTP_H2_SEEN_DATA,     /* the head of a DATA frame */
    WEIR_HTTP_H2_SEEN_RESET,    /* a whole RST_STREAM */
    WEIR_HTTP_H2_SEEN_GLITCHES, /* these and the next break a limit */
    WEIR_HTTP_H2_SEEN_RESETS,
    WEIR_HTTP_H2_SEEN_CONTINUATIONS,
};

/* Begins with full buckets. */
void weir_http_h2_meter_init(struct weir_http_h2_meter *meter, const struct weir_http_options *opts,
                             uint64_t now_ns);

/* Looks at the n bytes of input from *at on, up to something to tell; *at is moved behind it. Pure.
 */
enum weir_http_h2_seen weir_http_h2_meter_read(struct weir_http_h2_meter *meter,
                                               const struct weir_http_options *opts,
                                               const char *bytes, size_t n, size_t *at,
                                               uint64_t now_ns);

/* Returns the stream of the frame at hand. */
int32_t weir_http_h2_meter_stream_id(const struct weir_http_h2_meter *meter);

/* Counts a stream that our side reset for the client's fault; false: too many. */
bool weir_http_h2_meter_reset(struct weir_http_h2_meter *meter,
                              const struct weir_http_options *opts, uint64_t now_ns);

/* Gives tokens back for work that was worth it: frames of an answer, an answer taken whole. */
void weir_http_h2_meter_credit(struct weir_http_h2_meter *meter,
                               const struct weir_http_options *opts, bool is_answer);

/* Finds whether the input is cut inside a frame other than DATA, or inside a header block. */
bool weir_http_h2_meter_is_inside(const struct weir_http_h2_meter *meter);

/* --- h2_head.c: heads ------------------------------------------------------------------------- */

/* The header block that is being received; there is at most one on a connection (RFC 9113 §6.10).
 */
struct weir_http_h2_fields {
    struct weir_buf bytes; /* values that are kept, behind one another; spans point here */
    struct weir_http_head head;
    enum weir_http_refusal refusal; /* the first */
    uint32_t n_fields;
    uint64_t n_bytes; /* names, values and 32 for each, as SETTINGS_MAX_HEADER_LIST_SIZE counts */
    struct weir_http_span method;
    struct weir_http_span path;
    struct weir_http_span authority;
    bool is_trailers;
};

/* Begins a block. */
void weir_http_h2_head_begin(struct weir_http_h2_fields *fields, struct weir_http_server *server,
                             bool is_trailers);

/* Takes a field that nghttp2 has checked by itself. false: the block is far beyond every limit, or
 * there is no memory; the stream is to be reset. */
bool weir_http_h2_head_take(struct weir_http_h2_fields *fields,
                            const struct weir_http_options *opts, struct weir_str name,
                            struct weir_str value);

/* Reads what the fields say together. Returns NONE, or why the request is refused. */
enum weir_http_refusal weir_http_h2_head_read(struct weir_http_h2_fields *fields,
                                              const struct weir_http_options *opts, bool has_body);

/* --- h2.c: the connection --------------------------------------------------------------------- */

/* A piece of the output: n bytes at `at` of out, or of req's out_body. */
struct weir_http_h2_piece {
    struct weir_http_req *req; /* NULL: of out */
    size_t at;
    size_t n;
};

/* A stream that is no more. */
struct weir_http_h2_closed {
    int32_t stream_id;
    bool was_ours; /* we have reset it: the client may not know yet */
};

struct weir_http_h2 {
    struct weir_http_conn *conn;
    struct nghttp2_session *session;
    struct weir_list blocks; /* the session's memory */
    struct weir_http_h2_meter meter;
    struct weir_http_h2_fields fields;
    struct weir_http_req *pending; /* its body (->body) lies in the input that is being read */
    bool is_broken;                /* no memory: to be reset */
    bool is_flooding;              /* to be ended with ENHANCE_YOUR_CALM */
    bool is_ended;                 /* weir_http_h2_end was called: nothing is read any more */
    bool is_leaving;               /* GOAWAY was sent, new streams are still taken */
    bool has_left;                 /* GOAWAY with the last stream was sent */
    struct weir_buf out;           /* frames made and not written yet */
    struct weir_http_h2_piece pieces[WEIR_HTTP_H2_PIECES_MAX]; /* of the output, in order */
    uint32_t n_pieces;
    uint64_t queued;  /* bytes of all frames ever made */
    uint64_t written; /* of these given to the transport */
    struct weir_http_h2_closed closed[WEIR_HTTP_H2_CLOSED_KEPT]; /* the last ones, a ring */
    uint32_t n_closed;                                           /* ever */
    int32_t resetting_id;    /* the stream for which RST_STREAM was made last */
    int32_t last_stream_id;  /* the highest that the client has opened */
    struct weir_list ending; /* requests whose streams are closed, by their last byte's place */
};

/* Finds whether n bytes may be or are the preface. */
enum weir_http_h2_preface {
    WEIR_HTTP_H2_PREFACE_NO,
    WEIR_HTTP_H2_PREFACE_MORE,
    WEIR_HTTP_H2_PREFACE_YES,
};
enum weir_http_h2_preface weir_http_h2_preface(const char *bytes, size_t n);

/* Makes a connection one of HTTP/2, whose preface was read. Without memory it is reset. */
void weir_http_h2_begin(struct weir_http_conn *conn);

/* Frees what begin made; conn->h2 is NULL after. */
void weir_http_h2_free(struct weir_http_conn *conn);

/* Uses n bytes of input, all of them. */
void weir_http_h2_read(struct weir_http_conn *conn, const char *bytes, size_t n);

/* The peer sends no more: what is not whole is lost, the rest is answered. */
void weir_http_h2_eof(struct weir_http_conn *conn);

/* Ends the connection with GOAWAY and this error code (RFC 9113 §7); what is unanswered is lost. */
void weir_http_h2_end(struct weir_http_conn *conn, enum weir_http_h2_error code);

/* Begins to leave: GOAWAY without a last stream, then, when the client knows or after linger_ns_max
 * (weir_http_h2_leave_now), with one. */
void weir_http_h2_leave(struct weir_http_conn *conn);
void weir_http_h2_leave_now(struct weir_http_conn *conn);

/* Finds the kind of deadline that the connection itself is under now; false: none. */
bool weir_http_h2_timeout_kind(const struct weir_http_conn *conn,
                               enum weir_http_timeout_kind *kind);

/* A timeout of a request has come. */
void weir_http_h2_timeout(struct weir_http_req *req, enum weir_http_timeout_kind kind);

/* --- h2_session.c: nghttp2 -------------------------------------------------------------------- */

/* The PING whose answer tells that the client knows of our leave. */
#define WEIR_HTTP_H2_LEAVE_PING "leaving"

/* Makes h2->session; h2->conn is set. false: no memory, free is to be called all the same. */
bool weir_http_h2_session_new(struct weir_http_h2 *h2, struct weir_http_server *server);

/* Frees the session. is_broken: it may have found no memory once. */
void weir_http_h2_session_free(struct weir_http_h2 *h2, bool is_broken);

/* Frees what the sessions of a server share. */
void weir_http_h2_session_deinit(struct weir_http_server *server);

/* Finds whether DATA is for a stream that the client knows to be closed, where nghttp2 would say
 * nothing. */
bool weir_http_h2_session_is_late(const struct weir_http_h2 *h2, int32_t stream_id);

/* --- h2_read.c: requests ---------------------------------------------------------------------- */

/* A request's header block is whole. */
void weir_http_h2_read_head(struct weir_http_h2 *h2, int32_t stream_id, bool has_end);

/* Bytes of a body came. They are looked at by the next call for the stream, or by
 * weir_http_h2_read_pending at the latest when the input ends. */
void weir_http_h2_read_data(struct weir_http_h2 *h2, int32_t stream_id, struct weir_str bytes);
void weir_http_h2_read_pending(struct weir_http_h2 *h2);

/* The client has ended the stream. */
void weir_http_h2_read_end(struct weir_http_h2 *h2, int32_t stream_id);

/* --- h2_reply.c: answers ---------------------------------------------------------------------- */

/* Hands an answer to nghttp2. is_begun: more parts follow. false: no memory. */
bool weir_http_h2_reply(struct weir_http_req *req, const struct weir_http_reply *reply,
                        bool is_begun);

/* Sends 100 Continue. */
void weir_http_h2_reply_continue(struct weir_http_req *req);

/* Ends the stream at once with this error code; the request is over without (the rest of) an
 * answer. */
void weir_http_h2_reply_reset(struct weir_http_req *req, enum weir_http_h2_error code);

/* Moves the next n bytes of the answer's body to the output. false: no memory. */
bool weir_http_h2_reply_data(struct weir_http_h2 *h2, struct weir_http_req *req, size_t n);

/* Appends to an answer in parts; ends it. false: no memory, or buffered_bytes_max. */
bool weir_http_h2_reply_part(struct weir_http_req *req, struct weir_str bytes);
bool weir_http_h2_reply_end(struct weir_http_req *req, struct weir_str trailers);

/* Gives n more bytes of a stream's window back. */
void weir_http_h2_read_consumed(struct weir_http_req *req, size_t n);

/* Finds how many bytes of the answer's body no frame was made of yet. */
static inline uint64_t weir_http_h2_reply_left(const struct weir_http_req *req)
{
    return req->data_end - req->data_at;
}

/* --- h2_write.c: output ----------------------------------------------------------------------- */

/* Makes frames and writes them until nothing is left or nothing more is taken; then ends the
 * connection if it is over. false: it broke. */
bool weir_http_h2_write(struct weir_http_conn *conn);

/* Finds whether enough was made for one call to the kernel. */
bool weir_http_h2_write_is_full(const struct weir_http_h2 *h2);

/* Appends bytes to the output, copied. false: no memory. */
bool weir_http_h2_write_bytes(struct weir_http_h2 *h2, const void *bytes, size_t n);

/* Appends a part of req's out_body to the output; it stays where it is. */
void weir_http_h2_write_body(struct weir_http_h2 *h2, struct weir_http_req *req, size_t at,
                             size_t n);

#endif
