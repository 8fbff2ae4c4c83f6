# SPDX-License-Identifier: MIT
"""Support vector machines and one-row decisions that weir computes itself, against ONNX Runtime with one thread: those
with RBF kernels bit for bit, NaN and infinities too; the others within the rounding of float32 sums."""
import numpy as np
import onnx
from skl2onnx import to_onnx
from sklearn import linear_model, pipeline, preprocessing, svm

from cases.skl2onnx.trees import ML, WORDS, data, of, recorded

OVR = {"": 21, ML: 1}


def shifted(estimator):
    """A regressor of values far from 0: a sum's rounding is small beside them."""
    def make():
        X, y = data()
        return to_onnx(estimator().fit(X, y + 9), X[:1], target_opset={"": 17, ML: 3})
    return make


def newest(estimator, k, options=None):
    def make():
        X, y = data(k)
        return to_onnx(estimator().fit(X, y), X[:1], options=options, target_opset=OVR)
    return make


def few(estimator, k, **more):
    """Few rows: small files."""
    def make():
        X, y = data(k, n=60)
        return to_onnx(estimator().fit(X, y), X[:1], target_opset={"": 17, ML: 3}, **more)
    return make


def changed(make, change):
    """A model that is not recognised after a change."""
    def other():
        proto = make()
        change(proto)
        onnx.checker.check_model(proto)
        return proto
    return other


def last_columns(proto):
    """Answers an odd part of the decisions: their last column, times 3."""
    output = proto.graph.output[1].name
    node = [n for n in proto.graph.node if output in n.output][0]
    node.output[0] = "before"
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 0], np.int64), "which"))
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([3], np.float32), "three"))
    proto.graph.node.append(onnx.helper.make_node("ArrayFeatureExtractor", ["before", "which"], ["part"], domain=ML))
    proto.graph.node.append(onnx.helper.make_node("Mul", ["three", "part"], [output]))


def with_exp(proto):
    """An operator that is not one of ours."""
    output = proto.graph.output[1].name
    node = [n for n in proto.graph.node if output in n.output][0]
    node.output[0] = "before"
    proto.graph.node.append(onnx.helper.make_node("Exp", ["before"], [output]))


def one_row(post, intercept=0.25, words=False):
    """A linear classifier of one row of coefficients and two labels; nobody's converter, but the operator allows it."""
    def make():
        w = np.random.RandomState(4).randn(9).astype(np.float32)
        labels = {"classlabels_strings": ["no", "yes"]} if words else {"classlabels_ints": [7, 4]}
        node = onnx.helper.make_node("LinearClassifier", ["x"], ["label", "scores"], domain=ML, coefficients=w.tolist(),
                                     intercepts=[intercept], post_transform=post, multi_class=0, **labels)
        graph = onnx.helper.make_graph([node], "row", [onnx.helper.make_tensor_value_info("x", 1, ["n", 9])], [
            onnx.helper.make_tensor_value_info("label", 8 if words else 7, ["n"]),
            onnx.helper.make_tensor_value_info("scores", 1, ["n", 2])])
        model = onnx.helper.make_model(graph, producer_name="row", producer_version="1", opset_imports=[
            onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid(ML, 1)])
        model.ir_version = 8
        return model
    return make


def cases():
    yield recorded("row", one_row("NONE"), rel=1e-5, plain=True)
    yield recorded("row_words", one_row("NONE", -1.5, True), rel=1e-5, plain=True, commit=True)
    yield recorded("row_logistic", one_row("LOGISTIC"), is_native=False, rel=1e-5, plain=True)
    raw = {"raw_scores": True}
    off = {"zipmap": False}
    for k in (2, 3, 5):
        yield recorded(f"svc_{k}", of(lambda: svm.SVC(), k))
        yield recorded(f"svc_{k}_rest", newest(lambda: svm.SVC(), k))
        yield recorded(f"svc_{k}_pairs", newest(lambda: svm.SVC(decision_function_shape="ovo", gamma=0.2), k))
        yield recorded(f"svc_{k}_raw", of(lambda: svm.SVC(C=20), k, options=raw))
        yield recorded(f"svc_{k}_shares", of(lambda: svm.SVC(probability=True, random_state=0), k))
        yield recorded(f"svc_{k}_shares_tensor", of(lambda: svm.SVC(probability=True, random_state=0), k, options=off))
        yield recorded(f"nu_{k}_shares", of(lambda: svm.NuSVC(nu=0.2, probability=True, random_state=0), k))
    for k in (2, 3):
        yield recorded(f"svc_{k}_words", of(lambda: svm.SVC(probability=True, random_state=0), k, WORDS))
        for kernel in ("linear", "poly", "sigmoid"):
            yield recorded(f"svc_{k}_{kernel}", newest(lambda kernel=kernel: svm.SVC(kernel=kernel), k), rel=1e-5,
                           plain=True)
            yield recorded(f"svc_{k}_{kernel}_shares", of(lambda kernel=kernel: svm.SVC(
                kernel=kernel, degree=2, probability=True, random_state=0), k), rel=1e-5, plain=True)
        yield recorded(f"scaled_svc_{k}", newest(lambda: pipeline.make_pipeline(
            preprocessing.StandardScaler(), svm.SVC()), k))
        yield recorded(f"linear_svc_{k}", of(lambda: svm.LinearSVC(), k), rel=1e-5, plain=True)
        yield recorded(f"ridge_{k}", of(lambda: linear_model.RidgeClassifier(), k), rel=1e-5, plain=True)
        yield recorded(f"svc_{k}_part", changed(newest(lambda: svm.SVC(), k), last_columns))
        yield recorded(f"svc_{k}_exp", changed(newest(lambda: svm.SVC(), k), with_exp), is_native=False, rel=1e-5)
    yield recorded("small_svc_2", few(lambda: svm.SVC(), 2), commit=True)
    yield recorded("small_svc_3", few(lambda: svm.SVC(), 3), commit=True)
    yield recorded("small_svc_3_shares", few(lambda: svm.SVC(probability=True, random_state=0), 3), commit=True)
    for kernel in ("linear", "poly", "rbf", "sigmoid"):
        yield recorded(f"svr_{kernel}", shifted(lambda kernel=kernel: svm.SVR(kernel=kernel, C=0.5)), rel=1e-5,
                       plain=True)
    yield recorded("nu_svr", shifted(lambda: pipeline.make_pipeline(
        preprocessing.StandardScaler(), svm.NuSVR())), rel=1e-5, plain=True)
