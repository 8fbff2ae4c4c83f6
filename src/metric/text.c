/* SPDX-License-Identifier: MIT */
/* Numbers keep their exact value: nanoseconds are written as seconds with up to nine decimals, not
 * through a double. */
#include "metric/text.h"

#include "base/macros.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_S UINT64_C(1000000000)

/* A histogram's bounds: low, low × 2^step, … high. Powers of two are edges of every log-linear
 * histogram, so the cumulative counts are exact. */
struct bounds {
    uint32_t low_bits;
    uint32_t high_bits;
    uint32_t step;
};

static struct bounds bounds_of(enum weir_metric_unit unit)
{
    switch (unit) {
    case WEIR_METRIC_UNIT_NONE:
        return (struct bounds){0, 16, 1};
    case WEIR_METRIC_UNIT_SECONDS:
        return (struct bounds){12, 35, 1};
    case WEIR_METRIC_UNIT_BYTES:
        return (struct bounds){6, 26, 2};
    }
    return (struct bounds){0, 16, 1};
}

uint32_t weir_metric_text_n_labels(const struct weir_metric_family *f)
{
    uint32_t n = 0;
    while (n < WEIR_METRIC_LABELS_MAX && f->labels[n])
        n++;
    return n;
}

static const char *type_name(enum weir_metric_type type)
{
    switch (type) {
    case WEIR_METRIC_COUNTER:
        return "counter";
    case WEIR_METRIC_GAUGE:
        return "gauge";
    case WEIR_METRIC_HISTOGRAM:
        return "histogram";
    }
    return "untyped";
}

/* HELP escapes backslash and newline; a label value the quote as well. */
static void append_escaped(struct weir_buf *out, struct weir_str s, bool is_label)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.at[i];
        if (c == '\n') {
            weir_buf_append_c(out, "\\n");
        } else {
            if (c == '\\' || (is_label && c == '"'))
                weir_buf_append_byte(out, '\\');
            weir_buf_append_byte(out, c);
        }
    }
}

void weir_metric_text_family(struct weir_buf *out, const struct weir_metric_family *f)
{
    weir_buf_append_c(out, "# HELP ");
    weir_buf_append_c(out, f->name);
    weir_buf_append_byte(out, ' ');
    append_escaped(out, weir_str_c(f->help), false);
    weir_buf_append_c(out, "\n# TYPE ");
    weir_buf_append_c(out, f->name);
    weir_buf_append_byte(out, ' ');
    weir_buf_append_c(out, type_name(f->type));
    weir_buf_append_byte(out, '\n');
}

/* Appends v of a unit, exactly. */
static void append_value(struct weir_buf *out, enum weir_metric_unit unit, uint64_t v)
{
    uint64_t whole = unit == WEIR_METRIC_UNIT_SECONDS ? v / NS_PER_S : v;
    uint64_t part = unit == WEIR_METRIC_UNIT_SECONDS ? v % NS_PER_S : 0;
    weir_buf_append_u64(out, whole);
    if (part > 0) {
        uint32_t digits = 9;
        while (part % 10 == 0) {
            part /= 10;
            digits--;
        }
        char text[16];
        snprintf(text, sizeof text, ".%0*llu", (int)digits, (unsigned long long)part);
        weir_buf_append_c(out, text);
    }
}

/* Appends name, suffix and labels; le: NULL, "+Inf", or a bound to be written from *bound. */
static void append_name(struct weir_buf *out, const struct weir_metric_family *f,
                        const char *suffix, const struct weir_str *values, const uint64_t *bound,
                        bool is_last)
{
    weir_buf_append_c(out, f->name);
    weir_buf_append_c(out, suffix);
    uint32_t n = weir_metric_text_n_labels(f);
    char before = '{';
    for (uint32_t i = 0; i < n; i++) {
        weir_buf_append_byte(out, before);
        weir_buf_append_c(out, f->labels[i]);
        weir_buf_append_c(out, "=\"");
        append_escaped(out, values[i], true);
        weir_buf_append_byte(out, '"');
        before = ',';
    }
    if (bound || is_last) {
        weir_buf_append_byte(out, before);
        weir_buf_append_c(out, "le=\"");
        if (is_last)
            weir_buf_append_c(out, "+Inf");
        else
            append_value(out, f->unit, *bound);
        weir_buf_append_byte(out, '"');
        before = ',';
    }
    if (before == ',')
        weir_buf_append_byte(out, '}');
    weir_buf_append_byte(out, ' ');
}

void weir_metric_text_u64(struct weir_buf *out, const struct weir_metric_family *f,
                          const struct weir_str *values, uint64_t v)
{
    append_name(out, f, "", values, NULL, false);
    append_value(out, f->unit, v);
    weir_buf_append_byte(out, '\n');
}

void weir_metric_text_i64(struct weir_buf *out, const struct weir_metric_family *f,
                          const struct weir_str *values, int64_t v)
{
    append_name(out, f, "", values, NULL, false);
    if (v < 0)
        weir_buf_append_byte(out, '-');
    append_value(out, f->unit, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
    weir_buf_append_byte(out, '\n');
}

void weir_metric_text_f64(struct weir_buf *out, const struct weir_metric_family *f,
                          const struct weir_str *values, double v)
{
    append_name(out, f, "", values, NULL, false);
    if (isnan(v)) {
        weir_buf_append_c(out, "NaN");
    } else if (isinf(v)) {
        weir_buf_append_c(out, v > 0 ? "+Inf" : "-Inf");
    } else {
        char text[32];
        for (int digits = 15; digits <= 17; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, v);
            double back = strtod(text, NULL);
            if (!(back < v) && !(back > v))
                break;
        }
        weir_buf_append_c(out, text);
    }
    weir_buf_append_byte(out, '\n');
}

void weir_metric_text_histogram(struct weir_buf *out, const struct weir_metric_family *f,
                                const struct weir_str *values,
                                const struct weir_metric_histogram *h)
{
    weir_assert(f->type == WEIR_METRIC_HISTOGRAM);
    struct bounds bounds = bounds_of(f->unit);
    uint64_t n = 0;
    uint32_t i = 0;
    /* Each bucket is read once: whatever the writer does meanwhile, the counts only grow along
     * the bounds, and the count is their last. */
    for (uint32_t bits = bounds.low_bits; bits <= bounds.high_bits; bits += bounds.step) {
        uint64_t bound = UINT64_C(1) << bits;
        for (; i + 1 < h->n_buckets && weir_metric_histogram_edge(h, i) <= bound; i++)
            n += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
        append_name(out, f, "_bucket", values, &bound, false);
        weir_buf_append_u64(out, n);
        weir_buf_append_byte(out, '\n');
    }
    for (; i < h->n_buckets; i++)
        n += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
    append_name(out, f, "_bucket", values, NULL, true);
    weir_buf_append_u64(out, n);
    weir_buf_append_byte(out, '\n');
    append_name(out, f, "_sum", values, NULL, false);
    append_value(out, f->unit, atomic_load_explicit(&h->sum, memory_order_relaxed));
    weir_buf_append_byte(out, '\n');
    append_name(out, f, "_count", values, NULL, false);
    weir_buf_append_u64(out, n);
    weir_buf_append_byte(out, '\n');
}

void weir_metric_text_label(struct weir_buf *out, const char *name, struct weir_str value)
{
    weir_buf_append_c(out, name);
    weir_buf_append_c(out, "=\"");
    append_escaped(out, value, true);
    weir_buf_append_byte(out, '"');
}

void weir_metric_text_histogram_us(struct weir_buf *out, const char *name, struct weir_str labels,
                                   const double *bounds_ns, size_t n_bounds,
                                   const struct weir_metric_histogram *h)
{
    const char *comma = labels.n > 0 ? "," : "";
    uint64_t n = 0;
    uint32_t i = 0;
    /* As above: one look at each bucket. */
    for (size_t k = 0; k <= n_bounds; k++) {
        bool is_last = k == n_bounds;
        for (; i < h->n_buckets &&
               (is_last ||
                (i + 1 < h->n_buckets && (double)weir_metric_histogram_edge(h, i) <= bounds_ns[k]));
             i++)
            n += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
        weir_buf_printf(out, "%s_bucket{%.*s%sle=\"", name, (int)labels.n, labels.at, comma);
        if (is_last)
            weir_buf_append_c(out, "+Inf");
        else
            weir_buf_printf(out, "%.6g", bounds_ns[k] / 1e3);
        weir_buf_printf(out, "\"} %llu\n", (unsigned long long)n);
    }
    uint64_t sum = atomic_load_explicit(&h->sum, memory_order_relaxed);
    weir_buf_printf(out, "%s_sum{%.*s} %llu.%03llu\n", name, (int)labels.n, labels.at,
                    (unsigned long long)(sum / 1000), (unsigned long long)(sum % 1000));
    weir_buf_printf(out, "%s_count{%.*s} %llu\n", name, (int)labels.n, labels.at,
                    (unsigned long long)n);
}
