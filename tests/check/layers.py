# SPDX-License-Identifier: MIT
"""Compares every include below src/ and include/ with the layer table in ARCHITECTURE.md.

A folder includes itself, base, and the folders its row names, all of a lower level. A foreign
header is included only where the row names it; anything else must be a header of libc or Linux.
"""

import os

import tree

LIBC = set(
    """alloca.h arpa/inet.h byteswap.h complex.h ctype.h dirent.h dlfcn.h elf.h endian.h errno.h
    fcntl.h fenv.h float.h fnmatch.h getopt.h glob.h grp.h immintrin.h inttypes.h langinfo.h libgen.h
    limits.h locale.h malloc.h math.h netdb.h netinet/in.h netinet/tcp.h poll.h pthread.h pwd.h
    sched.h semaphore.h setjmp.h signal.h spawn.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h
    stdint.h stdio.h stdlib.h stdnoreturn.h string.h strings.h syslog.h termios.h tgmath.h time.h
    unistd.h utime.h wchar.h wctype.h x86intrin.h""".split()
)


def is_libc(header):
    return header in LIBC or header.startswith(("sys/", "linux/"))


def check_table(table):
    problems = []
    for folder, (level, may, _) in table.items():
        if not os.path.isdir(os.path.join(tree.ROOT, "src", folder)):
            problems.append(f"ARCHITECTURE.md: the layer table names src/{folder}, which is not there")
        for other in sorted(may):
            if other not in table:
                problems.append(f"ARCHITECTURE.md: {folder} may include {other}, which has no row")
            elif table[other][0] >= level:
                problems.append(f"ARCHITECTURE.md: {folder} may include {other}, which is not lower")
    for path in tree.files(under="src"):
        folder = path.split("/")[1]
        if path.count("/") < 2:
            if path.endswith((".c", ".h")):
                problems.append(f"{path}: no source file stands at the top of src/")
        elif folder not in table:
            problems.append(f"{path}: folder {folder} has no row in the layer table of ARCHITECTURE.md")
    return problems


def check_file(path, table):
    folder = path.split("/")[1]
    _, may, foreign = table[folder]
    for number, quote, header in tree.includes(path):
        place = f"{path}:{number}"
        if quote == '"':
            other = header.split("/")[0]
            if not os.path.isfile(os.path.join(tree.ROOT, "src", header)):
                yield f'{place}: "{header}": include paths start at src/ and name the folder'
            elif other not in may | {folder, "base"}:
                yield f"{place}: {folder} may not include {other}; see the layer table in ARCHITECTURE.md"
            elif header.endswith("_priv.h") and other != folder:
                yield f"{place}: {header} is for src/{other} alone"
        elif header.startswith("weir/"):
            if not os.path.isfile(os.path.join(tree.ROOT, "include", header)):
                yield f"{place}: <{header}>: no such public header"
        elif not is_libc(header):
            if not any(header == f or (f.endswith("/") and header.startswith(f)) for f in foreign):
                yield f"{place}: <{header}> is not allowed in {folder}; see the layer table in ARCHITECTURE.md"


def check_public(path):
    for number, quote, header in tree.includes(path):
        if quote == '"' or not (header.startswith("weir/") or is_libc(header)):
            yield f"{path}:{number}: public headers include only libc and <weir/...>"


def main():
    table = tree.layers()
    if not table:
        tree.finish(["ARCHITECTURE.md: no layer table found"], "layers")
    problems = check_table(table)
    checked = tree.files(".c", ".h", under="src")
    for path in checked:
        if path.split("/")[1] in table:
            problems += check_file(path, table)
    for path in tree.files(".h", under="include"):
        problems += check_public(path)
    tree.finish(problems, f"layers: {len(checked)} files")


main()
