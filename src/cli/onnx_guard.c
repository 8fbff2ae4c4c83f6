/* SPDX-License-Identifier: MIT */
/* weir onnx-guard: the process that weir starts to try an ONNX model in. */
#include "base/str.h"
#include "cli/cli.h"
#include "model/onnx.h"

enum { FD_MAX = 1024 };

static int run(const struct weir_cli_command *self, int argc, char **argv)
{
    uint64_t fd;
    if (argc != 2 || !weir_str_to_u64(weir_str_c(argv[1]), FD_MAX, &fd) || fd < 3)
        return weir_cli_usage(self, "is run by weir itself");
    weir_model_onnx_guard_run((int)fd);
}

const struct weir_cli_command weir_cli_onnx_guard = {
    .name = "onnx-guard",
    .usage = "FD",
    .text = "Tries an ONNX model that another process of weir left in the memory file FD, and ends "
            "with\n"
            "a code for it. For weir itself; of no use by hand.",
    .examples = "weir onnx-guard 3",
    .run = run,
};
