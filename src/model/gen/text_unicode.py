#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes text_unicode.inc: what Python's str and re say of each character.

usage: text_unicode.py > text_unicode.inc

The tables are those of the Python that runs this (3.11: Unicode 14.0); the file that is built from is the committed
one, so that a build does not depend on the Python at hand. Half pairs (U+D800 … U+DFFF) are left out, and Hangul
syllables, which text_unicode.c takes apart by arithmetic (The Unicode Standard, 3.12).
"""
import unicodedata

ALL = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def ranges(codes):
    out = []
    for c in codes:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def put(kind, name, values):
    print("static const %s %s[] = {" % (kind, name))
    line = "   "
    for v in values:
        text = " %s," % v
        if len(line) + len(text) > 100:
            print(line)
            line = "   "
        line += text
    print(line + "\n};")


def put_ranges(name, codes):
    put("struct range", name, ("{0x%x, 0x%x}" % tuple(r) for r in ranges(codes)))


def put_lower():
    """Runs of capitals, every `step`-th, whose small letters are `by` further on."""
    runs = []
    for c in ALL:
        low = chr(c).lower()
        if low == chr(c) or c == 0x130:  # the only one that becomes two characters
            continue
        assert len(low) == 1
        by = ord(low) - c
        if runs and runs[-1][3] == by and c - runs[-1][1] in (1, 2) and runs[-1][2] in (0, c - runs[-1][1]):
            runs[-1][2] = c - runs[-1][1]
            runs[-1][1] = c
        else:
            runs.append([c, c, 0, by])
    put("struct lower", "lowers", ("{0x%x, 0x%x, %d, %d}" % (a, b, step or 1, by) for a, b, step, by in runs))


def put_strip():
    """What is left of each character after NFKD without combining marks."""
    rows = []
    for c in ALL:
        if 0xAC00 <= c <= 0xD7A3:
            continue
        left = "".join(x for x in unicodedata.normalize("NFKD", chr(c)) if not unicodedata.combining(x))
        if left != chr(c):
            rows.append((c, left.encode()))
    at = [0]
    for _, left in rows:
        at.append(at[-1] + len(left))
    put("uint32_t", "strip_codes", ("0x%x" % c for c, _ in rows))
    put("uint16_t", "strip_at", at)
    put("unsigned char", "strip_bytes", (b for _, left in rows for b in left))


def main():
    cased = [c for c in ALL if (chr(c) + "\u03a3").lower()[-1] == "\u03c2"]
    known = set(cased)
    print("/* SPDX-License-Identifier: MIT */")
    print("/* Made by text_unicode.py from Unicode %s. */" % unicodedata.unidata_version)
    put_ranges("words", (c for c in ALL if chr(c).isalnum() or c == 0x5F))
    put_ranges("decimals", (c for c in ALL if chr(c).isdecimal()))
    put_ranges("spaces", (c for c in ALL if chr(c).isspace()))
    put_ranges("cased", cased)
    put_ranges("ignorable", (c for c in ALL if c not in known and ("A" + chr(c) + "\u03a3").lower()[-1] == "\u03c2"))
    put_lower()
    put_strip()


main()
