/* SPDX-License-Identifier: MIT */
/* Which web pages may change what is served: our own alone. Pure. */
#ifndef WEIR_SERVER_ORIGIN_H
#define WEIR_SERVER_ORIGIN_H

#include "base/str.h"

#include <stdbool.h>

/* Finds whether a request with the header fields Origin (RFC 6454 §7) and Host comes from a page of
 * this server: the origin is the host asked, and the host is an address or `localhost`, never
 * another name. A name may be anybody's: a page that was loaded from rebound.example may later find
 * this name to be 127.0.0.1, and then its own origin is the host that it asks. */
bool weir_server_origin_is_own(struct weir_str origin, struct weir_str host);

#endif
