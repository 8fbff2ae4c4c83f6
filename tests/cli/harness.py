# SPDX-License-Identifier: MIT
"""What the tests of the command line share: running the program, reading recorded answers, TAP."""

import csv
import glob
import os
import struct
import subprocess
import sys
import tempfile
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(ROOT, "tests", "data", "sklearn")
MODELS = os.path.join(ROOT, "conf", "models")
PROGRAM = os.path.abspath(sys.argv[1])

cases = []


def case(function):
    """Registers a test; its name is a sentence."""
    cases.append(function)
    return function


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()


def weir(*arguments, stdin=b"", environment=None, timeout=60):
    env = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_")}
    env.update(environment or {})
    return Result(
        subprocess.run([PROGRAM, *arguments], input=stdin, capture_output=True, env=env, timeout=timeout)
    )


def equal(got, expected, what=""):
    if got != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")


def contains(text, part):
    if part not in text:
        raise AssertionError(f"expected {part!r} in {text!r}")


def exits(result, code):
    if result.code != code:
        raise AssertionError(f"expected exit {code}, got {result.code}\n{result.out}\n{result.err}")
    return result


def read_cell(data, at):
    """Reads a cell of mixed columns; returns it (None, a number or a text) and where the next begins."""
    if data[at] == 0:
        return None, at + 1
    if data[at] == 1:
        return struct.unpack_from("<d", data, at + 1)[0], at + 9
    size = struct.unpack_from("<H", data, at + 1)[0]
    return data[at + 3 : at + 3 + size].decode(), at + 3 + size


def read_ref(path):
    """Reads a .ref file (tests/data/README.md) into {name: (shape, flat list)}."""
    with open(path, "rb") as f:
        data = f.read()
    at = 12
    arrays = {}
    for _ in range(struct.unpack_from("<I", data, 8)[0]):
        n_name = data[at]
        name = data[at + 1 : at + 1 + n_name].decode()
        at += 1 + n_name
        kind, n_dims = chr(data[at]), data[at + 1]
        shape = struct.unpack_from(f"<{n_dims}I", data, at + 2)
        at += 2 + 4 * n_dims
        n = 1
        for d in shape:
            n *= d
        if kind == "s":
            values = []
            for _ in range(n):
                size = struct.unpack_from("<H", data, at)[0]
                values.append(data[at + 2 : at + 2 + size].decode())
                at += 2 + size
        elif kind == "o":
            values = []
            for _ in range(n):
                value, at = read_cell(data, at)
                values.append(value)
        else:
            form = {"l": "q", "L": "Q"}.get(kind, kind)
            values = list(struct.unpack_from(f"<{n}{form}", data, at))
            at += n * struct.calcsize(form)
        arrays[name] = (shape, values)
    return arrays


def rows_of(array):
    shape, values = array
    width = shape[1] if len(shape) > 1 else 1
    return [values[i * width : (i + 1) * width] for i in range(shape[0])]


def fixture(name, version="1.6.1"):
    for ref in glob.glob(os.path.join(DATA, version, "*", name + ".ref")):
        for extension in (".pkl", ".joblib"):
            path = ref[:-4] + extension
            if os.path.exists(path):
                return path, read_ref(ref)
    raise AssertionError(f"no fixture {name}")


def write_csv(path, rows, header=None):
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        if header:
            out.writerow(header)
        out.writerows([[repr(v) if isinstance(v, float) else v for v in row] for row in rows])


class Skip(Exception):
    """Raised by a case that the machine lacks something for; says what."""


def main():
    failed = 0
    print(f"1..{len(cases)}")
    for number, function in enumerate(cases, 1):
        name = function.__name__
        with tempfile.TemporaryDirectory(prefix="weir-cli-") as folder:
            try:
                function(folder)
                print(f"ok {number} - {name}", flush=True)
            except Skip as why:
                print(f"ok {number} - {name} # SKIP {why}", flush=True)
            except Exception:  # A test may fail in any way; the rest still runs.
                failed += 1
                print(f"not ok {number} - {name}", flush=True)
                for line in traceback.format_exc().split("\n"):
                    print(f"# {line}", flush=True)
    sys.exit(1 if failed else 0)
