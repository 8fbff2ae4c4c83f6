/* SPDX-License-Identifier: MIT */
/* The event log: one line an event, logfmt or JSON, on standard error.
 *
 * Lines go into a bounded queue that a thread of its own writes out, so that a blocked pipe never
 * blocks a loop; what does not fit is dropped and counted. Before weir_log_start (and in tools that
 * never call it) lines are written at once. Threads: any. */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include "base/str.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stdint.h>

enum weir_log_level { WEIR_LOG_DEBUG, WEIR_LOG_INFO, WEIR_LOG_WARN, WEIR_LOG_ERROR };

enum weir_log_format { WEIR_LOG_LOGFMT, WEIR_LOG_JSON };

enum {
    WEIR_LOG_LINE_BYTES_MAX = 4096,             /* a longer line is cut */
    WEIR_LOG_QUEUE_BYTES_MAX = 8 * 1024 * 1024, /* lines beyond are dropped and counted */
};

/* One key and its value. Values are escaped: control bytes never reach the output raw. */
struct weir_log_field {
    const char *key; /* [a-z_]+ */
    enum { WEIR_LOG_TEXT, WEIR_LOG_U64, WEIR_LOG_I64, WEIR_LOG_F64 } kind;
    struct weir_str text;
    uint64_t u64;
    int64_t i64;
    double f64;
};

#define WEIR_LOG_S(k, v) ((struct weir_log_field){.key = (k), .kind = WEIR_LOG_TEXT, .text = (v)})
#define WEIR_LOG_C(k, v) \
    ((struct weir_log_field){.key = (k), .kind = WEIR_LOG_TEXT, .text = weir_str_c(v)})
#define WEIR_LOG_U(k, v) \
    ((struct weir_log_field){.key = (k), .kind = WEIR_LOG_U64, .u64 = (uint64_t)(v)})
#define WEIR_LOG_I(k, v) \
    ((struct weir_log_field){.key = (k), .kind = WEIR_LOG_I64, .i64 = (int64_t)(v)})
#define WEIR_LOG_D(k, v) \
    ((struct weir_log_field){.key = (k), .kind = WEIR_LOG_F64, .f64 = (double)(v)})

/* Sets the lowest level that is written, and the form. Defaults: info, logfmt. */
void weir_log_set_level(enum weir_log_level level);
enum weir_log_level weir_log_get_level(void);
void weir_log_set_format(enum weir_log_format format);

/* Starts the writer thread. WEIR_ERR_IO: no thread could be had; lines are still written directly.
 */
WEIR_MUST_USE enum weir_status weir_log_start(void);

/* Writes out what is queued (waiting at most 2 s for a blocked reader) and ends the thread; lines
 * are written directly from then on. */
void weir_log_stop(void);

/* Returns how many lines were dropped since the start because the queue was full. */
uint64_t weir_log_dropped(void);

/* Writes one event: time, level, the event's text, and n fields. */
void weir_log_write(enum weir_log_level level, const char *event,
                    const struct weir_log_field *fields, size_t n);

#define weir_log(level, event, ...)                                           \
    do {                                                                      \
        const struct weir_log_field weir_log_fields_[] = {__VA_ARGS__};       \
        weir_log_write((level), (event), weir_log_fields_,                    \
                       sizeof weir_log_fields_ / sizeof weir_log_fields_[0]); \
    } while (0)

#define weir_log_debug(event, ...) weir_log(WEIR_LOG_DEBUG, event, __VA_ARGS__)
#define weir_log_info(event, ...)  weir_log(WEIR_LOG_INFO, event, __VA_ARGS__)
#define weir_log_warn(event, ...)  weir_log(WEIR_LOG_WARN, event, __VA_ARGS__)
#define weir_log_error(event, ...) weir_log(WEIR_LOG_ERROR, event, __VA_ARGS__)

#endif
