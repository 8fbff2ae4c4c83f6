/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "server/machine.h"

#include <criterion/criterion.h>

#include <sched.h>
#include <unistd.h>

Test(server_machine, cores_follow_the_affinity_mask)
{
    cpu_set_t one;
    cpu_set_t all;
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    size_t first = 0;
    while (!CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    cr_assert_geq(weir_server_machine_cores(), 1);
    cr_assert_leq(weir_server_machine_cores(), (uint32_t)CPU_COUNT(&all));
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_assert_eq(weir_server_machine_cores(), 1);
}

Test(server_machine, usage_is_that_of_this_process)
{
    struct weir_server_machine_usage u = weir_server_machine_usage();
    cr_assert_gt(u.resident_bytes, 500 * 1000);
    cr_assert_geq(u.n_descriptors, 1);
    uint64_t now_ns = weir_clock_wall_ns();
    cr_assert_lt(u.start_wall_ns, now_ns + WEIR_NS_PER_S);
    cr_assert_gt(u.start_wall_ns, now_ns - 600 * WEIR_NS_PER_S);
    int before = (int)u.n_descriptors;
    int fd = dup(0);
    cr_assert_geq(fd, 0);
    cr_assert_eq((int)weir_server_machine_usage().n_descriptors, before + 1);
}
