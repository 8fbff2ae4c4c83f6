# SPDX-License-Identifier: MIT
"""ovmsclient, which speaks TensorFlow Serving's two protocols: gRPC and REST."""

import numpy as np
import ovmsclient

from harness import RECORDED, REFUSAL, REQUEST, Cases, close, equal, refused
from server import Server

CLIENT = "ovmsclient"
PACKAGES = ["ovmsclient", "grpcio", "requests"]


def cases(server: Server) -> Cases:
    found = Cases()
    for kind, client in (("gRPC", ovmsclient.make_grpc_client(server.address)),
                         ("REST", ovmsclient.make_http_client(server.address))):
        add(found, server, kind, client)
    return found


def add(found: Cases, server: Server, kind: str, client: object) -> None:
    @found.case(f"{kind}: predict, one input and one output", RECORDED)
    def _():
        model = server.model("image")
        got = client.predict({"image": model.tensors("in", 1)["image"]}, "image")
        close(np.asarray(got, np.float32), model.tensors("out", 1)["Identity:0"], model.rel)

    @found.case(f"{kind}: predict, several inputs and outputs", RECORDED)
    def _():
        model = server.model("towers")
        got = client.predict(model.tensors("in", 1), "towers")
        for name, expected in model.tensors("out", 1).items():
            close(np.asarray(got[name]).astype(expected.dtype), expected, model.rel)

    @found.case(f"{kind}: predict with a version", RECORDED)
    def _():
        model = server.model("iris", 1)
        equal(np.asarray(client.predict({"input-0": model.rows()}, "iris", 1), object), model.answer("predict"))

    @found.case(f"{kind}: predict of strings", RECORDED)
    def _():
        model = server.model("reviews")
        texts = [text for text in model.rows().ravel() if text][:5]
        kept = [i for i, text in enumerate(model.rows().ravel()) if text][:5]
        got = client.predict({"input-0": np.array([[text.encode()] for text in texts])}, "reviews")
        equal(np.asarray(got), model.answer("predict", kind="df")[kept])

    @found.case(f"{kind}: get_model_status", REQUEST)
    def _():
        equal({version: s["state"] for version, s in client.get_model_status("iris", 1).items()}, {1: "AVAILABLE"})
        # Over REST the client asks for version 0 where none is named.
        equal(sorted(client.get_model_status("iris")), [1, 2])

    @found.case(f"{kind}: get_model_metadata", RECORDED)
    def _():
        metadata = client.get_model_metadata("image")
        if "inputs" not in metadata:  # the client knows only its own server's spelling of the REST document
            signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["image"]
            metadata = {"inputs": {"image": {"shape": [int(d["size"]) for d in signature["tensor_shape"]["dim"]]}}}
        equal(metadata["inputs"]["image"]["shape"], [-1, 8, 8, 3])

    @found.case(f"{kind}: refused: an unknown model, a wrong shape", REFUSAL)
    def _():
        with refused(ovmsclient.ModelNotFoundError, "nowhere"):
            client.predict({"x": np.ones((1, 1))}, "nowhere")
        with refused(ovmsclient.ModelNotFoundError, "nowhere"):
            client.get_model_status("nowhere")
        with refused(ovmsclient.InvalidInputError):
            client.predict({"input-0": np.ones((1, 3))}, "ridge")
