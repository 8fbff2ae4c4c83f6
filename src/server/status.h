/* SPDX-License-Identifier: MIT */
/* The one table that turns a status into an HTTP code. */
#ifndef WEIR_SERVER_STATUS_H
#define WEIR_SERVER_STATUS_H

#include <weir/error.h>

/* Returns the HTTP status code of a failed request; 200 for WEIR_OK. */
int weir_server_status_http(enum weir_status status);

#endif
