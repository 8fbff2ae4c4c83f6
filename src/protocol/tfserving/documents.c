/* SPDX-License-Identifier: MIT */
/* Documents: what lives, which models there are, their states, and what they take and give. */
#include "protocol/tfserving/tfserving_priv.h"

/* --- states --------------------------------------------------------------------------------- */

/* TensorFlow Serving's word for a state of ours. */
static const char *state_name(struct weir_str state)
{
    static const struct {
        const char *ours;
        const char *theirs;
    } states[] = {
        {"ready", "AVAILABLE"},    {"orphaned", "AVAILABLE"}, {"seen", "START"},
        {"settling", "START"},     {"loading", "LOADING"},    {"checking", "LOADING"},
        {"retiring", "UNLOADING"}, {"gone", "END"},           {"failed", "END"},
        {"held", "END"},
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(states); i++) {
        if (weir_str_eq_c(state, states[i].ours))
            return states[i].theirs;
    }
    return "UNKNOWN";
}

static void write_state(struct weir_buf *buf, const struct weir_protocol_version *v)
{
    bool is_failed = weir_str_eq_c(v->state, "failed");
    weir_buf_append_c(buf, "{\"version\":\"");
    weir_buf_append_u64(buf, v->number);
    weir_buf_append_c(buf, "\",\"state\":\"");
    weir_buf_append_c(buf, state_name(v->state));
    weir_buf_append_c(buf, "\",\"status\":{\"error_code\":\"");
    weir_buf_append_c(buf, is_failed ? "INVALID_ARGUMENT" : "OK");
    weir_buf_append_c(buf, "\",\"error_message\":");
    weir_codec_json_append_text(buf, is_failed ? v->reason : WEIR_STR(""));
    weir_buf_append_c(buf, "}}");
}

/* Writes the states of all versions, or of the one with a number (NULL: all); returns how many
 * there were. */
static size_t write_states(struct weir_buf *buf, const struct weir_protocol_catalog *catalog,
                           const struct weir_protocol_model *model, const uint64_t *number)
{
    size_t n = 0;
    weir_buf_append_byte(buf, '[');
    for (size_t i = 0; i < model->n_versions; i++) {
        struct weir_protocol_version v;
        catalog->ops->version(catalog, model, i, &v);
        if (number && v.number != *number)
            continue;
        if (n++ > 0)
            weir_buf_append_byte(buf, ',');
        write_state(buf, &v);
    }
    weir_buf_append_byte(buf, ']');
    return n;
}

/* The states as TensorFlow Serving tells them, "name" and "ready" as KServe does. A model that is
 * known but does not serve is 503 for KServe's client; the body still has the states. */
static enum weir_status status_page(const struct weir_protocol_question *question,
                                    const struct weir_protocol_catalog *catalog,
                                    struct weir_protocol_page *page, struct weir_error *err)
{
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    struct weir_error why = WEIR_ERROR_INIT;
    struct weir_protocol_target target = question->target;
    uint64_t number = 0;
    bool is_number = weir_str_to_u64(target.version, UINT64_MAX, &number);
    enum weir_status status = catalog->ops->find(catalog, &target, &model, &version, &why);
    bool is_ready = status == WEIR_OK;
    if (status == WEIR_ERR_NOT_FOUND && is_number) {
        /* It may be known without serving. */
        target.version = WEIR_STR("");
        status = catalog->ops->find(catalog, &target, &model, &version, NULL);
    }
    if (status != WEIR_OK && status != WEIR_ERR_BUSY)
        return weir_error_set(err, why.code, "%s", why.msg);
    bool is_one = question->target.version.n > 0;
    if (is_ready && is_one)
        number = version.number; /* A label's too. */
    struct weir_buf *buf = page->body;
    weir_buf_append_c(buf, "{\"name\":");
    weir_codec_json_append_text(buf, model.name);
    weir_buf_append_c(buf, is_ready ? ",\"ready\":true" : ",\"ready\":false");
    if (!is_ready) {
        page->status = 503;
        weir_buf_append_c(buf, ",\"error\":");
        weir_codec_json_append_text(buf, weir_str_c(why.msg));
    }
    weir_buf_append_c(buf, ",\"model_version_status\":");
    if (write_states(buf, catalog, &model, is_one ? &number : NULL) == 0 && is_one)
        return weir_error_set(err, WEIR_ERR_NOT_FOUND, "%s", why.msg);
    weir_buf_append_byte(buf, '}');
    return WEIR_OK;
}

/* --- metadata ------------------------------------------------------------------------------- */

static const char *dtype_name(enum weir_dtype dtype)
{
    static const char *const names[] = {
        [WEIR_BOOL] = "DT_BOOL",  [WEIR_U8] = "DT_UINT8",      [WEIR_U16] = "DT_UINT16",
        [WEIR_U32] = "DT_UINT32", [WEIR_U64] = "DT_UINT64",    [WEIR_I8] = "DT_INT8",
        [WEIR_I16] = "DT_INT16",  [WEIR_I32] = "DT_INT32",     [WEIR_I64] = "DT_INT64",
        [WEIR_F16] = "DT_HALF",   [WEIR_BF16] = "DT_BFLOAT16", [WEIR_F32] = "DT_FLOAT",
        [WEIR_F64] = "DT_DOUBLE", [WEIR_BYTES] = "DT_STRING",
    };
    return names[dtype];
}

/* Appends `"name":{…}`, the description of a tensor; n_dims < 0: of any number. */
static void write_tensor(struct weir_buf *buf, bool is_first, struct weir_str name,
                         enum weir_dtype dtype, const int64_t *dims, int32_t n_dims)
{
    if (!is_first)
        weir_buf_append_byte(buf, ',');
    weir_codec_json_append_text(buf, name);
    weir_buf_append_c(buf, ":{\"dtype\":\"");
    weir_buf_append_c(buf, dtype_name(dtype));
    weir_buf_append_c(buf, "\",\"tensor_shape\":{\"dim\":[");
    for (int32_t i = 0; i < n_dims; i++) {
        weir_buf_append_c(buf, i > 0 ? ",{\"size\":\"" : "{\"size\":\"");
        weir_buf_append_i64(buf, dims[i]);
        weir_buf_append_c(buf, "\",\"name\":\"\"}");
    }
    weir_buf_append_c(buf, n_dims < 0 ? "],\"unknown_rank\":true},\"name\":"
                                      : "],\"unknown_rank\":false},\"name\":");
    weir_codec_json_append_text(buf, name);
    weir_buf_append_byte(buf, '}');
}

static void write_inputs(struct weir_buf *buf, const struct weir_spec *spec)
{
    if (spec->form == WEIR_INPUT_TENSORS) {
        for (size_t i = 0; i < spec->tensors->n_inputs; i++) {
            const struct weir_tensor_info *in = &spec->tensors->inputs[i];
            write_tensor(buf, i == 0, weir_str_c(in->name), in->dtype, in->dims, in->n_dims);
        }
        return;
    }
    /* The type that loses nothing: what the model casts to at once, or double. */
    enum weir_dtype dtype = weir_spec_batch_dtype(spec, WEIR_F64);
    int64_t dims[2] = {-1, (int64_t)spec->n_features};
    if (!spec->feature_names) {
        write_tensor(buf, true, spec->input_name.n > 0 ? spec->input_name : WEIR_STR("inputs"),
                     spec->columns ? WEIR_BYTES : dtype, dims, 2);
        return;
    }
    for (size_t i = 0; i < spec->n_features; i++) {
        bool is_text = spec->columns && spec->columns[i] != WEIR_COLUMN_NUMBER;
        write_tensor(buf, i == 0, spec->feature_names[i], is_text ? WEIR_BYTES : dtype, dims, 1);
    }
}

static void write_output(struct weir_buf *buf, bool is_first, const struct weir_spec *spec,
                         enum weir_output output, struct weir_str name)
{
    const struct weir_spec_output *o = &spec->outputs[output];
    int64_t dims[2] = {-1, o->n_columns};
    write_tensor(buf, is_first, name,
                 weir_spec_output_dtype(spec, output, weir_spec_batch_dtype(spec, WEIR_F64)), dims,
                 o->is_vector ? 1 : 2);
}

/* Appends what :predict answers for a call's outputs. */
static void write_outputs(struct weir_buf *buf, const struct weir_spec *spec,
                          const struct weir_protocol_call *call)
{
    bool is_first = true;
    for (size_t i = 0; spec->tensors && i < spec->tensors->n_outputs; i++) {
        const struct weir_tensor_info *out = &spec->tensors->outputs[i];
        if (!(call->tensors & UINT64_C(1) << i))
            continue;
        write_tensor(buf, is_first, weir_str_c(out->name), out->dtype, out->dims, out->n_dims);
        is_first = false;
    }
    for (size_t i = 0; i < call->n_outputs; i++) {
        enum weir_output output = (enum weir_output)call->outputs[i];
        write_output(buf, i == 0, spec, output,
                     call->by_alias & 1u << output ? spec->outputs[output].alias
                                                   : weir_str_c(weir_output_name(output)));
    }
}

static void begin_signature(struct weir_buf *buf, const struct weir_spec *spec, bool is_first,
                            struct weir_str name)
{
    if (!is_first)
        weir_buf_append_byte(buf, ',');
    weir_codec_json_append_text(buf, name);
    weir_buf_append_c(buf, ":{\"inputs\":{");
    write_inputs(buf, spec);
    weir_buf_append_c(buf, "},\"outputs\":{");
}

static void end_signature(struct weir_buf *buf, const char *method)
{
    weir_buf_append_c(buf, "},\"method_name\":\"tensorflow/serving/");
    weir_buf_append_c(buf, method);
    weir_buf_append_c(buf, "\",\"defaults\":{}}");
}

/* Appends the signature of one output. */
static void write_signature(struct weir_buf *buf, const struct weir_spec *spec,
                            struct weir_str name)
{
    struct weir_protocol_call call = {.n_rows = 0};
    if (!weir_protocol_add_named(&call, spec, name, NULL))
        return;
    begin_signature(buf, spec, false, name);
    write_outputs(buf, spec, &call);
    end_signature(buf, "predict");
}

/* Every name that "signature_name" may have. */
static void write_signatures(struct weir_buf *buf, const struct weir_spec *spec)
{
    struct weir_protocol_call call = {.n_rows = 0};
    weir_protocol_add_defaults(&call, spec);
    begin_signature(buf, spec, true, WEIR_STR(WEIR_PROTOCOL_TFSERVING_DEFAULT));
    write_outputs(buf, spec, &call);
    end_signature(buf, "predict");
    for (size_t i = 0; spec->tensors && i < spec->tensors->n_outputs; i++)
        write_signature(buf, spec, weir_str_c(spec->tensors->outputs[i].name));
    for (size_t i = 0; !spec->tensors && i < WEIR_OUTPUT_N; i++) {
        const struct weir_spec_output *o = &spec->outputs[i];
        if (o->is_given && o->alias.n > 0)
            write_signature(buf, spec, o->alias);
        if (o->is_given)
            write_signature(buf, spec, weir_str_c(weir_output_name((enum weir_output)i)));
    }
    if (weir_protocol_tfserving_request_classifies(spec)) {
        int64_t dims[2] = {-1, (int64_t)spec->targets[0].n};
        begin_signature(buf, spec, false, WEIR_STR(WEIR_PROTOCOL_TFSERVING_CLASSIFICATION));
        write_tensor(buf, true, WEIR_STR("classes"), WEIR_BYTES, dims, 2);
        write_output(buf, false, spec, WEIR_OUTPUT_PREDICT_PROBA, WEIR_STR("scores"));
        end_signature(buf, "classify");
    }
    if (weir_protocol_tfserving_request_regresses(spec)) {
        begin_signature(buf, spec, false, WEIR_STR(WEIR_PROTOCOL_TFSERVING_REGRESSION));
        write_output(buf, true, spec, WEIR_OUTPUT_PREDICT, WEIR_STR("outputs"));
        end_signature(buf, "regress");
    }
}

static enum weir_status metadata_page(const struct weir_protocol_question *question,
                                      const struct weir_protocol_catalog *catalog,
                                      struct weir_buf *buf, struct weir_error *err)
{
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    enum weir_status status = catalog->ops->find(catalog, &question->target, &model, &version, err);
    if (status != WEIR_OK)
        return status;
    weir_buf_append_c(buf, "{\"model_spec\":{\"name\":");
    weir_codec_json_append_text(buf, model.name);
    weir_buf_append_c(buf, ",\"signature_name\":\"\",\"version\":\"");
    weir_buf_append_u64(buf, version.number);
    weir_buf_append_c(buf, "\"},\"metadata\":{\"signature_def\":{\"signature_def\":{");
    write_signatures(buf, version.spec);
    weir_buf_append_c(buf, "}}}}");
    return WEIR_OK;
}

/* --- the rest ------------------------------------------------------------------------------- */

static enum weir_status explain_page(const struct weir_protocol_question *question,
                                     const struct weir_protocol_catalog *catalog,
                                     struct weir_protocol_page *page, struct weir_error *err)
{
    struct weir_protocol_model model;
    struct weir_protocol_version version;
    enum weir_status status = catalog->ops->find(catalog, &question->target, &model, &version, err);
    if (status != WEIR_OK)
        return status;
    page->status = 501;
    weir_protocol_error(page->body, WEIR_STR("the model has no explainer"));
    return WEIR_OK;
}

enum weir_status
weir_protocol_tfserving_documents_page(const struct weir_protocol_question *question,
                                       const struct weir_protocol_catalog *catalog,
                                       struct weir_protocol_page *page, struct weir_error *err)
{
    switch ((enum weir_protocol_tfserving_action)question->route->action) {
    case WEIR_PROTOCOL_TFSERVING_ALIVE:
        weir_buf_append_c(page->body, "{\"status\":\"alive\"}");
        return WEIR_OK;
    case WEIR_PROTOCOL_TFSERVING_MODELS:
        weir_protocol_write_models(page->body, catalog);
        return WEIR_OK;
    case WEIR_PROTOCOL_TFSERVING_STATUS:
        return status_page(question, catalog, page, err);
    case WEIR_PROTOCOL_TFSERVING_METADATA:
        return metadata_page(question, catalog, page->body, err);
    case WEIR_PROTOCOL_TFSERVING_EXPLAIN:
        return explain_page(question, catalog, page, err);
    case WEIR_PROTOCOL_TFSERVING_PREDICT:
    case WEIR_PROTOCOL_TFSERVING_CLASSIFY:
    case WEIR_PROTOCOL_TFSERVING_REGRESS:
        break;
    }
    return weir_error_set(err, WEIR_ERR_INTERNAL, "not a page");
}
