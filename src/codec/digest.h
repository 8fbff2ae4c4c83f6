/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4), through libcrypto. A digest under way belongs to one thread. */
#ifndef WEIR_CODEC_DIGEST_H
#define WEIR_CODEC_DIGEST_H

#include <weir/error.h>

#include <stddef.h>
#include <stdint.h>

enum {
    WEIR_CODEC_DIGEST_BYTES = 32,
    WEIR_CODEC_DIGEST_HEX_BYTES = 2 * WEIR_CODEC_DIGEST_BYTES + 1, /* with the NUL */
};

/* A digest under way. */
struct weir_codec_digest {
    void *ctx; /* libcrypto's; NULL: not begun or already finished */
};

#define WEIR_CODEC_DIGEST_INIT \
    {                          \
        NULL                   \
    }

/* Begins a digest; d need not be initialised. WEIR_ERR_NO_MEMORY; WEIR_ERR_INTERNAL: libcrypto has
 * no SHA-256. */
WEIR_MUST_USE enum weir_status weir_codec_digest_init(struct weir_codec_digest *d);

/* Gives up a digest under way; a zeroed or finished one is fine. */
void weir_codec_digest_deinit(struct weir_codec_digest *d);

/* Adds n bytes. WEIR_ERR_INTERNAL: libcrypto refused. */
WEIR_MUST_USE enum weir_status weir_codec_digest_update(struct weir_codec_digest *d,
                                                        const void *bytes, size_t n);

/* Ends the digest and writes it into out. */
WEIR_MUST_USE enum weir_status weir_codec_digest_finish(struct weir_codec_digest *d,
                                                        uint8_t out[WEIR_CODEC_DIGEST_BYTES]);

/* Computes the digest of n bytes. */
WEIR_MUST_USE enum weir_status weir_codec_digest_sha256(const void *bytes, size_t n,
                                                        uint8_t out[WEIR_CODEC_DIGEST_BYTES]);

/* Writes a digest as 64 lower-case hexadecimal digits and a NUL. */
void weir_codec_digest_hex(const uint8_t digest[WEIR_CODEC_DIGEST_BYTES],
                           char out[WEIR_CODEC_DIGEST_HEX_BYTES]);

#endif
