/* SPDX-License-Identifier: MIT */
#include "cli/mlflow_log.h"

#include "base/clock.h"
#include "base/macros.h"
#include "cli/file.h"
#include "cli/mlflow_batch.h"
#include "cli/mlflow_client.h"
#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API "/api/2.0/mlflow/"

enum { DATASET_DIGEST_CHARS = 36, RUN_DIGEST_CHARS = 8, CREATE_TRIES = 2 };

/* A run while it is logged. */
struct run {
    const struct weir_cli_mlflow_opts *opts;
    const struct weir_gate_report *report;
    struct weir_cli_mlflow_client client;
    struct weir_buf model_name;
    struct weir_buf experiment; /* its name */
    struct weir_buf experiment_id;
    struct weir_buf id; /* of the run; empty: there is none yet */
    struct weir_buf artifact_uri;
    struct weir_buf body;
    uint64_t now_ms;
    struct weir_error *err;
};

static enum weir_status post(struct run *r, const char *path)
{
    if (!weir_buf_ok(&r->body))
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    return weir_cli_mlflow_client_call(&r->client, "POST", path, NULL, weir_buf_str(&r->body),
                                       r->err);
}

/* Ids go into paths and messages. */
static bool is_id(const struct weir_buf *text)
{
    for (size_t i = 0; i < text->n; i++) {
        char c = text->at[i];
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                        (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
        if (!is_plain)
            return false;
    }
    return text->n > 0;
}

/* --- experiment and run ----------------------------------------------------------------------- */

static enum weir_status get_experiment(struct run *r)
{
    static const char *const id[] = {"experiment", "experiment_id"};
    static const char *const stage[] = {"experiment", "lifecycle_stage"};
    struct weir_buf path = WEIR_BUF_INIT;
    struct weir_buf found = WEIR_BUF_INIT;
    weir_buf_append_c(&path, API "experiments/get-by-name?experiment_name=");
    for (size_t i = 0; i < r->experiment.n; i++)
        weir_buf_printf(&path, "%%%02X", (unsigned char)r->experiment.at[i]);
    enum weir_status status =
        weir_buf_c(&path) && weir_buf_ok(&path)
            ? weir_cli_mlflow_client_call(&r->client, "GET", path.at, NULL, WEIR_STR(""), r->err)
            : weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (status == WEIR_OK && weir_cli_mlflow_client_get(&r->client, stage, 2, &found) &&
        !weir_str_eq(weir_buf_str(&found), WEIR_STR("active")))
        status = weir_error_set(r->err, WEIR_ERR_INVALID,
                                "experiment \"%.*s\" is deleted; restore it, or name another with "
                                "--mlflow-experiment",
                                WEIR_STR_ARG(weir_buf_str(&r->experiment)));
    if (status == WEIR_OK && !weir_cli_mlflow_client_get(&r->client, id, 2, &r->experiment_id))
        status = weir_error_set(r->err, WEIR_ERR_INVALID, "the server's answer has no experiment");
    weir_buf_deinit(&path);
    weir_buf_deinit(&found);
    return status;
}

static enum weir_status create_experiment(struct run *r)
{
    static const char *const id[] = {"experiment_id"};
    weir_buf_clear(&r->body);
    weir_buf_append_c(&r->body, "{\"name\":");
    weir_codec_json_append_text(&r->body, weir_buf_str(&r->experiment));
    weir_buf_append_c(&r->body, "}");
    enum weir_status status = post(r, API "experiments/create");
    if (status == WEIR_OK && !weir_cli_mlflow_client_get(&r->client, id, 1, &r->experiment_id))
        status = weir_error_set(r->err, WEIR_ERR_INVALID, "the server's answer has no experiment");
    return status;
}

/* Finds the experiment or makes it; another may do so in between. */
static enum weir_status find_experiment(struct run *r)
{
    enum weir_status status = WEIR_ERR_EXISTS;
    for (int i = 0; i < CREATE_TRIES && status == WEIR_ERR_EXISTS; i++) {
        status = get_experiment(r);
        if (status == WEIR_ERR_NOT_FOUND)
            status = create_experiment(r);
    }
    if (status == WEIR_ERR_EXISTS)
        status = get_experiment(r);
    return status;
}

static enum weir_status create_run(struct run *r)
{
    static const char *const id[] = {"run", "info", "run_id"};
    static const char *const uri[] = {"run", "info", "artifact_uri"};
    struct weir_str digest = r->report->candidate.source->digest;
    const char *user = getenv("USER");
    struct weir_buf name = WEIR_BUF_INIT;
    if (r->opts->run_name)
        weir_buf_append_c(&name, r->opts->run_name);
    else
        weir_buf_printf(&name, "%.*s%s%.*s", WEIR_STR_ARG(weir_buf_str(&r->model_name)),
                        digest.n > 0 ? "-" : "", (int)weir_min_size(digest.n, RUN_DIGEST_CHARS),
                        digest.n > 0 ? digest.at : "");
    weir_buf_clear(&r->body);
    weir_buf_append_c(&r->body, "{\"experiment_id\":");
    weir_codec_json_append_text(&r->body, weir_buf_str(&r->experiment_id));
    weir_buf_append_c(&r->body, ",\"run_name\":");
    weir_codec_json_append_text(&r->body, weir_buf_str(&name));
    weir_buf_printf(&r->body,
                    ",\"start_time\":%llu,\"tags\":[{\"key\":\"mlflow.source.name\",\"value\":"
                    "\"weir evaluate\"},{\"key\":\"mlflow.source.type\",\"value\":\"LOCAL\"}",
                    (unsigned long long)r->now_ms);
    if (user && user[0]) {
        weir_buf_append_c(&r->body, ",{\"key\":\"mlflow.user\",\"value\":");
        weir_codec_json_append_text(&r->body, weir_str_c(user));
        weir_buf_append_byte(&r->body, '}');
    }
    weir_buf_append_c(&r->body, "]}");
    r->body.failed |= name.failed;
    weir_buf_deinit(&name);
    enum weir_status status = post(r, API "runs/create");
    if (status != WEIR_OK)
        return status;
    (void)weir_cli_mlflow_client_get(&r->client, uri, 3, &r->artifact_uri);
    if (!weir_cli_mlflow_client_get(&r->client, id, 3, &r->id) || !is_id(&r->id)) {
        weir_buf_clear(&r->id);
        status = weir_error_set(r->err, WEIR_ERR_INVALID, "the server's answer has no run");
    }
    return status;
}

static enum weir_status end_run(struct run *r, const char *how)
{
    weir_buf_clear(&r->body);
    weir_buf_printf(&r->body, "{\"run_id\":\"%.*s\",\"status\":\"%s\",\"end_time\":%llu}",
                    WEIR_STR_ARG(weir_buf_str(&r->id)), how,
                    (unsigned long long)(weir_clock_wall_ns() / WEIR_NS_PER_MS));
    return post(r, API "runs/update");
}

/* --- what is logged --------------------------------------------------------------------------- */

/* Sends what was gathered in batches that a server takes. */
static enum weir_status log_batches(struct run *r, const struct weir_cli_mlflow_batches *b)
{
    enum weir_status status = WEIR_OK;
    for (size_t i = 0; i < b->n && status == WEIR_OK; i++) {
        weir_buf_clear(&r->body);
        weir_buf_printf(&r->body, "{\"run_id\":\"%.*s\"", WEIR_STR_ARG(weir_buf_str(&r->id)));
        weir_cli_mlflow_batches_append(b, i, &r->body);
        weir_buf_append_byte(&r->body, '}');
        status = post(r, API "runs/log-batch");
    }
    return status;
}

static enum weir_status log_dataset(struct run *r)
{
    const struct weir_gate_source *source = r->report->candidate.source;
    const struct weir_gate_holdout *h = r->report->candidate.evaluation->holdout;
    struct weir_str digest = weir_str_c(h->digest);
    const char *path = source->data.at ? source->data.at : "";
    struct weir_buf name = WEIR_BUF_INIT;
    struct weir_buf origin = WEIR_BUF_INIT;
    weir_cli_file_model_name(path, &name);
    weir_buf_append_c(&origin, "{\"uri\":");
    weir_codec_json_append_text(&origin, source->data);
    weir_buf_append_byte(&origin, '}');
    weir_buf_clear(&r->body);
    weir_buf_printf(
        &r->body,
        "{\"run_id\":\"%.*s\",\"datasets\":[{\"tags\":[{\"key\":\"mlflow.data.context\","
        "\"value\":\"evaluation\"}],\"dataset\":{\"name\":",
        WEIR_STR_ARG(weir_buf_str(&r->id)));
    weir_codec_json_append_text(&r->body, weir_buf_str(&name));
    weir_buf_printf(&r->body, ",\"digest\":\"%.*s\",\"source_type\":\"local\",\"source\":",
                    digest.n > 0 ? DATASET_DIGEST_CHARS : 7, digest.n > 0 ? digest.at : "unknown");
    weir_codec_json_append_text(&r->body, weir_buf_str(&origin));
    weir_buf_printf(&r->body, ",\"profile\":\"{\\\"num_rows\\\":%zu}\"}}]}", h->n);
    r->body.failed |= name.failed | origin.failed;
    weir_buf_deinit(&name);
    weir_buf_deinit(&origin);
    return post(r, API "runs/log-inputs");
}

/* Finds where the server takes artifacts of the run: below "mlflow-artifacts:/", with or without a
 * host; an empty text: nowhere. */
static struct weir_str artifact_path(const struct weir_buf *uri)
{
    static const struct weir_str scheme = {"mlflow-artifacts:/", 18};
    struct weir_str rest = weir_buf_str(uri);
    if (!weir_str_starts(rest, scheme))
        return WEIR_STR("");
    rest = weir_str_make(rest.at + scheme.n, rest.n - scheme.n);
    if (rest.n > 0 && rest.at[0] == '/') { /* "//host:port/path" */
        rest = weir_str_make(rest.at + 1, rest.n - 1);
        (void)weir_str_split(&rest, '/');
    }
    for (size_t i = 0; i < rest.n; i++) {
        if (rest.at[i] <= ' ' || rest.at[i] == 0x7f || rest.at[i] == '?' || rest.at[i] == '#')
            return WEIR_STR("");
    }
    return rest;
}

static enum weir_status put_artifact(struct run *r, struct weir_str folder, const char *name,
                                     const char *type, struct weir_str bytes)
{
    struct weir_buf path = WEIR_BUF_INIT;
    weir_buf_printf(&path, "/api/2.0/mlflow-artifacts/artifacts/%.*s/%s", WEIR_STR_ARG(folder),
                    name);
    enum weir_status status =
        weir_buf_c(&path) && weir_buf_ok(&path)
            ? weir_cli_mlflow_client_call(&r->client, "PUT", path.at, type, bytes, r->err)
            : weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    weir_buf_deinit(&path);
    return status;
}

static enum weir_status log_artifacts(struct run *r, struct weir_str html, struct weir_str json)
{
    struct weir_str folder = artifact_path(&r->artifact_uri);
    char echo[WEIR_ECHO_BUF_BYTES];
    if (folder.n == 0) {
        fprintf(stderr,
                "weir: mlflow: the report is not kept: the server takes no artifacts, they are at "
                "%s (see mlflow server --serve-artifacts)\n",
                weir_str_echo(weir_buf_str(&r->artifact_uri), echo, sizeof echo));
        return WEIR_OK;
    }
    enum weir_status status = put_artifact(r, folder, "report.html", "text/html", html);
    if (status == WEIR_OK)
        status = put_artifact(r, folder, "evaluation.json", "application/json", json);
    return status;
}

/* --- the whole -------------------------------------------------------------------------------- */

static void name_experiment(struct run *r)
{
    const struct weir_gate_source *source = r->report->candidate.source;
    weir_cli_file_model_name(source->model.n > 0 ? source->model.at : source->data.at,
                             &r->model_name);
    if (r->opts->experiment)
        weir_buf_append_c(&r->experiment, r->opts->experiment);
    else
        weir_buf_printf(&r->experiment, "weir/%.*s", WEIR_STR_ARG(weir_buf_str(&r->model_name)));
    r->experiment.failed |= r->model_name.failed;
}

static enum weir_status fill_run(struct run *r, struct weir_str html, struct weir_str json)
{
    struct weir_cli_mlflow_batches batches = {.n = 0};
    enum weir_status status =
        weir_cli_mlflow_batches_gather(&batches, r->report, r->opts->label, r->now_ms, r->err);
    if (status == WEIR_OK)
        status = log_batches(r, &batches);
    weir_cli_mlflow_batches_deinit(&batches);
    if (status == WEIR_OK)
        status = log_dataset(r);
    if (status == WEIR_OK)
        status = log_artifacts(r, html, json);
    return status;
}

static enum weir_status log_run(struct run *r, struct weir_str html, struct weir_str json)
{
    enum weir_status status = weir_cli_mlflow_client_open(&r->client, r->opts->url, r->err);
    name_experiment(r);
    if (status == WEIR_OK)
        status = find_experiment(r);
    if (status == WEIR_OK && !is_id(&r->experiment_id))
        status = weir_error_set(r->err, WEIR_ERR_INVALID, "the server's answer has no experiment");
    if (status == WEIR_OK)
        status = create_run(r);
    if (r->id.n == 0)
        return status;
    if (status == WEIR_OK)
        status = fill_run(r, html, json);
    if (status == WEIR_OK)
        return end_run(r, "FINISHED");
    struct weir_error first = *r->err;
    if (end_run(r, "FAILED") != WEIR_OK)
        first.code = status; /* The server is gone: that was said by the first error. */
    *r->err = first;
    return status;
}

enum weir_status weir_cli_mlflow_log(const struct weir_cli_mlflow_opts *opts,
                                     const struct weir_gate_report *report, struct weir_str html,
                                     struct weir_str json, struct weir_error *err)
{
    struct run r = {.opts = opts,
                    .report = report,
                    .now_ms = weir_clock_wall_ns() / WEIR_NS_PER_MS,
                    .err = err};
    enum weir_status status = log_run(&r, html, json);
    if (status == WEIR_OK)
        fprintf(stderr,
                "weir: mlflow: run %.*s in experiment \"%.*s\": %s/#/experiments/%.*s/runs/%.*s\n",
                WEIR_STR_ARG(weir_buf_str(&r.id)), WEIR_STR_ARG(weir_buf_str(&r.experiment)),
                opts->url, WEIR_STR_ARG(weir_buf_str(&r.experiment_id)),
                WEIR_STR_ARG(weir_buf_str(&r.id)));
    else
        (void)weir_error_prefix(err, "mlflow");
    weir_cli_mlflow_client_close(&r.client);
    weir_buf_deinit(&r.model_name);
    weir_buf_deinit(&r.experiment);
    weir_buf_deinit(&r.experiment_id);
    weir_buf_deinit(&r.id);
    weir_buf_deinit(&r.artifact_uri);
    weir_buf_deinit(&r.body);
    return status;
}
