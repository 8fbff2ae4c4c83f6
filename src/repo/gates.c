/* SPDX-License-Identifier: MIT */
#include "repo/gates.h"

#include "base/macros.h"
#include "base/mem.h"
#include "codec/yaml.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

/* One source whose gate was read; by source. */
struct weir_repo_gates_entry {
    char *source;                           /* owned */
    char *paths[WEIR_REPO_GATES_FILES_MAX]; /* n_paths, owned; the gate's own first */
    size_t n_paths;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static uint64_t mix_text(uint64_t h, struct weir_str text)
{
    for (size_t i = 0; i < text.n; i++)
        h = mix(h, (unsigned char)text.at[i]);
    return mix(h, text.n);
}

/* --- looking --- */

static void see_file(struct weir_repo_gate_seen *seen, const char *path)
{
    struct stat st;
    seen->print = mix_text(seen->print, weir_str_c(path));
    if (stat(path, &st) != 0) {
        seen->print = mix(seen->print, 1); /* That it is not there is a state, too. */
        return;
    }
    struct weir_repo_identity id = weir_repo_scan_identity(&st);
    uint64_t h = mix(mix(mix(seen->print, id.dev), id.ino), id.size);
    seen->print = mix(mix(h, (uint64_t)id.mtime_ns), (uint64_t)id.ctime_ns);
    if (id.ctime_ns > 0 && (uint64_t)id.ctime_ns > seen->changed_wall_ns)
        seen->changed_wall_ns = (uint64_t)id.ctime_ns;
}

struct weir_repo_gate_seen weir_repo_gates_see(char *const *paths, size_t n, struct weir_str said)
{
    struct weir_repo_gate_seen seen = {.print = mix_text(1, said)};
    for (size_t i = 0; i < n; i++)
        see_file(&seen, paths[i]);
    seen.print |= seen.print == 0;
    return seen;
}

bool weir_repo_gates_folder(const char *root, struct weir_str file, struct weir_str model,
                            struct weir_buf *out)
{
    char path[PATH_MAX];
    struct stat st;
    for (size_t n = file.n;;) {
        while (n > 0 && file.at[n - 1] != '/')
            n--;
        int end = snprintf(path, sizeof path, "%s/%.*s%.*s.gate.yaml", root, (int)n, file.at,
                           WEIR_STR_ARG(model));
        if (end > 0 && (size_t)end < sizeof path && stat(path, &st) == 0) {
            weir_buf_printf(out, "%s%s%.*s", root, n ? "/" : "", n ? (int)(n - 1) : 0, file.at);
            return true;
        }
        if (n == 0)
            return false;
        n--; /* Over the slash, to the folder above. */
    }
}

/* Returns where a source is, or would be. */
static size_t place_of(const struct weir_repo_gates *gates, struct weir_str source)
{
    size_t from = 0;
    size_t to = gates->n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (weir_str_cmp(weir_str_c(gates->entries[middle].source), source) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static struct weir_repo_gates_entry *find(const struct weir_repo_gates *gates,
                                          struct weir_str source)
{
    size_t at = place_of(gates, source);
    bool is_there = at < gates->n && weir_str_eq_c(source, gates->entries[at].source);
    return is_there ? &gates->entries[at] : NULL;
}

struct weir_str weir_repo_gates_file(const struct weir_repo_gates *gates, struct weir_str source)
{
    const struct weir_repo_gates_entry *e = find(gates, source);
    return e && e->n_paths > 0 ? weir_str_c(e->paths[0]) : WEIR_STR("");
}

static struct weir_repo_gate_seen look(const struct weir_repo_gates *gates,
                                       const struct weir_config_model *options, const char *root,
                                       const struct weir_repo_found *f)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf said = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf path = WEIR_BUF_INIT;
    const struct weir_repo_gates_entry *known = find(gates, f->key);
    const struct weir_yaml *yaml = options->gate;
    if (yaml && yaml->kind == WEIR_YAML_SCALAR && weir_str_eq_c(yaml->text, "off"))
        return (struct weir_repo_gate_seen){0};
    if (yaml)
        weir_codec_yaml_append(&said, yaml);
    else if (!weir_repo_gates_folder(root, f->file, f->model, &path))
        return (struct weir_repo_gate_seen){0};
    else
        weir_buf_printf(&path, "/%.*s.gate.yaml", WEIR_STR_ARG(f->model));
    /* A gate in another place is another gate. */
    if (known && path.n > 0 && known->n_paths > 0 &&
        !weir_str_eq_c(weir_buf_str(&path), known->paths[0]))
        known = NULL;
    if (known)
        return weir_repo_gates_see(known->paths, known->n_paths, weir_buf_str(&said));
    char *own = path.n > 0 ? (char *)(uintptr_t)weir_buf_c(&path) : NULL;
    return weir_repo_gates_see(&own, own != NULL, weir_buf_str(&said));
}

void weir_repo_gates_look(const struct weir_repo_gates *gates, const struct weir_config *config,
                          const struct weir_repo_root *roots, struct weir_repo_found *found,
                          size_t n_found)
{
    for (size_t i = 0; i < n_found; i++) {
        struct weir_repo_found *f = &found[i];
        if (f->complaint.n == 0)
            f->gate = look(gates, weir_config_find_model(config, f->model), roots[f->root].path, f);
    }
}

/* --- learning --- */

static void forget(struct weir_repo_gates_entry *e)
{
    struct weir_mem *mem = weir_mem_default();
    for (size_t i = 0; i < e->n_paths; i++)
        weir_mem_free(mem, e->paths[i]);
    weir_mem_free(mem, e->source);
    *e = (struct weir_repo_gates_entry){0};
}

void weir_repo_gates_learn(struct weir_repo_gates *gates, struct weir_str source,
                           char *const *paths, size_t n)
{
    struct weir_mem *mem = weir_mem_default();
    struct weir_repo_gates_entry e = {.source = weir_mem_strndup(mem, source.at, source.n)};
    weir_assert(n <= WEIR_REPO_GATES_FILES_MAX);
    bool ok = e.source != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        e.paths[i] = weir_mem_strndup(mem, paths[i], strlen(paths[i]));
        ok = e.paths[i] != NULL;
        e.n_paths += ok;
    }
    struct weir_repo_gates_entry *at = find(gates, source);
    if (ok && !at && gates->n == gates->cap) {
        size_t cap = gates->cap ? gates->cap * 2 : 16;
        struct weir_repo_gates_entry *p = weir_mem_resize(mem, gates->entries, cap, sizeof *p);
        ok = p != NULL;
        gates->entries = ok ? p : gates->entries;
        gates->cap = ok ? cap : gates->cap;
    }
    if (!ok) {
        forget(&e); /* Its files are then seen as far as they were known before. */
        return;
    }
    if (at) {
        forget(at);
    } else {
        at = &gates->entries[place_of(gates, source)];
        memmove(at + 1, at, (size_t)(&gates->entries[gates->n++] - at) * sizeof *at);
    }
    *at = e;
}

void weir_repo_gates_deinit(struct weir_repo_gates *gates)
{
    for (size_t i = 0; i < gates->n; i++)
        forget(&gates->entries[i]);
    weir_mem_free(weir_mem_default(), gates->entries);
    *gates = (struct weir_repo_gates){0};
}
