/* SPDX-License-Identifier: MIT */
#include "codec/digest.h"

#include <criterion/criterion.h>

#include <string.h>

static const char *hex_of(const char *text)
{
    static char hex[WEIR_CODEC_DIGEST_HEX_BYTES];
    uint8_t digest[WEIR_CODEC_DIGEST_BYTES];
    cr_assert_eq(weir_codec_digest_sha256(text, strlen(text), digest), WEIR_OK);
    weir_codec_digest_hex(digest, hex);
    return hex;
}

/* The examples of FIPS 180-4's test vectors. */
Test(codec_digest, known_digests)
{
    cr_assert_str_eq(hex_of(""),
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    cr_assert_str_eq(hex_of("abc"),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cr_assert_str_eq(hex_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(codec_digest, parts_give_the_digest_of_the_whole)
{
    struct weir_codec_digest d;
    uint8_t whole[WEIR_CODEC_DIGEST_BYTES], parts[WEIR_CODEC_DIGEST_BYTES];
    cr_assert_eq(weir_codec_digest_sha256("abcdef", 6, whole), WEIR_OK);
    cr_assert_eq(weir_codec_digest_init(&d), WEIR_OK);
    cr_assert_eq(weir_codec_digest_update(&d, "abc", 3), WEIR_OK);
    cr_assert_eq(weir_codec_digest_update(&d, "", 0), WEIR_OK);
    cr_assert_eq(weir_codec_digest_update(&d, "def", 3), WEIR_OK);
    cr_assert_eq(weir_codec_digest_finish(&d, parts), WEIR_OK);
    cr_assert_arr_eq(whole, parts, sizeof whole);
    weir_codec_digest_deinit(&d);
}
