# SPDX-License-Identifier: MIT
"""Naive Bayes, quadratic discriminants, mixtures of normal distributions, elliptic envelopes."""
import numpy as np
import pandas
from sklearn.covariance import EllipticEnvelope
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB

import data
from cases import Case
from cases.sklearn import IRIS_NAMES, VERSION


def joint(est, X):
    """The size of what is added up for each class."""
    X = np.asarray(X, dtype=np.float64)
    if isinstance(est, GaussianNB):
        mean, var = est.theta_, getattr(est, "var_", None) if hasattr(est, "var_") else est.sigma_
        return np.stack([((X - m) ** 2 / v).sum(axis=1) + np.abs(np.log(v)).sum() + 10 for m, v in zip(mean, var)],
                        axis=1)
    if isinstance(est, QuadraticDiscriminantAnalysis):
        out = [(np.abs(X - m) @ np.abs(r * s ** -0.5)) ** 2 for m, r, s in
               zip(est.means_, est.rotations_, est.scalings_)]
        return np.stack([o.sum(axis=1) + 30 for o in out], axis=1)
    if isinstance(est, (GaussianMixture, BayesianGaussianMixture)):
        chol = est.precisions_cholesky_
        out = []
        for k, m in enumerate(est.means_):
            if est.covariance_type in ("full", "tied"):
                c = np.abs(chol[k] if est.covariance_type == "full" else chol)
                out.append((((np.abs(X) + np.abs(m)) @ c) ** 2).sum(axis=1) + 30)
            else:
                out.append((((np.abs(X) + np.abs(m)) * np.abs(chol[k])) ** 2).sum(axis=1) + 30)
        return np.stack(out, axis=1)
    if isinstance(est, EllipticEnvelope):
        X = np.abs(X - est.location_)
        return (X @ np.abs(est.precision_) * X).sum(axis=1) + np.abs(est.offset_)
    if isinstance(est, CategoricalNB):
        return None
    X = (X > (est.binarize or 0)).astype(float) if isinstance(est, BernoulliNB) else np.abs(X)
    return X @ np.abs(est.feature_log_prob_).T + np.abs(est.class_log_prior_) + 10


def spread(est, X):
    """The same for one number of each row."""
    return joint(est, X).max(axis=1)


def digits():
    X, y, names = data.load("digits")
    return X[:500], y[:500], names


def categories():
    rng = np.random.RandomState(4)
    X = rng.randint(5, size=(600, 7)).astype(float)
    # A frame, so that no rows are asked that are not made of its own values.
    return (pandas.DataFrame(X, columns=["c%d" % i for i in range(7)]),
            (X.sum(axis=1) + rng.randint(6, size=600)).astype(int) // 8)


def bad_categories(X):
    rows = np.repeat(X.to_numpy()[:1], 6, axis=0)
    rows[0, 0], rows[1, 3], rows[2, 6], rows[3, 1], rows[4, 2] = 5.0, -1.0, 1e9, 4.9, -0.5
    return pandas.DataFrame(rows, columns=X.columns)


def ask_categories(est, X, output):
    """Unseen categories are an IndexError there."""
    try:
        return getattr(est, output)(X)
    except IndexError as e:
        raise ValueError from e


TOL = {"": "scale:1e-13", "predict_proba": "logistic ulp:4 scale:2e-15", "f4": "scale:1e-13",
       "f4.predict_proba": "logistic ulp:4 scale:2e-15"}
WIDE = {"": "scale:1e-12", "predict_proba": "logistic ulp:4 scale:1e-13", "f4": "scale:1e-6",
        "f4.predict_proba": "abs:1e-6 scale:1e-6"}
NARROW = {"": "scale:1e-6", "predict_proba": "abs:1e-6 scale:1e-6", "f4": "scale:1e-5",
          "f4.predict_proba": "abs:1e-6 scale:1e-5"}


def naive():
    text = IRIS_NAMES.__getitem__
    yield Case("gnb_iris", "bayes", GaussianNB, "iris", labels=text, scale=joint, tolerance=TOL, commit=True)
    yield Case("gnb_bc", "bayes", GaussianNB, "breast_cancer", fit="df", scale=joint, tolerance=TOL, save="joblib")
    yield Case("gnb_f4", "bayes", lambda: GaussianNB(priors=[0.2, 0.3, 0.5]), "wine", fit="f4", scale=joint,
               tolerance=NARROW if VERSION >= (1, 8) else TOL)
    yield Case("gnb_smooth", "bayes", lambda: GaussianNB(var_smoothing=1e-3), "digits", scale=joint, tolerance=TOL)
    for name, make in (("mnb", MultinomialNB), ("cnb", ComplementNB), ("bnb", BernoulliNB),
                       ("cnb_norm", lambda: ComplementNB(norm=True)), ("bnb_bin", lambda: BernoulliNB(binarize=3.5)),
                       ("mnb_noprior", lambda: MultinomialNB(fit_prior=False, alpha=0.1))):
        yield Case(name + "_digits", "bayes", make, digits, scale=joint, tolerance=TOL, save="joblib_zlib")
        yield Case(name + "_iris", "bayes", make, "iris", labels=text, scale=joint, tolerance=TOL, commit=True)
        yield Case(name + "_f4", "bayes", make, "breast_cancer", fit="f4", scale=joint, tolerance=TOL)
    yield Case("bnb_none", "bayes", lambda: BernoulliNB(binarize=None), lambda: (
        (data.load("digits")[0][:300] > 4).astype(float), data.load("digits")[1][:300], None), scale=lambda e, X: np.abs(
            X) @ np.abs(e.feature_log_prob_).T * 100 + 1000, tolerance=TOL)
    yield Case("catnb", "bayes", CategoricalNB, categories, commit=True, bad=bad_categories, predict=ask_categories,
               more=lambda X: X[:9] + 0.25, tolerance="ulp:32 abs:1e-15")
    yield Case("catnb_noprior", "bayes", lambda: CategoricalNB(fit_prior=False, alpha=0.5), categories, save="joblib",
               bad=bad_categories, predict=ask_categories, tolerance="ulp:32 abs:1e-15")


def normal():
    for name, make in (("qda", QuadraticDiscriminantAnalysis), ("qda_reg", lambda: QuadraticDiscriminantAnalysis(
            reg_param=0.1))):
        yield Case(name + "_iris", "bayes", make, "iris", labels=IRIS_NAMES.__getitem__, scale=joint, tolerance=WIDE,
                   commit=True)
        yield Case(name + "_wine", "bayes", make, "wine", fit="f4", scale=joint, tolerance=NARROW, save="joblib")
        if name == "qda_reg":
            yield Case(name + "_bc", "bayes", make, "breast_cancer", scale=joint, tolerance=WIDE)
    for kind in ("full", "tied", "diag", "spherical"):
        def gm(make=GaussianMixture, kind=kind, **kw):
            return lambda: make(n_components=3, covariance_type=kind, random_state=0, **kw)
        yield Case("gm_" + kind, "bayes", gm(), lambda: (data.load("iris")[0], None, None), scale=spread,
                   tolerance=WIDE, commit=True)
        yield Case("gm_wine_" + kind, "bayes", gm(reg_covar=1e-3), lambda: (data.load("wine")[0], None, None),
                   scale=spread, tolerance=WIDE, save="joblib")
        yield Case("gm_f4_" + kind, "bayes", gm(reg_covar=1e-2), lambda: (data.load("iris")[0], None, None), fit="f4",
                   scale=spread, tolerance=NARROW)
        yield Case("bgm_" + kind, "bayes", gm(BayesianGaussianMixture, max_iter=300),
                   lambda: (data.load("iris")[0], None, None), scale=spread, tolerance=WIDE, commit=kind == "full")
        yield Case("bgm_dist_" + kind, "bayes", gm(
            BayesianGaussianMixture, weight_concentration_prior_type="dirichlet_distribution", max_iter=300),
            lambda: (data.load("iris")[0], None, None), scale=spread, tolerance=WIDE)
    yield Case("envelope", "bayes", lambda: EllipticEnvelope(random_state=0, contamination=0.15),
               lambda: (data.load("iris")[0], None, None), scale=joint, tolerance="scale:1e-11", commit=True)
    yield Case("envelope_wine", "bayes", lambda: EllipticEnvelope(random_state=0),
               lambda: (data.load("wine")[0][:, :5], None, None), scale=joint, tolerance="scale:1e-11", save="joblib")


def cases():
    yield from naive()
    yield from normal()
