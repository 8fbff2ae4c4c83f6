/* SPDX-License-Identifier: MIT */
#include <weir/error.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *text;
} statuses[] = {
#define STATUS_ROW(code, name, text) {name, text},
    WEIR_STATUS_MAP(STATUS_ROW)
#undef STATUS_ROW
};

const char *weir_status_name(enum weir_status status)
{
    size_t i = (size_t)status;
    return i < sizeof statuses / sizeof statuses[0] ? statuses[i].name : "unknown";
}

const char *weir_status_text(enum weir_status status)
{
    size_t i = (size_t)status;
    return i < sizeof statuses / sizeof statuses[0] ? statuses[i].text : "unknown status";
}

enum weir_status weir_error_set(struct weir_error *err, enum weir_status code, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(err->msg, sizeof err->msg, fmt,
                        args); /* A cut message is still a message. */
        va_end(args);
        err->code = code;
    }
    return code;
}

enum weir_status weir_error_prefix(struct weir_error *err, const char *fmt, ...)
{
    if (!err)
        return WEIR_OK;
    char old[WEIR_ERROR_MSG_BYTES];
    memcpy(old, err->msg, sizeof old);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(err->msg, sizeof err->msg, fmt, args);
    va_end(args);
    size_t at = n < 0 ? 0 : (size_t)n;
    if (at < sizeof err->msg)
        (void)snprintf(err->msg + at, sizeof err->msg - at, ": %s",
                       old); /* The innermost end may be cut. */
    return err->code;
}
