/* SPDX-License-Identifier: MIT */
/* The command line: what the subcommands share.
 *
 * A subcommand is one file that defines one struct weir_cli_command, and one row in main.c. Results
 * go to standard output, everything said about them to standard error; colours only to a terminal.
 * Everything here runs on the main thread. */
#ifndef WEIR_CLI_CLI_H
#define WEIR_CLI_CLI_H

#include "base/buf.h"
#include "base/macros.h"
#include <weir/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What a process ends with. */
enum weir_cli_exit {
    WEIR_CLI_EXIT_OK = 0,
    WEIR_CLI_EXIT_FAILED = 1, /* the work could not be done, or its outcome is bad */
    WEIR_CLI_EXIT_USAGE = 2,  /* the command line is wrong; nothing was done */
};

/* One option of a subcommand. */
struct weir_cli_option {
    const char *name;  /* long name without dashes */
    char letter;       /* one-letter form; 0: none */
    const char *value; /* what follows, as help shows it ("FILE"); NULL: a switch */
    const char *help;  /* one or more lines, without an end of line at the end */
};

/* One subcommand; everything is constant. */
struct weir_cli_command {
    const char *name;
    const char *summary;  /* one line, a verb first; NULL: weir runs it itself, and the list of
                             commands does not have it */
    const char *usage;    /* what follows "weir NAME ", alternatives one a line */
    const char *text;     /* paragraphs after the usage; NULL: none */
    const char *examples; /* one a line, a line without "weir" is a comment */
    const struct weir_cli_option *options;
    size_t n_options;
    /* Writes more options into the help than the table has; NULL: none. */
    void (*help)(FILE *out);
    /* Does the work. argv[0] is the subcommand's name. Returns an enum weir_cli_exit, or a number
     * of its own that its text describes. "--help" never gets here. */
    int (*run)(const struct weir_cli_command *self, int argc, char **argv);
};

extern const struct weir_cli_command weir_cli_bench;
extern const struct weir_cli_command weir_cli_check;
extern const struct weir_cli_command weir_cli_evaluate;
extern const struct weir_cli_command weir_cli_inspect;
extern const struct weir_cli_command weir_cli_onnx_guard;
extern const struct weir_cli_command weir_cli_predict;
extern const struct weir_cli_command weir_cli_serve;
extern const struct weir_cli_command weir_cli_version;

/* Runs a subcommand, or answers "--help" for it; returns what the process ends with. A standard
 * output that could not be written is a failure. */
int weir_cli_run(const struct weir_cli_command *command, int argc, char **argv);

/* Writes out what standard output still holds; a failure to do so is said, and turns success into
 * WEIR_CLI_EXIT_FAILED. Returns what the process ends with. */
int weir_cli_finish(int code);

/* Writes the help of a subcommand. */
void weir_cli_help(const struct weir_cli_command *command, FILE *out);

/* Says on standard error why the work failed ("weir: " and the message); returns
 * WEIR_CLI_EXIT_FAILED. */
int weir_cli_fail(const struct weir_error *err);

/* As above, and with is_json also writes {"error": "…"} to standard output for the program that
 * reads it. */
int weir_cli_fail_json(const struct weir_error *err, bool is_json);

/* Says what is wrong with the command line and how to ask for help; returns WEIR_CLI_EXIT_USAGE. */
int weir_cli_usage(const struct weir_cli_command *command, const char *fmt, ...) WEIR_PRINTF(2, 3);

/* Finds whether colours and cursor movements may be written to a stream: it is a terminal that can
 * show them, and NO_COLOR is not set. */
bool weir_cli_is_colourful(FILE *out);

/* Returns the escape sequences for headings and failures and their end, or "" where the stream is
 * not colourful. */
const char *weir_cli_bold(FILE *out);
const char *weir_cli_red(FILE *out);
const char *weir_cli_plain(FILE *out);

/* Writes a buffer to a stream; a buffer that ran out of memory is cut and false is returned. */
bool weir_cli_put(FILE *out, const struct weir_buf *b);

/* Appends `,"key":` and a text as JSON; null for an empty one. */
void weir_cli_put_member(struct weir_buf *out, const char *key, struct weir_str text);

#endif
