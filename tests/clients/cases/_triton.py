# SPDX-License-Identifier: MIT
"""The calls that all four of tritonclient's clients have: HTTP and gRPC, each blocking and asynchronous."""

import inspect
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from harness import CLIENT, PROTOCOL, RECORDED, REFUSAL, REQUEST, Cases, close, equal, has, refused
from server import Server

# The statuses of refusals, as each kind of client tells them.
STATUS = {
    "invalid": ("400", "StatusCode.INVALID_ARGUMENT"),
    "unknown": ("404", "StatusCode.NOT_FOUND"),
    "unsupported": ("501", "StatusCode.UNIMPLEMENTED"),
}


@dataclass
class Api:
    """One of the four: its module, a client of the main listener and one of the admin listener.

    replays_types: whether its calls with each type are kept; once for JSON and once for gRPC is enough.
    """

    module: ModuleType
    client: Any
    admin: Any
    is_http: bool
    replays_types: bool

    async def call(self, name: str, *args: Any, is_admin: bool = False, **kwargs: Any) -> Any:
        """Makes a call of either kind of client; documents come as plain dicts and lists."""
        method = getattr(self.admin if is_admin else self.client, name)
        if "as_json" in inspect.signature(method).parameters:
            kwargs["as_json"] = True
        result = method(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    def tensor(self, name: str, array: np.ndarray, is_binary: bool = True) -> Any:
        """Makes an input of the client."""
        tensor = self.module.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        if array.dtype == object:
            array = np.array([v.encode() for v in array.ravel()], object).reshape(array.shape)
        binary = {"binary_data": is_binary} if self.is_http else {}
        return tensor.set_data_from_numpy(array, **binary)

    def output(self, name: str, is_binary: bool = True, **kwargs: Any) -> Any:
        """Makes a requested output of the client."""
        binary = {"binary_data": is_binary} if self.is_http else {}
        return self.module.InferRequestedOutput(name, **binary, **kwargs)

    async def infer(self, model: str, inputs: dict[str, np.ndarray], outputs: list[str] | None = None,
                    is_binary: bool = True, **kwargs: Any) -> Any:
        """Asks for a prediction with inputs and outputs of one form."""
        tensors = [self.tensor(name, array, is_binary=is_binary) for name, array in inputs.items()]
        wanted = None if outputs is None else [self.output(name, is_binary) for name in outputs]
        return await self.call("infer", model, tensors, outputs=wanted, **kwargs)

    def refused(self, kind: str, pattern: str = "") -> Any:
        """Expects the client's error with the status of this kind of refusal."""

        def check(error: InferenceServerException) -> None:
            equal(str(error.status()), STATUS[kind][0 if self.is_http else 1])

        return refused(InferenceServerException, pattern, check)


def document(value: Any, key: str) -> Any:
    """Returns a member of the answer, where it is not the answer itself, as in some documents over HTTP."""
    return value.get(key, value) if isinstance(value, dict) else value


def add_health(cases: Cases, api: Api) -> None:
    @cases.case("is_server_live, is_server_ready", CLIENT)
    async def _():
        equal(await api.call("is_server_live"), True)
        equal(await api.call("is_server_ready"), True)

    @cases.case("is_model_ready, with and without version", CLIENT)
    async def _():
        equal(await api.call("is_model_ready", "iris"), True)
        equal(await api.call("is_model_ready", "iris", "1"), True)

    @cases.case("is_model_ready of what is not there", CLIENT)
    async def _():
        for name, version in (("nowhere", ""), ("iris", "77")):
            try:
                equal(await api.call("is_model_ready", name, version), False)
            except InferenceServerException as error:  # gRPC tells it so
                equal(str(error.status()), STATUS["unknown"][1])


def add_metadata(cases: Cases, api: Api, server: Server) -> None:
    @cases.case("get_server_metadata", PROTOCOL)
    async def _():
        metadata = await api.call("get_server_metadata")
        equal(metadata["name"], "weir")
        equal({"binary_tensor_data", "classification", "model_repository", "statistics"} - set(metadata["extensions"]),
              set())

    @cases.case("get_model_metadata, every datatype", RECORDED)
    async def _():
        metadata = await api.call("get_model_metadata", "every_type")
        for side, direction in (("inputs", "in"), ("outputs", "out")):
            tensors = server.model("every_type").tensors(direction)
            equal({t["name"]: t["datatype"] for t in metadata[side]},
                  {name: np_to_triton_dtype(a.dtype) for name, a in tensors.items()})

    @cases.case("get_model_metadata of a version", REQUEST)
    async def _():
        equal((await api.call("get_model_metadata", "iris", "1"))["versions"], ["1"])
        equal(sorted((await api.call("get_model_metadata", "iris"))["versions"]), ["1", "2"])

    @cases.case("get_model_metadata of what is not there", REFUSAL)
    async def _():
        with api.refused("unknown", "nowhere"):
            await api.call("get_model_metadata", "nowhere")

    @cases.case("get_model_config", RECORDED)
    async def _():
        config = await api.call("get_model_config", "towers")
        config = config.get("config", config)
        equal(config["name"], "towers")
        equal([(t["name"], t["data_type"], [int(d) for d in t.get("dims", [])]) for t in config["input"]],
              [("user", "TYPE_FP32", [5]), ("item", "TYPE_FP64", [7]), ("weight", "TYPE_FP32", [1])])
        equal(int(config["max_batch_size"]) > 0, True)


def add_types(cases: Cases, api: Api, server: Server) -> None:
    """Every element type in and out, and what is special about some."""
    model = server.model("every_type")
    inputs, outputs = model.tensors("in"), model.tensors("out")

    async def play(name: str, is_binary: bool) -> None:
        is_in_binary = is_binary or inputs[name].dtype == np.float16  # which the client itself refuses to send as JSON
        tensors = [api.tensor(n, a, is_binary=is_in_binary if n == name else True) for n, a in inputs.items()]
        result = await api.call("infer", "every_type", tensors, outputs=[api.output(f"{name}_out", is_binary)])
        got = result.as_numpy(f"{name}_out")
        equal(got, outputs[f"{name}_out"])
        equal(got.dtype.kind, outputs[f"{name}_out"].dtype.kind)

    for name, array in inputs.items():
        datatype = np_to_triton_dtype(array.dtype)
        for is_binary in (True, False) if api.is_http else (True,):
            form = "raw" if not api.is_http else "binary" if is_binary else "JSON"
            cases.case(f"infer {datatype} in and out, {form}", RECORDED, name, is_binary,
                       replays=api.replays_types and (not is_binary or not api.is_http))(play)

    @cases.case("infer, all outputs of all types, none asked for", RECORDED)
    async def _():
        result = await api.infer("every_type", inputs)
        for name, expected in outputs.items():
            equal(result.as_numpy(name), expected)

    @cases.case("infer BF16", "the same numbers as FP32")
    async def _():
        rows = server.model("wine").rows(3).astype(ml_dtypes.bfloat16)
        half = await api.infer("wine", {"input-0": rows}, ["predict_proba"])
        full = await api.infer("wine", {"input-0": rows.astype(np.float32)}, ["predict_proba"])
        equal(half.as_numpy("predict_proba"), full.as_numpy("predict_proba"))

    async def not_finite(is_binary: bool) -> None:
        strange = dict(inputs, f32=np.array([[np.nan, np.inf], [-np.inf, -0.0]], np.float32),
                       f64=np.array([[np.nan, np.inf], [-np.inf, 1e300]]))
        strange = {name: array[:2] for name, array in strange.items()}
        tensors = [api.tensor(n, a, is_binary=is_binary or a.dtype == np.float16) for n, a in strange.items()]
        names = ["f32_out", "f64_out"]
        result = await api.call("infer", "every_type", tensors, outputs=[api.output(n, is_binary) for n in names])
        for name in names:
            equal(result.as_numpy(name), strange[name.removesuffix("_out")])

    for is_binary in (True, False) if api.is_http else (True,):
        form = "raw" if not api.is_http else "binary" if is_binary else "JSON"
        cases.case(f"infer NaN, Infinity, -Infinity, -0.0, {form}", REQUEST, is_binary)(not_finite)

    @cases.case("infer 0 rows", REQUEST)
    async def _():
        none = {name: array[:0] for name, array in inputs.items()}
        result = await api.infer("every_type", none, ["f32_out", "s_out"])
        equal(result.as_numpy("f32_out").shape, (0, 2))
        equal(result.as_numpy("s_out").shape, (0, 2))
        result = await api.infer("ridge", {"input-0": server.model("ridge").rows(0)}, ["predict"])
        equal(result.as_numpy("predict").shape, (0,))


def add_models(cases: Cases, api: Api, server: Server) -> None:
    """Every kind of model."""

    async def matrix(name: str, output: str, rel: float, kind: str) -> None:
        model = server.model(name)
        rows = model.rows(12).astype(f"<{kind}")
        result = await api.infer(name, {"input-0": rows}, [output])
        expected = model.answer(output, 12, kind)
        close(result.as_numpy(output), expected, rel) if rel else equal(result.as_numpy(output), expected)

    for name, output, rel, kind in (("iris", "predict", 0, "f8"), ("iris", "predict_proba", 1e-12, "f4"),
                                    ("ridge", "predict", 1e-12, "f8"), ("wine", "predict", 0, "f4"),
                                    ("wine", "predict_proba", 1e-6, "f4"), ("wine", "leaf", 0, "f4"),
                                    ("tags", "predict", 0, "f8"), ("scaler", "transform", 1e-12, "f8")):
        cases.case(f"infer {output} of {name}, {'FP64' if kind == 'f8' else 'FP32'} matrix", RECORDED, name, output,
                   rel, kind)(matrix)

    @cases.case("infer the default outputs, one row", RECORDED)
    async def _():
        model = server.model("iris")
        result = await api.infer("iris", {"input-0": model.rows(1)})
        equal(result.as_numpy("predict"), model.answer("predict", 1))

    @cases.case("infer with model_version", RECORDED)
    async def _():
        for version in (1, 2):
            model = server.model("iris", version)
            result = await api.infer("iris", {"input-0": model.rows()}, ["predict_proba"], model_version=str(version))
            close(result.as_numpy("predict_proba"), model.answer("predict_proba"))
            response = result.get_response()
            equal(str(response["model_version"] if api.is_http else response.model_version), str(version))

    async def frame(is_shuffled: bool) -> None:
        model = server.model("everyday")
        columns, kept = model.columns()
        expected = model.answer("predict_proba", kind="df")[kept]
        if is_shuffled:
            columns = dict(reversed(columns.items()))
        result = await api.infer("everyday", columns, ["predict_proba"])
        close(result.as_numpy("predict_proba"), expected)

    cases.case("infer a frame, a tensor for each column", RECORDED, False)(frame)
    cases.case("infer a frame, columns in another order", RECORDED, True)(frame)

    @cases.case("infer texts, BYTES", RECORDED)
    async def _():
        model = server.model("reviews")
        result = await api.infer("reviews", {"input-0": model.rows(8)}, ["predict_proba"])
        close(result.as_numpy("predict_proba"), model.answer("predict_proba", 8, "df"), 1e-11)

    async def graph(name: str, request: int, names: list[str] | None) -> None:
        model = server.model(name)
        expected = model.tensors("out", request)
        result = await api.infer(name, model.tensors("in", request), names)
        for output in names or expected:
            close(result.as_numpy(output), expected[output], model.rel)
        if names:
            response = result.get_response()
            outputs = [o["name"] for o in response["outputs"]] if api.is_http else [o.name for o in response.outputs]
            equal(outputs, names)

    cases.case("infer an ONNX image network, 32 x 8 x 8 x 3", RECORDED, "image", 0, None, replays=False)(graph)
    cases.case("infer an ONNX image network, 1 x 8 x 8 x 3", RECORDED, "image", 2, None)(graph)
    cases.case("infer an ONNX graph of three inputs and three outputs", RECORDED, "towers", 1, None)(graph)
    cases.case("infer two of its outputs", RECORDED, "towers", 1, ["any", "score"])(graph)

    @cases.case("infer a scalar in and out", RECORDED)
    async def _():
        model = server.model("scalar")
        asked, expected = model.tensors("in"), model.tensors("out")
        result = await api.infer("scalar", dict(asked, k=asked["k"].reshape(())))
        close(result.as_numpy("y"), expected["y"])
        close(result.as_numpy("sum"), expected["sum"].reshape(()))

    @cases.case("infer classification, class_count=2", RECORDED)
    async def _():
        model = server.model("wine")
        rows = model.rows(4).astype(np.float32)
        result = await api.call("infer", "wine", [api.tensor("input-0", rows)],
                                outputs=[api.output("predict_proba", class_count=2)])
        got = result.as_numpy("predict_proba")
        equal(got.shape, (4, 2))
        for texts, scores in zip(got, model.answer("predict_proba", 4, "f4")):
            for text, i in zip(texts, np.argsort(-scores, kind="stable")):
                value, index = text.decode().split(":")[:2]
                equal(int(index), int(i))
                close(float(value), scores[i], 1e-5)


def add_parameters(cases: Cases, api: Api, server: Server) -> None:
    ridge = server.model("ridge")
    asked = {"input-0": ridge.rows(1)}

    @cases.case("infer with request_id", REQUEST)
    async def _():
        response = (await api.infer("ridge", asked, request_id="order-77 é")).get_response()
        equal(response["id"] if api.is_http else response.id, "order-77 é")

    @cases.case("infer with priority, timeout and parameters of all types", RECORDED)
    async def _():
        result = await api.infer("ridge", asked, priority=2, timeout=9_000_000,
                                 parameters={"text": "a", "number": 7, "flag": True})
        close(result.as_numpy("predict"), ridge.answer("predict", 1))

    @cases.case("infer with sequence_id, which no model here keeps", RECORDED)
    async def _():
        result = await api.infer("ridge", asked, sequence_id=5, sequence_start=True, sequence_end=True)
        close(result.as_numpy("predict"), ridge.answer("predict", 1))

    @cases.case("infer with headers of one's own", RECORDED)
    async def _():
        result = await api.infer("ridge", asked, headers={"x-request-id": "7", "authorization": "none"})
        close(result.as_numpy("predict"), ridge.answer("predict", 1))


def add_refusals(cases: Cases, api: Api, server: Server) -> None:
    rows = {"input-0": server.model("ridge").rows(1)}
    tensors = server.model("towers").tensors("in", 2)

    async def play(kind: str, pattern: str, model: str, inputs: dict, outputs: list[str] | None, version: str) -> None:
        with api.refused(kind, pattern):
            await api.infer(model, inputs, outputs, model_version=version)
        if api.is_http:
            with api.refused(kind, pattern):
                await api.infer(model, inputs, outputs, is_binary=False, model_version=version)

    for what, kind, pattern, model, inputs, outputs, version in (
        ("an unknown model", "unknown", "nowhere", "nowhere", rows, None, ""),
        ("an unknown version", "unknown", "77", "iris", {"input-0": np.ones((1, 4))}, None, "77"),
        ("an unknown output", "invalid", "odds", "ridge", rows, ["odds"], ""),
        ("an unknown input", "invalid", "users", "towers", dict(tensors, users=tensors["user"]), None, ""),
        ("a missing input", "invalid", "weight", "towers", {n: tensors[n] for n in ("user", "item")}, None, ""),
        ("a row that is too wide", "invalid", "11|10", "ridge", {"input-0": np.ones((2, 11))}, None, ""),
        ("text for numbers", "invalid", r"user|inputs\[0\]", "towers",
         dict(tensors, user=np.full((1, 5), "a", object)), None, ""),
        ("Infinity where the library refuses it", "invalid", "row 0", "ridge",
         {"input-0": np.full((1, 10), np.inf)}, None, ""),
    ):
        cases.case(f"infer refused: {what}", REFUSAL, kind, pattern, model, inputs, outputs, version)(play)


def add_shared_memory(cases: Cases, api: Api) -> None:
    @cases.case("get_system_shared_memory_status, get_cuda_shared_memory_status: none", CLIENT)
    async def _():
        for kind in ("system", "cuda"):
            status = await api.call(f"get_{kind}_shared_memory_status")
            equal(status.get("regions", {}) if isinstance(status, dict) else status, {} if not api.is_http else [])

    @cases.case("register_system_shared_memory refused", REFUSAL)
    async def _():
        with api.refused("unsupported", "shared memory"):
            await api.call("register_system_shared_memory", "region", "/key", 64)

    @cases.case("register_cuda_shared_memory refused", REFUSAL)
    async def _():
        with api.refused("unsupported", "shared memory"):
            await api.call("register_cuda_shared_memory", "region", b"aGFuZGxl", 0, 64)

    @cases.case("infer from and to shared memory refused", REFUSAL)
    async def _():
        tensor = api.module.InferInput("input-0", [1, 10], "FP64")
        tensor.set_shared_memory("region", 80)
        with api.refused("unsupported", "shared memory"):
            await api.call("infer", "ridge", [tensor])
        output = api.output("predict")
        output.set_shared_memory("region", 8)
        with api.refused("unsupported", "shared memory"):
            await api.call("infer", "ridge", [api.tensor("input-0", np.ones((1, 10)))], outputs=[output])


def add_repository(cases: Cases, api: Api) -> None:
    async def index() -> dict[tuple[str, str], str]:
        found = document(await api.call("get_model_repository_index", is_admin=True), "models")
        return {(m["name"], m.get("version", "")): m.get("state", "") for m in found}

    @cases.case("get_model_repository_index", "the models served")
    async def _():
        states = await index()
        for key in (("iris", "1"), ("iris", "2"), ("every_type", "1"), ("flowers", "1")):
            equal(states.get(key), "READY")

    @cases.case("unload_model, load_model", "is_model_ready")
    async def _():
        await api.call("unload_model", "scaler", is_admin=True)
        equal((await index()).get(("scaler", "1")) == "READY", False)
        equal(await api.call("is_model_ready", "scaler"), False)
        await api.call("load_model", "scaler", is_admin=True)
        equal(await api.call("is_model_ready", "scaler"), True)

    @cases.case("load_model of what is not there", REFUSAL)
    async def _():
        with api.refused("unknown", "nowhere"):
            await api.call("load_model", "nowhere", is_admin=True)

    @cases.case("unload_model of what is not there", REFUSAL)
    async def _():
        with api.refused("unknown", "nowhere"):
            await api.call("unload_model", "nowhere", is_admin=True)


def add_operation(cases: Cases, api: Api, server: Server) -> None:
    """Statistics, log and trace settings."""

    async def counts() -> tuple[int, int, int]:
        (stats,) = document(await api.call("get_inference_statistics", "towers"), "model_stats")
        success = stats["inference_stats"]["success"]
        fail = stats["inference_stats"].get("fail", {})
        return int(success.get("count", 0)), int(stats.get("inference_count", 0)), int(fail.get("count", 0))

    # Durations are varints of any length over gRPC: no two answers are alike.
    @cases.case("get_inference_statistics of a model", "requests made and rows sent", replays=api.is_http)
    async def _():
        towers = server.model("towers")
        await api.infer("towers", towers.tensors("in", 2))
        before = await counts()
        for request in (1, 2):
            await api.infer("towers", towers.tensors("in", request))
        after = await counts()
        equal(tuple(b - a for a, b in zip(before, after)), (2, 8, 0))

    @cases.case("get_inference_statistics of all models", "the models served", replays=api.is_http)
    async def _():
        stats = document(await api.call("get_inference_statistics"), "model_stats")
        equal({("iris", "1"), ("iris", "2"), ("wine", "1")} - {(s["name"], s["version"]) for s in stats}, set())

    @cases.case("get_log_settings, update_log_settings", CLIENT)
    async def _():
        before = document(await api.call("get_log_settings", is_admin=True), "settings")
        equal({"log_info", "log_warning", "log_error", "log_verbose_level", "log_format"} - set(before), set())
        after = await api.call("update_log_settings", {"log_verbose_level": 1}, is_admin=True)
        has(document(after, "settings")["log_verbose_level"], "1")
        await api.call("update_log_settings", {"log_verbose_level": 0}, is_admin=True)

    @cases.case("get_trace_settings: off", CLIENT)
    async def _():
        settings = document(await api.call("get_trace_settings"), "settings")
        has(settings["trace_level"], "OFF")

    @cases.case("update_trace_settings: on is refused", REFUSAL)
    async def _():
        with api.refused("unsupported", "trac"):
            await api.call("update_trace_settings", settings={"trace_level": ["TIMESTAMPS"]}, is_admin=True)


def add_all(cases: Cases, api: Api, server: Server) -> None:
    add_health(cases, api)
    add_metadata(cases, api, server)
    add_types(cases, api, server)
    add_models(cases, api, server)
    add_parameters(cases, api, server)
    add_refusals(cases, api, server)
    add_shared_memory(cases, api)
    add_operation(cases, api, server)
    add_repository(cases, api)
