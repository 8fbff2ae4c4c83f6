# SPDX-License-Identifier: MIT
"""Every objective, missing type, kind of leaf and category, as Booster files."""
import numpy as np
import lightgbm as lgb

import data

from . import Native, VERSION

PARAMS = {"num_leaves": 12, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1, "seed": 3,
          "deterministic": True, "force_row_wise": True}


def train(name, labels=None, rounds=10, holes=None, categorical=(), group=None, names=None, **params):
    def run():
        X, y, columns = data.load(name)
        y = labels(y) if labels else y
        rng = np.random.RandomState(2)
        if holes is not None:
            X = X.copy()
            X[rng.uniform(size=X.shape) < 0.25] = holes
        if categorical:
            X = np.column_stack([X[:, :3], rng.randint(0, 60, size=len(X)), rng.randint(0, 3, size=len(X)),
                                 rng.randint(0, 300, size=len(X))]).astype(np.float64)
            y = y + 40.0 * (X[:, 3] % 7) + 15.0 * X[:, 4] + 3.0 * (X[:, 5] % 11)
            X[rng.uniform(size=len(X)) < 0.1, 3] = np.nan
        d = lgb.Dataset(X, label=y, categorical_feature=list(categorical) or "auto", group=group,
                        feature_name=[c.replace(" ", "_") for c in columns] if names else "auto",
                        params={"verbosity": -1})
        bst = lgb.train({**PARAMS, **params}, d, rounds)
        if categorical:
            X = X.copy()
            X[::7, 3] = rng.randint(-5, 90, size=len(X[::7]))
            X[::9, 5] = rng.choice([1e9, -1.0, 299.7, 3.0, 1e10, 0.5, -0.5, np.inf], size=len(X[::9]))
        return bst, X
    return run


def cases():
    counts = lambda y: np.round(y / 20)
    for name in ("regression", "regression_l1", "huber", "fair", "quantile", "mape"):
        yield Native(name, train("diabetes", objective=name), commit=name == "regression")
    for name in ("poisson", "gamma", "tweedie"):
        yield Native(name, train("diabetes", objective=name, labels=counts), commit=name == "poisson")
        yield Native(name + "_pickle", train("diabetes", objective=name, labels=lambda y: y / 100), "pickle")
    yield Native("regression_sqrt", train("diabetes", objective="regression", reg_sqrt=True), commit=True)
    yield Native("binary", train("breast_cancer", objective="binary"), commit=True)
    yield Native("binary_sigmoid", train("breast_cancer", objective="binary", sigmoid=2.3, names=True), commit=True)
    yield Native("binary_unbalance", train("breast_cancer", objective="binary", is_unbalance=True))
    yield Native("binary_crlf", train("breast_cancer", objective="binary"), "crlf", commit=True)
    yield Native("binary_pickle", train("breast_cancer", objective="binary"), "pickle")
    yield Native("cross_entropy", train("breast_cancer", objective="cross_entropy"))
    yield Native("cross_entropy_lambda", train("breast_cancer", objective="cross_entropy_lambda"), commit=True)
    yield Native("multiclass", train("wine", objective="multiclass", num_class=3), commit=True)
    yield Native("multiclass_digits", train("digits", objective="multiclass", num_class=10, rounds=5))
    yield Native("multiclassova", train("wine", objective="multiclassova", num_class=3, sigmoid=1.7), commit=True)
    yield Native("lambdarank", train("diabetes", objective="lambdarank", labels=lambda y: np.round(y / 80).astype(int),
                                     group=[40] * 11 + [2]))
    yield Native("rank_xendcg", train("diabetes", objective="rank_xendcg", group=[40] * 11 + [2],
                                      labels=lambda y: np.round(y / 80).astype(int)))
    for boosting in ("dart", "rf", "goss"):
        extra = {"bagging_freq": 1, "bagging_fraction": 0.7} if boosting == "rf" else {}
        yield Native("binary_" + boosting, train("breast_cancer", objective="binary", boosting=boosting, **extra),
                     commit=boosting == "rf")
        yield Native("regression_" + boosting, train("diabetes", objective="regression", boosting=boosting, **extra))
        yield Native("multiclass_" + boosting, train("wine", objective="multiclass", num_class=3, boosting=boosting,
                                                     **extra))
    yield Native("nan", train("diabetes", objective="regression", holes=np.nan), commit=True)
    yield Native("nan_pickle", train("breast_cancer", objective="binary", holes=np.nan), "pickle")
    yield Native("zero", train("diabetes", objective="regression", holes=0.0))
    yield Native("zero_as_missing", train("diabetes", objective="regression", holes=0.0, zero_as_missing=True), commit=True)
    yield Native("zero_as_missing_nan", train("breast_cancer", objective="binary", holes=np.nan, zero_as_missing=True))
    yield Native("no_missing", train("diabetes", objective="regression", holes=np.nan, use_missing=False), commit=True)
    yield Native("categorical", train("diabetes", objective="regression", categorical=(3, 4, 5), min_data_per_group=3,
                                      cat_smooth=1), commit=True)
    yield Native("categorical_onehot", train("diabetes", objective="regression", categorical=(4,), max_cat_to_onehot=9))
    yield Native("categorical_zero", train("diabetes", objective="regression", categorical=(3, 5), min_data_per_group=3,
                                           cat_smooth=1, zero_as_missing=True))
    yield Native("linear", train("diabetes", objective="regression", linear_tree=True), commit=True)
    yield Native("linear_nan", train("diabetes", objective="regression", linear_tree=True, holes=np.nan))
    yield Native("monotone", train("diabetes", objective="regression", monotone_constraints=[1, -1] + [0] * 8))
    yield Native("extra", train("diabetes", objective="regression", extra_trees=True, num_leaves=31, rounds=30))
    yield Native("deep", train("diabetes", objective="regression", num_leaves=200, min_data_in_leaf=1, rounds=40))
    yield Native("stump", train("diabetes", objective="regression", num_leaves=2))
    yield Native("constant", train("diabetes", objective="regression", min_data_in_leaf=400, labels=lambda y: y))

    def custom():
        X, y, _ = data.load("diabetes")
        d = lgb.Dataset(X, label=y, params={"verbosity": -1})
        gradient = lambda p, s: (p - s.get_label(), np.ones(len(p)))
        if VERSION < (4, 0):
            return lgb.train({**PARAMS, "objective": "none"}, d, 6, fobj=gradient), X
        return lgb.train({**PARAMS, "objective": gradient}, d, 6), X
    yield Native("custom", custom, commit=True)
