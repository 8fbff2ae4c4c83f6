/* SPDX-License-Identifier: MIT */
#include "cli/progress.h"

#include "base/clock.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

enum { BAR_WIDTH = 30, LINE_BYTES = 160 };

static const uint64_t DRAW_EVERY_NS = 100 * WEIR_NS_PER_MS;

/* Digits in groups of three. */
static void group(uint64_t v, char *out, size_t cap)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
    size_t to = 0;
    for (int i = 0; i < n && to + 2 < cap; i++) {
        if (i > 0 && (n - i) % 3 == 0)
            out[to++] = ',';
        out[to++] = digits[i];
    }
    out[to] = '\0';
}

void weir_cli_progress_text(char *out, size_t cap, const char *what, uint64_t done, uint64_t total,
                            uint64_t n, uint64_t elapsed_ns)
{
    char count[32];
    char rate[32];
    double seconds = (double)elapsed_ns / (double)WEIR_NS_PER_S;
    group(n, count, sizeof count);
    group(seconds > 0 ? (uint64_t)((double)n / seconds) : 0, rate, sizeof rate);
    if (total == 0) {
        (void)snprintf(out, cap, "%s %s  %s/s", count, what,
                       rate); /* A cut line is still a line. */
        return;
    }
    if (done > total)
        done = total;
    double part = (double)done / (double)total;
    size_t filled = (size_t)(part * BAR_WIDTH);
    char bar[BAR_WIDTH + 1];
    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '=', filled);
    if (filled < BAR_WIDTH)
        bar[filled] = '>';
    bar[BAR_WIDTH] = '\0';
    char left[32] = "";
    if (done > 0 && done < total) {
        uint64_t s = (uint64_t)(seconds * (1 - part) / part + 0.5);
        (void)snprintf(left, sizeof left, "  %llu:%02llu left", (unsigned long long)(s / 60),
                       (unsigned long long)(s % 60));
    }
    (void)snprintf(out, cap, "[%s] %3d %%  %s %s  %s/s%s", bar, (int)(part * 100), count, what,
                   rate, left);
}

void weir_cli_progress_init(struct weir_cli_progress *p, const char *what, uint64_t now_ns)
{
    *p = (struct weir_cli_progress){.is_shown = weir_cli_is_colourful(stderr),
                                    .what = what,
                                    .began_ns = now_ns,
                                    .drawn_ns = now_ns};
}

void weir_cli_progress_set(struct weir_cli_progress *p, enum weir_cli_progress_mode mode)
{
    if (mode != WEIR_CLI_PROGRESS_AUTO)
        p->is_shown = mode == WEIR_CLI_PROGRESS_ALWAYS;
}

static void draw(struct weir_cli_progress *p, const char *line, uint64_t now_ns)
{
    p->drawn_ns = now_ns;
    p->n_drawn = strlen(line);
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
}

void weir_cli_progress_phase(struct weir_cli_progress *p, const char *phase, const char *what,
                             uint64_t now_ns)
{
    p->phase = phase;
    p->what = what ? what : "";
    p->began_ns = now_ns;
    if (p->is_shown && now_ns - p->drawn_ns >= DRAW_EVERY_NS)
        draw(p, phase, now_ns);
}

void weir_cli_progress_step(struct weir_cli_progress *p, uint64_t done, uint64_t total, uint64_t n,
                            uint64_t now_ns)
{
    if (!p->is_shown || now_ns - p->drawn_ns < DRAW_EVERY_NS)
        return;
    char line[LINE_BYTES];
    weir_cli_progress_text(line, sizeof line, p->what, done, total, n, now_ns - p->began_ns);
    size_t used = strlen(line);
    if (p->phase)
        (void)snprintf(line + used, sizeof line - used, "  %s", p->phase);
    draw(p, line, now_ns);
}

void weir_cli_progress_end(struct weir_cli_progress *p)
{
    if (p->n_drawn > 0) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    p->n_drawn = 0;
}
