# SPDX-License-Identifier: MIT
"""Writes the files of this folder: one object in every pickle protocol and every compression of joblib.

usage: make.py OUT      (scikit-learn 1.6.1, numpy 2.2.6, joblib 1.4.2, lz4)
       make.py OUT k    (numpy 2.4: only the file with an array in neither C nor Fortran order)
"""
import collections
import os
import pickle
import sys

import joblib
import numpy as np


class Numbers:
    """Not pickled itself: a place for the arrays."""

    @staticmethod
    def arrays():
        a = np.arange(6.0).reshape(2, 3)
        s = np.array([(1, 2.5, 3), (4, -5.5, 6)], dtype=[("left", "<i8"), ("value", "<f8"), ("flag", "u1")])
        o = np.empty((2, 2), dtype=object)
        o[:] = [["a", 1], [None, 2.5]]
        return {
            "c_order": a,
            "fortran": np.asfortranarray(a),
            "big_endian": a.astype(">f8"),
            "f4": a.astype("f4"),
            "widths": [np.array([-1, 0, 1], dtype=c) for c in ("i1", "i2", "i4", "i8")],
            "unsigned": [np.array([0, 250], dtype=c) for c in ("u1", "u2", "u4", "u8")],
            "bools": np.array([True, False]),
            "empty": np.zeros((0, 3)),
            "zero_d": np.array(3.5),
            "texts": np.array(["no", "oui", "\u20ac"]),
            "bytes": np.array([b"a", b"bcd"]),
            "struct": s,
            "objects": o,
            "objects_fortran": np.asfortranarray(o),
            "strided": np.arange(12.0).reshape(3, 4)[:, ::2],
        }


def everything():
    shared = ["shared", 1]
    return {
        "arrays": Numbers.arrays(),
        "scalars": [np.float64(1.5), np.float32(0.1), np.int8(-7), np.bool_(True), np.str_("x"), np.uint64(2**63)],
        "ints": [0, 1, -1, 255, 256, 65535, 65536, -(2**31), 2**31, 2**63 - 1, -(2**63) + 1, 2**64 - 1, 2**127, -(2**127)],
        "floats": [0.0, -0.0, 0.1, 1e300, 5e-324, float("inf"), -float("inf"), float("nan")],
        "texts": ["", "a", "\u00e9\u20ac\U0001f600", "back\\slash\nnewline", "\\u0041", "x" * 300],
        "bytes": [b"", b"\x00\xff\x80", bytearray(b"abc"), b"y" * 300],
        "truth": [True, False, None],
        "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "sets": [set(), {1}, frozenset([2]), frozenset()],
        "dicts": [{}, {"a": 1}, {1: "b", (1, 2): None}, collections.OrderedDict([("z", 1), ("y", 2)])],
        "slice": slice(1, None, 2),
        "names": [np.float64, np.log1p, float],
        "shared": [shared, shared],
    }


def model():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = np.arange(12.0).reshape(6, 2) % 5
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(x, ["a", "b", "a", "b", "b", "a"])


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    if sys.argv[2:]:
        k = np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2)
        with open(os.path.join(out, "k_order.pkl"), "wb") as f:
            pickle.dump({"k": k, "c": np.ascontiguousarray(k)}, f, protocol=5)
        return
    for name, value in (("all", everything()), ("model", model())):
        for protocol in range(6):
            with open(os.path.join(out, f"{name}.p{protocol}.pkl"), "wb") as f:
                pickle.dump(value, f, protocol=protocol)
        for protocol in (2, 4, 5):
            joblib.dump(value, os.path.join(out, f"{name}.p{protocol}.joblib"), protocol=protocol)
        for method in ("zlib", "gzip"):
            joblib.dump(value, os.path.join(out, f"{name}.{method}.joblib"), compress=(method, 3))
    for method in ("bz2", "xz", "lzma", "lz4"):
        joblib.dump(1, os.path.join(out, f"one.{method}.joblib"), compress=(method, 3))


main()
