# SPDX-License-Identifier: MIT
"""The flavours of the boosting libraries: boosters and their scikit-learn wrappers."""
import lightgbm
import xgboost

from cases.mlflow import folder


def margins(**how):
    """Asks a wrapper for its margins too, where they are not what it predicts."""
    def ask(est, X, output):
        if output == "decision_function":
            if not hasattr(est, "predict_proba"):
                raise AttributeError(output)
            return est.predict(X, **how)
        return getattr(est, output)(X)
    return ask


def cases():
    # LightGBM's text does not say which release wrote it; the old binary format of XGBoost half.
    xgboost_version = "2.0" if xgboost.__version__.startswith("2.0") else xgboost.__version__
    small = {"n_estimators": 8, "max_depth": 3, "random_state": 0, "n_jobs": 1}
    for name, build, dataset in (
            ("xgbc", lambda: xgboost.XGBClassifier(**small), "iris"),
            ("xgbc2", lambda: xgboost.XGBClassifier(**small), "breast_cancer"),
            ("xgbr", lambda: xgboost.XGBRegressor(**small), "diabetes")):
        yield folder(name, "tree", build, dataset, "xgboost", xgboost_version, commit=True,
                     tolerance={"predict_proba": "ulp:4 abs:3e-7"}, predict=margins(output_margin=True))
    for name, build, dataset in (
            ("lgbc", lambda: lightgbm.LGBMClassifier(verbose=-1, **small), "iris"),
            ("lgbr", lambda: lightgbm.LGBMRegressor(verbose=-1, **small), "diabetes")):
        yield folder(name, "tree", build, dataset, "lightgbm", "", commit=True,
                     tolerance={"predict_proba": "ulp:8"}, predict=margins(raw_score=True))
