# SPDX-License-Identifier: MIT
"""Data frames with category columns, whose values the model file holds from 3.1 on."""
import pickle

import numpy as np
import pandas
import xgboost as xgb

import cases as case_kinds
import refs

from . import VERSION

TEXTS = ["red", "green", "blue", "grey", "", "a \"quoted\" one", "5"] + (["\u00fcber"] if VERSION >= (3, 4) else [])


def table(kinds, n=700):
    rng = np.random.RandomState(4)
    made = {
        "text": lambda: pandas.Categorical(rng.choice(TEXTS, n), categories=TEXTS),
        "many": lambda: pandas.Categorical(["c%d" % i for i in rng.randint(0, 90, size=n)]),
        "ints": lambda: pandas.Categorical(rng.choice([10, 3, -7, 400, 5], n)),
        "bytes": lambda: pandas.Categorical(rng.choice(np.array([1, 200, 255, 3], dtype=np.uint8), n)),
    }
    frame = {"a": rng.normal(size=n)}
    for kind in kinds:
        frame[kind] = made[kind]()
    frame["b"] = np.where(rng.uniform(size=n) < 0.2, np.nan, rng.normal(size=n))
    frame = pandas.DataFrame(frame)
    y = frame["a"].to_numpy() + sum(np.sin(frame[k].cat.codes.to_numpy() * (i + 2.0)) for i, k in enumerate(kinds))
    for kind in kinds[:1]:
        frame.loc[rng.uniform(size=n) < 0.1, kind] = np.nan
    return frame, y


def cells_of(frame):
    cells = frame.astype(object).to_numpy(dtype=object)
    for j, name in enumerate(frame.columns):
        for i in range(len(cells)):
            v = cells[i, j]
            if v is not None and not isinstance(v, str):
                cells[i, j] = float(v)
                if v != v and name in ("text", "many"):
                    cells[i, j] = None
    return cells


class Frame(case_kinds.Recorded):
    """A model of a frame with columns of some kinds. how: "json", "ubj", "pickle" (a wrapper)."""

    def __init__(self, ident, kinds, how="json", commit=False, **params):
        super().__init__(ident, "xgboost", self.record, commit)
        self.kinds, self.how, self.params = kinds, how, params

    def record(self, stem):
        frame, y = table(self.kinds)
        rng = np.random.RandomState(5)
        n = 40 if self.commit else 600
        asked = pandas.DataFrame({c: frame[c].iloc[rng.randint(len(frame), size=n)].array for c in frame.columns})
        has_text = any(k in ("text", "many") for k in self.kinds)
        kind = "df" if has_text else "f8"
        cells = cells_of(asked)
        ref = {"X": refs.Cells(cells) if has_text else cells.astype(np.float64), "version": np.array([xgb.__version__]),
               "features": np.array(list(frame.columns))}
        if self.how == "pickle":
            est = xgb.XGBClassifier(n_estimators=10, max_depth=4, n_jobs=1, enable_categorical=True, **self.params)
            est.fit(frame, (y > np.median(y)).astype(int))
            with open(stem + ".pkl", "wb") as f:
                pickle.dump(est, f, protocol=4)
            ref[kind + ".predict"] = np.asarray(est.predict(asked))
            ref[kind + ".predict_proba"] = est.predict_proba(asked)
            ref[kind + ".decision_function"] = est.predict(asked, output_margin=True)
            ref[kind + ".leaf"] = np.asarray(est.apply(asked), dtype=np.float64).reshape(n, -1)
            ref["tol.predict_proba"] = np.array(["ulp:2"])
            bst = est.get_booster()
        else:
            bst = xgb.train({"max_depth": 5, "nthread": 1, "seed": 3, **self.params},
                            xgb.DMatrix(frame, y, enable_categorical=True), 10)
            bst.save_model(stem + "." + self.how)
            d = xgb.DMatrix(asked, enable_categorical=True)
            ref[kind + ".predict"] = bst.predict(d)
            ref[kind + ".leaf"] = np.asarray(bst.predict(d, pred_leaf=True), dtype=np.float64).reshape(n, -1)
        bad, refused = [], []
        for i in range(12):
            if VERSION < (3, 4) and self.kinds[i % len(self.kinds)] in ("ints", "bytes"):
                continue  # answers some unseen numbers as if they were another category; weir refuses them
            row = asked.iloc[[i]].copy()
            name = self.kinds[i % len(self.kinds)]
            if i % 3:
                known = asked[name].cat.categories
                value = "unseen" if known.dtype == object else np.asarray([77], dtype=known.dtype)[0]
                row[name] = pandas.Categorical(pandas.Index([value], dtype=known.dtype))
            try:
                bst.inplace_predict(row)
                refused.append(False)
            except xgb.core.XGBoostError:
                refused.append(True)
            bad.append(cells_of(row))
        if bad:
            bad = np.concatenate(bad)
            ref[kind + ".bad.X"] = refs.Cells(bad) if has_text else bad.astype(np.float64)
            ref[kind + ".bad.refused"] = np.array(refused)
        return ref


def cases():
    if VERSION < (3, 1):
        return
    yield Frame("texts", ["text", "many"], commit=VERSION >= (3, 4))
    yield Frame("texts_onehot", ["text"], "ubj", max_cat_to_onehot=20)
    yield Frame("texts_sets", ["text", "many"], "ubj", max_cat_to_onehot=1)
    yield Frame("ints", ["ints"])
    yield Frame("ints_text", ["ints", "text"], "ubj", commit=VERSION >= (3, 4))
    yield Frame("bytes", ["bytes", "many"])
    yield Frame("wrapper", ["text", "ints"], "pickle", commit=VERSION >= (3, 4))
