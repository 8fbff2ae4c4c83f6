# SPDX-License-Identifier: MIT
"""The gate of a real server on real models, under load: what is better goes live, what is worse,
broken or cannot be judged is held while the old version answers on. No request may fail.

Usage: gate_story.py PROGRAM
"""

import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from harness import DATA, PROGRAM, case, contains, equal, exits, fixture, main, rows_of, weir, write_csv

GOOD = os.path.join(DATA, "1.6.1", "logistic", "lr_bc.pkl")
FAIR = os.path.join(DATA, "1.6.1", "boosting", "gbc_bc.pkl")
POOR = os.path.join(DATA, "1.6.1", "boosting", "hgc_bc.pkl")
OTHER = os.path.join(DATA, "1.6.1", "forests", "rfc_iris.pkl")
WAIT_S = 20
RULES = ["roc_auc >= 0.8", "roc_auc >= live.roc_auc - 0.01"]


def make_rows(seed, n):
    """Rows between those of the fixture, and what GOOD says of them, one in twenty turned over."""
    rng = random.Random(seed)
    known = rows_of(fixture("lr_bc")[1]["X"])
    rows = []
    for _ in range(n):
        a, b, w = rng.choice(known), rng.choice(known), rng.random()
        rows.append([x * w + y * (1 - w) for x, y in zip(a, b)])
    with tempfile.TemporaryDirectory() as folder:
        table = os.path.join(folder, "x.csv")
        write_csv(table, rows, [f"c{i}" for i in range(len(rows[0]))])
        said = exits(weir("predict", GOOD, table), 0).out.split()
    truths = [int(s.split(",")[0]) for s in said if s.split(",")[0] in ("0", "1")]
    equal(len(truths), n, "predictions")
    return rows, [1 - t if rng.random() < 0.05 else t for t in truths]


class Server:
    """A server process over a folder of models, with its state beside them."""

    def __init__(self, folder):
        self.models = os.path.join(folder, "models")
        os.makedirs(self.models, exist_ok=True)
        self.config = os.path.join(folder, "weir.json")
        with open(self.config, "w", encoding="utf-8") as f:
            json.dump({"models": [self.models], "listen": ["127.0.0.1:0"], "admin": "127.0.0.1:0",
                       "state_dir": os.path.join(folder, "state"), "settle": "100ms", "rescan": "100ms"}, f)
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)

    def start(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_")}
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([PROGRAM, "serve", "--config", self.config], stdout=subprocess.PIPE,
                                        stderr=self.log, env=env)
        self.ports = {}
        for line in self.process.stdout:
            m = re.match(rb"(listening|admin) on 127.0.0.1:(\d+)", line)
            if m:
                self.ports[m.group(1).decode()] = int(m.group(2))
            if len(self.ports) == 2:
                break

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.stdout.close()
        code = self.process.wait(30)
        if code != 0:
            print("# " + self.said().replace("\n", "\n# "), flush=True)
        equal(code, 0, "the server's exit")

    def said(self):
        self.log.seek(0)
        return self.log.read().decode()

    def await_said(self, part):
        """The log has a writer of its own, which may be behind."""
        end = time.monotonic() + WAIT_S
        while part not in self.said() and time.monotonic() < end:
            time.sleep(0.02)
        contains(self.said(), part)

    def call(self, method, path, body=None, code=200, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["admin"], timeout=30)
        connection.request(method, "/weir/v1/models" + path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        equal(answer.status, code, f"{method} {path}: {text[:300]}")
        return json.loads(text) if text[:1] in "{[" else text

    def metric(self, series):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["admin"], timeout=30)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        for line in text.split("\n"):
            if line.startswith(series + " "):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no {series} in\n" + "\n".join(x for x in text.split("\n") if "gate" in x))

    def put(self, name, source):
        """By rename, as a deployment should."""
        temporary = os.path.join(self.models, "." + name)
        if isinstance(source, bytes):
            with open(temporary, "wb") as f:
                f.write(source)
        else:
            shutil.copyfile(source, temporary)
        os.rename(temporary, os.path.join(self.models, name))

    def put_gate(self, rules, more="signature: any\n"):
        lines = "".join(f"  - \"{r}\"\n" for r in rules)
        text = f"holdout: bc.holdout.csv\nlabel: y\n{more}" + (f"rules:\n{lines}" if rules else "")
        self.put("bc.gate.yaml", text.encode())

    def put_holdout(self, rows, truths):
        path = os.path.join(self.models, ".holdout")
        write_csv(path, [row + [t] for row, t in zip(rows, truths)], [f"c{i}" for i in range(len(rows[0]))] + ["y"])
        os.rename(path, os.path.join(self.models, "bc.holdout.csv"))

    def gate(self):
        return self.call("GET", "/bc/gate")

    def await_line(self, n, code):
        """Waits until the history has n lines, of which the newest has this code."""
        end = time.monotonic() + WAIT_S
        got = None
        while time.monotonic() < end:
            known = [m["name"] for m in self.call("GET", "")["models"]]
            got = self.gate() if "bc" in known else {"history": [{"code": None}], "state": "judging"}
            if len(got["history"]) >= n and got["state"] != "judging":
                break
            time.sleep(0.02)
        if len(got["history"]) != n or got["history"][0]["code"] != code:
            raise AssertionError(f"wanted line {n} {code}, got {json.dumps(got['history'])[:2000]}\n{self.said()}")
        return got


class Load(threading.Thread):
    """Asks without a pause until it is told to end."""

    def __init__(self, server, row):
        super().__init__()
        self.body = json.dumps({"features": [row]})
        self.port = server.ports["listening"]
        self.n = 0
        self.failed = []
        self.versions = []
        self.is_ended = False
        self.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.is_ended:
            try:
                connection.request("POST", "/predict/bc", self.body)
                answer = connection.getresponse()
                text = answer.read()
                self.n += 1
                if answer.status != 200:
                    self.failed.append((answer.status, text[:200]))
                version = answer.getheader("Weir-Version")
                if not self.versions or self.versions[-1] != version:
                    self.versions.append(version)
            except (OSError, http.client.HTTPException) as why:
                self.failed.append(repr(why))
                connection.close()
            time.sleep(0.002)
        connection.close()

    def end(self):
        self.is_ended = True
        self.join()
        equal(self.failed[:3], [], "failed requests")
        equal(self.n > 100, True, f"{self.n} requests")
        return self.versions


@case
def the_story_of_a_model_and_its_gate(folder):
    with Server(folder) as server:
        rows, truths = make_rows(1, 400)
        server.put_gate(RULES)
        server.put_holdout(rows, truths)
        server.put("bc.pkl", FAIR)
        first = server.await_line(1, "ok")
        equal(first["state"], "live")
        equal(first["latest"]["schema"], "gate/1")
        equal(first["latest"]["live"], None)
        loads = [Load(server, rows[0]), Load(server, rows[1])]

        # A worse one is refused, and one that takes other rows, and one that cannot be read.
        server.put("bc.pkl", POOR)
        got = server.await_line(2, "rule_failed")
        equal(got["state"], "held")
        equal(got["history"][0]["version"], "2")
        equal([r["result"] for r in got["latest"]["rules"]].count("false") >= 1, True, got["latest"]["rules"])
        contains(server.call("GET", "/bc/gate/report"), "<svg")
        states = {v["state"]: v for v in server.call("GET", "")["models"][0]["versions"]}
        contains(states["held"]["reason"], "rule_failed")
        server.put_gate(RULES, "signature: same\n")
        server.await_line(3, "schema_mismatch")
        server.put("bc.pkl", OTHER)
        server.await_line(4, "schema_mismatch")
        with open(GOOD, "rb") as f:
            server.put("bc.pkl", f.read()[:300])
        server.await_line(5, "load_error")
        server.put_gate(RULES)
        equal(server.gate()["history"][1]["code"], "schema_mismatch")

        # A better one goes live, with numbers of both sides.
        server.put("bc.pkl", GOOD)
        got = server.await_line(6, "ok")
        better = server.metric('weir_gate_metric{model="bc",version="%s",metric="roc_auc"}' % got["history"][0]["version"])
        equal(better > server.metric('weir_gate_metric{model="bc",version="1",metric="roc_auc"}'), True)
        equal(server.metric('weir_gate_holdout_uses{model="bc"}') >= 3, True)
        equal(server.metric('weir_gate_held{model="bc"}'), 0)

        # Other rules judge again what is held, and never what serves.
        server.put("bc.pkl", FAIR)
        server.await_line(7, "rule_failed")
        server.put_gate(["roc_auc >= 0.5"])
        got = server.await_line(8, "ok")
        live = got["history"][0]["version"]
        server.put_gate(["roc_auc >= 0.999999"])
        time.sleep(0.5)
        equal(len(server.gate()["history"]), 8)

        # A rollback is one call. It holds what is rolled back.
        begun = time.monotonic()
        server.call("POST", "/bc/rollback")
        took_ms = (time.monotonic() - begun) * 1000
        print(f"# rollback answered after {took_ms:.1f} ms", flush=True)
        equal(server.call("GET", "")["models"][0]["version"] != live, True)

        # A forced promotion wants a reason, and is told of.
        server.put("bc.pkl", POOR)
        server.await_line(9, "rule_failed")
        server.call("POST", "/bc/promote", "{}", 400)
        server.call("POST", "/bc/promote", '{"reason": "  "}', 400)
        server.call("POST", "/no/promote", '{"reason": "x"}', 404)
        server.call("POST", "/bc/promote", '{"reason": "a drill"}', headers={"X-Request-Id": "drill-7"})
        got = server.await_line(10, "rule_failed")
        equal(got["history"][0]["forced"]["reason"], "a drill")
        contains(got["history"][0]["forced"]["by"], "127.0.0.1")
        contains(got["history"][0]["forced"]["by"], "drill-7")
        server.await_said("version promoted against its gate")
        server.call("POST", "/bc/promote", '{"reason": "again"}', 409)
        equal(server.metric('weir_gate_verdicts_total{model="bc",verdict="forced"}'), 1)
        equal(server.metric('weir_gate_verdicts_total{model="bc",verdict="pass"}'), 3)

        versions = [load.end() for load in loads]
        equal(len(versions[0]) >= 4, True, versions)
        server.stop()

        # A restart serves what served, and knows its verdicts.
        server.start()
        server.put("bc.pkl", FAIR)
        equal(len(server.gate()["history"]) >= 10, True)
        server.await_line(11, "rule_failed")
        server.stop()
        server.start()
        server.await_line(12, "rule_failed")
        equal(server.metric('weir_repository_events_total{event="gates_reused"}'), 1)
        server.await_said("last good version restored")


@case
def what_cannot_be_judged_is_treated_as_the_gate_says(folder):
    with Server(folder) as server:
        rows, truths = make_rows(2, 200)
        server.put_gate(RULES)
        server.put("bc.pkl", GOOD)
        server.await_line(1, "holdout_missing")
        server.put_gate(RULES, "no_holdout: allow\nsignature: any\n")
        server.await_line(2, "holdout_missing")
        equal(server.call("GET", "")["models"][0]["version"], "1")
        load = Load(server, rows[0])
        server.put_gate(RULES)
        server.put("bc.pkl", FAIR)
        server.await_line(3, "holdout_missing")
        server.put_holdout(rows[:5], truths[:5])
        server.await_line(4, "holdout_too_small")
        server.put("bc.holdout.csv", b"c0,y\n1,2\n")
        server.await_line(5, "holdout_invalid")
        server.put("bc.gate.yaml", b"holdout: bc.holdout.csv\nlable: y\n")
        server.await_line(6, "gate_invalid")
        server.put_gate(["ci_low(roc_auc) >= 0.5"], "timeout: 1ms\nsignature: any\n")
        server.put_holdout(rows, truths)
        end = time.monotonic() + WAIT_S
        while server.gate()["history"][0]["code"] != "timeout" and time.monotonic() < end:
            time.sleep(0.02)
        equal(server.gate()["history"][0]["code"], "timeout")
        versions = load.end()
        equal(versions, ["1"], "the old version answers on")


@case
def a_candidate_that_is_replaced_is_superseded(folder):
    with Server(folder) as server:
        rows, truths = make_rows(3, 2000)
        server.put_gate([])
        server.put_holdout(rows, truths)
        server.put("bc.pkl", FAIR)
        server.await_line(1, "ok")
        load = Load(server, rows[0])
        # Long enough to be met in the middle.
        server.put_holdout(rows * 20, truths * 20)
        server.put_gate(["ci_low(delta(f1)) >= -1"])
        time.sleep(0.3)
        server.put("bc.pkl", POOR)
        end = time.monotonic() + WAIT_S
        while server.gate()["state"] != "judging" and time.monotonic() < end:
            time.sleep(0.005)
        server.put("bc.pkl", GOOD)
        end = time.monotonic() + WAIT_S
        while "superseded" not in [h["code"] for h in server.gate()["history"]] and time.monotonic() < end:
            time.sleep(0.02)
        contains([h["code"] for h in server.gate()["history"]], "superseded")
        server.put_gate(["roc_auc >= 0.5"])
        end = time.monotonic() + 60
        while server.gate()["history"][0]["code"] != "ok" and time.monotonic() < end:
            time.sleep(0.05)
        equal(server.gate()["history"][0]["code"], "ok")
        load.end()


@case
def the_chosen_threshold_is_part_of_the_version(folder):
    rows, truths = make_rows(4, 400)

    def labels(server):
        connection = http.client.HTTPConnection("127.0.0.1", server.ports["listening"], timeout=30)
        connection.request("POST", "/predict/bc", json.dumps({"features": rows[:100]}))
        got = json.loads(connection.getresponse().read())
        connection.close()
        return got["predictions"] if "predictions" in got else got["prediction"]

    with Server(folder) as server:
        server.put_gate(["roc_auc >= 0.8"], "signature: any\nthreshold: tpr>=0.99\n")
        server.put_holdout(rows, truths)
        server.put("bc.pkl", GOOD)
        threshold = server.await_line(1, "ok")["latest"]["threshold"]
        with_one = labels(server)
        server.put_gate(["roc_auc >= 0.8"])
        server.put("bc.pkl", FAIR)
        server.await_line(2, "ok")
        server.put_gate(["roc_auc >= 2"])
        server.call("POST", "/bc/rollback")
        equal(labels(server), with_one, "a rollback brings the threshold back")
        server.stop()
        server.start()
        server.put("bc.pkl", POOR)
        server.await_line(3, "rule_failed")
        equal(labels(server), with_one, "and so does a restart")
    with tempfile.TemporaryDirectory() as other, Server(other) as server:
        server.put("bc.pkl", GOOD)
        while not server.call("GET", "")["models"]:
            time.sleep(0.02)
        while "version" not in server.call("GET", "")["models"][0]:
            time.sleep(0.02)
        plain = labels(server)
        equal(plain != with_one, True, f"the threshold {threshold} decides nothing else")


main()
