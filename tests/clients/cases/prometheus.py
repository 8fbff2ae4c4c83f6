# SPDX-License-Identifier: MIT
"""prometheus-client's parsers on the metrics page."""

import json
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from harness import PROTOCOL, Cases, equal, has
from server import Server

CLIENT = "prometheus-client"
PACKAGES = ["prometheus-client"]
PROMETHEUS_3 = ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;"
                "version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;"
                "q=0.2,*/*;q=0.1")


def cases(server: Server) -> Cases:
    found = Cases()

    def scrape(accept: str = "text/plain;version=0.0.4") -> tuple[str, dict]:
        """Returns the content type, and samples by name and labels, of every family."""
        request = urllib.request.Request(f"http://{server.admin}/metrics", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=10) as answer:
            kind, text = answer.headers["Content-Type"], answer.read().decode()
        families = list(read_openmetrics(text) if kind.startswith("application/openmetrics") else read_text(text))
        equal(len({family.name for family in families}), len(families))
        return kind, {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}

    def predict(n: int) -> None:
        body = json.dumps({"features": server.model("ridge").rows(n).tolist()}).encode()
        with urllib.request.urlopen(f"http://{server.address}/predict/ridge", body, timeout=10) as answer:
            answer.read()

    @found.case("text format", PROTOCOL)
    def _():
        kind, samples = scrape()
        has(kind, r"^text/plain; version=0\.0\.4")
        equal(len(samples) > 50, True)

    @found.case("what Prometheus 3 asks for", PROTOCOL)
    def _():
        kind, samples = scrape(PROMETHEUS_3)
        has(kind, r"^(application/openmetrics-text; version=1\.0\.0|text/plain; version=0\.0\.4)")
        equal(len(samples) > 50, True)

    @found.case("counters grow by the requests and rows sent", "requests made and rows sent")
    def _():
        key = ("weir_rows_total", (("model", "ridge"), ("version", "1")))
        before = scrape()[1].get(key, 0)
        for n in (3, 4):
            predict(n)
        equal(scrape()[1][key] - before, 7)

    @found.case("histograms: buckets rise to their count", PROTOCOL)
    def _():
        _, samples = scrape()
        histograms: dict[tuple, list] = {}
        for (name, labels), value in samples.items():
            if name.endswith("_bucket"):
                others = tuple(label for label in labels if label[0] != "le")
                histograms.setdefault((name, others), []).append((float(dict(labels)["le"]), value))
        equal(len(histograms) > 0, True)
        for (name, labels), buckets in histograms.items():
            values = [value for _, value in sorted(buckets)]
            equal(values, sorted(values))
            equal(values[-1], samples[(name.removesuffix("_bucket") + "_count", labels)])

    return found
