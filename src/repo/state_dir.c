/* SPDX-License-Identifier: MIT */
#include "repo/state_dir.h"

#include "base/macros.h"
#include "base/mem.h"
#include "codec/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char head[] = "weir-state 1\n";

/* --- where it is --- */

/* Makes a directory and what is missing above it. */
static bool make_all(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool ok = mkdir(path, 0700) == 0 || errno == EEXIST;
        *slash = '/';
        if (!ok)
            return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* Writes the base directory; false: the environment names none. */
static bool base_path(const struct weir_config *config, struct weir_buf *out)
{
    const char *service = getenv("STATE_DIRECTORY");
    const char *user = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    if (config->state_dir.n)
        weir_buf_append_str(out, config->state_dir);
    else if (service && service[0])
        weir_buf_append(out, service, strcspn(service, ":")); /* The first of several. */
    else if (user && user[0] == '/')
        weir_buf_printf(out, "%s/weir", user);
    else if (home && home[0] == '/')
        weir_buf_printf(out, "%s/.local/state/weir", home);
    return out->n > 0;
}

/* Servers over different models must not share records: "iris" there is another model. */
static enum weir_status append_models(const struct weir_config *config, struct weir_buf *out)
{
    struct weir_codec_digest d = WEIR_CODEC_DIGEST_INIT;
    uint8_t digest[WEIR_CODEC_DIGEST_BYTES];
    char hex[WEIR_CODEC_DIGEST_HEX_BYTES];
    enum weir_status st = weir_codec_digest_init(&d);
    for (size_t i = 0; st == WEIR_OK && i < config->models.n; i++) {
        char real[PATH_MAX];
        const char *path = config->models.at[i].at;
        if (realpath(path, real))
            path = real;
        st = weir_codec_digest_update(&d, path, strlen(path) + 1);
    }
    if (st == WEIR_OK)
        st = weir_codec_digest_finish(&d, digest);
    weir_codec_digest_deinit(&d);
    if (st != WEIR_OK)
        return st;
    weir_codec_digest_hex(digest, hex);
    weir_buf_printf(out, "/%.16s", hex);
    return WEIR_OK;
}

enum weir_status weir_repo_state_dir_open(struct weir_repo_state_dir *dir,
                                          const struct weir_config *config, struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf path = WEIR_BUF_INIT;
    *dir = (struct weir_repo_state_dir){-1, -1};
    if (weir_str_eq_c(config->state_dir, "off"))
        return WEIR_ERR_CANCELED;
    if (!base_path(config, &path))
        return weir_error_set(err, WEIR_ERR_IO, "neither STATE_DIRECTORY nor HOME is set");
    if (append_models(config, &path) != WEIR_OK || !weir_buf_c(&path))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (!make_all(path.at))
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", path.at, strerror(errno));
    int fd = open(path.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", path.at, strerror(errno));
    int lock = openat(fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        if (lock >= 0)
            (void)close(lock); /* Nothing was written. */
        (void)close(fd);       /* Nothing was written. */
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", path.at,
                              error == EWOULDBLOCK ? "another server uses it" : strerror(error));
    }
    *dir = (struct weir_repo_state_dir){fd, lock};
    return WEIR_OK;
}

void weir_repo_state_dir_close(struct weir_repo_state_dir *dir)
{
    if (dir->fd >= 0)
        (void)close(dir->fd); /* Everything was synced where it mattered. */
    if (dir->lock_fd >= 0)
        (void)close(dir->lock_fd); /* Gives the lock back. */
    *dir = (struct weir_repo_state_dir){-1, -1};
}

/* --- the index --- */

static void put_digest(struct weir_buf *out, const uint8_t *digest)
{
    char hex[WEIR_CODEC_DIGEST_HEX_BYTES];
    weir_codec_digest_hex(digest, hex);
    weir_buf_append_c(out, hex);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_digest(struct weir_str hex, uint8_t *out)
{
    uint8_t digest[WEIR_REPO_DIGEST_BYTES];
    if (hex.n != WEIR_REPO_DIGEST_HEX)
        return false;
    for (size_t i = 0; i < sizeof digest; i++) {
        int high = hex_digit(hex.at[2 * i]);
        int low = hex_digit(hex.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest[i] = (uint8_t)(high * 16 + low);
    }
    memcpy(out, digest, sizeof digest);
    return true;
}

void weir_repo_state_dir_put(struct weir_buf *index, struct weir_str model,
                             const struct weir_repo_record *r)
{
    weir_buf_printf(index, "model %.*s generation %llu", WEIR_STR_ARG(model),
                    (unsigned long long)r->generation);
    if (r->live_number) {
        weir_buf_printf(index, " live %llu ", (unsigned long long)r->live_number);
        put_digest(index, r->live);
    }
    if (r->before_number) {
        weir_buf_printf(index, " before %llu ", (unsigned long long)r->before_number);
        put_digest(index, r->before);
    }
    if (r->candidate_number) {
        weir_buf_printf(index, " candidate %llu ", (unsigned long long)r->candidate_number);
        put_digest(index, r->candidate);
    }
    if (r->has_held) {
        weir_buf_append_c(index, " held ");
        put_digest(index, r->held);
    }
    weir_buf_append_c(index, "\n");
}

static bool read_line(struct weir_str line, struct weir_str *model, struct weir_repo_record *r)
{
    *r = (struct weir_repo_record){0};
    if (!weir_str_eq_c(weir_str_split(&line, ' '), "model"))
        return false;
    *model = weir_str_split(&line, ' ');
    if (!weir_str_is_name(*model))
        return false;
    while (line.at) {
        struct weir_str word = weir_str_split(&line, ' ');
        struct weir_str value = weir_str_split(&line, ' ');
        bool ok;
        if (weir_str_eq_c(word, "generation")) {
            ok = weir_str_to_u64(value, UINT64_MAX - 1, &r->generation);
        } else if (weir_str_eq_c(word, "live")) {
            ok = weir_str_to_u64(value, UINT64_MAX - 1, &r->live_number) &&
                 read_digest(weir_str_split(&line, ' '), r->live);
        } else if (weir_str_eq_c(word, "before")) {
            ok = weir_str_to_u64(value, UINT64_MAX - 1, &r->before_number) &&
                 read_digest(weir_str_split(&line, ' '), r->before);
        } else if (weir_str_eq_c(word, "candidate")) {
            ok = weir_str_to_u64(value, UINT64_MAX - 1, &r->candidate_number) &&
                 read_digest(weir_str_split(&line, ' '), r->candidate);
        } else {
            ok = weir_str_eq_c(word, "held") && read_digest(value, r->held);
            r->has_held = ok;
        }
        if (!ok)
            return false;
    }
    return true;
}

enum weir_status weir_repo_state_dir_parse(struct weir_str index,
                                           void (*fn)(void *ctx, struct weir_str model,
                                                      const struct weir_repo_record *record),
                                           void *ctx, struct weir_error *err)
{
    uint8_t digest[WEIR_CODEC_DIGEST_BYTES];
    uint8_t said[WEIR_CODEC_DIGEST_BYTES];
    size_t n_end = 7 + WEIR_REPO_DIGEST_HEX + 1; /* "sha256 ", digits, newline */
    if (!weir_str_starts(index, weir_str_c(head)) || index.n < n_end + sizeof head - 1)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "index: not begun as one of version 1");
    struct weir_str body = weir_str_make(index.at, index.n - n_end);
    struct weir_str end = weir_str_make(index.at + body.n, n_end);
    if (!weir_str_starts(end, WEIR_STR("sha256 ")) || end.at[n_end - 1] != '\n' ||
        !read_digest(weir_str_make(end.at + 7, WEIR_REPO_DIGEST_HEX), said))
        return weir_error_set(err, WEIR_ERR_CORRUPT, "index: cut");
    if (weir_codec_digest_sha256(body.at, body.n, digest) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    if (memcmp(digest, said, sizeof digest) != 0)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "index: damaged");
    struct weir_str rest = weir_str_make(body.at + sizeof head - 1, body.n - (sizeof head - 1));
    for (size_t line = 2; rest.n > 0; line++) {
        struct weir_str model;
        struct weir_repo_record record;
        if (!read_line(weir_str_split(&rest, '\n'), &model, &record))
            return weir_error_set(err, WEIR_ERR_CORRUPT, "index: line %zu is not understood", line);
        fn(ctx, model, &record);
    }
    return WEIR_OK;
}

enum weir_status weir_repo_state_dir_read(int fd, struct weir_buf *out, size_t bytes_max)
{
    for (;;) {
        char block[8192];
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return WEIR_ERR_IO;
        if (n == 0)
            return weir_buf_ok(out) ? WEIR_OK : WEIR_ERR_NO_MEMORY;
        weir_buf_append(out, block, (size_t)n);
        if (out->n > bytes_max)
            return WEIR_ERR_LIMIT;
    }
}

enum weir_status weir_repo_state_dir_recall(const struct weir_repo_state_dir *dir,
                                            void (*fn)(void *ctx, struct weir_str model,
                                                       const struct weir_repo_record *record),
                                            void *ctx, struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    int fd = openat(dir->fd, "index", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? WEIR_ERR_NOT_FOUND
                               : weir_error_set(err, WEIR_ERR_IO, "index: %s", strerror(errno));
    enum weir_status st = weir_repo_state_dir_read(fd, &text, WEIR_REPO_STATE_DIR_INDEX_BYTES_MAX);
    (void)close(fd); /* Only read from. */
    if (st != WEIR_OK)
        return weir_error_set(err, st, "index: cannot be read");
    return weir_repo_state_dir_parse(weir_buf_str(&text), fn, ctx, err);
}

/* --- writing --- */

static bool write_all(int fd, const char *at, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, at, weir_min_size(n, 1 << 20));
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        at += w;
        n -= (size_t)w;
    }
    return true;
}

enum weir_status weir_repo_state_dir_replace(const struct weir_repo_state_dir *dir,
                                             const char *name, const void *bytes, size_t n,
                                             struct weir_error *err)
{
    char temporary[WEIR_REPO_STATE_DIR_NAME_BYTES + 8];
    (void)snprintf(temporary, sizeof temporary, "%s.tmp", name); /* Fits the longest name. */
    int fd =
        openat(dir->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", temporary, strerror(errno));
    bool ok = write_all(fd, bytes, n) && fsync(fd) == 0;
    int error = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        error = errno;
    }
    if (ok && renameat(dir->fd, temporary, dir->fd, name) != 0) {
        ok = false;
        error = errno;
    }
    if (!ok) {
        (void)unlinkat(dir->fd, temporary, 0); /* It may not even be there. */
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", name, strerror(error));
    }
    if (fsync(dir->fd) != 0)
        return weir_error_set(err, WEIR_ERR_IO, "%s: %s", name, strerror(errno));
    return WEIR_OK;
}

/* Names of files that an index wants, live ones first. */
struct wanted {
    struct {
        char name[WEIR_REPO_DIGEST_HEX + 1];
        bool is_live;
    } * at; /* n of cap, owned */
    size_t n, cap;
    bool failed;
};

static void want(struct wanted *w, const uint8_t *digest, bool is_live)
{
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 32;
        void *p = weir_mem_resize(weir_mem_default(), w->at, cap, sizeof *w->at);
        if (!p) {
            w->failed = true;
            return;
        }
        w->at = p;
        w->cap = cap;
    }
    weir_codec_digest_hex(digest, w->at[w->n].name);
    w->at[w->n++].is_live = is_live;
}

static void want_record(void *ctx, struct weir_str model, const struct weir_repo_record *r)
{
    (void)model;
    if (r->live_number)
        want(ctx, r->live, true);
    if (r->before_number)
        want(ctx, r->before, false);
    if (r->candidate_number)
        want(ctx, r->candidate, false);
}

static bool is_kept_name(const char *name)
{
    uint8_t digest[WEIR_REPO_DIGEST_BYTES];
    return read_digest(weir_str_c(name), digest);
}

/* Turns the names that fit into bytes_max on; the rest of the list is cut off. */
static void choose(const struct weir_repo_state_dir *dir, struct wanted *w, uint64_t bytes_max)
{
    uint64_t sum = 0;
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = n; i < w->n; i++) {
            struct stat st;
            if (w->at[i].is_live != (pass == 0) || fstatat(dir->fd, w->at[i].name, &st, 0) != 0 ||
                sum + (uint64_t)st.st_size > bytes_max)
                continue;
            sum += (uint64_t)st.st_size;
            __typeof__(w->at[0]) swap = w->at[n];
            w->at[n++] = w->at[i];
            w->at[i] = swap;
        }
    }
    w->n = n;
}

static void collect(const struct weir_repo_state_dir *dir, const struct wanted *w)
{
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            (void)close(fd); /* Nothing was read. */
        return;
    }
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        bool is_wanted = !is_kept_name(e->d_name);
        for (size_t i = 0; !is_wanted && i < w->n; i++)
            is_wanted = strcmp(w->at[i].name, e->d_name) == 0;
        if (!is_wanted)
            (void)unlinkat(dir->fd, e->d_name, 0); /* The next time it is tried again. */
    }
    (void)closedir(d);
}

enum weir_status weir_repo_state_dir_write(const struct weir_repo_state_dir *dir,
                                           struct weir_str lines, uint64_t bytes_max,
                                           struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    uint8_t digest[WEIR_CODEC_DIGEST_BYTES];
    weir_buf_append_c(&text, head);
    weir_buf_append_str(&text, lines);
    if (!weir_buf_ok(&text) || weir_codec_digest_sha256(text.at, text.n, digest) != WEIR_OK)
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    weir_buf_append_c(&text, "sha256 ");
    put_digest(&text, digest);
    weir_buf_append_c(&text, "\n");
    if (!weir_buf_ok(&text))
        return weir_error_set(err, WEIR_ERR_NO_MEMORY, "out of memory");
    enum weir_status st = weir_repo_state_dir_replace(dir, "index", text.at, text.n, err);
    if (st != WEIR_OK)
        return st;
    struct wanted w = {0};
    st = weir_repo_state_dir_parse(weir_buf_str(&text), want_record, &w, err);
    if (st == WEIR_OK && !w.failed) {
        choose(dir, &w, bytes_max);
        collect(dir, &w);
    }
    weir_mem_free(weir_mem_default(), w.at);
    return st;
}

enum weir_status weir_repo_state_dir_keep(const struct weir_repo_state_dir *dir,
                                          const uint8_t digest[WEIR_REPO_DIGEST_BYTES],
                                          const void *bytes, size_t n, uint64_t bytes_max,
                                          struct weir_error *err)
{
    char name[WEIR_CODEC_DIGEST_HEX_BYTES];
    struct stat st;
    weir_codec_digest_hex(digest, name);
    if (n > bytes_max)
        return weir_error_set(err, WEIR_ERR_LIMIT, "larger than state_bytes_max");
    if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
        (uint64_t)st.st_size == n)
        return WEIR_OK;
    return weir_repo_state_dir_replace(dir, name, bytes, n, err);
}

enum weir_status weir_repo_state_dir_find(const struct weir_repo_state_dir *dir,
                                          const uint8_t digest[WEIR_REPO_DIGEST_BYTES], int *fd,
                                          struct weir_error *err)
{
    char name[WEIR_CODEC_DIGEST_HEX_BYTES];
    weir_codec_digest_hex(digest, name);
    int found =
        dir->fd < 0 ? -1 : openat(dir->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (found < 0)
        return weir_error_set(err, WEIR_ERR_NOT_FOUND,
                              "the file of digest %.16s is not kept in the state directory", name);
    *fd = found;
    return WEIR_OK;
}
