/* SPDX-License-Identifier: MIT */
/* The counters of made-up versions by the names of other servers; the text is read by a small
 * parser of its own. */
#include "base/macros.h"
#include "server/metrics.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_VERSIONS = 3 };

/* Two versions of "a", one of "b \"q\"". */
struct bench {
    struct weir_metric_registry *registry;
    struct weir_version versions[N_VERSIONS];
    const struct weir_version *of_a[2];
    const struct weir_version *of_b[1];
    struct weir_repo_entry models[2];
    struct weir_table table;
    struct weir_server_version_cells cells[N_VERSIONS];
    struct weir_server_metrics_source source;
    struct weir_buf out;
};

static void sum(void *ctx, const struct weir_version *version, struct weir_protocol_statistics *out)
{
    (void)ctx;
    *out = (struct weir_protocol_statistics){.success = {2, 5000000},
                                             .fail = {1, 1000},
                                             .queue = {2, 7000 * version->number},
                                             .run = {2, 1999}};
}

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof *b);
    cr_assert_eq(weir_server_metrics_new(&b->registry, 2, 1000, test_mem(), NULL), WEIR_OK);
    b->versions[0].name = b->versions[1].name = WEIR_STR("a");
    b->versions[2].name = WEIR_STR("b \"q\"");
    b->versions[0].number_text = b->versions[2].number_text = WEIR_STR("1");
    b->versions[1].number_text = WEIR_STR("2");
    b->versions[0].number = b->versions[2].number = 1;
    b->versions[1].number = 2;
    b->versions[1].load_ns = 2500000;
    b->of_a[0] = &b->versions[0];
    b->of_a[1] = &b->versions[1];
    b->of_b[0] = &b->versions[2];
    b->models[0] = (struct weir_repo_entry){
        .name = WEIR_STR("a"), .version = b->of_a[1], .versions = b->of_a, .n_versions = 2};
    b->models[1] = (struct weir_repo_entry){
        .name = WEIR_STR("b \"q\""), .version = b->of_b[0], .versions = b->of_b, .n_versions = 1};
    b->table = (struct weir_table){.models = b->models, .n_models = 2};
    for (uint32_t i = 0; i < N_VERSIONS; i++)
        weir_server_metrics_version_cells(&b->cells[i], b->registry, i % 2, &b->versions[i]);
    b->source = (struct weir_server_metrics_source){
        .registry = b->registry, .table = &b->table, .sum = sum, .mem = test_mem()};
    b->out.mem = test_mem();
}

static void bench_deinit(struct bench *b)
{
    weir_buf_deinit(&b->out);
    weir_metric_registry_free(b->registry);
    cr_assert_eq(test_mem_n_live(), 0);
}

/* Returns the value behind a name with its labels; NaN: it is not there, or twice. */
static double value_of(struct bench *b, const char *series)
{
    const char *text = weir_buf_c(&b->out);
    size_t n = strlen(series);
    double found = (double)NAN;
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        if (strncmp(line, series, n) != 0 || line[n] != ' ')
            continue;
        if (!isnan(found))
            return (double)NAN;
        found = strtod(line + n, NULL);
    }
    return found;
}

/* Checks what the text format asks for: a type before the samples of a family, which are together,
 * and no line twice. */
static void check_text(struct bench *b)
{
    char family[256] = "";
    char seen[64][64];
    size_t n_seen = 0;
    const char *text = weir_buf_c(&b->out);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        cr_assert(strchr(line, '\n'), "the last line has no end");
        if (strncmp(line, "# HELP ", 7) == 0)
            continue;
        if (strncmp(line, "# TYPE ", 7) == 0) {
            cr_assert_eq(sscanf(line, "# TYPE %255s", family), 1);
            for (size_t i = 0; i < n_seen; i++)
                cr_assert_str_neq(seen[i], family);
            cr_assert_lt(n_seen, 64);
            (void)snprintf(seen[n_seen++], sizeof seen[0], "%.63s", family);
            continue;
        }
        cr_assert_eq(strncmp(line, family, strlen(family)), 0, "%.60s is not of %s", line, family);
        size_t n = strcspn(line, "}\n");
        cr_assert_eq(line[n], '}', "%.60s", line);
    }
}

Test(server_metrics_names, triton_has_ours_by_model_and_version)
{
    struct bench b;
    bench_init(&b);
    static const int codes[] = {200, 200, 400, 503, 504, 500};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(codes); i++)
        weir_server_metrics_count_request(&b.cells[1], WEIR_PROTOCOL_V2, codes[i]);
    weir_server_metrics_count_request(&b.cells[1], WEIR_PROTOCOL_FLASK, 200);
    struct weir_batch batch = {.n_rows = 7};
    weir_server_metrics_count_batch(&b.cells[1], &batch);
    batch.is_inline = true;
    weir_server_metrics_count_batch(&b.cells[1], &batch);
    weir_server_metrics_names_triton(&b.source, &b.out);
    check_text(&b);
    static const struct {
        const char *series;
        double value;
    } rows[] = {
        {"nv_inference_request_success{model=\"a\",version=\"2\"}", 3},
        {"nv_inference_request_success{model=\"a\",version=\"1\"}", 0},
        {"nv_inference_request_success{model=\"b \\\"q\\\"\",version=\"1\"}", 0},
        {"nv_inference_request_failure{model=\"a\",version=\"2\",reason=\"REJECTED\"}", 1},
        {"nv_inference_request_failure{model=\"a\",version=\"2\",reason=\"CANCELED\"}", 0},
        {"nv_inference_request_failure{model=\"a\",version=\"2\",reason=\"BACKEND\"}", 1},
        {"nv_inference_request_failure{model=\"a\",version=\"2\",reason=\"OTHER\"}", 2},
        {"nv_inference_count{model=\"a\",version=\"2\"}", 14},
        {"nv_inference_exec_count{model=\"a\",version=\"2\"}", 2},
        {"nv_inference_request_duration_us{model=\"a\",version=\"2\"}", 5000},
        {"nv_inference_queue_duration_us{model=\"a\",version=\"2\"}", 14},
        {"nv_inference_compute_input_duration_us{model=\"a\",version=\"2\"}", 0},
        {"nv_inference_compute_infer_duration_us{model=\"a\",version=\"2\"}", 1},
        {"nv_model_load_duration_secs{model=\"a\",version=\"2\"}", 0.0025},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        cr_assert_float_eq(value_of(&b, rows[i].series), rows[i].value, 1e-12, "%s",
                           rows[i].series);
    bench_deinit(&b);
}

Test(server_metrics_names, tensorflow_serving_has_ours_by_model)
{
    struct bench b;
    bench_init(&b);
    weir_server_metrics_count_request(&b.cells[0], WEIR_PROTOCOL_TFSERVING, 200);
    weir_server_metrics_count_request(&b.cells[1], WEIR_PROTOCOL_TFSERVING, 200);
    weir_server_metrics_count_request(&b.cells[1], WEIR_PROTOCOL_V2, 404);
    weir_server_metrics_count_request(&b.cells[1], WEIR_PROTOCOL_V2, 418);
    struct weir_batch batch = {.n_rows = 7};
    weir_server_metrics_count_batch(&b.cells[0], &batch);
    weir_server_metrics_count_batch(&b.cells[2], &batch);
    weir_server_metrics_names_tfserving(&b.source, &b.out);
    check_text(&b);
    static const struct {
        const char *series;
        double value;
    } rows[] = {
        {":tensorflow:serving:request_count{model_name=\"a\",status=\"OK\"}", 2},
        {":tensorflow:serving:request_count{model_name=\"a\",status=\"NOT_FOUND\"}", 1},
        {":tensorflow:serving:request_count{model_name=\"a\",status=\"UNKNOWN\"}", 1},
        {":tensorflow:serving:request_example_count_total{model=\"a\"}", 7},
        {":tensorflow:serving:request_example_count_total{model=\"b \\\"q\\\"\"}", 7},
        {":tensorflow:serving:batching_session:wrapped_run_count{}", 2},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        cr_assert_float_eq(value_of(&b, rows[i].series), rows[i].value, 1e-12, "%s",
                           rows[i].series);
    bench_deinit(&b);
}

/* Every count lies under the first bound that is not below it by more than a bucket's width. */
Test(server_metrics_names, histograms_are_cut_again_at_tensorflow_servings_bounds)
{
    static const double bounds_us[] = {10, 18, 32.4, 58.32};
    static const char *const texts[] = {"10", "18", "32.4", "58.32", "104.976", "8.19309e+08"};
    struct bench b;
    char series[192];
    bench_init(&b);
    struct weir_metric_histogram *h = b.cells[1].stage[WEIR_SERVER_STAGE_WHOLE];
    for (uint64_t us = 1; us <= 50; us++)
        weir_metric_histogram_add(h, us * 1000);
    weir_metric_histogram_add(h, UINT64_C(1) << 40); /* above all that is told apart */
    weir_server_metrics_names_tfserving(&b.source, &b.out);
    check_text(&b);
    double last = 0;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        (void)snprintf(
            series, sizeof series,
            ":tensorflow:serving:request_latency_bucket{model_name=\"a\",API=\"predict\","
            "entrypoint=\"REST\",le=\"%s\"}",
            texts[i]);
        double n = value_of(&b, series);
        cr_assert_geq(n, last, "%s", series);
        last = n;
        if (i < WEIR_ARRAY_LEN(bounds_us)) {
            double exact = fmin(bounds_us[i], 50);
            cr_assert_leq(n, exact + 1e-9);
            cr_assert_geq(n, floor(exact * 0.75), "%s: %g", series, n);
        }
    }
    cr_assert_eq(last, 50);
    cr_assert_eq(value_of(&b, ":tensorflow:serving:request_latency_bucket{model_name=\"a\","
                              "API=\"predict\",entrypoint=\"REST\",le=\"+Inf\"}"),
                 51);
    cr_assert_eq(value_of(&b, ":tensorflow:serving:request_latency_count{model_name=\"a\","
                              "API=\"predict\",entrypoint=\"REST\"}"),
                 51);
    cr_assert_float_eq(
        value_of(&b, ":tensorflow:serving:request_latency_sum{model_name=\"a\",API=\"predict\","
                     "entrypoint=\"REST\"}"),
        1275 + 1099511627.776, 1e-3);
    bench_deinit(&b);
}

Test(server_metrics_names, a_server_without_models_has_nothing_to_tell)
{
    struct bench b;
    bench_init(&b);
    b.table.n_models = 0;
    weir_server_metrics_names_triton(&b.source, &b.out);
    cr_assert_eq(b.out.n, 0);
    weir_server_metrics_names_tfserving(&b.source, &b.out);
    check_text(&b);
    bench_deinit(&b);
}
