/* SPDX-License-Identifier: MIT */
/* The search is a list of patterns, most wanted first; a pattern's matches are tried from the last
 * to the first, so that newer versions come before older ones. */
#include "base/macros.h"
#include "model/onnx_find_priv.h"

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Below the folder of a Python installation; %s is its prefix. Debian has dist-packages. */
static const char *const python_patterns[] = {
    "%s/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so*",
    "%s/lib64/python3*/site-packages/onnxruntime/capi/libonnxruntime.so*",
    "%s/lib/python3*/dist-packages/onnxruntime/capi/libonnxruntime.so*",
};

static const char *const system_patterns[] = {
    "/usr/local/lib/libonnxruntime.so*",       "/usr/local/lib/*-linux-gnu/libonnxruntime.so*",
    "/usr/lib/*-linux-gnu/libonnxruntime.so*", "/usr/lib/libonnxruntime.so*",
    "/usr/lib64/libonnxruntime.so*",           "/opt/onnxruntime*/lib/libonnxruntime.so*",
};

static const char *const loader_names[] = {"libonnxruntime.so.1", "libonnxruntime.so"};

/* A search under way. */
struct search {
    weir_model_onnx_find_fn *fn;
    void *ctx;
    bool is_found;
    struct weir_error first; /* why the first file that was there was not taken */
};

static void try_file(struct search *s, const char *path)
{
    struct weir_error err = WEIR_ERROR_INIT;
    if (s->is_found)
        return;
    enum weir_status status = s->fn(s->ctx, path, &err);
    s->is_found = status == WEIR_OK;
    if (status != WEIR_OK && status != WEIR_ERR_NOT_FOUND && s->first.code == WEIR_OK)
        s->first = err;
}

static void try_pattern(struct search *s, const char *pattern)
{
    glob_t found;
    if (s->is_found || glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = found.gl_pathc; i > 0; i--)
        try_file(s, found.gl_pathv[i - 1]);
    globfree(&found);
}

static void try_python(struct search *s, const char *prefix)
{
    /* A prefix with pattern characters would match something else. */
    if (!prefix || prefix[0] != '/' || strpbrk(prefix, "*?[\\"))
        return;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(python_patterns); i++) {
        char pattern[PATH_MAX];
        char *end = pattern + sizeof pattern;
        size_t n = strlen(prefix);
        const char *rest = python_patterns[i] + 2;
        if (n + strlen(rest) >= (size_t)(end - pattern))
            continue;
        memcpy(pattern, prefix, n);
        memcpy(pattern + n, rest, strlen(rest) + 1);
        try_pattern(s, pattern);
    }
}

/* Tries the installation that owns a program DIR/bin/python3: DIR, and where the link leads. */
static void try_python_of(struct search *s, struct weir_str bin)
{
    char program[PATH_MAX];
    char real[PATH_MAX];
    int n = snprintf(program, sizeof program, "%.*s/python3", WEIR_STR_ARG(bin));
    if (n < 0 || (size_t)n >= sizeof program || access(program, X_OK) != 0)
        return;
    char *slash = strrchr(program, '/');
    for (int i = 0; i < 2; i++) {
        const char *from = i == 0 ? program : realpath(program, real);
        if (!from)
            return;
        char prefix[PATH_MAX];
        memcpy(prefix, from, strlen(from) + 1);
        for (int up = 0; up < 2; up++) { /* …/bin/python3 */
            slash = strrchr(prefix, '/');
            if (!slash)
                return;
            *slash = '\0';
        }
        try_python(s, prefix);
    }
}

static void try_pythons(struct search *s)
{
    const char *home = getenv("HOME");
    try_python(s, getenv("VIRTUAL_ENV"));
    try_python(s, getenv("CONDA_PREFIX"));
    struct weir_str path = weir_str_c(getenv("PATH"));
    while (path.n > 0 && !s->is_found)
        try_python_of(s, weir_str_split(&path, ':'));
    char below[PATH_MAX];
    int n = home ? snprintf(below, sizeof below, "%s/.local", home) : -1;
    if (n > 0 && (size_t)n < sizeof below)
        try_python(s, below);
    /* pyenv's programs on the PATH are scripts, not links. */
    n = home ? snprintf(below, sizeof below,
                        "%s/.pyenv/versions/*/lib/python3*/site-packages/onnxruntime/capi/"
                        "libonnxruntime.so*",
                        home)
             : -1;
    if (n > 0 && (size_t)n < sizeof below)
        try_pattern(s, below);
    try_python(s, "/usr/local");
    try_python(s, "/usr");
}

/* Tries what was named: a file, or a folder that holds the library. */
static enum weir_status try_named(struct search *s, struct weir_str library, struct weir_error *err)
{
    char path[PATH_MAX];
    char pattern[PATH_MAX + 32];
    struct stat st;
    if (library.n >= sizeof path)
        return weir_error_set(err, WEIR_ERR_INVALID, "onnxruntime_library is too long");
    memcpy(path, library.at, library.n);
    path[library.n] = '\0';
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        snprintf(pattern, sizeof pattern, "%s/libonnxruntime.so*", path);
        try_pattern(s, pattern);
        if (!s->is_found && s->first.code == WEIR_OK)
            return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                                  "needs ONNX Runtime: there is no libonnxruntime.so in %s "
                                  "(onnxruntime_library)",
                                  path);
    } else {
        struct weir_error why = WEIR_ERROR_INIT;
        enum weir_status status = s->fn(s->ctx, path, &why);
        if (status != WEIR_OK)
            return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                                  "needs ONNX Runtime: onnxruntime_library: %s", why.msg);
        s->is_found = true;
    }
    if (s->is_found)
        return WEIR_OK;
    return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "needs ONNX Runtime: %s", s->first.msg);
}

enum weir_status weir_model_onnx_find_each(struct weir_str library, weir_model_onnx_find_fn *fn,
                                           void *ctx, struct weir_error *err)
{
    weir_assert(fn);
    struct search s = {.fn = fn, .ctx = ctx, .first = WEIR_ERROR_INIT};
    if (library.n == 0)
        library = weir_str_c(getenv("WEIR_ONNXRUNTIME_LIBRARY"));
    if (library.n > 0)
        return try_named(&s, library, err);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(loader_names); i++)
        try_file(&s, loader_names[i]);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(system_patterns); i++)
        try_pattern(&s, system_patterns[i]);
    if (!s.is_found)
        try_pythons(&s);
    if (s.is_found)
        return WEIR_OK;
    if (s.first.code != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "needs ONNX Runtime: %s", s.first.msg);
    return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                          "needs ONNX Runtime: not found in the library path, /usr/local/lib, "
                          "/usr/lib, /opt, nor in a Python installation; set onnxruntime_library "
                          "or pip install onnxruntime");
}
