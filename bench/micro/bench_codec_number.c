/* SPDX-License-Identifier: MIT */
/* Reading and printing numbers, one after the other. The C library's functions stand beside for the
 * ratio. Each row: 4096 numbers of one kind. */
#include "base/macros.h"
#include "codec/number.h"
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4096 };

/* Numbers as text, one after the other, each ended by NUL. */
struct numbers {
    double values[N];
    struct weir_str texts[N];
    char bytes[N * 32];
    size_t n_bytes;
};

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* n_decimals −1: the shortest exact form. */
static void add(struct numbers *n, size_t i, double v, int n_decimals)
{
    char text[64];
    int size = n_decimals < 0 ? (int)weir_codec_number_print_f64(text, v)
                              : snprintf(text, sizeof text, "%.*f", n_decimals, v);
    weir_assert(size > 0 && size < 32);
    n->values[i] = v;
    n->texts[i] = weir_str_make(n->bytes + n->n_bytes, (size_t)size);
    memcpy(n->bytes + n->n_bytes, text, (size_t)size);
    n->bytes[n->n_bytes + (size_t)size] = 0;
    n->n_bytes += (size_t)size + 1;
}

static void fill(struct numbers *n, int n_decimals, double low, double high)
{
    uint64_t state = 1;
    n->n_bytes = 0;
    for (size_t i = 0; i < N; i++) {
        double unit = (double)(next_random(&state) >> 11) * 0x1p-53;
        add(n, i, low + unit * (high - low), n_decimals);
    }
}

static uint64_t read_f64(void *arg)
{
    const struct numbers *n = arg;
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        double v = 0;
        (void)weir_codec_number_read_f64(n->texts[i], &v);
        sum += v;
    }
    return (uint64_t)sum;
}

static uint64_t read_f32(void *arg)
{
    const struct numbers *n = arg;
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        float v = 0;
        (void)weir_codec_number_read_f32(n->texts[i], &v);
        sum += (double)v;
    }
    return (uint64_t)sum;
}

static uint64_t read_strtod(void *arg)
{
    const struct numbers *n = arg;
    double sum = 0;
    for (size_t i = 0; i < N; i++)
        sum += strtod(n->texts[i].at, NULL);
    return (uint64_t)sum;
}

static uint64_t print_f64(void *arg)
{
    const struct numbers *n = arg;
    uint64_t sum = 0;
    char out[WEIR_CODEC_NUMBER_BYTES_MAX];
    for (size_t i = 0; i < N; i++)
        sum += weir_codec_number_print_f64(out, n->values[i]) + (uint64_t)out[3];
    return sum;
}

static uint64_t print_f32(void *arg)
{
    const struct numbers *n = arg;
    uint64_t sum = 0;
    char out[WEIR_CODEC_NUMBER_BYTES_MAX];
    for (size_t i = 0; i < N; i++)
        sum += weir_codec_number_print_f32(out, (float)n->values[i]) + (uint64_t)out[3];
    return sum;
}

static uint64_t print_printf(void *arg)
{
    const struct numbers *n = arg;
    uint64_t sum = 0;
    char out[64];
    for (size_t i = 0; i < N; i++)
        sum += (uint64_t)snprintf(out, sizeof out, "%.17g", n->values[i]) + (uint64_t)out[3];
    return sum;
}

int main(void)
{
    static const struct {
        const char *label;
        int n_decimals;
        double low, high;
    } kinds[] = {
        {"short", 1, 0, 10},       {"medium", 4, -1000, 1000},
        {"shortest", -1, 0, 1},    {"shortest_wide", -1, -1e6, 1e6},
        {"decimals_17", 17, 0, 1}, {"decimals_25", 25, 0, 1},
    };
    static struct numbers n;
    char name[64];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++) {
        fill(&n, kinds[i].n_decimals, kinds[i].low, kinds[i].high);
        (void)snprintf(name, sizeof name, "number_read_f64_%s", kinds[i].label);
        (void)weir_bench_measure(name, read_f64, &n, n.n_bytes);
        (void)snprintf(name, sizeof name, "number_read_f32_%s", kinds[i].label);
        (void)weir_bench_measure(name, read_f32, &n, n.n_bytes);
        (void)snprintf(name, sizeof name, "number_strtod_%s", kinds[i].label);
        (void)weir_bench_measure(name, read_strtod, &n, n.n_bytes);
    }
    fill(&n, -1, 0, 1);
    (void)weir_bench_measure("number_print_f64_4096", print_f64, &n, 0);
    (void)weir_bench_measure("number_print_f32_4096", print_f32, &n, 0);
    (void)weir_bench_measure("number_printf_17g_4096", print_printf, &n, 0);
    return 0;
}
