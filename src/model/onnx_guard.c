/* SPDX-License-Identifier: MIT */
/* The child is a fork: it has the bytes, the options and the library at hand, and nothing that it
 * does to them is seen here. Of the parent's threads it has only the one that forked, so it takes
 * no lock that another may have held: it logs nothing, and glibc's malloc and loader are made
 * usable by fork itself. It gives up all descriptors at once, lest it hold connections open that
 * the parent closes. */
#include "base/clock.h"
#include "base/macros.h"
#include "model/onnx_guard_priv.h"
#include "model/onnx_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const uint64_t time_ns_max = 60 * WEIR_NS_PER_S;

/* The child; never returns. */
_Noreturn static void try_model(struct weir_model_builder *b,
                                const struct weir_model_onnx_opts *opts)
{
    static const int signals[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTERM, SIGINT};
    const struct rlimit none = {0, 0};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(signals); i++)
        (void)signal(signals[i], SIG_DFL);
    (void)setrlimit(RLIMIT_CORE, &none); /* A core of a model that is refused is of no use. */
    (void)syscall(SYS_close_range, 0U, ~0U, 0U);
    for (int i = 0; i < 3; i++)
        (void)open("/dev/null", O_RDWR); /* 0, 1, 2: what the library says as it dies */
    weir_model_onnx_api_mute();
    struct weir_model_onnx *m = NULL;
    enum weir_status status = weir_model_onnx_session_new(b, opts, &m, NULL);
    _exit(status == WEIR_OK ? 0 : 1);
}

/* Waits until the child ends; false: it did not before the deadline. */
static bool wait_for(pid_t child, uint64_t deadline_ns, int *out)
{
    for (uint64_t pause_ns = WEIR_NS_PER_MS / 4;;
         pause_ns = pause_ns < 16 * WEIR_NS_PER_MS ? 2 * pause_ns : pause_ns) {
        pid_t got = waitpid(child, out, WNOHANG);
        if (got == child)
            return true;
        if (got < 0 && errno != EINTR) {
            *out = 0; /* Somebody else took its end: nothing is known against the model. */
            return true;
        }
        if (weir_clock_ns() >= deadline_ns)
            return false;
        const struct timespec pause = {.tv_nsec = (long)pause_ns};
        (void)nanosleep(&pause, NULL);
    }
}

enum weir_status weir_model_onnx_guard(struct weir_model_builder *b,
                                       const struct weir_model_onnx_opts *opts,
                                       struct weir_error *err)
{
    uint64_t deadline_ns = weir_clock_add(weir_clock_ns(), time_ns_max);
    if (opts->deadline_ns && opts->deadline_ns < deadline_ns)
        deadline_ns = opts->deadline_ns;
    int ended = 0;
    pid_t child = fork();
    if (child < 0)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no process to try the model in: %s",
                              strerror(errno));
    if (child == 0)
        try_model(b, opts);
    if (!wait_for(child, deadline_ns, &ended)) {
        (void)kill(child, SIGKILL);
        (void)waitpid(child, &ended, 0);
        return weir_error_set(err, WEIR_ERR_TIMEOUT,
                              "ONNX Runtime does not come to an end with this model");
    }
    if (WIFSIGNALED(ended))
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "ONNX Runtime does not survive this model (%s)",
                              strsignal(WTERMSIG(ended)));
    return WEIR_OK;
}
