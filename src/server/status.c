/* SPDX-License-Identifier: MIT */
#include "server/status.h"

int weir_server_status_http(enum weir_status status)
{
    switch (status) {
    case WEIR_OK:
        return 200;
    case WEIR_ERR_INVALID:
    case WEIR_ERR_CORRUPT:
        return 400;
    case WEIR_ERR_UNSUPPORTED:
        return 501;
    case WEIR_ERR_NOT_FOUND:
        return 404;
    case WEIR_ERR_EXISTS:
        return 409;
    case WEIR_ERR_LIMIT:
        return 413;
    case WEIR_ERR_NO_MEMORY:
    case WEIR_ERR_BUSY:
    case WEIR_ERR_CANCELED: /* The pool was stopped before the rows ran. */
        return 503;
    case WEIR_ERR_TIMEOUT:
        return 504;
    case WEIR_ERR_IO:
    case WEIR_ERR_INTERNAL:
        return 500;
    }
    return 500;
}
