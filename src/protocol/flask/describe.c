/* SPDX-License-Identifier: MIT */
/* What the routes take and answer, for the description of the interface. */
#include "protocol/flask/flask.h"
#include "protocol/protocol_priv.h"
#include "protocol/schema.h"

/* The keys of answers, by the output that a route asks for. */
static const char *const answer_keys[WEIR_OUTPUT_N] = {
    [WEIR_OUTPUT_PREDICT] = "prediction",         [WEIR_OUTPUT_PREDICT_PROBA] = "probabilities",
    [WEIR_OUTPUT_DECISION_FUNCTION] = "decision", [WEIR_OUTPUT_TRANSFORM] = "transformed",
    [WEIR_OUTPUT_SCORE_SAMPLES] = "scores",
};

static void describe_request(struct weir_protocol_description *d)
{
    struct weir_buf *out = d->request;
    weir_buf_append_c(out, "\"application/json\":{\"schema\":{\"type\":\"object\",\"required\":["
                           "\"features\"],\"properties\":{\"features\":");
    if (d->spec)
        weir_protocol_schema_ref(out, d->model, "rows");
    else
        weir_buf_append_c(out, "{\"type\":[\"array\",\"object\",\"string\"]}");
    weir_buf_append_c(out, "}}");
    size_t before = out->n;
    weir_buf_append_c(out, ",\"example\":");
    if (!d->spec || !weir_protocol_example(out, d->spec))
        out->n = before;
    weir_buf_append_byte(out, '}');
}

void weir_protocol_flask_describe(const struct weir_protocol_route *route,
                                  struct weir_protocol_description *d)
{
    struct weir_buf *out = d->answer;
    enum weir_output output = (enum weir_output)route->action;
    const char *key = answer_keys[output];
    weir_assert(key);
    if (d->spec && output != WEIR_OUTPUT_PREDICT &&
        (d->spec->tensors || !weir_spec_has_output(d->spec, output))) {
        d->is_unfit = true;
        return;
    }
    describe_request(d);
    weir_buf_printf(out,
                    "\"application/json\":{\"schema\":{\"type\":\"object\",\"%s\":[{\"required\":["
                    "\"%s\"]}%s],\"properties\":{\"%s\":",
                    output == WEIR_OUTPUT_PREDICT ? "anyOf" : "allOf", key,
                    output == WEIR_OUTPUT_PREDICT ? ",{\"required\":[\"y\"]}" : "", key);
    bool is_plain = d->spec && !d->spec->tensors && !weir_spec_is_by_target(d->spec, output);
    if (d->spec && output == WEIR_OUTPUT_PREDICT)
        output = weir_spec_default_output(d->spec);
    if (is_plain && weir_spec_has_output(d->spec, output)) {
        weir_buf_append_c(out, "{\"type\":\"array\",\"minItems\":1,\"items\":");
        weir_protocol_schema_ref(out, d->model, weir_output_name(output));
        weir_buf_append_byte(out, '}');
    } else if (d->spec && d->spec->tensors) {
        weir_protocol_schema_ref(out, d->model, "output.0");
    } else {
        weir_buf_append_c(out, "{\"type\":\"array\"}");
    }
    weir_buf_append_c(out, "}}}");
}
