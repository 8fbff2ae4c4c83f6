# SPDX-License-Identifier: MIT
"""Fits and saves models with the scikit-learn of this interpreter, and records what they answer.

usage: make_fixtures.py OUT [--commit]     (--commit: only the cases that are small enough for tests/data)

Writes OUT/ID.pkl or OUT/ID.joblib and OUT/ID.ref (refs.py) for every case of cases.py. Two runs with the same
library write the same models and answers, but for the fit times that searches keep.
"""
import argparse
import gzip
import os
import pickle
import sys
import warnings

import joblib
import numpy as np
import sklearn
from sklearn import datasets
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import cases
import refs

OUTPUTS = ("predict", "predict_proba", "decision_function", "transform")


def load_data(name):
    """Returns X float64, y and column names of a named data set."""
    if name.startswith("diabetes"):
        d = datasets.load_diabetes()
        y = d.target
        if name == "diabetes2":
            y = np.column_stack([d.target, np.sqrt(d.target) - 3.0 * d.data[:, 2]])
        elif name == "diabetes2_1":
            y = d.target.reshape(-1, 1)
        return d.data, y, d.feature_names
    base, _, form = name.partition("_reg") if "_reg" in name else name.partition("_multi")
    d = getattr(datasets, "load_" + base)()
    names = [str(n) for n in d.feature_names]
    y = d.target
    if name.endswith("_reg"):
        y = d.target.astype(float) + d.data[:, 3] / 10.0
    elif name.endswith("_multi"):
        y = np.column_stack([d.target, (d.data[:, 0] > np.median(d.data[:, 0])).astype(int)])
    return d.data, y, names


def inner(est):
    """Returns the fitted estimator behind searches."""
    return inner(est.best_estimator_) if hasattr(est, "best_estimator_") else est


def stages(est):
    """Returns the transformers in front of the last estimator, and that one, flattened."""
    est = inner(est)
    if not isinstance(est, Pipeline):
        return [], est
    flat = []
    for _, step in est.steps:
        if step is None or (isinstance(step, str) and step == "passthrough"):
            continue
        before, last = stages(step)
        flat += before + [last]
    return flat[:-1], flat[-1]


def linear_scale(est, X):
    """Returns |b| + sum |x w| for each linear score, the measure that the tolerance of a product refers to."""
    before, last = stages(est)
    if not hasattr(last, "coef_"):
        return None
    for step in before:
        X = step.transform(X)
    coef = np.atleast_2d(np.asarray(last.coef_, dtype=np.float64))
    return np.abs(np.asarray(X, dtype=np.float64)) @ np.abs(coef).T + np.abs(np.atleast_1d(last.intercept_))


def tree_rows(est, X, rng):
    """Returns copies of rows moved onto thresholds and their float32 and float64 neighbours."""
    before, last = stages(est)
    members = getattr(last, "estimators_", [last])
    if before or not hasattr(members[0], "tree_"):
        return X[:0]
    out = []
    for _ in range(12):
        tree = members[rng.randint(len(members))].tree_
        split = np.flatnonzero(tree.children_left >= 0)
        if not len(split):
            return X[:0]
        row = X[rng.randint(len(X))].copy()
        for node in rng.choice(split, size=min(4, len(split)), replace=False):
            t = tree.threshold[node]
            if not np.isfinite(t):
                continue
            t32 = np.float32(t)
            row[tree.feature[node]] = [t, np.nextafter(t, np.inf), float(t32), float(np.nextafter(
                t32, np.float32(np.inf))), float(np.nextafter(t32, np.float32(-np.inf)))][rng.randint(5)]
        out.append(row)
    return np.array(out)


def answers(est, X):
    out = {}
    for name in OUTPUTS:
        try:
            fn = getattr(est, name)
        except AttributeError:
            continue
        got = fn(X)
        if isinstance(got, list):
            for i, part in enumerate(got):
                out["%s_%d" % (name, i)] = part
        else:
            out[name] = got
    return out


def refusals(est, X, dtype):
    """Returns rows with NaN, infinities and huge numbers, whether each is refused, and the answers of the others."""
    rows, n = [], X.shape[1]
    for value in (np.nan, np.inf, -np.inf, 1e39, -1e39, 1e300):
        for column in (0, n - 1):
            row = X[0].copy()
            row[column] = value
            rows.append(row)
    rows.append(np.full(n, np.nan))
    with np.errstate(over="ignore", invalid="ignore"):
        bad = np.array(rows).astype(dtype)
        refused, first = [], []
        for row in bad:
            try:
                got = est.predict(row.reshape(1, -1)) if hasattr(est, "predict") else est.transform(row.reshape(1, -1))
                refused.append(False)
                first.append(np.ravel(got)[0])
            except ValueError:
                refused.append(True)
    out = {"X": bad, "refused": np.array(refused)}
    kept = bad[~out["refused"]]
    if len(kept) and hasattr(est, "predict"):
        out["predict"] = np.concatenate([est.predict(r.reshape(1, -1)) for r in kept])
    return out


def save(obj, path, how):
    """Writes obj in the named way; returns the path with its extension."""
    if how.startswith("pickle"):
        path += ".pkl"
        with open(path, "wb") as f:
            pickle.dump(obj, f, protocol=int(how[6:]))
    elif how == "gzip":
        path += ".pkl"
        with gzip.GzipFile(path, "wb", mtime=0) as f:
            pickle.dump(obj, f, protocol=4)
    else:
        path += ".joblib"
        compress = {"joblib": 0, "joblib_zlib": 3, "joblib_zlib9": ("zlib", 9), "joblib_gzip": ("gzip", 3)}[how]
        joblib.dump(obj, path, compress=compress)
    return path


def make(case, out):
    X, y, names = load_data(case.data)
    rng = np.random.RandomState(7)
    if case.nan:
        X = X.copy()
        X[rng.uniform(size=X.shape) < case.nan] = np.nan
    if case.labels:
        y = case.labels(y)
    train = slice(None, len(X) // 2) if case.rows == "half" else slice(None)
    fit_X = X[train].astype(np.float32) if case.fit == "f4" else X[train]
    if case.fit == "df":
        import pandas
        fit_X = pandas.DataFrame(fit_X, columns=names)
    est = case.build()
    est.fit(fit_X, y[train])

    step = 11 if case.commit else 1
    test = np.concatenate([X[::max(step, len(X) // 14 if case.commit else 1)], tree_rows(est, X, rng)])
    ref = {"family": np.array([case.family]), "version": np.array([sklearn.__version__]), "X": test}
    if getattr(est, "feature_names_in_", None) is not None:
        ref["features"] = np.array(list(est.feature_names_in_))
    last = stages(est)[1]
    if hasattr(last, "classes_"):
        many = isinstance(last.classes_, list)
        for i, c in enumerate(last.classes_ if many else [last.classes_]):
            ref["classes_%d" % i] = np.array(list(c)) if c.dtype == object else c
    for dtype in ("f8", "f4"):
        Xt = test.astype(dtype)
        for name, value in answers(est, Xt).items():
            if isinstance(value, np.ndarray) and value.dtype == object:
                value = value.astype(str)
            ref[dtype + "." + name] = value
        scale = linear_scale(est, Xt)
        if scale is not None:
            ref[dtype + ".scale"] = scale
        for name, value in refusals(est, np.nan_to_num(test, nan=1.0), dtype).items():
            if isinstance(value, np.ndarray) and value.dtype == object:
                value = value.astype(str)
            ref[dtype + ".bad." + name] = value
    obj = {"dict": {"name": case.ident, "model": est, "trained": [1, 2.5, None]},
           "tuple": (est, ["a", "b"])}.get(case.wrap, est)
    path = save(obj, os.path.join(out, case.ident), case.save)
    refs.write(os.path.join(out, case.ident + ".ref"), ref)
    return os.path.getsize(path)


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("out")
    args.add_argument("--commit", action="store_true")
    args = args.parse_args()
    warnings.filterwarnings("ignore")
    os.makedirs(args.out, exist_ok=True)
    n = 0
    for case in cases.all_cases():
        if args.commit and not case.commit:
            continue
        try:
            size = make(case, args.out)
        except Exception as e:
            sys.exit("%s: %s: %s" % (case.ident, type(e).__name__, e))
        if args.commit and size > 256 * 1024:
            sys.exit("%s: %d bytes are too many to commit" % (case.ident, size))
        n += 1
    print("scikit-learn %s: %d models in %s" % (sklearn.__version__, n, args.out))


if __name__ == "__main__":
    main()
