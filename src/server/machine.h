/* SPDX-License-Identifier: MIT */
/* What this machine allows: cores, memory, descriptors. Read from /proc, /sys/fs/cgroup and the
 * kernel; nothing is kept. Threads: any. */
#ifndef WEIR_SERVER_MACHINE_H
#define WEIR_SERVER_MACHINE_H

#include <stdint.h>

/* Returns how many cores the process may use: its affinity mask, cut to the control group's CPU
 * quota (rounded up), at least 1. */
uint32_t weir_server_machine_cores(void);

/* Returns the control group's memory limit in bytes; UINT64_MAX: none. */
uint64_t weir_server_machine_memory_max(void);

/* Raises the soft descriptor limit to the hard one and returns it. */
uint64_t weir_server_machine_descriptors(void);

/* What the process uses now. */
struct weir_server_machine_usage {
    uint64_t resident_bytes;
    uint64_t cpu_ns; /* user and system time of all threads */
    uint64_t n_descriptors;
    uint64_t start_wall_ns; /* when the process was started, since 1970 */
};

/* Reads the usage; what cannot be read is 0. */
struct weir_server_machine_usage weir_server_machine_usage(void);

#endif
