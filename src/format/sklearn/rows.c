/* SPDX-License-Identifier: MIT */
/* Which steps of a pipeline give sparse matrices. Everything here computes with full rows; but a
 * library that reads what a sparse matrix does not hold as missing has to be told. */
#include "format/sklearn/build.h"

#define DENSE  WEIR_FORMAT_SKLEARN_ROWS_DENSE
#define SPARSE WEIR_FORMAT_SKLEARN_ROWS_SPARSE
#define UNSURE WEIR_FORMAT_SKLEARN_ROWS_UNSURE

static bool is_any(const struct weir_value *v, const char *const *classes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (weir_value_is_object(v, classes[i]))
            return true;
    return false;
}

/* Reads a flag; what is none counts as its default. */
static bool flag(const struct weir_value_at *at, const char *name, bool def)
{
    bool value;
    return weir_value_attr_bool_or(at, name, def, &value, NULL) == WEIR_OK ? value : def;
}

/* Returns what the estimators in a list of tuples give, each at place i of its tuple: one after the
 * other, or side by side (the most that one of them gives). */
static enum weir_format_sklearn_rows of_list(const struct weir_value_at *at, const char *name,
                                             bool in_turn, enum weir_format_sklearn_rows rows)
{
    struct weir_value_at list, item, object;
    size_t n;
    enum weir_format_sklearn_rows most = DENSE;
    if (weir_value_attr(at, name, &list, NULL) != WEIR_OK ||
        weir_value_list(&list, &n, NULL) != WEIR_OK)
        return UNSURE;
    for (size_t i = 0; i < n; i++) {
        if (weir_value_item(&list, i, &item, NULL) != WEIR_OK ||
            weir_value_item(&item, 1, &object, NULL) != WEIR_OK)
            return UNSURE;
        enum weir_format_sklearn_rows given = weir_format_sklearn_rows_after(&object, rows);
        if (in_turn)
            rows = given;
        else if (given > most)
            most = given;
    }
    return in_turn ? rows : most;
}

/* Returns what a composed step gives; *is_composed: whether it is one. */
static enum weir_format_sklearn_rows
of_composed(const struct weir_value_at *at, enum weir_format_sklearn_rows rows, bool *is_composed)
{
    *is_composed = true;
    if (weir_value_is_object(at->v, "Pipeline"))
        return of_list(at, "steps", true, rows);
    if (weir_value_is_object(at->v, "FeatureUnion"))
        return of_list(at, "transformer_list", false, rows);
    if (weir_value_is_object(at->v, "ColumnTransformer")) {
        if (!flag(at, "sparse_output_", false))
            return DENSE;
        /* Where none of its parts is sparse its rows have become so, without zeros. */
        enum weir_format_sklearn_rows most = of_list(at, "transformers_", false, rows);
        return most == UNSURE ? UNSURE : SPARSE;
    }
    *is_composed = false;
    return rows;
}

enum weir_format_sklearn_rows weir_format_sklearn_rows_after(const struct weir_value_at *at,
                                                             enum weir_format_sklearn_rows rows)
{
    static const char *const makers[] = {"CountVectorizer", "TfidfVectorizer", "TfidfTransformer"};
    static const char *const flagged[] = {"OneHotEncoder", "LabelBinarizer", "SplineTransformer"};
    static const char *const keepers[] = {"StandardScaler",
                                          "MaxAbsScaler",
                                          "RobustScaler",
                                          "Normalizer",
                                          "Binarizer",
                                          "PolynomialFeatures",
                                          "GenericUnivariateSelect",
                                          "RFE",
                                          "RFECV",
                                          "SelectFdr",
                                          "SelectFpr",
                                          "SelectFromModel",
                                          "SelectFwe",
                                          "SelectKBest",
                                          "SelectPercentile",
                                          "SequentialFeatureSelector",
                                          "VarianceThreshold"};
    /* What projects rows gives dense ones. */
    static const char *const densers[] = {
        "PCA",           "IncrementalPCA",          "TruncatedSVD",
        "KMeans",        "MiniBatchKMeans",         "OrdinalEncoder",
        "TargetEncoder", "GaussianRandomProjection"};
    bool is_composed;
    enum weir_format_sklearn_rows composed = of_composed(at, rows, &is_composed);
    if (is_composed)
        return composed;
    if (is_any(at->v, makers, WEIR_ARRAY_LEN(makers)))
        return SPARSE;
    if (weir_value_is_object(at->v, "HashingVectorizer"))
        return flag(at, "alternate_sign", true) ? UNSURE : SPARSE;
    if (is_any(at->v, flagged, WEIR_ARRAY_LEN(flagged))) {
        bool by_default = weir_value_is_object(at->v, "OneHotEncoder");
        bool is_sparse = weir_value_find(at->v, "sparse_output")
                             ? flag(at, "sparse_output", by_default)
                             : flag(at, "sparse", by_default);
        return is_sparse ? SPARSE : DENSE;
    }
    if (weir_value_is_object(at->v, "KBinsDiscretizer")) {
        struct weir_str encode;
        return weir_value_attr_text_or(at, "encode", WEIR_STR("onehot"), &encode, NULL) ==
                           WEIR_OK &&
                       weir_str_eq_c(encode, "onehot")
                   ? SPARSE
                   : DENSE;
    }
    if (is_any(at->v, densers, WEIR_ARRAY_LEN(densers)))
        return DENSE;
    if (is_any(at->v, keepers, WEIR_ARRAY_LEN(keepers)) || at->v->kind != WEIR_VALUE_OBJECT)
        return rows;
    if (weir_value_is_object(at->v, "MissingIndicator") && flag(at, "sparse", false))
        return SPARSE;
    return rows == DENSE ? DENSE : UNSURE;
}
