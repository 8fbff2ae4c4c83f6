/* SPDX-License-Identifier: MIT */
/* Events of the kernel about the model directories (inotify). They are hints: one makes a rescan
 * come sooner and tells how a file came; everything works without them. Threads: the keeper's. */
#ifndef WEIR_REPO_WATCH_H
#define WEIR_REPO_WATCH_H

#include "base/str.h"
#include "loop/loop.h"
#include "loop/wake.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEIR_REPO_WATCH_HINTS_MAX = 4096, /* paths with hints; beyond, all are forgotten */
    WEIR_REPO_WATCH_DIRECTORIES_MAX = 8192,
};

struct weir_repo_watch_hint;
struct weir_repo_watch_directory;

struct weir_repo_watch {
    struct weir_poll poll;
    int fd;                /* -1: events are off or have failed */
    bool is_limited;       /* a directory could not be watched: rescans find what happens there */
    void (*fn)(void *arg); /* a rescan is wanted */
    void *arg;
    struct weir_repo_watch_hint *hints; /* n_hints of cap_hints, by key, owned */
    size_t n_hints, cap_hints;
    struct weir_repo_watch_directory *directories; /* n_directories of cap_directories, owned */
    size_t n_directories, cap_directories;
    uint64_t n_events;
    uint64_t n_overflows;
};

/* Begins to listen; fn(arg) is called when a rescan is wanted. WEIR_ERR_IO: the kernel gives no
 * events; the watch then does nothing and can be used like one that is off. */
WEIR_MUST_USE enum weir_status weir_repo_watch_open(struct weir_repo_watch *watch,
                                                    struct weir_loop *loop, void (*fn)(void *arg),
                                                    void *arg);

/* Makes a watch that does nothing. */
void weir_repo_watch_off(struct weir_repo_watch *watch);

/* Listens to a directory too; doing it again changes nothing. key: what its entries' keys begin
 * with. */
void weir_repo_watch_add(struct weir_repo_watch *watch, const char *path, struct weir_str key);

/* Returns the hints of a path, WEIR_REPO_HINT_ bits. */
uint8_t weir_repo_watch_hints(const struct weir_repo_watch *watch, struct weir_str key);

/* Forgets the hints that a scan has used. */
void weir_repo_watch_used(struct weir_repo_watch *watch);

/* Ends it; closed(arg of open) is called when the memory may go. False: nothing was open, and
 * closed is not called. */
bool weir_repo_watch_close(struct weir_repo_watch *watch, weir_loop_fn *closed);

/* Frees what it holds; after close. */
void weir_repo_watch_deinit(struct weir_repo_watch *watch);

#endif
