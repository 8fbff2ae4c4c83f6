/* SPDX-License-Identifier: MIT */
/* Writers make series and count while the keeper exposes and removes: no count is lost, no sum is
 * torn, and the page of a histogram is consistent while it is written to. */
#include "metric/registry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_WRITERS = 3, N_ROUNDS = 20000, REQUESTS = 0, WAIT = 1 };

static const struct weir_metric_family families[] = {
    {"t_requests_total", WEIR_METRIC_COUNTER, WEIR_METRIC_UNIT_NONE, "Requests.", {"model"}},
    {"t_wait_seconds", WEIR_METRIC_HISTOGRAM, WEIR_METRIC_UNIT_SECONDS, "Waits.", {"model"}},
};

static struct weir_metric_registry *r;
static _Atomic(int) n_running = N_WRITERS;

static void fail(const char *what)
{
    fprintf(stderr, "race_metric_registry: %s\n", what);
    exit(1);
}

static void *writer_main(void *arg)
{
    uint32_t shard = *(const uint32_t *)arg;
    for (int i = 0; i < N_ROUNDS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "m%d", i % 50);
        const struct weir_str values[] = {weir_str_c(name)};
        weir_metric_counter_add(weir_metric_registry_counter(r, shard, REQUESTS, values), 1);
        weir_metric_histogram_add(weir_metric_registry_histogram(r, shard, WAIT, values),
                                  (uint64_t)i * 1000);
    }
    atomic_fetch_sub(&n_running, 1);
    return NULL;
}

/* Adds up all samples that begin with a name. */
static unsigned long long sum_of(const char *page, const char *name)
{
    unsigned long long sum = 0;
    for (const char *at = page; (at = strstr(at, name)) != NULL; at++) {
        const char *value = strchr(at, '}');
        if (value)
            sum += strtoull(value + 1, NULL, 10);
    }
    return sum;
}

int main(void)
{
    if (weir_metric_registry_new(&r, families, 2, N_WRITERS, 60, weir_mem_default(), NULL) !=
        WEIR_OK)
        fail("new");
    pthread_t threads[N_WRITERS];
    static uint32_t shards[N_WRITERS];
    for (uint32_t i = 0; i < N_WRITERS; i++) {
        shards[i] = i;
        if (pthread_create(&threads[i], NULL, writer_main, &shards[i]) != 0)
            fail("thread");
    }
    struct weir_buf page = WEIR_BUF_INIT;
    unsigned long long before = 0;
    int n_pages = 0;
    bool is_last;
    do {
        is_last = atomic_load(&n_running) == 0;
        weir_buf_clear(&page);
        weir_metric_registry_expose(r, &page);
        const char *text = weir_buf_c(&page);
        if (!text)
            fail("no memory");
        unsigned long long n = sum_of(text, "t_requests_total{");
        if (n < before)
            fail("a counter went back");
        before = n;
        if (sum_of(text, "t_wait_seconds_count{") != sum_of(text, "le=\"+Inf\""))
            fail("count and +Inf differ");
        /* Nobody writes to this one, so it may go at any time. */
        const struct weir_str gone[] = {WEIR_STR("gone")};
        (void)weir_metric_registry_counter(r, 0, REQUESTS, gone);
        (void)weir_metric_registry_remove(r, "model", gone[0], NULL, WEIR_STR(""));
        n_pages++;
    } while (!is_last);
    for (int i = 0; i < N_WRITERS; i++)
        (void)pthread_join(threads[i], NULL);
    if (before != (unsigned long long)N_WRITERS * N_ROUNDS)
        fail("counts were lost");
    if (n_pages < 2)
        fail("the test shows nothing");
    weir_buf_deinit(&page);
    weir_metric_registry_free(r);
    return 0;
}
