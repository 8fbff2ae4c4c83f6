/* SPDX-License-Identifier: MIT */
#include "cli/file.h"

#include "base/macros.h"
#include "format/mlflow/mlflow.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum weir_status fail(const char *path, struct weir_error *err)
{
    return weir_error_set(err, errno == ENOENT ? WEIR_ERR_NOT_FOUND : WEIR_ERR_IO, "%s: %s", path,
                          strerror(errno));
}

static enum weir_status take_digest(struct weir_cli_file *f, struct weir_error *err)
{
    uint8_t digest[WEIR_CODEC_DIGEST_BYTES];
    enum weir_status status = weir_codec_digest_sha256(f->bytes.at, f->bytes.n, digest);
    if (status != WEIR_OK)
        return weir_error_set(err, status, "%s: no digest", f->path);
    weir_codec_digest_hex(digest, f->digest);
    return WEIR_OK;
}

static enum weir_status read_all(int fd, struct weir_cli_file *f, struct weir_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail(f->path, err);
    if (!S_ISREG(st.st_mode))
        return weir_error_set(err, WEIR_ERR_INVALID, "%s: not a regular file", f->path);
    size_t room = (size_t)st.st_size + 1;
    for (ssize_t n = 1; n > 0;) {
        if (weir_buf_reserve(&f->bytes, room) != WEIR_OK)
            return weir_error_set(err, WEIR_ERR_NO_MEMORY, "%s: out of memory", f->path);
        n = read(fd, f->bytes.at + f->bytes.n, f->bytes.cap - f->bytes.n);
        if (n < 0 && errno != EINTR)
            return fail(f->path, err);
        f->bytes.n += n > 0 ? (size_t)n : 0;
        room = 1;
        n = n < 0 ? 1 : n;
    }
    return take_digest(f, err);
}

/* A folder of MLflow's is one model. */
static enum weir_status read_folder(int dir, struct weir_cli_file *f, struct weir_error *err)
{
    struct weir_error reason = WEIR_ERROR_INIT;
    enum weir_status status =
        weir_format_mlflow_folder_pack(dir, UINT64_MAX / 2, NULL, NULL, &f->bytes, &reason);
    if (status != WEIR_OK)
        return weir_error_set(err, status, "%s: %s", f->path, reason.msg);
    return take_digest(f, err);
}

enum weir_status weir_cli_file_read(struct weir_cli_file *f, const char *path,
                                    struct weir_error *err)
{
    *f = (struct weir_cli_file){.path = path};
    int fd = weir_format_mlflow_folder_open(path);
    bool is_folder = fd >= 0;
    /* Without O_NONBLOCK a pipe that nobody writes would hold us here. */
    if (!is_folder)
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fail(path, err);
    enum weir_status status = is_folder ? read_folder(fd, f, err) : read_all(fd, f, err);
    (void)close(fd); /* Was only read. */
    if (status != WEIR_OK)
        weir_cli_file_deinit(f);
    return status;
}

void weir_cli_file_deinit(struct weir_cli_file *f)
{
    weir_buf_deinit(&f->bytes);
    f->path = NULL;
}

/* Takes the last part off a path. */
static struct weir_str take_last(struct weir_str *path)
{
    while (path->n > 0 && path->at[path->n - 1] == '/')
        path->n--;
    size_t from = path->n;
    while (from > 0 && path->at[from - 1] != '/')
        from--;
    struct weir_str last = weir_str_make(path->at + from, path->n - from);
    path->n = from;
    return last;
}

void weir_cli_file_model_name(const char *path, struct weir_buf *out)
{
    struct weir_str rest = weir_str_c(path);
    struct weir_str name = take_last(&rest);
    struct weir_str folder = take_last(&rest);
    uint64_t number;
    if (weir_str_to_u64(folder, UINT64_MAX, &number) && rest.n > 0) {
        weir_buf_append_str(out, take_last(&rest));
        return;
    }
    for (size_t i = name.n; i > 1; i--) {
        if (name.at[i - 1] == '.') {
            name.n = i - 1;
            break;
        }
    }
    weir_buf_append_str(out, name);
}

void weir_cli_file_model_folder(const char *path, struct weir_buf *out)
{
    struct weir_str rest = weir_str_c(path);
    uint64_t number;
    (void)take_last(&rest); /* the file */
    struct weir_str above = rest;
    if (weir_str_to_u64(take_last(&above), UINT64_MAX, &number) && above.n > 0) {
        (void)take_last(&above); /* the model's folder */
        rest = above;
    }
    while (rest.n > 1 && rest.at[rest.n - 1] == '/')
        rest.n--;
    weir_buf_append_str(out, rest.n > 0 ? rest : WEIR_STR("."));
}
