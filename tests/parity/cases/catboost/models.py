# SPDX-License-Identifier: MIT
"""Losses, labels, kinds of trees, missing values."""
import catboost as cb
import numpy as np

import data

from . import every_form

QUIET = {"iterations": 15, "depth": 4, "thread_count": 1, "random_seed": 3, "verbose": False,
         "allow_writing_files": False}


def fit(make, name, labels=None, nan=0.0, frame=False, stop=False, **params):
    def run():
        X, y, columns = data.load(name)
        y = labels(y) if labels else y
        rng = np.random.RandomState(3)
        if nan:
            X = X.copy()
            X[rng.uniform(size=X.shape) < nan] = np.nan
        est = make(**{**QUIET, **params})
        fit_X = X
        if frame:
            import pandas
            fit_X = pandas.DataFrame(X, columns=columns)
        extra = {}
        half = slice(None)
        if stop:
            half = rng.uniform(size=len(X)) < 0.6
            extra = {"eval_set": (X[~half], y[~half]), "early_stopping_rounds": 3}
        return est.fit(fit_X[half], y[half], **extra), X
    return run


def rank():
    X, y, _ = data.load("diabetes")
    groups = np.arange(len(X)) // 40
    est = cb.CatBoostRanker(loss_function="YetiRank", **QUIET)
    return est.fit(X, np.round(y / 80), group_id=groups), X


def cases():
    C, R = cb.CatBoostClassifier, cb.CatBoostRegressor
    text = lambda y: np.array(["malignant", "benign"])[y]
    wine = lambda y: np.array(["red", "white", "rosé"])[y]
    yield from every_form("binary", fit(C, "breast_cancer"), commit=("cbm", "json"))
    yield from every_form("binary_text", fit(C, "breast_cancer", labels=text), commit=("cbm",))
    yield from every_form("binary_float", fit(C, "breast_cancer", labels=lambda y: y * 0.5 - 1))
    yield from every_form("binary_deep", fit(C, "breast_cancer", depth=9, iterations=30))
    yield from every_form("binary_depth1", fit(C, "breast_cancer", depth=1))
    yield from every_form("binary_stop", fit(C, "breast_cancer", stop=True, iterations=200, learning_rate=0.8))
    yield from every_form("cross_entropy", fit(C, "breast_cancer", loss_function="CrossEntropy"))
    yield from every_form("multi", fit(C, "wine"), commit=("cbm", "json"))
    yield from every_form("multi_text", fit(C, "wine", labels=wine, frame=True), commit=("json",))
    yield from every_form("multi_numbers", fit(C, "wine", labels=lambda y: y * 5 - 2))
    yield from every_form("multi_ova", fit(C, "wine", loss_function="MultiClassOneVsAll"), commit=("cbm",))
    yield from every_form("multi_digits", fit(C, "digits", depth=3))
    for nan_mode in ("Min", "Max"):
        yield from every_form("nan_" + nan_mode, fit(R, "diabetes", nan=0.2, nan_mode=nan_mode), commit=("cbm", "json"))
        yield from every_form("nan_binary_" + nan_mode, fit(C, "breast_cancer", nan=0.2, nan_mode=nan_mode))
    for loss in ("RMSE", "MAE", "Quantile:alpha=0.3", "MAPE", "Lq:q=3", "Huber:delta=20", "Expectile:alpha=0.3", "LogCosh"):
        yield from every_form("loss_" + loss.split(":")[0].lower(), fit(R, "diabetes", loss_function=loss),
                              commit=("cbm",) if loss == "RMSE" else ())
    yield from every_form("loss_poisson", fit(R, "diabetes", loss_function="Poisson"), commit=("json",))
    yield from every_form("loss_tweedie", fit(R, "diabetes", loss_function="Tweedie:variance_power=1.5"))
    yield from every_form("multi_rmse", fit(R, "diabetes2", loss_function="MultiRMSE"), commit=("cbm",))
    yield from every_form("frame", fit(R, "diabetes", frame=True))
    yield from every_form("yeti_rank", rank)
    for policy in ("Lossguide", "Depthwise"):
        yield from every_form("binary_" + policy, fit(C, "breast_cancer", grow_policy=policy), commit=("cbm", "json"))
        yield from every_form("multi_" + policy, fit(C, "wine", grow_policy=policy), commit=("cbm",))
        yield from every_form("regressor_" + policy, fit(R, "diabetes", grow_policy=policy, depth=6))
        yield from every_form("nan_" + policy, fit(R, "diabetes", grow_policy=policy, nan=0.2, nan_mode="Max"))
    yield from every_form("no_average", fit(R, "diabetes", boost_from_average=False))
    yield from every_form("balanced", fit(C, "wine", auto_class_weights="Balanced"))
