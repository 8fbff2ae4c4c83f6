# SPDX-License-Identifier: MIT
"""Reads the .ref files beside the committed models: what the libraries themselves answered (tests/data/README.md)."""

import struct
from pathlib import Path

import numpy as np

_TYPES = {"d": "<f8", "f": "<f4", "e": "<f2", "b": "<i1", "h": "<i2", "i": "<i4", "l": "<i8",
          "B": "<u1", "H": "<u2", "I": "<u4", "L": "<u8", "?": "?"}


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, form: str) -> tuple:
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return values

    def text(self, size: int) -> str:
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def cell(self) -> None | float | str:
        (kind,) = self.take("<B")
        if kind == 0:
            return None
        return self.take("<d")[0] if kind == 1 else self.text(*self.take("<H"))

    def elements(self, code: str, n: int) -> list | np.ndarray:
        if code == "o":
            return [self.cell() for _ in range(n)]
        if code == "s":
            return [self.text(*self.take("<H")) for _ in range(n)]
        kind = np.dtype(_TYPES[code])
        self.at += n * kind.itemsize
        return np.frombuffer(self.data, kind, n, self.at - n * kind.itemsize)


def read(path: Path) -> dict[str, np.ndarray]:
    """Returns the named arrays; texts and cells have numpy's type object."""
    reader = _Reader(path.read_bytes())
    if reader.text(8) != "WEIRREF1":
        raise ValueError(f"{path} is no record of answers")
    arrays = {}
    for _ in range(reader.take("<I")[0]):
        name = reader.text(*reader.take("<B"))
        code, n_dims = chr(*reader.take("<B")), reader.take("<B")[0]
        dims = reader.take(f"<{n_dims}I")
        elements = reader.elements(code, int(np.prod(dims)))
        array = np.empty(len(elements), object if code in "os" else _TYPES[code])
        array[:] = elements
        arrays[name] = array.reshape(dims)
    return arrays
