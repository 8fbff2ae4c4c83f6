# SPDX-License-Identifier: MIT
"""Single trees."""
from sklearn.tree import (DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier,
                          ExtraTreeRegressor)

from cases import Case
from cases.sklearn import IRIS_NAMES, VERSION


def leaf(est, X):
    return est.apply(X).reshape(len(X), 1)


def cases():
    cls = (("dtc", DecisionTreeClassifier), ("etc1", ExtraTreeClassifier))
    reg = (("dtr", DecisionTreeRegressor), ("etr1", ExtraTreeRegressor))
    for name, make in cls:
        yield Case(name + "_bc", "tree", lambda m=make: m(random_state=1), "breast_cancer",
                   commit=name == "dtc")
        yield Case(name + "_iris", "tree", lambda m=make: m(random_state=1), "iris", commit=True,
                   labels=IRIS_NAMES.__getitem__)
        yield Case(name + "_multi", "tree", lambda m=make: m(max_depth=4, random_state=1), "wine_multi",
                   commit=name == "dtc", save="joblib")
        yield Case(name + "_wine_depth2", "tree", lambda m=make: m(max_depth=2, random_state=1), "wine", fit="f4")
        yield Case(name + "_entropy", "tree", lambda m=make: m(criterion="entropy", random_state=1), "digits", leaf=leaf)
    yield Case("dtc_weighted", "tree", lambda: DecisionTreeClassifier(max_depth=3, class_weight="balanced",
                                                                      random_state=1), "wine", commit=True)
    yield Case("dtc_root", "tree", lambda: DecisionTreeClassifier(max_depth=1, max_leaf_nodes=2,
                                                                  min_samples_leaf=60), "iris")
    for name, make in reg:
        yield Case(name + "_diabetes", "tree", lambda m=make: m(max_depth=5, random_state=1), "diabetes",
                   commit=name == "dtr", leaf=leaf)
        yield Case(name + "_2", "tree", lambda m=make: m(max_depth=5, random_state=1), "diabetes2", save="joblib")
        yield Case(name + "_abs", "tree", lambda m=make: m(criterion="absolute_error", max_depth=3, random_state=1),
                   "diabetes", commit=name == "dtr")
        yield Case(name + "_fried", "tree", lambda m=make: m(criterion="friedman_mse", max_depth=3, random_state=1),
                   "diabetes")
    # Infinite thresholds and learnt directions come from data with gaps, where the library can fit it.
    if VERSION >= (1, 3):
        yield Case("dtc_nan", "tree", lambda: DecisionTreeClassifier(random_state=1), "wine", nan=0.15, commit=True)
        yield Case("dtr_nan", "tree", lambda: DecisionTreeRegressor(max_depth=6, random_state=1), "diabetes", nan=0.15)
    if VERSION >= (1, 6):
        yield Case("etc1_nan", "tree", lambda: ExtraTreeClassifier(random_state=1), "wine", nan=0.15)
