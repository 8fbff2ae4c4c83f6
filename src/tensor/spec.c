/* SPDX-License-Identifier: MIT */
#include "tensor/spec.h"

#include "base/macros.h"

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
#define DTYPE_ROW(code, name, size) {name, size},
    WEIR_DTYPE_MAP(DTYPE_ROW)
#undef DTYPE_ROW
};

static const char *const output_names[] = {
#define OUTPUT_ROW(code, name) name,
    WEIR_OUTPUT_MAP(OUTPUT_ROW)
#undef OUTPUT_ROW
};

_Static_assert(WEIR_ARRAY_LEN(output_names) == WEIR_OUTPUT_N, "WEIR_OUTPUT_N counts the outputs");

const char *weir_dtype_name(enum weir_dtype dtype)
{
    weir_assert((size_t)dtype < WEIR_ARRAY_LEN(dtypes));
    return dtypes[dtype].name;
}

size_t weir_dtype_size(enum weir_dtype dtype)
{
    weir_assert((size_t)dtype < WEIR_ARRAY_LEN(dtypes));
    return dtypes[dtype].size;
}

bool weir_dtype_find(struct weir_str name, enum weir_dtype *out)
{
    weir_assert(out);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(dtypes); i++) {
        if (weir_str_eq_c(name, dtypes[i].name)) {
            *out = (enum weir_dtype)i;
            return true;
        }
    }
    return false;
}

const char *weir_output_name(enum weir_output output)
{
    weir_assert((size_t)output < WEIR_OUTPUT_N);
    return output_names[output];
}

enum weir_input_form weir_spec_form(const struct weir_spec *spec)
{
    weir_assert(spec);
    return spec->form;
}

enum weir_column_kind weir_spec_column(const struct weir_spec *spec, size_t i)
{
    weir_assert(spec);
    weir_assert(i < spec->n_features);
    return spec->columns ? (enum weir_column_kind)spec->columns[i] : WEIR_COLUMN_NUMBER;
}

size_t weir_spec_n_features(const struct weir_spec *spec)
{
    weir_assert(spec);
    return spec->n_features;
}

const char *weir_spec_feature_name(const struct weir_spec *spec, size_t i)
{
    weir_assert(spec);
    weir_assert(i < spec->n_features);
    return spec->feature_names ? spec->feature_names[i].at : NULL;
}

size_t weir_spec_n_targets(const struct weir_spec *spec)
{
    weir_assert(spec);
    return spec->n_targets;
}

size_t weir_spec_n_classes(const struct weir_spec *spec, size_t target)
{
    weir_assert(spec);
    weir_assert(target < spec->n_targets);
    return spec->targets[target].n;
}

const char *weir_spec_class_json(const struct weir_spec *spec, size_t target, size_t class_index)
{
    weir_assert(spec);
    weir_assert(target < spec->n_targets);
    weir_assert(class_index < spec->targets[target].n);
    return spec->targets[target].json[class_index].at;
}

bool weir_spec_has_output(const struct weir_spec *spec, enum weir_output output)
{
    weir_assert(spec);
    weir_assert((size_t)output < WEIR_OUTPUT_N);
    return spec->outputs[output].is_given;
}

size_t weir_spec_n_columns(const struct weir_spec *spec, enum weir_output output)
{
    return weir_spec_has_output(spec, output) ? spec->outputs[output].n_columns : 0;
}

const char *weir_spec_estimator(const struct weir_spec *spec)
{
    weir_assert(spec);
    return spec->estimator.at ? spec->estimator.at : "";
}

const char *weir_spec_library(const struct weir_spec *spec)
{
    weir_assert(spec);
    return spec->library.at ? spec->library.at : "";
}

const char *weir_spec_library_version(const struct weir_spec *spec)
{
    weir_assert(spec);
    return spec->library_version.at ? spec->library_version.at : "";
}

enum weir_dtype weir_spec_batch_dtype(const struct weir_spec *spec, enum weir_dtype request)
{
    weir_assert(spec);
    if (spec->form == WEIR_INPUT_FRAME)
        return WEIR_F64; /* cells */
    return spec->casts_to_f32 || request == WEIR_F32 ? WEIR_F32 : WEIR_F64;
}

enum weir_dtype weir_spec_output_dtype(const struct weir_spec *spec, enum weir_output output,
                                       enum weir_dtype batch_dtype)
{
    weir_assert(weir_spec_has_output(spec, output));
    const struct weir_spec_output *o = &spec->outputs[output];
    return o->follows_f32 && batch_dtype == WEIR_F32 ? WEIR_F32 : o->dtype;
}

bool weir_spec_find_output(const struct weir_spec *spec, struct weir_str name,
                           enum weir_output *out)
{
    weir_assert(out);
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        if (weir_str_eq_c(name, output_names[i]) &&
            weir_spec_has_output(spec, (enum weir_output)i)) {
            *out = (enum weir_output)i;
            return true;
        }
    }
    return false;
}

enum weir_output weir_spec_default_output(const struct weir_spec *spec)
{
    static const enum weir_output by_rank[] = {WEIR_OUTPUT_PREDICT, WEIR_OUTPUT_TRANSFORM};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(by_rank); i++) {
        if (weir_spec_has_output(spec, by_rank[i]))
            return by_rank[i];
    }
    for (size_t i = 0; i < WEIR_OUTPUT_N; i++) {
        if (weir_spec_has_output(spec, (enum weir_output)i))
            return (enum weir_output)i;
    }
    return WEIR_OUTPUT_PREDICT;
}

bool weir_spec_is_by_target(const struct weir_spec *spec, enum weir_output output)
{
    weir_assert(spec);
    size_t n = 0;
    for (size_t t = 0; t < spec->n_targets; t++)
        n += spec->targets[t].n;
    return spec->n_targets > 1 && spec->outputs[output].n_columns == n;
}
