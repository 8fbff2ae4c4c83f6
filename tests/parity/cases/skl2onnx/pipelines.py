# SPDX-License-Identifier: MIT
"""Graphs that ONNX Runtime computes: pipelines with texts and several inputs, networks, quantised models, all
element types."""
import io
import os
import tempfile
import warnings

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn import cluster, compose, linear_model, naive_bayes, neighbors, neural_network, pipeline, preprocessing, svm
from sklearn.feature_extraction.text import TfidfVectorizer

import cases as parity
import tensors

warnings.simplefilter("ignore")
REL = 1e-5


def data(n_classes=3, n=300, f=6, seed=3):
    rng = np.random.RandomState(seed)
    X = rng.randn(n, f).astype(np.float32)
    score = X[:, 0] + X[:, 1] * X[:, 2]
    return X, np.digitize(score, np.quantile(score, np.linspace(0, 1, n_classes + 1)[1:-1]))


def recorded(ident, make, batched=True, commit=True, rel=REL):
    """make(): a ModelProto and requests."""

    def build(stem):
        proto, requests = make()
        return tensors.record(stem, proto, requests, rel, batched, is_native=False)

    return parity.Recorded(ident, "network", build, commit)


def estimator(make_estimator, n_classes=3, options=None):
    def make():
        X, y = data(n_classes)
        proto = to_onnx(make_estimator().fit(X, y), X[:1], options=options, target_opset={"": 17, "ai.onnx.ml": 3})
        return proto, [{"X": X[:40]}, {"X": X[:1]}]
    return make


def frame(names):
    """A pipeline on a data frame: one input for each column, numbers and texts."""
    def make():
        import pandas
        rng = np.random.RandomState(1)
        n = 200
        table = pandas.DataFrame({"age": rng.randint(18, 90, n).astype(np.float32),
                                  "city": rng.choice(["Berlin", "Zürich", "x\"y"], n),
                                  "plan": rng.choice(["a", "b"], n)})
        y = names[(table.age > 50).astype(int) + (table.city == "Berlin")]
        model = pipeline.make_pipeline(compose.ColumnTransformer([
            ("n", preprocessing.StandardScaler(), ["age"]),
            ("c", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["city", "plan"])]),
            linear_model.LogisticRegression(C=5))
        model.fit(table, y)
        types = [("age", FloatTensorType([None, 1])), ("city", StringTensorType([None, 1])),
                 ("plan", StringTensorType([None, 1]))]
        proto = to_onnx(model, initial_types=types, target_opset={"": 17, "ai.onnx.ml": 3})
        ask = table.iloc[:30].copy()
        ask.loc[3, "city"] = "elsewhere"
        ask.loc[4, "city"] = ""
        request = {c: ask[c].to_numpy().reshape(-1, 1) for c in ask}
        return proto, [request, {c: v[:1] for c, v in request.items()}]
    return make


def strict():
    """Unknown categories are refused: a trial must ask for known ones."""
    X = np.array([["red"], ["green"], ["blue"]] * 20, dtype=object)
    y = np.arange(60) % 3
    model = pipeline.make_pipeline(preprocessing.OneHotEncoder(), linear_model.LogisticRegression()).fit(X, y)
    proto = to_onnx(model, initial_types=[("colour", StringTensorType([None, 1]))],
                    target_opset={"": 17, "ai.onnx.ml": 3})
    return proto, [{"colour": X[:9]}]


def text():
    words = ["the cat sat", "the dog ran", "a cat ran", "dogs and cats", "one", "sat sat cat"] * 8
    y = np.array([0, 1, 0, 1, 1, 0] * 8)
    model = pipeline.make_pipeline(TfidfVectorizer(lowercase=False), linear_model.LogisticRegression()).fit(words, y)
    proto = to_onnx(model, initial_types=[("text", StringTensorType([None]))], target_opset={"": 17, "ai.onnx.ml": 3},
                    options={"tfidfvectorizer": {"tokenexp": "[a-zA-Z0-9_]+"}})
    return proto, [{"text": np.array(words[:12], dtype=object)}]


def quantised(dynamic):
    """An MLP of integers. Dynamic quantisation takes its scale over a whole batch: rows know of each other."""
    def make():
        from onnxruntime import quantization as q
        rng = np.random.RandomState(2)
        w1, w2 = rng.randn(8, 16).astype(np.float32), rng.randn(16, 3).astype(np.float32)
        graph = helper.make_graph([
            helper.make_node("MatMul", ["x", "w1"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
            helper.make_node("MatMul", ["b", "w2"], ["y"])], "mlp",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 8])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
            [numpy_helper.from_array(w1, "w1"), numpy_helper.from_array(w2, "w2")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="weir tests")
        model.ir_version = 8
        X = rng.randn(40, 8).astype(np.float32)
        with tempfile.TemporaryDirectory() as folder:
            before, after = os.path.join(folder, "a.onnx"), os.path.join(folder, "b.onnx")
            onnx.save(model, before)
            if dynamic:
                q.quantize_dynamic(before, after, weight_type=q.QuantType.QInt8)
            else:
                class Reader(q.CalibrationDataReader):
                    def __init__(self):
                        self.rows = iter([{"x": X[i:i + 10]} for i in range(0, 40, 10)])

                    def get_next(self):
                        return next(self.rows, None)

                q.quantize_static(before, after, Reader(), quant_format=q.QuantFormat.QDQ,
                                  activation_type=q.QuantType.QUInt8, weight_type=q.QuantType.QInt8)
            proto = onnx.load(after)
        return proto, [{"x": X}, {"x": X[:1]}]
    return make


TYPES = {"b": TensorProto.BOOL, "u8": TensorProto.UINT8, "i8": TensorProto.INT8, "u16": TensorProto.UINT16,
         "i16": TensorProto.INT16, "u32": TensorProto.UINT32, "i32": TensorProto.INT32, "u64": TensorProto.UINT64,
         "i64": TensorProto.INT64, "f16": TensorProto.FLOAT16, "f32": TensorProto.FLOAT, "f64": TensorProto.DOUBLE,
         "s": TensorProto.STRING}


def every_type():
    """Every element type in and out again, and through a cast."""
    nodes, ins, outs = [], [], []
    for name, t in TYPES.items():
        nodes.append(helper.make_node("Identity", [name], [name + "_out"]))
        ins.append(helper.make_tensor_value_info(name, t, ["n", 2]))
        outs.append(helper.make_tensor_value_info(name + "_out", t, ["n", 2]))
    nodes.append(helper.make_node("Cast", ["i32"], ["text"], to=TensorProto.STRING))
    outs.append(helper.make_tensor_value_info("text", TensorProto.STRING, ["n", 2]))
    model = helper.make_model(helper.make_graph(nodes, "types", ins, outs), opset_imports=[
        helper.make_opsetid("", 17)], producer_name="weir tests")
    model.ir_version = 8
    rng = np.random.RandomState(0)
    request = {}
    for name, t in TYPES.items():
        dtype = helper.tensor_dtype_to_np_dtype(t)
        if name == "s":
            request[name] = np.array([["", "ä"], ["two\nlines", "x" * 300], ["€", "0"]], dtype=object)
        elif name == "b":
            request[name] = rng.rand(3, 2) < 0.5
        elif dtype.kind == "f":
            request[name] = (rng.randn(3, 2) * 100).astype(dtype)
        else:
            info = np.iinfo(dtype)
            request[name] = np.array([[info.min, info.max], [0, 1], [7, 5]], dtype=dtype)
    return model, [request]


def scalar():
    """A scalar beside a batch, and a scalar out."""
    graph = helper.make_graph([helper.make_node("Mul", ["x", "k"], ["y"]),
                               helper.make_node("ReduceSum", ["y"], ["sum"], keepdims=0)], "scalar",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2]),
                               helper.make_tensor_value_info("k", TensorProto.FLOAT, [])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2]),
                               helper.make_tensor_value_info("sum", TensorProto.FLOAT, [])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="weir tests")
    model.ir_version = 8
    return model, [{"x": np.ones((3, 2), np.float32), "k": np.array(2.5, np.float32)}]


def cases():
    yield recorded("one_class", estimator(lambda: svm.OneClassSVM()), commit=False)
    yield recorded("mlp", estimator(lambda: neural_network.MLPClassifier((8,), max_iter=40, random_state=0)))
    yield recorded("neighbours", estimator(lambda: neighbors.KNeighborsClassifier(3)), commit=False)
    yield recorded("bayes", estimator(lambda: naive_bayes.GaussianNB()), commit=False)
    yield recorded("kmeans", estimator(lambda: cluster.KMeans(3, n_init=1, random_state=0)), commit=False)
    yield recorded("frame", frame(np.array(["no", "yes", "perhaps"])))
    yield recorded("frame_numbers", frame(np.array([10, 20, 30])), commit=False)
    yield recorded("strict", strict)
    yield recorded("text", text)
    yield recorded("quantised_static", quantised(False), True, rel=1e-2)
    yield recorded("quantised_dynamic", quantised(True), False)
    yield recorded("every_type", every_type, rel=0.0)
    yield recorded("scalar", scalar, False)
