/* SPDX-License-Identifier: MIT */
#include "cli/check_gate.h"

#include "base/clock.h"
#include "cli/args.h"
#include "cli/check_gate_table.h"
#include "cli/file.h"
#include "cli/outfile.h"
#include "cli/progress.h"
#include "gate/judge.h"
#include "gate/report.h"
#include <weir/format.h>

#include <string.h>

enum { CANDIDATE, LIVE, SIDES };

/* A model file. */
struct side {
    const char *path; /* NULL: none */
    struct weir_cli_file file;
    struct weir_model *model;
};

/* What is asked for, and what came of it. */
struct check {
    struct side sides[SIDES];
    const char *gate; /* NULL: beside the candidate */
    const char *html; /* NULL: no report */
    uint64_t n_uses;
    bool is_json;
    struct weir_gate_file *file;
    struct weir_cli_progress progress;
    const char *phase;
    struct weir_buf table; /* of the numbers */
};

/* --- the models and the gate -------------------------------------------------------------------
 */

static enum weir_status load(struct side *side, struct weir_error *err)
{
    enum weir_status status = weir_cli_file_read(&side->file, side->path, err);
    if (status != WEIR_OK)
        return status;
    status = weir_format_load_bytes(&side->model, side->file.bytes.at, side->file.bytes.n,
                                    side->path, NULL, err);
    if (status != WEIR_OK)
        (void)weir_error_prefix(err, "%s", side->path); /* status is returned. */
    weir_buf_deinit(&side->file.bytes);                 /* The model has what it needs. */
    return status;
}

static enum weir_status read_gate(struct check *c, struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf name = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf folder = WEIR_BUF_INIT;
    weir_cli_file_model_name(c->sides[CANDIDATE].path, &name);
    weir_cli_file_model_folder(c->sides[CANDIDATE].path, &folder);
    if (!weir_buf_ok(&name) || !weir_buf_ok(&folder))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    const struct weir_gate_file_place place = {
        .folder = weir_buf_c(&folder), .model = weir_buf_c(&name), .path = c->gate};
    enum weir_status status = weir_gate_file_read(&c->file, &place, err);
    if (status == WEIR_OK && !c->file)
        status = weir_error_set(err, WEIR_ERR_NOT_FOUND,
                                "there is no %s/%s.gate.yaml; name a gate with --gate",
                                place.folder, place.model);
    return status;
}

/* --- judging -----------------------------------------------------------------------------------
 */

static void on_progress(void *ctx, const char *phase, uint64_t done, uint64_t total)
{
    struct check *c = ctx;
    uint64_t now_ns = weir_clock_ns();
    if (phase != c->phase)
        weir_cli_progress_phase(&c->progress, phase, total ? "bytes" : NULL, now_ns);
    c->phase = phase;
    if (total > 0)
        weir_cli_progress_step(&c->progress, done, total, done, now_ns);
}

static void on_show(void *ctx, const struct weir_gate_report *report)
{
    struct check *c = ctx;
    if (!c->is_json)
        weir_cli_check_gate_table(&c->table, report, weir_cli_bold(stdout), weir_cli_red(stdout),
                                  weir_cli_plain(stdout));
}

/* Writes a file whole or not at all. */
static enum weir_status write_report(const char *path, struct weir_buf *text,
                                     struct weir_error *err)
{
    struct weir_cli_outfile out = {.path = NULL};
    if (text->n == 0)
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "%s: nothing was measured, so there is no report", path);
    enum weir_status status = weir_cli_outfile_open(&out, path, err);
    if (status == WEIR_OK)
        status = weir_cli_outfile_put(&out, text, err);
    if (status == WEIR_OK)
        status = weir_cli_outfile_finish(&out, err);
    weir_cli_outfile_close(&out);
    return status;
}

/* Shows a verdict; returns what the process ends with. */
static int show(struct check *c, struct weir_gate_verdict *v)
{
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_buf text = WEIR_BUF_INIT;
    bool is_red = v->result != WEIR_GATE_PASS;
    if (c->is_json) {
        weir_buf_append_str(&text, weir_buf_str(&v->document));
        weir_buf_append_byte(&text, '\n');
    } else {
        weir_buf_append_str(&text, weir_buf_str(&c->table));
        weir_buf_printf(&text, "%s%s%s", is_red ? weir_cli_red(stdout) : weir_cli_bold(stdout),
                        weir_gate_judge_result_name(v->result), weir_cli_plain(stdout));
        if (v->code != WEIR_GATE_CODE_OK && v->code != WEIR_GATE_CODE_INCONCLUSIVE)
            weir_buf_printf(&text, " (%s)", weir_gate_judge_code_name(v->code));
        weir_buf_printf(&text, ": %s\n", v->reason);
    }
    bool is_put = weir_buf_ok(&c->table) && weir_cli_put(stdout, &text);
    weir_buf_deinit(&text);
    if (!is_put)
        (void)weir_error_set(&err, WEIR_ERR_NO_MEMORY, "out of memory");
    else if (c->html)
        (void)write_report(c->html, &v->report, &err); /* err says what happened. */
    if (err.code != WEIR_OK && (v->report.n > 0 || v->result == WEIR_GATE_PASS))
        return weir_cli_fail(&err);
    if (err.code != WEIR_OK)
        (void)weir_cli_fail(&err); /* The verdict says more. */
    switch (v->result) {
    case WEIR_GATE_PASS:
        return WEIR_CLI_EXIT_OK;
    case WEIR_GATE_FAIL:
        return WEIR_CLI_CHECK_REFUSED;
    case WEIR_GATE_INCONCLUSIVE:
        return WEIR_CLI_CHECK_INCONCLUSIVE;
    }
    return WEIR_CLI_EXIT_FAILED;
}

static struct weir_gate_party party_of(const struct side *side)
{
    return (struct weir_gate_party){.model = side->model,
                                    .digest = weir_str_c(side->file.digest),
                                    .file = weir_str_c(side->path)};
}

static int judge(struct check *c)
{
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_error why = WEIR_ERROR_INIT;
    struct weir_gate_verdict verdict;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf name = WEIR_BUF_INIT;
    enum weir_status status = read_gate(c, &err);
    if (status == WEIR_OK && c->sides[LIVE].path)
        status = load(&c->sides[LIVE], &err);
    if (status != WEIR_OK)
        return weir_cli_fail_json(&err, c->is_json);
    enum weir_status loaded = load(&c->sides[CANDIDATE], &why);
    weir_cli_file_model_name(c->sides[CANDIDATE].path, &name);
    struct weir_gate_job job = {
        .model = weir_buf_str(&name),
        .candidate = party_of(&c->sides[CANDIDATE]),
        .live = party_of(&c->sides[LIVE]),
        .gate = c->file,
        .n_uses = c->n_uses,
        .wants_report = c->html != NULL,
        .progress = on_progress,
        .show = on_show,
        .ctx = c,
    };
    job.live.chooses_threshold = true; /* As it would have been when it was judged. */
    weir_cli_progress_init(&c->progress, "bytes", weir_clock_ns());
    if (loaded == WEIR_ERR_NOT_FOUND)
        return weir_cli_fail_json(&why, c->is_json);
    if (loaded != WEIR_OK)
        status = weir_gate_judge_refuse(
            &job, loaded == WEIR_ERR_NO_MEMORY ? WEIR_GATE_CODE_OOM : WEIR_GATE_CODE_LOAD_ERROR,
            why.msg, &verdict, &err);
    else
        status = weir_gate_judge(&job, &verdict, &err);
    weir_cli_progress_end(&c->progress);
    if (status != WEIR_OK)
        return weir_cli_fail_json(&err, c->is_json);
    int code = show(c, &verdict);
    weir_gate_judge_deinit(&verdict);
    return code;
}

/* --- the command line --------------------------------------------------------------------------
 */

static enum weir_status take_option(void *ctx, struct weir_cli_args *args, size_t index,
                                    struct weir_error *err)
{
    struct check *c = ctx;
    switch ((enum weir_cli_check_option)index) {
    case WEIR_CLI_CHECK_JSON:
        c->is_json = true;
        break;
    case WEIR_CLI_CHECK_GATE:
        c->gate = args->value;
        break;
    case WEIR_CLI_CHECK_LIVE:
        c->sides[LIVE].path = args->value;
        break;
    case WEIR_CLI_CHECK_HTML:
        c->html = args->value;
        break;
    case WEIR_CLI_CHECK_USES:
        return weir_cli_args_u64("uses", args->value, 1, UINT64_MAX, &c->n_uses, err);
    }
    return WEIR_OK;
}

static enum weir_status take_operand(void *ctx, const char *value, struct weir_error *err)
{
    struct check *c = ctx;
    if (c->sides[CANDIDATE].path)
        return weir_error_set(err, WEIR_ERR_INVALID, "one model is judged, not more");
    c->sides[CANDIDATE].path = value;
    return WEIR_OK;
}

bool weir_cli_check_gate_is_asked(int argc, char **argv)
{
    static const char *const names[] = {"--gate", "--live", "--html", "--uses"};
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        for (size_t k = 0; k < WEIR_ARRAY_LEN(names); k++) {
            size_t n = strlen(names[k]);
            if (strncmp(argv[i], names[k], n) == 0 && (argv[i][n] == '\0' || argv[i][n] == '='))
                return true;
        }
    }
    return false;
}

int weir_cli_check_gate(const struct weir_cli_command *self, int argc, char **argv)
{
    static const struct weir_cli_args_taker taker = {take_option, take_operand};
    struct check c = {.gate = NULL};
    int code = weir_cli_args_take(self, argc, argv, &taker, &c);
    if (code == WEIR_CLI_EXIT_OK && !c.sides[CANDIDATE].path)
        code = weir_cli_usage(self, "no model file is given");
    else if (code == WEIR_CLI_EXIT_OK)
        code = judge(&c);
    for (int i = 0; i < SIDES; i++) {
        weir_model_free(c.sides[i].model);
        weir_cli_file_deinit(&c.sides[i].file);
    }
    weir_gate_file_free(c.file);
    weir_buf_deinit(&c.table);
    return code;
}
