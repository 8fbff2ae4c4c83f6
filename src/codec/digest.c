/* SPDX-License-Identifier: MIT */
#include "codec/digest.h"

#include "base/macros.h"

#include <openssl/evp.h>

enum weir_status weir_codec_digest_init(struct weir_codec_digest *d)
{
    d->ctx = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx)
        return WEIR_ERR_NO_MEMORY;
    if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        return WEIR_ERR_INTERNAL;
    }
    d->ctx = ctx;
    return WEIR_OK;
}

void weir_codec_digest_deinit(struct weir_codec_digest *d)
{
    EVP_MD_CTX_free(d->ctx);
    d->ctx = NULL;
}

enum weir_status weir_codec_digest_update(struct weir_codec_digest *d, const void *bytes, size_t n)
{
    weir_assert(d->ctx);
    return EVP_DigestUpdate(d->ctx, bytes, n) == 1 ? WEIR_OK : WEIR_ERR_INTERNAL;
}

enum weir_status weir_codec_digest_finish(struct weir_codec_digest *d,
                                          uint8_t out[WEIR_CODEC_DIGEST_BYTES])
{
    weir_assert(d->ctx);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    int is_ok = EVP_DigestFinal_ex(d->ctx, digest, &n);
    weir_codec_digest_deinit(d);
    if (is_ok != 1 || n != WEIR_CODEC_DIGEST_BYTES)
        return WEIR_ERR_INTERNAL;
    for (unsigned i = 0; i < WEIR_CODEC_DIGEST_BYTES; i++)
        out[i] = digest[i];
    return WEIR_OK;
}

enum weir_status weir_codec_digest_sha256(const void *bytes, size_t n,
                                          uint8_t out[WEIR_CODEC_DIGEST_BYTES])
{
    WEIR_CLEANUP(weir_codec_digest_deinit) struct weir_codec_digest d = WEIR_CODEC_DIGEST_INIT;
    enum weir_status status = weir_codec_digest_init(&d);
    if (status == WEIR_OK)
        status = weir_codec_digest_update(&d, bytes, n);
    return status == WEIR_OK ? weir_codec_digest_finish(&d, out) : status;
}

void weir_codec_digest_hex(const uint8_t digest[WEIR_CODEC_DIGEST_BYTES],
                           char out[WEIR_CODEC_DIGEST_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < WEIR_CODEC_DIGEST_BYTES; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * (size_t)WEIR_CODEC_DIGEST_BYTES] = '\0';
}
