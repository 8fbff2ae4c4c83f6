# SPDX-License-Identifier: MIT
"""Runs the built program as people do and looks at outputs, messages and exit codes.

Usage: cli.py PROGRAM
"""

import csv
import glob
import io
import json
import math
import os
import pty
import random
import shutil
import subprocess
import sys
import time

from harness import DATA, MODELS, PROGRAM, Skip, case, contains, equal, exits, fixture, main, read_ref, rows_of, weir, write_csv

COMMANDS = ["bench", "check", "evaluate", "inspect", "predict", "serve", "version"]


def on_terminal(command, environment):
    """Runs a command on a pseudo-terminal and returns what it drew."""
    try:
        master, slave = pty.openpty()
    except OSError as error:  # A root without /dev/pts.
        raise Skip(f"no pseudo-terminal: {error}") from error
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen(command, stdout=slave, stderr=slave, env={**env, **environment})
    os.close(slave)
    drawn = b""
    while True:
        try:
            part = os.read(master, 4096)
        except OSError:  # The last one has hung up.
            break
        if not part:
            break
        drawn += part
    process.wait(60)
    os.close(master)
    return drawn.decode()


def close(got, expected):
    return math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-12)


# --- the program itself ---


@case
def version_names_every_library(folder):
    out = exits(weir("--version"), 0).out
    for name in ["weir 0.", "libuv 1.", "llhttp 9.", "nghttp2 1.", "yyjson 0.", "OpenSSL 3.", "zlib 1.", "libyaml 0."]:
        contains(out, name)
    libraries = json.loads(exits(weir("version", "--json"), 0).out)["libraries"]
    equal(set(libraries) >= {"libuv", "llhttp", "nghttp2", "yyjson", "OpenSSL", "zlib", "libyaml"}, True)


@case
def help_lists_every_command_and_each_has_examples(folder):
    out = exits(weir("--help"), 0).out
    equal(exits(weir("help"), 0).out, out)
    equal("onnx-guard" in out, False, "what weir runs itself is in the list")
    for command in COMMANDS:
        contains(out, f"\n  {command} ")
        own = exits(weir(command, "--help"), 0).out
        contains(own, f"weir {command}: ")
        contains(own, "\nUsage:\n")
        contains(own, "\nExamples:\n  weir ")
        equal(exits(weir("help", command), 0).out, own)
        equal("\033" in own, False, "colours in a pipe")


@case
def usage_errors_exit_2_and_name_the_nearest(folder):
    exits(weir(), 2)
    contains(exits(weir("inpsect"), 2).err, 'unknown command "inpsect"; did you mean "inspect"?')
    contains(exits(weir("help", "pradict"), 2).err, 'did you mean "predict"?')
    r = exits(weir("inspect", "--jsn", "x"), 2)
    contains(r.err, 'unknown option "--jsn"; did you mean "--json"?')
    contains(r.err, 'Try "weir inspect --help".')
    equal(r.out, "")
    contains(exits(weir("inspect"), 2).err, "no file is given")
    contains(exits(weir("predict", "a"), 2).err, "no CSV file is given")
    contains(exits(weir("predict", "a", "b", "c"), 2).err, "not more")
    contains(exits(weir("predict", "a", "b", "-o"), 2).err, 'option "--out" needs a value: --out FILE')
    contains(exits(weir("bench"), 2).err, "no address and no model file")
    contains(exits(weir("bench", "127.0.0.1:1", "--rate", "-1"), 2).err, "--rate: expected a positive number")
    contains(exits(weir("bench", "127.0.0.1:1", "-d", "10"), 2).err, "such as 10s, 300ms or 2m")
    contains(exits(weir("bench", "127.0.0.1:1", "--swap", "a"), 2).err, "--swap needs two files")
    contains(exits(weir("bench", "127.0.0.1:1", "--swap", "a", "b", "--compare", "c"), 2).err, "do not go together")
    contains(exits(weir("check"), 2).err, "no configuration, directory or model file is given")
    contains(exits(weir("onnx-guard"), 2).err, "is run by weir itself")
    contains(exits(weir("onnx-guard", "0"), 2).err, "is run by weir itself")


@case
def an_unwritable_output_is_a_failure(folder):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAM, "--help"], stdout=full, stderr=subprocess.PIPE, check=False)
    equal(done.returncode, 1)
    contains(done.stderr.decode(), "standard output: No space left on device")


# --- inspect ---


@case
def inspect_tells_what_a_pipeline_is(folder):
    path = os.path.join(MODELS, "breast-cancer.joblib")
    out = exits(weir("inspect", path), 0).out
    for part in [
        "Pipeline(StandardScaler, LogisticRegression)",
        "written by scikit-learn 1.",
        "mean radius, mean texture",
        "worst fractal dimension (30)",
        "predict_proba FP64 [n, 2]",
        '"benign", "malignant"',
        "steps[0] \"standardscaler\": StandardScaler",
        "coef_ = f8 [1, 30]",
        "curl -s http://127.0.0.1:8080/predict/breast-cancer -d '{\"features\": [[0, 0,",
    ]:
        contains(out, part)
    digest = subprocess.run(["sha256sum", path], capture_output=True, check=True).stdout.split()[0].decode()
    contains(out, f"sha256:{digest}")
    doc = json.loads(exits(weir("inspect", path, "--json"), 0).out)
    equal(doc["digest"], digest)
    equal(doc["classes"], ["benign", "malignant"])
    equal(doc["n_features"], 30)
    equal(doc["feature_names"][0], "mean radius")
    equal(doc["allows_missing"], False)
    equal(doc["bytes"], os.path.getsize(path))
    equal(doc["name"], "breast-cancer")
    equal(doc["contents"]["format"], "sklearn_pickle")


@case
def inspect_reads_every_fixture(folder):
    n = 0
    for version in sorted(os.listdir(DATA)):
        if not version[0].isdigit():  # Not the files that no model can be made of.
            continue
        for path in sorted(glob.glob(os.path.join(DATA, version, "*", "*")))[::12]:
            if path.endswith(".ref") or os.path.basename(os.path.dirname(path)) == "recorded":
                continue  # Some of the recorded ones are refused.
            doc = json.loads(exits(weir("inspect", path, "--json"), 0).out)
            ref = read_ref(os.path.splitext(path)[0] + ".ref")
            equal(doc["n_features"], ref["X"][0][1], path)
            if "version" in ref:
                equal(doc["library_version"], ref["version"][1][0], path)
            n += 1
    equal(n >= 12, True, "fixtures looked at")


@case
def inspect_says_why_a_file_is_no_model(folder):
    evil = os.path.join(folder, "evil.pkl")
    with open(evil, "wb") as f:
        f.write(b"\x80\x04cposix\nsystem\n\x8c\x04true\x85R.")
    r = exits(weir("inspect", evil), 1)
    contains(r.err, f'weir: {evil}: refers to "posix.system", which is not on the list of model classes')
    doc = json.loads(exits(weir("inspect", evil, "--json"), 1).out)
    equal(doc["is_servable"], False)
    contains(doc["error"], "posix.system")
    cut = os.path.join(folder, "cut.joblib")
    with open(os.path.join(MODELS, "iris.joblib"), "rb") as f, open(cut, "wb") as g:
        g.write(f.read()[:-1])
    exits(weir("inspect", cut), 1)
    contains(exits(weir("inspect", os.path.join(folder, "none")), 1).err, "No such file or directory")
    contains(exits(weir("inspect", folder), 1).err, "not a regular file")
    pipe = os.path.join(folder, "pipe.pkl")
    os.mkfifo(pipe)
    contains(exits(weir("inspect", pipe), 1).err, "not a regular file")


# --- predict ---


@case
def predict_answers_what_scikit_learn_answered(folder):
    table = os.path.join(folder, "x.csv")
    for name, output, key in [
        ("p_ss_lr_bc", "predict_proba", "f8.predict_proba"),
        ("p_ss_lr_bc", "decision_function", "f8.decision_function"),
        ("rfc_iris", "predict_proba", "f8.predict_proba"),
        ("rfr_diabetes", "predict", "f8.predict"),
        ("dtc_bc", "predict", "f8.predict"),
        ("ridge", "predict", "f8.predict"),
        ("ss", "transform", "f8.transform"),
        ("gs_lr", "predict", "f8.predict"),
    ]:
        path, ref = fixture(name)
        write_csv(table, rows_of(ref["X"]))
        r = exits(weir("predict", path, table, "--output", output, "--no-header"), 0)
        got = list(csv.reader(io.StringIO(r.out)))[1:]
        expected = rows_of(ref[key])
        equal(len(got), len(expected), name)
        for i, (a, b) in enumerate(zip(got, expected)):
            equal(len(a), len(b), name)
            for x, y in zip(a, b):
                same = x == y if isinstance(y, str) else close(float(x), y)
                equal(same, True, f"{name} row {i}: {x} and {y}")


@case
def predict_groups_the_classes_of_several_targets(folder):
    path, ref = fixture("rfc_wine_multi")
    table = os.path.join(folder, "x.csv")
    write_csv(table, rows_of(ref["X"]))
    arguments = [path, table, "--output", "predict_proba,predict", "--no-header"]
    lines = exits(weir("predict", *arguments, "--json"), 0).out.strip().split("\n")
    expected = zip(rows_of(ref["f8.predict"]), rows_of(ref["f8.predict_proba_0"]), rows_of(ref["f8.predict_proba_1"]))
    for line, (labels, first, second) in zip(lines, expected, strict=True):
        doc = json.loads(line)
        equal(list(doc), ["probabilities", "prediction"], "the order that was asked for")
        equal(doc["prediction"], labels)
        for got, want in zip(doc["probabilities"], [first, second], strict=True):
            equal(all(close(a, b) for a, b in zip(got, want, strict=True)), True)
    header = exits(weir("predict", *arguments), 0).out.split("\n")[0]
    equal(header, "probability_0_0,probability_0_1,probability_0_2,probability_1_0,probability_1_1,"
                  "prediction_0,prediction_1")


@case
def predict_finds_columns_by_name_in_any_order(folder):
    path, ref = fixture("lr_iris_df")
    names = ref["features"][1]
    rows = rows_of(ref["X"])
    order = list(range(len(names)))
    random.Random(5).shuffle(order)
    table = os.path.join(folder, "x.csv")
    header = ["id"] + [names[i] for i in order] + ["note, quoted"]
    write_csv(table, [[n] + [row[i] for i in order] + ['says "hi"\nand more'] for n, row in enumerate(rows)], header)
    shuffled = exits(weir("predict", path, table), 0).out
    write_csv(table, rows, names)
    plain = exits(weir("predict", path, table), 0).out
    equal(shuffled, plain)
    got = [line for line in plain.split("\n")[1:] if line]
    equal(got, [str(v) for v in ref["f8.predict"][1]])


@case
def predict_reads_and_writes_pipes_and_json(folder):
    model = os.path.join(MODELS, "iris.joblib")
    rows = b"5.1,3.5,1.4,0.2\r\n6.2,3.4,5.4,2.3\r\n"
    r = exits(weir("predict", model, "-", "--json", "--output", "predict,predict_proba", stdin=rows), 0)
    lines = [json.loads(line) for line in r.out.strip().split("\n")]
    equal([l["prediction"] for l in lines], ["setosa", "virginica"])
    equal(len(lines[0]["probabilities"]), 3)
    equal(r.err, "", "nothing is said beside the answers")
    r = exits(weir("predict", model, "-", "--output", "predict_proba", stdin=rows), 0)
    equal(r.out.split("\n")[0], "probability_setosa,probability_versicolor,probability_virginica")
    r = exits(weir("predict", model, "-", "--separator", "tab", stdin=rows.replace(b",", b"\t")), 0)
    equal(r.out, "prediction\nsetosa\nvirginica\n")


@case
def predict_writes_its_file_whole_or_not_at_all(folder):
    model = os.path.join(MODELS, "iris.joblib")
    out = os.path.join(folder, "out.csv")
    with open(out, "w", encoding="utf-8") as f:
        f.write("old")
    os.chmod(out, 0o640)
    r = exits(weir("predict", model, "-", "-o", out, stdin=b"1,2,3,4\n1,2,x,4\n"), 1)
    with open(out, encoding="utf-8") as f:
        equal(f.read(), "old")
    equal(os.listdir(folder), ["out.csv"], "nothing is left behind")
    exits(weir("predict", model, "-", "-o", out, stdin=b"5.1,3.5,1.4,0.2\n"), 0)
    with open(out, encoding="utf-8") as f:
        equal(f.read(), "prediction\nsetosa\n")
    equal(os.stat(out).st_mode & 0o777, 0o640)
    exits(weir("predict", model, "-", "-o", "/dev/null", stdin=b"5.1,3.5,1.4,0.2\n"), 0)
    r = exits(weir("predict", model, "-", "-o", os.path.join(folder, "no/such"), stdin=b"1,2,3,4\n"), 1)
    contains(r.err, "No such file or directory")


@case
def predict_names_row_line_and_column_of_what_is_wrong(folder):
    iris = os.path.join(MODELS, "iris.joblib")
    pipeline = os.path.join(MODELS, "breast-cancer.joblib")
    named, ref = fixture("lr_iris_df")
    names = ref["features"][1]
    header = ",".join(names)
    names_30 = json.loads(weir("inspect", pipeline, "--json").out)["feature_names"]
    rows_30 = [",".join(names_30)] + [",".join(["1"] * 30)] * 2 + [",".join(["1", ""] + ["1"] * 28)]
    for model, text, message in [
        (iris, "1,2,3,4\n1,2,x,4\n", 'standard input: row 2 (line 2), column 3: expected a number, got "x"'),
        (iris, "a,b,c,d\n1,2,3,4\n\n1,2,3,1e99\n", 'row 2 (line 4), column "d": a value too large for the model\'s float32'),
        (iris, "1,2,3,4\n1,2,3\n", "row 2 (line 2): 3 columns, expected 4"),
        (iris, "1,2,3\n", "line 1: 3 columns, and the model takes 4 features"),
        (iris, "1,2,3,4\n1,\"2,3,4\n", "line 2, column 2: the quoted field that begins here never ends"),
        (iris, "", "standard input: the file is empty"),
        (named, header.replace(names[1], "other") + "\n1,2,3,4\n", f'column "{names[1]}" is missing'),
        (named, header + "," + names[0] + "\n1,2,3,4,5\n", f'column "{names[0]}" is there twice'),
        (named, header + "\n1,2,3,4\n1,2,oops,4\n", f'row 2 (line 3), column "{names[2]}": expected a number, got "oops"'),
        (pipeline, "\n".join(rows_30) + "\n", "standard input: line 4: row 3, column"),
    ]:
        r = exits(weir("predict", model, "-", stdin=text.encode()), 1)
        contains(r.err, message)
    contains(exits(weir("predict", iris, "-", "--output", "transform", stdin=b"1,2,3,4\n"), 1).err,
             'no output "transform"; RandomForestClassifier gives: predict, predict_proba')
    contains(exits(weir("predict", os.path.join(folder, "none.pkl"), "-"), 1).err, "No such file or directory")


@case
def predict_streams_more_rows_than_a_chunk_holds(folder):
    model = os.path.join(MODELS, "iris.joblib")
    table = os.path.join(folder, "big.csv")
    n = 20001
    rng = random.Random(1)
    with open(table, "w", encoding="utf-8") as f:
        f.write("a,b,c,d\n")
        for _ in range(n):
            f.write(",".join(f"{rng.uniform(0, 8):.2f}" for _ in range(4)) + "\n")
    out = os.path.join(folder, "out.csv")
    r = exits(weir("predict", model, table, "-o", out, "--output", "predict_proba"), 0)
    contains(r.err, f"{out}: {n} rows in ")
    with open(out, encoding="utf-8") as f:
        rows = list(csv.reader(f))
    equal(len(rows), n + 1)
    # A row's answer does not depend on its neighbours: the last row alone.
    with open(table, encoding="utf-8") as f:
        last = f.read().strip().split("\n")[-1]
    alone = exits(weir("predict", model, "-", "--output", "predict_proba", stdin=last.encode()), 0).out
    equal(alone.split("\n")[1], ",".join(rows[-1]))


@case
def predict_draws_a_bar_on_a_terminal_only(folder):
    table = os.path.join(folder, "big.csv")
    with open(table, "w", encoding="utf-8") as f:
        f.write("5.1,3.5,1.4,0.2\n" * 400000)
    out = os.path.join(folder, "out.csv")
    command = [PROGRAM, "predict", os.path.join(MODELS, "iris.joblib"), table, "-o", out]
    seen = on_terminal(command, {"TERM": "xterm"})
    contains(seen, "\r[=")
    contains(seen, " %  ")
    contains(seen, " rows  ")
    contains(seen, f"{out}: 400000 rows in ")
    equal("[=" in on_terminal(command, {"TERM": "dumb"}), False, "on a terminal that cannot move its cursor")
    equal("[=" in exits(weir(*command[1:]), 0).err, False, "into a pipe")


@case
def colours_are_for_terminals_that_want_them(folder):
    contains(on_terminal([PROGRAM, "--help"], {"TERM": "xterm"}), "\033[1mUsage:\033[0m")
    equal("\033" in on_terminal([PROGRAM, "--help"], {"TERM": "xterm", "NO_COLOR": "1"}), False)
    contains(on_terminal([PROGRAM, "inspect"], {"TERM": "xterm"}), "\033[31mno file is given\033[0m")


# --- check ---


@case
def check_does_not_wait_for_what_will_not_come(folder):
    models = os.path.join(folder, "models")
    os.makedirs(os.path.join(models, "empty", "1"))
    os.makedirs(os.path.join(models, "other", "1"))
    shutil.copy(os.path.join(MODELS, "iris.joblib"), os.path.join(models, "other", "1", "model.joblib"))
    shutil.copy(os.path.join(MODELS, "iris.joblib"), models)
    config = os.path.join(folder, "weir.yaml")
    with open(config, "w", encoding="utf-8") as f:
        f.write(f"models: [{models}]\nmodel_options:\n"
                "  other: {version_policy: [5]}\n"
                "  iris: {labels: {stable: 7}}\n"
                "  irsi: {inline: never}\n")
    began = time.monotonic()
    r = exits(weir("check", config), 1)
    equal(time.monotonic() - began < 60, True, "waited")
    contains(r.out, "no model file is in the version folder yet")
    contains(r.out, "not selected by the version policy")
    contains(r.out, 'warning: model_options: there is no model "irsi"\n')
    contains(r.out, 'warning: model_options: iris: label "stable": version 7 does not serve\n')
    contains(r.err, "2 model files cannot be served")
    equal(len(json.loads(exits(weir("check", config, "--json"), 1).out)["warnings"]), 2)


@case
def check_takes_the_estimator_that_the_model_s_options_name(folder):
    two = os.path.join(DATA, "bad", "two_estimators.pkl")
    models = os.path.join(folder, "models")
    os.makedirs(os.path.join(models, "deep", "3"))
    shutil.copy(two, os.path.join(models, "flat.one.pkl"))
    shutil.copy(two, os.path.join(models, "deep", "3", "model.pkl"))
    config = os.path.join(folder, "weir.yaml")
    for key, code, text in [("a", 0, ""), ("c", 1, 'root_key: there is no "c"')]:
        with open(config, "w", encoding="utf-8") as f:
            f.write(f"models: [{models}]\nmodel_options:\n"
                    f"  flat.one: {{root_key: {key}}}\n  deep: {{root_key: b}}\n  flat: {{root_key: x}}\n")
        contains(exits(weir("check", config), code).out, text)
    contains(exits(weir("check", models), 1).out, "choose one by root_key (a, b)")


@case
def check_passes_what_would_serve(folder):
    r = exits(weir("check", MODELS), 0)
    for name in ["breast-cancer", "iris", "RandomForestClassifier", "ready"]:
        contains(r.out, name)
    doc = json.loads(exits(weir("check", MODELS, "--json"), 0).out)
    equal(doc["is_fine"], True)
    equal(all(m["serves"] for m in doc["models"]), True)
    names = [m["name"] for m in doc["models"]]
    equal("iris" in names and "toy" in names, True)
    config = os.path.join(folder, "weir.yaml")
    with open(config, "w", encoding="utf-8") as f:
        f.write(f"models: [{MODELS}]\ndefault_model: iris\n")
    contains(exits(weir("check", config), 0).out, "weir.yaml: fine")


@case
def check_fails_what_would_not(folder):
    models = os.path.join(folder, "models")
    os.mkdir(models)
    shutil.copy(os.path.join(MODELS, "iris.joblib"), models)
    with open(os.path.join(models, "broken.pkl"), "wb") as f:
        f.write(b"\x80\x04garbage")
    r = exits(weir("check", models), 1)
    contains(r.out, "broken")
    contains(r.out, "failed")
    contains(r.err, "1 model file cannot be served")
    doc = json.loads(exits(weir("check", models, "--json"), 1).out)
    equal(doc["is_fine"], False)
    equal({m["name"]: m["serves"] for m in doc["models"]}, {"broken": False, "iris": True})
    config = os.path.join(folder, "weir.yaml")
    for text, message in [
        ("max_batch_sise: 3\n", "max_batch_size"),
        ("max_batch_size: many\n", "max_batch_size"),
        ("models: [", "weir.yaml:"),
        (f"models: [{MODELS}]\ndefault_model: nobody\n", 'default_model "nobody" is not there'),
        (f"models: [{MODELS}]\nlisten: [\"nowhere\"]\n", "nowhere"),
    ]:
        with open(config, "w", encoding="utf-8") as f:
            f.write(text)
        r = exits(weir("check", config), 1)
        contains(r.err, message)
    contains(exits(weir("check", os.path.join(folder, "none")), 1).err, "none")
    exits(weir("check", MODELS, "--max-batch-sise", "3"), 2)


main()
