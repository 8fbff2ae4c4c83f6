/* SPDX-License-Identifier: MIT */
/* The two passes over bodies as clients send them: the first alone, then both. MB/s count the
 * body's bytes once. */
#include "base/macros.h"
#include "codec/json.h"
#include "codec/json_rows.h"
#include "codec/number.h"
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct body {
    struct weir_codec_json json;
    struct weir_buf text;
    size_t n_columns;
    enum weir_codec_json_element element;
    double row[64];
};

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Makes {"features":[[…],…]}; n_decimals −1: shortest exact form. */
static void make(struct body *b, size_t n_rows, size_t n_columns, int n_decimals,
                 const char *separator)
{
    uint64_t state = 7;
    b->n_columns = n_columns;
    weir_buf_clear(&b->text);
    weir_buf_append_c(&b->text, "{\"features\":[");
    for (size_t row = 0; row < n_rows; row++) {
        weir_buf_append_c(&b->text, row ? separator : "");
        weir_buf_append_byte(&b->text, '[');
        for (size_t i = 0; i < n_columns; i++) {
            double v = (double)(next_random(&state) >> 11) * 0x1p-53;
            char number[64];
            size_t n = n_decimals < 0
                           ? weir_codec_number_print_f64(number, v)
                           : (size_t)snprintf(number, sizeof number, "%.*f", n_decimals, v * 100);
            weir_buf_append_c(&b->text, i ? separator : "");
            weir_buf_append(&b->text, number, n);
        }
        weir_buf_append_byte(&b->text, ']');
    }
    weir_buf_append_c(&b->text, "]}");
}

static uint64_t scan(void *arg)
{
    struct body *b = arg;
    if (weir_codec_json_scan(&b->json, weir_buf_str(&b->text), NULL) != WEIR_OK)
        abort();
    return b->json.n_values;
}

static uint64_t scan_and_read(void *arg)
{
    struct body *b = arg;
    uint64_t sum = scan(b);
    struct weir_codec_json_iter it = weir_codec_json_iter(&b->json, b->json.root);
    struct weir_str name;
    const char *rows;
    if (!weir_codec_json_next_member(&it, &name, &rows))
        abort();
    const char *at = weir_codec_json_rows_first(rows);
    while (*at == '[') {
        size_t n;
        at = weir_codec_json_rows_read(&b->json, weir_codec_json_rows_first(at), b->element, b->row,
                                       sizeof(double), b->n_columns, &n);
        if (n != b->n_columns || *at != ']')
            abort();
        sum += (uint64_t)b->row[n - 1];
        at = weir_codec_json_rows_after(at + 1);
    }
    return sum;
}

int main(void)
{
    static const struct {
        const char *label;
        size_t n_rows;
        int n_decimals;
        const char *separator;
    } bodies[] = {
        {"1x30_short", 1, 2, ", "},        {"1x30_exact", 1, -1, ", "},
        {"1000x30_short", 1000, 1, ","},   {"1000x30_medium", 1000, 4, ", "},
        {"1000x30_exact", 1000, -1, ", "},
    };
    static struct body b;
    weir_codec_json_init(&b.json, NULL, NULL);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bodies); i++) {
        char name[64];
        make(&b, bodies[i].n_rows, 30, bodies[i].n_decimals, bodies[i].separator);
        (void)snprintf(name, sizeof name, "json_scan_%s", bodies[i].label);
        (void)weir_bench_measure(name, scan, &b, b.text.n);
        b.element = WEIR_CODEC_JSON_F64;
        (void)snprintf(name, sizeof name, "json_decode_f64_%s", bodies[i].label);
        (void)weir_bench_measure(name, scan_and_read, &b, b.text.n);
        b.element = WEIR_CODEC_JSON_F32;
        (void)snprintf(name, sizeof name, "json_decode_f32_%s", bodies[i].label);
        (void)weir_bench_measure(name, scan_and_read, &b, b.text.n);
    }
    weir_codec_json_deinit(&b.json);
    weir_buf_deinit(&b.text);
    return 0;
}
