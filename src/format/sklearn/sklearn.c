/* SPDX-License-Identifier: MIT */
/* The table of scikit-learn's classes, and the way from a file's root to a model. */
#include "format/sklearn/sklearn.h"

#include "format/format.h"
#include "format/sklearn/build.h"
#include "format/sklearn/transform.h"

#include <string.h>

/* One class, by the last part of its name: modules moved between versions, classes did not. */
struct row {
    const char *cls;
    weir_format_sklearn_fn *build;
};

static const struct row rows[] = {
    {"ARDRegression", weir_format_sklearn_linear_regressor},
    {"AdaBoostClassifier", weir_format_sklearn_meta_boost_classifier},
    {"AdaBoostRegressor", weir_format_sklearn_meta_boost_regressor},
    {"AffinityPropagation", weir_format_sklearn_cluster_nearest},
    {"BaggingClassifier", weir_format_sklearn_meta_bag_classifier},
    {"BaggingRegressor", weir_format_sklearn_meta_bag_regressor},
    {"BayesianGaussianMixture", weir_format_sklearn_mixture_bayesian},
    {"BayesianRidge", weir_format_sklearn_linear_regressor},
    {"BernoulliNB", weir_format_sklearn_bayes_bernoulli},
    {"Binarizer", weir_format_sklearn_preprocess_binarizer},
    {"Birch", weir_format_sklearn_cluster_birch},
    {"CCA", weir_format_sklearn_project_pls},
    {"CalibratedClassifierCV", weir_format_sklearn_meta_calibrated},
    {"CategoricalNB", weir_format_sklearn_bayes_categorical},
    {"ClassifierChain", weir_format_sklearn_meta_chain},
    {"ColumnTransformer", weir_format_sklearn_compose_columns},
    {"ComplementNB", weir_format_sklearn_bayes_complement},
    {"CountVectorizer", weir_format_sklearn_text_count},
    {"DecisionTreeClassifier", weir_format_sklearn_tree_single},
    {"DecisionTreeRegressor", weir_format_sklearn_tree_single},
    {"DummyClassifier", weir_format_sklearn_dummy_classifier},
    {"DummyRegressor", weir_format_sklearn_dummy_regressor},
    {"ElasticNet", weir_format_sklearn_linear_regressor},
    {"ElasticNetCV", weir_format_sklearn_linear_regressor},
    {"EllipticEnvelope", weir_format_sklearn_mixture_envelope},
    {"ExtraTreeClassifier", weir_format_sklearn_tree_single},
    {"ExtraTreeRegressor", weir_format_sklearn_tree_single},
    {"ExtraTreesClassifier", weir_format_sklearn_tree_forest},
    {"ExtraTreesRegressor", weir_format_sklearn_tree_forest},
    {"FastICA", weir_format_sklearn_project_ica},
    {"FeatureUnion", weir_format_sklearn_compose_union},
    {"FixedThresholdClassifier", weir_format_sklearn_meta_threshold},
    {"FrozenEstimator", weir_format_sklearn_meta_frozen},
    {"FunctionTransformer", weir_format_sklearn_preprocess_function},
    {"GammaRegressor", weir_format_sklearn_linear_glm},
    {"GaussianMixture", weir_format_sklearn_mixture_gaussian},
    {"GaussianNB", weir_format_sklearn_bayes_gaussian},
    {"GaussianRandomProjection", weir_format_sklearn_project_plain},
    {"GenericUnivariateSelect", weir_format_sklearn_select_univariate},
    {"GradientBoostingClassifier", weir_format_sklearn_boosting_gradient},
    {"GradientBoostingRegressor", weir_format_sklearn_boosting_gradient},
    {"GridSearchCV", weir_format_sklearn_compose_search},
    {"HalvingGridSearchCV", weir_format_sklearn_compose_search},
    {"HalvingRandomSearchCV", weir_format_sklearn_compose_search},
    {"HashingVectorizer", weir_format_sklearn_text_hashing},
    {"HistGradientBoostingClassifier", weir_format_sklearn_boosting_hist},
    {"HistGradientBoostingRegressor", weir_format_sklearn_boosting_hist},
    {"HuberRegressor", weir_format_sklearn_linear_regressor},
    {"IncrementalPCA", weir_format_sklearn_project_pca},
    {"IsolationForest", weir_format_sklearn_tree_isolation},
    {"IsotonicRegression", weir_format_sklearn_dummy_isotonic},
    {"KBinsDiscretizer", weir_format_sklearn_preprocess_bins},
    {"KMeans", weir_format_sklearn_cluster_kmeans},
    {"KNNImputer", weir_format_sklearn_impute_knn},
    {"KNeighborsClassifier", weir_format_sklearn_neighbors_classifier},
    {"KNeighborsRegressor", weir_format_sklearn_neighbors_regressor},
    {"KernelRidge", weir_format_sklearn_svm_ridge},
    {"LabelBinarizer", weir_format_sklearn_encode_labels},
    {"LabelEncoder", weir_format_sklearn_encode_labels},
    {"Lars", weir_format_sklearn_linear_regressor},
    {"LarsCV", weir_format_sklearn_linear_regressor},
    {"Lasso", weir_format_sklearn_linear_regressor},
    {"LassoCV", weir_format_sklearn_linear_regressor},
    {"LassoLars", weir_format_sklearn_linear_regressor},
    {"LassoLarsCV", weir_format_sklearn_linear_regressor},
    {"LassoLarsIC", weir_format_sklearn_linear_regressor},
    {"LinearDiscriminantAnalysis", weir_format_sklearn_project_lda},
    {"LinearRegression", weir_format_sklearn_linear_regressor},
    {"LinearSVC", weir_format_sklearn_linear_classifier},
    {"LinearSVR", weir_format_sklearn_linear_regressor},
    {"LogisticRegression", weir_format_sklearn_linear_logistic},
    {"LogisticRegressionCV", weir_format_sklearn_linear_logistic},
    {"MLPClassifier", weir_format_sklearn_neural_classifier},
    {"MLPRegressor", weir_format_sklearn_neural_regressor},
    {"MaxAbsScaler", weir_format_sklearn_preprocess_max_abs},
    {"MeanShift", weir_format_sklearn_cluster_nearest},
    {"MinMaxScaler", weir_format_sklearn_preprocess_min_max},
    {"MiniBatchKMeans", weir_format_sklearn_cluster_kmeans},
    {"MissingIndicator", weir_format_sklearn_impute_indicator},
    {"MultiOutputClassifier", weir_format_sklearn_meta_multi},
    {"MultiOutputRegressor", weir_format_sklearn_meta_multi},
    {"MultiTaskElasticNet", weir_format_sklearn_linear_regressor},
    {"MultiTaskElasticNetCV", weir_format_sklearn_linear_regressor},
    {"MultiTaskLasso", weir_format_sklearn_linear_regressor},
    {"MultiTaskLassoCV", weir_format_sklearn_linear_regressor},
    {"MultinomialNB", weir_format_sklearn_bayes_multinomial},
    {"NearestCentroid", weir_format_sklearn_cluster_centroid},
    {"Normalizer", weir_format_sklearn_preprocess_normalizer},
    {"NuSVC", weir_format_sklearn_svm_classifier},
    {"NuSVR", weir_format_sklearn_svm_regressor},
    {"OneClassSVM", weir_format_sklearn_svm_one_class},
    {"OneHotEncoder", weir_format_sklearn_encode_onehot},
    {"OneVsOneClassifier", weir_format_sklearn_meta_one_vs_one},
    {"OneVsRestClassifier", weir_format_sklearn_meta_one_vs_rest},
    {"OrdinalEncoder", weir_format_sklearn_encode_ordinal},
    {"OrthogonalMatchingPursuit", weir_format_sklearn_linear_regressor},
    {"OrthogonalMatchingPursuitCV", weir_format_sklearn_linear_regressor},
    {"OutputCodeClassifier", weir_format_sklearn_meta_output_code},
    {"PCA", weir_format_sklearn_project_pca},
    {"PLSCanonical", weir_format_sklearn_project_pls},
    {"PLSRegression", weir_format_sklearn_project_pls},
    {"PassiveAggressiveClassifier", weir_format_sklearn_linear_classifier},
    {"PassiveAggressiveRegressor", weir_format_sklearn_linear_regressor},
    {"Perceptron", weir_format_sklearn_linear_classifier},
    {"Pipeline", weir_format_sklearn_compose_pipeline},
    {"PoissonRegressor", weir_format_sklearn_linear_glm},
    {"PolynomialFeatures", weir_format_sklearn_preprocess_polynomial},
    {"PowerTransformer", weir_format_sklearn_preprocess_power},
    {"QuadraticDiscriminantAnalysis", weir_format_sklearn_mixture_qda},
    {"QuantileRegressor", weir_format_sklearn_linear_regressor},
    {"QuantileTransformer", weir_format_sklearn_preprocess_quantile},
    {"RANSACRegressor", weir_format_sklearn_linear_ransac},
    {"RFE", weir_format_sklearn_select_eliminate},
    {"RFECV", weir_format_sklearn_select_eliminate},
    {"RadiusNeighborsClassifier", weir_format_sklearn_neighbors_classifier},
    {"RadiusNeighborsRegressor", weir_format_sklearn_neighbors_regressor},
    {"RandomForestClassifier", weir_format_sklearn_tree_forest},
    {"RandomForestRegressor", weir_format_sklearn_tree_forest},
    {"RandomizedSearchCV", weir_format_sklearn_compose_search},
    {"RegressorChain", weir_format_sklearn_meta_chain},
    {"Ridge", weir_format_sklearn_linear_regressor},
    {"RidgeCV", weir_format_sklearn_linear_regressor},
    {"RidgeClassifier", weir_format_sklearn_linear_ridge_classifier},
    {"RidgeClassifierCV", weir_format_sklearn_linear_ridge_classifier},
    {"RobustScaler", weir_format_sklearn_preprocess_robust},
    {"SGDClassifier", weir_format_sklearn_linear_sgd},
    {"SGDOneClassSVM", weir_format_sklearn_linear_one_class},
    {"SGDRegressor", weir_format_sklearn_linear_regressor},
    {"SVC", weir_format_sklearn_svm_classifier},
    {"SVR", weir_format_sklearn_svm_regressor},
    {"SelectFdr", weir_format_sklearn_select_univariate},
    {"SelectFpr", weir_format_sklearn_select_univariate},
    {"SelectFromModel", weir_format_sklearn_select_from_model},
    {"SelectFwe", weir_format_sklearn_select_univariate},
    {"SelectKBest", weir_format_sklearn_select_univariate},
    {"SelectPercentile", weir_format_sklearn_select_univariate},
    {"SelfTrainingClassifier", weir_format_sklearn_meta_self_training},
    {"SequentialFeatureSelector", weir_format_sklearn_select_support},
    {"SimpleImputer", weir_format_sklearn_impute_simple},
    {"SparseRandomProjection", weir_format_sklearn_project_plain},
    {"SplineTransformer", weir_format_sklearn_preprocess_spline},
    {"StackingClassifier", weir_format_sklearn_meta_stack_classifier},
    {"StackingRegressor", weir_format_sklearn_meta_stack_regressor},
    {"StandardScaler", weir_format_sklearn_preprocess_standard},
    {"TargetEncoder", weir_format_sklearn_encode_target},
    {"TfidfTransformer", weir_format_sklearn_text_tfidf},
    {"TfidfVectorizer", weir_format_sklearn_text_count},
    {"TheilSenRegressor", weir_format_sklearn_linear_regressor},
    {"TransformedTargetRegressor", weir_format_sklearn_meta_target},
    {"TruncatedSVD", weir_format_sklearn_project_plain},
    {"TunedThresholdClassifierCV", weir_format_sklearn_meta_threshold},
    {"TweedieRegressor", weir_format_sklearn_linear_glm},
    {"VarianceThreshold", weir_format_sklearn_select_variance},
    {"VotingClassifier", weir_format_sklearn_meta_vote_classifier},
    {"VotingRegressor", weir_format_sklearn_meta_vote_regressor},
};

/* imbalanced-learn: what it samples in training plays no part here. */
static const struct row imblearn_rows[] = {
    {"BalancedBaggingClassifier", weir_format_sklearn_meta_bag_classifier},
    {"BalancedRandomForestClassifier", weir_format_sklearn_tree_forest},
    {"EasyEnsembleClassifier", weir_format_sklearn_meta_bag_classifier},
    {"Pipeline", weir_format_sklearn_compose_pipeline},
    {"RUSBoostClassifier", weir_format_sklearn_meta_boost_classifier},
};

static const struct row lightgbm_rows[] = {
    {"Booster", weir_format_lightgbm_wrapper_booster},
    {"LGBMClassifier", weir_format_lightgbm_wrapper},
    {"LGBMModel", weir_format_lightgbm_wrapper},
    {"LGBMRanker", weir_format_lightgbm_wrapper},
    {"LGBMRegressor", weir_format_lightgbm_wrapper},
};

static const struct row xgboost_rows[] = {
    {"Booster", weir_format_xgboost_wrapper_booster},
    {"XGBClassifier", weir_format_xgboost_wrapper},
    {"XGBModel", weir_format_xgboost_wrapper},
    {"XGBRFClassifier", weir_format_xgboost_wrapper},
    {"XGBRFRegressor", weir_format_xgboost_wrapper},
    {"XGBRanker", weir_format_xgboost_wrapper},
    {"XGBRegressor", weir_format_xgboost_wrapper},
};

/* The classes of one package, by the first part of their names. */
static const struct package {
    const char *top;
    const struct row *rows;
    size_t n_rows;
} packages[] = {
    {"sklearn", rows, WEIR_ARRAY_LEN(rows)},
    {"imblearn", imblearn_rows, WEIR_ARRAY_LEN(imblearn_rows)},
    {"lightgbm", lightgbm_rows, WEIR_ARRAY_LEN(lightgbm_rows)},
    {"xgboost", xgboost_rows, WEIR_ARRAY_LEN(xgboost_rows)},
};

static const struct row *find_row(const struct weir_value *v)
{
    if (v->kind != WEIR_VALUE_OBJECT)
        return NULL;
    for (size_t p = 0; p < WEIR_ARRAY_LEN(packages); p++)
        for (size_t i = 0; i < packages[p].n_rows; i++)
            if (weir_str_eq_c(v->object->cls, packages[p].rows[i].cls) &&
                weir_str_eq_c(v->object->top, packages[p].top))
                return &packages[p].rows[i];
    return NULL;
}

/* Takes over the column names of the first estimator that has them and sees the model's columns. */
static enum weir_status read_names(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                   size_t n_features, struct weir_error *err)
{
    struct weir_spec *spec = s->b->spec;
    struct weir_value_at place;
    struct weir_value_strs names;
    if (spec->feature_names || !s->keeps_columns || s->b->features)
        return WEIR_OK;
    enum weir_status status = weir_value_attr_opt(at, "feature_names_in_", &place, err);
    if (status == WEIR_OK && !place.v) /* ColumnTransformer before 1.0 */
        status = weir_value_attr_opt(at, "_feature_names_in", &place, err);
    if (status != WEIR_OK || !place.v)
        return status;
    status = weir_value_strs(&place, s->temp, &names, err);
    if (status != WEIR_OK)
        return status;
    if (names.shape.n != n_features)
        return weir_value_fail(&place, WEIR_ERR_CORRUPT, err, "%zu names for %zu columns",
                               names.shape.n, n_features);
    struct weir_str *copy = weir_arena_array(s->b->arena, n_features, sizeof *copy);
    for (size_t i = 0; copy && i < n_features; i++) {
        copy[i] = weir_arena_str(s->b->arena, names.at[i]);
        if (!copy[i].at)
            copy = NULL;
    }
    spec->feature_names = copy;
    return copy ? WEIR_OK : weir_model_builder_no_memory(s->b, err);
}

static enum weir_status check_features(const struct weir_value_at *at,
                                       const struct weir_model_node *node, struct weir_error *err)
{
    size_t n;
    enum weir_status status = weir_format_sklearn_build_n_features(at, &n, err);
    if (status == WEIR_OK && n != 0 && n != node->n_in)
        status =
            weir_value_fail(at, WEIR_ERR_CORRUPT, err,
                            "was fitted on %zu features, but its arrays are for %u", n, node->n_in);
    return status;
}

/* What is built inside, with the version and place of the estimator set. */
static enum weir_status node_of(struct weir_format_sklearn *s, const struct weir_value_at *at,
                                const struct weir_model_node **out, struct weir_error *err)
{
    const struct weir_value_object *object;
    enum weir_status status = weir_value_object(at, &object, err);
    if (status != WEIR_OK)
        return status;
    char cls[WEIR_ECHO_BUF_BYTES];
    const struct row *row = find_row(at->v);
    if (!row)
        return weir_value_fail(at, WEIR_ERR_UNSUPPORTED, err, "%s is not supported yet",
                               weir_str_echo(object->cls, cls, sizeof cls));
    status = weir_format_sklearn_build_version(s, at, err);
    if (status != WEIR_OK)
        return status;
    weir_buf_append_str(s->text, object->cls);
    const struct weir_model_node *node = NULL;
    status = row->build(s, at, &node, err);
    if (status == WEIR_OK)
        status = check_features(at, node, err);
    if (status == WEIR_OK)
        status = read_names(s, at, node->n_in, err);
    if (status == WEIR_OK)
        *out = node;
    return status;
}

/* Finds whether an estimator answers whatever the one inside it does: a pipeline, a search. */
static bool passes_answers(const struct weir_value *v)
{
    return v->kind == WEIR_VALUE_OBJECT && (weir_str_eq_c(v->object->cls, "Pipeline") ||
                                            weir_str_ends(v->object->cls, WEIR_STR("SearchCV")));
}

enum weir_status weir_format_sklearn_node(struct weir_format_sklearn *s,
                                          const struct weir_value_at *at,
                                          const struct weir_model_node **out,
                                          struct weir_error *err)
{
    if (s->depth >= WEIR_MODEL_DEPTH_MAX)
        return weir_value_fail(at, WEIR_ERR_LIMIT, err, "estimators are nested deeper than %d",
                               WEIR_MODEL_DEPTH_MAX);
    uint32_t version = s->version;
    bool is_part = s->is_part;
    bool has_parts = s->has_parts;
    s->is_part = has_parts;
    s->has_parts = has_parts || !passes_answers(at->v);
    s->depth++;
    enum weir_status status = node_of(s, at, out, err);
    s->depth--;
    s->version = version;
    s->is_part = is_part;
    s->has_parts = has_parts;
    return status;
}

/* --- the root --- */

/* Finds whether a value may be meant as the model: an object of a library of models, supported or
 * not. Serving the scaler that stands beside a classifier we do not know would be a wrong answer.
 */
static bool may_be_model(const struct weir_value *v)
{
    static const char *const libraries[] = {"sklearn", "imblearn", "xgboost", "lightgbm",
                                            "catboost"};
    if (v->kind != WEIR_VALUE_OBJECT || weir_str_eq_c(v->object->cls, "Bunch"))
        return false;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(libraries); i++)
        if (weir_str_eq_c(v->object->top, libraries[i]))
            return true;
    return false;
}

/* Returns whether key names item i of a dict, list or tuple: by its text or number, or its index.
 */
static bool is_named(const struct weir_value *root, size_t i, struct weir_str key)
{
    uint64_t n;
    bool is_number = weir_str_to_u64(key, INT64_MAX, &n);
    if (root->kind != WEIR_VALUE_DICT)
        return is_number && n == i;
    const struct weir_value *k = root->dict.at[i].key;
    if (k->kind == WEIR_VALUE_I64)
        return is_number && k->i64 == (int64_t)n;
    return k->kind == WEIR_VALUE_TEXT && weir_str_eq(k->text, key);
}

/* Follows the configured key, whose parts are separated by '/', to an object. */
static enum weir_status follow_key(const struct weir_value_at *place, struct weir_str key,
                                   struct weir_value_at *out, struct weir_error *err)
{
    struct weir_str rest = key;
    struct weir_str part = weir_str_split(&rest, '/');
    size_t n = place->v->kind == WEIR_VALUE_OBJECT ? 0 : weir_value_n(place->v);
    for (size_t i = n; i > 0; i--) { /* of two equal keys the last counts */
        struct weir_value_at item;
        if (!is_named(place->v, i - 1, part))
            continue;
        enum weir_status status = weir_value_item(place, i - 1, &item, err);
        if (status == WEIR_OK && rest.at)
            return follow_key(&item, rest, out, err);
        *out = item;
        out->up = NULL; /* the place in the middle goes; the rest of the way says enough */
        return status;
    }
    char echo[WEIR_ECHO_BUF_BYTES];
    return weir_error_set(
        err, WEIR_ERR_UNSUPPORTED, "root_key: there is no \"%s\" in the file's %s",
        weir_str_echo(part, echo, sizeof echo), weir_value_kind_name(place->v->kind));
}

/* Refuses several estimators, naming where they are. */
static enum weir_status refuse_several(const struct weir_value *root, size_t n_found,
                                       struct weir_error *err)
{
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf names = WEIR_BUF_INIT;
    for (size_t i = 0; i < weir_value_n(root) && names.n < 160; i++) {
        const struct weir_value *item =
            root->kind == WEIR_VALUE_DICT ? root->dict.at[i].value : root->items.at[i];
        const struct weir_value *key = root->kind == WEIR_VALUE_DICT ? root->dict.at[i].key : NULL;
        char echo[WEIR_ECHO_BUF_BYTES];
        if (!may_be_model(item))
            continue;
        weir_buf_append_c(&names, names.n ? ", " : "");
        if (key && key->kind == WEIR_VALUE_TEXT)
            weir_buf_printf(&names, "%s", weir_str_echo(key->text, echo, sizeof echo));
        else
            weir_buf_printf(
                &names, "%lld",
                (long long)(key && key->kind == WEIR_VALUE_I64 ? key->i64 : (int64_t)i));
    }
    const char *text = weir_buf_c(&names);
    return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                          "the file holds %zu estimators in a %s: choose one by root_key (%s)",
                          n_found, weir_value_kind_name(root->kind), text ? text : "");
}

/* Finds the estimator that a root is or holds: people save {"model": …, "columns": …} too. */
static enum weir_status find_estimator(const struct weir_value_at *root, const char *key,
                                       struct weir_value_at *out, struct weir_error *err)
{
    if (key && *key && root->v->kind != WEIR_VALUE_OBJECT)
        return follow_key(root, weir_str_c(key), out, err);
    if (root->v->kind == WEIR_VALUE_OBJECT) {
        *out = *root;
        return WEIR_OK;
    }
    bool holds_more = root->v->kind == WEIR_VALUE_DICT || root->v->kind == WEIR_VALUE_LIST ||
                      root->v->kind == WEIR_VALUE_TUPLE;
    size_t n = holds_more ? weir_value_n(root->v) : 0;
    size_t n_found = 0;
    for (size_t i = 0; i < n; i++) {
        struct weir_value_at item;
        enum weir_status status = weir_value_item(root, i, &item, err);
        if (status != WEIR_OK)
            return status;
        if (!may_be_model(item.v))
            continue;
        n_found++;
        *out = item;
    }
    if (n_found == 1)
        return WEIR_OK;
    if (n_found > 1)
        return refuse_several(root->v, n_found, err);
    return weir_error_set(err, WEIR_ERR_UNSUPPORTED,
                          "the file holds data (%s) without an estimator",
                          weir_value_kind_name(root->v->kind));
}

static enum weir_status build(struct weir_format_sklearn *s, const struct weir_value_at *root,
                              const struct weir_format_pickle *tree, const char *root_key,
                              const struct weir_model_node **out, struct weir_error *err)
{
    struct weir_value_at at;
    enum weir_status status = find_estimator(root, root_key, &at, err);
    if (status == WEIR_OK)
        status = weir_format_sklearn_node(s, &at, out, err);
    if (status != WEIR_OK)
        return status;
    struct weir_spec *spec = s->b->spec;
    if (!spec->library.at)
        spec->library = weir_arena_str(s->b->arena, WEIR_STR("scikit-learn"));
    const char *platform =
        strcmp(tree->container, "skops") == 0 ? "sklearn_skops" : "sklearn_pickle";
    spec->platform = weir_arena_str(s->b->arena, weir_str_c(platform));
    spec->estimator = weir_arena_str(s->b->arena, weir_buf_str(s->text));
    if (!weir_buf_ok(s->text) || !spec->library.at || !spec->platform.at || !spec->estimator.at)
        return weir_model_builder_no_memory(s->b, err);
    if (!spec->library_version.at)
        spec->library_version = weir_arena_str(s->b->arena, WEIR_STR(""));
    return spec->library_version.at ? WEIR_OK : weir_model_builder_no_memory(s->b, err);
}

enum weir_status weir_format_sklearn_build(struct weir_model **out,
                                           const struct weir_format_pickle *tree,
                                           const struct weir_format_opts *opts,
                                           struct weir_error *err)
{
    weir_assert(out);
    weir_assert(tree);
    weir_assert(opts);
    struct weir_value_walk walk;
    weir_value_walk_init(&walk, tree->n_nodes);
    struct weir_value_at at = weir_value_root(tree->root, &walk);
    WEIR_CLEANUP(weir_arena_deinit) struct weir_arena temp = WEIR_ARENA_INIT;
    weir_arena_init(&temp, NULL, opts->tree_bytes_max);
    WEIR_CLEANUP(weir_buf_deinit) struct weir_buf text = WEIR_BUF_INIT;
    WEIR_CLEANUP(weir_model_builder_deinit) struct weir_model_builder b = {.arena = NULL};
    enum weir_status status = weir_format_builder_init(&b, opts, err);
    if (status != WEIR_OK)
        return status;
    struct weir_format_sklearn s = {.b = &b,
                                    .temp = &temp,
                                    .keeps_columns = true,
                                    .deadline_ns = opts->deadline_ns,
                                    .text = &text};
    const struct weir_model_node *node = NULL;
    status = build(&s, &at, tree, opts->root_key, &node, err);
    return status == WEIR_OK ? weir_model_builder_finish(&b, node, out, err) : status;
}
