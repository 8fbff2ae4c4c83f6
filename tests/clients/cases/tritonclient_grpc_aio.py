# SPDX-License-Identifier: MIT
"""tritonclient.grpc.aio."""

import asyncio

import numpy as np
import tritonclient.grpc.aio as client

from cases import _triton
from cases._triton import Api
from cases.tritonclient_grpc import add_transport
from harness import RECORDED, Cases, close
from server import Server

CLIENT = "tritonclient.grpc.aio"
PACKAGES = ["tritonclient", "grpcio", "protobuf", "numpy"]


async def cases(server: Server) -> Cases:
    api = Api(client, client.InferenceServerClient(server.address), client.InferenceServerClient(server.admin),
              is_http=False, replays_types=False)
    found = Cases()
    _triton.add_all(found, api, server)
    add_transport(found, api, server)
    model = server.model("wine")
    rows = model.rows(25).astype(np.float32)

    @found.case("infer, 50 at once", RECORDED, replays=False)
    async def _():
        asked = [api.infer("wine", {"input-0": row[None]}, ["predict_proba"]) for row in [*rows, *rows]]
        got = np.concatenate([result.as_numpy("predict_proba") for result in await asyncio.gather(*asked)])
        close(got, np.tile(model.answer("predict_proba", 25, "f4"), (2, 1)), 1e-6)

    @found.case("stream_infer of 10 rows", RECORDED, replays=False)
    async def _():
        async def requests():
            for i in range(10):
                yield {"model_name": "wine", "inputs": [api.tensor("input-0", rows[i : i + 1])],
                       "outputs": [api.output("predict_proba")], "request_id": str(i)}

        came = {}
        async for result, error in api.client.stream_infer(requests()):
            if error:
                raise error
            came[int(result.get_response().id)] = result.as_numpy("predict_proba")
        close(np.concatenate([came[i] for i in range(10)]), model.answer("predict_proba", 10, "f4"), 1e-6)

    @found.case("close", "no error")
    async def _():
        await api.client.close()
        await api.admin.close()

    return found
