# SPDX-License-Identifier: MIT
"""Makes pictures of pages small: a palette, rows predicted from the row above, and the slowest compression."""

import struct
import zlib


def _chunks(data):
    at = 8
    while at < len(data):
        size = struct.unpack_from(">I", data, at)[0]
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += 12 + size


def _paeth(a, b, c):
    pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def _read(path):
    """Returns width, and rows of RGB tuples, of a picture of 8-bit RGB or RGBA without interlacing."""
    with open(path, "rb") as f:
        chunks = list(_chunks(f.read()))
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or colour not in (2, 6) or interlaced:
        raise ValueError(f"{path}: not a picture of 8-bit RGB")
    step = 3 if colour == 2 else 4
    data = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    size, rows, before = width * step, [], bytearray(width * step)
    for y in range(height):
        kind, row = data[y * (size + 1)], bytearray(data[y * (size + 1) + 1 : (y + 1) * (size + 1)])
        for i in range(size):
            a = row[i - step] if i >= step else 0
            if kind == 1:
                row[i] = (row[i] + a) & 255
            elif kind == 2:
                row[i] = (row[i] + before[i]) & 255
            elif kind == 3:
                row[i] = (row[i] + (a + before[i]) // 2) & 255
            elif kind == 4:
                row[i] = (row[i] + _paeth(a, before[i], before[i - step] if i >= step else 0)) & 255
        before = row
        rows.append([bytes(row[i : i + 3]) for i in range(0, size, step)])
    return width, rows


def _distance(a, b):
    return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2


def _palette(rows):
    """Returns at most 256 colours, and which of them each colour becomes: the nearest."""
    counts = {}
    for row in rows:
        for pixel in row:
            counts[pixel] = counts.get(pixel, 0) + 1
    often = sorted(counts, key=counts.get, reverse=True)
    kept, rest = often[:128], often[128:]
    # The others are far from those that are kept, so that a word in red stays red.
    far = [min(_distance(pixel, other) for other in kept) for pixel in rest]
    while rest and len(kept) < 256:
        best = max(range(len(rest)), key=far.__getitem__)
        kept.append(rest[best])
        far = [min(d, _distance(pixel, rest[best])) for d, pixel in zip(far, rest)]
    place = {pixel: i for i, pixel in enumerate(kept)}
    for pixel in rest:
        if pixel not in place:
            place[pixel] = min(range(len(kept)), key=lambda i: _distance(kept[i], pixel))
    return kept, place


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def shrink(path):
    """Writes the picture anew with 256 colours at most. Others become the nearest of these."""
    width, rows = _read(path)
    kept, place = _palette(rows)
    plain = b"".join(b"\0" + bytes(place[pixel] for pixel in row) for row in rows)
    head = struct.pack(">IIBBBBB", width, len(rows), 8, 3, 0, 0, 0)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"PLTE", b"".join(kept)) +
                _chunk(b"IDAT", zlib.compress(plain, 9)) + _chunk(b"IEND", b""))
