# SPDX-License-Identifier: MIT
"""Pipelines with samplers, which are skipped at prediction, and balanced ensembles."""
import numpy as np
from imblearn.ensemble import (BalancedBaggingClassifier, BalancedRandomForestClassifier, EasyEnsembleClassifier,
                               RUSBoostClassifier)
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline, make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from cases import Case
from cases.imblearn import VERSION

LOGS = "ulp:8 abs:1e-14"
NEAR = {"": "rel:1e-10 abs:1e-11", "f4": "rel:1e-10 abs:1e-11"}


def tree(depth=3):
    return DecisionTreeClassifier(max_depth=depth, random_state=1)


def cases():
    samme = dict(algorithm="SAMME") if VERSION < (1, 6) else {}
    yield Case("p_smote", "forest", lambda: make_pipeline(SMOTE(random_state=1, k_neighbors=3), tree()), "wine",
               commit=True)
    yield Case("p_under", "forest", lambda: Pipeline([
        ("scale", StandardScaler()), ("sample", RandomUnderSampler(random_state=1)), ("none", "passthrough"),
        ("model", tree(5))]), "breast_cancer", fit="df", save="joblib")
    yield Case("p_lr", "forest", lambda: make_pipeline(RandomOverSampler(random_state=1), StandardScaler(),
                                                       LogisticRegression(max_iter=300)), "breast_cancer",
               tolerance=NEAR)
    yield Case("p_search", "forest", lambda: GridSearchCV(make_pipeline(SMOTE(random_state=1), tree()),
                                                          {"decisiontreeclassifier__max_depth": [2, 3]}, cv=3), "iris")
    yield Case("brf", "forest", lambda: BalancedRandomForestClassifier(
        n_estimators=9, max_depth=4, random_state=1, sampling_strategy="all", replacement=True, bootstrap=False),
        "wine", commit=True)
    yield Case("bbag", "forest", lambda: BalancedBaggingClassifier(tree(), n_estimators=5, random_state=1),
               "breast_cancer", labels=lambda y: np.array(["m", "b"])[y], commit=True)
    yield Case("easy", "forest", lambda: EasyEnsembleClassifier(n_estimators=3, random_state=1, estimator=(
        AdaBoostClassifier(tree(2), n_estimators=4, random_state=1, **samme))), "breast_cancer", tolerance=LOGS)
    yield Case("rus", "forest", lambda: RUSBoostClassifier(tree(2), n_estimators=6, random_state=1, **(
        samme if VERSION < (1, 6) else {})), "wine", tolerance=LOGS, commit=True)
