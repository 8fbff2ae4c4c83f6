# SPDX-License-Identifier: MIT
"""Reads back from release binaries what the build flags promise.

Usage: hardening.py BINARY...
"""

import os
import re
import subprocess
import sys

import tree


def readelf(*arguments):
    command = ["readelf", "-W", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check(path):
    name = os.path.basename(path)
    segments = readelf("-l", path)
    dynamic = readelf("-d", path)
    symbols = readelf("--dyn-syms", path)
    if not re.search(r"Type:\s+DYN", readelf("-h", path)):
        yield f"{name}: not position-independent"
    if "GNU_RELRO" not in segments:
        yield f"{name}: no RELRO segment"
    if "BIND_NOW" not in dynamic and not re.search(r"FLAGS.*\bNOW\b", dynamic):
        yield f"{name}: symbols are not bound at start"
    stack = re.search(r"GNU_STACK.*", segments)
    if not stack or re.search(r"\bRWE\b", stack.group(0)):
        yield f"{name}: the stack is executable"
    if re.search(r"LOAD.*\bRWE\b", segments):
        yield f"{name}: a segment is writable and executable"
    if "__stack_chk_fail" not in symbols:
        yield f"{name}: no stack protector"
    if not re.search(r"__\w+_chk\b", symbols.replace("__stack_chk_fail", "")):
        yield f"{name}: no _FORTIFY_SOURCE checks"
    if re.search(r"\((RPATH|RUNPATH)\)", dynamic):
        yield f"{name}: carries a library search path"


def main():
    problems = [problem for path in sys.argv[1:] for problem in check(path)]
    tree.finish(problems, f"hardening: {len(sys.argv) - 1} binaries")


main()
