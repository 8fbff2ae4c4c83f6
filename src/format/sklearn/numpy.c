/* SPDX-License-Identifier: MIT */
/* Functions of numpy that are known by name; nothing of a file is ever called. */
#include "format/sklearn/numpy.h"

#include "base/macros.h"

#include <math.h>

static double square(double x)
{
    return x * x;
}

static double reciprocal(double x)
{
    return 1.0 / x;
}

static double negative(double x)
{
    return -x;
}

static double sign(double x)
{
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x;
}

static double radians(double x)
{
    return x * (M_PI / 180.0);
}

static double degrees(double x)
{
    return x * (180.0 / M_PI);
}

/* numpy's functions of one number that the C library has too. */
static const struct {
    const char *name;
    weir_model_step_fn *fn;
} functions[] = {
    {"absolute", fabs},   {"arccos", acos},       {"arccosh", acosh},
    {"arcsin", asin},     {"arcsinh", asinh},     {"arctan", atan},
    {"arctanh", atanh},   {"cbrt", cbrt},         {"ceil", ceil},
    {"cos", cos},         {"cosh", cosh},         {"deg2rad", radians},
    {"degrees", degrees}, {"exp", exp},           {"exp2", exp2},
    {"expm1", expm1},     {"fabs", fabs},         {"floor", floor},
    {"log", log},         {"log10", log10},       {"log1p", log1p},
    {"log2", log2},       {"negative", negative}, {"positive", NULL},
    {"rad2deg", degrees}, {"radians", radians},   {"reciprocal", reciprocal},
    {"rint", rint},       {"sign", sign},         {"sin", sin},
    {"sinh", sinh},       {"sqrt", sqrt},         {"square", square},
    {"tan", tan},         {"tanh", tanh},         {"trunc", trunc},
};

bool weir_format_sklearn_numpy_find(const struct weir_value *v, weir_model_step_fn **fn)
{
    if (v->kind != WEIR_VALUE_GLOBAL || !weir_str_starts(v->text, WEIR_STR("numpy")))
        return false;
    size_t from = v->text.n;
    while (from > 0 && v->text.at[from - 1] != '.')
        from--;
    struct weir_str name = weir_str_make(v->text.at + from, v->text.n - from);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(functions); i++)
        if (weir_str_eq_c(name, functions[i].name)) {
            *fn = functions[i].fn;
            return true;
        }
    return false;
}
