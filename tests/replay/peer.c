/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <zlib.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 * 1024,
    PIECES_MAX = 48, /* of one send; what is left then goes at once */
    FRAME_HEAD_BYTES = 9,
};

bool replay_peer_connect(struct replay_peer *peer, uint16_t port)
{
    int on = 1;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memset(peer, 0, sizeof *peer);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return nghttp2_hd_inflate_new(&peer->inflater) == 0 &&
           connect(peer->fd, (struct sockaddr *)&in, sizeof in) == 0;
}

void replay_peer_close(struct replay_peer *peer)
{
    if (peer->fd > 0)
        (void)close(peer->fd);
    nghttp2_hd_inflate_del(peer->inflater);
    for (size_t i = 0; i < peer->n_streams; i++) {
        weir_buf_deinit(&peer->streams[i].answer.head);
        weir_buf_deinit(&peer->streams[i].answer.body);
    }
    free(peer->streams);
    weir_buf_deinit(&peer->received);
    memset(peer, 0, sizeof *peer);
    peer->fd = -1;
}

static void send_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, bytes, n, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return;
        bytes += k;
        n -= (size_t)k;
    }
}

void replay_peer_send(struct replay_peer *peer, const struct weir_buf *bytes, enum replay_mode mode)
{
    static const size_t sizes[] = {1, 2, 1, 5, 19, 3, 64, 7, 130, 11};
    size_t n_sizes = sizeof sizes / sizeof *sizes;
    size_t i = 0;
    peer->is_head = bytes->n > 5 && memcmp(bytes->at, "HEAD ", 5) == 0;
    for (size_t k = 0; mode == REPLAY_PIECES && k < PIECES_MAX && i < bytes->n; k++) {
        size_t n = sizes[k % n_sizes];
        n = n < bytes->n - i ? n : bytes->n - i;
        send_all(peer->fd, bytes->at + i, n);
        i += n;
        /* Now and then the server gets time to see the pieces apart. */
        if (k % 8 == 0)
            (void)poll(NULL, 0, 1);
    }
    send_all(peer->fd, bytes->at + i, bytes->n - i);
}

enum came { CAME_BYTES, CAME_END, CAME_NOTHING };

static enum came receive(struct replay_peer *peer, int wait_ms)
{
    static char bytes[READ_BYTES];
    struct pollfd p = {.fd = peer->fd, .events = POLLIN};
    if (poll(&p, 1, wait_ms) <= 0)
        return CAME_NOTHING;
    ssize_t n = recv(peer->fd, bytes, sizeof bytes, 0);
    if (n <= 0)
        return CAME_END;
    weir_buf_append(&peer->received, bytes, (size_t)n);
    return CAME_BYTES;
}

/* Waits until n unread bytes are there. */
static bool need(struct replay_peer *peer, size_t n, char *reason, size_t size)
{
    while (peer->received.n - peer->at < n) {
        enum came came = receive(peer, REPLAY_WAIT_MS);
        if (came == CAME_BYTES)
            continue;
        (void)snprintf(reason, size, "%s after %zu of %zu bytes",
                       came == CAME_END ? "the connection ended" : "nothing came",
                       peer->received.n - peer->at, n);
        return false;
    }
    return true;
}

static const char *unread(const struct replay_peer *peer)
{
    return peer->received.at + peer->at;
}

/* --- HTTP/1 --- */

/* Waits for a line end, or the end of a head; returns the bytes up to its end, 0: it never came. */
static size_t find_end(struct replay_peer *peer, const char *end, char *reason, size_t size)
{
    size_t n = strlen(end);
    for (size_t have = n; need(peer, have, reason, size); have = peer->received.n - peer->at + 1) {
        const char *at = memmem(unread(peer), peer->received.n - peer->at, end, n);
        if (at)
            return (size_t)(at - unread(peer)) + n;
    }
    return 0;
}

/* Appends a field as a line of the head, unless it tells the time. */
static void add_field(struct weir_buf *head, const char *name, size_t n_name, const char *value,
                      size_t n_value)
{
    if (n_name == 4 && strncasecmp(name, "date", 4) == 0)
        return;
    for (size_t i = 0; i < n_name; i++)
        weir_buf_append_byte(head, (char)tolower((unsigned char)name[i]));
    weir_buf_append_c(head, ": ");
    weir_buf_append(head, value, n_value);
    weir_buf_append_byte(head, '\n');
}

/* Reads a head of n bytes into lines. */
static void take_head(struct replay_peer *peer, size_t n, struct weir_buf *head)
{
    const char *at = unread(peer);
    const char *end = at + n - 2;
    weir_buf_append(head, at + 9, 3); /* the status */
    weir_buf_append_byte(head, '\n');
    for (at = strstr(at, "\r\n") + 2; at < end;) {
        const char *line_end = strstr(at, "\r\n");
        const char *colon = memchr(at, ':', (size_t)(line_end - at));
        if (colon)
            add_field(head, at, (size_t)(colon - at), colon + 2, (size_t)(line_end - colon - 2));
        at = line_end + 2;
    }
    peer->at += n;
}

/* Finds a field's value; NULL: not there. */
static const char *field(struct weir_buf *head, const char *name)
{
    const char *at = strstr(weir_buf_c(head), name);
    return at && at[-1] == '\n' ? at + strlen(name) : NULL;
}

static void remove_field(struct weir_buf *head, const char *name)
{
    const char *value = field(head, name);
    if (!value)
        return;
    size_t from = (size_t)(value - head->at) - strlen(name);
    size_t to = (size_t)(strchr(value, '\n') - head->at) + 1;
    memmove(head->at + from, head->at + to, head->n - to);
    head->n -= to - from;
}

static bool inflate_body(struct replay_answer *answer)
{
    struct weir_buf plain = WEIR_BUF_INIT;
    z_stream z = {.next_in = (Bytef *)answer->body.at, .avail_in = (uInt)answer->body.n};
    int rc = inflateInit2(&z, 15 + 32);
    while (rc == Z_OK) {
        static char part[READ_BYTES];
        z.next_out = (Bytef *)part;
        z.avail_out = sizeof part;
        rc = inflate(&z, Z_NO_FLUSH);
        weir_buf_append(&plain, part, sizeof part - z.avail_out);
    }
    (void)inflateEnd(&z);
    weir_buf_deinit(&answer->body);
    answer->body = plain;
    remove_field(&answer->head, "content-length: ");
    return rc == Z_STREAM_END;
}

static bool take_body(struct replay_peer *peer, size_t n, struct weir_buf *body, char *reason,
                      size_t size)
{
    if (!need(peer, n, reason, size))
        return false;
    weir_buf_append(body, unread(peer), n);
    peer->at += n;
    return true;
}

static bool take_chunks(struct replay_peer *peer, struct weir_buf *body, char *reason, size_t size)
{
    for (;;) {
        size_t n_line = find_end(peer, "\r\n", reason, size);
        if (n_line == 0)
            return false;
        size_t n = strtoul(unread(peer), NULL, 16);
        peer->at += n_line;
        if (!take_body(peer, n, body, reason, size) || !need(peer, 2, reason, size))
            return false;
        peer->at += 2;
        if (n == 0)
            return true;
    }
}

bool replay_peer_answer(struct replay_peer *peer, struct replay_answer *answer, char *reason,
                        size_t size)
{
    size_t n = find_end(peer, "\r\n\r\n", reason, size);
    if (n == 0)
        return false;
    (void)weir_buf_c(&peer->received);
    take_head(peer, n, &answer->head);
    const char *length = field(&answer->head, "content-length: ");
    if (field(&answer->head, "transfer-encoding: chunked") &&
        !take_chunks(peer, &answer->body, reason, size))
        return false;
    if (length && !peer->is_head &&
        !take_body(peer, strtoul(length, NULL, 10), &answer->body, reason, size))
        return false;
    if (answer->body.n > 0 && field(&answer->head, "content-encoding: ") && !inflate_body(answer)) {
        (void)snprintf(reason, size, "the body cannot be inflated");
        return false;
    }
    (void)weir_buf_c(&answer->body);
    return true;
}

bool replay_peer_continue(struct replay_peer *peer, char *reason, size_t size)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (!need(peer, sizeof line - 1, reason, size))
        return false;
    if (memcmp(unread(peer), line, sizeof line - 1) != 0) {
        (void)snprintf(reason, size, "expected 100 Continue, got %.60s", unread(peer));
        return false;
    }
    peer->at += sizeof line - 1;
    return true;
}

bool replay_peer_closed(struct replay_peer *peer, char *reason, size_t size)
{
    if (peer->received.n == peer->at && receive(peer, REPLAY_WAIT_MS) == CAME_END)
        return true;
    (void)snprintf(reason, size, "expected the end of the connection, %zu bytes came",
                   peer->received.n - peer->at);
    return false;
}

/* --- HTTP/2 (RFC 9113, section 4) --- */

static struct replay_stream *find_stream(struct replay_peer *peer, uint32_t id)
{
    for (size_t i = 0; i < peer->n_streams; i++)
        if (peer->streams[i].id == id)
            return &peer->streams[i];
    peer->streams = realloc(peer->streams, (peer->n_streams + 1) * sizeof *peer->streams);
    if (!peer->streams)
        abort();
    struct replay_stream *stream = &peer->streams[peer->n_streams++];
    memset(stream, 0, sizeof *stream);
    stream->id = id;
    return stream;
}

/* Reads a block of fields; the server writes none that is cut in two. */
static bool take_fields(struct replay_peer *peer, struct replay_stream *stream, const uint8_t *at,
                        size_t n)
{
    for (int flags = 0; n > 0 || (flags & NGHTTP2_HD_INFLATE_EMIT);) {
        nghttp2_nv nv;
        ssize_t k = nghttp2_hd_inflate_hd2(peer->inflater, &nv, &flags, at, n, 1);
        if (k < 0)
            return false;
        at += k;
        n -= (size_t)k;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            bool is_status = nv.namelen == 7 && memcmp(nv.name, ":status", 7) == 0;
            if (is_status) {
                weir_buf_append(&stream->answer.head, nv.value, nv.valuelen);
                weir_buf_append_byte(&stream->answer.head, '\n');
            } else
                add_field(&stream->answer.head, (const char *)nv.name, nv.namelen,
                          (const char *)nv.value, nv.valuelen);
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL) {
            (void)nghttp2_hd_inflate_end_headers(peer->inflater);
            break;
        }
    }
    return true;
}

/* Reads one frame. */
static bool take_frame(struct replay_peer *peer, char *reason, size_t size)
{
    if (!need(peer, FRAME_HEAD_BYTES, reason, size))
        return false;
    const uint8_t *head = (const uint8_t *)unread(peer);
    size_t n = ((size_t)head[0] << 16) | ((size_t)head[1] << 8) | head[2];
    if (!need(peer, FRAME_HEAD_BYTES + n, reason, size))
        return false;
    head = (const uint8_t *)unread(peer);
    const uint8_t *body = head + FRAME_HEAD_BYTES;
    uint32_t id = ((uint32_t)(head[5] & 0x7f) << 24) | ((uint32_t)head[6] << 16) |
                  ((uint32_t)head[7] << 8) | head[8];
    peer->at += FRAME_HEAD_BYTES + n;
    struct replay_stream *stream = id > 0 ? find_stream(peer, id) : NULL;
    bool is_fine = true;
    if (head[3] == NGHTTP2_DATA && stream)
        weir_buf_append(&stream->answer.body, body, n);
    else if (head[3] == NGHTTP2_HEADERS && stream)
        is_fine = take_fields(peer, stream, body, n);
    else if (head[3] == NGHTTP2_RST_STREAM && stream && !stream->is_ended) {
        weir_buf_printf(&stream->answer.head, "reset: %u\n", body[3]);
        stream->is_ended = true;
    } else if (head[3] == NGHTTP2_GOAWAY && n >= 8 && body[7] != NGHTTP2_NO_ERROR) {
        (void)snprintf(reason, size, "the server ends the connection with error %u", body[7]);
        return false;
    }
    if (stream && (head[3] == NGHTTP2_DATA || head[3] == NGHTTP2_HEADERS) &&
        (head[4] & NGHTTP2_FLAG_END_STREAM))
        stream->is_ended = true;
    if (!is_fine)
        (void)snprintf(reason, size, "stream %u: a block of fields that cannot be read", id);
    return is_fine;
}

bool replay_peer_stream(struct replay_peer *peer, uint32_t id, struct replay_answer *answer,
                        char *reason, size_t size)
{
    while (!find_stream(peer, id)->is_ended)
        if (!take_frame(peer, reason, size))
            return false;
    struct replay_stream *stream = find_stream(peer, id);
    (void)weir_buf_c(&stream->answer.body);
    *answer = stream->answer;
    memset(&stream->answer, 0, sizeof stream->answer);
    return true;
}
