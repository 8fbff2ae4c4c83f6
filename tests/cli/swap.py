# SPDX-License-Identifier: MIT
"""Hot swaps under load: weir bench starts weir serve on a real model and replaces the file again
and again; no request may fail and every answer must be that of the version it names.

Usage: swap.py PROGRAM [sanitized]
"""

import json
import os
import sys

from harness import DATA, case, equal, exits, main, weir

IS_SANITIZED = "sanitized" in sys.argv[2:]
PIPELINE = os.path.join(DATA, "1.6.1", "composed", "p_ss_lr_bc.pkl")
OTHER = os.path.join(DATA, "1.2.2", "logistic", "lr_bc.pkl")
FOREST = os.path.join(DATA, "1.6.1", "forests", "rfc_iris.pkl")
OTHER_FOREST = os.path.join(DATA, "1.1.3", "forests", "etc_iris.pkl")
RSS_BYTES_MAX = 2 << 20


def swap(first, second, *arguments, timeout=120):
    r = exits(weir("bench", first, "--swap", first, second, "--json", *arguments, timeout=timeout), 0)
    doc = json.loads(r.out)
    for side in doc["sides"]:
        equal(side["failed"], 0, f"{side['name']}: {side['outcomes']}")
        equal(side["wrong"], 0, doc.get("first_wrong"))
        equal(side["ok"] > 100, True, f"{side['name']}: {side['ok']} requests")
    return doc


@case
def a_closed_loop_of_64_loses_nothing(folder):
    doc = swap(PIPELINE, OTHER, "-c", "64", "-d", "10s", "--stage", "1s", "--swap-every", "100ms")
    equal(doc["swaps"] >= 50, True, f"{doc['swaps']} swaps")
    # Every swap must have been seen by somebody, but those at the very end of a stage.
    equal(doc["changes_seen"] >= doc["swaps"] * (0.5 if IS_SANITIZED else 0.8), True,
          f"{doc['changes_seen']} changes of {doc['swaps']}")
    if not IS_SANITIZED:
        rss = doc["sides"][1]["rss_bytes"]
        equal(rss["after"] - rss["before"] <= RSS_BYTES_MAX, True, f"memory {rss}")


@case
def forests_of_two_library_versions_take_turns(folder):
    doc = swap(FOREST, OTHER_FOREST, "--rate", "500", "-d", "4s", "--stage", "500ms", "--swap-every", "50ms",
               "--rows", "7")
    equal(doc["swaps"] >= 20, True, f"{doc['swaps']} swaps")


main()
