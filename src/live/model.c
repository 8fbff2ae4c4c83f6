/* SPDX-License-Identifier: MIT */
#include "live/model.h"

#include "base/arena.h"
#include "base/macros.h"
#include "codec/number.h"

#include <math.h>
#include <string.h>

enum { DIGEST_BYTES = 64 };

/* A version and its windows; those of number % WEIR_LIVE_SPANS take turns. */
struct version {
    bool is_used;
    uint64_t number;
    char digest[DIGEST_BYTES + 1];
    uint64_t order; /* of the last attach; rises */
    uint16_t epoch; /* of this use of the slot */
    struct weir_live_shape shape;
    struct weir_live_layout layout;
    struct weir_arena arena;  /* all that follows */
    struct weir_str *classes; /* n_classes, as JSON */
    double *first;            /* n_bins: see struct weir_live_sum */
    bool *bin_is_used;
    bool *is_mixed;
    struct weir_live_total total;
    struct weir_live_window windows[WEIR_LIVE_SPANS];
};

struct weir_live_model {
    struct weir_mem *mem;
    struct weir_live_model_opts opts;
    uint32_t n_columns; /* room beside each record */
    uint64_t span_s;
    uint64_t order;
    struct weir_live_store *store;
    size_t store_bytes;
    struct version versions[WEIR_LIVE_VERSIONS_MAX];
};

const char *weir_live_model_join_name(enum weir_live_join join)
{
#define NAME(code, name, is_error) name,
    static const char *const names[] = {WEIR_LIVE_JOIN_MAP(NAME)};
#undef NAME
    return names[join];
}

enum weir_status weir_live_model_new(struct weir_live_model **out,
                                     const struct weir_live_model_opts *opts, uint32_t n_columns,
                                     struct weir_mem *mem)
{
    weir_assert(out);
    weir_assert(opts->window_s >= 1);
    struct weir_live_model *m = weir_mem_zalloc(mem, sizeof *m);
    if (!m)
        return WEIR_ERR_NO_MEMORY;
    m->mem = mem;
    m->opts = *opts;
    m->n_columns = n_columns > 1 ? n_columns : 0;
    m->span_s = (opts->window_s + WEIR_LIVE_SPANS - 1) / WEIR_LIVE_SPANS;
    struct weir_live_store_opts store = {
        .capacity = opts->capacity, .ttl_s = opts->ttl_s, .n_extra = m->n_columns};
    m->store_bytes = weir_live_store_bytes(&store);
    if (weir_live_store_new(&m->store, &store, mem) != WEIR_OK) {
        weir_mem_free(mem, m);
        return WEIR_ERR_NO_MEMORY;
    }
    *out = m;
    return WEIR_OK;
}

static void clear(struct version *v)
{
    uint16_t epoch = v->epoch;
    weir_arena_deinit(&v->arena);
    *v = (struct version){.epoch = epoch};
}

void weir_live_model_free(struct weir_live_model *model)
{
    if (!model)
        return;
    for (size_t i = 0; i < WEIR_LIVE_VERSIONS_MAX; i++) {
        if (model->versions[i].is_used)
            clear(&model->versions[i]);
    }
    weir_live_store_free(model->store);
    weir_mem_free(model->mem, model);
}

/* What a window of a version takes. */
static size_t window_bytes(const struct version *v)
{
    return v->layout.n * sizeof(uint32_t) +
           (v->windows[0].calibration ? sizeof(struct weir_eval_binned_calibration) : 0) +
           (v->windows[0].errors ? sizeof(struct weir_live_errors) : 0);
}

size_t weir_live_model_bytes(const struct weir_live_model *model)
{
    size_t bytes = sizeof *model + model->store_bytes;
    for (size_t i = 0; i < WEIR_LIVE_VERSIONS_MAX; i++) {
        const struct version *v = &model->versions[i];
        if (v->is_used)
            bytes += WEIR_LIVE_SPANS * window_bytes(v) +
                     v->shape.n_bins * (sizeof(double) + 2 * sizeof(bool));
    }
    return bytes;
}

const struct weir_live_store *weir_live_model_store(const struct weir_live_model *model)
{
    return model->store;
}

/* --- versions -------------------------------------------------------------------------------- */

/* Makes the windows and texts of a version. */
static bool fill(struct version *v, const struct weir_str *classes)
{
    const struct weir_live_shape *shape = &v->shape;
    bool is_binary = shape->task == WEIR_LIVE_BINARY && shape->has_score;
    bool is_ok = true;
    v->classes = weir_arena_zarray(&v->arena, shape->n_classes + 1, sizeof *v->classes);
    v->total.confusion =
        weir_arena_zarray(&v->arena, v->layout.n_confusion + 1, sizeof *v->total.confusion);
    is_ok = v->total.confusion != NULL;
    for (size_t i = 0; v->classes && i < shape->n_classes; i++) {
        v->classes[i] = weir_arena_str(&v->arena, classes[i]);
        is_ok = is_ok && v->classes[i].at;
    }
    if (is_binary) {
        v->first = weir_arena_zarray(&v->arena, shape->n_bins, sizeof *v->first);
        v->bin_is_used = weir_arena_zarray(&v->arena, shape->n_bins, sizeof *v->bin_is_used);
        v->is_mixed = weir_arena_zarray(&v->arena, shape->n_bins, sizeof *v->is_mixed);
        is_ok = is_ok && v->first && v->bin_is_used && v->is_mixed;
    }
    for (size_t i = 0; i < WEIR_LIVE_SPANS && is_ok && v->classes; i++) {
        struct weir_live_window *w = &v->windows[i];
        *w = (struct weir_live_window){.span = UINT64_MAX};
        /* Zeroed when its span begins. */
        w->counts = weir_arena_array(&v->arena, v->layout.n, sizeof *w->counts);
        if (is_binary && shape->space == WEIR_EVAL_BINNED_PROBABILITY) {
            w->calibration = weir_arena_alloc(&v->arena, sizeof *w->calibration);
            is_ok = is_ok && w->calibration;
        }
        if (shape->task == WEIR_LIVE_REGRESSION) {
            w->errors = weir_arena_alloc(&v->arena, sizeof *w->errors);
            is_ok = is_ok && w->errors;
        }
        is_ok = is_ok && w->counts;
    }
    return is_ok && v->classes;
}

/* Finds the slot of a version, or the one that is free or was attached longest ago. */
static struct version *choose(struct weir_live_model *m, uint64_t number, const char *digest)
{
    struct version *oldest = &m->versions[0];
    for (size_t i = 0; i < WEIR_LIVE_VERSIONS_MAX; i++) {
        struct version *v = &m->versions[i];
        if (v->is_used && v->number == number && strcmp(v->digest, digest) == 0)
            return v;
        if (oldest->is_used && (!v->is_used || v->order < oldest->order))
            oldest = v;
    }
    return oldest;
}

int weir_live_model_attach(struct weir_live_model *model, uint64_t number, const char *digest,
                           const struct weir_live_shape *shape, const struct weir_str *classes)
{
    weir_assert(model);
    weir_assert(strlen(digest) <= DIGEST_BYTES);
    struct version *v = choose(model, number, digest);
    bool is_known = v->is_used && v->number == number && strcmp(v->digest, digest) == 0;
    struct weir_live_shape own = *shape;
    if (own.n_columns > 1 && own.n_columns != model->n_columns) {
        own.n_columns = 0; /* Its scores have no room beside the records. */
        own.n_bins = 0;
        own.has_score = false;
    }
    if (is_known && own.n_features == v->shape.n_features &&
        (own.reference != NULL) == (v->layout.drift < v->layout.n)) {
        v->shape.reference = own.reference; /* The same version is back, with its reference. */
    } else {
        if (v->is_used)
            clear(v);
        v->epoch++;
        weir_arena_init(&v->arena, model->mem, 0);
        v->shape = own;
        v->layout = weir_live_window_layout(&own);
        v->number = number;
        memcpy(v->digest, digest, strlen(digest) + 1);
        v->is_used = true;
        if (!fill(v, classes)) {
            clear(v);
            return -1;
        }
    }
    v->order = ++model->order;
    return (int)(v - model->versions);
}

void weir_live_model_detach(struct weir_live_model *model, int slot)
{
    weir_assert(slot >= 0);
    weir_assert(slot < WEIR_LIVE_VERSIONS_MAX);
    model->versions[slot].shape.reference = NULL;
}

static const struct version *find_version(const struct weir_live_model *m, uint64_t number)
{
    const struct version *found = NULL;
    for (size_t i = 0; i < WEIR_LIVE_VERSIONS_MAX; i++) {
        const struct version *v = &m->versions[i];
        if (v->is_used && (number == 0 || v->number == number) &&
            (!found || v->order > found->order))
            found = v;
    }
    return found;
}

const struct weir_str *weir_live_model_classes(const struct weir_live_model *model,
                                               uint64_t version)
{
    const struct version *v = find_version(model, version);
    return v && v->shape.n_classes > 0 ? v->classes : NULL;
}

const char *weir_live_model_digest(const struct weir_live_model *model, uint64_t version)
{
    const struct version *v = version > 0 ? find_version(model, version) : NULL;
    return v ? v->digest : "";
}

/* --- windows --------------------------------------------------------------------------------- */

/* Finds the window of a time; NULL: it is past, whether or not another has its place already. */
static struct weir_live_window *window_at(const struct weir_live_model *m, struct version *v,
                                          uint64_t at_s, uint64_t now_s)
{
    uint64_t span = at_s / m->span_s;
    struct weir_live_window *w = &v->windows[span % WEIR_LIVE_SPANS];
    return w->span == span && span + WEIR_LIVE_SPANS > now_s / m->span_s ? w : NULL;
}

/* The same for now; an old one makes room. */
static struct weir_live_window *window_now(struct weir_live_model *m, struct version *v,
                                           uint64_t now_s)
{
    uint64_t span = now_s / m->span_s;
    struct weir_live_window *w = &v->windows[span % WEIR_LIVE_SPANS];
    if (w->span == span)
        return w;
    struct weir_live_window empty = {
        .span = span, .counts = w->counts, .calibration = w->calibration, .errors = w->errors};
    memset(w->counts, 0, v->layout.n * sizeof *w->counts);
    if (w->calibration)
        *w->calibration = (struct weir_eval_binned_calibration){0};
    if (w->errors)
        *w->errors = (struct weir_live_errors){0};
    *w = empty;
    return w;
}

/* Notes the score that a bin holds, and whether it held another. */
static void note(struct version *v, const struct weir_live_seen *seen)
{
    if (!v->first || seen->bin >= v->shape.n_bins)
        return;
    if (!v->bin_is_used[seen->bin]) {
        v->bin_is_used[seen->bin] = true;
        v->first[seen->bin] = seen->score;
    } else if (v->first[seen->bin] != seen->score) {
        v->is_mixed[seen->bin] = true;
    }
}

uint32_t weir_live_model_record(struct weir_live_model *model, int slot,
                                struct weir_live_key request,
                                const struct weir_live_observation *seen, uint64_t now_s)
{
    weir_assert(slot >= 0);
    weir_assert(slot < WEIR_LIVE_VERSIONS_MAX);
    struct version *v = &model->versions[slot];
    struct weir_live_window *w = window_now(model, v, now_s);
    uint32_t n_kept = 0;
    for (uint32_t i = 0; i < seen->n_rows; i++) {
        struct weir_live_key key = weir_live_key_of_row(request, i);
        struct weir_live_record *r = weir_live_store_put(model->store, key, (uint32_t)now_s);
        if (!r)
            continue;
        r->score = seen->rows[i].score;
        r->decided = (uint16_t)seen->rows[i].decided;
        r->version = (uint16_t)slot;
        r->epoch = v->epoch;
        if (v->shape.n_columns > 1)
            memcpy(weir_live_store_extra(model->store, r),
                   seen->bins + (size_t)i * v->shape.n_columns,
                   v->shape.n_columns * sizeof *seen->bins);
        weir_live_window_see(w, &v->shape, &v->layout, seen, i);
        note(v, &seen->rows[i]);
        n_kept++;
    }
    if (v->shape.reference && seen->n_sampled > 0)
        weir_live_window_see_features(w, &v->shape, &v->layout, seen);
    return n_kept;
}

/* --- labels ---------------------------------------------------------------------------------- */

/* A class's label without the quotes that it has in JSON. */
static struct weir_str unquoted(struct weir_str json)
{
    return json.n >= 2 && json.at[0] == '"' ? weir_str_make(json.at + 1, json.n - 2) : json;
}

/* A label as a number: true and false are 1 and 0. */
static bool number_of(struct weir_str text, double *out)
{
    if (weir_str_eq_c(text, "true") || weir_str_eq_c(text, "false")) {
        *out = text.n == 4;
        return true;
    }
    return weir_codec_number_read_f64(text, out);
}

/* Finds the class that a label is, by its text, or by its value where classes are numbers. */
static bool find_class(const struct version *v, const struct weir_live_label *label, double *out)
{
    double number;
    for (uint32_t i = 0; i < v->shape.n_classes; i++) {
        struct weir_str class = v->classes[i];
        bool is_text = class.n > 0 && class.at[0] == '"';
        if (weir_str_eq(unquoted(class), label->text) ||
            (!is_text && label->is_number && number_of(class, &number) &&
             number == label->number)) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* Finds the prediction by the names that the id may stand for. */
static enum weir_live_store_found find_record(struct weir_live_model *m,
                                              const struct weir_live_key_names *names,
                                              uint32_t now_s, struct weir_live_record **out)
{
    enum weir_live_store_found best = WEIR_LIVE_STORE_UNKNOWN;
    for (uint32_t i = 0; i < names->n; i++) {
        enum weir_live_store_found found =
            weir_live_store_find(m->store, names->keys[i], now_s, out);
        if (found == WEIR_LIVE_STORE_FOUND)
            return found;
        best = found < best ? found : best;
    }
    return best;
}

/* Counts a truth, or another one than before. */
static enum weir_live_join count(struct weir_live_model *m, struct version *v,
                                 struct weir_live_window *w, struct weir_live_record *r,
                                 double truth)
{
    const uint16_t *bins = v->shape.n_columns > 1 ? weir_live_store_extra(m->store, r) : NULL;
    enum weir_live_join join = WEIR_LIVE_JOIN_MATCHED;
    if (r->flags & WEIR_LIVE_RECORD_LABELLED) {
        if (r->truth == truth)
            return WEIR_LIVE_JOIN_DUPLICATE;
        if (m->opts.keeps_first)
            return WEIR_LIVE_JOIN_KEPT;
        weir_live_window_label(w, &v->shape, &v->layout, r, bins, true);
        join = WEIR_LIVE_JOIN_UPDATED;
    }
    r->flags |= WEIR_LIVE_RECORD_LABELLED;
    r->truth = truth;
    weir_live_window_label(w, &v->shape, &v->layout, r, bins, false);
    return join;
}

struct weir_live_joined weir_live_model_label(struct weir_live_model *model,
                                              const struct weir_live_label *label, uint64_t now_s)
{
    weir_assert(model);
    struct weir_live_joined out = {.join = WEIR_LIVE_JOIN_UNKNOWN};
    struct weir_live_record *r = NULL;
    double truth = label->number;
    switch (find_record(model, &label->names, (uint32_t)now_s, &r)) {
    case WEIR_LIVE_STORE_FOUND:
        break;
    case WEIR_LIVE_STORE_EXPIRED:
        out.join = WEIR_LIVE_JOIN_EXPIRED;
        return out;
    case WEIR_LIVE_STORE_SAMPLED_OUT:
        out.join = WEIR_LIVE_JOIN_SAMPLED_OUT;
        return out;
    case WEIR_LIVE_STORE_UNKNOWN:
        return out;
    }
    struct version *v = &model->versions[r->version];
    bool is_known = v->is_used && v->epoch == r->epoch;
    struct weir_live_window *w = is_known ? window_at(model, v, r->at_s, now_s) : NULL;
    if (!w) {
        out.join = WEIR_LIVE_JOIN_EXPIRED;
        return out;
    }
    bool is_truth = v->shape.task == WEIR_LIVE_REGRESSION ? label->is_number && isfinite(truth)
                                                          : find_class(v, label, &truth);
    if (!is_truth) {
        out.join = WEIR_LIVE_JOIN_UNKNOWN_CLASS;
        return out;
    }
    out.join = count(model, v, w, r, truth);
    bool is_counted = out.join == WEIR_LIVE_JOIN_MATCHED || out.join == WEIR_LIVE_JOIN_UPDATED;
    out.version = v->number;
    out.decided = r->decided;
    out.truth = v->shape.task == WEIR_LIVE_REGRESSION ? 0 : (uint32_t)truth;
    if (out.join == WEIR_LIVE_JOIN_MATCHED) {
        out.delay_s = now_s > r->at_s ? now_s - r->at_s : 0;
        weir_live_window_delay(w, &v->layout, out.delay_s);
        v->total.delays[weir_live_window_delay_place(out.delay_s)]++;
        v->total.delay_s += out.delay_s;
    }
    if (is_counted && v->shape.n_classes > WEIR_LIVE_CLASSES_MAX)
        v->total.confusion[out.truth == out.decided]++;
    else if (is_counted && v->shape.n_classes > 0)
        v->total.confusion[(size_t)out.truth * v->shape.n_classes + out.decided]++;
    return out;
}

/* --- sums ------------------------------------------------------------------------------------ */

static void add_version(struct weir_live_model *m, const struct version *v, uint64_t window_s,
                        uint64_t now_s, struct weir_live_sum *sum)
{
    uint64_t n_spans = window_s / m->span_s + (window_s % m->span_s > 0);
    uint64_t now = now_s / m->span_s;
    n_spans = n_spans < 1 ? 1 : n_spans > WEIR_LIVE_SPANS ? WEIR_LIVE_SPANS : n_spans;
    for (size_t i = 0; i < WEIR_LIVE_SPANS; i++) {
        const struct weir_live_window *w = &v->windows[i];
        if (w->span == UINT64_MAX || w->span > now || now - w->span >= n_spans)
            continue;
        weir_live_sum_add(sum, w);
        uint64_t from_s = w->span * m->span_s;
        if (sum->from_s == 0 || from_s < sum->from_s)
            sum->from_s = from_s;
    }
    weir_live_sum_total(sum, &v->total);
    if (v->first)
        weir_live_sum_note(sum, v->first, v->bin_is_used, v->is_mixed);
}

enum weir_status weir_live_model_sum(struct weir_live_model *model, uint64_t version,
                                     uint64_t window_s, uint64_t now_s, struct weir_live_sum *sum,
                                     struct weir_mem *mem)
{
    weir_assert(model);
    bool is_found = false;
    for (size_t i = 0; i < WEIR_LIVE_VERSIONS_MAX; i++) {
        const struct version *v = &model->versions[i];
        if (!v->is_used || (version != 0 && v->number != version))
            continue;
        struct weir_live_shape shape = v->shape;
        if (version == 0) /* Drift is of one version: others have other references. */
            shape.reference = NULL;
        if (!sum->has_shape && weir_live_sum_init(sum, &shape, mem) != WEIR_OK)
            return WEIR_ERR_NO_MEMORY;
        if (!weir_live_sum_fits(&sum->shape, &shape))
            return WEIR_ERR_UNSUPPORTED;
        add_version(model, v, window_s, now_s, sum);
        is_found = true;
    }
    return is_found ? WEIR_OK : WEIR_ERR_NOT_FOUND;
}
