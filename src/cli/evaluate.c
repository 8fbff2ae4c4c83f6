/* SPDX-License-Identifier: MIT */
/* weir evaluate: how good a model is on rows with known truths. */
#include "base/clock.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/evaluate_table.h"
#include "cli/file.h"
#include "cli/outfile.h"
#include "cli/progress.h"
#include "gate/plot.h"
#include "gate/report.h"
#include <weir/format.h>

#include <errno.h>
#include <sys/stat.h>

enum {
    OPTION_LABEL,
    OPTION_WEIGHT,
    OPTION_POSITIVE,
    OPTION_SCORE_COLUMN,
    OPTION_PREDICTION_COLUMN,
    OPTION_SCORE_SPACE,
    OPTION_THRESHOLD_POLICY,
    OPTION_ALPHA,
    OPTION_FBETA,
    OPTION_QUANTILE,
    OPTION_BINS,
    OPTION_CURVES,
    OPTION_MAX_ROWS,
    OPTION_JSON,
    OPTION_HTML,
    OPTION_SVG,
};

struct request {
    const char *model; /* NULL: scores are in the file */
    const char *data;
    const char *policy_text;
    struct weir_eval_policy policy;
    struct weir_gate_holdout_opts holdout;
    struct weir_gate_evaluation_opts evaluation;
    bool has_full_curves;
    bool is_json;
    const char *html; /* where the report goes; NULL: nowhere */
    const char *svg;  /* the folder of drawings; NULL: none */
};

/* --- the work ----------------------------------------------------------------------------------
 */

static bool on_progress(void *ctx, uint64_t bytes, uint64_t bytes_total, uint64_t n_rows)
{
    weir_cli_progress_step(ctx, bytes, bytes_total, n_rows, weir_clock_ns());
    return true;
}

/* Writes a file whole or not at all; empties text. */
static enum weir_status write_file(const char *path, struct weir_buf *text, struct weir_error *err)
{
    struct weir_cli_outfile file = {.path = NULL};
    if (!weir_buf_ok(text))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    enum weir_status status = weir_cli_outfile_open(&file, path, err);
    if (status == WEIR_OK)
        status = weir_cli_outfile_put(&file, text, err);
    if (status == WEIR_OK)
        status = weir_cli_outfile_finish(&file, err);
    weir_cli_outfile_close(&file);
    return status;
}

/* Writes the drawings that there are, each a file of its name in the folder. */
static enum weir_status write_plots(const char *folder, const struct weir_gate_evaluation *e,
                                    struct weir_buf *text, struct weir_error *err)
{
    enum weir_status status = WEIR_OK;
    struct weir_buf path = WEIR_BUF_INIT;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < WEIR_GATE_PLOT_N && status == WEIR_OK; i++) {
        enum weir_gate_plot plot = (enum weir_gate_plot)i;
        if (!weir_gate_plot_has(e, plot))
            continue;
        weir_buf_clear(&path);
        weir_buf_printf(&path, "%s/%s.svg", folder, weir_gate_plot_name(plot));
        weir_gate_plot_append(text, &(struct weir_gate_plot_sides){.evaluation = e}, plot, true);
        status = weir_buf_ok(&path) ? write_file(weir_buf_c(&path), text, err)
                                    : weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    }
    weir_buf_deinit(&path);
    return status;
}

static enum weir_status show(const struct request *r, const struct weir_gate_evaluation *e,
                             const char *digest, struct weir_error *err)
{
    struct weir_buf text = WEIR_BUF_INIT;
    struct weir_gate_source source = {
        .model = weir_str_c(r->model ? r->model : ""),
        .digest = weir_str_c(digest),
        .data = weir_str_c(r->data),
        .policy = weir_str_c(r->policy_text ? r->policy_text : ""),
    };
    enum weir_status status = WEIR_OK;
    if (r->html) {
        struct weir_gate_report report = {.candidate = {e, &source}};
        weir_gate_report_append(&text, &report);
        status = write_file(r->html, &text, err);
    }
    if (status == WEIR_OK && r->svg)
        status = write_plots(r->svg, e, &text, err);
    if (status == WEIR_OK && r->is_json) {
        weir_gate_document_append(&text, e, &source, r->has_full_curves);
        weir_buf_append_byte(&text, '\n');
    } else if (status == WEIR_OK) {
        weir_cli_evaluate_table(&text, e, &source, weir_cli_bold(stdout), weir_cli_plain(stdout));
    }
    if (status == WEIR_OK && !weir_cli_put(stdout, &text))
        status = weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    weir_buf_deinit(&text);
    return status;
}

static enum weir_status evaluate(const struct request *r, const struct weir_model *model,
                                 const char *digest, struct weir_error *err)
{
    struct weir_gate_holdout holdout;
    struct weir_gate_evaluation evaluation;
    struct weir_cli_progress progress;
    struct weir_gate_holdout_opts opts = r->holdout;
    weir_cli_progress_init(&progress, "rows", weir_clock_ns());
    opts.progress = on_progress;
    opts.progress_ctx = &progress;
    enum weir_status status = weir_gate_holdout_read(&holdout, r->data, model, &opts, err);
    weir_cli_progress_end(&progress);
    if (status != WEIR_OK)
        return status;
    if (holdout.n == 0)
        status = weir_error_set(err, WEIR_ERR_INVALID, "%s: no row counts: %s", r->data,
                                holdout.n_refused > 0 ? holdout.refused : "none has a truth");
    if (status == WEIR_OK)
        status = weir_gate_evaluation_make(&evaluation, &holdout, &r->evaluation, err);
    if (status == WEIR_OK) {
        status = show(r, &evaluation, digest, err);
        weir_gate_evaluation_deinit(&evaluation);
    }
    weir_gate_holdout_deinit(&holdout);
    return status;
}

static int run_request(const struct request *r)
{
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_cli_file file = {.path = NULL};
    struct weir_model *model = NULL;
    enum weir_status status = WEIR_OK;
    if (r->model) {
        status = weir_format_load(&model, r->model, NULL, &err);
        if (status != WEIR_OK)
            (void)weir_error_prefix(&err, "%s", r->model);
        else if (weir_cli_file_read(&file, r->model, &err) != WEIR_OK)
            file.digest[0] = 0; /* A folder has no digest of its own. */
    }
    if (status == WEIR_OK)
        status = evaluate(r, model, r->model ? file.digest : "", &err);
    weir_cli_file_deinit(&file);
    weir_model_free(model);
    return status == WEIR_OK ? WEIR_CLI_EXIT_OK : weir_cli_fail_json(&err, r->is_json);
}

/* --- the command line --------------------------------------------------------------------------
 */

/* Reads "10" or "10:quantile". */
static enum weir_status read_bins(const char *text, struct weir_gate_evaluation_opts *out,
                                  struct weir_error *err)
{
    struct weir_str rest = weir_str_c(text);
    struct weir_str number = weir_str_split(&rest, ':');
    uint64_t n;
    if (!weir_str_to_u64(number, WEIR_GATE_CALIBRATION_BINS_MAX, &n) || n == 0 ||
        (rest.n > 0 && !weir_str_eq_c(rest, "quantile") && !weir_str_eq_c(rest, "uniform")))
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "--bins: expected a number up to %d, with :quantile or not",
                              WEIR_GATE_CALIBRATION_BINS_MAX);
    out->n_bins = (size_t)n;
    out->bins_by_quantile = weir_str_eq_c(rest, "quantile");
    return WEIR_OK;
}

/* Reads a number between 0 and 1. */
static enum weir_status read_share(const char *name, const char *text, double *out,
                                   struct weir_error *err)
{
    enum weir_status status = weir_cli_args_positive(name, text, out, err);
    if (status == WEIR_OK && *out >= 1)
        status =
            weir_error_set(err, WEIR_ERR_INVALID, "--%s: expected a number between 0 and 1", name);
    return status;
}

/* Chooses one of two words. */
static enum weir_status read_word(const char *name, const char *text, const char *no,
                                  const char *yes, bool *out, struct weir_error *err)
{
    *out = strcmp(text, yes) == 0;
    return *out || strcmp(text, no) == 0
               ? WEIR_OK
               : weir_error_set(err, WEIR_ERR_INVALID, "--%s: expected %s or %s", name, no, yes);
}

static enum weir_status take_option(struct request *r, size_t index, const char *value,
                                    struct weir_error *err)
{
    switch (index) {
    case OPTION_LABEL:
        r->holdout.label = value;
        return WEIR_OK;
    case OPTION_WEIGHT:
        r->holdout.weight = value;
        return WEIR_OK;
    case OPTION_POSITIVE:
        r->holdout.positive = value;
        return WEIR_OK;
    case OPTION_SCORE_COLUMN:
        r->holdout.score_column = value;
        return WEIR_OK;
    case OPTION_PREDICTION_COLUMN:
        r->holdout.prediction_column = value;
        return WEIR_OK;
    case OPTION_SCORE_SPACE:
        return read_word("score-space", value, "margin", "proba", &r->holdout.ranks_by_proba, err);
    case OPTION_THRESHOLD_POLICY:
        r->policy_text = value;
        r->evaluation.policy = &r->policy;
        return weir_eval_policy_read(weir_str_c(value), &r->policy, err);
    case OPTION_ALPHA:
        return read_share("alpha", value, &r->evaluation.alpha, err);
    case OPTION_FBETA:
        return weir_cli_args_positive("fbeta", value, &r->evaluation.fbeta, err);
    case OPTION_QUANTILE:
        return read_share("quantile", value, &r->evaluation.quantile, err);
    case OPTION_BINS:
        return read_bins(value, &r->evaluation, err);
    case OPTION_CURVES:
        return read_word("curves", value, "reduced", "full", &r->has_full_curves, err);
    case OPTION_MAX_ROWS:
        return weir_cli_args_u64("max-rows", value, 1, UINT64_MAX, &r->holdout.n_rows_max, err);
    case OPTION_HTML:
        r->html = value;
        return WEIR_OK;
    case OPTION_SVG:
        r->svg = value;
        return WEIR_OK;
    default:
        r->is_json = true;
        return WEIR_OK;
    }
}

/* Checks what belongs together; NULL: all is well. */
static const char *find_fault(const struct request *r)
{
    bool has_column = r->holdout.score_column || r->holdout.prediction_column;
    if (!r->data)
        return "no CSV file is given";
    if (!r->holdout.label)
        return "--label: which column holds the truths?";
    if (r->model && has_column)
        return "a model gives the scores; take it or the column away";
    if (r->holdout.score_column && r->holdout.prediction_column)
        return "--score-column ranks two classes, --prediction-column holds numbers: take one";
    return NULL;
}

static int run(const struct weir_cli_command *self, int argc, char **argv)
{
    struct request r = {.data = NULL};
    struct weir_cli_args args;
    struct weir_error err = WEIR_ERROR_INIT;
    size_t index;
    weir_cli_args_init(&args, self, argc, argv);
    for (bool is_end = false; !is_end;) {
        switch (weir_cli_args_next(&args, &index)) {
        case WEIR_CLI_ARG_BAD:
            return weir_cli_usage(self, "%s", args.err.msg);
        case WEIR_CLI_ARG_END:
            is_end = true;
            break;
        case WEIR_CLI_ARG_OPERAND:
            if (r.model)
                return weir_cli_usage(self, "one model and one CSV file, not more");
            r.model = r.data; /* the first of two is the model */
            r.data = args.value;
            break;
        case WEIR_CLI_ARG_OPTION:
            if (take_option(&r, index, args.value, &err) != WEIR_OK)
                return weir_cli_usage(self, "%s", err.msg);
            break;
        }
    }
    const char *fault = find_fault(&r);
    return fault ? weir_cli_usage(self, "%s", fault) : run_request(&r);
}

static const struct weir_cli_option options[] = {
    [OPTION_LABEL] = {"label", 'l', "COLUMN", "the column of the truths; required"},
    [OPTION_WEIGHT] = {"weight", 0, "COLUMN", "the column of the rows' weights"},
    [OPTION_POSITIVE] = {"positive", 0, "CLASS",
                         "of two classes the positive one; default the greater"},
    [OPTION_SCORE_COLUMN] = {"score-column", 0, "COLUMN",
                             "without a model: the column of scores of two classes;\n"
                             "else columns p_CLASS hold probabilities"},
    [OPTION_PREDICTION_COLUMN] = {"prediction-column", 0, "COLUMN",
                                  "without a model: the column of predicted numbers"},
    [OPTION_SCORE_SPACE] = {"score-space", 0, "SPACE",
                            "what a model's rows are ranked by: margin (default, where\n"
                            "there is one) or proba"},
    [OPTION_THRESHOLD_POLICY] = {"threshold-policy", 0, "POLICY",
                                 "how the threshold on scores of two classes is chosen:\n"
                                 "youden, f1, fbeta:B, mcc, fpr<=X, fpr<=X@95%, tpr>=X,\n"
                                 "precision>=X, cost:fp=A,fn=B, top:K%, fixed:T"},
    [OPTION_ALPHA] = {"alpha", 0, "A", "intervals hold with 1 - A; default 0.05"},
    [OPTION_FBETA] = {"fbeta", 0, "B", "also F with recall B times as important"},
    [OPTION_QUANTILE] = {"quantile", 0, "Q", "of the pinball loss; default 0.5"},
    [OPTION_BINS] = {"bins", 0, "N[:quantile]", "of the calibration curve; default 10"},
    [OPTION_CURVES] = {"curves", 0, "WHICH",
                       "points of curves in JSON: reduced (default: the corners) or full"},
    [OPTION_MAX_ROWS] = {"max-rows", 0, "N", "read N rows at most"},
    [OPTION_JSON] = {"json", 0, NULL, "write a JSON document (schema eval/1)"},
    [OPTION_HTML] = {"html", 0, "FILE", "also write a report: one page without scripts"},
    [OPTION_SVG] = {"svg", 0, "DIR", "also write the drawings: roc.svg, pr.svg, calibration.svg"},
};

const struct weir_cli_command weir_cli_evaluate = {
    .name = "evaluate",
    .summary = "measure a model on rows with known truths",
    .usage = "[MODEL] DATA.csv --label COLUMN [--json]",
    .text = "Accuracy, confusion matrix, ROC AUC with its interval (DeLong), average precision,\n"
            "log loss, calibration and more for classes; errors and R2 for numbers; all as\n"
            "scikit-learn defines them. Columns are found by the model's feature names. Without\n"
            "a model, DATA.csv holds the scores. Rows without a truth are left out and counted,\n"
            "as are rows that the model refuses. \"-\" is standard input.",
    .examples = "weir evaluate models/churn.joblib holdout.csv --label churned\n"
                "weir evaluate churn.joblib holdout.csv -l churned --threshold-policy 'fpr<=0.05'\n"
                "weir evaluate churn.joblib holdout.csv -l churned --html report.html\n"
                "weir evaluate scores.csv --label y --score-column score --json",
    .options = options,
    .n_options = WEIR_ARRAY_LEN(options),
    .run = run,
};
