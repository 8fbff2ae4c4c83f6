/* SPDX-License-Identifier: MIT */
/* inotify(7). Directories are watched, never files. A watch belongs to an inode: when a directory
 * is replaced, the next scan adds the new one under the same key. When the queue overflows or the
 * table of hints is full, all hints are forgotten, since one that is missing a later write would
 * be wrong; without hints the time rule of settling holds. */
#include "repo/watch.h"

#include "base/macros.h"
#include "base/mem.h"
#include "repo/step.h"

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    MASK = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_MODIFY |
           IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK,
    READS_MAX = 16, /* of one call, so that a flood does not hold the loop */
};

struct weir_repo_watch_hint {
    char *key; /* owned */
    uint8_t bits;
};

struct weir_repo_watch_directory {
    int wd;
    char *key; /* owned */
};

static size_t place_of(const struct weir_repo_watch *w, struct weir_str key)
{
    size_t from = 0;
    size_t to = w->n_hints;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (weir_str_cmp(weir_str_c(w->hints[middle].key), key) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void forget_hints(struct weir_repo_watch *w)
{
    for (size_t i = 0; i < w->n_hints; i++)
        weir_mem_free(weir_mem_default(), w->hints[i].key);
    w->n_hints = 0;
}

/* Returns the bits of a key, made if needed; NULL: no room. */
static uint8_t *bits_of(struct weir_repo_watch *w, struct weir_str key)
{
    size_t at = place_of(w, key);
    if (at < w->n_hints && weir_str_eq_c(key, w->hints[at].key))
        return &w->hints[at].bits;
    if (w->n_hints == WEIR_REPO_WATCH_HINTS_MAX)
        return NULL;
    if (w->n_hints == w->cap_hints) {
        size_t cap = w->cap_hints ? w->cap_hints * 2 : 32;
        struct weir_repo_watch_hint *p =
            weir_mem_resize(weir_mem_default(), w->hints, cap, sizeof *p);
        if (!p)
            return NULL;
        w->hints = p;
        w->cap_hints = cap;
    }
    char *own = weir_mem_strndup(weir_mem_default(), key.at, key.n);
    if (!own)
        return NULL;
    memmove(w->hints + at + 1, w->hints + at, (w->n_hints - at) * sizeof *w->hints);
    w->hints[at] = (struct weir_repo_watch_hint){own, 0};
    w->n_hints++;
    return &w->hints[at].bits;
}

uint8_t weir_repo_watch_hints(const struct weir_repo_watch *w, struct weir_str key)
{
    size_t at = place_of(w, key);
    return at < w->n_hints && weir_str_eq_c(key, w->hints[at].key) ? w->hints[at].bits : 0;
}

void weir_repo_watch_used(struct weir_repo_watch *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_hints; i++) {
        /* A write without a close is remembered until the close. */
        w->hints[i].bits &= WEIR_REPO_HINT_WRITTEN;
        if (w->hints[i].bits)
            w->hints[n++] = w->hints[i];
        else
            weir_mem_free(weir_mem_default(), w->hints[i].key);
    }
    w->n_hints = n;
}

static uint8_t next_bits(uint8_t bits, uint32_t mask)
{
    if (mask & (IN_CREATE | IN_DELETE | IN_MOVED_FROM))
        return 0;
    if (mask & IN_MOVED_TO)
        return WEIR_REPO_HINT_RENAMED;
    if (mask & IN_MODIFY)
        return WEIR_REPO_HINT_WRITTEN;
    if (mask & IN_CLOSE_WRITE)
        return WEIR_REPO_HINT_CLOSED;
    return bits;
}

static const char *key_of(const struct weir_repo_watch *w, int wd)
{
    for (size_t i = 0; i < w->n_directories; i++) {
        if (w->directories[i].wd == wd)
            return w->directories[i].key;
    }
    return NULL;
}

static void remove_directory(struct weir_repo_watch *w, int wd)
{
    for (size_t i = 0; i < w->n_directories; i++) {
        if (w->directories[i].wd != wd)
            continue;
        weir_mem_free(weir_mem_default(), w->directories[i].key);
        w->directories[i] = w->directories[--w->n_directories];
        return;
    }
}

/* Returns true when a rescan is wanted. */
static bool on_event(struct weir_repo_watch *w, const struct inotify_event *e)
{
    char key[NAME_MAX + PATH_MAX];
    w->n_events++;
    if (e->mask & IN_Q_OVERFLOW) {
        w->n_overflows++;
        forget_hints(w);
        return true;
    }
    if (e->mask & IN_IGNORED) {
        remove_directory(w, e->wd);
        return true;
    }
    const char *directory = key_of(w, e->wd);
    if (!directory || e->len == 0)
        return true; /* The directory itself. */
    size_t n_directory = strlen(directory);
    size_t n_name = strlen(e->name);
    if (n_directory + n_name > sizeof key)
        return true;
    memcpy(key, directory, n_directory);
    memcpy(key + n_directory, e->name, n_name);
    uint8_t *bits = bits_of(w, weir_str_make(key, n_directory + n_name));
    if (!bits) {
        forget_hints(w);
        return true;
    }
    *bits = next_bits(*bits, e->mask);
    /* A write is only noted: the close, or the next rescan, will show it. */
    return (e->mask & IN_MODIFY) == 0;
}

static void on_readable(void *arg, int events)
{
    struct weir_repo_watch *w = arg;
    bool is_wanted = false;
    if (events == 0) {
        w->is_limited = true; /* No more events: the rescans go on. */
        w->fn(w->arg);
        return;
    }
    for (int i = 0; i < READS_MAX; i++) {
        _Alignas(struct inotify_event) char bytes[16384];
        ssize_t n = read(w->fd, bytes, sizeof bytes);
        if (n <= 0)
            break;
        for (char *at = bytes; at < bytes + n;) {
            struct inotify_event e;
            memcpy(&e, at, sizeof e);
            is_wanted = on_event(w, (const struct inotify_event *)(const void *)at) || is_wanted;
            at += sizeof e + e.len;
        }
    }
    if (is_wanted)
        w->fn(w->arg);
}

void weir_repo_watch_off(struct weir_repo_watch *w)
{
    *w = (struct weir_repo_watch){.fd = -1};
}

enum weir_status weir_repo_watch_open(struct weir_repo_watch *w, struct weir_loop *loop,
                                      void (*fn)(void *arg), void *arg)
{
    weir_repo_watch_off(w);
    w->fn = fn;
    w->arg = arg;
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return WEIR_ERR_IO;
    if (weir_poll_init(&w->poll, loop, fd, WEIR_POLL_READABLE, on_readable, w) != WEIR_OK) {
        (void)close(fd); /* Nothing was watched yet. */
        return WEIR_ERR_IO;
    }
    w->fd = fd;
    return WEIR_OK;
}

void weir_repo_watch_add(struct weir_repo_watch *w, const char *path, struct weir_str key)
{
    if (w->fd < 0)
        return;
    int wd = inotify_add_watch(w->fd, path, MASK);
    if (wd < 0) {
        w->is_limited = w->is_limited || errno == ENOSPC || errno == ENOMEM;
        return;
    }
    const char *known = key_of(w, wd);
    if (known && weir_str_eq_c(key, known))
        return;
    if (known)
        remove_directory(w, wd); /* The same directory under another name now. */
    if (w->n_directories == w->cap_directories) {
        size_t cap = w->cap_directories ? w->cap_directories * 2 : 16;
        struct weir_repo_watch_directory *p =
            cap > WEIR_REPO_WATCH_DIRECTORIES_MAX
                ? NULL
                : weir_mem_resize(weir_mem_default(), w->directories, cap, sizeof *p);
        if (!p) {
            w->is_limited = true;
            return;
        }
        w->directories = p;
        w->cap_directories = cap;
    }
    char *own = weir_mem_strndup(weir_mem_default(), key.at, key.n);
    if (own)
        w->directories[w->n_directories++] = (struct weir_repo_watch_directory){wd, own};
}

bool weir_repo_watch_close(struct weir_repo_watch *w, weir_loop_fn *closed)
{
    if (w->fd < 0)
        return false;
    /* The callback gets the payload of open, not the watch's own. */
    w->poll.arg = w->arg;
    weir_poll_close(&w->poll, closed);
    (void)close(w->fd); /* Only read from. */
    w->fd = -1;
    return true;
}

void weir_repo_watch_deinit(struct weir_repo_watch *w)
{
    forget_hints(w);
    for (size_t i = 0; i < w->n_directories; i++)
        weir_mem_free(weir_mem_default(), w->directories[i].key);
    weir_mem_free(weir_mem_default(), w->directories);
    weir_mem_free(weir_mem_default(), w->hints);
    weir_repo_watch_off(w);
}
