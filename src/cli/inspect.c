/* SPDX-License-Identifier: MIT */
/* weir inspect: what a file holds, and whether and how it would be served. Two readings of the same
 * bytes: the model that serving would make, and the description of what the file says, which also
 * works for files that no model can be made of. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/file.h"
#include "codec/json.h"
#include "format/format.h"
#include "model/model.h"
#include "protocol/protocol.h"

#include <string.h>

enum {
    LIST_COLUMN = 14,
    LINE_WIDTH = 96,
    MISSING_COLUMNS_MAX = 1024, /* more are not asked one by one */
};

struct view {
    struct weir_cli_file file;
    struct weir_buf name;     /* under which it would be served */
    struct weir_model *model; /* NULL: it cannot be served, see err */
    struct weir_error err;
    struct weir_buf curl;
};

/* --- the curl line --- */

/* The body stands inside single quotes of a shell. */
static void put_curl(struct view *v)
{
    struct weir_buf body = WEIR_BUF_INIT;
    if (weir_str_is_name(weir_buf_str(&v->name)) &&
        weir_protocol_example(&body, weir_model_spec(v->model))) {
        weir_buf_printf(&v->curl, "curl -s http://127.0.0.1:8080/predict/%.*s -d '",
                        WEIR_STR_ARG(weir_buf_str(&v->name)));
        for (size_t i = 0; i < body.n; i++) {
            if (body.at[i] == '\'')
                weir_buf_append_c(&v->curl, "'\\''");
            else
                weir_buf_append_byte(&v->curl, body.at[i]);
        }
        weir_buf_append_byte(&v->curl, '\'');
    }
    v->curl.failed = v->curl.failed || body.failed;
    weir_buf_deinit(&body);
}

/* --- for people --- */

/* A comma-separated list that is wrapped under its first item. */
struct list {
    struct weir_buf *out;
    size_t column;
    bool has_items;
};

static void put_item(struct list *l, struct weir_str item)
{
    if (l->has_items) {
        weir_buf_append_byte(l->out, ',');
        l->column++;
        if (l->column + 1 + item.n > LINE_WIDTH) {
            weir_buf_printf(l->out, "\n%*s", LIST_COLUMN, "");
            l->column = LIST_COLUMN;
        } else {
            weir_buf_append_byte(l->out, ' ');
            l->column++;
        }
    }
    weir_buf_append_str(l->out, item);
    l->column += item.n;
    l->has_items = true;
}

/* A graph's inputs or outputs: `x FP32 [-1, 3]`. */
static void put_infos(const char *title, const struct weir_tensor_info *infos, size_t n,
                      struct weir_buf *out)
{
    struct list l = {.out = out, .column = LIST_COLUMN};
    weir_buf_printf(out, "  %-12s", title);
    for (size_t i = 0; i < n; i++) {
        char echo[WEIR_ECHO_BUF_BYTES];
        char dims[128] = "of any shape";
        char text[WEIR_ECHO_BUF_BYTES + 160];
        if (infos[i].n_dims >= 0)
            weir_tensors_dims_text(infos[i].dims, (size_t)infos[i].n_dims, dims, sizeof dims);
        int k = snprintf(text, sizeof text, "%s %s %s",
                         weir_str_echo(weir_str_c(infos[i].name), echo, sizeof echo),
                         weir_dtype_name(infos[i].dtype), dims);
        put_item(&l, weir_str_make(text, (size_t)k));
    }
    weir_buf_append_byte(out, '\n');
}

static void put_tensors(const struct weir_tensors_spec *spec, struct weir_buf *out)
{
    put_infos("inputs", spec->inputs, spec->n_inputs, out);
    put_infos("outputs", spec->outputs, spec->n_outputs, out);
    weir_buf_printf(out, "  batches     %s\n",
                    spec->is_batched ? "rows of several requests are run together"
                                     : "each request is run by itself");
}

static void put_features(const struct weir_spec *spec, struct weir_buf *out)
{
    weir_buf_printf(out, "  features    ");
    if (!spec->feature_names) {
        weir_buf_printf(out, "%zu, without names\n", spec->n_features);
        return;
    }
    struct list l = {.out = out, .column = LIST_COLUMN};
    for (size_t i = 0; i < spec->n_features; i++) {
        char echo[WEIR_ECHO_BUF_BYTES];
        char text[WEIR_ECHO_BUF_BYTES + 16];
        static const char *const kinds[] = {"", " (text)", " (text or number)"};
        (void)snprintf(text, sizeof text, "%s%s",
                       weir_str_echo(spec->feature_names[i], echo, sizeof echo),
                       kinds[weir_spec_column(spec, i)]);
        put_item(&l, weir_str_c(text));
    }
    weir_buf_printf(out, " (%zu)\n", spec->n_features);
}

static void put_outputs(const struct weir_spec *spec, struct weir_buf *out)
{
    struct list l = {.out = out, .column = LIST_COLUMN};
    weir_buf_printf(out, "  outputs     ");
    for (int i = 0; i < WEIR_OUTPUT_N; i++) {
        const struct weir_spec_output *o = &spec->outputs[i];
        char text[128];
        if (!o->is_given)
            continue;
        int n = o->is_vector
                    ? snprintf(text, sizeof text, "%s %s [n]",
                               weir_output_name((enum weir_output)i), weir_dtype_name(o->dtype))
                    : snprintf(text, sizeof text, "%s %s [n, %u]",
                               weir_output_name((enum weir_output)i), weir_dtype_name(o->dtype),
                               o->n_columns);
        put_item(&l, weir_str_make(text, (size_t)n));
    }
    weir_buf_append_byte(out, '\n');
}

static void put_classes(const struct weir_spec *spec, struct weir_buf *out)
{
    for (size_t t = 0; t < spec->n_targets; t++) {
        struct list l = {.out = out, .column = LIST_COLUMN};
        if (spec->targets[t].n == 0)
            continue;
        if (spec->n_targets > 1)
            weir_buf_printf(out, "  classes[%zu]%s", t, t < 10 ? "  " : " ");
        else
            weir_buf_printf(out, "  classes     ");
        for (size_t i = 0; i < spec->targets[t].n; i++)
            put_item(&l, spec->targets[t].json[i]);
        weir_buf_append_byte(out, '\n');
    }
}

/* Finds whether a row is answered; n_missing columns from `missing` on are missing, the others hold
 * 1, or `text` where text may come (NULL: nothing). */
static bool is_answered(const struct weir_model *model, struct weir_cell *x, double *y,
                        const char *text, size_t missing, size_t n_missing)
{
    const struct weir_spec *spec = weir_model_spec(model);
    for (size_t i = 0; i < spec->n_features; i++) {
        x[i] = (struct weir_cell){.kind = WEIR_CELL_NUMBER, .number = 1.0};
        if (weir_spec_column(spec, i) != WEIR_COLUMN_NUMBER)
            x[i] = (struct weir_cell){.kind = text ? WEIR_CELL_TEXT : WEIR_CELL_NONE,
                                      .text = {text, text ? strlen(text) : 0}};
        if (i >= missing && i - missing < n_missing)
            x[i] = (struct weir_cell){.kind = WEIR_CELL_NONE};
    }
    return weir_model_predict_cells(model, x, 1, spec->n_features, weir_spec_default_output(spec),
                                    y, NULL) == WEIR_OK;
}

/* Finds whether a row of missing values only is answered. */
static bool takes_missing(const struct weir_model *model)
{
    const struct weir_spec *spec = weir_model_spec(model);
    struct weir_mem *mem = weir_mem_default();
    struct weir_cell *x = weir_mem_zarray(mem, spec->n_features, sizeof *x);
    double *y =
        weir_mem_array(mem, weir_spec_n_columns(spec, weir_spec_default_output(spec)), sizeof *y);
    bool is_taken =
        spec->allows_nan && x && y && is_answered(model, x, y, NULL, 0, spec->n_features);
    weir_mem_free(mem, x);
    weir_mem_free(mem, y);
    return is_taken;
}

/* Tells in which columns missing values are taken, by asking: which steps take them is in no single
 * place of the file. Without a row that is answered at all (a text that every such model knows does
 * not exist) it cannot be told. */
static void put_missing(const struct weir_model *model, struct weir_cell *x, double *y,
                        struct weir_buf *out)
{
    const struct weir_spec *spec = weir_model_spec(model);
    size_t n = spec->n_features;
    bool is_taken = takes_missing(model);
    if (is_taken || n == 1 || (!spec->allows_nan && !spec->columns)) {
        weir_buf_append_c(out, is_taken ? "taken" : "refused");
        return;
    }
    const char *text = "text";
    if (!is_answered(model, x, y, text, 0, 0))
        text = NULL;
    if (!spec->feature_names || n > MISSING_COLUMNS_MAX ||
        (!text && !is_answered(model, x, y, text, 0, 0))) {
        weir_buf_append_c(out, "taken in some columns at most");
        return;
    }
    struct list l = {.out = out, .column = LIST_COLUMN + 40};
    for (size_t i = 0; i < n; i++) {
        char echo[WEIR_ECHO_BUF_BYTES];
        if (!is_answered(model, x, y, text, i, 1))
            continue;
        weir_buf_append_c(out, l.has_items ? "" : "taken in ");
        put_item(&l, weir_str_c(weir_str_echo(spec->feature_names[i], echo, sizeof echo)));
    }
    weir_buf_append_c(out, l.has_items ? " only" : "refused");
}

static void put_rows(const struct weir_model *model, struct weir_buf *out)
{
    const struct weir_spec *spec = weir_model_spec(model);
    struct weir_mem *mem = weir_mem_default();
    struct weir_cell *x = weir_mem_zarray(mem, spec->n_features, sizeof *x);
    double *y =
        weir_mem_array(mem, weir_spec_n_columns(spec, weir_spec_default_output(spec)), sizeof *y);
    weir_buf_printf(out, "  rows        %s; missing values are ",
                    spec->columns        ? "numbers and text"
                    : spec->casts_to_f32 ? "cast to float32"
                                         : "float64 (float32 as given)");
    if (x && y)
        put_missing(model, x, y, out);
    else
        weir_buf_append_c(out, "not looked at: no memory");
    weir_buf_append_byte(out, '\n');
    weir_mem_free(mem, x);
    weir_mem_free(mem, y);
}

static void put_model(const struct view *v, struct weir_buf *out)
{
    const struct weir_spec *spec = weir_model_spec(v->model);
    char version[WEIR_ECHO_BUF_BYTES];
    weir_str_echo(spec->library_version, version, sizeof version);
    weir_buf_printf(out, "  format      %.*s, written by %.*s %s\n", WEIR_STR_ARG(spec->platform),
                    WEIR_STR_ARG(spec->library), version[0] ? version : "of unknown version");
    weir_buf_printf(out, "  estimator   %.*s\n", WEIR_STR_ARG(spec->estimator));
    if (spec->tensors) {
        put_tensors(spec->tensors, out);
        weir_buf_printf(out, "  memory      %zu bytes\n", weir_model_bytes(v->model));
        return;
    }
    put_features(spec, out);
    put_rows(v->model, out);
    put_outputs(spec, out);
    put_classes(spec, out);
    weir_buf_printf(out, "  memory      %zu bytes\n", weir_model_bytes(v->model));
}

static enum weir_status put_text(const struct view *v, struct weir_buf *out, struct weir_error *err)
{
    const char *bold = weir_cli_bold(stdout);
    const char *plain = weir_cli_plain(stdout);
    weir_buf_printf(out, "%s%s%s\n  name        %.*s%s\n  file        %zu bytes\n", bold,
                    v->file.path, plain, WEIR_STR_ARG(weir_buf_str(&v->name)),
                    weir_str_is_name(weir_buf_str(&v->name)) ? "" : " (not a name of a model)",
                    v->file.bytes.n);
    weir_buf_printf(out, "  digest      sha256:%s\n", v->file.digest);
    if (v->model)
        put_model(v, out);
    weir_buf_printf(out, "\n%sContents:%s\n", bold, plain);
    enum weir_status status = weir_format_describe_bytes(
        out, v->file.bytes.at, v->file.bytes.n, v->file.path, WEIR_FORMAT_DESCRIBE_TEXT, NULL, err);
    if (status == WEIR_OK && v->curl.n > 0)
        weir_buf_printf(out, "\n%sTry it:%s\n  weir serve %s\n  %.*s\n", bold, plain, v->file.path,
                        WEIR_STR_ARG(weir_buf_str(&v->curl)));
    return status;
}

/* --- for programs --- */

static void put_names_json(const struct weir_spec *spec, struct weir_buf *out)
{
    weir_buf_append_c(out, ",\"feature_names\":");
    for (size_t i = 0; spec->feature_names && i < spec->n_features; i++) {
        weir_buf_append_byte(out, i ? ',' : '[');
        weir_codec_json_append_text(out, spec->feature_names[i]);
    }
    weir_buf_append_c(out, spec->feature_names ? "]" : "null");
}

static void put_infos_json(const char *name, const struct weir_tensor_info *infos, size_t n,
                           struct weir_buf *out)
{
    weir_buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < n; i++) {
        char dims[128] = "null";
        if (infos[i].n_dims >= 0)
            weir_tensors_dims_text(infos[i].dims, (size_t)infos[i].n_dims, dims, sizeof dims);
        weir_buf_append_c(out, i ? ",{\"name\":" : "{\"name\":");
        weir_codec_json_append_text(out, weir_str_c(infos[i].name));
        weir_buf_printf(out, ",\"datatype\":\"%s\",\"shape\":%s}", weir_dtype_name(infos[i].dtype),
                        dims);
    }
    weir_buf_append_byte(out, ']');
}

/* The kinds of a frame's columns, by feature. */
static void put_columns_json(const struct weir_spec *spec, struct weir_buf *out)
{
    static const char *const kinds[] = {"number", "text", "mixed"};
    for (size_t i = 0; spec->columns && i < spec->n_features; i++)
        weir_buf_printf(out, "%s\"%s\"%s", i ? "," : ",\"columns\":[",
                        kinds[weir_spec_column(spec, i)], i + 1 == spec->n_features ? "]" : "");
}

static void put_classes_json(const struct weir_spec *spec, struct weir_buf *out)
{
    bool has_any = false;
    for (size_t t = 0; t < spec->n_targets; t++)
        has_any = has_any || spec->targets[t].n > 0;
    weir_buf_printf(out, ",\"classes\":%s", !has_any ? "null" : spec->n_targets > 1 ? "[" : "");
    for (size_t t = 0; has_any && t < spec->n_targets; t++) {
        weir_buf_append_c(out, t ? ",[" : "[");
        for (size_t i = 0; i < spec->targets[t].n; i++) {
            weir_buf_append_c(out, i ? "," : "");
            weir_buf_append_str(out, spec->targets[t].json[i]);
        }
        weir_buf_append_byte(out, ']');
    }
    weir_buf_append_c(out, has_any && spec->n_targets > 1 ? "]" : "");
}

static void put_model_json(const struct view *v, struct weir_buf *out)
{
    const struct weir_spec *spec = weir_model_spec(v->model);
    weir_cli_put_member(out, "platform", spec->platform);
    weir_cli_put_member(out, "library", spec->library);
    weir_cli_put_member(out, "library_version", spec->library_version);
    weir_cli_put_member(out, "estimator", spec->estimator);
    if (spec->tensors) {
        put_infos_json("inputs", spec->tensors->inputs, spec->tensors->n_inputs, out);
        put_infos_json("outputs", spec->tensors->outputs, spec->tensors->n_outputs, out);
        weir_buf_printf(out, ",\"is_batched\":%s,\"model_bytes\":%zu",
                        spec->tensors->is_batched ? "true" : "false", weir_model_bytes(v->model));
        return;
    }
    weir_buf_printf(out, ",\"n_features\":%zu", spec->n_features);
    put_names_json(spec, out);
    put_columns_json(spec, out);
    weir_buf_printf(out, ",\"casts_to_float32\":%s,\"allows_missing\":%s,\"n_targets\":%zu",
                    spec->casts_to_f32 ? "true" : "false",
                    takes_missing(v->model) ? "true" : "false", spec->n_targets);
    put_classes_json(spec, out);
    weir_buf_append_c(out, ",\"outputs\":[");
    bool is_first = true;
    for (int i = 0; i < WEIR_OUTPUT_N; i++) {
        const struct weir_spec_output *o = &spec->outputs[i];
        if (!o->is_given)
            continue;
        weir_buf_printf(out, "%s{\"name\":\"%s\",\"datatype\":\"%s\",\"shape\":[-1",
                        is_first ? "" : ",", weir_output_name((enum weir_output)i),
                        weir_dtype_name(o->dtype));
        if (!o->is_vector)
            weir_buf_printf(out, ",%u", o->n_columns);
        weir_buf_append_c(out, "]}");
        is_first = false;
    }
    weir_buf_printf(out, "],\"model_bytes\":%zu", weir_model_bytes(v->model));
}

static enum weir_status put_json(const struct view *v, struct weir_buf *out, struct weir_error *err)
{
    struct weir_buf contents = WEIR_BUF_INIT;
    enum weir_status status =
        weir_format_describe_bytes(&contents, v->file.bytes.at, v->file.bytes.n, v->file.path,
                                   WEIR_FORMAT_DESCRIBE_JSON, NULL, err);
    weir_buf_append_c(out, "{\"file\":");
    weir_codec_json_append_text(out, weir_str_c(v->file.path));
    weir_cli_put_member(out, "name", weir_buf_str(&v->name));
    weir_buf_printf(out, ",\"bytes\":%zu,\"digest\":\"%s\",\"is_servable\":%s", v->file.bytes.n,
                    v->file.digest, v->model ? "true" : "false");
    if (v->model)
        put_model_json(v, out);
    else
        weir_cli_put_member(out, "error", weir_str_c(v->err.msg));
    weir_cli_put_member(out, "curl", weir_buf_str(&v->curl));
    weir_buf_append_c(out, ",\"contents\":");
    if (status == WEIR_OK)
        weir_buf_append_str(out, weir_buf_str(&contents));
    else
        weir_buf_append_c(out, "null");
    weir_buf_append_c(out, "}\n");
    out->failed = out->failed || contents.failed;
    weir_buf_deinit(&contents);
    return status;
}

/* --- the whole --- */

static int inspect(const char *path, bool is_json)
{
    struct view v = {.err = WEIR_ERROR_INIT};
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_buf text = WEIR_BUF_INIT;
    int code = WEIR_CLI_EXIT_OK;
    if (weir_cli_file_read(&v.file, path, &err) != WEIR_OK)
        return weir_cli_fail_json(&err, is_json);
    weir_cli_file_model_name(path, &v.name);
    enum weir_status status =
        weir_format_load_bytes(&v.model, v.file.bytes.at, v.file.bytes.n, path, NULL, &v.err);
    if (status == WEIR_OK)
        put_curl(&v);
    else
        (void)weir_error_prefix(&v.err, "%s", path);
    enum weir_status described = is_json ? put_json(&v, &text, &err) : put_text(&v, &text, &err);
    /* A file that says nothing leaves only the reason. */
    bool is_shown = described == WEIR_OK || is_json;
    if (is_shown && !weir_cli_put(stdout, &text))
        code = WEIR_CLI_EXIT_FAILED;
    if (status != WEIR_OK)
        code = weir_cli_fail(&v.err);
    else if (described != WEIR_OK)
        code = weir_cli_fail(&err);
    weir_model_free(v.model);
    weir_cli_file_deinit(&v.file);
    weir_buf_deinit(&v.name);
    weir_buf_deinit(&v.curl);
    weir_buf_deinit(&text);
    return code;
}

struct request {
    const char *path;
    bool is_json;
};

static enum weir_status take_option(void *ctx, struct weir_cli_args *args, size_t index,
                                    struct weir_error *err)
{
    (void)args, (void)index, (void)err;
    ((struct request *)ctx)->is_json = true; /* --json is the only one. */
    return WEIR_OK;
}

static enum weir_status take_operand(void *ctx, const char *value, struct weir_error *err)
{
    struct request *r = ctx;
    if (r->path)
        return weir_error_set(err, WEIR_ERR_INVALID, "one file, not more");
    r->path = value;
    return WEIR_OK;
}

static int run(const struct weir_cli_command *self, int argc, char **argv)
{
    static const struct weir_cli_args_taker taker = {take_option, take_operand};
    struct request r = {.path = NULL};
    int code = weir_cli_args_take(self, argc, argv, &taker, &r);
    if (code != WEIR_CLI_EXIT_OK)
        return code;
    return r.path ? inspect(r.path, r.is_json) : weir_cli_usage(self, "no file is given");
}

static const struct weir_cli_option options[] = {
    {"json", 0, NULL, "print one JSON object"},
};

const struct weir_cli_command weir_cli_inspect = {
    .name = "inspect",
    .summary = "say what a model file holds and how it would be served",
    .usage = "FILE [--json]",
    .text = "Shows the estimators with their settings and the shapes of what they learnt, the\n"
            "features, classes and outputs, the library that wrote the file, its digest, and a\n"
            "curl line to ask a server for a prediction. Nothing in the file is executed.\n"
            "\n"
            "Exits 1 when no model can be made of the file; what it holds is shown all the same.",
    .examples = "weir inspect models/churn.joblib\n"
                "weir inspect models/churn.joblib --json | jq .estimator",
    .options = options,
    .n_options = WEIR_ARRAY_LEN(options),
    .run = run,
};
