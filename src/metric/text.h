/* SPDX-License-Identifier: MIT */
/* Writing metrics as Prometheus text, version 0.0.4.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/: HELP and TYPE once for each family,
 * before its samples, all samples of a family together, every line ended by '\n'. Pure. */
#ifndef WEIR_METRIC_TEXT_H
#define WEIR_METRIC_TEXT_H

#include "base/buf.h"
#include "base/str.h"
#include "metric/histogram.h"

#include <stdbool.h>

/* The Content-Type of this text. */
#define WEIR_METRIC_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum weir_metric_type { WEIR_METRIC_COUNTER, WEIR_METRIC_GAUGE, WEIR_METRIC_HISTOGRAM };

/* What the recorded integers are; decides how they are written, and a histogram's bounds. */
enum weir_metric_unit {
    WEIR_METRIC_UNIT_NONE,    /* as they are; histogram bounds 1, 2, 4 … 65,536 */
    WEIR_METRIC_UNIT_SECONDS, /* nanoseconds, written as seconds; bounds 2^12 ns … 2^35 ns */
    WEIR_METRIC_UNIT_BYTES,   /* as they are; bounds 64, 256 … 2^26 */
};

enum { WEIR_METRIC_LABELS_MAX = 6 };

/* A family: one row of a table. */
struct weir_metric_family {
    const char *name; /* ends with the unit, counters with _total */
    enum weir_metric_type type;
    enum weir_metric_unit unit;
    const char *help;
    const char *labels[WEIR_METRIC_LABELS_MAX]; /* label names; unused ones NULL, at the end */
};

/* Returns how many labels a family has. */
uint32_t weir_metric_text_n_labels(const struct weir_metric_family *f);

/* Writes the HELP and TYPE lines. */
void weir_metric_text_family(struct weir_buf *out, const struct weir_metric_family *f);

/* Writes one sample of a counter or gauge in recorded units. values: one for each label. */
void weir_metric_text_u64(struct weir_buf *out, const struct weir_metric_family *f,
                          const struct weir_str *values, uint64_t v);
void weir_metric_text_i64(struct weir_buf *out, const struct weir_metric_family *f,
                          const struct weir_str *values, int64_t v);

/* Writes one sample of a counter or gauge as it is, whatever the unit: NaN, +Inf and -Inf too. */
void weir_metric_text_f64(struct weir_buf *out, const struct weir_metric_family *f,
                          const struct weir_str *values, double v);

/* Writes a histogram: cumulative buckets up to +Inf, _sum and _count, from one snapshot of the
 * buckets. */
void weir_metric_text_histogram(struct weir_buf *out, const struct weir_metric_family *f,
                                const struct weir_str *values,
                                const struct weir_metric_histogram *h);

/* Writes a histogram of nanoseconds in microseconds, under bounds of the caller's (ascending, in
 * nanoseconds; each counts the buckets that lie below it whole, so a bound is met to within the
 * width of one bucket) up to +Inf. name: without suffix; labels: as between the braces, empty:
 * none. The text is the format of TensorFlow Serving: bounds with six digits. */
void weir_metric_text_histogram_us(struct weir_buf *out, const char *name, struct weir_str labels,
                                   const double *bounds_ns, size_t n_bounds,
                                   const struct weir_metric_histogram *h);

/* Appends `name="value"` for the inside of braces, escaped. */
void weir_metric_text_label(struct weir_buf *out, const char *name, struct weir_str value);

#endif
