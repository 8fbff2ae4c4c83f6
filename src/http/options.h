/* SPDX-License-Identifier: MIT */
/* The limits of the protocol side and the counters of what they refused: one row each.
 * Durations are nanoseconds, sizes bytes. */
#ifndef WEIR_HTTP_OPTIONS_H
#define WEIR_HTTP_OPTIONS_H

#include <stdint.h>

/* field, default, help. */
#define WEIR_HTTP_OPTIONS(X)                                                                       \
    X(conns_max, 4096, "connections in all; more wait in the backlog")                             \
    X(conns_are_apart, 0,                                                                          \
      "1: conns_max is this server's own, whatever others of the process hold")                    \
    X(conns_per_address_max, 512, "connections of one client address; more get 429")               \
    X(local_is_exempt, 0, "1: the two limits above do not count loopback and Unix sockets")        \
    X(first_byte_ns_max, 15000000000, "wait for the first byte of a new connection")               \
    X(idle_ns_max, 75000000000, "wait for the next request on a kept connection")                  \
    X(head_ns_max, 10000000000, "time for a whole head, from its first byte")                      \
    X(body_ns_max, 120000000000, "time for a whole body, from the end of its head")                \
    X(body_rate_bytes_min, 1024, "body bytes a second, over any body_rate_ns")                     \
    X(body_rate_ns, 10000000000, "the span over which body_rate_bytes_min is measured")            \
    X(write_ns_max, 30000000000, "time without any progress in writing")                           \
    X(unsent_bytes_max, 1048576, "unsent answer bytes of a connection that stop its reading")      \
    X(unsent_bytes_resume, 262144, "unsent answer bytes at which reading goes on")                 \
    X(pipeline_max, 32, "unanswered requests of a connection that stop its reading")               \
    X(conn_requests_max, 10000, "requests of a connection; the last answer closes it")             \
    X(conn_age_ns_max, 3600000000000, "age of a connection, varied by 10 %; then as above")        \
    X(request_line_bytes_max, 8192, "request line without its line end")                           \
    X(header_bytes_max, 32768, "all header lines with their line ends")                            \
    X(header_line_bytes_max, 8192, "one header line without its line end")                         \
    X(headers_max, 100, "header lines")                                                            \
    X(trailer_bytes_max, 4096, "all trailer lines with their line ends")                           \
    X(trailers_max, 32, "trailer lines")                                                           \
    X(chunk_extension_bytes_max, 256, "extension bytes of one chunk")                              \
    X(chunk_extensions_bytes_max, 4096, "extension bytes of all chunks of a body")                 \
    X(chunk_framing_bytes_max, 65536, "chunk lines of a body, beyond the size of the body itself") \
    X(body_bytes_max, 16777216, "body as it comes over the wire")                                  \
    X(leading_crlf_bytes_max, 64, "empty lines before a request line")                             \
    X(h2_streams_max, 100, "open streams of an HTTP/2 connection; more are refused")               \
    X(h2_window_bytes, 65536, "bytes of a body that may come before any was taken")                \
    X(h2_window_bytes_max, 1048576, "the same for bodies that have shown to be long")              \
    X(h2_conn_window_bytes, 1048576, "the same for all bodies of a connection together")           \
    X(h2_continuations_max, 8, "CONTINUATION frames of a header block")                            \
    X(h2_resets_max, 100, "streams ended early at once; half a one is forgiven for each answer")   \
    X(h2_resets_per_s, 33, "streams ended early in a second, beyond that")                         \
    X(h2_glitches_max, 1000, "frames at once that carry nothing; others make up for some")         \
    X(h2_glitches_per_s, 33, "frames that carry nothing in a second, beyond that")                 \
    X(linger_ns_max, 2000000000, "wait for the peer to close after the last answer")               \
    X(linger_bytes_max, 65536, "bytes thrown away while waiting for that")                         \
    X(buffered_bytes_max, 1073741824, "bytes buffered for requests and answers in all")            \
    X(keep_alive_percent, 85, "share of buffered_bytes_max from which answers end connections")    \
    X(accepts_per_tick_max, 64, "connections accepted in one loop iteration")                      \
    X(target_bytes_kept, 256, "bytes of method and path kept for the done hook")

/* Every limit; see the table. Set at init, constant after. */
struct weir_http_options {
#define WEIR_HTTP_OPTION_FIELD(name, value, help) uint64_t name;
    WEIR_HTTP_OPTIONS(WEIR_HTTP_OPTION_FIELD)
#undef WEIR_HTTP_OPTION_FIELD
};

#define WEIR_HTTP_OPTION_INIT(name, value, help) .name = (value),
#define WEIR_HTTP_OPTIONS_INIT                   \
    {                                            \
        WEIR_HTTP_OPTIONS(WEIR_HTTP_OPTION_INIT) \
    }

/* name, help. requests = answers_sent + answers_lost + what is outstanding, exactly. */
#define WEIR_HTTP_COUNTERS(X)                                                         \
    X(conns_accepted, "connections taken")                                            \
    X(conns_closed, "connections ended")                                              \
    X(conns_reset_by_peer, "connections that broke")                                  \
    X(conns_half_closed, "connections whose client sent FIN while answers were due")  \
    X(conns_failed, "connections that found no memory or descriptor")                 \
    X(accept_paused, "times accepting stopped at conns_max")                          \
    X(limit_conns_per_address, "connections refused: conns_per_address_max")          \
    X(requests, "requests that began an answer, refused ones too")                    \
    X(answers_sent, "answers written whole")                                          \
    X(answers_lost, "answers whose connection ended first")                           \
    X(answers_1xx, "100 Continue sent")                                               \
    X(answers_2xx, "answers 200-299")                                                 \
    X(answers_3xx, "answers 300-399")                                                 \
    X(answers_4xx, "answers 400-499")                                                 \
    X(answers_5xx, "answers 500-599")                                                 \
    X(bytes_in, "bytes read")                                                         \
    X(bytes_out, "bytes written")                                                     \
    X(body_bytes_copied, "body bytes copied from one buffer to another")              \
    X(timeout_first_byte, "connections closed: first_byte_ns_max")                    \
    X(timeout_idle, "connections closed: idle_ns_max")                                \
    X(timeout_head, "408: head_ns_max")                                               \
    X(timeout_body, "408: body_ns_max")                                               \
    X(timeout_body_rate, "408: body_rate_bytes_min")                                  \
    X(timeout_write, "connections reset: write_ns_max")                               \
    X(timeout_linger, "connections closed: linger_ns_max or linger_bytes_max")        \
    X(limit_unsent, "times reading stopped: unsent_bytes_max")                        \
    X(limit_pipeline, "times reading stopped: pipeline_max")                          \
    X(limit_conn_requests, "connections ended: conn_requests_max")                    \
    X(limit_conn_age, "connections ended: conn_age_ns_max")                           \
    X(limit_request_line, "414: request_line_bytes_max")                              \
    X(limit_header_bytes, "431: header_bytes_max")                                    \
    X(limit_header_line, "431: header_line_bytes_max")                                \
    X(limit_headers, "431: headers_max")                                              \
    X(limit_trailer_bytes, "431: trailer_bytes_max")                                  \
    X(limit_trailers, "431: trailers_max")                                            \
    X(limit_chunk_extension, "400: chunk_extension(s)_bytes_max")                     \
    X(limit_chunk_framing, "400: chunk_framing_bytes_max")                            \
    X(limit_body, "413: body_bytes_max")                                              \
    X(limit_leading_crlf, "400: leading_crlf_bytes_max")                              \
    X(shed_keep_alive, "connections ended: keep_alive_percent of buffered_bytes_max") \
    X(limit_buffered, "503: buffered_bytes_max or no memory")                         \
    X(bad_request_line, "400: request line, method or target malformed")              \
    X(bad_header, "400: header line malformed")                                       \
    X(bad_host, "400: Host missing, twice or invalid")                                \
    X(bad_length, "400: Content-Length or its combination with Transfer-Encoding")    \
    X(bad_coding, "400: Transfer-Encoding")                                           \
    X(bad_chunk, "400: chunk framing")                                                \
    X(unknown_coding, "501: transfer coding other than chunked")                      \
    X(unknown_method, "501: method we do not know, CONNECT")                          \
    X(unknown_version, "505: neither HTTP/1.0 nor HTTP/1.1")                          \
    X(unknown_expectation, "417: Expect other than 100-continue")                     \
    X(length_required, "411: POST with neither length nor coding")                    \
    X(not_found, "404: no route")                                                     \
    X(method_not_allowed, "405: route without that method")                           \
    X(options_answered, "204: OPTIONS")                                               \
    X(conns_http2, "connections that spoke HTTP/2")                                   \
    X(bad_h2_message, "HTTP/2 streams reset: malformed request")                      \
    X(h2_streams_reset, "HTTP/2 streams that ended without a whole answer")           \
    X(limit_h2_resets, "HTTP/2 connections ended: h2_resets_max")                     \
    X(limit_h2_glitches, "HTTP/2 connections ended: h2_glitches_max")                 \
    X(limit_h2_continuations, "HTTP/2 connections ended: h2_continuations_max")       \
    X(cut_head, "connections that ended inside a head")                               \
    X(cut_body, "connections that ended inside a body")

/* Written by the loop's thread only; others may read single values relaxed. */
struct weir_http_counters {
#define WEIR_HTTP_COUNTER_FIELD(name, help) uint64_t name;
    WEIR_HTTP_COUNTERS(WEIR_HTTP_COUNTER_FIELD)
#undef WEIR_HTTP_COUNTER_FIELD
};

#endif
