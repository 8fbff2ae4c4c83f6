/* SPDX-License-Identifier: MIT */
/* What the routes take and answer, for the description of the interface. */
#include "protocol/mlflow/mlflow_priv.h"

#define KEY(name) "{\"required\":[\"" name "\"]}"

static void describe_invocations(struct weir_protocol_description *d)
{
    weir_buf_append_c(
        d->request,
        "\"application/json\":{\"schema\":{\"type\":\"object\",\"oneOf\":[" KEY("dataframe_split") "," KEY(
            "dataframe_records") "," KEY("instances") "," KEY("inputs") "],"
                                                                        "\"properties\":{"
                                                                        "\"dataframe_split\":{"
                                                                        "\"type\":\"object\","
                                                                        "\"required\":["
                                                                        "\"data\"],\"properties\":{"
                                                                        "\"columns\":{\"type\":"
                                                                        "\"array\"},\"index\":{"
                                                                        "\"type\":\"array\"},"
                                                                        "\"data\":{\"type\":"
                                                                        "\"array\"}}},\"dataframe_"
                                                                        "records\":{"
                                                                        "\"type\":\"array\","
                                                                        "\"items\":{\"type\":"
                                                                        "\"object\"}},\"params\":{"
                                                                        "\"type\":"
                                                                        "\"object\"}}}},\"text/"
                                                                        "csv\":{\"schema\":{"
                                                                        "\"type\":\"string\"}},"
                                                                        "\"application/"
                                                                        "jsonlines\":{\"schema\":{"
                                                                        "\"type\":\"string\"}}");
    weir_buf_append_c(d->answer,
                      "\"application/json\":{\"schema\":{\"type\":\"object\",\"required\":["
                      "\"predictions\"]}},\"text/csv\":{\"schema\":{\"type\":\"string\"}},"
                      "\"application/jsonlines\":{\"schema\":{\"type\":\"string\"}}");
    d->error_415 = "\"text/plain\":{\"schema\":{\"type\":\"string\"}}";
}

void weir_protocol_mlflow_describe(const struct weir_protocol_route *route,
                                   struct weir_protocol_description *d)
{
    switch ((enum weir_protocol_mlflow_action)route->action) {
    case WEIR_PROTOCOL_MLFLOW_INVOCATIONS:
        describe_invocations(d);
        return;
    case WEIR_PROTOCOL_MLFLOW_PING:
        d->is_bodiless = true;
        return;
    case WEIR_PROTOCOL_MLFLOW_VERSION:
    case WEIR_PROTOCOL_MLFLOW_EXECUTION:
        return;
    }
}
