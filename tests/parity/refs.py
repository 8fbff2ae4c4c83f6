# SPDX-License-Identifier: MIT
"""Recorded answers: the .ref files that stand beside each model file.

A .ref file is a list of named arrays, little-endian, every float exact:

    "WEIRREF1"  u32 number of arrays, then for each array
    u8 length and bytes of the name, u8 type, u8 number of dimensions, u32 each dimension, the elements row by row

Types: numpy's codes d f e (float64, float32, float16), b h i l B H I L (8 to 64 bits), ? (one byte 0 or 1);
s text (u16 length and UTF-8 bytes for each element); o cells of several types (one byte: 0 None, 1 number, 2 text;
then a float64, or as for s). Dimensions: 1 to 8.
"""
import struct

import numpy as np

CODES = {"f8": "d", "f4": "f", "f2": "e", "i1": "b", "i2": "h", "i4": "i", "i8": "l",
         "u1": "B", "u2": "H", "u4": "I", "u8": "L", "b1": "?"}


def _text(s):
    raw = s if isinstance(s, bytes) else str(s).encode()
    return struct.pack("<H", len(raw)) + raw


def _cell(v):
    if v is None:
        return b"\0"
    if isinstance(v, (str, bytes)):
        return b"\2" + _text(v)
    return b"\1" + struct.pack("<d", float("nan") if v != v or type(v).__name__ == "NAType" else float(v))


def _code(a, is_cells):
    if is_cells:
        return "o", b"".join(_cell(v) for v in a.ravel())
    name = a.dtype.str[1:]
    if name in CODES:
        return CODES[name], a.astype("<" + name).tobytes()
    return "s", b"".join(_text(s) for s in a.ravel())


class Cells:
    """Marks an array of objects that is to be written as cells."""

    def __init__(self, array):
        self.array = array


def write(path, arrays):
    """Writes {name: array} to path; object arrays are written as text, those in Cells as cells."""
    parts = [b"WEIRREF1", struct.pack("<I", len(arrays))]
    for name, value in arrays.items():
        is_cells = isinstance(value, Cells)
        value = value.array if is_cells else value
        a = np.ascontiguousarray(value)
        if np.ndim(value) == 0:
            a = a.reshape(1)
        kind, data = _code(a, is_cells)
        raw = name.encode()
        assert len(raw) < 128 and 1 <= a.ndim <= 8, name
        parts.append(struct.pack("<B", len(raw)) + raw + kind.encode() + struct.pack("<B", a.ndim))
        parts.append(struct.pack("<%dI" % a.ndim, *a.shape))
        parts.append(data)
    with open(path, "wb") as f:
        f.write(b"".join(parts))
