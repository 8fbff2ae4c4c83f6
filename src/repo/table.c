/* SPDX-License-Identifier: MIT */
#include "repo/table.h"

#include "base/macros.h"
#include "base/mem.h"
#include "codec/digest.h"

#include <stdlib.h>

const struct weir_repo_entry *weir_repo_table_find(const struct weir_table *table,
                                                   struct weir_str name)
{
    size_t from = 0;
    size_t to = table->n_models;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = weir_str_cmp(table->models[middle].name, name);
        if (order == 0)
            return &table->models[middle];
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

const struct weir_version *weir_repo_table_version(const struct weir_repo_entry *entry,
                                                   struct weir_str version)
{
    if (version.n == 0)
        return entry->version;
    for (size_t i = 0; i < entry->n_versions; i++) {
        if (weir_str_eq(entry->versions[i]->number_text, version))
            return entry->versions[i];
    }
    for (size_t i = 0; i < entry->n_labels; i++) {
        if (weir_str_eq(entry->labels[i].name, version))
            return entry->labels[i].version;
    }
    return NULL;
}

/* --- making one --- */

struct maker {
    struct weir_repo_step *step;
    const struct weir_config *config;
    struct weir_arena *arena;
    struct weir_repo_source *const *sources;
    size_t n_sources;
};

static bool is_running(const struct weir_repo_live *live)
{
    return live->state == WEIR_REPO_READY || live->state == WEIR_REPO_ORPHANED;
}

static bool is_serving(const struct weir_repo_live *live)
{
    return is_running(live) && !live->is_shadow;
}

static bool copy(struct maker *k, struct weir_str s, struct weir_str *out)
{
    *out = weir_arena_str(k->arena, s);
    return out->at != NULL;
}

static int by_number(const void *a, const void *b)
{
    const struct weir_version *x = *(const struct weir_version *const *)a;
    const struct weir_version *y = *(const struct weir_version *const *)b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static bool put_versions(struct maker *k, const struct weir_repo_step_model *m,
                         struct weir_repo_entry *out)
{
    size_t n = 0;
    for (const struct weir_repo_live *live = m->live; live; live = live->next)
        n += is_serving(live);
    const struct weir_version **versions =
        weir_arena_array(k->arena, n ? n : 1, sizeof(struct weir_version *));
    if (!versions)
        return false;
    size_t i = 0;
    for (const struct weir_repo_live *live = m->live; live; live = live->next) {
        if (is_serving(live))
            versions[i++] = live->version;
        else if (is_running(live) && !out->shadow) /* The newest is first. */
            out->shadow = live->version;
    }
    if (n > 1)
        qsort(versions, n, sizeof(struct weir_version *), by_number);
    const struct weir_repo_live *chosen = weir_repo_step_default(k->step, m);
    out->versions = versions;
    out->n_versions = n;
    out->version = chosen ? chosen->version : NULL;
    return true;
}

static bool put_labels(struct maker *k, struct weir_repo_entry *out)
{
    const struct weir_config_model *options = weir_config_find_model(k->config, out->name);
    struct weir_repo_label *labels =
        weir_arena_array(k->arena, options->n_labels ? options->n_labels : 1, sizeof *labels);
    size_t n = 0;
    for (size_t i = 0; labels && i < options->n_labels; i++) {
        for (size_t j = 0; j < out->n_versions; j++) {
            if (out->versions[j]->number != options->labels[i].version)
                continue;
            labels[n].version = out->versions[j];
            if (!copy(k, options->labels[i].name, &labels[n].name))
                return false;
            n++;
        }
    }
    out->labels = labels;
    out->n_labels = n;
    return labels != NULL;
}

static bool put_live(struct maker *k, const struct weir_repo_live *live,
                     struct weir_repo_status *out)
{
    bool is_shadow = live->is_shadow && is_running(live);
    *out = (struct weir_repo_status){
        .state = is_shadow ? WEIR_REPO_SEEN : live->state,
        .number = live->version->number,
        .since_wall_ns = live->since_wall_ns,
        .attempts = 1,
    };
    struct weir_str reason = {NULL, 0};
    if (is_shadow)
        reason = WEIR_STR("is the shadow: it is compared with what answers, and never answers");
    else if (live->version->is_from_state_dir)
        reason = WEIR_STR("restored from the state directory");
    else if (live->state == WEIR_REPO_ORPHANED)
        reason = WEIR_STR("its file is gone");
    return copy(k, live->version->file, &out->file) &&
           copy(k, weir_str_c(live->version->digest_hex), &out->digest) &&
           copy(k, reason, &out->reason);
}

static bool put_attempt(struct maker *k, const struct weir_repo_source *s,
                        struct weir_repo_status *out)
{
    *out = (struct weir_repo_status){
        .state = s->state,
        .number = s->candidate_number ? s->candidate_number : s->number,
        .since_wall_ns = s->since_wall_ns,
        .attempts = s->attempts,
    };
    char hex[WEIR_CODEC_DIGEST_HEX_BYTES] = "";
    if (s->candidate)
        weir_codec_digest_hex(s->candidate->digest, hex);
    else if (s->is_gate_held)
        weir_codec_digest_hex(s->held_digest, hex);
    return copy(k, weir_str_c(s->file), &out->file) &&
           copy(k, weir_str_c(s->reason), &out->reason) && copy(k, weir_str_c(hex), &out->digest);
}

static bool put_status(struct maker *k, const struct weir_repo_step_model *m,
                       struct weir_repo_entry *out)
{
    size_t n = 0;
    size_t i = 0;
    for (const struct weir_repo_live *live = m->live; live; live = live->next)
        n++;
    for (size_t j = 0; j < k->n_sources; j++)
        n += k->sources[j]->model == m && k->sources[j]->has_attempt;
    struct weir_repo_status *status = weir_arena_array(k->arena, n ? n : 1, sizeof *status);
    if (!status)
        return false;
    /* Those that serve first, then attempts, then what retires. */
    for (const struct weir_repo_live *live = m->live; live; live = live->next) {
        if (is_serving(live) && !put_live(k, live, &status[i++]))
            return false;
    }
    for (size_t j = 0; j < k->n_sources; j++) {
        const struct weir_repo_source *s = k->sources[j];
        if (s->model == m && s->has_attempt && !put_attempt(k, s, &status[i++]))
            return false;
    }
    for (const struct weir_repo_live *live = m->live; live; live = live->next) {
        if (!is_serving(live) && !put_live(k, live, &status[i++]))
            return false;
    }
    out->status = status;
    out->n_status = n;
    return true;
}

static bool is_listed(const struct maker *k, const struct weir_repo_step_model *m)
{
    for (const struct weir_repo_live *live = m->live; live; live = live->next) {
        if (is_serving(live))
            return true;
    }
    for (size_t j = 0; j < k->n_sources; j++) {
        if (k->sources[j]->model == m)
            return true;
    }
    return false;
}

static bool put_models(struct maker *k, struct weir_table *table)
{
    size_t n_all;
    size_t n = 0;
    struct weir_repo_step_model *const *models = weir_repo_step_models(k->step, &n_all);
    struct weir_repo_entry *entries =
        weir_arena_zarray(k->arena, n_all ? n_all : 1, sizeof *entries);
    if (!entries)
        return false;
    for (size_t i = 0; i < n_all; i++) {
        struct weir_repo_entry *e = &entries[n];
        if (!is_listed(k, models[i]))
            continue;
        n++;
        if (!copy(k, weir_str_c(models[i]->name), &e->name) || !put_versions(k, models[i], e) ||
            !put_labels(k, e) || !put_status(k, models[i], e))
            return false;
        e->is_decided = weir_repo_step_is_decided(k->step, models[i]);
        table->n_serving += e->n_versions > 0;
    }
    table->models = entries;
    table->n_models = n;
    return true;
}

static bool has_version(const struct weir_table *table, struct weir_str model,
                        const struct weir_version *v)
{
    const struct weir_repo_entry *e = weir_repo_table_find(table, model);
    for (size_t i = 0; e && i < e->n_versions; i++) {
        if (e->versions[i] == v)
            return true;
    }
    return e && e->shadow == v;
}

static size_t count_versions(const struct weir_table *table)
{
    size_t n = 0;
    for (size_t i = 0; table && i < table->n_models; i++)
        n += table->models[i].n_versions + (table->models[i].shadow != NULL);
    return n;
}

/* What the table before had and this one has not. */
static bool put_retired(struct maker *k, struct weir_table *table, const struct weir_table *before)
{
    size_t n = 0;
    const struct weir_version **retired =
        weir_arena_array(k->arena, count_versions(before) + 1, sizeof(struct weir_version *));
    if (!retired)
        return false;
    for (size_t i = 0; before && i < before->n_models; i++) {
        const struct weir_repo_entry *e = &before->models[i];
        for (size_t j = 0; j < e->n_versions; j++) {
            if (!has_version(table, e->name, e->versions[j]))
                retired[n++] = e->versions[j];
        }
        if (e->shadow && !has_version(table, e->name, e->shadow))
            retired[n++] = e->shadow;
    }
    table->retired = retired;
    table->n_retired = n;
    return true;
}

/* What this table has and the one before had not. */
static bool put_news(struct maker *k, struct weir_repo_table_box *box,
                     const struct weir_table *before)
{
    size_t n_models;
    struct weir_repo_step_model *const *models = weir_repo_step_models(k->step, &n_models);
    struct weir_repo_table_news *news =
        weir_arena_zarray(k->arena, count_versions(&box->table) + 1, sizeof *news);
    size_t n = 0;
    if (!news)
        return false;
    for (size_t i = 0; i < n_models; i++) {
        struct weir_str name = weir_str_c(models[i]->name);
        for (const struct weir_repo_live *live = models[i]->live; live; live = live->next) {
            if (!is_serving(live) || (before && has_version(before, name, live->version)))
                continue;
            struct weir_repo_table_news *out = &news[n++];
            out->number = live->version->number;
            out->seen_ns = live->seen_ns;
            memcpy(out->digest_hex, live->version->digest_hex, sizeof out->digest_hex);
            if (!copy(k, name, &out->model) || !copy(k, live->version->file, &out->file))
                return false;
        }
    }
    box->news = news;
    box->n_news = n;
    return true;
}

struct weir_repo_table_box *weir_repo_table_new(struct weir_repo_step *step,
                                                const struct weir_config *config,
                                                struct weir_repo_table_box *before)
{
    char why[WEIR_REPO_REASON_BYTES];
    struct weir_repo_table_box *box = weir_mem_zalloc(weir_mem_default(), sizeof *box);
    if (!box)
        return NULL;
    weir_arena_init(&box->arena, weir_mem_default(), 0);
    struct maker k = {.step = step, .config = config, .arena = &box->arena};
    k.sources = weir_repo_step_sources(step, &k.n_sources);
    const struct weir_table *old = before ? &before->table : NULL;
    box->table.serial = old ? old->serial + 1 : 0;
    box->table.is_ready = weir_repo_step_is_ready(step, why, sizeof why);
    if (!copy(&k, weir_str_c(why), &box->table.unready_reason) || !put_models(&k, &box->table) ||
        !put_retired(&k, &box->table, old) || !put_news(&k, box, old)) {
        weir_repo_table_free(box);
        return NULL;
    }
    box->older = before;
    return box;
}

void weir_repo_table_free(struct weir_repo_table_box *box)
{
    weir_arena_deinit(&box->arena);
    weir_mem_free(weir_mem_default(), box);
}
