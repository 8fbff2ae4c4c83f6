/* SPDX-License-Identifier: MIT */
/* Plays scripts of what a client sends and what must come back against a real server on loopback:
 * once with every `send` whole, once byte by byte. Each run has a server process of its own, which
 * must end with status 0 at SIGTERM.
 *
 * A script is lines of a word and its arguments; texts are in double quotes with C's escapes:
 *
 *   server ARGS…            arguments of the server (first line, once)
 *   connect                 a new connection; an open one is closed
 *   send ["N" TEXT|TEXT]    sends a text, N times over if a number stands before it
 *   fin                     ends our side of the connection
 *   expect STATUS [TEXT]    reads the next answer, which must have this status (and body)
 *   expect-head STATUS      the same for an answer to HEAD: no body follows
 *   expect-n N STATUS       N answers of this status
 *   continue                reads "HTTP/1.1 100 Continue"
 *   has TEXT / lacks TEXT   the head of the answer just read has this line beginning, or not
 *   closed                  the server ends its side, and has sent nothing else
 *   gone                    as closed, or a reset
 *   silent MS               nothing comes for so long
 *   wait MS                 time passes
 *   counter NAME N          GET /counters says so
 *   ready PATH              waits until GET PATH is answered 200
 *
 *   h2 LINE                 sends a frame of HTTP/2, described as in tests/lib/h2_text.h
 *   h2-n N LINE             N of them; @ is replaced by 1, 3, 5, … in a connection
 *   see LINE                the next frame of its stream is like this, whatever others get;
 *                           WINDOW_UPDATE, SETTINGS and PING are passed over
 *   see-n N LINE            N of these
 *   see-any LINE            some frame is like this, whatever comes before
 *   ends                    the server ends its side, or resets, whatever it sends before
 *
 * usage: runner SERVER SCRIPT… ; writes TAP. */
#include "h2_text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TEXT_BYTES = 1 << 16,
    RECEIVED_BYTES = 1 << 24,
    ARGS_MAX = 32,
    WAIT_MS = 10000, /* for anything that must come */
    FRAMES_MAX = 8192,
    BYTEWISE_MAX = 600, /* longer sends go byte by byte at both ends only */
};

enum mode { WHOLE, BYTES };

struct run {
    const char *script;
    int line;
    enum mode mode;
    pid_t server;
    int server_out; /* its standard output, kept open to its end */
    uint16_t port;
    int fd;
    char *received; /* RECEIVED_BYTES */
    size_t n;
    struct h2_text_reader h2;
    char *frames[FRAMES_MAX]; /* received and not asked for */
    size_t n_frames;
    unsigned stream_id; /* for h2-n */
    char head[8192];    /* of the answer just read */
    char reason[1024];
};

/* Notes why a run failed, with the place; returns false. */
static bool fail(struct run *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(struct run *r, const char *format, ...)
{
    int n = snprintf(r->reason, sizeof r->reason, "%s:%d: ", r->script, r->line);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(r->reason + n, sizeof r->reason - (size_t)n, format, args);
    va_end(args);
    return false;
}

/* --- the server
 * ----------------------------------------------------------------------------------- */

/* Starts the server and reads the port from its first line of output. */
static bool start_server(struct run *r, char **args)
{
    int out[2];
    if (pipe(out) != 0)
        return fail(r, "no pipe");
    r->server = fork();
    if (r->server == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)close(out[0]);
        (void)close(out[1]);
        (void)execv(args[0], args);
        _exit(127);
    }
    (void)close(out[1]);
    char line[256];
    size_t n = 0;
    while (n + 1 < sizeof line && read(out[0], line + n, 1) == 1 && line[n] != '\n')
        n++;
    line[n] = '\0';
    r->server_out = out[0];
    const char *colon = strrchr(line, ':');
    if (strncmp(line, "listening on ", 13) != 0 || !colon)
        return fail(r, "the server said \"%s\"", line);
    r->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    return true;
}

static bool end_server(struct run *r)
{
    if (r->server <= 0)
        return true;
    (void)kill(r->server, SIGTERM);
    for (int i = 0; i < WAIT_MS / 10; i++) {
        int status = 0;
        if (waitpid(r->server, &status, WNOHANG) == r->server) {
            r->server = 0;
            return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
                   fail(r, "the server ended with status %#x", (unsigned)status);
        }
        (void)poll(NULL, 0, 10);
    }
    (void)kill(r->server, SIGKILL);
    (void)waitpid(r->server, NULL, 0);
    r->server = 0;
    return fail(r, "the server did not end at SIGTERM");
}

static bool stop_server(struct run *r)
{
    bool is_fine = end_server(r);
    if (r->server_out > 0)
        (void)close(r->server_out);
    r->server_out = -1;
    return is_fine;
}

/* --- a connection
 * --------------------------------------------------------------------------------- */

static int connect_to(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&in, sizeof in) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* Sends all; a server that has ended the connection meanwhile is not an error here. */
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

static void send_text(struct run *r, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n;) {
        bool is_bytewise = r->mode == BYTES && (i < BYTEWISE_MAX || i + BYTEWISE_MAX > n);
        size_t k = is_bytewise ? 1 : r->mode == BYTES ? n - i - BYTEWISE_MAX : n - i;
        if (k == 0)
            k = 1;
        send_all(r->fd, bytes + i, k);
        i += k;
        /* Now and then the server gets time to see the pieces apart. */
        if (is_bytewise && i % 16 == 0)
            (void)poll(NULL, 0, 1);
    }
}

enum read_result { READ_SOME, READ_END, READ_RESET, READ_LATE };

static enum read_result read_some(struct run *r, int timeout_ms)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    if (poll(&p, 1, timeout_ms) <= 0)
        return READ_LATE;
    ssize_t n = recv(r->fd, r->received + r->n, RECEIVED_BYTES - 1 - r->n, 0);
    if (n < 0)
        return READ_RESET;
    r->n += (size_t)n;
    r->received[r->n] = '\0';
    return n == 0 ? READ_END : READ_SOME;
}

static void drop_received(struct run *r, size_t n)
{
    memmove(r->received, r->received + n, r->n - n);
    r->n -= n;
    r->received[r->n] = '\0';
}

/* Reads a head into r->head and takes it from the received bytes. */
static bool read_head(struct run *r)
{
    for (;;) {
        char *end = memmem(r->received, r->n, "\r\n\r\n", 4);
        if (end) {
            size_t n = (size_t)(end + 4 - r->received);
            if (n >= sizeof r->head)
                return fail(r, "an answer head of %zu bytes", n);
            memcpy(r->head, r->received, n);
            r->head[n] = '\0';
            drop_received(r, n);
            return true;
        }
        enum read_result result = read_some(r, WAIT_MS);
        if (result != READ_SOME)
            return fail(r, "no answer, but %s",
                        result == READ_END     ? "the end"
                        : result == READ_RESET ? "a reset"
                                               : "silence");
    }
}

static const char *find_field(const struct run *r, const char *name)
{
    for (const char *at = strstr(r->head, "\r\n"); at; at = strstr(at + 2, "\r\n"))
        if (strncasecmp(at + 2, name, strlen(name)) == 0)
            return at + 2;
    return NULL;
}

static bool read_answer(struct run *r, long status, const char *body, bool has_body)
{
    if (!read_head(r))
        return false;
    if (strtol(r->head + 9, NULL, 10) != status)
        return fail(r, "expected %ld, got %.*s", status, (int)strcspn(r->head, "\r"), r->head);
    if (!find_field(r, "Date: "))
        return fail(r, "an answer without Date");
    const char *field = find_field(r, "Content-Length: ");
    if ((field == NULL) != (status == 204))
        return fail(r, "Content-Length is %s", field ? "there" : "missing");
    if (!field || !has_body)
        return true;
    size_t n = strtoul(field + 16, NULL, 10);
    while (r->n < n)
        if (read_some(r, WAIT_MS) != READ_SOME)
            return fail(r, "the body ended after %zu of %zu bytes", r->n, n);
    /* MLflow's server, and so ours on its route, refuses a type of body in plain text. */
    bool is_plain = status == 415 && find_field(r, "Content-Type: text/plain; charset=utf-8\r\n");
    if (status >= 400 && !is_plain &&
        (memcmp(r->received, "{\"error\":\"", 10) != 0 ||
         !find_field(r, "Content-Type: application/json\r\n")))
        return fail(r, "an error that is not JSON: %.*s", (int)n, r->received);
    if (body && (strlen(body) != n || memcmp(r->received, body, n) != 0))
        return fail(r, "body is \"%.*s\"", (int)n, r->received);
    drop_received(r, n);
    return true;
}

static bool read_end(struct run *r, bool may_reset)
{
    enum read_result result = r->n > 0 ? READ_SOME : read_some(r, WAIT_MS);
    if (result == READ_END || (may_reset && result == READ_RESET))
        return true;
    return fail(r, "expected the end, got %s",
                result == READ_SOME    ? r->received
                : result == READ_RESET ? "a reset"
                                       : "silence");
}

static bool check_counter(struct run *r, const char *name, long want)
{
    struct run other = {.script = r->script, .line = r->line, .received = malloc(RECEIVED_BYTES)};
    static const char request[] = "GET /counters HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    char needle[128];
    (void)snprintf(needle, sizeof needle, "\n%s ", name);
    long got = -1;
    for (int i = 0; i < 100 && got != want; i++) {
        /* The server may not have noticed yet what the client knows. */
        if (i > 0)
            (void)poll(NULL, 0, 10);
        other.n = 0;
        other.fd = connect_to(r->port);
        send_all(other.fd, request, sizeof request - 1);
        if (read_head(&other))
            while (read_some(&other, WAIT_MS) == READ_SOME)
                continue;
        const char *at = strstr(other.received, needle);
        got = at ? strtol(at + strlen(needle), NULL, 10) : -1;
        (void)close(other.fd);
    }
    free(other.received);
    return got == want || fail(r, "counter %s is %ld, not %ld", name, got, want);
}

/* Asks on connections of its own until the answer is 200. */
static bool wait_ready(struct run *r, const char *path)
{
    char request[512];
    char answer[16];
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    for (int i = 0; i < WAIT_MS / 20; i++) {
        int fd = connect_to(r->port);
        bool is_ready = false;
        if (fd >= 0) {
            send_all(fd, request, (size_t)n);
            is_ready =
                recv(fd, answer, 12, MSG_WAITALL) == 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0;
            (void)close(fd);
        }
        if (is_ready)
            return true;
        (void)poll(NULL, 0, 20);
    }
    return fail(r, "%s is not ready", path);
}

/* --- scripts
 * -------------------------------------------------------------------------------------- */

/* Reads a quoted text into out; returns its length, -1: there is none. */
static long read_text(const char **at, char *out)
{
    while (**at == ' ')
        (*at)++;
    if (**at != '"')
        return -1;
    long n = 0;
    for ((*at)++; **at && **at != '"'; (*at)++) {
        char c = **at;
        if (c == '\\') {
            c = *++*at;
            if (c == 'x') {
                char hex[3] = {(*at)[1], (*at)[2], '\0'};
                c = (char)strtoul(hex, NULL, 16);
                *at += 2;
            } else {
                c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
            }
        }
        out[n++] = c;
    }
    if (**at == '"')
        (*at)++;
    out[n] = '\0';
    return n;
}

static bool do_send(struct run *r, const char *at)
{
    static char text[TEXT_BYTES];
    char *rest;
    unsigned long times = strtoul(at, &rest, 10);
    at = rest;
    long n = read_text(&at, text);
    if (n < 0)
        return fail(r, "send what?");
    if (times == 0)
        times = 1;
    char *all = malloc((size_t)n * times + 1);
    for (size_t i = 0; i < times; i++)
        memcpy(all + i * (size_t)n, text, (size_t)n);
    send_text(r, all, (size_t)n * times);
    free(all);
    return true;
}

static bool is_word(const char **at, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0 || ((*at)[n] != ' ' && (*at)[n] != '\0'))
        return false;
    *at += n + ((*at)[n] == ' ');
    return true;
}

static bool do_expect_n(struct run *r, const char *at)
{
    char *rest;
    long n = strtol(at, &rest, 10);
    long status = strtol(rest, NULL, 10);
    for (long i = 0; i < n; i++)
        if (!read_answer(r, status, NULL, true))
            return false;
    return true;
}

static bool do_expect(struct run *r, const char *at, bool has_body)
{
    static char text[TEXT_BYTES];
    char *rest;
    long status = strtol(at, &rest, 10);
    const char *after = rest;
    bool has_text = read_text(&after, text) >= 0;
    return read_answer(r, status, has_text ? text : NULL, has_body);
}

static bool do_silent(struct run *r, int ms)
{
    enum read_result result = r->n > 0 ? READ_SOME : read_some(r, ms);
    return result == READ_LATE ||
           fail(r, "expected silence, got %s", result == READ_SOME ? r->received : "the end");
}

static bool do_counter(struct run *r, const char *at)
{
    char name[64];
    long value = 0;
    if (sscanf(at, "%63s %ld", name, &value) != 2)
        return fail(r, "counter what?");
    return check_counter(r, name, value);
}

/* Sends N frames like a line. */
static bool do_h2(struct run *r, const char *at, bool has_number)
{
    enum { FRAME_BYTES_MAX = 1 << 20 };
    char *rest;
    unsigned long times = has_number ? strtoul(at, &rest, 10) : 1;
    at = has_number ? rest + strspn(rest, " ") : at;
    char *bytes = malloc(FRAME_BYTES_MAX * (times > 64 ? 4 : 1));
    size_t cap = FRAME_BYTES_MAX * (times > 64 ? 4 : 1);
    size_t n = 0;
    long k = -1;
    for (unsigned long i = 0; i < times; i++) {
        static char line[TEXT_BYTES];
        const char *mark = has_number ? strchr(at, '@') : NULL;
        if (mark)
            (void)snprintf(line, sizeof line, "%.*s%u%s", (int)(mark - at), at, r->stream_id,
                           mark + 1);
        else
            (void)snprintf(line, sizeof line, "%s", at);
        r->stream_id += mark ? 2 : 0;
        k = h2_text_write(line, bytes + n, cap - n);
        if (k < 0)
            break;
        n += (size_t)k;
    }
    if (k >= 0)
        send_text(r, bytes, n);
    free(bytes);
    return k >= 0 || fail(r, "cannot be sent: %s", at);
}

enum see { SEE_NEXT, SEE_ANY, SEE_END };

static bool is_by_the_way(const char *line)
{
    return strncmp(line, "SETTINGS", 8) == 0 || strncmp(line, "WINDOW_UPDATE", 13) == 0 ||
           strncmp(line, "PING", 4) == 0;
}

/* Returns the second word of a line: its stream. */
static unsigned stream_of(const char *line)
{
    return (unsigned)strtoul(line + strcspn(line, " "), NULL, 10);
}

static void forget_frames(struct run *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(r->frames[i]);
    r->n_frames -= n;
    memmove(r->frames, r->frames + n, r->n_frames * sizeof r->frames[0]);
}

static void forget_frame(struct run *r, size_t i)
{
    char *line = r->frames[i];
    memmove(r->frames + 1, r->frames, i * sizeof r->frames[0]);
    r->frames[0] = line;
    forget_frames(r, 1);
}

/* Reads one more frame; SEE_END: none comes any more. */
static bool read_frame(struct run *r, const char *like, enum see see, bool *is_end)
{
    static char line[H2_TEXT_LINE_BYTES];
    for (;;) {
        long n = h2_text_read(&r->h2, r->received, r->n, line, sizeof line);
        if (n < 0)
            return fail(r, "no frame of HTTP/2: %.20s", r->received);
        if (n > 0) {
            drop_received(r, (size_t)n);
            r->frames[r->n_frames++] = strdup(line);
            return r->n_frames < FRAMES_MAX || fail(r, "too many frames");
        }
        enum read_result result = read_some(r, WAIT_MS);
        *is_end = result == READ_END || result == READ_RESET;
        if (see == SEE_END && *is_end)
            return true;
        if (result != READ_SOME)
            return fail(r, "expected %s, got %s", like,
                        result == READ_END     ? "the end"
                        : result == READ_RESET ? "a reset"
                                               : "silence");
    }
}

/* Reads frames up to one that is like this. */
static bool do_see(struct run *r, const char *like, enum see see)
{
    unsigned stream_id = stream_of(like);
    bool is_end = false;
    for (size_t i = 0; !is_end; i++) {
        if (i == r->n_frames && !read_frame(r, like, see, &is_end))
            return false;
        if (is_end || see == SEE_END)
            continue;
        const char *line = r->frames[i];
        if (h2_text_is_like(line, like)) {
            if (see == SEE_ANY)
                forget_frames(r, i);
            forget_frame(r, see == SEE_ANY ? 0 : i);
            return true;
        }
        if (see == SEE_NEXT && stream_of(line) == stream_id && !is_by_the_way(line))
            return fail(r, "expected %s, got %s", like, line);
        if (see == SEE_NEXT && strncmp(line, "GOAWAY", 6) == 0)
            return fail(r, "expected %s, got %s", like, line);
    }
    forget_frames(r, r->n_frames);
    return true;
}

static bool do_see_n(struct run *r, const char *at)
{
    char *rest;
    long n = strtol(at, &rest, 10);
    for (long i = 0; i < n; i++)
        if (!do_see(r, rest + strspn(rest, " "), SEE_NEXT))
            return false;
    return true;
}

static bool do_connect(struct run *r)
{
    h2_text_reader_deinit(&r->h2);
    forget_frames(r, r->n_frames);
    r->stream_id = 1;
    if (r->fd >= 0)
        (void)close(r->fd);
    r->n = 0;
    r->fd = connect_to(r->port);
    return r->fd >= 0 || fail(r, "cannot connect: %s", strerror(errno));
}

static bool do_field(struct run *r, const char *at, bool is_wanted)
{
    static char text[TEXT_BYTES];
    if (read_text(&at, text) < 0)
        return fail(r, "which field?");
    return (find_field(r, text) != NULL) == is_wanted ||
           fail(r, "\"%s\" %s %s", text, is_wanted ? "is not in" : "is in", r->head);
}

static bool do_line(struct run *r, const char *at)
{
    if (is_word(&at, "connect"))
        return do_connect(r);
    if (is_word(&at, "send"))
        return do_send(r, at);
    if (is_word(&at, "fin"))
        return shutdown(r->fd, SHUT_WR) == 0 || fail(r, "fin: %s", strerror(errno));
    if (is_word(&at, "expect"))
        return do_expect(r, at, true);
    if (is_word(&at, "expect-head"))
        return do_expect(r, at, false);
    if (is_word(&at, "expect-n"))
        return do_expect_n(r, at);
    if (is_word(&at, "continue"))
        return read_head(r) && (strcmp(r->head, "HTTP/1.1 100 Continue\r\n\r\n") == 0 ||
                                fail(r, "expected 100, got %s", r->head));
    if (is_word(&at, "has"))
        return do_field(r, at, true);
    if (is_word(&at, "lacks"))
        return do_field(r, at, false);
    if (is_word(&at, "closed"))
        return read_end(r, false);
    if (is_word(&at, "gone"))
        return read_end(r, true);
    if (is_word(&at, "silent"))
        return do_silent(r, (int)strtol(at, NULL, 10));
    if (is_word(&at, "wait"))
        return poll(NULL, 0, (int)strtol(at, NULL, 10)) == 0;
    if (is_word(&at, "ready"))
        return wait_ready(r, at);
    if (is_word(&at, "counter"))
        return do_counter(r, at);
    if (is_word(&at, "h2"))
        return do_h2(r, at, false);
    if (is_word(&at, "h2-n"))
        return do_h2(r, at, true);
    if (is_word(&at, "see"))
        return do_see(r, at, SEE_NEXT);
    if (is_word(&at, "see-any"))
        return do_see(r, at, SEE_ANY);
    if (is_word(&at, "see-n"))
        return do_see_n(r, at);
    if (is_word(&at, "ends"))
        return do_see(r, "", SEE_END);
    return fail(r, "unknown word: %s", at);
}

/* Reads the `server` line, if it is that, into args. */
static void read_server_line(char *line, char **args)
{
    int n = 1;
    for (char *at = line; *at != '\0' && n < ARGS_MAX - 1; n++) {
        args[n] = at;
        at += strcspn(at, " ");
        while (*at == ' ')
            *at++ = '\0';
    }
    args[n] = NULL;
}

static bool play(struct run *r, char *program, FILE *file)
{
    static char line[TEXT_BYTES * 2];
    static char server_line[4096];
    char *args[ARGS_MAX] = {program, NULL};
    while (fgets(line, sizeof line, file)) {
        r->line++;
        line[strcspn(line, "\n")] = '\0';
        const char *at = line;
        while (isspace((unsigned char)*at))
            at++;
        if (*at == '#' || *at == '\0')
            continue;
        if (is_word(&at, "server")) {
            (void)snprintf(server_line, sizeof server_line, "%s", at);
            read_server_line(server_line, args);
            continue;
        }
        if (r->server == 0 && !start_server(r, args))
            return false;
        if (!do_line(r, at))
            return false;
    }
    return r->server != 0 || fail(r, "an empty script");
}

static bool run_script(const char *path, enum mode mode, char *program, char *reason, size_t size)
{
    struct run r = {.script = path, .mode = mode, .fd = -1, .received = malloc(RECEIVED_BYTES)};
    FILE *file = fopen(path, "r");
    bool is_fine = r.received && file ? play(&r, program, file) : fail(&r, "cannot open");
    if (file)
        (void)fclose(file);
    if (r.fd >= 0)
        (void)close(r.fd);
    char first[sizeof r.reason];
    memcpy(first, r.reason, sizeof first);
    bool is_ended = stop_server(&r);
    (void)snprintf(reason, size, "%s", is_fine ? r.reason : first);
    h2_text_reader_deinit(&r.h2);
    forget_frames(&r, r.n_frames);
    free(r.received);
    return is_fine && is_ended;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: runner SERVER SCRIPT…\n");
        return 2;
    }
    int n_failed = 0;
    int n = 0;
    (void)printf("1..%d\n", (argc - 2) * 2);
    for (int i = 2; i < argc; i++)
        for (enum mode mode = WHOLE; mode <= BYTES; mode++) {
            char reason[1024] = "";
            bool is_fine = run_script(argv[i], mode, argv[1], reason, sizeof reason);
            const char *name = strrchr(argv[i], '/');
            (void)printf("%s %d - %s, %s\n", is_fine ? "ok" : "not ok", ++n,
                         name ? name + 1 : argv[i], mode == WHOLE ? "whole" : "byte by byte");
            if (!is_fine)
                (void)printf("# %s\n", reason);
            (void)fflush(stdout);
            n_failed += !is_fine;
        }
    return n_failed > 0;
}
