# SPDX-License-Identifier: MIT
"""tritonclient.http, blocking."""

import numpy as np
import tritonclient.http as client

from cases import _triton
from cases._triton import Api
from harness import RECORDED, Cases, close, equal
from server import Server

CLIENT = "tritonclient.http"
PACKAGES = ["tritonclient", "geventhttpclient", "numpy"]


def add_compression(cases: Cases, api: Api, server: Server) -> None:
    """Both ways; used by the asynchronous client too."""
    scaler = server.model("scaler")

    async def play(sent: str | None, wanted: str | None, is_binary: bool) -> None:
        result = await api.infer("scaler", {"input-0": scaler.rows()}, ["transform"], is_binary,
                                 request_compression_algorithm=sent, response_compression_algorithm=wanted)
        close(result.as_numpy("transform"), scaler.answer("transform"))

    for is_binary in (True, False):
        for sent, wanted in (("gzip", None), ("deflate", None), (None, "gzip"), (None, "deflate"), ("gzip", "deflate")):
            form = "binary" if is_binary else "JSON"
            cases.case(f"infer, request {sent or 'plain'}, answer {wanted or 'plain'}, {form}", RECORDED, sent, wanted,
                       is_binary)(play)

    @cases.case("infer, gzip around a JSON header longer than the body", RECORDED)
    async def _():
        many = {"input-0": np.repeat(server.model("ridge").rows(1), 64, axis=0)}
        result = await api.infer("ridge", many, ["predict"], request_compression_algorithm="gzip")
        close(result.as_numpy("predict"), np.repeat(server.model("ridge").answer("predict", 1), 64))


def add_mixed(cases: Cases, api: Api, server: Server) -> None:
    towers = server.model("towers")
    inputs, outputs = towers.tensors("in", 1), towers.tensors("out", 1)

    @cases.case("infer, binary and JSON tensors in one request and answer", RECORDED)
    async def _():
        tensors = [api.tensor("user", inputs["user"]), api.tensor("item", inputs["item"], is_binary=False),
                   api.tensor("weight", inputs["weight"])]
        wanted = [api.output("score", False), api.output("both", True), api.output("any", False)]
        result = await api.call("infer", "towers", tensors, outputs=wanted)
        for name, expected in outputs.items():
            close(result.as_numpy(name), expected, towers.rel)

    @cases.case("infer with query_params", RECORDED)
    async def _():
        result = await api.infer("towers", inputs, query_params={"a": "b c", "d": ["1", "2"]})
        close(result.as_numpy("both"), outputs["both"], towers.rel)

    @cases.case("infer by label instead of version", RECORDED)
    async def _():
        model = server.model("iris")
        result = await api.infer("iris", {"input-0": model.rows()}, ["predict"], model_version="stable")
        equal(result.as_numpy("predict"), model.answer("predict"))


def cases(server: Server) -> Cases:
    api = Api(client, client.InferenceServerClient(server.address, concurrency=4),
              client.InferenceServerClient(server.admin), is_http=True, replays_types=True)
    found = Cases()
    _triton.add_all(found, api, server)
    add_compression(found, api, server)
    add_mixed(found, api, server)

    @found.case("async_infer, 20 at once on 4 connections", RECORDED, replays=False)
    def _():
        model = server.model("wine")
        rows = model.rows(20).astype(np.float32)
        wanted = [client.InferRequestedOutput("predict_proba")]
        pending = [api.client.async_infer("wine", [api.tensor("input-0", row[None])], outputs=wanted) for row in rows]
        got = np.concatenate([request.get_result(timeout=20).as_numpy("predict_proba") for request in pending])
        close(got, model.answer("predict_proba", 20, "f4"), 1e-6)

    @found.case("generate_request_body, parse_response_body", RECORDED, replays=False)
    def _():
        import http.client  # pylint: disable=import-outside-toplevel

        model = server.model("ridge")
        body, size = client.InferenceServerClient.generate_request_body([api.tensor("input-0", model.rows())])
        connection = http.client.HTTPConnection(server.address, timeout=10)
        connection.request("POST", "/v2/models/ridge/infer", body, {"Inference-Header-Content-Length": str(size)})
        answer = connection.getresponse()
        equal(answer.status, 200)
        result = client.InferenceServerClient.parse_response_body(
            answer.read(), header_length=int(answer.headers["Inference-Header-Content-Length"]))
        close(result.as_numpy("predict"), model.answer("predict"))

    return found
