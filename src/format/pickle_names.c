/* SPDX-License-Identifier: MIT */
/* The allow-list of names.
 *
 * Four families are taken whole, since nothing of them is ever called: scikit-learn, imbalanced-
 * learn, scipy, and the two boosting libraries. Their private modules move from version to version,
 * so that a list of modules would only refuse good files. All other names are listed one by one. */
#include "format/pickle_names.h"

#include "base/macros.h"

#include <stdlib.h>

enum { NAME_BYTES_MAX = 512 };

struct row {
    const char *module;
    const char *name;
    enum weir_format_pickle_role role;
};

/* Sorted by module, then name: looked up by halving. tests/unit/test_format_pickle_names.c checks
 * the order. */
static const struct row rows[] = {
    {"_codecs", "encode", WEIR_FORMAT_PICKLE_ENCODE},
    {"builtins", "bool", WEIR_FORMAT_PICKLE_VALUE},
    {"builtins", "bytearray", WEIR_FORMAT_PICKLE_BYTES},
    {"builtins", "bytes", WEIR_FORMAT_PICKLE_BYTES},
    {"builtins", "dict", WEIR_FORMAT_PICKLE_VALUE},
    {"builtins", "float", WEIR_FORMAT_PICKLE_VALUE},
    {"builtins", "frozenset", WEIR_FORMAT_PICKLE_SET},
    {"builtins", "int", WEIR_FORMAT_PICKLE_VALUE},
    {"builtins", "list", WEIR_FORMAT_PICKLE_VALUE},
    {"builtins", "object", WEIR_FORMAT_PICKLE_RECORD},
    {"builtins", "range", WEIR_FORMAT_PICKLE_RECORD},
    {"builtins", "set", WEIR_FORMAT_PICKLE_SET},
    {"builtins", "slice", WEIR_FORMAT_PICKLE_RECORD},
    {"builtins", "str", WEIR_FORMAT_PICKLE_VALUE},
    {"builtins", "tuple", WEIR_FORMAT_PICKLE_VALUE},
    {"collections", "OrderedDict", WEIR_FORMAT_PICKLE_DICT},
    {"collections", "defaultdict", WEIR_FORMAT_PICKLE_DICT},
    {"copyreg", "_reconstructor", WEIR_FORMAT_PICKLE_RECONSTRUCTOR},
    {"functools", "partial", WEIR_FORMAT_PICKLE_RECORD},
    {"joblib.numpy_pickle", "NDArrayWrapper", WEIR_FORMAT_PICKLE_REFUSED_OLD},
    {"joblib.numpy_pickle", "NumpyArrayWrapper", WEIR_FORMAT_PICKLE_WRAPPER},
    {"joblib.numpy_pickle", "ZNDArrayWrapper", WEIR_FORMAT_PICKLE_REFUSED_OLD},
    {"joblib.numpy_pickle_compat", "NDArrayWrapper", WEIR_FORMAT_PICKLE_REFUSED_OLD},
    {"joblib.numpy_pickle_compat", "ZNDArrayWrapper", WEIR_FORMAT_PICKLE_REFUSED_OLD},
    {"numpy", "dtype", WEIR_FORMAT_PICKLE_DTYPE},
    {"numpy", "matrix", WEIR_FORMAT_PICKLE_NDARRAY},
    {"numpy", "memmap", WEIR_FORMAT_PICKLE_NDARRAY},
    {"numpy", "ndarray", WEIR_FORMAT_PICKLE_NDARRAY},
    {"numpy._core", "_ufunc_reconstruct", WEIR_FORMAT_PICKLE_UFUNC},
    {"numpy._core.memmap", "memmap", WEIR_FORMAT_PICKLE_NDARRAY},
    {"numpy._core.multiarray", "_reconstruct", WEIR_FORMAT_PICKLE_RECONSTRUCT},
    {"numpy._core.multiarray", "scalar", WEIR_FORMAT_PICKLE_SCALAR},
    {"numpy._core.numeric", "_frombuffer", WEIR_FORMAT_PICKLE_FROMBUFFER},
    {"numpy.core", "_ufunc_reconstruct", WEIR_FORMAT_PICKLE_UFUNC},
    {"numpy.core.memmap", "memmap", WEIR_FORMAT_PICKLE_NDARRAY},
    {"numpy.core.multiarray", "_reconstruct", WEIR_FORMAT_PICKLE_RECONSTRUCT},
    {"numpy.core.multiarray", "scalar", WEIR_FORMAT_PICKLE_SCALAR},
    {"numpy.core.numeric", "_frombuffer", WEIR_FORMAT_PICKLE_FROMBUFFER},
    {"numpy.matrixlib.defmatrix", "matrix", WEIR_FORMAT_PICKLE_NDARRAY},
    {"sklearn.externals.joblib.numpy_pickle", "NDArrayWrapper", WEIR_FORMAT_PICKLE_REFUSED_OLD},
    {"sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper", WEIR_FORMAT_PICKLE_WRAPPER},
    {"sklearn.externals.joblib.numpy_pickle", "ZNDArrayWrapper", WEIR_FORMAT_PICKLE_REFUSED_OLD},
};

/* Modules of which every name is accepted as a record, with all modules below them. */
static const char *const families[] = {
    "sklearn",  "imblearn", "scipy",        "xgboost",
    "lightgbm", "numpy.ma", "numpy.random", "_loss" /* how scikit-learn 1.4 … 1.6 calls its own */};

/* What numpy's own modules may give as values: element types and elementwise functions. Sorted. */
static const char *const numpy_values[] = {
    "absolute", "add",        "amax",     "amin",       "arccos",  "arccosh",     "arcsin",
    "arcsinh",  "arctan",     "arctan2",  "arctanh",    "array",   "asarray",     "bool",
    "bool_",    "bytes_",     "cbrt",     "ceil",       "clip",    "cos",         "cosh",
    "deg2rad",  "degrees",    "divide",   "double",     "exp",     "exp2",        "expm1",
    "fabs",     "float16",    "float32",  "float64",    "floor",   "generic",     "int16",
    "int32",    "int64",      "int8",     "int_",       "intc",    "intp",        "isfinite",
    "isinf",    "isnan",      "log",      "log10",      "log1p",   "log2",        "logical_not",
    "longlong", "max",        "maximum",  "mean",       "median",  "min",         "minimum",
    "multiply", "nan_to_num", "negative", "number",     "object_", "positive",    "power",
    "rad2deg",  "radians",    "ravel",    "reciprocal", "rint",    "round",       "sign",
    "sin",      "single",     "sinh",     "sqrt",       "square",  "squeeze",     "std",
    "str_",     "subtract",   "sum",      "tan",        "tanh",    "true_divide", "trunc",
    "uint16",   "uint32",     "uint64",   "uint8",      "uintc",   "uintp",       "ulonglong",
    "unicode_", "var",        "void",
};

static const char *const numpy_value_modules[] = {
    "numpy",
    "numpy._core._multiarray_umath",
    "numpy._core.fromnumeric",
    "numpy.core._multiarray_umath",
    "numpy.core.fromnumeric",
    "numpy.lib.function_base",
    "numpy.lib._function_base_impl",
};

static bool is_identifier(struct weir_str s)
{
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.at[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!is_letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

static bool is_module(struct weir_str s)
{
    if (s.n == 0 || s.at[s.n - 1] == '.')
        return false;
    while (s.at)
        if (!is_identifier(weir_str_split(&s, '.')))
            return false;
    return true;
}

static int compare_row(const void *key, const void *element)
{
    const struct weir_str *wanted = key;
    const struct row *row = element;
    int order = weir_str_cmp(wanted[0], weir_str_c(row->module));
    return order ? order : weir_str_cmp(wanted[1], weir_str_c(row->name));
}

static int compare_text(const void *key, const void *element)
{
    return weir_str_cmp(*(const struct weir_str *)key, weir_str_c(*(const char *const *)element));
}

static bool is_in_family(struct weir_str module)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(families); i++) {
        struct weir_str family = weir_str_c(families[i]);
        if (weir_str_starts(module, family) && (module.n == family.n || module.at[family.n] == '.'))
            return true;
    }
    return false;
}

/* scikit-learn's compiled losses name their module without its package (from 1.6 on). */
static bool is_loss(struct weir_str module, struct weir_str name)
{
    return weir_str_eq_c(module, "_loss") && (weir_str_starts(name, WEIR_STR("Cy")) ||
                                              weir_str_starts(name, WEIR_STR("__pyx_unpickle_Cy")));
}

static bool is_numpy_value(struct weir_str module, struct weir_str name)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(numpy_value_modules); i++)
        if (weir_str_eq_c(module, numpy_value_modules[i]))
            return bsearch(&name, numpy_values, WEIR_ARRAY_LEN(numpy_values),
                           sizeof numpy_values[0], compare_text) != NULL;
    return false;
}

enum weir_format_pickle_role weir_format_pickle_names_find(struct weir_str module,
                                                           struct weir_str name)
{
    /* A dotted second part ("dtype.__init__") would reach into a class: never legitimate. */
    if (module.n > NAME_BYTES_MAX || name.n > NAME_BYTES_MAX || !is_module(module) ||
        !is_identifier(name))
        return WEIR_FORMAT_PICKLE_REFUSED;
    const struct weir_str wanted[2] = {module, name};
    const struct row *row =
        bsearch(wanted, rows, WEIR_ARRAY_LEN(rows), sizeof rows[0], compare_row);
    if (row)
        return row->role;
    if (is_in_family(module) || is_loss(module, name))
        return WEIR_FORMAT_PICKLE_RECORD;
    return is_numpy_value(module, name) ? WEIR_FORMAT_PICKLE_VALUE : WEIR_FORMAT_PICKLE_REFUSED;
}

void weir_format_pickle_names_modern(struct weir_str *module, struct weir_str *name)
{
    if (weir_str_eq_c(*module, "copy_reg")) {
        *module = WEIR_STR("copyreg");
        return;
    }
    if (!weir_str_eq_c(*module, "__builtin__"))
        return;
    *module = WEIR_STR("builtins");
    static const struct {
        const char *old;
        struct weir_str name;
    } renamed[] = {{"unicode", {"str", 3}}, {"long", {"int", 3}}, {"xrange", {"range", 5}}};
    for (size_t i = 0; i < WEIR_ARRAY_LEN(renamed); i++)
        if (weir_str_eq_c(*name, renamed[i].old)) {
            *name = renamed[i].name;
            return;
        }
}
