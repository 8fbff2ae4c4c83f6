/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "codec/json_write.h"

#include <criterion/criterion.h>

#include <math.h>

static void expect(struct weir_buf *buf, const char *text)
{
    cr_assert_not(buf->failed);
    cr_assert(weir_str_eq_c(weir_buf_str(buf), text), "%.*s", (int)buf->n, (const char *)buf->at);
    weir_buf_deinit(buf);
}

Test(json_write, commas_stand_between_members_only)
{
    struct weir_buf buf = WEIR_BUF_INIT;
    weir_buf_append_byte(&buf, '{');
    weir_codec_json_write_u64(&buf, "n", 3);
    weir_codec_json_write_open(&buf, "o", '{');
    weir_codec_json_write_text(&buf, "t", WEIR_STR("a\"b"));
    weir_codec_json_write_bool(&buf, "yes", true);
    weir_buf_append_byte(&buf, '}');
    weir_codec_json_write_pair(&buf, "ci", 0.5, 1);
    weir_codec_json_write_bool(&buf, "no", false);
    weir_buf_append_byte(&buf, '}');
    expect(&buf, "{\"n\":3,\"o\":{\"t\":\"a\\\"b\",\"yes\":true},\"ci\":[0.5,1.0],\"no\":false}");
}

Test(json_write, numbers_read_back_and_others_are_null)
{
    struct weir_buf buf = WEIR_BUF_INIT;
    weir_codec_json_write_f64(&buf, "a", 0.1);
    weir_codec_json_write_f64(&buf, "b", (double)NAN);
    weir_codec_json_write_f64(&buf, "c", -(double)INFINITY);
    weir_codec_json_write_pair(&buf, "d", (double)NAN, -2.5);
    expect(&buf, "\"a\":0.1,\"b\":null,\"c\":null,\"d\":[null,-2.5]");
}
