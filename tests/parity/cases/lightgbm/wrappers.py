# SPDX-License-Identifier: MIT
"""The scikit-learn wrappers of LightGBM, pickled: labels, early stopping, pipelines."""
import lightgbm as lgb
import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import data

from . import Around, Wrapper

QUIET = {"n_jobs": 1, "random_state": 5, "verbose": -1, "n_estimators": 8, "num_leaves": 12, "min_child_samples": 5}


def fit(make, name, labels=None, stop=False, wrap=None, f4=False, frame=False, group=None, **params):
    def run():
        X, y, columns = data.load(name)
        y = labels(y) if labels else y
        options = {**QUIET, **params}
        extra, half = {}, slice(None)
        if stop:
            half = np.random.RandomState(1).uniform(size=len(X)) < 0.6
            extra = {"eval_set": [(X[~half], y[~half])], "callbacks": [lgb.early_stopping(3, verbose=False)]}
            options.update(n_estimators=80, learning_rate=0.8)
        if group:
            extra["group"] = group
        est = make(**options)
        est = wrap(est) if wrap else est
        fit_X = X[half].astype("f4" if f4 else "f8")
        if frame:
            import pandas
            fit_X = pandas.DataFrame(fit_X, columns=[c.replace(" ", "_") for c in columns])
        return est.fit(fit_X, y[half], **extra), X
    return run


def several(ident, run, commit=()):
    for how in ("pickle4", "joblib"):
        yield Wrapper(ident + "_" + how, run, how, how in commit)


def cases():
    C, R = lgb.LGBMClassifier, lgb.LGBMRegressor
    text = lambda y: np.array(["malignant", "benign"])[y]
    wine = lambda y: np.array(["red", "white", "rosé"])[y]
    for how in ("pickle0", "pickle2", "pickle4", "pickle5", "joblib"):
        yield Wrapper("binary_" + how, fit(C, "breast_cancer"), how, how in ("pickle0", "pickle5", "joblib"))
    yield from several("binary_text", fit(C, "breast_cancer", labels=text), commit=("pickle4",))
    yield from several("binary_bool", fit(C, "breast_cancer", labels=lambda y: y == 1))
    yield from several("multi", fit(C, "wine"), commit=("pickle4",))
    yield from several("multi_text", fit(C, "wine", labels=wine), commit=("joblib",))
    yield from several("multi_numbers", fit(C, "wine", labels=lambda y: y * 7 - 3))
    yield from several("multi_ova", fit(C, "wine", objective="multiclassova"))
    yield from several("binary_stop", fit(C, "breast_cancer", stop=True), commit=("pickle4",))
    yield from several("multi_stop", fit(C, "digits", stop=True))
    yield from several("regressor", fit(R, "diabetes"), commit=("pickle4",))
    yield from several("regressor_f4", fit(R, "diabetes", f4=True))
    yield from several("regressor_stop", fit(R, "diabetes", stop=True))
    yield from several("regressor_frame", fit(R, "diabetes", frame=True), commit=("joblib",))
    yield from several("poisson", fit(R, "diabetes", objective="poisson"))
    yield from several("ranker", fit(lgb.LGBMRanker, "diabetes", labels=lambda y: np.round(y / 80).astype(int),
                                     group=[40] * 11 + [2]))
    for boosting in ("dart", "rf"):
        extra = {"subsample_freq": 1, "subsample": 0.7} if boosting == "rf" else {}
        yield from several("binary_" + boosting, fit(C, "breast_cancer", boosting_type=boosting, **extra))
        yield from several("regressor_" + boosting, fit(R, "diabetes", boosting_type=boosting, **extra))
    yield from several("balanced", fit(C, "wine", class_weight="balanced"))
    pipe = lambda est: make_pipeline(StandardScaler(), est)
    yield Wrapper("pipeline_pickle4", fit(C, "breast_cancer", wrap=pipe), commit=True)
    yield Wrapper("pipeline_multi_joblib", fit(C, "wine", labels=wine, wrap=pipe), "joblib")
    yield Wrapper("pipeline_regressor_pickle5", fit(R, "diabetes", wrap=pipe), "pickle5")
    yield Around("calibrated", fit(C, "breast_cancer", wrap=lambda e: CalibratedClassifierCV(e, cv=3)))
    yield Around("calibrated_multi", fit(C, "wine", labels=wine, wrap=lambda e: CalibratedClassifierCV(pipe(e), cv=3)))
    yield Around("one_vs_rest", fit(C, "wine", labels=wine, wrap=OneVsRestClassifier))
