/* SPDX-License-Identifier: MIT */
/* Requests of TensorFlow Serving's REST interface and of KServe v1.
 *
 *     {"instances": […]}                 an entry for each row     → {"predictions": […]}
 *     {"inputs": …}                      a tensor, or by name      → {"outputs": …}
 *     {"examples": [{…}, …]}             :classify and :regress    → {"results": […]}
 *
 * with "signature_name" in any of them. Text behind the first JSON value is ignored, as there. */
#include "protocol/tensors_priv.h"
#include "protocol/tfserving/tfserving_priv.h"

#include <string.h>

bool weir_protocol_tfserving_request_classifies(const struct weir_spec *spec)
{
    return spec->form != WEIR_INPUT_TENSORS && spec->n_targets == 1 && spec->targets[0].n > 0 &&
           spec->outputs[WEIR_OUTPUT_PREDICT_PROBA].is_given &&
           spec->outputs[WEIR_OUTPUT_PREDICT_PROBA].n_columns == spec->targets[0].n;
}

bool weir_protocol_tfserving_request_regresses(const struct weir_spec *spec)
{
    const struct weir_spec_output *o = &spec->outputs[WEIR_OUTPUT_PREDICT];
    return spec->form != WEIR_INPUT_TENSORS && o->is_given && o->n_columns == 1 &&
           o->storage == WEIR_STORAGE_F64;
}

static enum weir_status fail_kind(const struct weir_protocol_tfserving_request *r,
                                  const char *member, const char *expected, const char *value)
{
    char echo[WEIR_CODEC_JSON_ECHO_BYTES];
    return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: expected %s, got %s", member, expected,
                          weir_codec_json_echo(&r->decoder->json, value, echo, sizeof echo));
}

/* Notes the members that mean something; others are ignored. */
static enum weir_status read_members(struct weir_protocol_tfserving_request *r)
{
    const struct weir_codec_json *json = &r->decoder->json;
    if (*json->root != '{')
        return fail_kind(r, "body", "an object", json->root);
    const struct {
        struct weir_str name;
        const char **to;
    } members[] = {
        {WEIR_STR("instances"), &r->instances},      {WEIR_STR("inputs"), &r->inputs},
        {WEIR_STR("examples"), &r->examples},        {WEIR_STR("context"), &r->context},
        {WEIR_STR("signature_name"), &r->signature},
    };
    struct weir_codec_json_iter it = weir_codec_json_iter(json, json->root);
    struct weir_str name;
    const char *value;
    while (weir_codec_json_next_member(&it, &name, &value)) {
        for (size_t i = 0; i < WEIR_ARRAY_LEN(members); i++) {
            if (weir_codec_json_string_eq(name, members[i].name))
                *members[i].to = value;
        }
    }
    if (r->signature && *r->signature != '"')
        return fail_kind(r, "signature_name", "a string", r->signature);
    return WEIR_OK;
}

static bool is_signature(struct weir_str name, const char *text)
{
    return weir_codec_json_string_eq(name, weir_str_c(text));
}

static enum weir_status fail_signature(const struct weir_protocol_tfserving_request *r,
                                       struct weir_str name)
{
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_error_set(r->err, WEIR_ERR_INVALID,
                          "the model has no signature \"%s\" for this; /metadata lists them",
                          weir_str_echo(name, echo, sizeof echo));
}

/* Chooses the outputs of :predict: the default ones, or the one that the signature is named after.
 */
static enum weir_status choose_outputs(const struct weir_protocol_tfserving_request *r,
                                       struct weir_str name)
{
    if (name.n == 0 || is_signature(name, WEIR_PROTOCOL_TFSERVING_DEFAULT)) {
        weir_protocol_add_defaults(r->call, r->spec);
        return WEIR_OK;
    }
    struct weir_buf *plain = &r->decoder->text;
    weir_buf_clear(plain);
    weir_codec_json_unescape(name, plain);
    if (!weir_buf_ok(plain))
        return weir_error_set(r->err, WEIR_ERR_NO_MEMORY, "out of memory");
    return weir_protocol_add_named(r->call, r->spec, weir_buf_str(plain), NULL)
               ? WEIR_OK
               : fail_signature(r, name);
}

/* Chooses the output of :classify or :regress. */
static enum weir_status choose_result(const struct weir_protocol_tfserving_request *r,
                                      struct weir_str name, bool is_regress)
{
    bool can = is_regress ? weir_protocol_tfserving_request_regresses(r->spec)
                          : weir_protocol_tfserving_request_classifies(r->spec);
    enum weir_output output = is_regress ? WEIR_OUTPUT_PREDICT : WEIR_OUTPUT_PREDICT_PROBA;
    if (!can)
        return weir_error_set(r->err, WEIR_ERR_INVALID, "%s",
                              is_regress ? "the model gives no single number: it has no signature "
                                           "for :regress"
                                         : "the model gives no probabilities of classes: it has no "
                                           "signature for :classify");
    if (name.n > 0 && !is_signature(name, WEIR_PROTOCOL_TFSERVING_DEFAULT) &&
        !is_signature(name, is_regress ? WEIR_PROTOCOL_TFSERVING_REGRESSION
                                       : WEIR_PROTOCOL_TFSERVING_CLASSIFICATION) &&
        !is_signature(name, weir_output_name(output)))
        return fail_signature(r, name);
    weir_protocol_add_output(r->call, output);
    return WEIR_OK;
}

static enum weir_status decode_tensors(const struct weir_protocol_tfserving_request *r,
                                       const char *value, const char *key)
{
    struct weir_protocol_tensors tensors;
    weir_protocol_tensors_init(&tensors, r->decoder, r->spec, r->sink, r->call, r->err);
    tensors.takes_b64 = true;
    tensors.is_strict = true;
    tensors.ignores_extra = true;
    return weir_protocol_flask_tensors(&tensors, value, key);
}

static enum weir_status decode_predict(const struct weir_protocol_tfserving_request *r)
{
    if (!r->instances == !r->inputs)
        return weir_error_set(r->err, WEIR_ERR_INVALID,
                              r->inputs
                                  ? "both \"instances\" and \"inputs\" are there"
                                  : "\"instances\" (rows) or \"inputs\" (columns) is missing");
    const char *value = r->instances ? r->instances : r->inputs;
    const char *key = r->instances ? "instances" : "inputs";
    if (r->instances && *value != '[')
        return fail_kind(r, key, "a list of rows", value);
    if (*value == '[' && *weir_codec_json_rows_first(value) == ']')
        return weir_error_set(r->err, WEIR_ERR_INVALID, "%s: no rows", key);
    static const uint8_t forms[] = {
        [WEIR_PROTOCOL_COLUMNS_OUTPUTS] = WEIR_PROTOCOL_TFSERVING_COLUMNS,
        [WEIR_PROTOCOL_COLUMNS_PREDICTIONS] = WEIR_PROTOCOL_TFSERVING_ROWS,
        [WEIR_PROTOCOL_COLUMNS_BOTH] = WEIR_PROTOCOL_TFSERVING_ROWS_AND_COLUMNS,
    };
    r->call->form =
        r->instances ? WEIR_PROTOCOL_TFSERVING_ROWS : forms[r->decoder->limits.columns_answer];
    return r->spec->form == WEIR_INPUT_TENSORS ? decode_tensors(r, value, key)
                                               : weir_protocol_tfserving_rows(r, value, key);
}

enum weir_status weir_protocol_tfserving_request_decode(
    struct weir_protocol_decoder *decoder, const struct weir_protocol_head *head,
    const struct weir_spec *spec, struct weir_str body, struct weir_sink *sink,
    struct weir_protocol_call *call, struct weir_error *err)
{
    struct weir_protocol_tfserving_request r = {
        .decoder = decoder, .spec = spec, .sink = sink, .call = call, .err = err};
    /* Not the whole struct: the id's bytes are only read up to id_bytes. */
    memset(call, 0, offsetof(struct weir_protocol_call, id));
    call->dialect = WEIR_PROTOCOL_TFSERVING;
    call->request_dtype = WEIR_F64;
    decoder->json.limits = decoder->limits.json;
    decoder->json.limits.allows_nonfinite = true;
    decoder->json.limits.ignores_tail = true;
    enum weir_status status = weir_codec_json_scan(&decoder->json, body, err);
    if (status == WEIR_OK)
        status = read_members(&r);
    if (status != WEIR_OK)
        return status;
    struct weir_str name = r.signature ? weir_codec_json_string(r.signature) : WEIR_STR("");
    if (head->action == WEIR_PROTOCOL_TFSERVING_PREDICT) {
        status = choose_outputs(&r, name);
        return status == WEIR_OK ? decode_predict(&r) : status;
    }
    bool is_regress = head->action == WEIR_PROTOCOL_TFSERVING_REGRESS;
    call->form = is_regress ? WEIR_PROTOCOL_TFSERVING_VALUES : WEIR_PROTOCOL_TFSERVING_CLASSES;
    status = choose_result(&r, name, is_regress);
    return status == WEIR_OK ? weir_protocol_tfserving_examples(&r) : status;
}
