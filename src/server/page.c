/* SPDX-License-Identifier: MIT */
#include "server/page.h"

#include "base/macros.h"
#include "codec/coding.h"

#include <stdio.h>

enum { TAG_BYTES = 48 };

/* Finds whether a list of entity tags (RFC 9110 §13.1.2) has one; weak comparison. */
static bool has_tag(struct weir_str list, struct weir_str tag)
{
    while (list.n > 0) {
        struct weir_str one = weir_str_trim(weir_str_split(&list, ','));
        if (weir_str_starts(one, WEIR_STR("W/")))
            one = weir_str_make(one.at + 2, one.n - 2);
        if (weir_str_eq(one, tag) || weir_str_eq_c(one, "*"))
            return true;
    }
    return false;
}

static void put_fields(struct weir_buf *out, bool is_packed, struct weir_str tag)
{
    weir_buf_append_c(out, is_packed ? "Content-Encoding: gzip\r\n" : "");
    weir_buf_append_c(out, "ETag: ");
    weir_buf_append_str(out, tag);
    weir_buf_append_c(out, "\r\nVary: Accept-Encoding\r\nCache-Control: no-cache\r\n"
                           "Content-Security-Policy: ");
    weir_buf_append_c(out, weir_server_page_policy);
    weir_buf_append_c(out, "\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
                           "Cross-Origin-Opener-Policy: same-origin\r\n"
                           "Cross-Origin-Resource-Policy: same-origin\r\n"
                           "X-Frame-Options: DENY\r\n");
}

void weir_server_page_answer(struct weir_server_shard *shard, struct weir_http_req *req)
{
    struct weir_mem *mem = shard->shared->mem;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf plain = {.mem = mem};
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf fields = {.mem = mem};
    struct weir_str accept = weir_http_req_header(req, WEIR_HTTP_FIELD_ACCEPT_ENCODING);
    bool is_packed = weir_codec_coding_accepted(accept) == WEIR_CODEC_CODING_GZIP;
    char tag[TAG_BYTES];
    /* Each form has a tag of its own (RFC 9110 §8.8.3.3). */
    int n =
        snprintf(tag, sizeof tag, "\"%s%s\"", weir_server_page_digest, is_packed ? "-gzip" : "");
    weir_assert(n > 0 && n < TAG_BYTES);
    put_fields(&fields, is_packed, weir_str_make(tag, (size_t)n));
    struct weir_http_reply reply = {
        .status = 200, .content_type = "text/html; charset=utf-8", .fields = weir_buf_str(&fields)};
    struct weir_str packed =
        weir_str_make((const char *)weir_server_page_gzip, weir_server_page_gzip_bytes);
    enum weir_status status = WEIR_OK;
    if (has_tag(weir_http_req_header(req, WEIR_HTTP_FIELD_IF_NONE_MATCH),
                weir_str_make(tag, (size_t)n))) {
        reply.status = 304;
        reply.content_type = NULL;
    } else if (is_packed) {
        reply.body = packed;
    } else {
        status =
            weir_codec_inflate_all(packed, (struct weir_codec_inflate_limits){0, 0}, &plain, NULL);
        reply.owned = &plain;
    }
    struct weir_http_ticket ticket = weir_http_req_ticket(req);
    if (status != WEIR_OK || !weir_buf_ok(&plain) || !weir_buf_ok(&fields))
        (void)weir_http_reply_error(shard->loop.http, ticket, 503, 1,
                                    WEIR_STR("no memory for the answer"));
    else
        (void)weir_http_reply(shard->loop.http, ticket, &reply);
}
