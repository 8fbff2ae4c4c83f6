/* SPDX-License-Identifier: MIT */
#include "server/machine.h"

#include "base/clock.h"
#include "base/macros.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TEXT_BYTES = 4096 };

/* Reads a small file whole; n is 0 when it cannot be read. */
static struct weir_str read_small(const char *path, char *room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return (struct weir_str){room, 0};
    ssize_t n = read(fd, room, TEXT_BYTES - 1);
    (void)close(fd); /* Opened for reading only. */
    n = n < 0 ? 0 : n;
    room[n] = '\0';
    return weir_str_make(room, (size_t)n);
}

/* Finds the process's folder in the unified hierarchy and reads one of its files. */
static struct weir_str read_cgroup(const char *name, char *room)
{
    char text[TEXT_BYTES];
    char path[TEXT_BYTES + 64];
    struct weir_str all = read_small("/proc/self/cgroup", text);
    struct weir_str line = {NULL, 0};
    while (all.n > 0) {
        line = weir_str_split(&all, '\n');
        if (weir_str_starts(line, WEIR_STR("0::")))
            break;
        line.n = 0;
    }
    if (line.n > 3) {
        (void)snprintf(path, sizeof path, "/sys/fs/cgroup%.*s/%s", (int)(line.n - 3), line.at + 3,
                       name);
        struct weir_str found = read_small(path, room);
        if (found.n > 0)
            return found;
    }
    (void)snprintf(path, sizeof path, "/sys/fs/cgroup/%s", name);
    return read_small(path, room);
}

uint32_t weir_server_machine_cores(void)
{
    cpu_set_t set;
    uint32_t cores = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        cores = (uint32_t)CPU_COUNT(&set);
    char room[TEXT_BYTES];
    struct weir_str rest = read_cgroup("cpu.max", room); /* "200000 100000" or "max 100000" */
    struct weir_str quota = weir_str_split(&rest, ' ');
    struct weir_str period = weir_str_split(&rest, '\n');
    uint64_t quota_us;
    uint64_t period_us;
    if (weir_str_to_u64(quota, UINT64_MAX, &quota_us) &&
        weir_str_to_u64(period, UINT64_MAX, &period_us) && period_us > 0) {
        uint64_t allowed = (quota_us + period_us - 1) / period_us;
        if (allowed < cores)
            cores = (uint32_t)allowed;
    }
    return cores > 0 ? cores : 1;
}

uint64_t weir_server_machine_memory_max(void)
{
    char room[TEXT_BYTES];
    uint64_t bytes;
    struct weir_str rest = read_cgroup("memory.max", room);
    return weir_str_to_u64(weir_str_split(&rest, '\n'), UINT64_MAX, &bytes) ? bytes : UINT64_MAX;
}

uint64_t weir_server_machine_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    return limit.rlim_cur;
}

static uint64_t count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    uint64_t n = 0;
    while (readdir(dir))
        n++;
    (void)closedir(dir);      /* Opened for reading only. */
    return n > 3 ? n - 3 : 0; /* ".", ".." and the directory itself */
}

/* Field 22 of /proc/self/stat is the start in clock ticks since boot; the name before it may hold
 * spaces. */
static uint64_t read_start_wall_ns(void)
{
    char room[TEXT_BYTES];
    struct weir_str text = read_small("/proc/self/stat", room);
    const char *at = text.n > 0 ? strrchr(room, ')') : NULL;
    for (int field = 2; at && field < 22; field++) {
        at = strchr(at + 1, ' ');
    }
    long hz = sysconf(_SC_CLK_TCK);
    if (!at || hz <= 0)
        return 0;
    uint64_t since_boot_ns = strtoull(at, NULL, 10) * (WEIR_NS_PER_S / (uint64_t)hz);
    return weir_clock_wall_ns() - weir_clock_ns() + since_boot_ns;
}

struct weir_server_machine_usage weir_server_machine_usage(void)
{
    struct weir_server_machine_usage usage = {0};
    char room[TEXT_BYTES];
    struct weir_str rest = read_small("/proc/self/statm", room);
    (void)weir_str_split(&rest, ' '); /* The whole size. */
    uint64_t pages;
    if (weir_str_to_u64(weir_str_split(&rest, ' '), UINT64_MAX, &pages))
        usage.resident_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    struct rusage r;
    if (getrusage(RUSAGE_SELF, &r) == 0)
        usage.cpu_ns =
            ((uint64_t)r.ru_utime.tv_sec + (uint64_t)r.ru_stime.tv_sec) * WEIR_NS_PER_S +
            ((uint64_t)r.ru_utime.tv_usec + (uint64_t)r.ru_stime.tv_usec) * WEIR_NS_PER_US;
    usage.n_descriptors = count_descriptors();
    usage.start_wall_ns = read_start_wall_ns();
    return usage;
}
