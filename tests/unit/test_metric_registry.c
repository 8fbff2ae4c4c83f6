/* SPDX-License-Identifier: MIT */
/* The page that a scrape gets: whole texts where they are short, and the format's rules by a small
 * independent parser where they are long. */
#include "metric/registry.h"
#include "test_mem.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS, DEPTH, WAIT, ROWS, UPTIME, N_FAMILIES };

static const struct weir_metric_family families[N_FAMILIES] = {
    [REQUESTS] = {"t_requests_total",
                  WEIR_METRIC_COUNTER,
                  WEIR_METRIC_UNIT_NONE,
                  "Requests answered.",
                  {"model", "code"}},
    [DEPTH] = {"t_queue_rows",
               WEIR_METRIC_GAUGE,
               WEIR_METRIC_UNIT_NONE,
               "Rows\nwaiting, with a \\.",
               {NULL}},
    [WAIT] = {"t_wait_seconds",
              WEIR_METRIC_HISTOGRAM,
              WEIR_METRIC_UNIT_SECONDS,
              "Time in the queue.",
              {"model"}},
    [ROWS] =
        {"t_batch_rows", WEIR_METRIC_HISTOGRAM, WEIR_METRIC_UNIT_NONE, "Rows of a batch.", {NULL}},
    [UPTIME] = {"t_busy_seconds_total",
                WEIR_METRIC_COUNTER,
                WEIR_METRIC_UNIT_SECONDS,
                "Time spent.",
                {NULL}},
};

static struct weir_metric_registry *make(uint32_t n_shards, uint32_t n_series_max)
{
    struct weir_metric_registry *r = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_metric_registry_new(&r, families, N_FAMILIES, n_shards, n_series_max,
                                          test_mem(), &err),
                 WEIR_OK, "%s", err.msg);
    return r;
}

static void end(struct weir_metric_registry *r, struct weir_buf *page)
{
    weir_buf_deinit(page);
    weir_metric_registry_free(r);
    cr_assert_eq(test_mem_n_live(), 0);
}

static const char *expose(struct weir_metric_registry *r, struct weir_buf *page)
{
    page->mem = test_mem();
    weir_buf_clear(page);
    weir_metric_registry_expose(r, page);
    const char *text = weir_buf_c(page);
    cr_assert_not_null(text);
    return text;
}

/* Returns the value text of a sample, "" when it is not there. */
static const char *sample(const char *page, const char *name)
{
    static char value[64];
    size_t n = strlen(name);
    value[0] = '\0';
    for (const char *at = page; (at = strstr(at, name)) != NULL; at += n) {
        if ((at == page || at[-1] == '\n') && at[n] == ' ') {
            sscanf(at + n + 1, "%63[^\n]", value);
            break;
        }
    }
    return value;
}

static const struct weir_str churn_200[] = {{"churn", 5}, {"200", 3}};
static const struct weir_str churn_500[] = {{"churn", 5}, {"500", 3}};
static const struct weir_str iris_200[] = {{"iris", 4}, {"200", 3}};

Test(metric_registry, shards_are_summed)
{
    struct weir_metric_registry *r = make(3, 100);
    struct weir_buf page = WEIR_BUF_INIT;
    for (uint32_t shard = 0; shard < 3; shard++) {
        struct weir_metric_counter *c = weir_metric_registry_counter(r, shard, REQUESTS, churn_200);
        cr_assert_eq(c, weir_metric_registry_counter(r, shard, REQUESTS, churn_200));
        weir_metric_counter_add(c, shard + 1);
        weir_metric_gauge_add(weir_metric_registry_gauge(r, shard, DEPTH, NULL), (int)shard - 2);
        weir_metric_counter_add(weir_metric_registry_counter(r, shard, UPTIME, NULL), 500000001);
        weir_metric_histogram_add(weir_metric_registry_histogram(r, shard, ROWS, NULL), 1 << shard);
    }
    weir_metric_counter_add(weir_metric_registry_counter(r, 1, REQUESTS, churn_500), 1);
    const char *text = expose(r, &page);
    cr_assert_str_eq(sample(text, "t_requests_total{model=\"churn\",code=\"200\"}"), "6");
    cr_assert_str_eq(sample(text, "t_requests_total{model=\"churn\",code=\"500\"}"), "1");
    cr_assert_str_eq(sample(text, "t_queue_rows"), "-3");
    cr_assert_str_eq(sample(text, "t_busy_seconds_total"), "1.500000003");
    cr_assert_str_eq(sample(text, "t_batch_rows_bucket{le=\"1\"}"), "1");
    cr_assert_str_eq(sample(text, "t_batch_rows_bucket{le=\"2\"}"), "2");
    cr_assert_str_eq(sample(text, "t_batch_rows_bucket{le=\"4\"}"), "3");
    cr_assert_str_eq(sample(text, "t_batch_rows_bucket{le=\"+Inf\"}"), "3");
    cr_assert_str_eq(sample(text, "t_batch_rows_sum"), "7");
    cr_assert_str_eq(sample(text, "t_batch_rows_count"), "3");
    cr_assert(strstr(text, "# HELP t_queue_rows Rows\\nwaiting, with a \\\\.\n"));
    cr_assert(strstr(text, "# TYPE t_requests_total counter\n"));
    cr_assert_null(strstr(text, "t_wait_seconds"), "a family without a series is left out");
    cr_assert_null(strstr(text, "other"));
    end(r, &page);
}

Test(metric_registry, a_bound_counts_values_equal_to_it)
{
    struct weir_metric_registry *r = make(1, 100);
    struct weir_buf page = WEIR_BUF_INIT;
    const struct weir_str model[] = {{"m", 1}};
    struct weir_metric_histogram *h = weir_metric_registry_histogram(r, 0, WAIT, model);
    weir_metric_histogram_add(h, 4096);
    weir_metric_histogram_add(h, 4097);
    weir_metric_histogram_add(h, UINT64_C(3600) * 1000000000);
    const char *text = expose(r, &page);
    cr_assert_str_eq(sample(text, "t_wait_seconds_bucket{model=\"m\",le=\"0.000004096\"}"), "1");
    cr_assert_str_eq(sample(text, "t_wait_seconds_bucket{model=\"m\",le=\"0.000008192\"}"), "2");
    cr_assert_str_eq(sample(text, "t_wait_seconds_bucket{model=\"m\",le=\"34.359738368\"}"), "2");
    cr_assert_str_eq(sample(text, "t_wait_seconds_bucket{model=\"m\",le=\"+Inf\"}"), "3");
    cr_assert_str_eq(sample(text, "t_wait_seconds_count{model=\"m\"}"), "3");
    cr_assert_str_eq(sample(text, "t_wait_seconds_sum{model=\"m\"}"), "3600.000008193");
    end(r, &page);
}

Test(metric_registry, label_values_are_escaped_and_made_utf8)
{
    struct weir_metric_registry *r = make(1, 100);
    struct weir_buf page = WEIR_BUF_INIT;
    const struct weir_str odd[] = {WEIR_STR("a\"b\\c\nd\xc3\xa9"),
                                   WEIR_STR("\xc0\xaf\xed\xa0\x80 \xf0\x9f\x8d\x83\xff")};
    weir_metric_counter_add(weir_metric_registry_counter(r, 0, REQUESTS, odd), 1);
    const char *text = expose(r, &page);
    cr_assert(
        strstr(text, "{model=\"a\\\"b\\\\c\\nd\xc3\xa9\",code=\"????? \xf0\x9f\x8d\x83?\"} 1\n"),
        "%s", text);
    end(r, &page);
}

Test(metric_registry, series_past_the_bound_count_as_other)
{
    struct weir_metric_registry *r = make(2, 5);
    struct weir_buf page = WEIR_BUF_INIT;
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%d", i);
        const struct weir_str values[] = {weir_str_c(name), WEIR_STR("200")};
        weir_metric_counter_add(weir_metric_registry_counter(r, (uint32_t)i % 2, REQUESTS, values),
                                1);
    }
    cr_assert_eq(weir_metric_registry_n_series(r), 5);
    cr_assert_eq(weir_metric_registry_n_refused(r), 15);
    const char *text = expose(r, &page);
    cr_assert_str_eq(sample(text, "t_requests_total{model=\"m4\",code=\"200\"}"), "1");
    cr_assert_str_eq(sample(text, "t_requests_total{model=\"m5\",code=\"200\"}"), "");
    cr_assert_str_eq(sample(text, "t_requests_total{model=\"other\",code=\"other\"}"), "15");
    /* A removed one makes room. */
    cr_assert_eq(weir_metric_registry_remove(r, "model", WEIR_STR("m3"), NULL, WEIR_STR("")), 1);
    const struct weir_str values[] = {WEIR_STR("m9"), WEIR_STR("200")};
    weir_metric_counter_add(weir_metric_registry_counter(r, 0, REQUESTS, values), 7);
    text = expose(r, &page);
    cr_assert_str_eq(sample(text, "t_requests_total{model=\"m3\",code=\"200\"}"), "");
    cr_assert_str_eq(sample(text, "t_requests_total{model=\"m9\",code=\"200\"}"), "7");
    end(r, &page);
}

Test(metric_registry, removing_takes_what_has_both_labels_and_nothing_else)
{
    struct weir_metric_registry *r = make(1, 100);
    struct weir_buf page = WEIR_BUF_INIT;
    const struct weir_str *const all[] = {churn_200, churn_500, iris_200};
    for (int i = 0; i < 3; i++)
        weir_metric_counter_add(weir_metric_registry_counter(r, 0, REQUESTS, all[i]), 1);
    (void)weir_metric_registry_histogram(r, 0, WAIT, churn_200);
    cr_assert_eq(
        weir_metric_registry_remove(r, "model", WEIR_STR("churn"), "code", WEIR_STR("500")), 1);
    cr_assert_eq(weir_metric_registry_n_series(r), 3);
    cr_assert_eq(weir_metric_registry_remove(r, "model", WEIR_STR("churn"), NULL, WEIR_STR("")), 2);
    weir_metric_counter_add(weir_metric_registry_counter(r, 0, REQUESTS, churn_500), 9);
    const char *text = expose(r, &page);
    cr_assert_str_eq(sample(text, "t_requests_total{model=\"churn\",code=\"200\"}"), "");
    cr_assert_str_eq(sample(text, "t_requests_total{model=\"churn\",code=\"500\"}"), "9");
    cr_assert_str_eq(sample(text, "t_requests_total{model=\"iris\",code=\"200\"}"), "1");
    end(r, &page);
}

/* Walks a page by the rules: one HELP and one TYPE before the samples of a family, families
 * together, buckets ascending in both le and count, the last +Inf and equal to the count. Returns
 * the number of samples. */
static int check_page(const char *page)
{
    int n = 0;
    char family[128] = "";
    char type[32] = "";
    char seen[4096] = "";
    double last_le = -1;
    unsigned long long last_count = 0;
    cr_assert_eq(page[strlen(page) - 1], '\n');
    for (const char *at = page; *at; at = strchr(at, '\n') + 1) {
        if (strncmp(at, "# HELP ", 7) == 0) {
            sscanf(at, "# HELP %127s", family);
            char key[130];
            snprintf(key, sizeof key, "|%s|", family);
            cr_assert_null(strstr(seen, key), "%s comes twice", family);
            size_t n_seen = strlen(seen);
            cr_assert_lt((size_t)snprintf(seen + n_seen, sizeof seen - n_seen, "%s", key),
                         sizeof seen - n_seen);
            type[0] = '\0';
            continue;
        }
        if (strncmp(at, "# TYPE ", 7) == 0) {
            char name[128];
            cr_assert_eq(sscanf(at, "# TYPE %127s %31s", name, type), 2);
            cr_assert_str_eq(name, family);
            continue;
        }
        n++;
        cr_assert_neq(type[0], '\0', "TYPE comes before the samples");
        cr_assert_eq(strncmp(at, family, strlen(family)), 0, "samples are together: %.40s", at);
        const char *rest = at + strlen(family);
        if (strcmp(type, "histogram") != 0) {
            cr_assert(*rest == ' ' || *rest == '{');
            continue;
        }
        const char *space = strstr(at, "\"} ");
        const char *value = space && space < strchr(at, '\n') ? space + 3 : strchr(at, ' ') + 1;
        unsigned long long count = strtoull(value, NULL, 10);
        const char *le = strstr(at, "le=\"");
        if (strncmp(rest, "_bucket", 7) == 0) {
            double bound = strncmp(le + 4, "+Inf", 4) == 0 ? 1e300 : strtod(le + 4, NULL);
            cr_assert_gt(bound, last_le);
            cr_assert_geq(count, last_count);
            last_le = bound;
            last_count = count;
        } else if (strncmp(rest, "_count", 6) == 0) {
            cr_assert_eq(last_le, 1e300, "+Inf is there and last");
            cr_assert_eq(count, last_count);
            last_le = -1;
            last_count = 0;
        } else {
            cr_assert_eq(strncmp(rest, "_sum", 4), 0);
        }
    }
    return n;
}

Test(metric_registry, the_page_keeps_the_rules_of_the_format)
{
    struct weir_metric_registry *r = make(2, 100);
    struct weir_buf page = WEIR_BUF_INIT;
    const struct weir_str *const all[] = {churn_200, churn_500, iris_200};
    for (int i = 0; i < 600; i++) {
        uint32_t shard = (uint32_t)i % 2;
        weir_metric_counter_add(weir_metric_registry_counter(r, shard, REQUESTS, all[i % 3]), 1);
        weir_metric_histogram_add(weir_metric_registry_histogram(r, shard, WAIT, all[i % 3]),
                                  (uint64_t)i * (uint64_t)i * 1000);
        weir_metric_histogram_add(weir_metric_registry_histogram(r, shard, ROWS, NULL),
                                  (uint64_t)i);
    }
    const char *text = expose(r, &page);
    cr_assert_eq(check_page(text), 3 + 1 + 2 * (24 + 3) + (17 + 3) + 1);
    end(r, &page);
}

struct bad_row {
    const char *label;
    struct weir_metric_family family;
};

static const struct bad_row bad_rows[] = {
    {"counter without _total", {"x", WEIR_METRIC_COUNTER, WEIR_METRIC_UNIT_NONE, "h", {NULL}}},
    {"gauge with _total", {"x_total", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE, "h", {NULL}}},
    {"no help", {"x", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE, "", {NULL}}},
    {"bad name", {"1x", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE, "h", {NULL}}},
    {"dash in name", {"x-y", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE, "h", {NULL}}},
    {"unit not named", {"x", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_SECONDS, "h", {NULL}}},
    {"bytes not named", {"x", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_BYTES, "h", {NULL}}},
    {"reserved suffix", {"x_count", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE, "h", {NULL}}},
    {"label le", {"x", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE, "h", {"le"}}},
    {"label with __", {"x", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE, "h", {"__a"}}},
    {"label twice", {"x", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE, "h", {"a", "a"}}},
    {"same as the first", {"first", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE, "h", {NULL}}},
};

ParameterizedTestParameters(metric_registry, a_bad_table_is_refused)
{
    static int indices[sizeof bad_rows / sizeof bad_rows[0]];
    for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++)
        indices[i] = (int)i;
    return cr_make_param_array(int, indices, sizeof bad_rows / sizeof bad_rows[0]);
}

ParameterizedTest(int *index, metric_registry, a_bad_table_is_refused)
{
    const struct bad_row *row = &bad_rows[*index];
    const struct weir_metric_family table[] = {
        {"first", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE, "h", {NULL}}, row->family};
    struct weir_metric_registry *r = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    cr_assert_eq(weir_metric_registry_new(&r, table, 2, 1, 10, test_mem(), &err), WEIR_ERR_INVALID,
                 "%s", row->label);
    cr_assert_null(r);
    cr_assert_neq(err.msg[0], '\0');
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(metric_registry, values_of_all_kinds_are_written_as_the_format_says)
{
    const struct weir_metric_family f = {
        "g", WEIR_METRIC_GAUGE, WEIR_METRIC_UNIT_NONE, "h", {NULL}};
    struct weir_buf out = WEIR_BUF_INIT;
    out.mem = test_mem();
    weir_metric_text_f64(&out, &f, NULL, 0.1);
    weir_metric_text_f64(&out, &f, NULL, 1.0 / 3);
    weir_metric_text_f64(&out, &f, NULL, (double)NAN);
    weir_metric_text_f64(&out, &f, NULL, (double)INFINITY);
    weir_metric_text_f64(&out, &f, NULL, -(double)INFINITY);
    weir_metric_text_i64(&out, &f, NULL, INT64_MIN);
    weir_metric_text_u64(&out, &f, NULL, UINT64_MAX);
    cr_assert_str_eq(weir_buf_c(&out), "g 0.1\ng 0.3333333333333333\ng NaN\ng +Inf\ng -Inf\n"
                                       "g -9223372036854775808\ng 18446744073709551615\n");
    weir_buf_deinit(&out);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(metric_registry, without_memory_a_series_counts_as_other)
{
    for (uint64_t n = 1;; n++) {
        struct weir_metric_registry *r = NULL;
        test_mem_fail_at(n, false);
        enum weir_status status =
            weir_metric_registry_new(&r, families, N_FAMILIES, 1, 100, test_mem(), NULL);
        struct weir_buf page = WEIR_BUF_INIT;
        if (status == WEIR_OK) {
            weir_metric_counter_add(weir_metric_registry_counter(r, 0, REQUESTS, churn_200), 3);
            weir_metric_histogram_add(weir_metric_registry_histogram(r, 0, WAIT, churn_200), 3);
        } else {
            cr_assert_eq(status, WEIR_ERR_NO_MEMORY);
        }
        bool has_failed = test_mem_has_failed();
        test_mem_fail_at(0, false);
        if (r) {
            const char *text = expose(r, &page);
            const char *mine = sample(text, "t_requests_total{model=\"churn\",code=\"200\"}");
            if (*mine == '\0')
                mine = sample(text, "t_requests_total{model=\"other\",code=\"other\"}");
            cr_assert_str_eq(mine, "3", "failing at %lu", n);
            (void)check_page(text);
        }
        end(r, &page);
        if (!has_failed) {
            cr_assert_gt(n, 10);
            break;
        }
    }
}
