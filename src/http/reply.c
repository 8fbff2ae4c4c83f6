/* SPDX-License-Identifier: MIT */
/* Answers: the head is written by hand into the request's buffer, a short body right behind it, so
 * that one answer is one piece for the kernel. A long body is written from its own buffer. */
#include "base/clock.h"
#include "base/macros.h"
#include "http/h2_priv.h"

#include <stdio.h>
#include <time.h>

static const uint64_t NS_PER_S = 1000000000;

enum { HEAD_BYTES_MAX = 320 }; /* of all lines but the caller's own and the content type */

const char *weir_http_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {499, "Client Closed Request"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "";
}

/* --- the head of an answer
 * --------------------------------------------------------------------------- */

void weir_http_reply_refresh_date(struct weir_http_server *server)
{
    if (server->now_ns < server->date_until_ns)
        return;
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    uint64_t wall = weir_clock_wall_ns();
    time_t seconds = (time_t)(wall / NS_PER_S);
    struct tm tm;
    (void)gmtime_r(&seconds, &tm); /* Fails for years beyond int only. */
    int n = snprintf(server->date, sizeof server->date,
                     "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday], tm.tm_mday,
                     months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    weir_assert(n == 37);
    server->n_date = (uint32_t)n;
    server->date_until_ns = server->now_ns + NS_PER_S - wall % NS_PER_S;
}

static char *put(char *to, const void *bytes, size_t n)
{
    memcpy(to, bytes, n);
    return to + n;
}

#define PUT(to, literal) put((to), (literal), sizeof(literal) - 1)

static char *put_u64(char *to, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    return put(to, digits + at, sizeof digits - at);
}

static char *put_status(char *to, int status)
{
    if (status == 200)
        return PUT(to, "HTTP/1.1 200 OK\r\n");
    to = PUT(to, "HTTP/1.1 ");
    to = put_u64(to, (uint64_t)status);
    const char *text = weir_http_status_text(status);
    *to++ = ' ';
    to = put(to, text, strlen(text));
    return PUT(to, "\r\n");
}

/* Writes the head of an answer with a body of n_body bytes; there is room. */
static char *put_head(char *to, struct weir_http_req *req, const struct weir_http_reply *reply,
                      size_t n_body)
{
    struct weir_http_server *server = req->conn->server;
    to = put_status(to, reply->status);
    to = put(to, server->date, server->n_date);
    if (reply->content_type) {
        to = PUT(to, "Content-Type: ");
        to = put(to, reply->content_type, strlen(reply->content_type));
        to = PUT(to, "\r\n");
    } else if (n_body > 0) {
        to = PUT(to, "Content-Type: application/json\r\n");
    }
    if (reply->status != 204 && reply->status != 304) {
        to = PUT(to, "Content-Length: ");
        to = put_u64(to, n_body);
        to = PUT(to, "\r\n");
    }
    if (reply->retry_after_s > 0) {
        to = PUT(to, "Retry-After: ");
        to = put_u64(to, reply->retry_after_s);
        to = PUT(to, "\r\n");
    }
    if (req->closes)
        to = PUT(to, "Connection: close\r\n");
    else if (req->keeps_old)
        to = PUT(to, "Connection: keep-alive\r\n");
    if (reply->fields.n > 0)
        to = put(to, reply->fields.at, reply->fields.n);
    return PUT(to, "\r\n");
}

/* --- answering
 * --------------------------------------------------------------------------------------- */

/* Decides whether the connection ends with this answer. */
static void decide_close(struct weir_http_req *req, bool close)
{
    struct weir_http_conn *conn = req->conn;
    bool is_newest = conn->reqs.prev == &req->link;
    if (close || (req->is_in_head && req->closes_early))
        req->closes = true;
    /* Draining closes with the newest answer, unless its successor is on its way already. */
    if (conn->server->is_draining && is_newest && conn->held.n == 0 &&
        (conn->state == WEIR_HTTP_CONN_IDLE || req->is_in_head))
        req->closes = true;
    if (req->closes && is_newest)
        weir_http_conn_end_reading(conn);
}

/* The same over HTTP/2; it is written as soon as the client takes it. */
static bool answer_h2(struct weir_http_req *req, const struct weir_http_reply *reply)
{
    struct weir_http_conn *conn = req->conn;
    req->is_replied = true;
    req->replied_ns = conn->server->now_ns;
    req->status = reply->status;
    weir_http_reply_refresh_date(conn->server);
    weir_http_conn_set_dirty(conn);
    if (req->has_begun) { /* There is a head already: nothing can be said but this. */
        weir_http_h2_reply_reset(req, WEIR_HTTP_H2_INTERNAL_ERROR);
        return false;
    }
    bool is_fine = !reply->owned || weir_buf_ok(reply->owned);
    if (!is_fine || !weir_http_h2_reply(req, reply, false))
        conn->is_failed = true;
    return !conn->is_failed;
}

/* Gives req its answer; it is written when its turn comes. false: no memory. */
static bool answer(struct weir_http_req *req, const struct weir_http_reply *reply)
{
    struct weir_http_conn *conn = req->conn;
    struct weir_http_server *server = conn->server;
    weir_assert(!req->is_replied);
    weir_assert(reply->status >= 200);
    weir_assert(reply->status <= 599);
    if (req->is_http2)
        return answer_h2(req, reply);
    decide_close(req, reply->close);
    struct weir_str body = reply->owned ? weir_buf_str(reply->owned) : reply->body;
    if (reply->status == 204)
        body.n = 0;
    bool has_body = body.n > 0 && req->head.method != WEIR_HTTP_HEAD;
    bool is_moved = has_body && reply->owned && body.n > WEIR_HTTP_BODY_BYTES_COPIED;
    size_t n_type = reply->content_type ? strlen(reply->content_type) : 0;
    size_t before = req->out.n;
    size_t room = HEAD_BYTES_MAX + reply->fields.n + n_type + (has_body && !is_moved ? body.n : 0);
    req->is_replied = true;
    req->replied_ns = server->now_ns;
    weir_http_conn_set_dirty(conn);
    if ((reply->owned && !weir_buf_ok(reply->owned)) ||
        weir_buf_reserve(&req->out, room) != WEIR_OK) {
        conn->is_failed = true;
        return false;
    }
    req->status = reply->status;
    weir_http_reply_refresh_date(server);
    char *to = put_head(req->out.at + before, req, reply, body.n);
    if (is_moved) {
        req->out_body = *reply->owned;
        *reply->owned = (struct weir_buf){.mem = reply->owned->mem};
    } else if (has_body) {
        to = put(to, body.at, body.n);
    }
    req->out.n = (size_t)(to - req->out.at);
    weir_assert(req->out.n - before <= room);
    conn->unsent += req->out.n - before + req->out_body.n;
    return true;
}

bool weir_http_reply(struct weir_http_server *server, struct weir_http_ticket ticket,
                     struct weir_http_reply *reply)
{
    struct weir_http_req *req = weir_http_core_req_find(server, ticket);
    bool is_answered = req && !req->is_replied && answer(req, reply);
    if (reply->owned)
        weir_buf_clear(reply->owned);
    return is_answered;
}

bool weir_http_reply_error(struct weir_http_server *server, struct weir_http_ticket ticket,
                           int status, uint32_t retry_after_s, struct weir_str text)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf body = {.mem = server->mem};
    weir_buf_append_c(&body, "{\"error\":");
    weir_http_json_string(&body, text);
    weir_buf_append_c(&body, "}");
    struct weir_http_reply reply = {
        .status = status, .owned = &body, .retry_after_s = retry_after_s};
    return weir_http_reply(server, ticket, &reply);
}

void weir_http_reply_refusal(struct weir_http_req *req, enum weir_http_refusal refusal,
                             uint32_t allow, bool close)
{
    const struct weir_http_refusal_row *row = &weir_http_refusal_rows[refusal];
    struct weir_http_server *server = req->conn->server;
    char body[128];
    int n = snprintf(body, sizeof body, "{\"error\":\"%s\"}", row->text);
    weir_assert(n > 0 && (size_t)n < sizeof body);
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf fields = {.mem = server->mem};
    if (allow != 0) {
        weir_buf_append_c(&fields, "Allow: ");
        weir_http_allow_append(&fields, allow);
        weir_buf_append_c(&fields, "\r\n");
    }
    weir_http_core_count(server, refusal);
    req->is_refusal = true;
    struct weir_http_reply reply = {.status = row->status,
                                    .fields = weir_buf_str(&fields),
                                    .body = weir_str_make(body, (size_t)n),
                                    .retry_after_s = row->status == 503 || row->status == 429,
                                    .close = close};
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf room = {.mem = server->mem};
    if (server->handlers->refusal)
        server->handlers->refusal(server->ctx, req, weir_str_c(row->text), &reply, &room);
    (void)answer(req, &reply); /* Without memory the connection is reset. */
}

void weir_http_reply_options(struct weir_http_req *req, uint32_t allow)
{
    struct weir_http_server *server = req->conn->server;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf fields = {.mem = server->mem};
    weir_buf_append_c(&fields, "Allow: ");
    weir_http_allow_append(&fields, allow);
    weir_buf_append_c(&fields, "\r\n");
    server->counters.options_answered++;
    req->is_refusal = true;
    struct weir_http_reply reply = {.status = 204, .fields = weir_buf_str(&fields)};
    (void)answer(req, &reply); /* As above. */
}

void weir_http_reply_continue(struct weir_http_req *req)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct weir_http_conn *conn = req->conn;
    size_t before = req->out.n;
    weir_buf_append(&req->out, line, sizeof line - 1);
    if (!weir_buf_ok(&req->out))
        conn->is_failed = true;
    conn->unsent += req->out.n - before;
    conn->server->counters.answers_1xx++;
    weir_http_conn_set_dirty(conn);
}

/* --- JSON text
 * --------------------------------------------------------------------------------------- */

/* Returns the length of the UTF-8 sequence at the beginning of s, 0 if there is none (RFC 3629 §4).
 */
static size_t utf8_length(struct weir_str s)
{
    unsigned char c = (unsigned char)s.at[0];
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xc2 && c <= 0xdf   ? 2
               : c >= 0xe0 && c <= 0xef ? 3
               : c >= 0xf0 && c <= 0xf4 ? 4
                                        : 0;
    if (n == 0 || s.n < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)s.at[i] & 0xc0) != 0x80)
            return 0;
    unsigned char second = (unsigned char)s.at[1];
    bool is_bad = (c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
                  (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f);
    return is_bad ? 0 : n;
}

void weir_http_json_string(struct weir_buf *out, struct weir_str text)
{
    weir_buf_append_byte(out, '"');
    for (size_t i = 0; i < text.n;) {
        char c = text.at[i];
        size_t n = utf8_length(weir_str_make(text.at + i, text.n - i));
        if (n == 0)
            weir_buf_append_c(out, "\\ufffd");
        else if (c == '"' || c == '\\')
            weir_buf_printf(out, "\\%c", c);
        else if (c == '\n')
            weir_buf_append_c(out, "\\n");
        else if ((unsigned char)c < 0x20 || c == 0x7f)
            weir_buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
        else
            weir_buf_append(out, text.at + i, n);
        i += n > 0 ? n : 1;
    }
    weir_buf_append_byte(out, '"');
}
