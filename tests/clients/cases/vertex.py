# SPDX-License-Identifier: MIT
"""What Vertex AI asks of a container, by requests: port, routes and models from AIP_ variables."""

import requests

from harness import PROTOCOL, RECORDED, REFUSAL, Cases, equal
from server import Server

CLIENT = "requests, as Vertex AI"
PACKAGES = ["requests"]
PREDICT, HEALTH = "/v1/endpoints/77/deployedModels/8:predict", "/v1/endpoints/77/deployedModels/8"
SERVER = {"command": ["serve"], "environment": {"WEIR_LISTEN": "", "WEIR_STATE_DIR": "off", "WEIR_DRAIN_DELAY": "0s",
                                                "AIP_HTTP_PORT": "{port}", "AIP_MODE": "PREDICTION",
                                                "AIP_PREDICT_ROUTE": PREDICT, "AIP_HEALTH_ROUTE": HEALTH,
                                                "AIP_STORAGE_URI": "{models}/flowers"}}


def cases(server: Server) -> Cases:
    model = server.model("flowers")
    rows, expected = model.rows(6).tolist(), list(model.answer("predict", 6))
    url = f"http://{server.address}"
    found = Cases()

    def predict(body: dict, status: int = 200) -> dict:
        answer = requests.post(url + PREDICT, json=body, timeout=20)
        equal(answer.status_code, status)
        return answer.json()

    @found.case("GET $AIP_HEALTH_ROUTE", PROTOCOL)
    def _():
        equal(requests.get(url + HEALTH, timeout=10).status_code, 200)

    @found.case("POST $AIP_PREDICT_ROUTE, instances", RECORDED)
    def _():
        equal(predict({"instances": rows})["predictions"], expected)

    @found.case("instances by name, with parameters", RECORDED)
    def _():
        named = [dict(zip(model.features, row)) for row in rows]
        equal(predict({"instances": named, "parameters": {"confidence": 0.5}})["predictions"], expected)

    @found.case("refused: instances that are none", REFUSAL)
    def _():
        equal("error" in predict({"instances": 5}, 400), True)

    return found
