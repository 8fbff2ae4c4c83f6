# SPDX-License-Identifier: MIT
"""scikit-learn's flavour: pickle, cloudpickle and, where MLflow has it, skops."""
import mlflow
import numpy as np
import sklearn
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cases.mlflow import folder

VERSION = tuple(int(p) for p in mlflow.__version__.split(".")[:2])
IRIS_NAMES = np.array(["setosa", "versicolor", "virginica"])


def cases():
    formats = ["pickle", "cloudpickle"] + (["skops"] if VERSION >= (3, 10) else [])
    for how in formats:
        def case(ident, family, build, dataset, **options):
            return folder(ident + "_" + how, family, build, dataset, "sklearn", sklearn.__version__,
                          serialization_format=how, **options)

        yield case("lr", "logistic", lambda: LogisticRegression(max_iter=300), "iris",
                   labels=IRIS_NAMES.__getitem__, commit=True)
        yield case("pipe", "logistic", lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
                   "wine")
        yield case("ridge_unnamed", "linear", Ridge, "diabetes", named=False, commit=how == formats[0])
        trusted = {"skops_trusted_types": ["sklearn.tree._tree.Tree"]} if how == "skops" else {}
        yield case("forest", "forest", lambda: RandomForestClassifier(n_estimators=5, max_depth=4, random_state=0),
                   "iris", **trusted)
