# SPDX-License-Identifier: MIT
"""MLflow's ScoringServerClient."""

import json

import numpy as np
import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

from harness import CLIENT as ACCEPTED
from harness import RECORDED, REFUSAL, Cases, equal, has, refused
from server import Server

CLIENT = "mlflow ScoringServerClient"
PACKAGES = ["mlflow-skinny", "pandas", "requests"]
SERVER = {"environment": {"WEIR_DEFAULT_MODEL": "flowers"}}


def cases(server: Server) -> Cases:
    client = ScoringServerClient(*server.address.split(":"))
    model = server.model("flowers")
    frame = pd.DataFrame(model.rows(), columns=model.features)
    expected = list(model.answer("predict"))
    found = Cases()

    @found.case("wait_server_ready, ping", ACCEPTED)
    def _():
        client.wait_server_ready(timeout=5)
        client.ping()

    @found.case("get_version", ACCEPTED)
    def _():
        has(client.get_version(), r"^\d+\.\d+(\.\d+)?$")

    @found.case("invoke(DataFrame)", RECORDED)
    def _():
        answer = client.invoke(frame)
        equal(answer["predictions"], expected)
        equal(answer.get_predictions()[0].tolist(), expected)

    @found.case("invoke(DataFrame), columns in another order, one too many", RECORDED)
    def _():
        equal(client.invoke(frame[frame.columns[::-1]].assign(extra=1.0))["predictions"], expected)

    @found.case("invoke(DataFrame) with an index of texts", RECORDED)
    def _():
        equal(client.invoke(frame.set_axis([f"row {i}" for i in range(len(frame))]))["predictions"], expected)

    @found.case("invoke(ndarray)", RECORDED)
    def _():
        equal(client.invoke(model.rows())["predictions"], expected)

    @found.case("invoke(list of lists)", RECORDED)
    def _():
        equal(client.invoke(model.rows(2).tolist())["predictions"], expected[:2])

    @found.case("invoke(text), inputs by name", RECORDED)  # its own way to send a dict fails in the client
    def _():
        columns = {name: frame[name].tolist() for name in frame}
        equal(client.invoke(json.dumps({"inputs": columns}))["predictions"], expected)

    @found.case("invoke with params", RECORDED)
    def _():
        equal(client.invoke(frame, params={"threshold": 0.5})["predictions"], expected)

    @found.case("invoke refused: a missing column", REFUSAL)
    def _():
        with refused(Exception, r"error code 400.*petal_width"):
            client.invoke(frame.drop(columns="petal_width"))

    @found.case("invoke refused: text for numbers", REFUSAL)
    def _():
        with refused(Exception, r"error code 400.*BAD_REQUEST"):
            client.invoke(frame.astype(str).replace("5.1", "long"))

    @found.case("invoke refused: rows of different lengths", REFUSAL)
    def _():
        with refused(Exception, r"error code 400.*BAD_REQUEST"):
            client.invoke([[1.0, 2.0, 3.0, 4.0], [1.0]])

    @found.case("invoke(DataFrame) of 20,000 rows", RECORDED, replays=False)
    def _():
        n = 20_000
        got = client.invoke(pd.DataFrame(np.resize(model.rows(), (n, 4)), columns=model.features))["predictions"]
        equal(got, [expected[i % len(expected)] for i in range(n)])

    return found
