# SPDX-License-Identifier: MIT
"""The stubs of tensorflow-serving-api over gRPC, with TensorFlow's own tensor protos."""

import grpc
import numpy as np
from tensorflow import make_ndarray, make_tensor_proto
from tensorflow_serving.apis import (get_model_metadata_pb2, get_model_status_pb2, model_service_pb2_grpc, predict_pb2,
                                     prediction_service_pb2_grpc)

from harness import PROTOCOL, RECORDED, REFUSAL, REQUEST, Cases, close, equal, has, refused
from server import Server

CLIENT = "tensorflow-serving-api"
PACKAGES = ["tensorflow-serving-api", "tensorflow", "grpcio", "protobuf"]
TIMEOUT = 20


def cases(server: Server) -> Cases:
    channel = grpc.insecure_channel(server.address)
    predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    models = model_service_pb2_grpc.ModelServiceStub(channel)
    found = Cases()

    def predict(name: str, inputs: dict[str, np.ndarray], outputs: tuple = (), version: int = 0, label: str = ""):
        request = predict_pb2.PredictRequest(output_filter=outputs)
        request.model_spec.name = name
        if version:
            request.model_spec.version.value = version
        if label:
            request.model_spec.version_label = label
        for key, array in inputs.items():
            request.inputs[key].CopyFrom(make_tensor_proto(array))
        answer = predictions.Predict(request, timeout=TIMEOUT)
        return answer, {key: make_ndarray(value) for key, value in answer.outputs.items()}

    @found.case("Predict, a float matrix", RECORDED)
    def _():
        model = server.model("wine")
        _, got = predict("wine", {"input-0": model.rows().astype(np.float32)}, ("predict_proba", "predict"))
        close(got["predict_proba"], model.answer("predict_proba", kind="f4"), 1e-6)
        equal(got["predict"], model.answer("predict", kind="f4"))

    @found.case("Predict, a double matrix, labels of text", RECORDED)
    def _():
        model = server.model("iris")
        answer, got = predict("iris", {"input-0": model.rows()}, ("predict",))
        equal(got["predict"], model.answer("predict"))
        equal(answer.model_spec.name, "iris")
        equal(answer.model_spec.version.value, 2)

    @found.case("Predict with a version, with a label", RECORDED)
    def _():
        for version, label, expected in ((1, "", 1), (2, "", 2), (0, "stable", 2)):
            model = server.model("iris", expected)
            answer, got = predict("iris", {"input-0": model.rows()}, ("predict_proba",), version, label)
            close(got["predict_proba"], model.answer("predict_proba"))
            equal(answer.model_spec.version.value, expected)

    @found.case("Predict, a tensor for each column, strings too", RECORDED)
    def _():
        model = server.model("everyday")
        columns, kept = model.columns()
        _, got = predict("everyday", columns, ("predict_proba",))
        close(got["predict_proba"], model.answer("predict_proba", kind="df")[kept])

    @found.case("Predict, every dtype in and out", RECORDED)
    def _():
        model = server.model("every_type")
        _, got = predict("every_type", model.tensors("in"))
        for name, expected in model.tensors("out").items():
            equal(got[name], expected)

    @found.case("Predict, an image network", RECORDED)
    def _():
        model = server.model("image")
        _, got = predict("image", model.tensors("in"))
        close(got["Identity:0"], model.tensors("out")["Identity:0"], model.rel)

    @found.case("Predict, typed fields and one value for all", "the same numbers as tensor_content")
    def _():
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "ridge"
        tensor = request.inputs["input-0"]
        tensor.dtype = make_tensor_proto(1.0, dtype=np.float64).dtype
        for size in (2, 10):
            tensor.tensor_shape.dim.add(size=size)
        tensor.double_val.append(0.25)
        got = make_ndarray(predictions.Predict(request, timeout=TIMEOUT).outputs["predict"])
        _, expected = predict("ridge", {"input-0": np.full((2, 10), 0.25)})
        equal(got, expected["predict"])

    @found.case("Predict refused: unknown model, unknown version, wrong shape", REFUSAL)
    def _():
        for name, version, shape, code in (("nowhere", 0, (1, 1), "NOT_FOUND"), ("iris", 77, (1, 4), "NOT_FOUND"),
                                           ("ridge", 0, (1, 3), "INVALID_ARGUMENT")):
            with refused(grpc.RpcError, "", lambda e, code=code: equal(e.code().name, code)):
                predict(name, {"x": np.ones(shape)}, version=version)

    @found.case("GetModelStatus", REQUEST)
    def _():
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "iris"
        statuses = models.GetModelStatus(request, timeout=TIMEOUT).model_version_status
        available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        equal(sorted((s.version, s.state, s.status.error_code) for s in statuses),
              [(1, available, 0), (2, available, 0)])

    @found.case("GetModelStatus of an unknown model", REFUSAL)
    def _():
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "nowhere"
        with refused(grpc.RpcError, "nowhere", lambda e: equal(e.code().name, "NOT_FOUND")):
            models.GetModelStatus(request, timeout=TIMEOUT)

    @found.case("GetModelMetadata", PROTOCOL)
    def _():
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = "towers"
        answer = predictions.GetModelMetadata(request, timeout=TIMEOUT)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        equal(answer.metadata["signature_def"].Unpack(signatures), True)
        signature = signatures.signature_def["serving_default"]
        equal({n: [d.size for d in t.tensor_shape.dim] for n, t in signature.inputs.items()},
              {"user": [-1, 5], "item": [-1, 7], "weight": [-1]})
        has(signature.method_name, "tensorflow/serving/predict")

    return found
