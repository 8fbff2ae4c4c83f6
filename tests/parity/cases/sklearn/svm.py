# SPDX-License-Identifier: MIT
"""Kernel machines: every kernel, probabilities, both shapes of decisions, sparse and precomputed fits."""
import numpy as np
from scipy import sparse
from sklearn.kernel_ridge import KernelRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

import data
from cases import Case
from cases.sklearn import IRIS_NAMES, VERSION


def scale(est, X):
    """|b| + Σ|a k(s, x)|, the largest of all pairs; the error of a kernel value is counted where it can be large."""
    last = est
    if hasattr(est, "steps"):
        X, last = est[:-1].transform(X), est[-1]
    X = np.asarray(X, dtype=np.float64)
    if isinstance(last, KernelRidge):
        # e^-t has the relative error of t, which is a sum of its own.
        k = np.abs(last._get_kernel(X, last.X_fit_))
        return (k @ np.abs(last.dual_coef_)) * 100 + 1e-9
    points = last.support_vectors_
    points = points.toarray() if sparse.issparse(points) else points
    dual = last._dual_coef_.toarray() if sparse.issparse(last._dual_coef_) else last._dual_coef_
    if last.kernel == "precomputed":
        k = np.abs(X[:, last.support_])
    elif last.kernel in ("rbf", "sigmoid"):
        k = np.ones((len(X), len(points)))
        if last.kernel == "rbf":
            d = ((X[:, None, :] - points[None]) ** 2).sum(axis=2) * last._gamma
            k = np.exp(-d) * (1 + d)
        else:
            k = 1 + np.abs(last._gamma) * (np.abs(X) @ np.abs(points).T)
    else:
        k = np.abs(X) @ np.abs(points).T
        if last.kernel == "poly":
            k = (last._gamma * k + np.abs(last.coef0)) ** last.degree * last.degree
    out = k @ np.abs(dual).T.sum(axis=1, keepdims=True) + np.abs(last._intercept_).max() + 1e-300
    return out * 10


def wide(est, X):
    n = {"ovo": lambda k: k * (k - 1) // 2}.get(getattr(est, "decision_function_shape", ""), lambda k: k)(
        len(getattr(est, "classes_", [0])))
    return np.repeat(scale(est, X), max(n, 1), axis=1)


class SparseSVC(SVC):
    """Becomes its parent when fitted, on a sparse matrix."""

    def fit(self, X, y):
        self.__class__ = SVC
        return self.fit(sparse.csr_matrix(X), y)


def scale_pipe(est, X):
    return np.repeat(scale(est, X), len(est.classes_), axis=1)


TOL = {"": "scale:1e-12", "predict_proba": "abs:1e-9 scale:1e-10", "f4": "scale:1e-12",
       "f4.predict_proba": "abs:1e-9 scale:1e-10"}


def scaled(name):
    X, y, names = data.load(name)
    return (X - X.mean(axis=0)) / (X.std(axis=0) + 0.5), y, names


def iris():
    return scaled("iris")


def wine():
    return scaled("wine")


def cancer():
    return scaled("breast_cancer")


def digits():
    X, y, names = data.load("digits")
    return X[:600], y[:600], names


def diabetes():
    X, y, names = data.load("diabetes")
    return X * 20, (y - 150) / 70, names


def gram():
    X, y, _ = iris()
    k = np.exp(-0.3 * ((X[:, None] - X[None]) ** 2).sum(axis=2))
    return k, y, ["k%d" % i for i in range(len(k))]


def cases():
    text = IRIS_NAMES.__getitem__
    def svc(make=SVC, **kw):
        return lambda: make(**{"random_state": 0, **kw})
    for kernel in ("linear", "poly", "rbf", "sigmoid"):
        for name, make in (("svc", SVC), ("nusvc", NuSVC)):
            one = svc(make, kernel=kernel, coef0=0.25, **({"nu": 0.2} if make is NuSVC else {}))
            yield Case("%s_%s_iris" % (name, kernel), "svm", one, iris, labels=text, scale=wide, tolerance=TOL,
                       commit=name == "svc")
            yield Case("%s_%s_bc" % (name, kernel), "svm", one, cancer, fit="df", save="joblib", scale=wide,
                       tolerance=TOL, labels=lambda y: y == 1)
            yield Case("%s_%s_f4" % (name, kernel), "svm", one, wine, fit="f4", scale=wide, tolerance=TOL)
    for kernel in ("linear", "rbf"):
        yield Case("svc_%s_ovo" % kernel, "svm", svc(kernel=kernel, decision_function_shape="ovo"), iris,
                   scale=wide, tolerance=TOL, commit=kernel == "rbf")
        yield Case("svc_%s_ties" % kernel, "svm", svc(kernel=kernel, break_ties=True), digits, scale=wide,
                   tolerance=TOL)
        yield Case("svc_%s_digits" % kernel, "svm", svc(kernel=kernel), digits, save="joblib_zlib", scale=wide,
                   tolerance=TOL)
        yield Case("svc_%s_sparse" % kernel, "svm", svc(SparseSVC, kernel=kernel), iris,
                   scale=wide, tolerance=TOL, commit=kernel == "rbf")
        if VERSION < (1, 11):
            yield Case("svc_%s_proba" % kernel, "svm", svc(kernel=kernel, probability=True), iris, labels=text,
                       scale=wide, tolerance=TOL, commit=True)
            yield Case("svc_%s_proba_bc" % kernel, "svm", svc(kernel=kernel, probability=True), cancer, scale=wide,
                       tolerance=TOL)
            yield Case("nusvc_%s_proba" % kernel, "svm", svc(NuSVC, kernel=kernel, probability=True, nu=0.2), wine,
                       scale=wide, tolerance=TOL)
    if VERSION < (1, 11):
        yield Case("svc_digits_proba", "svm", svc(probability=True), digits, scale=wide, tolerance=TOL)
    yield Case("svc_pipe", "svm", lambda: make_pipeline(StandardScaler(), SVC(random_state=0)), "wine", scale=scale_pipe,
               tolerance=TOL, commit=True)
    yield Case("svc_gamma", "svm", svc(gamma=0.5, class_weight="balanced"), iris, scale=wide, tolerance=TOL)
    yield Case("svc_auto", "svm", svc(gamma="auto"), wine, scale=wide, tolerance=TOL)
    yield Case("svc_gram", "svm", svc(kernel="precomputed"), gram, scale=wide, tolerance=TOL, commit=True)
    for kernel in ("linear", "poly", "rbf", "sigmoid"):
        for name, make in (("svr", SVR), ("nusvr", NuSVR), ("ocsvm", OneClassSVM)):
            def one(m=make, k=kernel):
                return m(kernel=k, coef0=0.5, **({"nu": 0.2} if m is OneClassSVM else {}))
            yield Case("%s_%s" % (name, kernel), "svm", one, diabetes, scale=scale, tolerance=TOL,
                       commit=kernel == "rbf")
            yield Case("%s_%s_f4" % (name, kernel), "svm", one, diabetes, fit="f4", scale=scale, tolerance=TOL,
                       save="joblib")
    for kernel in ("linear", "poly", "rbf", "sigmoid", "laplacian"):
        yield Case("krr_" + kernel, "svm", lambda k=kernel: KernelRidge(kernel=k, alpha=0.5), diabetes, scale=scale,
                   tolerance={"": "scale:1e-11", "f4": "scale:3e-6"})
    yield Case("krr_2", "svm", lambda: KernelRidge(kernel="rbf", gamma=0.1), "diabetes2", scale=scale,
               tolerance={"": "scale:1e-11", "f4": "scale:3e-6"})
