/* SPDX-License-Identifier: MIT */
/* Any bytes through the scanner; what it accepts is walked whole and compared with yyjson, an
 * independent reader, which must accept it, too. */
#include "base/macros.h"
#include "codec/json.h"
#include "codec/json_rows.h"
#include "codec/number.h"

#include <yyjson.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Walks a value and all below it; depth is bounded by the scanner. Returns the number of values. */
static uint64_t walk(const struct weir_codec_json *json, const char *value, int depth)
{
    uint64_t n = 1;
    const char *element;
    struct weir_codec_json_iter it;
    weir_assert(depth <= WEIR_CODEC_JSON_DEPTH_CAP);
    switch (weir_codec_json_kind(value)) {
    case WEIR_CODEC_JSON_OBJECT: {
        struct weir_str name;
        size_t n_members = 0;
        it = weir_codec_json_iter(json, value);
        for (; weir_codec_json_next_member(&it, &name, &element); n_members++)
            n += walk(json, element, depth + 1);
        weir_assert(n_members == weir_codec_json_count(json, value));
        break;
    }
    case WEIR_CODEC_JSON_ARRAY: {
        double row[7];
        size_t n_read;
        const char *at = weir_codec_json_rows_first(value);
        at = weir_codec_json_rows_read(json, at, WEIR_CODEC_JSON_F64, row, sizeof row[0], 7,
                                       &n_read);
        weir_assert(at > value);
        weir_assert(n_read <= 7);
        it = weir_codec_json_iter(json, value);
        size_t n_elements = 0;
        for (; weir_codec_json_next(&it, &element); n_elements++) {
            if (n_elements < n_read) {
                double v = 0;
                weir_assert(
                    weir_codec_number_read_f64(weir_codec_json_token(element, json->end), &v));
                weir_assert(memcmp(&v, &row[n_elements], sizeof v) == 0);
            }
            n += walk(json, element, depth + 1);
        }
        weir_assert(n_elements == weir_codec_json_count(json, value));
        break;
    }
    case WEIR_CODEC_JSON_STRING: {
        WEIR_CLEANUP(weir_buf_deinit) struct weir_buf plain = WEIR_BUF_INIT;
        weir_codec_json_unescape(weir_codec_json_string(value), &plain);
        weir_assert(weir_codec_json_string_eq(weir_codec_json_string(value), weir_buf_str(&plain)));
        break;
    }
    case WEIR_CODEC_JSON_NUMBER: {
        struct weir_str token = weir_codec_json_token(value, json->end);
        double v = 0;
        float f = 0;
        weir_assert(weir_codec_number_read_f64(token, &v));
        weir_assert(weir_codec_number_read_f32(token, &f));
        char text[1024];
        if (token.n < sizeof text) {
            memcpy(text, token.at, token.n);
            text[token.n] = 0;
            double want = strtod(text, NULL);
            weir_assert(memcmp(&v, &want, sizeof v) == 0);
        }
        break;
    }
    case WEIR_CODEC_JSON_NONFINITE:
    case WEIR_CODEC_JSON_TRUE:
    case WEIR_CODEC_JSON_FALSE:
    case WEIR_CODEC_JSON_NULL: {
        char echo[WEIR_CODEC_JSON_ECHO_BYTES];
        weir_assert(weir_codec_json_echo(json, value, echo, sizeof echo)[0] != 0);
        break;
    }
    }
    return n;
}

/* Lone surrogates may be written as escapes: we read them as U+FFFD, yyjson refuses them. */
static bool may_hold_surrogates(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 2 < size; i++) {
        if (data[i] == '\\' && data[i + 1] == 'u' && (data[i + 2] | 0x20) == 'd')
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_codec_json json;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_str text = weir_str_make((const char *)data, size);
    weir_codec_json_init(&json, NULL, NULL);
    json.limits.allows_nonfinite = size > 0 && data[size - 1] == '\n';
    enum weir_status status = weir_codec_json_scan(&json, text, &err);
    if (status == WEIR_OK) {
        weir_assert(walk(&json, json.root, 0) == json.n_values);
        if (!json.limits.allows_nonfinite && !may_hold_surrogates(data, size)) {
            yyjson_doc *doc =
                yyjson_read((const char *)data, size,
                            YYJSON_READ_NUMBER_AS_RAW | YYJSON_READ_ALLOW_INVALID_UNICODE);
            weir_assert(doc);
            yyjson_doc_free(doc);
        }
    } else {
        weir_assert(status == WEIR_ERR_INVALID);
        weir_assert(err.msg[0] != 0);
    }
    weir_codec_json_deinit(&json);
    return 0;
}
