# SPDX-License-Identifier: MIT
"""Recorded answers: the .ref files that stand beside each model file.

A .ref file is a list of named arrays, little-endian, every float exact:

    "WEIRREF1"  u32 number of arrays, then for each array
    u8 length and bytes of the name, u8 type, u8 number of dimensions, u32 each dimension, the elements row by row

Types: d float64, f float32, l int64, ? one byte 0 or 1, s text (u16 length and UTF-8 bytes for each element).
README.md in tests/data/sklearn lists the names.
"""
import struct

import numpy as np


def _code(a):
    if a.dtype == np.float64:
        return "d", a.astype("<f8").tobytes()
    if a.dtype == np.float32:
        return "f", a.astype("<f4").tobytes()
    if a.dtype == np.bool_:
        return "?", a.astype("u1").tobytes()
    if a.dtype.kind in "iu":
        return "l", a.astype("<i8").tobytes()
    out = []
    for s in a.ravel():
        raw = str(s).encode()
        out.append(struct.pack("<H", len(raw)) + raw)
    return "s", b"".join(out)


def write(path, arrays):
    """Writes {name: array} to path; object arrays are written as text."""
    parts = [b"WEIRREF1", struct.pack("<I", len(arrays))]
    for name, value in arrays.items():
        a = np.ascontiguousarray(value)
        if np.ndim(value) == 0:
            a = a.reshape(1)
        kind, data = _code(a)
        raw = name.encode()
        parts.append(struct.pack("<B", len(raw)) + raw + kind.encode() + struct.pack("<B", a.ndim))
        parts.append(struct.pack("<%dI" % a.ndim, *a.shape))
        parts.append(data)
    with open(path, "wb") as f:
        f.write(b"".join(parts))
