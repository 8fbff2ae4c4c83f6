/* SPDX-License-Identifier: MIT */
#include "cli/bench_fetch.h"

#include "base/clock.h"
#include "base/macros.h"
#include "codec/json.h"
#include "codec/number.h"

#include <stdio.h>
#include <string.h>

static const uint64_t TIMEOUT_NS = 5 * WEIR_NS_PER_S;

enum weir_status weir_cli_bench_fetch_path(struct weir_loop *loop,
                                           const struct weir_cli_bench_url *url, const char *path,
                                           uint64_t timeout_ns, struct weir_cli_fetched *out,
                                           struct weir_error *err)
{
    struct weir_cli_bench_requests request = {.n = 0};
    enum weir_status status =
        weir_cli_bench_requests_one(&request, url, weir_str_c(path), NULL, err);
    if (status == WEIR_OK)
        status = weir_cli_fetch(loop, &url->addr, request.at[0], timeout_ns, out, err);
    weir_cli_bench_requests_deinit(&request);
    return status;
}

/* Fetches a document that must be there and be JSON. */
static enum weir_status fetch_json(struct weir_loop *loop, const struct weir_cli_bench_url *url,
                                   const char *path, struct weir_cli_fetched *fetched,
                                   struct weir_codec_json *json, struct weir_error *err)
{
    enum weir_status status = weir_cli_bench_fetch_path(loop, url, path, TIMEOUT_NS, fetched, err);
    if (status != WEIR_OK)
        return status;
    if (fetched->status != 200) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(err, WEIR_ERR_INVALID, "GET %s: status %d: %s", path, fetched->status,
                              weir_str_echo(weir_buf_str(&fetched->body), echo, sizeof echo));
    }
    status = weir_codec_json_scan(json, weir_buf_str(&fetched->body), err);
    return status == WEIR_OK ? WEIR_OK : weir_error_prefix(err, "GET %s", path);
}

enum weir_status weir_cli_bench_fetch_model(struct weir_loop *loop,
                                            const struct weir_cli_bench_url *url,
                                            struct weir_buf *name, struct weir_error *err)
{
    struct weir_cli_fetched fetched = {0};
    struct weir_codec_json json;
    weir_codec_json_init(&json, NULL, NULL);
    enum weir_status status = fetch_json(loop, url, "/v2/models", &fetched, &json, err);
    if (status == WEIR_OK) {
        const char *models = weir_cli_fetch_member(&json, json.root, "models");
        const char *first = weir_cli_fetch_element(&json, models, 0);
        if (!first || weir_codec_json_kind(first) != WEIR_CODEC_JSON_STRING)
            status = weir_error_set(err, WEIR_ERR_INVALID, "the server has no model");
        else if (weir_cli_fetch_element(&json, models, 1))
            status = weir_error_set(err, WEIR_ERR_INVALID,
                                    "the server has several models; choose one "
                                    "with --model: %.*s",
                                    WEIR_STR_ARG(weir_buf_str(&fetched.body)));
        else
            weir_codec_json_unescape(weir_codec_json_string(first), name);
    }
    weir_codec_json_deinit(&json);
    weir_buf_deinit(&fetched.body);
    return status;
}

enum weir_status weir_cli_bench_fetch_signature(struct weir_loop *loop,
                                                const struct weir_cli_bench_url *url,
                                                struct weir_str model, size_t *n_features,
                                                struct weir_error *err)
{
    struct weir_cli_fetched fetched = {0};
    struct weir_codec_json json;
    char path[WEIR_NAME_BYTES_MAX + 32];
    if (!weir_str_is_name(model)) {
        char echo[WEIR_ECHO_BUF_BYTES];
        return weir_error_set(err, WEIR_ERR_INVALID, "\"%s\" is not the name of a model",
                              weir_str_echo(model, echo, sizeof echo));
    }
    (void)snprintf(path, sizeof path, "/v2/models/%.*s", WEIR_STR_ARG(model));
    weir_codec_json_init(&json, NULL, NULL);
    enum weir_status status = fetch_json(loop, url, path, &fetched, &json, err);
    if (status == WEIR_OK) {
        int64_t n = 0;
        const char *inputs = weir_cli_fetch_member(&json, json.root, "inputs");
        const char *input = weir_cli_fetch_element(&json, inputs, 0);
        const char *shape = weir_cli_fetch_member(&json, input, "shape");
        const char *width = weir_cli_fetch_element(&json, shape, 1);
        const char *datatype = weir_cli_fetch_member(&json, input, "datatype");
        bool is_number = width && weir_codec_json_kind(width) == WEIR_CODEC_JSON_NUMBER;
        bool is_text = datatype && weir_codec_json_kind(datatype) == WEIR_CODEC_JSON_STRING &&
                       weir_str_eq_c(weir_codec_json_string(datatype), "BYTES");
        /* Rows are made up for one matrix of numbers only. */
        if (!is_number || is_text || weir_cli_fetch_element(&json, inputs, 1) ||
            weir_cli_fetch_element(&json, shape, 2) ||
            weir_codec_number_read_i64(weir_codec_json_token(width, json.end), &n) !=
                WEIR_CODEC_NUMBER_INT_OK ||
            n < 1)
            status = weir_error_set(
                err, WEIR_ERR_UNSUPPORTED,
                "GET %s: not one input of numbers, of shape [-1, features]; use --body", path);
        else
            *n_features = (size_t)n;
    }
    weir_codec_json_deinit(&json);
    weir_buf_deinit(&fetched.body);
    return status;
}
