# SPDX-License-Identifier: MIT
"""Trains the sample models of this folder with scikit-learn: `python3 conf/models/train.py` (needs scikit-learn and pandas).

breast-cancer  scaled logistic regression, fitted on a data frame, so that rows may be sent as objects
iris           random forest with text labels
diabetes       ridge regression with column names
toy            the linear model y = 0.5 a + 0.3 b − 1.5
"""
import os

import joblib
import numpy as np
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = os.path.dirname(os.path.abspath(__file__))


def save(model, name):
    joblib.dump(model, os.path.join(HERE, name))


def main():
    d = datasets.load_breast_cancer(as_frame=True)
    labels = np.array(d.target_names)[d.target]
    save(make_pipeline(StandardScaler(), LogisticRegression(C=0.5)).fit(d.data, labels), "breast-cancer.joblib")

    d = datasets.load_iris()
    labels = np.array(d.target_names)[d.target]
    forest = RandomForestClassifier(n_estimators=50, max_depth=4, random_state=0)
    save(forest.fit(d.data, labels), "iris.joblib")

    d = datasets.load_diabetes(as_frame=True)
    save(Ridge(alpha=0.1).fit(d.data, d.target), "diabetes.joblib")

    toy = LinearRegression().fit([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0.0, 0.0, 0.0])
    toy.coef_, toy.intercept_ = np.array([0.5, 0.3]), -1.5
    save(toy, "toy.joblib")


if __name__ == "__main__":
    main()
