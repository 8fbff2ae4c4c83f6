/* SPDX-License-Identifier: MIT */
#include "test_server.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGS_MAX = 64, READ_TIMEOUT_S = 20 };

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "test_server: %s: %s\n", what, strerror(errno));
    exit(99);
}

/* Makes the child end with the test's process, however that ends. The kernel means the thread that
 * forked: tests start servers from one that lives as long as the test. */
static void end_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        die("prctl");
    if (getppid() != parent)
        _exit(99); /* It ended before the kernel was told. */
}

static void spawn(struct weir_test_server *s, const char *program, const char *const *args)
{
    int out[2];
    char *argv[ARGS_MAX] = {(char *)(uintptr_t)program,     (char *)(uintptr_t) "serve",
                            (char *)(uintptr_t) "--listen", (char *)(uintptr_t) "127.0.0.1:0",
                            (char *)(uintptr_t) "--admin",  (char *)(uintptr_t) "127.0.0.1:0"};
    size_t n = 6;
    for (size_t i = 0; args[i] && n + 1 < ARGS_MAX; i++)
        argv[n++] = (char *)(uintptr_t)args[i];
    s->err = memfd_create("stderr", 0);
    if (s->err < 0 || pipe(out) != 0)
        die("pipe");
    pid_t parent = getpid();
    s->pid = fork();
    if (s->pid < 0)
        die("fork");
    if (s->pid == 0) {
        end_with(parent);
        if (dup2(out[1], STDOUT_FILENO) < 0 || dup2(s->err, STDERR_FILENO) < 0)
            die("dup2");
        (void)close(out[0]);
        (void)execv(program, argv);
        die(program);
    }
    (void)close(out[1]);
    s->out = out[0];
}

/* Reads standard output until it holds text. */
static bool read_until(struct weir_test_server *s, const char *text, int wait_ms)
{
    size_t n = strlen(s->said);
    while (!strstr(s->said, text)) {
        struct pollfd p = {.fd = s->out, .events = POLLIN};
        if (poll(&p, 1, wait_ms) <= 0 || n + 1 >= sizeof s->said)
            return false;
        ssize_t r = read(s->out, s->said + n, sizeof s->said - 1 - n);
        if (r <= 0)
            return false;
        n += (size_t)r;
        s->said[n] = '\0';
    }
    return true;
}

static size_t read_err(struct weir_test_server *s, char *out, size_t size)
{
    ssize_t n = pread(s->err, out, size - 1, 0);
    n = n < 0 ? 0 : n;
    out[n] = '\0';
    return (size_t)n;
}

static uint16_t port_after(const char *said, const char *text)
{
    const char *at = strstr(said, text);
    const char *end = at ? strchr(at, '\n') : NULL;
    while (end && end[-1] >= '0' && end[-1] <= '9')
        end--;
    return end ? (uint16_t)strtoul(end, NULL, 10) : 0;
}

void weir_test_server_start(struct weir_test_server *s, const char *const *args)
{
    const char *program = getenv("WEIR_PROGRAM");
    memset(s, 0, sizeof *s);
    if (!program)
        die("WEIR_PROGRAM is not set");
    spawn(s, program, args);
    if (!read_until(s, "admin on ", WEIR_TEST_SERVER_WAIT_MS) ||
        !read_until(s, "\n", WEIR_TEST_SERVER_WAIT_MS)) {
        static char text[WEIR_TEST_SERVER_TEXT_BYTES];
        (void)read_err(s, text, sizeof text);
        (void)fprintf(stderr, "test_server: the server does not listen; it wrote:\n%s%s", s->said,
                      text);
        exit(99);
    }
    s->port = port_after(s->said, "listening on ");
    s->admin_port = port_after(s->said, "admin on ");
    if (s->port == 0 || s->admin_port == 0)
        die("no port announced");
}

void weir_test_server_wait_ready(struct weir_test_server *s)
{
    uint64_t until_ns = weir_clock_ns() + WEIR_TEST_SERVER_WAIT_MS * WEIR_NS_PER_MS;
    for (;;) {
        struct weir_test_answer answer;
        weir_test_server_request(s->port, "GET", "/v2/health/ready", NULL, NULL, &answer);
        int status = answer.status;
        weir_test_answer_deinit(&answer);
        if (status == 200)
            return;
        if (weir_clock_ns() > until_ns) {
            static char text[WEIR_TEST_SERVER_TEXT_BYTES];
            (void)read_err(s, text, sizeof text);
            (void)fprintf(stderr, "test_server: never ready; it wrote:\n%s%s", s->said, text);
            exit(99);
        }
        (void)poll(NULL, 0, 5);
    }
}

bool weir_test_server_logged(struct weir_test_server *s, const char *text)
{
    static char err[16 * WEIR_TEST_SERVER_TEXT_BYTES];
    uint64_t until_ns = weir_clock_ns() + WEIR_TEST_SERVER_WAIT_MS * WEIR_NS_PER_MS;
    do {
        (void)read_err(s, err, sizeof err);
        if (strstr(err, text))
            return true;
        (void)poll(NULL, 0, 5);
    } while (weir_clock_ns() < until_ns);
    (void)fprintf(stderr, "test_server: not logged: %s\nlogged:\n%s", text, err);
    return false;
}

int weir_test_server_wait(struct weir_test_server *s)
{
    int status = 0;
    uint64_t until_ns = weir_clock_ns() + 2 * WEIR_TEST_SERVER_WAIT_MS * WEIR_NS_PER_MS;
    pid_t r;
    while ((r = waitpid(s->pid, &status, WNOHANG)) == 0 && weir_clock_ns() < until_ns)
        (void)poll(NULL, 0, 5);
    if (r == 0) {
        (void)kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, &status, 0);
    }
    static char text[WEIR_TEST_SERVER_TEXT_BYTES];
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (code != 0 && read_err(s, text, sizeof text) > 0)
        (void)fprintf(stderr, "test_server: ended with %d; it wrote:\n%s", code, text);
    (void)close(s->out);
    (void)close(s->err);
    s->pid = 0;
    return code;
}

int weir_test_server_stop(struct weir_test_server *s, int signal)
{
    if (kill(s->pid, signal) != 0)
        die("kill");
    return weir_test_server_wait(s);
}

int weir_test_server_connect(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval timeout = {.tv_sec = READ_TIMEOUT_S};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0 ||
        connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    return fd;
}

void weir_test_server_send(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t w = send(fd, bytes, n, MSG_NOSIGNAL);
        if (w < 0)
            die("send");
        bytes += w;
        n -= (size_t)w;
    }
}

static bool read_head(int fd, struct weir_test_answer *answer)
{
    size_t n = 0;
    while (n < 4 || memcmp(answer->head + n - 4, "\r\n\r\n", 4) != 0) {
        if (n + 1 >= sizeof answer->head || recv(fd, answer->head + n, 1, 0) != 1)
            return false;
        n++;
    }
    answer->head[n] = '\0';
    answer->status = n > 12 ? (int)strtol(answer->head + 9, NULL, 10) : 0;
    return true;
}

bool weir_test_answer_field(const struct weir_test_answer *answer, const char *name, char *out,
                            size_t size)
{
    size_t n = strlen(name);
    for (const char *at = strstr(answer->head, "\r\n"); at && at[2]; at = strstr(at + 2, "\r\n")) {
        if (strncasecmp(at + 2, name, n) != 0 || at[2 + n] != ':')
            continue;
        const char *value = at + 3 + n;
        value += strspn(value, " ");
        size_t len = strcspn(value, "\r");
        (void)snprintf(out, size, "%.*s", (int)len, value);
        return true;
    }
    return false;
}

bool weir_test_server_receive(int fd, struct weir_test_answer *answer)
{
    char length[32];
    memset(answer, 0, sizeof *answer);
    if (!read_head(fd, answer))
        return false;
    if (weir_test_answer_field(answer, "Content-Length", length, sizeof length))
        answer->body_bytes = strtoul(length, NULL, 10);
    answer->body = calloc(answer->body_bytes + 1, 1);
    if (!answer->body)
        die("memory");
    for (size_t n = 0; n < answer->body_bytes;) {
        ssize_t r = recv(fd, answer->body + n, answer->body_bytes - n, 0);
        if (r <= 0)
            return false;
        n += (size_t)r;
    }
    return true;
}

void weir_test_server_request(uint16_t port, const char *method, const char *path,
                              const char *fields, const char *body, struct weir_test_answer *answer)
{
    char head[4096];
    int fd = weir_test_server_connect(port);
    int n = snprintf(head, sizeof head,
                     "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n"
                     "Connection: close\r\n%s\r\n",
                     method, path, body ? strlen(body) : 0, fields ? fields : "");
    weir_test_server_send(fd, head, (size_t)n);
    if (body)
        weir_test_server_send(fd, body, strlen(body));
    if (!weir_test_server_receive(fd, answer))
        die("no whole answer");
    (void)close(fd);
}

void weir_test_answer_deinit(struct weir_test_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

double weir_test_server_metric(struct weir_test_server *s, const char *series)
{
    struct weir_test_answer answer;
    double value = -1;
    size_t n = strlen(series);
    weir_test_server_request(s->admin_port, "GET", "/metrics", NULL, NULL, &answer);
    for (const char *at = answer.body; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, series, n) == 0 && at[n] == ' ') {
            value = strtod(at + n, NULL);
            break;
        }
    }
    weir_test_answer_deinit(&answer);
    return value;
}
