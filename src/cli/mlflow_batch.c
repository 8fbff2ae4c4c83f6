/* SPDX-License-Identifier: MIT */
#include "cli/mlflow_batch.h"

#include "base/macros.h"
#include "codec/json.h"
#include "codec/number.h"
#include "gate/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    VALUE_BYTES_MAX = 250, /* of parameters and tags; what all versions of MLflow take */
    KEY_BYTES = 251,       /* with its NUL */
    CLASSES_MAX = 100,     /* that have metrics of their own */
};

/* No batch comes near 1 MB: an item has at most about 550 bytes. */
static const size_t items_max[WEIR_CLI_MLFLOW_KINDS] = {
    [WEIR_CLI_MLFLOW_METRIC] = 500, [WEIR_CLI_MLFLOW_PARAM] = 100, [WEIR_CLI_MLFLOW_TAG] = 100};

/* What is gathered, and for when. */
struct gather {
    struct weir_cli_mlflow_batches *out;
    uint64_t timestamp_ms;
};

/* --- items ------------------------------------------------------------------------------------ */

/* Turns a name into a key: letters, digits, "_-./ " and no "..", "//" or '/' at its beginning;
 * "recall@0.5" becomes "recall_at_0.5". */
static void make_key(const char *name, char out[KEY_BYTES])
{
    size_t n = 0;
    for (; *name && n + 4 < KEY_BYTES; name++) {
        char c = *name;
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_mark = c == '.' || c == '/';
        if (c == '@') {
            memcpy(out + n, "_at_", 4);
            n += 4;
        } else if (is_plain || c == '-' || c == ' ') {
            out[n++] = c;
        } else {
            bool is_repeated = n == 0 || out[n - 1] == '.' || out[n - 1] == '/';
            out[n++] = is_mark && !is_repeated ? c : '_';
        }
    }
    while (n > 0 && (out[n - 1] == '.' || out[n - 1] == '/'))
        n--;
    out[n] = '\0';
}

/* Begins an item of a kind in the first batch that has room; NULL: there is none. */
static struct weir_buf *begin_item(struct gather *g, enum weir_cli_mlflow_kind kind,
                                   const char *name)
{
    char key[KEY_BYTES];
    for (size_t i = 0; i < WEIR_CLI_MLFLOW_BATCHES_MAX; i++) {
        struct weir_cli_mlflow_batch *b = &g->out->at[i];
        if (b->n_items[kind] == items_max[kind])
            continue;
        g->out->n = weir_max_size(g->out->n, i + 1);
        make_key(name, key);
        weir_buf_append_c(&b->items[kind], b->n_items[kind]++ > 0 ? ",{\"key\":" : "{\"key\":");
        weir_codec_json_append_text(&b->items[kind], weir_str_c(key));
        weir_buf_append_c(&b->items[kind], ",\"value\":");
        return &b->items[kind];
    }
    return NULL;
}

/* Cuts a text to what a server takes, between two characters. */
static struct weir_str cut(struct weir_str text)
{
    size_t n = 0;
    while (n < text.n) {
        size_t more = weir_str_char_bytes(weir_str_make(text.at + n, text.n - n), false);
        more = more == 0 ? 1 : more;
        if (n + more > VALUE_BYTES_MAX)
            break;
        n += more;
    }
    return weir_str_make(text.at, n);
}

static void put_text(struct gather *g, enum weir_cli_mlflow_kind kind, const char *name,
                     struct weir_str text)
{
    struct weir_buf *item = text.n > 0 ? begin_item(g, kind, name) : NULL;
    if (!item)
        return;
    weir_codec_json_append_text(item, cut(text));
    weir_buf_append_byte(item, '}');
}

static void put_param(struct gather *g, const char *name, struct weir_str text)
{
    put_text(g, WEIR_CLI_MLFLOW_PARAM, name, text);
}

static void put_metric(struct gather *g, const char *name, double value)
{
    struct weir_buf *item = isfinite(value) ? begin_item(g, WEIR_CLI_MLFLOW_METRIC, name) : NULL;
    if (!item)
        return;
    weir_codec_number_append_f64(item, value, WEIR_CODEC_NUMBER_NONFINITE_NULL);
    weir_buf_printf(item, ",\"timestamp\":%llu,\"step\":0}", (unsigned long long)g->timestamp_ms);
}

/* --- what there is ---------------------------------------------------------------------------- */

/* Returns the name that MLflow's evaluators give a number (their defaults: of two classes the
 * positive one, of more the mean weighted by support), else its own. */
static const char *mlflow_name(const char *name, enum weir_gate_task task)
{
    static const struct {
        const char *name, *of_two, *of_many, *of_numbers;
    } names[] = {
        {"accuracy", "accuracy_score", "accuracy_score", NULL},
        {"precision", "precision_score", NULL, NULL},
        {"recall", "recall_score", NULL, NULL},
        {"f1", "f1_score", NULL, NULL},
        {"average_precision", "precision_recall_auc", NULL, NULL},
        {"precision_weighted", NULL, "precision_score", NULL},
        {"recall_weighted", NULL, "recall_score", NULL},
        {"f1_weighted", NULL, "f1_score", NULL},
        {"roc_auc_ovr_weighted", NULL, "roc_auc", NULL},
        {"mae", NULL, NULL, "mean_absolute_error"},
        {"mse", NULL, NULL, "mean_squared_error"},
        {"rmse", NULL, NULL, "root_mean_squared_error"},
        {"r2", NULL, NULL, "r2_score"},
        {"mape", NULL, NULL, "mean_absolute_percentage_error"},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
        const char *found = task == WEIR_GATE_BINARY       ? names[i].of_two
                            : task == WEIR_GATE_MULTICLASS ? names[i].of_many
                            : task == WEIR_GATE_REGRESSION ? names[i].of_numbers
                                                           : NULL;
        if (found && strcmp(name, names[i].name) == 0)
            return found;
    }
    return name;
}

static void put_evaluation(struct gather *g, const struct weir_gate_evaluation *e,
                           const char *prefix)
{
    for (size_t i = 0; i < e->n_metrics; i++) {
        const struct weir_gate_metric *m = &e->metrics[i];
        char name[KEY_BYTES];
        (void)snprintf(name, sizeof name, "%s%s", prefix, mlflow_name(m->name, e->holdout->task));
        put_metric(g, name, m->value);
        if (m->has_interval) {
            (void)snprintf(name, sizeof name, "%s%s.ci_low", prefix,
                           mlflow_name(m->name, e->holdout->task));
            put_metric(g, name, m->low);
            (void)snprintf(name, sizeof name, "%s%s.ci_high", prefix,
                           mlflow_name(m->name, e->holdout->task));
            put_metric(g, name, m->high);
        }
        if (m->why) {
            (void)snprintf(name, sizeof name, "undefined.%s%s", prefix,
                           mlflow_name(m->name, e->holdout->task));
            put_text(g, WEIR_CLI_MLFLOW_TAG, name, weir_str_c(m->why));
        }
    }
}

static void put_counts(struct gather *g, const struct weir_gate_evaluation *e)
{
    put_metric(g, "example_count", (double)e->holdout->n);
    if (!e->has_confusion || e->holdout->task != WEIR_GATE_BINARY || e->confusion.n_classes != 2)
        return;
    put_metric(g, "true_negatives", e->confusion.cells[0]);
    put_metric(g, "false_positives", e->confusion.cells[1]);
    put_metric(g, "false_negatives", e->confusion.cells[2]);
    put_metric(g, "true_positives", e->confusion.cells[3]);
}

/* A class is named by its label where that can be in a key, else by its place. */
static void name_class(const struct weir_gate_holdout *h, size_t k, char out[KEY_BYTES])
{
    char plain[64];
    char key[KEY_BYTES];
    (void)snprintf(plain, sizeof plain, "%.*s", WEIR_STR_ARG(h->classes[k]));
    make_key(plain, key);
    if (h->classes[k].n < sizeof plain && h->classes[k].n > 0 && strcmp(plain, key) == 0)
        (void)snprintf(out, KEY_BYTES, "class.%.200s", key);
    else
        (void)snprintf(out, KEY_BYTES, "class.%zu", k);
}

static void put_classes(struct gather *g, const struct weir_gate_evaluation *e)
{
    const struct weir_gate_holdout *h = e->holdout;
    if (!e->classes || h->task == WEIR_GATE_BINARY)
        return;
    for (size_t k = 0; k < h->n_classes && k < CLASSES_MAX; k++) {
        const struct weir_gate_class *c = &e->classes[k];
        const struct {
            const char *name;
            double value;
        } numbers[] = {{"precision", c->counts.precision},
                       {"recall", c->counts.recall},
                       {"f1", c->counts.f1},
                       {"roc_auc", c->roc_auc}};
        char prefix[KEY_BYTES];
        char name[KEY_BYTES + 16];
        name_class(h, k, prefix);
        for (size_t i = 0; i < WEIR_ARRAY_LEN(numbers); i++) {
            (void)snprintf(name, sizeof name, "%s.%s", prefix, numbers[i].name);
            put_metric(g, name, numbers[i].value);
        }
    }
}

static void put_delta(struct gather *g, const struct weir_gate_compare *c, enum weir_gate_task task)
{
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct weir_gate_delta *d = &c->deltas[i];
        char name[KEY_BYTES];
        (void)snprintf(name, sizeof name, "delta.%s", mlflow_name(d->name, task));
        put_metric(g, name, d->value);
        if (!d->has_interval)
            continue;
        (void)snprintf(name, sizeof name, "delta.%s.ci_low", mlflow_name(d->name, task));
        put_metric(g, name, d->low);
        (void)snprintf(name, sizeof name, "delta.%s.ci_high", mlflow_name(d->name, task));
        put_metric(g, name, d->high);
        (void)snprintf(name, sizeof name, "delta.%s.p", mlflow_name(d->name, task));
        put_metric(g, name, d->p);
    }
    if (c->has_decisions)
        put_metric(g, "disagreements", (double)c->n_disagreements);
}

static void put_params(struct gather *g, const struct weir_gate_report *r, const char *label)
{
    const struct weir_gate_source *source = r->candidate.source;
    const struct weir_gate_evaluation *e = r->candidate.evaluation;
    const struct weir_gate_holdout *h = e->holdout;
    char text[64];
    put_param(g, "model", source->model);
    put_param(g, "model.digest", source->digest);
    if (r->live.evaluation) {
        put_param(g, "baseline", r->live.source->model);
        put_param(g, "baseline.digest", r->live.source->digest);
    }
    put_param(g, "data", source->data);
    put_param(g, "data.digest", weir_str_c(h->digest));
    put_param(g, "data.label", weir_str_c(label));
    put_param(g, "task", weir_str_c(weir_gate_evaluation_task(h->task)));
    if (h->task == WEIR_GATE_BINARY && h->n_classes == 2)
        put_param(g, "positive", h->classes[1]);
    if (h->score_space)
        put_param(g, "score_space", weir_str_c(h->score_space));
    put_param(g, "threshold.policy", source->policy);
    if (e->has_choice) {
        (void)snprintf(text, sizeof text, "%.17g", e->choice.threshold);
        put_param(g, "threshold", weir_str_c(text));
    }
    (void)snprintf(text, sizeof text, "%g", e->alpha);
    put_param(g, "alpha", weir_str_c(text));
    put_param(g, "weir.version", WEIR_STR(WEIR_VERSION));
}

static void put_tags(struct gather *g, const struct weir_gate_report *r)
{
    put_text(g, WEIR_CLI_MLFLOW_TAG, "gate.verdict", r->verdict);
    put_text(g, WEIR_CLI_MLFLOW_TAG, "gate.code", r->code);
    put_text(g, WEIR_CLI_MLFLOW_TAG, "gate.reason", r->reason);
}

enum weir_status weir_cli_mlflow_batches_gather(struct weir_cli_mlflow_batches *batches,
                                                const struct weir_gate_report *report,
                                                const char *label, uint64_t timestamp_ms,
                                                struct weir_error *err)
{
    struct gather g = {.out = batches, .timestamp_ms = timestamp_ms};
    const struct weir_gate_evaluation *e = report->candidate.evaluation;
    put_params(&g, report, label);
    put_tags(&g, report);
    put_counts(&g, e);
    put_evaluation(&g, e, "");
    put_classes(&g, e);
    if (report->live.evaluation)
        put_evaluation(&g, report->live.evaluation, "baseline.");
    if (report->compare)
        put_delta(&g, report->compare, e->holdout->task);
    for (size_t i = 0; i < report->n_numbers; i++)
        put_metric(&g, report->numbers[i].name, report->numbers[i].candidate);
    for (size_t i = 0; i < batches->n; i++) {
        for (int k = 0; k < WEIR_CLI_MLFLOW_KINDS; k++) {
            if (!weir_buf_ok(&batches->at[i].items[k]))
                return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
        }
    }
    return WEIR_OK;
}

void weir_cli_mlflow_batches_deinit(struct weir_cli_mlflow_batches *batches)
{
    for (size_t i = 0; i < batches->n; i++) {
        for (int k = 0; k < WEIR_CLI_MLFLOW_KINDS; k++)
            weir_buf_deinit(&batches->at[i].items[k]);
    }
    batches->n = 0;
}

void weir_cli_mlflow_batches_append(const struct weir_cli_mlflow_batches *batches, size_t i,
                                    struct weir_buf *out)
{
    static const char *const names[WEIR_CLI_MLFLOW_KINDS] = {
        [WEIR_CLI_MLFLOW_METRIC] = ",\"metrics\":[",
        [WEIR_CLI_MLFLOW_PARAM] = ",\"params\":[",
        [WEIR_CLI_MLFLOW_TAG] = ",\"tags\":["};
    for (int k = 0; k < WEIR_CLI_MLFLOW_KINDS; k++) {
        weir_buf_append_c(out, names[k]);
        weir_buf_append_str(out, weir_buf_str(&batches->at[i].items[k]));
        weir_buf_append_byte(out, ']');
    }
}
