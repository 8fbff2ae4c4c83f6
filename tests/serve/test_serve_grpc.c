/* SPDX-License-Identifier: MIT */
/* Calls of gRPC against a real server, by a small client on nghttp2: what is around the messages,
 * streams, cancellation, compression. The messages themselves have tests/unit/test_protocol_grpc.c.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/macros.h"
#include "codec/coding.h"
#include "codec/protobuf.h"
#include "test_server.h"

#include <criterion/criterion.h>

#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CALLS_MAX = 12 };

/* A call and what has come back. */
struct call {
    int32_t id;
    struct weir_buf out; /* frames to be sent */
    size_t out_at;
    bool is_open; /* more frames may follow */
    char http_status[8];
    char status[8]; /* grpc-status; empty: none yet */
    char message[256];
    char encoding[16];
    struct weir_buf in; /* frames that came */
    bool is_closed;
};

static struct weir_test_server server;
static nghttp2_session *session;
static int fd;
static struct call calls[CALLS_MAX];
static size_t n_calls;

/* --- a client --------------------------------------------------------------------------------- */

static ssize_t on_send(nghttp2_session *s, const uint8_t *bytes, size_t n, int flags, void *arg)
{
    (void)s, (void)flags, (void)arg;
    weir_test_server_send(fd, (const char *)bytes, n);
    return (ssize_t)n;
}

static struct call *call_of(int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name,
                     size_t n_name, const uint8_t *value, size_t n_value, uint8_t flags, void *arg)
{
    static const struct {
        const char *name;
        size_t at, size;
    } kept[] = {
        {":status", offsetof(struct call, http_status), sizeof calls->http_status},
        {"grpc-status", offsetof(struct call, status), sizeof calls->status},
        {"grpc-message", offsetof(struct call, message), sizeof calls->message},
        {"grpc-encoding", offsetof(struct call, encoding), sizeof calls->encoding},
    };
    (void)s, (void)flags, (void)arg;
    struct call *c = call_of(frame->hd.stream_id);
    for (size_t i = 0; c && i < WEIR_ARRAY_LEN(kept); i++) {
        if (n_name == strlen(kept[i].name) && memcmp(name, kept[i].name, n_name) == 0)
            (void)snprintf((char *)c + kept[i].at, kept[i].size, "%.*s", (int)n_value,
                           (const char *)value);
    }
    return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *bytes, size_t n,
                   void *arg)
{
    (void)s, (void)flags, (void)arg;
    struct call *c = call_of(id);
    if (c)
        weir_buf_append(&c->in, bytes, n);
    return 0;
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t error, void *arg)
{
    (void)s, (void)error, (void)arg;
    struct call *c = call_of(id);
    if (c)
        c->is_closed = true;
    return 0;
}

static ssize_t on_read(nghttp2_session *s, int32_t id, uint8_t *to, size_t n, uint32_t *flags,
                       nghttp2_data_source *source, void *arg)
{
    (void)s, (void)id, (void)arg;
    struct call *c = source->ptr;
    size_t left = weir_min_size(n, c->out.n - c->out_at);
    if (left > 0)
        memcpy(to, c->out.at + c->out_at, left);
    c->out_at += left;
    if (c->out_at == c->out.n && !c->is_open)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (left == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)left;
}

static void start(const char *const *options)
{
    const char *args[16] = {getenv("WEIR_MODELS"), "--state-dir", "off"};
    for (size_t i = 0; options && options[i]; i++)
        args[3 + i] = options[i];
    weir_test_server_start(&server, args);
    weir_test_server_wait_ready(&server);
    fd = weir_test_server_connect(server.port);
    nghttp2_session_callbacks *callbacks;
    cr_assert_eq(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    cr_assert_eq(nghttp2_session_client_new(&session, callbacks, NULL), 0);
    nghttp2_session_callbacks_del(callbacks);
    cr_assert_eq(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0), 0);
}

static void end(void)
{
    for (size_t i = 0; i < n_calls; i++) {
        weir_buf_deinit(&calls[i].out);
        weir_buf_deinit(&calls[i].in);
    }
    nghttp2_session_del(session);
    close(fd);
    cr_assert_eq(weir_test_server_stop(&server, SIGINT), 0);
}

/* Sends and receives until is_done(c), or nothing comes for wait_ms. */
static void exchange(struct call *c, bool (*is_done)(const struct call *c), int wait_ms)
{
    char bytes[16384];
    for (;;) {
        cr_assert_eq(nghttp2_session_send(session), 0);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if ((is_done && is_done(c)) || poll(&p, 1, wait_ms) <= 0)
            return;
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n <= 0)
            return;
        cr_assert_eq(nghttp2_session_mem_recv(session, (uint8_t *)bytes, (size_t)n), n);
    }
}

static bool is_closed(const struct call *c)
{
    return c->is_closed;
}

/* nghttp2 only reads; its type does not say so. */
static nghttp2_nv nv_of(const char *name, const char *value)
{
    union {
        const char *in;
        uint8_t *out;
    } n = {.in = name}, v = {.in = value};
    return (nghttp2_nv){n.out, v.out, strlen(name), strlen(value), 0};
}

/* Begins a call; more: further fields of the head, name and value by turns, NULL at the end. */
static struct call *begin(const char *path, const char *type, const char *const *more)
{
    nghttp2_nv nv[12] = {nv_of(":method", "POST"), nv_of(":scheme", "http"),
                         nv_of(":path", path),     nv_of(":authority", "a"),
                         nv_of("te", "trailers"),  nv_of("content-type", type)};
    size_t n = 6;
    for (; more && more[0]; more += 2)
        nv[n++] = nv_of(more[0], more[1]);
    cr_assert(n_calls < CALLS_MAX);
    struct call *c = &calls[n_calls++];
    c->is_open = true;
    nghttp2_data_provider provider = {.source = {.ptr = c}, .read_callback = on_read};
    c->id = nghttp2_submit_request(session, NULL, nv, n, &provider, c);
    cr_assert(c->id > 0);
    return c;
}

static void frame(struct call *c, struct weir_str message, bool is_compressed)
{
    char head[5] = {is_compressed, (char)(message.n >> 24), (char)(message.n >> 16),
                    (char)(message.n >> 8), (char)message.n};
    weir_buf_append(&c->out, head, sizeof head);
    weir_buf_append_str(&c->out, message);
    (void)nghttp2_session_resume_data(session, c->id);
}

static void half_close(struct call *c)
{
    c->is_open = false;
    (void)nghttp2_session_resume_data(session, c->id);
}

static struct call *unary(const char *path, const char *type, const char *const *more,
                          struct weir_str message)
{
    struct call *c = begin(path, type, more);
    frame(c, message, false);
    half_close(c);
    exchange(c, is_closed, 10000);
    cr_assert(c->is_closed, "%s", path);
    return c;
}

/* Takes the n-th message that came; at NULL: there is none. */
static struct weir_str message_at(const struct call *c, size_t n, bool *is_compressed)
{
    size_t at = 0;
    for (size_t i = 0;; i++) {
        if (at + 5 > c->in.n)
            return (struct weir_str){NULL, 0};
        const uint8_t *head = (const uint8_t *)c->in.at + at;
        size_t bytes =
            (size_t)head[1] << 24 | (size_t)head[2] << 16 | (size_t)head[3] << 8 | head[4];
        cr_assert(at + 5 + bytes <= c->in.n);
        if (i == n) {
            *is_compressed = head[0] != 0;
            return weir_str_make(c->in.at + at + 5, bytes);
        }
        at += 5 + bytes;
    }
}

/* --- messages --------------------------------------------------------------------------------- */

/* n rows of the toy model (two features), raw; id: a number, or −1 for none. */
static struct weir_str infer(struct weir_buf *buf, const char *model, int n, int id)
{
    char text[16];
    weir_buf_clear(buf);
    weir_codec_protobuf_put_text(buf, 1, weir_str_c(model));
    (void)snprintf(text, sizeof text, "%d", id);
    if (id >= 0)
        weir_codec_protobuf_put_text(buf, 3, weir_str_c(text));
    size_t input = weir_codec_protobuf_begin(buf, 5);
    weir_codec_protobuf_put_text(buf, 1, WEIR_STR("x"));
    weir_codec_protobuf_put_text(buf, 2, WEIR_STR("FP32"));
    weir_codec_protobuf_put_u64(buf, 3, (uint64_t)n);
    weir_codec_protobuf_put_u64(buf, 3, 2);
    weir_codec_protobuf_end(buf, input);
    weir_codec_protobuf_put_head(buf, 7, (uint64_t)n * 8);
    for (int i = 0; i < 2 * n; i++)
        weir_buf_append(buf, &(float){(float)(i % 7)}, sizeof(float));
    cr_assert(weir_buf_ok(buf));
    return weir_buf_str(buf);
}

static struct weir_str field(struct weir_str message, uint32_t number)
{
    struct weir_codec_protobuf reader = weir_codec_protobuf_of(message);
    struct weir_codec_protobuf_field f;
    while (weir_codec_protobuf_next(&reader, &f)) {
        if (f.number == number)
            return f.bytes;
    }
    return (struct weir_str){NULL, 0};
}

#define INFER  "/inference.GRPCInferenceService/ModelInfer"
#define STREAM "/inference.GRPCInferenceService/ModelStreamInfer"
#define TYPE   "application/grpc"

/* --- tests ------------------------------------------------------------------------------------ */

Test(serve_grpc, calls_are_answered_with_a_message_and_a_status)
{
    start(NULL);
    struct weir_buf buf = WEIR_BUF_INIT;
    struct call *c = unary(INFER, TYPE, NULL, infer(&buf, "toy", 3, 7));
    bool is_compressed = true;
    struct weir_str answer = message_at(c, 0, &is_compressed);
    cr_assert_str_eq(c->http_status, "200");
    cr_assert_str_eq(c->status, "0");
    cr_assert_str_eq(c->message, "");
    cr_assert_not(is_compressed);
    cr_assert(weir_str_eq_c(field(answer, 1), "toy"));
    cr_assert(weir_str_eq_c(field(answer, 3), "7"));
    cr_assert(field(answer, 6).n > 0);
    /* As many rows as make a worker decode them, and an answer of many frames. */
    c = unary(INFER, TYPE, NULL, infer(&buf, "toy", 60000, -1));
    cr_assert_str_eq(c->status, "0", "%s", c->message);
    cr_assert(field(message_at(c, 0, &is_compressed), 6).n >= 60000);
    weir_buf_deinit(&buf);
    end();
}

static const struct {
    const char *path;
    const char *type;
    const char *model;
    const char *const more[3];
    const char *http_status;
    const char *status;
    const char *message;
} refused[] = {
    {INFER, TYPE, "none", {NULL}, "200", "5", "model \"none\" not found; loaded: "},
    {"/inference.GRPCInferenceService/Nothing",
     TYPE,
     "toy",
     {NULL},
     "200",
     "12",
     "there is no such method"},
    {"/inference.GRPCInferenceService/RepositoryModelLoad",
     TYPE,
     "toy",
     {NULL},
     "200",
     "12",
     "models are loaded and unloaded on the admin listener; repository_api: main allows it on this "
     "one, too"},
    {"/a.B/C", TYPE, "toy", {NULL}, "200", "12", "there is no such method"},
    {INFER, "application/json", "toy", {NULL}, "415", "", ""},
    {INFER, TYPE, "toy", {"grpc-timeout", "1n"}, "200", "4", ""},
    {INFER, TYPE, "toy", {"grpc-timeout", "1x"}, "200", "13", "grpc-timeout: "},
    {INFER, TYPE, "toy", {"grpc-encoding", "snappy"}, "200", "12", "grpc-encoding: "},
    {INFER, TYPE, "", {NULL}, "200", "5", "name a model"},
};

Test(serve_grpc, errors_are_statuses)
{
    start(NULL);
    struct weir_buf buf = WEIR_BUF_INIT;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(refused); i++) {
        const struct call *c = unary(refused[i].path, refused[i].type, refused[i].more,
                                     infer(&buf, refused[i].model, 1, -1));
        cr_assert_str_eq(c->http_status, refused[i].http_status, "case %zu", i);
        cr_assert_str_eq(c->status, refused[i].status, "case %zu: %s", i, c->message);
        cr_assert_eq(strncmp(c->message, refused[i].message, strlen(refused[i].message)), 0,
                     "case %zu: %s", i, c->message);
    }
    weir_buf_deinit(&buf);
    end();
}

Test(serve_grpc, bodies_must_be_one_message)
{
    start((const char *const[]){"--body-bytes-max", "100000", NULL});
    struct weir_buf buf = WEIR_BUF_INIT;
    struct call *c = begin(INFER, TYPE, NULL);
    half_close(c);
    exchange(c, is_closed, 10000);
    cr_assert_str_eq(c->status, "13");
    cr_assert_str_eq(c->message, "there is no message");
    c = begin(INFER, TYPE, NULL);
    weir_buf_append(&c->out, "\0\0\0\0\5a", 6);
    half_close(c);
    exchange(c, is_closed, 10000);
    cr_assert_str_eq(c->message, "the message is cut short");
    c = begin(INFER, TYPE, NULL);
    frame(c, infer(&buf, "toy", 1, -1), false);
    frame(c, infer(&buf, "toy", 1, -1), false);
    half_close(c);
    exchange(c, is_closed, 10000);
    cr_assert_str_eq(c->message, "more than one message");
    c = unary(INFER, TYPE, NULL, infer(&buf, "toy", 60000, -1));
    cr_assert_str_eq(c->status, "8"); /* too large */
    /* The connection goes on. */
    c = unary(INFER, TYPE, NULL, infer(&buf, "toy", 1, -1));
    cr_assert_str_eq(c->status, "0");
    weir_buf_deinit(&buf);
    end();
}

Test(serve_grpc, messages_are_compressed_both_ways)
{
    static const struct {
        const char *name;
        enum weir_codec_inflate_format format;
    } codings[] = {{"gzip", WEIR_CODEC_INFLATE_GZIP}, {"deflate", WEIR_CODEC_INFLATE_ZLIB}};
    start(NULL);
    struct weir_buf buf = WEIR_BUF_INIT;
    struct weir_codec_deflate deflate = WEIR_CODEC_DEFLATE_INIT;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(codings); i++) {
        struct weir_buf packed = WEIR_BUF_INIT;
        struct weir_buf plain = WEIR_BUF_INIT;
        bool is_compressed = false;
        struct call *c =
            begin(INFER, TYPE,
                  (const char *const[]){"grpc-encoding", codings[i].name, "grpc-accept-encoding",
                                        "identity, deflate, gzip", NULL});
        cr_assert_eq(weir_codec_deflate_all(&deflate, codings[i].format,
                                            infer(&buf, "toy", 5000, 3), &packed),
                     WEIR_OK);
        frame(c, weir_buf_str(&packed), true);
        half_close(c);
        exchange(c, is_closed, 10000);
        cr_assert_str_eq(c->status, "0", "%s", c->message);
        cr_assert_str_eq(c->encoding, codings[i].name);
        struct weir_str answer = message_at(c, 0, &is_compressed);
        cr_assert(is_compressed);
        cr_assert_eq(
            weir_codec_inflate_all(answer, (struct weir_codec_inflate_limits){0}, &plain, NULL),
            WEIR_OK);
        cr_assert(weir_str_eq_c(field(weir_buf_str(&plain), 3), "3"));
        cr_assert(field(weir_buf_str(&plain), 6).n >= 5000);
        weir_buf_deinit(&packed);
        weir_buf_deinit(&plain);
    }
    /* What is said to be compressed needs a coding; garbage is no message. */
    struct call *c = begin(INFER, TYPE, NULL);
    frame(c, WEIR_STR("x"), true);
    half_close(c);
    exchange(c, is_closed, 10000);
    cr_assert_str_eq(c->status, "13");
    c = begin(INFER, TYPE, (const char *const[]){"grpc-encoding", "gzip", NULL});
    frame(c, WEIR_STR("x"), true);
    half_close(c);
    exchange(c, is_closed, 10000);
    cr_assert_str_eq(c->status, "13");
    weir_codec_deflate_deinit(&deflate);
    weir_buf_deinit(&buf);
    end();
}

/* Begins a call and sends a message, compressed. */
static struct call *send_packed(const char *path, struct weir_str message)
{
    struct weir_codec_deflate deflate = WEIR_CODEC_DEFLATE_INIT;
    struct weir_buf packed = WEIR_BUF_INIT;
    struct call *c = begin(path, TYPE, (const char *const[]){"grpc-encoding", "gzip", NULL});
    cr_assert_eq(weir_codec_deflate_all(&deflate, WEIR_CODEC_INFLATE_GZIP, message, &packed),
                 WEIR_OK);
    frame(c, weir_buf_str(&packed), true);
    half_close(c);
    exchange(c, is_closed, 10000);
    weir_codec_deflate_deinit(&deflate);
    weir_buf_deinit(&packed);
    return c;
}

/* Appends a field that nobody knows. */
static void pad(struct weir_buf *buf, size_t n)
{
    weir_codec_protobuf_put_head(buf, 15, n);
    for (size_t i = 0; i < n; i++)
        weir_buf_append_byte(buf, '\0');
}

/* Longer than what is inflated on the loop: the model is found in the beginning, the rest is a
 * worker's. */
Test(serve_grpc, long_compressed_messages_are_inflated_by_a_worker)
{
    start((const char *const[]){"--body-bytes-max", "2MiB", NULL});
    struct weir_buf buf = WEIR_BUF_INIT;
    const char *const paths[] = {INFER, STREAM};
    bool is_compressed;
    for (size_t i = 0; i < 2; i++) {
        struct call *c = send_packed(paths[i], infer(&buf, "toy", 50000, 3));
        cr_assert_str_eq(c->status, "0", "%s", c->message);
        struct weir_str answer = message_at(c, 0, &is_compressed);
        if (i == 1)
            answer = field(answer, 2);
        cr_assert(weir_str_eq_c(field(answer, 3), "3"));
        cr_assert_geq(field(answer, 6).n, 50000);
        c = send_packed(paths[i], infer(&buf, "nobody", 50000, 3));
        cr_assert_str_eq(c->status, i == 0 ? "5" : "0", "%s", c->message);
    }
    /* It says another model behind that. */
    (void)infer(&buf, "toy", 50000, 3);
    pad(&buf, 1 << 20);
    weir_codec_protobuf_put_text(&buf, 1, WEIR_STR("nobody"));
    struct call *c = send_packed(INFER, weir_buf_str(&buf));
    cr_assert_str_eq(c->status, "3");
    cr_assert(strstr(c->message, "names its model at its beginning"), "%s", c->message);
    /* It says one only there. */
    (void)infer(&buf, "", 50000, -1);
    pad(&buf, 1 << 20);
    weir_codec_protobuf_put_text(&buf, 1, WEIR_STR("toy"));
    c = send_packed(INFER, weir_buf_str(&buf));
    cr_assert_str_eq(c->status, "8");
    cr_assert(strstr(c->message, "must begin with the model's name"), "%s", c->message);
    /* It never ends; and it is cut short. */
    (void)infer(&buf, "toy", 50000, 3);
    pad(&buf, 4 << 20);
    c = send_packed(INFER, weir_buf_str(&buf));
    cr_assert_str_eq(c->status, "8", "%s", c->message);
    cr_assert(strstr(c->message, "decompresses to more than 2097152 bytes"), "%s", c->message);
    c = send_packed(INFER, weir_str_make(buf.at, 1000000));
    cr_assert_str_eq(c->status, "3", "%s", c->message);
    c = unary(INFER, TYPE, NULL, infer(&buf, "toy", 1, -1));
    cr_assert_str_eq(c->status, "0");
    weir_buf_deinit(&buf);
    end();
}

enum { N_STREAMED = 300 };

Test(serve_grpc, streams_are_answered_in_order_and_go_on_after_errors)
{
    start(NULL);
    struct weir_buf buf = WEIR_BUF_INIT;
    struct call *c = begin(STREAM, TYPE, NULL);
    for (int i = 0; i < N_STREAMED; i++)
        frame(c, infer(&buf, i % 10 == 0 ? "none" : "toy", 1 + i % 5, i), false);
    half_close(c);
    exchange(c, is_closed, 10000);
    cr_assert(c->is_closed);
    cr_assert_str_eq(c->status, "0");
    for (int i = 0; i < N_STREAMED; i++) {
        bool is_compressed;
        char id[16];
        struct weir_str answer = message_at(c, (size_t)i, &is_compressed);
        (void)snprintf(id, sizeof id, "%d", i);
        if (i % 10 == 0)
            cr_assert(weir_str_starts(field(answer, 1), WEIR_STR("model \"none\" not found")));
        else
            cr_assert(weir_str_eq_c(field(field(answer, 2), 3), id), "%d", i);
    }
    weir_buf_deinit(&buf);
    end();
}

static bool has_message(const struct call *c)
{
    return c->in.n > 0;
}

Test(serve_grpc, answers_come_while_the_stream_is_open)
{
    start(NULL);
    struct weir_buf buf = WEIR_BUF_INIT;
    struct call *c = begin(STREAM, TYPE, NULL);
    for (int i = 0; i < 3; i++) {
        weir_buf_clear(&c->in);
        frame(c, infer(&buf, "toy", 1, i), false);
        exchange(c, has_message, 10000);
        cr_assert(c->in.n > 0);
        cr_assert_not(c->is_closed);
    }
    struct call *watch = begin("/grpc.health.v1.Health/Watch", TYPE, NULL);
    frame(watch, WEIR_STR(""), false);
    half_close(watch);
    exchange(watch, has_message, 10000);
    cr_assert_eq(watch->in.n, 7);
    cr_assert_eq(memcmp(watch->in.at, "\0\0\0\0\2\x08\1", 7), 0);
    cr_assert_not(watch->is_closed);
    weir_buf_deinit(&buf);
    end(); /* Neither call keeps the server from ending. */
}

Test(serve_grpc, queued_rows_of_cancelled_calls_never_run)
{
    start((const char *const[]){"--max-queue-delay-microseconds", "60000000", "--inline", "never",
                                NULL});
    struct weir_buf buf = WEIR_BUF_INIT;
    struct call *one = begin(INFER, TYPE, NULL);
    frame(one, infer(&buf, "toy", 1, -1), false);
    half_close(one);
    struct call *stream = begin(STREAM, TYPE, NULL);
    for (int i = 0; i < 5; i++)
        frame(stream, infer(&buf, "toy", 1, i), false);
    exchange(one, is_closed, 300);
    cr_assert_not(one->is_closed);
    cr_assert_eq(nghttp2_submit_rst_stream(session, 0, one->id, NGHTTP2_CANCEL), 0);
    cr_assert_eq(nghttp2_submit_rst_stream(session, 0, stream->id, NGHTTP2_CANCEL), 0);
    cr_assert_eq(nghttp2_session_send(session), 0);
    uint64_t give_up_ns = weir_clock_ns() + 10 * WEIR_NS_PER_S;
    while (weir_test_server_metric(&server, "weir_unanswered_total{reason=\"canceled\"}") < 6)
        cr_assert(weir_clock_ns() < give_up_ns);
    cr_assert_eq(weir_test_server_metric(&server, "weir_rows_total{model=\"toy\",version=\"1\"}"),
                 0);
    weir_buf_deinit(&buf);
    end();
}
