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
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (AdaBoostClassifier, BaggingClassifier, GradientBoostingClassifier,
                              HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier,
                              StackingClassifier, VotingClassifier)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain
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


def ensembles():
    cls = lambda **kw: tree(**kw)
    bag = BaggingClassifier(cls(), n_estimators=2, random_state=0).fit(X, Y)
    bag.estimators_features_[1] = np.array([0, 1, 2, 9])
    save("bagging_column_far", bag, "corrupt", "column 9 is out of range")
    vote = VotingClassifier([("a", cls()), ("b", cls())], weights=[1, 2]).fit(X, Y)
    save("voting_weights_short", changed(vote, weights=[1.0]), "invalid", "2 finite weights")
    stack = StackingClassifier([("a", cls()), ("b", cls())], cls(), cv=2).fit(X, Y)
    save("stacking_method_unknown", changed(stack, stack_method_=["predict", "score"]), "unsupported", "method")
    save("stacking_widths", changed(stack, stack_method_=["predict_proba", "predict"]), "invalid", "give 4 columns")
    Y2 = np.column_stack([Y == 0, Y == 1]).astype(int)
    chain = ClassifierChain(cls()).fit(X, Y2)
    save("chain_order_twice", changed(chain, order_=[0, 0]), "corrupt", "no order")
    rest = OneVsRestClassifier(cls()).fit(X, Y)
    rest.estimators_ = rest.estimators_[:2]
    save("one_vs_rest_short", rest, "corrupt", "2 parts for 3 classes")
    gb = lambda: GradientBoostingClassifier(n_estimators=2, random_state=0).fit(X, Y)
    save("boosting_rate_nan", changed(gb(), learning_rate=np.nan), "corrupt", "learning_rate")
    save("boosting_loss_unknown", changed(gb(), loss="mine"), "unsupported", "loss")
    hist = lambda: HistGradientBoostingClassifier(max_iter=2).fit(X, Y)
    model = hist()
    model._predictors[0][0].nodes["left"][0] = 0
    save("hist_child_cycle", model, "corrupt", "two parents")
    model = hist()
    model._predictors[1] = model._predictors[1][:2]
    save("hist_trees_short", model, "corrupt", "2 trees, not 3")
    save("hist_baseline_short", changed(hist(), _baseline_prediction=np.zeros((1, 2))), "corrupt",
         "_baseline_prediction")
    cal = CalibratedClassifierCV(cls(), cv=2, method="isotonic").fit(X, Y)
    curve = cal.calibrated_classifiers_[0].calibrators[0]
    curve.X_thresholds_ = curve.X_thresholds_[::-1].copy()
    save("isotonic_backwards", cal, "corrupt", "is not after")
    target = TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1).fit(X, Y)
    target.transformer_.inverse_func = np.float64
    save("target_function_unknown", target, "unsupported", "numpy.float64 is not known")
    ada = AdaBoostClassifier(cls(), n_estimators=2).fit(X, Y)
    save("ada_weights_short", changed(ada, estimator_weights_=np.ones(1)), "corrupt", "estimator_weights_")
    iso = IsolationForest(n_estimators=2, max_features=0.5, random_state=0).fit(X)
    iso.estimators_features_ = [np.array([0, -1])] * 2
    save("isolation_column_negative", iso, "corrupt", "column -1 is out of range")


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
    ensembles()
    with open(os.path.join(sys.argv[1], "expected.txt"), "w") as f:
        f.writelines(lines)


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    main()
