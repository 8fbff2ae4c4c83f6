# SPDX-License-Identifier: MIT
"""Linear regressors, and those that differ in how they are fitted only."""
from sklearn.linear_model import (ARDRegression, BayesianRidge, ElasticNet, ElasticNetCV, HuberRegressor, Lars, Lasso,
                                  LassoCV, LassoLars, LinearRegression, OrthogonalMatchingPursuit, Ridge, RidgeCV,
                                  SGDRegressor, TheilSenRegressor)

from cases import Case


def cases():
    for name, make in (("linreg", LinearRegression), ("ridge", lambda: Ridge(alpha=0.7)),
                       ("lasso", lambda: Lasso(alpha=0.1)), ("enet", lambda: ElasticNet(alpha=0.05))):
        yield Case(name, "linear", make, "diabetes", commit=True)
        yield Case(name + "_2", "linear", make, "diabetes2", commit=name == "linreg", save="joblib")
        yield Case(name + "_f4", "linear", make, "diabetes", fit="f4", commit=name == "ridge")
        yield Case(name + "_f4_2", "linear", make, "diabetes2", fit="f4", save="joblib_zlib")
        yield Case(name + "_df", "linear", make, "diabetes", fit="df", commit=name == "lasso")
        yield Case(name + "_1col", "linear", make, "diabetes2_1")
    yield Case("linreg_noint", "linear", lambda: LinearRegression(fit_intercept=False), "diabetes")
    yield Case("linreg_positive", "linear", lambda: LinearRegression(positive=True), "diabetes")
    yield Case("ridge_noint_2", "linear", lambda: Ridge(fit_intercept=False), "diabetes2")
    yield Case("linreg_bc", "linear", LinearRegression, "breast_cancer_reg", save="joblib_gzip")
    yield Case("ridge_digits", "linear", Ridge, "digits_reg", save="joblib")
    for name, make in (("ard", ARDRegression), ("bayesridge", BayesianRidge), ("enetcv", lambda: ElasticNetCV(cv=3)),
                       ("huber", lambda: HuberRegressor(max_iter=1000)), ("lars", Lars), ("lassocv", lambda: LassoCV(cv=3)),
                       ("lassolars", LassoLars), ("omp", OrthogonalMatchingPursuit), ("ridgecv", RidgeCV),
                       ("sgdr", lambda: SGDRegressor(random_state=0)),
                       ("theilsen", lambda: TheilSenRegressor(random_state=0, max_subpopulation=200))):
        yield Case(name, "linear", make, "diabetes", commit=name in ("ridgecv", "sgdr"))
    yield Case("ridgecv_2", "linear", RidgeCV, "diabetes2", save="joblib")
