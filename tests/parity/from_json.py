# SPDX-License-Identifier: MIT
"""Turns answers recorded as JSON into .ref files: from_json.py DIR OUT

DIR/NAME.json holds {"X": A, "expect": {output: A, …}}, an array A being {"dtype", "shape", "data": flat list}; the
folder's name is the library's version. NAME.pkl or NAME.joblib, by turns, is copied beside. For models of versions
that cannot be installed any more.
"""
import json
import os
import shutil
import sys

import numpy as np

import refs

# The committed ones are asked some rows of those recorded.
ROWS = 40


def array(a, rows=None):
    kind = {"object": object, "str": str}.get(a["dtype"], a["dtype"])
    out = np.array(a["data"], dtype=object).reshape(a["shape"]) if kind is object else \
        np.array(a["data"], dtype=kind).reshape(a["shape"])
    return out if rows is None else out[rows]


# Names of models whose answers are choices and sums in a fixed order; the others' are products, distances or
# exponentials, and the recording has no scale to measure them by.
EXACT = ("dt_", "dtr_", "rf_", "f32_rf", "nan_bag", "nan_dt", "nan_rf", "gbr_")


def main():
    folder, out = sys.argv[1:]
    version = os.path.basename(os.path.abspath(folder))
    os.makedirs(out, exist_ok=True)
    for i, name in enumerate(sorted(f[:-5] for f in os.listdir(folder) if f.endswith(".json"))):
        with open(os.path.join(folder, name + ".json"), encoding="utf-8") as f:
            recorded = json.load(f)
        X = array(recorded["X"])
        n = len(X)
        rows = np.unique(np.linspace(0, n - 1, min(n, ROWS)).astype(int))
        is_cells = X.dtype == object
        ref = {"family": np.array(["exact" if name.startswith(EXACT) else "linear"]), "version": np.array([version]), "is_partial": np.array([True]),
               "X": refs.Cells(X[rows]) if is_cells else X[rows]}
        for output, a in recorded["expect"].items():
            value = array(a, rows)
            if value.dtype == object:
                value = value.astype(str)
            ref[("df." if is_cells else "f8.") + output] = value
        refs.write(os.path.join(out, name + ".ref"), ref)
        extension = (".pkl", ".joblib")[i % 2]
        shutil.copyfile(os.path.join(folder, name + extension), os.path.join(out, name + extension))
    print("%s: %d models" % (version, i + 1))


if __name__ == "__main__":
    main()
