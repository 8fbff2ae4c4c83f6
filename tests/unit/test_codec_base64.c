/* SPDX-License-Identifier: MIT */
#include "base/macros.h"
#include "codec/base64.h"
#include "test_mem.h"

#include <criterion/criterion.h>

/* RFC 4648, section 10, and the ends of the alphabet. */
static const struct {
    const char *bytes;
    const char *text;
} pairs[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xfe", "+//+"},
};

Test(codec_base64, text_and_bytes_stand_for_each_other)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(pairs); i++) {
        struct weir_buf buf = {.mem = test_mem()};
        weir_codec_base64_encode(weir_str_c(pairs[i].bytes), &buf);
        cr_assert_str_eq(weir_buf_c(&buf), pairs[i].text);
        weir_buf_clear(&buf);
        cr_assert(weir_codec_base64_decode(weir_str_c(pairs[i].text), &buf), "%s", pairs[i].text);
        cr_assert_str_eq(weir_buf_c(&buf), pairs[i].bytes);
        weir_buf_deinit(&buf);
        cr_assert_eq(test_mem_n_live(), 0);
    }
}

Test(codec_base64, padding_may_be_left_out)
{
    struct weir_buf buf = {.mem = test_mem()};
    cr_assert(weir_codec_base64_decode(WEIR_STR("Zm9vYg"), &buf));
    cr_assert(weir_codec_base64_decode(WEIR_STR("Zm8"), &buf));
    cr_assert_str_eq(weir_buf_c(&buf), "foobfo");
    weir_buf_deinit(&buf);
}

Test(codec_base64, what_is_no_base64_adds_nothing)
{
    static const char *const texts[] = {
        "Z", "Zm9vY", "Zg=", "=", "====", "Z===", "Zm 9", "Zm-_", "Zm=v", "Zh==", "Zm9="};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        struct weir_buf buf = {.mem = test_mem()};
        weir_buf_append_c(&buf, "before");
        cr_assert_not(weir_codec_base64_decode(weir_str_c(texts[i]), &buf), "%s", texts[i]);
        cr_assert_str_eq(weir_buf_c(&buf), "before");
        weir_buf_deinit(&buf);
    }
}
