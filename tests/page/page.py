# SPDX-License-Identifier: MIT
"""The page of the admin listener in a real browser.

One server, one browser; each case opens what it needs. Times are what people would wait for.

Usage: page.py PROGRAM [--pictures FOLDER]
"""

import math
import os
import random
import re
import shutil
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MODELS = os.path.join(ROOT, "conf", "models")
PEOPLE = os.path.join(ROOT, "tests", "data", "sklearn", "1.9.1", "columns", "everyday_lr.pkl")
WORSE = os.path.join(ROOT, "tests", "data", "sklearn", "1.6.1", "boosting", "gbc_bc.pkl")
CHECKS = open(os.path.join(HERE, "checks.js"), encoding="utf-8").read()
IRIS_ROW = [6.7, 3.0, 5.2, 2.3]
CHANGES_SHOWN_S = 2

cases = []
server = None
browser = None


def case(function):
    """Registers a test; its name is a sentence."""
    cases.append(function)
    return function


def equal(got, expected, what=""):
    if got != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")


def near(got, expected, what):
    if got is None or expected is None or abs(got - expected) > 0.006 * abs(expected) + 1e-12:  # three digits are shown
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")


def open_page(path="#/", selector="#models tbody tr"):
    browser.open("about:blank")  # else only the part behind # changes
    browser.open(server.admin + "/" + path)
    browser.until(lambda: browser.text(selector), path)


def open_model(name):
    open_page("#/models/" + urllib.parse.quote(name), "#versions tbody tr")


def row_of(name):
    """The texts of a model's row in the overview."""
    return browser.js(
        "const r = [...document.querySelectorAll('#models tbody tr')].find((r) => r.dataset.key === arguments[0]);"
        "return r ? [...r.children].map((c) => c.innerText) : null", name)


def table_rows(selector):
    return browser.js("return [...document.querySelectorAll(arguments[0] + ' tbody tr')].map((r) => [...r.children].map((c) => c.innerText))",
                      selector)


# --- what is shown ---


@case
def models_are_shown_with_what_serves_and_what_was_refused_and_why():
    server.put(os.path.join(MODELS, "toy.joblib"), "mixed.joblib")
    browser.until(lambda: server.states().get("mixed", {}).get("version"), "mixed serves")
    server.put(b"this is no model", "mixed.joblib")
    open_page()
    browser.until(lambda: "refused" in (row_of("mixed") or [""])[-1], "the refused file is shown")
    states = server.states()
    for name, model in states.items():
        row = row_of(name)
        equal(row[0], name)
        serving = [v for v in model["versions"] if v["state"] == "ready"]
        equal(row[1], "live" if serving else "not served", name)
        equal(row[2], serving[0]["version"] if serving else "–", name)
        for v in model["versions"]:
            if v["state"] == "failed":
                equal(v["reason"] in row[7], True, f"{name}: {v['reason']!r} in {row[7]!r}")
    equal(any(v["state"] == "failed" for v in states["mixed"]["versions"]), True)
    equal(browser.text("#status"), "Live")
    browser.find("a[href='#/models/mixed']").click()
    browser.until(lambda: browser.text("h1") == "mixed", "the model's page")
    reason = next(v["reason"] for v in states["mixed"]["versions"] if v["state"] == "failed")
    browser.until(lambda: reason in browser.text("#model-state"), "the reason on the model's page")
    equal(browser.js("return document.activeElement.tagName"), "H1", "focus after a link")


@case
def values_on_the_page_equal_metrics():
    for i in range(40):
        equal(server.ask("/predict/iris", {"features": [IRIS_ROW] * (1 + i % 3)}, admin=False)[0], 200)
    equal(server.ask("/predict/iris", {"features": [[1]]}, admin=False)[0], 400)
    samples = server.metrics()
    open_page()
    total = sum(n for name, n in samples.items() if name.startswith("weir_requests_total{"))
    browser.until(lambda: browser.text("#tile-total") == str(int(total)), f"{total} answers in all")
    whole = [row for row in table_rows(".stages") if row[0] == "whole"][0]
    count = sum(n for name, n in samples.items() if re.match(r"weir_request_stage_seconds_count\{.*stage=\"whole\"", name))
    equal(whole[7], str(int(count)), "answers of all models together")
    open_model("iris")
    shown = {}

    def is_there():
        shown.clear()
        shown.update({(row[0], row[1]): row[2] for row in table_rows("#totals")})
        return bool(shown)

    browser.until(is_there, "the counters")
    expected = {}
    for name, n in samples.items():
        m = re.fullmatch(r'weir_requests_total\{model="iris",version="(\d+)",protocol="(\w+)",code="(\d+)"\}', name)
        if m:
            expected[(f"answers {m.group(3)} by {m.group(2)}", m.group(1))] = n
        m = re.fullmatch(r'weir_rows_total\{model="iris",version="(\d+)"\}', name)
        if m:
            expected[("rows", m.group(1))] = n
        m = re.fullmatch(r'weir_batches_total\{model="iris",version="(\d+)",reason="([^"]*)",place="([^"]*)"\}', name)
        if m:
            expected[(f"batches, {m.group(2)}, {m.group(3)}", m.group(1))] = n
        m = re.fullmatch(r'weir_refused_total\{model="iris",reason="([^"]*)"\}', name)
        if m:
            expected[(f"refused: {m.group(1)}", "")] = n
    equal(shown, {key: str(int(n)) for key, n in expected.items()}, "counters")
    for row in table_rows(".stages"):
        labels = f'model="iris",version="1",stage="{row[0]}"'
        equal(row[7], str(int(samples[f"weir_request_stage_seconds_count{{{labels}}}"])), row[0])
        for column, q in ((4, 0.5), (5, 0.9), (6, 0.99)):
            near(number_of(row[column]), quantile(samples, "weir_request_stage_seconds", labels, q), f"{row[0]} {q}")


@case
def traffic_is_drawn_and_told_in_numbers():
    open_page()
    chart = "figure.chart"
    browser.until(lambda: browser.all(".plot canvas"), "the charts are drawn")
    begun = time.monotonic()
    n = 0
    while browser.text("#tile-rate") in ("–", "0") and time.monotonic() - begun < 8:
        server.ask("/predict/toy", {"x": [1, 2]}, admin=False)
        n += 1
    equal(n > 0 and number_of(browser.text("#tile-rate")) > 0, True, "answers per second")
    equal(number_of(browser.text("#tile-p50")) > 0, True, "latency")
    browser.find(chart + " summary").click()
    rows = browser.until(lambda: table_rows(chart), "the numbers of the chart")
    equal(len(rows[0]), 4)
    equal(any(number_of(row[1]) > 0 for row in rows), True, "answers in the table")
    equal(browser.find(chart + " .plot").get_attribute("role"), "img")
    browser.find("input[type=radio]:not(:checked)").click()  # another percentile
    equal(len(browser.all(".plot canvas")) >= 5, True)


@case
def a_swap_is_shown_within_two_seconds():
    open_page()
    browser.until(lambda: row_of("swapped"), "the model")
    took = []
    for source in ("iris.joblib", "diabetes.joblib", "iris.joblib"):
        before = int(row_of("swapped")[2])
        begun = time.monotonic()
        server.put(os.path.join(MODELS, source), "swapped.joblib")
        browser.until(lambda: row_of("swapped")[2] == str(before + 1), "the new version")
        took.append(time.monotonic() - begun)
        if took[-1] <= CHANGES_SHOWN_S:  # A busy machine may need another try.
            break
    equal(min(took) <= CHANGES_SHOWN_S, True, f"seconds until shown {took}")
    open_model("swapped")
    browser.until(lambda: "model swapped" in browser.text("#timeline"), "the swap in the model's list")
    before, after = re.search(r"version (\d+) → (\d+)", browser.text("#timeline")).groups()
    equal(int(after), int(before) + 1)


# --- what can be done ---


@case
def the_form_predicts_what_a_direct_call_answers():
    open_model("iris")
    fields = browser.until(lambda: browser.all("#predict input"), "the form")
    equal(len(fields), len(IRIS_ROW))
    for field, value in zip(fields, IRIS_ROW):
        field.clear()
        field.send_keys(str(value))
    fields[-1].send_keys("\ue007")  # Enter
    browser.until(lambda: browser.text("#answer"), "an answer")
    direct = server.get("/v2/models/iris/infer", {"inputs": [{"name": "input-0", "shape": [1, 4], "datatype": "FP32", "data": IRIS_ROW}],
                                                    "outputs": [{"name": "predict"}, {"name": "predict_proba"}]})
    outputs = {o["name"]: o["data"] for o in direct["outputs"]}
    equal(browser.text("#answer [data-output=predict]"), outputs["predict"][0])
    shown = table_rows("#answer table[data-output=predict_proba]")
    equal([row[0] for row in shown], ["setosa", "versicolor", "virginica"])
    equal([float(row[1]) for row in shown], outputs["predict_proba"])
    equal(re.search(r"Version 1 answered in [\d.]+ (ms|µs|s) \(decode .*, run .*\)", browser.text("#answer")) is not None, True,
          browser.text("#answer"))
    fields[0].clear()
    fields[0].send_keys("many")
    browser.find("#predict button[type=submit]").click()
    browser.until(lambda: "column 1: many is not a number" in browser.text("#predict [role=status]"), "what is wrong")


@case
def the_form_has_the_columns_of_the_signature():
    meta = server.get("/v2/models/breast-cancer")
    open_model("breast-cancer")
    browser.until(lambda: browser.all("#predict input"), "the form")
    labels = browser.js("return [...document.querySelectorAll('#predict label')].map((l) => l.innerText)")
    equal(labels, [name + " FP64" for name in meta["parameters"]["feature_names"]])
    equal([row[0] for row in table_rows("#s-signature .scroll:last-of-type")], [o["name"] for o in meta["outputs"]])
    browser.find("#predict button[type=submit]").click()
    browser.until(lambda: browser.text("#answer [data-output=predict]") in ("benign", "malignant"), "an answer")


@case
def columns_of_text_and_missing_values_are_sent_as_they_are():
    open_model("people")
    browser.until(lambda: browser.all("#predict input"), "the form")
    row = {}
    for label, field in zip(browser.all("#predict label"), browser.all("#predict input")):
        name, datatype = label.text.rsplit(" ", 1)
        row[name] = {"BYTES": "Oslo's \"text\"", "FP64": 41.5}[datatype] if name != "income" else None
        field.clear()
        field.send_keys("" if row[name] is None else str(row[name]))
    equal({type(v) for v in row.values()}, {str, float, type(None)}, "kinds of columns")
    browser.find("#predict button[type=submit]").click()
    browser.until(lambda: browser.text("#answer"), "an answer")
    direct = server.get("/predict_proba/people", {"features": [row]})
    equal([float(r[1]) for r in table_rows("#answer table[data-output=predict_proba]")], direct["probabilities"][0])


@case
def buttons_roll_back_unload_and_load_and_ask_first():
    open_model("swapped")
    version = server.states()["swapped"]["version"]
    browser.find("[data-action=rollback]").click()
    equal(browser.js("return document.querySelector('dialog').open"), True, "a question")
    browser.keys("\ue00c")  # Escape
    browser.until(lambda: not browser.js("return document.querySelector('dialog').open"), "closed")
    equal(browser.js("return document.activeElement.dataset.action"), "rollback", "focus after the dialog")
    equal(server.states()["swapped"]["version"], version, "nothing was done")
    browser.find("[data-action=rollback]").click()
    browser.find("#dialog-accept").click()
    browser.until(lambda: "done in" in browser.text("#said"), "it is said")
    equal(int(server.states()["swapped"]["version"]) < int(version), True, "an earlier version serves")
    browser.find("[data-action=unload]").click()
    browser.find("#dialog-accept").click()
    browser.until(lambda: "not served" in browser.text("#model-state"), "unloaded")
    equal("version" in server.states()["swapped"], False)
    browser.find("[data-action=load]").click()
    browser.find("#dialog-accept").click()
    browser.until(lambda: "not served" not in browser.text("#model-state"), "loaded again")
    equal("version" in server.states()["swapped"], True)


def judged_rows():
    """A model, and rows between those that it was recorded with."""
    chance = random.Random(1)
    path, ref = fixture("lr_bc")
    names = [f"c{i}" for i in range(ref["X"][0][1])]
    known = [row for row in rows_of(ref["X"]) if all(math.isfinite(v) and abs(v) < 1e5 for v in row)]
    rows = []
    for _ in range(400):
        a, b, t = chance.choice(known), chance.choice(known), chance.random()
        rows.append([float(f"{(t * p + (1 - t) * q) * chance.uniform(0.9, 1.1):.5g}") for p, q in zip(a, b)])
    return path, names, rows, chance


def predicted(path, table, output):
    """What a model answers to a table, its last column."""
    lines = exits(weir("predict", path, table, "--output", output), 0).out.strip().split("\n")
    return [float(line.split(",")[-1]) for line in lines[1:]]


@case
def a_version_that_its_gate_refuses_shows_why_and_both_curves():
    good, names, rows, chance = judged_rows()
    table = os.path.join(os.path.dirname(server.models), "rows.csv")
    write_csv(table, rows, names)
    truths = [int(chance.random() < 0.075 + 0.85 * p) for p in predicted(good, table, "predict_proba")]
    holdout = os.path.join(server.models, "judged.holdout.csv")
    write_csv(holdout, [row + [y] for row, y in zip(rows, truths)], names + ["y"])
    server.put(b"holdout: judged.holdout.csv\nlabel: y\nthreshold: youden\nrules:\n  - roc_auc >= 0.5\n  - 'kept: roc_auc >= live.roc_auc - 0.005'\n",
               "judged.gate.yaml")
    server.put(good, "judged.pkl")
    browser.until(lambda: server.states().get("judged", {}).get("version") == "1", "the first version passes")
    server.put(WORSE, "judged.pkl")
    open_page()
    browser.until(lambda: "held" in row_of("judged")[-1], "the refusal in the overview")
    open_model("judged")
    browser.until(lambda: browser.all("#s-gate path[data-side]"), "the curves")
    doc = server.get("/weir/v1/models/judged/gate")["latest"]
    equal(doc["verdict"], "fail")
    contains(browser.text("#verdict"), doc["reason"])
    contains(browser.text("#model-state"), "version 1")
    results = {row[0]: row[1] for row in table_rows(".rules")}
    equal(results, {"roc_auc >= 0.5": "holds", "kept: roc_auc >= live.roc_auc - 0.005": "fails", "n_invalid == 0": "holds"})
    for side, part in (("candidate", "evaluation"), ("live", "live_evaluation")):
        equal(len(browser.all(f"#s-gate path[data-side={side}]")), 1, side)
        contains(browser.text("#s-gate figure .legend"), f"{side} AUC {doc[part]['metrics']['roc_auc']['value']:.4f}")
    scores = predicted(WORSE, table, "decision_function")
    slider = browser.find("#cutoff")
    for key in ("", "\ue011", "\ue014" * 20, "\ue010"):  # as chosen, Home, to the right, End
        slider.send_keys(key)
        limit = float(browser.js("return document.querySelector('#cutoff').getAttribute('aria-valuetext').split(' ')[1].replace(':', '')"))
        answers = [s >= limit - 1e-5 * abs(limit) for s in scores]  # six digits are shown
        cells = [[sum(1 for y, a in zip(truths, answers) if y == truth and a == answer) for answer in (False, True)] for truth in (0, 1)]
        shown = browser.js("return [...document.querySelectorAll('.matrix[data-side=candidate] td')].map((td) => Number(td.firstChild.textContent))")
        equal([shown[:2], shown[2:]], cells, f"counts at {limit}")


@case
def a_refused_version_can_be_served_with_a_reason():
    open_model("judged")
    browser.until(lambda: browser.all("[data-action=promote]"), "the button")
    browser.find("[data-action=promote]").click()
    browser.find("#dialog-accept").click()
    equal(browser.text("#reason-problem"), "Give a reason.")
    browser.keys("the holdout is <b>old</b>")
    browser.find("#dialog-accept").click()
    browser.until(lambda: "done in" in browser.text("#said"), "it is said")
    equal(server.states()["judged"]["version"], "2")
    browser.until(lambda: "the holdout is <b>old</b>" in browser.text("#s-gate"), "the reason among the verdicts")


@case
def live_quality_is_what_labels_say():
    n = 60
    for i in range(n):
        rows = {"features": [[6.7, 3.0, 5.2, 2.3] if i % 3 else [5.1, 3.5, 1.4, 0.2]]}
        server.ask("/predict/iris", rows, admin=False, fields={"X-Request-Id": f"q{i}"})
    labels = [{"id": f"q{i}", "label": "virginica" if i % 3 or i < 9 else "setosa"} for i in range(40)]
    equal(server.get("/weir/v1/models/iris/labels", {"labels": labels})["matched"], 40)
    open_model("iris")
    browser.until(lambda: table_rows("#s-quality"), "the numbers")
    doc = server.get("/weir/v1/models/iris/quality")
    facts = {row[0]: row[1] for row in table_rows("#s-quality .scroll:first-child")}
    equal(facts["Version"], "1")
    equal(facts["Predictions"], str(doc["coverage"]["predicted"]))
    equal(facts["With labels"].split(" ")[0], "40")
    shown = {row[0]: row[1] for row in table_rows("#s-quality .scroll:nth-child(2)")}
    equal(shown["accuracy"], f"{37 / 40:.4f}")
    equal(shown["accuracy"], f"{doc['metrics']['accuracy']['value']:.4f}")
    counts = browser.js("return [...document.querySelectorAll('#s-quality .matrix tbody tr')].map((r) => [...r.querySelectorAll('td')].map((td) => Number(td.firstChild.textContent)))")
    equal(counts, doc["confusion"]["counts"], "counts of classes")
    open_model("toy")
    browser.until(lambda: "it is off for this model" in browser.text("#s-quality"), "that it is off")


@case
def a_call_that_fails_says_why():
    open_model("toy")
    browser.find("[data-action=rollback]").click()
    browser.find("#dialog-accept").click()
    browser.until(lambda: browser.text("#said").startswith("Roll back: ") and "done" not in browser.text("#said"), "the reason")


# --- how it can be used ---


@case
def everything_can_be_reached_by_the_keyboard_alone():
    for path, selector in (("#/", "#models tbody tr"), ("#/models/iris", "#predict input")):
        open_page(path, "h1")
        browser.until(lambda: browser.all(selector), path)
        wanted = browser.js(
            "const all = [...document.querySelectorAll('a[href], button, input, textarea, summary, [tabindex=\"0\"]')].filter((e) => e.checkVisibility() && !e.disabled"
            " && !(e.type === 'radio' && !e.checked)); all.forEach((e, i) => (e.dataset.stop = i)); return all.length")
        seen = []
        browser.keys("\ue004")
        equal(browser.js("return document.activeElement.id"), "skip", "the first stop")
        for _ in range(wanted + 20):
            at = browser.js("const e = document.activeElement; if (!e || e === document.body) return null; const s = getComputedStyle(e);"
                            "return [e.dataset.stop, s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2, e.outerHTML.slice(0, 80)]")
            if at is None:
                break
            equal(at[1], True, f"focus can be seen on {at[2]}")
            seen.append(at[0])
            browser.keys("\ue004")
        missing = set(map(str, range(wanted))) - set(seen)
        equal([browser.js("return document.querySelector(`[data-stop='${arguments[0]}']`)?.outerHTML.slice(0, 100)", m) for m in missing],
              [], f"{path}: not reached")
        order = [int(s) for s in seen if s is not None]
        equal(order, sorted(order), "focus goes in the order of the page")
    open_page()
    browser.keys("\ue004", "\ue007")  # the skip link
    equal(browser.js("return document.activeElement.id"), "main")


def names_missing():
    """Asks the browser's accessibility tree for controls, pictures and groups that have no name."""
    roles = {"button", "link", "textbox", "searchbox", "radio", "slider", "checkbox", "combobox", "image", "img", "table", "dialog", "radiogroup",
             "navigation", "region", "DisclosureTriangle"}
    bad = []
    for node in browser.cdp("Accessibility.getFullAXTree")["nodes"]:
        role = node.get("role", {}).get("value")
        if node.get("ignored") or role not in roles:
            continue
        if not node.get("name", {}).get("value", "").strip():
            bad.append(role)
    return bad


@case
def names_headings_tables_and_contrast_are_as_they_should_be():
    pages = ["#/", "#/models/iris", "#/models/mixed", "#/models/judged", "#/events"]
    for path in pages:
        open_page(path, "h1")
        browser.until(lambda: path != "#/models/iris" or browser.all("#predict input"), "the form")
        browser.js("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        time.sleep(0.2)
        equal(names_missing(), [], f"{path}: without a name")
        for scheme in ("light", "dark"):
            browser.scheme(scheme)
            got = browser.js(CHECKS)
            equal(got["problems"], [], f"{path}, {scheme}")
            equal(got["checked"] > 10, True, f"{got['checked']} texts")
    browser.scheme("light")


@case
def a_narrow_page_does_not_scroll_sideways():
    for width in (320, 400):
        browser.size(width, 800)
        for path in ("#/", "#/models/breast-cancer", "#/models/mixed", "#/models/judged"):
            open_page(path, "h1")
            time.sleep(0.3)
            wide = browser.js("return document.documentElement.scrollWidth")
            equal(wide <= width, True, f"{path} is {wide} wide at {width}")
    browser.size(1280, 1000)


@case
def it_asks_once_a_second_and_not_while_paused():
    open_page()
    browser.read_logs()
    before = len(browser.requests)
    time.sleep(3)
    browser.read_logs()
    asked = [urllib.parse.urlsplit(url).path for url in browser.requests[before:]]
    for path in ("/metrics", "/weir/v1/models"):
        equal(2 <= asked.count(path) <= 4, True, f"{asked.count(path)} times {path} in 3 s")
    browser.find("#pause").click()
    equal(browser.text("#status"), "Paused")
    time.sleep(0.5)  # what was under way
    browser.read_logs()
    before = len(browser.requests)
    time.sleep(1.5)
    browser.read_logs()
    equal(browser.requests[before:], [], "while paused")
    browser.find("#pause").click()
    browser.until(lambda: browser.text("#status") == "Live", "live again")


@case
def the_console_is_quiet_and_nothing_leaves_the_origin():
    browser.read_logs()
    foreign = [url for url in browser.requests if not url.startswith((server.admin + "/", "data:", "about:", "chrome://"))]
    equal(foreign, [], "requests")
    equal(len(browser.requests) > 50, True, "requests were seen")
    # Calls that were refused on purpose are logged by the browser itself.
    errors = [line for line in browser.console if "the server responded with a status of" not in line]
    equal(errors, [], "console")


# --- running ---


def drive(is_over):
    """Sends predictions, so that there is something to see."""
    while not is_over.is_set():
        for name in ("iris", "toy", "iris"):
            server.ask("/predict/" + name, {"features": [IRIS_ROW if name == "iris" else [1, 2]] * random.randrange(1, 9)}, admin=False)
        time.sleep(0.02 * random.random())


def pictures(folder):
    """Saves pictures of the pages, to be looked at; those of the README among them."""
    os.makedirs(folder, exist_ok=True)
    is_over = threading.Event()
    driver = threading.Thread(target=drive, args=(is_over,))
    driver.start()
    try:
        take_pictures(folder)
    finally:
        is_over.set()
        driver.join()


def take_pictures(folder):
    shots = [("overview", "#/", "#models tbody tr", None), ("model", "#/models/iris", ".fields label", None)]
    if "judged" in server.states():
        server.ask("/weir/v1/models/judged/rollback", b"")
        server.put(fixture("hgc_bc")[0], "judged.pkl")
        browser.until(lambda: any(v["state"] == "held" for v in server.states()["judged"]["versions"]), "a refused version")
        shots.append(("gate", "#/models/judged", "#verdict", "#s-gate"))
    for name, path, selector, part in shots:
        for scheme, width in (("light", 1100), ("dark", 1100), ("light", 400)):
            browser.scheme(scheme)
            open_page(path, selector)
            time.sleep(15 if name == "overview" and width > 1000 else 3)
            file = os.path.join(folder, f"page-{name}-{scheme}-{width}.png")
            browser.picture(file, width, 1250 if width > 1000 else 3000, part)
            picture.shrink(file)
    browser.scheme("light")
    browser.size(1280, 1000)


def run_all(names):
    failed = 0
    chosen = [c for c in cases if not names or c.__name__ in names]
    print(f"1..{len(chosen)}")
    for number, function in enumerate(chosen, 1):
        begun = time.monotonic()
        try:
            function()
            print(f"ok {number} - {function.__name__} # {time.monotonic() - begun:.1f} s", flush=True)
        except Exception:  # A test may fail in any way; the rest still runs.
            failed += 1
            print(f"not ok {number} - {function.__name__}", flush=True)
            for line in traceback.format_exc().split("\n"):
                print(f"# {line}", flush=True)
    return failed


def missing():
    """What the machine lacks for this, in a word."""
    for program in ("chromium", "chromedriver"):
        if not shutil.which(program):
            return f"no {program}"
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "no python3-selenium"
    return None


def main():
    global server, browser
    lacking = missing()
    if lacking:
        print(f"1..0 # SKIP {lacking}; .ci/setup --for test installs it")
        return 0
    arguments = sys.argv[2:]
    folder_of_pictures = None
    if "--pictures" in arguments:
        at = arguments.index("--pictures")
        folder_of_pictures = arguments[at + 1]
        del arguments[at:at + 2]
    with tempfile.TemporaryDirectory(prefix="weir-page-", ignore_cleanup_errors=True) as folder:
        os.environ["HOME"] = folder  # Chromium writes below it
        os.makedirs(os.path.join(folder, "models"))
        for name in ("iris", "toy", "breast-cancer"):
            shutil.copyfile(os.path.join(MODELS, name + ".joblib"), os.path.join(folder, "models", name + ".joblib"))
        shutil.copyfile(os.path.join(MODELS, "toy.joblib"), os.path.join(folder, "models", "swapped.joblib"))
        shutil.copyfile(PEOPLE, os.path.join(folder, "models", "people.pkl"))
        config = os.path.join(folder, "weir.yaml")
        with open(config, "w", encoding="utf-8") as f:
            f.write("model_options:\n  iris:\n    quality: on\n")
        server = Server(os.path.abspath(sys.argv[1]), folder, "--config", config)
        try:
            browser = Browser(folder)
            failed = run_all(arguments)
            if folder_of_pictures:
                pictures(folder_of_pictures)
        finally:
            if browser:
                browser.quit()
            server.stop()
        return 1 if failed else 0


sys.path[:0] = [HERE, os.path.join(ROOT, "tests", "cli")]
import picture  # noqa: E402
from harness import contains, exits, fixture, rows_of, weir, write_csv  # noqa: E402
from browser import Browser, Server, number_of, quantile  # noqa: E402

sys.exit(main())
