/* SPDX-License-Identifier: MIT */
#include "format/onnx/external.h"

#include "base/macros.h"
#include "format/onnx/proto.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 4096 };

/* The messages that tensors can be in. */
enum message { MODEL, GRAPH, NODE, ATTR, TENSOR, SPARSE, FUNCTION, TRAINING };

/* Which message a field of a message holds; false: none that leads to a tensor. */
static bool leads_to(enum message in, uint32_t number, enum message *out)
{
    static const struct {
        enum message in;
        uint32_t number;
        enum message out;
    } rows[] = {
        {MODEL, 7, GRAPH},    {MODEL, 20, TRAINING}, {MODEL, 25, FUNCTION}, {GRAPH, 1, NODE},
        {GRAPH, 5, TENSOR},   {GRAPH, 15, SPARSE},   {NODE, 5, ATTR},       {ATTR, 5, TENSOR},
        {ATTR, 6, GRAPH},     {ATTR, 10, TENSOR},    {ATTR, 11, GRAPH},     {ATTR, 22, SPARSE},
        {ATTR, 23, SPARSE},   {SPARSE, 1, TENSOR},   {SPARSE, 2, TENSOR},   {FUNCTION, 7, NODE},
        {FUNCTION, 11, ATTR}, {TRAINING, 1, GRAPH},  {TRAINING, 2, GRAPH},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        if (rows[i].in == in && rows[i].number == number) {
            *out = rows[i].out;
            return true;
        }
    }
    return false;
}

typedef enum weir_status found_fn(void *ctx, struct weir_str file, struct weir_error *err);

/* Calls fn for a tensor that says it is elsewhere, or that names a place without saying so: what
 * the runtime makes of the latter is not ours to guess. */
static enum weir_status look_at_tensor(struct weir_str bytes, found_fn *fn, void *ctx,
                                       struct weir_error *err)
{
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f, g;
    bool is_external = false;
    struct weir_str file = WEIR_STR("?");
    while (weir_format_onnx_proto_next(&p, &f)) {
        is_external |= f.number == 13 || (f.number == 14 && f.value != 0);
        if (f.number != 13)
            continue;
        struct weir_str key = {NULL, 0}, value = {NULL, 0};
        struct weir_format_onnx_proto q = weir_format_onnx_proto_of(f.bytes);
        while (weir_format_onnx_proto_next(&q, &g)) {
            if (g.number == 1)
                key = g.bytes;
            else if (g.number == 2)
                value = g.bytes;
        }
        if (weir_str_eq_c(key, "location"))
            file = value.n > 0 ? value : WEIR_STR("?");
    }
    if (p.is_bad)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "a tensor is cut");
    return is_external ? fn(ctx, file, err) : WEIR_OK;
}

static enum weir_status walk(enum message in, struct weir_str bytes, int depth, found_fn *fn,
                             void *ctx, struct weir_error *err)
{
    /* A graph in a graph is three messages deep. */
    if (depth > 3 * WEIR_FORMAT_ONNX_DEPTH_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "graphs are nested deeper than %d",
                              WEIR_FORMAT_ONNX_DEPTH_MAX);
    if (in == TENSOR)
        return look_at_tensor(bytes, fn, ctx, err);
    struct weir_format_onnx_proto p = weir_format_onnx_proto_of(bytes);
    struct weir_format_onnx_field f;
    while (weir_format_onnx_proto_next(&p, &f)) {
        enum message inner;
        if (f.wire != WEIR_FORMAT_ONNX_WIRE_BYTES || !leads_to(in, f.number, &inner))
            continue;
        enum weir_status status = walk(inner, f.bytes, depth + 1, fn, ctx, err);
        if (status != WEIR_OK)
            return status;
    }
    return p.is_bad ? weir_error_set(err, WEIR_ERR_CORRUPT, "the ONNX file is cut") : WEIR_OK;
}

static enum weir_status keep_first(void *ctx, struct weir_str file, struct weir_error *err)
{
    struct weir_str *first = ctx;
    (void)err;
    if (first->n == 0)
        *first = file;
    return WEIR_OK;
}

enum weir_status weir_format_onnx_external_find(struct weir_str model, struct weir_str *out,
                                                struct weir_error *err)
{
    *out = weir_str_make(NULL, 0);
    return walk(MODEL, model, 0, keep_first, out, err);
}

/* --- reading --- */

struct files {
    const char *folder; /* resolved, without a slash at the end */
    struct weir_arena *arena;
    uint64_t n_bytes_left;
    struct weir_model_onnx_file *at; /* FILES_MAX */
    size_t n;
};

static enum weir_status refuse(struct weir_str file, const char *why, struct weir_error *err)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_error_set(err, WEIR_ERR_INVALID, "external data \"%s\" %s",
                          weir_str_echo(file, echo, sizeof echo), why);
}

static enum weir_status read_open(int fd, struct files *files, struct weir_model_onnx_file *file,
                                  struct weir_error *err)
{
    struct stat st;
    struct weir_str name = weir_str_c(file->name);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return refuse(name, "is not a regular file", err);
    if ((uint64_t)st.st_size > files->n_bytes_left)
        return weir_error_set(err, WEIR_ERR_LIMIT, "the model's external data is too large");
    size_t n = (size_t)st.st_size, done = 0;
    char *bytes = weir_arena_alloc(files->arena, weir_max_size(n, 1));
    if (!bytes)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for external data");
    while (done < n) {
        ssize_t got = read(fd, bytes + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return refuse(name, "cannot be read", err);
        done += (size_t)got;
    }
    files->n_bytes_left -= n;
    file->bytes = weir_str_make(bytes, n);
    return WEIR_OK;
}

/* Resolves a file's name below the folder; false: it is not there, or leads elsewhere. */
static bool resolve(const struct files *files, const char *name, char real[PATH_MAX])
{
    char joined[PATH_MAX];
    int n = snprintf(joined, sizeof joined, "%s/%s", files->folder, name);
    if (n < 0 || (size_t)n >= sizeof joined || !realpath(joined, real))
        return false;
    size_t n_folder = strlen(files->folder);
    return strncmp(real, files->folder, n_folder) == 0 && real[n_folder] == '/';
}

static enum weir_status take_file(void *ctx, struct weir_str name, struct weir_error *err)
{
    struct files *files = ctx;
    char real[PATH_MAX];
    for (size_t i = 0; i < files->n; i++)
        if (weir_str_eq_c(name, files->at[i].name))
            return WEIR_OK;
    if (files->n == FILES_MAX)
        return weir_error_set(err, WEIR_ERR_LIMIT, "more than %d files of external data",
                              FILES_MAX);
    if (memchr(name.at, '\0', name.n) || name.at[0] == '/')
        return refuse(name, "is not a relative path", err);
    struct weir_model_onnx_file *file = &files->at[files->n];
    file->name = weir_arena_str(files->arena, name).at;
    if (!file->name)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for external data");
    if (!resolve(files, file->name, real))
        return refuse(name, "is not there, or outside the model's folder", err);
    int fd = open(real, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return refuse(name, "cannot be opened", err);
    enum weir_status status = read_open(fd, files, file, err);
    (void)close(fd); /* nothing was written */
    files->n += status == WEIR_OK;
    return status;
}

enum weir_status weir_format_onnx_external_read(struct weir_str model, struct weir_str path,
                                                uint64_t bytes_max, struct weir_arena *arena,
                                                const struct weir_model_onnx_file **out, size_t *n,
                                                struct weir_error *err)
{
    char copy[PATH_MAX];
    char folder[PATH_MAX];
    if (path.n == 0 || path.n >= sizeof copy)
        return weir_error_set(err, WEIR_ERR_INVALID, "external data of a model without a folder");
    memcpy(copy, path.at, path.n);
    copy[path.n] = '\0';
    char *slash = strrchr(copy, '/');
    if (slash)
        slash[slash == copy] = '\0';
    if (!realpath(slash ? copy : ".", folder))
        return weir_error_set(err, WEIR_ERR_IO, "the model's folder cannot be found: %s",
                              strerror(errno));
    if (strcmp(folder, "/") == 0)
        folder[0] = '\0';
    struct files files = {.folder = folder,
                          .arena = arena,
                          .n_bytes_left = bytes_max,
                          .at = weir_arena_zarray(arena, FILES_MAX, sizeof *files.at)};
    if (!files.at)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for external data");
    enum weir_status status = walk(MODEL, model, 0, take_file, &files, err);
    *out = files.at;
    *n = files.n;
    return status;
}
