# SPDX-License-Identifier: MIT
"""Data frames with category columns: their values are asked for, known ones, unseen ones and missing ones."""
import pickle

import lightgbm as lgb
import numpy as np
import pandas

import cases as case_kinds
import refs

from . import tolerance, header

PARAMS = {"num_leaves": 12, "min_data_in_leaf": 5, "min_data_per_group": 5, "cat_smooth": 1.0, "verbosity": -1,
          "num_threads": 1, "seed": 3, "deterministic": True, "force_row_wise": True}
TEXTS = ["red", "green", "blue", "\u00fcber", "", "a \"quoted\" one", "5"]


def table(kinds, n=700):
    """Returns a frame with a column for each kind, and numbers."""
    rng = np.random.RandomState(4)
    made = {
        "text": lambda: pandas.Categorical(rng.choice(TEXTS, n), categories=TEXTS),
        "many": lambda: pandas.Categorical(["c%d" % i for i in rng.randint(0, 90, size=n)]),
        "ints": lambda: pandas.Categorical(rng.choice([10, 3, -7, 400, 5], n)),
        "floats": lambda: pandas.Categorical(rng.choice([0.5, -1.25, 3.0, 1e6], n)),
        "flags": lambda: pandas.Categorical(rng.choice([True, False], n)),
        "mixed": lambda: pandas.Categorical(np.array(["x", 1, 2.5, "1"], dtype=object)[rng.randint(4, size=n)],
                                            categories=["x", 1, 2.5, "1"]),
        "one": lambda: pandas.Categorical(["one"] * n),
    }
    frame = {"a": rng.normal(size=n)}
    for kind in kinds:
        frame[kind] = made[kind]()
    frame["b"] = np.where(rng.uniform(size=n) < 0.2, np.nan, rng.normal(size=n))
    frame = pandas.DataFrame(frame)
    y = frame["a"].to_numpy() + sum(np.sin(frame[k].cat.codes.to_numpy() * (i + 2.0)) for i, k in enumerate(kinds))
    for kind in kinds[:2]:
        frame.loc[rng.uniform(size=n) < 0.1, kind] = np.nan
    return frame, y


def questions(frame, kinds, commit):
    """Returns rows of objects, and what the library is asked: the same as categories of their own."""
    rng = np.random.RandomState(5)
    n = 40 if commit else 600
    cells = np.empty((n, frame.shape[1]), dtype=object)
    for j, name in enumerate(frame.columns):
        column = frame[name]
        known = list(column.cat.categories) if name in kinds else None
        texts = known is not None and all(isinstance(v, str) for v in known)
        other = ["unseen", "RED", "red "] if texts else [77.0, -1.0, 0.0, 1.0, np.nan]
        if name == "flags":
            other = [np.nan]  # true and false are 1 and 0 for weir, not for pandas
        if name == "mixed":
            other += ["2.5", "y", 5.0]
        for i in range(n):
            if known is None:
                cells[i, j] = float(column.iloc[rng.randint(len(column))])
                if rng.randint(12) == 0:
                    cells[i, j] = (np.nan, np.inf, -np.inf, 1e300)[rng.randint(4)]
            elif rng.randint(6):
                cells[i, j] = known[rng.randint(len(known))]
            else:
                cells[i, j] = (other + [None if texts or name == "mixed" else np.nan])[rng.randint(len(other) + 1)]
    asked = {}
    for j, name in enumerate(frame.columns):
        if name in kinds:
            values = [None if v is None or v != v else v for v in cells[:, j]]
            seen = list(dict.fromkeys(v for v in values if v is not None))
            if "mixed" != name and not any(isinstance(v, str) for v in seen):
                number = bool if name == "flags" else float
                values = [None if v is None else number(v) for v in values]
                seen = [number(v) for v in seen]
                seen = list(dict.fromkeys(seen))
            asked[name] = pandas.Categorical(values, categories=seen)
        else:
            asked[name] = cells[:, j].astype(np.float64)
    return cells, pandas.DataFrame(asked)


class Frame(case_kinds.Recorded):
    """A model of a frame with columns of some kinds. how: "txt", "pickle" (a wrapper), "booster" (pickled)."""

    def __init__(self, ident, kinds, how="txt", commit=False, **params):
        super().__init__(ident, "lightgbm", self.record, commit)
        self.kinds, self.how, self.params = kinds, how, params

    def record(self, stem):
        frame, y = table(self.kinds)
        cells, asked = questions(frame, self.kinds, self.commit)
        has_text = any(k in ("text", "many", "mixed", "one") for k in self.kinds)
        kind = "df" if has_text else "f8"
        ref = {"X": refs.Cells(cells) if has_text else cells.astype(np.float64), "version": np.array([""]),
               "features": np.array(list(frame.columns))}
        if self.how == "pickle":
            est = lgb.LGBMClassifier(n_estimators=10, **{k: v for k, v in PARAMS.items() if k != "num_threads"}, n_jobs=1)
            est.fit(frame, np.where(y > np.median(y), "yes", "no"))
            with open(stem + ".pkl", "wb") as f:
                pickle.dump(est, f, protocol=4)
            ref["classes_0"] = np.asarray(est.classes_)
            ref[kind + ".predict"] = np.asarray(est.predict(asked))
            ref[kind + ".predict_proba"] = est.predict_proba(asked)
            ref[kind + ".decision_function"] = est.predict(asked, raw_score=True)
            ref[kind + ".leaf"] = np.asarray(est.predict(asked, pred_leaf=True)).reshape(len(asked), -1)
            return {**ref, "tol.predict_proba": np.array(["ulp:2"])}
        bst = lgb.train({**PARAMS, **self.params}, lgb.Dataset(frame, label=y), 10)
        if self.how == "booster":
            with open(stem + ".pkl", "wb") as f:
                pickle.dump(bst, f)
        else:
            bst.save_model(stem + ".txt")
        ref[kind + ".predict"] = bst.predict(asked)
        ref[kind + ".leaf"] = np.asarray(bst.predict(asked, pred_leaf=True)).reshape(len(asked), -1)
        return {**ref, **tolerance(header(bst, "objective"))}


def cases():
    yield Frame("texts", ["text", "many"], commit=True)
    yield Frame("texts_one", ["text", "one"])
    yield Frame("ints", ["ints"], commit=True)
    yield Frame("ints_text", ["ints", "text"])
    yield Frame("floats_flags", ["floats", "flags"])
    yield Frame("flags_many", ["flags", "many"], "booster")
    yield Frame("mixed", ["mixed", "text"])
    yield Frame("wrapper", ["text", "ints", "flags"], "pickle", commit=True)
    yield Frame("wrapper_ints", ["ints", "floats"], "pickle")
    yield Frame("rf", ["text", "many"], boosting="rf", bagging_freq=1, bagging_fraction=0.7)
