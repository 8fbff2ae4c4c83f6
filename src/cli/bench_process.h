/* SPDX-License-Identifier: MIT */
/* Processes that are measured: what they use, and a server of our own. Linux: reads /proc. */
#ifndef WEIR_CLI_BENCH_PROCESS_H
#define WEIR_CLI_BENCH_PROCESS_H

#include "base/buf.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads the resident memory of a process in bytes; 0: it cannot be read. */
uint64_t weir_cli_bench_process_rss(pid_t pid);

/* Reads the processor time of all living threads of a process; 0: it cannot be read. */
uint64_t weir_cli_bench_process_cpu_ns(pid_t pid);

/* A server started for one run, with a directory of its own for its model. Zeroed: none. */
struct weir_cli_bench_server {
    pid_t pid;
    char folder[256]; /* below $TMPDIR or /tmp; holds the model and the server's log; removed at the
                         end */
    struct weir_buf model;  /* path of the copy that it serves */
    struct weir_buf log;    /* path of what it wrote to standard error */
    struct weir_buf listen; /* "127.0.0.1:41234" */
};

/* Copies the model into a new directory and starts this program's "serve" on it, on a free port of
 * the loopback interface, without admin listener and state directory, on the processors that this
 * process is not bound to, if any. Does not wait for it to be ready. WEIR_ERR_IO; the server is
 * then as zeroed. */
WEIR_MUST_USE enum weir_status weir_cli_bench_server_start(struct weir_cli_bench_server *s,
                                                           const char *model,
                                                           struct weir_error *err);

/* Finds whether it still runs. */
bool weir_cli_bench_server_is_alive(struct weir_cli_bench_server *s);

/* Ends it, waits, and removes its directory; echo_log: first writes its log to standard error. A
 * zeroed one is fine. */
void weir_cli_bench_server_stop(struct weir_cli_bench_server *s, bool echo_log);

#endif
