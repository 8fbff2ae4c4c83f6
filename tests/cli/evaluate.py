# SPDX-License-Identifier: MIT
"""weir evaluate: models and scores on rows with known truths.

Numbers are compared with those that scikit-learn and pROC gave for the same rows, or with their
definitions, computed here.

Usage: evaluate.py PROGRAM
"""

import json
import math
import os
import random
import statistics
import xml.etree.ElementTree

from harness import case, contains, equal, exits, fixture, main, rows_of, weir, write_csv

TRUTHS = [0, 0, 1, 1, 0, 1, 0, 1, 1, 0]
SCORES = [0.1, 0.4, 0.35, 0.8, 0.4, 0.4, 0.2, 0.9, 0.35, 0.8]
WEIGHTS = [1, 2, 1, 1, 0.5, 1, 3, 1, 2, 1]


def near(got, expected, what):
    if not math.isclose(got, expected, rel_tol=1e-12, abs_tol=1e-12):
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")


def document(*arguments, stdin=b""):
    return json.loads(exits(weir("evaluate", *arguments, "--json", stdin=stdin), 0).out)


def value(doc, name):
    return doc["metrics"][name]["value"]


def area(truths, scores):
    """The share of pairs of a positive and a negative that are in order."""
    pairs = [(p > n) + (p == n) / 2 for p, y in zip(scores, truths) if y for n, z in zip(scores, truths) if not z]
    return sum(pairs) / len(pairs)


@case
def scores_alone_give_the_numbers_of_the_libraries(folder):
    table = os.path.join(folder, "scores.csv")
    write_csv(table, zip(TRUTHS, SCORES, WEIGHTS), ["y", "s", "w"])
    doc = document(table, "--label", "y", "--score-column", "s")
    equal(doc["schema"], "eval/1")
    near(value(doc, "roc_auc"), 0.66, "AUC")
    near(value(doc, "average_precision"), 0.6833333333333333, "average precision")
    near(doc["metrics"]["roc_auc"]["se"] ** 2, 0.0362, "variance")
    equal(doc["curves"]["roc"]["fpr"], [0.0, 0.0, 0.2, 0.6, 0.6, 1.0], "corners of the curve")
    equal(doc["curves"]["roc"]["thr"][:2], [None, 0.9])
    equal("confusion" in doc, False, "scores without a threshold decide nothing")
    full = document(table, "-l", "y", "--score-column", "s", "--curves", "full")
    equal(full["curves"]["roc"]["tpr"], [0.0, 0.2, 0.4, 0.6, 1.0, 1.0, 1.0])
    weighted = document(table, "-l", "y", "--score-column", "s", "--weight", "w")
    near(value(weighted, "roc_auc"), 0.7055555555555556, "weighted AUC")
    near(value(weighted, "average_precision"), 0.6704903283850652, "weighted average precision")
    equal("ci" in weighted["metrics"]["roc_auc"], False, "DeLong's method knows no weights")
    turned = document(table, "-l", "y", "--score-column", "s", "--positive", "0")
    near(value(turned, "roc_auc"), 1 - 0.66, "AUC of the other class")


@case
def probabilities_in_columns_are_judged_as_such(folder):
    table = os.path.join(folder, "p.csv")
    write_csv(table, [(y, s, 1 - s) for y, s in zip(["no" if y == 0 else "yes" for y in TRUTHS], SCORES)],
              ["truth", "p_yes", "p_no"])
    doc = document(table, "-l", "truth")
    equal((doc["task"], doc["classes"], doc["positive"]), ("binary", ["no", "yes"], "yes"))
    near(value(doc, "log_loss"), 0.6304032274781665, "log loss")
    near(value(doc, "brier"), 0.2265, "Brier score")
    near(value(doc, "roc_auc"), 0.66, "AUC")
    equal(doc["confusion"]["counts"], [[4.0, 1.0], [3.0, 2.0]], "more than a half is yes")
    near(value(doc, "accuracy"), 0.6, "accuracy")


@case
def a_threshold_is_chosen_by_its_policy(folder):
    table = os.path.join(folder, "scores.csv")
    write_csv(table, zip(TRUTHS, SCORES), ["y", "s"])
    doc = document(table, "-l", "y", "--score-column", "s", "--threshold-policy", "tpr>=1")
    near(doc["threshold"]["observed"], 0.35, "threshold")
    equal(doc["confusion"]["counts"], [[2.0, 3.0], [0.0, 5.0]])
    doc = document(table, "-l", "y", "--score-column", "s", "--threshold-policy", "fixed:0.5")
    equal(doc["confusion"]["counts"], [[4.0, 1.0], [3.0, 2.0]])
    r = exits(weir("evaluate", table, "-l", "y", "--score-column", "s", "--threshold-policy", "fpr<=0.1@95%"), 1)
    contains(r.err, "no threshold meets the policy")
    contains(exits(weir("evaluate", table, "-l", "y", "--threshold-policy", "best"), 2).err, "youden")


@case
def a_model_of_two_classes_is_judged_by_its_margins(folder):
    path, ref = fixture("p_ss_lr_bc")
    names = ref["features"][1]
    random_of = random.Random(3)
    truths = [y if random_of.random() < 0.7 else 1 - y for y in ref["f8.predict"][1]]
    rows = [[y] + row for y, row in zip(truths, rows_of(ref["X"]))]
    table = os.path.join(folder, "holdout.csv")
    write_csv(table, rows + [[""] + rows[0][1:]], ["y"] + names)
    doc = document(path, table, "--label", "y")
    equal((doc["data"]["used"], doc["data"]["n_unlabeled"]), (len(rows), 1))
    equal(doc["score_space"], "decision_function")
    near(value(doc, "roc_auc"), area(truths, ref["f8.decision_function"][1]), "AUC")
    hits = sum(a == b for a, b in zip(truths, ref["f8.predict"][1]))
    near(value(doc, "accuracy"), hits / len(truths), "accuracy")
    loss = [-math.log(p[y]) for p, y in zip(rows_of(ref["f8.predict_proba"]), truths)]
    near(value(doc, "log_loss"), sum(loss) / len(loss), "log loss")
    proba = document(path, table, "-l", "y", "--score-space", "proba")
    equal(proba["score_space"], "predict_proba")
    turned = document(path, table, "-l", "y", "--positive", "0")
    near(value(turned, "roc_auc"), value(doc, "roc_auc"), "both classes are ranked by one margin")
    near(value(turned, "accuracy"), value(doc, "accuracy"), "accuracy")
    near(value(turned, "log_loss"), value(doc, "log_loss"), "log loss")
    text = exits(weir("evaluate", path, table, "-l", "y"), 0).out
    contains(text, "95% delong-logit")
    contains(text, "confusion matrix (rows are truths, columns decisions)")


@case
def a_model_of_many_classes_is_judged_one_against_the_rest(folder):
    path, ref = fixture("rfc_iris")
    truths = ref["f8.predict"][1][:]
    truths[0], truths[-1] = truths[-1], truths[0]
    table = os.path.join(folder, "holdout.csv")
    # The model knows no names: features are the columns in order, but for the label.
    write_csv(table, [row[:2] + [y] + row[2:] for row, y in zip(rows_of(ref["X"]), truths)],
              ["a", "b", "class", "c", "d"])
    doc = document(path, table, "-l", "class")
    equal(doc["task"], "multiclass")
    classes = ref["classes_0"][1]
    p = rows_of(ref["f8.predict_proba"])
    areas = [area([y == c for y in truths], [row[k] for row in p]) for k, c in enumerate(classes)]
    near(value(doc, "roc_auc_ovr_macro"), sum(areas) / len(areas), "AUC")
    for k, per_class in enumerate(doc["per_class"]):
        near(per_class["roc_auc"], areas[k], f"AUC of class {k}")
    hits = sum(a == b for a, b in zip(truths, ref["f8.predict"][1]))
    near(value(doc, "accuracy"), hits / len(truths), "accuracy")


@case
def a_model_of_numbers_is_judged_by_its_errors(folder):
    path, ref = fixture("ridge")
    predictions = ref["f8.predict"][1]
    truths = [p + (-1) ** i * (i % 4) for i, p in enumerate(predictions)]
    table = os.path.join(folder, "holdout.csv")
    write_csv(table, [row + [y] for row, y in zip(rows_of(ref["X"]), truths)],
              [f"x{i}" for i in range(10)] + ["y"])
    doc = document(path, table, "-l", "y")
    equal(doc["task"], "regression")
    errors = [t - p for t, p in zip(truths, predictions)]
    expected = sum(abs(e) for e in errors) / len(errors)
    if not math.isclose(value(doc, "mae"), expected, rel_tol=1e-9):
        raise AssertionError(f"MAE: {value(doc, 'mae')} and {expected}")
    mean = sum(truths) / len(truths)
    r2 = 1 - sum(e * e for e in errors) / sum((t - mean) ** 2 for t in truths)
    if not math.isclose(value(doc, "r2"), r2, rel_tol=1e-9):
        raise AssertionError(f"R2: {value(doc, 'r2')} and {r2}")
    table = os.path.join(folder, "numbers.csv")
    write_csv(table, zip(truths, predictions), ["y", "p"])
    alone = document(table, "-l", "y", "--prediction-column", "p")
    if not math.isclose(value(alone, "r2"), r2, rel_tol=1e-9):
        raise AssertionError(f"R2: {value(alone, 'r2')} and {r2}")


@case
def a_baseline_is_judged_on_the_same_rows(folder):
    model, ref = fixture("hgc_bc")
    baseline, other = fixture("lr_bc")
    random_of = random.Random(5)
    truths = [y if random_of.random() < 0.8 else 1 - y for y in ref["f8.predict"][1]]
    table, page = os.path.join(folder, "holdout.csv"), os.path.join(folder, "report.html")
    names = [f"x{i}" for i in range(ref["X"][0][1])] if "features" not in ref else ref["features"][1]
    write_csv(table, [[y] + row for y, row in zip(truths, rows_of(ref["X"]))], ["y"] + names)
    doc = document(model, table, "-l", "y", "--baseline", baseline, "--html", page, "--ci", "bootstrap:100")
    alone = [document(path, table, "-l", "y") for path in (model, baseline)]
    for side, expected in ((doc, alone[0]), (doc["baseline"], alone[1])):
        equal(side["metrics"]["log_loss"]["value"], expected["metrics"]["log_loss"]["value"])
    for name in ("roc_auc", "log_loss", "accuracy"):
        near(doc["delta"][name]["value"], value(alone[0], name) - value(alone[1], name), name)
    equal(doc["delta"]["roc_auc"]["method"], "delong")
    low, high = doc["delta"]["roc_auc"]["ci"]
    equal(low <= doc["delta"]["roc_auc"]["value"] <= high, True, "the interval holds the difference")
    decided = list(zip(truths, ref["f8.predict"][1], other["f8.predict"][1]))
    equal(doc["disagreements"]["gained"], sum(y == a != b for y, a, b in decided))
    equal(doc["disagreements"]["lost"], sum(y == b != a for y, a, b in decided))
    text = exits(weir("evaluate", model, table, "-l", "y", "--baseline", baseline), 0).out
    contains(text, "against the baseline")
    contains(text, f"baseline   {baseline}  sha256:")
    with open(page, encoding="utf-8") as f:
        html = f.read()
    contains(html, "Differences on the same rows")
    roc = html[html.index("<title id=\"roc-title\">") :].split("</svg>")[0]
    for colour in ("line c0", "line c1"):
        equal(len(roc.split(f'<path class="{colour}" d="')), 3, "a curve and its key")
    contains(exits(weir("evaluate", table, "-l", "y", "--baseline", model), 2).err, "the first is missing")
    contains(exits(weir("evaluate", model, "-", "-l", "y", "--baseline", model), 2).err, "twice")


@case
def rules_decide_what_the_command_ends_with(folder):
    table, rules, page = (os.path.join(folder, name) for name in ("scores.csv", "gate.rules", "report.html"))
    write_csv(table, zip(TRUTHS, SCORES, "abababaabb"), ["y", "s", "part"])
    arguments = [table, "-l", "y", "--score-column", "s", "--threshold-policy", "fixed:0.5", "--rules", rules]

    def judge(text, code, *more):
        with open(rules, "w", encoding="utf-8") as f:
            f.write(text)
        return exits(weir("evaluate", *arguments, *more), code)

    doc = json.loads(judge("roc_auc >= 0.6 # enough\nwarn accuracy > 0.9; live.f1 > 1", 0, "--json", "--html", page).out)
    equal([(r["severity"], r["result"]) for r in doc["rules"]],
          [("must", "true"), ("warn", "false"), ("must", "skipped")])
    equal(doc["verdict"], "pass")
    near(doc["rules"][0]["candidate"], 0.66, "the number of a rule")
    with open(page, encoding="utf-8") as f:
        html = f.read()
    contains(html, '<div class="verdict pass"')
    contains(html, "<code>roc_auc &gt;= 0.6</code>")
    text = judge("small: roc_auc >= 0.7\nrecall >= 0.1", 3).out
    contains(text, "verdict    fail: ")
    equal(judge("roc_auc >= 0.6 @ part=a", 0, "--json").code, 0, "rules cut by the columns that they name")
    contains(judge("roc_auc >= 0.6\nlatency.p99_ms < 5", 4).out, "it was not measured")
    equal(judge("roc_auc >= 0.6 @ part=c", 4).code, 4, "a slice without rows is not known")
    contains(judge("roc_auc >= 0.6\nrocauc > 1", 1).err, f"{rules}: line 2, column 1: ")
    contains(judge("", 1).err, rules)
    os.unlink(rules)
    contains(exits(weir("evaluate", *arguments), 1).err, rules)


@case
def the_report_is_one_page_that_fetches_and_runs_nothing(folder):
    table = os.path.join(folder, "t.csv")
    names = {0: "<b>no</b>", 1: 'y&"es'}
    write_csv(table, [(names[y], 1 - s, s) for y, s in zip(TRUTHS, SCORES)],
              ["y", "p_<b>no</b>", 'p_y&"es'])
    page, plots = os.path.join(folder, "report.html"), os.path.join(folder, "plots")
    exits(weir("evaluate", table, "-l", "y", "--html", page, "--svg", plots, "--threshold-policy", "youden"), 0)
    with open(page, encoding="utf-8") as f:
        html = f.read()
    contains(html, "&lt;b&gt;no&lt;/b&gt;")
    contains(html, "y&amp;&quot;es")
    contains(html, "<title id=\"roc-title\">ROC curve</title>")
    for part in ("<b>no</b>", "<script", "http:", "https:", "url(", "@import"):
        equal(part in html, False, part)
    equal(sorted(os.listdir(plots)), [f"{name}.svg" for name in ("calibration", "det", "gain", "lift", "pr", "roc")])
    for name in os.listdir(plots):
        root = xml.etree.ElementTree.parse(os.path.join(plots, name)).getroot()
        equal(root.tag, "{http://www.w3.org/2000/svg}svg")
        lines = [p.get("d") for p in root.iter("{http://www.w3.org/2000/svg}path") if p.get("class") == "line c0"]
        equal(len([line for line in lines if "L" in line]), 1, f"curves of {name}")
    contains(exits(weir("evaluate", table, "-l", "y", "--html", os.path.join(folder, "no", "r.html")), 1).err,
             "r.html")


@case
def slices_are_the_same_numbers_of_some_of_the_rows(folder):
    table = os.path.join(folder, "rows.csv")
    randomness = random.Random(3)
    rows = [(randomness.random() < 0.4, round(randomness.random(), 2), randomness.choice(["CN", "DE", "", "a=b"]),
             randomness.choice([20, 30, 30, 40, 51.5, ""])) for _ in range(300)]
    header = ["y", "s", "country", "age"]
    write_csv(table, [(int(y), s, c, a) for y, s, c, a in rows], header)
    arguments = ("-l", "y", "--score-column", "s", "--threshold-policy", "fixed:0.5")
    doc = document(table, *arguments, "--slice", "country,age:3")
    ages = sorted(row[3] for row in rows if row[3] != "")
    edges = [ages[0]] + [quantile(ages, k / 3) for k in (1, 2)] + [ages[-1]]
    parts = {f"country={c}": [row for row in rows if row[2] == c] for c in ("CN", "DE", "", "a=b")}
    for k in range(3):
        parts[f"age:3={k + 1}"] = [row for row in rows if row[3] != "" and edges[k] < row[3] <= edges[k + 1]
                                   or (k == 0 and row[3] == edges[0])]
    parts["age:3="] = [row for row in rows if row[3] == ""]
    parts = {name: part for name, part in parts.items() if part}
    equal({s["name"] for s in doc["slices"]}, set(parts))
    for found in doc["slices"]:
        part = parts[found["name"]]
        write_csv(os.path.join(folder, "part.csv"), [(int(y), s) for y, s, _, _ in part], ["y", "s"])
        alone = document(os.path.join(folder, "part.csv"), *arguments)
        equal(found["rows"], len(part), found["name"])
        equal(found["metrics"], alone["metrics"], found["name"])
        if found["column"] == "age" and found["part"]:
            equal((found["low"], found["high"]), (edges[int(found["part"]) - 1], edges[int(found["part"])]))
    equal(doc["metrics"], document(table, *arguments)["metrics"])
    by_count = [s["rows"] for s in doc["slices"] if s["column"] == "country"]
    equal(by_count, sorted(by_count, reverse=True), "the slice with the most rows first")
    text = exits(weir("evaluate", table, *arguments, "--slice", "country", "--slice", "age:3"), 0).out
    for what in ("country=CN", "age:3=2", "above "):
        contains(text, what)
    for wrong, what in (("city", "column \"city\" is missing"), ("age:1", "cuts nothing"), ("", "--slice"),
                        ("country:3", "column \"country\": expected a number to cut rows by")):
        found = weir("evaluate", table, *arguments, "--slice", wrong)
        if found.code == 0:
            raise AssertionError(f"--slice {wrong} is taken")
        contains(found.err, what)


@case
def several_labels_are_judged_each_and_together(folder):
    table = os.path.join(folder, "labels.csv")
    rows = [(1, 0, 0.9, 0.2), (1, 1, 0.6, 0.7), (0, 1, 0.4, 0.4), (0, "", 0.1, 0.1), (0, 0, 0.5, 0.6)]
    write_csv(table, rows, ["cat", "dog", "p_cat", "p_dog"])
    doc = document(table, "-l", "cat,dog")
    equal((doc["task"], doc["classes"]), ("multilabel", ["cat", "dog"]))
    equal((doc["data"]["used"], doc["data"]["n_unlabeled"]), (4, 1))
    equal(value(doc, "subset_accuracy"), 0.5)
    near(value(doc, "hamming_loss"), 2 / 8, "Hamming loss")
    equal([(c["class"], c["tp"], c["fp"], c["fn"], c["tn"]) for c in doc["per_class"]],
          [("cat", 2.0, 0.0, 0.0, 2.0), ("dog", 1.0, 1.0, 1.0, 1.0)])
    equal(value(doc, "roc_auc_samples"), None, "a row has no label")
    equal(value(document(table, "-l", "cat,dog", "--threshold-policy", "fixed:0.4"), "recall_micro"), 1)
    resampled = document(table, "-l", "cat,dog", "--ci", "bootstrap:200")
    equal(resampled["metrics"]["hamming_loss"]["method"], "bootstrap")
    contains(exits(weir("evaluate", table, "-l", "cat,dog", "--threshold-policy", "youden"), 1).err, "fixed:T")
    write_csv(table, [(1, 2, 0.9, 0.2)], ["cat", "dog", "p_cat", "p_dog"])
    for arguments, what in ((("-l", "cat,dog"), 'line 2), column "dog": expected 0 or 1'),
                            (("-l", "cat,cow"), 'column "cow" is missing'),
                            (("-l", "cat,dog", "--slice", "cat"), "not cut into slices"),
                            (("-l", "cat,,dog"), "--label")):
        found = weir("evaluate", table, *arguments)
        if found.code == 0:
            raise AssertionError(f"{arguments} are taken")
        contains(found.err, what)


@case
def folds_have_their_own_numbers_and_a_mean(folder):
    table = os.path.join(folder, "rows.csv")
    randomness = random.Random(4)
    rows = [(randomness.random() < 0.4, round(randomness.random(), 2), i % 11 % 3 + 9) for i in range(200)]
    write_csv(table, [(int(y), s, f) for y, s, f in rows], ["y", "s", "fold"])
    arguments = ("-l", "y", "--score-column", "s", "--threshold-policy", "fixed:0.5")
    doc = document(table, *arguments, "--fold-column", "fold")
    equal([f["fold"] for f in doc["folds"]], ["9", "10", "11"], "in the order of numbers")
    alone = []
    for fold in (9, 10, 11):
        write_csv(os.path.join(folder, "fold.csv"), [(int(y), s) for y, s, f in rows if f == fold], ["y", "s"])
        alone.append(document(os.path.join(folder, "fold.csv"), *arguments)["metrics"])
    equal([f["metrics"] for f in doc["folds"]], alone)
    for name in ("roc_auc", "f1", "ks"):
        values = [metrics[name]["value"] for metrics in alone]
        near(value(doc, name), statistics.mean(values), name)
        near(doc["metrics"][name]["sd"], statistics.stdev(values), name)
        equal(doc["metrics"][name]["folds"], 3)
    equal(doc["pooled"], document(table, *arguments)["metrics"])
    contains(exits(weir("evaluate", table, *arguments, "--fold-column", "fold"), 0).out, "3 of 3")


def quantile(values, share):
    at = (len(values) - 1) * share
    low = values[int(at)]
    return low + (values[min(int(at) + 1, len(values) - 1)] - low) * (at - int(at))


@case
def what_cannot_be_judged_is_said_with_its_place(folder):
    table = os.path.join(folder, "t.csv")
    path, _ = fixture("rfc_iris")
    for rows, header, arguments, code, text in [
        ([[1, 0.5]], ["y", "s"], ["-l", "z", "--score-column", "s"], 1, 'column "z" is missing'),
        ([[1, "x"]], ["y", "s"], ["-l", "y", "--score-column", "s"], 1,
         'row 1 (line 2), column "s": expected a number'),
        ([[1, 1], [2, 1], [3, 1]], ["y", "s"], ["-l", "y", "--score-column", "s"], 1,
         'row 3 (line 4), column "y": a third class'),
        ([["", 1]], ["y", "s"], ["-l", "y", "--score-column", "s"], 1, "no row counts: none has a truth"),
        ([[1, 1]], ["y", "s"], ["-l", "y"], 1, "no columns p_CLASS of two classes"),
        ([[1, 1]], ["y", "s"], ["--score-column", "s"], 2, "--label"),
        ([[1, 0.5, -1]], ["y", "s", "w"], ["-l", "y", "--score-column", "s", "--weight", "w"], 1,
         'column "w": expected a weight'),
    ]:
        write_csv(table, rows, header)
        contains(exits(weir("evaluate", table, *arguments), code).err, text)
    write_csv(table, [[1, 2, 3, 4, "tulip"]], ["a", "b", "c", "d", "y"])
    contains(exits(weir("evaluate", path, table, "-l", "y"), 1).err, "none of the model's classes")
    one = os.path.join(folder, "one.csv")
    write_csv(one, [[1, 0.5], [1, 0.7]], ["y", "s"])
    doc = document(one, "-l", "y", "--score-column", "s")
    equal(doc["metrics"]["roc_auc"], {"value": None, "why": "only one class is there"})


main()
