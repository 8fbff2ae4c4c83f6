/* SPDX-License-Identifier: MIT */
#include "format/pickle_names.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static const struct {
    const char *module;
    const char *name;
    enum weir_format_pickle_role role;
} rows[] = {
    /* every role, and with it both ends and the middle of the table that is searched by halving */
    {"_codecs", "encode", WEIR_FORMAT_PICKLE_ENCODE},
    {"builtins", "bool", WEIR_FORMAT_PICKLE_VALUE},
    {"builtins", "bytes", WEIR_FORMAT_PICKLE_BYTES},
    {"builtins", "bytearray", WEIR_FORMAT_PICKLE_BYTES},
    {"builtins", "set", WEIR_FORMAT_PICKLE_SET},
    {"builtins", "frozenset", WEIR_FORMAT_PICKLE_SET},
    {"builtins", "slice", WEIR_FORMAT_PICKLE_RECORD},
    {"builtins", "object", WEIR_FORMAT_PICKLE_RECORD},
    {"collections", "OrderedDict", WEIR_FORMAT_PICKLE_DICT},
    {"copyreg", "_reconstructor", WEIR_FORMAT_PICKLE_RECONSTRUCTOR},
    {"functools", "partial", WEIR_FORMAT_PICKLE_RECORD},
    {"joblib.numpy_pickle", "NumpyArrayWrapper", WEIR_FORMAT_PICKLE_WRAPPER},
    {"joblib.numpy_pickle", "ZNDArrayWrapper", WEIR_FORMAT_PICKLE_REFUSED_OLD},
    {"numpy", "dtype", WEIR_FORMAT_PICKLE_DTYPE},
    {"numpy", "ndarray", WEIR_FORMAT_PICKLE_NDARRAY},
    {"numpy.core.multiarray", "_reconstruct", WEIR_FORMAT_PICKLE_RECONSTRUCT},
    {"numpy._core.multiarray", "_reconstruct", WEIR_FORMAT_PICKLE_RECONSTRUCT},
    {"numpy.core.multiarray", "scalar", WEIR_FORMAT_PICKLE_SCALAR},
    {"numpy._core.multiarray", "scalar", WEIR_FORMAT_PICKLE_SCALAR},
    {"numpy.core.numeric", "_frombuffer", WEIR_FORMAT_PICKLE_FROMBUFFER},
    {"numpy._core.numeric", "_frombuffer", WEIR_FORMAT_PICKLE_FROMBUFFER},
    {"numpy.core", "_ufunc_reconstruct", WEIR_FORMAT_PICKLE_UFUNC},
    {"sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper", WEIR_FORMAT_PICKLE_WRAPPER},
    {"sklearn.externals.joblib.numpy_pickle", "ZNDArrayWrapper", WEIR_FORMAT_PICKLE_REFUSED_OLD},
    {"numpy", "absolute", WEIR_FORMAT_PICKLE_VALUE},
    {"numpy", "float64", WEIR_FORMAT_PICKLE_VALUE},
    {"numpy", "log1p", WEIR_FORMAT_PICKLE_VALUE},
    {"numpy", "void", WEIR_FORMAT_PICKLE_VALUE},
    {"numpy._core._multiarray_umath", "log1p", WEIR_FORMAT_PICKLE_VALUE},
    {"sklearn.linear_model._logistic", "LogisticRegression", WEIR_FORMAT_PICKLE_RECORD},
    {"sklearn.tree._tree", "Tree", WEIR_FORMAT_PICKLE_RECORD},
    {"imblearn.pipeline", "Pipeline", WEIR_FORMAT_PICKLE_RECORD},
    {"scipy.sparse._csr", "csr_matrix", WEIR_FORMAT_PICKLE_RECORD},
    {"numpy.random._pickle", "__randomstate_ctor", WEIR_FORMAT_PICKLE_RECORD},
    {"numpy.ma.core", "_mareconstruct", WEIR_FORMAT_PICKLE_RECORD},
    {"xgboost.sklearn", "XGBClassifier", WEIR_FORMAT_PICKLE_RECORD},
    {"xgboost.core", "Booster", WEIR_FORMAT_PICKLE_RECORD},
    {"lightgbm.basic", "Booster", WEIR_FORMAT_PICKLE_RECORD},
    /* what scanners were tricked with */
    {"os", "system", WEIR_FORMAT_PICKLE_REFUSED},
    {"builtins", "eval", WEIR_FORMAT_PICKLE_REFUSED},
    {"builtins", "getattr", WEIR_FORMAT_PICKLE_REFUSED},
    {"builtins", "__import__", WEIR_FORMAT_PICKLE_REFUSED},
    {"operator", "methodcaller", WEIR_FORMAT_PICKLE_REFUSED},
    {"runpy", "run_module", WEIR_FORMAT_PICKLE_REFUSED},
    {"numpy", "load", WEIR_FORMAT_PICKLE_REFUSED},
    {"numpy", "fromfile", WEIR_FORMAT_PICKLE_REFUSED},
    {"numpy.testing._private.utils", "runstring", WEIR_FORMAT_PICKLE_REFUSED},
    {"numpy.f2py.crackfortran", "getlincoef", WEIR_FORMAT_PICKLE_REFUSED},
    {"numpy.core", "multiarray", WEIR_FORMAT_PICKLE_REFUSED},
    {"_io", "FileIO", WEIR_FORMAT_PICKLE_REFUSED},
    {"__main__", "Model", WEIR_FORMAT_PICKLE_REFUSED},
    {"cloudpickle.cloudpickle", "_make_function", WEIR_FORMAT_PICKLE_REFUSED},
    {"dill._dill", "_create_type", WEIR_FORMAT_PICKLE_REFUSED},
    {"pandas.core.frame", "DataFrame", WEIR_FORMAT_PICKLE_REFUSED},
    {"types", "FunctionType", WEIR_FORMAT_PICKLE_REFUSED},
    {"joblib.memory", "MemorizedFunc", WEIR_FORMAT_PICKLE_REFUSED},
    {"joblib", "load", WEIR_FORMAT_PICKLE_REFUSED},
    /* names that only look like a family */
    {"sklearnx", "C", WEIR_FORMAT_PICKLE_REFUSED},
    {"sklearn", "a.b", WEIR_FORMAT_PICKLE_REFUSED},
    {"sklearn.", "C", WEIR_FORMAT_PICKLE_REFUSED},
    {"sklearn..x", "C", WEIR_FORMAT_PICKLE_REFUSED},
    {"sklearn.1x", "C", WEIR_FORMAT_PICKLE_REFUSED},
    {"sklearn.x", "", WEIR_FORMAT_PICKLE_REFUSED},
    {"", "C", WEIR_FORMAT_PICKLE_REFUSED},
    {"sklearn.x", "a b", WEIR_FORMAT_PICKLE_REFUSED},
    {"sklearn.x", "\xc3\xa9", WEIR_FORMAT_PICKLE_REFUSED},
};

ParameterizedTestParameters(format_pickle_names, names_have_their_roles)
{
    static size_t index[sizeof rows / sizeof rows[0]];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        index[i] = i;
    return cr_make_param_array(size_t, index, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(size_t *row, format_pickle_names, names_have_their_roles)
{
    cr_assert_eq(
        weir_format_pickle_names_find(weir_str_c(rows[*row].module), weir_str_c(rows[*row].name)),
        rows[*row].role, "%s.%s", rows[*row].module, rows[*row].name);
}

Test(format_pickle_names, names_of_python_2_become_those_of_python_3)
{
    struct weir_str module = WEIR_STR("__builtin__"), name = WEIR_STR("xrange");
    weir_format_pickle_names_modern(&module, &name);
    cr_assert(weir_str_eq_c(module, "builtins"));
    cr_assert(weir_str_eq_c(name, "range"));
    module = WEIR_STR("copy_reg");
    name = WEIR_STR("_reconstructor");
    weir_format_pickle_names_modern(&module, &name);
    cr_assert(weir_str_eq_c(module, "copyreg"));
    module = WEIR_STR("os");
    weir_format_pickle_names_modern(&module, &name);
    cr_assert(weir_str_eq_c(module, "os"));
}
