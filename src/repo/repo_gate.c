/* SPDX-License-Identifier: MIT */
/* The repository's gates: it hands candidates to the judge, takes verdicts in, and keeps what is
 * known of them for people. */
#include "base/macros.h"
#include "base/mem.h"
#include "codec/yaml.h"
#include "repo/repo_priv.h"

#include <stdio.h>
#include <unistd.h>

const char *weir_repo_gate_state_name(enum weir_repo_gate_state state)
{
    static const char *const names[] = {
#define NAME(code, name) name,
        WEIR_REPO_GATE_STATE_MAP(NAME)
#undef NAME
    };
    weir_assert((size_t)state < WEIR_ARRAY_LEN(names));
    return names[state];
}

/* --- verdicts --- */

static void tell_failure(struct weir_repo *repo)
{
    char reason[WEIR_REPO_REASON_BYTES];
    uint64_t n;
    if (!weir_repo_judge_take_failure(repo->judge, reason, sizeof reason, &n))
        return;
    repo->n_state_failures += n;
    if (repo->was_store_failing)
        return; /* One warning; the counter goes on. */
    repo->was_store_failing = true;
    weir_repo_tell_problem(repo, WEIR_REPO_EVENT_GATE_STORE, reason);
}

static void take_result(struct weir_repo *repo)
{
    struct weir_repo_judge_result result;
    if (!weir_repo_judge_take(repo->judge, &result))
        return;
    repo->is_judging = false;
    if (result.source)
        weir_repo_gates_learn(&repo->gates, weir_str_c(result.source), result.paths,
                              result.n_paths);
    struct weir_repo_judged judged = result.judged;
    if (!judged.is_canceled && result.model)
        weir_repo_gate_log_verdict(&repo->gate_log, &result, repo->judged_number,
                                   repo->judged_live_number);
    if (!judged.is_canceled) /* Before anybody else sees it. */
        repo->judged->threshold = result.threshold;
    repo->judged = NULL;
    weir_repo_step_judged(repo->step, &judged, weir_clock_ns(), weir_clock_wall_ns());
    weir_repo_judge_result_deinit(&result);
    weir_repo_pump(repo);
}

static void on_judge(void *arg)
{
    struct weir_repo *repo = arg;
    tell_failure(repo);
    take_result(repo);
    if (repo->is_stopping)
        weir_repo_close_when_ended(repo);
}

static void do_judge(struct weir_repo *repo, const struct weir_repo_action *a)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf yaml = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf folder = WEIR_BUF_INIT;
    const struct weir_repo_source *s = a->source;
    const char *root = repo->scanner.roots[s->root].path;
    const struct weir_config_model *options =
        weir_config_find_model(repo->config, weir_str_c(s->model->name));
    enum weir_status st = repo->is_stopping ? WEIR_ERR_CANCELED : WEIR_OK;
    if (options->gate)
        weir_codec_yaml_append(&yaml, options->gate);
    if (options->gate ||
        !weir_repo_gates_folder(root, weir_str_c(s->file), weir_str_c(s->model->name), &folder))
        weir_buf_append_c(&folder, root);
    if (!weir_buf_ok(&yaml) || !weir_buf_c(&folder))
        st = WEIR_ERR_NO_MEMORY;
    struct weir_repo_judge_job job = {.model = s->model->name,
                                      .source = s->key,
                                      .folder = folder.at,
                                      .yaml = weir_buf_str(&yaml),
                                      .yaml_of = options->gate_name,
                                      .candidate = a->version,
                                      .live = a->live,
                                      .settle_ns = repo->config->settle_ns};
    if (st == WEIR_OK)
        st = weir_repo_judge_give(repo->judge, &job);
    if (st != WEIR_OK) { /* It is asked for again later. */
        struct weir_repo_judged none = {.is_canceled = true};
        weir_repo_step_judged(repo->step, &none, weir_clock_ns(), weir_clock_wall_ns());
        return;
    }
    repo->is_judging = true;
    repo->judged = a->version;
    repo->judged_number = a->version->number;
    repo->judged_live_number = a->live ? a->live->number : 0;
    if (repo->callbacks.on_event)
        repo->callbacks.on_event(
            repo->callbacks.ctx,
            &(struct weir_repo_event){.kind = WEIR_REPO_EVENT_GATE_BEGUN,
                                      .model = weir_str_c(s->model->name),
                                      .number = a->version->number,
                                      .number_before = repo->judged_live_number,
                                      .digest = weir_str_c(a->version->digest_hex),
                                      .file = weir_str_c(s->file)});
}

static void do_note(struct weir_repo *repo, const struct weir_repo_note *note)
{
    struct weir_buf text = WEIR_BUF_INIT;
    const struct weir_repo_gate_log_model *m = weir_repo_gate_log_add(&repo->gate_log, note);
    if (repo->callbacks.on_verdict)
        repo->callbacks.on_verdict(repo->callbacks.ctx, note->model, note->verdict,
                                   note->forced.n > 0, note->ns);
    if (!m)
        return;
    weir_repo_gate_log_put(m, &text);
    weir_repo_judge_write(repo->judge, note->model, &text);
}

void weir_repo_gate_act(struct weir_repo *repo, const struct weir_repo_action *a)
{
    if (a->kind == WEIR_REPO_ACTION_JUDGE)
        do_judge(repo, a);
    else if (a->kind == WEIR_REPO_ACTION_CANCEL)
        weir_repo_judge_cancel(repo->judge);
    else if (a->kind == WEIR_REPO_ACTION_NOTE)
        do_note(repo, &a->note);
}

enum weir_status weir_repo_gate_open(struct weir_repo *repo)
{
    struct weir_error err = WEIR_ERROR_INIT;
    size_t n;
    struct weir_repo_step_model *const *models = weir_repo_step_models(repo->step, &n);
    enum weir_status st = weir_repo_verdicts_open(&repo->verdicts, &repo->state, &err);
    for (size_t i = 0; i < n; i++) { /* One that is damaged does not keep the others out. */
        enum weir_status one = weir_repo_gate_log_recall(&repo->gate_log, &repo->verdicts,
                                                         weir_str_c(models[i]->name), &err);
        st = one == WEIR_ERR_NOT_FOUND || one == WEIR_OK ? st : one;
    }
    if (st != WEIR_OK) {
        repo->was_store_failing = true;
        weir_repo_tell_problem(repo, WEIR_REPO_EVENT_GATE_STORE, err.msg);
    }
    return weir_repo_judge_new(&repo->judge, repo->loop, &repo->verdicts, on_judge, repo);
}

/* --- calls --- */

enum weir_status weir_repo_promote(struct weir_repo *repo, struct weir_str model,
                                   struct weir_str reason, struct weir_str by,
                                   struct weir_error *err)
{
    uint8_t digest[WEIR_REPO_DIGEST_BYTES];
    if (weir_repo_step_promotion_file(repo->step, model, digest)) {
        int fd = -1;
        if (weir_repo_state_dir_find(&repo->state, digest, &fd, NULL) != WEIR_OK)
            return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                                  "the file of the held version is gone, and it is not kept");
        (void)close(fd); /* Only whether it is there was asked. */
    }
    enum weir_status st = weir_repo_step_promote(repo->step, model, reason, by, weir_clock_ns(),
                                                 weir_clock_wall_ns(), err);
    weir_repo_pump(repo);
    return st;
}

bool weir_repo_gate_is_judging(const struct weir_repo *repo)
{
    return repo->is_judging;
}

/* Finds the state by the model's sources. */
static bool find_state(const struct weir_repo *repo, struct weir_str model,
                       struct weir_repo_gate *out)
{
    size_t n;
    struct weir_repo_source *const *sources = weir_repo_step_sources(repo->step, &n);
    bool is_there = false;
    for (size_t i = 0; i < n; i++) {
        const struct weir_repo_source *s = sources[i];
        if (!weir_str_eq_c(model, s->model->name))
            continue;
        is_there = true;
        enum weir_repo_gate_state state = s->gate.print ? WEIR_REPO_GATE_LIVE : WEIR_REPO_GATE_NONE;
        if (s->has_attempt && s->state == WEIR_REPO_HELD && s->is_gate_held)
            state = WEIR_REPO_GATE_HELD;
        else if (s->candidate)
            state = WEIR_REPO_GATE_JUDGING;
        if (state == WEIR_REPO_GATE_JUDGING || out->state == WEIR_REPO_GATE_NONE ||
            (state == WEIR_REPO_GATE_HELD && out->state == WEIR_REPO_GATE_LIVE))
            out->state = state;
        struct weir_str file = weir_repo_gates_file(&repo->gates, weir_str_c(s->key));
        struct weir_str root = weir_str_c(repo->scanner.roots[s->root].path);
        if (s->gate.print && file.n > 0)
            out->file = weir_str_starts(file, root) && file.n > root.n + 1
                            ? weir_str_make(file.at + root.n + 1, file.n - root.n - 1)
                            : file;
    }
    const struct weir_repo_entry *e = weir_repo_table_find(weir_repo_table(repo), model);
    if (out->state == WEIR_REPO_GATE_LIVE && !(e && e->version))
        out->state = WEIR_REPO_GATE_JUDGING; /* The first is on its way. */
    return is_there;
}

bool weir_repo_gate(const struct weir_repo *repo, struct weir_str model, struct weir_repo_gate *out)
{
    *out = (struct weir_repo_gate){.state = WEIR_REPO_GATE_NONE};
    bool is_there = find_state(repo, model, out);
    const struct weir_repo_gate_log_model *m = weir_repo_gate_log_find(&repo->gate_log, model);
    if (!is_there && !weir_repo_table_find(weir_repo_table(repo), model))
        return false;
    if (!m)
        return true;
    if (m->key[0]) /* candidate-holdout-gate-live */
        out->digest = weir_str_make(m->key + 34, 16);
    out->document = weir_buf_str(&m->document);
    out->report = weir_buf_str(&m->report);
    out->n_uses = m->n_uses;
    for (size_t i = 0; i < m->n; i++) {
        const struct weir_repo_note *note = &m->lines[i].note;
        out->lines[out->n_lines++] = (struct weir_repo_gate_line){
            note->number, note->digest, note->verdict, note->code,   note->reason,
            note->forced, note->by,     note->ns,      note->wall_ns};
    }
    return true;
}

enum weir_repo_gate_state weir_repo_gate_state(const struct weir_repo *repo, struct weir_str model)
{
    struct weir_repo_gate gate = {.state = WEIR_REPO_GATE_NONE};
    (void)find_state(repo, model, &gate);
    return gate.state;
}

uint64_t weir_repo_gate_uses(const struct weir_repo *repo, struct weir_str model)
{
    const struct weir_repo_gate_log_model *m = weir_repo_gate_log_find(&repo->gate_log, model);
    return m ? m->n_uses : 0;
}

bool weir_repo_gate_number(const struct weir_repo *repo, struct weir_str model, size_t i,
                           struct weir_repo_gate_number *out)
{
    const struct weir_repo_gate_log_model *m = weir_repo_gate_log_find(&repo->gate_log, model);
    if (!m || i >= m->numbers.n)
        return false;
    const struct weir_repo_judge_number *n = &m->numbers.at[i];
    *out = (struct weir_repo_gate_number){weir_str_c(n->name),
                                          n->is_live ? m->live_number : m->number, n->value};
    return true;
}
