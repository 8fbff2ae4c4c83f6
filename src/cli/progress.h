/* SPDX-License-Identifier: MIT */
/* A progress bar on standard error: drawn only on a terminal, at most ten times a second. What it
 * says is a pure function of numbers; drawing is the thin rim. */
#ifndef WEIR_CLI_PROGRESS_H
#define WEIR_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When the bar is drawn: on a terminal, always, never. */
enum weir_cli_progress_mode {
    WEIR_CLI_PROGRESS_AUTO,
    WEIR_CLI_PROGRESS_ALWAYS,
    WEIR_CLI_PROGRESS_NEVER,
};

struct weir_cli_progress {
    bool is_shown;
    const char *phase; /* what is done; NULL: there is only one thing to do */
    const char *what;  /* what is counted: "rows" */
    uint64_t began_ns;
    uint64_t drawn_ns;
    size_t n_drawn; /* columns on the line */
};

/* Begins at now; what is counted must outlive the bar. Shown where standard error is a terminal. */
void weir_cli_progress_init(struct weir_cli_progress *p, const char *what, uint64_t now_ns);

/* Changes when it is drawn. */
void weir_cli_progress_set(struct weir_cli_progress *p, enum weir_cli_progress_mode mode);

/* Begins the next part of the work, with counts of its own; its name is drawn at once where it
 * follows another after a while, so that a part without steps is seen too. what NULL: nothing is
 * counted. */
void weir_cli_progress_phase(struct weir_cli_progress *p, const char *phase, const char *what,
                             uint64_t now_ns);

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
