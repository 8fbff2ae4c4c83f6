# SPDX-License-Identifier: MIT
"""Decision thresholds of `weir serve`: labels of a real model over every protocol of HTTP, one row
and many, on the loop and on workers; what a model cannot have is said when it is loaded.

Usage: threshold.py PROGRAM [sanitized]
"""

import http.client
import json
import os
import re
import shutil
import signal
import struct
import subprocess

from harness import MODELS, PROGRAM, case, contains, equal, exits, main, weir, write_csv

MODEL = os.path.join(MODELS, "breast-cancer.joblib")
# A malignant and a benign row of the data set; rows between them cross the decision.
MALIGNANT = [17.99, 10.38, 122.8, 1001, 0.1184, 0.2776, 0.3001, 0.1471, 0.2419, 0.07871, 1.095, 0.9053, 8.589, 153.4,
             0.006399, 0.04904, 0.05373, 0.01587, 0.03003, 0.006193, 25.38, 17.33, 184.6, 2019, 0.1622, 0.6656, 0.7119,
             0.2654, 0.4601, 0.1189]
BENIGN = [13.54, 14.36, 87.46, 566.3, 0.09779, 0.08129, 0.06664, 0.04781, 0.1885, 0.05766, 0.2699, 0.7886, 2.058, 23.56,
          0.008462, 0.0146, 0.02387, 0.01315, 0.0198, 0.0023, 15.11, 19.26, 99.7, 711.2, 0.144, 0.1773, 0.239, 0.1288,
          0.2977, 0.07259]
ROWS = [[b + (m - b) * k / 20 for m, b in zip(MALIGNANT, BENIGN)] for k in range(21)]
CLASSES = ["benign", "malignant"]


class Server:
    """`weir serve` with a configuration."""

    def __init__(self, folder, options="", model=MODEL, arguments=(), until='event="swap done"|threshold: the model'):
        path = os.path.join(folder, "weir.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"models: [{json.dumps(model)}]\nlisten: ['127.0.0.1:0']\nadmin: '127.0.0.1:0'\ndrain_delay: 0s\n"
                    f"settle: 1ms\nstate_dir: {json.dumps(os.path.join(folder, 'state'))}\n{options}\n")
        env = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_")}
        self.log = open(os.path.join(folder, "log"), "w+b")
        self.process = subprocess.Popen([PROGRAM, "serve", "--config", path, *arguments], stdout=self.log, stderr=self.log, env=env)
        self.port = None
        self.begins = until

    def text(self):
        with open(self.log.name, encoding="utf-8") as f:
            return f.read()

    def until(self, pattern):
        """Waits for a line of the log."""
        for _ in range(3000):
            found = re.search(pattern, self.text())
            if found:
                return found
            if self.process.poll() is not None:
                break
            try:
                self.process.wait(0.01)
            except subprocess.TimeoutExpired:
                pass
        raise AssertionError(f"no {pattern!r} in {self.text()}")

    def __enter__(self):
        try:
            self.port = int(self.until(r"listening on 127\.0\.0\.1:(\d+)").group(1))
            self.until(self.begins)
        except AssertionError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()

    def call(self, path, body, kind="application/json", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection.request("POST" if data is not None else "GET", path, data, {"Content-Type": kind, **headers})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        equal(answer.status, 200, f"{path}: {text[:300]}")
        return answer, text

    def json(self, path, body=None):
        return json.loads(self.call(path, body)[1])

    def infer(self, rows, *outputs):
        body = {"inputs": [{"name": "x", "shape": [len(rows), 30], "datatype": "FP64", "data": sum(rows, [])}]}
        if outputs:
            body["outputs"] = [{"name": name} for name in outputs]
        return {o["name"]: o["data"] for o in self.json("/v2/models/breast-cancer/infer", body)["outputs"]}


def labels_of(server, rows):
    """The labels of rows over every protocol, by its name."""
    n = len(rows)
    csv = "\n".join(",".join(map(repr, row)) for row in rows).encode()
    found = {
        "v2": server.infer(rows)["predict"],
        "v2 with probabilities": server.infer(rows, "predict", "predict_proba")["predict"],
        "v2 with margins": server.infer(rows, "decision_function", "predict")["predict"],
        "flask": server.json("/predict/breast-cancer", {"features": rows})["prediction"],
        "tfserving": server.json("/v1/models/breast-cancer:predict", {"instances": rows})["predictions"],
        "mlflow": server.json("/invocations", {"inputs": rows})["predictions"],
        "mlflow csv": json.loads(server.call("/invocations", csv, "text/csv")[1])["predictions"],
    }
    head = json.dumps({"inputs": [{"name": "x", "shape": [n, 30], "datatype": "FP64",
                                   "parameters": {"binary_data_size": n * 240}}],
                       "outputs": [{"name": "predict", "parameters": {"binary_data": True}}]}).encode()
    answer, body = server.call("/v2/models/breast-cancer/infer", head + struct.pack(f"<{n * 30}d", *sum(rows, [])),
                               "application/octet-stream", **{"Inference-Header-Content-Length": str(len(head))})
    at = int(answer.getheader("Inference-Header-Content-Length"))
    texts = []
    while at < len(body):
        size = struct.unpack_from("<I", body, at)[0]
        texts.append(body[at + 4 : at + 4 + size].decode())
        at += 4 + size
    found["v2 binary"] = texts
    return found


def check(server, expected):
    """All rows at once, and one by one; then so many that a worker decodes the body."""
    for protocol, labels in labels_of(server, ROWS).items():
        equal(labels, expected, protocol)
    for i in (0, 7, 20):
        for protocol, labels in labels_of(server, [ROWS[i]]).items():
            equal(labels, [expected[i]], f"{protocol}, row {i}")
    equal(server.infer(ROWS * 60)["predict"], expected * 60, "a long body")


def scores(folder):
    with Server(folder) as server:
        found = server.infer(ROWS, "predict", "predict_proba", "decision_function")
        equal("threshold" in server.json("/v2/models/breast-cancer")["parameters"], False)
        check(server, found["predict"])
    equal(set(found["predict"]), set(CLASSES), "the rows cross the decision")
    found["predict_proba"] = [found["predict_proba"][i : i + 2] for i in range(0, 42, 2)]
    return found


def options(threshold, inline="auto"):
    return f"inline: {inline}\nmodel_options:\n  breast-cancer:\n    threshold: {threshold}\n"


@case
def every_protocol_answers_by_the_threshold(folder):
    found = scores(folder)
    margins, p = found["decision_function"], found["predict_proba"]
    tie = margins[7]
    # The score that evaluations rank by; row 7 is on the threshold, and positive.
    expected = [CLASSES[s >= tie] for s in margins]
    equal(expected[7], "malignant")
    equal(expected == found["predict"], False, "the threshold decides otherwise than the model")
    for inline in ("always", "never"):
        with Server(folder, options(repr(tie), inline)) as server:
            check(server, expected)
            again = server.infer(ROWS, "predict_proba", "decision_function")
            equal(again["decision_function"], margins, "scores are as they were")
            equal(again["predict_proba"], sum(p, []))
            told = server.json("/v2/models/breast-cancer")["parameters"]["threshold"]
            equal(told, {"value": tie, "score": "decision_function", "positive": "malignant", "origin": "config"})
            told = server.json("/v2/models/breast-cancer/config")["parameters"]
            equal(told["threshold"], {"string_value": repr(tie)})
            equal(told["threshold_score"], {"string_value": "decision_function"})
            equal(told["threshold_positive"], {"string_value": "malignant"})


@case
def a_probability_and_another_class_may_be_chosen(folder):
    found = scores(folder)
    margins, p = found["decision_function"], found["predict_proba"]
    with Server(folder, options(f"{{value: {p[9][1]!r}, score: predict_proba}}")) as server:
        check(server, [CLASSES[row[1] >= p[9][1]] for row in p])
    with Server(folder, options(f"{{value: {p[9][0]!r}, score: predict_proba, positive: benign}}")) as server:
        check(server, [CLASSES[0 if row[0] >= p[9][0] else 1] for row in p])
    with Server(folder, options(f"{{value: {-margins[12]!r}, positive: benign}}")) as server:
        check(server, [CLASSES[0 if -s >= -margins[12] else 1] for s in margins])
    with Server(folder, options("1e300")) as server:
        check(server, ["benign"] * 21)
    with Server(folder, options("-1e300")) as server:
        check(server, ["malignant"] * 21)


@case
def what_weir_evaluate_says_is_what_weir_serve_takes(folder):
    with Server(folder) as server:
        names = server.json("/v2/models/breast-cancer")["parameters"]["feature_names"]
        margins = server.infer(ROWS, "decision_function")["decision_function"]
    table = os.path.join(folder, "rows.csv")
    # Row 4 is malignant though its score is low: no malignant row may be missed.
    truths = [CLASSES[k >= 12 or k == 4] for k in range(21)]
    write_csv(table, [[*row, truth] for row, truth in zip(ROWS, truths)], [*names, "truth"])
    out = exits(weir("evaluate", MODEL, table, "-l", "truth", "--threshold-policy", "tpr>=1"), 0).out
    told = re.search(r"to serve with it: (--model-options) '(breast-cancer: .*)'\n", out)
    equal(told is not None, True, out)
    with Server(folder, arguments=told.groups()) as server:
        equal(margins[3] < server.json("/v2/models/breast-cancer")["parameters"]["threshold"]["value"] < margins[4], True)
        check(server, [CLASSES[s >= margins[4]] for s in margins])


@case
def a_threshold_that_a_gate_chose_stays_with_its_file(folder):
    models = os.path.join(folder, "models")
    os.mkdir(models)
    with Server(folder) as server:
        names = server.json("/v2/models/breast-cancer")["parameters"]["feature_names"]
        margins = server.infer(ROWS, "decision_function")["decision_function"]
    truths = [CLASSES[k >= 12 or k == 4] for k in range(21)]
    write_csv(os.path.join(models, "breast-cancer.holdout.csv"),
              [[*row, truth] for row, truth in zip(ROWS, truths)], [*names, "truth"])
    with open(os.path.join(models, "breast-cancer.gate.yaml"), "w", encoding="utf-8") as f:
        f.write("holdout: breast-cancer.holdout.csv\nlabel: truth\nrows_min: 1\n"
                "rules: [recall >= 1]\nthreshold: tpr>=1\n")
    shutil.copy(MODEL, models)
    expected = [CLASSES[s >= margins[4]] for s in margins]
    for _ in range(2):  # The second start judges nothing: what has served serves again.
        with Server(folder, "", models) as server:
            check(server, expected)
            told = server.json("/v2/models/breast-cancer")["parameters"]["threshold"]
            equal(told["origin"], "gate")
            equal(told["positive"], "malignant")
    # What the configuration says goes before what the gate chose, and comes off again.
    with Server(folder, options(repr(margins[9])), models) as server:
        check(server, [CLASSES[s >= margins[9]] for s in margins])
    with Server(folder, "", models) as server:
        check(server, expected)


@case
def a_gate_judges_by_the_threshold_that_will_serve(folder):
    models = os.path.join(folder, "models")
    os.mkdir(models)
    with Server(folder) as server:
        names = server.json("/v2/models/breast-cancer")["parameters"]["feature_names"]
        margins = server.infer(ROWS, "decision_function")["decision_function"]
    write_csv(os.path.join(models, "breast-cancer.holdout.csv"),
              [[*row, CLASSES[k >= 12]] for k, row in enumerate(ROWS)], [*names, "truth"])
    with open(os.path.join(models, "breast-cancer.gate.yaml"), "w", encoding="utf-8") as f:
        f.write("holdout: breast-cancer.holdout.csv\nlabel: truth\nrows_min: 1\nrules: [recall >= 1]\n")
    shutil.copy(MODEL, models)
    for threshold, reason in (
        (repr((margins[12] + margins[13]) / 2), "rule_failed: recall 0.888889 >= 1: false"),
        (f"{{value: {-margins[12]!r}, positive: benign}}",
         "gate_invalid: its positive class is not that of the model's threshold"),
    ):
        with Server(folder, options(threshold), models, until=re.escape(reason)):
            pass
    with Server(folder, options(repr(margins[12])), models) as server:
        check(server, [CLASSES[s >= margins[12]] for s in margins])


@case
def a_model_without_such_a_score_is_not_served(folder):
    for name, threshold, reason in (
        ("iris", "0.5", "threshold: the model does not decide between two classes"),
        ("diabetes", "0.5", "threshold: the model does not decide between two classes"),
        ("breast-cancer", "{value: 0.5, score: margin}", r'threshold: the model has no score \"margin\"'),
        ("breast-cancer", "{value: 0.5, positive: good}",
         r'threshold: the model has no class \"good\", only \"benign\" and \"malignant\"'),
    ):
        model = os.path.join(MODELS, name + ".joblib")
        text = f"model_options:\n  {name}:\n    threshold: {threshold}\n"
        with Server(folder, text, model) as server:
            server.until("threshold: the model")
            contains(server.text(), reason)


@case
def what_is_no_threshold_is_refused_in_the_configuration(folder):
    for threshold, reason in (
        ("high", "weir.yaml:10:16: threshold: expected a number"),
        ("1e999", "threshold: expected a number"),
        ("[0.5]", "threshold: expected a number or a text"),
        ("{score: predict_proba}", "threshold: expected the key value"),
        ("{value: 0.5, limit: 1}", "threshold: expected the keys value, score and positive"),
    ):
        server = Server(folder, options(threshold))
        equal(server.process.wait(30) != 0, True, threshold)
        contains(server.text(), reason)
        server.__exit__()


main()
