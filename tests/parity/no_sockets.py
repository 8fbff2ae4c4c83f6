# SPDX-License-Identifier: MIT
"""Loads and runs ONNX models below strace: ONNX Runtime opens no socket and looks up no host.

usage: no_sockets.py PARITY FOLDER     (exit 77, skipped: no strace, or it may not trace here, or no ONNX Runtime)
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77


def main():
    parity, folder = sys.argv[1:]
    if not shutil.which("strace"):
        print("skipped: no strace")
        return SKIPPED
    with tempfile.TemporaryDirectory() as temp:
        log = os.path.join(temp, "log")
        # The leak sanitizer cannot look at a process that is traced.
        options = ":".join(o for o in (os.environ.get("ASAN_OPTIONS"), "detect_leaks=0") if o)
        done = subprocess.run(["strace", "-f", "-qq", "-o", log, "-e", "trace=%network,openat,execve", parity,
                               "--failures", "--runtime-optional", folder], capture_output=True, text=True, check=False,
                              env=dict(os.environ, ASAN_OPTIONS=options))
        calls = open(log, encoding="utf-8", errors="replace").read() if os.path.exists(log) else ""
    if "execve(" not in calls:
        print("skipped: tracing is not allowed here:", done.stderr.strip()[:200])
        return SKIPPED
    if "libonnxruntime" not in calls or ", 0 refused" not in done.stdout:
        print("skipped: ONNX Runtime is not there:", done.stdout.strip()[:200])
        return SKIPPED
    bad = [line for line in calls.split("\n")
           if re.search(r"\b(socket|connect|sendto|sendmsg|bind)\(", line) or "/etc/resolv.conf" in line]
    for line in bad[:20]:
        print(line)
    print(f"{done.stdout.strip().splitlines()[-1]}; {len(bad)} calls of the network")
    return 1 if bad or done.returncode else 0


sys.exit(main())
