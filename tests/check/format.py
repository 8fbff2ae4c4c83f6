# SPDX-License-Identifier: MIT
"""Every C file is as clang-format 14 writes it; mend with: make format."""

import shutil
import subprocess
import sys

import tree


def main():
    program = shutil.which("clang-format-14")
    if not program:
        print("clang-format-14 is not installed; .ci/setup --for test installs it")
        sys.exit(77)
    sources = tree.files(".c", ".h")
    result = subprocess.run(
        [program, "--dry-run", *sources], cwd=tree.ROOT, capture_output=True, text=True, check=False
    )
    problems = sorted({line.split(": warning")[0] for line in result.stderr.split("\n") if "warning:" in line})
    if result.returncode and not problems:
        problems = [result.stderr]
    if problems:
        print("mend with: make format")
    tree.finish(problems, f"format: {len(sources)} files")


main()
