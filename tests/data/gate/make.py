# SPDX-License-Identifier: MIT
"""Makes the models and the holdout of this folder: scikit-learn 1.6.1, its data set of breast cancers.

Six columns of half of the rows are what models learn from, the other half is the holdout. Run with
that version's Python, in this folder.
"""

import csv
import json

import joblib
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FEATURES = ["mean texture", "mean smoothness", "mean symmetry", "texture error", "area error", "worst fractal dimension"]

data = load_breast_cancer(as_frame=True)
X = data.data[FEATURES]
y = (data.target == 0).astype(int)  # 1: malignant
order = np.random.RandomState(7).permutation(len(X))
train, test = order[:285], order[285:]


def fit(name, columns, rows, labels):
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0))
    model.fit(X.iloc[rows][columns], labels)
    joblib.dump(model, name + ".joblib", compress=3)
    return model


noise = np.random.RandomState(8)
good = fit("good", FEATURES, train, y.iloc[train])
fair_rows = train[:60]
fair = fit("fair", FEATURES, fair_rows, np.where(noise.rand(60) < 0.15, 1 - y.iloc[fair_rows], y.iloc[fair_rows]))
poor = fit("poor", FEATURES, train, noise.permutation(y.iloc[train]))
fit("narrow", FEATURES[:5], train, y.iloc[train])

with open("holdout.csv", "w", newline="", encoding="utf-8") as f:
    out = csv.writer(f, lineterminator="\n")
    out.writerow(["id"] + FEATURES + ["size", "malignant"])
    for i in test:
        size = "large" if data.data["mean radius"].iloc[i] > 14 else "small"
        out.writerow([i] + [repr(float(v)) for v in X.iloc[i]] + [size, int(y.iloc[i])])

rows = X.iloc[test[:5]]
smoke = {
    "rows": json.loads(rows.to_json(orient="records", double_precision=15)),
    "expected": {"predict": [int(v) for v in good.predict(rows)]},
}
with open("smoke.json", "w", encoding="utf-8") as f:
    json.dump(smoke, f, indent=1)
    f.write("\n")

for name, model in (("good", good), ("fair", fair), ("poor", poor)):
    from sklearn.metrics import roc_auc_score

    print(name, roc_auc_score(y.iloc[test], model.decision_function(X.iloc[test])))
