# SPDX-License-Identifier: MIT
"""The scikit-learn wrappers: pickled, and by their own save_model; early stopping, missing values, labels, pipelines."""
import numpy as np
import xgboost as xgb
from sklearn.calibration import CalibratedClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

import data

from . import FORMATS, VERSION, Around, Wrapper

QUIET = {"n_jobs": 1, "random_state": 5, "verbosity": 0}
HAS_ENCODER = VERSION < (1, 6)
if (1, 3) <= VERSION < (1, 6):
    QUIET["use_label_encoder"] = True


def fit(make, name, labels=None, stop=False, nan=0.0, wrap=None, missing=None, f4=False, frame=False, **params):
    def run():
        X, y, names = data.load(name)
        y = labels(y) if labels else y
        if nan:
            rng = np.random.RandomState(3)
            X = X.copy()
            X[rng.uniform(size=X.shape) < nan] = np.nan if missing is None else missing
        options = {**QUIET, "n_estimators": 9, "max_depth": 4, **params}
        if missing is not None:
            options["missing"] = missing
        extra = {}
        if stop:
            half = rng = np.random.RandomState(1).uniform(size=len(X)) < 0.6
            extra = {"eval_set": [(X[~half], y[~half])], "verbose": False}
            if VERSION >= (1, 6):
                options["early_stopping_rounds"] = 3
            else:
                extra["early_stopping_rounds"] = 3
            options["n_estimators"] = 60
            options["learning_rate"] = 0.9
        else:
            half = slice(None)
        est = make(**options)
        if wrap:
            est = wrap(est)
        fit_X = X[half].astype("f4" if f4 else "f8")
        if frame:
            import pandas
            fit_X = pandas.DataFrame(fit_X, columns=[n.replace("[", "(") for n in names])
        est.fit(fit_X, y[half], **extra)
        return est, X
    return run


def several(ident, run, how=("pickle4", "joblib"), commit=()):
    for one in (*how, *FORMATS):
        if one == "bin" and VERSION < (1, 0):
            continue  # says nothing of the wrapper
        yield Wrapper(ident + "_" + one, run, one, one in commit)


def rank():
    X, y, _ = data.load("diabetes")
    est = xgb.XGBRanker(n_estimators=7, max_depth=3, objective="rank:pairwise", **{k: v for k, v in QUIET.items()
                                                                                    if k != "use_label_encoder"})
    est.fit(X, np.round(y / 80), group=[40] * 11 + [2])
    return est, X


def multi_label():
    X, y, _ = data.load("wine")
    Y = np.column_stack([y == 0, y == 1, X[:, 0] > 13]).astype(int)
    return xgb.XGBClassifier(n_estimators=6, max_depth=3, **QUIET).fit(X, Y), X


def cases():
    C, R = xgb.XGBClassifier, xgb.XGBRegressor
    text = lambda y: np.array(["malignant", "benign"])[y] if HAS_ENCODER else y
    wine = lambda y: np.array(["red", "white", "rosé"])[y] if HAS_ENCODER else y
    r_quiet = lambda **kw: R(**{k: v for k, v in kw.items() if k != "use_label_encoder"})
    yield from several("binary", fit(C, "breast_cancer"), ("pickle0", "pickle2", "pickle4", "pickle5", "joblib",
                                                             "joblib_zlib"), commit=("pickle4", "json", "joblib", "ubj"))
    yield from several("binary_text", fit(C, "breast_cancer", labels=text), commit=("pickle4", "json"))
    yield from several("multi", fit(C, "wine", n_estimators=4), commit=("pickle5", "json", "ubj"))
    yield from several("multi_text", fit(C, "wine", labels=wine))
    yield from several("binary_stop", fit(C, "breast_cancer", stop=True), commit=("pickle4", "json"))
    yield from several("multi_stop", fit(C, "digits", stop=True, max_depth=2))
    yield from several("binary_nan", fit(C, "breast_cancer", nan=0.2))
    yield from several("regressor", fit(r_quiet, "diabetes"), commit=("pickle4", "json"))
    yield from several("regressor_stop", fit(r_quiet, "diabetes", stop=True), commit=("ubj",))
    yield from several("regressor_f4", fit(r_quiet, "diabetes", f4=True))
    yield from several("regressor_poisson", fit(r_quiet, "diabetes", objective="count:poisson"))
    if VERSION >= (1, 0):
        yield Wrapper("regressor_missing_pickle4", fit(r_quiet, "diabetes", nan=0.2, missing=-999.0), commit=True)
        yield Wrapper("binary_missing_pickle4", fit(C, "breast_cancer", nan=0.2, missing=0.0))
    if VERSION < (2, 0) and VERSION >= (1, 0):
        yield Wrapper("binary_missing_json", fit(C, "breast_cancer", nan=0.2, missing=-1.0), "json", commit=True)
    yield from several("rf_binary", fit(xgb.XGBRFClassifier, "breast_cancer"), commit=("pickle4",))
    yield from several("rf_multi", fit(xgb.XGBRFClassifier, "wine", n_estimators=4))
    rf = lambda **kw: xgb.XGBRFRegressor(**{k: v for k, v in kw.items() if k != "use_label_encoder"})
    yield from several("rf_regressor", fit(rf, "diabetes"))
    if VERSION >= (1, 6):
        yield from several("forests_stop", fit(C, "wine", stop=True, num_parallel_tree=3, subsample=0.6))
        yield from several("multi_softmax", fit(C, "wine", objective="multi:softmax"))
        yield from several("multi_label", multi_label, commit=("pickle4",))
        yield from several("regressor_2", fit(r_quiet, "diabetes2"), commit=("json",))
    yield from several("ranker", rank)
    for booster in ("dart", "gblinear") if VERSION >= (1, 0) else ("gblinear",):  # 0.x drops trees at prediction too
        extra = {"rate_drop": 0.3} if booster == "dart" else {}
        if booster == "gblinear":
            extra["max_depth"] = None
        yield from several("binary_" + booster, fit(C, "breast_cancer", booster=booster, **extra))
        yield from several("multi_" + booster, fit(C, "wine", booster=booster, **extra), commit=("pickle4",))
        yield from several("regressor_" + booster, fit(r_quiet, "diabetes", booster=booster, **extra))
    yield from several("weights", fit(C, "breast_cancer", scale_pos_weight=2.5, base_score=0.3))
    yield from several("monotone", fit(r_quiet, "diabetes", monotone_constraints="(1,-1,0,0,0,0,0,0,0,0)",
                                        tree_method="exact"))
    if VERSION >= (1, 4):
        yield from several("frame", fit(C, "iris", frame=True), commit=("pickle4",))
    pipe = lambda est: make_pipeline(StandardScaler(), est)
    yield Wrapper("pipeline_pickle4", fit(C, "breast_cancer", wrap=pipe), commit=True)
    yield Wrapper("pipeline_regressor_poisson_joblib", fit(r_quiet, "diabetes", wrap=pipe, objective="count:poisson"),
                  "joblib")
    yield Wrapper("pipeline_multi_joblib", fit(C, "wine", wrap=pipe), "joblib")
    yield Wrapper("pipeline_regressor_pickle5", fit(r_quiet, "diabetes", wrap=pipe), "pickle5", commit=True)
    sparse = lambda est: make_pipeline(KBinsDiscretizer(5, encode="onehot"), est)
    yield Wrapper("pipeline_sparse_pickle4", fit(C, "breast_cancer", wrap=sparse))
    yield Wrapper("pipeline_sparse_multi_joblib", fit(C, "wine", wrap=sparse), "joblib")
    yield Wrapper("pipeline_sparse_regressor_joblib", fit(r_quiet, "diabetes", wrap=sparse), "joblib")
    yield Around("one_vs_rest", fit(C, "wine", n_estimators=4, wrap=OneVsRestClassifier))
    if int(np.__version__.split(".")[0]) >= 2:  # before, numpy calibrates these float32 probabilities in float32
        yield Around("calibrated", fit(C, "breast_cancer", wrap=lambda e: CalibratedClassifierCV(e, cv=3)))
        yield Around("calibrated_multi", fit(C, "wine", n_estimators=4, wrap=lambda e: CalibratedClassifierCV(e, cv=3)))
        yield Around("calibrated_pipeline", fit(C, "wine", n_estimators=4,
                                                wrap=lambda e: CalibratedClassifierCV(pipe(e), cv=3)))
