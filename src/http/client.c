/* SPDX-License-Identifier: MIT */
/* Answers are parsed where they were read. A body that lies in one read is shown as it lies there;
 * only one that came in pieces is copied. */
#include "http/client.h"

#include "base/macros.h"

#include <llhttp.h>

#include <errno.h>

struct weir_http_client_parser {
    llhttp_t llhttp;
    struct weir_http_client *client;
};

static llhttp_settings_t settings;

static const struct {
    const char *name;
    const char *text;
} failures[] = {
#define FAILURE_ROW(code, name, text) {name, text},
    WEIR_HTTP_CLIENT_FAILURE_MAP(FAILURE_ROW)
#undef FAILURE_ROW
};

_Static_assert(WEIR_ARRAY_LEN(failures) == WEIR_HTTP_CLIENT_FAILURE_N, "one row for each");

const char *weir_http_client_failure_name(enum weir_http_client_failure why)
{
    return failures[why].name;
}

const char *weir_http_client_failure_text(enum weir_http_client_failure why)
{
    return failures[why].text;
}

static struct weir_http_client *client_of(const llhttp_t *llhttp)
{
    return ((const struct weir_http_client_parser *)(const void *)llhttp)->client;
}

static struct weir_http_client *client_of_stream(struct weir_stream *s)
{
    return WEIR_CONTAINER_OF(s, struct weir_http_client, stream);
}

static int stop(struct weir_http_client *c, enum weir_http_client_failure why)
{
    c->refused = why;
    return HPE_USER;
}

static int keep_head(struct weir_http_client *c, const char *at, size_t n)
{
    weir_buf_append(&c->head, at, n);
    if (c->head.n > WEIR_HTTP_CLIENT_HEAD_BYTES_MAX || !weir_buf_ok(&c->head))
        return stop(c, WEIR_HTTP_CLIENT_TOO_LARGE);
    return 0;
}

static int on_begin(llhttp_t *llhttp)
{
    struct weir_http_client *c = client_of(llhttp);
    weir_buf_clear(&c->head);
    weir_buf_clear(&c->kept);
    c->body = WEIR_STR("");
    c->has_head = false;
    return c->is_busy ? 0 : stop(c, WEIR_HTTP_CLIENT_MALFORMED);
}

static int on_field(llhttp_t *llhttp, const char *at, size_t n)
{
    return keep_head(client_of(llhttp), at, n);
}

static int on_field_end(llhttp_t *llhttp)
{
    return keep_head(client_of(llhttp), "", 1);
}

static int on_head(llhttp_t *llhttp)
{
    client_of(llhttp)->has_head = true;
    return 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t n)
{
    struct weir_http_client *c = client_of(llhttp);
    if (c->kept.n == 0 && c->body.n == 0) {
        c->body = weir_str_make(at, n);
        return 0;
    }
    if (c->body.n > 0 && c->body.at + c->body.n == at) {
        c->body.n += n;
        return 0;
    }
    weir_buf_append_str(&c->kept, c->body);
    c->body = weir_str_make(at, n);
    if (c->kept.n + n > WEIR_HTTP_CLIENT_BODY_BYTES_MAX || !weir_buf_ok(&c->kept))
        return stop(c, WEIR_HTTP_CLIENT_TOO_LARGE);
    return 0;
}

static int on_complete(llhttp_t *llhttp)
{
    struct weir_http_client *c = client_of(llhttp);
    int status = llhttp_get_status_code(llhttp);
    if (status >= 100 && status < 200)
        return 0; /* 100 Continue and such: the answer is still to come. */
    if (c->kept.n > 0) {
        weir_buf_append_str(&c->kept, c->body);
        c->body = weir_buf_str(&c->kept);
    }
    struct weir_http_client_answer answer = {
        .status = status,
        .body = c->body,
        .is_last = !llhttp_should_keep_alive(llhttp) || c->unsent.n > 0,
    };
    c->is_busy = false;
    c->unsent = WEIR_STR("");
    c->events->answer(c, &answer);
    return c->stream.is_open ? 0 : HPE_PAUSED;
}

static void set_up(void)
{
    if (settings.on_message_complete)
        return;
    llhttp_settings_init(&settings);
    settings.on_message_begin = on_begin;
    settings.on_header_field = on_field;
    settings.on_header_field_complete = on_field_end;
    settings.on_header_value = on_field;
    settings.on_header_value_complete = on_field_end;
    settings.on_headers_complete = on_head;
    settings.on_body = on_body;
    settings.on_message_complete = on_complete;
}

static void fail(struct weir_http_client *c, enum weir_http_client_failure why, int error)
{
    weir_stream_read_stop(&c->stream);
    c->is_ready = false;
    c->events->failed(c, why, error);
}

static void fail_parse(struct weir_http_client *c, llhttp_errno_t error)
{
    fail(c, error == HPE_USER ? c->refused : WEIR_HTTP_CLIENT_MALFORMED, 0);
}

static void on_connected(struct weir_stream *s, int error)
{
    struct weir_http_client *c = client_of_stream(s);
    if (error) {
        fail(c, WEIR_HTTP_CLIENT_CONNECT, error);
        return;
    }
    weir_stream_read_start(s);
    c->is_ready = true;
    c->events->ready(c);
}

static void on_read(struct weir_stream *s, char *bytes, size_t n)
{
    struct weir_http_client *c = client_of_stream(s);
    llhttp_errno_t error = llhttp_execute(&c->parser->llhttp, bytes, n);
    if (!s->is_open)
        return;
    if (error != HPE_OK) {
        fail_parse(c, error);
        return;
    }
    if (c->body.n > 0 && c->is_busy)
        weir_buf_append_str(&c->kept, c->body);
    c->body = WEIR_STR("");
}

static void on_eof(struct weir_stream *s)
{
    struct weir_http_client *c = client_of_stream(s);
    if (!c->is_busy) {
        fail(c, WEIR_HTTP_CLIENT_IDLE, 0);
        return;
    }
    /* An answer without a length ends here. */
    llhttp_errno_t error = c->has_head ? llhttp_finish(&c->parser->llhttp) : HPE_OK;
    if (!s->is_open)
        return;
    if (error == HPE_USER)
        fail_parse(c, error);
    else
        fail(c, c->is_busy ? WEIR_HTTP_CLIENT_CLOSED : WEIR_HTTP_CLIENT_IDLE, 0);
}

static void on_error(struct weir_stream *s, int error)
{
    struct weir_http_client *c = client_of_stream(s);
    fail(c, c->is_busy ? WEIR_HTTP_CLIENT_RESET : WEIR_HTTP_CLIENT_IDLE, error);
}

/* Writes what the kernel takes. A connection that broke is noticed by reading: the answer may have
 * come before. */
static void write_more(struct weir_http_client *c)
{
    struct iovec iov = {(void *)(uintptr_t)c->unsent.at, c->unsent.n};
    ssize_t n = weir_stream_write(&c->stream, &iov, 1);
    if (n < 0)
        return;
    c->unsent.at += n;
    c->unsent.n -= (size_t)n;
    if (c->unsent.n > 0)
        weir_stream_want_write(&c->stream);
}

static void on_writable(struct weir_stream *s)
{
    struct weir_http_client *c = client_of_stream(s);
    if (c->unsent.n > 0)
        write_more(c);
}

static void release(struct weir_http_client *c)
{
    weir_mem_free(weir_mem_default(), WEIR_TAKE(c->parser));
    weir_buf_deinit(&c->head);
    weir_buf_deinit(&c->kept);
    c->is_ready = false;
    c->is_busy = false;
}

static void on_closed(struct weir_stream *s)
{
    struct weir_http_client *c = client_of_stream(s);
    release(c);
    c->events->closed(c);
}

static const struct weir_stream_events stream_events = {
    .connected = on_connected,
    .read = on_read,
    .eof = on_eof,
    .error = on_error,
    .writable = on_writable,
    .closed = on_closed,
};

enum weir_status weir_http_client_open(struct weir_http_client *c, struct weir_loop *loop,
                                       const struct weir_addr_target *to,
                                       const struct weir_http_client_events *events,
                                       struct weir_error *err)
{
    weir_assert(!c->stream.is_open);
    weir_assert(!c->parser);
    set_up();
    *c = (struct weir_http_client){.events = events};
    c->parser = weir_mem_alloc(weir_mem_default(), sizeof *c->parser);
    if (!c->parser)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    llhttp_init(&c->parser->llhttp, HTTP_RESPONSE, &settings);
    c->parser->client = c;
    enum weir_status status = weir_stream_connect(&c->stream, loop, to, &stream_events, err);
    if (status != WEIR_OK)
        release(c);
    return status;
}

void weir_http_client_send(struct weir_http_client *c, struct weir_str request)
{
    weir_assert(c->is_ready);
    weir_assert(!c->is_busy);
    weir_assert(request.n > 0);
    c->is_busy = true;
    c->unsent = request;
    write_more(c);
}

struct weir_str weir_http_client_header(const struct weir_http_client *c, const char *name)
{
    const char *at = c->head.at;
    const char *end = at ? at + c->head.n : NULL;
    while (at < end) {
        struct weir_str field = weir_str_c(at);
        struct weir_str value = weir_str_c(at + field.n + 1);
        if (weir_str_eq_nocase(field, weir_str_c(name)))
            return value;
        at = value.at + value.n + 1;
    }
    return WEIR_STR("");
}

void weir_http_client_close(struct weir_http_client *c)
{
    weir_stream_close(&c->stream);
}
