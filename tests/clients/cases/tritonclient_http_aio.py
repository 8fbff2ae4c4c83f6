# SPDX-License-Identifier: MIT
"""tritonclient.http.aio, on aiohttp, which asks for compressed answers by itself."""

import asyncio

import numpy as np
import tritonclient.http.aio as client

from cases import _triton
from cases._triton import Api
from cases.tritonclient_http import add_compression, add_mixed
from harness import RECORDED, Cases, close
from server import Server

CLIENT = "tritonclient.http.aio"
PACKAGES = ["tritonclient", "aiohttp", "numpy"]


async def cases(server: Server) -> Cases:
    api = Api(client, client.InferenceServerClient(server.address), client.InferenceServerClient(server.admin),
              is_http=True, replays_types=False)
    found = Cases()
    _triton.add_all(found, api, server)
    add_compression(found, api, server)
    add_mixed(found, api, server)

    @found.case("infer, 50 at once", RECORDED, replays=False)
    async def _():
        model = server.model("wine")
        rows = model.rows(25).astype(np.float32)
        asked = [api.infer("wine", {"input-0": row[None]}, ["predict_proba"]) for row in [*rows, *rows]]
        got = np.concatenate([result.as_numpy("predict_proba") for result in await asyncio.gather(*asked)])
        close(got, np.tile(model.answer("predict_proba", 25, "f4"), (2, 1)), 1e-6)

    @found.case("close", "no error")
    async def _():
        await api.client.close()
        await api.admin.close()

    return found
