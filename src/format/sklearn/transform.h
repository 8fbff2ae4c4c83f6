/* SPDX-License-Identifier: MIT */
/* The builders of transformers, and what they share. */
#ifndef WEIR_FORMAT_SKLEARN_TRANSFORM_H
#define WEIR_FORMAT_SKLEARN_TRANSFORM_H

#include "format/sklearn/build.h"

weir_format_sklearn_fn weir_format_sklearn_compose_columns;       /* ColumnTransformer */
weir_format_sklearn_fn weir_format_sklearn_compose_union;         /* FeatureUnion */
weir_format_sklearn_fn weir_format_sklearn_encode_labels;         /* LabelEncoder, LabelBinarizer */
weir_format_sklearn_fn weir_format_sklearn_encode_onehot;         /* OneHotEncoder */
weir_format_sklearn_fn weir_format_sklearn_encode_ordinal;        /* OrdinalEncoder */
weir_format_sklearn_fn weir_format_sklearn_encode_target;         /* TargetEncoder */
weir_format_sklearn_fn weir_format_sklearn_impute_indicator;      /* MissingIndicator */
weir_format_sklearn_fn weir_format_sklearn_impute_knn;            /* KNNImputer */
weir_format_sklearn_fn weir_format_sklearn_impute_simple;         /* SimpleImputer */
weir_format_sklearn_fn weir_format_sklearn_preprocess_binarizer;  /* Binarizer */
weir_format_sklearn_fn weir_format_sklearn_preprocess_bins;       /* KBinsDiscretizer */
weir_format_sklearn_fn weir_format_sklearn_preprocess_function;   /* FunctionTransformer */
weir_format_sklearn_fn weir_format_sklearn_preprocess_max_abs;    /* MaxAbsScaler */
weir_format_sklearn_fn weir_format_sklearn_preprocess_normalizer; /* Normalizer */
weir_format_sklearn_fn weir_format_sklearn_preprocess_polynomial; /* PolynomialFeatures */
weir_format_sklearn_fn weir_format_sklearn_preprocess_power;      /* PowerTransformer */
weir_format_sklearn_fn weir_format_sklearn_preprocess_quantile;   /* QuantileTransformer */
weir_format_sklearn_fn weir_format_sklearn_preprocess_robust;     /* RobustScaler */
weir_format_sklearn_fn weir_format_sklearn_preprocess_spline;     /* SplineTransformer */
weir_format_sklearn_fn weir_format_sklearn_text_count;        /* CountVectorizer, TfidfVectorizer */
weir_format_sklearn_fn weir_format_sklearn_text_hashing;      /* HashingVectorizer */
weir_format_sklearn_fn weir_format_sklearn_text_tfidf;        /* TfidfTransformer */
weir_format_sklearn_fn weir_format_sklearn_select_eliminate;  /* RFE, RFECV */
weir_format_sklearn_fn weir_format_sklearn_select_from_model; /* SelectFromModel */
weir_format_sklearn_fn weir_format_sklearn_select_support;    /* RFE, RFECV, Sequential… */
weir_format_sklearn_fn weir_format_sklearn_select_univariate; /* SelectKBest, SelectFpr, … */
weir_format_sklearn_fn weir_format_sklearn_select_variance;   /* VarianceThreshold */

/* Reads a value of categories, fill values and their like as a cell (tensor/cell.h): numbers and
 * bools, texts, None. Texts are copied into a. WEIR_ERR_UNSUPPORTED: anything else. */
WEIR_MUST_USE enum weir_status weir_format_sklearn_transform_cell(const struct weir_value_at *at,
                                                                  struct weir_arena *a, double *out,
                                                                  struct weir_error *err);

/* Reads all elements of an array, list or tuple as cells, in the arena a. */
WEIR_MUST_USE enum weir_status weir_format_sklearn_transform_cells(struct weir_format_sklearn *s,
                                                                   const struct weir_value_at *at,
                                                                   struct weir_arena *a,
                                                                   double **out, size_t *n,
                                                                   struct weir_error *err);

#endif
