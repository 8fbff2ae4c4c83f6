/* SPDX-License-Identifier: MIT */
#include "loop/version.h"

#include <uv.h>

const char *weir_loop_version_text(void)
{
    return uv_version_string();
}
