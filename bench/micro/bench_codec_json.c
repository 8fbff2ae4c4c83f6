/* SPDX-License-Identifier: MIT */
/* JSON rows of numbers into a matrix: the check of the whole text, then the reading. Names carry
 * the load: rows × columns, and how many digits a number has (full: the shortest that reads back,
 * about 17; short: four, as people type them). */
#include "codec/json.h"
#include "codec/json_rows.h"
#include "codec/number.h"
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_COLUMNS = 30, N_ROWS_MAX = 256 };

struct work {
    struct weir_codec_json json;
    struct weir_str text;
    double out[N_ROWS_MAX * N_COLUMNS];
};

static uint64_t bits(double v)
{
    uint64_t u;
    memcpy(&u, &v, sizeof u);
    return u;
}

static uint64_t scan(void *arg)
{
    struct work *w = arg;
    if (weir_codec_json_scan(&w->json, w->text, NULL) != WEIR_OK)
        abort();
    return w->json.n_values;
}

static uint64_t read_rows(void *arg)
{
    struct work *w = arg;
    struct weir_codec_json_iter rows = weir_codec_json_iter(&w->json, w->json.root);
    const char *row;
    size_t n = 0;
    while (weir_codec_json_next(&rows, &row)) {
        size_t n_read;
        (void)weir_codec_json_rows_read(&w->json, weir_codec_json_rows_first(row),
                                        WEIR_CODEC_JSON_F64, w->out + n, sizeof(double), N_COLUMNS,
                                        &n_read);
        n += n_read;
    }
    return bits(w->out[0]) + bits(w->out[n - 1]) + n;
}

static uint64_t decode(void *arg)
{
    return scan(arg) + read_rows(arg);
}

/* Writes n_rows rows of numbers; the same ones in every run. */
static void write_text(struct weir_buf *buf, size_t n_rows, bool is_full)
{
    uint64_t state = 1;
    weir_buf_append_c(buf, "[");
    for (size_t i = 0; i < n_rows; i++) {
        weir_buf_append_c(buf, i ? ",[" : "[");
        for (size_t j = 0; j < N_COLUMNS; j++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            double v = (double)(state >> 11) * 0x1p-53 * 200 - 100;
            char number[40];
            size_t n = is_full ? weir_codec_number_print_f64(number, v)
                               : (size_t)snprintf(number, sizeof number, "%.4g", v);
            if (j)
                weir_buf_append_c(buf, ", ");
            weir_buf_append(buf, number, n);
        }
        weir_buf_append_c(buf, "]");
    }
    weir_buf_append_c(buf, "]");
}

static void measure(const char *digits, size_t n_rows, bool is_full)
{
    struct work *w = calloc(1, sizeof *w);
    struct weir_buf buf = WEIR_BUF_INIT;
    write_text(&buf, n_rows, is_full);
    if (!w)
        abort();
    weir_codec_json_init(&w->json, NULL, NULL);
    w->text = weir_buf_str(&buf);
    char name[64];
    (void)snprintf(name, sizeof name, "json_scan_%zux%d_%s", n_rows, N_COLUMNS, digits);
    (void)weir_bench_measure(name, scan, w, w->text.n);
    (void)snprintf(name, sizeof name, "json_rows_%zux%d_%s", n_rows, N_COLUMNS, digits);
    (void)weir_bench_measure(name, read_rows, w, w->text.n);
    (void)snprintf(name, sizeof name, "json_decode_%zux%d_%s", n_rows, N_COLUMNS, digits);
    (void)weir_bench_measure(name, decode, w, w->text.n);
    weir_codec_json_deinit(&w->json);
    weir_buf_deinit(&buf);
    free(w);
}

int main(void)
{
    for (int i = 0; i < 2; i++) {
        size_t n_rows = i ? N_ROWS_MAX : 1;
        measure("full", n_rows, true);
        measure("short", n_rows, false);
    }
    return 0;
}
