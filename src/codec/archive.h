/* SPDX-License-Identifier: MIT */
/* Zip archives in memory, through libzip: members found by name and read whole, with caps on what
 * comes out. An archive with two members of one name is refused, since readers disagree on which of
 * them counts. Names are never used as paths. An archive belongs to one thread. */
#ifndef WEIR_CODEC_ARCHIVE_H
#define WEIR_CODEC_ARCHIVE_H

#include "base/arena.h"
#include "codec/inflate.h"

struct weir_codec_archive {
    void *zip;     /* libzip's; NULL: closed */
    uint64_t n_in; /* bytes of the archive */
    uint64_t n_out;
    struct weir_codec_inflate_limits limits; /* of all members that are read, together */
};

#define WEIR_CODEC_ARCHIVE_INIT \
    {                           \
        NULL, 0, 0,             \
        {                       \
            0, 0                \
        }                       \
    }

/* Finds whether bytes begin like a zip archive. */
bool weir_codec_archive_probe(struct weir_str bytes);

/* Opens an archive; bytes are borrowed until it is closed. WEIR_ERR_CORRUPT: not a whole archive,
 * or two members have one name; WEIR_ERR_LIMIT: more than 1 M members; WEIR_ERR_NO_MEMORY. */
WEIR_MUST_USE enum weir_status weir_codec_archive_open(struct weir_codec_archive *a,
                                                       struct weir_str bytes,
                                                       struct weir_codec_inflate_limits limits,
                                                       struct weir_error *err);

/* Closes an archive; a zeroed or already closed one is fine. */
void weir_codec_archive_close(struct weir_codec_archive *a);

/* Finds whether there is a member of this (NUL-terminated) name. */
bool weir_codec_archive_has(const struct weir_codec_archive *a, const char *name);

/* Reads a member whole into memory of the arena. WEIR_ERR_NOT_FOUND: there is none of that name;
 * WEIR_ERR_CORRUPT: cut short or its checksum is wrong; WEIR_ERR_UNSUPPORTED: encrypted, or packed
 * by an unknown method; WEIR_ERR_LIMIT; WEIR_ERR_NO_MEMORY. Messages name the member. */
WEIR_MUST_USE enum weir_status weir_codec_archive_read(struct weir_codec_archive *a,
                                                       const char *name, struct weir_arena *arena,
                                                       struct weir_str *out,
                                                       struct weir_error *err);

#endif
