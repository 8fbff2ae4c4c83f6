/* SPDX-License-Identifier: MIT */
#include "http/version.h"

#include <llhttp.h>

#include <nghttp2/nghttp2.h>

#define TEXT_OF(x)       #x
#define TEXT_OF_MACRO(x) TEXT_OF(x)

const char *weir_http_version_text(void)
{
    return TEXT_OF_MACRO(LLHTTP_VERSION_MAJOR) "." TEXT_OF_MACRO(
        LLHTTP_VERSION_MINOR) "." TEXT_OF_MACRO(LLHTTP_VERSION_PATCH);
}

const char *weir_http_version_h2_text(void)
{
    return nghttp2_version(0)->version_str;
}
