# SPDX-License-Identifier: MIT
"""The README's table of supported models, made from the reader's tables of classes and the parity cases.

usage: models.py [--write]

Without --write: fails when the table in README.md is stale, and when a class that is read has no case in
tests/parity/cases that names it.
"""
import collections
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CASES = os.path.join(ROOT, "tests", "parity", "cases")
README = os.path.join(ROOT, "README.md")
BEGIN, END = "<!-- models: made by tests/check/models.py --write -->", "<!-- models: end -->"

# What the builders' files are called for people, in the table's order; a prefix may be longer than a file's name.
FAMILIES = [
    ("linear", "linear"), ("svm", "support vectors"), ("neighbors", "neighbours"), ("bayes", "naive Bayes"),
    ("discriminant", "discriminant analysis"), ("mixture", "mixtures, QDA"), ("neural", "networks"),
    ("tree", "trees and forests"), ("boosting", "gradient boosting"), ("meta", "ensembles and wrappers"),
    ("cluster", "clusters"), ("project", "projections"), ("dummy", "dummies"), ("preprocess", "scaling and maps"),
    ("impute", "missing values"), ("encode", "categories"), ("select", "selection"), ("text", "text"),
    ("compose", "composition"),
]
OTHERS = {
    "xgboost": "XGBoost", "lightgbm": "LightGBM", "catboost": "CatBoost", "torch": "ONNX from PyTorch",
    "tf2onnx": "ONNX from Keras (tf2onnx)", "skl2onnx": "ONNX from scikit-learn (skl2onnx)",
    "imblearn": "imbalanced-learn", "skops": ".skops files", "mlflow": "MLflow folders", "onnx": "ONNX",
}


def classes():
    """Returns [(class, builder's family)] of scikit-learn's table."""
    with open(os.path.join(ROOT, "src/format/sklearn/sklearn.c"), encoding="utf-8") as f:
        rows = re.findall(r'\{"(\w+)",\s*weir_format_(\w+?)\}', f.read())
    rows = [(cls, builder[len("sklearn_"):]) for cls, builder in rows if builder.startswith("sklearn_")]
    return [row for row in rows if not row[1].startswith(("lightgbm", "xgboost", "catboost"))]


def sources():
    """Returns the text of all cases."""
    text = []
    for path in sorted(glob.glob(os.path.join(CASES, "**", "*.py"), recursive=True)):
        with open(path, encoding="utf-8") as f:
            text.append(f.read())
    return "\n".join(text)


def versions(library):
    with open(os.path.join(CASES, library, "versions.txt"), encoding="utf-8") as f:
        return [line.split()[0] for line in f if line.strip() and not line.startswith("#")]


def groups(library):
    names = (os.path.basename(p)[:-3] for p in glob.glob(os.path.join(CASES, library, "*.py")))
    return sorted(n.replace("_", " ") for n in names if not n.startswith("_"))


def table():
    by_family = collections.OrderedDict((title, []) for _, title in FAMILIES)
    for cls, builder in classes():
        for prefix, title in FAMILIES:
            if builder.startswith(prefix):
                by_family[title].append(cls)
                break
        else:
            sys.exit(f"models: no family for the builder {builder}: add it to FAMILIES")
    lines = ["| scikit-learn | classes |", "|---|---|"]
    for title, names in by_family.items():
        if names:
            lines.append(f"| {title} | {', '.join(sorted(set(names)))} |")
    recorded = sorted(os.path.basename(os.path.dirname(p))
                      for p in glob.glob(os.path.join(ROOT, "tests/data/sklearn/*/recorded")))
    lines += ["", "Compared with scikit-learn " + ", ".join(versions("sklearn")) + " as they are installed, and with "
              "recorded answers of " + ", ".join(recorded) + ".", "",
              "| other libraries and containers | compared with | cases |", "|---|---|---|"]
    for library, title in OTHERS.items():
        if os.path.exists(os.path.join(CASES, library, "versions.txt")) and groups(library):
            lines.append(f"| {title} | {', '.join(versions(library))} | {', '.join(groups(library))} |")
    return "\n".join(lines)


def main():
    with open(README, encoding="utf-8") as f:
        text = f.read()
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        sys.exit(f"README.md: no lines {BEGIN} and {END}")
    fresh = text[:begin] + BEGIN + "\n" + table() + "\n" + text[end:]
    if "--write" in sys.argv:
        with open(README, "w", encoding="utf-8") as f:
            f.write(fresh)
        return 0
    problems = 0
    cases = sources()
    for cls in sorted({cls for cls, _ in classes()}):
        if not re.search(rf"\b{cls}\b", cases):
            print(f"src/format/sklearn/sklearn.c: {cls} is read, but no case in tests/parity/cases names it")
            problems += 1
    if fresh != text:
        print("README.md: the table of models is stale; mend with: python3 tests/check/models.py --write")
        problems += 1
    print(f"models: {len(classes())} classes: {problems} problem(s)")
    return problems > 0


sys.exit(main())
