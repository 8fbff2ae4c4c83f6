# SPDX-License-Identifier: MIT
"""A symbol tells its file: src/http/conn.c defines weir_http_conn_*.

The file name drops out where it repeats the folder (src/batch/batch.c: weir_batch_*), and base,
which everybody uses, drops the folder (src/base/buf.c: weir_buf_*), as loop and batch may. A file may also use a leading
part of its name (conn_write.c: weir_http_conn_*). The shared library exports exactly what the
public headers declare.

Usage: symbols.py BUILD_DIR STATIC_LIBRARY SHARED_LIBRARY
"""

import json
import os
import re
import subprocess
import sys

import tree

# Files whose names hold several small things, with the prefixes they may define.
EXTRA = {
    "src/base/macros.c": ["weir_assert_"],
    "src/base/error.c": ["weir_status_"],
    # The value tree is read by every builder of every format: it drops the folder.
    "src/format/value.c": ["weir_value_"],
    "src/format/value_array.c": ["weir_value_"],
    "src/format/value_number.c": ["weir_value_"],
    "src/tensor/spec.c": ["weir_dtype_", "weir_output_", "weir_spec_"],
    "src/tensor/tensors.c": ["weir_spec_", "weir_tensor_", "weir_tensors_"],
    "src/model/tensors.c": ["weir_model_", "weir_tensors_"],
    "src/http/core.c": ["weir_http_refusal_"],
    "src/http/reply.c": ["weir_http_json_", "weir_http_status_"],
    "src/http/router.c": ["weir_http_allow_", "weir_http_method_", "weir_http_percent_"],
    "src/loop/wake.c": ["weir_poll_", "weir_signal_"],
}


def prefixes(source):
    folders = source.split("/")[1:-1]
    stem = os.path.basename(source)[:-2]
    if folders[0] == "base":
        folders = folders[1:]
    words = stem.split("_")
    stems = ["_".join(words[:n]) for n in range(len(words), 0, -1)]
    found = list(EXTRA.get(source, []))
    for name in stems:
        parts = folders if folders and folders[-1] == name else [*folders, name]
        found.append("weir_" + "_".join(parts) + "_")
        if folders in (["loop"], ["batch"]):
            found.append("weir_" + name + "_")
    return found


def nm(*arguments):
    out = subprocess.run(["nm", "-P", *arguments], check=True, capture_output=True, text=True).stdout
    return [line.split()[:2] for line in out.split("\n") if len(line.split()) >= 2]


def check_prefixes(build, library):
    problems = []
    objects = 0
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        commands = json.load(f)
    for entry in commands:
        output = entry.get("output", "")
        if not os.path.basename(os.path.dirname(output)).startswith(os.path.basename(library) + ".p"):
            continue
        source = os.path.relpath(os.path.join(entry["directory"], entry["file"]), tree.ROOT)
        if not source.startswith("src/"):
            continue
        objects += 1
        allowed = prefixes(source)
        for symbol, kind in nm("-g", "--defined-only", os.path.join(build, output)):
            if symbol.startswith(("__odr_asan", "__asan", "__start_", "__stop_")):
                continue
            # A name may also end where the prefix does: weir_mem, weir_http_conn.
            if not any((symbol + "_").startswith(prefix) for prefix in allowed):
                problems.append(f"{source}: {symbol} should begin with {' or '.join(allowed)}")
            if kind in "DBC" and not symbol.startswith("weir_"):
                problems.append(f"{source}: {symbol}: a global variable without the prefix")
    if not objects:
        problems.append(f"no object of {library} found in {build}")
    return problems


def check_exports(library):
    declared = set()
    for header in tree.files(".h", under="include"):
        code = re.sub(r"^\s*#.*$", "", tree.code(header), flags=re.M)
        for statement in re.findall(r"WEIR_API\b([^;{]*?)\(", code):
            declared.add(re.findall(r"\w+", statement)[-1])
    exported = {symbol for symbol, _ in nm("-D", "-g", "--defined-only", library)}
    return [f"{s}: declared WEIR_API, not in {library}" for s in sorted(declared - exported)] + [
        f"{s}: exported by {library}, not declared WEIR_API in include/weir" for s in sorted(exported - declared)
    ]


def main():
    build, static, shared = sys.argv[1:]
    tree.finish(check_prefixes(build, static) + check_exports(os.path.join(build, shared)), "symbols")


main()
