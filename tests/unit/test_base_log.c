/* SPDX-License-Identifier: MIT */
/* Each case points standard error at a pipe and reads back what was logged. */
#include "base/clock.h"
#include "base/log.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <unistd.h>

static int read_end;

static void capture(void)
{
    int p[2];
    cr_assert_eq(pipe(p), 0);
    cr_assert_geq(dup2(p[1], STDERR_FILENO), 0);
    close(p[1]);
    read_end = p[0];
}

static size_t captured(char *out, size_t cap)
{
    ssize_t n = read(read_end, out, cap - 1);
    cr_assert_geq(n, 0);
    out[n] = '\0';
    return (size_t)n;
}

Test(base_log, control_bytes_never_reach_the_line)
{
    char line[WEIR_LOG_LINE_BYTES_MAX + 1];
    capture();
    weir_log_info("load failed", WEIR_LOG_S("file", WEIR_STR("a\nb\"c")), WEIR_LOG_U("n", 3));
    size_t n = captured(line, sizeof line);
    cr_assert_eq(line[n - 1], '\n');
    cr_assert_eq(memchr(line, '\n', n - 1), NULL);
    cr_assert_not_null(strstr(line, "event=\"load failed\" file=\"a\\u000ab\\\"c\" n=3"));
}

Test(base_log, json_lines_are_objects)
{
    char line[WEIR_LOG_LINE_BYTES_MAX + 1];
    capture();
    weir_log_set_format(WEIR_LOG_JSON);
    weir_log_warn("x", WEIR_LOG_I("i", -4), WEIR_LOG_D("d", 0.5), WEIR_LOG_C("s", "y"));
    captured(line, sizeof line);
    cr_assert_not_null(
        strstr(line, "\"level\":\"warn\",\"event\":\"x\",\"i\":-4,\"d\":0.5,\"s\":\"y\"}\n"));
}

Test(base_log, a_line_past_the_limit_is_cut)
{
    char line[2 * WEIR_LOG_LINE_BYTES_MAX];
    static char wide[3 * WEIR_LOG_LINE_BYTES_MAX];
    memset(wide, 'w', sizeof wide);
    capture();
    weir_log_info("x", WEIR_LOG_S("s", weir_str_make(wide, sizeof wide)));
    size_t n = captured(line, sizeof line);
    cr_assert_leq(n, WEIR_LOG_LINE_BYTES_MAX);
    cr_assert_not_null(strstr(line, "...\n"));
}

Test(base_log, levels_below_the_set_one_are_not_written)
{
    char line[64];
    capture();
    weir_log_debug("hidden", WEIR_LOG_U("n", 1));
    cr_assert_eq(fcntl(read_end, F_SETFL, O_NONBLOCK), 0);
    cr_assert_eq(read(read_end, line, sizeof line), -1);
}

/* Nobody reads the pipe: the writer thread blocks, the queue fills up, and the callers still return
 * at once. */
Test(base_log, a_blocked_reader_blocks_nobody, .timeout = 30)
{
    static char wide[4000];
    memset(wide, 'w', sizeof wide);
    capture();
    cr_assert_eq(weir_log_start(), WEIR_OK);
    uint64_t start_ns = weir_clock_ns();
    for (int i = 0; i < 10000; i++)
        weir_log_info("x", WEIR_LOG_S("s", weir_str_make(wide, sizeof wide)));
    cr_assert_lt(weir_clock_ns() - start_ns, 10 * WEIR_NS_PER_S);
    cr_assert_gt(weir_log_dropped(), 0);
    weir_log_stop();
}
