/* SPDX-License-Identifier: MIT */
/* From folder to bundle. Paths are walked part by part from the folder's descriptor, never through
 * a symbolic link, so that nothing outside is opened whatever the MLmodel file says. */
#include "base/macros.h"
#include "base/mem.h"
#include "format/mlflow/bundle.h"
#include "format/mlflow/mlflow.h"
#include "format/mlflow/mlmodel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OPEN_FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW,
    NAME_BYTES_MAX = 1024,
    MLMODEL_BYTES_MAX = 1 << 20,
    EXAMPLE_BYTES_MAX = 4 << 20, /* a larger one is left out */
    BESIDE_FILES_MAX = 256,
};

/* A pack under way. */
struct pack {
    int dir;
    uint64_t bytes_max;
    enum weir_status (*on_file)(void *ctx, int fd, struct weir_error *err);
    void *ctx;
    struct weir_buf *out;
    struct weir_error *err;
};

static enum weir_status fail(struct pack *p, struct weir_str name, enum weir_status code,
                             const char *what)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_error_set(p->err, code, "%s: %s", weir_str_echo(name, echo, sizeof echo), what);
}

/* Opens a path below a directory part by part; −1 with errno. */
static int open_path(int dir, struct weir_str path)
{
    int fd = -1;
    int at = dir;
    struct weir_str rest = path;
    while (rest.at) {
        char name[NAME_BYTES_MAX + 1];
        struct weir_str part = weir_str_split(&rest, '/');
        weir_assert(part.n <= NAME_BYTES_MAX);
        memcpy(name, part.at, part.n);
        name[part.n] = '\0';
        fd = openat(at, name, rest.at ? OPEN_FLAGS | O_DIRECTORY : OPEN_FLAGS);
        int error = errno;
        if (at != dir)
            (void)close(at); /* only looked through */
        errno = error;
        at = fd;
        if (fd < 0)
            break;
    }
    return fd;
}

static enum weir_status read_open(struct pack *p, struct weir_str name, int fd, uint64_t n_max)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return fail(p, name, WEIR_ERR_INVALID, "not a regular file");
    size_t n = (size_t)st.st_size, done = 0;
    if (n > n_max || p->out->n + n > p->bytes_max)
        return fail(p, name, WEIR_ERR_LIMIT, "too large");
    enum weir_status status = p->on_file ? p->on_file(p->ctx, fd, p->err) : WEIR_OK;
    if (status != WEIR_OK)
        return status;
    char *bytes = weir_mem_alloc(weir_mem_default(), weir_max_size(n, 1));
    if (!bytes)
        return fail(p, name, WEIR_ERR_NO_MEMORY, "no memory for it");
    while (done < n) {
        ssize_t got = read(fd, bytes + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    char more;
    if (done == n && read(fd, &more, 1) == 0)
        weir_format_mlflow_bundle_add(p->out, name, weir_str_make(bytes, n));
    else
        status = fail(p, name, WEIR_ERR_IO, "changed while it was read");
    weir_mem_free(weir_mem_default(), bytes);
    if (status == WEIR_OK && !weir_buf_ok(p->out))
        status = fail(p, name, WEIR_ERR_NO_MEMORY, "no memory for it");
    return status;
}

/* Adds the file at a path that is inside the folder. */
static enum weir_status add_file(struct pack *p, int dir, struct weir_str path,
                                 struct weir_str name, uint64_t n_max)
{
    int fd = open_path(dir, path);
    if (fd < 0)
        return fail(p, name,
                    errno == ENOENT || errno == ENOTDIR ? WEIR_ERR_NOT_FOUND
                    : errno == ELOOP                    ? WEIR_ERR_INVALID
                                                        : WEIR_ERR_IO,
                    errno == ELOOP ? "is a symbolic link" : strerror(errno));
    enum weir_status status = read_open(p, name, fd, n_max);
    (void)close(fd); /* nothing was written */
    return status;
}

/* Files that MLflow itself writes beside the data. */
static bool is_metadata(struct weir_str name)
{
    static const char *const names[] = {"MLmodel",
                                        "conda.yaml",
                                        "python_env.yaml",
                                        "requirements.txt",
                                        "input_example.json",
                                        "serving_input_example.json",
                                        "registered_model_meta"};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++)
        if (weir_str_eq_c(name, names[i]))
            return true;
    return name.n == 0 || name.at[0] == '.';
}

/* Adds what lies beside an ONNX file: it may keep its tensors there. */
static enum weir_status add_beside(struct pack *p, struct weir_str data)
{
    size_t n_folder = data.n;
    while (n_folder > 0 && data.at[n_folder - 1] != '/')
        n_folder--;
    int fd = n_folder > 0 ? open_path(p->dir, weir_str_make(data.at, n_folder - 1))
                          : openat(p->dir, ".", OPEN_FLAGS | O_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            (void)close(fd); /* nothing was read */
        return fail(p, data, WEIR_ERR_IO, strerror(errno));
    }
    enum weir_status status = WEIR_OK;
    size_t n = 0;
    const struct dirent *e;
    while (status == WEIR_OK && n < BESIDE_FILES_MAX && (e = readdir(dir)) != NULL) {
        struct stat st;
        struct weir_str name = weir_str_c(e->d_name);
        bool is_data = weir_str_eq(name, weir_str_make(data.at + n_folder, data.n - n_folder));
        if (is_metadata(name) || is_data ||
            fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue;
        status = add_file(p, dirfd(dir), name, name, p->bytes_max);
        n++;
    }
    (void)closedir(dir);
    return status;
}

int weir_format_mlflow_folder_open(const char *path)
{
    struct weir_str all = weir_str_c(path);
    struct weir_str name = WEIR_STR("MLmodel");
    bool is_named =
        weir_str_ends(all, name) && (all.n == name.n || all.at[all.n - name.n - 1] == '/');
    char folder[PATH_MAX];
    size_t n = is_named ? all.n - name.n : all.n;
    if (n >= sizeof folder)
        return -1;
    memcpy(folder, path, n);
    folder[n] = '\0';
    int fd = open(n ? folder : ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd >= 0 && faccessat(fd, "MLmodel", F_OK, 0) != 0) {
        (void)close(fd); /* nothing was read */
        return -1;
    }
    return fd;
}

enum weir_status weir_format_mlflow_folder_pack(int dir, uint64_t bytes_max,
                                                enum weir_status (*on_file)(void *ctx, int fd,
                                                                            struct weir_error *err),
                                                void *ctx, struct weir_buf *out,
                                                struct weir_error *err)
{
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena arena = WEIR_ARENA_INIT;
    weir_arena_init(&arena, NULL, 0);
    struct pack p = {dir, bytes_max, on_file, ctx, out, err};
    struct weir_format_mlmodel m;
    struct weir_str text;
    size_t n_before = out->n;
    weir_format_mlflow_bundle_begin(out);
    enum weir_status status =
        add_file(&p, dir, WEIR_STR("MLmodel"), WEIR_STR("MLmodel"), MLMODEL_BYTES_MAX);
    if (status != WEIR_OK)
        return status;
    struct weir_str bundle = weir_str_make(out->at + n_before, out->n - n_before);
    bool is_there = weir_format_mlflow_bundle_find(bundle, WEIR_STR("MLmodel"), &text);
    weir_assert(is_there);
    status = weir_format_mlflow_mlmodel_parse(&m, text, &arena, err);
    if (status == WEIR_OK)
        status = add_file(&p, dir, m.data, m.data, bytes_max);
    if (status == WEIR_OK && weir_str_eq_c(m.flavor, "onnx"))
        status = add_beside(&p, m.data);
    if (status == WEIR_OK && m.example.at && !weir_str_eq(m.example, m.data)) {
        enum weir_status added = add_file(&p, dir, m.example, m.example, EXAMPLE_BYTES_MAX);
        /* It is a nicety: without it rows are made up. */
        if (added == WEIR_ERR_NO_MEMORY || added == WEIR_ERR_BUSY)
            status = added;
    }
    return status;
}
