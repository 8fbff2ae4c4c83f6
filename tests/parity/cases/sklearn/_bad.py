# SPDX-License-Identifier: MIT
"""Writes models that must be refused, and what the refusal must say: _bad.py OUT   # made by 1.6.1

Real estimators, fitted and then tampered with. OUT/expected.txt has one line for each file: its name, a tab, the
status, a tab, and text that the message must hold.
"""
import os
import pickle
import sys

import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.cluster import SpectralClustering
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

X, Y = load_iris(return_X_y=True)
lines = []


def save(name, model, status, message):
    with open(os.path.join(sys.argv[1], name + ".pkl"), "wb") as f:
        pickle.dump(model, f, protocol=4)
    lines.append("%s.pkl\t%s\t%s\n" % (name, status, message))


def changed(model, **attributes):
    for name, value in attributes.items():
        if value is None:
            delattr(model, name)
        else:
            setattr(model, name, value)
    return model


class Tampered:
    """Pickles as another tree, with changed arguments or state."""

    def __init__(self, tree, args=None, **state):
        self.tree, self.args, self.state = tree, args, state

    def __reduce__(self):
        fn, args, state = self.tree.__reduce__()
        return fn, self.args or args, {**state, **self.state}


def with_nodes(tree, field, index, value):
    state = tree.__getstate__()
    nodes = state["nodes"].copy()
    nodes[field][index] = value
    return Tampered(tree, nodes=nodes)


def tree(**kw):
    return DecisionTreeClassifier(max_depth=2, random_state=0, **kw).fit(X, Y)


def save_tree(name, tampered, message):
    model = tree()
    model.tree_ = tampered(model.tree_)
    save(name, model, "corrupt", message)


def main():
    lr = lambda: LogisticRegression(max_iter=200).fit(X, Y)
    reg = lambda: LinearRegression().fit(X, X[:, 0] * 2)
    save("unknown_class", SpectralClustering().fit(X[:12]), "unsupported", "SpectralClustering is not supported yet")
    save("unknown_in_pipeline", make_pipeline(StandardScaler(), SpectralClustering()).fit(X[:12]), "unsupported",
         "steps[1].SpectralClustering: SpectralClustering is not supported yet")
    save("not_fitted", LogisticRegression(), "invalid", "coef_")
    save("no_refit", GridSearchCV(LogisticRegression(max_iter=200), {"C": [1.0]}, refit=False).fit(X, Y),
         "unsupported", "best_estimator_")
    save("two_estimators", {"a": reg(), "b": reg()}, "unsupported", "2 estimators")
    save("no_estimator", {"a": [1, 2.5, "x"]}, "unsupported", "without an estimator")
    save("classes_too_few", changed(lr(), classes_=np.array([0, 1])), "corrupt", "2 labels, expected 3")
    save("classes_mixed", changed(lr(), classes_=np.array([0, "a", 2.5], dtype=object)), "unsupported", "labels")
    save("coef_nan", changed(reg(), coef_=np.array([1.0, np.nan, 0.0, 0.0])), "corrupt", "NaN")
    save("coef_3d", changed(reg(), coef_=np.ones((1, 1, 4))), "invalid", "dimensions")
    save("coef_empty", changed(reg(), coef_=np.ones(0)), "invalid", "coef_")
    save("coef_text", changed(reg(), coef_="abc"), "invalid", "coef_")
    save("intercept_too_many", changed(reg(), intercept_=np.ones(3)), "invalid", "intercept_")
    save("features_differ", changed(reg(), n_features_in_=5), "corrupt", "fitted on 5 features")
    save("names_differ", changed(reg(), feature_names_in_=np.array(["a", "b"], dtype=object)), "corrupt",
         "2 names for 4 columns")
    save("multi_class_unknown", changed(lr(), multi_class="sometimes"), "unsupported", "multi_class")
    scaler = lambda: StandardScaler().fit(X)
    save("scale_zero", changed(scaler(), scale_=np.array([1.0, 0.0, 1.0, 1.0])), "corrupt", "zero")
    save("mean_short", changed(scaler(), mean_=np.ones(3)), "invalid", "mean_")
    save("range_empty", changed(MinMaxScaler(clip=True).fit(X), feature_range=(1, 1)), "corrupt", "feature_range")
    pipe = make_pipeline(StandardScaler(), LinearRegression()).fit(X, Y)
    pipe.steps[0] = ("standardscaler", StandardScaler().fit(X[:, :3]))
    save("widths_differ", pipe, "invalid", "gives 3 columns")
    save("pipeline_empty", Pipeline([("a", "passthrough")]).fit(X), "unsupported", "no step does anything")
    pipe = make_pipeline(StandardScaler(), LinearRegression()).fit(X, Y)
    pipe.steps = [("a", reg()), ("b", reg())]
    save("step_transforms_nothing", pipe, "invalid", "does not transform")
    deep = reg()
    for _ in range(20):
        deep = Pipeline([("a", deep)])
    save("too_deep", deep, "limit", "nested deeper")
    inside = Pipeline([("a", None)])
    inside.steps = [("a", inside)]
    save("inside_itself", inside, "limit", "deep")

    save_tree("tree_child_cycle", lambda t: with_nodes(t, "left_child", 2, 0), "has two parents")
    save_tree("tree_child_far", lambda t: with_nodes(t, "right_child", 0, 99), "right child 99")
    save_tree("tree_one_child", lambda t: with_nodes(t, "left_child", 0, -1), "one child")
    save_tree("tree_feature_far", lambda t: with_nodes(t, "feature", 0, 4), "feature 4")
    save_tree("tree_feature_negative", lambda t: with_nodes(t, "feature", 0, -5), "feature -5")
    save_tree("tree_threshold_nan", lambda t: with_nodes(t, "threshold", 0, np.nan), "threshold is NaN")
    values = lambda t: t.__getstate__()["values"]
    save_tree("tree_values_short", lambda t: Tampered(t, values=values(t)[:-1]), "values are not")
    save_tree("tree_values_nan", lambda t: Tampered(t, values=values(t) * np.nan), "NaN")
    save_tree("tree_values_neither", lambda t: Tampered(t, values=values(t) * 7.5), "neither counts nor fractions")
    save_tree("tree_args_features", lambda t: Tampered(t, (9, np.array([3]), 1)), "made for 9 features")
    save_tree("tree_args_classes", lambda t: Tampered(t, (4, np.array([2]), 1)), "made for 2 classes")
    save_tree("tree_args_outputs", lambda t: Tampered(t, (4, np.array([3, 3]), 2)), "made for 2 outputs")
    forest = RandomForestClassifier(n_estimators=2, max_depth=2, random_state=0).fit(X, Y)
    save("forest_empty", changed(forest, estimators_=[]), "invalid", "no trees")
    forest = RandomForestClassifier(n_estimators=2, max_depth=2, random_state=0).fit(X, Y)
    forest.estimators_[1] = DecisionTreeRegressor(max_depth=1).fit(X[:, :2], Y)
    save("forest_foreign_tree", forest, "corrupt", "made for 2 features")
    with open(os.path.join(sys.argv[1], "expected.txt"), "w") as f:
        f.writelines(lines)


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    main()
