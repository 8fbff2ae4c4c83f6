# SPDX-License-Identifier: MIT
"""Compiles every header by itself, twice in a row: public ones also as C11 and as C++11.

Usage: headers.py CC [ARGUMENT...] where the arguments are the include directories of dependencies.
"""

import concurrent.futures
import os
import shutil
import subprocess
import sys

import tree

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-fsyntax-only"]


def compile_alone(header, command):
    opening, closing = ("<", ">") if header.startswith("include/") else ('"', '"')
    name = header.split("/", 1)[1]
    source = f"#include {opening}{name}{closing}\n" * 2
    result = subprocess.run(
        command + WARNINGS + ["-"], input=source, capture_output=True, text=True, cwd=tree.ROOT
    )
    if result.returncode:
        return f"{header}: does not compile alone with: {' '.join(command)}\n{result.stderr}"
    return None


def main():
    # Meson may call the compiler through ccache; that tool takes no part here.
    cc, *extra = [arg for arg in sys.argv[1:] if os.path.basename(arg) != "ccache"]
    where = ["-Iinclude", "-Isrc", *extra]
    jobs = [
        (header, [cc, "-x", "c", "-std=gnu17", "-D_GNU_SOURCE", *where])
        for header in tree.files(".h", under="src")
    ]
    cxx = shutil.which(os.environ.get("CXX", "c++"))
    if not cxx:
        tree.finish(["no C++ compiler: public headers cannot be checked"], "headers")
    for header in tree.files(".h", under="include"):
        jobs.append((header, [cc, "-x", "c", "-std=c11", "-Wpedantic", "-Iinclude"]))
        jobs.append((header, [cxx, "-x", "c++", "-std=c++11", "-Wpedantic", "-Iinclude"]))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [p for p in pool.map(lambda job: compile_alone(*job), jobs) if p]
    tree.finish(problems, f"headers: {len(jobs)} compilations")


main()
