/* SPDX-License-Identifier: MIT */
#include "codec/version.h"

#include <openssl/evp.h>
#include <yaml.h>
#include <yyjson.h>
#include <zlib.h>
#include <zstd.h>

#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <stdio.h>
#include <zip.h>

size_t weir_codec_version_list(struct weir_codec_version *out, size_t n)
{
    static char json[16];
    unsigned v = yyjson_version();
    (void)snprintf(json, sizeof json, "%u.%u.%u", v >> 16 & 0xff, v >> 8 & 0xff, v & 0xff);
    const struct weir_codec_version all[] = {
        {"yyjson", json},
        {"OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING)},
        {"zlib", zlibVersion()},
        {"bzip2", BZ2_bzlibVersion()},
        {"liblzma", lzma_version_string()},
        {"lz4", LZ4_versionString()},
        {"zstd", ZSTD_versionString()},
        {"libzip", zip_libzip_version()},
        {"libyaml", yaml_get_version_string()},
    };
    enum { N_ALL = sizeof all / sizeof all[0] };
    for (size_t i = 0; i < n && i < N_ALL; i++)
        out[i] = all[i];
    return N_ALL;
}
