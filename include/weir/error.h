/* SPDX-License-Identifier: MIT */
/* Status codes and error messages of weir.
 *
 * Every call that can fail returns an enum weir_status; calls whose failure a person will want
 * explained also take a struct weir_error as their last parameter (NULL is allowed) and put the
 * reason and the place there. Threads: all functions here may be called from any thread. */
#ifndef WEIR_ERROR_H
#define WEIR_ERROR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what the shared library exports. */
#ifndef WEIR_API
#if defined(__GNUC__)
#define WEIR_API __attribute__((visibility("default")))
#else
#define WEIR_API
#endif
#endif

/* Marks results that must not be ignored. */
#ifndef WEIR_MUST_USE
#if defined(__GNUC__)
#define WEIR_MUST_USE __attribute__((warn_unused_result))
#else
#define WEIR_MUST_USE
#endif
#endif

/* The one table of statuses: code, name, text. */
#define WEIR_STATUS_MAP(X)                                             \
    X(OK, "ok", "success")                                             \
    X(ERR_NO_MEMORY, "no_memory", "out of memory")                     \
    X(ERR_INVALID, "invalid", "the input is not valid")                \
    X(ERR_NOT_FOUND, "not_found", "no such thing")                     \
    X(ERR_UNSUPPORTED, "unsupported", "valid, but not supported here") \
    X(ERR_EXISTS, "exists", "already there")                           \
    X(ERR_BUSY, "busy", "no room now, try again later")                \
    X(ERR_TIMEOUT, "timeout", "the deadline has passed")               \
    X(ERR_CANCELED, "canceled", "withdrawn before it was done")        \
    X(ERR_IO, "io", "the operating system reported a failure")         \
    X(ERR_CORRUPT, "corrupt", "the data contradicts itself")           \
    X(ERR_LIMIT, "limit", "larger than a limit allows")                \
    X(ERR_INTERNAL, "internal", "a defect in weir")

/* What a call came to; WEIR_OK is 0. */
enum weir_status {
#define WEIR_STATUS_ENUM(code, name, text) WEIR_##code,
    WEIR_STATUS_MAP(WEIR_STATUS_ENUM)
#undef WEIR_STATUS_ENUM
};

enum { WEIR_ERROR_MSG_BYTES = 256 };

/* Why a call failed. code is WEIR_OK and msg empty until a failure sets them. */
struct weir_error {
    enum weir_status code;
    char msg[WEIR_ERROR_MSG_BYTES]; /* NUL-terminated UTF-8 with the place in the input; cut at the
                                       end if too long */
};

#define WEIR_ERROR_INIT \
    {                   \
        WEIR_OK,        \
        {               \
            0           \
        }               \
    }

/* Returns the short name of a status ("not_found"), borrowed for ever; "unknown" for a number
 * outside the table. */
WEIR_API const char *weir_status_name(enum weir_status status);

/* Returns a sentence about a status, borrowed for ever. */
WEIR_API const char *weir_status_text(enum weir_status status);

/* Writes a printf-style reason into err (which may be NULL) and returns code, so that a failure is
 * set and returned in one statement. */
WEIR_API enum weir_status weir_error_set(struct weir_error *err, enum weir_status code,
                                         const char *fmt, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* Puts a printf-style text and ": " before the reason already in err (which may be NULL). Returns
 * err's code, or WEIR_OK when err is NULL. */
WEIR_API enum weir_status weir_error_prefix(struct weir_error *err, const char *fmt, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

#ifdef __cplusplus
}
#endif

#endif
