/* SPDX-License-Identifier: MIT */
/* weir check with a gate: a model file is judged as weir serve would judge it. */
#ifndef WEIR_CLI_CHECK_GATE_H
#define WEIR_CLI_CHECK_GATE_H

#include "cli/cli.h"

/* The options of weir check that ask for it, by their place in its table. */
enum weir_cli_check_option {
    WEIR_CLI_CHECK_JSON,
    WEIR_CLI_CHECK_GATE,
    WEIR_CLI_CHECK_LIVE,
    WEIR_CLI_CHECK_HTML,
    WEIR_CLI_CHECK_USES,
};

/* What a process ends with beside enum weir_cli_exit. */
enum weir_cli_check_exit {
    WEIR_CLI_CHECK_REFUSED = 3,      /* the verdict is fail */
    WEIR_CLI_CHECK_INCONCLUSIVE = 4, /* it is inconclusive */
};

/* Finds whether the arguments ask for a model to be judged. */
bool weir_cli_check_gate_is_asked(int argc, char **argv);

/* Judges; returns what the process ends with. */
int weir_cli_check_gate(const struct weir_cli_command *self, int argc, char **argv);

#endif
