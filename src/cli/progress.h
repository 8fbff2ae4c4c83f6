/* SPDX-License-Identifier: MIT */
/* A progress bar on standard error: drawn only on a terminal, at most ten times a second. What it
 * says is a pure function of numbers; drawing is the thin rim. */
#ifndef WEIR_CLI_PROGRESS_H
#define WEIR_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_cli_progress {
    bool is_shown;
    const char *what; /* what is counted: "rows" */
    uint64_t began_ns;
    uint64_t drawn_ns;
    size_t n_drawn; /* columns on the line */
};

/* Begins at now; what is counted must outlive the bar. Shown where standard error is a terminal. */
void weir_cli_progress_init(struct weir_cli_progress *p, const char *what, uint64_t now_ns);

/* Draws: done of total parts of the work (total 0: unknown), n things counted so far. */
void weir_cli_progress_step(struct weir_cli_progress *p, uint64_t done, uint64_t total, uint64_t n,
                            uint64_t now_ns);

/* Clears the line, so that what is written next stands alone. */
void weir_cli_progress_end(struct weir_cli_progress *p);

/* Writes the line into out (cap bytes with its NUL): "[=====>    ]  52 %  1,234,567 rows  830,000/s
 * 0:12 left". */
void weir_cli_progress_text(char *out, size_t cap, const char *what, uint64_t done, uint64_t total,
                            uint64_t n, uint64_t elapsed_ns);

#endif
