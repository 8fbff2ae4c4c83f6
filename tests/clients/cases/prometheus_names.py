# SPDX-License-Identifier: MIT
"""prometheus-client's parser on the metrics page with the names of Triton and TensorFlow Serving."""

import json
import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from harness import PROTOCOL, Cases, equal, has
from server import Server

CLIENT = "prometheus-client, other servers' names"
PACKAGES = ["prometheus-client"]
SERVER = {"environment": {"WEIR_METRICS_NAMES": "all"}}


def cases(server: Server) -> Cases:
    found = Cases()

    def scrape(path: str) -> dict:
        """Returns the samples by name and labels; the parser puts _total to counters that have it not."""
        with urllib.request.urlopen(f"http://{server.admin}{path}", timeout=10) as answer:
            has(answer.headers["Content-Type"], r"^text/plain; version=0\.0\.4")
            families = list(text_string_to_metric_families(answer.read().decode()))
        equal(len({family.name for family in families}), len(families))
        return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}

    def predict(body: dict) -> None:
        url = f"http://{server.address}/v1/models/ridge:predict"
        try:
            with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=10) as answer:
                answer.read()
        except urllib.error.HTTPError as e:
            equal(e.code, 400)

    def grown(path: str, keys: dict[tuple, float]) -> None:
        """Asks thrice for two rows and once for nothing; compares what the samples grew by."""
        before = scrape(path)
        for _ in range(3):
            predict({"instances": server.model("ridge").rows(2).tolist()})
        predict({})
        after = scrape(path)
        equal({key: after[key] - before.get(key, 0) for key in keys}, keys)

    @found.case("Triton's counters grow by requests, failures, rows and runs", "requests made and rows sent")
    def _():
        of = (("model", "ridge"), ("version", "1"))
        grown("/metrics", {("nv_inference_request_success_total", of): 3, ("nv_inference_count_total", of): 6,
                           ("nv_inference_exec_count_total", of): 3,
                           ("nv_inference_request_failure_total", (of[0], ("reason", "OTHER"), of[1])): 1,
                           ("nv_inference_request_failure_total", (of[0], ("reason", "BACKEND"), of[1])): 0})

    @found.case("TensorFlow Serving's counters grow by requests by status", "requests made and rows sent")
    def _():
        path, count = "/monitoring/prometheus/metrics", ":tensorflow:serving:request_count_total"
        grown(path, {(count, (("model_name", "ridge"), ("status", "OK"))): 3,
                     (count, (("model_name", "ridge"), ("status", "INVALID_ARGUMENT"))): 1,
                     (":tensorflow:serving:request_example_count_total", (("model", "ridge"),)): 6})

    @found.case("TensorFlow Serving's histograms have its 33 bounds, rising to the count", PROTOCOL)
    def _():
        samples = scrape("/metrics")
        of = (("API", "predict"), ("entrypoint", "REST"), ("model_name", "ridge"))
        name = ":tensorflow:serving:request_latency"
        bounds = {float(dict(labels)["le"]): value for (n, labels), value in samples.items()
                  if n == f"{name}_bucket" and dict(labels)["model_name"] == "ridge"}
        equal(len(bounds), 33)
        values = [bounds[le] for le in sorted(bounds)]
        equal(values, sorted(values))
        equal(values[-1], samples[f"{name}_count", of])

    return found
