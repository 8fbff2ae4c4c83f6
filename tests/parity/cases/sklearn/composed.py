# SPDX-License-Identifier: MIT
"""Pipelines, searches, and containers around them."""
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from cases import Case
from cases.sklearn import IRIS_NAMES


def cases():
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
    for name, search in (("hgs", HalvingGridSearchCV), ("hrs", HalvingRandomSearchCV)):
        yield Case(name + "_ridge", "linear", lambda s=search: s(Ridge(), {"alpha": [0.1, 0.5, 1.0, 4.0]}, cv=3,
                                                                 random_state=0), "diabetes", commit=True)
    yield Case("p_gs", "logistic", lambda: make_pipeline(MinMaxScaler(), GridSearchCV(
        lr(), {"C": [0.1, 1.0]}, cv=3)), "wine", save="pickle5")
    yield Case("in_dict", "logistic", pipe(StandardScaler, lr), "iris", wrap="dict", commit=True)
    yield Case("in_tuple", "linear", Ridge, "diabetes", wrap="tuple", save="joblib")
