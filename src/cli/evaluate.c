/* SPDX-License-Identifier: MIT */
/* weir evaluate: how good a model is on rows with known truths. */
#include "cli/evaluate.h"

#include "cli/args.h"
#include "cli/cli.h"

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
    OPTION_SLICE,
    OPTION_FOLD_COLUMN,
    OPTION_MAX_ROWS,
    OPTION_BASELINE,
    OPTION_RULES,
    OPTION_CI,
    OPTION_SEED,
    OPTION_PROGRESS,
    OPTION_JSON,
    OPTION_HTML,
    OPTION_SVG,
    OPTION_MLFLOW,
    OPTION_MLFLOW_EXPERIMENT,
    OPTION_MLFLOW_RUN_NAME,
};

enum { REPLICATES_MIN = 100 };

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

/* Reads the column of the truths, or several with commas between. */
static enum weir_status read_label(struct weir_cli_evaluate *r, const char *text,
                                   struct weir_error *err)
{
    struct weir_str rest = weir_str_c(text);
    if (!strchr(text, ',')) {
        r->holdout.label = text;
        return WEIR_OK;
    }
    while (rest.n > 0) {
        struct weir_str label = weir_str_split(&rest, ',');
        if (label.n == 0 || r->holdout.n_labels == WEIR_ARRAY_LEN(r->labels))
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "--label: expected a column, or several with commas between, up "
                                  "to %zu",
                                  WEIR_ARRAY_LEN(r->labels));
        r->labels[r->holdout.n_labels++] = label;
    }
    return WEIR_OK;
}

/* Reads "country,age:3", perhaps after others. */
static enum weir_status read_slices(struct weir_cli_evaluate *r, const char *text,
                                    struct weir_error *err)
{
    struct weir_str rest = weir_str_c(text);
    do {
        struct weir_str slice = weir_str_split(&rest, ',');
        if (slice.n == 0 || r->holdout.n_slices == WEIR_ARRAY_LEN(r->slices))
            return weir_error_set(err, WEIR_ERR_INVALID,
                                  "--slice: expected columns with commas between, up to %zu",
                                  WEIR_ARRAY_LEN(r->slices));
        r->slices[r->holdout.n_slices++] = slice;
    } while (rest.n > 0);
    return WEIR_OK;
}

/* Reads "bootstrap:2000", or "delong": only intervals that have a formula. */
static enum weir_status read_ci(struct weir_cli_evaluate *r, const char *text,
                                struct weir_error *err)
{
    static const char prefix[] = "bootstrap:";
    uint64_t n = 0;
    if (strcmp(text, "delong") == 0) {
        r->compare.n_replicates = 0;
        return WEIR_OK;
    }
    if (strncmp(text, prefix, sizeof prefix - 1) != 0 ||
        !weir_str_to_u64(weir_str_c(text + sizeof prefix - 1), WEIR_GATE_REPLICATES_MAX, &n) ||
        n < REPLICATES_MIN)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "--ci: expected delong, or bootstrap:N with N from %d to %d",
                              REPLICATES_MIN, WEIR_GATE_REPLICATES_MAX);
    r->compare.n_replicates = (size_t)n;
    return WEIR_OK;
}

static enum weir_status read_progress(const char *text, enum weir_cli_progress_mode *out,
                                      struct weir_error *err)
{
    static const char *const words[] = {
        [WEIR_CLI_PROGRESS_AUTO] = "auto",
        [WEIR_CLI_PROGRESS_ALWAYS] = "always",
        [WEIR_CLI_PROGRESS_NEVER] = "never",
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = (enum weir_cli_progress_mode)i;
            return WEIR_OK;
        }
    }
    return weir_error_set(err, WEIR_ERR_INVALID, "--progress: expected auto, always or never");
}

static enum weir_status take_option(void *ctx, struct weir_cli_args *args, size_t index,
                                    struct weir_error *err)
{
    struct weir_cli_evaluate *r = ctx;
    const char *value = args->value;
    switch (index) {
    case OPTION_LABEL:
        return read_label(r, value, err);
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
        return weir_cli_args_word("score-space", value, "margin", "proba",
                                  &r->holdout.ranks_by_proba, err);
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
        return weir_cli_args_word("curves", value, "reduced", "full", &r->has_full_curves, err);
    case OPTION_SLICE:
        return read_slices(r, value, err);
    case OPTION_FOLD_COLUMN:
        r->holdout.fold = value;
        return WEIR_OK;
    case OPTION_MAX_ROWS:
        return weir_cli_args_u64("max-rows", value, 1, UINT64_MAX, &r->holdout.n_rows_max, err);
    case OPTION_BASELINE:
        r->baseline = value;
        return WEIR_OK;
    case OPTION_RULES:
        r->rules = value;
        return WEIR_OK;
    case OPTION_CI:
        return read_ci(r, value, err);
    case OPTION_SEED:
        return weir_cli_args_u64("seed", value, 0, UINT64_MAX, &r->compare.seed, err);
    case OPTION_PROGRESS:
        return read_progress(value, &r->progress, err);
    case OPTION_HTML:
        r->html = value;
        return WEIR_OK;
    case OPTION_SVG:
        r->svg = value;
        return WEIR_OK;
    case OPTION_MLFLOW:
        r->mlflow.url = value;
        return WEIR_OK;
    case OPTION_MLFLOW_EXPERIMENT:
        r->mlflow.experiment = value;
        return WEIR_OK;
    case OPTION_MLFLOW_RUN_NAME:
        r->mlflow.run_name = value;
        return WEIR_OK;
    default:
        r->is_json = true;
        return WEIR_OK;
    }
}

static enum weir_status take_operand(void *ctx, const char *value, struct weir_error *err)
{
    struct weir_cli_evaluate *r = ctx;
    if (r->model)
        return weir_error_set(err, WEIR_ERR_INVALID, "one model and one CSV file, not more");
    r->model = r->data; /* the first of two is the model */
    r->data = value;
    return WEIR_OK;
}

/* Checks what belongs together; NULL: all is well. */
static const char *find_fault(const struct weir_cli_evaluate *r)
{
    bool has_column = r->holdout.score_column || r->holdout.prediction_column;
    if (!r->data)
        return "no CSV file is given";
    if (r->holdout.n_labels > 0 && (r->model || has_column))
        return "several labels are judged by the columns p_LABEL of the file only";
    if (r->holdout.n_labels > 0 && (r->holdout.n_slices > 0 || r->holdout.fold))
        return "rows with several labels are not cut into slices or folds";
    if (!r->holdout.label && r->holdout.n_labels == 0)
        return "--label: which column holds the truths?";
    if (r->model && has_column)
        return "a model gives the scores; take it or the column away";
    if (r->holdout.score_column && r->holdout.prediction_column)
        return "--score-column ranks two classes, --prediction-column holds numbers: take one";
    if ((r->mlflow.experiment || r->mlflow.run_name) && !r->mlflow.url)
        return "--mlflow: at which address is the tracking server?";
    if (r->baseline && !r->model)
        return "--baseline compares two models; the first is missing";
    if (r->baseline && strcmp(r->data, "-") == 0)
        return "--baseline reads the file twice, which standard input cannot be";
    return NULL;
}

static int run(const struct weir_cli_command *self, int argc, char **argv)
{
    static const struct weir_cli_args_taker taker = {take_option, take_operand};
    struct weir_cli_evaluate r = {.compare = {.seed = 1}};
    r.holdout.slices = r.slices;
    r.holdout.labels = r.labels;
    int code = weir_cli_args_take(self, argc, argv, &taker, &r);
    if (code != WEIR_CLI_EXIT_OK)
        return code;
    const char *fault = find_fault(&r);
    return fault ? weir_cli_usage(self, "%s", fault) : weir_cli_evaluate_run(&r);
}

static const struct weir_cli_option options[] = {
    [OPTION_LABEL] = {"label", 'l', "COLUMN",
                      "the column of the truths; required. A,B,C: several columns of\n"
                      "0 and 1, and their scores in p_A, p_B, p_C (multi-label)"},
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
    [OPTION_SLICE] = {"slice", 0, "COLUMNS",
                      "also measure the rows of each value of columns alone:\n"
                      "A,B; A:N cuts numbers into N parts of as many rows"},
    [OPTION_FOLD_COLUMN] = {"fold-column", 0, "COLUMN",
                            "the column that says in which fold a row is: each fold's\n"
                            "numbers, their mean and standard deviation"},
    [OPTION_MAX_ROWS] = {"max-rows", 0, "N", "read N rows at most"},
    [OPTION_BASELINE] = {"baseline", 0, "MODEL",
                         "a second model on the same rows: differences, both curves"},
    [OPTION_RULES] = {"rules", 0, "FILE", "judge by rules (conf/rules.md); live is the baseline"},
    [OPTION_CI] = {"ci", 0, "METHOD",
                   "intervals: delong (default: of numbers that have a formula),\n"
                   "or bootstrap:N of all numbers with N resamples, best 2000"},
    [OPTION_SEED] = {"seed", 0, "N", "of the bootstrap; default 1"},
    [OPTION_PROGRESS] = {"progress", 0, "WHEN", "auto (default: on a terminal), always or never"},
    [OPTION_JSON] = {"json", 0, NULL, "write a JSON document (schema eval/1)"},
    [OPTION_HTML] = {"html", 0, "FILE", "also write a report: one page without scripts"},
    [OPTION_SVG] = {"svg", 0, "DIR", "also write the drawings: roc.svg, pr.svg and others"},
    [OPTION_MLFLOW] = {"mlflow", 0, "URL",
                       "also log to an MLflow tracking server; http:// only, credentials\n"
                       "as for MLflow's client: MLFLOW_TRACKING_USERNAME and\n"
                       "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"},
    [OPTION_MLFLOW_EXPERIMENT] = {"mlflow-experiment", 0, "NAME",
                                  "the experiment, made if need be; default weir/MODEL"},
    [OPTION_MLFLOW_RUN_NAME] = {"mlflow-run-name", 0, "NAME",
                                "default the model's name and digest"},
};

const struct weir_cli_command weir_cli_evaluate = {
    .name = "evaluate",
    .summary = "measure a model on rows with known truths",
    .usage = "[MODEL] DATA.csv --label COLUMN [--json]",
    .text = "Accuracy, confusion matrix, ROC AUC with its interval (DeLong), average precision,\n"
            "log loss, calibration and more for classes; errors and R2 for numbers; all as\n"
            "scikit-learn defines them. Columns are found by the model's feature names. Without\n"
            "a model, DATA.csv holds the scores. Rows without a truth (nothing, NA, NaN, null,\n"
            "None) are left out and counted, as are rows that the model refuses. \"-\" is standard "
            "input.",
    .examples = "weir evaluate models/churn.joblib holdout.csv --label churned\n"
                "weir evaluate churn.joblib holdout.csv -l churned --threshold-policy 'fpr<=0.05'\n"
                "weir evaluate churn.joblib holdout.csv -l churned --html report.html\n"
                "weir evaluate new.joblib holdout.csv -l churned --baseline churn.joblib\n"
                "weir evaluate scores.csv --label y --score-column score --json",
    .options = options,
    .n_options = WEIR_ARRAY_LEN(options),
    .run = run,
};
