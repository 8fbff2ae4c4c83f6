/* SPDX-License-Identifier: MIT */
/* A stream changes in two places only: where bytes come (part), and once per iteration (run). What
 * happens in between, answers and losses, is noted in it and marks it as due, so that no answer
 * calls back into the batcher that gives it. */
#include "server/grpc_stream.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/macros.h"
#include "protocol/grpc/grpc.h"
#include "server/catalog.h"
#include "server/status.h"

#include <string.h>

enum {
    KEPT_BYTES_MAX = 64 * 1024,   /* of memory, while a stream waits for messages */
    TURN_BYTES_MAX = 1024 * 1024, /* inflated, before others have their turn */
    WATCHED_BYTES_MAX = 4096,     /* of a question that is asked again and again */
};

/* A message that is being answered. */
struct weir_server_grpc_entry {
    struct weir_server_grpc_stream *stream;
    struct weir_batch_slice *slice; /* NULL: it is not in a batch */
    struct weir_buf answer;         /* framed, until it is its turn */
    bool is_answered;
};

struct weir_server_grpc_stream {
    struct weir_server_shard *shard; /* constant */
    const struct weir_server_route *route;
    struct weir_http_ticket ticket;
    enum weir_server_grpc_coding coding; /* of the messages that come; */
    uint8_t answer_coding;               /* as answers may be, enum weir_codec_coding */
    uint64_t deadline_ns;                /* of the call */
    struct weir_list link;               /* in shard->loop.streams */
    struct weir_list due;                /* in shard->loop.streams_due, where is_due */
    struct weir_buf in;                  /* bytes of messages that were not taken yet */
    size_t charged;                      /* counted for them as request memory */
    size_t n_owed; /* bytes of them that the client was not told to be done with */
    struct weir_server_grpc_entry entries[WEIR_SERVER_GRPC_ENTRIES_MAX]; /* a ring */
    uint32_t first, n;                                                   /* of the unsent ones */
    struct weir_buf watched; /* the question of a call that watches */
    struct weir_buf seen;    /* and its last answer */
    size_t n_inflated;       /* for the messages taken in this turn */
    uint64_t part_ns;        /* when the message that is not whole began; 0: there is none */
    bool is_due;
    bool is_held; /* messages wait: it is full, or has had its turn */
    bool is_watching;
    bool is_last; /* the client has sent all */
    bool is_gone; /* nothing more can be sent: to be freed */
};

static struct weir_server_grpc_stream *stream_of(const void *user)
{
    return (struct weir_server_grpc_stream *)((uintptr_t)user & ~(uintptr_t)1);
}

bool weir_server_grpc_stream_is(const void *user)
{
    return ((uintptr_t)user & 1) != 0;
}

static void mark_due(struct weir_server_grpc_stream *s)
{
    if (s->is_due)
        return;
    s->is_due = true;
    weir_list_push(&s->shard->loop.streams_due, &s->due);
}

/* Counts the memory of what was not taken yet; false: it has become more than there is for
 * requests. Relaxed: a limit, nothing is published with it. */
static bool charge(struct weir_server_grpc_stream *s)
{
    struct weir_server_shared *shared = s->shard->shared;
    if (s->in.n == 0 && s->in.cap > KEPT_BYTES_MAX)
        weir_buf_deinit(&s->in);
    size_t before = s->charged;
    s->charged = s->in.cap;
    uint64_t held = s->charged - before +
                    atomic_fetch_add_explicit(&shared->http->buffered_bytes, s->charged - before,
                                              memory_order_relaxed);
    return s->charged <= before || held <= shared->request_memory_max;
}

static struct weir_server_grpc_stream *new_stream(struct weir_server_shard *shard,
                                                  struct weir_http_req *req,
                                                  const struct weir_server_route *route)
{
    struct weir_server_grpc_stream *s = weir_mem_zalloc(shard->shared->mem, sizeof *s);
    if (!s)
        return NULL;
    s->shard = shard;
    s->route = route;
    s->ticket = weir_http_req_ticket(req);
    s->in.mem = s->watched.mem = s->seen.mem = shard->shared->mem;
    uint64_t timeout_ns;
    weir_server_grpc_read(req, &timeout_ns, &s->coding);
    s->deadline_ns = weir_clock_add(weir_http_req_begun_ns(req), timeout_ns);
    weir_list_push(&shard->loop.streams, &s->link);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(s->entries); i++) {
        s->entries[i].stream = s;
        s->entries[i].answer.mem = shard->shared->mem;
    }
    s->answer_coding = weir_server_grpc_answer_coding(req, s->coding);
    struct weir_http_reply reply = {.status = 200, .content_type = "application/grpc"};
    if (s->answer_coding != WEIR_CODEC_CODING_IDENTITY)
        reply.fields = s->answer_coding == WEIR_CODEC_CODING_GZIP
                           ? WEIR_STR("grpc-encoding: gzip\r\n")
                           : WEIR_STR("grpc-encoding: deflate\r\n");
    if (!weir_http_reply_begin(shard->loop.http, s->ticket, &reply)) {
        s->is_gone = true;
        mark_due(s);
        return s;
    }
    weir_http_req_set_user(req, (void *)((uintptr_t)s | 1));
    return s;
}

static void free_stream(struct weir_server_grpc_stream *s)
{
    struct weir_mem *mem = s->shard->shared->mem;
    weir_list_remove(&s->link);
    weir_list_remove(&s->due);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(s->entries); i++)
        weir_buf_deinit(&s->entries[i].answer);
    weir_buf_clear(&s->in);
    weir_buf_deinit(&s->in);
    (void)charge(s); /* It is less. */
    weir_buf_deinit(&s->watched);
    weir_buf_deinit(&s->seen);
    weir_mem_free(mem, s);
}

/* Withdraws what waits. The stream is freed by the next run. */
static void lose(struct weir_server_grpc_stream *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        struct weir_server_grpc_entry *e =
            &s->entries[(s->first + i) % WEIR_SERVER_GRPC_ENTRIES_MAX];
        if (e->slice && !e->is_answered)
            (void)weir_batcher_cancel(s->shard->loop.batcher, e->slice); /* Rows that run, run. */
        e->slice = NULL;
    }
    s->n = 0;
    s->is_gone = true;
    mark_due(s);
}

/* Ends the call with a status. */
static void end(struct weir_server_grpc_stream *s, enum weir_server_grpc_status status,
                const char *text)
{
    struct weir_buf trailers = {.mem = s->shard->shared->mem};
    weir_server_grpc_wire_append_status(&trailers, status, weir_str_c(text));
    (void)weir_http_reply_end(s->shard->loop.http, s->ticket, /* Nobody may be waiting. */
                              weir_buf_ok(&trailers) ? weir_buf_str(&trailers)
                                                     : WEIR_STR("grpc-status: 14\r\n"));
    weir_buf_deinit(&trailers);
    lose(s);
}

static void send_part(struct weir_server_grpc_stream *s, struct weir_str bytes)
{
    if (!s->is_gone && !weir_http_reply_part(s->shard->loop.http, s->ticket, bytes))
        s->is_gone = true; /* The next run withdraws the others. */
}

/* --- answers --------------------------------------------------------------------------------- */

void weir_server_grpc_stream_commit(struct weir_server_grpc_entry *entry,
                                    struct weir_batch_slice *slice)
{
    entry->slice = slice;
}

/* Sends the answers whose turn it is. */
static void flush(struct weir_server_grpc_stream *s)
{
    while (s->n > 0 && s->entries[s->first].is_answered) {
        struct weir_server_grpc_entry *e = &s->entries[s->first];
        send_part(s, weir_buf_str(&e->answer));
        weir_buf_deinit(&e->answer);
        s->first = (s->first + 1) % WEIR_SERVER_GRPC_ENTRIES_MAX;
        s->n--;
    }
}

void weir_server_grpc_stream_answer(struct weir_server_grpc_entry *entry, struct weir_str framed)
{
    struct weir_server_grpc_stream *s = entry->stream;
    weir_assert(!entry->is_answered);
    mark_due(s);
    entry->slice = NULL;
    entry->is_answered = true;
    weir_buf_append_str(&entry->answer, framed);
    if (!weir_buf_ok(&entry->answer))
        s->is_gone = true;
    flush(s);
}

void weir_server_grpc_stream_fail(struct weir_server_grpc_entry *entry, struct weir_str text)
{
    struct weir_buf framed = {.mem = entry->stream->shard->shared->mem};
    weir_protocol_grpc_stream_error(&framed, text);
    if (!weir_buf_ok(&framed))
        entry->stream->is_gone = true;
    weir_server_grpc_stream_answer(entry, weir_buf_str(&framed));
    weir_buf_deinit(&framed);
}

/* --- messages -------------------------------------------------------------------------------- */

/* unpacked: what the message was inflated to, if it was. */
static void ask_prediction(struct weir_server_grpc_stream *s,
                           const struct weir_server_grpc_message *message,
                           struct weir_buf *unpacked)
{
    struct weir_server_shard *shard = s->shard;
    struct weir_server_grpc_entry *entry =
        &s->entries[(s->first + s->n++) % WEIR_SERVER_GRPC_ENTRIES_MAX];
    entry->is_answered = false;
    entry->slice = NULL;
    weir_buf_clear(&entry->answer);
    bool is_packed = message->target_bytes > 0;
    struct weir_str body = message->bytes;
    struct weir_buf copy = {.mem = shard->shared->mem};
    struct weir_buf *own = body.at == unpacked->at ? unpacked : NULL;
    if (is_packed || (body.n > WEIR_SERVER_INLINE_BODY_BYTES_MAX && !own)) {
        weir_buf_append_str(&copy, body); /* A worker reads it when the stream has gone on. */
        if (!weir_buf_ok(&copy)) {
            weir_server_grpc_stream_fail(entry, WEIR_STR("no memory for the request"));
            weir_buf_deinit(&copy);
            return;
        }
        body = weir_buf_str(&copy);
        own = &copy;
    }
    struct weir_server_ask ask = {
        .route = s->route,
        .head = {.dialect = s->route->dialect, .action = s->route->route->action},
        .ticket = s->ticket,
        .entry = entry,
        .coding = s->answer_coding,
        .body = body,
        .unpacked = own,
        .n_codings = is_packed,
        .target = message->target,
        .target_bytes = message->target_bytes,
        .begun_ns = weir_loop_now_ns(&shard->loop.loop),
        .timeout_ns = UINT64_MAX,
    };
    weir_server_predict_ask(shard, &ask);
    weir_buf_deinit(&copy); /* Empty, if it was taken. */
}

/* Writes the answer to a question into out. */
static void answer_question(struct weir_server_grpc_stream *s, struct weir_str message,
                            struct weir_buf *out)
{
    struct weir_protocol_question question = {.route = s->route->route, .body = message};
    struct weir_protocol_page page = {.status = 200, .body = out};
    struct weir_server_catalog catalog;
    struct weir_error err = WEIR_ERROR_INIT;
    weir_server_catalog_init(&catalog, s->shard);
    enum weir_status status = s->route->ops->page(&question, &catalog.catalog, &page, &err);
    if (status != WEIR_OK)
        end(s, weir_server_grpc_wire_status(weir_server_status_http(status)), err.msg);
    else if (!weir_buf_ok(out))
        end(s, WEIR_SERVER_GRPC_UNAVAILABLE, "no memory for the answer");
}

static void ask_question(struct weir_server_grpc_stream *s, struct weir_str message)
{
    if (s->route->route->act == WEIR_PROTOCOL_WATCH) {
        if (s->is_watching)
            return; /* One question is asked in such a call. */
        if (message.n > WATCHED_BYTES_MAX) {
            end(s, WEIR_SERVER_GRPC_INVALID_ARGUMENT, "the message is too long");
            return;
        }
        s->is_watching = true;
        weir_buf_append_str(&s->watched, message);
        message = weir_buf_str(&s->watched);
    }
    struct weir_buf out = {.mem = s->shard->shared->mem};
    answer_question(s, message, &out);
    send_part(s, weir_buf_str(&out));
    if (s->is_watching && weir_buf_ok(&out))
        weir_buf_append_str(&s->seen, weir_buf_str(&out));
    weir_buf_deinit(&out);
}

/* Takes a message; returns the bytes that were inflated for it. */
static size_t take_message(struct weir_server_grpc_stream *s,
                           const struct weir_server_grpc_frame *frame)
{
    struct weir_buf unpacked = {.mem = s->shard->shared->mem};
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_server_grpc_message message;
    enum weir_server_grpc_status status =
        weir_server_grpc_unpack(s->shard, s->route, frame, s->coding, &unpacked, &message, &err);
    size_t n_inflated = unpacked.n;
    if (status != WEIR_SERVER_GRPC_OK)
        end(s, status, err.msg);
    else if (s->route->route->act == WEIR_PROTOCOL_PREDICT)
        ask_prediction(s, &message, &unpacked);
    else
        ask_question(s, message.bytes);
    weir_buf_deinit(&unpacked);
    return n_inflated;
}

static bool is_full(const struct weir_server_grpc_stream *s)
{
    return s->n == WEIR_SERVER_GRPC_ENTRIES_MAX ||
           weir_http_reply_unsent(s->shard->loop.http, s->ticket) >
               s->shard->loop.config->unsent_bytes_max;
}

/* Notes since when a message is not whole. */
static void note_part(struct weir_server_grpc_stream *s, size_t n_left, bool has_taken)
{
    if (n_left == 0 || s->is_held) /* Of a stream that is held, the client may not send more. */
        s->part_ns = 0;
    else if (has_taken || s->part_ns == 0)
        s->part_ns = weir_loop_now_ns(&s->shard->loop.loop);
}

/* Takes the messages that are there, ends the call after the last one. Afterwards all that was
 * shown is either taken or part of a message that is not whole yet, unless the stream is full. */
static void go_on(struct weir_server_grpc_stream *s)
{
    struct weir_str rest = weir_buf_str(&s->in);
    uint64_t n_bytes = 0;
    flush(s);
    while (!s->is_gone && !(s->is_held = is_full(s) || s->n_inflated >= TURN_BYTES_MAX)) {
        struct weir_server_grpc_frame frame;
        if (!weir_server_grpc_wire_take(&rest, &frame, &n_bytes))
            break;
        s->n_inflated += take_message(s, &frame);
    }
    if (s->is_gone) {
        lose(s);
        return;
    }
    note_part(s, rest.n, rest.n < s->in.n);
    if (rest.n > 0 && rest.n < s->in.n)
        memmove(s->in.at, rest.at, rest.n);
    s->in.n = rest.n;
    bool has_memory = charge(s);
    if (s->n_inflated > 0)
        mark_due(s); /* There the next turn begins. */
    if (s->is_held)
        return;
    if (!has_memory)
        end(s, WEIR_SERVER_GRPC_UNAVAILABLE, "out of request memory");
    else if (n_bytes > s->shard->loop.config->body_bytes_max)
        end(s, WEIR_SERVER_GRPC_RESOURCE_EXHAUSTED, "the message is too large");
    else if (s->is_last && rest.n > 0)
        end(s, WEIR_SERVER_GRPC_INTERNAL, "the message is cut short");
    else if (s->is_last && s->n == 0 && !s->is_watching)
        end(s, WEIR_SERVER_GRPC_OK, "");
    else if (s->n_owed > 0)
        weir_http_req_consume(s->shard->loop.http, s->ticket, s->n_owed);
    s->n_owed = 0;
}

size_t weir_server_grpc_stream_part(struct weir_server_shard *shard, struct weir_http_req *req,
                                    const struct weir_server_route *route, struct weir_str bytes,
                                    bool is_last)
{
    void *user = weir_http_req_user(req);
    struct weir_server_grpc_stream *s = user ? stream_of(user) : new_stream(shard, req, route);
    if (!s) {
        weir_server_grpc_fail(shard, weir_http_req_ticket(req), WEIR_SERVER_GRPC_UNAVAILABLE,
                              WEIR_STR(""), WEIR_STR("no memory for the call"));
        return bytes.n;
    }
    s->is_last = is_last;
    weir_buf_append_str(&s->in, bytes);
    if (!weir_buf_ok(&s->in))
        end(s, WEIR_SERVER_GRPC_UNAVAILABLE, "no memory for the message");
    else
        go_on(s);
    if (s->is_gone || !s->is_held)
        return bytes.n;
    s->n_owed += bytes.n;
    return 0;
}

/* --- life ------------------------------------------------------------------------------------ */

void weir_server_grpc_stream_gone(struct weir_server_shard *shard, void *user)
{
    (void)shard;
    lose(stream_of(user));
}

void weir_server_grpc_stream_room(struct weir_server_shard *shard, void *user)
{
    (void)shard;
    mark_due(stream_of(user));
}

void weir_server_grpc_stream_run(struct weir_server_shard *shard)
{
    /* What becomes due meanwhile waits for the next iteration. */
    struct weir_list due;
    weir_list_init(&due);
    struct weir_list *link;
    while ((link = weir_list_take(&shard->loop.streams_due)) != NULL)
        weir_list_push(&due, link);
    while ((link = weir_list_take(&due)) != NULL) {
        struct weir_server_grpc_stream *s =
            WEIR_CONTAINER_OF(link, struct weir_server_grpc_stream, due);
        s->is_due = false;
        s->n_inflated = 0;
        if (!s->is_gone)
            go_on(s);
        if (s->is_gone)
            free_stream(s);
    }
}

/* Answers a call that watches again if its answer has changed. */
static void look_again(struct weir_server_grpc_stream *s)
{
    struct weir_buf out = {.mem = s->shard->shared->mem};
    answer_question(s, weir_buf_str(&s->watched), &out);
    if (!s->is_gone && !weir_str_eq(weir_buf_str(&out), weir_buf_str(&s->seen))) {
        send_part(s, weir_buf_str(&out));
        weir_buf_clear(&s->seen);
        weir_buf_append_str(&s->seen, weir_buf_str(&out));
        mark_due(s);
    }
    weir_buf_deinit(&out);
}

void weir_server_grpc_stream_tick(struct weir_server_shard *shard)
{
    struct weir_list *next;
    for (struct weir_list *link = shard->loop.streams.next; link != &shard->loop.streams;
         link = next) {
        struct weir_server_grpc_stream *s =
            WEIR_CONTAINER_OF(link, struct weir_server_grpc_stream, link);
        next = link->next;
        if (s->is_gone)
            continue;
        uint64_t now_ns = weir_loop_now_ns(&shard->loop.loop);
        if (s->deadline_ns <= now_ns)
            end(s, WEIR_SERVER_GRPC_DEADLINE_EXCEEDED, "the call's deadline has passed");
        else if (s->part_ns > 0 &&
                 weir_clock_add(s->part_ns, shard->loop.config->body_timeout_ns) <= now_ns)
            end(s, WEIR_SERVER_GRPC_DEADLINE_EXCEEDED, "the message took too long");
        else if (s->is_watching)
            look_again(s);
        if (!s->is_gone && shard->loop.is_draining && s->n == 0)
            end(s, WEIR_SERVER_GRPC_UNAVAILABLE, "the server is stopping");
    }
}

void weir_server_grpc_stream_free_all(struct weir_server_shard *shard)
{
    struct weir_list *link;
    while ((link = weir_list_take(&shard->loop.streams)) != NULL) {
        struct weir_server_grpc_stream *s =
            WEIR_CONTAINER_OF(link, struct weir_server_grpc_stream, link);
        free_stream(s);
    }
}
