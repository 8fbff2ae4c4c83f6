/* SPDX-License-Identifier: MIT */
/* Reading a gate: where it is, its keys, and the files that it names. Rules and smoke are taken
 * into memory whole, so that what is judged by is what was hashed; the holdout, which may be large,
 * is read when somebody judges. */
#include "gate/gate_file.h"

#include "base/clock.h"
#include "base/macros.h"
#include "codec/yaml.h"
#include "gate/gate_file_priv.h"
#include "gate/rulings.h"
#include "gate/smoke.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 1 << 20, ROWS_MAX = 1000000, ROWS_MIN = 30 };

static const uint64_t timeout_ns = 300 * WEIR_NS_PER_S;
static const uint64_t memory_max = UINT64_C(1) << 30;

/* --- files -------------------------------------------------------------------------------------
 */

bool weir_gate_file_is_inside(const char *folder, const char *path)
{
    char top[PATH_MAX];
    char real[PATH_MAX];
    if (!realpath(*folder ? folder : ".", top) || !realpath(path, real))
        return true; /* What is not there leads nowhere; opening it says so. */
    size_t n = strlen(top);
    return n == 1 || (strncmp(real, top, n) == 0 && (real[n] == '/' || real[n] == '\0'));
}

enum weir_status weir_gate_file_slurp(const char *path, size_t bytes_max, struct weir_buf *out,
                                      struct weir_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return weir_error_set(err, errno == ENOENT ? WEIR_ERR_NOT_FOUND : WEIR_ERR_IO, "%s: %s",
                              path, strerror(errno));
    enum weir_status status = WEIR_OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        status = weir_error_set(err, WEIR_ERR_IO, "%s: not a regular file", path);
    for (ssize_t n = 1; status == WEIR_OK && n > 0;) {
        if (out->n > bytes_max)
            status =
                weir_error_set(err, WEIR_ERR_LIMIT, "%s: larger than %zu bytes", path, bytes_max);
        else if (weir_buf_reserve(out, 65536) != WEIR_OK)
            status = weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
        if (status != WEIR_OK)
            break;
        do
            n = read(fd, out->at + out->n, 65536);
        while (n < 0 && errno == EINTR);
        if (n < 0)
            status = weir_error_set(err, WEIR_ERR_IO, "%s: %s", path, strerror(errno));
        out->n += n > 0 ? (size_t)n : 0;
    }
    (void)close(fd); /* It was only read. */
    return status;
}

/* Reads a file that a key names; the message begins with the key's place. */
static enum weir_status read_named(const struct weir_gate_keys *r, const struct weir_yaml *v,
                                   size_t bytes_max, struct weir_str *path, struct weir_str *out)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf bytes = WEIR_BUF_INIT;
    enum weir_status status = weir_gate_keys_path(r, v, path);
    if (status != WEIR_OK)
        return status;
    if (!r->is_trusted && !weir_gate_file_is_inside(r->folder, path->at))
        return weir_gate_keys_fail(r, v, "the file lies outside of the model's folder");
    status = weir_gate_keys_place(r, v, weir_gate_file_slurp(path->at, bytes_max, &bytes, r->err));
    return status == WEIR_OK ? weir_gate_keys_keep(r, weir_buf_str(&bytes), out) : status;
}

/* --- rules -------------------------------------------------------------------------------------
 */

/* Adds a line of rules and remembers where it stands. */
static enum weir_status add_rule(const struct weir_gate_keys *r, const struct weir_yaml *at,
                                 uint32_t line, struct weir_str text, struct weir_buf *all)
{
    struct weir_gate_file *out = r->out;
    if (memchr(text.at, '\n', text.n))
        return weir_gate_keys_fail(r, at, "a rule in a list is one line");
    bool is_inside = at->is_quoted && at->line == line; /* of quotes */
    out->lines[out->n_lines++] =
        (struct weir_gate_file_line){line, line == at->line ? at->column + is_inside : 1};
    weir_buf_append_str(all, text);
    weir_buf_append_byte(all, '\n');
    return WEIR_OK;
}

/* Adds an item of the list; "name: rule" without quotes is a map for YAML. */
static enum weir_status add_item(const struct weir_gate_keys *r, const struct weir_yaml *item,
                                 struct weir_buf *all)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    if (weir_gate_keys_is_text(item))
        return add_rule(r, item, item->line, item->text, all);
    if (item->kind != WEIR_YAML_MAP || item->n_children != 2 ||
        !weir_gate_keys_is_text(item->children[1]))
        return weir_gate_keys_fail(r, item, "expected a rule: a line of text");
    weir_buf_append_str(&text, item->children[0]->text);
    weir_buf_append_c(&text, ": ");
    weir_buf_append_str(&text, item->children[1]->text);
    if (!weir_buf_ok(&text))
        return weir_gate_keys_no_memory(r);
    return add_rule(r, item, item->line, weir_buf_str(&text), all);
}

/* Adds the lines of a block of text, which begins below its key. */
static enum weir_status add_block(const struct weir_gate_keys *r, const struct weir_yaml *v,
                                  struct weir_buf *all)
{
    struct weir_str rest = v->text;
    enum weir_status status = WEIR_OK;
    for (uint32_t line = v->line + 1; rest.n > 0 && status == WEIR_OK; line++)
        status = add_rule(r, v, line, weir_str_split(&rest, '\n'), all);
    return status;
}

/* Takes the rules: a list of lines, a block of text, or the path of a file. */
static enum weir_status take_rules(const struct weir_gate_keys *r)
{
    const struct weir_yaml *v = r->rules;
    struct weir_gate_file *out = r->out;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf all = WEIR_BUF_INIT;
    if (!v)
        return WEIR_OK;
    bool is_list = v->kind == WEIR_YAML_LIST;
    bool is_block = weir_gate_keys_is_text(v) && memchr(v->text.at, '\n', v->text.n);
    if (!is_list && !is_block)
        return read_named(r, v, WEIR_GATE_FILE_RULES_BYTES_MAX, &out->rules_path, &out->rules);
    size_t n = is_list ? v->n_children : v->text.n; /* lines at most */
    enum weir_status status = WEIR_OK;
    out->lines = weir_arena_array(&out->arena, weir_max_size(n, 1), sizeof *out->lines);
    if (!out->lines)
        return weir_gate_keys_no_memory(r);
    if (is_block)
        status = add_block(r, v, &all);
    for (size_t i = 0; is_list && i < n && status == WEIR_OK; i++)
        status = add_item(r, v->children[i], &all);
    if (status == WEIR_OK && !weir_buf_ok(&all))
        return weir_gate_keys_no_memory(r);
    if (status == WEIR_OK && all.n > WEIR_GATE_FILE_RULES_BYTES_MAX)
        return weir_gate_keys_fail(r, v, "longer than 64 KiB");
    return status == WEIR_OK ? weir_gate_keys_keep(r, weir_buf_str(&all), &out->rules) : status;
}

/* Puts where a mistake in the rules is before what it is: the message begins with "line L, column
 * C: " of the rules' text. */
static enum weir_status place_mistake(const struct weir_gate_keys *r, enum weir_status status,
                                      const struct weir_error *why)
{
    const struct weir_gate_file *g = r->out;
    unsigned line = 0;
    unsigned column = 0;
    int n = 0;
    if (sscanf(why->msg, "line %u, column %u: %n", &line, &column, &n) != 2 || n == 0 || line == 0)
        return weir_error_set(r->err, status, "%s:%u:%u: rules: %s", r->name, r->rules->line,
                              r->rules->column, why->msg);
    if (g->rules_path.n > 0)
        return weir_error_set(r->err, status, "%s:%u:%u: %s", g->rules_path.at, line, column,
                              why->msg + n);
    const struct weir_gate_file_line at =
        g->n_lines > 0 ? g->lines[weir_min_size(line, g->n_lines) - 1]
                       : (struct weir_gate_file_line){r->rules->line, r->rules->column};
    return weir_error_set(r->err, status, "%s:%u:%u: rules: %s", r->name, at.line,
                          at.column + column - 1, why->msg + n);
}

/* Adds the columns of slices that rules name to those that the gate lists. */
static enum weir_status add_slices(const struct weir_gate_keys *r)
{
    struct weir_gate_file *g = r->out;
    struct weir_str *all = weir_arena_array(&g->arena, WEIR_GATE_FILE_SLICES_MAX, sizeof *all);
    if (!all)
        return weir_gate_keys_no_memory(r);
    if (g->n_slices > 0)
        memcpy(all, g->slices, g->n_slices * sizeof *all);
    g->slices = all;
    for (size_t i = 0; weir_gate_rules_slice(&g->list, i).n > 0; i++) {
        struct weir_str name = weir_gate_rules_slice(&g->list, i);
        struct weir_str column = weir_str_split(&name, '=');
        bool is_new = true;
        for (size_t k = 0; k < g->n_slices; k++)
            is_new = is_new && !weir_str_eq(g->slices[k], column);
        if (is_new && g->n_slices == WEIR_GATE_FILE_SLICES_MAX)
            return weir_gate_keys_fail(r, r->rules, "rules: too many slices");
        enum weir_status status =
            is_new ? weir_gate_keys_keep(r, column, &all[g->n_slices]) : WEIR_OK;
        if (status != WEIR_OK)
            return status;
        g->n_slices += is_new;
    }
    return WEIR_OK;
}

/* Parses the rules. Rows without a finite score are left out of all numbers, so that a rule that
 * looks at them is always there. */
static enum weir_status parse_rules(const struct weir_gate_keys *r)
{
    struct weir_gate_file *g = r->out;
    struct weir_error why = WEIR_ERROR_INIT;
    bool looks = false;
    if (!r->rules)
        return WEIR_OK;
    enum weir_status status = weir_gate_rulings_parse(&g->list, g->rules, &why);
    if (status != WEIR_OK)
        return place_mistake(r, status, &why);
    for (size_t i = 0; i < g->list.n_asks; i++)
        looks = looks || strcmp(g->list.asks[i].metric->name, "n_invalid") == 0;
    if (looks)
        return add_slices(r);
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf all = WEIR_BUF_INIT;
    weir_buf_append_str(&all, g->rules);
    weir_buf_append_c(&all, "\nn_invalid == 0\n");
    if (!weir_buf_ok(&all))
        return weir_gate_keys_no_memory(r);
    weir_gate_rules_deinit(&g->list);
    status = weir_gate_rulings_parse(&g->list, weir_buf_str(&all), &why);
    return status == WEIR_OK ? add_slices(r) : place_mistake(r, status, &why);
}

/* --- the whole ---------------------------------------------------------------------------------
 */

/* Checks what belongs together; NULL: all is well. */
static const char *find_fault(const struct weir_gate_file *g, const struct weir_gate_keys *r)
{
    if (g->holdout.n > 0)
        return g->label.n > 0 ? NULL : "label: which column of the holdout holds the truths?";
    if (r->rules)
        return "rules: they need rows with truths; name a holdout";
    if (g->label.n > 0 || g->weight.n > 0 || g->positive.n > 0 || g->n_slices > 0)
        return "label, weight, positive and slices are of a holdout; name one";
    if (g->has_threshold)
        return "threshold: it is chosen on a holdout; name one";
    return g->smoke.n > 0 || g->first_deploy != WEIR_GATE_UNSAID
               ? NULL
               : "neither a holdout nor a smoke file is named: nothing would be judged";
}

static void put_text(struct weir_buf *buf, const char *name, struct weir_str text)
{
    weir_buf_printf(buf, "%s %zu ", name, text.n);
    weir_buf_append_str(buf, text);
    weir_buf_append_byte(buf, '\n');
}

/* Hashes what a verdict depends on. */
static enum weir_status hash(const struct weir_gate_keys *r)
{
    struct weir_gate_file *g = r->out;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf all = WEIR_BUF_INIT;
    weir_buf_printf(&all, "gate 1 %d %d %d %d %d %.17g %llu %llu %zu\n", g->holdout.n > 0,
                    (int)g->first_deploy, (int)g->no_holdout, (int)g->signature, g->ranks_by_proba,
                    g->alpha, (unsigned long long)g->rows_max, (unsigned long long)g->rows_min,
                    g->n_slices);
    put_text(&all, "label", g->label);
    put_text(&all, "weight", g->weight);
    put_text(&all, "positive", g->positive);
    put_text(&all, "threshold", g->threshold_text);
    put_text(&all, "rules", g->rules);
    put_text(&all, "smoke", g->smoke);
    for (size_t i = 0; i < g->n_slices; i++)
        put_text(&all, "slice", g->slices[i]);
    if (!weir_buf_ok(&all))
        return weir_gate_keys_no_memory(r);
    return weir_codec_digest_sha256(all.at, all.n, g->digest) == WEIR_OK
               ? WEIR_OK
               : weir_error_set(r->err, WEIR_ERR_INTERNAL, "no SHA-256 could be had");
}

static enum weir_status read_map(struct weir_gate_keys *r, const struct weir_yaml *map)
{
    enum weir_status status = WEIR_OK;
    if (map->kind != WEIR_YAML_MAP)
        return weir_gate_keys_fail(r, map, "expected a map of keys: holdout, label, rules, …");
    for (size_t i = 0; i + 1 < map->n_children && status == WEIR_OK; i += 2)
        status = weir_gate_keys_read(r, map->children[i], map->children[i + 1]);
    r->key = "rules";
    if (status == WEIR_OK)
        status = take_rules(r);
    r->key = NULL;
    if (status == WEIR_OK)
        status = parse_rules(r);
    r->key = "smoke";
    if (status == WEIR_OK && r->smoke)
        status = read_named(r, r->smoke, WEIR_GATE_FILE_SMOKE_BYTES_MAX, &r->out->smoke_path,
                            &r->out->smoke);
    if (status == WEIR_OK && r->smoke)
        status = weir_gate_keys_place(r, r->smoke, weir_gate_smoke_scan(r->out->smoke, r->err));
    r->key = NULL;
    const char *fault = status == WEIR_OK ? find_fault(r->out, r) : NULL;
    if (fault)
        return weir_gate_keys_fail(r, map, fault);
    return status == WEIR_OK ? hash(r) : status;
}

/* Makes a gate of a map; takes nothing. */
static enum weir_status make(struct weir_gate_file **out, const struct weir_yaml *map,
                             const char *name, const char *folder, bool is_trusted,
                             struct weir_error *err)
{
    struct weir_gate_file *g = weir_mem_zalloc(weir_mem_default(), sizeof *g);
    struct weir_gate_keys r = {
        .out = g, .name = name, .folder = folder, .is_trusted = is_trusted, .err = err};
    if (!g)
        return weir_gate_keys_no_memory(&r);
    weir_arena_init(&g->arena, weir_mem_default(), 0);
    g->is_trusted = is_trusted;
    g->signature = WEIR_GATE_COMPATIBLE;
    g->alpha = .05;
    g->timeout_ns = timeout_ns;
    g->rows_max = ROWS_MAX;
    g->rows_min = ROWS_MIN;
    g->memory_max = memory_max;
    enum weir_status status = weir_gate_keys_keep(&r, weir_str_c(name), &g->name);
    if (status == WEIR_OK)
        status = weir_gate_keys_keep(&r, weir_str_c(folder), &g->folder);
    if (status == WEIR_OK)
        status = read_map(&r, map);
    if (status == WEIR_OK)
        *out = g;
    else
        weir_gate_file_free(g);
    return status;
}

enum weir_status weir_gate_file_parse(struct weir_gate_file **out, struct weir_str text,
                                      const char *name, const char *folder, bool is_trusted,
                                      struct weir_error *err)
{
    static const struct weir_yaml_limits limits = WEIR_YAML_LIMITS_DEFAULT;
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena;
    struct weir_yaml *root = NULL;
    weir_assert(out);
    weir_arena_init(&arena, weir_mem_default(), 0);
    struct weir_error own = WEIR_ERROR_INIT;
    enum weir_status status = weir_codec_yaml_parse(&root, &arena, text, &limits, &own);
    if (status != WEIR_OK) /* The message begins with line and column. */
        return weir_error_set(err, status, "%s:%s", name, own.msg);
    return make(out, root, name, folder, is_trusted, err);
}

/* Reads a gate file; the folder of what it names is its own. */
static enum weir_status read_path(struct weir_gate_file **out, const char *path, bool is_trusted,
                                  struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf bytes = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf folder = WEIR_BUF_INIT;
    const char *slash = strrchr(path, '/');
    weir_buf_append(&folder, path, slash ? weir_max_size((size_t)(slash - path), 1) : 0);
    if (!weir_buf_ok(&folder))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    enum weir_status status = weir_gate_file_slurp(path, FILE_BYTES_MAX, &bytes, err);
    if (status == WEIR_OK && !is_trusted && !weir_gate_file_is_inside(weir_buf_c(&folder), path))
        status = weir_error_set(err, WEIR_ERR_INVALID, "%s lies outside of its folder", path);
    if (status == WEIR_OK)
        status = weir_gate_file_parse(out, weir_buf_str(&bytes), path, weir_buf_c(&folder),
                                      is_trusted, err);
    if (status == WEIR_OK)
        (*out)->is_file = true;
    return status;
}

enum weir_status weir_gate_file_read(struct weir_gate_file **out,
                                     const struct weir_gate_file_place *place,
                                     struct weir_error *err)
{
    weir_assert(out);
    weir_assert(place);
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf path = WEIR_BUF_INIT;
    const struct weir_yaml *v = place->yaml;
    struct weir_gate_file *found = NULL;
    struct weir_error own = WEIR_ERROR_INIT;
    enum weir_status status = WEIR_OK;
    bool is_beside = !place->path && !v;
    if (place->path)
        weir_buf_append_c(&path, place->path);
    else if (v && v->kind == WEIR_YAML_SCALAR && v->text.at[0] == '/')
        weir_buf_append_str(&path, v->text);
    else if (v && v->kind == WEIR_YAML_SCALAR)
        weir_buf_printf(&path, "%s/%.*s", place->folder, WEIR_STR_ARG(v->text));
    else
        weir_buf_printf(&path, "%s/%s.gate.yaml", place->folder, place->model);
    if (!weir_buf_ok(&path) || !weir_buf_c(&path))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (!place->path && v && v->kind == WEIR_YAML_MAP)
        status = make(&found, v, place->yaml_name, place->folder, true, &own);
    else if (is_beside || !v || !weir_str_eq_c(v->text, "off") || place->path)
        status = read_path(&found, weir_buf_c(&path), !is_beside, &own);
    if (is_beside && status == WEIR_ERR_NOT_FOUND && access(weir_buf_c(&path), F_OK) != 0)
        status = WEIR_OK; /* There is none, which is not the same as one that cannot be read. */
    if (status != WEIR_OK)
        return weir_error_set(err, status, "%s", own.msg);
    *out = found;
    return WEIR_OK;
}

bool weir_gate_file_allows(const struct weir_gate_file *file, const char *path)
{
    weir_assert(file);
    return file->is_trusted || weir_gate_file_is_inside(file->folder.at, path);
}

void weir_gate_file_free(struct weir_gate_file *file)
{
    if (!file)
        return;
    weir_gate_rules_deinit(&file->list);
    weir_arena_deinit(&file->arena);
    weir_mem_free(weir_mem_default(), file);
}
