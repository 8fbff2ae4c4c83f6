/* SPDX-License-Identifier: MIT */
#include "cli/bench_request.h"

#include "base/macros.h"
#include "base/mem.h"
#include "cli/bench_plan.h"
#include "codec/number.h"

#include <math.h>
#include <stdio.h>

bool weir_cli_bench_url_is(const char *text)
{
    struct weir_str s = weir_str_c(text);
    struct weir_str rest = s;
    struct weir_str host = weir_str_split(&rest, '/');
    struct weir_addr_target addr;
    return weir_str_starts(s, WEIR_STR("http://")) || weir_str_starts(s, WEIR_STR("https://")) ||
           weir_str_starts(s, WEIR_STR("unix:")) || weir_addr_parse(&addr, host, NULL) == WEIR_OK;
}

enum weir_status weir_cli_bench_url_parse(struct weir_cli_bench_url *out, const char *text,
                                          struct weir_error *err)
{
    struct weir_cli_bench_url url = {.path = WEIR_STR("")};
    struct weir_str rest = weir_str_c(text);
    if (weir_str_starts(rest, WEIR_STR("https://")))
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "https is not supported here");
    if (!weir_str_starts(rest, WEIR_STR("unix:"))) {
        if (weir_str_starts(rest, WEIR_STR("http://"))) {
            rest.at += 7;
            rest.n -= 7;
        }
        const char *slash = rest.at && rest.n ? memchr(rest.at, '/', rest.n) : NULL;
        if (slash) {
            url.path = weir_str_make(slash, (size_t)(rest.at + rest.n - slash));
            rest.n = (size_t)(slash - rest.at);
        }
    }
    for (size_t i = 0; i < url.path.n; i++) {
        if ((unsigned char)url.path.at[i] <= ' ')
            return weir_error_set(err, WEIR_ERR_INVALID, "a space or control byte in the path");
    }
    enum weir_status status = weir_addr_parse(&url.addr, rest, err);
    if (status != WEIR_OK)
        return status;
    if (url.addr.addr.kind == WEIR_ADDR_UNIX)
        (void)snprintf(url.host, sizeof url.host, "localhost");
    else
        (void)snprintf(url.host, sizeof url.host, "%.*s", WEIR_STR_ARG(rest));
    *out = url;
    return WEIR_OK;
}

static void put_head(struct weir_buf *out, const char *method, const struct weir_cli_bench_url *url,
                     struct weir_str path)
{
    weir_buf_printf(out, "%s %.*s HTTP/1.1\r\nHost: %s\r\nUser-Agent: weir-bench\r\n", method,
                    WEIR_STR_ARG(path), url->host);
}

static void put_post(struct weir_buf *out, const struct weir_cli_bench_url *url,
                     struct weir_str path, struct weir_str body)
{
    put_head(out, "POST", url, path);
    weir_buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.n);
    weir_buf_append_str(out, body);
}

static void put_path(struct weir_buf *out, const struct weir_cli_bench_question *q)
{
    const char *route = q->output == WEIR_OUTPUT_PREDICT_PROBA       ? "predict_proba"
                        : q->output == WEIR_OUTPUT_DECISION_FUNCTION ? "decision_function"
                                                                     : "predict";
    if (q->dialect == WEIR_CLI_BENCH_V2)
        weir_buf_printf(out, "/v2/models/%.*s/infer", WEIR_STR_ARG(q->model));
    else
        weir_buf_printf(out, "/%s/%.*s", route, WEIR_STR_ARG(q->model));
}

static void put_row(struct weir_buf *out, const double *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            weir_buf_append_byte(out, ',');
        weir_codec_number_append_f64(out, row[i], WEIR_CODEC_NUMBER_NONFINITE_NULL);
    }
}

static void put_body(struct weir_buf *out, const struct weir_cli_bench_question *q,
                     const double *rows)
{
    bool is_v2 = q->dialect == WEIR_CLI_BENCH_V2;
    if (is_v2)
        weir_buf_printf(out,
                        "{\"inputs\":[{\"name\":\"input-0\",\"shape\":[%zu,%zu],"
                        "\"datatype\":\"FP64\",\"data\":[",
                        q->n_rows, q->n_features);
    else
        weir_buf_append_c(out, "{\"features\":[");
    for (size_t i = 0; i < q->n_rows; i++) {
        weir_buf_append_c(out, is_v2 ? (i ? "," : "") : (i ? ",[" : "["));
        put_row(out, rows + i * q->n_features, q->n_features);
        weir_buf_append_c(out, is_v2 ? "" : "]");
    }
    if (is_v2)
        weir_buf_printf(out, "]}],\"outputs\":[{\"name\":\"%s\"}]}", weir_output_name(q->output));
    else
        weir_buf_append_c(out, "]}");
}

/* Values as tables have them: each feature with a scale of its own between 0.1 and 1000, four
 * decimals. */
static void fill_rows(double *rows, size_t n_rows, size_t n_features,
                      struct weir_cli_bench_random *random)
{
    uint64_t scale_seed = weir_cli_bench_random_u64(random);
    for (size_t j = 0; j < n_features; j++) {
        struct weir_cli_bench_random of_feature;
        weir_cli_bench_random_init(&of_feature, scale_seed + j);
        double scale = pow(10, weir_cli_bench_random_unit(&of_feature) * 4 - 1);
        for (size_t i = 0; i < n_rows; i++) {
            double v = fabs(1 + 0.4 * weir_cli_bench_random_normal(random)) * scale;
            rows[i * n_features + j] = round(v * 1e4) / 1e4;
        }
    }
}

/* Turns the ends of the requests into views, once the buffer does not move any more. */
static enum weir_status set_views(struct weir_cli_bench_requests *r, const size_t *ends,
                                  struct weir_error *err)
{
    r->at = weir_mem_array(weir_mem_default(), r->n, sizeof *r->at);
    if (!weir_buf_ok(&r->bytes) || !r->at)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < r->n; i++) {
        size_t from = i ? ends[i - 1] : 0;
        r->at[i] = weir_str_make(r->bytes.at + from, ends[i] - from);
    }
    return WEIR_OK;
}

enum weir_status weir_cli_bench_requests_make(struct weir_cli_bench_requests *out,
                                              const struct weir_cli_bench_url *url,
                                              const struct weir_cli_bench_question *question,
                                              uint64_t seed, struct weir_error *err)
{
    struct weir_cli_bench_requests r = {.n = WEIR_CLI_BENCH_REQUESTS};
    struct weir_cli_bench_random random;
    struct weir_buf path = WEIR_BUF_INIT;
    struct weir_buf body = WEIR_BUF_INIT;
    size_t ends[WEIR_CLI_BENCH_REQUESTS];
    size_t n_values = question->n_rows * question->n_features;
    weir_cli_bench_random_init(&random, seed);
    put_path(&path, question);
    r.rows = weir_mem_array(weir_mem_default(), r.n, n_values * sizeof *r.rows);
    enum weir_status status =
        r.rows ? WEIR_OK : weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (status == WEIR_OK)
        fill_rows(r.rows, r.n * question->n_rows, question->n_features, &random);
    for (size_t i = 0; i < r.n && status == WEIR_OK; i++) {
        weir_buf_clear(&body);
        put_body(&body, question, r.rows + i * n_values);
        put_post(&r.bytes, url, weir_buf_str(&path), weir_buf_str(&body));
        r.bytes.failed = r.bytes.failed || !weir_buf_ok(&body) || !weir_buf_ok(&path);
        ends[i] = r.bytes.n;
    }
    if (status == WEIR_OK)
        status = set_views(&r, ends, err);
    weir_buf_deinit(&path);
    weir_buf_deinit(&body);
    if (status == WEIR_OK)
        *out = r;
    else
        weir_cli_bench_requests_deinit(&r);
    return status;
}

enum weir_status weir_cli_bench_requests_one(struct weir_cli_bench_requests *out,
                                             const struct weir_cli_bench_url *url,
                                             struct weir_str path, const struct weir_str *body,
                                             struct weir_error *err)
{
    struct weir_cli_bench_requests r = {.n = 1};
    if (body) {
        put_post(&r.bytes, url, path, *body);
    } else {
        put_head(&r.bytes, "GET", url, path);
        weir_buf_append_c(&r.bytes, "\r\n");
    }
    enum weir_status status = set_views(&r, &r.bytes.n, err);
    if (status == WEIR_OK)
        *out = r;
    else
        weir_cli_bench_requests_deinit(&r);
    return status;
}

void weir_cli_bench_requests_deinit(struct weir_cli_bench_requests *r)
{
    weir_buf_deinit(&r->bytes);
    weir_mem_free(weir_mem_default(), WEIR_TAKE(r->at));
    weir_mem_free(weir_mem_default(), WEIR_TAKE(r->rows));
    r->n = 0;
}
