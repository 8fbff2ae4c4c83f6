# SPDX-License-Identifier: MIT
"""What the checks of the tree share: finding files, reading includes, reporting."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def files(*suffixes, under=""):
    """Returns the project's files (ignored ones left out) below a folder, relative to the root."""
    command = ["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "--", under or "."]
    try:
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive
        listed = []
        for folder, folders, names in os.walk(os.path.join(ROOT, under)):
            folders[:] = [f for f in folders if not f.startswith((".", "build"))]
            listed += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    found = {path for path in listed if path and (not suffixes or path.endswith(suffixes))}
    return sorted(path for path in found if os.path.isfile(os.path.join(ROOT, path)))


def text(path):
    """Returns a file's contents."""
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def code(path):
    """Returns a C file with comments and literals blanked out, line numbers kept."""

    def blank(match):
        token = match.group(0)
        if token[0] == "/":
            return re.sub(r"[^\n]", " ", token)
        return token[0] + " " * (len(token) - 2) + token[-1]

    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, blank, text(path), flags=re.S)


def includes(path):
    """Yields (line number, opening character, header) for each include of a file."""
    for number, line in enumerate(text(path).split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(1), match.group(2)


def layers():
    """Returns {folder: (level, {folders}, {foreign headers})} from the table in ARCHITECTURE.md."""
    table = {}
    everything = {}
    for line in text("ARCHITECTURE.md").split("\n"):
        match = re.match(r"\|\s*(\d+)\s*\|\s*`(\w+)`\s*\|[^|]*\|([^|]*)\|([^|]*)\|", line)
        if not match:
            continue
        level, folder, may, foreign = match.groups()
        everything[folder] = "all" in may.split()
        table[folder] = (int(level), set(re.findall(r"`(\w+)`", may)), set(re.findall(r"`([^`]+)`", foreign)))
    for folder, (level, may, _) in table.items():
        if everything[folder]:
            may.update(other for other in table if table[other][0] < level)
    return table


def finish(problems, what):
    """Prints the problems and ends the program: 1 if there are any."""
    for problem in problems:
        print(problem)
    print(f"{what}: {len(problems)} problem(s)")
    sys.exit(1 if problems else 0)
