/* SPDX-License-Identifier: MIT */
#include "server/events.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static struct weir_server_events events;
static struct weir_buf out;

static void setup(void)
{
    memset(&events, 0, sizeof events);
    events.mem = test_mem();
    out = (struct weir_buf){.mem = test_mem()};
}

static void teardown(void)
{
    weir_server_events_deinit(&events);
    weir_buf_deinit(&out);
    cr_assert_eq(test_mem_n_live(), 0);
}

static const char *write_all(const char *model, uint64_t after)
{
    weir_buf_clear(&out);
    weir_server_events_write(&events, weir_str_c(model), after, &out);
    return weir_buf_c(&out);
}

static void add(const char *model, uint64_t number)
{
    struct weir_repo_event event = {
        .kind = WEIR_REPO_EVENT_SWAPPED, .model = weir_str_c(model), .number = number};
    weir_server_events_add(&events, &event, UINT64_C(1700000000) * 1000000000 + 7000000);
}

TestSuite(server_events, .init = setup, .fini = teardown, .timeout = 10);

Test(server_events, an_event_is_told_with_all_that_is_known_of_it)
{
    char model[] = "a\"b";
    struct weir_repo_event event = {.kind = WEIR_REPO_EVENT_LOAD_FAILED,
                                    .is_problem = true,
                                    .model = weir_str_c(model),
                                    .number = 3,
                                    .number_before = 2,
                                    .digest = WEIR_STR("0123"),
                                    .file = WEIR_STR("m.pkl"),
                                    .reason = WEIR_STR("offset 1: no"),
                                    .ns = 1500000};
    weir_server_events_add(&events, &event, UINT64_C(1700000000) * 1000000000 + 7000000);
    memset(model, 'x', 3); /* The texts are its own. */
    cr_assert_str_eq(write_all("", 0),
                     "{\"newest\":1,\"events\":[{\"number\":1,\"at\":\"2023-11-14T22:13:20.007Z\","
                     "\"event\":\"model not loaded\",\"problem\":true,\"model\":\"a\\\"b\","
                     "\"version\":3,\"before\":2,\"file\":\"m.pkl\",\"digest\":\"0123\","
                     "\"reason\":\"offset 1: no\",\"ms\":1.500}]}");
}

Test(server_events, newer_ones_of_a_model_can_be_asked_for)
{
    cr_assert_str_eq(write_all("", 0), "{\"newest\":0,\"events\":[]}");
    add("a", 1);
    add("b", 2);
    add("a", 3);
    cr_assert_not_null(strstr(write_all("a", 1), "\"events\":[{\"number\":3,"), "%s", out.at);
    cr_assert_not_null(strstr(write_all("b", 0), "\"events\":[{\"number\":2,"), "%s", out.at);
    cr_assert_str_eq(write_all("", 3), "{\"newest\":3,\"events\":[]}");
    cr_assert_str_eq(write_all("", UINT64_MAX), "{\"newest\":3,\"events\":[]}");
}

Test(server_events, the_oldest_is_forgotten)
{
    for (uint64_t i = 1; i <= WEIR_SERVER_EVENTS_MAX + 5; i++)
        add("a", i);
    char first[64];
    (void)snprintf(first, sizeof first, "{\"newest\":%d,\"events\":[{\"number\":6,",
                   WEIR_SERVER_EVENTS_MAX + 5);
    cr_assert(strstr(write_all("", 0), first) == out.at, "%.80s", out.at);
    cr_assert_eq(strstr(out.at, "\"number\":5,"), NULL);
}

Test(server_events, an_event_without_memory_is_left_out)
{
    add("a", 1);
    test_mem_fail_at(1, false);
    add("a", 2);
    test_mem_fail_at(0, false);
    add("a", 3);
    cr_assert_eq(events.n, 2);
    cr_assert_not_null(strstr(write_all("", 0), "\"version\":3"));
}
