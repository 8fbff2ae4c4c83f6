# SPDX-License-Identifier: MIT
"""Live quality of a real server on real models: predictions over Flask, v2 and gRPC, labels posted
afterwards; what /quality says must be what weir evaluate computes from the same rows.

Usage: live.py PROGRAM
"""

import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from harness import PROGRAM, case, contains, equal, exits, fixture, main, rows_of, weir, write_csv


class Server:
    """A server process on free ports; ends with the block."""

    def __init__(self, folder, config):
        path = os.path.join(folder, "weir.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(dict({"models": [os.path.join(folder, "models")], "listen": ["127.0.0.1:0"],
                            "admin": "127.0.0.1:0", "state_dir": "off"}, **config), f)
        env = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_") or k == "WEIR_ONNXRUNTIME_LIBRARY"}
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([PROGRAM, "serve", "--config", path], stdout=subprocess.PIPE,
                                        stderr=self.log, env=env)
        self.ports = {}
        for line in self.process.stdout:
            m = re.match(rb"(listening|admin) on 127.0.0.1:(\d+)", line)
            if m:
                self.ports[m.group(1).decode()] = int(m.group(2))
            if line.startswith(b"model "):
                break
        self.main = http.client.HTTPConnection("127.0.0.1", self.ports["listening"], timeout=30)
        self.admin = http.client.HTTPConnection("127.0.0.1", self.ports["admin"], timeout=30)
        self.texts = lambda: (self.log.seek(0), self.log.read().decode())[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.main.close()
        self.admin.close()
        self.process.send_signal(signal.SIGINT)
        self.process.stdout.close()
        code = self.process.wait(30)
        if code != 0:
            print("# " + self.texts().replace("\n", "\n# "), flush=True)
        equal(code, 0, "the server's exit")

    def call(self, connection, method, path, body=None, headers=None, code=200):
        data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        connection.request(method, path, data, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != code:
            raise AssertionError(f"{method} {path}: {answer.status} {text[:500]}")
        return (json.loads(text) if text[:1] in b"{[" else text.decode()), answer.headers

    def flask(self, model, rows, request_id=None):
        headers = {"X-Request-Id": request_id} if request_id else {}
        return self.call(self.main, "POST", f"/predict/{model}", {"features": rows}, headers)

    def v2(self, model, rows, request_id=None):
        body = {"inputs": [{"name": "x", "shape": [len(rows), len(rows[0])], "datatype": "FP64",
                            "data": [v for row in rows for v in row]}]}
        if request_id:
            body["id"] = request_id
        return self.call(self.main, "POST", f"/v2/models/{model}/infer", body)

    def labels(self, model, labels, code=200):
        return self.call(self.admin, "POST", f"/weir/v1/models/{model}/labels", labels, code=code)[0]

    def quality(self, model, query="", code=200):
        return self.call(self.admin, "GET", f"/weir/v1/models/{model}/quality{query}", code=code)[0]


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


class Grpc:
    """Just enough of HTTP/2 and gRPC for ModelInfer: one call after the other, fields without Huffman."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("rb")
        self.stream = -1
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self.frame(4, 0, 0, b""))

    @staticmethod
    def frame(kind, flags, stream, payload):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    def infer(self, model, rows, request_id):
        shape = b"".join(varint(n) for n in (len(rows), len(rows[0])))
        tensor = field(1, b"x") + field(2, b"FP64") + field(3, shape)
        raw = struct.pack(f"<{len(rows) * len(rows[0])}d", *(v for row in rows for v in row))
        message = field(1, model.encode()) + field(3, request_id.encode()) + field(5, tensor) + field(7, raw)
        fields = {":method": "POST", ":scheme": "http", ":path": "/inference.GRPCInferenceService/ModelInfer",
                  ":authority": "localhost", "content-type": "application/grpc", "te": "trailers"}
        head = b"".join(b"\0" + bytes([len(k)]) + k.encode() + bytes([len(v)]) + v.encode() for k, v in fields.items())
        self.stream += 2
        data = b"\0" + len(message).to_bytes(4, "big") + message
        self.socket.sendall(self.frame(1, 4, self.stream, head) + self.frame(0, 1, self.stream, data))
        body = b""
        while True:
            top = self.file.read(9)
            kind, flags, stream = top[3], top[4], int.from_bytes(top[5:], "big")
            payload = self.file.read(int.from_bytes(top[:3], "big"))
            if kind == 4 and not flags & 1:
                self.socket.sendall(self.frame(4, 1, 0, b""))
            if kind == 0 and payload:
                body += payload
                grown = len(payload).to_bytes(4, "big")
                self.socket.sendall(self.frame(8, 0, 0, grown) + self.frame(8, 0, stream, grown))
            if kind in (0, 1) and flags & 1 and stream == self.stream:
                equal(len(body) > 5, True, "gRPC answered with an error")
                return

    def close(self):
        self.file.close()
        self.socket.close()


def near(got, expected, within, what):
    if got is None or not abs(got - expected) <= within * max(1, abs(expected)):
        raise AssertionError(f"{what}: {got}, expected {expected}")


def put_model(folder, name, as_name):
    path, ref = fixture(name)
    os.makedirs(os.path.join(folder, "models"), exist_ok=True)
    shutil.copy(path, os.path.join(folder, "models", as_name + os.path.splitext(path)[1]))
    return path, ref


def draw(source, rows, n, shift=None):
    """n rows near those of a fixture, and which of them each came from."""
    out = []
    of = []
    for _ in range(n):
        k = source.randrange(len(rows))
        row = [v * source.uniform(0.9, 1.1) for v in rows[k]]
        if shift is not None:
            row[shift] = row[shift] * 1.6
        out.append(row)
        of.append(k)
    return out, of


def predict_all(server, model, rows, source):
    """Predicts all rows over all protocols; returns the ids of their labels."""
    grpc = Grpc(server.ports["listening"])
    ids = []
    at = 0
    while at < len(rows):
        n = min(source.choice([1, 1, 1, 2, 5, 40]), len(rows) - at)
        part = rows[at : at + n]
        name = f"r-{at}"
        way = source.randrange(4)
        if way == 0:
            server.flask(model, part, name)
        elif way == 1:
            server.v2(model, part, name)
        elif way == 2:
            grpc.infer(model, part, name)
        else:
            name = server.flask(model, part)[1]["X-Request-Id"]
        ids += [name if i == 0 and source.random() < 0.5 else f"{name}#{i}" for i in range(n)]
        at += n
    grpc.close()
    return ids


def evaluated(folder, path, rows, truths, names, *arguments):
    table = os.path.join(folder, "rows.csv")
    write_csv(table, [[y] + row for row, y in zip(rows, truths)], ["y"] + names)
    return json.loads(exits(weir("evaluate", path, table, "-l", "y", "--json", *arguments), 0).out)


@case
def quality_of_two_classes_is_that_of_the_same_rows_evaluated(folder):
    source = random.Random(11)
    path, ref = put_model(folder, "p_ss_lr_bc", "churn")
    rows, of = draw(source, rows_of(ref["X"]), 1500)
    predicted = ref["f8.predict"][1]
    truths = [predicted[k] if source.random() < 0.75 else 1 - predicted[k] for k in of]
    with Server(folder, {"loops": 2, "model_options": {"churn": {"quality": "on"}}}) as server:
        ids = predict_all(server, "churn", rows, source)
        labels = [{"id": i, "label": y if source.random() < 0.5 else str(y)} for i, y in zip(ids, truths)]
        wrong = [dict(l, label=1 - int(l["label"])) for l in labels[:200]]
        got = server.labels("churn", {"labels": wrong})
        equal((got["matched"], got["invalid"]), (200, 0))
        got = server.labels("churn", {"labels": labels[:700]})
        equal((got["updated"], got["matched"]), (200, 500))
        got = server.labels("churn", "\n".join(json.dumps(l) for l in labels[600:]))
        equal((got["duplicate"], got["matched"]), (100, 800))
        got = server.labels("churn", [{"id": "nobody", "label": 1}, {"id": ids[0], "label": 3}, {"id": ids[0]}])
        equal((got["unknown"], got["invalid"]), (1, 2))
        equal(sorted((e["row"], e["code"]) for e in got["errors"]), [(1, "unknown_class"), (2, "no_label")])
        doc = server.quality("churn", "?window=1h")
        everything = server.quality("churn", "?version=all")
        deadline = time.monotonic() + 20
        while "weir_eval_roc_auc{" not in (page := server.call(server.admin, "GET", "/metrics")[0]):
            equal(time.monotonic() < deadline, True, "the metrics tell no quality")
            time.sleep(0.2)
    exact = evaluated(folder, path, rows, truths, ref["features"][1], "--score-space", "proba")
    equal(doc["schema"], "eval/1")
    equal(doc["coverage"], {"predicted": 1500, "labelled": 1500, "share": 1.0, "by_score": [1.0] * 10})
    equal(doc["classes"], [str(c) for c in exact["classes"]])
    equal([[int(n) for n in row] for row in exact["confusion"]["counts"]], doc["confusion"]["counts"])
    for name in ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "mcc", "kappa", "specificity",
                 "log_loss", "brier", "ece", "mce", "spiegelhalter_z"):
        near(doc["metrics"][name]["value"], exact["metrics"][name]["value"], 1e-9, name)
    low, high = doc["auc_bounds"]
    area = exact["metrics"]["roc_auc"]["value"]
    equal(low <= area <= high and high - low < 0.01, True, f"AUC {area} in {low} … {high}")
    near(doc["metrics"]["roc_auc"]["value"], area, (high - low) / 2, "AUC")
    near(doc["metrics"]["roc_auc"]["se"], exact["metrics"]["roc_auc"]["se"], 1e-3, "its standard error")
    low, high = doc["metrics"]["average_precision"]["bounds"]
    equal(low <= exact["metrics"]["average_precision"]["value"] <= high, True, "average precision")
    equal(everything["model"]["version"], "all")
    equal(everything["metrics"], doc["metrics"])
    counts = doc["confusion"]["counts"]
    told = dict(re.findall(r'^(weir_\w+\{[^}]*\}) (\S+)$', page, re.M))
    near(float(told['weir_eval_roc_auc{model="churn",version="1"}']), doc["metrics"]["roc_auc"]["value"], 1e-12, "AUC")
    equal(told['weir_label_join_total{model="churn",result="matched"}'], "1500")
    equal(told['weir_label_delay_seconds_count{model="churn",version="1"}'], "1500")
    # 200 labels were wrong at first and counted then too.
    total = sum(int(v) for k, v in told.items() if k.startswith("weir_eval_confusion_total"))
    equal(total, sum(map(sum, counts)) + 200)


@case
def quality_of_many_classes_and_of_numbers_too(folder):
    source = random.Random(12)
    iris, iris_ref = put_model(folder, "rfc_iris", "iris")
    ridge, ridge_ref = put_model(folder, "ridge", "sugar")
    iris_rows, of = draw(source, rows_of(iris_ref["X"]), 400)
    classes = iris_ref["classes_0"][1]
    iris_truths = [iris_ref["f8.predict"][1][k] if source.random() < 0.8 else source.choice(classes) for k in of]
    ridge_rows, of = draw(source, rows_of(ridge_ref["X"]), 300)
    ridge_truths = [ridge_ref["f8.predict"][1][k] + source.gauss(0, 20) for k in of]
    with Server(folder, {"quality": "on"}) as server:
        for model, rows, truths in (("iris", iris_rows, iris_truths), ("sugar", ridge_rows, ridge_truths)):
            ids = predict_all(server, model, rows, source)
            labels = [{"id": i, "label": y} for i, y in zip(ids, truths)]
            equal(server.labels(model, {"labels": labels})["matched"], len(rows))
        many = server.quality("iris")
        numbers = server.quality("sugar")
    names = [f"c{i}" for i in range(len(iris_rows[0]))]
    exact = evaluated(folder, iris, iris_rows, iris_truths, names)
    equal([[int(n) for n in row] for row in exact["confusion"]["counts"]], many["confusion"]["counts"])
    for name in ("accuracy", "f1_macro", "mcc", "kappa"):
        near(many["metrics"][name]["value"], exact["metrics"][name]["value"], 1e-9, name)
    low, high = many["metrics"]["roc_auc_ovr_macro"]["bounds"]
    area = exact["metrics"]["roc_auc_ovr_macro"]["value"]
    equal(low <= area <= high, True, f"AUC {area} in {low} … {high}")
    near(many["metrics"]["roc_auc_ovr_macro"]["value"], area, 0.01, "AUC")
    for live, held in zip(many["per_class"], exact["per_class"]):
        near(live["roc_auc"], held["roc_auc"], 0.01, "AUC of a class")
    names = [f"c{i}" for i in range(len(ridge_rows[0]))]
    exact = evaluated(folder, ridge, ridge_rows, ridge_truths, names)
    for name in ("mse", "rmse", "mae", "r2"):
        near(numbers["metrics"][name]["value"], exact["metrics"][name]["value"], 1e-9, name)


@case
def drift_is_told_when_the_input_has_moved_and_only_then(folder):
    source = random.Random(13)
    path, ref = put_model(folder, "p_ss_lr_bc", "churn")
    base = rows_of(ref["X"])
    names = ref["features"][1]
    write_csv(os.path.join(folder, "models", "before.csv"), draw(source, base, 2000)[0], names)
    options = {"churn": {"quality": "on", "drift_reference": "before.csv"}}
    found = []
    for shift in (None, 3):
        with Server(folder, {"model_options": options}) as server:
            rows, _ = draw(source, base, 9000, shift)
            for at in range(0, len(rows), 100):
                server.flask("churn", rows[at : at + 100])
            drift = server.quality("churn")["drift"]
            equal((drift["reference"], drift["reference_rows"]), ("before.csv", 2000))
            # One row in fifteen: there are 30 features.
            equal(450 <= drift["rows"] <= 750, True, f"{drift['rows']} rows were looked at")
            found.append({f["feature"]: f for f in drift["features"]})
            found[-1]["(score)"] = drift["score"]
            equal(drift["alarms"], sum(f["alarm"] for f in found[-1].values()))
    still, moved = found
    equal([f for f in still if still[f]["alarm"]], [])
    equal(max(f["psi"] for f in still.values()) < 0.1, True, "PSI without a change")
    equal(moved[names[3]]["alarm"], True)
    equal(moved[names[3]]["psi"] > 0.2 and moved[names[3]]["ks_p"] < 1e-6, True, str(moved[names[3]]))
    equal([f for f in moved if moved[f]["alarm"] and f not in (names[3], "(score)")], [])


@case
def a_swap_keeps_what_both_versions_were_worth(folder):
    source = random.Random(15)
    path, ref = put_model(folder, "p_ss_lr_bc", "churn")
    other, _ = fixture("lr_bc", "1.2.2")
    rows, of = draw(source, rows_of(ref["X"]), 300)
    truths = [ref["f8.predict"][1][k] for k in of]
    names = ref["features"][1]
    # The reference is the holdout of the gate.
    write_csv(os.path.join(folder, "models", "held.csv"), [[y] + row for row, y in zip(rows, truths)], ["y"] + names)
    with open(os.path.join(folder, "models", "churn.gate.yaml"), "w", encoding="utf-8") as f:
        f.write("holdout: held.csv\nlabel: y\nrules: [n_pos >= 1]\nsignature: any\n")
    with Server(folder, {"quality": "on", "settle": "0", "rescan": "100ms", "loops": 2}) as server:
        server.flask("churn", rows, "old")
        doc = server.quality("churn")
        equal((doc["drift"]["reference"], doc["drift"]["reference_rows"]), ("held.csv", 300))
        target = os.path.join(folder, "models", "churn.pkl")
        shutil.copy(other, target + ".new")
        os.rename(target + ".new", target)
        deadline = time.monotonic() + 30
        while server.flask("churn", rows[:1])[1]["Weir-Version"] != "2":
            equal(time.monotonic() < deadline, True, server.texts())
            time.sleep(0.05)
        server.flask("churn", rows, "new")
        for name in ("old", "new"):
            got = server.labels("churn", [{"id": f"{name}#{i}", "label": y} for i, y in enumerate(truths)])
            equal(got["matched"], 300, f"{name}: {got}")
        first = server.quality("churn", "?version=1")
        second = server.quality("churn")
        both = server.quality("churn", "?version=all")
    equal((first["model"]["version"], second["model"]["version"]), ("1", "2"))
    equal(first["model"]["digest"] != second["model"]["digest"], True)
    equal((first["data"]["used"], second["data"]["used"], both["data"]["used"]), (300, 300, 600))
    exact = evaluated(folder, path, rows, truths, names)
    equal([[int(n) for n in row] for row in exact["confusion"]["counts"]], first["confusion"]["counts"])
    sums = [[a + b for a, b in zip(r, q)] for r, q in zip(first["confusion"]["counts"], second["confusion"]["counts"])]
    equal(both["confusion"]["counts"], sums)
    equal("drift" in first or "drift" in both, False)


@case
def memory_is_fixed_and_a_share_is_kept_of_too_many(folder):
    source = random.Random(14)
    path, ref = put_model(folder, "p_ss_lr_bc", "churn")
    rows, _ = draw(source, rows_of(ref["X"]), 500)
    options = {"loops": 1, "model_options": {"churn": {"quality": "on", "quality_capacity": 2048}}}
    with Server(folder, options) as server:
        server.flask("churn", rows, "first")
        before = server.quality("churn")["store"]
        for k in range(40):
            server.flask("churn", rows, f"b{k}")
        after = server.quality("churn")["store"]
        equal(after["bytes"], before["bytes"])
        equal(after["waiting"] <= 2048 + 1024, True, str(after))
        equal(after["sampled_share"] < 0.5, True, str(after))
        equal(after["recorded"] + after["sampled_out"], 41 * 500)
        labels = [{"id": f"b39#{i}", "label": 1} for i in range(500)]
        got = server.labels("churn", {"labels": labels})
        equal(got["matched"] + got["sampled_out"], 500, str(got))
        equal(0 < got["matched"] < 400, True, str(got))
        got = server.labels("churn", [{"id": f"first#{i}", "label": 1} for i in range(500)])
        equal(got["matched"] + got["updated"], 0, str(got))
    # Nothing is written: a server that was started again knows of no prediction before.
    with Server(folder, options) as server:
        equal(server.labels("churn", {"labels": labels[:9]})["unknown"], 9)
        equal(server.quality("churn")["coverage"]["predicted"], 0)


@case
def without_quality_nothing_is_kept_and_calls_say_so(folder):
    _, ref = put_model(folder, "p_ss_lr_bc", "churn")
    with Server(folder, {}) as server:
        row = rows_of(ref["X"])[:1]
        equal(server.flask("churn", row)[1]["X-Request-Id"], None)
        equal(server.flask("churn", row, "mine")[1]["X-Request-Id"], "mine")
        contains(server.quality("churn", code=404)["error"], "quality is off")
        contains(server.labels("churn", {"labels": []}, code=404)["error"], "quality is off")
        contains(server.quality("nobody", code=404)["error"], "not found")
        server.call(server.main, "POST", "/weir/v1/models/churn/labels", {"labels": []}, code=404)
    with Server(folder, {"quality": "on", "labels_api": "main", "quality_labels": "first"}) as server:
        name = server.flask("churn", row)[1]["X-Request-Id"]
        post = lambda y: server.call(server.main, "POST", "/weir/v1/models/churn/labels", [{"id": name, "label": y}])[0]
        equal((post(0)["matched"], post(1)["kept"], post(0)["duplicate"]), (1, 1, 1))
        contains(server.labels("churn", "7", code=400)["error"], "labels")
        contains(server.labels("churn", [{"id": "a", "label": 1}] * 10001, code=413)["error"], "10000")
        contains(server.quality("churn", "?window=never", code=400)["error"], "24h")
        server.quality("churn", "?version=17", code=404)
        page = {"Origin": "http://example.com"}
        server.call(server.main, "POST", "/weir/v1/models/churn/labels", {"labels": []}, page, 403)


main()
