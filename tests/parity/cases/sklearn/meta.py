# SPDX-License-Identifier: MIT
"""Estimators made of estimators: votes, stacks, bagging, several targets, one against the rest."""
import numpy as np
from sklearn.ensemble import (BaggingClassifier, BaggingRegressor, ExtraTreesClassifier, RandomForestClassifier,
                              RandomForestRegressor, StackingClassifier, StackingRegressor, VotingClassifier,
                              VotingRegressor)
from sklearn.feature_selection import RFE, RFECV
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from cases import Case
from cases.sklearn import IRIS_NAMES, VERSION
import data

# Scores of linear members pass through sums and exp: their own differences, and no more.
NEAR = "rel:1e-11 abs:1e-11"
NEAR_F4 = {"": NEAR, "f4": "rel:2e-5 abs:2e-5"}
TEXT = IRIS_NAMES.__getitem__


def tree(depth=3, **kw):
    return DecisionTreeClassifier(max_depth=depth, random_state=1, **kw)


def treer(depth=3):
    return DecisionTreeRegressor(max_depth=depth, random_state=1)


def lr(**kw):
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200, **kw))


def f64(est, X, name):
    """Votes are answered as whole numbers there, as floats here."""
    return np.asarray(getattr(est, name)(X), dtype=np.float64) if name == "transform" else getattr(est, name)(X)


def votes():
    three = lambda: [("a", tree()), ("b", tree(2)), ("c", ExtraTreesClassifier(5, max_depth=4, random_state=1))]
    mixed = lambda: [("a", tree()), ("b", lr()), ("c", "drop"), ("d", lr(C=0.1))]
    yield Case("vote_soft", "forest", lambda: VotingClassifier(three(), voting="soft"), "iris", labels=TEXT,
               commit=True)
    yield Case("vote_soft_w", "forest", lambda: VotingClassifier(three(), voting="soft", weights=[1, 0.3, 2.5]),
               "wine", save="joblib")
    yield Case("vote_soft_lr", "forest", lambda: VotingClassifier(mixed(), voting="soft", weights=[1, 2, 7, 0.5]),
               "breast_cancer", tolerance=NEAR_F4, fit="df")
    yield Case("vote_soft_3d", "forest", lambda: VotingClassifier(three(), voting="soft", flatten_transform=False),
               "iris", without=("transform",))
    yield Case("vote_soft_f4", "forest", lambda: VotingClassifier([("a", lr()), ("b", lr(C=0.01))], voting="soft"),
               "wine", tolerance=NEAR_F4, fit="f4")
    yield Case("vote_hard", "forest", lambda: VotingClassifier(three()), "iris", labels=TEXT, predict=f64, commit=True)
    yield Case("vote_hard_w", "forest", lambda: VotingClassifier(three(), weights=[0.5, 1.25, 0.75]), "digits",
               predict=f64, save="joblib_zlib")
    yield Case("vote_hard_lr", "forest", lambda: VotingClassifier(mixed()), "wine", predict=f64)
    yield Case("voter", "forest", lambda: VotingRegressor([("a", treer()), ("b", treer(5)), ("c", RandomForestRegressor(
        5, max_depth=4, random_state=1))]), "diabetes", commit=True)
    yield Case("voter_w", "forest", lambda: VotingRegressor([("a", treer()), ("b", Ridge()), ("c", "drop")],
                                                            weights=[3, 1.5, 2]), "diabetes", tolerance=NEAR_F4)
    yield Case("voter_f4", "forest", lambda: VotingRegressor([("a", LinearRegression()), ("b", Ridge())]), "diabetes",
               tolerance=NEAR_F4, fit="f4")


def bags():
    bag = lambda base, cls=BaggingClassifier, **kw: cls(base, **{"n_estimators": 7, "random_state": 3, **kw})
    yield Case("bagc", "forest", lambda: bag(tree()), "iris", labels=TEXT, commit=True)
    yield Case("bagc_cols", "forest", lambda: bag(tree(), max_features=0.5), "wine", commit=True)
    yield Case("bagc_boot", "forest", lambda: bag(tree(), max_features=0.7, bootstrap_features=True), "wine",
               save="joblib")
    yield Case("bagc_few", "forest", lambda: bag(tree(), max_samples=4, n_estimators=20), "digits")
    yield Case("bagc_many", "forest", lambda: bag(tree(None), n_estimators=60), "breast_cancer", fit="df",
               save="joblib_gzip")
    yield Case("bagc_lr", "forest", lambda: bag(lr(), max_features=0.8), "wine", tolerance=NEAR_F4)
    yield Case("bagc_lr_f4", "forest", lambda: bag(LogisticRegression(max_iter=3000)), "iris", tolerance=NEAR_F4,
               fit="f4")
    yield Case("bagc_vote", "forest", lambda: bag(VotingClassifier([("a", tree()), ("b", tree(2))])), "iris")
    yield Case("bagr", "forest", lambda: bag(treer(), BaggingRegressor), "diabetes", commit=True)
    yield Case("bagr_cols", "forest", lambda: bag(treer(6), BaggingRegressor, max_features=4), "diabetes")
    yield Case("bagr_2", "forest", lambda: bag(treer(6), BaggingRegressor), "diabetes2", save="joblib")
    yield Case("bagr_ridge", "forest", lambda: bag(Ridge(), BaggingRegressor, max_features=0.6), "diabetes",
               tolerance=NEAR_F4, fit="f4")
    if VERSION >= (1, 3):
        yield Case("bagc_nan", "forest", lambda: bag(tree(5)), "wine", nan=0.15, commit=True)
        yield Case("bagr_nan", "forest", lambda: bag(treer(5), BaggingRegressor, max_features=0.5), "diabetes",
                   nan=0.15)


def stacks():
    parts = lambda: [("t", tree()), ("f", RandomForestClassifier(5, max_depth=3, random_state=1)), ("l", lr())]
    trees = lambda: [("t", tree()), ("f", RandomForestClassifier(5, max_depth=3, random_state=1))]
    yield Case("stack_iris", "forest", lambda: StackingClassifier(trees(), tree(4), cv=3), "iris", labels=TEXT,
               commit=True)
    yield Case("stack_bc", "forest", lambda: StackingClassifier(trees(), tree(4), cv=3, passthrough=True),
               "breast_cancer", fit="df", save="joblib")
    yield Case("stack_lr", "forest", lambda: StackingClassifier(parts(), LogisticRegression(), cv=3), "wine",
               tolerance=NEAR_F4)
    yield Case("stack_lr_bc", "forest", lambda: StackingClassifier(parts(), LogisticRegression(), cv=3),
               "breast_cancer", tolerance=NEAR_F4)
    yield Case("stack_predict", "forest", lambda: StackingClassifier(trees(), tree(4), cv=3, stack_method="predict"),
               "iris", labels=TEXT, predict=f64)
    if VERSION >= (1, 1):
        def prefit():
            from sklearn.datasets import load_iris
            X, y = load_iris(return_X_y=True)
            return StackingClassifier([("t", tree().fit(X, y)), ("d", tree(2).fit(X, y))], tree(4), cv="prefit",
                                      stack_method="predict")
        yield Case("stack_prefit", "forest", prefit, "iris", predict=f64)
    yield Case("stackr", "forest", lambda: StackingRegressor([("a", treer()), ("b", treer(5))], treer(4), cv=3),
               "diabetes", commit=True)
    yield Case("stackr_ridge", "forest", lambda: StackingRegressor([("a", treer()), ("b", Ridge()), ("c", "drop")],
                                                                   Ridge(), cv=3, passthrough=True), "diabetes",
               tolerance=NEAR_F4)
    yield Case("stackr_f4", "forest", lambda: StackingRegressor([("a", LinearRegression()), ("b", Ridge())],
                                                                Ridge(), cv=3), "diabetes", tolerance=NEAR_F4, fit="f4")


def labels3():
    X, y, names = data.load("wine")
    return X, np.column_stack([y == 0, X[:, 0] > np.median(X[:, 0]), y > 0]).astype(int), names


def labels3_text():
    X, Y, names = labels3()
    return X, np.array(["no", "yes"], dtype=object)[Y], names


def constant_label():
    X, Y, names = labels3()
    Y[:, 1] = 1
    Y[:, 2] = 0
    return X, Y, names


def multi():
    yield Case("moc", "forest", lambda: MultiOutputClassifier(tree()), "wine_multi", commit=True)
    yield Case("moc_text", "forest", lambda: MultiOutputClassifier(tree()), labels3_text, save="joblib")
    yield Case("moc_lr", "forest", lambda: MultiOutputClassifier(lr()), labels3, tolerance=NEAR_F4, fit="f4")
    yield Case("mor", "forest", lambda: MultiOutputRegressor(treer()), "diabetes2", commit=True)
    yield Case("mor_f4", "forest", lambda: MultiOutputRegressor(Ridge()), "diabetes2", tolerance=NEAR_F4, fit="f4")
    yield Case("cchain", "forest", lambda: ClassifierChain(tree(), order=[2, 0, 1]), labels3, commit=True)
    yield Case("cchain_lr", "forest", lambda: ClassifierChain(lr(), order="random", random_state=2), labels3,
               tolerance=NEAR_F4, fit="f4")
    if VERSION >= (1, 5):
        yield Case("cchain_proba", "forest", lambda: ClassifierChain(lr(), chain_method="predict_proba"), labels3,
                   tolerance=NEAR_F4)
        yield Case("cchain_decision", "forest", lambda: ClassifierChain(lr(), cv=3, chain_method="decision_function"),
                   labels3, tolerance=NEAR_F4)
    yield Case("rchain", "forest", lambda: RegressorChain(treer(5), order=[1, 0]), "diabetes2", commit=True)
    yield Case("rchain_ridge", "forest", lambda: RegressorChain(Ridge()), "diabetes2", tolerance=NEAR_F4, fit="f4")


def rests():
    yield Case("ovr_tree", "forest", lambda: OneVsRestClassifier(tree()), "iris", labels=TEXT, commit=True)
    yield Case("ovr_lr", "forest", lambda: OneVsRestClassifier(lr()), "digits", tolerance=NEAR_F4, save="joblib")
    yield Case("ovr_bc", "forest", lambda: OneVsRestClassifier(tree()), "breast_cancer")
    yield Case("ovr_bc_lr", "forest", lambda: OneVsRestClassifier(lr()), "breast_cancer", tolerance=NEAR_F4)
    yield Case("ovr_ridge", "forest", lambda: OneVsRestClassifier(Ridge()), "wine", tolerance=NEAR_F4)
    yield Case("ovr_multi", "forest", lambda: OneVsRestClassifier(tree()), labels3, commit=True)
    yield Case("ovr_multi_lr", "forest", lambda: OneVsRestClassifier(lr()), labels3, tolerance=NEAR_F4)
    yield Case("ovr_const", "forest", lambda: OneVsRestClassifier(tree()), constant_label)
    yield Case("ovr_lr_f4", "forest", lambda: OneVsRestClassifier(LogisticRegression(max_iter=3000)), "iris",
               tolerance=NEAR_F4, fit="f4")
    yield Case("ovo_tree", "forest", lambda: OneVsOneClassifier(tree()), "iris", labels=TEXT, commit=True,
               tolerance="ulp:1")
    yield Case("ovo_lr", "forest", lambda: OneVsOneClassifier(lr()), "digits", tolerance=NEAR_F4, save="joblib")
    yield Case("ovo_bc", "forest", lambda: OneVsOneClassifier(lr()), "breast_cancer", tolerance=NEAR_F4)
    yield Case("code_lr", "forest", lambda: OutputCodeClassifier(lr(), code_size=2, random_state=1), "digits")
    yield Case("code_tree", "forest", lambda: OutputCodeClassifier(tree(4), code_size=3, random_state=1), "iris",
               labels=TEXT, commit=True)
    yield Case("selftrain", "forest", lambda: SelfTrainingClassifier(tree()), "iris", commit=True)
    yield Case("selftrain_lr", "forest", lambda: SelfTrainingClassifier(lr()), "wine", tolerance=NEAR_F4)
    if VERSION >= (1, 6):
        from sklearn.frozen import FrozenEstimator

        def frozen():
            from sklearn.datasets import load_iris
            return FrozenEstimator(tree().fit(*load_iris(return_X_y=True)))
        yield Case("frozen", "forest", frozen, "iris", commit=True)


def eliminations():
    yield Case("rfe", "forest", lambda: RFE(tree(), n_features_to_select=4), "wine", labels=TEXT, commit=True)
    yield Case("rfe_lr", "forest", lambda: RFE(LogisticRegression(max_iter=3000), n_features_to_select=2), "iris",
               tolerance=NEAR_F4)
    yield Case("rfecv_r", "forest", lambda: RFECV(treer(), cv=3), "diabetes")
    yield Case("rfe_step", "forest", lambda: make_pipeline(RFE(tree(), n_features_to_select=4), tree()), "wine")


def cases():
    for group in (votes, bags, stacks, multi, rests, eliminations):
        yield from group()
