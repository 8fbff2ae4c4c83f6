/* SPDX-License-Identifier: MIT */
/* What the routes take and answer, for the description of the interface. */
#include "protocol/schema.h"
#include "protocol/tfserving/tfserving_priv.h"

const char weir_protocol_tfserving_describe_schemas[] =
    "\"VersionStatus\":{\"type\":\"object\",\"required\":[\"version\",\"state\",\"status\"],"
    "\"properties\":{\"version\":{\"type\":\"string\",\"pattern\":\"^[0-9]+$\"},\"state\":{"
    "\"enum\":[\"UNKNOWN\",\"START\",\"LOADING\",\"AVAILABLE\",\"UNLOADING\",\"END\"]},\"status\":{"
    "\"type\":\"object\",\"required\":[\"error_code\",\"error_message\"],\"properties\":{"
    "\"error_code\":{\"type\":\"string\"},\"error_message\":{\"type\":\"string\"}}}}},"
    "\"ModelStatus\":{\"type\":\"object\",\"required\":[\"name\",\"ready\","
    "\"model_version_status\"],\"properties\":{\"name\":{\"type\":\"string\"},\"ready\":{\"type\":"
    "\"boolean\"},\"model_version_status\":{\"type\":\"array\",\"items\":{\"$ref\":"
    "\"#/components/schemas/VersionStatus\"}}}},"
    "\"ModelNames\":{\"type\":\"object\",\"required\":[\"models\"],\"properties\":{\"models\":{"
    "\"type\":\"array\",\"items\":{\"type\":\"string\"}}}},"
    "\"Signatures\":{\"type\":\"object\",\"required\":[\"model_spec\",\"metadata\"],"
    "\"properties\":{\"model_spec\":{\"type\":\"object\"},\"metadata\":{\"type\":\"object\","
    "\"required\":[\"signature_def\"]}}},";

static void append_ref(struct weir_buf *out, const char *schema)
{
    weir_buf_printf(out, "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}",
                    schema);
}

/* Rows, or columns, and the signature that is asked for. */
static void describe_predict(struct weir_protocol_description *d)
{
    struct weir_buf *out = d->request;
    if (!d->spec) {
        weir_buf_append_c(out, "\"application/json\":{\"schema\":{\"type\":\"object\",\"oneOf\":[{"
                               "\"required\":[\"instances\"]},{\"required\":[\"inputs\"]}],"
                               "\"properties\":{\"instances\":{\"type\":\"array\",\"minItems\":1},"
                               "\"signature_name\":{\"type\":\"string\"}}}}");
        weir_buf_append_c(d->answer,
                          "\"application/json\":{\"schema\":{\"type\":\"object\",\"anyOf\":[{"
                          "\"required\":[\"predictions\"]},{\"required\":[\"outputs\"]}],"
                          "\"properties\":{\"predictions\":{\"type\":\"array\"}}}}");
        return;
    }
    weir_buf_append_c(out, "\"application/json\":{\"schema\":{\"oneOf\":[");
    if (!d->spec->tensors) {
        weir_buf_append_c(out, "{\"type\":\"object\",\"required\":[\"instances\"],\"properties\":{"
                               "\"signature_name\":{\"const\":\"" WEIR_PROTOCOL_TFSERVING_DEFAULT
                               "\"},\"inputs\":false,\"instances\":");
        weir_protocol_schema_ref(out, d->model, "rows");
        weir_buf_append_c(out, "}},");
    }
    weir_buf_append_c(out, "{\"type\":\"object\",\"required\":[\"inputs\"],\"properties\":{"
                           "\"signature_name\":{\"const\":\"" WEIR_PROTOCOL_TFSERVING_DEFAULT
                           "\"},\"instances\":false,\"inputs\":");
    weir_protocol_schema_ref(out, d->model, "columns");
    weir_buf_append_c(out, "}}]}");
    size_t before = out->n;
    weir_buf_append_c(out, d->spec->tensors ? ",\"example\":{\"inputs\":"
                                            : ",\"example\":{\"instances\":");
    if (weir_protocol_example_rows(out, d->spec))
        weir_buf_append_byte(out, '}');
    else
        out->n = before;
    weir_buf_append_byte(out, '}');
    weir_buf_append_c(d->answer, "\"application/json\":{\"schema\":{\"type\":\"object\",\"anyOf\":["
                                 "{\"required\":[\"predictions\"]},{\"required\":[\"outputs\"]}]");
    struct weir_protocol_call call = {.n_rows = 0};
    weir_protocol_add_defaults(&call, d->spec);
    if (call.n_outputs == 1) { /* Another signature has other values: theirs are left open. */
        weir_buf_append_c(d->answer, ",\"properties\":{\"predictions\":{\"type\":\"array\"},"
                                     "\"outputs\":{\"type\":\"array\"}}");
    }
    weir_buf_append_c(d->answer, "}}");
}

static void describe_examples(struct weir_protocol_description *d, bool is_regress)
{
    struct weir_buf *out = d->request;
    if (d->spec && !(is_regress ? weir_protocol_tfserving_request_regresses(d->spec)
                                : weir_protocol_tfserving_request_classifies(d->spec))) {
        d->is_unfit = true;
        return;
    }
    bool is_named = d->spec && d->spec->feature_names && !d->spec->tensors;
    weir_buf_append_c(out, "\"application/json\":{\"schema\":{\"type\":\"object\",\"required\":["
                           "\"examples\"],\"properties\":{\"signature_name\":{\"type\":\"string\"},"
                           "\"context\":{\"type\":\"object\"},\"examples\":{\"type\":\"array\","
                           "\"minItems\":1,\"items\":{\"type\":\"object\"");
    if (is_named && d->spec->n_features <= 64) {
        weir_buf_append_c(out, ",\"properties\":{");
        for (size_t i = 0; i < d->spec->n_features; i++) {
            if (i > 0)
                weir_buf_append_byte(out, ',');
            weir_codec_json_append_text(out, d->spec->feature_names[i]);
            weir_buf_append_c(out, ":{\"type\":[\"number\",\"string\",\"boolean\",\"array\","
                                   "\"null\"]}");
        }
        weir_buf_append_byte(out, '}');
    }
    weir_buf_append_c(out, "}}}}}");
    weir_buf_append_c(d->answer, "\"application/json\":{\"schema\":{\"type\":\"object\","
                                 "\"required\":[\"results\"],\"properties\":{\"results\":{\"type\":"
                                 "\"array\",\"items\":");
    weir_buf_append_c(d->answer,
                      is_regress
                          ? "{\"type\":\"number\"}"
                          : "{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":"
                            "[\"string\",\"number\"]},\"minItems\":2,\"maxItems\":2}}");
    weir_buf_append_c(d->answer, "}}}}");
}

void weir_protocol_tfserving_describe(const struct weir_protocol_route *route,
                                      struct weir_protocol_description *d)
{
    switch ((enum weir_protocol_tfserving_action)route->action) {
    case WEIR_PROTOCOL_TFSERVING_PREDICT:
        describe_predict(d);
        return;
    case WEIR_PROTOCOL_TFSERVING_CLASSIFY:
    case WEIR_PROTOCOL_TFSERVING_REGRESS:
        describe_examples(d, route->action == WEIR_PROTOCOL_TFSERVING_REGRESS);
        return;
    case WEIR_PROTOCOL_TFSERVING_ALIVE:
        weir_buf_append_c(d->answer, "\"application/json\":{\"schema\":{\"const\":{\"status\":"
                                     "\"alive\"}}}");
        return;
    case WEIR_PROTOCOL_TFSERVING_MODELS:
        append_ref(d->answer, "ModelNames");
        return;
    case WEIR_PROTOCOL_TFSERVING_STATUS:
        append_ref(d->answer, "ModelStatus");
        return;
    case WEIR_PROTOCOL_TFSERVING_METADATA:
        append_ref(d->answer, "Signatures");
        return;
    case WEIR_PROTOCOL_TFSERVING_EXPLAIN:
        d->codes[0] = 501;
        return;
    }
}
