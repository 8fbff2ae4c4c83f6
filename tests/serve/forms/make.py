# SPDX-License-Identifier: MIT
"""Makes the models of each input form and output that the server's tests ask; scikit-learn 1.4.2, pandas 2.

Prints the answers that tests/serve/test_serve_forms.c expects.
"""

import os
import sys

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

REVIEWS = ["a fine day in Zürich", "bad weather, bad food", "fine food and fine wine", "the wine was bad", "never again"]


def texts(folder):
    likes = [1, 0, 1, 0, 0] * 4
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(REVIEWS * 4, likes)
    joblib.dump(model, os.path.join(folder, "reviews.joblib"), compress=3)
    print(model.predict_proba(["fine wine in ZÜRICH", "", "Bad, bad day"]).tolist())
    frame = pd.DataFrame({"stars": [5, None, 4, 2, 1] * 4, "review": REVIEWS * 4, "nights": [1.0, 2, 3, 2, 7] * 4})
    columns = ColumnTransformer(
        [
            ("stars", make_pipeline(SimpleImputer(), StandardScaler()), ["stars"]),
            ("review", TfidfVectorizer(), "review"),
        ],
        remainder="passthrough",
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, likes)
    joblib.dump(model, os.path.join(folder, "stays.joblib"), compress=3)
    asked = pd.DataFrame({"stars": [3, None], "review": ["fine wine", "bad food"], "nights": [2.0, 1]})
    print(model.predict_proba(asked).tolist())


def main(folder):
    texts(folder)
    rng = np.random.default_rng(7)
    n = 200
    people = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n).astype(float),
            "city": rng.choice(["Rome", "Oslo", "São Paulo"], n),
            "plan": rng.choice(["a", "b"], n),
        }
    )
    people.loc[rng.random(n) < 0.1, "age"] = np.nan
    target = np.where(people.age.fillna(45) + 25 * (people.city == "Oslo") > 55, "stays", "leaves")
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
            ("texts", OneHotEncoder(handle_unknown="error"), ["city", "plan"]),
        ]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(people, target)
    joblib.dump(model, os.path.join(folder, "people.joblib"), compress=3)
    asked = pd.DataFrame({"age": [41, None], "city": ["Oslo", "São Paulo"], "plan": ["a", "b"]})
    print(model.predict(asked), repr(model.predict_proba(asked)))

    x = np.round(rng.normal(size=(60, 3)), 2)
    joblib.dump(StandardScaler().fit(x), os.path.join(folder, "scaler.joblib"), compress=3)
    y = np.stack([x[:, 0] > 0, x[:, 1] + x[:, 2] > 0], axis=1).astype(int)
    labels = RandomForestClassifier(3, max_depth=3, random_state=0).fit(x, y)
    joblib.dump(labels, os.path.join(folder, "labels.joblib"), compress=3)
    several = OneVsRestClassifier(LogisticRegression()).fit(x, y)
    joblib.dump(several, os.path.join(folder, "several.joblib"), compress=3)
    outliers = IsolationForest(n_estimators=5, random_state=0).fit(x)
    joblib.dump(outliers, os.path.join(folder, "outliers.joblib"), compress=3)
    row = [[0.5, -0.25, 1.0], [9.0, 9.0, -9.0]]
    np.set_printoptions(precision=17)
    print(repr(StandardScaler().fit(x).transform(row)))
    print(labels.predict(row), labels.predict_proba(row), labels.apply(row))
    print(several.predict(row), repr(several.predict_proba(row)))
    print(outliers.predict(row), repr(outliers.score_samples(row)))


main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))
