# SPDX-License-Identifier: MIT
"""Numeric transformers other than StandardScaler and MinMaxScaler."""
import numpy as np
import pandas
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (Binarizer, FunctionTransformer, KBinsDiscretizer, MaxAbsScaler, Normalizer,
                                   PolynomialFeatures, PowerTransformer, QuantileTransformer, RobustScaler,
                                   SplineTransformer, StandardScaler)

from cases import Case
from cases.sklearn import VERSION

# With float32 rows NumPy 1 rounds the ends of the knots and the exponents to float32 too, and gives NaN just beyond
# an end; from NumPy 2 on it works in double, as weir does.
SPLINE_INPUTS = ("f8", "f4") if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else ("f8",)

# What passes a function of the C library is within a few units of numpy's. In float32 numpy computes in float32
# what weir computes in double, and rounding before a subtraction shows.
CURVE = {"": "ulp:4 abs:1e-15", "f4": "rel:1e-5 abs:1e-5"}


def kbins(**kw):
    if VERSION >= (1, 9):
        kw = {"quantile_method": "averaged_inverted_cdf", **kw}
    return lambda: KBinsDiscretizer(**kw)


def positive():
    """A table of positive numbers: mixtures of its rows stay positive."""
    X = np.random.RandomState(5).gamma(2.0, 3.0, (400, 4)) + 0.05
    return pandas.DataFrame(X, columns=list("abcd")), (X[:, 0] > 5.0).astype(int)


def with_cells(X, values):
    """Returns copies of the first row with other values in its first and last cell."""
    rows = []
    for v in values:
        for column in (0, X.shape[1] - 1):
            row = X.iloc[[0]].copy()
            row.iloc[0, column] = v
            rows.append(row)
    return pandas.concat(rows, ignore_index=True)


def scalers():
    yield Case("robust", "scale", RobustScaler, "wine", commit=True)
    yield Case("robust_f4", "scale", RobustScaler, "wine", fit="f4")
    yield Case("robust_nocenter", "scale", lambda: RobustScaler(with_centering=False), "wine", fit="df")
    yield Case("robust_noscale", "scale", lambda: RobustScaler(with_scaling=False, quantile_range=(10, 90)), "wine")
    yield Case("robust_nan", "scale", lambda: RobustScaler(unit_variance=True), "wine", nan=0.1)
    yield Case("maxabs", "scale", MaxAbsScaler, "wine", commit=True)
    yield Case("maxabs_f4", "scale", MaxAbsScaler, "diabetes", fit="f4", nan=0.1)
    if VERSION >= (1, 9):
        yield Case("maxabs_clip", "scale", lambda: MaxAbsScaler(clip=True), "diabetes", rows="half")
    yield Case("binarizer", "scale", lambda: Binarizer(threshold=0.01), "diabetes", commit=True)
    yield Case("binarizer_wine", "scale", lambda: Binarizer(threshold=2.36), "wine", fit="f4")
    for norm in ("l1", "l2", "max"):
        yield Case("norm_" + norm, "scale", lambda n=norm: Normalizer(n), "diabetes", commit=norm == "l2",
                   tolerance={"": "ulp:4", "f4": "ulp:8"})


def bent():
    power = {"": "ulp:8 rel:1e-13 abs:1e-13", "f4": "rel:1e-2 abs:1e-2"}
    yield Case("power_yj", "curve", PowerTransformer, "wine", commit=True, tolerance=power)
    yield Case("power_yj_raw", "curve", lambda: PowerTransformer(standardize=False), "wine", tolerance=power)
    for raw in (True, False):
        yield Case("power_bc" + "_raw" * raw, "curve", lambda r=raw: PowerTransformer("box-cox", standardize=not r),
                   positive, commit=raw, tolerance=power[""],
                   bad=lambda X: with_cells(X, [0.0, -1.0, np.nan]))
    yield Case("power_diabetes", "curve", PowerTransformer, "diabetes", nan=0.1,
               tolerance={"": "ulp:8 rel:1e-13 abs:1e-13", "f4": "rel:1e-2 abs:1e-2"})
    for out in ("uniform", "normal"):
        yield Case("quantile_" + out, "curve", lambda o=out: QuantileTransformer(
            n_quantiles=50, output_distribution=o), "wine", commit=True,
                   tolerance={"": "ulp:4 abs:4e-15", "f4": "rel:2e-5 abs:2e-5"})
        yield Case("quantile_%s_ties" % out, "curve", lambda o=out: QuantileTransformer(
            n_quantiles=20, output_distribution=o), "digits", rows="half", inputs=("f8",),
                   tolerance={"": "ulp:4 abs:4e-15"})
        yield Case("quantile_%s_nan" % out, "curve", lambda o=out: QuantileTransformer(
            n_quantiles=100, output_distribution=o), "diabetes", nan=0.2, inputs=("f8",),
                   tolerance={"": "ulp:4 abs:4e-15"})
    if VERSION < (1, 2):
        return  # by itself it does not say there how many columns it takes
    for f in (np.log1p, np.sqrt, np.exp, np.square, np.tanh, np.sign, np.cbrt, np.abs, np.reciprocal, np.arctan,
              np.expm1, np.rint):
        yield Case("fn_" + f.__name__, "curve", lambda f=f: FunctionTransformer(f), "wine", tolerance=CURVE,
                   commit=f is np.log1p)
    yield Case("fn_none", "scale", FunctionTransformer, "wine", commit=True)
    yield Case("fn_validate", "scale", lambda: FunctionTransformer(validate=True), "wine")
    yield Case("fn_log_lr", "logistic", lambda: make_pipeline(FunctionTransformer(np.log1p), StandardScaler(),
                                                              LogisticRegression(max_iter=300)), positive)


def bases():
    for degree, kw in ((2, {}), (3, {}), (3, {"interaction_only": True}), (2, {"include_bias": False}),
                       ((2, 3), {}), ((0, 2), {"include_bias": False}), ((3, 3), {"interaction_only": True})):
        name = "poly_%s%s" % (str(degree).strip("()").replace(", ", "_"), "".join("_" + k[:7] for k in kw))
        yield Case(name, "scale", lambda d=degree, k=kw: PolynomialFeatures(d, **k), "diabetes",
                   commit=degree == 2)
    yield Case("poly_ridge", "linear", lambda: make_pipeline(StandardScaler(), PolynomialFeatures(2),
                                                             Ridge()), "diabetes", tolerance="rel:1e-9 abs:1e-9",
               inputs=("f8",))
    for outside in ("constant", "linear", "continue", "periodic"):
        for degree in (0, 1, 2, 3):
            for bias in (True, False):
                if degree == 0 and (not bias or outside == "constant"):
                    continue  # the library fails above the last knot
                yield Case("spline_%s_%d%s" % (outside, degree, "" if bias else "_nobias"), "curve",
                           lambda o=outside, d=degree, b=bias: SplineTransformer(
                               n_knots=5, degree=d, extrapolation=o, include_bias=b), "iris", rows="half",
                           commit=degree == 3 and bias, inputs=SPLINE_INPUTS,
                           tolerance={"": "ulp:8 rel:1e-13 abs:1e-14", "f4": "rel:2e-5 abs:2e-5"})
    yield Case("spline_quantile", "curve", lambda: SplineTransformer(n_knots=7, knots="quantile"), "diabetes",
               inputs=SPLINE_INPUTS,
               tolerance={"": "ulp:8 abs:1e-14", "f4": "rel:2e-5 abs:2e-5"})
    yield Case("spline_lr", "logistic", lambda: make_pipeline(
        StandardScaler(), SplineTransformer(degree=2), LogisticRegression(max_iter=300)), "wine",
               inputs=("f8",), tolerance="logistic rel:1e-12 abs:1e-12")
    yield Case("spline_error", "curve", lambda: SplineTransformer(extrapolation="error", degree=2), positive,
               bad=lambda X: with_cells(X, [-1.0, 1e3, np.nan]), tolerance="ulp:8 abs:1e-14")
    yield Case("spline_user", "curve", lambda: SplineTransformer(knots=np.array([[0.0] * 4, [1, 2, 3, 1], [9] * 4])),
               "iris", inputs=SPLINE_INPUTS, tolerance={"": "ulp:8 rel:1e-13 abs:1e-14", "f4": "rel:2e-4 abs:2e-4"})
    for encode in ("ordinal", "onehot", "onehot-dense"):
        for strategy in ("uniform", "quantile", "kmeans"):
            yield Case("kbins_%s_%s" % (encode, strategy), "scale",
                       kbins(n_bins=4, encode=encode, strategy=strategy), "wine",
                       commit=strategy == "uniform" and encode != "onehot-dense", fit="f4" if strategy == "kmeans"
                       else "f8")
    yield Case("kbins_f32", "scale", kbins(n_bins=[3, 2, 5, 4], encode="ordinal", dtype=np.float32), "iris")
    yield Case("kbins_ridge", "linear", lambda: make_pipeline(kbins(n_bins=5)(), Ridge()), "diabetes")


def cases():
    for group in (scalers, bent, bases):
        yield from group()
