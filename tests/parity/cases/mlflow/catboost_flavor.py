# SPDX-License-Identifier: MIT
"""CatBoost's flavour: classifiers and regressors, as MLflow writes them (.cbm)."""
import numpy as np

from cases.mlflow import folder

try:
    import catboost
    import mlflow.catboost
except ImportError:
    catboost = None

SMALL = {"iterations": 8, "depth": 3, "random_seed": 0, "thread_count": 1, "verbose": False,
         "allow_writing_files": False}


def ask(est, X, output):
    """Classes of several are a column, margins are another kind of prediction."""
    if output == "decision_function":
        if not hasattr(est, "predict_proba") and est.get_all_params()["loss_function"] != "Poisson":
            raise AttributeError(output)
        return est.predict(X, prediction_type="RawFormulaVal")
    got = np.asarray(getattr(est, output)(X))
    return got.ravel() if output == "predict" else got


def cases():
    if not catboost:
        return
    text = np.array(["red", "white", "rosé"]).__getitem__
    for name, build, dataset, options in (
            ("binary", lambda: catboost.CatBoostClassifier(**SMALL), "breast_cancer", {}),
            ("multi", lambda: catboost.CatBoostClassifier(**SMALL), "iris", {}),
            ("multi_text", lambda: catboost.CatBoostClassifier(**SMALL), "wine", {"labels": text}),
            ("regressor", lambda: catboost.CatBoostRegressor(**SMALL), "diabetes", {}),
            ("poisson", lambda: catboost.CatBoostRegressor(loss_function="Poisson", **SMALL), "diabetes", {})):
        # Its own fast exp is off by some ulp.
        yield folder(name, "tree", build, dataset, "catboost", catboost.__version__, predict=ask,
                     commit=name in ("binary", "multi", "regressor"),
                     tolerance={"predict_proba": "ulp:16", "predict": "ulp:16"} if name != "regressor" else None,
                     **options)
