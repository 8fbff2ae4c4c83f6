/* SPDX-License-Identifier: MIT */
/* The keys of a gate: one row and one function each. */
#include "base/clock.h"
#include "base/macros.h"
#include "base/near.h"
#include "base/unit.h"
#include "codec/csv.h"
#include "codec/yaml.h"
#include "gate/gate_file_priv.h"

#include <stdio.h>

static const uint64_t timeout_ns_max = 86400 * WEIR_NS_PER_S;

/* --- messages and texts ------------------------------------------------------------------------
 */

enum weir_status weir_gate_keys_fail(const struct weir_gate_keys *r, const struct weir_yaml *at,
                                     const char *what)
{
    return weir_error_set(r->err, WEIR_ERR_INVALID, "%s:%u:%u: %s%s%s", r->name, at->line,
                          at->column, r->key ? r->key : "", r->key ? ": " : "", what);
}

/* Puts the place before a message that is set. */
enum weir_status weir_gate_keys_place(const struct weir_gate_keys *r, const struct weir_yaml *at,
                                      enum weir_status status)
{
    if (status != WEIR_OK)
        (void)weir_error_prefix(r->err, "%s:%u:%u: %s", r->name, at->line, at->column,
                                r->key ? r->key : ""); /* status is returned already. */
    return status;
}

enum weir_status weir_gate_keys_no_memory(const struct weir_gate_keys *r)
{
    return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
}

enum weir_status weir_gate_keys_keep(const struct weir_gate_keys *r, struct weir_str text,
                                     struct weir_str *out)
{
    *out = weir_arena_str(&r->out->arena, text);
    return out->at ? WEIR_OK : weir_gate_keys_no_memory(r);
}

bool weir_gate_keys_is_text(const struct weir_yaml *v)
{
    return v->kind == WEIR_YAML_SCALAR && v->text.n > 0;
}

/* Finds whether a path stays below the folder as it is written. */
static bool is_below(struct weir_str path)
{
    if (path.n > 0 && path.at[0] == '/')
        return false;
    while (path.n > 0) {
        if (weir_str_eq_c(weir_str_split(&path, '/'), ".."))
            return false;
    }
    return true;
}

/* Puts the folder before a relative path. */
enum weir_status weir_gate_keys_path(const struct weir_gate_keys *r, const struct weir_yaml *v,
                                     struct weir_str *out)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf path = WEIR_BUF_INIT;
    if (!weir_gate_keys_is_text(v))
        return weir_gate_keys_fail(r, v, "expected the path of a file");
    if (!r->is_trusted && !is_below(v->text))
        return weir_gate_keys_fail(
            r, v, "a path in a gate beside a model stays below the model's folder");
    if (v->text.at[0] != '/' && *r->folder)
        weir_buf_printf(&path, "%s/", r->folder);
    weir_buf_append_str(&path, v->text);
    return weir_buf_ok(&path) ? weir_gate_keys_keep(r, weir_buf_str(&path), out)
                              : weir_gate_keys_no_memory(r);
}

/* --- the values of keys ------------------------------------------------------------------------
 */

static enum weir_status read_text(const struct weir_gate_keys *r, const struct weir_yaml *v,
                                  struct weir_str *out)
{
    return weir_gate_keys_is_text(v) ? weir_gate_keys_keep(r, v->text, out)
                                     : weir_gate_keys_fail(r, v, "expected a text");
}

static enum weir_status read_holdout(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    return weir_gate_keys_path(r, v, &r->out->holdout);
}

static enum weir_status read_label(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    return read_text(r, v, &r->out->label);
}

static enum weir_status read_weight(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    return read_text(r, v, &r->out->weight);
}

static enum weir_status read_positive(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    return read_text(r, v, &r->out->positive);
}

static enum weir_status read_slices(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    const struct weir_yaml *const one = v;
    bool is_list = v->kind == WEIR_YAML_LIST;
    size_t n = is_list ? v->n_children : 1;
    if (n > WEIR_GATE_FILE_SLICES_MAX)
        return weir_gate_keys_fail(r, v, "too many slices");
    r->out->slices = weir_arena_array(&r->out->arena, weir_max_size(n, 1), sizeof(struct weir_str));
    if (!r->out->slices)
        return weir_gate_keys_no_memory(r);
    for (size_t i = 0; i < n; i++) {
        enum weir_status status = read_text(r, is_list ? v->children[i] : one, &r->out->slices[i]);
        if (status != WEIR_OK)
            return status;
        r->out->n_slices++;
    }
    return WEIR_OK;
}

static enum weir_status read_rules(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    r->rules = v;
    return WEIR_OK;
}

static enum weir_status read_smoke(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    r->smoke = v;
    return WEIR_OK;
}

static enum weir_status read_threshold(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    if (!weir_gate_keys_is_text(v))
        return weir_gate_keys_fail(r, v, "expected a threshold policy");
    if (weir_str_eq_c(v->text, "argmax"))
        return WEIR_OK; /* As the model decides: what holds without a policy. */
    enum weir_status status =
        weir_gate_keys_place(r, v, weir_eval_policy_read(v->text, &r->out->threshold, r->err));
    if (status != WEIR_OK)
        return status;
    r->out->has_threshold = true;
    return weir_gate_keys_keep(r, v->text, &r->out->threshold_text);
}

/* Chooses one of two words; 0 or 1. */
static enum weir_status read_word(const struct weir_gate_keys *r, const struct weir_yaml *v,
                                  const char *const *words, size_t n, size_t *out)
{
    char text[80];
    size_t at = (size_t)snprintf(text, sizeof text, "expected "); /* Few and short words. */
    for (size_t i = 0; i < n; i++) {
        if (weir_gate_keys_is_text(v) && weir_str_eq_c(v->text, words[i])) {
            *out = i;
            return WEIR_OK;
        }
        const char *between = i + 1 == n ? "" : i + 2 == n ? " or " : ", ";
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", words[i], between);
    }
    return weir_gate_keys_fail(r, v, text);
}

static enum weir_status read_choice(const struct weir_gate_keys *r, const struct weir_yaml *v,
                                    enum weir_gate_choice *out)
{
    static const char *const words[] = {"allow", "deny"};
    size_t i = 0;
    enum weir_status status = read_word(r, v, words, WEIR_ARRAY_LEN(words), &i);
    *out = i == 0 ? WEIR_GATE_ALLOW : WEIR_GATE_DENY;
    return status;
}

static enum weir_status read_first_deploy(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    return read_choice(r, v, &r->out->first_deploy);
}

static enum weir_status read_no_holdout(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    return read_choice(r, v, &r->out->no_holdout);
}

static enum weir_status read_signature(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    static const char *const words[] = {"same", "compatible", "any"}; /* as they are numbered */
    size_t i = WEIR_GATE_COMPATIBLE;
    enum weir_status status = read_word(r, v, words, WEIR_ARRAY_LEN(words), &i);
    r->out->signature = (enum weir_gate_likeness)i;
    return status;
}

static enum weir_status read_score_space(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    static const char *const words[] = {"margin", "proba"};
    size_t i = 0;
    enum weir_status status = read_word(r, v, words, WEIR_ARRAY_LEN(words), &i);
    r->out->ranks_by_proba = i == 1;
    return status;
}

static enum weir_status read_alpha(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    double *out = &r->out->alpha;
    return weir_gate_keys_is_text(v) && weir_codec_csv_number(v->text, out) && *out > 0 && *out < 1
               ? WEIR_OK
               : weir_gate_keys_fail(r, v, "expected a number between 0 and 1");
}

static enum weir_status read_timeout(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    uint64_t *out = &r->out->timeout_ns;
    return weir_gate_keys_is_text(v) && weir_unit_read_duration(v->text, out) && *out > 0 &&
                   *out <= timeout_ns_max
               ? WEIR_OK
               : weir_gate_keys_fail(r, v,
                                     "expected a time with its unit such as 30s or 5m, up to 24h");
}

static enum weir_status read_memory_max(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    uint64_t *out = &r->out->memory_max;
    return weir_gate_keys_is_text(v) && weir_unit_read_size(v->text, out) && *out >= 1 << 20
               ? WEIR_OK
               : weir_gate_keys_fail(r, v, "expected a size such as 512MiB, at least 1MiB");
}

static enum weir_status read_count(const struct weir_gate_keys *r, const struct weir_yaml *v,
                                   uint64_t *out)
{
    return weir_gate_keys_is_text(v) && weir_str_to_u64(v->text, UINT32_MAX, out) && *out > 0
               ? WEIR_OK
               : weir_gate_keys_fail(r, v, "expected a whole number above 0");
}

static enum weir_status read_rows_max(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    return read_count(r, v, &r->out->rows_max);
}

static enum weir_status read_rows_min(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    return read_count(r, v, &r->out->rows_min);
}

static enum weir_status read_report(struct weir_gate_keys *r, const struct weir_yaml *v)
{
    enum weir_status status = weir_gate_keys_path(r, v, &r->out->report);
    if (status == WEIR_OK && !weir_str_ends(v->text, WEIR_STR(".html")))
        return weir_gate_keys_fail(r, v, "a report ends in .html");
    return status;
}

static const struct key {
    const char *name;
    enum weir_status (*read)(struct weir_gate_keys *r, const struct weir_yaml *v);
} keys[WEIR_GATE_KEYS_N] = {
    {"holdout", read_holdout},
    {"label", read_label},
    {"weight", read_weight},
    {"positive", read_positive},
    {"slices", read_slices},
    {"rules", read_rules},
    {"threshold", read_threshold},
    {"smoke", read_smoke},
    {"first_deploy", read_first_deploy},
    {"no_holdout", read_no_holdout},
    {"signature", read_signature},
    {"score_space", read_score_space},
    {"alpha", read_alpha},
    {"timeout", read_timeout},
    {"rows_max", read_rows_max},
    {"rows_min", read_rows_min},
    {"memory_max", read_memory_max},
    {"report", read_report},
};

enum weir_status weir_gate_keys_read(struct weir_gate_keys *r, const struct weir_yaml *key,
                                     const struct weir_yaml *v)
{
    const char *names[WEIR_ARRAY_LEN(keys)];
    char text[WEIR_ECHO_BUF_BYTES + 80];
    char echo[WEIR_ECHO_BUF_BYTES];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(keys); i++) {
        names[i] = keys[i].name;
        if (!weir_str_eq_c(key->text, keys[i].name))
            continue;
        r->key = keys[i].name;
        enum weir_status status = keys[i].read(r, v);
        r->key = NULL;
        return status;
    }
    const char *near = weir_near_find(key->text, names, WEIR_ARRAY_LEN(names));
    weir_str_echo(key->text, echo, sizeof echo);
    (void)snprintf(text, sizeof text,
                   near ? "unknown key \"%s\"; did you mean \"%s\"?" : "unknown key \"%s\"", echo,
                   near); /* Cut at the end at worst. */
    return weir_gate_keys_fail(r, key, text);
}

const char *weir_gate_keys_name(size_t i)
{
    weir_assert(i < WEIR_GATE_KEYS_N);
    return keys[i].name;
}
