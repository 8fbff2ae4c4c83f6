# SPDX-License-Identifier: MIT
"""Imputers of numbers and texts."""
import numpy as np
import pandas
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from cases import Case
from cases.sklearn import VERSION
from cases.sklearn._frames import table, texts, with_value


def marked():
    """A matrix in which −1 stands for a missing number."""
    rng = np.random.RandomState(6)
    X = rng.normal(size=(200, 5))
    X[rng.uniform(size=X.shape) < 0.15] = -1.0
    return X, X[:, 0] * 2 + 1


def empty():
    """A matrix with a column that is missing throughout."""
    rng = np.random.RandomState(6)
    X = rng.normal(size=(200, 5))
    X[rng.uniform(size=X.shape) < 0.15] = np.nan
    X[:, 2] = np.nan
    return X, np.arange(200.0)


def simple():
    for strategy in ("mean", "median", "most_frequent", "constant"):
        yield Case("simple_" + strategy, "impute", lambda s=strategy: SimpleImputer(strategy=s), "wine", nan=0.15,
                   commit=strategy == "mean")
        yield Case("simple_%s_f4" % strategy, "impute", lambda s=strategy: SimpleImputer(strategy=s), "diabetes",
                   fit="f4", nan=0.15, inputs=("f4",))
        yield Case("simple_%s_ind" % strategy, "impute", lambda s=strategy: SimpleImputer(
            strategy=s, add_indicator=True), "iris", nan=0.1, commit=strategy == "median")
        yield Case("simple_%s_empty" % strategy, "impute", lambda s=strategy: SimpleImputer(
            strategy=s, add_indicator=True), empty, nan=0.0)
        if VERSION >= (1, 2):
            yield Case("simple_%s_keep" % strategy, "impute", lambda s=strategy: SimpleImputer(
                strategy=s, keep_empty_features=True), empty)
    yield Case("simple_marker", "impute", lambda: SimpleImputer(missing_values=-1, strategy="median"), marked, commit=True)
    yield Case("simple_marker_ind", "impute", lambda: SimpleImputer(missing_values=-1, add_indicator=True), marked)
    yield Case("simple_fill", "impute", lambda: SimpleImputer(strategy="constant", fill_value=-7.5), "wine", nan=0.2)
    for strategy in ("most_frequent", "constant"):
        yield Case("simple_text_" + strategy[:4], "encode", lambda s=strategy: make_pipeline(
            SimpleImputer(strategy=s), OneHotEncoder(handle_unknown="ignore")), lambda: texts(True), commit=True,
                   more=with_value("city", "nowhere", ""))
        yield Case("simple_text_marker_" + strategy[:4], "encode", lambda s=strategy: make_pipeline(
            SimpleImputer(strategy=s, missing_values=""), OneHotEncoder(handle_unknown="ignore")), texts,
                   more=with_value("city", "nowhere", ""))
    yield Case("simple_text_none", "encode", lambda: make_pipeline(
        SimpleImputer(strategy="most_frequent", missing_values=None), OneHotEncoder(handle_unknown="ignore")),
               lambda: nones(), commit=True)
    yield Case("simple_ridge", "linear", lambda: make_pipeline(SimpleImputer(), StandardScaler(), Ridge()), "diabetes",
               nan=0.1)


def nones():
    """Texts with gaps that are None."""
    X, y = texts(True)
    return pandas.DataFrame({c: np.array([None if v != v else v for v in X[c]], dtype=object) for c in X}, dtype=object), y


def others():
    yield Case("indicator", "impute", lambda: MissingIndicator(error_on_new=False), "iris", nan=0.1, commit=True,
               predict=lambda est, X, o: as_float(est, X, o), inputs=("f8",))
    yield Case("indicator_all", "impute", lambda: MissingIndicator(features="all"), "iris", nan=0.1,
               predict=lambda est, X, o: as_float(est, X, o), inputs=("f8",))
    # In frames no row is stretched: the library's distances lose their digits where rows are far away.
    near = "ulp:4 rel:1e-9 abs:1e-9"
    for weights in ("uniform", "distance"):
        for k in (1, 5):
            yield Case("knn_%s_%d" % (weights, k), "impute", lambda w=weights, n=k: KNNImputer(
                n_neighbors=n, weights=w), lambda: framed(gappy()), commit=weights == "uniform" and k == 5, tolerance=near)
    yield Case("knn_ind", "impute", lambda: KNNImputer(add_indicator=True), lambda: framed(empty()), tolerance=near)
    yield Case("knn_marker", "impute", lambda: KNNImputer(missing_values=-1.0, n_neighbors=3), lambda: framed(marked()),
               tolerance=near)


def gappy():
    rng = np.random.RandomState(9)
    X = rng.normal(size=(250, 6))
    X[rng.uniform(size=X.shape) < 0.2] = np.nan
    return X, np.arange(250.0)


def framed(data):
    return pandas.DataFrame(data[0], columns=["c%d" % i for i in range(data[0].shape[1])]), data[1]


def as_float(est, X, output):
    return np.asarray(getattr(est, output)(X)).astype(float)


def cases():
    for group in (simple, others):
        yield from group()
