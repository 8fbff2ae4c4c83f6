# SPDX-License-Identifier: MIT
"""Transformers side by side: tables of numbers and texts as they are served in practice."""
import numpy as np
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (FunctionTransformer, KBinsDiscretizer, MinMaxScaler, Normalizer, OneHotEncoder, OrdinalEncoder,
                                   PolynomialFeatures, RobustScaler, StandardScaler)

from cases import Case
from cases.sklearn._frames import table, with_value

ONEHOT = {"handle_unknown": "ignore"}


def numeric():
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler())


def categorical(**kw):
    return make_pipeline(SimpleImputer(**{"strategy": "most_frequent", **kw}), OneHotEncoder(**ONEHOT))


def everyday(last, **kw):
    return lambda: make_pipeline(ColumnTransformer([
        ("num", numeric(), ["age", "income", "rooms"]), ("cat", categorical(), ["city", "size"])], **kw), last())


def frames():
    lr = lambda: LogisticRegression(max_iter=500)
    rf = lambda: RandomForestClassifier(n_estimators=5, max_depth=4, random_state=1)
    gaps = lambda: table(gaps=np.nan)
    unknown = with_value("city", "nowhere", "zürich", "")
    yield Case("everyday_lr", "logistic", everyday(lr), gaps, commit=True, more=unknown)
    yield Case("everyday_rf", "forest", everyday(rf), gaps, commit=True, more=unknown)
    yield Case("everyday_pass", "logistic", everyday(lr, remainder="passthrough"), gaps, more=unknown)
    yield Case("everyday_weights", "logistic", everyday(lr, remainder="passthrough", transformer_weights={
        "num": 0.5, "remainder": 2.0}), gaps, more=unknown, commit=True)
    yield Case("everyday_nogaps", "logistic", everyday(lr), table, more=unknown)
    yield Case("everyday_rest", "logistic", everyday(lr, remainder=OrdinalEncoder()), gaps)
    yield Case("selector", "logistic", lambda: make_pipeline(make_column_transformer(
        (numeric(), make_column_selector(dtype_include=np.number)),
        (categorical(), make_column_selector(dtype_include=object))), lr()), gaps, commit=True)
    yield Case("by_number", "logistic", lambda: make_pipeline(make_column_transformer(
        (numeric(), [0, 2, -3]), (categorical(), [1]), ("passthrough", slice(4, 5)), ("drop", [5])), lr()), gaps)
    yield Case("by_slice", "forest", lambda: make_pipeline(make_column_transformer(
        (OneHotEncoder(**ONEHOT), slice("city", "city")), ("passthrough", slice("income", "ok"))), rf()), table)
    yield Case("by_mask", "forest", lambda: make_pipeline(make_column_transformer(
        (OneHotEncoder(**ONEHOT), [False, True, False, False, False, True]),
        ("passthrough", np.array([True, False, True, False, False, False]))), rf()), table)
    yield Case("transforms", "scale", lambda: ColumnTransformer([
        ("a", MinMaxScaler(), ["income"]), ("b", OrdinalEncoder(), ["size", "ok"]), ("none", StandardScaler(), [])],
        remainder="drop", sparse_threshold=0.9), table, commit=True)
    yield Case("twice", "logistic", lambda: make_pipeline(ColumnTransformer([
            ("a", StandardScaler(), ["age", "income"]), ("b", RobustScaler(), ["income", "rooms"]),
            ("c", OneHotEncoder(**ONEHOT), ["city"]), ("d", OrdinalEncoder(), ["city", "size"])]), lr()), table)
    yield Case("nested", "logistic", lambda: make_pipeline(ColumnTransformer([
        ("inner", ColumnTransformer([("x", StandardScaler(), ["income"])], remainder="passthrough"), ["income", "age"]),
        ("cat", categorical(), ["city"])]), lr()), table)
    yield Case("texts_through", "logistic", lambda: make_pipeline(
        ColumnTransformer([("fill", SimpleImputer(strategy="constant", fill_value="gone"), ["city", "size"])]),
        OneHotEncoder(**ONEHOT), lr()), gaps, commit=True)
    yield Case("texts_pass", "forest", lambda: make_pipeline(
        ColumnTransformer([("rest", "passthrough", ["city", "size", "rooms"])]),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), rf()), table, more=unknown)
    yield Case("none_known", "logistic", lambda: make_pipeline(ColumnTransformer([
        ("cat", OneHotEncoder(**ONEHOT), ["city"]), ("num", numeric(), ["age"])]), lr()), lambda: nones(), commit=True)
    yield Case("indicator", "logistic", everyday_indicator, gaps)
    yield Case("unknown_refused", "logistic", lambda: make_pipeline(ColumnTransformer([
        ("num", StandardScaler(), ["income"]), ("cat", OneHotEncoder(), ["city"])]), lr()), table,
        bad=with_value("city", "nowhere", "Ams"), commit=True)


def nones():
    """A table whose missing texts are None."""
    frame, y = table()
    at = np.random.RandomState(8).uniform(size=len(frame)) < 0.2
    frame["city"] = np.where(at, None, frame["city"].to_numpy(dtype=object))
    frame.loc[np.roll(at, 7), "age"] = np.nan
    return frame, y


def everyday_indicator():
    return make_pipeline(ColumnTransformer([
        ("num", SimpleImputer(add_indicator=True), ["age", "income"]),
        ("cat", categorical(strategy="constant"), ["city", "size"])]), LogisticRegression(max_iter=500))


def matrices():
    lr = lambda: LogisticRegression(max_iter=500)
    union = lambda: make_union(StandardScaler(), PolynomialFeatures(2, include_bias=False))
    yield Case("union", "scale", union, "iris", commit=True)
    yield Case("union_f4", "scale", union, "iris", fit="f4")
    yield Case("union_parts", "scale", lambda: FeatureUnion([
        ("a", MinMaxScaler()), ("b", "passthrough"), ("c", "drop"), ("d", Normalizer("max"))],
        transformer_weights={"a": 0.3, "b": 10}), "wine", commit=True)
    yield Case("union_lr", "logistic", lambda: make_pipeline(union(), lr()), "iris",
               tolerance={"": "logistic", "f4": "abs:2e-3 rel:2e-3"})
    split = lambda **kw: ColumnTransformer([("a", StandardScaler(), [0, 3]), ("b", MinMaxScaler(), slice(1, 3)),
                                            ("c", FunctionTransformer(), [-1])], **kw)
    yield Case("ct", "scale", split, "wine", commit=True)
    yield Case("ct_pass", "scale", lambda: split(remainder="passthrough"), "wine", fit="f4")
    yield Case("ct_rest", "scale", lambda: split(remainder=RobustScaler(), transformer_weights={"a": 2.0}), "wine")
    yield Case("ct_df", "scale", split, "wine", fit="df", inputs=("f8",))
    yield Case("ct_mask", "scale", lambda: ColumnTransformer([("a", StandardScaler(), [True, False] * 5)]), "diabetes")
    yield Case("ct_ridge", "linear", lambda: make_pipeline(ColumnTransformer(
        [("a", StandardScaler(), [0, 2, 5]), ("b", "passthrough", [1, 7])]), Ridge()), "diabetes", fit="df",
        inputs=("f8",))
    yield Case("ct_bins", "linear", lambda: make_pipeline(ColumnTransformer(
        [("b", OneHotEncoder(**ONEHOT), [1])], remainder=StandardScaler()), Ridge()), "diabetes", commit=True,
               inputs=("f8",))  # with float32 rows NumPy 1 takes categories for equal that are not


def cases():
    for group in (frames, matrices):
        yield from group()
