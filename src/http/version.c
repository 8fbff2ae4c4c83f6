/* SPDX-License-Identifier: MIT */
#include "http/version.h"

#include <llhttp.h>

#define TEXT_OF(x)       #x
#define TEXT_OF_MACRO(x) TEXT_OF(x)

const char *weir_http_version_text(void)
{
    return TEXT_OF_MACRO(LLHTTP_VERSION_MAJOR) "." TEXT_OF_MACRO(
        LLHTTP_VERSION_MINOR) "." TEXT_OF_MACRO(LLHTTP_VERSION_PATCH);
}
