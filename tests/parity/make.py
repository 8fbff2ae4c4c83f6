# SPDX-License-Identifier: MIT
"""Makes the models of one group with the library of this interpreter, and records what they answer.

usage: make.py LIBRARY GROUP OUT [--commit]     (--commit: only the cases that are small enough for tests/data)

Writes OUT/ID.EXTENSION and OUT/ID.ref (refs.py) for every case of cases/LIBRARY/GROUP.py. Two runs with the same
library write the same models and answers, but for the fit times that searches keep.
"""
import argparse
import glob
import gzip
import importlib
import io
import os
import pickle
import sys
import warnings

import numpy as np

import cases
import data
import refs

OUTPUTS = ("predict", "predict_proba", "decision_function", "transform", "score_samples")
ROWS = 560  # asked of each model, at least; committed ones are asked some fourteen


# --- what fitted estimators say of themselves ---

def inner(est):
    """Returns the fitted estimator behind searches."""
    return inner(est.best_estimator_) if hasattr(est, "best_estimator_") else est


def stages(est):
    """Returns the transformers in front of the last estimator, and that one, flattened."""
    est = inner(est)
    if type(est).__name__ != "Pipeline":
        return [], est
    flat = []
    for _, step in est.steps:
        if step is None or (isinstance(step, str) and step == "passthrough") or hasattr(step, "fit_resample"):
            continue
        before, last = stages(step)
        flat += before + [last]
    return flat[:-1], flat[-1]


def linear_scale(est, X):
    """Returns |b| + sum |x w| for each linear score, the measure that the tolerance of a product refers to."""
    before, last = stages(est)
    try:
        coef = last.coef_
    except (AttributeError, ValueError):
        return None
    for step in before:
        X = step.transform(X)
    if isinstance(coef, list):
        return None
    coef = np.atleast_2d(np.asarray(coef.toarray() if hasattr(coef, "toarray") else coef, dtype=np.float64))
    X = X.toarray() if hasattr(X, "toarray") else np.asarray(X, dtype=np.float64)
    if coef.shape[1] != X.shape[1]:
        return None
    return np.abs(X) @ np.abs(coef).T + np.abs(np.atleast_1d(getattr(last, "intercept_", 0.0)))


def tree_rows(est, X, rng):
    """Returns copies of rows moved onto thresholds and their float32 and float64 neighbours."""
    before, last = stages(est)
    members = getattr(last, "estimators_", [last])
    members = members.ravel() if isinstance(members, np.ndarray) else members
    members = [m for m in members if hasattr(m, "tree_") and m.n_features_in_ == X.shape[1]]
    if before or not members:
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


# --- asking ---

def plain(value):
    value = value.toarray() if hasattr(value, "toarray") else value
    value = value.to_numpy() if hasattr(value, "iloc") else value
    if not isinstance(value, np.ndarray) or value.dtype != object:
        return value
    try:
        kinds = {type(v) for v in value.ravel()}
        return value.astype(np.float64) if kinds <= {float, int, np.float64, np.int64} else value.astype(str)
    except (TypeError, ValueError):
        return value.astype(str)


def ask(case, est, X, name):
    """Returns an output of the estimator; AttributeError where it has none."""
    if name in case.without:
        raise AttributeError(name)
    return case.predict(est, X, name) if case.predict else getattr(est, name)(X)


def answers(case, est, X):
    out = {}
    for name in OUTPUTS:
        try:
            got = ask(case, est, X, name)
        except (AttributeError, NotImplementedError):
            continue
        if isinstance(got, list):
            for i, part in enumerate(got):
                out["%s_%d" % (name, i)] = plain(part)
        else:
            out[name] = plain(got)
    if case.leaf:
        out["leaf"] = np.asarray(case.leaf(est, X)).astype(np.float64)
    return out


def bad_rows(X):
    """Returns rows with NaN, infinities and huge numbers in place of the first row's."""
    rows, n = [], X.shape[1]
    for value in (np.nan, np.inf, -np.inf, 1e39, -1e39, 1e300):
        for column in sorted({0, n - 1}):
            row = X[0].copy()
            row[column] = value
            rows.append(row)
    rows.append(np.full(n, np.nan))
    return np.array(rows)


def refusals(case, est, bad):
    """Returns which of the rows are refused, and the answers of the others."""
    name = "predict" if hasattr(est, "predict") else "transform"
    refused, kept = [], []
    with np.errstate(all="ignore"):
        for i in range(len(bad)):
            try:
                kept.append(plain(ask(case, est, data.take(bad, [i]), name)))
                refused.append(False)
            except (ValueError, TypeError):
                refused.append(True)
    out = {"refused": np.array(refused)}
    if kept:
        out[name] = np.concatenate(kept)
    return out


def tolerances(case):
    if case.tolerance is None:
        return {}
    rows = case.tolerance if isinstance(case.tolerance, dict) else {"": case.tolerance}
    return {"tol" + ("." + k if k else ""): np.array([v]) for k, v in rows.items()}


# --- writing ---

def _joblib(compress):
    def write(obj, path):
        import joblib
        joblib.dump(obj, path, compress=compress)
    return ".joblib", write


def _pickle(protocol):
    def write(obj, path):
        with open(path, "wb") as f:
            pickle.dump(obj, f, protocol=protocol)
    return ".pkl", write


def _gzip(obj, path):
    with gzip.GzipFile(path, "wb", mtime=0) as f:
        pickle.dump(obj, f, protocol=4)


def _cloudpickle(obj, path):
    import cloudpickle
    with open(path, "wb") as f:
        cloudpickle.dump(obj, f)


def _skops(obj, path, **options):
    import skops.io
    try:
        skops.io.dump(obj, path, **options)
        skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))
    except Exception as e:
        raise cases.Skip("skops: %s" % e)


def _skops_deflated(obj, path):
    import zipfile
    try:
        _skops(obj, path, compression=zipfile.ZIP_DEFLATED, compresslevel=9)
    except cases.Skip:
        _skops(obj, path)  # releases before 0.7 always store


def _outside(module):
    """The pickle compressed by another program, as `xz model.pkl` would, named .pkl still."""
    def write(obj, path):
        raw = io.BytesIO()
        pickle.dump(obj, raw, protocol=4)
        with open(path, "wb") as f:
            f.write(importlib.import_module(module).compress(raw.getvalue()))
    return ".pkl", write


WRITERS = {
    **{"pickle%d" % p: _pickle(p) for p in range(6)},
    "gzip": (".pkl", _gzip), "bz2": _outside("bz2"), "xz": _outside("lzma"),
    "cloudpickle": (".pkl", _cloudpickle),
    "joblib": _joblib(0), "joblib_zlib": _joblib(3), "joblib_zlib9": _joblib(("zlib", 9)),
    "joblib_gzip": _joblib(("gzip", 3)), "joblib_bz2": _joblib(("bz2", 9)), "joblib_xz": _joblib(("xz", 3)),
    "joblib_lzma": _joblib(("lzma", 3)), "joblib_lz4": _joblib(("lz4", 3)),
    "skops": (".skops", _skops), "skops_deflated": (".skops", _skops_deflated),
}


def wrapped(case, est):
    return {"dict": {"name": case.ident, "model": est, "trained": [1, 2.5, None]},
            "tuple": (est, ["a", "b"])}.get(case.wrap, est)


# --- one case ---

def training(case, rng):
    """Returns all of X, the rows and labels to fit on, and column names."""
    loaded = data.load(case.data) if isinstance(case.data, str) else case.data()
    X, y, names = (*loaded, None)[:3]
    is_matrix = isinstance(X, np.ndarray) and X.dtype.kind == "f"
    if case.nan:
        X = X.copy()
        X[rng.uniform(size=X.shape) < case.nan] = np.nan
    if case.labels:
        y = case.labels(y)
    half = np.arange(len(X) // 2 if case.rows == "half" else len(X))
    fit_X = data.take(X, half)
    if case.fit == "f4" and is_matrix:
        fit_X = fit_X.astype(np.float32)
    if case.fit == "df" and is_matrix:
        import pandas
        fit_X = pandas.DataFrame(fit_X, columns=names)
    return X, fit_X, None if y is None else data.take(y, half), is_matrix


def questions(case, est, X, is_matrix, rng):
    """Returns the rows to ask: all of X, then mixtures of it; or a few when they are to be committed."""
    few = max(11, len(X) // 14) if case.commit else 1
    parts = [data.take(X, np.arange(0, len(X), few))]
    if is_matrix:
        parts.append(tree_rows(est, X, rng))
    if case.more:
        parts.append(case.more(X))
    n = sum(len(p) for p in parts)
    parts.append(data.mixed(X, 4 if case.commit else max(40, ROWS - n), rng))
    return data.join(parts)


def record(case, est, test, is_matrix):
    ref = {"X": test if is_matrix else refs.Cells(data.cells(test)), **tolerances(case)}
    if getattr(est, "feature_names_in_", None) is not None:
        ref["features"] = np.array(list(est.feature_names_in_))
    last = stages(est)[1]
    try:
        classes = last.classes_
    except AttributeError:
        classes = None
    if classes is not None and hasattr(est, "predict"):
        predicted = np.asarray(est.predict(data.take(test, np.arange(1))))
        lists = classes if isinstance(classes, list) else [classes]
        if predicted.ndim > 1 and predicted.shape[1] != len(lists):
            lists = []  # labels that a row has or has not: the classes are the labels' names
        for i, c in enumerate(lists):
            if predicted.dtype.kind == "f" and c.dtype.kind != "f":
                c = c.astype(predicted.dtype)  # chains answer floats
            ref["classes_%d" % i] = np.array(list(c)) if c.dtype == object else c
    if case.root_key:
        ref["root_key"] = np.array([case.root_key])
    for kind in case.inputs or (("f8", "f4") if is_matrix else ("df",)):
        X = test if kind == "df" else test.astype(kind)
        for name, value in answers(case, est, X).items():
            ref[kind + "." + name] = value
        scale = case.scale(est, X) if case.scale else linear_scale(est, X)
        if scale is not None:
            ref[kind + ".scale"] = np.asarray(scale, dtype=np.float64)
        bad = None
        if case.bad:
            bad = case.bad(test)
        elif is_matrix:
            bad = bad_rows(np.nan_to_num(test, nan=1.0))
        if bad is not None:
            with np.errstate(over="ignore"):
                bad = bad if kind == "df" else bad.astype(kind)
            ref[kind + ".bad.X"] = bad if is_matrix else refs.Cells(data.cells(bad))
            for name, value in refusals(case, est, bad).items():
                ref[kind + ".bad." + name] = value
    return ref


def make(case, out):
    """Makes one model; returns its size."""
    stem = os.path.join(out, case.ident)
    if isinstance(case, cases.Recorded):
        before = set(os.listdir(out)) - {case.ident}
        ref = case.make(stem)
        made = [os.path.join(out, f) for f in set(os.listdir(out)) - before]
    else:
        rng = np.random.RandomState(7)
        X, fit_X, y, is_matrix = training(case, rng)
        est = case.build()
        est.fit(fit_X, y) if y is not None else est.fit(fit_X)
        ref = record(case, est, questions(case, est, X, is_matrix, rng), is_matrix)
        extension, write = WRITERS[case.save]
        write(wrapped(case, est), stem + extension)
        made = [stem + extension]
    return ref, sum(os.path.getsize(f) for m in made for f in
                    ([os.path.join(d, n) for d, _, names in os.walk(m) for n in names] or [m]))


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("library")
    args.add_argument("group")
    args.add_argument("out")
    args.add_argument("--commit", action="store_true")
    args = args.parse_args()
    warnings.filterwarnings("ignore")
    shared = importlib.import_module("cases." + args.library)
    module = importlib.import_module("cases.%s.%s" % (args.library, args.group))
    version = getattr(shared, "SPEC_VERSION", None)
    if version is None:
        version = importlib.import_module(args.library).__version__
    n = 0
    for case in module.cases():
        if args.commit and not case.commit:
            continue
        os.makedirs(args.out, exist_ok=True)
        if not args.commit:
            case.commit = False
        try:
            ref, size = make(case, args.out)
        except cases.Skip as e:
            print("%s: left out: %s" % (case.ident, str(e).split("\n")[0][:120]))
            for leftover in glob.glob(glob.escape(os.path.join(args.out, case.ident)) + ".*"):
                os.remove(leftover)
            continue
        except Exception as e:
            e.args = ("%s/%s: %s" % (args.group, case.ident, e),)
            raise
        if args.commit and size > 256 * 1024:
            sys.exit("%s: %d bytes are too many to commit" % (case.ident, size))
        refs.write(os.path.join(args.out, case.ident + ".ref"),
                   {"family": np.array([case.family]), "version": np.array([version]), **ref})
        n += 1
    print("%s %s: %d models of %s" % (args.library, version, n, args.group))


if __name__ == "__main__":
    main()
