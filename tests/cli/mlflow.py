# SPDX-License-Identifier: MIT
"""weir evaluate --mlflow against a tracking server that keeps what it is asked, and refuses what MLflow would.

The answers are those of mlflow 3.17; the same calls go to the real server in tests/clients.

Usage: mlflow.py PROGRAM
"""

import base64
import http.server
import json
import os
import random
import re
import socket
import threading
import urllib.parse

from harness import case, contains, equal, exits, main, weir, write_csv

API = "/api/2.0/mlflow/"
RUN = "16171a9c0e58495daeced73386a18959"
KEY = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_\-./ ]{0,249}$")


def missing(name):
    return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"Could not find experiment with name '{name}'"}


def experiment(stage="active"):
    return 200, {"experiment": {"experiment_id": "7", "name": "x", "lifecycle_stage": stage}}


class Tracker:
    """answers: path (without the query) to a list of (status, JSON or bytes), the last one for ever."""

    def __init__(self, answers=None, artifact_uri=f"mlflow-artifacts:/7/{RUN}/artifacts"):
        run = {"info": {"run_id": RUN, "artifact_uri": artifact_uri, "status": "RUNNING"}, "data": {}}
        self.answers = {
            API + "experiments/get-by-name": [missing("x")],
            API + "experiments/create": [(200, {"experiment_id": "7"})],
            API + "runs/create": [(200, {"run": run})],
            **{API + path: [(200, {})] for path in ("runs/log-batch", "runs/log-inputs", "runs/update")},
            **(answers or {}),
        }
        self.asked = []  # (method, path, headers, body)
        tracker = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                tracker.asked.append((self.command, self.path, self.headers, body))
                status, answer = tracker.answer(self.command, self.path.split("?")[0])
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, method, path):
        left = self.answers.get(path[path.index("/api/") :])
        if left is None:
            return (200, {}) if method == "PUT" else (404, b"<html>no such page</html>")
        return left.pop(0) if len(left) > 1 else left[0]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def lines(self):
        return [f"{method} {path.split('?')[0]}" for method, path, _, _ in self.asked]

    def bodies(self, path):
        return [json.loads(body) for _, asked, _, body in self.asked if asked == API + path]


def scores(folder, name="scores.csv"):
    table = os.path.join(folder, name)
    draw = random.Random(4)
    truths = [draw.random() < 0.4 for _ in range(60)]
    write_csv(table, [("yes" if y else "no", p, 1 - p) for y in truths for p in [draw.betavariate(2 + y, 3 - y)]],
              ["y", "p_yes", "p_no"])
    return table


def log(table, url, *arguments, environment=None):
    return weir("evaluate", table, "-l", "y", "--json", "--mlflow", url, *arguments, environment=environment)


@case
def a_run_is_logged_step_by_step(folder):
    table, page = scores(folder), os.path.join(folder, "r.html")
    with Tracker() as tracker:
        result = exits(log(table, tracker.url, "--html", page, "--threshold-policy", "f1"), 0)
    doc = json.loads(result.out)
    equal(tracker.lines(), [
        f"GET {API}experiments/get-by-name",
        f"POST {API}experiments/create",
        f"POST {API}runs/create",
        f"POST {API}runs/log-batch",
        f"POST {API}runs/log-inputs",
        f"PUT /api/2.0/mlflow-artifacts/artifacts/7/{RUN}/artifacts/report.html",
        f"PUT /api/2.0/mlflow-artifacts/artifacts/7/{RUN}/artifacts/evaluation.json",
        f"POST {API}runs/update",
    ])
    query = urllib.parse.parse_qs(tracker.asked[0][1].split("?")[1])
    equal(query, {"experiment_name": ["weir/scores"]})
    equal(tracker.bodies("experiments/create"), [{"name": "weir/scores"}])
    (made,) = tracker.bodies("runs/create")
    equal((made["experiment_id"], made["run_name"]), ("7", "scores"))
    (batch,) = tracker.bodies("runs/log-batch")
    equal(batch["run_id"], RUN)
    metrics = {m["key"]: m["value"] for m in batch["metrics"]}
    equal({m["timestamp"] for m in batch["metrics"]}, {made["start_time"]})
    for name, ours in (("accuracy_score", "accuracy"), ("precision_recall_auc", "average_precision"),
                       ("f1_score", "f1"), ("roc_auc", "roc_auc"), ("log_loss", "log_loss")):
        equal(metrics[name], doc["metrics"][ours]["value"], name)
    equal([metrics["roc_auc.ci_low"], metrics["roc_auc.ci_high"]], doc["metrics"]["roc_auc"]["ci"])
    equal(metrics["true_positives"], doc["confusion"]["counts"][1][1])
    params = {p["key"]: p["value"] for p in batch["params"]}
    equal((params["data"], params["data.label"], params["positive"], params["threshold.policy"]),
          (table, "y", "yes", "f1"))
    (inputs,) = tracker.bodies("runs/log-inputs")
    dataset = inputs["datasets"][0]["dataset"]
    equal((dataset["name"], dataset["digest"]), ("scores", params["data.digest"][:36]))
    equal(inputs["datasets"][0]["tags"], [{"key": "mlflow.data.context", "value": "evaluation"}])
    with open(page, "rb") as f:
        equal(tracker.asked[5][3], f.read(), "the report")
    equal(json.loads(tracker.asked[6][3]), doc)
    (end,) = tracker.bodies("runs/update")
    equal((end["run_id"], end["status"], end["end_time"] >= made["start_time"]), (RUN, "FINISHED", True))
    contains(result.err, f"{tracker.url}/#/experiments/7/runs/{RUN}")
    equal({headers["Authorization"] for _, _, headers, _ in tracker.asked}, {None})


@case
def batches_keep_to_the_limits(folder):
    names = ["a b", "a/b", "a//b", "..", "x@y", "ü", "/c", "", "k" * 300] + [f"class {i}" for i in range(190)]
    draw = random.Random(1)
    table = os.path.join(folder, "d" * 200 + ".csv")
    labels = [f"{i:03}{name}" for i, name in enumerate(names)]
    write_csv(table, [[labels[i % len(labels)]] + [draw.random() for _ in labels] for i in range(400)],
              ["y"] + ["p_" + label for label in labels])
    with Tracker() as tracker:
        exits(log(table, tracker.url + "/", "--mlflow-experiment", "a/b & c", "--mlflow-run-name", 'my "run"'), 0)
    equal(urllib.parse.parse_qs(tracker.asked[0][1].split("?")[1]), {"experiment_name": ["a/b & c"]})
    equal(tracker.bodies("runs/create")[0]["run_name"], 'my "run"')
    seen = set()
    for batch in tracker.bodies("runs/log-batch"):
        for kind, most in (("metrics", 1000), ("params", 100), ("tags", 100)):
            equal(len(batch[kind]) <= most, True, kind)
            for item in batch[kind]:
                equal(bool(KEY.match(item["key"])) and ".." not in item["key"] and "//" not in item["key"], True,
                      item["key"])
                equal((kind, item["key"]) in seen, False, f"{item['key']} again")
                equal(len(str(item["value"]).encode()) <= 250, True, item["key"])
                seen.add((kind, item["key"]))
        equal(sum(len(batch[kind]) for kind in ("metrics", "params", "tags")) <= 1000, True, "items in all")
    equal(("metrics", "class.000a b.recall") in seen, True, "a plain label is a key")
    equal(("metrics", "class.2.recall") in seen, True, "another is told by its place")
    data = [p["value"] for b in tracker.bodies("runs/log-batch") for p in b["params"] if p["key"] == "data"][0]
    equal(data, table[:250], "a long value is cut")


@case
def an_experiment_is_found_made_or_refused(folder):
    table = scores(folder)
    get, create = API + "experiments/get-by-name", API + "experiments/create"
    with Tracker({get: [experiment()]}) as tracker:
        exits(log(table, tracker.url), 0)
    equal(f"POST {create}" in tracker.lines(), False, "it is there")
    lost = 400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": "it exists"}
    with Tracker({get: [missing("x"), experiment()], create: [lost]}) as tracker:
        exits(log(table, tracker.url), 0)
    equal(tracker.lines()[:4], [f"GET {get}", f"POST {create}", f"GET {get}", f"POST {API}runs/create"])
    with Tracker({get: [experiment("deleted")]}) as tracker:
        result = exits(log(table, tracker.url), 1)
    contains(result.err, 'experiment "weir/scores" is deleted')
    equal(len(tracker.asked), 1)
    with Tracker({get: [(200, {"experiment": {}})]}) as tracker:
        contains(exits(log(table, tracker.url), 1).err, "no experiment")


@case
def what_a_server_refuses_is_told_and_the_numbers_are_printed(folder):
    table = scores(folder)
    denied = 401, b"You are not authenticated."
    broken = 500, {"error_code": "INTERNAL_ERROR", "message": "disk\nfull"}
    with Tracker({API + "experiments/get-by-name": [denied]}) as tracker:
        result = exits(log(table, tracker.url), 1)
    contains(result.err, "status 401: You are not authenticated. (set MLFLOW_TRACKING_USERNAME")
    equal(json.loads(result.out)["schema"], "eval/1")
    with Tracker({API + "runs/create": [broken]}) as tracker:
        contains(exits(log(table, tracker.url), 1).err, "runs/create: status 500: disk full")
    equal(len(tracker.asked), 3, "there is no run to end, and 500 is not asked again")
    with Tracker({API + "runs/log-batch": [broken]}) as tracker:
        contains(exits(log(table, tracker.url), 1).err, "runs/log-batch: status 500")
    equal(tracker.bodies("runs/update")[0]["status"], "FAILED")
    with Tracker({API + "runs/create": [(200, b"<html>")]}) as tracker:
        contains(exits(log(table, tracker.url), 1).err, "runs/create: offset 0")
    with Tracker({API + "runs/create": [(200, {"run": {"info": {"run_id": "../x"}}})]}) as tracker:
        contains(exits(log(table, tracker.url), 1).err, "has no run")


@case
def a_busy_server_is_asked_again_and_a_dead_one_named(folder):
    table = scores(folder)
    busy = 503, b"busy"
    with Tracker({API + "runs/create": [busy, (429, b"slow down"), (200, {"run": {"info": {"run_id": RUN}}})]}) as t:
        exits(log(table, t.url), 0)
    equal(t.lines().count(f"POST {API}runs/create"), 3)
    with Tracker({API + "experiments/get-by-name": [busy]}) as tracker:
        contains(exits(log(table, tracker.url), 1).err, "status 503: busy")
    equal(len(tracker.asked), 3)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    contains(exits(log(table, f"http://127.0.0.1:{port}"), 1).err, f"127.0.0.1:{port}: the connection could not be")


@case
def a_server_without_artifacts_gets_none(folder):
    table = scores(folder)
    with Tracker(artifact_uri="s3://bucket/7/x/artifacts") as tracker:
        result = exits(log(table, tracker.url), 0)
    contains(result.err, "the report is not kept: the server takes no artifacts, they are at s3://bucket")
    equal([line for line in tracker.lines() if line.startswith("PUT")], [])
    with Tracker(artifact_uri=f"mlflow-artifacts://other:5000/7/{RUN}/artifacts") as tracker:
        exits(log(table, tracker.url + "/prefix"), 0)
    contains("\n".join(tracker.lines()),
             f"PUT /prefix/api/2.0/mlflow-artifacts/artifacts/7/{RUN}/artifacts/report.html")


@case
def credentials_come_from_the_environment(folder):
    table = scores(folder)
    basic = "Basic " + base64.b64encode("ann:pässword".encode()).decode()
    user = {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "pässword"}
    for environment, expected in ((user, basic), ({"MLFLOW_TRACKING_TOKEN": "abc"}, "Bearer abc"),
                                  ({**user, "MLFLOW_TRACKING_TOKEN": "abc"}, basic),
                                  ({"MLFLOW_TRACKING_USERNAME": "ann"}, None)):
        with Tracker() as tracker:
            exits(log(table, tracker.url, environment=environment), 0)
        equal({headers["Authorization"] for _, _, headers, _ in tracker.asked}, {expected})
    with Tracker() as tracker:
        contains(exits(log(table, tracker.url, environment={"MLFLOW_TRACKING_TOKEN": "a\r\nX: b"}), 1).err,
                 "MLFLOW_TRACKING_TOKEN has")
    equal(tracker.asked, [])


@case
def addresses_that_cannot_be_used_are_refused(folder):
    table = scores(folder)
    for url, text in (("https://127.0.0.1:1", "https is not supported"), ("127.0.0.1:5000", "expected http://"),
                      ("http://ann:secret@127.0.0.1", "credentials are taken from"), ("http://", "expected http://"),
                      ("http://127.0.0.1:x", "expected http://"), ("http://127.0.0.1:0", "expected http://"),
                      ("http://[::1", "expected http://"), ("http://a b", "expected http://")):
        result = exits(log(table, url), 1)
        contains(result.err, text)
        equal("secret" in result.err, False)
    contains(exits(weir("evaluate", table, "-l", "y", "--mlflow-run-name", "x"), 2).err, "--mlflow")


main()
