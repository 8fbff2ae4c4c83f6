# SPDX-License-Identifier: MIT
"""Some of scikit-learn's cases, of every group, written by skops."""
import importlib
import pkgutil

import cases as all_cases
import cases.sklearn as library

EACH = 14  # of a group
COMMITTED = ("composed", "linear", "logistic", "scalers", "trees")  # the first two of these


def cases():
    for module in sorted(m.name for m in pkgutil.iter_modules(library.__path__)):
        if module.startswith("_") or module == "encodings":
            continue
        found = [c for c in importlib.import_module("cases.sklearn." + module).cases()
                 if isinstance(c, all_cases.Case)]
        small = [c for c in found if c.commit]
        rest = [c for c in found if not c.commit]
        chosen = small + rest[::max(1, len(rest) // EACH)]
        for i, case in enumerate(chosen[:EACH]):
            case.ident = module + "_" + case.ident
            case.save = "skops_deflated" if i % 3 == 2 else "skops"
            case.commit = module in COMMITTED and i < 2
            yield case
