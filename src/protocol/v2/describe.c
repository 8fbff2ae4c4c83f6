/* SPDX-License-Identifier: MIT */
/* What the routes take and answer, for the description of the interface. */
#include "protocol/v2/v2_priv.h"

const char weir_protocol_v2_describe_schemas[] =
    "\"Tensor\":{\"type\":\"object\",\"required\":[\"name\",\"datatype\",\"shape\"],\"properties\":"
    "{\"name\":{\"type\":\"string\"},\"datatype\":{\"enum\":[\"BOOL\",\"UINT8\",\"UINT16\","
    "\"UINT32\",\"UINT64\",\"INT8\",\"INT16\",\"INT32\",\"INT64\",\"FP16\",\"BF16\",\"FP32\","
    "\"FP64\",\"BYTES\"]},\"shape\":{\"type\":\"array\",\"items\":{\"type\":\"integer\","
    "\"minimum\":0}},\"parameters\":{\"type\":\"object\"},\"data\":{\"type\":\"array\"}}},"
    "\"InferRequest\":{\"type\":\"object\",\"required\":[\"inputs\"],\"properties\":{\"id\":{"
    "\"type\":\"string\"},\"parameters\":{\"type\":\"object\"},\"inputs\":{\"type\":\"array\","
    "\"minItems\":1,\"items\":{\"$ref\":\"#/components/schemas/Tensor\"}},\"outputs\":{\"type\":"
    "\"array\",\"items\":{\"type\":\"object\",\"required\":[\"name\"],\"properties\":{\"name\":{"
    "\"type\":\"string\"},\"parameters\":{\"type\":\"object\"}}}}}},"
    "\"InferResponse\":{\"type\":\"object\",\"required\":[\"model_name\",\"outputs\"],"
    "\"properties\":{\"model_name\":{\"type\":\"string\"},\"model_version\":{\"type\":\"string\"},"
    "\"id\":{\"type\":\"string\"},\"parameters\":{\"type\":\"object\"},\"outputs\":{\"type\":"
    "\"array\",\"items\":{\"$ref\":\"#/components/schemas/Tensor\"}}}},"
    "\"TensorMetadata\":{\"type\":\"object\",\"required\":[\"name\",\"datatype\",\"shape\"],"
    "\"properties\":{\"name\":{\"type\":\"string\"},\"datatype\":{\"type\":\"string\"},\"shape\":{"
    "\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":-1}}}},"
    "\"ModelMetadata\":{\"type\":\"object\",\"required\":[\"name\",\"platform\",\"inputs\","
    "\"outputs\"],\"properties\":{\"name\":{\"type\":\"string\"},\"versions\":{\"type\":\"array\","
    "\"items\":{\"type\":\"string\"}},\"platform\":{\"type\":\"string\"},\"inputs\":{\"type\":"
    "\"array\",\"items\":{\"$ref\":\"#/components/schemas/TensorMetadata\"}},\"outputs\":{\"type\":"
    "\"array\",\"items\":{\"$ref\":\"#/components/schemas/TensorMetadata\"}},\"parameters\":{"
    "\"type\":\"object\"}}},"
    "\"ServerMetadata\":{\"type\":\"object\",\"required\":[\"name\",\"version\",\"extensions\"],"
    "\"properties\":{\"name\":{\"type\":\"string\"},\"version\":{\"type\":\"string\"},"
    "\"extensions\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}},";

static void append_ref(struct weir_buf *out, const char *schema)
{
    weir_buf_printf(out, "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}",
                    schema);
}

/* Appends a request of one row of zeros, for a matrix. */
static void append_example(struct weir_buf *out, const struct weir_spec *spec)
{
    enum { VALUES_MAX = 2000 };
    if (spec->form != WEIR_INPUT_MATRIX || spec->n_features > VALUES_MAX)
        return;
    weir_buf_printf(out,
                    ",\"example\":{\"inputs\":[{\"name\":\"input-0\",\"datatype\":\"FP64\","
                    "\"shape\":[1,%zu],\"data\":[",
                    spec->n_features);
    for (size_t i = 0; i < spec->n_features; i++)
        weir_buf_append_c(out, i > 0 ? ",0" : "0");
    weir_buf_append_c(out, "]}]}");
}

void weir_protocol_v2_describe(const struct weir_protocol_route *route,
                               struct weir_protocol_description *d)
{
    switch (route->action) {
    case WEIR_PROTOCOL_V2_INFER:
        weir_buf_append_c(d->request, "\"application/json\":{\"schema\":{\"$ref\":"
                                      "\"#/components/schemas/InferRequest\"}");
        if (d->spec)
            append_example(d->request, d->spec);
        weir_buf_append_c(d->request, "},\"application/octet-stream\":{}");
        append_ref(d->answer, "InferResponse");
        weir_buf_append_c(d->answer, ",\"application/octet-stream\":{}");
        d->codes[0] = 501;
        return;
    case WEIR_PROTOCOL_V2_MODEL:
        append_ref(d->answer, "ModelMetadata");
        return;
    case WEIR_PROTOCOL_V2_SERVER:
        append_ref(d->answer, "ServerMetadata");
        return;
    default: /* Not an enum here: what is not described is any JSON. */
        return;
    }
}
