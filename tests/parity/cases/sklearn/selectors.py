# SPDX-License-Identifier: MIT
"""Selectors of columns."""
import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import (GenericUnivariateSelect, RFE, RFECV, SelectFdr, SelectFpr, SelectFromModel, SelectFwe,
                                       SelectKBest, SelectPercentile, SequentialFeatureSelector, VarianceThreshold,
                                       chi2, f_classif, f_regression, mutual_info_classif)
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from cases import Case
from cases.sklearn import VERSION


def cases():
    yield Case("variance", "scale", VarianceThreshold, "digits", commit=True)
    yield Case("variance_2", "scale", lambda: VarianceThreshold(0.5), "wine", nan=0.1)
    for k in (1, 5, "all"):
        yield Case("k_best_%s" % k, "scale", lambda k=k: SelectKBest(f_classif, k=k), "wine", commit=k == 5)
    yield Case("k_best_digits", "scale", lambda: SelectKBest(chi2, k=30), "digits")
    yield Case("k_best_f4", "scale", lambda: SelectKBest(f_regression, k=4), "diabetes", fit="f4")
    for p in (10, 25, 50, 77, 100):
        yield Case("percent_%d" % p, "scale", lambda p=p: SelectPercentile(f_classif, percentile=p), "digits",
                   commit=p == 25)
    yield Case("fpr", "scale", lambda: SelectFpr(f_regression, alpha=0.01), "diabetes", commit=True)
    yield Case("fdr", "scale", lambda: SelectFdr(f_regression, alpha=0.01), "diabetes", commit=True)
    yield Case("fwe", "scale", lambda: SelectFwe(f_regression, alpha=0.01), "diabetes")
    yield Case("fdr_digits", "scale", lambda: SelectFdr(chi2, alpha=0.3), "digits")
    for mode, param in (("k_best", 3), ("percentile", 40), ("fpr", 0.05), ("fdr", 0.05), ("fwe", 0.05)):
        yield Case("generic_" + mode, "scale", lambda m=mode, p=param: GenericUnivariateSelect(
            f_classif, mode=m, param=p), "breast_cancer", commit=mode == "percentile")
    forest = lambda: RandomForestClassifier(n_estimators=7, max_depth=4, random_state=0)
    l1 = {"l1_ratio": 1.0, "solver": "saga"} if VERSION >= (1, 8) else {"penalty": "l1", "solver": "liblinear"}
    for name, make, data, kw in (
            ("rf", forest, "wine", {}), ("rf_median", forest, "wine", {"threshold": "median"}),
            ("rf_scaled", forest, "breast_cancer", {"threshold": "1.25*mean"}),
            ("rf_most", forest, "digits", {"threshold": -np.inf, "max_features": 11}),
            ("et", lambda: ExtraTreesClassifier(n_estimators=5, random_state=0), "digits", {}),
            ("dt", lambda: DecisionTreeClassifier(random_state=0), "wine", {}),
            ("gb", lambda: GradientBoostingClassifier(n_estimators=5, random_state=0), "wine", {}),
            ("lasso", lambda: Lasso(alpha=0.5), "diabetes", {}), ("ridge", Ridge, "diabetes", {}),
            ("lr", lambda: LogisticRegression(max_iter=500), "wine", {"norm_order": 2}),
            ("lr_l1", lambda: LogisticRegression(max_iter=500, C=0.1, **l1), "breast_cancer", {}),
            ("svc", lambda: LinearSVC(penalty="l1", dual=False, C=0.1), "iris", {}),
            ("fixed", Ridge, "diabetes", {"threshold": 100.0})):
        yield Case("from_" + name, "scale", lambda m=make, k=kw: SelectFromModel(m(), **k), data,
                   commit=name in ("rf", "lasso", "lr"))
    yield Case("from_prefit", "scale", lambda: SelectFromModel(Lasso(alpha=0.3).fit(*_diabetes()), prefit=True), "diabetes")
    yield Case("rfe", "scale", lambda: RFE(LogisticRegression(max_iter=300), n_features_to_select=4), "wine", commit=True,
               tolerance="rel:1e-12 abs:1e-12")
    yield Case("rfe_tree", "scale", lambda: RFE(DecisionTreeClassifier(random_state=0), n_features_to_select=3), "iris")
    yield Case("rfecv", "scale", lambda: RFECV(Ridge(), cv=3), "diabetes", commit=True,
               tolerance="rel:1e-12")
    yield Case("sfs", "scale", lambda: SequentialFeatureSelector(Ridge(), n_features_to_select=3, cv=2), "diabetes")
    yield Case("select_lr", "logistic", lambda: make_pipeline(StandardScaler(), SelectKBest(f_classif, k=6), LogisticRegression(
        max_iter=300)), "wine", fit="df", commit=True)


def _diabetes():
    from sklearn.datasets import load_diabetes
    return load_diabetes(return_X_y=True)
