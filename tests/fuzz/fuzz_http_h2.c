/* SPDX-License-Identifier: MIT */
/* The frames of an HTTP/2 connection through meter, nghttp2, router, handlers and writer, without a
 * socket.
 *
 * Input: byte 0 is the number of cuts n (mod 16), bytes 1..n are the lengths of the pieces (taken
 * in turn, 0 means 1), the rest is what the client sends behind the preface. Invariants: whatever
 * is sent and however it is cut, small writes, waits and a reset included, every request has one
 * outcome and nothing that was counted is left (http_fake_deinit). */
#include "base/macros.h"
#include "http_fake.h"
#include "test_mem.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum mode { WHOLE, CUT, BYTES, SLOW };

enum { BYTES_MAX = 4096 };

/* Small limits, so that short inputs reach them. */
static struct weir_http_options small_options(void)
{
    struct weir_http_options opts = WEIR_HTTP_OPTIONS_INIT;
    opts.conns_max = 4;
    opts.request_line_bytes_max = 64;
    opts.header_bytes_max = 512;
    opts.header_line_bytes_max = 100;
    opts.headers_max = 8;
    opts.trailer_bytes_max = 128;
    opts.trailers_max = 2;
    opts.body_bytes_max = 512;
    opts.unsent_bytes_max = 2048;
    opts.unsent_bytes_resume = 512;
    opts.linger_bytes_max = 128;
    opts.h2_streams_max = 8;
    opts.h2_window_bytes = 1024;
    opts.h2_window_bytes_max = 2048;
    opts.h2_conn_window_bytes = 65535;
    opts.h2_resets_max = 8;
    opts.h2_glitches_max = 32;
    opts.h2_continuations_max = 2;
    return opts;
}

static void run(enum mode mode, const uint8_t *cuts, size_t n_cuts, struct weir_str stream)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    struct weir_http_options opts = small_options();
    struct http_fake f;
    bool is_made = http_fake_init(&f, &opts, test_mem());
    weir_assert(is_made);
    f.answers_late = true;
    struct http_fake_conn *c = http_fake_open(&f);
    weir_assert(c);
    if (mode == SLOW) {
        c->write_max = 7;
        c->window = 64;
    }
    http_fake_send(c, weir_str_make(preface, sizeof preface - 1));
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
    http_fake_deinit(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t n_cuts = weir_min_size(data[0] % 16, size - 1);
    struct weir_str stream = weir_str_make((const char *)(data + 1 + n_cuts), size - 1 - n_cuts);
    for (enum mode mode = WHOLE; mode <= SLOW; mode++)
        if (mode != BYTES || stream.n <= BYTES_MAX)
            run(mode, data + 1, n_cuts, stream);
    weir_assert(test_mem_n_live() == 0);
    return 0;
}
