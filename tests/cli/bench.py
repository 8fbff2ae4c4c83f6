# SPDX-License-Identifier: MIT
"""Tests of weir bench: against a server that can be told to fail, and against weir itself.

Usage: bench.py PROGRAM
"""

import hashlib
import json
import os
import shutil
import time

from fake import Fake, reply, stalls
from harness import DATA, MODELS, case, contains, equal, exits, main, weir

QUICK = ["--warmup", "10ms", "--json"]
MODEL_A = os.path.join(DATA, "1.6.1", "logistic", "lr_bc.pkl")
MODEL_B = os.path.join(DATA, "1.2.2", "composed", "p_ss_lr_bc.pkl")


def bench(*arguments, code=0, timeout=60, environment=None):
    return json.loads(exits(weir("bench", *arguments, timeout=timeout, environment=environment), code).out)


@case
def a_closed_loop_counts_what_the_server_saw(folder):
    with Fake() as fake:
        doc = bench(fake.address, "-c", "4", "-d", "500ms", *QUICK)
        seen = len(fake.bodies("/predict/m"))
    side = doc["sides"][0]
    equal(doc["loop"], "closed")
    equal(side["failed"], 0)
    equal(side["requests"], side["ok"])
    # The server also saw what was sent before measuring.
    equal(100 < side["ok"] <= seen, True, f"{side['ok']} of {seen}")
    equal(0 < side["latency_us"]["p50"] <= side["latency_us"]["p99"] <= side["latency_us"]["max"], True)


@case
def an_open_loop_keeps_its_rate(folder):
    with Fake() as fake:
        for arrivals in ["fixed", "poisson"]:
            doc = bench(fake.address, "--rate", "200", "--arrivals", arrivals, "-d", "2s", *QUICK)
            equal(doc["loop"], "open")
            # Five deviations of a Poisson number are 100.
            slack = 100 if arrivals == "poisson" else 3
            equal(abs(doc["sides"][0]["ok"] - 400) <= slack, True, f"{doc['sides'][0]['ok']} requests")


@case
def a_stall_is_charged_to_every_request_that_was_due_meanwhile(folder):
    # One connection; the server stops for 0.4 s again and again. Of what was due in that time
    # only one request was really sent: the others must not get away.
    with Fake(stalls(0.3, 0.4)) as fake:
        doc = bench(fake.address, "--rate", "100", "--arrivals", "fixed", "-c", "1", "-d", "3s", *QUICK)
    side = doc["sides"][0]
    equal(side["failed"], 0)
    equal(side["latency_us"]["p90"] > 150e3, True, f"latency p90 {side['latency_us']['p90']}")
    equal(side["service_us"]["p90"] < 100e3, True, f"service p90 {side['service_us']['p90']}")
    equal(side["latency_us"]["max"] >= 390e3, True)


@case
def failures_are_counted_by_kind(folder):
    def answer(number, body):
        if number % 23 == 0:
            return None
        if number % 19 == 0:
            return b"nonsense\r\n\r\n"
        if number % 5 == 0:
            return reply(b'{"error":"busy"}', "503 Service Unavailable")
        if number % 7 == 0:
            return reply(b"{}", "404 Not Found")
        return reply(b'{"prediction":[0.0]}')

    with Fake(answer) as fake:
        doc = bench(fake.address, "-c", "3", "-d", "700ms", *QUICK, code=1)
    side = doc["sides"][0]
    for kind in ["ok", "status_5xx", "status_4xx", "closed", "malformed"]:
        equal(side["outcomes"][kind] > 0, True, kind)
    equal(side["outcomes"]["wrong"], 0)
    equal(side["failed"], sum(n for k, n in side["outcomes"].items() if k != "ok"))
    equal(side["requests"], sum(side["outcomes"].values()))
    # Twice as many fives as sevens, roughly.
    equal(1 < side["outcomes"]["status_5xx"] / side["outcomes"]["status_4xx"] < 2.5, True)
    equal(side["reconnects"] >= side["outcomes"]["closed"], True)


@case
def silence_is_a_timeout(folder):
    with Fake(lambda number, body: b"") as fake:
        doc = bench(fake.address, "-c", "2", "-d", "300ms", "--timeout", "200ms", *QUICK, code=1)
    outcomes = doc["sides"][0]["outcomes"]
    equal(outcomes["timeout"] > 0, True)
    equal(outcomes["ok"], 0)


@case
def nobody_there_is_said(folder):
    r = exits(weir("bench", "127.0.0.1:1", "-d", "100ms"), 1)
    contains(r.err, "127.0.0.1:1: the connection could not be made: Connection refused")
    r = exits(weir("bench", "127.0.0.1:1/", "-d", "100ms", "--json"), 1)
    contains(json.loads(r.out)["error"], "cannot connect to 127.0.0.1:1: Connection refused")
    contains(exits(weir("bench", os.path.join(folder, "none.pkl")), 1).err, "No such file or directory")
    contains(exits(weir("bench", "https://x/"), 1).err, "https is not supported")


@case
def bodies_fit_the_signature(folder):
    with Fake(n_features=5) as fake:
        bench(fake.address, "-c", "1", "-d", "100ms", "--rows", "3", *QUICK)
        bodies = [json.loads(b) for b in fake.bodies("/predict/m")]
        equal(all(len(b["features"]) == 3 and all(len(r) == 5 for r in b["features"]) for b in bodies), True)
        equal(len({json.dumps(b) for b in bodies[:64]}) > 5, True, "bodies differ")
        first = bodies[0]
        fake.requests.clear()
        bench(fake.address, "-c", "1", "-d", "100ms", "--rows", "3", *QUICK)
        equal(json.loads(fake.bodies("/predict/m")[0]), first, "the same seed makes the same rows")
        bench(fake.address, "-c", "1", "-d", "100ms", "--output", "predict_proba", *QUICK)
        equal(len(fake.bodies("/predict_proba/m")) > 0, True)
        bench(fake.address, "-c", "1", "-d", "100ms", "--protocol", "v2", "--rows", "2", *QUICK)
        body = json.loads(fake.bodies("/v2/models/m/infer")[0])
        equal(body["inputs"][0]["shape"], [2, 5])
        equal(len(body["inputs"][0]["data"]), 10)
        own = os.path.join(folder, "body.json")
        with open(own, "w", encoding="utf-8") as f:
            f.write('{"mine":1}')
        bench(f"http://{fake.address}/some/path", "-c", "1", "-d", "100ms", "--body", own, *QUICK)
        equal(fake.bodies("/some/path")[0], b'{"mine":1}')
        bench(f"http://{fake.address}/plain", "-c", "1", "-d", "100ms", *QUICK)
        equal([line for line, _ in fake.requests if "/plain" in line][0], "GET /plain HTTP/1.1")


@case
def two_servers_take_turns(folder):
    def slow(number, body):
        time.sleep(0.004)
        return reply(b'{"prediction":[0.0]}')

    with Fake() as fast, Fake(slow) as other:
        doc = bench(fast.address, "--compare", other.address, "--rate", "50", "--arrivals", "fixed", "-d", "2s",
                    "--stage", "250ms", *QUICK)
    equal(doc["pairs"], 4)
    equal([s["name"] for s in doc["sides"]], [fast.address, other.address])
    equal(all(abs(s["ok"] - 50) <= 4 for s in doc["sides"]), True)
    equal(doc["ratios"]["p50"]["median"] > 1.5, True, f"ratio {doc['ratios']['p50']}")
    equal(doc["ratios"]["p50"]["min"] <= doc["ratios"]["p50"]["median"] <= doc["ratios"]["p50"]["max"], True)


@case
def wrong_answers_are_found(folder):
    # A server that names the right file with every answer, and always answers the same.
    served = os.path.join(folder, "served.pkl")
    shutil.copy(MODEL_A, served)

    def answer(number, body):
        with open(served, "rb") as f:
            digest = hashlib.sha256(f.read()).hexdigest()[:16]
        return reply(b'{"classes":[0,1],"probabilities":[[0.5,0.5]]}', headers=f"Weir-Digest: {digest}\r\n")

    with Fake(answer, n_features=30) as fake:
        doc = bench(fake.address, "--rate", "200", "-d", "1s", "--stage", "250ms", "--swap", MODEL_A, MODEL_B,
                    "--model-path", served, "--swap-every", "50ms", *QUICK, code=1)
    for side in doc["sides"]:
        equal(side["ok"], 0)
        equal(side["wrong"] > 30, True)
        equal(side["failed"], 0)
    equal(doc["changes_seen"] > 2, True)
    contains(doc["first_wrong"], "expected {")
    with open(served, "rb") as f, open(MODEL_A, "rb") as g:
        equal(f.read() == g.read(), True, "the first file is put back")


@case
def a_file_that_is_not_taken_up_is_said(folder):
    served = os.path.join(folder, "served.pkl")
    with Fake(lambda n, b: reply(b"{}", headers="Weir-Digest: 0123456789abcdef\r\n"), n_features=30) as fake:
        r = exits(weir("bench", fake.address, "--rate", "100", "-d", "1s", "--swap", MODEL_A, MODEL_B, "--model-path",
                       served, *QUICK, timeout=60), 1)
    contains(r.err, "does not take up the file")
    r = exits(weir("bench", "127.0.0.1:1", "--swap", MODEL_A, MODEL_A), 1)
    contains(r.err, "are the same")
    r = exits(weir("bench", "127.0.0.1:1", "--swap", MODEL_A, os.path.join(MODELS, "iris.joblib")), 1)
    contains(r.err, "takes 30 features")


@case
def a_model_file_gets_a_server_of_its_own(folder):
    own = os.path.join(folder, "tmp")
    os.mkdir(own)
    doc = bench(os.path.join(MODELS, "iris.joblib"), "-c", "8", "-d", "500ms", *QUICK, environment={"TMPDIR": own})
    side = doc["sides"][0]
    equal(side["failed"], 0)
    equal(side["ok"] > 100, True)
    equal(side["cpu_us_per_request"] > 0, True)
    equal(side["rss_bytes"]["before"] > 0, True)
    equal(doc["features"], 4)
    equal(os.listdir(own), [], "nothing is left behind")
    doc = bench(os.path.join(MODELS, "iris.joblib"), "-c", "8", "--rate", "10%", "-d", "500ms", *QUICK)
    equal(abs(doc["rate"] / doc["peak"] - 0.1) < 1e-3, True)
    broken = os.path.join(folder, "broken.pkl")
    with open(broken, "wb") as f:
        f.write(b"\x80\x04garbage")
    r = exits(weir("bench", broken, "-d", "100ms"), 1)
    contains(r.err, "does not get ready")


main()
