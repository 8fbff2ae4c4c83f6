# SPDX-License-Identifier: MIT
"""Recording models that take and give named tensors: ONNX files.

A request is a dict {input: array}; its answer, by the framework that the model comes from or by ONNX Runtime with one
thread, is recorded as in.K.INPUT and out.K.OUTPUT for request K. `rel` is the tolerance: a number may differ by it
times the largest of its row (0: bit for bit). `batched` says whether rows may be run together.
"""
import os

import numpy as np


def session(path):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def plain(answer):
    """Returns an answer as an array; a ZipMap's maps as the matrix that they were made of."""
    if isinstance(answer, list):
        keys = list(answer[0])
        assert all(list(row) == keys for row in answer)
        return np.array([[row[k] for k in keys] for row in answer], dtype=np.float32)
    return np.asarray(answer)


def record(stem, model, requests, rel=0.0, batched=None, answers=None, is_native=None):
    """Writes a ModelProto (or its bytes, or None where stem.onnx is there) and returns what belongs into its .ref.
    answers: the framework's own, {output: array} for each request; default: ONNX Runtime's."""
    import onnx
    path = stem + ".onnx"
    if model is not None:
        with open(path, "wb") as f:
            f.write(model if isinstance(model, bytes) else model.SerializeToString())
    proto = onnx.load(path, load_external_data=False)
    runtime = session(path)
    names = [o.name for o in runtime.get_outputs()]
    out = {"version": np.array([proto.producer_version]), "rel": np.array([rel], dtype=np.float64)}
    if batched is not None:
        out["batched"] = np.array([batched], dtype=bool)
    if is_native is not None:
        out["native"] = np.array([is_native], dtype=bool)
    for k, request in enumerate(requests):
        got = {n: plain(a) for n, a in zip(names, runtime.run(None, request))}
        own = answers[k] if answers else got
        for name, array in request.items():
            out[f"in.{k}.{name}"] = array
        for name in names:
            expected = np.asarray(own[name]) if name in own else got[name]
            assert expected.shape == got[name].shape, (name, expected.shape, got[name].shape)
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(got[name], expected, rtol=1e-3, atol=1e-4)
            out[f"out.{k}.{name}"] = expected
    assert os.path.getsize(path) > 0
    return out
