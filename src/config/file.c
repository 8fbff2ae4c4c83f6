/* SPDX-License-Identifier: MIT */
/* The YAML file: a map of options, and under model_options a map of models. Every message begins
 * with the place, `weir.yaml:3:7: `. */
#include "base/macros.h"
#include "codec/number.h"
#include "codec/yaml.h"
#include "config/read_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct file {
    struct weir_config *config;
    struct weir_str name;
    struct weir_error *err;
    enum weir_config_origin origin;
};

enum { ROOT_KEY_BYTES_MAX = 256 };

static const char *const file_words[] = {"model_options"};
static const char *const model_words[] = {"version_policy",  "labels",    "root_key", "gate",
                                          "drift_reference", "threshold", "shadow"};

static enum weir_status fail(const struct file *f, const struct weir_yaml *at, const char *what)
{
    return weir_error_set(f->err, WEIR_ERR_INVALID, "%.*s:%u:%u: %s", WEIR_STR_ARG(f->name),
                          at->line, at->column, what);
}

static enum weir_status fail_memory(const struct file *f)
{
    return weir_error_set(f->err, WEIR_ERR_NO_MEMORY, "out of memory");
}

/* Puts the place before a message that is set. */
static enum weir_status place(const struct file *f, const struct weir_yaml *at, enum weir_status st)
{
    if (st != WEIR_OK)
        (void)weir_error_prefix(f->err, "%.*s:%u:%u", WEIR_STR_ARG(f->name), at->line,
                                at->column); /* st is returned already. */
    return st;
}

static enum weir_status fail_unknown(const struct file *f, const struct weir_yaml *key,
                                     const char *nearest)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    (void)weir_str_echo(key->text, echo, sizeof echo); /* Always gives a text. */
    if (nearest)
        return weir_error_set(f->err, WEIR_ERR_INVALID,
                              "%.*s:%u:%u: unknown option \"%s\"; did you mean \"%s\"?",
                              WEIR_STR_ARG(f->name), key->line, key->column, echo, nearest);
    return weir_error_set(f->err, WEIR_ERR_INVALID, "%.*s:%u:%u: unknown option \"%s\"",
                          WEIR_STR_ARG(f->name), key->line, key->column, echo);
}

/* Checks that a value has the form that its row reads. */
static enum weir_status check_scalar(const struct file *f, const struct weir_config_row *row,
                                     const struct weir_yaml *v)
{
    char text[160];
    const char *what = NULL;
    if (v->kind == WEIR_YAML_LIST)
        what = "expected a single value, got a list";
    else if (v->kind == WEIR_YAML_MAP)
        what = "expected a single value, got a map";
    else if (v->kind == WEIR_YAML_NULL && row->kind != WEIR_CONFIG_TEXT)
        what = "has no value";
    else if (v->is_quoted && row->kind == WEIR_CONFIG_COUNT)
        what = "expected a whole number, got a text in quotes";
    else if (v->is_quoted && row->kind == WEIR_CONFIG_BOOL)
        what = "expected true or false, got a text in quotes";
    if (!what)
        return WEIR_OK;
    (void)snprintf(text, sizeof text, "%s: %s", row->name, what); /* Both are short. */
    return fail(f, v, text);
}

static enum weir_status read_list(const struct file *f, enum weir_config_option option,
                                  const struct weir_yaml *v)
{
    const struct weir_config_row *row = &weir_config_value_rows[option];
    weir_config_read_clear(f->config, option, f->origin);
    if (v->kind == WEIR_YAML_NULL)
        return WEIR_OK;
    if (v->kind != WEIR_YAML_LIST) {
        enum weir_status st = check_scalar(f, row, v);
        return st != WEIR_OK
                   ? st
                   : place(f, v,
                           weir_config_read_set(f->config, option, v->text, f->origin, f->err));
    }
    for (size_t i = 0; i < v->n_children; i++) {
        const struct weir_yaml *item = v->children[i];
        enum weir_status st = check_scalar(f, row, item);
        if (st == WEIR_OK)
            st = place(f, item,
                       weir_config_read_set(f->config, option, item->text, f->origin, f->err));
        if (st != WEIR_OK)
            return st;
    }
    return WEIR_OK;
}

static enum weir_status read_option(const struct file *f, enum weir_config_option option,
                                    const struct weir_yaml *v)
{
    const struct weir_config_row *row = &weir_config_value_rows[option];
    if (row->kind == WEIR_CONFIG_LIST)
        return read_list(f, option, v);
    enum weir_status st = check_scalar(f, row, v);
    if (st != WEIR_OK)
        return st;
    struct weir_str text = v->kind == WEIR_YAML_NULL ? WEIR_STR("") : v->text;
    return place(f, v, weir_config_read_set(f->config, option, text, f->origin, f->err));
}

static bool read_version(const struct weir_yaml *v, uint64_t *out)
{
    return v->kind == WEIR_YAML_SCALAR && weir_str_to_u64(v->text, UINT64_MAX, out) && *out > 0;
}

static enum weir_status read_policy(const struct file *f, struct weir_config_model *m,
                                    const struct weir_yaml *v)
{
    if (v->kind == WEIR_YAML_SCALAR && weir_str_eq_c(v->text, "latest")) {
        m->policy = WEIR_CONFIG_POLICY_LATEST;
        return WEIR_OK;
    }
    if (v->kind == WEIR_YAML_SCALAR && weir_str_eq_c(v->text, "all")) {
        m->policy = WEIR_CONFIG_POLICY_ALL;
        return WEIR_OK;
    }
    if (v->kind != WEIR_YAML_LIST || v->n_children == 0)
        return fail(f, v, "version_policy: expected latest, all or a list of version numbers");
    uint64_t *versions = weir_arena_array(&f->config->arena, v->n_children, sizeof *versions);
    if (!versions)
        return fail_memory(f);
    size_t n = 0;
    for (size_t i = 0; i < v->n_children; i++) {
        uint64_t number;
        if (!read_version(v->children[i], &number))
            return fail(f, v->children[i], "version_policy: expected a version number above 0");
        /* Insertion keeps them ascending; a number twice is one. */
        size_t at = n;
        while (at > 0 && versions[at - 1] > number)
            at--;
        if (at > 0 && versions[at - 1] == number)
            continue;
        memmove(versions + at + 1, versions + at, (n - at) * sizeof *versions);
        versions[at] = number;
        n++;
    }
    m->policy = WEIR_CONFIG_POLICY_NAMED;
    m->versions = versions;
    m->n_versions = n;
    return WEIR_OK;
}

static enum weir_status read_labels(const struct file *f, struct weir_config_model *m,
                                    const struct weir_yaml *v)
{
    if (v->kind != WEIR_YAML_MAP)
        return fail(f, v, "labels: expected a map of label: version");
    size_t n = v->n_children / 2;
    struct weir_config_label *labels =
        weir_arena_array(&f->config->arena, n ? n : 1, sizeof *labels);
    if (!labels)
        return fail_memory(f);
    for (size_t i = 0; i < n; i++) {
        const struct weir_yaml *key = v->children[2 * i];
        uint64_t digits;
        labels[i].name = key->text;
        if (!weir_str_is_name(key->text) || weir_str_to_u64(key->text, UINT64_MAX, &digits))
            return fail(f, key,
                        "labels: a label has letters, digits, \".\", \"_\" and \"-\", "
                        "and is no number");
        if (!read_version(v->children[2 * i + 1], &labels[i].version))
            return fail(f, v->children[2 * i + 1], "labels: expected a version number above 0");
    }
    m->labels = labels;
    m->n_labels = n;
    return WEIR_OK;
}

static enum weir_status read_shadow(const struct file *f, struct weir_config_model *m,
                                    const struct weir_yaml *v)
{
    return read_version(v, &m->shadow)
               ? WEIR_OK
               : fail(f, v, "shadow: expected the number of a version, above 0");
}

static enum weir_status read_root_key(const struct file *f, struct weir_config_model *m,
                                      const struct weir_yaml *v)
{
    if (v->kind != WEIR_YAML_SCALAR || v->text.n == 0 || v->text.n > ROOT_KEY_BYTES_MAX)
        return fail(f, v,
                    "root_key: expected a key, an index, or several of them with \"/\" between");
    m->root_key = v->text;
    return WEIR_OK;
}

static enum weir_status read_reference(const struct file *f, struct weir_config_model *m,
                                       const struct weir_yaml *v)
{
    if (v->kind != WEIR_YAML_SCALAR || v->text.n == 0)
        return fail(f, v, "drift_reference: expected the path of a CSV file");
    m->drift_reference = v->text;
    return WEIR_OK;
}

/* Keeps the gate as it is; the keys of a map are read by who judges. */
static enum weir_status read_gate(const struct file *f, struct weir_config_model *m,
                                  const struct weir_yaml *v)
{
    if (v->kind != WEIR_YAML_MAP && (v->kind != WEIR_YAML_SCALAR || v->text.n == 0))
        return fail(f, v, "gate: expected a map of keys, the path of a file, or off");
    m->gate = v;
    m->gate_name = weir_arena_str(&f->config->arena, f->name);
    return m->gate_name.at ? WEIR_OK : fail_memory(f);
}

/* One key of a threshold's map. */
static enum weir_status read_threshold_key(const struct file *f, struct weir_config_model *m,
                                           const struct weir_yaml *key, const struct weir_yaml *v)
{
    if (v->kind != WEIR_YAML_SCALAR || v->text.n == 0)
        return fail(f, v, "threshold: expected a number or a text");
    if (weir_str_eq_c(key->text, "value")) {
        if (!weir_codec_number_read_f64(v->text, &m->threshold) || !isfinite(m->threshold))
            return fail(f, v, "threshold: expected a number");
        m->has_threshold = true;
        return WEIR_OK;
    }
    if (weir_str_eq_c(key->text, "score"))
        m->threshold_score = v->text;
    else if (weir_str_eq_c(key->text, "positive"))
        m->threshold_positive = v->text;
    else
        return fail(f, key, "threshold: expected the keys value, score and positive");
    return WEIR_OK;
}

/* A number, or a map of it and what it is on. */
static enum weir_status read_threshold(const struct file *f, struct weir_config_model *m,
                                       const struct weir_yaml *v)
{
    const struct weir_yaml value = {.text = WEIR_STR("value")};
    if (v->kind != WEIR_YAML_MAP)
        return read_threshold_key(f, m, &value, v);
    for (size_t i = 0; i + 1 < v->n_children; i += 2) {
        enum weir_status st = read_threshold_key(f, m, v->children[i], v->children[i + 1]);
        if (st != WEIR_OK)
            return st;
    }
    return m->has_threshold ? WEIR_OK : fail(f, v, "threshold: expected the key value");
}

/* Finds the per-model row of a key; NULL: none. */
static const struct weir_config_model_row *find_model_row(struct weir_str key)
{
    for (size_t i = 0; i < WEIR_CONFIG_MODEL_ROW_N; i++) {
        const struct weir_config_model_row *row = &weir_config_value_model_rows[i];
        if (weir_str_eq_c(key, weir_config_value_rows[row->option].name))
            return row;
    }
    return NULL;
}

static enum weir_status read_model_key(const struct file *f, struct weir_config_model *m,
                                       const struct weir_yaml *key, const struct weir_yaml *v)
{
    if (weir_str_eq_c(key->text, "version_policy"))
        return read_policy(f, m, v);
    if (weir_str_eq_c(key->text, "labels"))
        return read_labels(f, m, v);
    if (weir_str_eq_c(key->text, "shadow"))
        return read_shadow(f, m, v);
    if (weir_str_eq_c(key->text, "root_key"))
        return read_root_key(f, m, v);
    if (weir_str_eq_c(key->text, "gate"))
        return read_gate(f, m, v);
    if (weir_str_eq_c(key->text, "drift_reference"))
        return read_reference(f, m, v);
    if (weir_str_eq_c(key->text, "threshold"))
        return read_threshold(f, m, v);
    const struct weir_config_model_row *row = find_model_row(key->text);
    if (!row) {
        char text[200];
        size_t option = weir_config_value_find(key->text);
        if (option == WEIR_CONFIG_OPTION_N)
            return fail_unknown(
                f, key,
                weir_config_value_nearest(key->text, model_words, WEIR_ARRAY_LEN(model_words)));
        (void)snprintf(text, sizeof text, "%s: cannot be set for one model",
                       weir_config_value_rows[option].name); /* Fits: names are short. */
        return fail(f, key, text);
    }
    const struct weir_config_row *option = &weir_config_value_rows[row->option];
    enum weir_status st = check_scalar(f, option, v);
    if (st != WEIR_OK)
        return st;
    st = weir_config_value_parse(option, v->text, (uint64_t *)(void *)((char *)m + row->offset),
                                 f->err);
    if (st != WEIR_OK)
        (void)weir_error_prefix(f->err, "%s", option->name); /* st is returned already. */
    return place(f, v, st);
}

/* Every value that the global options give: an unset field of a model reads as this. */
enum { UNSET = -1 };

static enum weir_status read_model(const struct file *f, struct weir_config_model *m,
                                   const struct weir_yaml *key, const struct weir_yaml *v)
{
    if (!weir_str_is_name(key->text))
        return fail(f, key, "model_options: not a model name");
    *m = (struct weir_config_model){.name = key->text};
    for (size_t i = 0; i < WEIR_CONFIG_MODEL_ROW_N; i++)
        *(uint64_t *)(void *)((char *)m + weir_config_value_model_rows[i].offset) = (uint64_t)UNSET;
    if (v->kind == WEIR_YAML_NULL)
        return WEIR_OK;
    if (v->kind != WEIR_YAML_MAP)
        return fail(f, v, "model_options: expected a map of options");
    for (size_t i = 0; i + 1 < v->n_children; i += 2) {
        enum weir_status st = read_model_key(f, m, v->children[i], v->children[i + 1]);
        if (st != WEIR_OK)
            return st;
    }
    return WEIR_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct weir_config_model *x = a;
    const struct weir_config_model *y = b;
    return weir_str_cmp(x->name, y->name);
}

static enum weir_status read_models(const struct file *f, const struct weir_yaml *v)
{
    f->config->by_model = NULL;
    f->config->n_by_model = 0;
    if (v->kind == WEIR_YAML_NULL)
        return WEIR_OK;
    if (v->kind != WEIR_YAML_MAP)
        return fail(f, v, "model_options: expected a map of models");
    size_t n = v->n_children / 2;
    struct weir_config_model *models =
        weir_arena_array(&f->config->arena, n ? n : 1, sizeof *models);
    if (!models)
        return fail_memory(f);
    for (size_t i = 0; i < n; i++) {
        enum weir_status st = read_model(f, &models[i], v->children[2 * i], v->children[2 * i + 1]);
        if (st != WEIR_OK)
            return st;
    }
    if (n > 1)
        qsort(models, n, sizeof *models, by_name);
    f->config->by_model = models;
    f->config->n_by_model = n;
    return WEIR_OK;
}

static enum weir_status parse(const struct file *f, struct weir_str yaml, struct weir_yaml **out)
{
    static const struct weir_yaml_limits limits = WEIR_YAML_LIMITS_DEFAULT;
    enum weir_status st = weir_codec_yaml_parse(out, &f->config->arena, yaml, &limits, f->err);
    if (st == WEIR_OK || !f->err)
        return st;
    /* The message begins with line and column; the name goes before without a space. */
    char text[WEIR_ERROR_MSG_BYTES];
    memcpy(text, f->err->msg, sizeof text);
    return weir_error_set(f->err, st, "%.*s:%s", WEIR_STR_ARG(f->name), text);
}

enum weir_status weir_config_file_read(struct weir_config *config, struct weir_str name,
                                       struct weir_str yaml, struct weir_error *err)
{
    struct file f = {config, name, err, WEIR_CONFIG_FROM_FILE};
    struct weir_yaml *root = NULL;
    enum weir_status st = parse(&f, yaml, &root);
    if (st != WEIR_OK || root->kind == WEIR_YAML_NULL)
        return st;
    if (root->kind != WEIR_YAML_MAP)
        return fail(&f, root, "expected a map of options");
    for (size_t i = 0; i + 1 < root->n_children; i += 2) {
        const struct weir_yaml *key = root->children[i];
        const struct weir_yaml *v = root->children[i + 1];
        size_t option = weir_config_value_find(key->text);
        if (weir_str_eq_c(key->text, "model_options"))
            st = read_models(&f, v);
        else if (option == WEIR_CONFIG_OPTION_N ||
                 !weir_str_eq_c(key->text, weir_config_value_rows[option].name))
            st = fail_unknown(
                &f, key,
                weir_config_value_nearest(key->text, file_words, WEIR_ARRAY_LEN(file_words)));
        else
            st = read_option(&f, (enum weir_config_option)option, v);
        if (st != WEIR_OK)
            return st;
    }
    return WEIR_OK;
}

enum weir_status weir_config_file_read_models(struct weir_config *config, struct weir_str name,
                                              struct weir_str yaml, struct weir_error *err)
{
    struct file f = {config, name, err, WEIR_CONFIG_FROM_FLAG};
    struct weir_yaml *root = NULL;
    enum weir_status st = parse(&f, yaml, &root);
    return st == WEIR_OK ? read_models(&f, root) : st;
}

void weir_config_file_inherit(struct weir_config *config)
{
    struct weir_config_model *any = &config->any_model;
    *any = (struct weir_config_model){.name = WEIR_STR("")};
    for (size_t i = 0; i < WEIR_CONFIG_MODEL_ROW_N; i++) {
        const struct weir_config_model_row *row = &weir_config_value_model_rows[i];
        size_t from = weir_config_value_rows[row->option].offset;
        uint64_t global = *(uint64_t *)(void *)((char *)config + from);
        *(uint64_t *)(void *)((char *)any + row->offset) = global;
        for (size_t j = 0; j < config->n_by_model; j++) {
            uint64_t *own = (uint64_t *)(void *)((char *)&config->by_model[j] + row->offset);
            if (*own == (uint64_t)UNSET)
                *own = global;
        }
    }
}
