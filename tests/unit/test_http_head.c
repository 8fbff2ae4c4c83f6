/* SPDX-License-Identifier: MIT */
/* Every kind of head that must be refused, and the near misses that must not, through a whole
 * connection: whole, cut at every byte, and byte by byte. */
#include "base/macros.h"
#include "http_fake.h"
#include "test_mem.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>

#define COUNTER(name) offsetof(struct weir_http_counters, name)
#define NONE          COUNTER(requests) /* counts always */
#define HOST          "Host: a\r\n"
#define GET           "GET /hello/a HTTP/1.1\r\n"
#define POST          "POST /echo HTTP/1.1\r\n" HOST
#define CHUNKED       POST "Transfer-Encoding: chunked\r\n\r\n"

struct row {
    const char *label;
    const char *bytes;
    int status; /* 0: no answer */
    bool is_kept;
    size_t counter;
    size_t n; /* of bytes with NUL in them; 0: strlen */
};

#define WITH_NUL(text) text, 400, false, COUNTER(bad_header), sizeof(text) - 1

static const struct row rows[] = {
    /* The request line. */
    {"plain", GET HOST "\r\n", 200, true, NONE, 0},
    {"empty lines before", "\r\n\r\n" GET HOST "\r\n", 200, true, NONE, 0},
    {"space before", " " GET HOST "\r\n", 400, false, COUNTER(bad_request_line), 0},
    {"no version", "GET /hello/a\r\n\r\n", 400, false, COUNTER(bad_request_line), 0},
    {"no version, headers", "GET /hello/a\r\n" HOST "\r\n", 400, false, COUNTER(bad_request_line),
     0},
    {"method alone", "GET\r\n\r\n", 400, false, COUNTER(bad_request_line), 0},
    {"two spaces before target", "GET  /hello/a HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"two spaces before version", "GET /hello/a  HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"space after version", "GET /hello/a HTTP/1.1 \r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"tab for space", "GET\t/hello/a HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"space in target", "GET /hello/a b HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"control in target", "GET /hello/\x01 HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"DEL in target", "GET /hello/\x7f HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"8-bit in target", "GET /hello/\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"fragment", "GET /hello/a#b HTTP/1.1\r\n" HOST "\r\n", 400, false, COUNTER(bad_request_line),
     0},
    {"fragment in query", "GET /hello/a?b#c HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"bad escape", "GET /hello/%zz HTTP/1.1\r\n" HOST "\r\n", 400, false, COUNTER(bad_request_line),
     0},
    {"cut escape", "GET /hello/%4 HTTP/1.1\r\n" HOST "\r\n", 400, false, COUNTER(bad_request_line),
     0},
    {"bad escape in query", "GET /hello/a?%g0 HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"backslash", "GET /hello\\a HTTP/1.1\r\n" HOST "\r\n", 400, false, COUNTER(bad_request_line),
     0},
    {"brackets in query", "GET /hello/a?x[]={1|2} HTTP/1.1\r\n" HOST "\r\n", 200, true, NONE, 0},
    {"target without slash", "GET hello HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"absolute", "GET http://a:80/hello/a HTTP/1.1\r\n" HOST "\r\n", 200, true, NONE, 0},
    {"absolute, https, capitals", "GET HTTPS://A/hello/a HTTP/1.1\r\n" HOST "\r\n", 200, true, NONE,
     0},
    {"absolute without path", "GET http://a HTTP/1.1\r\n" HOST "\r\n", 404, true,
     COUNTER(not_found), 0},
    {"absolute without host", "GET http:///hello/a HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"absolute with user", "GET http://u@a/hello/a HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"absolute, other scheme", "GET ftp://a/hello/a HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"absolute without Host", "GET http://a/hello/a HTTP/1.1\r\n\r\n", 400, false,
     COUNTER(bad_host), 0},
    {"absolute with two Hosts", "GET http://a/hello/a HTTP/1.1\r\n" HOST HOST "\r\n", 400, false,
     COUNTER(bad_host), 0},
    {"asterisk", "GET * HTTP/1.1\r\n" HOST "\r\n", 400, false, COUNTER(bad_request_line), 0},
    {"asterisk with OPTIONS", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 204, true,
     COUNTER(options_answered), 0},
    {"CONNECT", "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n", 501, false, COUNTER(unknown_method), 0},
    {"authority-form", "GET a:80 HTTP/1.1\r\n" HOST "\r\n", 400, false, COUNTER(bad_request_line),
     0},
    {"unknown method", "BREW /hello/a HTTP/1.1\r\n" HOST "\r\n", 501, false,
     COUNTER(unknown_method), 0},
    {"method of another protocol", "DESCRIBE /hello/a HTTP/1.1\r\n" HOST "\r\n", 501, false,
     COUNTER(unknown_method), 0},
    {"small letters", "get /hello/a HTTP/1.1\r\n" HOST "\r\n", 501, false, COUNTER(unknown_method),
     0},
    {"malformed method", "G@T /hello/a HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"TRACE", "TRACE /hello/a HTTP/1.1\r\n" HOST "\r\n", 405, true, COUNTER(method_not_allowed), 0},
    {"TRACE, no route", "TRACE /x HTTP/1.1\r\n" HOST "\r\n", 405, true, COUNTER(method_not_allowed),
     0},
    {"0.9", "GET /hello/a HTTP/0.9\r\n" HOST "\r\n", 505, false, COUNTER(unknown_version), 0},
    {"1.2", "GET /hello/a HTTP/1.2\r\n" HOST "\r\n", 505, false, COUNTER(unknown_version), 0},
    {"2.0", "GET /hello/a HTTP/2.0\r\n" HOST "\r\n", 505, false, COUNTER(unknown_version), 0},
    {"half a preface of 2", "PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n", 505, false,
     COUNTER(unknown_version), 0},
    {"10 in version", "GET /hello/a HTTP/1.10\r\n" HOST "\r\n", 505, false,
     COUNTER(unknown_version), 0},
    {"small letters in version", "GET /hello/a http/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"other protocol", "GET /hello/a ICY/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"letters in version", "GET /hello/a HTTP/1.x\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"TLS hello", "\x16\x03\x01\x02\x01\x01\r\n", 400, false, COUNTER(bad_request_line), 0},
    /* Line ends. */
    {"bare LF everywhere", "GET /hello/a HTTP/1.1\nHost: a\n\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"bare LF in headers", GET "Host: a\n\r\n", 400, false, COUNTER(bad_header), 0},
    {"bare LF at the end", GET HOST "\n", 400, false, COUNTER(bad_header), 0},
    {"bare CR in request line", "GET /hello\r/a HTTP/1.1\r\n" HOST "\r\n", 400, false,
     COUNTER(bad_request_line), 0},
    {"bare CR in value", GET HOST "X: a\rb\r\n\r\n", 400, false, COUNTER(bad_header), 0},
    {"CR CR LF", GET HOST "\r\r\n", 400, false, COUNTER(bad_header), 0},
    {"LF before", "\n" GET HOST "\r\n", 400, false, COUNTER(bad_request_line), 0},
    /* Header lines. */
    {"control in value", GET HOST "X: a\x02\r\n\r\n", 400, false, COUNTER(bad_header), 0},
    {"NUL in value", WITH_NUL(GET HOST "X: a\0b\r\n\r\n")},
    {"NUL in name", WITH_NUL(GET HOST "X\0: a\r\n\r\n")},
    {"tab and 8-bit in value", GET HOST "X: a\tb\xc3\xa9\r\n\r\n", 200, true, NONE, 0},
    {"fold", GET HOST "X: a\r\n b\r\n\r\n", 400, false, COUNTER(bad_header), 0},
    {"fold with tab", GET HOST "X: a\r\n\tb\r\n\r\n", 400, false, COUNTER(bad_header), 0},
    {"space before first field", GET " " HOST "\r\n", 400, false, COUNTER(bad_header), 0},
    {"space before colon", GET HOST "X : a\r\n\r\n", 400, false, COUNTER(bad_header), 0},
    {"space before colon of Host", GET "Host : a\r\n\r\n", 400, false, COUNTER(bad_header), 0},
    {"space before colon of a length", POST "Content-Length : 1\r\n\r\na", 400, false,
     COUNTER(bad_header), 0},
    {"empty name", GET HOST ": a\r\n\r\n", 400, false, COUNTER(bad_header), 0},
    {"no colon", GET HOST "X\r\n\r\n", 400, false, COUNTER(bad_header), 0},
    {"no token", GET HOST "X@: a\r\n\r\n", 400, false, COUNTER(bad_header), 0},
    {"8-bit name", GET HOST "X\xe9: a\r\n\r\n", 400, false, COUNTER(bad_header), 0},
    {"empty value", GET HOST "X:\r\n\r\n", 200, true, NONE, 0},
    {"blanks around value", GET "Host: \t a \t\r\n\r\n", 200, true, NONE, 0},
    /* Host. */
    {"no Host", GET "\r\n", 400, false, COUNTER(bad_host), 0},
    {"no Host on 1.0", "GET /hello/a HTTP/1.0\r\n\r\n", 200, false, NONE, 0},
    {"two lengths of the JSON",
     GET HOST "Inference-Header-Content-Length: 2\r\ninference-header-content-length: 2\r\n\r\n",
     400, false, COUNTER(bad_header), 0},
    {"two Hosts", GET HOST HOST "\r\n", 400, false, COUNTER(bad_host), 0},
    {"two Hosts on 1.0", "GET /hello/a HTTP/1.0\r\n" HOST HOST "\r\n", 400, false,
     COUNTER(bad_host), 0},
    {"empty Host", GET "Host:\r\n\r\n", 400, false, COUNTER(bad_host), 0},
    {"Host with port", GET "Host: a.b-c_d:8080\r\n\r\n", 200, true, NONE, 0},
    {"Host with empty port", GET "Host: a:\r\n\r\n", 200, true, NONE, 0},
    {"Host with large port", GET "Host: a:65536\r\n\r\n", 400, false, COUNTER(bad_host), 0},
    {"Host with letters for port", GET "Host: a:b\r\n\r\n", 400, false, COUNTER(bad_host), 0},
    {"Host with user", GET "Host: u@a\r\n\r\n", 400, false, COUNTER(bad_host), 0},
    {"Host with path", GET "Host: a/b\r\n\r\n", 400, false, COUNTER(bad_host), 0},
    {"Host with space", GET "Host: a b\r\n\r\n", 400, false, COUNTER(bad_host), 0},
    {"Host with list", GET "Host: a,b\r\n\r\n", 400, false, COUNTER(bad_host), 0},
    {"Host IPv6", GET "Host: [::1]:80\r\n\r\n", 200, true, NONE, 0},
    {"Host IPv6, open", GET "Host: [::1\r\n\r\n", 400, false, COUNTER(bad_host), 0},
    {"Host IPv6, letters", GET "Host: [::g]\r\n\r\n", 400, false, COUNTER(bad_host), 0},
    {"Host with bad escape", GET "Host: a%2\r\n\r\n", 400, false, COUNTER(bad_host), 0},
    /* Lengths. */
    {"length", POST "Content-Length: 1\r\n\r\na", 200, true, NONE, 0},
    {"length with zeros", POST "Content-Length: 0001\r\n\r\na", 200, true, NONE, 0},
    {"length empty", POST "Content-Length:\r\n\r\na", 400, false, COUNTER(bad_length), 0},
    {"length with plus", POST "Content-Length: +1\r\n\r\na", 400, false, COUNTER(bad_length), 0},
    {"length with minus", POST "Content-Length: -1\r\n\r\na", 400, false, COUNTER(bad_length), 0},
    {"length in hex", POST "Content-Length: 0x1\r\n\r\na", 400, false, COUNTER(bad_length), 0},
    {"length with space", POST "Content-Length: 1 1\r\n\r\na", 400, false, COUNTER(bad_length), 0},
    {"length list", POST "Content-Length: 1, 1\r\n\r\na", 400, false, COUNTER(bad_length), 0},
    {"length 2^63", POST "Content-Length: 9223372036854775808\r\n\r\n", 400, false,
     COUNTER(bad_length), 0},
    {"length 2^63 - 1", POST "Content-Length: 9223372036854775807\r\n\r\n", 413, false,
     COUNTER(limit_body), 0},
    {"length of 30 digits", POST "Content-Length: 100000000000000000000000000000\r\n\r\n", 400,
     false, COUNTER(bad_length), 0},
    {"two lengths", POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\na", 400, false,
     COUNTER(bad_length), 0},
    {"two equal lengths", POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400, false,
     COUNTER(bad_length), 0},
    {"length and coding", POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, false, COUNTER(bad_length), 0},
    {"coding and length", POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
     400, false, COUNTER(bad_length), 0},
    {"neither", POST "\r\n", 411, true, COUNTER(length_required), 0},
    /* Codings. */
    {"chunked", CHUNKED "0\r\n\r\n", 200, true, NONE, 0},
    {"Chunked", POST "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 200, true, NONE, 0},
    {"xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, false,
     COUNTER(bad_coding), 0},
    {"empty coding", POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n", 400, false, COUNTER(bad_coding),
     0},
    {"comma chunked", POST "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", 400, false,
     COUNTER(bad_coding), 0},
    {"chunked comma", POST "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", 400, false,
     COUNTER(bad_coding), 0},
    {"chunked twice", POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400, false,
     COUNTER(bad_coding), 0},
    {"two chunked lines",
     POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, false,
     COUNTER(bad_coding), 0},
    {"chunked with parameter", POST "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", 400, false,
     COUNTER(bad_coding), 0},
    {"chunked with VT",
     POST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n0\r\n\r\n",
     400, false, COUNTER(bad_header), 0},
    {"chunked not last", POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400, false,
     COUNTER(bad_coding), 0},
    {"gzip alone", POST "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 400, false, COUNTER(bad_coding),
     0},
    {"identity", POST "Transfer-Encoding: identity\r\n\r\n", 400, false, COUNTER(bad_coding), 0},
    {"gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, false,
     COUNTER(unknown_coding), 0},
    {"gzip and chunked on two lines",
     POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501, false,
     COUNTER(unknown_coding), 0},
    {"unknown, chunked", POST "Transfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n", 400, false,
     COUNTER(bad_coding), 0},
    {"coding on 1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     false, COUNTER(bad_coding), 0},
    /* Chunks. */
    {"chunk", CHUNKED "1\r\na\r\n0\r\n\r\n", 200, true, NONE, 0},
    {"16 digits", CHUNKED "0000000000000001\r\na\r\n0\r\n\r\n", 200, true, NONE, 0},
    {"17 digits", CHUNKED "00000000000000001\r\na\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"size empty", CHUNKED "\r\na\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"size with plus", CHUNKED "+1\r\na\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"size with minus", CHUNKED "-1\r\na\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"size with 0x", CHUNKED "0x1\r\na\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"size with underscore", CHUNKED "1_0\r\na\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"space before size", CHUNKED " 1\r\na\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"space after size", CHUNKED "1 \r\na\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"LF after size", CHUNKED "1\na\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"CR after size", CHUNKED "1\ra\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"no CRLF after data", CHUNKED "1\r\na0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"LF after data", CHUNKED "1\r\na\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"data too long", CHUNKED "1\r\nab\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"bytes after last chunk", CHUNKED "0\r\nX", 0, true, NONE, 0},
    {"LF after last chunk", CHUNKED "0\r\n\n", 400, false, COUNTER(bad_chunk), 0},
    {"semicolon alone", CHUNKED "1;\r\na\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"LF in extension", CHUNKED "1;a\nb\r\na\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"CR in extension", CHUNKED "1;a\rb\r\na\r\n0\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"LF in quoted extension", CHUNKED "1;a=\"\n\"\r\na\r\n0\r\n\r\n", 400, false,
     COUNTER(bad_chunk), 0},
    {"quoted extension", CHUNKED "1;a=\"b;\\\"c\";d=e\r\na\r\n0\r\n\r\n", 200, true, NONE, 0},
    {"trailer", CHUNKED "0\r\nX: y\r\n\r\n", 200, true, NONE, 0},
    {"trailer folded", CHUNKED "0\r\nX: y\r\n z\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"trailer without colon", CHUNKED "0\r\nX\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"trailer with space", CHUNKED "0\r\nX : y\r\n\r\n", 400, false, COUNTER(bad_chunk), 0},
    {"trailer that frames", CHUNKED "0\r\nContent-Length: 5\r\n\r\n", 200, true, NONE, 0},
    {"chunk size 2^64 - 1", CHUNKED "ffffffffffffffff\r\na", 413, false, COUNTER(limit_body), 0},
};

ParameterizedTestParameters(http_head, heads)
{
    static size_t index[WEIR_ARRAY_LEN(rows)];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, WEIR_ARRAY_LEN(rows));
}

static void check(const struct row *row, size_t cut, size_t step)
{
    static struct http_fake f;
    cr_assert(http_fake_init(&f, NULL, test_mem()));
    struct http_fake_conn *c = http_fake_open(&f);
    struct weir_str bytes = weir_str_make(row->bytes, row->n > 0 ? row->n : strlen(row->bytes));
    http_fake_send(c, weir_str_make(bytes.at, cut));
    for (size_t at = cut; at < bytes.n; at += step)
        http_fake_send(c, weir_str_make(bytes.at + at, weir_min_size(step, bytes.n - at)));
    char want[32] = "";
    if (row->status != 0)
        (void)snprintf(want, sizeof want, "HTTP/1.1 %d ", row->status);
    const char *received = http_fake_received(c);
    cr_assert_eq(strncmp(received, want, strlen(want)), 0, "%s: cut at %zu: %s", row->label, cut,
                 received);
    if (row->status == 0)
        cr_assert_str_eq(received, "");
    cr_assert_eq(!c->has_fin, row->is_kept, "%s: cut at %zu", row->label, cut);
    const char *counter = (const char *)&f.server.counters + row->counter;
    cr_assert_eq(*(const uint64_t *)(const void *)counter, 1, "%s: counter", row->label);
    if (row->status >= 400 && row->counter != COUNTER(limit_body))
        cr_assert_eq(f.log.n, 0, "%s: was dispatched", row->label);
    http_fake_deinit(&f);
    cr_assert_eq(test_mem_n_live(), 0);
}

ParameterizedTest(size_t *index, http_head, heads)
{
    const struct row *row = &rows[*index];
    size_t n = row->n > 0 ? row->n : strlen(row->bytes);
    /* The last row that has no answer yet counts its request only. */
    for (size_t cut = 0; cut <= n; cut++)
        check(row, cut, n);
    check(row, 0, 1);
}
