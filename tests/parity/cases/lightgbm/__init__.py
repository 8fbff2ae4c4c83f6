# SPDX-License-Identifier: MIT
"""LightGBM: training by Booster and by the scikit-learn wrappers, as text files and pickles."""
import pickle
import re

import lightgbm as lgb
import numpy as np

import cases
import data

VERSION = tuple(int(p) for p in lgb.__version__.split(".")[:2])
LINKED = ("binary", "cross_entropy", "multiclass", "poisson", "gamma", "tweedie", "xent", "softmax")


def header(bst, key):
    found = re.search("^" + key + "=(.*)$", bst.model_to_string(num_iteration=-1), re.M)
    return found.group(1).strip() if found else ""


def questions(X, bst, rng, commit):
    """Returns rows of X, mixtures, holes, extremes, and rows on thresholds and beside them."""
    few = max(1, len(X) // (12 if commit else 300))
    rows = [X[::few], data.mixed(X, 8 if commit else 300, rng)]
    splits = []
    for block in bst.model_to_string(num_iteration=-1).split("\nTree=")[1:]:
        lines = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        kinds = [int(v) for v in lines.get("decision_type", "").split()]
        for kind, feature, t in zip(kinds, lines.get("split_feature", "").split(), lines.get("threshold", "").split()):
            if not kind & 1:
                splits.append((int(feature), float(t)))
    near = X[rng.randint(len(X), size=6 if commit else 80)].copy()
    for row in near:
        for i in rng.randint(len(splits), size=4) if splits else ():
            feature, t = splits[i]
            row[feature] = (t, np.nextafter(t, np.inf), np.nextafter(t, -np.inf), float(np.float32(t)))[rng.randint(4)]
    holes = data.mixed(X, 6 if commit else 60, rng)
    holes[rng.uniform(size=holes.shape) < 0.3] = np.nan
    tiny = data.mixed(X, 4 if commit else 40, rng)
    for row in tiny:
        row[rng.randint(X.shape[1], size=2)] = (1e-35, -1e-35, 1e-36, -1e-40, 1.1e-35, -1.1e-35, 0.0, -0.0, np.inf,
                                                -np.inf, 1e300, -1e300)[rng.randint(12)]
    return np.concatenate(rows + [near, holes, tiny])


def answers(bst, X, **kw):
    """Returns the arrays of a .ref file for Booster.predict."""
    ref, objective = {}, header(bst, "objective")
    for kind in ("f8", "f4"):
        with np.errstate(over="ignore"):
            Xk = X.astype(kind)
        value = bst.predict(Xk, **kw)
        ref[kind + ".predict"] = value
        if objective.startswith(LINKED) or "sqrt" in objective:
            ref[kind + ".decision_function"] = bst.predict(Xk, raw_score=True, **kw)
        name = objective.split(" ")[0]
        if name in ("binary", "cross_entropy", "xentropy"):
            ref[kind + ".predict_proba"] = np.vstack((1.0 - value, value)).T
        elif name in ("multiclass", "softmax", "multiclassova"):
            ref[kind + ".predict_proba"] = value
        ref[kind + ".leaf"] = np.asarray(bst.predict(Xk, pred_leaf=True, **kw)).reshape(len(X), -1)
    return ref


def tolerance(objective, is_classifier=False):
    if not objective.startswith(LINKED):
        return {}
    tol = {"tol.predict_proba": np.array(["ulp:2"])}
    return tol if is_classifier else {"tol.predict": np.array(["ulp:2"]), **tol}


def names_of(bst, n):
    names = bst.feature_name()
    return {} if names == ["Column_%d" % i for i in range(n)] else {"features": np.array(names)}


class Native(cases.Recorded):
    """A booster trained by `train()`, which returns it and X. how: "txt", "crlf", "pickle"."""

    def __init__(self, ident, train, how="txt", commit=False):
        super().__init__(ident, "lightgbm", self.record, commit)
        self.train, self.how = train, how

    def record(self, stem):
        bst, X = self.train()
        rng = np.random.RandomState(7)
        test = questions(np.asarray(X, dtype=np.float64), bst, rng, self.commit)
        if self.how == "pickle":
            with open(stem + ".pkl", "wb") as f:
                pickle.dump(bst, f)
        else:
            bst.save_model(stem + ".txt")
            if self.how == "crlf":
                with open(stem + ".txt", "rb") as f:
                    text = f.read()
                with open(stem + ".txt", "wb") as f:
                    f.write(text.replace(b"\n", b"\r\n"))
        return {"X": test, "version": np.array([""]), **names_of(bst, test.shape[1]), **answers(bst, test),
                **tolerance(header(bst, "objective"))}


class Wrapper(cases.Recorded):
    """A wrapper fitted by `fit()`, which returns it and X. how: "pickleN", "joblib", "txt" (its booster)."""

    def __init__(self, ident, fit, how="pickle4", commit=False):
        super().__init__(ident, "lightgbm", self.record, commit)
        self.fit, self.how = fit, how

    def record(self, stem):
        est, X = self.fit()
        model = est.steps[-1][1] if hasattr(est, "steps") else est
        bst = model.booster_
        rng = np.random.RandomState(7)
        X = np.asarray(X, dtype=np.float64)
        is_alone = model is est
        test = questions(X, bst, rng, self.commit) if is_alone else data.mixed(X, 30 if self.commit else 500, rng)
        version = ""
        if not is_alone:
            import sklearn
            version = sklearn.__version__
        if self.how == "joblib":
            import joblib
            joblib.dump(est, stem + ".joblib")
        else:
            with open(stem + ".pkl", "wb") as f:
                pickle.dump(est, f, protocol=int(self.how[6:]))
        ref = {"X": test, "version": np.array([version]), **(names_of(bst, X.shape[1]) if is_alone else {})}
        objective = header(bst, "objective")
        for kind in ("f8", "f4"):
            with np.errstate(over="ignore"):
                Xk = test.astype(kind)
            Xm = Xk if is_alone else est[:-1].transform(Xk)
            ref[kind + ".predict"] = np.asarray(est.predict(Xk))
            if hasattr(est, "predict_proba"):
                ref[kind + ".predict_proba"] = est.predict_proba(Xk)
            if hasattr(est, "predict_proba") or objective.startswith(LINKED):
                ref[kind + ".decision_function"] = model.predict(Xm, raw_score=True)
            if is_alone:
                ref[kind + ".leaf"] = np.asarray(model.predict(Xm, pred_leaf=True)).reshape(len(test), -1)
        if hasattr(model, "classes_") and hasattr(est, "predict_proba"):
            ref["classes_0"] = np.asarray(model.classes_)
        return {**ref, **tolerance(objective, hasattr(est, "predict_proba"))}


class Around(cases.Recorded):
    """An estimator of scikit-learn around wrappers, made by `fit()`, which returns it and X."""

    def __init__(self, ident, fit, commit=False):
        super().__init__(ident, "lightgbm", self.record, commit)
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
        if hasattr(est, "feature_names_in_"):
            ref["features"] = est.feature_names_in_
        return ref
