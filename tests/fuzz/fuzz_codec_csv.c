/* SPDX-License-Identifier: MIT */
/* Any bytes as comma-separated values. What is read is written again, and must then be read as the
 * same fields. */
#include "base/macros.h"
#include "codec/csv.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes all fields until the end, or a fault: false. */
static bool rewrite(struct weir_str text, struct weir_buf *out)
{
    struct weir_codec_csv csv;
    struct weir_codec_csv_field field;
    struct weir_error err = WEIR_ERROR_INIT;
    enum weir_codec_csv_step step;
    weir_codec_csv_init(&csv, text, ',');
    while ((step = weir_codec_csv_next(&csv, &field, &err)) == WEIR_CODEC_CSV_FIELD) {
        char *plain = malloc(field.text.n + 1);
        double v;
        if (!plain)
            abort();
        struct weir_str value = weir_str_make(plain, weir_codec_csv_unquote(&field, plain));
        weir_assert(weir_codec_csv_eq(&field, value));
        (void)weir_codec_csv_number(value, &v);
        /* Always in quotes, so that no record is a blank line. */
        weir_buf_append_byte(out, '"');
        for (size_t i = 0; i < value.n; i++) {
            weir_buf_append_byte(out, value.at[i]);
            if (value.at[i] == '"')
                weir_buf_append_byte(out, '"');
        }
        weir_buf_append_c(out, field.is_last ? "\"\n" : "\",");
        free(plain);
    }
    weir_assert((step == WEIR_CODEC_CSV_BAD) == (err.msg[0] != 0));
    return step == WEIR_CODEC_CSV_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_buf once = WEIR_BUF_INIT;
    struct weir_buf twice = WEIR_BUF_INIT;
    if (rewrite(weir_str_make((const char *)data, size), &once)) {
        bool is_read = rewrite(weir_buf_str(&once), &twice);
        weir_assert(is_read);
        weir_assert(weir_str_eq(weir_buf_str(&once), weir_buf_str(&twice)));
    }
    weir_buf_deinit(&once);
    weir_buf_deinit(&twice);
    return 0;
}
