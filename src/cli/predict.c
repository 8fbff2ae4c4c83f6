/* SPDX-License-Identifier: MIT */
/* weir predict: a table in, a table out, in chunks of rows, so that files of any length take the
 * memory of one chunk. */
#include "base/clock.h"
#include "cli/answers.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/outfile.h"
#include "cli/progress.h"
#include "model/model.h"
#include "table/table.h"
#include <weir/format.h>

enum {
    CHUNK_ROWS_MAX = 4096,
    CHUNK_BYTES_MAX = 16 * 1024 * 1024, /* of one chunk's matrix, but at least one row */
    SCRATCH_ALIGN = 64,
};

enum {
    OPTION_OUT,
    OPTION_OUTPUT,
    OPTION_JSON,
    OPTION_NO_HEADER,
    OPTION_POSITIONAL,
    OPTION_SEPARATOR
};

struct request {
    const char *model;
    const char *in;
    const char *out;
    const char *outputs;
    bool is_json;
    struct weir_table_opts table;
};

/* Everything one run holds; zeroed is fine to end. */
struct work {
    const struct request *request;
    struct weir_model *model;
    struct weir_cli_answers answers;
    struct weir_table table;
    struct weir_cli_outfile out;
    struct weir_cli_progress progress;
    struct weir_arena arena; /* the arrays of one chunk */
    struct weir_run run;
    struct weir_rows block;
    void *rows;
    uint64_t *lines;
    size_t chunk_rows;
    struct weir_buf text;
};

static enum weir_status make_chunk(struct work *w, struct weir_error *err)
{
    const struct weir_spec *spec = weir_model_spec(w->model);
    enum weir_dtype dtype = weir_spec_batch_dtype(spec, WEIR_F64);
    size_t row_bytes = weir_max_size(spec->n_features * weir_dtype_size(dtype), 1);
    size_t n = weir_max_size(weir_min_size(CHUNK_BYTES_MAX / row_bytes, CHUNK_ROWS_MAX), 1);
    uint32_t wanted = weir_cli_answers_wanted(&w->answers);
    w->chunk_rows = n;
    weir_arena_init(&w->arena, NULL, 0);
    w->run = (struct weir_run){.dtype = dtype, .n_blocks = 1, .wanted = wanted};
    w->rows = weir_arena_alloc_aligned(&w->arena, n * row_bytes, SCRATCH_ALIGN);
    w->lines = weir_arena_array(&w->arena, n, sizeof *w->lines);
    w->run.faults = weir_arena_array(&w->arena, n, sizeof *w->run.faults);
    w->run.scratch = weir_arena_alloc_aligned(
        &w->arena, weir_max_size(weir_model_scratch_bytes(w->model), 1), SCRATCH_ALIGN);
    bool is_ok = w->rows && w->lines && w->run.faults && w->run.scratch;
    for (int o = 0; o < WEIR_OUTPUT_N && is_ok; o++) {
        if (wanted & 1u << o) {
            w->run.out[o] =
                weir_arena_array(&w->arena, n * spec->outputs[o].n_columns, sizeof(double));
            is_ok = w->run.out[o] != NULL;
        }
    }
    return is_ok ? WEIR_OK : weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
}

/* Reports the first row that the model refused. */
static enum weir_status refuse(const struct work *w, size_t n_rows, struct weir_error *err)
{
    size_t i = 0;
    while (i < n_rows && w->run.faults[i].kind == WEIR_FAULT_NONE)
        i++;
    weir_assert(i < n_rows);
    char text[WEIR_ERROR_MSG_BYTES];
    weir_model_fault_text(w->model, w->run.faults[i], (size_t)w->table.n_rows - n_rows + i + 1,
                          text, sizeof text);
    return weir_error_set(err, WEIR_ERR_INVALID, "%s: line %llu: %s", w->table.path,
                          (unsigned long long)w->lines[i], text);
}

static enum weir_status run_chunk(struct work *w, size_t n_rows, struct weir_error *err)
{
    w->block = (struct weir_rows){w->rows, n_rows};
    w->run.blocks = &w->block;
    if (weir_model_run(w->model, &w->run) > 0)
        return refuse(w, n_rows, err);
    struct weir_result result = {
        .spec = w->answers.spec, .batch_dtype = w->run.dtype, .n_rows = n_rows};
    for (int o = 0; o < WEIR_OUTPUT_N; o++)
        result.out[o] = w->run.out[o];
    for (size_t i = 0; i < n_rows; i++) {
        if (w->request->is_json)
            weir_cli_answers_put_json(&w->answers, &result, i, &w->text);
        else
            weir_cli_answers_put_csv(&w->answers, &result, i, &w->text);
    }
    return weir_cli_outfile_put(&w->out, &w->text, err);
}

static enum weir_status run_all(struct work *w, struct weir_error *err)
{
    if (!w->request->is_json)
        weir_cli_answers_put_header(&w->answers, &w->text);
    for (;;) {
        size_t n_rows;
        enum weir_status status = weir_table_read(&w->table, w->rows, w->run.dtype, w->chunk_rows,
                                                  w->lines, &n_rows, err);
        if (status == WEIR_OK && n_rows == 0)
            return weir_cli_outfile_put(&w->out, &w->text, err);
        if (status == WEIR_OK)
            status = run_chunk(w, n_rows, err);
        if (status != WEIR_OK)
            return status;
        weir_cli_progress_step(&w->progress, w->table.csv.bytes_taken, w->table.bytes_total,
                               w->table.n_rows, weir_clock_ns());
    }
}

static enum weir_status predict(struct work *w, struct weir_error *err)
{
    const struct request *r = w->request;
    enum weir_status status = weir_format_load(&w->model, r->model, NULL, err);
    if (status != WEIR_OK)
        return weir_error_prefix(err, "%s", r->model);
    const struct weir_spec *spec = weir_model_spec(w->model);
    if (spec->form == WEIR_INPUT_TENSORS)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                              "%s takes tensors, which a CSV file does not hold", r->model);
    status = weir_cli_answers_init(&w->answers, spec, r->outputs, err);
    if (status != WEIR_OK)
        return weir_error_prefix(err, "%s", r->model);
    status = weir_table_open(&w->table, r->in, spec, &r->table, err);
    if (status == WEIR_OK)
        status = make_chunk(w, err);
    if (status == WEIR_OK)
        status = weir_cli_outfile_open(&w->out, r->out, err);
    if (status == WEIR_OK)
        status = run_all(w, err);
    if (status == WEIR_OK)
        status = weir_cli_outfile_finish(&w->out, err);
    return status;
}

static int run_request(const struct request *request)
{
    struct work w = {.request = request};
    struct weir_error err = WEIR_ERROR_INIT;
    uint64_t began_ns = weir_clock_ns();
    weir_cli_progress_init(&w.progress, "rows", began_ns);
    enum weir_status status = predict(&w, &err);
    weir_cli_progress_end(&w.progress);
    if (status == WEIR_OK && strcmp(request->out, "-") != 0)
        fprintf(stderr, "%s: %llu rows in %.2f s\n", request->out,
                (unsigned long long)w.table.n_rows,
                (double)(weir_clock_ns() - began_ns) / (double)WEIR_NS_PER_S);
    weir_cli_outfile_close(&w.out);
    weir_table_close(&w.table);
    weir_arena_deinit(&w.arena);
    weir_buf_deinit(&w.text);
    weir_model_free(w.model);
    return status == WEIR_OK ? WEIR_CLI_EXIT_OK : weir_cli_fail(&err);
}

static enum weir_status take_separator(struct request *r, const char *value, struct weir_error *err)
{
    if (strcmp(value, "\\t") == 0 || strcmp(value, "tab") == 0)
        r->table.separator = '\t';
    else if (strlen(value) == 1 && !strchr("\"\r\n", value[0]))
        r->table.separator = value[0];
    else
        return weir_error_set(err, WEIR_ERR_INVALID, "--separator: expected one byte or \"tab\"");
    return WEIR_OK;
}

static enum weir_status take_option(void *ctx, struct weir_cli_args *args, size_t index,
                                    struct weir_error *err)
{
    struct request *r = ctx;
    switch (index) {
    case OPTION_OUT:
        r->out = args->value;
        return WEIR_OK;
    case OPTION_OUTPUT:
        r->outputs = args->value;
        return WEIR_OK;
    case OPTION_JSON:
        r->is_json = true;
        return WEIR_OK;
    case OPTION_NO_HEADER:
        r->table.is_headless = true;
        return WEIR_OK;
    case OPTION_POSITIONAL:
        r->table.is_positional = true;
        return WEIR_OK;
    default:
        return take_separator(r, args->value, err);
    }
}

static enum weir_status take_operand(void *ctx, const char *value, struct weir_error *err)
{
    struct request *r = ctx;
    if (r->in)
        return weir_error_set(err, WEIR_ERR_INVALID, "one model and one CSV file, not more");
    *(r->model ? &r->in : &r->model) = value;
    return WEIR_OK;
}

static int run(const struct weir_cli_command *self, int argc, char **argv)
{
    static const struct weir_cli_args_taker taker = {take_option, take_operand};
    struct request r = {.out = "-"};
    int code = weir_cli_args_take(self, argc, argv, &taker, &r);
    if (code != WEIR_CLI_EXIT_OK)
        return code;
    if (!r.in)
        return weir_cli_usage(self, r.model ? "no CSV file is given" : "no model is given");
    return run_request(&r);
}

static const struct weir_cli_option options[] = {
    [OPTION_OUT] = {"out", 'o', "FILE", "where predictions go; default - (standard output)"},
    [OPTION_OUTPUT] = {"output", 0, "LIST",
                       "predict, predict_proba, decision_function, transform, …;\n"
                       "several with commas; default what the model is for"},
    [OPTION_JSON] = {"json", 0, NULL, "write one JSON object a line instead of CSV"},
    [OPTION_NO_HEADER] = {"no-header", 0, NULL, "the first record is a row, not names"},
    [OPTION_POSITIONAL] = {"positional", 0, NULL,
                           "columns are features in order, whatever their names"},
    [OPTION_SEPARATOR] = {"separator", 0, "C", "what parts columns: one byte, or tab; default ,"},
};

const struct weir_cli_command weir_cli_predict = {
    .name = "predict",
    .summary = "predict the rows of a CSV file",
    .usage = "MODEL DATA.csv [-o OUT.csv] [--output LIST] [--json]",
    .text = "Columns are found by the model's feature names, in any order, and others are\n"
            "ignored; a model that was fitted without names takes them by position. Nothing,\n"
            "NaN, NA and null are missing values; in columns of text only nothing is, and\n"
            "their values may stand in quotes. A row that cannot be predicted ends the work\n"
            "with its row, line and column, and OUT.csv stays as it was.\n"
            "\"-\" is standard input or output.",
    .examples = "weir predict models/churn.joblib customers.csv -o scores.csv\n"
                "weir predict churn.joblib customers.csv --output predict,predict_proba\n"
                "zcat day.csv.gz | weir predict churn.joblib - --json",
    .options = options,
    .n_options = WEIR_ARRAY_LEN(options),
    .run = run,
};
