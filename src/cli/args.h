/* SPDX-License-Identifier: MIT */
/* The grammar of a command line: "--name value", "--name=value", "-o value", "-ovalue", switches,
 * operands between them in any order, "--" before operands that begin with a dash, "-" an operand.
 * Names are never abbreviated, so that adding an option breaks no script. */
#ifndef WEIR_CLI_ARGS_H
#define WEIR_CLI_ARGS_H

#include "base/str.h"
#include "cli/cli.h"

#include <stdint.h>

/* A walk over the arguments of one subcommand. */
struct weir_cli_args {
    const struct weir_cli_command *command;
    int argc;
    char **argv;
    int at;                /* next argument */
    bool is_operands_only; /* "--" was seen */
    const char *value;     /* of the option or operand just returned; borrowed from argv */
    struct weir_error err; /* why the last step was BAD */
};

/* What the next argument is. */
enum weir_cli_arg { WEIR_CLI_ARG_OPTION, WEIR_CLI_ARG_OPERAND, WEIR_CLI_ARG_END, WEIR_CLI_ARG_BAD };

/* Begins before the first argument; argv[0] is the subcommand's name. */
void weir_cli_args_init(struct weir_cli_args *a, const struct weir_cli_command *command, int argc,
                        char **argv);

/* Steps to the next argument. OPTION: *index is its row in the command's table and value its value
 * (NULL for a switch). OPERAND: value. BAD: err says what is wrong, with the nearest option where
 * one was probably meant. */
enum weir_cli_arg weir_cli_args_next(struct weir_cli_args *a, size_t *index);

/* Takes the next argument as it is, for an option with a second value; NULL: there is none.
 * Borrowed from argv. */
const char *weir_cli_args_more(struct weir_cli_args *a);

/* What a subcommand does with its arguments. A status other than WEIR_OK: err says what is wrong.
 */
struct weir_cli_args_taker {
    /* Takes option `index` of the table with its value (NULL: a switch); args for a second one. */
    enum weir_status (*option)(void *ctx, struct weir_cli_args *args, size_t index,
                               struct weir_error *err);
    enum weir_status (*operand)(void *ctx, const char *value, struct weir_error *err);
};

/* Gives all arguments to a subcommand in their order, ctx first. WEIR_CLI_EXIT_USAGE: one is wrong;
 * what, has been said. Else WEIR_CLI_EXIT_OK. */
int weir_cli_args_take(const struct weir_cli_command *command, int argc, char **argv,
                       const struct weir_cli_args_taker *taker, void *ctx);

/* Finds a "--help" or "-h" before "--". */
bool weir_cli_args_wants_help(int argc, char **argv);

/* Returns the text among n that a mistyped one was probably meant to be; NULL: none is near. By
 * optimal string alignment distance, at most a third of the letters. */
const char *weir_cli_args_nearest(const char *typed, const char *const *texts, size_t n);

/* Chooses one of two words; *out: it is yes. WEIR_ERR_INVALID: err names the option and both. */
WEIR_MUST_USE enum weir_status weir_cli_args_word(const char *name, const char *text,
                                                  const char *no, const char *yes, bool *out,
                                                  struct weir_error *err);

/* Parse a value: a whole number from min to max; a positive number; a duration with its unit
 * ("10s", "300ms", "250us", "2m"), at least 1 ns. WEIR_ERR_INVALID: err names the option. */
WEIR_MUST_USE enum weir_status weir_cli_args_u64(const char *name, const char *text, uint64_t min,
                                                 uint64_t max, uint64_t *out,
                                                 struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_cli_args_positive(const char *name, const char *text,
                                                      double *out, struct weir_error *err);
WEIR_MUST_USE enum weir_status weir_cli_args_duration(const char *name, const char *text,
                                                      uint64_t *out_ns, struct weir_error *err);

#endif
