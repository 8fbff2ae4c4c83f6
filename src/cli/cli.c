/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include "cli/args.h"
#include "codec/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HELP_COLUMN = 28 };

bool weir_cli_is_colourful(FILE *out)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(fileno(out)) && !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
}

const char *weir_cli_bold(FILE *out)
{
    return weir_cli_is_colourful(out) ? "\033[1m" : "";
}

const char *weir_cli_red(FILE *out)
{
    return weir_cli_is_colourful(out) ? "\033[31m" : "";
}

const char *weir_cli_plain(FILE *out)
{
    return weir_cli_is_colourful(out) ? "\033[0m" : "";
}

bool weir_cli_put(FILE *out, const struct weir_buf *b)
{
    return fwrite(b->at ? b->at : "", 1, b->n, out) == b->n && weir_buf_ok(b);
}

void weir_cli_put_member(struct weir_buf *out, const char *key, struct weir_str text)
{
    weir_buf_printf(out, ",\"%s\":", key);
    if (text.n > 0)
        weir_codec_json_append_text(out, text);
    else
        weir_buf_append_c(out, "null");
}

int weir_cli_fail(const struct weir_error *err)
{
    fprintf(stderr, "weir: %s%s%s\n", weir_cli_red(stderr), err->msg, weir_cli_plain(stderr));
    return WEIR_CLI_EXIT_FAILED;
}

int weir_cli_fail_json(const struct weir_error *err, bool is_json)
{
    if (is_json) {
        struct weir_buf text = WEIR_BUF_INIT;
        weir_buf_append_c(&text, "{\"error\":");
        weir_codec_json_append_text(&text, weir_str_c(err->msg));
        weir_buf_append_c(&text, "}\n");
        (void)weir_cli_put(stdout, &text); /* A failure anyway. */
        weir_buf_deinit(&text);
    }
    return weir_cli_fail(err);
}

int weir_cli_usage(const struct weir_cli_command *command, const char *fmt, ...)
{
    va_list args;
    fprintf(stderr, "weir %s: %s", command->name, weir_cli_red(stderr));
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "%s\nTry \"weir %s --help\".\n", weir_cli_plain(stderr), command->name);
    return WEIR_CLI_EXIT_USAGE;
}

/* Each line of text after an indent. */
static void put_indented(FILE *out, const char *prefix, const char *text)
{
    struct weir_str rest = weir_str_c(text);
    while (rest.n > 0) {
        struct weir_str line = weir_str_split(&rest, '\n');
        if (line.n > 0)
            fprintf(out, "%s%.*s", prefix, WEIR_STR_ARG(line));
        fputc('\n', out);
    }
}

static void put_option(FILE *out, const struct weir_cli_option *o)
{
    char left[64];
    char letter[8] = "    ";
    if (o->letter)
        (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
    int n = snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, o->value ? " " : "",
                     o->value ? o->value : "");
    struct weir_str rest = weir_str_c(o->help);
    if (n >= HELP_COLUMN)
        fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
    else
        fprintf(out, "%-*s", HELP_COLUMN, left);
    for (bool is_first = true; rest.n > 0; is_first = false) {
        struct weir_str line = weir_str_split(&rest, '\n');
        fprintf(out, "%*s%.*s\n", is_first ? 0 : HELP_COLUMN, "", WEIR_STR_ARG(line));
    }
}

void weir_cli_help(const struct weir_cli_command *command, FILE *out)
{
    const char *bold = weir_cli_bold(out);
    const char *plain = weir_cli_plain(out);
    char prefix[64];
    fprintf(out, "%sweir %s%s: %s\n\n%sUsage:%s\n", bold, command->name, plain,
            command->summary ? command->summary : "internal", bold, plain);
    (void)snprintf(prefix, sizeof prefix, "  weir %s ", command->name);
    put_indented(out, prefix, *command->usage ? command->usage : " ");
    if (command->text) {
        fputc('\n', out);
        put_indented(out, "", command->text);
    }
    fprintf(out, "\n%sOptions:%s\n", bold, plain);
    for (size_t i = 0; i < command->n_options; i++)
        put_option(out, &command->options[i]);
    if (command->help)
        command->help(out);
    put_option(out, &(struct weir_cli_option){"help", 'h', NULL, "print this and exit"});
    fprintf(out, "\n%sExamples:%s\n", bold, plain);
    put_indented(out, "  ", command->examples);
}

int weir_cli_finish(int code)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "weir: standard output: %s\n", strerror(errno));
        return code ? code : WEIR_CLI_EXIT_FAILED;
    }
    return code;
}

int weir_cli_run(const struct weir_cli_command *command, int argc, char **argv)
{
    int code = WEIR_CLI_EXIT_OK;
    if (weir_cli_args_wants_help(argc, argv))
        weir_cli_help(command, stdout);
    else
        code = command->run(command, argc, argv);
    return weir_cli_finish(code);
}
