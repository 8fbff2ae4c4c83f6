# SPDX-License-Identifier: MIT
"""Trees and linear models that weir computes itself, against ONNX Runtime with one thread: bit for bit."""
import warnings

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn import ensemble, linear_model, pipeline, preprocessing, svm, tree

import cases as parity
import tensors

warnings.simplefilter("ignore")
ML = "ai.onnx.ml"


def data(n_classes=0, n=400, f=9, seed=1):
    rng = np.random.RandomState(seed)
    X = rng.randn(n, f).astype(np.float32)
    score = X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * rng.randn(n)
    if n_classes == 0:
        return X, score
    return X, np.digitize(score, np.quantile(score, np.linspace(0, 1, n_classes + 1)[1:-1]))


def thresholds(proto):
    """Returns (feature, threshold) of every test of a model's trees."""
    out = []
    for node in proto.graph.node:
        values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if "nodes_values" in values:
            out += [(f, t) for f, t, m in zip(values["nodes_featureids"], values["nodes_values"],
                                              values["nodes_modes"]) if m != b"LEAF"]
    return out


def questions(proto, f, n):
    """Returns rows: random ones, ones on thresholds and their neighbours, NaN, infinities, extremes."""
    rng = np.random.RandomState(7)
    X = (rng.randn(n, f) * rng.choice([1, 3], (n, 1))).astype(np.float32)
    tests = thresholds(proto)
    for i in range(n // 4 if tests else 0):
        for _ in range(3):
            j, t = tests[rng.randint(len(tests))]
            if j < f:
                X[i, j] = [t, np.nextafter(np.float32(t), np.float32(np.inf)),
                           np.nextafter(np.float32(t), np.float32(-np.inf))][rng.randint(3)]
    odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, 3e38, -3e38]
    for i in range(n // 4, n // 2):
        X[i, rng.randint(f)] = odd[rng.randint(len(odd))]
    return X


def recorded(ident, make, is_native=True, rel=0.0, commit=False, plain=False, name=None):
    """make(): a ModelProto. plain: rows without NaN and infinities."""

    def build(stem):
        proto = make()
        value = proto.graph.input[0]
        f = value.type.tensor_type.shape.dim[1].dim_value
        X = questions(proto, f, 48 if case.commit else 560)
        if plain:
            X = np.nan_to_num(np.clip(X, -9, 9))
        return tensors.record(stem, proto, [{value.name: X}, {value.name: X[:1]}], rel, True if is_native is False else None,
                              is_native=is_native)

    case = parity.Recorded(ident, "exact" if rel == 0.0 else "linear", build, commit)
    return case


def of(estimator, n_classes=0, labels=None, options=None, plain=False):
    def make():
        X, y = data(n_classes)
        y = labels[y] if labels is not None else y
        fitted = estimator().fit(X, y)
        return to_onnx(fitted, X[:1], options=options, target_opset={"": 17, ML: 3})
    return make


WORDS = np.array(["no", "ja", "vielleicht, „kaum“"])


def scikit():
    off = {"zipmap": False}
    raw = {"zipmap": False, "raw_scores": True}
    for k in (2, 3):
        yield recorded(f"forest_{k}", of(lambda: ensemble.RandomForestClassifier(12, max_depth=5, random_state=1), k),
                       commit=True)
        yield recorded(f"forest_{k}_tensor", of(lambda: ensemble.RandomForestClassifier(
            12, max_depth=5, random_state=1), k, options=off))
        yield recorded(f"forest_{k}_words", of(lambda: ensemble.RandomForestClassifier(
            7, max_depth=4, random_state=1), k, WORDS), commit=k == 3)
        yield recorded(f"extra_{k}", of(lambda: ensemble.ExtraTreesClassifier(9, random_state=2), k))
        yield recorded(f"tree_{k}", of(lambda: tree.DecisionTreeClassifier(max_depth=6, random_state=2), k))
        yield recorded(f"boosting_{k}", of(lambda: ensemble.GradientBoostingClassifier(
            n_estimators=15, random_state=1), k), commit=True)
        yield recorded(f"boosting_{k}_raw", of(lambda: ensemble.GradientBoostingClassifier(
            n_estimators=15, random_state=1), k, options=raw))
        yield recorded(f"logistic_{k}", of(lambda: linear_model.LogisticRegression(), k), rel=3e-6, plain=True,
                       commit=k == 3)
        yield recorded(f"logistic_{k}_words", of(lambda: linear_model.LogisticRegression(), k, WORDS), rel=3e-6,
                       plain=True)
        yield recorded(f"scaled_logistic_{k}", of(lambda: pipeline.make_pipeline(
            preprocessing.StandardScaler(), linear_model.LogisticRegression()), k), rel=3e-6, plain=True,
            commit=k == 2)
        yield recorded(f"scaled_forest_{k}", of(lambda: pipeline.make_pipeline(
            preprocessing.StandardScaler(), ensemble.RandomForestClassifier(6, max_depth=4, random_state=3)), k))
    yield recorded("forest_7", of(lambda: ensemble.RandomForestClassifier(10, max_depth=6, random_state=1), 7))
    yield recorded("boosting_exponential", of(lambda: ensemble.GradientBoostingClassifier(
        n_estimators=9, loss="exponential"), 2), is_native=False)
    yield recorded("boosting_zero", of(lambda: ensemble.GradientBoostingClassifier(
        n_estimators=9, init="zero"), 3))
    yield recorded("forest_regressor", of(lambda: ensemble.RandomForestRegressor(11, max_depth=6, random_state=1)),
                   commit=True)
    yield recorded("boosting_regressor", of(lambda: ensemble.GradientBoostingRegressor(n_estimators=21)))
    yield recorded("tree_regressor", of(lambda: tree.DecisionTreeRegressor(max_depth=7)))
    yield recorded("linear_regression", of(lambda: linear_model.LinearRegression()), rel=3e-6, plain=True, commit=True)
    yield recorded("scaled_ridge", of(lambda: pipeline.make_pipeline(
        preprocessing.StandardScaler(), linear_model.Ridge())), rel=1e-5, plain=True)

    def several():
        X, y = data()
        return to_onnx(ensemble.RandomForestRegressor(7, max_depth=5).fit(X, np.c_[y, -y, y * 2]), X[:1],
                       target_opset={"": 17, ML: 3})
    yield recorded("forest_regressor_3", several)


def converted(convert, fitted, f=9):
    proto = convert(fitted, initial_types=[("features", FloatTensorType([None, f]))], target_opset=15)
    return proto


def xgboost_models():
    import xgboost
    from onnxmltools import convert_xgboost
    for k in (2, 3):
        def make(k=k):
            X, y = data(k)
            X = X.copy()
            X[::7, 2] = np.nan
            return converted(convert_xgboost, xgboost.XGBClassifier(n_estimators=12, max_depth=4).fit(X, y))
        yield recorded(f"xgboost_{k}", make, commit=True)

    def regress():
        X, y = data()
        return converted(convert_xgboost, xgboost.XGBRegressor(n_estimators=12, max_depth=4).fit(X, y))
    yield recorded("xgboost_regressor", regress, commit=True)


def lightgbm_models():
    import lightgbm
    from onnxmltools import convert_lightgbm
    for k in (2, 3):
        def make(k=k):
            X, y = data(k)
            X = X.copy()
            X[::7, 2] = np.nan
            return converted(convert_lightgbm, lightgbm.LGBMClassifier(n_estimators=12, num_leaves=9, verbose=-1).fit(
                X, y))
        yield recorded(f"lightgbm_{k}", make, commit=k == 2)

    def regress():
        X, y = data()
        return converted(convert_lightgbm, lightgbm.LGBMRegressor(n_estimators=12, num_leaves=9, verbose=-1).fit(X, y))
    yield recorded("lightgbm_regressor", regress)


def random_ensemble(seed):
    """A random ensemble: every mode, tracked missing values, bases, transforms, sparse leaves."""
    rng = np.random.RandomState(seed)
    f, n_trees = rng.randint(1, 7), rng.randint(1, 9)
    is_classifier = seed % 3 != 0
    k = rng.choice([1, 2, 3, 4]) if not is_classifier else rng.choice([2, 3, 5])
    kind = "class" if is_classifier else "target"
    style = rng.choice(["dense", "single", "sparse"])
    modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
    modes = modes if rng.rand() < 0.5 else [modes[rng.randint(6)]]
    a = {n: [] for n in ["nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values",
                         "nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true"]}
    leaves = {n: [] for n in ["treeids", "nodeids", "ids", "weights"]}
    low = 0.0 if rng.rand() < 0.3 else -1.0

    def leaf(t, i):
        own = list(range(k)) if style == "dense" else [0 if k <= 2 else t % k] if style == "single" else sorted(
            rng.choice(k, rng.randint(0, k + 1), replace=False))
        for c in own:
            for name, v in zip(["treeids", "nodeids", "ids", "weights"], [t, i, int(c), float(rng.uniform(low, 1))]):
                leaves[name].append(v)

    for t in range(n_trees):
        depth = rng.randint(0, 5)
        pending, n = [(0, depth)], 1
        while pending:
            i, d = pending.pop(0)
            is_leaf = d == 0 or (i > 0 and rng.rand() < 0.2)
            yes = no = 0
            if not is_leaf:
                yes, no = (n, n + 1) if rng.rand() < 0.7 else (n + 1, n)
                pending += [(n, d - 1), (n + 1, d - 1)]
                n += 2
            else:
                leaf(t, i)
            for name, v in zip(a, [t, i, int(rng.randint(f)), "LEAF" if is_leaf else modes[rng.randint(len(modes))],
                                   float(np.round(rng.randn(), 1)), yes, no, int(rng.rand() < 0.3)]):
                a[name].append(v)
    if rng.rand() < 0.4:
        del a["nodes_missing_value_tracks_true"]
    more = {f"{kind}_{n}": v for n, v in leaves.items()}
    if rng.rand() < 0.6:
        more["base_values"] = [float(v) for v in rng.randn(1 if k == 2 and is_classifier else k)]
    if is_classifier:
        more["classlabels_int64s"] = [int(v) for v in rng.permutation(20)[:k]]
        more["post_transform"] = str(rng.choice(["NONE", "LOGISTIC", "SOFTMAX"]))
    else:
        more.update(n_targets=int(k), aggregate_function=str(rng.choice(["SUM", "SUM", "AVERAGE"])))
    outputs = ["label", "scores"] if is_classifier else ["y"]
    node = helper.make_node("TreeEnsembleClassifier" if is_classifier else "TreeEnsembleRegressor", ["x"], outputs,
                            domain=ML, **a, **more)
    values = [helper.make_tensor_value_info("label", TensorProto.INT64, ["n"])] if is_classifier else []
    values.append(helper.make_tensor_value_info(outputs[-1], TensorProto.FLOAT, ["n", int(k)]))
    graph = helper.make_graph([node], "random", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", int(f)])],
                              values)
    model = helper.make_model(graph, producer_name="random", producer_version="1", opset_imports=[
        helper.make_opsetid("", 17), helper.make_opsetid(ML, 3)])
    model.ir_version = 8
    return model


def is_sound(proto):
    """Finds whether the runtime answers at all, and a row always the same: not where a leaf says nothing."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    X = questions(proto, session.get_inputs()[0].shape[1], 560)
    try:
        whole = session.run(None, {"x": X})
        alone = [session.run(None, {"x": X[i:i + 1]}) for i in range(0, 560, 7)]
    except Exception:  # of several classes
        return False
    return all(np.array_equal(w[i * 7:i * 7 + 1], a, equal_nan=w.dtype.kind == "f")
               for i, row in enumerate(alone) for w, a in zip(whole, row))


def random_ensembles():
    """Recognised or not: what weir computes itself must be the runtime's bits."""
    for seed in range(200):
        proto = random_ensemble(seed)
        if is_sound(proto):
            yield recorded(f"random_{seed}", lambda proto=proto: proto, None, commit=seed in (3, 7, 10, 16))


def cases():
    yield from scikit()
    yield from xgboost_models()
    yield from lightgbm_models()
    yield from random_ensembles()
