# SPDX-License-Identifier: MIT
"""weir check with a gate: real models, judged as a server would; every way it can come out.

Usage: gate.py PROGRAM
"""

import csv
import json
import os
import shutil

from harness import ROOT, case, contains, equal, exits, fixture, main, rows_of, weir, write_csv

DATA = os.path.join(ROOT, "tests", "data", "gate")
RULES = ["roc_auc >= 0.9", "safe: ci_low(delta(roc_auc)) >= -0.02"]


def model(name):
    return os.path.join(DATA, name + ".joblib")


def gate(folder, name="g.gate.yaml", rules=RULES, **keys):
    """Writes a gate and the holdout that it names; returns its path."""
    path = os.path.join(folder, name)
    shutil.copy(os.path.join(DATA, "holdout.csv"), folder)
    settings = {"holdout": "holdout.csv", "label": "malignant", **keys}
    with open(path, "w", encoding="utf-8") as f:
        for key, value in settings.items():
            if value is not None:
                f.write(f"{key}: {value}\n")
        if rules:
            f.write("rules:\n" + "".join(f"  - {rule}\n" for rule in rules))
    return path


def check(*arguments, code=0):
    """Judges; returns the document."""
    return json.loads(exits(weir("check", *arguments, "--json"), code).out)


def verdict(*arguments, code):
    document = check(*arguments, code=code)
    return document["verdict"], document["code"]


@case
def a_better_model_passes(folder):
    path = gate(folder, threshold='"fpr<=0.1"')
    document = check(model("good"), "--gate", path, "--live", model("fair"))
    equal((document["schema"], document["model"], document["verdict"], document["code"]),
          ("gate/1", "good", "pass", "ok"))
    equal([rule["result"] for rule in document["rules"]], ["true", "true", "true"])
    equal(document["rules"][1]["name"], "safe")
    equal((document["holdout"]["rows"], len(document["holdout"]["digest"])), (284, 64))
    delta = document["delta"]["roc_auc"]
    equal(delta["paired"], True)
    if not 0 < delta["ci"][0] < delta["value"] < delta["ci"][1]:
        raise AssertionError(delta)
    for name, text in (("evaluation", "good"), ("live_evaluation", "fair")):
        equal(document[name]["schema"], "eval/1")
        contains(document[name]["model"]["file"], text)
    equal((document["threshold"]["policy"], document["threshold"]["positive"]), ("fpr<=0.1", "1"))
    equal(document["disagreements"]["count"],
          document["disagreements"]["gained"] + document["disagreements"]["lost"])
    contains(document["command"], "weir check ")
    text = exits(weir("check", model("good"), "--gate", path, "--live", model("fair")), 0).out
    contains(text, "safe: ci_low(delta(roc_auc)) >= -0.02")
    contains(text, "pass: 3 rules hold")


@case
def a_worse_model_is_refused(folder):
    path = gate(folder)
    equal(verdict(model("poor"), "--gate", path, "--live", model("good"), code=3), ("fail", "rule_failed"))
    equal(verdict(model("fair"), "--gate", path, "--live", model("good"), code=3), ("fail", "rule_failed"))
    text = exits(weir("check", model("poor"), "--gate", path, "--live", model("good")), 3).out
    contains(text, "fail (rule_failed): roc_auc 0.2")
    bare = gate(folder, rules=[])
    equal(verdict(model("fair"), "--gate", bare, "--live", model("good"), code=3), ("fail", "rule_failed"))
    equal(verdict(model("good"), "--gate", bare, "--live", model("fair"), code=0), ("pass", "ok"))


@case
def a_broken_or_other_model_is_refused(folder):
    path = gate(folder)
    broken = os.path.join(folder, "broken.joblib")
    with open(model("good"), "rb") as source, open(broken, "wb") as f:
        f.write(source.read()[:600])
    document = check(broken, "--gate", path, "--live", model("good"), code=3)
    equal((document["verdict"], document["code"]), ("fail", "load_error"))
    contains(document["reason"], "cut short")
    document = check(model("narrow"), "--gate", path, "--live", model("good"), code=3)
    equal((document["verdict"], document["code"]), ("fail", "schema_mismatch"))
    contains(document["reason"], "5 features, the live version 6")
    wide = gate(folder, signature="any", rules=["roc_auc >= 0.5"])
    equal(verdict(model("narrow"), "--gate", wide, "--live", model("good"), code=0), ("pass", "ok"))


@case
def smoke_rows_must_be_answered(folder):
    shutil.copy(os.path.join(DATA, "smoke.json"), folder)
    path = gate(folder, smoke="smoke.json")
    equal(verdict(model("good"), "--gate", path, "--live", model("fair"), code=0), ("pass", "ok"))
    with open(os.path.join(folder, "smoke.json"), encoding="utf-8") as f:
        smoke = json.load(f)
    smoke["expected"]["predict"][0] = 1 - smoke["expected"]["predict"][0]
    with open(os.path.join(folder, "smoke.json"), "w", encoding="utf-8") as f:
        json.dump(smoke, f)
    document = check(model("good"), "--gate", path, "--live", model("fair"), code=3)
    equal((document["verdict"], document["code"]), ("fail", "smoke_mismatch"))
    contains(document["reason"], "smoke: row 1: predict is ")
    equal("evaluation" in document, False)
    alone = gate(folder, holdout=None, label=None, rules=None, smoke="smoke.json")
    equal(verdict(model("good"), "--gate", alone, code=3), ("fail", "smoke_mismatch"))


@case
def a_holdout_that_is_no_good_decides_nothing(folder):
    missing = gate(folder, holdout="nowhere.csv")
    equal(verdict(model("good"), "--gate", missing, code=4), ("inconclusive", "holdout_missing"))
    allowed = gate(folder, holdout="nowhere.csv", no_holdout="allow")
    equal(verdict(model("good"), "--gate", allowed, code=0), ("pass", "holdout_missing"))
    other = gate(folder, label="truth")
    equal(verdict(model("good"), "--gate", other, code=4), ("inconclusive", "holdout_invalid"))
    small = gate(folder, rows_min=1000)
    equal(verdict(model("good"), "--gate", small, code=4), ("inconclusive", "holdout_too_small"))


@case
def what_is_not_known_or_takes_too_much_is_inconclusive(folder):
    unknown = gate(folder, rules=["rmse <= 1"])
    document = check(model("good"), "--gate", unknown, code=4)
    equal((document["verdict"], document["code"]), ("inconclusive", "inconclusive"))
    equal(document["rules"][0]["result"], "unknown")
    slow = gate(folder, timeout="1us")
    equal(verdict(model("good"), "--gate", slow, code=4), ("inconclusive", "timeout"))
    infeasible = gate(folder, threshold='"fpr<=0.0001@95%"')
    equal(verdict(model("good"), "--gate", infeasible, code=4), ("inconclusive", "inconclusive"))
    large = gate(folder, memory_max="1MiB")
    with open(os.path.join(folder, "holdout.csv"), encoding="utf-8") as f:
        head, *rows = f.read().splitlines()
    with open(os.path.join(folder, "holdout.csv"), "w", encoding="utf-8") as f:
        f.write("\n".join([head] + 100 * rows) + "\n")
    equal(verdict(model("good"), "--gate", large, code=4), ("inconclusive", "oom"))


@case
def a_first_version_is_treated_as_the_gate_says(folder):
    relative = ["roc_auc >= live.roc_auc", "n_invalid <= live.n_invalid"]
    equal(verdict(model("good"), "--gate", gate(folder), code=0), ("pass", "ok"))
    equal(verdict(model("good"), "--gate", gate(folder, first_deploy="deny"), code=3), ("fail", "first_deploy"))
    equal(verdict(model("good"), "--gate", gate(folder, rules=relative), code=3), ("fail", "first_deploy"))
    path = gate(folder, rules=relative, first_deploy="allow")
    document = check(model("good"), "--gate", path)
    equal((document["verdict"], document["live"]), ("pass", None))
    equal([rule["result"] for rule in document["rules"]], ["skipped", "skipped"])


@case
def rules_reach_classes_thresholds_slices_and_latency(folder):
    path = gate(folder, slices="[size]", rules=[
        "recall@0.5 >= 0.8", "recall[0] >= 0.8", "recall >= 0.8 @ size=large", "n_rows >= 50 @ size=small",
        "latency.p50_ms <= 100 * live.latency.p50_ms", "latency.batch32.p99_ms < 1000", "holdout.uses <= 3"])
    document = check(model("good"), "--gate", path, "--live", model("fair"), "--uses", "3")
    equal({rule["result"] for rule in document["rules"]}, {"true"})
    equal([(entry["batch"], entry["n"]) for entry in document["latency"]], [(1, 1000), (32, 1000)])
    equal(verdict(model("good"), "--gate", path, "--live", model("fair"), code=4), ("inconclusive", "inconclusive"))


@case
def many_classes_and_numbers_are_judged(folder):
    """The recorded answers of a model are the truths: it is better than another one of the same columns."""
    for name, other, metric, rules in (
        ("gbc_iris", "gnb_iris", "accuracy", ["f1_macro >= 0.8", "recall[setosa] >= 0.8", "accuracy >= live.accuracy - 0.1"]),
        ("ridge", "ridgecv", "rmse", ["r2 >= 0.5", "rmse <= live.rmse"]),
    ):
        (path, ref), (old, _) = fixture(name), fixture(other)
        rows = [[y] + row for y, row in zip(ref["f8.predict"][1], rows_of(ref["X"]))]
        write_csv(os.path.join(folder, "own.csv"), rows, ["y"] + [f"x{i}" for i in range(len(rows[0]) - 1)])
        for lines in (rules, []):
            own = gate(folder, rules=lines, holdout="own.csv", label="y", signature="any", rows_min=5)
            document = check(path, "--gate", own, "--live", old)
            equal((document["verdict"], document["delta"][metric]["paired"]), ("pass", True), name)


@case
def a_mistake_in_a_gate_names_its_place(folder):
    path = gate(folder, lable="y")
    err = exits(weir("check", model("good"), "--gate", path), 1).err
    contains(err, "g.gate.yaml:3:1: unknown key \"lable\"; did you mean \"label\"?")
    path = gate(folder, rules=["roc_auc > 0.5", "auroc > 0.5"])
    contains(exits(weir("check", model("good"), "--gate", path), 1).err, "g.gate.yaml:5:5: rules: no metric 'auroc'")
    path = gate(folder, rules=None)
    with open(path, "a", encoding="utf-8") as f:
        f.write("rules: my.rules\n")
    contains(exits(weir("check", model("good"), "--gate", path), 1).err, "my.rules: No such file")
    with open(os.path.join(folder, "my.rules"), "w", encoding="utf-8") as f:
        f.write("# mine\nroc_auc > 0.5\nroc_auc >> 1\n")
    contains(exits(weir("check", model("good"), "--gate", path), 1).err, "my.rules:3:10: ")


@case
def the_gate_beside_a_model_is_found(folder):
    new = os.path.join(folder, "churn.joblib")
    shutil.copy(model("good"), new)
    contains(exits(weir("check", new, "--live", model("fair")), 1).err, "churn.gate.yaml; name a gate with --gate")
    gate(folder, name="churn.gate.yaml")
    equal(verdict(new, "--live", model("fair"), code=0), ("pass", "ok"))
    numbered = os.path.join(folder, "churn", "3")
    os.makedirs(numbered)
    shutil.copy(new, os.path.join(numbered, "model.joblib"))
    document = check(os.path.join(numbered, "model.joblib"), "--live", model("fair"))
    equal((document["model"], document["verdict"]), ("churn", "pass"))


@case
def a_folder_of_models_is_checked_with_its_gates(folder):
    models = os.path.join(folder, "models")
    os.makedirs(models)
    shutil.copy(model("good"), models)
    gate(models, name="good.gate.yaml")
    exits(weir("check", models), 0)
    gate(models, name="good.gate.yaml", rules=["roc_auc >= 0.999"])
    contains(exits(weir("check", models), 3).out, "rule_failed: roc_auc 0.98")
    gate(models, name="good.gate.yaml", rules=["rmse <= 1"])
    contains(exits(weir("check", models), 4).out, "held")
    gate(models, name="good.gate.yaml", lable="y")
    contains(exits(weir("check", models), 1).out, "good.gate.yaml:3:1: unknown key")


@case
def a_report_has_both_curves(folder):
    page = os.path.join(folder, "report.html")
    exits(weir("check", model("poor"), "--gate", gate(folder), "--live", model("good"), "--html", page), 3)
    with open(page, encoding="utf-8") as f:
        text = f.read()
    contains(text, "rule_failed")
    contains(text, "0.9: false")
    contains(text, "live 0.9830")
    contains(text, "<svg")


@case
def a_wrong_command_line_is_told(folder):
    path = gate(folder)
    exits(weir("check", "--gate", path), 2)
    exits(weir("check", model("good"), model("fair"), "--gate", path), 2)
    exits(weir("check", model("good"), "--gate", path, "--uses", "none"), 2)
    exits(weir("check", model("good"), "--gate", path, "--live", os.path.join(folder, "nowhere")), 1)
    exits(weir("check", os.path.join(folder, "nowhere"), "--gate", path), 1)


@case
def rows_of_texts_are_judged_too(folder):
    """Numbers that count rows are those of the file: classes told by name."""
    with open(os.path.join(DATA, "holdout.csv"), encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    n_large = sum(row["size"] == "large" for row in rows)
    path = gate(folder, rules=[f"n_rows == {n_large} @ size=large", f"n_rows == {len(rows)}"])
    equal(verdict(model("good"), "--gate", path, code=0), ("pass", "ok"))


main()
