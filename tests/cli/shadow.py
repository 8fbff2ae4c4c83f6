# SPDX-License-Identifier: MIT
"""Shadows of `weir serve` on real models: what is told of the pairs must be what both models answer
when they are asked; what clients see is as without a shadow.

Usage: shadow.py PROGRAM
"""

import csv
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness import PROGRAM, case, contains, equal, main

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "gate")
with open(os.path.join(DATA, "holdout.csv"), encoding="utf-8") as f:
    ROWS = [[float(v) for v in list(row.values())[1:7]] for row in csv.DictReader(f)]


def put(folder, name, version, model):
    path = os.path.join(folder, "models", name, str(version))
    os.makedirs(path, exist_ok=True)
    shutil.copy(os.path.join(DATA, model + ".joblib"), os.path.join(path, "model.new"))
    os.rename(os.path.join(path, "model.new"), os.path.join(path, "model.joblib"))


class Server:
    """`weir serve` on free ports; ends with the block."""

    def __init__(self, folder, options, **config):
        self.path = os.path.join(folder, "weir.json")
        self.config = {"models": [os.path.join(folder, "models")], "listen": ["127.0.0.1:0"], "admin": "127.0.0.1:0",
                       "state_dir": "off", "settle": "1ms", "rescan": "1s", "drain_delay": "0s", **config}
        self.write(options)
        env = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_")}
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([PROGRAM, "serve", "--config", self.path], stdout=subprocess.PIPE, stderr=self.log,
                                        env=env)
        self.ports = {}
        for line in self.process.stdout:
            m = re.match(rb"(listening|admin) on 127.0.0.1:(\d+)", line)
            if m:
                self.ports[m.group(1).decode()] = int(m.group(2))
            if line.startswith(b"model "):
                break
        self.main = http.client.HTTPConnection("127.0.0.1", self.ports["listening"], timeout=30)
        self.admin = http.client.HTTPConnection("127.0.0.1", self.ports["admin"], timeout=30)

    def write(self, options):
        with open(self.path, "w", encoding="utf-8") as f:
            json.dump({**self.config, "model_options": options}, f)

    def reload(self, options):
        self.write(options)
        self.process.send_signal(signal.SIGHUP)

    def text(self):
        self.log.seek(0)
        return self.log.read().decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.main.close()
        self.admin.close()
        self.process.send_signal(signal.SIGINT)
        self.process.stdout.close()
        code = self.process.wait(30)
        if code != 0:
            print("# " + self.text().replace("\n", "\n# "), flush=True)
        equal(code, 0, "the server's exit")

    def get(self, path, code=200):
        self.admin.request("GET", path)
        answer = self.admin.getresponse()
        text = answer.read().decode()
        equal(answer.status, code, f"{path}: {text[:300]}")
        return json.loads(text) if text[:1] in "{[" else text

    def infer(self, model, rows, version="", code=200):
        """Returns decisions, scores, and the version that they are said to be of."""
        body = {"inputs": [{"name": "x", "shape": [len(rows), 6], "datatype": "FP64", "data": sum(rows, [])}],
                "outputs": [{"name": "predict"}, {"name": "predict_proba"}]}
        self.main.request("POST", f"/v2/models/{model}{version}/infer", json.dumps(body))
        answer = self.main.getresponse()
        text = answer.read()
        equal(answer.status, code, text[:300])
        if code != 200:
            return text.decode()
        outputs = {o["name"]: o["data"] for o in json.loads(text)["outputs"]}
        return outputs["predict"], outputs["predict_proba"][1::2], answer.headers["Weir-Version"]

    def shadow(self, model, until):
        """Asks until the answer is as wanted."""
        deadline = time.monotonic() + 20
        while not until(got := self.get(f"/weir/v1/models/{model}/shadow")):
            equal(time.monotonic() < deadline, True, f"in vain: {got}\n{self.text()}")
            time.sleep(0.02)
        return got

    def compared(self, model, n):
        return self.shadow(model, lambda d: d["state"] == "comparing" and d["rows"] + d["dropped"] + d["refused"] >= n)


def ask(server, model, sizes=(1, 3, 7, 40)):
    """Sends all rows in requests of several sizes, slowly enough for nothing to be dropped."""
    decisions, scores, versions = [], [], set()
    at = i = 0
    while at < len(ROWS):
        n = sizes[i % len(sizes)]
        d, s, v = server.infer(model, ROWS[at:at + n])
        decisions += d
        scores += s
        versions.add(v)
        at += n
        i += 1
    return decisions, scores, versions


@case
def a_shadow_of_the_same_model_never_disagrees(folder):
    put(folder, "churn", 1, "good")
    put(folder, "churn", 2, "good")
    with Server(folder, {"churn": {"shadow": 2}}, loops=2) as server:
        server.shadow("churn", lambda d: d["state"] == "comparing")
        _, _, versions = ask(server, "churn")
        doc = server.compared("churn", len(ROWS))
    equal(versions, {"1"})
    equal((doc["live"]["version"], doc["shadow"]["version"]), ("1", "2"))
    equal((doc["rows"], doc["dropped"], doc["refused"]), (len(ROWS), 0, 0))
    equal(doc["disagreements"]["count"], 0)
    equal(doc["disagreements"]["ci"][0], 0.0)
    equal(doc["score_gap"], {"mean": 0.0, "rows": len(ROWS)})
    equal(doc["psi"]["value"], 0.0)


@case
def a_poor_shadow_is_told_as_both_models_answer(folder):
    put(folder, "plain", 1, "good")
    put(folder, "other", 1, "poor")
    put(folder, "churn", 1, "good")
    put(folder, "churn", 2, "poor")
    with Server(folder, {"churn": {"shadow": 2}}, loops=2) as server:
        good = ask(server, "plain")
        poor = ask(server, "other")
        server.shadow("churn", lambda d: d["state"] == "comparing")
        live = ask(server, "churn")
        doc = server.compared("churn", len(ROWS))
        page = server.get("/metrics")
        contains(server.infer("churn", ROWS[:1], "/versions/2", code=404), 'has no version \\"2\\"')
        listed = {m["name"]: m for m in server.get("/weir/v1/models")["models"]}["churn"]
        server.get("/weir/v1/models/plain/shadow", code=404)
        server.get("/weir/v1/models/nobody/shadow", code=404)
    equal(live, good, "answers are those without a shadow")
    n = sum(p != d for p, d in zip(poor[0], live[0]))
    equal(n > 20, True, "the test's models differ")
    equal((doc["rows"], doc["dropped"]), (len(ROWS), 0))
    equal(doc["disagreements"]["count"], n)
    low, high = doc["disagreements"]["ci"]
    equal(low < n / len(ROWS) < high, True)
    gap = sum(abs(p - q) for p, q in zip(poor[1], live[1])) / len(ROWS)
    equal(abs(doc["score_gap"]["mean"] - gap) < 1e-12, True, f"{doc['score_gap']} and {gap}")
    equal(doc["psi"]["value"] > doc["psi"]["guard"] > 0, True, doc["psi"])
    contains(page, f'weir_shadow_rows_total{{model="churn"}} {len(ROWS)}\n')
    contains(page, f'weir_shadow_disagreements_total{{model="churn"}} {n}\n')
    contains(page, 'weir_shadow_dropped_total{model="churn"} 0\n')
    equal([v["state"] for v in listed["versions"] if v["version"] == "2"], ["seen"])


@case
def too_many_rows_are_dropped_and_counted(folder):
    put(folder, "churn", 1, "good")
    put(folder, "churn", 2, "poor")
    with Server(folder, {"churn": {"shadow": 2}}, workers=1) as server:
        server.shadow("churn", lambda d: d["state"] == "comparing")
        many = (ROWS * 20)[:5000]
        decisions, _, version = server.infer("churn", many)
        doc = server.compared("churn", len(many))
        page = server.get("/metrics")
    equal((len(decisions), version), (len(many), "1"))
    equal(doc["rows"] + doc["dropped"], len(many))
    equal(doc["dropped"] > 0 and doc["rows"] > 0, True, doc)
    contains(page, f'weir_shadow_dropped_total{{model="churn"}} {doc["dropped"]}\n')


@case
def what_cannot_be_compared_is_said_and_each_pair_begins_anew(folder):
    put(folder, "churn", 1, "good")
    put(folder, "churn", 2, "poor")
    put(folder, "churn", 3, "narrow")
    with Server(folder, {"churn": {"shadow": 3}}) as server:
        doc = server.shadow("churn", lambda d: d["state"] == "refused")
        contains(doc["reason"], "its features are not those of the version that answers")
        contains(server.text(), 'event="the shadow is not compared"')
        server.reload({"churn": {"shadow": 2, "version_policy": [1]}})
        server.shadow("churn", lambda d: d["state"] == "comparing" and d["live"]["version"] == "1")
        server.infer("churn", ROWS[:30])
        equal(server.compared("churn", 30)["rows"], 30)
        put(folder, "churn", 2, "good")
        doc = server.shadow("churn", lambda d: d["state"] == "comparing" and d["rows"] == 0)
        server.infer("churn", ROWS[:30])
        equal(server.compared("churn", 30)["disagreements"]["count"], 0)
        server.reload({"churn": {"shadow": 7, "version_policy": [1]}})
        equal(server.shadow("churn", lambda d: d["state"] == "waiting")["reason"], "there is no version 7")
        server.reload({"churn": {"version_policy": [2]}})
        deadline = time.monotonic() + 20
        while server.infer("churn", ROWS[:1])[2] != "2":
            equal(time.monotonic() < deadline, True, "a shadow that was does not answer")
            time.sleep(0.02)


@case
def swaps_under_load_lose_no_answer_and_no_version(folder):
    put(folder, "churn", 1, "good")
    put(folder, "churn", 2, "poor")
    with Server(folder, {"churn": {"shadow": 2, "inline": "never", "quality": "on"}}, workers=2,
                rollback_memory_max=0) as server:
        server.shadow("churn", lambda d: d["state"] == "comparing")
        end = time.monotonic() + 3
        i = 0
        while time.monotonic() < end:
            server.infer("churn", ROWS[: 1 + i % 200])
            if i % 40 == 0:
                put(folder, "churn", 1 + i // 40 % 2, ("fair", "good", "poor")[i // 40 % 3])
            i += 1
        put(folder, "churn", 2, "narrow")
        server.shadow("churn", lambda d: d["state"] == "refused")
        deadline = time.monotonic() + 20
        while (text := server.text()).count('event="version freed"') < text.count('event="version retired"'):
            equal(time.monotonic() < deadline, True, "a version is not freed")
            time.sleep(0.05)
        equal(text.count('event="version freed"') > 2, True, text)


@case
def a_shadow_is_a_version_number(folder):
    put(folder, "churn", 1, "good")
    for text in ('"x"', "0", "[1]"):
        path = os.path.join(folder, "bad.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"models: [{folder}/models]\nmodel_options: {{churn: {{shadow: {text}}}}}\n")
        ended = subprocess.run([PROGRAM, "serve", "--config", path], capture_output=True, timeout=30, text=True)
        equal(ended.returncode != 0, True)
        contains(ended.stderr, "shadow: expected the number of a version, above 0")


main()
