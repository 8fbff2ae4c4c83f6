# SPDX-License-Identifier: MIT
"""Encoders of categories: texts, numbers, mixtures, None and NaN."""
import numpy as np
import pandas
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelBinarizer, LabelEncoder, OneHotEncoder, OrdinalEncoder

from cases import Case
from cases.sklearn import VERSION
from cases.sklearn._frames import table, texts, with_value


def dense(**kw):
    return OneHotEncoder(**{"sparse_output" if VERSION >= (1, 2) else "sparse": False, **kw})


def numbers():
    """A matrix of few whole numbers."""
    rng = np.random.RandomState(1)
    return rng.randint(0, 5, (300, 4)).astype(float) - 1.0, rng.randint(0, 2, 300)


def numbers_nan():
    X, y = numbers()
    X[np.random.RandomState(2).uniform(size=X.shape) < 0.1] = np.nan
    return X, y


def mixture():
    """A column of objects of several types, as a table read from several files has it."""
    rng = np.random.RandomState(3)
    values = np.array(["a", "b", None], dtype=object)
    X = pandas.DataFrame({"x": rng.choice(values, 200), "y": rng.choice(np.array([1, 2, 3], dtype=object), 200)})
    return X, rng.randint(0, 2, 200)




def onehot():
    unknown = lambda X: pandas.concat([with_value("city", "nowhere", "zürich", "Z")(X), with_value("size", "XL", "s")(X)])
    for name, kw in (("error", {}), ("ignore", {"handle_unknown": "ignore"}), ("first", {"drop": "first"}),
                     ("binary", {"drop": "if_binary"})):
        ignores = name == "ignore"
        yield Case("oh_" + name, "encode", lambda k=kw: dense(**k), texts, commit=True,
                   more=unknown if ignores else None, bad=None if ignores else unknown)
    yield Case("oh_nan", "encode", lambda: dense(handle_unknown="ignore"), lambda: texts(True), more=unknown, commit=True)
    yield Case("oh_nan_drop", "encode", lambda: dense(drop="first"), lambda: texts(True), bad=unknown)
    yield Case("oh_given", "encode", lambda: dense(categories=[["ber", "ams"], ["S", "M", "L"]],
                                                   handle_unknown="ignore"), texts, more=unknown)
    yield Case("oh_mixture", "encode", lambda: dense(handle_unknown="ignore"), mixture, commit=True,
               more=lambda X: pandas.concat([with_value("x", 1, "1", "c")(X)]))
    yield Case("oh_sparse_lr", "logistic", lambda: make_pipeline(
        OneHotEncoder(handle_unknown="ignore"), LogisticRegression()), texts, more=unknown, commit=True)
    for name, kw in (("min", {"min_frequency": 30}), ("max", {"max_categories": 3}), ("share", {"min_frequency": 0.2}),
                     ("drop", {"max_categories": 4, "drop": "first"})):
        for how in ("ignore", "infrequent_if_exist") + (("warn",) if VERSION >= (1, 7) else ()):
            yield Case("oh_seldom_%s_%s" % (name, how[:3]), "encode", lambda k=kw, h=how: dense(handle_unknown=h, **k),
                       lambda: texts(True), more=unknown, commit=name == "min" and how[0] == "i")
    yield Case("oh_matrix", "encode", lambda: dense(handle_unknown="ignore"), numbers, commit=True)
    yield Case("oh_matrix_nan", "encode", lambda: dense(handle_unknown="ignore"), numbers_nan, nan=0.0)
    yield Case("oh_matrix_f4", "encode", lambda: dense(handle_unknown="ignore", drop="if_binary", dtype=np.float32),
               numbers, fit="f4", inputs=("f4",))
    yield Case("oh_matrix_df", "encode", lambda: dense(handle_unknown="ignore"), numbers, fit="df")


def ordinal():
    unknown = lambda X: pandas.concat([with_value("city", "nowhere", "zürich")(X), with_value("size", "XL")(X)])
    value = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
    yield Case("ord_error", "encode", OrdinalEncoder, texts, bad=unknown, commit=True)
    yield Case("ord_value", "encode", lambda: OrdinalEncoder(**value), texts, more=unknown, commit=True)
    yield Case("ord_nan_value", "encode", lambda: OrdinalEncoder(handle_unknown="use_encoded_value",
                                                                 unknown_value=np.nan), texts, more=unknown)
    yield Case("ord_gaps", "encode", lambda: OrdinalEncoder(**value), lambda: texts(True), more=unknown, commit=True)
    yield Case("ord_matrix", "encode", lambda: OrdinalEncoder(**value), numbers, commit=True)
    yield Case("ord_matrix_nan", "encode", lambda: OrdinalEncoder(**value), numbers_nan)
    if VERSION >= (1, 2):
        yield Case("ord_gaps_value", "encode", lambda: OrdinalEncoder(encoded_missing_value=-2, **value),
                   lambda: texts(True), more=unknown, commit=True)
    if VERSION >= (1, 3):
        yield Case("ord_seldom", "encode", lambda: OrdinalEncoder(min_frequency=30, **value), lambda: texts(True),
                   more=unknown, commit=True)


def target():
    if VERSION < (1, 3):
        return
    from sklearn.preprocessing import TargetEncoder
    unknown = with_value("city", "nowhere", "zürich")
    exact = "ulp:1"
    for name, y in (("binary", lambda y: np.array(["no", "yes"])[y]), ("three", lambda y: (np.arange(len(y)) % 3) + y * 0),
                    ("number", lambda y: y + np.arange(len(y)) / 7.0)):
        yield Case("target_" + name, "encode", lambda: TargetEncoder(random_state=0), lambda g=y: (
            texts(True)[0], g(texts(True)[1])), more=unknown, commit=True, tolerance=exact)
    yield Case("target_smooth", "encode", lambda: TargetEncoder(smooth=3.0, random_state=0), numbers, tolerance=exact)



def labels():
    for name, make in (("enc", LabelEncoder), ("bin", LabelBinarizer), ("bin_neg", lambda: LabelBinarizer(
            neg_label=-1, pos_label=2))):
        for kind, X in (("text", lambda: (["b", "a", "c", "a", "b"] * 20, None)),
                        ("two", lambda: (["no", "yes"] * 20, None))):
            yield Case("label_%s_%s" % (name, kind), "encode", make, X, predict=lambda est, X, output: _labels(
                est, X, output))


def _labels(est, X, output):
    if output != "transform":
        raise AttributeError(output)
    return np.asarray(est.transform(list(X))).reshape(len(X), -1)


def cases():
    for group in (onehot, ordinal, target):
        yield from group()
