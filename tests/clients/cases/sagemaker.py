# SPDX-License-Identifier: MIT
"""What SageMaker asks of a container, by requests: started as `serve`, all else in the environment."""

import requests

from harness import PROTOCOL, RECORDED, REFUSAL, Cases, equal, has
from server import Server

CLIENT = "requests, as SageMaker"
PACKAGES = ["requests"]
SERVER = {"command": ["serve"],
          "environment": {"WEIR_LISTEN": "", "SM_MODEL_DIR": "{models}/flowers", "SAGEMAKER_BIND_TO_PORT": "{port}",
                          "WEIR_STATE_DIR": "off", "WEIR_DRAIN_DELAY": "0s"}}


def cases(server: Server) -> Cases:
    model = server.model("flowers")
    rows, expected = model.rows(6).tolist(), list(model.answer("predict", 6))
    url = f"http://{server.address}"
    text = "\n".join(",".join(map(str, row)) for row in rows)
    found = Cases()

    def invoke(body: object, status: int = 200, **headers: str) -> requests.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"data": body} if isinstance(body, str) else {"json": body}
        answer = requests.post(f"{url}/invocations", headers=names, timeout=20, **sent)
        equal(answer.status_code, status)
        return answer

    @found.case("GET /ping: empty", PROTOCOL)
    def _():
        answer = requests.get(f"{url}/ping", timeout=2)
        equal((answer.status_code, answer.content), (200, b""))

    @found.case("CSV without a header, CSV back", RECORDED)
    def _():
        answer = invoke(text, content_type="text/csv", accept="text/csv",
                        X_Amzn_SageMaker_Custom_Attributes="trace=7")
        equal(answer.text.split(), expected)
        has(answer.headers["content-type"], "^text/csv")

    @found.case("a list of rows, JSON back", RECORDED)
    def _():
        equal(invoke(rows, accept="application/json").json(), expected)

    @found.case("CSV, the default answer", RECORDED)
    def _():
        for accept in ("*/*", "application/json"):
            equal(invoke(text, content_type="text/csv", accept=accept).status_code, 200)

    @found.case("refused: a type that is none, rows of another width", REFUSAL)
    def _():
        invoke("<a/>", 415, content_type="application/xml")
        invoke("1,2\n", 400, content_type="text/csv")

    @found.case("GET /execution-parameters, for batch transform", PROTOCOL)
    def _():
        answer = requests.get(f"{url}/execution-parameters", timeout=5).json()
        equal({"MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB"} - set(answer), set())

    return found
