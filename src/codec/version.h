/* SPDX-License-Identifier: MIT */
#ifndef WEIR_CODEC_VERSION_H
#define WEIR_CODEC_VERSION_H

#include <stddef.h>

/* A library that the codecs stand on. */
struct weir_codec_version {
    const char *library; /* "zlib" */
    const char *text;    /* version that runs, "1.2.13"; NULL: built without it */
};

/* Writes the versions of the libraries into out (n of them at most, in a fixed order) and returns
 * how many there are. The texts are borrowed for ever. Runs on: any thread, one at a time. */
size_t weir_codec_version_list(struct weir_codec_version *out, size_t n);

#endif
