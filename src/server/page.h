/* SPDX-License-Identifier: MIT */
/* The page for people at the admin listener's `/`: one HTML file with its styles and its script
 * inside, put together from page/ when weir is built, and kept compressed. It asks for nothing but
 * what this listener has. Runs on: the shard. */
#ifndef WEIR_SERVER_PAGE_H
#define WEIR_SERVER_PAGE_H

#include "server/shard.h"

#include <stddef.h>

/* Made by page/embed.py. */
extern const unsigned char weir_server_page_gzip[];
extern const size_t weir_server_page_gzip_bytes;
extern const size_t weir_server_page_bytes;  /* of the page when it is made plain */
extern const char weir_server_page_digest[]; /* of the plain page: 32 hexadecimal digits */
extern const char weir_server_page_policy[]; /* Content-Security-Policy: its own script and styles
                                                by their digests, fetches from its origin, nothing
                                                else */

/* Answers with the page: compressed for a client that takes gzip, else made plain; 304 where the
 * client has it. */
void weir_server_page_answer(struct weir_server_shard *shard, struct weir_http_req *req);

#endif
