/* SPDX-License-Identifier: MIT */
/* The floor: a bare libuv + llhttp program that answers the same bytes to every request.
 *
 * It parses heads and skips bodies, as any server on these libraries must, and does nothing else:
 * no routing, no limits, no timeouts, no decoding. What weir costs above it is what weir does.
 * Keep-alive and pipelining work; answers are written at once where the socket takes them.
 *
 * usage: floor PORT ANSWER_FILE (the whole answer, head and body). Prints "ready PORT". */
#include <llhttp.h>
#include <uv.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 65536, ANSWER_BYTES_MAX = 65536, BACKLOG = 4096, PIPELINED_MAX = 1024 };

struct conn {
    uv_tcp_t tcp;
    llhttp_t parser;
    unsigned n_done; /* requests of the current read that want an answer */
};

/* What the socket did not take at once. */
struct late_write {
    uv_write_t req;
    size_t size;
    char bytes[];
};

static uv_loop_t *loop;
static llhttp_settings_t settings;
static char read_bytes[READ_BYTES];
static char answer[ANSWER_BYTES_MAX];
static size_t answer_size;

static void die(const char *what, int code)
{
    (void)fprintf(stderr, "floor: %s: %s\n", what, uv_strerror(code));
    exit(1);
}

static void on_close(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_conn(struct conn *c)
{
    if (!uv_is_closing((uv_handle_t *)&c->tcp))
        uv_close((uv_handle_t *)&c->tcp, on_close);
}

static int on_message_complete(llhttp_t *parser)
{
    struct conn *c = parser->data;
    c->n_done++;
    return 0;
}

static void on_late_write(uv_write_t *req, int status)
{
    (void)status;
    free(req->data);
}

/* Writes n answers; keeps a copy of what does not fit the socket's buffer. */
static void write_answers(struct conn *c, unsigned n)
{
    uv_buf_t bufs[PIPELINED_MAX];
    for (unsigned i = 0; i < n; i++)
        bufs[i] = uv_buf_init(answer, (unsigned)answer_size);
    int written = uv_try_write((uv_stream_t *)&c->tcp, bufs, n);
    if (written < 0 && written != UV_EAGAIN) {
        close_conn(c);
        return;
    }
    size_t done = written > 0 ? (size_t)written : 0;
    size_t whole = n * answer_size;
    if (done == whole)
        return;
    struct late_write *w = malloc(sizeof(*w) + whole - done);
    if (!w) {
        close_conn(c);
        return;
    }
    w->size = whole - done;
    for (size_t i = 0; i < w->size; i++)
        w->bytes[i] = answer[(done + i) % answer_size];
    w->req.data = w;
    uv_buf_t rest = uv_buf_init(w->bytes, (unsigned)w->size);
    int code = uv_write(&w->req, (uv_stream_t *)&c->tcp, &rest, 1, on_late_write);
    if (code) {
        free(w);
        close_conn(c);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    /* One buffer for all: it is parsed before the next read. */
    *buf = uv_buf_init(read_bytes, READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = stream->data;
    if (n == 0)
        return;
    if (n < 0 || llhttp_execute(&c->parser, buf->base, (size_t)n) != HPE_OK) {
        close_conn(c);
        return;
    }
    while (c->n_done && !uv_is_closing((uv_handle_t *)&c->tcp)) {
        unsigned batch = c->n_done < PIPELINED_MAX ? c->n_done : PIPELINED_MAX;
        c->n_done -= batch;
        write_answers(c, batch);
    }
}

static void on_connection(uv_stream_t *server, int status)
{
    if (status < 0)
        return;
    struct conn *c = calloc(1, sizeof(*c));
    if (!c)
        return;
    (void)uv_tcp_init(loop, &c->tcp);
    c->tcp.data = c;
    llhttp_init(&c->parser, HTTP_REQUEST, &settings);
    c->parser.data = c;
    if (uv_accept(server, (uv_stream_t *)&c->tcp) != 0) {
        close_conn(c);
        return;
    }
    (void)uv_tcp_nodelay(&c->tcp, 1);
    (void)uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

static void read_answer(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    answer_size = fread(answer, 1, sizeof(answer), f);
    (void)fclose(f);
    if (answer_size == 0 || answer_size == sizeof(answer)) {
        (void)fprintf(stderr, "floor: %s is empty or too large\n", path);
        exit(1);
    }
}

static void on_signal(uv_signal_t *handle, int signum)
{
    (void)handle;
    (void)signum;
    exit(0);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: floor PORT ANSWER_FILE\n");
        return 2;
    }
    read_answer(argv[2]);
    loop = uv_default_loop();
    llhttp_settings_init(&settings);
    settings.on_message_complete = on_message_complete;

    uv_tcp_t server;
    struct sockaddr_in addr;
    struct sockaddr_storage bound;
    int bound_size = sizeof(bound);
    int code = uv_tcp_init(loop, &server);
    if (!code)
        code = uv_ip4_addr("127.0.0.1", (int)strtol(argv[1], NULL, 10), &addr);
    if (!code)
        code = uv_tcp_bind(&server, (struct sockaddr *)&addr, 0);
    if (!code)
        code = uv_listen((uv_stream_t *)&server, BACKLOG, on_connection);
    if (!code)
        code = uv_tcp_getsockname(&server, (struct sockaddr *)&bound, &bound_size);
    if (code)
        die("listen", code);

    uv_signal_t term;
    (void)uv_signal_init(loop, &term);
    (void)uv_signal_start(&term, on_signal, SIGTERM);
    (void)signal(SIGPIPE, SIG_IGN);
    printf("ready %d\n", ntohs(((struct sockaddr_in *)&bound)->sin_port));
    (void)fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
