/* SPDX-License-Identifier: MIT */
/* Pools, deadlines and accounts of a server. Request objects are found by slot number; a generation
 * that never repeats tells a ticket for an earlier use of a slot. */
#include "base/clock.h"
#include "base/macros.h"
#include "http/h2_priv.h"

#include <stdio.h>

const struct weir_http_refusal_row weir_http_refusal_rows[] = {
#define REFUSAL_ROW(kind, status, counter, text) \
    {status, offsetof(struct weir_http_counters, counter), text},
    WEIR_HTTP_REFUSALS(REFUSAL_ROW)
#undef REFUSAL_ROW
};

enum weir_status weir_http_core_init(struct weir_http_server *server,
                                     const struct weir_http_options *opts,
                                     const struct weir_http_router *router,
                                     const struct weir_http_handlers *handlers, void *ctx,
                                     struct weir_http_shared *shared,
                                     const struct weir_http_rim *rim, struct weir_mem *mem)
{
    weir_assert(handlers->head);
    weir_assert(handlers->body);
    *server = (struct weir_http_server){.mem = mem,
                                        .opts = *opts,
                                        .router = router,
                                        .handlers = handlers,
                                        .ctx = ctx,
                                        .shared = shared,
                                        .rim = rim,
                                        .armed_ns = WEIR_TIME_NEVER,
                                        .next_generation = 1};
    if (server->opts.target_bytes_kept > WEIR_HTTP_TARGET_BYTES_MAX)
        server->opts.target_bytes_kept = WEIR_HTTP_TARGET_BYTES_MAX;
    weir_list_init(&server->spare_reqs);
    weir_list_init(&server->dirty);
    for (int i = 0; i < WEIR_HTTP_N_TIMEOUTS; i++)
        weir_list_init(&server->timeouts[i]);
    weir_list_init(&server->listenings);
    weir_list_init(&server->spare_conns);
    weir_assert(opts->conns_max > 0);
    weir_assert(opts->conns_max <= UINT32_MAX);
    server->conns_cap = (uint32_t)opts->conns_max;
    server->conns = weir_mem_zarray(mem, server->conns_cap, sizeof(struct weir_http_conn *));
    return server->conns ? WEIR_OK : WEIR_ERR_NO_MEMORY;
}

static void free_req(struct weir_http_server *server, struct weir_http_req *req)
{
    weir_buf_deinit(&req->head_copy);
    weir_buf_deinit(&req->body_bytes);
    weir_buf_deinit(&req->out);
    weir_buf_deinit(&req->out_body);
    weir_mem_free(server->mem, req);
}

void weir_http_core_deinit(struct weir_http_server *server)
{
    weir_assert(server->n_conns == 0);
    weir_assert(server->n_reqs == 0);
    for (uint32_t i = 0; i < server->slots_used; i++)
        if (server->slots[i])
            free_req(server, server->slots[i]);
    for (uint32_t i = 0; i < server->n_spare_bufs; i++)
        weir_buf_deinit(&server->spare_bufs[i]);
    weir_http_h2_session_deinit(server);
    weir_mem_free(server->mem, server->slots);
    weir_mem_free(server->mem, server->conns);
    server->slots = NULL;
    server->conns = NULL;
}

void weir_http_core_count(struct weir_http_server *server, enum weir_http_refusal refusal)
{
    char *counters = (char *)&server->counters;
    (*(uint64_t *)(void *)(counters + weir_http_refusal_rows[refusal].counter))++;
}

/* --- deadlines ----------------------------------------------------------------------------------
 */

static uint64_t time_allowed(const struct weir_http_server *server,
                             enum weir_http_timeout_kind kind)
{
    switch (kind) {
    case WEIR_HTTP_TIMEOUT_FIRST_BYTE:
        return server->opts.first_byte_ns_max;
    case WEIR_HTTP_TIMEOUT_IDLE:
        return server->opts.idle_ns_max;
    case WEIR_HTTP_TIMEOUT_HEAD:
        return server->opts.head_ns_max;
    case WEIR_HTTP_TIMEOUT_BODY:
    case WEIR_HTTP_TIMEOUT_STREAM_BODY:
        return server->opts.body_ns_max;
    case WEIR_HTTP_TIMEOUT_LINGER:
        return server->opts.linger_ns_max;
    case WEIR_HTTP_TIMEOUT_RATE:
    case WEIR_HTTP_TIMEOUT_STREAM_RATE:
        return server->opts.body_rate_ns;
    case WEIR_HTTP_TIMEOUT_WRITE:
    case WEIR_HTTP_TIMEOUT_STREAM_WRITE:
        return server->opts.write_ns_max;
    }
    return WEIR_TIME_NEVER;
}

void weir_http_core_timeout_set(struct weir_http_server *server, struct weir_http_timeout *timeout,
                                enum weir_http_timeout_kind kind)
{
    weir_list_remove(&timeout->link);
    timeout->due_ns = weir_clock_add(server->now_ns, time_allowed(server, kind));
    weir_list_push(&server->timeouts[kind], &timeout->link);
    if (timeout->due_ns < server->armed_ns) {
        server->armed_ns = timeout->due_ns;
        server->rim->arm(server, timeout->due_ns);
    }
}

void weir_http_core_timeout_clear(struct weir_http_timeout *timeout)
{
    weir_list_remove(&timeout->link);
}

/* Tells whom it is of that a timeout has come. */
static void tell_timeout(struct weir_http_timeout *t, enum weir_http_timeout_kind kind)
{
    if (kind == WEIR_HTTP_TIMEOUT_RATE)
        weir_http_conn_timeout(WEIR_CONTAINER_OF(t, struct weir_http_conn, rate_timeout), kind);
    else if (kind == WEIR_HTTP_TIMEOUT_WRITE)
        weir_http_conn_timeout(WEIR_CONTAINER_OF(t, struct weir_http_conn, write_timeout), kind);
    else if (kind == WEIR_HTTP_TIMEOUT_STREAM_RATE)
        weir_http_h2_timeout(WEIR_CONTAINER_OF(t, struct weir_http_req, rate_timeout), kind);
    else if (kind > WEIR_HTTP_TIMEOUT_WRITE)
        weir_http_h2_timeout(WEIR_CONTAINER_OF(t, struct weir_http_req, timeout), kind);
    else
        weir_http_conn_timeout(WEIR_CONTAINER_OF(t, struct weir_http_conn, read_timeout), kind);
}

void weir_http_core_sweep(struct weir_http_server *server, uint64_t now_ns)
{
    server->now_ns = now_ns;
    server->armed_ns = 0; /* No arming while lists change; once, below. */
    uint64_t next = WEIR_TIME_NEVER;
    for (int k = 0; k < WEIR_HTTP_N_TIMEOUTS; k++) {
        enum weir_http_timeout_kind kind = (enum weir_http_timeout_kind)k;
        struct weir_list *list = &server->timeouts[kind];
        while (!weir_list_is_empty(list)) {
            struct weir_http_timeout *first =
                WEIR_CONTAINER_OF(list->next, struct weir_http_timeout, link);
            if (first->due_ns > now_ns)
                break;
            weir_http_core_timeout_clear(first);
            tell_timeout(first, kind);
        }
    }
    for (int k = 0; k < WEIR_HTTP_N_TIMEOUTS; k++) {
        struct weir_list *list = &server->timeouts[k];
        if (weir_list_is_empty(list))
            continue;
        struct weir_http_timeout *first =
            WEIR_CONTAINER_OF(list->next, struct weir_http_timeout, link);
        if (first->due_ns < next)
            next = first->due_ns;
    }
    server->armed_ns = next;
    if (next != WEIR_TIME_NEVER)
        server->rim->arm(server, next);
}

void weir_http_core_set_options(struct weir_http_server *server,
                                const struct weir_http_options *opts)
{
    uint64_t conns_max = server->opts.conns_max;
    server->opts = *opts;
    server->opts.conns_max = conns_max;
    if (server->opts.target_bytes_kept > WEIR_HTTP_TARGET_BYTES_MAX)
        server->opts.target_bytes_kept = WEIR_HTTP_TARGET_BYTES_MAX;
    /* The lists must stay in the order of their deadlines: a shorter time is cut from all that wait
     * already, else the newcomers behind them would not be looked at. */
    for (int k = 0; k < WEIR_HTTP_N_TIMEOUTS; k++) {
        uint64_t last_ns =
            weir_clock_add(server->now_ns, time_allowed(server, (enum weir_http_timeout_kind)k));
        WEIR_LIST_FOREACH (link, &server->timeouts[k]) {
            struct weir_http_timeout *t = WEIR_CONTAINER_OF(link, struct weir_http_timeout, link);
            if (t->due_ns > last_ns)
                t->due_ns = last_ns;
        }
    }
    weir_http_core_sweep(server, server->now_ns); /* Arms for what is due first now. */
}

void weir_http_core_flush(struct weir_http_server *server)
{
    for (struct weir_list *link; (link = weir_list_take(&server->dirty));) {
        struct weir_http_conn *conn = WEIR_CONTAINER_OF(link, struct weir_http_conn, dirty_link);
        conn->is_dirty = false;
        weir_http_conn_flush(conn);
    }
}

/* --- accounts and pools
 * --------------------------------------------------------------------------- */

void weir_http_core_charge_over(struct weir_http_server *server, uint64_t *charged, uint64_t wanted)
{
    if (wanted == *charged)
        return;
    /* Relaxed: a limit, nothing is published with it. Unsigned wrap-around subtracts. */
    atomic_fetch_add_explicit(&server->shared->buffered_bytes, wanted - *charged,
                              memory_order_relaxed);
    *charged = wanted;
}

bool weir_http_core_charge(struct weir_http_server *server, uint64_t *charged, uint64_t wanted)
{
    if (wanted > *charged) {
        uint64_t held = atomic_load_explicit(&server->shared->buffered_bytes, memory_order_relaxed);
        uint64_t more = wanted - *charged;
        if (more > server->opts.buffered_bytes_max || held > server->opts.buffered_bytes_max - more)
            return false;
    }
    weir_http_core_charge_over(server, charged, wanted);
    return true;
}

struct weir_buf weir_http_core_buf_acquire(struct weir_http_server *server)
{
    if (server->n_spare_bufs > 0)
        return server->spare_bufs[--server->n_spare_bufs];
    return (struct weir_buf){.mem = server->mem};
}

void weir_http_core_buf_release(struct weir_http_server *server, struct weir_buf *buf)
{
    if (!buf->at)
        return;
    if (buf->cap > WEIR_HTTP_SPARE_BUF_BYTES || server->n_spare_bufs == WEIR_HTTP_SPARE_BUFS_MAX) {
        weir_buf_deinit(buf);
        return;
    }
    weir_buf_clear(buf);
    server->spare_bufs[server->n_spare_bufs++] = *buf;
    *buf = (struct weir_buf){.mem = server->mem};
}

/* Makes a new request object in a slot without one. */
static struct weir_http_req *make_req(struct weir_http_server *server)
{
    uint32_t slot = server->slots_used;
    if (slot == server->slots_cap) {
        uint32_t cap = server->slots_cap > 0 ? server->slots_cap * 2 : 64;
        struct weir_http_req **slots =
            weir_mem_resize(server->mem, server->slots, cap, sizeof(struct weir_http_req *));
        if (!slots)
            return NULL;
        server->slots = slots;
        server->slots_cap = cap;
    }
    struct weir_http_req *req = weir_mem_zalloc(server->mem, sizeof *req);
    if (!req)
        return NULL;
    req->slot = slot;
    req->head_copy.mem = server->mem;
    req->body_bytes.mem = server->mem;
    req->out.mem = server->mem;
    req->out_body.mem = server->mem;
    server->slots[slot] = req;
    server->slots_used++;
    return req;
}

struct weir_http_req *weir_http_core_req_acquire(struct weir_http_conn *conn)
{
    struct weir_http_server *server = conn->server;
    struct weir_list *link = weir_list_take(&server->spare_reqs);
    struct weir_http_req *req;
    if (link) {
        req = WEIR_CONTAINER_OF(link, struct weir_http_req, link);
        server->n_spare_reqs--;
    } else {
        req = make_req(server);
        if (!req)
            return NULL;
    }
    req->conn = conn;
    req->generation = server->next_generation++;
    req->is_replied = false;
    req->is_shown = false;
    req->is_in_head = false;
    req->closes_early = false;
    req->closes = false;
    req->is_refusal = false;
    req->keeps_old = false;
    req->is_http2 = false;
    req->is_stream = false;
    req->has_begun = false;
    req->has_end = false;
    req->has_short_rest = false;
    req->sent_end = false;
    req->is_wide = false;
    req->is_deferred = false;
    req->is_full = false;
    req->data_is_in_out = false;
    req->data_at = 0;
    req->data_end = 0;
    req->rate_bytes = 0;
    req->owed = 0;
    req->head = (struct weir_http_head){0};
    req->head_bytes = NULL;
    req->body = (struct weir_str){NULL, 0};
    req->chunks = (struct weir_http_chunks){0};
    req->out_sent = 0;
    req->user = NULL;
    req->status = 0;
    req->n_target = 0;
    req->begun_ns = server->now_ns;
    req->replied_ns = 0;
    req->bytes_in = 0;
    req->match.route = NULL;
    req->match.allow = 0;
    req->match.n_captures = 0;
    weir_list_push(&conn->reqs, &req->link);
    conn->n_reqs++;
    server->n_reqs++;
    server->counters.requests++;
    return req;
}

void weir_http_core_req_release(struct weir_http_server *server, struct weir_http_req *req)
{
    weir_assert(req->conn);
    weir_list_remove(&req->link);
    weir_list_remove(&req->end_link);
    weir_http_core_timeout_clear(&req->timeout);
    weir_http_core_timeout_clear(&req->rate_timeout);
    req->conn->n_reqs--;
    server->n_reqs--;
    req->conn = NULL;
    weir_http_core_charge_over(server, &req->body_charged, 0);
    weir_http_core_buf_release(server, &req->head_copy);
    weir_http_core_buf_release(server, &req->body_bytes);
    weir_buf_deinit(&req->out_body);
    weir_buf_clear(&req->out);
    if (req->out.cap > WEIR_HTTP_OUT_BYTES_KEPT)
        weir_buf_deinit(&req->out);
    if (server->n_spare_reqs >= WEIR_HTTP_SPARE_REQS_MAX) {
        /* Keep the table dense: the last slot moves nowhere, so only it may go. */
        if (req->slot + 1 == server->slots_used) {
            server->slots_used--;
            server->slots[req->slot] = NULL;
            free_req(server, req);
            return;
        }
        weir_buf_deinit(&req->out);
    }
    weir_list_push_front(&server->spare_reqs, &req->link);
    server->n_spare_reqs++;
}

struct weir_http_req *weir_http_core_req_find(const struct weir_http_server *server,
                                              struct weir_http_ticket ticket)
{
    if (ticket.slot >= server->slots_used)
        return NULL;
    struct weir_http_req *req = server->slots[ticket.slot];
    return req->conn && req->generation == ticket.generation ? req : NULL;
}
