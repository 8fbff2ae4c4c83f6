/* SPDX-License-Identifier: MIT */
#include "codec/coding.h"

#include "base/macros.h"

static const struct {
    struct weir_str name;
    enum weir_codec_coding coding;
} names[] = {
    {{"identity", 8}, WEIR_CODEC_CODING_IDENTITY},
    {{"gzip", 4}, WEIR_CODEC_CODING_GZIP},
    {{"deflate", 7}, WEIR_CODEC_CODING_DEFLATE},
    {{"x-gzip", 6}, WEIR_CODEC_CODING_GZIP}, /* RFC 9110 §8.4.1.3: the same */
};

const char *weir_codec_coding_name(enum weir_codec_coding coding)
{
    switch (coding) {
    case WEIR_CODEC_CODING_IDENTITY:
        return "identity";
    case WEIR_CODEC_CODING_DEFLATE:
        return "deflate";
    case WEIR_CODEC_CODING_GZIP:
        return "gzip";
    }
    return "";
}

static bool find(struct weir_str name, enum weir_codec_coding *out)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(names); i++) {
        if (weir_str_eq_nocase(name, names[i].name)) {
            *out = names[i].coding;
            return true;
        }
    }
    return false;
}

bool weir_codec_coding_read(struct weir_str value, uint8_t *n)
{
    uint8_t n_codings = 0;
    while (value.n > 0) {
        struct weir_str name = weir_str_trim(weir_str_split(&value, ','));
        enum weir_codec_coding coding;
        if (name.n == 0) /* RFC 9110 §5.6.1.2: empty elements are ignored. */
            continue;
        if (!find(name, &coding))
            return false;
        if (coding != WEIR_CODEC_CODING_IDENTITY && ++n_codings > WEIR_CODEC_CODINGS_MAX)
            return false;
    }
    *n = n_codings;
    return true;
}

/* Reads a weight in thousandths (RFC 9110 §12.4.2: 0 to 1, at most three digits behind the point);
 * false: it is none. */
static bool read_weight(struct weir_str s, uint32_t *out)
{
    if (s.n == 0 || s.n > 5 || (s.at[0] != '0' && s.at[0] != '1') || (s.n > 1 && s.at[1] != '.'))
        return false;
    uint32_t weight = s.at[0] == '1' ? 1000 : 0;
    uint32_t unit = 100;
    for (size_t i = 2; i < s.n; i++, unit /= 10) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        weight += (uint32_t)(s.at[i] - '0') * unit;
    }
    *out = weight;
    return weight <= 1000;
}

enum weir_codec_coding weir_codec_coding_accepted(struct weir_str value)
{
    enum weir_codec_coding best = WEIR_CODEC_CODING_IDENTITY;
    uint32_t best_weight = 0;
    while (value.n > 0) {
        struct weir_str item = weir_str_split(&value, ',');
        struct weir_str name = weir_str_trim(weir_str_split(&item, ';'));
        item = weir_str_trim(item);
        enum weir_codec_coding coding;
        uint32_t weight = 1000;
        if (item.n > 0 &&
            (item.n < 2 || (item.at[0] != 'q' && item.at[0] != 'Q') || item.at[1] != '=' ||
             !read_weight(weir_str_make(item.at + 2, item.n - 2), &weight)))
            continue;
        if (find(name, &coding) && weight > best_weight) {
            best = coding;
            best_weight = weight;
        }
    }
    return best;
}

static enum weir_status undo_one(struct weir_codec_inflate *inflate, struct weir_str bytes,
                                 struct weir_codec_inflate_limits limits, struct weir_buf *out,
                                 struct weir_error *err)
{
    enum weir_codec_inflate_format format = weir_codec_inflate_detect(bytes);
    if (format == WEIR_CODEC_INFLATE_NONE)
        return weir_error_set(err, WEIR_ERR_CORRUPT, "neither zlib nor gzip");
    enum weir_status status = weir_codec_inflate_restart(inflate, format, limits);
    if (status != WEIR_OK)
        return weir_error_set(err, status, "no memory to decompress");
    status = weir_codec_inflate_push(inflate, bytes, out, err);
    return status == WEIR_OK ? weir_codec_inflate_finish(inflate, err) : status;
}

enum weir_status weir_codec_coding_undo(uint8_t n, struct weir_codec_inflate *inflate,
                                        struct weir_str bytes,
                                        struct weir_codec_inflate_limits limits,
                                        struct weir_buf *out, struct weir_error *err)
{
    weir_assert(n > 0);
    if (n == 1)
        return undo_one(inflate, bytes, limits, out, err);
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf step = {.mem = out->mem};
    enum weir_status status = undo_one(inflate, bytes, limits, &step, err);
    for (uint8_t i = 1; status == WEIR_OK && i < n; i++) {
        WEIR_CLEANUP(weir_buf_deinit) struct weir_buf from = step;
        step = (struct weir_buf){.mem = out->mem};
        status = undo_one(inflate, weir_buf_str(&from), limits, i + 1 < n ? &step : out, err);
    }
    return status;
}
