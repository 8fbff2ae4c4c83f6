# SPDX-License-Identifier: MIT
"""The HTTP libraries that people write clients with: every protocol, in the words of each library."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import httpx
import requests
import urllib3

from harness import PROTOCOL, RECORDED, REFUSAL, Cases, close, equal, has
from server import Server

CLIENT = "requests, httpx, aiohttp, urllib3"
PACKAGES = ["requests", "httpx", "aiohttp", "urllib3"]
N = 6  # rows of a request
SERVER = {"environment": {"WEIR_DEFAULT_MODEL": "flowers"}}


@dataclass
class Answer:
    status: int
    headers: Any
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Library:
    """An HTTP library: sends a body, JSON if it is no text, and gives the answer."""

    name: str
    send: Callable[[str, str, Any, dict], Awaitable[Answer]]

    async def get(self, path: str, status: int = 200, **headers: str) -> Answer:
        return await self._checked("GET", path, None, headers, status)

    async def post(self, path: str, body: Any, status: int = 200, **headers: str) -> Answer:
        return await self._checked("POST", path, body, headers, status)

    async def _checked(self, method: str, path: str, body: Any, headers: dict, status: int) -> Answer:
        answer = await self.send(method, path, body, {name.replace("_", "-"): v for name, v in headers.items()})
        if answer.status != status:
            raise AssertionError(f"expected {status}, got {answer.status}: {answer.text[:200]}")
        return answer


def libraries(base: str) -> list[Library]:
    """Returns each library, as its documentation uses it: a session, JSON by the library's own argument."""
    session, pool, client = requests.Session(), urllib3.PoolManager(), httpx.AsyncClient()
    later: dict[str, aiohttp.ClientSession] = {}

    async def by_requests(method: str, path: str, body: Any, headers: dict) -> Answer:
        form = {"data": body.encode()} if isinstance(body, str) else {"json": body} if body is not None else {}
        answer = session.request(method, base + path, headers=headers, timeout=30, **form)
        return Answer(answer.status_code, answer.headers, answer.text)

    async def by_urllib3(method: str, path: str, body: Any, headers: dict) -> Answer:
        form = {"body": body.encode()} if isinstance(body, str) else {"json": body} if body is not None else {}
        answer = pool.request(method, base + path, headers=headers, timeout=30, retries=False, **form)
        return Answer(answer.status, answer.headers, answer.data.decode())

    async def by_httpx(method: str, path: str, body: Any, headers: dict) -> Answer:
        form = {"content": body.encode()} if isinstance(body, str) else {"json": body} if body is not None else {}
        answer = await client.request(method, base + path, headers=headers, timeout=30, **form)
        return Answer(answer.status_code, answer.headers, answer.text)

    async def by_aiohttp(method: str, path: str, body: Any, headers: dict) -> Answer:
        if not later:
            later["session"] = aiohttp.ClientSession()
        form = {"data": body.encode()} if isinstance(body, str) else {"json": body} if body is not None else {}
        async with later["session"].request(method, base + path, headers=headers, **form) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    return [Library("requests", by_requests), Library("httpx", by_httpx), Library("aiohttp", by_aiohttp),
            Library("urllib3", by_urllib3)]


def add_flask(cases: Cases, http: Library, server: Server) -> None:
    iris, everyday, scaler = server.model("iris"), server.model("everyday"), server.model("scaler")

    @cases.case(f"{http.name}: Flask style, rows, one row", RECORDED)
    async def _():
        answer = await http.post("/predict/iris", {"features": iris.rows(N).tolist()})
        equal(answer.json(), {"prediction": list(iris.answer("predict", N))})
        equal(answer.headers["content-type"], "application/json")
        answer = await http.post("/predict/iris", {"features": iris.rows(1)[0].tolist()})
        equal(answer.json(), {"prediction": list(iris.answer("predict", 1))})

    @cases.case(f"{http.name}: Flask style, every key of the body", RECORDED)
    async def _():
        rows = iris.rows(2).tolist()
        answered = {"instances": "predictions", "x": "y"}
        for key in ("features", "instances", "data", "input", "inputs", "X", "x"):
            answer = (await http.post("/predict/iris", {key: rows})).json()
            equal(answer, {answered.get(key, "prediction"): list(iris.answer("predict", 2))})

    @cases.case(f"{http.name}: Flask style, objects by column name, probabilities", RECORDED)
    async def _():
        rows, kept = everyday.records()
        answer = (await http.post("/predict_proba/everyday", {"features": rows})).json()
        close(answer["probabilities"], everyday.answer("predict_proba", kind="df")[kept])

    @cases.case(f"{http.name}: Flask style, transform", RECORDED)
    async def _():
        answer = (await http.post("/transform/scaler", {"features": scaler.rows(N).tolist()})).json()
        close(answer["transformed"], scaler.answer("transform", N))

    @cases.case(f"{http.name}: Flask style refused: unknown model, no JSON, no rows, text", REFUSAL)
    async def _():
        for path, body, status in (("/predict/nowhere", {"features": [[1]]}, 404), ("/predict/iris", "{", 400),
                                   ("/predict/iris", {"a": 1}, 400), ("/predict/iris", {"features": ["a"]}, 400)):
            answer = await http.post(path, body, status)
            equal(list(answer.json()), ["error"])

    @cases.case(f"{http.name}: health routes", PROTOCOL)
    async def _():
        equal((await http.get("/")).json()["status"], "alive")
        for path in ("/healthz", "/health", "/ping", "/v2/health/live", "/v2/health/ready"):
            await http.get(path)


def add_v2(cases: Cases, http: Library, server: Server) -> None:
    wine = server.model("wine")

    @cases.case(f"{http.name}: v2 in JSON, answer compressed where the library asks for it", RECORDED)
    async def _():
        rows = wine.rows(12)
        body = {"id": "7", "inputs": [{"name": "x", "shape": [12, 13], "datatype": "FP32", "data": rows.tolist()}],
                "outputs": [{"name": "predict_proba"}]}
        answer = (await http.post("/v2/models/wine/infer", body, accept_encoding="gzip, deflate")).json()
        equal((answer["id"], answer["model_name"], answer["model_version"]), ("7", "wine", "1"))
        (output,) = answer["outputs"]
        equal((output["name"], output["datatype"], output["shape"]), ("predict_proba", "FP32", [12, 3]))
        close(output["data"], wine.answer("predict_proba", 12, "f4").ravel(), 1e-6)


def add_tensorflow(cases: Cases, http: Library, server: Server) -> None:
    iris, towers = server.model("iris"), server.model("towers")

    @cases.case(f"{http.name}: TensorFlow Serving, rows", RECORDED)
    async def _():
        body = {"signature_name": "serving_default", "instances": iris.rows(N).tolist()}
        for path in ("/v1/models/iris", "/v1/models/iris/versions/2", "/v1/models/iris/labels/stable"):
            equal((await http.post(f"{path}:predict", body)).json(), {"predictions": list(iris.answer("predict", N))})

    @cases.case(f"{http.name}: TensorFlow Serving, columns, named inputs", RECORDED)
    async def _():
        asked = {name: a.tolist() for name, a in towers.tensors("in", 1).items()}
        answer = (await http.post("/v1/models/towers:predict", {"inputs": asked})).json()
        for name, expected in towers.tensors("out", 1).items():
            close(answer["outputs"][name], expected, 1e-5)

    @cases.case(f"{http.name}: TensorFlow Serving, rows as objects", RECORDED)
    async def _():
        asked = {name: a.tolist() for name, a in towers.tensors("in", 1).items()}
        rows = [dict(zip(asked, values)) for values in zip(*asked.values())]
        answer = (await http.post("/v1/models/towers:predict", {"instances": rows})).json()["predictions"]
        for name, expected in towers.tensors("out", 1).items():
            close([row[name] for row in answer], expected, 1e-5)

    @cases.case(f"{http.name}: TensorFlow Serving, b64, NaN and Infinity", RECORDED)
    async def _():
        reviews, scaler = server.model("reviews"), server.model("scaler")
        answer = (await http.post("/v1/models/reviews:predict", {"instances": [{"b64": "ZmluZQ=="}, "fine"]})).json()
        equal(answer["predictions"][0], answer["predictions"][1])
        equal(answer["predictions"][0] in reviews.answer("predict", kind="df"), True)
        row = scaler.rows(1).tolist()
        row[0][0] = math.nan
        answer = await http.post("/v1/models/scaler:predict", json.dumps({"instances": row}))
        has(answer.text, r"\bNaN\b")

    @cases.case(f"{http.name}: TensorFlow Serving, status, metadata", PROTOCOL)
    async def _():
        status = (await http.get("/v1/models/iris")).json()["model_version_status"]
        equal({s["version"]: (s["state"], s["status"]["error_code"]) for s in status},
              {"1": ("AVAILABLE", "OK"), "2": ("AVAILABLE", "OK")})
        metadata = (await http.get("/v1/models/towers/metadata")).json()
        signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
        equal(signature["inputs"]["user"]["dtype"], "DT_FLOAT")
        equal([dim["size"] for dim in signature["inputs"]["user"]["tensor_shape"]["dim"]], ["-1", "5"])

    @cases.case(f"{http.name}: TensorFlow Serving refused", REFUSAL)
    async def _():
        for path, body, status in (("/v1/models/nowhere:predict", {"instances": [[1]]}, 404),
                                   ("/v1/models/iris:predict", {}, 400), ("/v1/models/iris:predict", "", 400),
                                   ("/v1/models/iris:predict", {"instances": [[1, 2], [3]]}, 400),
                                   ("/v1/models/iris:predict", {"instances": [[1]], "inputs": [[1]]}, 400),
                                   ("/v1/models/iris:prophesy", {"instances": [[1]]}, 400)):
            equal(list((await http.post(path, body, status)).json()), ["error"])

    @cases.case(f"{http.name}: KServe v1, models, model, predict", RECORDED)
    async def _():
        equal({"iris", "towers"} - set((await http.get("/v1/models")).json()["models"]), set())
        model = (await http.get("/v1/models/iris")).json()
        equal((model["name"], model["ready"]), ("iris", True))
        answer = await http.post("/v1/models/iris:predict", {"instances": iris.rows(N).tolist()}, x_request_id="7")
        equal(answer.json()["predictions"], list(iris.answer("predict", N)))


def add_mlflow(cases: Cases, http: Library, server: Server) -> None:
    flowers = server.model("flowers")
    rows, expected, names = flowers.rows(N).tolist(), list(flowers.answer("predict", N)), flowers.features
    records = [dict(zip(names, row)) for row in rows]

    @cases.case(f"{http.name}: MLflow, every form of /invocations", RECORDED)
    async def _():
        for body in ({"dataframe_split": {"columns": names, "data": rows}},
                     {"dataframe_split": {"columns": names[::-1], "data": [row[::-1] for row in rows]}},
                     {"dataframe_records": records, "params": {"a": 1}}, {"instances": rows}, {"inputs": rows},
                     {"inputs": {name: [row[i] for row in rows] for i, name in enumerate(names)}}):
            equal((await http.post("/invocations", body)).json(), {"predictions": expected})

    @cases.case(f"{http.name}: MLflow, CSV with a header, with quotes, columns in another order", RECORDED)
    async def _():
        for order, quote, end in ((names, "", "\n"), (names[::-1], '"', "\r\n")):
            lines = [",".join(f"{quote}{name}{quote}" for name in order)]
            lines += [",".join(str(record[name]) for name in order) for record in records]
            answer = await http.post("/invocations", end.join(lines) + end, content_type="text/csv; charset=utf-8")
            equal(answer.json(), {"predictions": expected})

    @cases.case(f"{http.name}: MLflow refused, in its words", REFUSAL)
    async def _():
        for body in ([[1]], {}, {"inputs": rows, "instances": rows}, {"dataframe_split": {"columns": names}},
                     {"dataframe_records": [{"sepal_length": 1}]}):
            equal((await http.post("/invocations", body, 400)).json()["error_code"], "BAD_REQUEST")
        answer = await http.post("/invocations", "a", 415, content_type="application/xml")
        has(answer.headers["content-type"], "^text/plain")

    @cases.case(f"{http.name}: SageMaker, CSV without a header, in and out", RECORDED)
    async def _():
        text = "\n".join(",".join(map(str, row)) for row in rows)
        answer = await http.post("/invocations", text, content_type="text/csv", accept="text/csv")
        equal(answer.text.split(), expected)
        has(answer.headers["content-type"], "^text/csv")
        equal((await http.get("/ping")).text, "")


def add_transport(cases: Cases, libraries_: list[Library], server: Server) -> None:
    """What only one library does, and what is asked once."""
    iris = server.model("iris")
    asked = json.dumps({"features": iris.rows(N).tolist()})
    expected = {"prediction": list(iris.answer("predict", N))}
    url = f"http://{server.address}/predict/iris"

    @cases.case("httpx, aiohttp, requests: a chunked body", RECORDED)
    async def _():
        async def parts() -> AsyncIterator[bytes]:
            for i in range(0, len(asked), 100):
                yield asked[i : i + 100].encode()

        async with httpx.AsyncClient() as client:
            equal((await client.post(url, content=parts())).json(), expected)
        async with aiohttp.ClientSession() as client, client.post(url, data=parts()) as answer:
            equal(await answer.json(), expected)
        equal(requests.post(url, data=iter([asked[:9].encode(), asked[9:].encode()]), timeout=30).json(), expected)

    @cases.case("aiohttp: Expect: 100-continue", RECORDED)
    async def _():
        async with aiohttp.ClientSession() as client, client.post(url, data=asked, expect100=True) as answer:
            equal(await answer.json(), expected)

    @cases.case("aiohttp: a deflated body", RECORDED)
    async def _():
        async with aiohttp.ClientSession() as client, client.post(url, data=asked, compress="deflate") as answer:
            equal(await answer.json(), expected)

    @cases.case("httpx over HTTP/2: 50 calls at once on one connection", RECORDED, replays=False)
    async def _():
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(http1=False, http2=True, limits=limits, timeout=30) as client:
            answers = await asyncio.gather(*(client.post(url, content=asked) for _ in range(50)))
        equal({answer.http_version for answer in answers}, {"HTTP/2"})
        equal([answer.json() for answer in answers], [expected] * 50)

    @cases.case("each: 100 calls on one session, concurrently where it can", RECORDED, replays=False)
    async def _():
        for http in libraries_:
            answers = await asyncio.gather(*(http.post("/predict/iris", asked) for _ in range(100)))
            equal([answer.json() for answer in answers], [expected] * 100)


def cases(server: Server) -> Cases:
    found, all_of_them = Cases(), libraries(f"http://{server.address}")
    for http in all_of_them:
        for add in (add_flask, add_v2, add_tensorflow, add_mlflow):
            add(found, http, server)
    add_transport(found, all_of_them, server)
    return found
