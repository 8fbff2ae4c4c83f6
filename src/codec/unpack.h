/* SPDX-License-Identifier: MIT */
/* Decompression of whole files: zlib, gzip, bzip2, xz, .lzma, LZ4 frames and Zstandard, each
 * through its own library, all with the same caps on what comes out. Threads: any. */
#ifndef WEIR_CODEC_UNPACK_H
#define WEIR_CODEC_UNPACK_H

#include "codec/inflate.h"

enum weir_codec_unpack_format {
    WEIR_CODEC_UNPACK_NONE, /* none of them */
    WEIR_CODEC_UNPACK_ZLIB,
    WEIR_CODEC_UNPACK_GZIP,
    WEIR_CODEC_UNPACK_BZIP2,
    WEIR_CODEC_UNPACK_XZ,
    WEIR_CODEC_UNPACK_LZMA, /* the older container of the same method ("alone") */
    WEIR_CODEC_UNPACK_LZ4,  /* frames, not raw blocks */
    WEIR_CODEC_UNPACK_ZSTD,
};

/* Tells the format by the first bytes. */
enum weir_codec_unpack_format weir_codec_unpack_detect(struct weir_str bytes);

/* Decompresses a whole stream and appends what comes out. gzip, bzip2 and xz files may hold several
 * streams one after the other; any other bytes behind the end are WEIR_ERR_CORRUPT, and so is a
 * stream that is cut short or whose checksum is wrong. WEIR_ERR_LIMIT: a cap of limits was met, or
 * the stream wants a window beyond WEIR_CODEC_UNPACK_WINDOW_MAX; WEIR_ERR_INVALID: none of the
 * formats; WEIR_ERR_NO_MEMORY. out may hold a part then. */
WEIR_MUST_USE enum weir_status weir_codec_unpack_all(struct weir_str bytes,
                                                     struct weir_codec_inflate_limits limits,
                                                     struct weir_buf *out, struct weir_error *err);

/* Memory that a decoder may take for itself; xz -9 needs 65 MiB. */
#define WEIR_CODEC_UNPACK_WINDOW_MAX ((uint64_t)256 << 20)

#endif
