# SPDX-License-Identifier: MIT
"""KServe's SDK over gRPC: InferenceGRPCClient."""

import grpc
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest
from kserve.protocol.infer_type import RequestedOutput

from cases.kserve_rest import tensor
from harness import CLIENT as ACCEPTED
from harness import RECORDED, REFUSAL, Cases, close, equal, refused
from server import Server

CLIENT = "kserve gRPC"
PACKAGES = ["kserve", "grpcio", "protobuf", "numpy"]


async def cases(server: Server) -> Cases:
    client = InferenceGRPCClient(server.address, retries=0)
    found = Cases()

    @found.case("is_server_live, is_server_ready, is_model_ready", ACCEPTED)
    async def _():
        equal(await client.is_server_live(), True)
        equal(await client.is_server_ready(), True)
        equal(await client.is_model_ready("iris"), True)

    @found.case("is_model_ready of an unknown model", ACCEPTED)
    async def _():
        equal(await client.is_model_ready("nowhere"), False)

    async def matrix(is_raw: bool) -> None:
        model = server.model("iris")
        if is_raw:
            asked = tensor("input-0", model.rows(), "FP64", True)
        else:
            asked = InferInput("input-0", list(model.rows().shape), "FP64", model.rows().ravel().tolist())
        wanted = [RequestedOutput("predict_proba"), RequestedOutput("predict")]
        answer = await client.infer(InferRequest("iris", [asked], request_outputs=wanted))
        equal([output.name for output in answer.outputs], ["predict_proba", "predict"])
        close(answer.outputs[0].as_numpy(), model.answer("predict_proba"))
        equal(answer.outputs[1].as_numpy(), model.answer("predict"))

    found.case("infer a matrix, raw contents", RECORDED, True)(matrix)
    found.case("infer a matrix, typed contents", RECORDED, False)(matrix)

    async def types(is_raw: bool) -> None:
        model = server.model("every_type")
        names = {"bool": "BOOL", "object": "BYTES", "float16": "FP16", "float32": "FP32", "float64": "FP64"}
        asked = []
        for name, array in model.tensors("in").items():
            datatype = names.get(array.dtype.name, array.dtype.name.upper())
            if not is_raw and datatype == "FP16":  # which has no typed contents
                datatype, array = "FP32", array.astype(np.float32)
            asked.append(tensor(name, array, datatype, is_raw))
        answer = await client.infer(InferRequest("every_type", asked))
        for output in answer.outputs:
            equal(output.as_numpy(), model.tensors("out")[output.name])
        equal(len(answer.outputs), len(model.tensors("out")))

    found.case("infer every datatype, raw contents", RECORDED, True)(types)
    found.case("infer every datatype, typed contents", RECORDED, False)(types)

    @found.case("infer with an id and parameters", RECORDED)
    async def _():
        model = server.model("ridge")
        asked = tensor("input-0", model.rows(1), "FP64", True)
        answer = await client.infer(InferRequest("ridge", [asked], request_id="order-7", parameters={"a": 1}))
        equal(answer.id, "order-7")
        close(answer.outputs[0].as_numpy(), model.answer("predict", 1))

    @found.case("infer of an unknown model", REFUSAL)
    async def _():
        with refused(grpc.RpcError, "nowhere", lambda e: equal(e.code(), grpc.StatusCode.NOT_FOUND)):
            await client.infer(InferRequest("nowhere", [tensor("x", np.ones((1, 1)), "FP64", True)]))

    @found.case("infer of a bad request", REFUSAL)
    async def _():
        with refused(grpc.RpcError, "", lambda e: equal(e.code(), grpc.StatusCode.INVALID_ARGUMENT)):
            await client.infer(InferRequest("ridge", [tensor("x", np.ones((1, 3)), "FP64", True)]))

    @found.case("close", "no error")
    async def _():
        await client.close()

    return found
