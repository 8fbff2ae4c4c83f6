/* SPDX-License-Identifier: MIT */
/* The trial is a fresh process, not a fork: a fork of a process with threads has whatever locks
 * they held (those of an allocator that knows no fork among them), copies the page tables of all
 * loaded models and makes every thread fault on its next write. The model and what is to be done
 * with it go over in one memory file, which the new process maps: a head, then blobs (a length and
 * as many bytes, filled up to a multiple of 8). Why the library refuses a model comes back in the
 * head's place. */
#include "base/clock.h"
#include "base/macros.h"
#include "model/onnx_guard_priv.h"
#include "model/onnx_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHILD_FD = 3 }; /* The memory file's number in the new process. */

/* What the new process ends with; other programs and sanitizers end with smaller numbers. */
enum { EXIT_LOADED = 80, EXIT_REFUSED = 81, EXIT_CONFUSED = 82 };

static const uint64_t time_ns_max = 60 * WEIR_NS_PER_S;
static const char magic[8] = "weirtry1";

/* What the memory file begins with. */
struct head {
    char magic[8];
    uint64_t parent; /* process */
    uint64_t deadline_ns;
    uint64_t bytes_max; /* of the builder's arena */
    uint64_t n_threads;
    uint64_t n_files; /* blobs: library, model, files (name with NUL, bytes), texts, unshaped, */
    uint64_t n_texts; /* numbers */
    uint64_t n_unshaped;
    uint64_t n_numbers;
};

/* What the memory file begins with when the model was refused. */
struct refusal {
    uint32_t status; /* enum weir_status */
    char msg[WEIR_ERROR_MSG_BYTES];
};

/* --- the process that asks --- */

static bool put(int fd, const void *at, size_t n)
{
    const char *p = at;
    while (n > 0) {
        ssize_t k = write(fd, p, weir_min_size(n, 1 << 30));
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool put_blob(int fd, const void *at, size_t n)
{
    static const char zeros[8];
    const uint64_t length = n;
    return put(fd, &length, sizeof length) && put(fd, at, n) && put(fd, zeros, -n & 7);
}

static bool put_strs(int fd, const struct weir_str *strs, size_t n)
{
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++)
        ok = put_blob(fd, strs[i].at, strs[i].n);
    return ok;
}

static bool put_all(int fd, const struct weir_model_builder *b,
                    const struct weir_model_onnx_opts *opts, struct weir_str library)
{
    struct head head = {
        .parent = (uint64_t)getpid(),
        .deadline_ns = opts->deadline_ns,
        .bytes_max = b->arena->bytes_max,
        .n_threads = opts->n_threads,
        .n_files = opts->n_files,
        .n_texts = opts->n_texts,
        .n_unshaped = opts->n_unshaped,
        .n_numbers = opts->n_numbers,
    };
    memcpy(head.magic, magic, sizeof head.magic);
    bool ok =
        put(fd, &head, sizeof head) && put_strs(fd, &library, 1) && put_strs(fd, &opts->bytes, 1);
    for (size_t i = 0; i < opts->n_files && ok; i++)
        ok = put_blob(fd, opts->files[i].name, strlen(opts->files[i].name) + 1) &&
             put_strs(fd, &opts->files[i].bytes, 1);
    return ok && put_strs(fd, opts->texts, opts->n_texts) &&
           put_strs(fd, opts->unshaped, opts->n_unshaped) &&
           put_blob(fd, opts->numbers, opts->n_numbers * sizeof *opts->numbers);
}

/* Starts the program with the memory file as its only open file. It inherits no signal's handling,
 * and a terminal's signals are not for it. Returns an errno value; 0: it runs. */
static int start(const char *program, int fd, pid_t *out)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t all, none;
    char fd_text[16];
    char *const argv[] = {(char[]){"weir"}, (char[]){"onnx-guard"}, fd_text, NULL};
    (void)snprintf(fd_text, sizeof fd_text, "%d", CHILD_FD);
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    int error = posix_spawn_file_actions_init(&files);
    if (error)
        return error;
    error = posix_spawnattr_init(&attr);
    if (error) {
        (void)posix_spawn_file_actions_destroy(&files);
        return error;
    }
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETPGROUP);
    (void)posix_spawnattr_setsigdefault(&attr, &all);
    (void)posix_spawnattr_setsigmask(&attr, &none);
    /* Before 0, 1 and 2, which the memory file may be one of. */
    error = posix_spawn_file_actions_adddup2(&files, fd, CHILD_FD);
    for (int i = 0; i < 3 && !error; i++) /* what the library says as it dies */
        error = posix_spawn_file_actions_addopen(&files, i, "/dev/null", O_RDWR, 0);
    if (!error)
        error = posix_spawn_file_actions_addclosefrom_np(&files, CHILD_FD + 1);
    if (!error)
        error = posix_spawn(out, program, &files, &attr, argv, environ);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&files);
    return error;
}

/* Waits until the child ends; false: it did not before the deadline. */
static bool wait_for(pid_t child, uint64_t deadline_ns, int *out)
{
    for (uint64_t pause_ns = WEIR_NS_PER_MS / 4;;
         pause_ns = pause_ns < 4 * WEIR_NS_PER_MS ? 2 * pause_ns : pause_ns) {
        pid_t got = waitpid(child, out, WNOHANG);
        if (got == child)
            return true;
        if (got < 0 && errno != EINTR) {
            *out = EXIT_LOADED << 8; /* Somebody else took its end: nothing is known against it. */
            return true;
        }
        if (weir_clock_ns() >= deadline_ns)
            return false;
        const struct timespec pause = {.tv_nsec = (long)pause_ns};
        (void)nanosleep(&pause, NULL);
    }
}

static enum weir_status confuse(const char *program, struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_IO, "%s could not take the model to try it", program);
}

/* Says what the library said; it is not asked again. */
static enum weir_status refuse(int fd, const char *program, struct weir_error *err)
{
    struct refusal refusal;
    if (pread(fd, &refusal, sizeof refusal, 0) != sizeof refusal || refusal.status == WEIR_OK ||
        refusal.status > WEIR_ERR_INTERNAL)
        return confuse(program, err);
    refusal.msg[sizeof refusal.msg - 1] = '\0';
    return weir_error_set(err, (enum weir_status)refusal.status, "%s", refusal.msg);
}

static enum weir_status judge(int fd, int ended, const char *program, struct weir_error *err)
{
    if (WIFSIGNALED(ended))
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "ONNX Runtime does not survive this model (%s)",
                              strsignal(WTERMSIG(ended)));
    switch (WEXITSTATUS(ended)) {
    case EXIT_LOADED:
        return WEIR_OK;
    case EXIT_REFUSED:
        return refuse(fd, program, err);
    case EXIT_CONFUSED:
        return confuse(program, err);
    default:
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "the process of %s that tried this model ended with code %d", program,
                              WEXITSTATUS(ended));
    }
}

/* Starts the trial and sees how it ends. fd: the memory file, filled. */
static enum weir_status try_model(int fd, const char *program, uint64_t deadline_ns,
                                  struct weir_error *err)
{
    pid_t child = 0;
    int ended = 0;
    int error = start(program, fd, &child);
    if (error)
        return weir_error_set(err, WEIR_ERR_IO,
                              "%s does not start to try the model: %s (onnx_guard: false loads "
                              "models untried)",
                              program, strerror(error));
    if (!wait_for(child, deadline_ns, &ended)) {
        (void)kill(child, SIGKILL);
        (void)waitpid(child, &ended, 0);
        return weir_error_set(err, WEIR_ERR_TIMEOUT,
                              "ONNX Runtime does not come to an end with this model");
    }
    return judge(fd, ended, program, err);
}

enum weir_status weir_model_onnx_guard(const struct weir_model_builder *b,
                                       const struct weir_model_onnx_opts *opts,
                                       struct weir_str library, struct weir_error *err)
{
    uint64_t deadline_ns = weir_clock_add(weir_clock_ns(), time_ns_max);
    if (opts->deadline_ns && opts->deadline_ns < deadline_ns)
        deadline_ns = opts->deadline_ns;
    enum weir_status status;
    int fd = memfd_create("weir-onnx-guard", MFD_CLOEXEC);
    if (fd >= 0 && put_all(fd, b, opts, library))
        status = try_model(fd, opts->guard, deadline_ns, err);
    else
        status = weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory file to try the model from: %s",
                                strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return status;
}

/* --- the process that tries --- */

/* The memory file being read. */
struct reader {
    const char *at;
    size_t n;
};

static bool take_blob(struct reader *r, struct weir_str *out)
{
    uint64_t length;
    if (r->n < sizeof length)
        return false;
    memcpy(&length, r->at, sizeof length);
    if (length > r->n - sizeof length)
        return false;
    *out = weir_str_make(r->at + sizeof length, (size_t)length);
    size_t whole = weir_min_size(sizeof length + (((size_t)length + 7) & ~(size_t)7), r->n);
    r->at += whole;
    r->n -= whole;
    return true;
}

/* Returns n blobs in an array of the arena; NULL: they are not there. */
static struct weir_str *take_strs(struct reader *r, size_t n, struct weir_arena *arena)
{
    struct weir_str *strs = n <= r->n / 8 ? weir_arena_zarray(arena, n + 1, sizeof *strs) : NULL;
    for (size_t i = 0; i < n && strs; i++)
        if (!take_blob(r, &strs[i]))
            return NULL;
    return strs;
}

static bool take_files(struct reader *r, size_t n, struct weir_arena *arena,
                       struct weir_model_onnx_opts *opts)
{
    struct weir_model_onnx_file *files =
        n <= r->n / 16 ? weir_arena_zarray(arena, n + 1, sizeof *files) : NULL;
    for (size_t i = 0; i < n && files; i++) {
        struct weir_str name;
        if (!take_blob(r, &name) || name.n == 0 || name.at[name.n - 1] ||
            !take_blob(r, &files[i].bytes))
            return false;
        files[i].name = name.at;
    }
    opts->files = files;
    opts->n_files = n;
    return files;
}

static bool take_all(struct reader *r, struct head *head, struct weir_arena *arena,
                     struct weir_model_onnx_opts *opts)
{
    struct weir_str numbers;
    if (r->n < sizeof *head)
        return false;
    memcpy(head, r->at, sizeof *head);
    r->at += sizeof *head;
    r->n -= sizeof *head;
    *opts = (struct weir_model_onnx_opts){.n_threads = (uint32_t)head->n_threads,
                                          .deadline_ns = head->deadline_ns};
    if (memcmp(head->magic, magic, sizeof magic) != 0 || !take_blob(r, &opts->library) ||
        !take_blob(r, &opts->bytes) || !take_files(r, (size_t)head->n_files, arena, opts))
        return false;
    opts->texts = take_strs(r, (size_t)head->n_texts, arena);
    opts->n_texts = (size_t)head->n_texts;
    opts->unshaped = opts->texts ? take_strs(r, (size_t)head->n_unshaped, arena) : NULL;
    opts->n_unshaped = (size_t)head->n_unshaped;
    if (!opts->unshaped || !take_blob(r, &numbers) ||
        numbers.n / sizeof *opts->numbers != head->n_numbers)
        return false;
    opts->numbers = (const int64_t *)(const void *)numbers.at; /* Blobs are aligned to 8. */
    opts->n_numbers = (size_t)head->n_numbers;
    return true;
}

/* Ends with the process that asked, dies before it where memory runs out, and leaves nothing. */
static void settle(uint64_t parent)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none); /* A core of a model that is refused is of no use. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if ((uint64_t)getppid() != parent)
        _exit(EXIT_CONFUSED); /* It has ended already. */
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)put(fd, "1000", 4); /* Else the kernel may choose the server. */
    (void)close(fd);
}

_Noreturn static void end_refused(int fd, enum weir_status status, const struct weir_error *err)
{
    struct refusal refusal = {.status = (uint32_t)status};
    memcpy(refusal.msg, err->msg, sizeof refusal.msg);
    ssize_t n = pwrite(fd, &refusal, sizeof refusal, 0);
    _exit(n == sizeof refusal ? EXIT_REFUSED : EXIT_CONFUSED);
}

void weir_model_onnx_guard_run(int fd)
{
    struct stat st;
    struct head head;
    struct weir_model_onnx_opts opts;
    struct weir_arena arena;
    struct weir_model_builder b;
    struct weir_model_onnx *m = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    if (fstat(fd, &st) != 0 || st.st_size <= 0)
        _exit(EXIT_CONFUSED);
    void *all = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (all == MAP_FAILED)
        _exit(EXIT_CONFUSED);
    struct reader r = {all, (size_t)st.st_size};
    weir_arena_init(&arena, NULL, 0);
    if (!take_all(&r, &head, &arena, &opts))
        _exit(EXIT_CONFUSED);
    settle(head.parent);
    enum weir_status status = weir_model_builder_init(&b, NULL, (size_t)head.bytes_max, &err);
    if (status == WEIR_OK)
        status = weir_model_onnx_session_new(&b, &opts, &m, &err);
    if (status != WEIR_OK)
        end_refused(fd, status, &err);
    _exit(EXIT_LOADED); /* Nothing is taken down: the library's own end is not what is tried. */
}
