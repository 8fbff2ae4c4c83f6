/* SPDX-License-Identifier: MIT */
#include "cli/args.h"
#include "cli/cli.h"

#include <string.h>

static const struct weir_cli_command *const commands[] = {
    &weir_cli_serve,    &weir_cli_check, &weir_cli_inspect, &weir_cli_predict,
    &weir_cli_evaluate, &weir_cli_bench, &weir_cli_version, &weir_cli_onnx_guard,
};

static void help(FILE *out)
{
    const char *bold = weir_cli_bold(out);
    const char *plain = weir_cli_plain(out);
    fprintf(out,
            "%sweir%s: serves machine-learning models over HTTP and gRPC, in batches, straight "
            "from their files\n\n%sUsage:%s\n  weir COMMAND [ARGUMENT …]\n\n%sCommands:%s\n",
            bold, plain, bold, plain, bold, plain);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(commands); i++)
        if (commands[i]->summary)
            fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out,
            "  %-10s %s\n\n\"weir help COMMAND\" or \"weir COMMAND --help\" tells more.\n\n"
            "%sExamples:%s\n"
            "  weir serve models/\n"
            "  weir inspect models/churn.joblib\n"
            "  weir predict models/churn.joblib customers.csv -o scores.csv\n"
            "  weir evaluate models/churn.joblib holdout.csv --label churned\n",
            "help", "explain a command", bold, plain);
}

static const struct weir_cli_command *find(const char *name)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static int unknown(const char *name)
{
    const char *names[WEIR_ARRAY_LEN(commands) + 1];
    size_t n = 0;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(commands); i++)
        if (commands[i]->summary)
            names[n++] = commands[i]->name;
    names[n++] = "help";
    char echo[WEIR_ECHO_BUF_BYTES];
    const char *near = weir_cli_args_nearest(name, names, n);
    fprintf(stderr, "weir: %sunknown command \"%s\"", weir_cli_red(stderr),
            weir_str_echo(weir_str_c(name), echo, sizeof echo));
    if (near)
        fprintf(stderr, "; did you mean \"%s\"?", near);
    fprintf(stderr, "%s\nTry \"weir --help\".\n", weir_cli_plain(stderr));
    return WEIR_CLI_EXIT_USAGE;
}

/* "weir", "weir --help", "weir help [COMMAND]". */
static int run_help(int argc, char **argv)
{
    if (argc > 1) {
        const struct weir_cli_command *command = find(argv[1]);
        if (!command)
            return unknown(argv[1]);
        weir_cli_help(command, stdout);
    } else {
        help(stdout);
    }
    return weir_cli_finish(WEIR_CLI_EXIT_OK);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return WEIR_CLI_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        name = "version";
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return run_help(argc - 1, argv + 1);
    const struct weir_cli_command *command = find(name);
    return command ? weir_cli_run(command, argc - 1, argv + 1) : unknown(name);
}
