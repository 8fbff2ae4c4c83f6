/* SPDX-License-Identifier: MIT */
/* What the builders of scikit-learn's classes share: the state of one build, the table of classes,
 * and readers for attributes that many classes have.
 *
 * A builder makes the evaluator of one fitted estimator from what the file says about it. It checks
 * every shape, range and relation: whatever it lets pass is run. To add an estimator: write its
 * builder into the file of its family and add a row to the table in sklearn.c. */
#ifndef WEIR_FORMAT_SKLEARN_BUILD_H
#define WEIR_FORMAT_SKLEARN_BUILD_H

#include "format/value.h"
#include "model/builder.h"
#include "model/head.h"

/* How the library hands rows to the node being built. */
enum weir_format_sklearn_rows {
    WEIR_FORMAT_SKLEARN_ROWS_DENSE,
    WEIR_FORMAT_SKLEARN_ROWS_SPARSE, /* a sparse matrix: what is 0 is not in it */
    WEIR_FORMAT_SKLEARN_ROWS_UNSURE, /* a sparse matrix that may hold zeros too, or dense rows */
};

/* One build. */
struct weir_format_sklearn {
    struct weir_model_builder *b;
    struct weir_arena *temp; /* for arrays that are needed during the build only */
    uint32_t version;   /* 100 × major + minor of the library that wrote the object at hand, as its
                           own state or the nearest around it says; 0: unknown */
    bool keeps_columns; /* the node being built sees the model's features, in their order */
    uint32_t depth;     /* estimators around it */
    uint32_t n_in;      /* columns that the node being built is given; 0: not known */
    enum weir_format_sklearn_rows rows;
    bool is_part;   /* the node being built answers another estimator, not just a pipeline or a
                       search around it: outputs that its library does not give are left out */
    bool has_parts; /* the same for the nodes that it is made of */
    uint64_t deadline_ns;  /* as struct weir_format_opts */
    struct weir_buf *text; /* the estimator for people, so far */
};

/* Makes a node of the object at a place. The caller has checked that it is one, has set the version
 * and counts the depth. */
typedef enum weir_status weir_format_sklearn_fn(struct weir_format_sklearn *s,
                                                const struct weir_value_at *at,
                                                const struct weir_model_node **out,
                                                struct weir_error *err);

/* Makes the node of the estimator at a place through the table of classes; checks its number of
 * features and takes over its column names. What composite estimators call for their parts.
 * WEIR_ERR_UNSUPPORTED: no builder for that class. */
WEIR_MUST_USE enum weir_status weir_format_sklearn_node(struct weir_format_sklearn *s,
                                                        const struct weir_value_at *at,
                                                        const struct weir_model_node **out,
                                                        struct weir_error *err);

/* Returns how the transform of a step reaches the next one when rows reach the step so. Matters to
 * what tells absent values from zeros. */
enum weir_format_sklearn_rows weir_format_sklearn_rows_after(const struct weir_value_at *at,
                                                             enum weir_format_sklearn_rows rows);

weir_format_sklearn_fn weir_format_sklearn_linear_regressor;      /* LinearRegression, Ridge, … */
weir_format_sklearn_fn weir_format_sklearn_linear_logistic;       /* LogisticRegression */
weir_format_sklearn_fn weir_format_sklearn_tree_single;           /* DecisionTree*, ExtraTree* */
weir_format_sklearn_fn weir_format_sklearn_tree_forest;           /* RandomForest*, ExtraTrees* */
weir_format_sklearn_fn weir_format_sklearn_preprocess_standard;   /* StandardScaler */
weir_format_sklearn_fn weir_format_sklearn_preprocess_min_max;    /* MinMaxScaler */
weir_format_sklearn_fn weir_format_sklearn_compose_pipeline;      /* Pipeline */
weir_format_sklearn_fn weir_format_sklearn_compose_search;        /* GridSearchCV, … */
weir_format_sklearn_fn weir_format_sklearn_tree_isolation;        /* IsolationForest */
weir_format_sklearn_fn weir_format_sklearn_boosting_gradient;     /* GradientBoosting* */
weir_format_sklearn_fn weir_format_sklearn_boosting_hist;         /* HistGradientBoosting* */
weir_format_sklearn_fn weir_format_sklearn_meta_frozen;           /* FrozenEstimator */
weir_format_sklearn_fn weir_format_sklearn_meta_self_training;    /* SelfTrainingClassifier */
weir_format_sklearn_fn weir_format_sklearn_meta_vote_classifier;  /* VotingClassifier */
weir_format_sklearn_fn weir_format_sklearn_meta_vote_regressor;   /* VotingRegressor */
weir_format_sklearn_fn weir_format_sklearn_meta_stack_classifier; /* StackingClassifier */
weir_format_sklearn_fn weir_format_sklearn_meta_stack_regressor;  /* StackingRegressor */
weir_format_sklearn_fn weir_format_sklearn_meta_bag_classifier;   /* BaggingClassifier */
weir_format_sklearn_fn weir_format_sklearn_meta_bag_regressor;    /* BaggingRegressor */
weir_format_sklearn_fn weir_format_sklearn_meta_boost_classifier; /* AdaBoostClassifier */
weir_format_sklearn_fn weir_format_sklearn_meta_boost_regressor;  /* AdaBoostRegressor */
weir_format_sklearn_fn weir_format_sklearn_meta_calibrated;       /* CalibratedClassifierCV */
weir_format_sklearn_fn
    weir_format_sklearn_meta_threshold; /* FixedThresholdClassifier, TunedThresholdClassifierCV */
weir_format_sklearn_fn weir_format_sklearn_meta_target;       /* TransformedTargetRegressor */
weir_format_sklearn_fn weir_format_sklearn_meta_multi;        /* MultiOutput* */
weir_format_sklearn_fn weir_format_sklearn_meta_chain;        /* ClassifierChain, RegressorChain */
weir_format_sklearn_fn weir_format_sklearn_meta_one_vs_rest;  /* OneVsRestClassifier */
weir_format_sklearn_fn weir_format_sklearn_meta_one_vs_one;   /* OneVsOneClassifier */
weir_format_sklearn_fn weir_format_sklearn_meta_output_code;  /* OutputCodeClassifier */
weir_format_sklearn_fn weir_format_sklearn_linear_classifier; /* Perceptron, LinearSVC, … */
weir_format_sklearn_fn weir_format_sklearn_linear_ridge_classifier;
weir_format_sklearn_fn weir_format_sklearn_linear_sgd; /* SGDClassifier */
weir_format_sklearn_fn weir_format_sklearn_linear_glm; /* PoissonRegressor, … */
weir_format_sklearn_fn weir_format_sklearn_linear_ransac;
weir_format_sklearn_fn weir_format_sklearn_linear_one_class; /* SGDOneClassSVM */
weir_format_sklearn_fn weir_format_sklearn_project_pls;      /* PLSRegression, … */
weir_format_sklearn_fn weir_format_sklearn_project_pca;      /* PCA, IncrementalPCA */
weir_format_sklearn_fn weir_format_sklearn_project_plain;    /* TruncatedSVD, random projections */
weir_format_sklearn_fn weir_format_sklearn_project_ica;      /* FastICA */
weir_format_sklearn_fn weir_format_sklearn_svm_classifier;   /* SVC, NuSVC */
weir_format_sklearn_fn weir_format_sklearn_svm_regressor;    /* SVR, NuSVR */
weir_format_sklearn_fn weir_format_sklearn_svm_one_class;    /* OneClassSVM */
weir_format_sklearn_fn weir_format_sklearn_svm_ridge;        /* KernelRidge */
weir_format_sklearn_fn weir_format_sklearn_bayes_gaussian;
weir_format_sklearn_fn weir_format_sklearn_bayes_multinomial;
weir_format_sklearn_fn weir_format_sklearn_bayes_complement;
weir_format_sklearn_fn weir_format_sklearn_bayes_bernoulli;
weir_format_sklearn_fn weir_format_sklearn_bayes_categorical;
weir_format_sklearn_fn weir_format_sklearn_mixture_qda; /* QuadraticDiscriminantAnalysis */
weir_format_sklearn_fn weir_format_sklearn_mixture_gaussian;
weir_format_sklearn_fn weir_format_sklearn_mixture_bayesian;
weir_format_sklearn_fn weir_format_sklearn_mixture_envelope;
weir_format_sklearn_fn weir_format_sklearn_neural_classifier; /* MLPClassifier */
weir_format_sklearn_fn weir_format_sklearn_neural_regressor;  /* MLPRegressor */

weir_format_sklearn_fn weir_format_lightgbm_wrapper_booster; /* lightgbm's Booster */
weir_format_sklearn_fn weir_format_lightgbm_wrapper;        /* LGBMClassifier, LGBMRegressor, … */
weir_format_sklearn_fn weir_format_xgboost_wrapper_booster; /* xgboost's Booster */
weir_format_sklearn_fn weir_format_xgboost_wrapper;         /* XGBClassifier, XGBRegressor, … */
weir_format_sklearn_fn
    weir_format_sklearn_linear_lda; /* the classifier of LinearDiscriminantAnalysis */
weir_format_sklearn_fn weir_format_sklearn_project_lda;
weir_format_sklearn_fn weir_format_sklearn_cluster_kmeans;  /* KMeans, MiniBatchKMeans */
weir_format_sklearn_fn weir_format_sklearn_cluster_nearest; /* MeanShift, AffinityPropagation */
weir_format_sklearn_fn weir_format_sklearn_cluster_birch;
weir_format_sklearn_fn weir_format_sklearn_cluster_centroid; /* NearestCentroid */
weir_format_sklearn_fn weir_format_sklearn_dummy_classifier;
weir_format_sklearn_fn weir_format_sklearn_dummy_regressor;
weir_format_sklearn_fn weir_format_sklearn_dummy_isotonic; /* IsotonicRegression */
weir_format_sklearn_fn
    weir_format_sklearn_neighbors_classifier; /* KNeighbors-, RadiusNeighborsClassifier */
weir_format_sklearn_fn
    weir_format_sklearn_neighbors_regressor; /* KNeighbors-, RadiusNeighborsRegressor */

/* --- attributes --- */

/* Versions as s->version counts them. */
#define WEIR_FORMAT_SKLEARN_VERSION(major, minor) (100u * (major) + (minor))

/* Takes over the version that an object, or else its parts, say they were written by; s->version
 * stays where none does. */
WEIR_MUST_USE enum weir_status weir_format_sklearn_build_version(struct weir_format_sklearn *s,
                                                                 const struct weir_value_at *at,
                                                                 struct weir_error *err);

/* Reads the labels of one target (an array of whole numbers, floats, bools or texts, or a list of
 * one kind) into the model's arena. At least one label. */
WEIR_MUST_USE enum weir_status weir_format_sklearn_build_labels(struct weir_format_sklearn *s,
                                                                const struct weir_value_at *at,
                                                                struct weir_labels *out,
                                                                struct weir_error *err);

/* Makes n targets in the model's arena, zeroed: numeric until labels are read into them; NULL: no
 * memory. */
struct weir_labels *weir_format_sklearn_build_targets(struct weir_format_sklearn *s, size_t n,
                                                      struct weir_error *err);

/* Reads an attribute that must be a vector of n doubles, all finite. */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_build_vector(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                 const char *name, size_t n, double **out, struct weir_error *err);

/* A matrix of numbers, all finite. */
struct weir_format_sklearn_matrix {
    double *at; /* n_rows × n_columns, row-major, in s->temp */
    size_t n_rows;
    size_t n_columns;
    bool is_f32;  /* held in float32 */
    bool is_flat; /* has at most one dimension: n_rows is 1 */
};

/* Reads an attribute as a matrix: an array of one or two dimensions or a sparse matrix (csr), with
 * at least one element and at most WEIR_MODEL_COLUMNS_MAX columns. */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_build_matrix(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                 const char *name, struct weir_format_sklearn_matrix *out,
                                 struct weir_error *err);

/* The same for the value at a place. */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_build_matrix_at(struct weir_format_sklearn *s,
                                    const struct weir_value_at *place,
                                    struct weir_format_sklearn_matrix *out, struct weir_error *err);

/* Reads a field of an array of n records (a tree's nodes) as whole numbers. WEIR_ERR_CORRUPT: there
 * are not n. *out is in temp. */
WEIR_MUST_USE enum weir_status
weir_format_sklearn_build_field_i64s(const struct weir_value_at *nodes, const char *name, size_t n,
                                     struct weir_arena *temp, const int64_t **out,
                                     struct weir_error *err);

/* Reads the attribute classes_ as the labels of one target in the model's arena; there must be n of
 * them (0: any number). *out: one target. */
WEIR_MUST_USE enum weir_status weir_format_sklearn_build_classes(struct weir_format_sklearn *s,
                                                                 const struct weir_value_at *at,
                                                                 const char *name, size_t n,
                                                                 struct weir_labels **out,
                                                                 struct weir_error *err);

/* Makes one target whose labels are the whole numbers 0 … n − 1 (clusters). */
WEIR_MUST_USE enum weir_status weir_format_sklearn_build_numbered(struct weir_format_sklearn *s,
                                                                  size_t n,
                                                                  struct weir_labels **out,
                                                                  struct weir_error *err);

/* Reports that the arena for the build gave nothing. */
enum weir_status weir_format_sklearn_build_no_memory(struct weir_error *err);

/* Finds whether every value is finite. */
bool weir_format_sklearn_build_is_finite(const double *values, size_t n);

/* Finds whether a value is held in float32 (array or numpy scalar). */
bool weir_format_sklearn_build_is_f32(const struct weir_value *v);

/* Finds whether a value carries a type of its own that mixed arithmetic must respect: an array or a
 * numpy scalar, not a plain number. */
bool weir_format_sklearn_build_is_typed(const struct weir_value *v);

/* Reads n_features_in_ (before 1.0: n_features_); *out is 0 when there is neither. */
WEIR_MUST_USE enum weir_status weir_format_sklearn_build_n_features(const struct weir_value_at *at,
                                                                    size_t *out,
                                                                    struct weir_error *err);

#endif
