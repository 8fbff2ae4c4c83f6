/* SPDX-License-Identifier: MIT */
/* Families are few and found one by one. Sums are made in groups of series that agree in their
 * other labels: a handful of stages, protocols and codes, however many models there are. */
#include "metric/selection.h"

#include "base/macros.h"

#include <string.h>

/* Series that agree in all labels but the model's and its version's. */
struct group {
    struct weir_str values[WEIR_METRIC_LABELS_MAX]; /* of its first series */
    uint64_t sum;
    struct weir_metric_histogram histogram;
};

/* A family on its way out. */
struct writer {
    const struct weir_metric_registry *registry;
    const struct weir_metric_family *family;
    size_t index; /* of the family */
    struct weir_str model;
    struct group *groups; /* n_groups of cap_groups; owned */
    size_t n_groups;
    size_t cap_groups;
    struct weir_buf *out;
};

static struct weir_mem *mem_of(const struct writer *w)
{
    return w->out->mem ? w->out->mem : weir_mem_default();
}

static bool is_label(const struct weir_metric_family *f, uint32_t i, const char *name)
{
    return strcmp(f->labels[i], name) == 0;
}

static bool is_summed_over(const struct weir_metric_family *f, uint32_t i)
{
    return is_label(f, i, "model") || is_label(f, i, "version");
}

/* Finds where a family is named; false: it is not, and not everything is wanted. */
static bool is_wanted(const struct weir_metric_selection *selection, struct weir_str name,
                      bool *is_summed)
{
    *is_summed = false;
    for (size_t i = 0; i < selection->n_names; i++) {
        if (weir_str_eq(selection->names[i], name)) {
            *is_summed = selection->is_summed[i];
            return true;
        }
    }
    return selection->n_names == 0;
}

static void write_one(struct writer *w, const struct weir_str *values, uint64_t sum,
                      const struct weir_metric_histogram *histogram)
{
    switch (w->family->type) {
    case WEIR_METRIC_COUNTER:
        weir_metric_text_u64(w->out, w->family, values, sum);
        break;
    case WEIR_METRIC_GAUGE:
        weir_metric_text_i64(w->out, w->family, values, (int64_t)sum);
        break;
    case WEIR_METRIC_HISTOGRAM:
        weir_metric_text_histogram(w->out, w->family, values, histogram);
        break;
    }
}

/* A series that is written as it is. */
static void on_series(void *ctx, const struct weir_str *values, uint64_t sum,
                      const struct weir_metric_histogram *histogram)
{
    struct writer *w = ctx;
    uint32_t n = weir_metric_text_n_labels(w->family);
    for (uint32_t i = 0; i < n; i++) {
        if (w->model.n > 0 && is_label(w->family, i, "model") && !weir_str_eq(values[i], w->model))
            return;
    }
    write_one(w, values, sum, histogram);
}

static bool is_of_group(const struct writer *w, const struct group *group,
                        const struct weir_str *values)
{
    uint32_t n = weir_metric_text_n_labels(w->family);
    for (uint32_t i = 0; i < n; i++) {
        if (!is_summed_over(w->family, i) && !weir_str_eq(group->values[i], values[i]))
            return false;
    }
    return true;
}

/* Finds a series' group or makes it; NULL: no memory. */
static struct group *group_of(struct writer *w, const struct weir_str *values)
{
    for (size_t i = 0; i < w->n_groups; i++) {
        if (is_of_group(w, &w->groups[i], values))
            return &w->groups[i];
    }
    if (w->n_groups == w->cap_groups) {
        size_t cap = w->cap_groups > 0 ? 2 * w->cap_groups : 8;
        struct group *groups = weir_mem_resize(mem_of(w), w->groups, cap, sizeof *groups);
        if (!groups)
            return NULL;
        w->groups = groups;
        w->cap_groups = cap;
    }
    struct group *group = &w->groups[w->n_groups];
    *group = (struct group){.sum = 0};
    if (w->family->type == WEIR_METRIC_HISTOGRAM &&
        weir_metric_registry_histogram_init(w->registry, w->index, &group->histogram) != WEIR_OK)
        return NULL;
    uint32_t n = weir_metric_text_n_labels(w->family);
    for (uint32_t i = 0; i < n; i++)
        group->values[i] = is_summed_over(w->family, i) ? WEIR_STR("") : values[i];
    w->n_groups++;
    return group;
}

/* A series that is added to its group. */
static void on_part(void *ctx, const struct weir_str *values, uint64_t sum,
                    const struct weir_metric_histogram *histogram)
{
    struct writer *w = ctx;
    struct group *group = group_of(w, values);
    if (!group) {
        w->out->failed = true; /* the caller sees it as any other want of memory */
        return;
    }
    group->sum += sum;
    if (histogram)
        weir_metric_histogram_merge(&group->histogram, histogram);
}

static void write_groups(struct writer *w)
{
    for (size_t i = 0; i < w->n_groups; i++) {
        write_one(w, w->groups[i].values, w->groups[i].sum, &w->groups[i].histogram);
        weir_metric_histogram_deinit(&w->groups[i].histogram);
    }
    weir_mem_free(mem_of(w), w->groups);
}

void weir_metric_selection_expose(const struct weir_metric_selection *selection,
                                  const struct weir_metric_registry *r, struct weir_buf *out)
{
    weir_assert(selection);
    weir_assert(r);
    weir_assert(out);
    size_t n_families;
    const struct weir_metric_family *families = weir_metric_registry_families(r, &n_families);
    for (size_t i = 0; i < n_families; i++) {
        bool is_summed;
        if (!is_wanted(selection, weir_str_c(families[i].name), &is_summed) ||
            weir_metric_registry_is_empty(r, i))
            continue;
        struct writer w = {.registry = r,
                           .family = &families[i],
                           .index = i,
                           .model = selection->model,
                           .out = out};
        weir_metric_text_family(out, w.family);
        if (weir_metric_registry_visit_all(r, i, is_summed ? on_part : on_series, &w) != WEIR_OK)
            out->failed = true;
        write_groups(&w);
    }
}

/* Returns the family that a HELP line begins; empty: it is another line. */
static struct weir_str family_of(struct weir_str line)
{
    struct weir_str help = WEIR_STR("# HELP ");
    if (!weir_str_starts(line, help))
        return WEIR_STR("");
    struct weir_str rest = weir_str_make(line.at + help.n, line.n - help.n);
    return weir_str_split(&rest, ' ');
}

void weir_metric_selection_cut(const struct weir_metric_selection *selection, struct weir_str text,
                               struct weir_buf *out)
{
    weir_assert(selection);
    weir_assert(out);
    bool is_in = selection->n_names == 0;
    while (text.n > 0) {
        const char *end = memchr(text.at, '\n', text.n);
        size_t n = end ? (size_t)(end - text.at) + 1 : text.n;
        struct weir_str line = weir_str_make(text.at, n);
        struct weir_str family = family_of(line);
        bool is_summed;
        if (family.n > 0)
            is_in = is_wanted(selection, family, &is_summed);
        if (is_in)
            weir_buf_append_str(out, line);
        text = weir_str_make(text.at + n, text.n - n);
    }
}
