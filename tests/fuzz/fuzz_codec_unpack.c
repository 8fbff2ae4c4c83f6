/* SPDX-License-Identifier: MIT */
/* Any bytes as a compressed stream: refused, or within the caps. */
#include "codec/unpack.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct weir_codec_inflate_limits limits = {.bytes_max = 4 << 20, .ratio_max = 2000};
    struct weir_buf out = WEIR_BUF_INIT;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_str bytes = weir_str_make((const char *)data, size);
    if (weir_codec_unpack_all(bytes, limits, &out, &err) == WEIR_OK && out.n > limits.bytes_max)
        abort();
    weir_buf_deinit(&out);
    return 0;
}
