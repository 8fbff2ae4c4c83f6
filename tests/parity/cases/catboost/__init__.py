# SPDX-License-Identifier: MIT
"""CatBoost: models of numeric features, as .cbm and JSON."""
import json

import numpy as np

import cases
import data

FORMS = {"cbm": "cbm", "json": "json"}


class Native(cases.Recorded):
    """A model fitted by `fit()`, which returns it and X, saved in one form."""

    def __init__(self, ident, fit, form="cbm", commit=False):
        super().__init__(ident, "catboost", self.record, commit)
        self.fit, self.form = fit, form

    def questions(self, est, X, rng):
        est.save_model("/tmp/weir-parity-catboost.json", format="json")
        with open("/tmp/weir-parity-catboost.json", encoding="utf-8") as f:
            features = json.load(f)["features_info"]["float_features"]
        splits = [(f["flat_feature_index"], np.float32(b)) for f in features for b in f["borders"] or ()]
        few = max(1, len(X) // (12 if self.commit else 300))
        near = X[rng.randint(len(X), size=6 if self.commit else 80)].copy()
        for row in near:
            for i in rng.randint(len(splits), size=4) if splits else ():
                feature, t = splits[i]
                row[feature] = (t, np.nextafter(t, np.float32(np.inf)), np.nextafter(t, np.float32(-np.inf)))[
                    rng.randint(3)]
        holes = data.mixed(X, 6 if self.commit else 60, rng)
        holes[rng.uniform(size=holes.shape) < 0.3] = np.nan
        far = data.mixed(X, 4 if self.commit else 30, rng)
        for row in far:
            row[rng.randint(X.shape[1])] = (np.inf, -np.inf, 3e38, 0.0)[rng.randint(4)]
        return np.concatenate([X[::few], data.mixed(X, 8 if self.commit else 300, rng), near, holes, far])

    def record(self, stem):
        import catboost
        est, X = self.fit()
        rng = np.random.RandomState(7)
        test = self.questions(est, X, rng)
        est.save_model(stem + "." + self.form, format=self.form)
        ref = {"X": test, "version": np.array([catboost.__version__])}
        loss = est.get_all_params()["loss_function"].split(":")[0]
        if est.feature_names_ != [str(i) for i in range(X.shape[1])]:
            ref["features"] = np.array(est.feature_names_)
        is_classifier = hasattr(est, "predict_proba")
        for kind in ("f8", "f4"):
            Xk = test.astype(kind)
            value = np.asarray(est.predict(Xk))
            ref[kind + ".predict"] = value.ravel() if is_classifier else value
            if value.dtype == object:
                ref[kind + ".predict"] = value.ravel().astype(str)
            if is_classifier:
                ref[kind + ".predict_proba"] = est.predict_proba(Xk)
            if is_classifier or loss in ("Poisson", "Tweedie"):
                ref[kind + ".decision_function"] = est.predict(Xk, prediction_type="RawFormulaVal")
            if self.form == "json" and est.get_all_params().get("grow_policy", "SymmetricTree") != "SymmetricTree":
                continue  # leaves of such trees have no numbers there
            ref[kind + ".leaf"] = np.asarray(est.calc_leaf_indexes(Xk), dtype=np.float64).reshape(len(test), -1)
        # The library's own fast exp, which it takes for all but a single sigmoid, is off by some ulp.
        if is_classifier:
            ref["tol.predict_proba"] = np.array(["ulp:2" if loss in ("Logloss", "CrossEntropy") else "ulp:16"])
        elif loss in ("Poisson", "Tweedie"):
            ref["tol.predict"] = np.array(["ulp:16"])
        return ref


def every_form(ident, fit, commit=()):
    for form in FORMS:
        yield Native(ident + "_" + form, fit, form, form in commit)
