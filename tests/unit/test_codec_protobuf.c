/* SPDX-License-Identifier: MIT */
/* The wire format: fields as protobuf's own encoder writes them, and what is malformed. The golden
 * bytes are those of protobuf 3.21 (protoc --encode). */
#include "base/macros.h"
#include "codec/protobuf.h"
#include "test_mem.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

/* Reads a message from a block of exactly its size and writes what it holds as text. */
static const char *shown(const char *bytes, size_t n, char *room, size_t cap)
{
    char *exact = malloc(n + !n);
    cr_assert(exact);
    memcpy(exact, bytes, n);
    struct weir_codec_protobuf reader = weir_codec_protobuf_of(weir_str_make(exact, n));
    struct weir_codec_protobuf_field f;
    struct weir_buf out = WEIR_BUF_INIT;
    while (weir_codec_protobuf_next(&reader, &f)) {
        weir_buf_printf(&out, "%u:", f.number);
        switch (f.type) {
        case WEIR_CODEC_PROTOBUF_VARINT:
            weir_buf_printf(&out, "%llu ", (unsigned long long)f.value);
            break;
        case WEIR_CODEC_PROTOBUF_I64:
            weir_buf_printf(&out, "%g ", weir_codec_protobuf_f64(&f));
            break;
        case WEIR_CODEC_PROTOBUF_BYTES:
            weir_buf_printf(&out, "'%.*s' ", WEIR_STR_ARG(f.bytes));
            break;
        case WEIR_CODEC_PROTOBUF_I32:
            weir_buf_printf(&out, "%gf ", (double)weir_codec_protobuf_f32(&f));
            break;
        }
    }
    weir_buf_append_c(&out, reader.is_malformed ? "malformed" : "end");
    cr_assert(out.n < cap);
    memcpy(room, weir_buf_c(&out), out.n + 1);
    weir_buf_deinit(&out);
    free(exact);
    return room;
}

#define BYTES(literal) literal, sizeof(literal) - 1

static const struct {
    const char *bytes;
    size_t n;
    const char *fields;
} messages[] = {
    {BYTES(""), "end"},
    {BYTES("\x08\x01"), "1:1 end"},
    {BYTES("\x0a\x01m\x1a\x01q"), "1:'m' 3:'q' end"},
    {BYTES("\x08\x96\x01"), "1:150 end"},
    /* int64 −1: ten bytes */
    {BYTES("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "2:18446744073709551615 end"},
    {BYTES("\x35\0\0\x80\x3f"), "6:1f end"},
    {BYTES("\x39\0\0\0\0\0\0\xf8\x3f"), "7:1.5 end"},
    /* the largest field number */
    {BYTES("\xf8\xff\xff\xff\x0f\x05"), "536870911:5 end"},
    /* a varint that is longer than it need be */
    {BYTES("\x08\x81\x80\x00"), "1:1 end"},
    /* groups are skipped, with what is inside of them */
    {BYTES("\x08\x01\x13\x0a\x01x\x1b\x1c\x14\x10\x02"), "1:1 2:2 end"},
    /* malformed */
    {BYTES("\x08"), "malformed"},
    {BYTES("\x08\x80"), "malformed"},
    {BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "malformed"},
    {BYTES("\x0a\x02m"), "malformed"},
    {BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01m"), "malformed"},
    {BYTES("\x00\x01"), "malformed"},                 /* field 0 */
    {BYTES("\x80\x80\x80\x80\x10\x01"), "malformed"}, /* field 2^29 */
    {BYTES("\x0e\x01"), "malformed"},                 /* wire type 6 */
    {BYTES("\x0f\x01"), "malformed"},                 /* wire type 7 */
    {BYTES("\x0c"), "malformed"},                     /* a group's end alone */
    {BYTES("\x0b\x08\x01"), "malformed"},             /* a group that does not end */
    {BYTES("\x0b\x14"), "malformed"},                 /* … or ends as another */
    {BYTES("\x35\0\0\x80"), "malformed"},
    {BYTES("\x39\0\0\0\0\0\0\xf8"), "malformed"},
    {BYTES("\x08\x01\x0a\x05"), "1:1 malformed"},
};

Test(codec_protobuf, messages_are_read_field_by_field)
{
    char room[256];
    for (size_t i = 0; i < WEIR_ARRAY_LEN(messages); i++)
        cr_assert_str_eq(shown(messages[i].bytes, messages[i].n, room, sizeof room),
                         messages[i].fields, "case %zu", i);
}

Test(codec_protobuf, the_whole_fields_of_a_part_are_found)
{
    /* 1: 300; 2: "abc"; 3: a group; 4: two bytes */
    static const char message[] = "\x08\xac\x02\x12\x03"
                                  "abc\x1b\x08\x01\x1c\x22\x02xy";
    static const size_t whole[sizeof message] = {0, 0, 0, 3,  3, 3, 3, 3, 8,
                                                 8, 8, 8, 12, 8, 8, 8, 16};
    for (size_t n = 0; n < sizeof message; n++)
        cr_assert_eq(weir_codec_protobuf_whole(weir_str_make(message, n)).n, whole[n], "of %zu", n);
    cr_assert_eq(weir_codec_protobuf_whole(WEIR_STR("\x07")).n, 0);
}

Test(codec_protobuf, nested_groups_are_bounded)
{
    char bytes[2 * WEIR_CODEC_PROTOBUF_GROUPS_MAX + 2];
    char room[64];
    size_t n = WEIR_CODEC_PROTOBUF_GROUPS_MAX;
    memset(bytes, 0x0b, n);
    memset(bytes + n, 0x0c, n);
    cr_assert_str_eq(shown(bytes, 2 * n, room, sizeof room), "end");
    memset(bytes, 0x0b, n + 1);
    memset(bytes + n + 1, 0x0c, n + 1);
    cr_assert_str_eq(shown(bytes, 2 * n + 2, room, sizeof room), "malformed");
}

Test(codec_protobuf, packed_varints_are_counted_and_taken)
{
    struct weir_str packed = WEIR_STR("\x00\x96\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x03");
    uint64_t v;
    cr_assert_eq(weir_codec_protobuf_count_varints(packed), 4);
    cr_assert(weir_codec_protobuf_take_varint(&packed, &v));
    cr_assert_eq(v, 0);
    cr_assert(weir_codec_protobuf_take_varint(&packed, &v));
    cr_assert_eq(v, 150);
    cr_assert(weir_codec_protobuf_take_varint(&packed, &v));
    cr_assert_eq(v, UINT64_MAX);
    cr_assert(weir_codec_protobuf_take_varint(&packed, &v));
    cr_assert_eq(v, 3);
    cr_assert_not(weir_codec_protobuf_take_varint(&packed, &v));
    cr_assert_eq(weir_codec_protobuf_count_varints(WEIR_STR("\x01\x80")), 2);
}

static void expect(const struct weir_buf *buf, const char *bytes, size_t n)
{
    cr_assert(weir_buf_ok(buf));
    cr_assert_eq(buf->n, n);
    if (n > 0) /* nothing was allocated else */
        cr_assert_eq(memcmp(buf->at, bytes, n), 0);
}

/* The request of Open Inference Protocol's golden bytes. */
Test(codec_protobuf, a_request_is_written_as_protobuf_does)
{
    struct weir_buf buf = {.mem = test_mem()};
    weir_codec_protobuf_put_text(&buf, 1, WEIR_STR("m"));
    weir_codec_protobuf_put_text(&buf, 2, WEIR_STR("")); /* left out */
    weir_codec_protobuf_put_text(&buf, 3, WEIR_STR("q"));
    size_t entry = weir_codec_protobuf_begin(&buf, 4);
    weir_codec_protobuf_put_text(&buf, 1, WEIR_STR("priority"));
    size_t value = weir_codec_protobuf_begin(&buf, 2);
    weir_codec_protobuf_put_u64_always(&buf, 5, 2);
    weir_codec_protobuf_end(&buf, value);
    weir_codec_protobuf_end(&buf, entry);
    size_t input = weir_codec_protobuf_begin(&buf, 5);
    weir_codec_protobuf_put_text(&buf, 1, WEIR_STR("I"));
    weir_codec_protobuf_put_text(&buf, 2, WEIR_STR("FP32"));
    size_t shape = weir_codec_protobuf_begin(&buf, 3);
    weir_codec_protobuf_append_varint(&buf, 1);
    weir_codec_protobuf_append_varint(&buf, 2);
    weir_codec_protobuf_end(&buf, shape);
    weir_codec_protobuf_end(&buf, input);
    weir_codec_protobuf_put_text_always(&buf, 7, WEIR_STR("\0\0\x80\x3f\0\0\0\x40"));
    expect(&buf, BYTES("\x0a\x01m\x1a\x01q\x22\x0e\x0a\x08priority\x12\x02\x28\x02\x2a\x0d\x0a\x01I"
                       "\x12\x04"
                       "FP32\x1a\x02\x01\x02\x3a\x08\0\0\x80\x3f\0\0\0\x40"));
    weir_buf_deinit(&buf);
    cr_assert_eq(test_mem_n_live(), 0);
}

Test(codec_protobuf, zeros_are_left_out_and_negative_numbers_have_ten_bytes)
{
    struct weir_buf buf = {.mem = test_mem()};
    weir_codec_protobuf_put_u64(&buf, 1, 0);
    weir_codec_protobuf_put_i64(&buf, 1, 0);
    expect(&buf, "", 0);
    weir_codec_protobuf_put_u64_always(&buf, 1, 0);
    weir_codec_protobuf_put_i64(&buf, 2, -1);
    weir_codec_protobuf_put_u64(&buf, 16, 300);
    weir_codec_protobuf_put_text_always(&buf, 3, WEIR_STR(""));
    expect(&buf,
           BYTES("\x08\x00\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x80\x01\xac\x02\x1a\0"));
    weir_buf_deinit(&buf);
}

Test(codec_protobuf, long_messages_make_room_for_their_length)
{
    for (size_t n = 0; n < 40000; n = n < 120 ? 120 : n < 140 ? n + 1 : n * 3) {
        struct weir_buf buf = {.mem = test_mem()};
        weir_buf_append_byte(&buf, '!');
        size_t outer = weir_codec_protobuf_begin(&buf, 1);
        size_t inner = weir_codec_protobuf_begin(&buf, 2);
        for (size_t i = 0; i < n; i++)
            weir_buf_append_byte(&buf, (char)('a' + i % 26));
        weir_codec_protobuf_end(&buf, inner);
        weir_codec_protobuf_put_u64(&buf, 3, 7);
        weir_codec_protobuf_end(&buf, outer);
        struct weir_codec_protobuf reader =
            weir_codec_protobuf_of(weir_str_make(buf.at + 1, buf.n - 1));
        struct weir_codec_protobuf_field f;
        cr_assert(weir_codec_protobuf_next(&reader, &f));
        cr_assert_eq(f.number, 1);
        cr_assert_eq(reader.rest.n, 0);
        reader = weir_codec_protobuf_of(f.bytes);
        cr_assert(weir_codec_protobuf_next(&reader, &f));
        cr_assert_eq(f.bytes.n, n);
        for (size_t i = 0; i < n; i++)
            cr_assert_eq(f.bytes.at[i], (char)('a' + i % 26));
        cr_assert(weir_codec_protobuf_next(&reader, &f));
        cr_assert_eq(f.value, 7);
        cr_assert_eq(weir_codec_protobuf_varint_bytes(n), n < 128 ? 1u : n < 16384 ? 2u : 3u);
        weir_buf_deinit(&buf);
    }
}
