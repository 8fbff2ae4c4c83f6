/* SPDX-License-Identifier: MIT */
/* A connection's bytes through parser, router, handlers and writer, without a socket.
 *
 * Input: byte 0 is the number of cuts n (mod 16), bytes 1..n are the lengths of the pieces (taken
 * in turn, 0 means 1), the rest is what the client sends before its FIN. Invariants: what the
 * client receives and what the handlers see is the same whole, cut, and byte by byte; with waits,
 * small writes and a reset at the end every request still has one outcome (http_fake_deinit), and a
 * chunked body that our reader takes is one that llhttp takes, with the same bytes. */
#include "base/macros.h"
#include "http_fake.h"
#include "test_mem.h"

#include <llhttp.h>

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum mode { WHOLE, CUT, BYTES, SLOW };

enum { BYTES_MAX = 4096 }; /* longer streams are not sent byte by byte */

/* Small limits, so that short inputs reach them. */
static struct weir_http_options small_options(void)
{
    struct weir_http_options opts = WEIR_HTTP_OPTIONS_INIT;
    opts.conns_max = 4;
    opts.request_line_bytes_max = 64;
    opts.header_bytes_max = 256;
    opts.header_line_bytes_max = 100;
    opts.headers_max = 8;
    opts.trailer_bytes_max = 64;
    opts.trailers_max = 2;
    opts.chunk_extension_bytes_max = 16;
    opts.chunk_extensions_bytes_max = 40;
    opts.chunk_framing_bytes_max = 64;
    opts.body_bytes_max = 512;
    opts.pipeline_max = 4;
    opts.unsent_bytes_max = 2048;
    opts.unsent_bytes_resume = 512;
    opts.linger_bytes_max = 128;
    return opts;
}

/* What came of one run. */
struct outcome {
    struct weir_buf received;
    struct weir_buf log;
};

static void run(struct outcome *out, enum mode mode, const uint8_t *cuts, size_t n_cuts,
                struct weir_str stream)
{
    struct weir_http_options opts = small_options();
    struct http_fake f;
    bool is_made = http_fake_init(&f, &opts, test_mem());
    weir_assert(is_made);
    f.answers_late = true;
    f.check_views = true;
    struct http_fake_conn *c = http_fake_open(&f);
    weir_assert(c);
    if (mode == SLOW) {
        c->write_max = 7;
        c->window = 64;
    }
    size_t i = 0;
    for (size_t at = 0; at < stream.n; i++) {
        size_t n = stream.n;
        if (mode == BYTES)
            n = 1;
        else if (mode != WHOLE && n_cuts > 0)
            n = cuts[i % n_cuts] > 0 ? cuts[i % n_cuts] : 1;
        n = weir_min_size(n, stream.n - at);
        http_fake_send(c, weir_str_make(stream.at + at, n));
        at += n;
        if (mode == SLOW) {
            http_fake_wait(&f, (uint64_t)n * 100000000);
            http_fake_open_window(c, n);
        }
    }
    if (mode != SLOW)
        http_fake_eof(c);
    (void)http_fake_received(c);
    weir_buf_append_str(&out->received, weir_buf_str(&c->out));
    weir_buf_append_str(&out->log, weir_buf_str(&f.log));
    http_fake_deinit(&f);
}

static void compare(const struct outcome *a, const struct outcome *b)
{
    bool is_same_received = weir_str_eq(weir_buf_str(&a->received), weir_buf_str(&b->received));
    bool is_same_log = weir_str_eq(weir_buf_str(&a->log), weir_buf_str(&b->log));
    if (!is_same_received || !is_same_log)
        fprintf(stderr, "--- whole\n%.*s%.*s--- cut\n%.*s%.*s---\n",
                WEIR_STR_ARG(weir_buf_str(&a->received)), WEIR_STR_ARG(weir_buf_str(&a->log)),
                WEIR_STR_ARG(weir_buf_str(&b->received)), WEIR_STR_ARG(weir_buf_str(&b->log)));
    weir_assert(is_same_received);
    weir_assert(is_same_log);
}

static void outcome_deinit(struct outcome *out)
{
    weir_buf_deinit(&out->received);
    weir_buf_deinit(&out->log);
}

/* --- chunks against llhttp
 * ------------------------------------------------------------------------ */

static int on_llhttp_body(llhttp_t *parser, const char *at, size_t n)
{
    weir_buf_append(parser->data, at, n);
    return 0;
}

static int on_llhttp_complete(llhttp_t *parser WEIR_UNUSED)
{
    return HPE_PAUSED;
}

static void compare_chunks(struct weir_str stream)
{
    struct weir_http_options opts = WEIR_HTTP_OPTIONS_INIT;
    struct weir_http_chunks chunks = {0};
    enum weir_http_chunk_result result;
    enum weir_http_refusal refusal;
    struct weir_buf ours = {.mem = test_mem()};
    size_t at = 0;
    do {
        size_t used = 0;
        struct weir_str bytes = {NULL, 0};
        result = weir_http_chunk_read(&chunks, &opts, weir_str_make(stream.at + at, stream.n - at),
                                      &used, &bytes, &refusal);
        if (result == WEIR_HTTP_CHUNK_BYTES)
            weir_buf_append_str(&ours, bytes);
        at += used;
    } while (result == WEIR_HTTP_CHUNK_BYTES);
    /* llhttp reads trailers as header lines and refuses some that we drop. */
    if (result == WEIR_HTTP_CHUNK_WHOLE && chunks.n_trailers == 0) {
        static const char head[] =
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        struct weir_buf theirs = {.mem = test_mem()};
        llhttp_settings_t settings;
        llhttp_t parser;
        llhttp_settings_init(&settings);
        settings.on_body = on_llhttp_body;
        settings.on_message_complete = on_llhttp_complete;
        llhttp_init(&parser, HTTP_REQUEST, &settings);
        parser.data = &theirs;
        llhttp_errno_t error = llhttp_execute(&parser, head, sizeof head - 1);
        weir_assert(error == HPE_OK);
        error = llhttp_execute(&parser, stream.at, at);
        if (error != HPE_PAUSED)
            fprintf(stderr, "llhttp: %s\n", llhttp_errno_name(error));
        weir_assert(error == HPE_PAUSED);
        weir_assert(weir_str_eq(weir_buf_str(&ours), weir_buf_str(&theirs)));
        weir_buf_deinit(&theirs);
    }
    weir_buf_deinit(&ours);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t n_cuts = weir_min_size(data[0] % 16, size - 1);
    const uint8_t *cuts = data + 1;
    struct weir_str stream = weir_str_make((const char *)(data + 1 + n_cuts), size - 1 - n_cuts);
    /* The frames of HTTP/2 may answer pieces otherwise: fuzz_http_h2 looks at them. */
    if (weir_str_starts(stream, WEIR_STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")))
        return 0;
    struct outcome whole = {0};
    run(&whole, WHOLE, cuts, n_cuts, stream);
    for (enum mode mode = CUT; mode <= SLOW; mode++) {
        if (mode == BYTES && stream.n > BYTES_MAX)
            continue;
        struct outcome other = {0};
        run(&other, mode, cuts, n_cuts, stream);
        if (mode != SLOW)
            compare(&whole, &other);
        outcome_deinit(&other);
    }
    outcome_deinit(&whole);
    compare_chunks(stream);
    weir_assert(test_mem_n_live() == 0);
    return 0;
}
