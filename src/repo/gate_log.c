/* SPDX-License-Identifier: MIT */
#include "repo/gate_log.h"

#include "base/macros.h"
#include "base/mem.h"
#include "repo/repo.h"

#include <stdio.h>

static size_t place_of(const struct weir_repo_gate_log *log, struct weir_str name)
{
    size_t from = 0;
    size_t to = log->n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (weir_str_cmp(weir_str_c(log->models[middle]->name), name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

struct weir_repo_gate_log_model *weir_repo_gate_log_find(const struct weir_repo_gate_log *log,
                                                         struct weir_str name)
{
    size_t at = place_of(log, name);
    return at < log->n && weir_str_eq_c(name, log->models[at]->name) ? log->models[at] : NULL;
}

static void free_model(struct weir_repo_gate_log_model *m)
{
    if (!m)
        return;
    weir_buf_deinit(&m->document);
    weir_buf_deinit(&m->report);
    weir_mem_free(weir_mem_default(), m->lines);
    weir_mem_free(weir_mem_default(), m->name);
    weir_mem_free(weir_mem_default(), m);
}

void weir_repo_gate_log_deinit(struct weir_repo_gate_log *log)
{
    for (size_t i = 0; i < log->n; i++)
        free_model(log->models[i]);
    weir_mem_free(weir_mem_default(), log->models);
    *log = (struct weir_repo_gate_log){0};
}

/* Finds or makes a model; NULL: no memory. */
static struct weir_repo_gate_log_model *open_model(struct weir_repo_gate_log *log,
                                                   struct weir_str name)
{
    struct weir_mem *mem = weir_mem_default();
    struct weir_repo_gate_log_model *m = weir_repo_gate_log_find(log, name);
    if (m)
        return m;
    if (log->n == log->cap) {
        size_t cap = log->cap ? log->cap * 2 : 8;
        struct weir_repo_gate_log_model **p =
            weir_mem_resize(mem, log->models, cap, sizeof(struct weir_repo_gate_log_model *));
        if (!p)
            return NULL;
        log->models = p;
        log->cap = cap;
    }
    m = weir_mem_zalloc(mem, sizeof *m);
    if (!m)
        return NULL;
    m->name = weir_mem_strndup(mem, name.at, name.n);
    m->lines = weir_mem_zarray(mem, WEIR_REPO_GATE_LINES_MAX, sizeof *m->lines);
    if (!m->name || !m->lines) {
        free_model(m);
        return NULL;
    }
    size_t at = place_of(log, name);
    memmove(log->models + at + 1, log->models + at,
            (log->n - at) * sizeof(struct weir_repo_gate_log_model *));
    log->models[at] = m;
    log->n++;
    return m;
}

static void set_documents(struct weir_repo_gate_log_model *m, struct weir_repo_verdicts_entry *e)
{
    weir_buf_deinit(&m->document);
    weir_buf_deinit(&m->report);
    m->document = e->document;
    m->report = e->report;
    m->n_uses = e->n_uses;
    e->document = (struct weir_buf)WEIR_BUF_INIT;
    e->report = (struct weir_buf)WEIR_BUF_INIT;
}

void weir_repo_gate_log_verdict(struct weir_repo_gate_log *log,
                                struct weir_repo_judge_result *result, uint64_t number,
                                uint64_t live_number)
{
    struct weir_repo_gate_log_model *m = open_model(log, weir_str_c(result->model));
    if (!m)
        return;
    set_documents(m, &result->entry);
    m->numbers = result->numbers;
    m->number = number;
    m->live_number = live_number;
    memcpy(m->key, result->key, sizeof m->key);
}

/* --- lines --- */

/* Texts of a line, in the order of their places. */
static void point_views(struct weir_repo_gate_log_line *line)
{
    line->note.model = weir_str_c(line->text[0]);
    line->note.digest = weir_str_c(line->text[1]);
    line->note.code = weir_str_c(line->text[2]);
    line->note.reason = weir_str_c(line->text[3]);
    line->note.forced = weir_str_c(line->text[4]);
    line->note.by = weir_str_c(line->text[5]);
}

static void put_text(struct weir_repo_gate_log_line *line, size_t i, struct weir_str text)
{
    size_t n = weir_min_size(text.n, sizeof line->text[i] - 1);
    for (size_t k = 0; k < n; k++)
        line->text[i][k] = text.at[k] == '\n' ? ' ' : text.at[k];
    line->text[i][n] = '\0';
}

/* Views are set anew, since lines move. */
static void point_all(struct weir_repo_gate_log_model *m)
{
    for (size_t i = 0; i < m->n; i++)
        point_views(&m->lines[i]);
}

struct weir_repo_gate_log_model *weir_repo_gate_log_add(struct weir_repo_gate_log *log,
                                                        const struct weir_repo_note *note)
{
    struct weir_repo_gate_log_model *m = open_model(log, note->model);
    const struct weir_str texts[WEIR_REPO_TEXTS] = {note->model,  note->digest, note->code,
                                                    note->reason, note->forced, note->by};
    if (!m)
        return NULL;
    size_t n = weir_min_size(m->n, WEIR_REPO_GATE_LINES_MAX - 1);
    memmove(m->lines + 1, m->lines, n * sizeof *m->lines);
    struct weir_repo_gate_log_line *line = &m->lines[0];
    *line = (struct weir_repo_gate_log_line){.note = *note};
    for (size_t i = 0; i < WEIR_REPO_TEXTS; i++)
        put_text(line, i, texts[i]);
    m->n = n + 1;
    point_all(m);
    return m;
}

/* --- as text ---
 *
 *     latest KEY NUMBER LIVE_NUMBER
 *     NUMBER VERDICT NS WALL_NS       a line, newest first, and its texts:
 *     digest, code, reason, forced, by, each on a line of its own */

void weir_repo_gate_log_put(const struct weir_repo_gate_log_model *m, struct weir_buf *out)
{
    weir_buf_printf(out, "latest %s %llu %llu\n", m->key, (unsigned long long)m->number,
                    (unsigned long long)m->live_number);
    for (size_t i = 0; i < m->n; i++) {
        const struct weir_repo_note *note = &m->lines[i].note;
        weir_buf_printf(out, "%llu %s %llu %llu\n", (unsigned long long)note->number,
                        weir_repo_verdict_name(note->verdict), (unsigned long long)note->ns,
                        (unsigned long long)note->wall_ns);
        for (size_t k = 1; k < WEIR_REPO_TEXTS; k++)
            weir_buf_printf(out, "%s\n", m->lines[i].text[k]);
    }
}

static bool take_number(struct weir_str *line, uint64_t *out)
{
    return weir_str_to_u64(weir_str_split(line, ' '), UINT64_MAX, out);
}

static bool take_line(struct weir_str *rest, struct weir_repo_gate_log_line *out)
{
    struct weir_str line = weir_str_split(rest, '\n');
    if (!take_number(&line, &out->note.number))
        return false;
    struct weir_str verdict = weir_str_split(&line, ' ');
    int v = 0;
    while (v < WEIR_REPO_VERDICT_N &&
           !weir_str_eq_c(verdict, weir_repo_verdict_name((enum weir_repo_verdict)v)))
        v++;
    if (v == WEIR_REPO_VERDICT_N || !take_number(&line, &out->note.ns) ||
        !take_number(&line, &out->note.wall_ns))
        return false;
    out->note.verdict = (enum weir_repo_verdict)v;
    for (size_t k = 1; k < WEIR_REPO_TEXTS; k++) {
        if (!rest->at)
            return false;
        put_text(out, k, weir_str_split(rest, '\n'));
    }
    return true;
}

enum weir_status weir_repo_gate_log_parse(struct weir_repo_gate_log *log, struct weir_str model,
                                          struct weir_str text, struct weir_error *err)
{
    struct weir_repo_gate_log_model *m = open_model(log, model);
    struct weir_str line = weir_str_split(&text, '\n');
    if (!m)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (!weir_str_eq_c(weir_str_split(&line, ' '), "latest"))
        return weir_error_set(err, WEIR_ERR_CORRUPT, "a gate's history is not understood");
    struct weir_str key = weir_str_split(&line, ' ');
    if (!take_number(&line, &m->number) || !take_number(&line, &m->live_number))
        return weir_error_set(err, WEIR_ERR_CORRUPT, "a gate's history is not understood");
    (void)snprintf(m->key, sizeof m->key, "%.*s", WEIR_STR_ARG(key)); /* It fits if it is one. */
    while (text.n > 0 && m->n < WEIR_REPO_GATE_LINES_MAX) {
        struct weir_repo_gate_log_line *out = &m->lines[m->n];
        if (!take_line(&text, out))
            return weir_error_set(err, WEIR_ERR_CORRUPT, "line %zu of a gate's history", m->n + 1);
        put_text(out, 0, model);
        point_views(out);
        m->n++;
    }
    return WEIR_OK;
}

enum weir_status weir_repo_gate_log_recall(struct weir_repo_gate_log *log,
                                           const struct weir_repo_verdicts *verdicts,
                                           struct weir_str model, struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    struct weir_repo_verdicts_entry e = {0};
    enum weir_status st = weir_repo_verdicts_history_read(verdicts, model, &text, err);
    if (st == WEIR_OK)
        st = weir_repo_gate_log_parse(log, model, weir_buf_str(&text), err);
    if (st != WEIR_OK)
        return st;
    struct weir_repo_gate_log_model *m = weir_repo_gate_log_find(log, model);
    st = m->key[0] ? weir_repo_verdicts_find(verdicts, m->key, &e, err) : WEIR_ERR_NOT_FOUND;
    if (st != WEIR_OK)
        return st == WEIR_ERR_NOT_FOUND ? WEIR_OK : st;
    set_documents(m, &e);
    weir_repo_judge_numbers(weir_buf_str(&m->document), &m->numbers);
    weir_repo_verdicts_deinit(&e);
    return WEIR_OK;
}
