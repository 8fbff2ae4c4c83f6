# SPDX-License-Identifier: MIT
"""Calls that are not used here, with what to use instead; large files; loose remarks."""

import os
import re

import tree

BLOB_BYTES_MAX = 256 * 1024

# (pattern of a call, what to write instead)
EVERYWHERE = [
    (r"strcpy|strcat|stpcpy", "weir_buf_append or memcpy with a known length"),
    (r"sprintf|vsprintf", "snprintf or weir_buf_printf"),
    (r"strtok|strtok_r", "weir_str_* views"),
    (r"gets", "fgets"),
    (r"atoi|atol|atoll|atof", "weir_codec_number_* which tells failures"),
    (r"alloca", "an arena"),
    (r"assert", "weir_assert, which stays on in releases"),
]
OUTSIDE_BASE = [
    (r"malloc|aligned_alloc|posix_memalign", "weir_mem_alloc or weir_mem_array"),
    (r"calloc", "weir_mem_zarray"),
    (r"realloc|reallocarray", "weir_mem_resize"),
    (r"free", "weir_mem_free"),
    (r"strdup|strndup|asprintf|vasprintf", "weir_mem_strndup or weir_buf_printf"),
]
PURE_TESTS = [(r"sleep|usleep|nanosleep", "running the loop until a condition or a deadline")]


def calls(path, rules):
    for number, line in enumerate(tree.code(path).split("\n"), 1):
        for names, instead in rules:
            # Not a member (x->free(p)), a declaration of one, nor part of a longer name.
            match = re.search(rf"(?<![\w.>*])({names})\s*\(", line)
            if match and not line.lstrip().startswith("#define"):
                yield f"{path}:{number}: {match.group(1)}: use {instead}"


def remarks(path):
    for number, line in enumerate(tree.text(path).split("\n"), 1):
        if re.search(r"\bTODO\b(?!\(#\d+\))", line) or re.search(r"\b(FIXME|XXX|HACK)\b", line):
            yield f"{path}:{number}: a loose remark: write TODO(#number) or do it"


def main():
    problems = []
    sources = tree.files(".c", ".h")
    for path in sources:
        problems += calls(path, EVERYWHERE)
        if path.startswith("src/") and not path.startswith("src/base/"):
            problems += calls(path, OUTSIDE_BASE)
        if path.startswith("tests/unit/"):
            problems += calls(path, PURE_TESTS)
        problems += remarks(path)
    for path in tree.files(".c", ".h", ".py"):
        if "SPDX-License-Identifier: MIT" not in tree.text(path)[:200]:
            problems.append(f"{path}: the line SPDX-License-Identifier: MIT is missing at the top")
    for path in tree.files():
        size = os.path.getsize(os.path.join(tree.ROOT, path))
        if size > BLOB_BYTES_MAX:
            problems.append(f"{path}: {size} bytes; files over {BLOB_BYTES_MAX} are not kept here")
    tree.finish(problems, f"banned: {len(sources)} sources")


main()
