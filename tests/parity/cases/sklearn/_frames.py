# SPDX-License-Identifier: MIT
"""Tables of numbers and texts, with gaps, that the modules of encoders share."""
import numpy as np
import pandas

CITIES = ["Zürich", "ams", "ber", "cph", "東京", "osl", ""]


def table(n=300, gaps=None, seed=4):
    """Returns a data frame of numbers, texts and truth values, and whether a row is of the second class. gaps: what
    stands in a tenth of the cells of the columns `age` and `city`: NaN, None or nothing."""
    rng = np.random.RandomState(seed)
    frame = pandas.DataFrame({
        "age": rng.randint(18, 90, n).astype(float),
        "city": rng.choice(np.array(CITIES, dtype=object), n, p=[.3, .2, .2, .1, .1, .05, .05]),
        "income": rng.gamma(2.0, 20000.0, n).round(2),
        "rooms": rng.randint(1, 6, n),
        "ok": rng.uniform(size=n) < 0.4,
        "size": rng.choice(np.array(["S", "M", "L"], dtype=object), n)})
    y = ((frame["age"] > 50) ^ (frame["size"] == "M")).to_numpy().astype(int)
    if gaps is not None:
        frame["city"] = frame["city"].astype(object)
        for column in ("age", "city"):
            at = rng.uniform(size=n) < 0.1
            frame.loc[at, column] = np.nan if column == "age" else gaps
        if gaps is None or gaps != gaps:
            return frame, y
        frame["city"] = [None if v is None or v != v else v for v in frame["city"]]
    return frame, y


def texts(gaps=False):
    """Returns only the columns of texts, and the class."""
    frame, y = table(gaps=np.nan if gaps else None)
    return frame[["city", "size"]], y


def with_value(column, *values):
    """Returns a function of a table: its first rows with other values in a column."""
    def rows(X):
        out = X.iloc[[0] * len(values)].copy().reset_index(drop=True)
        out[column] = pandas.array(list(values), dtype=object) if X[column].dtype == object or any(
            isinstance(v, str) for v in values) else np.array(values, dtype=float)
        return out
    return rows
