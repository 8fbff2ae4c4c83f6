# SPDX-License-Identifier: MIT
"""Prints the folders LIBRARY/VERSION of tests/data that hold references, for meson.build."""
import glob
import os
import sys

found = set()
for path in glob.glob(os.path.join(sys.argv[1], "*", "*", "**", "*.ref"), recursive=True):
    found.add(tuple(os.path.relpath(path, sys.argv[1]).split(os.sep)[:2]))
print("\n".join("/".join(f) for f in sorted(found)))
