# SPDX-License-Identifier: MIT
"""The models that make_fixtures.py fits: one function for each family, written for every library version at once.

A case is (id, family, builder, data, options). The builder returns an unfitted estimator; data names a data set;
options: fit ("f8", "f4", "df": data frame with column names), labels (a function of the integer labels), save (how
the file is written), commit (small enough for tests/data), nan (share of cells knocked out), rows.
"""
import numpy as np
import sklearn
from sklearn.ensemble import (ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier,
                              RandomForestRegressor)
from sklearn.linear_model import (ARDRegression, BayesianRidge, ElasticNet, ElasticNetCV, HuberRegressor, Lars, Lasso,
                                  LassoCV, LassoLars, LinearRegression, LogisticRegression, LogisticRegressionCV,
                                  OrthogonalMatchingPursuit, Ridge, RidgeCV, SGDRegressor, TheilSenRegressor)
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import (DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier,
                          ExtraTreeRegressor)

VERSION = tuple(int(p) for p in sklearn.__version__.split(".")[:2])
IRIS_NAMES = np.array(["setosa", "versicolor", "virginica"])


class Case:
    def __init__(self, ident, family, build, data, **opts):
        self.ident, self.family, self.build, self.data = ident, family, build, data
        self.fit = opts.pop("fit", "f8")
        self.labels = opts.pop("labels", None)
        self.save = opts.pop("save", "pickle4")
        self.commit = opts.pop("commit", False)
        self.nan = opts.pop("nan", 0.0)
        self.rows = opts.pop("rows", None)
        self.wrap = opts.pop("wrap", None)
        assert not opts, opts


def linear():
    for name, make in (("linreg", LinearRegression), ("ridge", lambda: Ridge(alpha=0.7)),
                       ("lasso", lambda: Lasso(alpha=0.1)), ("enet", lambda: ElasticNet(alpha=0.05))):
        yield Case(name, "linear", make, "diabetes", commit=True)
        yield Case(name + "_2", "linear", make, "diabetes2", commit=name == "linreg", save="joblib")
        yield Case(name + "_f4", "linear", make, "diabetes", fit="f4", commit=name == "ridge")
        yield Case(name + "_f4_2", "linear", make, "diabetes2", fit="f4", save="joblib_zlib")
        yield Case(name + "_df", "linear", make, "diabetes", fit="df", commit=name == "lasso")
        yield Case(name + "_1col", "linear", make, "diabetes2_1")
    yield Case("linreg_noint", "linear", lambda: LinearRegression(fit_intercept=False), "diabetes")
    yield Case("linreg_positive", "linear", lambda: LinearRegression(positive=True), "diabetes")
    yield Case("ridge_noint_2", "linear", lambda: Ridge(fit_intercept=False), "diabetes2")
    yield Case("linreg_bc", "linear", LinearRegression, "breast_cancer_reg", save="joblib_gzip")
    yield Case("ridge_digits", "linear", Ridge, "digits_reg", save="joblib")


def logistic():
    def lr(**kw):
        return lambda: LogisticRegression(**{"max_iter": 200, **kw})

    text = IRIS_NAMES.__getitem__
    yield Case("lr_bc", "logistic", lr(C=0.5), "breast_cancer", commit=True)
    yield Case("lr_bc_f4", "logistic", lr(), "breast_cancer", fit="f4", commit=True)
    yield Case("lr_bc_bool", "logistic", lr(), "breast_cancer", labels=lambda y: y.astype(bool))
    yield Case("lr_bc_str", "logistic", lr(), "breast_cancer", fit="df",
               labels=lambda y: np.array(["malignant", "benign"], dtype=object)[y], save="joblib")
    yield Case("lr_bc_float", "logistic", lr(), "breast_cancer", labels=lambda y: y * 2.0 - 1.0)
    yield Case("lr_bc_liblinear", "logistic", lr(solver="liblinear"), "breast_cancer", commit=True, save="joblib")
    yield Case("lr_bc_noint", "logistic", lr(fit_intercept=False), "breast_cancer")
    yield Case("lr_iris", "logistic", lr(), "iris", labels=text, commit=True)
    yield Case("lr_iris_f4", "logistic", lr(), "iris", fit="f4", labels=text)
    yield Case("lr_iris_df", "logistic", lr(), "iris", fit="df", labels=text, save="joblib_gzip", commit=True)
    yield Case("lr_iris_saga", "logistic", lr(solver="saga", penalty="l1") if VERSION < (1, 8)
               else lr(solver="saga", l1_ratio=1.0), "iris")
    yield Case("lr_wine", "logistic", lr(), "wine")
    yield Case("lr_digits", "logistic", lr(C=0.01), "digits", save="joblib_zlib")
    if VERSION < (1, 8):
        yield Case("lr_bc_multinomial", "logistic", lr(multi_class="multinomial"), "breast_cancer", commit=True)
        yield Case("lr_iris_ovr", "logistic", lr(multi_class="ovr"), "iris", labels=text, commit=True)
        yield Case("lr_iris_multinomial", "logistic", lr(multi_class="multinomial"), "iris")
        yield Case("lr_iris_liblinear", "logistic", lr(solver="liblinear"), "iris", commit=True)
        yield Case("lr_digits_ovr", "logistic", lr(multi_class="ovr"), "digits")
    if VERSION >= (1, 2):
        yield Case("lr_bc_nc", "logistic", lr(solver="newton-cholesky"), "breast_cancer")
        yield Case("lr_iris_nc", "logistic", lr(solver="newton-cholesky"), "iris", commit=True)


def relatives():
    """Linear models that differ in how they are fitted only."""
    for name, make in (("ard", ARDRegression), ("bayesridge", BayesianRidge), ("enetcv", lambda: ElasticNetCV(cv=3)),
                       ("huber", lambda: HuberRegressor(max_iter=1000)), ("lars", Lars), ("lassocv", lambda: LassoCV(cv=3)),
                       ("lassolars", LassoLars), ("omp", OrthogonalMatchingPursuit), ("ridgecv", RidgeCV),
                       ("sgdr", lambda: SGDRegressor(random_state=0)),
                       ("theilsen", lambda: TheilSenRegressor(random_state=0, max_subpopulation=200))):
        yield Case(name, "linear", make, "diabetes", commit=name in ("ridgecv", "sgdr"))
    yield Case("ridgecv_2", "linear", RidgeCV, "diabetes2", save="joblib")
    yield Case("lrcv_iris", "logistic", lambda: LogisticRegressionCV(Cs=3, cv=3, max_iter=200), "iris",
               labels=IRIS_NAMES.__getitem__, commit=True)
    yield Case("lrcv_bc", "logistic", lambda: LogisticRegressionCV(Cs=3, cv=3, max_iter=200, solver="liblinear"),
               "breast_cancer", save="joblib")


def trees():
    cls = (("dtc", DecisionTreeClassifier), ("etc1", ExtraTreeClassifier))
    reg = (("dtr", DecisionTreeRegressor), ("etr1", ExtraTreeRegressor))
    for name, make in cls:
        yield Case(name + "_bc", "tree", lambda m=make: m(random_state=1), "breast_cancer",
                   commit=name == "dtc")
        yield Case(name + "_iris", "tree", lambda m=make: m(random_state=1), "iris", commit=True,
                   labels=IRIS_NAMES.__getitem__)
        yield Case(name + "_multi", "tree", lambda m=make: m(max_depth=4, random_state=1), "wine_multi",
                   commit=name == "dtc", save="joblib")
        yield Case(name + "_wine_depth2", "tree", lambda m=make: m(max_depth=2, random_state=1), "wine", fit="f4")
        yield Case(name + "_entropy", "tree", lambda m=make: m(criterion="entropy", random_state=1), "digits")
    yield Case("dtc_weighted", "tree", lambda: DecisionTreeClassifier(max_depth=3, class_weight="balanced",
                                                                      random_state=1), "wine", commit=True)
    yield Case("dtc_root", "tree", lambda: DecisionTreeClassifier(max_depth=1, max_leaf_nodes=2,
                                                                  min_samples_leaf=60), "iris")
    for name, make in reg:
        yield Case(name + "_diabetes", "tree", lambda m=make: m(max_depth=5, random_state=1), "diabetes",
                   commit=name == "dtr")
        yield Case(name + "_2", "tree", lambda m=make: m(max_depth=5, random_state=1), "diabetes2", save="joblib")
        yield Case(name + "_abs", "tree", lambda m=make: m(criterion="absolute_error", max_depth=3, random_state=1),
                   "diabetes", commit=name == "dtr")
        yield Case(name + "_fried", "tree", lambda m=make: m(criterion="friedman_mse", max_depth=3, random_state=1),
                   "diabetes")
    # Infinite thresholds and learnt directions come from data with gaps, where the library can fit it.
    if VERSION >= (1, 3):
        yield Case("dtc_nan", "tree", lambda: DecisionTreeClassifier(random_state=1), "wine", nan=0.15, commit=True)
        yield Case("dtr_nan", "tree", lambda: DecisionTreeRegressor(max_depth=6, random_state=1), "diabetes", nan=0.15)
    if VERSION >= (1, 6):
        yield Case("etc1_nan", "tree", lambda: ExtraTreeClassifier(random_state=1), "wine", nan=0.15)


def forests():
    cls = (("rfc", RandomForestClassifier), ("etc", ExtraTreesClassifier))
    reg = (("rfr", RandomForestRegressor), ("etr", ExtraTreesRegressor))
    for name, make in cls:
        def small(m=make, **kw):
            return lambda: m(**{"n_estimators": 7, "max_depth": 4, "random_state": 2, **kw})
        yield Case(name + "_iris", "forest", small(), "iris", labels=IRIS_NAMES.__getitem__, commit=True)
        yield Case(name + "_bc", "forest", small(n_estimators=30, max_depth=None), "breast_cancer", fit="df")
        yield Case(name + "_bc_f4", "forest", small(n_estimators=30), "breast_cancer", fit="f4", save="joblib")
        yield Case(name + "_digits", "forest", small(n_estimators=40, max_depth=12), "digits", save="joblib_zlib")
        yield Case(name + "_wine_multi", "forest", small(n_estimators=3, max_depth=3), "wine_multi",
                   save="joblib_gzip", commit=name == "rfc")
        yield Case(name + "_wine_bool", "forest", small(), "breast_cancer", labels=lambda y: y == 1)
        yield Case(name + "_weighted", "forest", small(class_weight="balanced_subsample"), "wine")
    for name, make in reg:
        def small(m=make, **kw):
            return lambda: m(**{"n_estimators": 7, "max_depth": 4, "random_state": 2, **kw})
        yield Case(name + "_diabetes", "forest", small(), "diabetes", commit=True, save="joblib")
        yield Case(name + "_2", "forest", small(n_estimators=4, max_depth=3), "diabetes2", commit=name == "etr")
        yield Case(name + "_deep", "forest", small(n_estimators=60, max_depth=None), "diabetes")
    if VERSION >= (1, 4):
        yield Case("rfc_nan", "forest", lambda: RandomForestClassifier(n_estimators=5, max_depth=5, random_state=2),
                   "wine", nan=0.2, commit=True)
        yield Case("rfr_nan", "forest", lambda: RandomForestRegressor(n_estimators=10, random_state=2), "diabetes",
                   nan=0.2, save="joblib")
    if VERSION >= (1, 6):
        yield Case("etc_nan", "forest", lambda: ExtraTreesClassifier(n_estimators=5, max_depth=5, random_state=2),
                   "wine", nan=0.2)
        yield Case("etr_nan", "forest", lambda: ExtraTreesRegressor(n_estimators=10, random_state=2), "diabetes",
                   nan=0.2, save="joblib_zlib")


def scalers():
    yield Case("ss", "scale", StandardScaler, "wine", commit=True)
    yield Case("ss_f4", "scale", StandardScaler, "wine", fit="f4", save="joblib", commit=True)
    yield Case("ss_nomean", "scale", lambda: StandardScaler(with_mean=False), "wine", fit="df")
    yield Case("ss_nostd", "scale", lambda: StandardScaler(with_std=False), "wine")
    yield Case("ss_none", "scale", lambda: StandardScaler(with_mean=False, with_std=False), "wine")
    yield Case("ss_nan", "scale", StandardScaler, "wine", nan=0.1)
    yield Case("mms", "scale", MinMaxScaler, "wine", commit=True)
    yield Case("mms_f4", "scale", lambda: MinMaxScaler((-1, 2)), "wine", fit="f4")
    yield Case("mms_clip", "scale", lambda: MinMaxScaler((0.1, 0.9), clip=True), "wine", rows="half", commit=True)
    yield Case("mms_clip_f4", "scale", lambda: MinMaxScaler((0.1, 0.9), clip=True), "wine", rows="half", fit="f4")
    yield Case("mms_nan", "scale", MinMaxScaler, "wine", nan=0.1, save="joblib")
    yield Case("ss_mms", "scale", lambda: make_pipeline(StandardScaler(), "passthrough", MinMaxScaler()), "wine",
               commit=True)


def composed():
    def pipe(*steps):
        return lambda: make_pipeline(*[s() if callable(s) else s for s in steps])

    lr = lambda: LogisticRegression(max_iter=200)
    yield Case("p_ss_lr_bc", "logistic", pipe(StandardScaler, lr), "breast_cancer", fit="df", commit=True)
    yield Case("p_ss_lr_bc_f4", "logistic", pipe(StandardScaler, lr), "breast_cancer", fit="f4", save="joblib")
    yield Case("p_mm_pass_lr", "logistic", pipe(lambda: MinMaxScaler(clip=True), "passthrough", lr), "wine",
               save="joblib_zlib", commit=True)
    yield Case("p_ss_ridge", "linear", pipe(StandardScaler, Ridge), "diabetes", save="joblib", commit=True)
    yield Case("p_ss_ridge_f4", "linear", pipe(StandardScaler, Ridge), "diabetes", fit="f4")
    yield Case("p_ss_rf", "forest", pipe(StandardScaler, lambda: RandomForestClassifier(
        n_estimators=5, max_depth=4, random_state=2)), "iris", commit=True)
    yield Case("p_mm_dtr", "tree", pipe(MinMaxScaler, lambda: DecisionTreeRegressor(max_depth=4)), "diabetes")
    yield Case("p_nested", "linear", lambda: Pipeline([
        ("prep", Pipeline([("a", StandardScaler()), ("b", MinMaxScaler())])), ("none", "passthrough"),
        ("model", LinearRegression())]), "diabetes", fit="df", commit=True)
    yield Case("p_last_pass", "scale", lambda: Pipeline([("a", StandardScaler()), ("b", "passthrough")]), "wine")
    yield Case("gs_lr", "logistic", lambda: GridSearchCV(pipe(StandardScaler, lr)(),
                                                         {"logisticregression__C": [0.1, 1.0]}, cv=3),
               "iris", labels=IRIS_NAMES.__getitem__, commit=True)
    yield Case("gs_rf", "forest", lambda: GridSearchCV(RandomForestClassifier(n_estimators=3, random_state=0),
                                                       {"max_depth": [2, 4]}, cv=3), "wine", save="joblib")
    yield Case("rs_ridge", "linear", lambda: RandomizedSearchCV(Ridge(), {"alpha": np.logspace(-2, 2, 20)}, n_iter=4,
                                                                cv=3, random_state=0), "diabetes", commit=True)
    yield Case("p_gs", "logistic", lambda: make_pipeline(MinMaxScaler(), GridSearchCV(
        lr(), {"C": [0.1, 1.0]}, cv=3)), "wine", save="pickle5")
    yield Case("in_dict", "logistic", pipe(StandardScaler, lr), "iris", wrap="dict", commit=True)
    yield Case("in_tuple", "linear", Ridge, "diabetes", wrap="tuple", save="joblib")


def encodings():
    """One pipeline and one forest in every way a file can be written."""
    for save in ("pickle0", "pickle1", "pickle2", "pickle3", "pickle5", "joblib", "joblib_zlib", "joblib_gzip",
                 "joblib_zlib9", "gzip"):
        yield Case("enc_lr_" + save, "logistic", lambda: make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=200)), "iris", fit="df",
                   labels=IRIS_NAMES.__getitem__, save=save, commit=True)
        yield Case("enc_rf_" + save, "forest", lambda: RandomForestClassifier(
            n_estimators=2, max_depth=3, random_state=0), "iris", save=save, commit=save in ("pickle0", "pickle5"))


def all_cases():
    for family in (linear, logistic, relatives, trees, forests, scalers, composed, encodings):
        yield from family()
