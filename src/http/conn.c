/* SPDX-License-Identifier: MIT */
/* The life of a connection: its states, deadlines and ends.
 *
 *              first byte          head whole, body not
 *      IDLE ──────────────▶ HEAD ──────────────────────▶ BODY, CHUNKS ──┐
 *       ▲ ▲                  │ head whole, no body left      │          │ answered before
 *       │ └──────────────────┘                               │          │ the body was read
 *       └─────────────────────── body whole ─────────────────┘          ▼
 *       └───────────────────────────────────────────────────────────── SKIP
 *      HEAD ── the preface of HTTP/2, as the first of all bytes ──▶ H2
 *      any of them ── last request, refusal, end of input ──▶ ENDING ──▶ LINGER ──▶ CLOSED
 *
 * ENDING writes the answers that are due and reads nothing; LINGER has sent FIN and throws away
 * what still comes, so that the peer sees the last answer and not a reset. The writing side is in
 * conn_write.c.
 *
 * Input that cannot be used yet stays in `held`: part of a head, or requests behind a limit. A head
 * is always read from contiguous bytes, in the loop's read buffer when it came whole, in `held`
 * otherwise. */
#include "base/clock.h"
#include "base/macros.h"
#include "http/h2_priv.h"

/* --- states
 * --------------------------------------------------------------------------------------- */

#define TO(state) (1U << WEIR_HTTP_CONN_##state)

static const struct {
    const char *name;
    uint32_t successors;
} states[] = {
    [WEIR_HTTP_CONN_IDLE] = {"idle", TO(HEAD) | TO(ENDING) | TO(CLOSED)},
    [WEIR_HTTP_CONN_HEAD] = {"head", TO(IDLE) | TO(BODY) | TO(CHUNKS) | TO(SKIP) | TO(H2) |
                                         TO(ENDING) | TO(CLOSED)},
    [WEIR_HTTP_CONN_BODY] = {"body", TO(IDLE) | TO(ENDING) | TO(CLOSED)},
    [WEIR_HTTP_CONN_CHUNKS] = {"chunks", TO(IDLE) | TO(ENDING) | TO(CLOSED)},
    [WEIR_HTTP_CONN_SKIP] = {"skip", TO(IDLE) | TO(ENDING) | TO(CLOSED)},
    [WEIR_HTTP_CONN_H2] = {"h2", TO(ENDING) | TO(CLOSED)},
    [WEIR_HTTP_CONN_ENDING] = {"ending", TO(LINGER) | TO(CLOSED)},
    [WEIR_HTTP_CONN_LINGER] = {"linger", TO(CLOSED)},
    [WEIR_HTTP_CONN_CLOSED] = {"closed", 0},
};

void weir_http_conn_move(struct weir_http_conn *conn, enum weir_http_conn_state to)
{
    weir_assert((states[conn->state].successors & 1U << to) != 0);
    conn->state = to;
}

/* --- input that must wait
 * --------------------------------------------------------------------------- */

void weir_http_conn_drop_held(struct weir_http_conn *conn)
{
    if (conn->is_processing)
        return; /* process_held drops it. */
    weir_http_core_charge_over(conn->server, &conn->held_charged, 0);
    weir_http_core_buf_release(conn->server, &conn->held);
}

/* --- ending
 * ------------------------------------------------------------------------------------------ */

void weir_http_conn_end_reading(struct weir_http_conn *conn)
{
    if (!weir_http_conn_is_reading(conn))
        return;
    weir_http_conn_move(conn, WEIR_HTTP_CONN_ENDING);
    conn->reading = NULL;
    weir_http_conn_drop_held(conn);
    conn->is_stalled = false;
    conn->io->read_stop(conn);
}

void weir_http_conn_close(struct weir_http_conn *conn, bool reset)
{
    struct weir_http_server *server = conn->server;
    weir_http_conn_move(conn, WEIR_HTTP_CONN_CLOSED);
    weir_http_core_timeout_clear(&conn->read_timeout);
    weir_http_core_timeout_clear(&conn->rate_timeout);
    weir_http_core_timeout_clear(&conn->write_timeout);
    weir_list_remove(&conn->dirty_link);
    conn->is_dirty = false;
    conn->reading = NULL;
    weir_http_conn_drop_held(conn);
    weir_http_core_charge_over(server, &conn->unsent_charged, 0);
    conn->io->close(conn, reset);
}

void weir_http_conn_abort(struct weir_http_conn *conn, bool reset)
{
    if (conn->state == WEIR_HTTP_CONN_CLOSED)
        return;
    weir_http_conn_close(conn, reset);
    while (!weir_list_is_empty(&conn->reqs))
        weir_http_conn_finish_req(WEIR_CONTAINER_OF(conn->reqs.next, struct weir_http_req, link),
                                  true);
}

/* The kind of deadline that the reading side is under now; false: none. */
static bool wanted_timeout(const struct weir_http_conn *conn, enum weir_http_timeout_kind *kind)
{
    if (conn->is_stalled)
        return false;
    switch (conn->state) {
    case WEIR_HTTP_CONN_IDLE:
        *kind = conn->is_fresh ? WEIR_HTTP_TIMEOUT_FIRST_BYTE : WEIR_HTTP_TIMEOUT_IDLE;
        if (conn->is_fresh && conn->server->is_draining)
            *kind = WEIR_HTTP_TIMEOUT_LINGER;
        return conn->n_reqs == 0;
    case WEIR_HTTP_CONN_HEAD:
        *kind = WEIR_HTTP_TIMEOUT_HEAD;
        return true;
    case WEIR_HTTP_CONN_BODY:
    case WEIR_HTTP_CONN_CHUNKS:
    case WEIR_HTTP_CONN_SKIP:
        *kind = WEIR_HTTP_TIMEOUT_BODY;
        return true;
    case WEIR_HTTP_CONN_H2:
        return weir_http_h2_timeout_kind(conn, kind);
    case WEIR_HTTP_CONN_LINGER:
        *kind = WEIR_HTTP_TIMEOUT_LINGER;
        return true;
    case WEIR_HTTP_CONN_ENDING:
    case WEIR_HTTP_CONN_CLOSED:
        return false;
    }
    return false;
}

static void set_timeouts(struct weir_http_conn *conn)
{
    enum weir_http_timeout_kind kind = WEIR_HTTP_TIMEOUT_IDLE;
    bool is_armed = weir_list_is_linked(&conn->read_timeout.link);
    if (!wanted_timeout(conn, &kind)) {
        if (is_armed)
            weir_http_core_timeout_clear(&conn->read_timeout);
    } else if (!is_armed || conn->read_kind != kind) {
        conn->read_kind = kind;
        weir_http_core_timeout_set(conn->server, &conn->read_timeout, kind);
    }
    if (!weir_http_conn_is_in_body(conn) || conn->is_stalled) {
        weir_http_core_timeout_clear(&conn->rate_timeout);
    } else if (!weir_list_is_linked(&conn->rate_timeout.link)) {
        conn->rate_bytes = 0;
        weir_http_core_timeout_set(conn->server, &conn->rate_timeout, WEIR_HTTP_TIMEOUT_RATE);
    }
}

void weir_http_conn_settle(struct weir_http_conn *conn)
{
    if (conn->state == WEIR_HTTP_CONN_CLOSED)
        return;
    if (conn->state == WEIR_HTTP_CONN_H2 && conn->server->is_draining)
        weir_http_h2_leave(conn);
    if (conn->n_reqs == 0) {
        bool is_over = conn->state == WEIR_HTTP_CONN_ENDING && conn->has_eof;
        bool is_drained =
            conn->state == WEIR_HTTP_CONN_IDLE && conn->server->is_draining && !conn->is_fresh;
        if (is_over || is_drained) {
            weir_http_conn_close(conn, false);
            return;
        }
        if (conn->state == WEIR_HTTP_CONN_ENDING) {
            weir_http_conn_move(conn, WEIR_HTTP_CONN_LINGER);
            conn->skip_left = 0;
            conn->io->shutdown(conn);
            conn->io->read_start(conn);
        }
    }
    set_timeouts(conn);
}

/* --- refusing
 * ---------------------------------------------------------------------------------------- */

void weir_http_conn_refuse(struct weir_http_conn *conn, enum weir_http_refusal refusal)
{
    struct weir_http_req *req = conn->reading;
    bool is_new = !req || req->is_replied;
    if (is_new && weir_http_conn_is_in_body(conn)) {
        /* SKIP: its answer was given; there is nobody to tell but by closing. */
        weir_http_core_count(conn->server, refusal);
        weir_http_conn_end_reading(conn);
        return;
    }
    weir_http_conn_end_reading(conn);
    if (is_new)
        req = weir_http_core_req_acquire(conn);
    if (!req) {
        weir_http_core_count(conn->server, refusal);
        weir_http_conn_abort(conn, true);
        return;
    }
    weir_http_reply_refusal(req, refusal, 0, true);
}

/* --- what the transport tells ------------------------------------------------------------ */

void weir_http_conn_eof(struct weir_http_conn *conn)
{
    struct weir_http_server *server = conn->server;
    conn->has_eof = true;
    if (conn->state == WEIR_HTTP_CONN_LINGER) {
        weir_http_conn_close(conn, false);
        return;
    }
    if (!weir_http_conn_is_reading(conn)) {
        weir_http_conn_settle(conn);
        return;
    }
    if (conn->state == WEIR_HTTP_CONN_H2) {
        weir_http_h2_eof(conn);
        weir_http_conn_settle(conn);
        return;
    }
    struct weir_http_req *cut = conn->reading;
    if (conn->state == WEIR_HTTP_CONN_HEAD)
        server->counters.cut_head++;
    else if (weir_http_conn_is_in_body(conn))
        server->counters.cut_body++;
    weir_http_conn_end_reading(conn);
    if (cut && !cut->is_replied)
        weir_http_conn_finish_req(cut, true); /* The last in order: nothing waits behind it. */
    if (conn->n_reqs > 0)
        server->counters.conns_half_closed++;
    weir_http_conn_settle(conn);
}

void weir_http_conn_broken(struct weir_http_conn *conn)
{
    if (conn->state == WEIR_HTTP_CONN_CLOSED)
        return;
    if (conn->state != WEIR_HTTP_CONN_LINGER)
        conn->server->counters.conns_reset_by_peer++;
    weir_http_conn_abort(conn, false);
}

/* --- deadlines
 * --------------------------------------------------------------------------------------- */

static void rate_timeout(struct weir_http_conn *conn)
{
    const struct weir_http_options *opts = &conn->server->opts;
    uint64_t wanted = opts->body_rate_bytes_min * (opts->body_rate_ns / 1000000) / 1000;
    if (conn->rate_bytes < wanted)
        weir_http_conn_refuse(conn, WEIR_HTTP_REFUSAL_BODY_RATE);
    /* settle begins the next span if the body goes on. */
}

/* A deadline of an HTTP/2 connection: nothing to do for too long, a frame that does not become
 * whole, a client that does not follow our leave. */
static void h2_timeout(struct weir_http_conn *conn, enum weir_http_timeout_kind kind)
{
    struct weir_http_counters *counters = &conn->server->counters;
    if (kind == WEIR_HTTP_TIMEOUT_LINGER) {
        weir_http_h2_leave_now(conn);
    } else if (kind == WEIR_HTTP_TIMEOUT_HEAD) {
        counters->timeout_head++;
        weir_http_h2_end(conn, WEIR_HTTP_H2_ENHANCE_YOUR_CALM);
    } else {
        counters->timeout_idle++;
        weir_http_h2_end(conn, WEIR_HTTP_H2_NO_ERROR);
    }
}

void weir_http_conn_timeout(struct weir_http_conn *conn, enum weir_http_timeout_kind kind)
{
    struct weir_http_counters *counters = &conn->server->counters;
    if (conn->state == WEIR_HTTP_CONN_H2 && kind != WEIR_HTTP_TIMEOUT_WRITE) {
        h2_timeout(conn, kind);
        weir_http_conn_settle(conn);
        return;
    }
    switch (kind) {
    case WEIR_HTTP_TIMEOUT_FIRST_BYTE:
        counters->timeout_first_byte++;
        weir_http_conn_close(conn, false);
        return;
    case WEIR_HTTP_TIMEOUT_IDLE:
        counters->timeout_idle++;
        weir_http_conn_close(conn, false);
        return;
    case WEIR_HTTP_TIMEOUT_HEAD:
        weir_http_conn_refuse(conn, WEIR_HTTP_REFUSAL_HEAD_SLOW);
        break;
    case WEIR_HTTP_TIMEOUT_BODY:
        weir_http_conn_refuse(conn, WEIR_HTTP_REFUSAL_BODY_SLOW);
        break;
    case WEIR_HTTP_TIMEOUT_LINGER:
        counters->timeout_linger++;
        weir_http_conn_close(conn, false);
        return;
    case WEIR_HTTP_TIMEOUT_RATE:
        rate_timeout(conn);
        break;
    case WEIR_HTTP_TIMEOUT_WRITE:
        counters->timeout_write++;
        weir_http_conn_abort(conn, true);
        return;
    case WEIR_HTTP_TIMEOUT_STREAM_BODY:
    case WEIR_HTTP_TIMEOUT_STREAM_RATE:
    case WEIR_HTTP_TIMEOUT_STREAM_WRITE:
        weir_assert(!"a timeout of a request");
        break;
    }
    weir_http_conn_settle(conn);
}

/* --- life
 * -------------------------------------------------------------------------------------------- */

enum weir_status weir_http_conn_init(struct weir_http_conn *conn, struct weir_http_server *server,
                                     const struct weir_http_transport *io,
                                     const struct weir_addr *peer)
{
    uint32_t index = server->conns_hint;
    for (uint32_t i = 0; i < server->conns_cap && server->conns[index]; i++)
        index = index + 1 < server->conns_cap ? index + 1 : 0;
    if (server->conns[index])
        return WEIR_ERR_LIMIT;
    *conn = (struct weir_http_conn){.io = io,
                                    .server = server,
                                    .peer = *peer,
                                    .index = index,
                                    .state = WEIR_HTTP_CONN_IDLE,
                                    .is_fresh = true,
                                    .held = {.mem = server->mem},
                                    .opened_ns = server->now_ns};
    weir_list_init(&conn->reqs);
    server->conns[index] = conn;
    server->conns_hint = index + 1 < server->conns_cap ? index + 1 : 0;
    server->n_conns++;
    server->counters.conns_accepted++;
    return WEIR_OK;
}

void weir_http_conn_start(struct weir_http_conn *conn)
{
    conn->io->read_start(conn);
    weir_http_conn_settle(conn);
}

void weir_http_conn_close_if_idle(struct weir_http_conn *conn)
{
    weir_http_conn_settle(conn);
}

void weir_http_conn_closed(struct weir_http_conn *conn)
{
    struct weir_http_server *server = conn->server;
    weir_assert(conn->state == WEIR_HTTP_CONN_CLOSED);
    weir_assert(conn->n_reqs == 0);
    weir_http_h2_free(conn);
    server->conns[conn->index] = NULL;
    server->n_conns--;
    server->counters.conns_closed++;
    server->rim->release(server, conn);
}
