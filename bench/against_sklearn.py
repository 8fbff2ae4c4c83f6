# SPDX-License-Identifier: MIT
"""Predictions of weir and of scikit-learn, the same models and numbers of rows, alternated in one run.

usage: build/venv/sklearn-newest/bin/python bench/against_sklearn.py [--build build]

Both run on one thread, on rows that lie in memory already: no HTTP, no JSON. tests/parity/run makes the
environment.
"""
import argparse
import os
import re
import subprocess
import tempfile
import time

import joblib
import numpy as np
import sklearn
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROWS = (1, 16, 256)


def models():
    X, y = make_classification(4000, 30, n_informative=12, random_state=0)
    Xr, yr = make_regression(4000, 30, n_informative=12, random_state=0)
    yield "Ridge, 30 features", Ridge().fit(Xr, yr)
    yield "StandardScaler + LogisticRegression", make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    yield "RandomForestClassifier, 100 trees, depth 8", RandomForestClassifier(100, max_depth=8, random_state=0).fit(X, y)
    yield "RandomForestClassifier, 100 full trees", RandomForestClassifier(100, random_state=0).fit(X, y)
    yield "ExtraTreesRegressor, 100 full trees", ExtraTreesRegressor(100, random_state=0).fit(Xr, yr)


def time_sklearn(model, rows):
    """Returns the median nanoseconds of one predict."""
    X = np.random.RandomState(0).uniform(size=(rows, 30))
    took, end = [], time.perf_counter() + 0.5
    model.predict(X)
    while time.perf_counter() < end or len(took) < 5:
        at = time.perf_counter_ns()
        model.predict(X)
        took.append(time.perf_counter_ns() - at)
    return np.median(took)


def time_weir(program, path, rows):
    out = subprocess.run([program, path, str(rows)], check=True, capture_output=True, text=True).stdout
    return float(re.search(r"median\s+([\d.]+) ns", out).group(1))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--build", default="build")
    program = os.path.join(args.parse_args().build, "bench", "micro", "bench_model_file")
    print("scikit-learn %s, median microseconds of one predict" % sklearn.__version__)
    print("| model | rows | scikit-learn | weir | ratio |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, model in models():
            path = os.path.join(folder, "model.joblib")
            joblib.dump(model, path)
            for rows in ROWS:
                pairs = [(time_sklearn(model, rows), time_weir(program, path, rows)) for _ in range(2)]
                a, b = (min(p[i] for p in pairs) / 1e3 for i in (0, 1))
                print("| %s | %d | %.1f | %.2f | %.0f× |" % (name, rows, a, b, a / b), flush=True)


if __name__ == "__main__":
    main()
