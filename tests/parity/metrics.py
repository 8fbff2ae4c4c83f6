# SPDX-License-Identifier: MIT
"""Compares every number of `weir evaluate` with sklearn.metrics, on its data sets and on awkward rows, and intervals with
R's pROC where that is installed.

usage: PYTHON-WITH-SCIKIT-LEARN tests/parity/metrics.py PROGRAM

Prints a line for each number: on how many sets it was compared, and the largest difference; exit 1 where one is
more than 1e-12 of the value. Scores are in the files, so that only the measuring is compared.
"""
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import warnings

import joblib
import numpy as np
import pandas as pd
import sklearn
from scipy import stats
from sklearn import datasets, metrics
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LinearRegression, LogisticRegression

TOLERANCE = 1e-12
warnings.simplefilter("ignore")


def evaluate(program, frame, *arguments):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
        frame.to_csv(f, index=False, float_format="%.17g")
        f.flush()
        done = subprocess.run([program, "evaluate", f.name, "--json", *([] if "--label" in arguments else ["--label", "y"]), *arguments],
                              capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{arguments}: {done.stderr.decode()}")
    return json.loads(done.stdout)


def averages(y, d, w):
    found = {}
    for average in ("macro", "weighted", "micro"):
        p, r, f, _ = metrics.precision_recall_fscore_support(y, d, average=average, sample_weight=w, zero_division=0)
        found |= {f"precision_{average}": p, f"recall_{average}": r, f"f1_{average}": f}
    adjusted = metrics.balanced_accuracy_score(y, d, sample_weight=w, adjusted=True)
    found |= {"balanced_accuracy_adjusted": adjusted} if len(set(y)) > 1 else {}
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
        "gini": 2 * metrics.roc_auc_score(y, s, sample_weight=w) - 1,
    } | ({"ks": stats.ks_2samp(s[y == 1], s[y == 0], method="asymp").statistic} if w is None else {})


def decided(y, d, w):
    p, r, f, _ = metrics.precision_recall_fscore_support(y, d, average="binary", sample_weight=w, zero_division=0)
    _, _, fbeta, _ = metrics.precision_recall_fscore_support(y, d, beta=2, average="binary", sample_weight=w,
                                                             zero_division=0)
    (tn, fp), (fn, _) = metrics.confusion_matrix(y, d, labels=[0, 1], sample_weight=w)
    tp = np.sum((y == 1) * (d == 1) * (1 if w is None else w))
    n, rate = tn + fp + fn + tp, (fn + tp) / (tn + fp + fn + tp)
    found = averages(y, d, w) | {"specificity": tn / (tn + fp), "fpr": fp / (tn + fp), "fnr": fn / (fn + tp),
                                 "prevalence": rate, "positive_rate": (tp + fp) / n}
    plus, minus = metrics.class_likelihood_ratios(y, d, sample_weight=w, replace_undefined_by=np.nan)
    found |= {"lr_plus": plus} if fp > 0 else {}
    found |= {"lr_minus": minus} if tn > 0 else {}
    if d.any():
        found |= {"lift": p / rate, "precision": p, "recall": r, "f1": f, "fbeta": fbeta}
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
        curves = evaluate(program, frame, *arguments, "--curves", "full")["curves"]
        full = curves["roc"]
        positive = w is None or (w > 0).all()  # Rows of weight 0 make points of no width there.
        if positive:
            found.add_curve(name, "roc curve", np.column_stack([full["fpr"], full["tpr"]]),
                            np.column_stack([fpr, tpr]))
            det = metrics.det_curve(y, s, sample_weight=w)
            found.add_curve(name, "DET curve", np.column_stack([curves["det"]["fpr"], curves["det"]["fnr"]])[::-1],
                            np.column_stack(det[:2]))


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
            parts = [doc["metrics"][f"brier_{part}"]["value"] for part in ("reliability", "resolution", "uncertainty")]
            found.put(name, "parts of brier", parts[0] - parts[1] + parts[2], doc["metrics"]["brier"]["value"])
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
            expected = averages(y, p.argmax(1), w) | {
                "log_loss": metrics.log_loss(y, p, sample_weight=w),
                "brier": metrics.brier_score_loss(y, p, sample_weight=w),
                "kappa_linear": metrics.cohen_kappa_score(y, p.argmax(1), weights="linear", sample_weight=w),
                "kappa_quadratic": metrics.cohen_kappa_score(y, p.argmax(1), weights="quadratic", sample_weight=w),
            } | {f"top_{n}_accuracy": metrics.top_k_accuracy_score(y, p, k=n, sample_weight=w) for n in (2, 3, 5) if n < k}
            for i, found_class in enumerate(doc["per_class"]):
                one = metrics.roc_auc_score(y == i, p[:, i], sample_weight=w)
                found.put(f"{name}[{i}]", "roc_auc by class", found_class["roc_auc"], one)
            for average in ("macro", "weighted", "micro"):
                expected[f"average_precision_{average}"] = metrics.average_precision_score(
                    np.eye(k)[y], p, average=average, sample_weight=w)
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


def compare_labels(program, found):
    random = np.random.default_rng(8)
    for n, k in ((200, 4), (50, 1), (1000, 7)):
        y = random.integers(0, 2, (n, k))
        s = np.round(0.2 * y + 0.8 * random.random((n, k)), 2)
        if k > 1:  # Areas of a row need labels of both kinds.
            y[:, 0], y[:, 1] = np.arange(n) % 2, 1 - np.arange(n) % 2
        for w in (None, random.integers(0, 3, n) / 2 + (np.arange(n) < 2)):
            frame = pd.DataFrame({f"l{i}": y[:, i] for i in range(k)} | {f"p_l{i}": s[:, i] for i in range(k)})
            names = ",".join(f"l{i}" for i in range(k)) + ("," if k == 1 else "")
            if w is not None:
                frame["w"] = w
            doc = evaluate(program, frame, "--label", names, *(["--weight", "w"] if w is not None else []))
            d, expected = (s > 0.5).astype(int), {}
            for average in ("macro", "weighted", "micro", "samples"):
                p, r, f, _ = metrics.precision_recall_fscore_support(y, d, average=average, sample_weight=w,
                                                                     zero_division=0) if k > 1 else [np.nan] * 4
                if k == 1:
                    continue  # scikit-learn takes one column for two classes.
                expected |= {f"precision_{average}": p, f"recall_{average}": r, f"f1_{average}": f,
                             f"roc_auc_{average}": metrics.roc_auc_score(y, s, average=average, sample_weight=w),
                             f"average_precision_{average}": metrics.average_precision_score(
                                 y, s, average=average, sample_weight=w)}
            expected["subset_accuracy"] = metrics.accuracy_score(y, d, sample_weight=w)
            expected["hamming_loss"] = metrics.hamming_loss(y, d, sample_weight=w)
            found.add(f"{n} rows of {k} labels", doc, expected)


def compare_folds(program, found):
    random = np.random.default_rng(9)
    y, s, f = random.integers(0, 2, 500), random.random(500), random.integers(0, 5, 500)
    doc = evaluate(program, pd.DataFrame({"y": y, "s": s + 0.2 * y, "f": f}), "--score-column", "s", "--fold-column", "f")
    values = [metrics.roc_auc_score(y[f == k], (s + 0.2 * y)[f == k]) for k in range(5)]
    for fold, expected in zip(doc["folds"], values):
        found.put(fold["fold"], "roc_auc of a fold", fold["metrics"]["roc_auc"]["value"], expected)
    found.put("folds", "mean over folds", doc["metrics"]["roc_auc"]["value"], float(np.mean(values)))
    found.put("folds", "deviation over folds", doc["metrics"]["roc_auc"]["sd"], float(np.std(values, ddof=1)))


def compare_undefined(program, found):
    """Rows of which a number cannot be made: null here, NaN or an exception there."""
    one = evaluate(program, pd.DataFrame({"y": [1, 1, 1], "s": [0.1, 0.2, 0.3]}), "--score-column", "s")
    for number in ("roc_auc", "roc_auc_fpr_0.1", "average_precision", "ks"):
        found.put("one class", number, one["metrics"][number]["value"], math.nan)
    single = evaluate(program, pd.DataFrame({"y": [1.0], "p": [2.0]}), "--prediction-column", "p")
    found.put("one row", "r2", single["metrics"]["r2"]["value"], metrics.r2_score([1.0], [2.0]))
    random = np.random.default_rng(10)
    y, p = random.integers(0, 3, 90), random.dirichlet([1, 1, 1], 90)
    broken = p.copy()
    broken[::9, 1], broken[3::9, 0], broken[5, 2] = np.nan, np.inf, -np.inf
    keep = np.isfinite(broken).all(1)
    doc = evaluate(program, pd.DataFrame({"y": y} | {f"p_{i}": broken[:, i] for i in range(3)}))
    found.put("NaN and infinities", "n_invalid", doc["data"]["n_invalid"], float((~keep).sum()))
    found.add("NaN and infinities", doc, averages(y[keep], p[keep].argmax(1), None) | {
        "log_loss": metrics.log_loss(y[keep], p[keep]),
        "roc_auc_ovo_macro": metrics.roc_auc_score(y[keep], p[keep], multi_class="ovo"),
        "roc_auc_ovr_micro": metrics.roc_auc_score(y[keep], p[keep], multi_class="ovr", average="micro")})
    absent = p[y < 2] / p[y < 2].sum(1, keepdims=True)
    doc = evaluate(program, pd.DataFrame({"y": y[y < 2]} | {f"p_{i}": absent[:, i] for i in range(3)}))
    found.put("an absent class", "roc_auc_ovr_macro", doc["metrics"]["roc_auc_ovr_macro"]["value"], math.nan)


def philox(counter, key):
    """Ten rounds of Philox4x32 (Salmon et al. 2011) on columns of counters."""
    c, k, mask = [x.astype(np.uint64) for x in counter], list(key), np.uint64(0xFFFFFFFF)
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> np.uint64(32)) ^ c[1] ^ np.uint64(k[0]), b & mask, (a >> np.uint64(32)) ^ c[3] ^ np.uint64(k[1]), a & mask]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def resample(y, draw, seed):
    """Draws rows of each class with replacement, as src/eval/resample.c says."""
    order = np.argsort(y, kind="stable")
    i = np.arange(len(y), dtype=np.uint64)
    same = np.full(len(y), draw, np.uint64)
    bits = philox([i // 2, np.zeros_like(i), same, np.zeros_like(i)], [seed & 0xFFFFFFFF, seed >> 32])
    odd = i % 2 == 1
    high, low = np.where(odd, bits[2], bits[0]), np.where(odd, bits[3], bits[1])
    start = np.searchsorted(y[order], y[order])
    size = np.bincount(y)[y[order]].astype(np.uint64)
    return order[start + ((high * size + (low * size >> np.uint64(32))) >> np.uint64(32)).astype(np.int64)]


def compare_bootstrap(program, found):
    random = np.random.default_rng(11)
    y = random.integers(0, 2, 151)
    s = np.round(random.random(151) + 0.3 * y, 2)
    frame = pd.DataFrame({"y": y, "s": s})
    doc = evaluate(program, frame, "--score-column", "s", "--threshold-policy", "fixed:0.6", "--ci", "bootstrap:200",
                   "--seed", "7", "--alpha", "0.1")
    draws = [resample(y, k, 7) for k in range(200)]
    for number, measure in (("roc_auc", lambda y, s: metrics.roc_auc_score(y, s)),
                            ("average_precision", lambda y, s: metrics.average_precision_score(y, s)),
                            ("f1", lambda y, s: metrics.f1_score(y, s >= 0.6)),
                            ("mcc", lambda y, s: metrics.matthews_corrcoef(y, s >= 0.6))):
        values = [measure(y[rows], s[rows]) for rows in draws]
        for at, got, expected in zip(("low", "high"), doc["metrics"][number]["ci"], np.quantile(values, [0.05, 0.95])):
            found.put(number, f"bootstrap's {at}", got, float(expected))
        found.put(number, "bootstrap's se", doc["metrics"][number]["se"], float(np.std(values, ddof=1)))


PROC = """
suppressMessages(library(pROC))
rows <- read.csv(commandArgs(TRUE)[1])
a <- roc(rows$y, rows$a, levels = c(0, 1), direction = "<")
b <- roc(rows$y, rows$b, levels = c(0, 1), direction = "<")
test <- roc.test(a, b, method = "delong", paired = TRUE)
ci <- ci.auc(a, method = "delong")
partial <- auc(a, partial.auc = c(1, 0.9), partial.auc.correct = TRUE)
cat(sprintf("%.17g", c(auc(a), var(a), ci[1], ci[3], partial, test$estimate[1] - test$estimate[2], test$p.value,
                       test$conf.int[1], test$conf.int[2])))
"""


def compare_intervals(program, found):
    """Intervals, and two models on the same rows, with R's pROC."""
    if not shutil.which("Rscript"):
        print("pROC is left out: there is no Rscript; .ci/setup installs r-cran-proc")
        return
    cancer = datasets.load_breast_cancer(as_frame=True)
    x, y = cancer.data / cancer.data.max(), cancer.target.to_numpy()
    with tempfile.TemporaryDirectory() as folder:
        table, pairs = os.path.join(folder, "rows.csv"), os.path.join(folder, "pairs.csv")
        pd.concat([x[1::2], cancer.target[1::2].rename("y")], axis=1).to_csv(table, index=False, float_format="%.17g")
        for columns in (["mean texture", "mean symmetry"], ["mean smoothness", "texture error"]):
            models = []
            for i, some in enumerate((columns, columns[:1])):
                models.append(LogisticRegression(C=10).fit(x[some][::2], y[::2]))
                joblib.dump(models[i], os.path.join(folder, f"{i}.joblib"))
            scores = [m.decision_function(x[list(m.feature_names_in_)][1::2]) for m in models]
            pd.DataFrame({"y": y[1::2], "a": scores[0], "b": scores[1]}).to_csv(pairs, index=False, float_format="%.17g")
            done = subprocess.run(["Rscript", "-e", PROC, pairs], capture_output=True, check=True, text=True)
            theirs = [float(v) for v in done.stdout.split()]
            command = [program, "evaluate", os.path.join(folder, "0.joblib"), table, "-l", "y", "--json", "--baseline",
                       os.path.join(folder, "1.joblib")]
            doc = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            area, delta = doc["metrics"]["roc_auc"], doc["delta"]["roc_auc"]
            ours = [area["value"], area["se"] ** 2, *area["ci_wald"], doc["metrics"]["roc_auc_fpr_0.1"]["value"],
                    delta["value"], delta["p"], *delta["ci"]]
            names = ("auc", "variance", "low", "high", "partial auc", "difference", "p", "low of the difference",
                     "high of the difference")
            for name, got, expected in zip(names, ours, theirs):
                found.put(columns[0], f"pROC's {name}", got, expected)


class Found:
    """Differences by number."""

    def __init__(self):
        self.worst = {}
        self.failed = []

    def put(self, name, number, got, expected):
        if got is None or math.isnan(expected):
            difference = 0.0 if got is None and math.isnan(expected) else math.inf
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
    for compare in (compare_binary, compare_probabilities, compare_many, compare_numbers, compare_labels, compare_folds,
                    compare_undefined, compare_bootstrap, compare_intervals):
        compare(sys.argv[1], found)
    print(f"weir evaluate and scikit-learn {sklearn.__version__}: number, sets, largest difference")
    for number, (n, worst) in sorted(found.worst.items()):
        print(f"  {number:30} {n:4}  {worst:.1e}")
    for line in found.failed:
        print(f"DIFFERS {line}")
    print(f"{sum(n for n, _ in found.worst.values())} comparisons, {len(found.failed)} differ")
    return 1 if found.failed else 0


sys.exit(main())
