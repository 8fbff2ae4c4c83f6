/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"
#include "config/config.h"
#include "server/keeper.h"

#include <unistd.h>

static void help_options(FILE *out)
{
    struct weir_buf text = WEIR_BUF_INIT;
    weir_config_help_flags(&text);
    (void)weir_cli_put(out, &text); /* Help that is cut is still help. */
    weir_buf_deinit(&text);
}

static int run(const struct weir_cli_command *self, int argc, char **argv)
{
    struct weir_config_sources sources = {
        .args = argv + 1, .n_args = (size_t)(argc - 1), .env = environ};
    struct weir_config *config = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_status status = weir_config_new(&config, &sources, &err);
    if (status == WEIR_ERR_INVALID)
        return weir_cli_usage(self, "%s", err.msg);
    if (status == WEIR_OK)
        status = weir_server_keeper_run(config, &sources, stdout, &err);
    clearerr(
        stdout); /* Whoever read the announcements may be gone; that is no failure of serving. */
    return status == WEIR_OK ? WEIR_CLI_EXIT_OK : weir_cli_fail(&err);
}

const struct weir_cli_command weir_cli_serve = {
    .name = "serve",
    .summary = "serve models over HTTP and gRPC",
    .usage = "[DIR|FILE …] [OPTION …]",
    .text =
        "Serves every model file below the given directories, reloads what changes, and tells on\n"
        "standard output where it listens and what it serves. Options may also stand in a YAML "
        "file\n"
        "(--config) or in the environment (WEIR_MAX_BATCH_SIZE=64).\n"
        "SIGTERM drains and ends, SIGHUP reads the configuration again.",
    .examples = "weir serve models/\n"
                "weir serve models/ --listen 0.0.0.0:8080 --workers 4\n"
                "weir serve --config conf/weir.yaml",
    .help = help_options,
    .run = run,
};
