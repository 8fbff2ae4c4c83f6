# SPDX-License-Identifier: MIT
"""Logistic regression."""
import numpy as np
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

from cases import Case
from cases.sklearn import IRIS_NAMES, VERSION


def cases():
    def lr(**kw):
        return lambda: LogisticRegression(**{"max_iter": 200, **kw})

    text = IRIS_NAMES.__getitem__
    yield Case("lr_bc", "logistic", lr(C=0.5), "breast_cancer", commit=True)
    yield Case("lr_bc_f4", "logistic", lr(), "breast_cancer", fit="f4", commit=True)
    yield Case("lr_bc_bool", "logistic", lr(), "breast_cancer", labels=lambda y: y.astype(bool))
    yield Case("lr_bc_str", "logistic", lr(), "breast_cancer", fit="df",
               labels=lambda y: np.array(["malignant", "benign"], dtype=object)[y], save="joblib")
    yield Case("lr_bc_float", "logistic", lr(), "breast_cancer", labels=lambda y: y * 2.0 - 1.0)
    yield Case("lr_bc_liblinear", "logistic", lr(solver="liblinear"), "breast_cancer", commit=True, save="joblib")
    yield Case("lr_bc_noint", "logistic", lr(fit_intercept=False), "breast_cancer")
    yield Case("lr_iris", "logistic", lr(), "iris", labels=text, commit=True)
    yield Case("lr_iris_f4", "logistic", lr(), "iris", fit="f4", labels=text)
    yield Case("lr_iris_df", "logistic", lr(), "iris", fit="df", labels=text, save="joblib_gzip", commit=True)
    yield Case("lr_iris_saga", "logistic", lr(solver="saga", penalty="l1") if VERSION < (1, 8)
               else lr(solver="saga", l1_ratio=1.0), "iris")
    yield Case("lr_wine", "logistic", lr(), "wine")
    yield Case("lr_digits", "logistic", lr(C=0.01), "digits", save="joblib_zlib")
    if VERSION < (1, 8):
        yield Case("lr_bc_multinomial", "logistic", lr(multi_class="multinomial"), "breast_cancer", commit=True)
        yield Case("lr_iris_ovr", "logistic", lr(multi_class="ovr"), "iris", labels=text, commit=True)
        yield Case("lr_iris_multinomial", "logistic", lr(multi_class="multinomial"), "iris")
        yield Case("lr_iris_liblinear", "logistic", lr(solver="liblinear"), "iris", commit=True)
        yield Case("lr_digits_ovr", "logistic", lr(multi_class="ovr"), "digits")
    if VERSION >= (1, 2):
        yield Case("lr_bc_nc", "logistic", lr(solver="newton-cholesky"), "breast_cancer")
        yield Case("lr_iris_nc", "logistic", lr(solver="newton-cholesky"), "iris", commit=True)
    yield Case("lrcv_iris", "logistic", lambda: LogisticRegressionCV(Cs=3, cv=3, max_iter=200), "iris",
               labels=IRIS_NAMES.__getitem__, commit=True)
    yield Case("lrcv_bc", "logistic", lambda: LogisticRegressionCV(Cs=3, cv=3, max_iter=200, solver="liblinear"),
               "breast_cancer", save="joblib")
