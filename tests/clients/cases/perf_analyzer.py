# SPDX-License-Identifier: MIT
"""Triton's perf_analyzer, a C++ client that reads metadata, configuration and statistics before it measures."""

import csv
import subprocess
import sys
from pathlib import Path

from harness import Cases, equal, has
from server import Server

CLIENT = "perf_analyzer"
PACKAGES = ["tritonclient"]
SECONDS = 55


def measure(server: Server, *arguments: str) -> tuple[dict[str, str], str]:
    """Runs the program for some 100 requests; returns its row of numbers and what it printed."""
    libraries = Path(sys.prefix).glob("lib/python*/site-packages/nvidia/cuda_runtime/lib")
    table = server.folder / "perf_analyzer.csv"
    table.unlink(missing_ok=True)
    command = [Path(sys.prefix) / "bin" / "perf_analyzer", "-u", server.address, "--measurement-mode", "count_windows",
               "--measurement-request-count", "50", "-s", "999", "-r", "20", "-f", table, "--verbose-csv", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False,
                          env={"LD_LIBRARY_PATH": ":".join(map(str, libraries))})
    equal((done.returncode, done.stderr[-300:]), (0, ""))
    with table.open(encoding="utf-8") as f:
        (row,) = csv.DictReader(f)
    return row, done.stdout


def cases(server: Server) -> Cases:
    found = Cases()

    def play(*arguments: str) -> None:
        row, text = measure(server, *arguments)
        equal(float(row["Inferences/Second"]) > 0, True)
        has(text, r"Request count: [1-9]")
        has(text, r"Inference count: [1-9]")  # read from the server's statistics

    for what, arguments in (
        ("HTTP, a matrix, binary", ("-m", "ridge", "-i", "http", "--concurrency-range", "4")),
        ("HTTP, JSON in and out", ("-m", "wine", "-i", "http", "--input-tensor-format", "json",
                                   "--output-tensor-format", "json")),
        ("HTTP, 8 rows a request", ("-m", "image", "-i", "http", "-b", "8")),
        ("HTTP, texts", ("-m", "reviews", "-i", "http", "--string-length", "40")),
        ("HTTP, asynchronous, 13 inputs of all types", ("-m", "every_type", "-i", "http", "--async",
                                                     "--concurrency-range", "4")),
        ("HTTP, a version", ("-m", "iris", "-x", "1", "-i", "http")),
        ("gRPC, a matrix", ("-m", "ridge", "-i", "grpc", "--concurrency-range", "4")),
        ("gRPC, streaming", ("-m", "wine", "-i", "grpc", "--streaming", "--async")),
        ("gRPC, compressed", ("-m", "image", "-i", "grpc", "--grpc-compression-algorithm", "gzip")),
    ):
        found.case(what, "requests counted by client and server", *arguments)(play)
    return found
