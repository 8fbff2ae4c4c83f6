/* SPDX-License-Identifier: MIT */
#include "repo/version.h"
#include "server/statistics.h"
#include "test_mem.h"

#include <criterion/criterion.h>

TestSuite(server_statistics, .timeout = 10);

static const struct weir_server_statistics_times times = {
    .whole_ns = 100, .decode_ns = 10, .queue_ns = 20, .run_ns = 30, .encode_ns = 40};

Test(server_statistics, the_parts_of_all_loops_are_added_up)
{
    struct weir_server_statistics s;
    struct weir_version a = {.model_bytes = 7};
    struct weir_version b = {.model_bytes = 8};
    weir_server_statistics_init(&s, 3, test_mem());
    for (uint32_t shard = 0; shard < 3; shard += 2) {
        struct weir_server_statistics_part *part = weir_server_statistics_part(&s, &a, shard);
        cr_assert(part);
        cr_assert_eq((uintptr_t)part % 64, 0);
        cr_assert_eq(part, weir_server_statistics_part(&s, &a, shard));
        weir_server_statistics_succeed(part, 1, &times);
        weir_server_statistics_succeed(part, 1, &times);
        weir_server_statistics_fail(part, 5);
        weir_server_statistics_batch(part, 2, &times);
        weir_server_statistics_batch(part, 66, &times); /* The same place of the table. */
        weir_server_statistics_batch(part, 1 + shard, &times);
    }
    struct weir_protocol_statistics sum;
    weir_server_statistics_sum(&s, &a, &sum);
    cr_assert_eq(sum.success.count, 4);
    cr_assert_eq(sum.success.ns, 400);
    cr_assert_eq(sum.decode.ns, 40);
    cr_assert_eq(sum.queue.ns, 80);
    cr_assert_eq(sum.run.ns, 120);
    cr_assert_eq(sum.encode.ns, 160);
    cr_assert_eq(sum.encode.count, 4);
    cr_assert_eq(sum.fail.count, 2);
    cr_assert_eq(sum.fail.ns, 10);
    cr_assert_eq(sum.n_rows, 2 * 68 + 1 + 3);
    cr_assert_eq(sum.n_batches, 6);
    cr_assert_eq(sum.model_bytes, 7);
    cr_assert_gt(sum.last_wall_ms, 0);
    static const struct weir_protocol_batch_size want[] = {
        {1, 1, 10, 30, 40}, {2, 2, 20, 60, 80}, {3, 1, 10, 30, 40}, {66, 2, 20, 60, 80}};
    cr_assert_eq(sum.n_sizes, 4);
    cr_assert_arr_eq(sum.sizes, want, sizeof want);

    weir_server_statistics_sum(&s, &b, &sum);
    cr_assert_eq(sum.success.count, 0);
    cr_assert_eq(sum.last_wall_ms, 0);
    cr_assert_eq(sum.model_bytes, 8);
    weir_server_statistics_forget(&s, &a);
    weir_server_statistics_forget(&s, &b); /* Nothing was counted of it. */
    weir_server_statistics_sum(&s, &a, &sum);
    cr_assert_eq(sum.success.count, 0);
    cr_assert(weir_server_statistics_part(&s, &b, 1));
    weir_server_statistics_deinit(&s);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(server_statistics, many_sizes_are_listed_as_far_as_there_is_room)
{
    struct weir_server_statistics s;
    struct weir_version v = {.model_bytes = 0};
    weir_server_statistics_init(&s, 2, weir_mem_default());
    uint64_t n_rows = 0;
    for (uint32_t shard = 0; shard < 2; shard++) {
        struct weir_server_statistics_part *part = weir_server_statistics_part(&s, &v, shard);
        for (uint64_t n = 300; n > 0; n--) {
            weir_server_statistics_batch(part, 2 * n + shard, &times);
            n_rows += 2 * n + shard;
        }
    }
    struct weir_protocol_statistics sum;
    weir_server_statistics_sum(&s, &v, &sum);
    cr_assert_eq(sum.n_rows, n_rows);
    cr_assert_eq(sum.n_batches, 600);
    cr_assert_leq(sum.n_sizes, WEIR_PROTOCOL_BATCH_SIZES_MAX);
    cr_assert_geq(sum.n_sizes, WEIR_PROTOCOL_BATCH_SIZES_MAX / 2);
    for (size_t i = 1; i < sum.n_sizes; i++)
        cr_assert_lt(sum.sizes[i - 1].n_rows, sum.sizes[i].n_rows);
    weir_server_statistics_deinit(&s);
}

Test(server_statistics, without_memory_nothing_is_counted)
{
    for (uint64_t n = 1;; n++) {
        struct weir_server_statistics s;
        struct weir_version v = {.model_bytes = 0};
        weir_server_statistics_init(&s, 1, test_mem());
        test_mem_fail_at(n, true);
        struct weir_server_statistics_part *part = weir_server_statistics_part(&s, &v, 0);
        test_mem_fail_at(0, false);
        weir_server_statistics_succeed(part, 1, &times);
        weir_server_statistics_fail(part, 1);
        weir_server_statistics_batch(part, 1, &times);
        struct weir_protocol_statistics sum;
        weir_server_statistics_sum(&s, &v, &sum);
        cr_assert_eq(sum.success.count, part ? 1 : 0);
        weir_server_statistics_deinit(&s);
        cr_assert_eq(test_mem_n_live(), 0);
        if (part)
            return;
    }
}
