/* SPDX-License-Identifier: MIT */
#include "cli/bench_report.h"

#include "base/clock.h"
#include "base/macros.h"
#include "codec/json.h"

#include <stdio.h>

enum { TIME_BYTES = 24, NAME_WIDTH = 24 };

static const char *const ratio_names[] = {
#define RATIO_NAME(code, name) name,
    WEIR_CLI_BENCH_RATIO_MAP(RATIO_NAME)
#undef RATIO_NAME
};

_Static_assert(WEIR_ARRAY_LEN(ratio_names) == WEIR_CLI_BENCH_RATIO_N, "one row for each");

static const struct {
    const char *name;
    double share;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};

static double rate_of(const struct weir_cli_bench_tally *t)
{
    double seconds = (double)t->elapsed_ns / (double)WEIR_NS_PER_S;
    return seconds > 0 ? (double)weir_metric_histogram_count(&t->latency) / seconds : 0;
}

static double cpu_of(const struct weir_cli_bench_tally *t, uint64_t cpu_ns)
{
    uint64_t n = weir_metric_histogram_count(&t->latency);
    return n > 0 ? (double)cpu_ns / (double)n : 0;
}

struct weir_cli_bench_figures weir_cli_bench_report_figures(const struct weir_cli_bench_tally *t,
                                                            uint64_t cpu_ns)
{
    struct weir_cli_bench_figures f;
    f.values[WEIR_CLI_BENCH_RATIO_P50] = (double)weir_metric_histogram_quantile(&t->latency, 0.5);
    f.values[WEIR_CLI_BENCH_RATIO_P90] = (double)weir_metric_histogram_quantile(&t->latency, 0.9);
    f.values[WEIR_CLI_BENCH_RATIO_P99] = (double)weir_metric_histogram_quantile(&t->latency, 0.99);
    f.values[WEIR_CLI_BENCH_RATIO_P999] =
        (double)weir_metric_histogram_quantile(&t->latency, 0.999);
    f.values[WEIR_CLI_BENCH_RATIO_SERVICE_P50] =
        (double)weir_metric_histogram_quantile(&t->service, 0.5);
    f.values[WEIR_CLI_BENCH_RATIO_RATE] = rate_of(t);
    f.values[WEIR_CLI_BENCH_RATIO_CPU] = cpu_of(t, cpu_ns);
    return f;
}

uint64_t weir_cli_bench_report_failed(const struct weir_cli_bench_report *r)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < r->n_sides; i++)
        n += weir_cli_bench_tally_failed(&r->sides[i].tally);
    return n;
}

/* Three significant digits with a unit: "87.1 us", "1.25 ms". */
static const char *time_text(double ns, char out[TIME_BYTES])
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    size_t unit = 0;
    while (ns >= 999.5 && unit + 1 < WEIR_ARRAY_LEN(units)) {
        ns /= 1000;
        unit++;
    }
    int decimals = unit == 0 || ns >= 99.95 ? 0 : ns >= 9.995 ? 1 : 2;
    (void)snprintf(out, TIME_BYTES, "%.*f %s", decimals, ns, units[unit]);
    return out;
}

static void put_side_text(const struct weir_cli_bench_side *s, struct weir_buf *out)
{
    const struct weir_cli_bench_tally *t = &s->tally;
    char text[TIME_BYTES];
    uint64_t wrong = t->n[WEIR_CLI_BENCH_WRONG] + t->n[WEIR_CLI_BENCH_UNKNOWN];
    weir_buf_printf(out, "%-*.*s %10llu %10.1f %7llu %6llu", NAME_WIDTH, NAME_WIDTH, s->name,
                    (unsigned long long)weir_cli_bench_tally_total(t), rate_of(t),
                    (unsigned long long)(weir_cli_bench_tally_failed(t) - wrong),
                    (unsigned long long)wrong);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(quantiles); i++)
        weir_buf_printf(
            out, " %9s",
            time_text((double)weir_metric_histogram_quantile(&t->latency, quantiles[i].share),
                      text));
    weir_buf_printf(out, " %9s", time_text((double)weir_metric_histogram_max(&t->latency), text));
    weir_buf_printf(out, " %9s", s->cpu_ns ? time_text(cpu_of(t, s->cpu_ns), text) : "-");
    weir_buf_append_byte(out, '\n');
}

static void put_outcomes_text(const struct weir_cli_bench_side *s, struct weir_buf *out)
{
    for (size_t i = 0; i < WEIR_CLI_BENCH_OUTCOME_N; i++) {
        if (i == WEIR_CLI_BENCH_OK || s->tally.n[i] == 0)
            continue;
        weir_buf_printf(out, "%s: %llu %s\n", s->name, (unsigned long long)s->tally.n[i],
                        weir_cli_bench_outcome_text((enum weir_cli_bench_outcome)i));
    }
}

static void put_ratios_text(const struct weir_cli_bench_report *r, struct weir_buf *out)
{
    weir_buf_printf(out, "\n%s / %s, median of %u pairs [least ... most]:\n", r->sides[1].name,
                    r->sides[0].name, r->n_pairs);
    for (size_t i = 0; i < WEIR_CLI_BENCH_RATIO_N; i++) {
        if (r->has_ratio[i])
            weir_buf_printf(out, "  %-12s %.3f  [%.3f ... %.3f]\n", ratio_names[i],
                            r->ratios[i].median, r->ratios[i].min, r->ratios[i].max);
    }
}

static void put_load_text(const struct weir_cli_bench_report *r, struct weir_buf *out)
{
    if (r->rate > 0)
        weir_buf_printf(out, "open loop, %g requests/s (%s), ", r->rate,
                        r->is_poisson ? "poisson" : "fixed");
    else
        weir_buf_append_c(out, "closed loop, ");
    if (r->peak > 0)
        weir_buf_printf(out, "%.0f %% of the peak of %.0f/s, ", r->rate / r->peak * 100, r->peak);
    weir_buf_printf(out, "%u connections, %.1f s", r->n_connections,
                    (double)(r->sides[0].tally.elapsed_ns + r->sides[1].tally.elapsed_ns) /
                        (double)WEIR_NS_PER_S);
    if (r->n_features > 0)
        weir_buf_printf(out, ", %zu row%s of %zu features a request", r->n_rows,
                        r->n_rows == 1 ? "" : "s", r->n_features);
    weir_buf_append_byte(out, '\n');
}

void weir_cli_bench_report_text(const struct weir_cli_bench_report *r, struct weir_buf *out)
{
    put_load_text(r, out);
    weir_buf_printf(out, "\n%-*s %10s %10s %7s %6s %9s %9s %9s %9s %9s %9s\n", NAME_WIDTH, "",
                    "requests", "ok/s", "failed", "wrong", "p50", "p90", "p99", "p99.9", "max",
                    "cpu/req");
    for (unsigned i = 0; i < r->n_sides; i++)
        put_side_text(&r->sides[i], out);
    for (unsigned i = 0; i < r->n_sides; i++)
        put_outcomes_text(&r->sides[i], out);
    if (r->first_wrong)
        weir_buf_printf(out, "first wrong answer: %s\n", r->first_wrong);
    if (r->n_sides == 2)
        put_ratios_text(r, out);
    if (r->has_swaps)
        weir_buf_printf(out, "\n%llu swaps, the answering file changed %llu times\n",
                        (unsigned long long)r->n_swaps, (unsigned long long)r->n_seen);
    for (unsigned i = 0; i < r->n_sides; i++) {
        const struct weir_cli_bench_side *s = &r->sides[i];
        if (s->rss_before > 0)
            weir_buf_printf(out, "server memory (%s): %.2f MiB before, %.2f MiB after\n", s->name,
                            (double)s->rss_before / 1048576, (double)s->rss_after / 1048576);
    }
}

static void put_latency_json(const char *name, const struct weir_metric_histogram *h,
                             struct weir_buf *out)
{
    weir_buf_printf(out, ",\"%s\":{", name);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(quantiles); i++)
        weir_buf_printf(out, "\"%s\":%.3f,", quantiles[i].name,
                        (double)weir_metric_histogram_quantile(h, quantiles[i].share) / 1e3);
    weir_buf_printf(out, "\"min\":%.3f,\"mean\":%.3f,\"max\":%.3f}",
                    (double)weir_metric_histogram_min(h) / 1e3, weir_metric_histogram_mean(h) / 1e3,
                    (double)weir_metric_histogram_max(h) / 1e3);
}

static void put_side_json(const struct weir_cli_bench_side *s, struct weir_buf *out)
{
    const struct weir_cli_bench_tally *t = &s->tally;
    uint64_t wrong = t->n[WEIR_CLI_BENCH_WRONG] + t->n[WEIR_CLI_BENCH_UNKNOWN];
    weir_buf_append_c(out, "{\"name\":");
    weir_codec_json_append_text(out, weir_str_c(s->name));
    weir_buf_printf(out,
                    ",\"requests\":%llu,\"ok\":%llu,\"failed\":%llu,\"wrong\":%llu,"
                    "\"seconds\":%.3f,\"ok_per_second\":%.1f,\"reconnects\":%llu,"
                    "\"body_bytes\":%llu",
                    (unsigned long long)weir_cli_bench_tally_total(t),
                    (unsigned long long)t->n[WEIR_CLI_BENCH_OK],
                    (unsigned long long)(weir_cli_bench_tally_failed(t) - wrong),
                    (unsigned long long)wrong, (double)t->elapsed_ns / (double)WEIR_NS_PER_S,
                    rate_of(t), (unsigned long long)t->n_reconnects, (unsigned long long)t->bytes);
    put_latency_json("latency_us", &t->latency, out);
    put_latency_json("service_us", &t->service, out);
    weir_buf_append_c(out, ",\"outcomes\":{");
    for (size_t i = 0; i < WEIR_CLI_BENCH_OUTCOME_N; i++)
        weir_buf_printf(out, "%s\"%s\":%llu", i ? "," : "",
                        weir_cli_bench_outcome_name((enum weir_cli_bench_outcome)i),
                        (unsigned long long)t->n[i]);
    weir_buf_append_byte(out, '}');
    if (s->cpu_ns > 0)
        weir_buf_printf(out, ",\"cpu_us_per_request\":%.3f", cpu_of(t, s->cpu_ns) / 1e3);
    if (s->rss_before > 0)
        weir_buf_printf(out, ",\"rss_bytes\":{\"before\":%llu,\"after\":%llu}",
                        (unsigned long long)s->rss_before, (unsigned long long)s->rss_after);
    weir_buf_append_byte(out, '}');
}

void weir_cli_bench_report_json(const struct weir_cli_bench_report *r, struct weir_buf *out)
{
    weir_buf_printf(
        out,
        "{\"loop\":\"%s\",\"rate\":%.3f,\"peak\":%.3f,\"arrivals\":\"%s\",\"connections\":%u,"
        "\"rows\":%zu,\"features\":%zu,\"seed\":%llu,\"sides\":[",
        r->rate > 0 ? "open" : "closed", r->rate, r->peak,
        r->rate > 0 ? (r->is_poisson ? "poisson" : "fixed") : "closed", r->n_connections, r->n_rows,
        r->n_features, (unsigned long long)r->seed);
    for (unsigned i = 0; i < r->n_sides; i++) {
        if (i > 0)
            weir_buf_append_byte(out, ',');
        put_side_json(&r->sides[i], out);
    }
    weir_buf_append_byte(out, ']');
    if (r->n_sides == 2) {
        weir_buf_printf(out, ",\"pairs\":%u,\"ratios\":{", r->n_pairs);
        bool is_first = true;
        for (size_t i = 0; i < WEIR_CLI_BENCH_RATIO_N; i++) {
            if (!r->has_ratio[i])
                continue;
            weir_buf_printf(out, "%s\"%s\":{\"median\":%.4f,\"min\":%.4f,\"max\":%.4f}",
                            is_first ? "" : ",", ratio_names[i], r->ratios[i].median,
                            r->ratios[i].min, r->ratios[i].max);
            is_first = false;
        }
        weir_buf_append_byte(out, '}');
    }
    if (r->has_swaps)
        weir_buf_printf(out, ",\"swaps\":%llu,\"changes_seen\":%llu",
                        (unsigned long long)r->n_swaps, (unsigned long long)r->n_seen);
    if (r->first_wrong) {
        weir_buf_append_c(out, ",\"first_wrong\":");
        weir_codec_json_append_text(out, weir_str_c(r->first_wrong));
    }
    weir_buf_append_c(out, "}\n");
}
