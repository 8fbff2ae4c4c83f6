# SPDX-License-Identifier: MIT
"""Data sets, and rows to ask a model: real ones, mixtures of them, and extremes."""
import numpy as np


def load(name):
    """Returns X float64, y and column names of a named data set."""
    from sklearn import datasets
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


def is_frame(X):
    return hasattr(X, "iloc")


def take(X, rows):
    """Returns some rows of X, of X's kind."""
    if is_frame(X):
        return X.iloc[rows]
    return [X[i] for i in rows] if isinstance(X, list) else X[rows]


def join(parts):
    """Returns parts of one kind below each other."""
    parts = [p for p in parts if len(p)]
    if is_frame(parts[0]):
        import pandas
        return pandas.concat(parts, ignore_index=True).astype(parts[0].dtypes)
    return sum((list(p) for p in parts), []) if isinstance(parts[0], list) else np.concatenate(parts)


def _mixed_texts(X, n, rng):
    out = []
    for _ in range(n):
        a, b = (X[rng.randint(len(X))] for _ in range(2))
        if not isinstance(a, str):
            out.append(a)
            continue
        words = a.split(" ")[:12] + b.split(" ")[:12]
        rng.shuffle(words)
        out.append(" ".join(words))
    return out


def mixed(X, n, rng):
    """Returns n rows whose cells come from rows of X drawn for each column; numbers are stretched in every fifth
    row, and every eleventh row of numbers is an extreme one."""
    if isinstance(X, list):
        return _mixed_texts(X, n, rng)
    if is_frame(X):
        import pandas
        chosen = {c: X[c].iloc[rng.randint(len(X), size=n)].array for c in X.columns}
        return pandas.DataFrame({c: pandas.Series(chosen[c], dtype=X[c].dtype) for c in chosen})  # None stays None
    out = np.column_stack([X[rng.randint(len(X), size=n), j] for j in range(X.shape[1])])
    if out.dtype == object:
        return out
    span = np.nanmax(X, axis=0) - np.nanmin(X, axis=0)
    for i in range(0, n, 5):
        out[i] += rng.normal(size=X.shape[1]) * span * 0.3
    for i in range(0, n, 11):
        out[i] *= (0.0, -0.0, -1.0, 1e3, -1e3, 1e6, 1e-30)[(i // 11) % 7]
    return out


def cells(X):
    """Returns X as an n × f array of objects: numbers, texts and None."""
    if isinstance(X, list):
        out = np.empty((len(X), 1), dtype=object)
        out[:, 0] = X
        return out
    return (X.to_numpy(dtype=object) if is_frame(X) else np.asarray(X, dtype=object)).reshape(len(X), -1)
