# SPDX-License-Identifier: MIT
"""KServe's SDK over REST, both of its protocols: InferenceRESTClient on httpx."""

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

from harness import CLIENT as ACCEPTED
from harness import RECORDED, REFUSAL, Cases, close, equal, has, refused
from server import Server

CLIENT = "kserve REST"
PACKAGES = ["kserve", "httpx", "numpy"]


def tensor(name: str, array: np.ndarray, datatype: str, is_binary: bool) -> InferInput:
    """Makes an input of the client; its JSON form wants lists."""
    asked = InferInput(name, list(array.shape), datatype)
    if array.dtype == object:
        array = np.array([v.encode() for v in array.ravel()], object).reshape(array.shape)
    asked.set_data_from_numpy(array, binary_data=is_binary)
    return asked


def add_v2(cases: Cases, server: Server) -> None:
    base = f"http://{server.address}"
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))

    @cases.case("v2: is_server_live, is_server_ready, is_model_ready", ACCEPTED)
    async def _():
        equal(await client.is_server_live(base), True)
        equal(await client.is_server_ready(base), True)
        equal(await client.is_model_ready(base, "iris"), True)
        equal(await client.is_model_ready(base, "nowhere"), False)

    async def infer(name: str, tensors: list, outputs: list[str], is_binary: bool):
        asked = [RequestedOutput(o, {"binary_data": is_binary}) for o in outputs]
        request = InferRequest(name, tensors, request_outputs=asked)
        return await client.infer(base, request, model_name=name)

    async def matrix(is_binary: bool) -> None:
        model = server.model("iris")
        asked = tensor("input-0", model.rows(), "FP64", is_binary)
        answer = await infer("iris", [asked], ["predict", "predict_proba"], is_binary)
        equal(answer.model_name, "iris")
        equal(answer.get_output_by_name("predict").as_numpy(), model.answer("predict"))
        close(answer.get_output_by_name("predict_proba").as_numpy(), model.answer("predict_proba"))

    async def frame(is_binary: bool) -> None:
        model = server.model("everyday")
        columns, kept = model.columns()
        is_whole = ~np.isnan(columns["age"][:, 0])  # the SDK's own JSON has no NaN
        asked = [tensor(name, column[is_whole], "BYTES" if column.dtype == object else "FP64", is_binary)
                 for name, column in columns.items()]
        answer = await infer("everyday", asked, ["predict_proba"], is_binary)
        close(answer.outputs[0].as_numpy(), model.answer("predict_proba", kind="df")[kept][is_whole])

    async def types(is_binary: bool) -> None:
        model = server.model("every_type")
        names = {"bool": "BOOL", "object": "BYTES", "float16": "FP16", "float32": "FP32", "float64": "FP64"}
        asked = []
        for name, array in model.tensors("in").items():
            datatype = names.get(array.dtype.name, array.dtype.name.upper())
            asked.append(tensor(name, array, datatype, is_binary or datatype == "FP16"))
        outputs = [name for name in model.tensors("out") if name != "f16_out" or is_binary]
        answer = await infer("every_type", asked, outputs, is_binary)
        for name in outputs:
            equal(answer.get_output_by_name(name).as_numpy(), model.tensors("out")[name])

    for is_binary in (False, True):
        form = "binary" if is_binary else "JSON"
        cases.case(f"v2: infer a matrix, {form}", RECORDED, is_binary)(matrix)
        cases.case(f"v2: infer a frame by columns, {form}", RECORDED, is_binary)(frame)
        cases.case(f"v2: infer every datatype, {form}", RECORDED, is_binary)(types)

    @cases.case("v2: infer a dict", RECORDED)
    async def _():
        model = server.model("ridge")
        body = {"inputs": [{"name": "x", "shape": [3, 10], "datatype": "FP64", "data": model.rows(3).tolist()}]}
        answer = await client.infer(base, body, model_name="ridge")
        close(answer.outputs[0].as_numpy(), model.answer("predict", 3))

    @cases.case("v2: infer of an unknown model", REFUSAL)
    async def _():
        with refused(httpx.HTTPStatusError, "nowhere", lambda e: equal(e.response.status_code, 404)):
            await client.infer(base, {"inputs": []}, model_name="nowhere")

    @cases.case("v2: infer of a bad request; the text is the server's own", REFUSAL)
    async def _():
        body = {"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP64", "data": [1, 2, 3]}]}
        with refused(httpx.HTTPStatusError, "10", lambda e: equal(e.response.status_code, 400)):
            await client.infer(base, body, model_name="ridge")


def add_v1(cases: Cases, server: Server) -> None:
    base = f"http://{server.address}"
    client = InferenceRESTClient(RESTConfig(protocol="v1", retries=0))

    @cases.case("v1: is_server_live, is_model_ready", ACCEPTED)
    async def _():
        equal(await client.is_server_live(base), True)
        equal(await client.is_model_ready(base, "iris"), True)

    @cases.case("v1: is_model_ready of an unknown model", REFUSAL)
    async def _():
        with refused(httpx.HTTPStatusError, "nowhere", lambda e: equal(e.response.status_code, 404)):
            await client.is_model_ready(base, "nowhere")

    @cases.case("v1: infer instances, rows of a matrix", RECORDED)
    async def _():
        model = server.model("iris")
        answer = await client.infer(base, {"instances": model.rows().tolist()}, model_name="iris")
        equal(answer["predictions"], list(model.answer("predict")))

    @cases.case("v1: infer instances, rows as objects", RECORDED)
    async def _():
        model = server.model("everyday")
        rows, kept = model.records()
        answer = await client.infer(base, {"instances": rows}, model_name="everyday")
        equal(answer["predictions"], model.answer("predict", kind="df")[kept].tolist())

    @cases.case("v1: infer of an unknown model", REFUSAL)
    async def _():
        with refused(httpx.HTTPStatusError, "nowhere", lambda e: equal(e.response.status_code, 404)):
            await client.infer(base, {"instances": [[1]]}, model_name="nowhere")

    @cases.case("v1: infer of a bad request", REFUSAL)
    async def _():
        with refused(httpx.HTTPStatusError, "", lambda e: equal(e.response.status_code, 400)):
            await client.infer(base, {"instances": 5}, model_name="iris")

    @cases.case("v1: explain, which no model here does", REFUSAL)
    async def _():
        with refused(httpx.HTTPStatusError, "", lambda e: has(e.response.status_code, "501")):
            await client.explain(base, "iris", {"instances": [[1, 2, 3, 4]]})


async def cases(server: Server) -> Cases:
    found = Cases()
    add_v2(found, server)
    add_v1(found, server)
    return found
