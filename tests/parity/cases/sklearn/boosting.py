# SPDX-License-Identifier: MIT
"""GradientBoosting, HistGradientBoosting, IsolationForest."""
import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (GradientBoostingClassifier, GradientBoostingRegressor, HistGradientBoostingClassifier,
                              HistGradientBoostingRegressor, IsolationForest)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from cases import Case
from cases.sklearn import IRIS_NAMES, VERSION
import data

TEXT = IRIS_NAMES.__getitem__
# What begins with a logarithm or ends with exp: the sums are exact, the start and the end within a few ulp.
LOGS = "ulp:8 abs:1e-15"
NEAR = "rel:1e-11 abs:1e-11"
# The start is float32 where the init estimator is: its own products differ in the last bits.
NEAR_F4 = {"": "rel:1e-4 abs:1e-4"}
LOG_LOSS = "log_loss" if VERSION >= (1, 3) else "deviance"


def leaf(est, X):
    return est.apply(X).reshape(len(X), -1)


def gradient():
    gbc = lambda **kw: lambda: GradientBoostingClassifier(**{"n_estimators": 12, "random_state": 1, **kw})
    gbr = lambda **kw: lambda: GradientBoostingRegressor(**{"n_estimators": 12, "random_state": 1, **kw})
    yield Case("gbc_bc", "forest", gbc(), "breast_cancer", commit=True, tolerance=LOGS, leaf=leaf)
    yield Case("gbc_iris", "forest", gbc(n_estimators=5), "iris", labels=TEXT, commit=True, tolerance=LOGS, leaf=leaf)
    yield Case("gbc_digits", "forest", gbc(n_estimators=15), "digits", save="joblib_zlib", tolerance=LOGS)
    yield Case("gbc_exp", "forest", gbc(loss="exponential"), "breast_cancer", tolerance=LOGS, fit="df")
    yield Case("gbc_zero", "forest", gbc(init="zero", n_estimators=5), "wine", tolerance=LOGS, commit=True)
    yield Case("gbc_zero_2", "forest", gbc(init="zero", n_estimators=3), "breast_cancer", tolerance=LOGS)
    yield Case("gbc_dummy", "forest", gbc(init=DummyClassifier(strategy="prior")), "wine", tolerance=LOGS)
    yield Case("gbc_init_dt", "forest", gbc(init=DecisionTreeClassifier(max_depth=2, random_state=1), n_estimators=5),
               "wine", tolerance=LOGS, commit=True)
    yield Case("gbc_init_dt2", "forest", gbc(init=DecisionTreeClassifier(max_depth=2, random_state=1)),
               "breast_cancer", tolerance=LOGS)
    yield Case("gbc_init_exp", "forest", gbc(init=DecisionTreeClassifier(max_depth=3, random_state=1),
                                             loss="exponential"), "breast_cancer", tolerance=LOGS)
    yield Case("gbc_init_lr", "forest", gbc(init=LogisticRegression(max_iter=3000)), "iris", tolerance=NEAR_F4)
    yield Case("gbc_f4", "forest", gbc(subsample=0.6), "wine", fit="f4", save="joblib", tolerance=LOGS)
    yield Case("gbc_early", "forest", gbc(n_estimators=200, n_iter_no_change=3), "breast_cancer", tolerance=LOGS)
    yield Case("gbc_many", "forest", gbc(n_estimators=150, max_depth=2, learning_rate=0.3), "breast_cancer",
               tolerance=LOGS, save="joblib")
    yield Case("gbr", "forest", gbr(), "diabetes", commit=True, leaf=leaf)
    for loss in ("absolute_error", "huber", "quantile"):
        yield Case("gbr_" + loss, "forest", gbr(loss=loss), "diabetes")
    yield Case("gbr_zero", "forest", gbr(init="zero"), "diabetes", save="joblib")
    yield Case("gbr_lad", "forest", gbr(init=DecisionTreeRegressor(max_depth=3)), "diabetes", commit=True)
    yield Case("gbr_dummy", "forest", gbr(init=DummyRegressor(strategy="constant", constant=77.5)), "diabetes")
    yield Case("gbr_lin", "forest", gbr(init=LinearRegression()), "diabetes", tolerance=NEAR_F4)
    yield Case("gbr_pipe", "forest", lambda: make_pipeline(StandardScaler(), gbr()()), "diabetes")
    yield Case("gbr_many", "forest", gbr(n_estimators=300, max_depth=5, learning_rate=0.05), "diabetes", fit="df",
               save="joblib_gzip")


def categories():
    """Wine with two categorical columns, some categories missing from the training rows."""
    X, y, names = data.load("wine")
    X = X.copy()
    X[:, 3] = np.floor(X[:, 3]) % 7
    X[:, 8] = np.round(X[:, 8] * 20)
    return X, y, names


def categories_reg():
    X, y, names = categories()
    return X, y * 3.0 + X[:, 0] - X[:, 3] ** 2, names


def unseen(X):
    out = X[:30].copy()
    out[0:8, 3] = [9, 255, 256, 258.5, 1.7, 2.999, 0.5, -0.0]
    out[8:14, 8] = [200, 33.3, 254, 511, 255.999, 1e6]
    out[14:20, 3] = np.nan
    out[20:24, 3] = [-1, -255, -0.5, -1e9]
    return out


def texts():
    """A frame of numbers, texts, and numbers that are categories."""
    import pandas
    X, y, _ = categories()
    rng = np.random.RandomState(3)
    return pandas.DataFrame({
        "a": X[:, 0], "kind": np.array(["red", "green", "blue", "\u00fcber"], dtype=object)[X[:, 3].astype(int) % 4],
        "b": np.where(rng.uniform(size=len(X)) < 0.1, np.nan, X[:, 1]),
        "place": np.array(["n", "s", None, "w", "e"], dtype=object)[rng.randint(5, size=len(X))],
        "size": X[:, 8] // 10}), y


def texts_reg():
    X, y = texts()
    return X.drop(columns="kind"), y * 2.0 + X["size"].to_numpy()


def unseen_texts(X):
    out = X.iloc[:12].copy()
    out.loc[out.index[:4], "place"] = ["north", "", None, "N"]
    if "kind" in out:
        out.loc[out.index[4:6], "kind"] = ["Red", None]
    out.loc[out.index[6:9], "size"] = [77.0, -1.0, np.nan]
    return out


def hist():
    hgc = lambda **kw: lambda: HistGradientBoostingClassifier(**{"max_iter": 10, "min_samples_leaf": 5, **kw})
    hgr = lambda **kw: lambda: HistGradientBoostingRegressor(**{"max_iter": 10, "min_samples_leaf": 5, **kw})
    yield Case("hgc_bc", "forest", hgc(), "breast_cancer", commit=True, tolerance=LOGS)
    yield Case("hgc_iris", "forest", hgc(max_iter=4), "iris", labels=TEXT, commit=True, tolerance=LOGS)
    yield Case("hgc_digits", "forest", hgc(max_iter=20), "digits", save="joblib_zlib", tolerance=LOGS)
    yield Case("hgc_nan", "forest", hgc(), "wine", nan=0.2, tolerance=LOGS, commit=True)
    yield Case("hgc_f4", "forest", hgc(), "breast_cancer", fit="f4", nan=0.1, tolerance=LOGS)
    yield Case("hgc_df", "forest", hgc(max_iter=100), "breast_cancer", fit="df", save="joblib", tolerance=LOGS)
    yield Case("hgr", "forest", hgr(), "diabetes", commit=True)
    yield Case("hgr_nan", "forest", hgr(max_iter=60), "diabetes", nan=0.2, save="joblib")
    yield Case("hgr_poisson", "forest", hgr(loss="poisson"), "diabetes", tolerance=LOGS, commit=True)
    yield Case("hgr_abs", "forest", hgr(loss="absolute_error"), "diabetes")
    yield Case("hgr_mono", "forest", hgr(monotonic_cst=[1] + [0] * 9), "diabetes")
    yield Case("hgr_big", "forest", hgr(max_iter=200, max_leaf_nodes=63), "diabetes", save="joblib_gzip")
    if VERSION >= (1, 1):
        yield Case("hgr_quantile", "forest", hgr(loss="quantile", quantile=0.8), "diabetes")
    if VERSION >= (1, 3):
        yield Case("hgr_gamma", "forest", hgr(loss="gamma"), "diabetes", tolerance=LOGS)
    yield Case("hgc_cat", "forest", hgc(categorical_features=[3, 8]), categories, commit=True, tolerance=LOGS,
               more=unseen, rows="half")
    yield Case("hgr_cat", "forest", hgr(categorical_features=[3, 8]), categories_reg, more=unseen, nan=0.1)
    if VERSION >= (1, 4):
        # Later versions encode categories first, so that they may be texts.
        yield Case("hgc_text", "forest", hgc(categorical_features=["kind", "place"]), texts, tolerance=LOGS,
                   more=unseen_texts, rows="half", commit=True)
        yield Case("hgr_text", "forest", hgr(categorical_features=["place", "size"]), texts_reg, more=unseen_texts)


def isolation():
    make = lambda **kw: lambda: IsolationForest(**{"n_estimators": 10, "random_state": 1, **kw})
    yield Case("iso", "forest", make(), "wine", commit=True, tolerance=LOGS)
    yield Case("iso_cols", "forest", make(max_features=0.5, contamination=0.1), "wine", tolerance=LOGS, commit=True)
    yield Case("iso_many", "forest", make(n_estimators=100, max_samples=64), "breast_cancer", tolerance=LOGS,
               save="joblib", fit="df")
    yield Case("iso_f4", "forest", make(), "diabetes", tolerance=LOGS, fit="f4")
    yield Case("iso_one", "forest", make(max_samples=1), "iris", tolerance=LOGS)
    if VERSION >= (1, 6):
        yield Case("iso_nan", "forest", make(), "wine", nan=0.1, tolerance=LOGS, commit=True)


def cases():
    for group in (gradient, hist, isolation):
        yield from group()
