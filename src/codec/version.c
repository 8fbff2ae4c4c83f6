/* SPDX-License-Identifier: MIT */
#include "codec/version.h"

#include <yaml.h>
#include <yyjson.h>
#include <zlib.h>
#if WEIR_HAVE_ZSTD
#include <zstd.h>
#endif
#include <openssl/evp.h>

#include <stdio.h>

size_t weir_codec_version_list(struct weir_codec_version *out, size_t n)
{
    static char json[16];
    unsigned v = yyjson_version();
    (void)snprintf(json, sizeof json, "%u.%u.%u", v >> 16 & 0xff, v >> 8 & 0xff, v & 0xff);
#if WEIR_HAVE_ZSTD
    const char *zstd = ZSTD_versionString();
#else
    const char *zstd = NULL;
#endif
    const struct weir_codec_version all[] = {
        {"yyjson", json},
        {"OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING)},
        {"zlib", zlibVersion()},
        {"zstd", zstd},
        {"libyaml", yaml_get_version_string()},
    };
    enum { N_ALL = sizeof all / sizeof all[0] };
    for (size_t i = 0; i < n && i < N_ALL; i++)
        out[i] = all[i];
    return N_ALL;
}
