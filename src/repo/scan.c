/* SPDX-License-Identifier: MIT */
#include "repo/scan.h"

#include "base/macros.h"
#include "base/mem.h"
#include "format/format.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Compressed files keep the extension of what is in them, or end in one of these alone. */
static const char *const extensions[] = {".joblib", ".pkl", ".pickle", ".skops", ".onnx", ".ubj",
                                         ".xgb",    ".bst", ".lgb",    ".cbm",   ".cb"};
/* Models have them, and many other files: these are models when they begin like one. */
static const char *const shared[] = {".json", ".txt", ".model"};
static const char *const compressions[] = {".gz", ".z", ".bz2", ".xz", ".lzma", ".lz4", ".zst"};
/* Models of other libraries: whoever puts one there is told that it is not served. Extensions that
 * other files have too (.h5) are passed over. */
static const char *const foreign[] = {".pmml", ".pt", ".pth", ".keras", ".safetensors"};
static const char *const companions[] = {".gate.yaml", ".holdout.csv", ".smoke.json", ".sha256"};
static const char *const temporaries[] = {"~",    ".tmp",  ".temp",     ".swp",
                                          ".swx", ".part", ".partial",  ".crdownload",
                                          ".bak", ".orig", ".filepart", ".download"};

enum { ENTRIES_MAX = 100000 }; /* of one directory; more are passed over */

static bool ends_with_one(struct weir_str name, const char *const *list, size_t n,
                          struct weir_str *before)
{
    for (size_t i = 0; i < n; i++) {
        struct weir_str end = weir_str_c(list[i]);
        if (name.n > end.n && weir_str_ends(name, end)) {
            *before = weir_str_make(name.at, name.n - end.n);
            return true;
        }
    }
    return false;
}

bool weir_repo_scan_stem(struct weir_str name, struct weir_str *stem)
{
    struct weir_str inner = name;
    (void)ends_with_one(name, compressions, WEIR_ARRAY_LEN(compressions), &inner);
    return ends_with_one(inner, extensions, WEIR_ARRAY_LEN(extensions), stem);
}

bool weir_repo_scan_is_passed_over(struct weir_str name)
{
    struct weir_str before;
    return name.n == 0 || name.at[0] == '.' || name.at[0] == '#' ||
           ends_with_one(name, companions, WEIR_ARRAY_LEN(companions), &before) ||
           ends_with_one(name, temporaries, WEIR_ARRAY_LEN(temporaries), &before);
}

struct weir_repo_identity weir_repo_scan_identity(const struct stat *st)
{
    return (struct weir_repo_identity){
        .dev = (uint64_t)st->st_dev,
        .ino = (uint64_t)st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * (int64_t)WEIR_NS_PER_S + st->st_mtim.tv_nsec,
        .ctime_ns = (int64_t)st->st_ctim.tv_sec * (int64_t)WEIR_NS_PER_S + st->st_ctim.tv_nsec,
    };
}

/* --- one scan --- */

/* A directory that is being read. */
struct place {
    struct weir_repo_scanner *scanner;
    const struct weir_repo_scan_hooks *hooks;
    uint32_t root;
    int fd;
    const char *path;    /* for the watch */
    struct weir_str key; /* "0:" or "0:churn/" */
    bool is_link;        /* reached through one */
    uint8_t hints;       /* of the directories on the way */
};

static struct weir_str join(struct weir_repo_scanner *scanner, struct weir_str a, struct weir_str b,
                            const char *end)
{
    size_t n_end = strlen(end);
    char *p = weir_arena_alloc(&scanner->arena, a.n + b.n + n_end + 1);
    if (!p)
        return (struct weir_str){NULL, 0};
    if (a.n)
        memcpy(p, a.at, a.n);
    if (b.n)
        memcpy(p + a.n, b.at, b.n);
    memcpy(p + a.n + b.n, end, n_end + 1);
    return weir_str_make(p, a.n + b.n + n_end);
}

/* The path below the root: the key without the root's number. */
static struct weir_str below_root(struct weir_str key)
{
    (void)weir_str_split(&key, ':'); /* The number holds no colon. */
    return key;
}

static uint8_t hints_of(const struct place *p, struct weir_str key)
{
    return p->hooks && p->hooks->hints ? p->hooks->hints(p->hooks->ctx, key) : 0;
}

static bool add(struct weir_repo_scanner *scanner, const struct weir_repo_found *f)
{
    if (scanner->n_found == scanner->cap_found) {
        size_t cap = scanner->cap_found ? scanner->cap_found * 2 : 32;
        struct weir_repo_found *p =
            weir_mem_resize(weir_mem_default(), scanner->found, cap, sizeof *p);
        if (!p)
            return false;
        scanner->found = p;
        scanner->cap_found = cap;
    }
    scanner->found[scanner->n_found++] = *f;
    return true;
}

/* What cannot be read is not gone: nothing below this root may be taken for removed. */
static void cannot_read(const struct place *p, int error)
{
    struct weir_repo_root *root = &p->scanner->roots[p->root];
    root->is_ok = false;
    (void)snprintf(root->reason, sizeof root->reason, "%s", strerror(error));
}

static const char *kind_complaint(mode_t mode)
{
    if (S_ISDIR(mode))
        return "is a directory, not a file";
    if (S_ISFIFO(mode))
        return "is a pipe, not a file";
    if (S_ISSOCK(mode))
        return "is a socket, not a file";
    return "is a device, not a file";
}

/* Looks at one file and says what is wrong with it at first sight. false: it is not there. */
static bool look(const struct place *p, const char *name, struct weir_repo_found *f)
{
    struct stat st;
    struct stat lst;
    if (fstatat(p->fd, name, &lst, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT)
            cannot_read(p, errno);
        return false;
    }
    f->is_link = p->is_link || S_ISLNK(lst.st_mode);
    if (fstatat(p->fd, name, &st, 0) != 0) {
        f->complaint = errno == ELOOP ? WEIR_STR("is a symbolic link that leads to itself")
                                      : WEIR_STR("is a symbolic link that leads nowhere");
        if (errno == EACCES)
            f->complaint = WEIR_STR("is a symbolic link to where we may not go");
        return S_ISLNK(lst.st_mode);
    }
    f->id = weir_repo_scan_identity(&st);
    if (!S_ISREG(st.st_mode))
        f->complaint = weir_str_c(kind_complaint(st.st_mode));
    else if (st.st_nlink > 1 && !p->scanner->allows_hard_links)
        f->complaint = WEIR_STR("has more than one hard link; see the option hard_links");
    return true;
}

/* A name that is no legal model name is listed under one that is, so that it can be seen. */
static struct weir_str legal_name(struct weir_repo_scanner *scanner, struct weir_str name,
                                  struct weir_repo_found *f)
{
    if (weir_str_is_name(name))
        return name;
    f->complaint = WEIR_STR("its name is not a legal model name: 1 to 128 letters, digits, \".\", "
                            "\"_\" and \"-\"");
    char *p = weir_arena_alloc(&scanner->arena, WEIR_NAME_BYTES_MAX);
    size_t n = weir_min_size(name.n, WEIR_NAME_BYTES_MAX);
    if (!p || n == 0)
        return WEIR_STR("_");
    for (size_t i = 0; i < n; i++) {
        bool ok = weir_str_is_name(weir_str_make(&name.at[i], 1)) || (i > 0 && name.at[i] == '.');
        p[i] = ok ? name.at[i] : '_';
    }
    return weir_str_make(p, n);
}

/* Lists the names of a directory in the arena; NULL: no memory. */
static const char **list(const struct place *p, size_t *n)
{
    size_t cap = 0;
    const char **names = NULL;
    *n = 0;
    int fd = openat(p->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        cannot_read(p, errno);
        if (fd >= 0)
            (void)close(fd); /* Nothing was read. */
        return weir_arena_zalloc(&p->scanner->arena, sizeof(char *));
    }
    while (*n < ENTRIES_MAX) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e) {
            if (errno != 0)
                cannot_read(p, errno);
            break;
        }
        if (weir_repo_scan_is_passed_over(weir_str_c(e->d_name)))
            continue;
        if (*n == cap) {
            cap = cap ? cap * 2 : 32;
            const char **more = weir_arena_array(&p->scanner->arena, cap, sizeof(char *));
            if (more && names)
                memcpy(more, names, *n * sizeof(char *));
            names = more;
        }
        struct weir_str own =
            names ? weir_arena_str(&p->scanner->arena, weir_str_c(e->d_name)) : WEIR_STR("");
        if (!names || !own.at) {
            (void)closedir(dir);
            return NULL;
        }
        names[(*n)++] = own.at;
    }
    (void)closedir(dir);
    return names ? names : weir_arena_zalloc(&p->scanner->arena, sizeof(char *));
}

/* Opens a directory below another; out.fd is the caller's to close. false: it is not there, or
 * cannot be read. One of the root's own folders that we may not read (lost+found) is none of ours.
 */
static bool enter(const struct place *p, const char *name, struct place *out)
{
    struct stat lst;
    struct weir_str own = weir_str_c(name);
    *out = *p;
    out->key = join(p->scanner, p->key, own, "/");
    out->path =
        join(p->scanner, join(p->scanner, weir_str_c(p->path), WEIR_STR("/"), ""), own, "").at;
    out->fd = openat(p->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    if (out->fd < 0) {
        bool is_ours = errno != EACCES || p->key.at[p->key.n - 1] == '/';
        if (errno != ENOENT && errno != ENOTDIR && is_ours)
            cannot_read(p, errno);
        return false;
    }
    if (!out->key.at || !out->path) {
        cannot_read(p, ENOMEM);
        (void)close(out->fd); /* Nothing was read. */
        return false;
    }
    if (fstatat(p->fd, name, &lst, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(lst.st_mode))
        out->is_link = true;
    out->hints |= hints_of(p, weir_str_make(out->key.at, out->key.n - 1)) & WEIR_REPO_HINT_RENAMED;
    if (p->hooks && p->hooks->directory)
        p->hooks->directory(p->hooks->ctx, out->path, out->key);
    return true;
}

static bool finish(const struct place *p, struct weir_repo_found *f, struct weir_str file_key)
{
    f->root = p->root;
    f->file = below_root(file_key);
    f->hints |= p->hints | hints_of(p, file_key);
    return f->key.at && f->model.at && f->group.at && f->file.at && add(p->scanner, f);
}

/* is_foreign: of a format that is not read. */
static bool add_flat(const struct place *p, const char *name, struct weir_str stem, bool is_foreign)
{
    struct weir_repo_found f = {0};
    if (!look(p, name, &f))
        return true; /* It went away while we looked. */
    if (is_foreign)
        f.complaint = WEIR_STR("files of this kind are not supported");
    f.key = join(p->scanner, p->key, weir_str_c(name), "");
    f.group = f.key;
    f.model = legal_name(p->scanner, stem, &f);
    return finish(p, &f, f.key);
}

/* Finds whether a file whose extension says little begins like a model. */
static bool begins_like_model(const struct place *p, const char *name)
{
    char head[WEIR_FORMAT_HEAD_BYTES];
    int fd = openat(p->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, head, sizeof head);
    (void)close(fd); /* Only read from. */
    return n > 0 && weir_format_is_model_head(weir_str_make(head, (size_t)n));
}

/* Finds whether a file is a model by its name, or by its name and its first bytes. */
static bool is_model(const struct place *p, const char *name, struct weir_str *stem)
{
    if (weir_repo_scan_stem(weir_str_c(name), stem))
        return true;
    return ends_with_one(weir_str_c(name), shared, WEIR_ARRAY_LEN(shared), stem) &&
           begins_like_model(p, name);
}

/* --- MLflow's folders --- */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

/* One identity of all that lies in a folder, two levels deep: whatever changes changes it. */
static void add_identity(int dir, unsigned depth, struct weir_repo_identity *id)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            (void)close(fd); /* Nothing was read. */
        return;
    }
    const struct dirent *e;
    uint64_t sum = 0; /* Not of the order in which the names come. */
    for (size_t n = 0; n < ENTRIES_MAX && (e = readdir(d)) != NULL; n++) {
        struct stat st;
        if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        struct weir_repo_identity one = weir_repo_scan_identity(&st);
        uint64_t h = 0;
        for (const char *c = e->d_name; *c; c++)
            h = mix(h, (unsigned char)*c);
        sum += mix(mix(mix(mix(h, one.ino), one.size), (uint64_t)one.mtime_ns),
                   (uint64_t)one.ctime_ns);
        id->size += S_ISREG(st.st_mode) ? one.size : 0;
        id->mtime_ns = one.mtime_ns > id->mtime_ns ? one.mtime_ns : id->mtime_ns;
        id->ctime_ns = one.ctime_ns > id->ctime_ns ? one.ctime_ns : id->ctime_ns;
        int below =
            S_ISDIR(st.st_mode) && depth < 2
                ? openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
                : -1;
        if (below >= 0) {
            add_identity(below, depth + 1, id);
            (void)close(below); /* Only looked through. */
        }
    }
    (void)closedir(d);
    id->ino = mix(id->ino, sum);
}

bool weir_repo_scan_folder_identity(int dir, struct weir_repo_identity *out)
{
    struct stat st;
    if (fstat(dir, &st) != 0)
        return false;
    *out = (struct weir_repo_identity){.dev = (uint64_t)st.st_dev};
    add_identity(dir, 0, out);
    return true;
}

/* Adds an MLflow folder as one model, whose file is its MLmodel. */
static bool add_mlflow(const struct place *p, struct weir_repo_found *f)
{
    struct weir_repo_identity id;
    if (!weir_repo_scan_folder_identity(p->fd, &id))
        return true; /* It went away while we looked. */
    f->id = id;
    f->is_link = p->is_link;
    return finish(p, f, join(p->scanner, p->key, WEIR_STR("MLmodel"), ""));
}

/* One numeric folder; its model file is the only one with a known extension. */
static bool add_version(const struct place *folder, struct weir_str model, const char *name,
                        uint64_t number)
{
    struct place p;
    struct weir_repo_found f = {.number = number};
    size_t n = 0;
    size_t n_models = 0;
    const char *file = NULL;
    bool is_mlflow = false;
    if (!enter(folder, name, &p))
        return true;
    const char **names = list(&p, &n);
    for (size_t i = 0; names && i < n; i++) {
        struct weir_str stem;
        is_mlflow = is_mlflow || strcmp(names[i], "MLmodel") == 0;
        if (!is_model(&p, names[i], &stem))
            continue;
        n_models++;
        file = names[i];
    }
    f.key = weir_str_make(p.key.at, p.key.n - 1);
    f.group = folder->key;
    f.model = legal_name(p.scanner, model, &f);
    f.is_link = p.is_link;
    struct weir_str file_key = f.key;
    if (is_mlflow) {
        bool is_added = add_mlflow(&p, &f);
        (void)close(p.fd); /* Only read from. */
        return is_added;
    }
    if (n_models > 1) {
        f.complaint = WEIR_STR("more than one model file is in the version folder");
    } else if (n_models == 0) {
        f.complaint = WEIR_STR("no model file is in the version folder yet");
        f.is_waiting = true;
    } else {
        file_key = join(p.scanner, p.key, weir_str_c(file), "");
        struct weir_str named = f.complaint;
        if (!look(&p, file, &f)) {
            f.complaint = WEIR_STR("no model file is in the version folder yet");
            f.is_waiting = true;
        }
        if (named.n)
            f.complaint = named;
    }
    bool ok = names && finish(&p, &f, file_key);
    (void)close(p.fd); /* Only read from. */
    return ok;
}

/* A folder is a model when it has numeric folders or an MLmodel file; else it is not ours. */
static bool add_folder(const struct place *root, const char *name)
{
    struct place p;
    size_t n = 0;
    bool ok = true;
    if (!enter(root, name, &p))
        return true;
    const char **names = list(&p, &n);
    ok = names != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        uint64_t number;
        struct stat st;
        if (strcmp(names[i], "MLmodel") == 0) {
            struct weir_repo_found f = {.key = p.key, .group = p.key};
            f.model = legal_name(p.scanner, weir_str_c(name), &f);
            ok = add_mlflow(&p, &f);
        } else if (names[i][0] != '0' &&
                   weir_str_to_u64(weir_str_c(names[i]), UINT64_MAX - 1, &number) &&
                   fstatat(p.fd, names[i], &st, 0) == 0 && S_ISDIR(st.st_mode)) {
            ok = add_version(&p, weir_str_c(name), names[i], number);
        }
    }
    (void)close(p.fd); /* Only read from. */
    return ok;
}

static bool add_entry(const struct place *p, const char *name)
{
    struct stat st;
    struct weir_str stem;
    if (is_model(p, name, &stem))
        return add_flat(p, name, stem, false);
    if (fstatat(p->fd, name, &st, 0) == 0 && S_ISDIR(st.st_mode))
        return add_folder(p, name);
    if (ends_with_one(weir_str_c(name), foreign, WEIR_ARRAY_LEN(foreign), &stem))
        return add_flat(p, name, stem, true);
    return true;
}

/* Finds whether a root is itself an MLflow folder: it has an MLmodel file, or that file is named.
 */
static bool is_mlflow_root(const struct place *p, const struct weir_repo_root *root)
{
    struct stat st;
    return root->only ? strcmp(root->only, "MLmodel") == 0
                      : fstatat(p->fd, "MLmodel", &st, 0) == 0 && S_ISREG(st.st_mode);
}

/* Adds a root that is an MLflow folder, under the folder's own name. */
static bool add_mlflow_root(const struct place *p)
{
    char real[PATH_MAX];
    if (!realpath(p->path, real))
        return true; /* It went away while we looked. */
    const char *slash = strrchr(real, '/');
    struct weir_str name = weir_arena_str(&p->scanner->arena, weir_str_c(slash ? slash + 1 : real));
    struct weir_repo_found f = {0};
    if (!name.at)
        return false;
    f.key = join(p->scanner, p->key, WEIR_STR("MLmodel"), "");
    f.group = f.key;
    f.model = legal_name(p->scanner, name, &f);
    return add_mlflow(p, &f);
}

static bool scan_root(struct weir_repo_scanner *scanner, size_t i,
                      const struct weir_repo_scan_hooks *hooks)
{
    struct weir_repo_root *root = &scanner->roots[i];
    char number[16];
    (void)snprintf(number, sizeof number, "%zu:", i); /* At most 256 roots. */
    struct place p = {.scanner = scanner, .hooks = hooks, .root = (uint32_t)i, .path = root->path};
    p.key = join(scanner, weir_str_c(number), WEIR_STR(""), "");
    p.fd = open(root->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    root->is_ok = p.fd >= 0;
    root->is_scanned = true;
    if (p.fd < 0) {
        (void)snprintf(root->reason, sizeof root->reason, "%s", strerror(errno));
        return p.key.at != NULL;
    }
    if (!p.key.at) {
        (void)close(p.fd); /* Nothing was read. */
        return false;
    }
    if (hooks && hooks->directory)
        hooks->directory(hooks->ctx, root->path, p.key);
    bool ok = true;
    if (is_mlflow_root(&p, root)) {
        ok = add_mlflow_root(&p);
    } else if (root->only) {
        struct weir_str stem = weir_str_c(root->only);
        struct weir_str all = stem;
        /* A file that is named is a model whatever its extension. */
        if (!weir_repo_scan_stem(all, &stem))
            stem = weir_str_split(&all, '.');
        ok = add_flat(&p, root->only, stem, false);
    } else {
        size_t n = 0;
        const char **names = list(&p, &n);
        ok = names != NULL;
        for (size_t j = 0; ok && j < n; j++)
            ok = add_entry(&p, names[j]);
    }
    (void)close(p.fd); /* Only read from. */
    return ok;
}

static int by_key(const void *a, const void *b)
{
    return weir_str_cmp(((const struct weir_repo_found *)a)->key,
                        ((const struct weir_repo_found *)b)->key);
}

enum weir_status weir_repo_scan_run(struct weir_repo_scanner *scanner,
                                    const struct weir_repo_scan_hooks *hooks,
                                    struct weir_repo_scan *out)
{
    weir_arena_reset(&scanner->arena);
    scanner->n_found = 0;
    for (size_t i = 0; i < scanner->n_roots; i++) {
        if (!scan_root(scanner, i, hooks))
            return WEIR_ERR_NO_MEMORY;
        scanner->root_ok[i] = scanner->roots[i].is_ok;
    }
    if (scanner->n_found > 1)
        qsort(scanner->found, scanner->n_found, sizeof *scanner->found, by_key);
    /* Keys are paths, and a path is in a directory once; only a directory that changes while it is
     * read may show a name twice. */
    size_t n = 0;
    for (size_t i = 0; i < scanner->n_found; i++) {
        if (n == 0 || !weir_str_eq(scanner->found[n - 1].key, scanner->found[i].key))
            scanner->found[n++] = scanner->found[i];
    }
    scanner->n_found = n;
    out->found = scanner->found;
    out->n_found = n;
    out->root_ok = scanner->root_ok;
    out->n_roots = scanner->n_roots;
    return WEIR_OK;
}

/* --- roots --- */

static enum weir_status add_root(struct weir_repo_root *root, struct weir_str path,
                                 struct weir_error *err)
{
    struct weir_mem *mem = weir_mem_default();
    struct stat st;
    char echo[WEIR_ECHO_BUF_BYTES];
    if (stat(path.at, &st) != 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "models: \"%s\": %s",
                              weir_str_echo(path, echo, sizeof echo), strerror(errno));
    if (S_ISDIR(st.st_mode)) {
        root->path = weir_mem_strndup(mem, path.at, path.n);
        return root->path ? WEIR_OK : WEIR_ERR_NO_MEMORY;
    }
    if (!S_ISREG(st.st_mode))
        return weir_error_set(err, WEIR_ERR_INVALID,
                              "models: \"%s\" is neither a directory nor a file",
                              weir_str_echo(path, echo, sizeof echo));
    const char *slash = memrchr(path.at, '/', path.n);
    size_t n = slash ? (size_t)(slash - path.at) : 0;
    root->only = weir_mem_strndup(mem, path.at + (slash ? n + 1 : 0), path.n - (slash ? n + 1 : 0));
    root->path = !slash ? weir_mem_strndup(mem, ".", 1) : weir_mem_strndup(mem, path.at, n ? n : 1);
    return root->path && root->only ? WEIR_OK : WEIR_ERR_NO_MEMORY;
}

enum weir_status weir_repo_scan_init(struct weir_repo_scanner *scanner,
                                     const struct weir_config_list *paths, struct weir_error *err)
{
    struct weir_mem *mem = weir_mem_default();
    *scanner = (struct weir_repo_scanner){0};
    weir_arena_init(&scanner->arena, mem, 0);
    if (paths->n == 0)
        return weir_error_set(err, WEIR_ERR_INVALID, "models: no directory or file is named");
    scanner->roots = weir_mem_zarray(mem, paths->n, sizeof *scanner->roots);
    scanner->root_ok = weir_mem_zarray(mem, paths->n, sizeof *scanner->root_ok);
    enum weir_status st = scanner->roots && scanner->root_ok ? WEIR_OK : WEIR_ERR_NO_MEMORY;
    for (size_t i = 0; st == WEIR_OK && i < paths->n; i++) {
        st = add_root(&scanner->roots[i], paths->at[i], err);
        scanner->n_roots = i + 1;
    }
    if (st == WEIR_ERR_NO_MEMORY)
        (void)weir_error_set(err, st, "out of memory"); /* st is returned below. */
    if (st != WEIR_OK)
        weir_repo_scan_deinit(scanner);
    return st;
}

void weir_repo_scan_deinit(struct weir_repo_scanner *scanner)
{
    struct weir_mem *mem = weir_mem_default();
    for (size_t i = 0; scanner->roots && i < scanner->n_roots; i++) {
        weir_mem_free(mem, scanner->roots[i].path);
        weir_mem_free(mem, scanner->roots[i].only);
    }
    weir_mem_free(mem, scanner->roots);
    weir_mem_free(mem, scanner->root_ok);
    weir_mem_free(mem, scanner->found);
    weir_arena_deinit(&scanner->arena);
    *scanner = (struct weir_repo_scanner){0};
}
