/* SPDX-License-Identifier: MIT */
#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum weir_status fail(const struct weir_cli_outfile *f, struct weir_error *err)
{
    return weir_error_set(err, WEIR_ERR_IO, "%s: %s", f->path, strerror(errno));
}

static enum weir_status open_temporary(struct weir_cli_outfile *f, mode_t mode,
                                       struct weir_error *err)
{
    const char *slash = strrchr(f->path, '/');
    size_t n_folder = slash ? (size_t)(slash - f->path) + 1 : 0;
    weir_buf_append(&f->temporary, f->path, n_folder);
    weir_buf_printf(&f->temporary, ".%s.XXXXXX", f->path + n_folder);
    if (!weir_buf_c(&f->temporary) || !weir_buf_ok(&f->temporary))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    f->fd = mkostemp(f->temporary.at, O_CLOEXEC);
    if (f->fd < 0) {
        weir_buf_clear(&f->temporary);
        return fail(f, err);
    }
    (void)fchmod(f->fd, mode); /* The file is as good with fewer rights. */
    return WEIR_OK;
}

enum weir_status weir_cli_outfile_open(struct weir_cli_outfile *f, const char *path,
                                       struct weir_error *err)
{
    struct stat st;
    *f = (struct weir_cli_outfile){.path = path, .fd = -1};
    if (strcmp(path, "-") == 0) {
        f->path = "standard output";
        f->fd = dup(STDOUT_FILENO);
        return f->fd < 0 ? fail(f, err) : WEIR_OK;
    }
    bool is_there = stat(path, &st) == 0;
    if (is_there && !S_ISREG(st.st_mode)) {
        f->fd = open(path, O_WRONLY | O_CLOEXEC);
        return f->fd < 0 ? fail(f, err) : WEIR_OK;
    }
    mode_t mask = umask(0);
    (void)umask(mask);
    return open_temporary(f, is_there ? st.st_mode & 0777 : 0666 & ~mask, err);
}

enum weir_status weir_cli_outfile_put(struct weir_cli_outfile *f, struct weir_buf *b,
                                      struct weir_error *err)
{
    if (!weir_buf_ok(b))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    for (size_t at = 0; at < b->n;) {
        ssize_t n = write(f->fd, b->at + at, b->n - at);
        if (n < 0 && errno != EINTR)
            return fail(f, err);
        at += n > 0 ? (size_t)n : 0;
    }
    weir_buf_clear(b);
    return WEIR_OK;
}

enum weir_status weir_cli_outfile_finish(struct weir_cli_outfile *f, struct weir_error *err)
{
    int fd = f->fd;
    f->fd = -1;
    if (close(fd) != 0)
        return fail(f, err);
    if (f->temporary.n > 0) {
        if (rename(f->temporary.at, f->path) != 0)
            return fail(f, err);
        weir_buf_clear(&f->temporary);
    }
    return WEIR_OK;
}

void weir_cli_outfile_close(struct weir_cli_outfile *f)
{
    if (!f->path)
        return;
    if (f->fd >= 0)
        (void)close(f->fd); /* Is thrown away, or has been reported. */
    if (f->temporary.n > 0)
        (void)unlink(f->temporary.at); /* Nothing better can be done about it. */
    weir_buf_deinit(&f->temporary);
    f->path = NULL;
}
