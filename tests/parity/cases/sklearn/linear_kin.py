# SPDX-License-Identifier: MIT
"""The rest of the linear family: stochastic gradient descent, generalised linear models, classifiers without
probabilities, several targets at once, partial least squares."""
import numpy as np
from sklearn.cross_decomposition import CCA, PLSCanonical, PLSRegression
from sklearn.linear_model import (GammaRegressor, LarsCV, LassoLarsCV, LassoLarsIC, MultiTaskElasticNet,
                                  MultiTaskElasticNetCV, MultiTaskLasso, MultiTaskLassoCV,
                                  OrthogonalMatchingPursuitCV, PassiveAggressiveClassifier,
                                  PassiveAggressiveRegressor, Perceptron, PoissonRegressor, QuantileRegressor,
                                  RANSACRegressor, Ridge, RidgeClassifier, RidgeClassifierCV, SGDClassifier,
                                  SGDOneClassSVM, SGDRegressor, TweedieRegressor)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

from cases import Case
from cases.sklearn import IRIS_NAMES, VERSION


def exp_scale(est, X):
    """What the error of a score comes to after exp."""
    score = np.abs(np.asarray(X, dtype=np.float64)) @ np.abs(est.coef_) + np.abs(est.intercept_)
    return est.predict(X).astype(np.float64) * (1 + score)


def pls_scale(est, X):
    """|b| + Σ|x w| of the centred rows, for predict (rows of the coefficients differ in shape between versions)."""
    coef = np.asarray(getattr(est, "_coef_", None) if hasattr(est, "_coef_") else est.coef_)
    std = est._x_std if VERSION < (1, 5) else 1.0
    moved = (np.abs(np.asarray(X, dtype=np.float64)) + np.abs(est._x_mean)) / std
    coef = coef if coef.shape[1] == moved.shape[1] else coef.T
    return moved @ np.abs(coef).T + np.abs(est.intercept_)


def ransac_scale(est, X):
    inner = est.estimator_
    return np.abs(np.asarray(X, dtype=np.float64)) @ np.abs(inner.coef_) + np.abs(inner.intercept_)


class Sparsified(SGDClassifier):
    """Becomes its parent when fitted: an SGDClassifier whose coef_ is a sparse matrix."""

    def fit(self, X, y):
        super().fit(X, y)
        self.sparsify()
        self.__class__ = SGDClassifier
        return self


def classifiers():
    losses = ["hinge", "log_loss" if VERSION >= (1, 1) else "log", "modified_huber", "squared_hinge", "perceptron"]
    for loss in losses:
        def make(name=loss, **kw):
            return lambda: SGDClassifier(loss=name, random_state=0, max_iter=50, **kw)
        yield Case("sgd_iris_" + loss, "logistic", make(), "iris", labels=IRIS_NAMES.__getitem__, commit=True)
        yield Case("sgd_bc_" + loss, "logistic", make(alpha=0.01), "breast_cancer", fit="df",
                   save="joblib")
        yield Case("sgd_iris_f4_" + loss, "logistic", make(), "iris", fit="f4")
    yield Case("sgd_scaled", "logistic", lambda: make_pipeline(StandardScaler(), SGDClassifier(
        loss="modified_huber", random_state=0)), "breast_cancer", labels=lambda y: y == 1)
    yield Case("sgd_sparse", "logistic", lambda: Sparsified(loss="log_loss", penalty="l1", random_state=0), "digits",
               save="joblib_zlib")
    for name, make in (("perceptron", lambda: Perceptron(random_state=0)),
                       ("pac", lambda: PassiveAggressiveClassifier(random_state=0)),
                       ("ridgec", RidgeClassifier), ("ridgeccv", RidgeClassifierCV),
                       ("linsvc", lambda: LinearSVC(random_state=0, max_iter=200)),
                       ("linsvc_noint", lambda: LinearSVC(random_state=0, max_iter=200, fit_intercept=False)),
                       ("linsvc_cs", lambda: LinearSVC(random_state=0, max_iter=200, multi_class="crammer_singer"))):
        yield Case(name + "_iris", "logistic", make, "iris", labels=IRIS_NAMES.__getitem__, commit=True)
        yield Case(name + "_bc", "logistic", make, "breast_cancer", labels=lambda y: y * 2.0 - 1.0, save="joblib")
        yield Case(name + "_f4", "logistic", make, "wine", fit="f4", labels=lambda y: y - 1)


def regressors():
    for name, make in (("linsvr", lambda: LinearSVR(random_state=0, max_iter=500)),
                       ("par", lambda: PassiveAggressiveRegressor(random_state=0)), ("larscv", lambda: LarsCV(cv=3)),
                       ("lassolarscv", lambda: LassoLarsCV(cv=3)), ("lassolarsic", LassoLarsIC),
                       ("ompcv", lambda: OrthogonalMatchingPursuitCV(cv=3)),
                       ("sgdr_huber", lambda: SGDRegressor(loss="huber", random_state=0)),
                       ("quantile", lambda: QuantileRegressor(alpha=0.01, solver="highs"))):
        yield Case(name, "linear", make, "diabetes", commit=name in ("linsvr", "par"))
        # The product is float32, and becomes float64 with the intercept.
        yield Case(name + "_f4", "linear", make, "diabetes", fit="f4", save="joblib",
                   tolerance={"f4": "linear scale:1e-6"} if name in ("par", "sgdr_huber") else None)
    for name, make in (("mtlasso", lambda: MultiTaskLasso(alpha=0.1)), ("mtenet", lambda: MultiTaskElasticNet(alpha=0.1)),
                       ("mtlassocv", lambda: MultiTaskLassoCV(cv=3)),
                       ("mtenetcv", lambda: MultiTaskElasticNetCV(cv=3))):
        yield Case(name, "linear", make, "diabetes2", commit=name == "mtlasso")
    for name, make in (("poisson", PoissonRegressor), ("gamma", GammaRegressor), ("tweedie0", TweedieRegressor),
                       ("tweedie15", lambda: TweedieRegressor(power=1.5)),
                       ("tweedie_log", lambda: TweedieRegressor(link="log")),
                       ("tweedie_id", lambda: TweedieRegressor(power=1, link="identity"))):
        is_exp = name not in ("tweedie0", "tweedie_id")
        yield Case(name, "linear", make, "diabetes", commit=True, tolerance="linear ulp:4",
                   scale=exp_scale if is_exp else None)
        yield Case(name + "_f4", "linear", make, "diabetes", fit="f4", tolerance="linear ulp:4",
                   scale=exp_scale if is_exp else None)
    yield Case("ransac", "linear", lambda: RANSACRegressor(random_state=0), "diabetes", scale=ransac_scale,
               commit=True)
    keyword = "estimator" if VERSION >= (1, 2) else "base_estimator"
    yield Case("ransac_ridge", "linear", lambda: RANSACRegressor(**{keyword: Ridge(), "random_state": 0, "min_samples": 20}), "diabetes",
               scale=ransac_scale, save="joblib")


def projections():
    for name, make in (("plsr", PLSRegression), ("plsr3", lambda: PLSRegression(n_components=3, scale=False)),
                       ("plsc", PLSCanonical), ("cca", CCA)):
        n = 1 if name.startswith("plsc") or name == "cca" else 2
        def one(make=make, n=n):
            est = make()
            return est.set_params(n_components=min(n, est.n_components))
        yield Case(name, "linear", one, "diabetes2", scale=pls_scale, commit=True,
                   tolerance={"": "linear", "transform": "abs:1e-10 rel:1e-10", "f4": "linear",
                              "f4.transform": "abs:1e-3 rel:1e-3"})
        yield Case(name + "_1", "linear", one, "diabetes", scale=pls_scale, save="joblib",
                   tolerance={"": "linear", "transform": "abs:1e-10 rel:1e-10", "f4": "linear",
                              "f4.transform": "abs:1e-3 rel:1e-3"})


def detectors():
    yield Case("sgdocsvm", "linear", lambda: SGDOneClassSVM(random_state=0), "wine", commit=True,
               tolerance="linear abs:1e-15")
    yield Case("sgdocsvm_f4", "linear", lambda: SGDOneClassSVM(random_state=0, nu=0.1), "iris", fit="f4",
               tolerance={"": "linear abs:1e-15", "f4": "scale:1e-6 abs:1e-15"})


def cases():
    for part in (classifiers, regressors, projections, detectors):
        yield from part()
