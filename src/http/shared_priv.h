/* SPDX-License-Identifier: MIT */
/* Connections of client addresses. Runs on: any thread. */
#ifndef WEIR_HTTP_SHARED_PRIV_H
#define WEIR_HTTP_SHARED_PRIV_H

#include "http/http.h"

/* Counts one more connection of an address; false: it has max of them already. */
WEIR_MUST_USE bool weir_http_shared_address_add(struct weir_http_shared *shared,
                                                const struct weir_addr *addr, uint64_t max);

/* Counts one less. */
void weir_http_shared_address_remove(struct weir_http_shared *shared, const struct weir_addr *addr);

#endif
