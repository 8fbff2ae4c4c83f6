# SPDX-License-Identifier: MIT
"""Kinds of boosters and trees: dart, gblinear, forests, categories, vectors in leaves, deep and empty ones."""
import numpy as np
import xgboost as xgb

import data

from . import VERSION, Native, every_form, named, trained


def plain(name, objective, rounds=10, nan=0.0, **params):
    def train():
        X, y, _ = data.load(name)
        if nan:
            X = X.copy()
            X[np.random.RandomState(2).uniform(size=X.shape) < nan] = np.nan
        return trained({"objective": objective, "max_depth": 4, **params}, X, y, rounds), X
    return train


def categorical(objective, onehot=1, **params):
    """Codes as columns of type c; asked with codes that were never seen, negative and broken ones too."""
    def train():
        X, y, _ = data.load("diabetes")
        rng = np.random.RandomState(4)
        X = np.column_stack([X[:, :3], rng.randint(0, 40, size=len(X)), rng.randint(0, 4, size=len(X))]).astype(float)
        y = y + 30.0 * (X[:, 3] % 5) + 50.0 * (X[:, 4] == 2)
        X[rng.uniform(size=len(X)) < 0.1, 3] = np.nan
        types = ["float"] * 3 + ["c"] * 2
        d = xgb.DMatrix(X, label=y, feature_types=types, enable_categorical=True)
        bst = xgb.train({"objective": objective, "tree_method": "hist", "max_depth": 5, "max_cat_to_onehot": onehot,
                         "verbosity": 0, "nthread": 1, **params}, d, 10)
        X = X.copy()
        X[::5, 3] = rng.randint(0, 70, size=len(X[::5]))
        return named(Codes.of(bst, types), objective), X
    return train


class Codes:
    """A booster that is asked with feature types."""

    @staticmethod
    def of(bst, types):
        ask = bst.predict

        def predict(matrix, **kw):
            matrix.feature_types = types
            return ask(matrix, **kw)
        bst.predict = predict
        return bst


def vectors(name, objective, **params):
    def train():
        X, y, _ = data.load(name)
        return trained({"objective": objective, "multi_strategy": "multi_output_tree", "tree_method": "hist",
                        "max_depth": 4, **params}, X, y, 8), X
    return train


def empty():
    X, y, _ = data.load("breast_cancer")
    return trained({"objective": "binary:logistic", "base_score": 0.3}, X, y, 0), X


def cases():
    if VERSION >= (1, 0):
        for name, objective in (("diabetes", "reg:squarederror"), ("breast_cancer", "binary:logistic"),
                                ("wine", "multi:softprob")):
            extra = {"num_class": 3} if name == "wine" else {}
            yield from every_form("dart_" + name, plain(name, objective, booster="dart", rate_drop=0.4, **extra),
                                  commit=("json", "ubj") if name == "diabetes" else ())
    for name, objective in (("diabetes", "reg:squarederror"), ("breast_cancer", "binary:logistic"),
                            ("wine", "multi:softprob")):
        extra = {"num_class": 3} if name == "wine" else {}
        yield from every_form("linear_" + name, plain(name, objective, booster="gblinear", **extra),
                              commit=("json",) if name != "diabetes" else ("bin",))
        yield from every_form("forest_" + name, plain(name, objective, 3, num_parallel_tree=4, subsample=0.6, **extra),
                              commit=("json",) if name == "wine" else ())
        yield from every_form("nan_" + name, plain(name, objective, nan=0.3, **extra))
    yield from every_form("deep", plain("diabetes", "reg:squarederror", 30, max_depth=20, min_child_weight=0))
    yield from every_form("lossguide", plain("diabetes", "reg:squarederror", tree_method="hist",
                                             grow_policy="lossguide", max_leaves=40, max_depth=0))
    yield from every_form("pruned", plain("diabetes", "reg:squarederror", 20, gamma=20000.0, max_depth=8,
                                          tree_method="exact"), commit=("json", "bin"))
    yield from every_form("exact", plain("breast_cancer", "binary:logistic", tree_method="exact"))
    if VERSION >= (1, 0):
        yield from every_form("monotone", plain("diabetes", "reg:squarederror", tree_method="exact",
                                                monotone_constraints="(1,-1,0,0,0,0,0,0,0,0)"))
    if VERSION >= (1, 7):
        yield from every_form("empty", empty, commit=("json",))
        yield from every_form("targets", plain("diabetes2", "reg:squarederror"), commit=("json",))
        for form in ("json", "ubj"):
            yield Native("categorical_" + form, categorical("reg:squarederror"), form, commit=True)
            yield Native("categorical_onehot_" + form, categorical("reg:squarederror", 100), form)
            yield Native("categorical_poisson_" + form, categorical("count:poisson", base_score=0.5), form)
    if VERSION >= (2, 0):
        for form in ("json", "ubj"):
            yield Native("vectors_" + form, vectors("diabetes2", "reg:squarederror"), form, commit=True)
            yield Native("vectors_wine_" + form, vectors("wine", "multi:softprob", num_class=3), form,
                         commit=form == "json")
