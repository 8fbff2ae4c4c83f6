/* SPDX-License-Identifier: MIT */
/* Any bytes as a model file: read, described, built into a model if they make one, and the model
 * run once. Small limits, so that the fuzzer looks for defects and not for the limits. */
#include "format/format.h"
#include <weir/model.h>

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct weir_format_opts opts = {
    .version = WEIR_FORMAT_OPTS_VERSION,
    .inflated_bytes_max = 4 << 20,
    .tree_bytes_max = 32 << 20,
    .model_bytes_max = 32 << 20,
    .n_ops_max = 1 << 20,
    .n_memo_max = 1 << 16,
    .n_stack_max = 1 << 16,
};

enum { N_VALUES_MAX = 4096 };

/* Any status is right here: only crashes count. */
static void ignore(enum weir_status status)
{
    (void)status;
}

static void run_once(const struct weir_model *model)
{
    const struct weir_spec *spec = weir_model_spec(model);
    size_t n_features = weir_spec_n_features(spec);
    size_t n_columns = weir_spec_n_columns(spec, WEIR_OUTPUT_PREDICT);
    if (n_features > N_VALUES_MAX || n_columns > N_VALUES_MAX)
        return;
    double *x = calloc(n_features ? n_features : 1, sizeof *x);
    double *out = calloc(n_columns ? n_columns : 1, sizeof *out);
    if (x && out)
        ignore(weir_model_predict(model, x, 1, n_features, WEIR_OUTPUT_PREDICT, out, NULL));
    free(x);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_model *model = NULL;
    struct weir_error err = WEIR_ERROR_INIT;
    struct weir_buf text = WEIR_BUF_INIT;
    enum weir_format_describe how =
        size % 2 ? WEIR_FORMAT_DESCRIBE_TEXT : WEIR_FORMAT_DESCRIBE_JSON;
    ignore(weir_format_describe_bytes(&text, data, size, NULL, how, &opts, &err));
    weir_buf_deinit(&text);
    if (weir_format_load_bytes(&model, data, size, NULL, &opts, &err) == WEIR_OK)
        run_once(model);
    weir_model_free(model);
    return 0;
}
