/* SPDX-License-Identifier: MIT */
/* Replaces a model file again and again while a load runs, by a thread of its own, so that writing
 * never delays a request: the other of two contents is written beside the file and renamed over it.
 */
#ifndef WEIR_CLI_BENCH_SWAP_H
#define WEIR_CLI_BENCH_SWAP_H

#include "base/str.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stdint.h>

struct weir_cli_bench_swap;

/* Makes the thread, which waits. contents: two, borrowed until free; path: borrowed likewise.
 * every_ns: from one replacement to the next. WEIR_ERR_NO_MEMORY, WEIR_ERR_IO: no thread. */
WEIR_MUST_USE enum weir_status weir_cli_bench_swap_new(struct weir_cli_bench_swap **out,
                                                       const char *path,
                                                       const struct weir_str contents[2],
                                                       uint64_t every_ns, struct weir_error *err);

/* Ends the thread and frees. NULL is allowed. */
void weir_cli_bench_swap_free(struct weir_cli_bench_swap *s);

/* Puts content `which` there now. The thread must not be active. */
WEIR_MUST_USE enum weir_status weir_cli_bench_swap_put(struct weir_cli_bench_swap *s, size_t which,
                                                       struct weir_error *err);

/* Begins (the first replacement comes at once) or pauses; after a pause no replacement is under
 * way.
 */
void weir_cli_bench_swap_set_active(struct weir_cli_bench_swap *s, bool is_active);

/* Returns how many times the thread replaced the file. */
uint64_t weir_cli_bench_swap_count(struct weir_cli_bench_swap *s);

/* Returns the first failure of the thread: WEIR_OK, or its status and message. */
enum weir_status weir_cli_bench_swap_failure(struct weir_cli_bench_swap *s, struct weir_error *err);

#endif
