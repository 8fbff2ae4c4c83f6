/* SPDX-License-Identifier: MIT */
/* "examples" of :classify and :regress: rows by name. What all have in common may stand in
 * "context" instead; an example's own value comes before it. A model without feature names takes
 * one input under any name, a list of its features. */
#include "protocol/tfserving/tfserving_priv.h"

enum { CONTEXT_BYTES_MAX = 64 << 20 }; /* of the context's texts, written for every example */

/* Writes a row of a model without names. */
static bool fill_unnamed(struct weir_protocol_fill *fill, const char *object, size_t row)
{
    struct weir_codec_json_iter it = weir_codec_json_iter(&fill->decoder->json, object);
    struct weir_str name;
    const char *value;
    if (!weir_codec_json_next_member(&it, &name, &value) || *it.at != '}') {
        (void)weir_protocol_fill_row_error(
            fill, row, "the model was fitted without feature names: expected one input");
        return false;
    }
    if (*value != '[') {
        if (fill->spec->n_features == 1)
            return weir_protocol_columns_cell(fill, value, row, 0) != NULL;
        (void)weir_protocol_fill_row_error(fill, row, "expected a list of %zu values",
                                           fill->spec->n_features);
        return false;
    }
    return (fill->spec->columns ? weir_protocol_cells_fill_row(fill, value, row)
                                : weir_protocol_fill_row(fill, value, row)) != NULL;
}

static bool fill_example(struct weir_protocol_fill *fill, const char *object, const char *context,
                         size_t row)
{
    if (*object != '{') {
        char echo[WEIR_CODEC_JSON_ECHO_BYTES];
        (void)weir_protocol_fill_row_error(
            fill, row, "expected an object of features, got %s",
            weir_codec_json_echo(&fill->decoder->json, object, echo, sizeof echo));
        return false;
    }
    if (!fill->spec->feature_names)
        return fill_unnamed(fill, object, row);
    size_t n_given = 0;
    if (context && !weir_protocol_columns_members(fill, context, row, &n_given))
        return false;
    return weir_protocol_columns_members(fill, object, row, &n_given) &&
           weir_protocol_columns_check(fill, row, n_given);
}

/* Fails unless a member is there and begins so. */
static enum weir_status check_kind(const struct weir_protocol_tfserving_request *r,
                                   const char *member, char bracket, const char *value)
{
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    if (value && *value == bracket)
        return WEIR_OK;
    return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: expected %s, got %s", member,
                          bracket == '[' ? "a list of objects" : "an object",
                          value ? weir_codec_json_echo(&r->decoder->json, value, echo, sizeof echo)
                                : "nothing");
}

/* Finds the room for the context's texts: they are written for every row. */
static enum weir_status find_context_bytes(const struct weir_protocol_tfserving_request *r,
                                           uint64_t n_rows, uint64_t *out)
{
    if (!r->context || !r->spec->columns)
        return WEIR_OK;
    const struct weir_codec_json *json = &r->decoder->json;
    uint64_t bytes = (uint64_t)(weir_codec_json_skip(json, r->context) - r->context) +
                     weir_codec_json_count(json, r->context) * weir_sink_text_bytes(0);
    if (n_rows > CONTEXT_BYTES_MAX / bytes)
        return weir_error_set(r->err, WEIR_ERR_LIMIT,
                              "context: written for every example it takes more than %d bytes",
                              CONTEXT_BYTES_MAX);
    *out = n_rows * bytes;
    return WEIR_OK;
}

enum weir_status weir_protocol_tfserving_examples(const struct weir_protocol_tfserving_request *r)
{
    struct weir_protocol_fill fill = {
        .decoder = r->decoder,
        .spec = r->spec,
        .takes_bools = true,
        .takes_b64 = true,
        .takes_unit_lists = true,
        .key = "examples",
        .err = r->err,
    };
    enum weir_status status = check_kind(r, "examples", '[', r->examples);
    if (status == WEIR_OK && r->context)
        status = check_kind(r, "context", '{', r->context);
    if (status != WEIR_OK)
        return status;
    uint64_t n_rows = weir_codec_json_count(&r->decoder->json, r->examples);
    if (n_rows == 0)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "examples: no rows");
    if (r->spec->feature_names)
        status = weir_protocol_columns_start(r->decoder, r->spec, r->err);
    uint64_t context_bytes = 0;
    if (status == WEIR_OK)
        status = find_context_bytes(r, n_rows, &context_bytes);
    if (status == WEIR_OK)
        status = weir_protocol_tfserving_rows_reserve(r, &fill, n_rows, r->examples,
                                                      (size_t)context_bytes);
    if (status != WEIR_OK)
        return status;
    struct weir_codec_json_iter it = weir_codec_json_iter(&r->decoder->json, r->examples);
    const char *value;
    bool is_filled = true;
    for (size_t row = 0; is_filled && weir_codec_json_next(&it, &value); row++)
        is_filled = fill_example(&fill, value, r->context, row);
    return weir_protocol_tfserving_rows_finish(r, &fill, is_filled);
}
