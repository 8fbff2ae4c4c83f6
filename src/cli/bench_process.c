/* SPDX-License-Identifier: MIT */
#include "cli/bench_process.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t STOP_NS = 5 * WEIR_NS_PER_S;

uint64_t weir_cli_bench_process_rss(pid_t pid)
{
    char path[64];
    char line[256];
    unsigned long long kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtoull(line + 6, NULL, 10);
    }
    (void)fclose(f); /* Was only read. */
    return (uint64_t)kib * 1024;
}

uint64_t weir_cli_bench_process_cpu_ns(pid_t pid)
{
    char path[64];
    uint64_t sum = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        return 0;
    for (struct dirent *task; (task = readdir(tasks));) {
        char file[384];
        char line[128];
        if (task->d_name[0] == '.')
            continue;
        /* First number: nanoseconds on a processor, user and system together. */
        (void)snprintf(file, sizeof file, "%s/%s/schedstat", path, task->d_name);
        FILE *f = fopen(file, "re");
        if (!f)
            continue;
        if (fgets(line, sizeof line, f))
            sum += strtoull(line, NULL, 10);
        (void)fclose(f);
    }
    (void)closedir(tasks);
    return sum;
}

static enum weir_status copy_file(const char *from, const char *to, struct weir_error *err)
{
    enum weir_status status = WEIR_OK;
    char bytes[64 * 1024];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", from, strerror(errno));
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    for (ssize_t n = 1; out >= 0 && n > 0 && status == WEIR_OK;) {
        n = read(in, bytes, sizeof bytes);
        if (n < 0 || (n > 0 && write(out, bytes, (size_t)n) != n))
            status = weir_error_set(err, WEIR_ERR_IO, "%s: %s", from, strerror(errno));
    }
    if (out < 0 || close(out) != 0)
        status = weir_error_set(err, WEIR_ERR_IO, "%s: %s", to, strerror(errno));
    (void)close(in);
    return status;
}

/* Asks the kernel for a port that nobody uses. Another process could take it before the server
 * does; the server then fails to start and says so. */
static uint16_t free_port(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof sa;
    uint16_t port = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    if (bind(fd, (struct sockaddr *)&sa, n) == 0 &&
        getsockname(fd, (struct sockaddr *)&sa, &n) == 0)
        port = ntohs(sa.sin_port);
    (void)close(fd);
    return port;
}

/* Where we are bound to some processors (taskset), the server gets the others: on the same ones the
 * two would only measure each other. */
static void use_other_processors(void)
{
    cpu_set_t ours;
    cpu_set_t others;
    long n = sysconf(_SC_NPROCESSORS_CONF);
    CPU_ZERO(&others);
    if (sched_getaffinity(0, sizeof ours, &ours) != 0)
        return;
    for (int i = 0; i < n && i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET((size_t)i, &ours))
            CPU_SET((size_t)i, &others);
    }
    if (CPU_COUNT(&others) > 0)
        (void)sched_setaffinity(0, sizeof others, &others); /* Not ours to use: then we share. */
}

_Noreturn static void exec_server(const struct weir_cli_bench_server *s, pid_t parent)
{
    char *argv[] = {(char[]){"weir"}, (char[]){"serve"},
                    s->model.at,      (char[]){"--listen"},
                    s->listen.at,     (char[]){"--admin"},
                    (char[]){"off"},  (char[]){"--state-dir"},
                    (char[]){"off"},  NULL};
    int log = open(s->log.at, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    /* It must not outlive us, whatever ends us. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    use_other_processors();
    if (log >= 0 && getppid() == parent && dup2(log, STDERR_FILENO) >= 0 &&
        dup2(log, STDOUT_FILENO) >= 0)
        (void)execv("/proc/self/exe", argv);
    _exit(127);
}

enum weir_status weir_cli_bench_server_start(struct weir_cli_bench_server *s, const char *model,
                                             struct weir_error *err)
{
    const char *slash = strrchr(model, '/');
    const char *parent_folder = getenv("TMPDIR");
    if (!parent_folder || !parent_folder[0])
        parent_folder = "/tmp";
    *s = (struct weir_cli_bench_server){.pid = 0};
    int n = snprintf(s->folder, sizeof s->folder, "%s/weir-bench-XXXXXX", parent_folder);
    if (n < 0 || (size_t)n >= sizeof s->folder || !mkdtemp(s->folder)) {
        s->folder[0] = '\0';
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", parent_folder, strerror(errno));
    }
    weir_buf_printf(&s->model, "%s/%s", s->folder, slash ? slash + 1 : model);
    weir_buf_printf(&s->log, "%s/.log", s->folder);
    weir_buf_printf(&s->listen, "127.0.0.1:%u", free_port());
    enum weir_status status = WEIR_OK;
    if (!weir_buf_c(&s->model) || !weir_buf_c(&s->log) || !weir_buf_c(&s->listen))
        status = weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (status == WEIR_OK)
        status = copy_file(model, s->model.at, err);
    if (status == WEIR_OK) {
        pid_t parent = getpid();
        s->pid = fork();
        if (s->pid == 0)
            exec_server(s, parent);
        if (s->pid < 0)
            status = weir_error_set(err, WEIR_ERR_IO, "no process: %s", strerror(errno));
    }
    if (status != WEIR_OK)
        weir_cli_bench_server_stop(s, false);
    return status;
}

bool weir_cli_bench_server_is_alive(struct weir_cli_bench_server *s)
{
    if (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) == s->pid)
        s->pid = 0;
    return s->pid > 0;
}

static void echo(const char *path)
{
    char line[1024];
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    while (fgets(line, sizeof line, f))
        fprintf(stderr, "server: %s", line);
    (void)fclose(f);
}

/* Removes the files of a flat directory, and it. */
static void remove_folder(const char *path)
{
    char file[512];
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        (void)unlink(file); /* What stays makes rmdir fail, and is left in /tmp. */
    }
    (void)closedir(folder);
    (void)rmdir(path);
}

void weir_cli_bench_server_stop(struct weir_cli_bench_server *s, bool echo_log)
{
    if (weir_cli_bench_server_is_alive(s)) {
        uint64_t until_ns = weir_clock_ns() + STOP_NS;
        (void)kill(s->pid, SIGINT); /* No drain delay. */
        while (weir_cli_bench_server_is_alive(s) && weir_clock_ns() < until_ns)
            (void)usleep(2000);
        if (weir_cli_bench_server_is_alive(s)) {
            (void)kill(s->pid, SIGKILL);
            (void)waitpid(s->pid, NULL, 0);
        }
    }
    if (echo_log && s->log.n > 0)
        echo(s->log.at);
    if (s->folder[0])
        remove_folder(s->folder);
    weir_buf_deinit(&s->model);
    weir_buf_deinit(&s->log);
    weir_buf_deinit(&s->listen);
    *s = (struct weir_cli_bench_server){0};
}
