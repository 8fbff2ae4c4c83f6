# SPDX-License-Identifier: MIT
"""ONNX's flavour: graphs that weir computes itself, and some for ONNX Runtime, with tensors in files of their own."""
import os
import shutil

import numpy as np

import cases as base
import tensors

try:
    import mlflow.onnx
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from skl2onnx import to_onnx
    import onnxruntime  # noqa: F401
except ImportError:
    onnx = None


def folder(ident, make, is_native, rel, commit=False):
    """make(): a ModelProto and requests. What MLflow writes is what is asked."""
    def run(stem):
        import mlflow.models
        import pandas
        proto, requests = make()
        first = next(iter(requests[0].values()))
        frame = pandas.DataFrame(first, columns=[f"c{i}" for i in range(first.shape[1])])
        example, signature = frame.head(2), mlflow.models.infer_signature(frame)
        if not is_native:
            example, signature = first[:2], mlflow.models.infer_signature(first)
        shutil.rmtree(stem, ignore_errors=True)
        mlflow.onnx.save_model(proto, stem, signature=signature, input_example=example, pip_requirements=["onnx"])
        for name in ("conda.yaml", "python_env.yaml", "requirements.txt", "serving_input_example.json"):
            if os.path.exists(os.path.join(stem, name)):
                os.remove(os.path.join(stem, name))
        ref = tensors.record(os.path.join(stem, "model"), None, requests, rel, True, is_native=is_native)
        if is_native:
            ref["features"] = np.array(list(frame))
        return ref
    return base.Recorded(ident, "network", run, commit)


def data():
    rng = np.random.RandomState(5)
    X = rng.randn(200, 5).astype(np.float32)
    return X, (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(np.int64)


def converted(build, options=None):
    def make():
        X, y = data()
        proto = to_onnx(build().fit(X, y), X[:1], options=options, target_opset={"": 17, "ai.onnx.ml": 3})
        return proto, [{"X": X[:40]}, {"X": X[:1]}]
    return make


def network():
    """Tensors of some KB: MLflow keeps them beside the graph."""
    rng = np.random.RandomState(2)
    w1, w2 = rng.randn(8, 64).astype(np.float32), rng.randn(64, 3).astype(np.float32)
    graph = helper.make_graph([
        helper.make_node("MatMul", ["x", "w1"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "w2"], ["c"]), helper.make_node("Softmax", ["c"], ["y"])], "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(w1, "w1"), numpy_helper.from_array(w2, "w2")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="weir tests")
    model.ir_version = 8
    X = rng.randn(40, 8).astype(np.float32)
    return model, [{"x": X}, {"x": X[:1]}]


def cases():
    if not onnx:
        return
    from sklearn import ensemble, linear_model, svm
    yield folder("forest", converted(lambda: ensemble.RandomForestClassifier(4, max_depth=3, random_state=0)),
                 True, 0.0, commit=True)
    yield folder("linear", converted(linear_model.LinearRegression), True, 1e-6)
    yield folder("svc", converted(lambda: svm.SVC(probability=True, random_state=0)), False, 1e-5)
    yield folder("network", network, False, 1e-5, commit=True)
