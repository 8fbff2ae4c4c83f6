# SPDX-License-Identifier: MIT
"""Nearest neighbours, by brute force and by trees. Rows are asked that are equally far from many points: which of
them count is the library's choice, and is made alike. Brute force for Euclidean distances is asked on whole numbers,
where its expanded squares are exact, and on rows between the points."""
import numpy as np
import pandas
from sklearn.neighbors import (KNeighborsClassifier, KNeighborsRegressor, RadiusNeighborsClassifier,
                               RadiusNeighborsRegressor)

import data
from cases import Case
from cases.sklearn import IRIS_NAMES, VERSION

EXACT = "ulp:8 abs:1e-15"


def digits():
    """Whole numbers, and as a frame: no rows are asked that are made of anything else."""
    X, y, names = data.load("digits")
    return pandas.DataFrame(X[:700], columns=names), y[:700]


def not_numbers(X):
    """Rows that are refused. How far 1e300 is, an expanded square cannot tell."""
    rows = np.repeat(X[:1], 3, axis=0)
    rows[0, 0], rows[1, -1], rows[2, 0] = np.nan, np.inf, -np.inf
    return rows


def apart(name, columns=None):
    """A data set without two equal rows or distances, to be asked between its points."""
    def load():
        X, y, names = data.load(name)
        rng = np.random.RandomState(3)
        X = (X - X.mean(axis=0)) / (X.std(axis=0) + 0.01) + rng.normal(size=X.shape) * 0.1
        return X[:, :columns], y, names[:columns] if columns else names
    return load


def wine_rows():
    """As a frame: a row of zeros has no direction."""
    X, y, names = apart("wine")()
    return pandas.DataFrame(X, columns=names), y


def two_labels():
    X, y, names = data.load("iris")
    return X, np.column_stack([y, y == 1]), names


def cases():
    text = IRIS_NAMES.__getitem__
    for tree in ("kd_tree", "ball_tree"):
        for metric, params in (("euclidean", {}), ("manhattan", {}), ("chebyshev", {}), ("minkowski", {"p": 3})):
            if VERSION < (1, 2) and metric == "minkowski":
                continue
            for weights in ("uniform", "distance"):
                def knn(make=KNeighborsClassifier, tree=tree, metric=metric, params=params, weights=weights, **kw):
                    return lambda: make(algorithm=tree, metric=metric, weights=weights, **params, **kw)
                name = "%s_%s_%s" % (tree, metric, weights)
                yield Case("knn_" + name, "neighbors", knn(), "iris", labels=text, tolerance=EXACT,
                           commit=metric == "euclidean",
                           # Without a weight for any point old versions answered NaN.
                           bad=not_numbers if VERSION < (1, 4) else None)
                yield Case("knnr_" + name, "neighbors", knn(KNeighborsRegressor, n_neighbors=9), "diabetes",
                           tolerance=EXACT + " rel:1e-14", save="joblib")
    yield Case("knn_auto", "neighbors", KNeighborsClassifier, "iris", fit="df", tolerance=EXACT, commit=True)
    yield Case("knn_auto_f4", "neighbors", lambda: KNeighborsClassifier(3), apart("wine", 8), fit="f4", tolerance=EXACT)
    yield Case("knn_1", "neighbors", lambda: KNeighborsClassifier(1), "iris", tolerance=EXACT)
    yield Case("knn_40", "neighbors", lambda: KNeighborsClassifier(40, leaf_size=3), "iris", tolerance=EXACT)
    yield Case("knn_two", "neighbors", lambda: KNeighborsClassifier(7), two_labels, tolerance=EXACT, commit=True)
    yield Case("knn_all", "neighbors", lambda: KNeighborsClassifier(6, weights="distance"), lambda: (
        np.arange(18.0).reshape(6, 3) ** 1.5, np.array([0, 0, 1, 1, 2, 2]), None), tolerance="abs:1e-6",
               inputs=("f8",), bad=lambda X: np.full((1, 3), np.nan))
    yield Case("knnr_2", "neighbors", lambda: KNeighborsRegressor(4), "diabetes2", tolerance=EXACT + " rel:1e-14")
    yield Case("knnr_1", "neighbors", lambda: KNeighborsRegressor(4), "diabetes2_1", tolerance=EXACT + " rel:1e-14")
    # Brute force.
    for weights in ("uniform", "distance"):
        def brute(make=KNeighborsClassifier, weights=weights, **kw):
            return lambda: make(algorithm="brute", weights=weights, **kw)
        yield Case("knn_brute_manhattan_" + weights, "neighbors", brute(metric="manhattan"), apart("iris"),
                   tolerance=EXACT, commit=True, bad=not_numbers)
        yield Case("knn_brute_chebyshev_" + weights, "neighbors", brute(metric="chebyshev"), apart("wine"),
                   tolerance=EXACT, bad=not_numbers)
        yield Case("knn_brute_" + weights, "neighbors", brute(), apart("breast_cancer"), tolerance="abs:1e-6", bad=not_numbers,
                   labels=lambda y: y == 1)
        yield Case("knnr_brute_" + weights, "neighbors", brute(KNeighborsRegressor), apart("diabetes"),
                   tolerance="rel:1e-5", bad=not_numbers)
        yield Case("knn_cosine_" + weights, "neighbors", brute(metric="cosine"), wine_rows, tolerance="abs:1e-6")
    yield Case("knn_digits", "neighbors", KNeighborsClassifier, digits, tolerance=EXACT, save="joblib_zlib")
    # Within a radius.
    for algorithm in ("brute", "kd_tree", "ball_tree"):
        for weights in ("uniform", "distance"):
            def rnn(make, algorithm=algorithm, weights=weights, **kw):
                return lambda: make(algorithm=algorithm, weights=weights, **kw)
            name = "%s_%s" % (algorithm, weights)
            yield Case("rnc_" + name, "neighbors", rnn(RadiusNeighborsClassifier, radius=1.6, outlier_label="most_frequent"),
                       apart("iris"), bad=not_numbers, tolerance="abs:1e-6" if algorithm == "brute" else EXACT, labels=text,
                       commit=algorithm == "kd_tree")
            yield Case("rnr_" + name, "neighbors", rnn(RadiusNeighborsRegressor, radius=2.2), apart("diabetes"),
                       tolerance="rel:1e-5" if algorithm == "brute" else EXACT + " rel:1e-13")
