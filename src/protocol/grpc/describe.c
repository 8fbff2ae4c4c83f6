/* SPDX-License-Identifier: MIT */
#include "protocol/grpc/describe.h"

#include "base/macros.h"

static void describe_infos(const struct weir_tensor_info *infos, size_t n,
                           weir_protocol_grpc_describe_fn *fn, void *ctx)
{
    static const int64_t any[] = {-1}; /* any number of dimensions: there is no word for it */
    for (size_t i = 0; i < n; i++)
        fn(ctx, weir_str_c(infos[i].name), infos[i].dtype,
           infos[i].n_dims < 0 ? any : infos[i].dims,
           infos[i].n_dims < 0 ? 1 : (size_t)infos[i].n_dims);
}

void weir_protocol_grpc_describe_inputs(const struct weir_spec *spec,
                                        weir_protocol_grpc_describe_fn *fn, void *ctx)
{
    weir_assert(spec);
    int64_t dims[] = {-1, (int64_t)spec->n_features};
    struct weir_str name = spec->input_name.n > 0 ? spec->input_name : WEIR_STR("input-0");
    switch (spec->form) {
    case WEIR_INPUT_TENSORS:
        describe_infos(spec->tensors->inputs, spec->tensors->n_inputs, fn, ctx);
        return;
    case WEIR_INPUT_MATRIX:
        /* The type that loses nothing: what the model casts to at once, or double. */
        fn(ctx, name, weir_spec_batch_dtype(spec, WEIR_F64), dims, 2);
        return;
    case WEIR_INPUT_FRAME:
        break;
    }
    if (!spec->feature_names)
        fn(ctx, name, WEIR_BYTES, dims, 2);
    dims[1] = 1;
    for (size_t i = 0; spec->feature_names && i < spec->n_features; i++)
        fn(ctx, spec->feature_names[i],
           spec->columns[i] == WEIR_COLUMN_NUMBER ? WEIR_F64 : WEIR_BYTES, dims, 2);
}

void weir_protocol_grpc_describe_outputs(const struct weir_spec *spec,
                                         weir_protocol_grpc_describe_fn *fn, void *ctx)
{
    weir_assert(spec);
    if (spec->tensors) {
        describe_infos(spec->tensors->outputs, spec->tensors->n_outputs, fn, ctx);
        return;
    }
    enum weir_dtype dtype = weir_spec_batch_dtype(spec, WEIR_F64);
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        enum weir_output output = (enum weir_output)i;
        const struct weir_spec_output *o = &spec->outputs[i];
        int64_t dims[] = {-1, o->n_columns};
        if (o->is_given)
            fn(ctx, o->alias.n > 0 ? o->alias : weir_str_c(weir_output_name(output)),
               weir_spec_output_dtype(spec, output, dtype), dims, o->is_vector ? 1 : 2);
    }
}
