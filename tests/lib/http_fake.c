/* SPDX-License-Identifier: MIT */
#include "http_fake.h"

#include "base/clock.h"
#include "base/macros.h"

#include <errno.h>

enum route { TO_ECHO, TO_EMPTY, TO_HELLO, TO_LATE, TO_BIG, TO_REFUSE, TO_STREAM };

static const struct weir_http_route routes[] = {
    {WEIR_HTTP_METHOD_BIT(POST), "/echo", TO_ECHO, 0},
    {WEIR_HTTP_METHOD_BIT(POST), "/empty", TO_EMPTY, WEIR_HTTP_ROUTE_EMPTY_BODY},
    {WEIR_HTTP_METHOD_BIT(GET), "/hello/{name}", TO_HELLO, 0},
    {WEIR_HTTP_METHOD_BIT(POST), "/late", TO_LATE, 0},
    {WEIR_HTTP_METHOD_BIT(GET), "/big/{bytes}", TO_BIG, 0},
    {WEIR_HTTP_METHOD_BIT(POST), "/refuse", TO_REFUSE, 0},
    {WEIR_HTTP_METHOD_BIT(POST), "/stream", TO_STREAM, WEIR_HTTP_ROUTE_STREAM},
};

enum { READ_BYTES = 65536 };

static struct http_fake_conn *peer_of(struct weir_http_conn *conn)
{
    return WEIR_CONTAINER_OF(conn, struct http_fake_conn, conn);
}

/* --- transport and rim --------------------------------------------------------------------------
 */

static ssize_t io_write(struct weir_http_conn *conn, const struct iovec *iov, int n_iov)
{
    struct http_fake_conn *c = peer_of(conn);
    weir_assert(!c->is_closed);
    weir_assert(!c->has_fin);
    if (c->write_fails)
        return -EPIPE;
    size_t room = weir_min_size(c->write_max, c->window);
    size_t n = 0;
    for (int i = 0; i < n_iov && n < room; i++) {
        size_t k = weir_min_size(iov[i].iov_len, room - n);
        weir_assert(iov[i].iov_len > 0);
        weir_buf_append(&c->out, iov[i].iov_base, k);
        n += k;
    }
    weir_assert(weir_buf_ok(&c->out));
    c->window -= n;
    c->n_writes += n > 0;
    return (ssize_t)n;
}

static void io_want_write(struct weir_http_conn *conn)
{
    peer_of(conn)->wants_write = true;
}

static void io_read_start(struct weir_http_conn *conn)
{
    peer_of(conn)->is_reading = true;
}

static void io_read_stop(struct weir_http_conn *conn)
{
    peer_of(conn)->is_reading = false;
}

static void io_shutdown(struct weir_http_conn *conn)
{
    weir_assert(!peer_of(conn)->has_fin);
    peer_of(conn)->has_fin = true;
}

static void io_close(struct weir_http_conn *conn, bool reset)
{
    struct http_fake_conn *c = peer_of(conn);
    weir_assert(!c->is_closed);
    c->is_closed = true;
    c->was_reset = reset;
    c->is_reading = false;
}

static const struct weir_http_transport transport = {
    .write = io_write,
    .want_write = io_want_write,
    .read_start = io_read_start,
    .read_stop = io_read_stop,
    .shutdown = io_shutdown,
    .close = io_close,
};

static struct http_fake *fake_of(struct weir_http_server *server)
{
    return WEIR_CONTAINER_OF(server, struct http_fake, server);
}

static void rim_dirty(struct weir_http_server *server)
{
    fake_of(server)->is_dirty = true;
}

static void rim_arm(struct weir_http_server *server, uint64_t due_ns)
{
    fake_of(server)->due_ns = due_ns;
}

static void rim_release(struct weir_http_server *server WEIR_UNUSED, struct weir_http_conn *conn)
{
    peer_of(conn)->is_gone = true;
}

static const struct weir_http_rim rim = {
    .dirty = rim_dirty, .arm = rim_arm, .release = rim_release};

/* --- handlers
 * ------------------------------------------------------------------------------------- */

/* Adds up the bytes of a view, so that a sanitizer sees each of them. */
static uint32_t sum(struct weir_str s)
{
    uint32_t total = 0;
    for (size_t i = 0; i < s.n; i++)
        total = total * 31 + (unsigned char)s.at[i];
    return total;
}

static void touch(struct http_fake *f, const struct weir_http_req *req)
{
    uint32_t total = sum(weir_http_req_path(req)) + sum(weir_http_req_query(req));
    for (int i = 0; i < WEIR_HTTP_N_FIELDS; i++)
        total += sum(weir_http_req_header(req, (enum weir_http_field)i));
    const struct weir_http_match *match = weir_http_req_match(req);
    for (uint32_t i = 0; match && i < match->n_captures; i++)
        total += sum(match->captures[i]);
    if (f->check_views)
        weir_buf_printf(&f->log, "%08x ", total);
}

static enum weir_http_verdict on_head(void *ctx, struct weir_http_req *req)
{
    struct http_fake *f = ctx;
    touch(f, req);
    weir_assert(weir_http_req_body(req).n == 0);
    if (weir_http_req_match(req)->route->id != TO_REFUSE)
        return WEIR_HTTP_ACCEPT;
    (void)weir_http_reply_error(&f->server, weir_http_req_ticket(req), 413, 0, WEIR_STR("refused"));
    return WEIR_HTTP_REPLIED;
}

static void reply_big(struct http_fake *f, struct weir_http_req *req)
{
    uint64_t n = 0;
    (void)weir_str_to_u64(weir_http_req_match(req)->captures[0], 1 << 24, &n);
    struct weir_buf body = {.mem = f->server.mem};
    if (weir_buf_reserve(&body, n + 1) == WEIR_OK) {
        memset(body.at, 'x', n);
        body.n = n;
    }
    struct weir_http_reply reply = {.status = 200, .content_type = "text/plain", .owned = &body};
    (void)weir_http_reply(&f->server, weir_http_req_ticket(req), &reply);
    weir_buf_deinit(&body);
}

static void on_body(void *ctx, struct weir_http_req *req)
{
    struct http_fake *f = ctx;
    struct weir_str body = weir_http_req_body(req);
    const struct weir_http_match *match = weir_http_req_match(req);
    touch(f, req);
    weir_buf_printf(&f->log, "%s %.*s %zu bytes %08x\n",
                    weir_http_method_name(weir_http_req_method(req)),
                    WEIR_STR_ARG(weir_http_req_path(req)), body.n, sum(body));
    struct weir_http_ticket ticket = weir_http_req_ticket(req);
    struct weir_http_reply reply = {.status = 200, .content_type = "text/plain", .body = body};
    switch ((enum route)match->route->id) {
    case TO_ECHO:
    case TO_EMPTY:
        (void)weir_http_reply(&f->server, ticket, &reply);
        break;
    case TO_HELLO:
        reply.body = match->captures[0];
        (void)weir_http_reply(&f->server, ticket, &reply);
        break;
    case TO_LATE:
        weir_assert(f->n_late < HTTP_FAKE_LATE_MAX);
        f->late[f->n_late++] = ticket;
        break;
    case TO_BIG:
        reply_big(f, req);
        break;
    case TO_REFUSE:
    case TO_STREAM:
        weir_assert(!"a refused request was shown");
        break;
    }
}

/* Sends back what comes; a part "stop" ends the answer, and one of more than 100 bytes is owed. */
static size_t on_part(void *ctx, struct weir_http_req *req, struct weir_str bytes, bool is_last)
{
    struct http_fake *f = ctx;
    struct weir_http_ticket ticket = weir_http_req_ticket(req);
    struct weir_http_reply reply = {.status = 200, .content_type = "text/plain"};
    touch(f, req);
    weir_buf_printf(&f->log, "part %zu%s\n", bytes.n, is_last ? " last" : "");
    (void)sum(bytes);
    if (!weir_http_req_user(req))
        (void)weir_http_reply_begin(&f->server, ticket, &reply);
    weir_http_req_set_user(req, f);
    (void)weir_http_reply_part(&f->server, ticket, bytes);
    if (is_last || weir_str_eq_c(bytes, "stop"))
        (void)weir_http_reply_end(&f->server, ticket, WEIR_STR("X-Status: done\r\n"));
    f->owed_to = ticket;
    return bytes.n > 100 ? 0 : bytes.n;
}

static void on_room(void *ctx, struct weir_http_ticket ticket, void *user WEIR_UNUSED)
{
    struct http_fake *f = ctx;
    weir_assert(weir_http_reply_unsent(&f->server, ticket) <= f->server.opts.unsent_bytes_resume);
    weir_buf_append_c(&f->log, "room\n");
}

static void on_gone(void *ctx, struct weir_http_ticket ticket, void *user WEIR_UNUSED)
{
    struct http_fake *f = ctx;
    weir_assert(ticket.generation > 0);
    weir_buf_append_c(&f->log, "gone\n");
}

static void on_done(void *ctx, const struct weir_http_done *info)
{
    struct http_fake *f = ctx;
    weir_assert(info->is_lost || info->status >= 200);
    (void)sum(info->target);
    f->n_done++;
}

/* Rewords what is refused below /reworded. */
static void on_refusal(void *ctx WEIR_UNUSED, struct weir_http_req *req, struct weir_str text,
                       struct weir_http_reply *reply, struct weir_buf *room)
{
    if (!weir_str_starts(weir_http_req_path(req), WEIR_STR("/reworded")))
        return;
    weir_buf_printf(room, "%d: %.*s", reply->status, WEIR_STR_ARG(text));
    reply->status = 400;
    reply->content_type = "text/plain";
    reply->body = weir_buf_str(room);
}

static const struct weir_http_handlers handlers = {.head = on_head,
                                                   .body = on_body,
                                                   .part = on_part,
                                                   .room = on_room,
                                                   .gone = on_gone,
                                                   .refusal = on_refusal,
                                                   .done = on_done};

/* --- life
 * ------------------------------------------------------------------------------------------ */

bool http_fake_init(struct http_fake *f, const struct weir_http_options *opts, struct weir_mem *mem)
{
    static const struct weir_http_options defaults = WEIR_HTTP_OPTIONS_INIT;
    *f = (struct http_fake){.due_ns = WEIR_TIME_NEVER};
    if (weir_http_router_init(&f->router, routes, WEIR_ARRAY_LEN(routes), mem, NULL) != WEIR_OK)
        return false;
    if (weir_http_core_init(&f->server, opts ? opts : &defaults, &f->router, &handlers, f,
                            &f->shared, &rim, mem) != WEIR_OK) {
        weir_http_router_deinit(&f->router);
        return false;
    }
    f->server.now_ns = 1000000000;
    return true;
}

struct http_fake_conn *http_fake_open(struct http_fake *f)
{
    static const struct weir_addr peer = {.kind = WEIR_ADDR_IP4, .ip = {127, 0, 0, 1}};
    weir_assert(f->n_conns < HTTP_FAKE_CONNS_MAX);
    struct http_fake_conn *c = weir_mem_zalloc(f->server.mem, sizeof *c);
    if (!c)
        return NULL;
    c->fake = f;
    c->write_max = SIZE_MAX;
    c->window = SIZE_MAX;
    if (weir_http_conn_init(&c->conn, &f->server, &transport, &peer) != WEIR_OK) {
        weir_mem_free(f->server.mem, c);
        return NULL;
    }
    f->conns[f->n_conns++] = c;
    weir_http_conn_start(&c->conn);
    return c;
}

/* Shows the server some of what was sent, in a block of exactly that size. */
static void deliver(struct http_fake_conn *c)
{
    char *own = NULL;
    size_t room = READ_BYTES;
    weir_http_conn_room(&c->conn, &own, &room);
    size_t n = weir_min_size(c->in.n, room);
    struct weir_buf block = WEIR_BUF_INIT;
    if (n > 0 && own) {
        memcpy(own, c->in.at, n);
        memmove(c->in.at, c->in.at + n, c->in.n - n);
        c->in.n -= n;
        weir_http_conn_read(&c->conn, own, n);
    } else if (n > 0) {
        weir_buf_append(&block, c->in.at, n);
        block.at = weir_mem_resize(weir_mem_default(), block.at, n, 1);
        weir_assert(block.at);
        memmove(c->in.at, c->in.at + n, c->in.n - n);
        c->in.n -= n;
        weir_http_conn_read(&c->conn, block.at, n);
        weir_buf_deinit(&block);
    } else {
        c->in_eof = false;
        c->is_reading = false;
        weir_http_conn_eof(&c->conn);
    }
}

/* Does one thing for a connection; false: there is nothing to do. */
static bool step(struct http_fake_conn *c)
{
    if (c->is_gone)
        return false;
    if (c->is_closed) {
        weir_http_conn_closed(&c->conn);
        return true;
    }
    if (c->wants_write && c->window > 0) {
        c->wants_write = false;
        weir_http_conn_writable(&c->conn);
        return true;
    }
    if (c->is_reading && (c->in.n > 0 || c->in_eof)) {
        deliver(c);
        return true;
    }
    return false;
}

void http_fake_pump(struct http_fake *f)
{
    bool is_busy = true;
    while (is_busy) {
        is_busy = f->is_dirty;
        if (f->is_dirty) {
            f->is_dirty = false;
            weir_http_core_flush(&f->server);
        }
        for (uint32_t i = 0; i < f->n_conns; i++)
            is_busy = step(f->conns[i]) || is_busy;
        if (!is_busy && f->answers_late && f->n_late > 0) {
            struct weir_http_reply reply = {.status = 200, .body = WEIR_STR("\"late\"")};
            (void)weir_http_reply(&f->server, f->late[--f->n_late], &reply); /* Or gone. */
            is_busy = true;
        }
    }
}

void http_fake_send(struct http_fake_conn *c, struct weir_str bytes)
{
    weir_buf_append_str(&c->in, bytes);
    weir_assert(weir_buf_ok(&c->in));
    http_fake_pump(c->fake);
}

void http_fake_send_c(struct http_fake_conn *c, const char *text)
{
    http_fake_send(c, weir_str_c(text));
}

void http_fake_eof(struct http_fake_conn *c)
{
    c->in_eof = true;
    http_fake_pump(c->fake);
}

void http_fake_reset(struct http_fake_conn *c)
{
    if (!c->is_closed)
        weir_http_conn_broken(&c->conn);
    http_fake_pump(c->fake);
}

void http_fake_open_window(struct http_fake_conn *c, size_t n)
{
    c->window += n;
    http_fake_pump(c->fake);
}

void http_fake_wait(struct http_fake *f, uint64_t ns)
{
    uint64_t until = f->server.now_ns + ns;
    while (f->due_ns <= until) {
        uint64_t due = f->due_ns;
        f->due_ns = WEIR_TIME_NEVER;
        weir_http_core_sweep(&f->server, due > f->server.now_ns ? due : f->server.now_ns);
        http_fake_pump(f);
    }
    f->server.now_ns = until;
}

bool http_fake_answer(struct http_fake *f, uint32_t i, const char *text)
{
    weir_assert(i < f->n_late);
    struct weir_http_reply reply = {.status = 200, .body = weir_str_c(text)};
    bool is_answered = weir_http_reply(&f->server, f->late[i], &reply);
    http_fake_pump(f);
    return is_answered;
}

const char *http_fake_received(struct http_fake_conn *c)
{
    static const char name[] = "\r\nDate: ";
    enum { DATE_BYTES = 29 };
    for (char *at = c->out.at; at;) {
        at = memmem(at, c->out.n - (size_t)(at - c->out.at), name, sizeof name - 1);
        if (!at)
            break;
        at += sizeof name - 1;
        size_t left = c->out.n - (size_t)(at - c->out.at);
        memset(at, '#', weir_min_size(DATE_BYTES, left));
    }
    return weir_buf_c(&c->out);
}

void http_fake_deinit(struct http_fake *f)
{
    for (uint32_t i = 0; i < f->n_conns; i++)
        http_fake_reset(f->conns[i]);
    const struct weir_http_counters *n = &f->server.counters;
    weir_assert(f->server.n_reqs == 0);
    weir_assert(n->requests == n->answers_sent + n->answers_lost);
    weir_assert(n->answers_sent ==
                n->answers_2xx + n->answers_3xx + n->answers_4xx + n->answers_5xx);
    weir_assert(n->requests == f->n_done);
    weir_assert(n->conns_accepted == n->conns_closed);
    weir_assert(f->shared.buffered_bytes == 0);
    for (uint32_t i = 0; i < f->n_conns; i++) {
        weir_buf_deinit(&f->conns[i]->in);
        weir_buf_deinit(&f->conns[i]->out);
        weir_mem_free(f->server.mem, f->conns[i]);
    }
    weir_http_core_deinit(&f->server);
    weir_http_router_deinit(&f->router);
    weir_buf_deinit(&f->log);
    *f = (struct http_fake){0};
}
