# SPDX-License-Identifier: MIT
"""XGBoost: training by Booster and by the scikit-learn wrappers, saving in every format that a version writes."""
import json
import os
import pickle
import re

import numpy as np
import xgboost as xgb

import cases
import data

VERSION = tuple(int(p) for p in xgb.__version__.split(".")[:2])
EXACT = {"predict": "exact", "decision_function": "exact"}
FORMATS = (["bin"] if VERSION < (1, 0) else ["json", "bin"] if VERSION < (1, 6) else
           ["json", "ubj", "bin"] if VERSION < (3, 1) else ["json", "ubj"])


def extension(form):
    """Returns the file extension that makes this version write the form."""
    if form != "bin":
        return "." + form
    return ".model" if VERSION < (2, 1) else ".deprecated"


def spec_version(form):
    """Returns what a file says of its version: old binary files hold little."""
    if form != "bin":
        return xgb.__version__
    return "" if VERSION < (1, 0) else "%d.%d" % VERSION


def thresholds(bst, names):
    """Returns (feature, threshold) of numeric splits, exactly."""
    found = []
    if VERSION >= (1, 0):
        raw = (bst.save_raw(raw_format="json") if VERSION >= (1, 6) else None)
        if raw is None:
            path = "/tmp/weir-parity-%d.json" % os.getpid()
            bst.save_model(path)
            with open(path, "rb") as f:
                raw = f.read()
            os.remove(path)
        booster = json.loads(bytes(raw))["learner"]["gradient_booster"]
        model = booster.get("model") or booster["gbtree"]["model"]
        for tree in model.get("trees", []):
            kinds = tree.get("split_type") or [0] * len(tree["left_children"])
            for left, feature, value, kind in zip(tree["left_children"], tree["split_indices"],
                                                  tree["split_conditions"], kinds):
                if left != -1 and not kind:
                    found.append((feature, np.float32(value)))
        return found
    for text in bst.get_dump():
        for name, value in re.findall(r"\[([^<\]]+)<([^\]]+)\]", text):
            found.append((names.index(name) if name in names else int(name[1:]), np.float32(value)))
    return found


def questions(X, bst, rng, commit, names=()):
    """Returns rows of X, mixtures, holes, and rows on thresholds and beside them."""
    few = max(1, len(X) // (12 if commit else 300))
    rows = [X[::few], data.mixed(X, 8 if commit else 300, rng)]
    splits = thresholds(bst, list(names))
    near = X[rng.randint(len(X), size=6 if commit else 60)].astype(np.float64).copy()
    for row in near:
        for i in rng.randint(len(splits), size=4) if splits else ():
            feature, t = splits[i]
            row[feature] = (t, np.nextafter(t, np.float32(np.inf)), np.nextafter(t, np.float32(-np.inf)))[rng.randint(3)]
    holes = data.mixed(X, 6 if commit else 60, rng)
    holes[rng.uniform(size=holes.shape) < 0.3] = np.nan
    return np.concatenate(rows + [near, holes])


def proba_of(bst, ask, value):
    """Returns what predict_proba of a bare booster is: the objective's probabilities."""
    name = objective_of(bst)
    if name == "binary:logistic" and value.ndim == 1:
        return np.vstack((np.float32(1.0) - value, value)).T
    if name in ("binary:logistic", "multi:softprob"):
        return value
    if name == "multi:softmax" and VERSION < (1, 0):
        margin = ask(bst, output_margin=True)
        e = np.exp(margin - margin.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, dtype=np.float64, keepdims=True).astype(np.float32)
    if name == "multi:softmax":
        other = bst.copy()
        other.set_param({"objective": "multi:softprob"})
        return ask(other)
    return None


def objective_of(bst):
    if VERSION >= (1, 0):
        return json.loads(bst.save_config())["learner"]["objective"]["name"]
    return bst.named_objective


LINKED = ("logistic", "softmax", "softprob", "poisson", "gamma", "tweedie", "survival", "hinge", "expectile")


def booster_answers(bst, X, missing=np.nan):
    """Returns the arrays of a .ref file for Booster.predict."""
    ref = {}
    for kind in ("f8", "f4"):
        Xk = X.astype(kind)
        ask = lambda b, **kw: b.predict(xgb.DMatrix(Xk, missing=missing, feature_names=bst.feature_names), **kw)
        value = ask(bst)
        ref[kind + ".predict"] = value
        name = objective_of(bst)
        if any(w in name for w in LINKED):
            ref[kind + ".decision_function"] = ask(bst, output_margin=True)
        proba = proba_of(bst, ask, value)
        if proba is not None:
            ref[kind + ".predict_proba"] = proba
        try:
            leaf = np.asarray(ask(bst, pred_leaf=True), dtype=np.float64)
            if leaf.size:
                ref[kind + ".leaf"] = leaf.reshape(len(X), -1)
        except xgb.core.XGBoostError:
            pass
    return ref


def tolerance(objective):
    """2 ulp where a link passes exp; else the bits."""
    if not any(w in objective for w in LINKED) or "hinge" in objective:
        return {}
    return {"tol.predict": np.array(["exact" if "softmax" in objective else "ulp:2"]),
            "tol.predict_proba": np.array(["ulp:2"])}


def trained(params, X, y, rounds=12, names=None, **info):
    extra = {k: v for k, v in info.items() if k in ("evals_result", "early_stopping_rounds")}
    matrix = {k: v for k, v in info.items() if k not in extra}
    d = xgb.DMatrix(X, label=y, feature_names=names, **matrix)
    quiet = {"verbosity": 0} if VERSION >= (0, 90) else {"silent": 1}
    return named(xgb.train({"nthread": 1, "seed": 3, **quiet, **params}, d, rounds, **extra), params["objective"])


def named(bst, objective):
    """Notes the objective on the booster: 0.x cannot be asked for it."""
    bst.named_objective = objective
    return bst


class Native(cases.Recorded):
    """A booster trained by `train()`, which returns it and X, saved in one format."""

    def __init__(self, ident, train, form="json", commit=False, family="xgboost"):
        super().__init__(ident, family, self.record, commit)
        self.train, self.form = train, form

    def record(self, stem):
        bst, X = self.train()
        rng = np.random.RandomState(7)
        names = bst.feature_names or ()
        test = questions(np.asarray(X, dtype=np.float64), bst, rng, self.commit, names)
        bst.save_model(stem + extension(self.form))
        if self.form != "bin" and extension(self.form) == ".json":
            json.load(open(stem + ".json", encoding="utf-8"))
        ref = {"X": test, "version": np.array([spec_version(self.form)]), **booster_answers(bst, test),
               **tolerance(objective_of(bst))}
        if self.form != "bin" and VERSION >= (1, 4) and bst.feature_names:
            ref["features"] = np.array(bst.feature_names)
        if objective_of(bst) == "multi:softmax":
            ref["tol.decision_function"] = np.array(["exact"])
        return ref


def every_form(ident, train, commit=()):
    """Yields the case in each format that this version writes."""
    for form in FORMATS:
        yield Native(ident + "_" + form, train, form, form in commit)


class Wrapper(cases.Recorded):
    """A wrapper of scikit-learn's interface, fitted by `fit()`, which returns it and X. how: "pickle", "joblib", or a
    form of FORMATS for its own save_model."""

    def __init__(self, ident, fit, how="pickle4", commit=False, outputs=None):
        super().__init__(ident, "xgboost", self.record, commit)
        self.fit, self.how, self.outputs = fit, how, outputs

    def record(self, stem):
        est, X = self.fit()
        model = est.steps[-1][1] if hasattr(est, "steps") else est
        bst = model.get_booster()
        rng = np.random.RandomState(7)
        before = np.asarray(X, dtype=np.float64)
        test = questions(before, bst, rng, self.commit) if model is est else data.mixed(before, 30 if self.commit else 500,
                                                                                          rng)
        version = xgb.__version__
        if self.how in FORMATS:
            est.save_model(stem + extension(self.how))
            version = spec_version(self.how)
        elif self.how.startswith("pickle"):
            with open(stem + ".pkl", "wb") as f:
                pickle.dump(est, f, protocol=int(self.how[6:]))
        else:
            import joblib
            joblib.dump(est, stem + ".joblib", compress=3 if "zlib" in self.how else 0)
        if self.how not in FORMATS:
            if VERSION < (1, 4):
                version = spec_version("bin")
            if model is not est:
                import sklearn
                version = sklearn.__version__
        ref = {"X": test, "version": np.array([version])}
        objective = objective_of(named(bst, model.objective))
        for kind in ("f8", "f4"):
            Xk = test.astype(kind)
            ref[kind + ".predict"] = np.asarray(est.predict(Xk))
            if hasattr(est, "predict_proba"):
                ref[kind + ".predict_proba"] = est.predict_proba(Xk)
            if hasattr(est, "predict_proba") or any(w in objective for w in LINKED):
                ref[kind + ".decision_function"] = model.predict(Xk if model is est else est[:-1].transform(Xk),
                                                                 output_margin=True)
            if model is est and model.booster != "gblinear" and VERSION >= (1, 4):
                if VERSION >= (1, 4) and bst.feature_names:
                    import pandas
                    Xk = pandas.DataFrame(Xk, columns=bst.feature_names)
                ref[kind + ".leaf"] = np.asarray(est.apply(Xk), dtype=np.float64).reshape(len(test), -1)
            if VERSION >= (1, 4) and self.how != "bin" and bst.feature_names:
                ref["features"] = np.array(bst.feature_names)
            if model is est and VERSION >= (1, 4) and model.booster != "gblinear":
                bad = with_infinities(before, rng).astype(kind)
                ref[kind + ".bad.X"], ref[kind + ".bad.refused"] = bad, np.zeros(len(bad), dtype=bool)
                ref[kind + ".bad.predict"] = np.asarray(est.predict(bad))
            for name in (kind + ".predict", kind + ".bad.predict"):
                if name in ref and ref[name].ndim == 2 and hasattr(est, "predict_proba"):
                    ref[name] = ref[name].astype(np.int64)
            if self.outputs:
                ref = {k: v for k, v in ref.items() if not k.startswith(kind) or k[3:] in self.outputs}
        tol = tolerance(objective)
        if hasattr(est, "predict_proba"):
            tol.pop("tol.predict", None)
        if objective == "multi:softmax":
            # The wrapper asks scipy, and so numpy's float32 exp, which is itself off by up to 2.5 ulp.
            tol["tol.predict_proba"] = np.array(["ulp:4"])
        return {**ref, **tol}


class Around(cases.Recorded):
    """An estimator of scikit-learn around wrappers, made by `fit()`, which returns it and X."""

    def __init__(self, ident, fit, commit=False):
        super().__init__(ident, "xgboost", self.record, commit)
        self.fit = fit

    def record(self, stem):
        import joblib
        import sklearn
        est, X = self.fit()
        joblib.dump(est, stem + ".joblib")
        X = np.asarray(X, dtype=np.float64)
        test = data.mixed(X, 30 if self.commit else 500, np.random.RandomState(7))
        ref = {"X": test, "version": np.array([sklearn.__version__]), "f8.predict": est.predict(test),
               "f8.predict_proba": est.predict_proba(test), "tol.predict_proba": np.array(["ulp:8"])}
        return ref


def with_infinities(X, rng):
    out = data.mixed(X, 24, rng)
    for row in out:
        row[rng.randint(X.shape[1])] = (np.inf, -np.inf, 3e38, -3e38)[rng.randint(4)]
    return out
