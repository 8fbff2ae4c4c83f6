/* SPDX-License-Identifier: MIT */
/* What weir evaluate writes: files first, so that nothing is printed about what could not be kept.
 */
#include "cli/cli.h"
#include "cli/evaluate.h"
#include "cli/evaluate_table.h"
#include "cli/outfile.h"
#include "codec/json.h"
#include "codec/number.h"
#include "gate/plot.h"
#include "gate/rules.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* --- files ------------------------------------------------------------------------------------ */

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
static enum weir_status write_plots(const char *folder, const struct weir_gate_report *report,
                                    struct weir_buf *text, struct weir_error *err)
{
    const struct weir_gate_plot_sides sides = {.evaluation = report->candidate.evaluation,
                                               .other = report->live.evaluation,
                                               .name = report->candidate_name,
                                               .other_name = report->live_name};
    enum weir_status status = WEIR_OK;
    struct weir_buf path = WEIR_BUF_INIT;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < WEIR_GATE_PLOT_N && status == WEIR_OK; i++) {
        enum weir_gate_plot plot = (enum weir_gate_plot)i;
        if (!weir_gate_plot_has(sides.evaluation, plot))
            continue;
        weir_buf_clear(&path);
        weir_buf_printf(&path, "%s/%s.svg", folder, weir_gate_plot_name(plot));
        weir_gate_plot_append(text, &sides, plot, true);
        status = weir_buf_ok(&path) ? write_file(weir_buf_c(&path), text, err)
                                    : weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    }
    weir_buf_deinit(&path);
    return status;
}

enum weir_status weir_cli_evaluate_write(const struct weir_cli_evaluate *request,
                                         const struct weir_gate_report *report,
                                         struct weir_error *err)
{
    struct weir_buf text = WEIR_BUF_INIT;
    enum weir_status status = WEIR_OK;
    if (request->html) {
        weir_gate_report_append(&text, report);
        status = write_file(request->html, &text, err);
    }
    if (status == WEIR_OK && request->svg)
        status = write_plots(request->svg, report, &text, err);
    if (status == WEIR_OK && request->is_json)
        weir_cli_evaluate_document(&text, report, request->has_full_curves);
    else if (status == WEIR_OK)
        weir_cli_evaluate_table(&text, report, weir_cli_bold(stdout), weir_cli_plain(stdout));
    if (status == WEIR_OK && !weir_cli_put(stdout, &text))
        status = weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    weir_buf_deinit(&text);
    return status;
}

/* Artifacts are made anew: they are the bytes of the files, where these are written too. */
enum weir_status weir_cli_evaluate_log(const struct weir_cli_evaluate *request,
                                       const struct weir_gate_report *report,
                                       struct weir_error *err)
{
    struct weir_buf html = WEIR_BUF_INIT;
    struct weir_buf json = WEIR_BUF_INIT;
    struct weir_cli_mlflow_opts opts = request->mlflow;
    opts.label = request->holdout.label;
    weir_gate_report_append(&html, report);
    weir_cli_evaluate_document(&json, report, request->has_full_curves);
    enum weir_status status =
        weir_buf_ok(&html) && weir_buf_ok(&json)
            ? weir_cli_mlflow_log(&opts, report, weir_buf_str(&html), weir_buf_str(&json), err)
            : weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    weir_buf_deinit(&html);
    weir_buf_deinit(&json);
    return status;
}

/* --- the document ----------------------------------------------------------------------------- */

static void put_number(struct weir_buf *out, const char *before, double v)
{
    weir_buf_append_c(out, before);
    weir_codec_number_append_f64(out, v, WEIR_CODEC_NUMBER_NONFINITE_NULL);
}

static void put_text(struct weir_buf *out, const char *before, const char *text)
{
    weir_buf_append_c(out, before);
    weir_codec_json_append_text(out, weir_str_c(text));
}

static void put_delta(struct weir_buf *out, const struct weir_gate_delta *d, double alpha)
{
    put_text(out, "", d->name);
    put_number(out, ":{\"value\":", d->value);
    put_number(out, ",\"baseline\":", d->live);
    if (d->has_interval) {
        put_number(out, ",\"se\":", d->se);
        put_number(out, ",\"ci\":[", d->low);
        put_number(out, ",", d->high);
        put_number(out, "],\"p\":", d->p);
        put_text(out, ",\"method\":", d->method);
        put_number(out, ",\"alpha\":", alpha);
    }
    if (d->why)
        put_text(out, ",\"why\":", d->why);
    weir_buf_append_c(out, ",\"paired\":true}");
}

static void put_compare(struct weir_buf *out, const struct weir_gate_compare *c)
{
    weir_buf_append_c(out, ",\"delta\":{");
    for (size_t i = 0; i < c->n_deltas; i++) {
        if (i > 0)
            weir_buf_append_byte(out, ',');
        put_delta(out, &c->deltas[i], c->alpha);
    }
    weir_buf_append_byte(out, '}');
    if (!c->has_decisions)
        return;
    weir_buf_printf(out, ",\"disagreements\":{\"count\":%zu,\"gained\":%zu,\"lost\":%zu",
                    c->n_disagreements, c->n_gained, c->n_lost);
    put_number(out, ",\"p\":", c->p);
    weir_buf_append_c(out, ",\"lines\":[");
    for (size_t i = 0; i < c->n_lines; i++)
        weir_buf_printf(out, "%s%llu", i > 0 ? "," : "", (unsigned long long)c->lines[i]);
    weir_buf_append_c(out, "]}");
}

void weir_cli_evaluate_document(struct weir_buf *out, const struct weir_gate_report *report,
                                bool has_full_curves)
{
    weir_gate_document_append(out, report->candidate.evaluation, report->candidate.source,
                              has_full_curves);
    if (!weir_buf_ok(out))
        return;
    out->n--; /* The object goes on. */
    if (report->live.evaluation) {
        weir_buf_append_c(out, ",\"baseline\":");
        weir_gate_document_append(out, report->live.evaluation, report->live.source,
                                  has_full_curves);
        if (report->compare)
            put_compare(out, report->compare);
    }
    if (report->rules) {
        weir_buf_append_c(out, ",\"rules\":");
        weir_gate_rules_append(report->rules, out);
        weir_buf_printf(out, ",\"verdict\":\"%.*s\",\"reason\":", WEIR_STR_ARG(report->verdict));
        weir_codec_json_append_text(out, report->reason);
    }
    weir_buf_append_c(out, "}\n");
}
