/* SPDX-License-Identifier: MIT */
/* One judgement: the gate is read, its files are looked at, a verdict on the same digests is looked
 * for, else the models are judged, and the verdict is kept.
 *
 * A file that is open for writing, that changed a moment ago, or that changes while it is read
 * gives no verdict at all: the job ends as canceled, and the machine asks again later. */
#include "base/clock.h"
#include "base/macros.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "gate/judge.h"
#include "repo/judge_priv.h"
#include "repo/read.h"
#include "repo/thresholds.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A judgement under way. */
struct trial {
    const struct weir_repo_judge_own *own;
    const struct weir_repo_verdicts *verdicts;
    const atomic_bool *is_canceled;
    struct weir_repo_judge_result *result;
    struct weir_error *failure;
    struct weir_arena arena; /* of the configuration's gate */
    struct weir_yaml *yaml;  /* NULL: none */
    struct weir_gate_file *gate;
    struct weir_gate_job job;
};

static bool is_stopped(void *ctx)
{
    /* Relaxed: it only ends work early. */
    return atomic_load_explicit((const atomic_bool *)ctx, memory_order_relaxed);
}

/* --- the gate and its files --- */

static enum weir_status read_gate(struct trial *t, struct weir_error *err)
{
    const struct weir_repo_judge_own *own = t->own;
    struct weir_gate_file_place place = {.folder = own->folder, .model = own->model};
    if (own->yaml.n > 0 && !t->yaml) {
        static const struct weir_yaml_limits limits = WEIR_YAML_LIMITS_DEFAULT;
        enum weir_status st =
            weir_codec_yaml_parse(&t->yaml, &t->arena, weir_buf_str(&own->yaml), &limits, err);
        if (st != WEIR_OK)
            return st;
    }
    place.yaml = t->yaml;
    place.yaml_name = own->yaml_of.n > 0 ? own->yaml_of.at : "model_options";
    weir_gate_file_free(WEIR_TAKE(t->gate));
    return weir_gate_file_read(&t->gate, &place, err);
}

static void add_path(struct weir_repo_judge_result *r, struct weir_str path)
{
    if (path.n == 0)
        return;
    weir_assert(r->n_paths < WEIR_REPO_GATES_FILES_MAX);
    char *own = weir_mem_strndup(weir_mem_default(), path.at, path.n);
    if (own) /* Else a change of it is seen no sooner than the model's. */
        r->paths[r->n_paths++] = own;
}

/* Lists the files of the gate: its own first, even if it could not be read. */
static void list_files(struct trial *t)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf path = WEIR_BUF_INIT;
    if (t->own->yaml.n == 0)
        weir_buf_printf(&path, "%s/%s.gate.yaml", t->own->folder, t->own->model);
    add_path(t->result, weir_buf_str(&path));
    if (!t->gate) { /* Something that it names may be missing: whatever comes may be it. */
        add_path(t->result, weir_str_c(t->own->folder));
        return;
    }
    if (path.n == 0 && t->gate->is_file)
        add_path(t->result, t->gate->name);
    add_path(t->result, t->gate->holdout);
    add_path(t->result, t->gate->rules_path);
    add_path(t->result, t->gate->smoke_path);
}

static struct weir_repo_gate_seen see(const struct trial *t)
{
    return weir_repo_gates_see(t->result->paths, t->result->n_paths, weir_buf_str(&t->own->yaml));
}

static bool has_writer(const struct trial *t)
{
    for (size_t i = 0; i < t->result->n_paths; i++) {
        int fd = open(t->result->paths[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        bool has = fd >= 0 && weir_repo_read_has_writer(fd);
        if (fd >= 0)
            (void)close(fd); /* Only looked at. */
        if (has)
            return true;
    }
    return false;
}

/* Finds whether the files may still be written. */
static bool is_settled(const struct trial *t, const struct weir_repo_gate_seen *seen)
{
    uint64_t from_ns = seen->changed_wall_ns;
    uint64_t now_ns = weir_clock_wall_ns();
    /* A time in the future says nothing. */
    bool is_old = from_ns > now_ns || weir_clock_add(from_ns, t->own->job.settle_ns) <= now_ns;
    return is_old && !has_writer(t);
}

/* --- the document's numbers --- */

static const char *member(const struct weir_codec_json *json, const char *object, const char *name)
{
    struct weir_str found;
    const char *value;
    if (!object || weir_codec_json_kind(object) != WEIR_CODEC_JSON_OBJECT)
        return NULL;
    struct weir_codec_json_iter it = weir_codec_json_iter(json, object);
    while (weir_codec_json_next_member(&it, &found, &value)) {
        if (weir_codec_json_string_eq(found, weir_str_c(name)))
            return value;
    }
    return NULL;
}

static void take_numbers(const struct weir_codec_json *json, const char *evaluation, bool is_live,
                         struct weir_repo_judge_numbers *out)
{
    const char *metrics = member(json, evaluation, "metrics");
    struct weir_str name;
    const char *metric;
    if (!metrics || weir_codec_json_kind(metrics) != WEIR_CODEC_JSON_OBJECT)
        return;
    struct weir_codec_json_iter it = weir_codec_json_iter(json, metrics);
    while (weir_codec_json_next_member(&it, &name, &metric)) {
        const char *value = member(json, metric, "value");
        bool is_number = value && weir_codec_json_kind(value) == WEIR_CODEC_JSON_NUMBER;
        if (!is_number || name.n >= WEIR_REPO_JUDGE_NAME_BYTES ||
            out->n == WEIR_REPO_JUDGE_NUMBERS_MAX)
            continue;
        struct weir_repo_judge_number *n = &out->at[out->n++];
        (void)snprintf(n->name, sizeof n->name, "%.*s", WEIR_STR_ARG(name)); /* It fits. */
        n->is_live = is_live;
        n->value = strtod(value, NULL); /* Ends at the first byte that is no number's. */
    }
}

void weir_repo_judge_numbers(struct weir_str document, struct weir_repo_judge_numbers *out)
{
    struct weir_codec_json_limits limits = WEIR_CODEC_JSON_LIMITS_INIT;
    struct weir_codec_json json;
    out->n = 0;
    weir_codec_json_init(&json, &limits, NULL);
    if (document.n > 0 && weir_codec_json_scan(&json, document, NULL) == WEIR_OK) {
        take_numbers(&json, member(&json, json.root, "evaluation"), false, out);
        take_numbers(&json, member(&json, json.root, "live_evaluation"), true, out);
    }
    weir_codec_json_deinit(&json);
}

/* --- verdicts --- */

static void copy_text(char *out, size_t cap, struct weir_str text)
{
    (void)snprintf(out, cap, "%.*s", WEIR_STR_ARG(text)); /* A cut text will do. */
}

/* Takes the documents over. */
static void enter_verdict(struct trial *t, struct weir_gate_verdict *v)
{
    static const enum weir_repo_verdict verdicts[] = {
        [WEIR_GATE_PASS] = WEIR_REPO_VERDICT_PASS,
        [WEIR_GATE_FAIL] = WEIR_REPO_VERDICT_FAIL,
        [WEIR_GATE_INCONCLUSIVE] = WEIR_REPO_VERDICT_INCONCLUSIVE,
    };
    struct weir_repo_verdicts_entry *e = &t->result->entry;
    e->verdict = verdicts[v->result];
    copy_text(e->code, sizeof e->code, weir_str_c(weir_gate_judge_code_name(v->code)));
    copy_text(e->reason, sizeof e->reason, weir_str_c(v->reason));
    e->n_uses = t->job.n_uses;
    e->has_threshold = v->has_threshold;
    e->threshold = v->threshold;
    copy_text(e->score_space, sizeof e->score_space, v->score_space);
    copy_text(e->positive, sizeof e->positive, v->positive);
    e->document = v->document;
    e->report = v->report;
    v->document = (struct weir_buf)WEIR_BUF_INIT;
    v->report = (struct weir_buf)WEIR_BUF_INIT;
}

/* No memory for a verdict is one all the same. */
static void enter_oom(struct trial *t, const struct weir_error *err)
{
    struct weir_repo_verdicts_entry *e = &t->result->entry;
    e->verdict = WEIR_REPO_VERDICT_INCONCLUSIVE;
    copy_text(e->code, sizeof e->code, weir_str_c(weir_gate_judge_code_name(WEIR_GATE_CODE_OOM)));
    copy_text(e->reason, sizeof e->reason, weir_str_c(err->msg));
}

static void refuse_gate(struct trial *t, const char *why)
{
    struct weir_gate_verdict v = {0};
    struct weir_error err = WEIR_ERROR_INIT;
    t->job.gate = NULL;
    if (weir_gate_judge_refuse(&t->job, WEIR_GATE_CODE_GATE_INVALID, why, &v, &err) != WEIR_OK) {
        enter_oom(t, &err);
        return;
    }
    enter_verdict(t, &v);
    weir_gate_judge_deinit(&v);
}

/* Writes the report where the gate wants it; a failure is told, and changes no verdict. */
static void write_report(struct trial *t)
{
    struct weir_str path = t->gate->report;
    const struct weir_buf *report = &t->result->entry.report;
    char folder[PATH_MAX];
    if (path.n == 0 || report->n == 0 || path.n >= sizeof folder)
        return;
    const char *slash = memrchr(path.at, '/', path.n);
    const char *name = slash ? slash + 1 : path.at;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash ? slash - path.at : 0), path.at);
    const char *where = folder[0] ? folder : slash ? "/" : ".";
    if (!weir_gate_file_allows(t->gate, where)) {
        (void)weir_error_set(t->failure, WEIR_ERR_INVALID,
                             "the report %.150s lies outside of the model's folder", path.at);
        return;
    }
    struct weir_repo_state_dir dir = {open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC), -1};
    if (dir.fd < 0 || strlen(name) >= WEIR_REPO_STATE_DIR_NAME_BYTES ||
        weir_repo_state_dir_replace(&dir, name, report->at, report->n, NULL) != WEIR_OK)
        (void)weir_error_set(t->failure, WEIR_ERR_IO, "the report %.150s cannot be written",
                             path.at);
    weir_repo_state_dir_close(&dir);
}

/* Looks for a verdict on the same digests. */
static bool find_kept(struct trial *t, const char *key)
{
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_status st = weir_repo_verdicts_find(t->verdicts, key, &t->result->entry, &err);
    if (st != WEIR_OK && st != WEIR_ERR_NOT_FOUND)
        (void)weir_error_set(t->failure, st, "a kept verdict is of no use: %.200s", err.msg);
    return st == WEIR_OK;
}

static void judge_models(struct trial *t, const char *key, bool has_key)
{
    struct weir_gate_verdict v = {0};
    struct weir_error err = WEIR_ERROR_INIT;
    uint64_t from_ns = weir_clock_ns();
    if (has_key)
        t->job.n_uses = weir_repo_verdicts_use(t->verdicts, weir_str_make(key + 17, 16),
                                               weir_str_make(key, 16));
    if (weir_gate_judge(&t->job, &v, &err) != WEIR_OK) {
        enter_oom(t, &err);
        return;
    }
    bool is_lasting = has_key && weir_gate_judge_is_lasting(&v);
    enter_verdict(t, &v);
    weir_gate_judge_deinit(&v);
    t->result->entry.ns = weir_clock_ns() - from_ns;
    if (is_stopped(t->job.ctx))
        return;
    write_report(t);
    if (is_lasting && weir_repo_verdicts_put(t->verdicts, key, &t->result->entry, &err) != WEIR_OK)
        (void)weir_error_set(t->failure, err.code, "%s", err.msg);
}

/* The threshold of a version that no gate chooses. */
static bool has_fixed_threshold(const struct weir_version *v)
{
    return v->threshold.is_set && strcmp(v->threshold.origin, "config") == 0;
}

/* A candidate that was judged before may have a threshold: a gate chooses it anew. */
static struct weir_gate_party party_of(const struct weir_version *v, bool is_candidate)
{
    if (!v)
        return (struct weir_gate_party){0};
    struct weir_gate_party party = {.model = v->model,
                                    .digest = weir_str_c(v->digest_hex),
                                    .version = v->number_text,
                                    .file = v->file};
    if (is_candidate ? has_fixed_threshold(v) : v->threshold.is_set) {
        party.has_threshold = true;
        party.threshold = v->threshold.value;
        party.score_space = weir_str_c(weir_output_name(v->threshold.score));
    }
    return party;
}

/* Finds whether the gate's positive class is that of a version's threshold. A class that the model
 * does not have is told by the judgement. */
static bool is_same_positive(const struct weir_gate_file *gate, const struct weir_version *v)
{
    struct weir_tensor_threshold t;
    return !v || !v->threshold.is_set ||
           weir_tensor_threshold_set(&t, v->spec, 0, WEIR_STR(""), gate->positive, "", NULL) !=
               WEIR_OK ||
           t.positive == v->threshold.positive;
}

/* Finds the threshold that the candidate is to serve with, and keeps it. */
static void choose_threshold(struct trial *t)
{
    const struct weir_version *v = t->own->job.candidate;
    struct weir_repo_verdicts_entry *e = &t->result->entry;
    struct weir_tensor_threshold *chosen = &t->result->threshold;
    struct weir_error err = WEIR_ERROR_INIT;
    if (has_fixed_threshold(v)) {
        *chosen = v->threshold;
        return;
    }
    if (e->has_threshold &&
        weir_tensor_threshold_set(chosen, v->spec, e->threshold, weir_str_c(e->score_space),
                                  weir_str_c(e->positive), "gate", &err) != WEIR_OK) {
        e->verdict = WEIR_REPO_VERDICT_INCONCLUSIVE;
        copy_text(e->code, sizeof e->code,
                  weir_str_c(weir_gate_judge_code_name(WEIR_GATE_CODE_INCONCLUSIVE)));
        copy_text(e->reason, sizeof e->reason, weir_str_c(err.msg));
        return;
    }
    if (weir_repo_thresholds_put(t->verdicts, weir_str_c(t->own->model), v->digest_hex, chosen,
                                 &err) != WEIR_OK)
        (void)weir_error_set(t->failure, err.code, "the threshold cannot be kept: %.200s", err.msg);
}

/* Finds the verdict. false: there is none, since a file may still be written. */
static bool decide(struct trial *t)
{
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_repo_judge_result *r = t->result;
    struct weir_gate_key key;
    char text[WEIR_GATE_KEY_TEXT_BYTES];
    enum weir_status st = read_gate(t, &err);
    list_files(t);
    r->judged.gate = see(t);
    if (!is_settled(t, &r->judged.gate))
        return false;
    if (st == WEIR_OK) /* Once more, now that what it consists of has been looked at. */
        st = read_gate(t, &err);
    if (st != WEIR_OK) {
        refuse_gate(t, err.msg);
        return true;
    }
    if (!t->gate)
        return false; /* It vanished; the next scan sees that. */
    t->job.gate = t->gate;
    if (!is_same_positive(t->gate, t->own->job.candidate)) {
        refuse_gate(t, "its positive class is not that of the model's threshold");
        return true;
    }
    if (!is_same_positive(t->gate, t->own->job.live))
        t->job.live.has_threshold = false;
    st = weir_gate_judge_key(&t->job, &key, &err);
    if (st == WEIR_OK)
        weir_gate_judge_key_text(&key, text);
    r->judged.is_reused = st == WEIR_OK && find_kept(t, text);
    if (!r->judged.is_reused)
        judge_models(t, text, st == WEIR_OK);
    if (st == WEIR_OK)
        memcpy(r->key, text, sizeof r->key);
    return see(t).print == r->judged.gate.print;
}

void weir_repo_judge_run(const struct weir_repo_judge_own *own,
                         const struct weir_repo_verdicts *verdicts, const atomic_bool *is_canceled,
                         struct weir_repo_judge_result *result, struct weir_error *failure)
{
    struct trial t = {.own = own,
                      .verdicts = verdicts,
                      .is_canceled = is_canceled,
                      .result = result,
                      .failure = failure};
    uint64_t from_ns = weir_clock_ns();
    weir_arena_init(&t.arena, weir_mem_default(), 0);
    t.job = (struct weir_gate_job){
        .model = weir_str_c(own->model),
        .candidate = party_of(own->job.candidate, true),
        .live = party_of(own->job.live, false),
        .wants_report = true,
        .is_stopped = is_stopped,
        .ctx = (void *)(uintptr_t)is_canceled, /* only read */
    };
    bool is_decided = decide(&t);
    result->judged.is_canceled = !is_decided || is_stopped(t.job.ctx);
    if (!result->judged.is_canceled)
        choose_threshold(&t);
    result->judged.ns = weir_clock_ns() - from_ns;
    if (!result->judged.is_canceled)
        weir_repo_judge_numbers(weir_buf_str(&result->entry.document), &result->numbers);
    weir_gate_file_free(t.gate);
    weir_arena_deinit(&t.arena);
}
