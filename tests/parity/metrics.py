# SPDX-License-Identifier: MIT
"""Compares every number of `weir evaluate` with sklearn.metrics, on its data sets and on awkward rows.

usage: PYTHON-WITH-SCIKIT-LEARN tests/parity/metrics.py PROGRAM

Prints a line for each number: on how many sets it was compared, and the largest difference; exit 1 where one is
more than 1e-12 of the value. Scores are in the files, so that only the measuring is compared.
"""
import json
import math
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import pandas as pd
import sklearn
from sklearn import datasets, metrics
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LinearRegression, LogisticRegression

TOLERANCE = 1e-12
warnings.simplefilter("ignore")


def evaluate(program, frame, *arguments):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
        frame.to_csv(f, index=False, float_format="%.17g")
        f.flush()
        done = subprocess.run([program, "evaluate", f.name, "--label", "y", "--json", *arguments],
                              capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{arguments}: {done.stderr.decode()}")
    return json.loads(done.stdout)


def averages(y, d, w):
    found = {}
    for average in ("macro", "weighted", "micro"):
        p, r, f, _ = metrics.precision_recall_fscore_support(y, d, average=average, sample_weight=w, zero_division=0)
        found |= {f"precision_{average}": p, f"recall_{average}": r, f"f1_{average}": f}
    return found | {
        "accuracy": metrics.accuracy_score(y, d, sample_weight=w),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, d, sample_weight=w),
        "mcc": metrics.matthews_corrcoef(y, d, sample_weight=w),
        "kappa": metrics.cohen_kappa_score(y, d, sample_weight=w),
    }


def ranked(y, s, w):
    return {
        "roc_auc": metrics.roc_auc_score(y, s, sample_weight=w),
        "roc_auc_fpr_0.1": metrics.roc_auc_score(y, s, max_fpr=0.1, sample_weight=w),
        "average_precision": metrics.average_precision_score(y, s, sample_weight=w),
    }


def decided(y, d, w):
    p, r, f, _ = metrics.precision_recall_fscore_support(y, d, average="binary", sample_weight=w, zero_division=0)
    _, _, fbeta, _ = metrics.precision_recall_fscore_support(y, d, beta=2, average="binary", sample_weight=w,
                                                             zero_division=0)
    (tn, fp), (fn, _) = metrics.confusion_matrix(y, d, labels=[0, 1], sample_weight=w)
    found = averages(y, d, w) | {"specificity": tn / (tn + fp), "fpr": fp / (tn + fp)}
    if d.any():
        found |= {"precision": p, "recall": r, "f1": f, "fbeta": fbeta}
    if tn + fn > 0:
        found["npv"] = tn / (tn + fn)
    return found


def binary_sets():
    """Yields (name, truths, scores, weights or None)."""
    random = np.random.default_rng(5)
    cancer = datasets.load_breast_cancer(as_frame=True)
    for column in ("mean radius", "mean texture", "symmetry error"):
        yield column, 1 - cancer.target.to_numpy(), cancer.data[column].to_numpy(), None
    yield "weights", 1 - cancer.target.to_numpy(), cancer.data["mean radius"].to_numpy(), 1 + np.arange(569) % 3
    for n, values in ((7, 3), (50, 2), (1000, 10), (20000, 100000), (3000, 1)):
        y = random.integers(0, 2, n)
        y[:2] = 0, 1
        s = random.integers(0, values, n) / 7 + 0.1 * y * (values > 1)
        yield f"{n} rows of {values} scores", y, s, None
        yield f"{n} rows of {values} scores, weights", y, s, random.integers(0, 4, n) / 2 + (np.arange(n) < 2)
    s = random.normal(size=400)
    s[::50] = np.nan
    s[1::50] = np.inf
    s[2::50] = -np.inf
    yield "NaN and infinities", random.integers(0, 2, 400), s, None
    yield "both zeros", np.array([0, 1, 0, 1]), np.array([-0.0, 0.0, 1.0, 2.0]), None
    yield "extremes", np.array([0, 1, 0, 1, 1]), np.array([5e-324, 1e308, -1e308, 2e-308, 1e308]), None
    yield "rare", (np.arange(5000) % 1000 == 0).astype(int), random.normal(size=5000), None


def compare_binary(program, found):
    for name, y, s, w in binary_sets():
        frame = pd.DataFrame({"y": y, "s": s} | ({"w": w} if w is not None else {}))
        arguments = ["--score-column", "s"] + (["--weight", "w"] if w is not None else [])
        keep = np.isfinite(s)
        y, s, w = y[keep], s[keep], None if w is None else np.asarray(w, float)[keep]
        t = float(np.median(s))
        doc = evaluate(program, frame, *arguments, "--threshold-policy", f"fixed:{t!r}", "--fbeta", "2")
        if keep.all():
            found.add(name, doc, decided(y, (s >= t).astype(int), w))
        found.add(name, doc, ranked(y, s, w))
        fpr, tpr, _ = metrics.roc_curve(y, s, sample_weight=w, drop_intermediate=False)
        full = evaluate(program, frame, *arguments, "--curves", "full")["curves"]["roc"]
        positive = w is None or (w > 0).all()  # Rows of weight 0 make points of no width there.
        if positive:
            found.add_curve(name, "roc curve", np.column_stack([full["fpr"], full["tpr"]]),
                            np.column_stack([fpr, tpr]))


def compare_probabilities(program, found):
    cancer = datasets.load_breast_cancer()
    x = (cancer.data - cancer.data.mean(0)) / cancer.data.std(0)
    for name, c in (("sharp", 1.0), ("flat", 1e-4)):
        y = cancer.target
        p = LogisticRegression(C=c).fit(x[::2], y[::2]).predict_proba(x)
        p[0] = 1.0, 0.0  # log loss clips
        for w in (None, 1 + np.arange(len(y)) % 4):
            frame = pd.DataFrame({"y": y, "p_0": p[:, 0], "p_1": p[:, 1]} | ({"w": w} if w is not None else {}))
            doc = evaluate(program, frame, "--fbeta", "2", *(["--weight", "w"] if w is not None else []))
            found.add(name, doc, ranked(y, p[:, 1], w) | decided(y, (p[:, 1] > 0.5).astype(int), w) | {
                "log_loss": metrics.log_loss(y, p, sample_weight=w),
                "brier": metrics.brier_score_loss(y, p[:, 1], sample_weight=w),
            })
        for bins, strategy in (("10", "uniform"), ("7:quantile", "quantile")):
            frame = pd.DataFrame({"y": y, "p_0": p[:, 0], "p_1": p[:, 1]})
            curve = evaluate(program, frame, "--bins", bins)["curves"]["calibration"]
            theirs = calibration_curve(y, p[:, 1], n_bins=int(bins.split(":")[0]), strategy=strategy)
            found.add_curve(name, "calibration curve", np.column_stack([curve["frac_pos"], curve["mean_p"]]),
                            np.column_stack(theirs))


def compare_many(program, found):
    random = np.random.default_rng(6)
    sets = {"iris": datasets.load_iris(), "wine": datasets.load_wine(), "digits": datasets.load_digits()}
    tables = {}
    for name, data in sets.items():
        x = data.data / (np.abs(data.data).max(0) + 1)
        tables[name] = data.target, LogisticRegression(C=0.5).fit(x[::3], data.target[::3]).predict_proba(x)
    y = random.integers(0, 4, 300)
    p = random.integers(1, 4, (300, 4)) + 0.0
    tables["ties"] = y, p / p.sum(1, keepdims=True)
    for name, (y, p) in tables.items():
        k = p.shape[1]
        for w in (None, 1 + np.arange(len(y)) % 3):
            frame = pd.DataFrame({"y": y} | {f"p_{i}": p[:, i] for i in range(k)} | ({"w": w} if w is not None else {}))
            doc = evaluate(program, frame, *(["--weight", "w"] if w is not None else []))
            expected = averages(y, p.argmax(1), w) | {"log_loss": metrics.log_loss(y, p, sample_weight=w)}
            for average in ("macro", "weighted", "micro"):
                expected[f"roc_auc_ovr_{average}"] = metrics.roc_auc_score(y, p, multi_class="ovr", average=average,
                                                                           sample_weight=w)
                if w is None and average != "micro":
                    expected[f"roc_auc_ovo_{average}"] = metrics.roc_auc_score(y, p, multi_class="ovo", average=average)
            found.add(name, doc, expected)


def compare_numbers(program, found):
    random = np.random.default_rng(7)
    diabetes = datasets.load_diabetes()
    sets = {"diabetes": (diabetes.target, LinearRegression().fit(diabetes.data[::2], diabetes.target[::2])
                         .predict(diabetes.data)),
            "constant": (np.full(9, 3.0), np.array([3.0] * 8 + [4.0])),
            "counts": (random.poisson(3, 200).astype(float), random.gamma(2, 2, 200)),
            "wide": (random.normal(size=99) * 1e12, random.normal(size=99) * 1e-12)}
    for name, (y, p) in sets.items():
        for w in (None, (1 + np.arange(len(y)) % 3).astype(float)):
            k = {"sample_weight": w}
            frame = pd.DataFrame({"y": y, "p": p} | ({"w": w} if w is not None else {}))
            doc = evaluate(program, frame, "--prediction-column", "p", "--quantile", "0.2",
                           *(["--weight", "w"] if w is not None else []))
            expected = {
                "mse": metrics.mean_squared_error(y, p, **k), "mae": metrics.mean_absolute_error(y, p, **k),
                "rmse": math.sqrt(metrics.mean_squared_error(y, p, **k)),
                "median_ae": metrics.median_absolute_error(y, p, **k), "max_error": metrics.max_error(y, p),
                "mape": metrics.mean_absolute_percentage_error(y, p, **k), "r2": metrics.r2_score(y, p, **k),
                "explained_variance": metrics.explained_variance_score(y, p, **k),
                "pinball": metrics.mean_pinball_loss(y, p, alpha=0.2, **k),
            }
            if (y >= 0).all() and (p > 0).all():
                expected["poisson_deviance"] = metrics.mean_poisson_deviance(y, p, **k)
            if (y > 0).all() and (p > 0).all():
                expected["gamma_deviance"] = metrics.mean_gamma_deviance(y, p, **k)
            found.add(name, doc, expected)


class Found:
    """Differences by number."""

    def __init__(self):
        self.worst = {}
        self.failed = []

    def put(self, name, number, got, expected):
        if got is None:
            difference = math.inf
        else:
            difference = abs(got - expected) / max(1, abs(expected))
        n, worst = self.worst.get(number, (0, 0.0))
        self.worst[number] = n + 1, max(worst, difference)
        if difference > TOLERANCE:
            self.failed.append(f"{number} of {name}: {got!r}, scikit-learn says {expected!r}")

    def add(self, name, doc, expected):
        for number, value in expected.items():
            self.put(name, number, doc["metrics"][number]["value"], float(value))

    def add_curve(self, name, number, got, expected):
        if got.shape != expected.shape:
            self.failed.append(f"{number} of {name}: {got.shape} points, scikit-learn has {expected.shape}")
        else:
            self.put(name, number, float(np.abs(got - expected).max()), 0.0)


def main():
    found = Found()
    for compare in (compare_binary, compare_probabilities, compare_many, compare_numbers):
        compare(sys.argv[1], found)
    print(f"weir evaluate and scikit-learn {sklearn.__version__}: number, sets, largest difference")
    for number, (n, worst) in sorted(found.worst.items()):
        print(f"  {number:28} {n:4}  {worst:.1e}")
    for line in found.failed:
        print(f"DIFFERS {line}")
    print(f"{sum(n for n, _ in found.worst.values())} comparisons, {len(found.failed)} differ")
    return 1 if found.failed else 0


sys.exit(main())
