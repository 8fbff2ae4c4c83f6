# SPDX-License-Identifier: MIT
"""The reports of weir evaluate in a real browser: two classes with a baseline and rules, three classes, twelve, and
numbers; each in light and dark, wide and narrow.

Usage: report.py PROGRAM [--pictures FOLDER [NAME...]]

README's pictures: tests/page/report.py build/weir --pictures tests/page/pictures verdict
"""

import base64
import os
import random
import re
import shutil
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "cli"))

import picture
from browser import Browser
from harness import equal, exits, fixture, rows_of, weir, write_csv

CHECKS = open(os.path.join(HERE, "checks.js"), encoding="utf-8").read()
NAMED = {"link", "image", "img", "table", "navigation", "region", "group"}
RULES = """roc_auc >= 0.90
kept: ci_low(delta(roc_auc)) >= -0.005
recall >= 0.8 @ region=north
warn ece <= 0.02
dryrun latency.p99_ms <= 2
"""
cases = []
browser = None
reports = {}  # name to path


def case(function):
    """Registers a test; its name is a sentence."""
    cases.append(function)
    return function


# --- the reports ---


def flip(draw, share, value, other):
    return other if draw.random() < share else value


def holdout_of(folder, name, columns, rows):
    write_csv(os.path.join(folder, name + ".csv"), rows, columns)
    return name + ".csv"


def make(folder, name, *arguments, code=0):
    reports[name] = os.path.join(folder, name + ".html")
    exits(weir("evaluate", *arguments, "--html", reports[name]), code)


def make_reports(folder):
    os.chdir(folder)  # Reports name files as they are given.
    draw = random.Random(8)
    model, ref = fixture("hgc_bc")
    found = list(zip(rows_of(ref["X"]), ref["f8.predict"][1]))
    drawn = [draw.choice(found) for _ in range(400)]
    rows = [[v + draw.gauss(0, abs(v) / 3) for v in row] for row, _ in drawn]
    truths = [flip(draw, 0.04, y, 1 - y) for _, y in drawn]
    two = holdout_of(folder, "two", ["y", "region"] + [f"x{i}" for i in range(len(rows[0]))],
                     [[y, draw.choice(["north", "south", "west"])] + row for y, row in zip(truths, rows)])
    rules = "gate.rules"
    with open(rules, "w", encoding="utf-8") as f:
        f.write(RULES)
    shutil.copy(model, os.path.join(folder, "cancer-7.pkl"))
    shutil.copy(fixture("lr_bc")[0], os.path.join(folder, "cancer-6.pkl"))
    candidate, baseline = "cancer-7.pkl", "cancer-6.pkl"
    make(folder, "two", candidate, two, "-l", "y", "--slice", "region", "--threshold-policy", "cost:fp=1,fn=5")
    compared = [candidate, two, "-l", "y", "--slice", "region", "--baseline", baseline, "--rules", rules]
    done = weir("evaluate", *compared)
    equal(done.code in (0, 3, 4), True, done.err)
    make(folder, "verdict", *compared, code=done.code)
    model, ref = fixture("rfc_iris")
    make(folder, "three", model, holdout_of(
        folder, "three", ["a", "b", "c", "d", "y"],
        [row + [flip(draw, 0.2, y, draw.choice(ref["classes_0"][1]))] for row, y in zip(rows_of(ref["X"]), ref["f8.predict"][1])]),
        "-l", "y")
    classes = [f"<class {k}> & 'more'" for k in range(12)]
    make(folder, "twelve", holdout_of(
        folder, "twelve", ["y"] + ["p_" + c for c in classes] + ["fold"],
        [[classes[i % 12]] + [draw.random() + (k == i % 12) * k / 12 for k in range(12)] + [i // 12 % 5] for i in range(600)]),
        "-l", "y", "--fold-column", "fold")
    model, ref = fixture("ridge")
    make(folder, "numbers", model, holdout_of(
        folder, "numbers", [f"x{i}" for i in range(10)] + ["y"],
        [row + [p + draw.gauss(0, 20)] for row, p in zip(rows_of(ref["X"]), ref["f8.predict"][1])]), "-l", "y")


def texts_outside():
    """Returns texts of drawings that are cut, or that lie over another."""
    return browser.js("""
        const bad = [];
        for (const svg of document.querySelectorAll('svg.plot')) {
          const frame = svg.getBoundingClientRect();
          const boxes = [...svg.querySelectorAll('text')].map((t) => [t.textContent, t.getBoundingClientRect()]);
          boxes.forEach(([text, a], i) => {
            if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.bottom > frame.bottom + 1) bad.push(text);
            for (const [other, b] of boxes.slice(i + 1))
              if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3)
                bad.push(text + ' / ' + other);
          });
        }
        return bad;""")


def open_report(name):
    browser.open("file://" + reports[name])


# --- tests ---


@case
def names_headings_tables_and_contrast_are_as_they_should_be():
    for name in reports:
        open_report(name)
        nodes = browser.cdp("Accessibility.getFullAXTree")["nodes"]
        bad = [n["role"]["value"] for n in nodes if not n.get("ignored") and n.get("role", {}).get("value") in NAMED
               and not n.get("name", {}).get("value", "").strip()]
        equal(bad, [], f"{name}: without a name")
        for scheme in ("light", "dark"):
            browser.scheme(scheme)
            got = browser.js(CHECKS)
            equal(got["problems"], [], f"{name}, {scheme}")
            equal(got["checked"] > 50, True, f"{got['checked']} texts")
    browser.scheme("light")


@case
def drawings_say_what_they_show():
    open_report("verdict")
    described = browser.js("return [...document.querySelectorAll('svg.plot')].map((s) => [s.querySelector('title').textContent,"
                           " s.querySelector('desc').textContent, s.querySelectorAll('path.line.c0').length,"
                           " s.querySelectorAll('path.line.c1').length])")
    equal([d[0] for d in described],
          ["ROC curve", "Precision and recall", "Calibration", "Detection errors", "Gain", "Lift"])
    for title, text, n_model, n_baseline in described:
        equal(bool(re.search(r"\d", text)), True, f"{title}: {text}")
        equal((n_model, n_baseline), (2, 2), f"{title}: a curve and a key of each")
    for name in ("verdict", "three", "twelve", "numbers"):
        open_report(name)
        equal(texts_outside(), [], f"{name}: texts of drawings outside of them or over each other")
    open_report("twelve")
    equal(len(browser.all("svg.plot path.line.c9")) > 0, True, "ten colours")
    keys = browser.js("return [...document.querySelectorAll('svg.plot text')].map((t) => t.textContent)")
    equal(any(k.startswith("micro ") for k in keys), True, "the curve of all columns is named")
    rows = browser.js("return document.querySelector('#folds + div table').rows.length")
    equal(rows, 1 + 2 + 5, "rows of folds")
    equal(any(k.startswith("<class 11") for k in keys), True, "names are texts")


@case
def a_narrow_page_does_not_scroll_sideways():
    for width in (320, 420, 1280):
        browser.size(width, 900)
        for name in reports:
            open_report(name)
            wide = browser.js("return document.documentElement.scrollWidth")
            equal(wide <= width, True, f"{name} is {wide} wide at {width}")
    browser.size(1280, 1000)


@case
def the_keyboard_reaches_contents_and_wide_tables():
    browser.size(420, 900)
    open_report("verdict")
    reached = []
    for _ in range(30):
        browser.keys("\ue004")  # Tab
        reached.append(browser.js("const e = document.activeElement; return e.tagName + ' ' + (e.getAttribute('href') ||"
                                  " e.getAttribute('aria-label'))"))
    for expected in ("A #rules", "A #curves", "A #numbers"):
        equal(expected in reached, True, f"{expected} of {reached}")
    equal(sum(r.startswith("DIV Table: ") for r in reached) >= 4, True, str(reached))
    browser.size(1280, 1000)


@case
def paper_is_white_whatever_the_screen():
    open_report("verdict")
    browser.cdp("Emulation.setEmulatedMedia", media="print",
                features=[{"name": "prefers-color-scheme", "value": "dark"}])
    equal(browser.js("return getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)")
    equal(browser.js("return getComputedStyle(document.querySelector('nav')).display"), "none")
    browser.cdp("Emulation.setEmulatedMedia", media="", features=[])
    pdf = base64.b64decode(browser.cdp("Page.printToPDF", printBackground=True)["data"])
    equal(pdf[:5], b"%PDF-")


@case
def nothing_is_fetched_and_nothing_runs():
    for name in reports:
        open_report(name)
        equal(browser.js("return document.scripts.length"), 0, name)
    browser.read_logs()
    foreign = [url for url in browser.requests if not url.startswith(("file://", "data:", "about:", "chrome://"))]
    equal(foreign, [], "requests")
    equal(browser.console, [], "messages of the console")


# --- pictures ---


def pictures(folder, names):
    """Saves reports as pictures, for README and to be looked at."""
    os.makedirs(folder, exist_ok=True)
    browser.cdp("Emulation.setScrollbarsHidden", hidden=True)
    for name in names or reports:
        for scheme in ("light", "dark"):
            for width in (1280,) if names else (1280, 420):
                browser.scheme(scheme)
                open_report(name)
                path = os.path.join(folder, f"report-{name}-{scheme}-{width}.png")
                browser.picture(path, width, 1500 if width > 1000 else 3000)
                picture.shrink(path)


def missing():
    for program in ("chromium", "chromedriver"):
        if not shutil.which(program):
            return f"{program} is not installed"
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "python3-selenium is not installed"
    return ""


def main():
    global browser
    lacking = missing()
    if lacking:
        print(f"1..0 # SKIP {lacking}; .ci/setup --for test installs it")
        return 0
    arguments = sys.argv[2:]
    n_failed = 0
    pictures_folder = None
    if "--pictures" in arguments:
        _, pictures_folder, *names = arguments[arguments.index("--pictures"):]
        pictures_folder = os.path.abspath(pictures_folder)
    with tempfile.TemporaryDirectory(prefix="weir-report-", ignore_cleanup_errors=True) as folder:
        os.environ["HOME"] = folder  # Chromium writes below it
        make_reports(folder)
        browser = Browser(folder)
        try:
            if pictures_folder:
                pictures(pictures_folder, names)
                return 0
            print(f"1..{len(cases)}")
            for number, function in enumerate(cases, 1):
                begun = time.monotonic()
                try:
                    function()
                    print(f"ok {number} - {function.__name__} # {time.monotonic() - begun:.1f} s", flush=True)
                except Exception:  # A test may fail in any way; the rest still runs.
                    n_failed += 1
                    print(f"not ok {number} - {function.__name__}", flush=True)
                    for line in traceback.format_exc().split("\n"):
                        print(f"# {line}", flush=True)
        finally:
            browser.quit()
    return 1 if n_failed else 0


sys.exit(main())
