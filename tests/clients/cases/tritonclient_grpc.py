# SPDX-License-Identifier: MIT
"""tritonclient.grpc, blocking, with its calls of the generated stubs."""

import queue

import numpy as np
import tritonclient.grpc as client
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from cases import _triton
from cases._triton import Api
from harness import RECORDED, REFUSAL, Cases, close, equal, has, refused
from server import Server

CLIENT = "tritonclient.grpc"
PACKAGES = ["tritonclient", "grpcio", "protobuf", "numpy"]
WAIT_SECONDS = 20


def add_transport(cases: Cases, api: Api, server: Server) -> None:
    """What both gRPC clients can ask of the transport."""
    image = server.model("image")

    async def compressed(algorithm: str) -> None:
        result = await api.infer("image", image.tensors("in", 1), compression_algorithm=algorithm)
        close(result.as_numpy("Identity:0"), image.tensors("out", 1)["Identity:0"], image.rel)

    cases.case("infer, request gzip", RECORDED, "gzip")(compressed)
    cases.case("infer, request deflate", RECORDED, "deflate")(compressed)

    @cases.case("infer with client_timeout", RECORDED)
    async def _():
        result = await api.infer("image", image.tensors("in", 1), client_timeout=30)
        close(result.as_numpy("Identity:0"), image.tensors("out", 1)["Identity:0"], image.rel)

    @cases.case("infer, client_timeout too short", REFUSAL, replays=False)
    async def _():
        with refused(InferenceServerException, "DEADLINE_EXCEEDED"):
            await api.infer("image", sixteen_mib(), client_timeout=0.002)

    def sixteen_mib() -> dict[str, np.ndarray]:
        asked = image.tensors("in")["image"]
        return {"image": np.resize(asked, ((1 << 24) // asked[0].nbytes, *asked.shape[1:]))}

    @cases.case("infer, 16 MiB there and back", "the rows' answers, each alone", replays=False)
    async def _():
        asked = sixteen_mib()
        result = await api.infer("image", asked)
        expected = np.resize(image.tensors("out")["Identity:0"], (len(asked["image"]), 4))
        close(result.as_numpy("Identity:0"), expected, image.rel)


def add_stream(cases: Cases, api: Api, server: Server) -> None:
    model = server.model("wine")
    rows = model.rows(10).astype(np.float32)
    wanted = [client.InferRequestedOutput("predict_proba")]

    def stream(names: list[str], is_waiting: bool = False) -> list:
        """Asks for a row each of these models on one stream; returns what came back, in order. is_waiting: asks only
        when the answer before has come."""
        came: queue.Queue = queue.Queue()
        results = []
        api.client.start_stream(lambda result, error: came.put(error or result))
        try:
            for i, name in enumerate(names):
                api.client.async_stream_infer(name, [api.tensor("input-0", rows[i : i + 1])], outputs=wanted,
                                              request_id=str(i))
                if is_waiting:
                    results.append(came.get(timeout=WAIT_SECONDS))
            return results or [came.get(timeout=WAIT_SECONDS) for _ in names]
        finally:
            api.client.stop_stream()

    def rows_of(is_waiting: bool) -> None:
        by_id = sorted(stream(["wine"] * 10, is_waiting), key=lambda result: int(result.get_response().id))
        close(np.concatenate([result.as_numpy("predict_proba") for result in by_id]),
              model.answer("predict_proba", 10, "f4"), 1e-6)

    cases.case("start_stream, async_stream_infer of 10 rows one after the other, stop_stream", RECORDED, True)(rows_of)
    cases.case("async_stream_infer of 10 rows at once", RECORDED, False, replays=False)(rows_of)

    @cases.case("async_stream_infer refused in the middle; the stream goes on", REFUSAL)
    def _():
        results = stream(["wine", "nowhere", "wine"], is_waiting=True)
        errors = [result for result in results if isinstance(result, Exception)]
        equal(len(errors), 1)
        has(errors[0], "nowhere")


def add_stubs(cases: Cases, server: Server, stub: object) -> None:
    """Typed contents, which the client itself never sends."""
    fields = {"b": ("BOOL", "bool_contents"), "u8": ("UINT8", "uint_contents"), "u16": ("UINT16", "uint_contents"),
              "u32": ("UINT32", "uint_contents"), "u64": ("UINT64", "uint64_contents"), "i8": ("INT8", "int_contents"),
              "i16": ("INT16", "int_contents"), "i32": ("INT32", "int_contents"), "i64": ("INT64", "int64_contents"),
              "f32": ("FP32", "fp32_contents"), "f64": ("FP64", "fp64_contents"), "s": ("BYTES", "bytes_contents")}
    model = server.model("every_type")
    outputs = model.tensors("out")

    def request() -> service_pb2.ModelInferRequest:
        """All inputs typed; the half floats, which must be raw, take the place of float32 and are asked as such."""
        asked = service_pb2.ModelInferRequest(model_name="every_type")
        for name, array in model.tensors("in").items():
            datatype, field = fields.get(name, ("FP32", "fp32_contents"))
            tensor = asked.inputs.add(name=name, datatype=datatype, shape=array.shape)
            values = [v.encode() for v in array.ravel()] if name == "s" else array.ravel().tolist()
            getattr(tensor.contents, field).extend(values)
        return asked

    for name, (datatype, field) in fields.items():

        def typed(name: str = name) -> None:
            asked = request()
            asked.outputs.add(name=f"{name}_out")
            answer = stub.ModelInfer(asked)
            got = client.InferResult(answer).as_numpy(f"{name}_out")
            equal(got, outputs[f"{name}_out"])

        cases.case(f"stub.ModelInfer, {datatype} in {field}", RECORDED)(typed)

    @cases.case("stub.ModelInfer, raw and typed inputs mixed", REFUSAL)
    def _():
        import grpc  # pylint: disable=import-outside-toplevel

        asked = request()
        asked.raw_input_contents.append(b"\0" * 6)
        with refused(grpc.RpcError, "INVALID_ARGUMENT"):
            stub.ModelInfer(asked)

    @cases.case("stub.ModelInfer, a typed field of another datatype", REFUSAL)
    def _():
        import grpc  # pylint: disable=import-outside-toplevel

        asked = service_pb2.ModelInferRequest(model_name="ridge")
        tensor = asked.inputs.add(name="input-0", datatype="FP64", shape=[1, 10])
        tensor.contents.int64_contents.extend(range(10))
        with refused(grpc.RpcError, "INVALID_ARGUMENT"):
            stub.ModelInfer(asked)


def cases(server: Server) -> Cases:
    api = Api(client, client.InferenceServerClient(server.address), client.InferenceServerClient(server.admin),
              is_http=False, replays_types=True)
    found = Cases()
    _triton.add_all(found, api, server)
    add_transport(found, api, server)
    add_stream(found, api, server)
    add_stubs(found, server, api.client._client_stub)  # pylint: disable=protected-access

    @found.case("async_infer, 20 at once", RECORDED, replays=False)
    def _():
        model = server.model("wine")
        came: queue.Queue = queue.Queue()
        for i, row in enumerate(model.rows(20).astype(np.float32)):
            api.client.async_infer("wine", [api.tensor("input-0", row[None])],
                                   callback=lambda result, error: came.put(error or result),
                                   outputs=[client.InferRequestedOutput("predict_proba")], request_id=str(i))
        results = [came.get(timeout=WAIT_SECONDS) for _ in range(20)]
        by_id = sorted(results, key=lambda result: int(result.get_response().id))
        close(np.concatenate([result.as_numpy("predict_proba") for result in by_id]),
              model.answer("predict_proba", 20, "f4"), 1e-6)

    @found.case("async_infer, cancelled", "no answer, and the next call's recorded answers", replays=False)
    def _():
        model = server.model("image")
        came: queue.Queue = queue.Queue()
        pending = api.client.async_infer("image", [api.tensor("image", model.tensors("in")["image"])],
                                         callback=lambda result, error: came.put(error or result))
        pending.cancel()
        came.get(timeout=WAIT_SECONDS)
        result = api.client.infer("image", [api.tensor("image", model.tensors("in", 2)["image"])])
        close(result.as_numpy("Identity:0"), model.tensors("out", 2)["Identity:0"], model.rel)

    return found
