# SPDX-License-Identifier: MIT
"""AdaBoost, calibration, thresholds, transformed targets, isotonic regression."""
import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (AdaBoostClassifier, AdaBoostRegressor, GradientBoostingClassifier,
                              RandomForestClassifier)
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (FunctionTransformer, MaxAbsScaler, MinMaxScaler, PowerTransformer, RobustScaler,
                                   StandardScaler)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from cases import Case
from cases.sklearn import IRIS_NAMES, VERSION
import data

TEXT = IRIS_NAMES.__getitem__
LOGS = "ulp:8 abs:1e-15"
# Sums of logarithms of both signs.
SUMS = "ulp:8 abs:2e-14"
NEAR_F4 = {"": "rel:1e-10 abs:1e-11", "f4": "rel:2e-4 abs:2e-5"}
POWERS = {"": "rel:1e-12 abs:1e-12", "f4": "rel:1e-12 abs:1e-12"}


def tree(depth=2, **kw):
    return DecisionTreeClassifier(max_depth=depth, random_state=1, **kw)


def treer(depth=3):
    return DecisionTreeRegressor(max_depth=depth, random_state=1)


def lr(**kw):
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, **kw))


def boosts():
    ada = lambda base=None, **kw: lambda: AdaBoostClassifier(base or tree(), **{
        "n_estimators": 8, "random_state": 1, **(dict(algorithm="SAMME") if VERSION < (1, 6) else {}), **kw})
    yield Case("ada", "forest", ada(), "iris", labels=TEXT, tolerance=LOGS, commit=True)
    yield Case("ada_bc", "forest", ada(), "breast_cancer", tolerance=LOGS, fit="df")
    yield Case("ada_digits", "forest", ada(tree(6), n_estimators=30), "digits", tolerance=LOGS, save="joblib_zlib")
    yield Case("ada_lr", "forest", ada(LogisticRegression(max_iter=2000), n_estimators=4), "iris", tolerance=LOGS,
               fit="f4")
    yield Case("ada_stop", "forest", ada(tree(None)), "wine", tolerance=LOGS)
    if VERSION < (1, 6):
        real = lambda base=None, **kw: ada(base, algorithm="SAMME.R", **kw)
        yield Case("ada_r", "forest", real(), "iris", labels=TEXT, tolerance=SUMS, commit=True)
        yield Case("ada_r_bc", "forest", real(), "breast_cancer", tolerance=SUMS, save="joblib")
        yield Case("ada_r_digits", "forest", real(tree(5), n_estimators=20), "digits", tolerance=SUMS)
        yield Case("ada_r_lr", "forest", real(LogisticRegression(max_iter=2000)), "iris", tolerance=NEAR_F4)
    adar = lambda base=None, **kw: lambda: AdaBoostRegressor(base or treer(), **{
        "n_estimators": 9, "random_state": 1, **kw})
    yield Case("adar", "forest", adar(), "diabetes", commit=True)
    yield Case("adar_many", "forest", adar(n_estimators=60, loss="square"), "diabetes", save="joblib")
    yield Case("adar_ridge", "forest", adar(Ridge(), loss="exponential"), "diabetes", tolerance=NEAR_F4)


def few_classes():
    """Folds whose parts see only some of the classes."""
    X, y, names = data.load("wine")
    keep = np.concatenate([np.flatnonzero(y == k)[:n] for k, n in ((0, 50), (1, 60), (2, 2))])
    return X[keep], y[keep], names


def calibrations():
    cal = lambda base, **kw: lambda: CalibratedClassifierCV(base, **{"cv": 3, **kw})
    for method in ("sigmoid", "isotonic"):
        yield Case("cal_tree_" + method, "forest", cal(tree(3), method=method), "iris", labels=TEXT, tolerance=LOGS,
                   commit=True)
        yield Case("cal_bc_" + method, "forest", cal(tree(3), method=method), "breast_cancer", tolerance=LOGS)
        yield Case("cal_lr_" + method, "forest", cal(lr(), method=method), "digits", tolerance=NEAR_F4, save="joblib")
        yield Case("cal_rc_" + method, "forest", cal(RidgeClassifier(), method=method), "breast_cancer",
                   tolerance={"": "rel:1e-9 abs:1e-10", "f4": "rel:1e-3 abs:1e-2"})
        yield Case("cal_one_" + method, "forest", cal(RandomForestClassifier(5, max_depth=3, random_state=1),
                                                      method=method, ensemble=False), "wine", tolerance=LOGS)
        yield Case("cal_few_" + method, "forest", cal(tree(3), method=method, cv=2), few_classes, tolerance=LOGS)
    # From 1.9 on its curves are float32, and scores sit on the border between two floats.
    yield Case("cal_f4", "forest", cal(LogisticRegression(max_iter=3000), method="isotonic"), "iris", fit="f4",
               tolerance="abs:1e-6", inputs=("f8",))
    if VERSION < (1, 8):
        def prefit():
            from sklearn.datasets import load_wine
            return CalibratedClassifierCV(tree(3).fit(*load_wine(return_X_y=True)), cv="prefit")
        yield Case("cal_prefit", "forest", prefit, "wine", tolerance=LOGS, commit=True)
    if VERSION >= (1, 8):
        temperature = lambda base: cal(base, method="temperature")
        yield Case("cal_temp", "forest", temperature(tree(3)), "iris", tolerance=LOGS, commit=True)
        yield Case("cal_temp_bc", "forest", temperature(tree(3)), "breast_cancer", tolerance=LOGS)
        yield Case("cal_temp_lr", "forest", temperature(lr()), "wine", tolerance=NEAR_F4)
        yield Case("cal_temp_lr_bc", "forest", temperature(lr()), "breast_cancer", tolerance=NEAR_F4)


def thresholds():
    if VERSION < (1, 5):
        return
    from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
    yield Case("fixed", "forest", lambda: FixedThresholdClassifier(tree(4), threshold=0.3), "breast_cancer",
               commit=True)
    yield Case("fixed_auto", "forest", lambda: FixedThresholdClassifier(lr()), "breast_cancer", tolerance=NEAR_F4)
    yield Case("fixed_first", "forest", lambda: FixedThresholdClassifier(tree(4), threshold=0.7, pos_label="a"),
               "breast_cancer", labels=lambda y: np.array(["a", "b"])[y])
    yield Case("fixed_decision", "forest", lambda: FixedThresholdClassifier(
        lr(), threshold=-1.5, pos_label=0, response_method="decision_function"), "breast_cancer", tolerance=NEAR_F4)
    yield Case("tuned", "forest", lambda: TunedThresholdClassifierCV(tree(4), cv=3), "breast_cancer", commit=True)
    yield Case("tuned_f1", "forest", lambda: TunedThresholdClassifierCV(lr(), cv=3, scoring="f1"), "breast_cancer",
               tolerance=NEAR_F4, save="joblib")
    yield Case("tuned_f1_first", "forest", lambda: TunedThresholdClassifierCV(tree(4), cv=3, scoring="f1"),
               "breast_cancer", labels=lambda y: y + 1)
    yield Case("tuned_gb", "forest", lambda: TunedThresholdClassifierCV(GradientBoostingClassifier(
        n_estimators=9, random_state=1), cv=3, response_method="decision_function"), "breast_cancer", tolerance=LOGS)


def targets():
    tt = lambda reg, **kw: lambda: TransformedTargetRegressor(reg, **kw)
    yield Case("tt_log", "forest", tt(treer(), func=np.log1p, inverse_func=np.expm1), "diabetes", tolerance=LOGS,
               commit=True)
    yield Case("tt_sqrt", "forest", tt(treer(), func=np.sqrt, inverse_func=np.square), "diabetes", tolerance=LOGS)
    yield Case("tt_none", "forest", tt(treer()), "diabetes")
    for name, make in (("std", StandardScaler), ("minmax", MinMaxScaler), ("maxabs", MaxAbsScaler),
                       ("robust", RobustScaler)):
        yield Case("tt_" + name, "forest", tt(treer(), transformer=make()), "diabetes", commit=name == "std")
        yield Case("tt_%s_2" % name, "forest", tt(treer(5), transformer=make()), "diabetes2")
    yield Case("tt_half", "forest", tt(treer(), transformer=StandardScaler(with_mean=False)), "diabetes")
    yield Case("tt_yeo", "forest", tt(treer(), transformer=PowerTransformer()), "diabetes", tolerance=POWERS,
               commit=True)
    yield Case("tt_yeo_plain", "forest", tt(treer(), transformer=PowerTransformer(standardize=False)), "diabetes",
               tolerance=POWERS)
    yield Case("tt_box", "forest", tt(treer(), transformer=PowerTransformer(method="box-cox")), "diabetes",
               tolerance=POWERS)
    yield Case("tt_pipe", "forest", tt(treer(), transformer=make_pipeline(StandardScaler(), MinMaxScaler())),
               "diabetes")
    yield Case("tt_ft", "forest", tt(treer(), transformer=FunctionTransformer(np.log, np.exp)), "diabetes",
               tolerance=LOGS)
    yield Case("tt_ridge_f4", "forest", tt(Ridge(), transformer=StandardScaler()), "diabetes", fit="f4",
               tolerance=NEAR_F4)
    yield Case("tt_1col", "forest", tt(treer(), transformer=StandardScaler()), "diabetes2_1")


def one_column():
    X, y, _ = data.load("diabetes")
    return X[:, [2]], y, ["bmi"]


def isotonics():
    for beyond in ("nan", "clip"):
        yield Case("iso_" + beyond, "forest", lambda b=beyond: IsotonicRegression(out_of_bounds=b), one_column,
                   without=("transform",), rows="half", tolerance="ulp:1", commit=beyond == "clip")


def cases():
    for group in (boosts, calibrations, thresholds, targets, isotonics):
        yield from group()
