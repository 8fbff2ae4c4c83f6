# SPDX-License-Identifier: MIT
"""Clusters, nearest centroids, projections, linear discriminants, dummies, isotonic regression."""
import numpy as np
from sklearn.cluster import AffinityPropagation, Birch, KMeans, MeanShift, MiniBatchKMeans
from sklearn.decomposition import PCA, FastICA, IncrementalPCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import LogisticRegression
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

import data
from cases import Case
from cases.sklearn import IRIS_NAMES, VERSION


def plain(name):
    return lambda: (data.load(name)[0], None, data.load(name)[2])


def moved(name):
    """Away from equal distances."""
    def load():
        X, y, names = data.load(name)
        return X + np.random.RandomState(5).normal(size=X.shape) * 0.01, y, names
    return load


def not_numbers(X):
    """Rows that are refused. How far 1e300 is, an expanded square cannot tell."""
    rows = np.repeat(X[:1], 3, axis=0)
    rows[0, 0], rows[1, -1], rows[2, 0] = np.nan, np.inf, -np.inf
    return rows


def lengths(est, X):
    """Σ of the squares that the library adds and takes away again, for distances."""
    X = np.asarray(X, dtype=np.float64)
    c = next(getattr(est, n) for n in ("cluster_centers_", "subcluster_centers_") if hasattr(est, n))
    whole = (X ** 2).sum(axis=1)[:, None] + (c ** 2).sum(axis=1)[None]
    # d = √s: an error of s is one of s / 2d, and at most its root.
    d = np.sqrt(np.maximum(((X[:, None] - c[None]) ** 2).sum(axis=2), 1e-300))
    eps = 1e-14 * whole
    return np.minimum(np.sqrt(eps), eps / d)


def products(est, X):
    before, last = (est[:-1], est[-1]) if hasattr(est, "steps") else (None, est)
    X = np.abs(np.asarray(before.transform(X) if before else X, dtype=np.float64))
    w = last.components_
    w = np.abs(w.toarray() if hasattr(w, "toarray") else w)
    mean = np.abs(getattr(last, "mean_", None) if getattr(last, "mean_", None) is not None else 0)
    out = (X + mean) @ w.T
    if getattr(last, "whiten", False) and hasattr(last, "explained_variance_"):
        out = out / np.sqrt(last.explained_variance_)
    return out


def scores(est, X):
    X = np.abs(np.asarray(X, dtype=np.float64))
    return X @ np.abs(est.coef_).T + np.abs(est.intercept_)


def spread(est, X):
    X = np.asarray(X, dtype=np.float64)
    s = est.within_class_std_dev_ if hasattr(est, "within_class_std_dev_") else 1
    return np.stack([(((np.abs(X) + np.abs(c)) / np.where(s == 0, 1, s)) ** 2).sum(axis=1) + 5
                     for c in est.centroids_], axis=1)


def Clusters(*args, **opts):
    return Case(*args, bad=not_numbers, **opts)


NO_SAMPLES = {"without": ("score_samples",)}  # PCA's likelihood of a row is not given
ROOT = {"": "scale:1", "f4": "scale:1e9 abs:1e-3"}


def clusters():
    for name, make in (("kmeans", lambda: KMeans(4, n_init=2, random_state=0)),
                       ("mbkmeans", lambda: MiniBatchKMeans(4, n_init=2, random_state=0))):
        yield Clusters(name, "centers", make, plain("iris"), scale=lengths, tolerance=ROOT, inputs=("f8",), commit=True)
        yield Clusters(name + "_wine", "centers", make, plain("wine"), fit="df", scale=lengths, tolerance=ROOT,
                   inputs=("f8",), save="joblib")
        yield Clusters(name + "_f4", "centers", make, plain("iris"), fit="f4", scale=lengths, tolerance={
            "f4": "abs:2e-3 rel:1e-3"}, inputs=("f4",))
        yield Clusters(name + "_digits", "centers", make, plain("digits"), scale=lengths, tolerance=ROOT, inputs=("f8",))
    yield Clusters("meanshift", "centers", lambda: MeanShift(bandwidth=1.0), plain("iris"), inputs=("f8",), commit=True)
    yield Clusters("affinity", "centers", lambda: AffinityPropagation(random_state=0), lambda: (moved("iris")()[0], None, None), inputs=("f8",))
    yield Clusters("birch", "centers", lambda: Birch(n_clusters=3), plain("iris"), scale=lengths, tolerance=ROOT,
               inputs=("f8",), commit=True)
    yield Clusters("birch_none", "centers", lambda: Birch(n_clusters=None, threshold=1.2), plain("iris"), scale=lengths,
               tolerance=ROOT, inputs=("f8",), save="joblib")
    for metric in ("euclidean", "manhattan"):
        yield Clusters("centroid_" + metric, "centers", lambda m=metric: NearestCentroid(metric=m), moved("iris"),
                   labels=IRIS_NAMES.__getitem__, scale=spread, tolerance={
                       "": "scale:1e-12", "predict_proba": "scale:1e-12 ulp:4"}, commit=True)
    yield Clusters("centroid_shrink", "centers", lambda: NearestCentroid(shrink_threshold=0.3), moved("wine"),
               save="joblib", scale=spread, tolerance={"": "scale:1e-12", "predict_proba": "scale:1e-12 ulp:4"})
    if VERSION >= (1, 6):
        yield Clusters("centroid_priors", "centers", lambda: NearestCentroid(priors=[0.6, 0.3, 0.1]), moved("iris"),
                   scale=spread, tolerance={"": "scale:1e-12", "predict_proba": "scale:1e-12 ulp:4"})
        yield Clusters("centroid_empirical", "centers", lambda: NearestCentroid(priors="empirical"), moved("wine"),
                   scale=spread, tolerance={"": "scale:1e-12", "predict_proba": "scale:1e-12 ulp:4"})


def projections():
    tol = {"": "linear", "f4": "scale:3e-6"}
    for name, make in (("pca", lambda: PCA(3)), ("pca_white", lambda: PCA(2, whiten=True)),
                       ("ipca", lambda: IncrementalPCA(3, batch_size=50)), ("svd", lambda: TruncatedSVD(3, random_state=0)),
                       ("ica", lambda: FastICA(3, random_state=0, whiten="unit-variance" if VERSION >= (1, 1) else True)),
                       ("grp", lambda: GaussianRandomProjection(3, random_state=0)),
                       ("srp", lambda: SparseRandomProjection(3, random_state=0))):
        yield Case(name, "linear", make, plain("wine"), scale=products, tolerance=tol, commit=True, **NO_SAMPLES)
        yield Case(name + "_f4", "linear", make, plain("iris"), fit="f4", scale=products, save="joblib",
                   tolerance={"": "scale:3e-6", "f4": "scale:3e-6"}, **NO_SAMPLES)
    yield Case("pca_all", "linear", PCA, plain("breast_cancer"), fit="df", scale=products, tolerance=tol, **NO_SAMPLES)
    yield Case("pca_digits", "linear", lambda: make_pipeline(StandardScaler(), PCA(0.9)), plain("digits"),
               scale=products, tolerance=tol, **NO_SAMPLES)
    yield Case("pca_lr", "logistic", lambda: make_pipeline(StandardScaler(), PCA(2), LogisticRegression()), "iris",
               tolerance={"": "abs:1e-11 rel:1e-11", "f4": "abs:1e-3 rel:1e-3"}, commit=True)
    for solver in ("svd", "eigen", "lsqr"):
        lda = lambda solver=solver: LinearDiscriminantAnalysis(solver=solver)
        tol = {"": "logistic", "transform": "abs:1e-9 rel:1e-11", "f4": "logistic scale:1e-6",
               "f4.transform": "abs:1e-3 rel:1e-4"}
        yield Case("lda_" + solver, "logistic", lda, "iris", labels=IRIS_NAMES.__getitem__, tolerance=tol,
                   scale=scores, commit=True)
        yield Case("lda_bc_" + solver, "logistic", lda, "breast_cancer", tolerance=tol, scale=scores, save="joblib")
        yield Case("lda_f4_" + solver, "logistic", lda, "wine", fit="f4", scale=scores,
                   tolerance={"": "logistic scale:2e-6 abs:1e-6", "transform": "abs:1e-2 rel:1e-3"})
    yield Case("lda_1", "logistic", lambda: LinearDiscriminantAnalysis(n_components=1), "wine", scale=scores,
               tolerance={"": "logistic", "transform": "abs:1e-9 rel:1e-11", "f4": "logistic scale:1e-6",
                          "f4.transform": "abs:1e-3 rel:1e-4"})


def others():
    for strategy in ("prior", "most_frequent", "constant"):
        kw = {"constant": "versicolor"} if strategy == "constant" else {}
        if VERSION >= (1, 6):
            yield Case("dummy_" + strategy, "centers", lambda s=strategy, kw=kw: DummyClassifier(strategy=s, **kw),
                       "iris", labels=IRIS_NAMES.__getitem__, commit=True)
    for strategy in ("mean", "median", "quantile", "constant"):
        kw = {"quantile": {"quantile": 0.3}, "constant": {"constant": 4.5}}.get(strategy, {})
        if VERSION >= (1, 6):
            yield Case("dummyr_" + strategy, "centers", lambda s=strategy, kw=kw: DummyRegressor(strategy=s, **kw),
                       "diabetes", commit=strategy == "mean")
    if VERSION >= (1, 6):
        yield Case("dummyr_2", "centers", DummyRegressor, "diabetes2")
    def one():
        X, y, names = data.load("diabetes")
        return X[:, 2:3], y, names[2:3]
    for outside in ("nan", "clip"):
        yield Case("isotonic_" + outside, "centers", lambda o=outside: IsotonicRegression(out_of_bounds=o), one,
                   without=("transform",), tolerance="ulp:2", commit=True)
        yield Case("isotonic_f4_" + outside, "centers", lambda o=outside: IsotonicRegression(
            out_of_bounds=o, increasing=False), one, fit="f4", without=("transform",),
            tolerance={"": "ulp:2", "f8": "rel:1e-6"})


def cases():
    for part in (clusters, projections, others):
        yield from part()
