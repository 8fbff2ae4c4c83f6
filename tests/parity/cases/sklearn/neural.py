# SPDX-License-Identifier: MIT
"""Multi-layer perceptrons: every activation, one and several outputs, float32 fits."""
import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import data
from cases import Case
from cases.sklearn import IRIS_NAMES, VERSION


def scale(est, X):
    """Bounds the values of each layer; activations are no steeper than 1."""
    last = est
    if hasattr(est, "steps"):
        X, last = est[:-1].transform(X), est[-1]
    v = np.abs(np.asarray(X, dtype=np.float64))
    for w, b in zip(last.coefs_, last.intercepts_):
        v = v @ np.abs(w) + np.abs(b)
    if last.out_activation_ == "exp":
        v = v * np.asarray(est.predict(X), dtype=np.float64).reshape(v.shape)
    return v


def multilabel():
    X, y, names = data.load("wine")
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, np.column_stack([y == 0, y != 1, X[:, 0] > 0.3]).astype(int), names


def scaled(name):
    def load():
        X, y, names = data.load(name)
        return (X - X.mean(axis=0)) / (X.std(axis=0) + 0.01), y, names
    return load


TOL = {"": "scale:1e-13 ulp:4", "predict_proba": "scale:1e-13 ulp:4 abs:1e-15", "f4": "scale:1e-13 ulp:4"}
F4 = {"": "scale:1e-13 ulp:4", "f4": "scale:1e-5"}


def cases():
    for activation in ("identity", "relu", "tanh", "logistic"):
        def cls(a=activation, **kw):
            return lambda: MLPClassifier(**{"hidden_layer_sizes": (13, 9), "activation": a, "max_iter": 40,
                                            "random_state": 0, **kw})
        def reg(a=activation, **kw):
            return lambda: MLPRegressor(**{"hidden_layer_sizes": (20,), "activation": a, "max_iter": 60,
                                           "random_state": 0, **kw})
        yield Case("mlp_iris_" + activation, "neural", cls(), scaled("iris"), labels=IRIS_NAMES.__getitem__,
                   scale=scale, tolerance=TOL, commit=True)
        yield Case("mlp_bc_" + activation, "neural", cls(), scaled("breast_cancer"), fit="df", save="joblib",
                   scale=scale, tolerance=TOL)
        yield Case("mlp_f4_" + activation, "neural", cls(), scaled("wine"), fit="f4", scale=scale, tolerance=F4,
                   commit=activation == "relu")
        yield Case("mlp_pipe_" + activation, "neural", lambda c=cls(): make_pipeline(StandardScaler(), c()), "wine",
                   labels=lambda y: y == 1, scale=scale, tolerance=TOL)
        yield Case("mlpr_" + activation, "neural", reg(), scaled("diabetes"), scale=scale, tolerance=TOL,
                   commit=activation == "tanh")
        yield Case("mlpr_2_" + activation, "neural", reg(hidden_layer_sizes=(7, 6, 5)), scaled("diabetes2"),
                   scale=scale, tolerance=TOL, save="joblib_zlib")
        yield Case("mlpr_f4_" + activation, "neural", reg(), scaled("diabetes"), fit="f4", scale=scale, tolerance=F4)
    yield Case("mlp_digits", "neural", lambda: MLPClassifier((100,), max_iter=15, random_state=0), "digits",
               scale=scale, tolerance=TOL)
    yield Case("mlp_none", "neural", lambda: MLPClassifier((), max_iter=15, random_state=0), scaled("iris"),
               scale=scale, tolerance=TOL)
    yield Case("mlp_flags", "neural", lambda: MLPClassifier((8,), max_iter=60, random_state=0), multilabel,
               scale=scale, tolerance=TOL, commit=True)
    if VERSION >= (1, 7):
        yield Case("mlpr_poisson", "neural", lambda: MLPRegressor(hidden_layer_sizes=(9,), loss="poisson", max_iter=60, random_state=0),
                   scaled("diabetes"), scale=scale, tolerance=TOL)
