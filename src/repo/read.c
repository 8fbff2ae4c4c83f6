/* SPDX-License-Identifier: MIT */
/* openat2(2) with RESOLVE_BENEATH keeps a path and every link in it below the model directory. A
 * read lease (fcntl(2), F_SETLEASE) is refused with EAGAIN while anybody has the file open for
 * writing; it is asked for and given back at once, before and after reading. Where leases do not
 * work (another owner, network mounts) the identity before and after is all there is. */
#include "repo/read.h"

#include "base/macros.h"
#include "base/mem.h"
#include "codec/digest.h"
#include "format/mlflow/mlflow.h"
#include "repo/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    OPEN_FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
    READ_BYTES = 1 << 18,
    SIDECAR_BYTES_MAX = 4096,
    RACES_MAX = 8, /* a rename on the way makes openat2 give EAGAIN: tried again */
};

enum writer { WRITER_NONE, WRITER_THERE, WRITER_UNKNOWN };

static enum writer find_writer(int fd)
{
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
        (void)fcntl(fd, F_SETLEASE, F_UNLCK); /* It goes with the descriptor at the latest. */
        return WRITER_NONE;
    }
    return errno == EAGAIN ? WRITER_THERE : WRITER_UNKNOWN;
}

bool weir_repo_read_has_writer(int fd)
{
    return find_writer(fd) == WRITER_THERE;
}

static bool is_transient_error(int error)
{
    return error != ELOOP && error != EXDEV && error != ENOTDIR && error != ENXIO;
}

/* Without openat2: the resolved path must begin with the resolved directory. */
static int open_resolved(const char *root, const char *file)
{
    char joined[PATH_MAX];
    char real_root[PATH_MAX];
    char real[PATH_MAX];
    int n = snprintf(joined, sizeof joined, "%s/%s", root, file);
    if (n < 0 || (size_t)n >= sizeof joined) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (!realpath(root, real_root) || !realpath(joined, real))
        return -1;
    size_t n_root = strlen(real_root);
    bool is_below = strncmp(real, real_root, n_root) == 0 &&
                    (real[n_root] == '/' || (n_root == 1 && real_root[0] == '/'));
    if (!is_below) {
        errno = EXDEV;
        return -1;
    }
    return open(real, OPEN_FLAGS | O_NOFOLLOW);
}

static int open_beneath(const char *root, const char *file, bool is_anywhere)
{
    int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -1;
    int fd = -1;
    if (is_anywhere) {
        fd = openat(dir, file, OPEN_FLAGS);
    } else {
        struct open_how how = {.flags = OPEN_FLAGS,
                               .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
        for (int i = 0; i < RACES_MAX; i++) {
            fd = (int)syscall(SYS_openat2, dir, file, &how, sizeof how);
            if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
                break;
        }
        if (fd < 0 && (errno == ENOSYS || errno == EPERM))
            fd = open_resolved(root, file);
    }
    int error = errno;
    (void)close(dir); /* Only looked through. */
    errno = error;
    return fd;
}

static enum weir_repo_outcome fail_open(int error, struct weir_repo_read *out,
                                        struct weir_error *err)
{
    if (error == ENOENT || error == EAGAIN)
        return WEIR_REPO_OUTCOME_CHANGED; /* The next scan sees what has become of it. */
    out->is_transient = is_transient_error(error);
    if (error == EXDEV)
        (void)weir_error_set(err, WEIR_ERR_INVALID,
                             "is a symbolic link that leads out of the model directory");
    else
        (void)weir_error_set(err, WEIR_ERR_IO, "cannot be opened: %s", strerror(error));
    return WEIR_REPO_OUTCOME_FAILED;
}

/* The identity on the open file; a file that was renamed over meanwhile keeps its contents, only
 * its change time and link count differ. */
static bool is_unchanged(const struct stat *st, const struct weir_repo_identity *id)
{
    struct weir_repo_identity now = weir_repo_scan_identity(st);
    return now.dev == id->dev && now.ino == id->ino && now.size == id->size &&
           now.mtime_ns == id->mtime_ns && (now.ctime_ns == id->ctime_ns || st->st_nlink == 0);
}

static enum weir_repo_outcome check_stat(const struct weir_repo_load *load, const struct stat *st,
                                         struct weir_repo_read *out, struct weir_error *err)
{
    out->is_transient = false;
    if (!S_ISREG(st->st_mode)) {
        (void)weir_error_set(err, WEIR_ERR_INVALID, "is not a regular file");
        return WEIR_REPO_OUTCOME_FAILED;
    }
    if (!load->is_restore && st->st_nlink > 1 && !load->config->hard_links) {
        (void)weir_error_set(err, WEIR_ERR_INVALID, "has more than one hard link");
        return WEIR_REPO_OUTCOME_FAILED;
    }
    if ((uint64_t)st->st_size > load->config->model_bytes_max) {
        (void)weir_error_set(err, WEIR_ERR_LIMIT, "has %llu bytes, model_bytes_max allows %llu",
                             (unsigned long long)st->st_size,
                             (unsigned long long)load->config->model_bytes_max);
        return WEIR_REPO_OUTCOME_FAILED;
    }
    if (st->st_size == 0) {
        (void)weir_error_set(err, WEIR_ERR_INVALID, "is empty");
        return WEIR_REPO_OUTCOME_FAILED;
    }
    return WEIR_REPO_OUTCOME_OK;
}

/* Reads n bytes and hashes them; fewer is CHANGED. */
static enum weir_repo_outcome read_bytes(int fd, size_t n, const atomic_bool *is_stopping,
                                         uint64_t deadline_ns, struct weir_repo_read *out,
                                         struct weir_error *err)
{
    struct weir_codec_digest d = WEIR_CODEC_DIGEST_INIT;
    enum weir_repo_outcome outcome = WEIR_REPO_OUTCOME_OK;
    size_t done = 0;
    bool ok = weir_codec_digest_init(&d) == WEIR_OK;
    while (ok && outcome == WEIR_REPO_OUTCOME_OK && done < n) {
        ssize_t got = read(fd, out->bytes + done, weir_min_size(n - done, READ_BYTES));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            out->is_transient = true;
            (void)weir_error_set(err, WEIR_ERR_IO, "cannot be read: %s", strerror(errno));
            outcome = WEIR_REPO_OUTCOME_FAILED;
        } else if (got == 0) {
            outcome = WEIR_REPO_OUTCOME_CHANGED; /* It was cut. */
        } else {
            ok = weir_codec_digest_update(&d, out->bytes + done, (size_t)got) == WEIR_OK;
            done += (size_t)got;
        }
        if (atomic_load_explicit(is_stopping, memory_order_relaxed)) {
            outcome = WEIR_REPO_OUTCOME_CANCELED;
        } else if (weir_clock_ns() > deadline_ns) {
            out->is_transient = true;
            (void)weir_error_set(err, WEIR_ERR_TIMEOUT, "reading took longer than load_timeout");
            outcome = WEIR_REPO_OUTCOME_FAILED;
        }
    }
    if (ok && outcome == WEIR_REPO_OUTCOME_OK)
        ok = weir_codec_digest_finish(&d, out->digest) == WEIR_OK;
    weir_codec_digest_deinit(&d);
    if (!ok) {
        out->is_transient = true;
        (void)weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
        return WEIR_REPO_OUTCOME_FAILED;
    }
    out->has_digest = outcome == WEIR_REPO_OUTCOME_OK;
    return outcome;
}

bool weir_repo_read_sidecar(struct weir_str text, uint8_t out[WEIR_REPO_DIGEST_BYTES])
{
    if (text.n < WEIR_REPO_DIGEST_HEX)
        return false;
    for (size_t i = 0; i < WEIR_REPO_DIGEST_HEX; i++) {
        char c = text.at[i];
        int v = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (v < 0)
            return false;
        out[i / 2] = (uint8_t)(i % 2 == 0 ? v << 4 : out[i / 2] | v);
    }
    if (text.n == WEIR_REPO_DIGEST_HEX)
        return true;
    char next = text.at[WEIR_REPO_DIGEST_HEX];
    return next == ' ' || next == '\t' || next == '\n' || next == '\r';
}

/* Compares with FILE.sha256 where there is one. It may be written after the file: a refusal is
 * tried again. */
static bool agrees_with_sidecar(const struct weir_repo_load *load, struct weir_repo_read *out,
                                struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf name = WEIR_BUF_INIT;
    char text[SIDECAR_BYTES_MAX];
    uint8_t said[WEIR_REPO_DIGEST_BYTES];
    weir_buf_printf(&name, "%s.sha256", load->file);
    out->is_transient = true;
    if (!weir_buf_c(&name)) {
        (void)weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
        return false;
    }
    int fd = open_beneath(load->root, name.at, load->is_anywhere);
    if (fd < 0) {
        if (errno == ENOENT && !load->config->require_digest)
            return true;
        (void)weir_error_set(err, WEIR_ERR_INVALID, "its .sha256 file cannot be read: %s",
                             strerror(errno));
        return false;
    }
    ssize_t n = read(fd, text, sizeof text);
    (void)close(fd); /* Only read from. */
    if (n < 0 || !weir_repo_read_sidecar(weir_str_make(text, (size_t)n), said)) {
        (void)weir_error_set(err, WEIR_ERR_INVALID, "its .sha256 file holds no digest");
        return false;
    }
    if (memcmp(said, out->digest, sizeof said) != 0) {
        (void)weir_error_set(err, WEIR_ERR_INVALID, "its .sha256 file names another digest");
        return false;
    }
    return true;
}

static bool is_known(const struct weir_repo_load *load, const struct weir_repo_read *out)
{
    for (size_t i = 0; i < load->n_known; i++) {
        if (memcmp(load->known[i], out->digest, sizeof out->digest) == 0)
            return true;
    }
    return false;
}

/* What follows once the file is open. */
static enum weir_repo_outcome read_open(int fd, const struct weir_repo_load *load,
                                        const atomic_bool *is_stopping, uint64_t deadline_ns,
                                        struct weir_repo_read *out, struct weir_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail_open(errno, out, err);
    struct weir_repo_identity id = weir_repo_scan_identity(&st);
    enum weir_repo_outcome outcome = check_stat(load, &st, out, err);
    if (outcome != WEIR_REPO_OUTCOME_OK)
        return outcome;
    if (!load->is_restore) {
        if (!is_unchanged(&st, &load->id))
            return WEIR_REPO_OUTCOME_CHANGED;
        enum writer writer = find_writer(fd);
        if (writer == WRITER_THERE)
            return WEIR_REPO_OUTCOME_WRITER;
        if (writer == WRITER_UNKNOWN && load->needs_lease)
            return WEIR_REPO_OUTCOME_CHANGED;
    }
    out->n = (size_t)st.st_size;
    out->bytes = weir_mem_alloc(weir_mem_default(), out->n);
    if (!out->bytes) {
        out->is_transient = true;
        (void)weir_error_set(err, WEIR_ERR_NO_MEMORY, "no memory for its %zu bytes", out->n);
        return WEIR_REPO_OUTCOME_FAILED;
    }
    outcome = read_bytes(fd, out->n, is_stopping, deadline_ns, out, err);
    if (outcome != WEIR_REPO_OUTCOME_OK || load->is_restore)
        return outcome;
    if (fstat(fd, &st) != 0 || !is_unchanged(&st, &id))
        return WEIR_REPO_OUTCOME_CHANGED;
    return find_writer(fd) == WRITER_THERE ? WEIR_REPO_OUTCOME_WRITER : WEIR_REPO_OUTCOME_OK;
}

/* --- MLflow's folders --- */

static bool is_folder(const struct weir_repo_load *load)
{
    struct weir_str file = weir_str_c(load->file);
    return !load->is_restore &&
           (weir_str_eq_c(file, "MLmodel") || weir_str_ends(file, WEIR_STR("/MLmodel")));
}

/* Refuses a file that somebody has open for writing. */
static enum weir_status check_writer(void *ctx, int fd, struct weir_error *err)
{
    const struct weir_repo_load *load = ctx;
    enum writer writer = find_writer(fd);
    if (writer == WRITER_THERE || (writer == WRITER_UNKNOWN && load->needs_lease))
        return weir_error_set(err, WEIR_ERR_BUSY, "is open for writing");
    return WEIR_OK;
}

static bool is_same_identity(const struct weir_repo_identity *a, const struct weir_repo_identity *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* Reads the folder into a bundle: what it holds, unchanged from the scan to the end of reading. */
static enum weir_repo_outcome read_folder(int dir, const struct weir_repo_load *load,
                                          struct weir_repo_read *out, struct weir_error *err)
{
    struct weir_repo_identity before, after;
    struct weir_buf bundle = WEIR_BUF_INIT;
    if (!weir_repo_scan_folder_identity(dir, &before) || !is_same_identity(&before, &load->id))
        return WEIR_REPO_OUTCOME_CHANGED;
    void *ctx = (void *)(uintptr_t)load; /* check_writer does not write to it */
    enum weir_status status = weir_format_mlflow_folder_pack(dir, load->config->model_bytes_max,
                                                             check_writer, ctx, &bundle, err);
    if (status == WEIR_OK)
        status = weir_codec_digest_sha256(bundle.at, bundle.n, out->digest);
    if (status != WEIR_OK) {
        weir_buf_deinit(&bundle);
        out->is_transient =
            status == WEIR_ERR_IO || status == WEIR_ERR_NO_MEMORY || status == WEIR_ERR_NOT_FOUND;
        return status == WEIR_ERR_BUSY ? WEIR_REPO_OUTCOME_WRITER : WEIR_REPO_OUTCOME_FAILED;
    }
    if (!weir_repo_scan_folder_identity(dir, &after) || !is_same_identity(&before, &after)) {
        weir_buf_deinit(&bundle);
        return WEIR_REPO_OUTCOME_CHANGED;
    }
    out->bytes = bundle.at;
    out->n = bundle.n;
    out->has_digest = true;
    return WEIR_REPO_OUTCOME_OK;
}

static enum weir_repo_outcome open_and_read_folder(const struct weir_repo_load *load,
                                                   struct weir_repo_read *out,
                                                   struct weir_error *err)
{
    char folder[PATH_MAX];
    size_t n = strlen(load->file) - strlen("MLmodel");
    if (n >= sizeof folder)
        return WEIR_REPO_OUTCOME_CHANGED;
    memcpy(folder, load->file, n);
    folder[n ? n - 1 : 0] = '\0';
    if (n == 0) /* the root itself */
        memcpy(folder, ".", sizeof ".");
    int fd = open_beneath(load->root, folder, load->is_anywhere);
    if (fd < 0)
        return fail_open(errno, out, err);
    enum weir_repo_outcome outcome = read_folder(fd, load, out, err);
    (void)close(fd); /* Only read from. */
    return outcome;
}

/* Reads the kept file or the model's own. */
static enum weir_repo_outcome open_and_read(const struct weir_repo_load *load,
                                            const struct weir_repo_state_dir *state,
                                            const atomic_bool *is_stopping, uint64_t deadline_ns,
                                            struct weir_repo_read *out, struct weir_error *err)
{
    int fd = -1;
    if (load->is_restore) {
        if (weir_repo_state_dir_find(state, load->digest, &fd, err) != WEIR_OK)
            return WEIR_REPO_OUTCOME_FAILED;
    } else {
        fd = open_beneath(load->root, load->file, load->is_anywhere);
        if (fd < 0)
            return fail_open(errno, out, err);
    }
    enum weir_repo_outcome outcome = read_open(fd, load, is_stopping, deadline_ns, out, err);
    (void)close(fd); /* Only read from. */
    return outcome;
}

enum weir_repo_outcome weir_repo_read_file(const struct weir_repo_load *load,
                                           const struct weir_repo_state_dir *state,
                                           const atomic_bool *is_stopping, uint64_t deadline_ns,
                                           struct weir_repo_read *out, struct weir_error *err)
{
    *out = (struct weir_repo_read){0};
    enum weir_repo_outcome outcome =
        is_folder(load) ? open_and_read_folder(load, out, err)
                        : open_and_read(load, state, is_stopping, deadline_ns, out, err);
    if (outcome == WEIR_REPO_OUTCOME_OK && load->is_restore &&
        memcmp(out->digest, load->digest, sizeof out->digest) != 0) {
        (void)weir_error_set(err, WEIR_ERR_CORRUPT, "the kept file is damaged");
        outcome = WEIR_REPO_OUTCOME_FAILED;
    }
    if (outcome == WEIR_REPO_OUTCOME_OK && is_known(load, out))
        outcome = WEIR_REPO_OUTCOME_KNOWN;
    if (outcome == WEIR_REPO_OUTCOME_OK && !load->is_restore &&
        !agrees_with_sidecar(load, out, err))
        outcome = WEIR_REPO_OUTCOME_FAILED;
    if (outcome != WEIR_REPO_OUTCOME_OK)
        weir_mem_free(weir_mem_default(), WEIR_TAKE(out->bytes));
    return outcome;
}
