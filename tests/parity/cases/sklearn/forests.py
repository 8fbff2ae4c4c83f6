# SPDX-License-Identifier: MIT
"""Forests."""
from sklearn.ensemble import (ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier,
                              RandomForestRegressor)

from cases import Case
from cases.sklearn import IRIS_NAMES, VERSION


def cases():
    cls = (("rfc", RandomForestClassifier), ("etc", ExtraTreesClassifier))
    reg = (("rfr", RandomForestRegressor), ("etr", ExtraTreesRegressor))
    for name, make in cls:
        def small(m=make, **kw):
            return lambda: m(**{"n_estimators": 7, "max_depth": 4, "random_state": 2, **kw})
        yield Case(name + "_iris", "forest", small(), "iris", labels=IRIS_NAMES.__getitem__, commit=True,
                   leaf=lambda est, X: est.apply(X))
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
        yield Case(name + "_2", "forest", small(n_estimators=4, max_depth=3), "diabetes2", commit=name == "etr",
                   leaf=lambda est, X: est.apply(X))
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
