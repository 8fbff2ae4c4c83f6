# SPDX-License-Identifier: MIT
"""A real `weir serve` over the models of models.txt, and what those models must answer."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

import recorded

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
ROOT = TESTS.parent
START_SECONDS = 30


def sources() -> dict[str, Path]:
    """Returns the table of models.txt: path in the repository → committed file or folder."""
    lines = (line.split("#")[0].rstrip() for line in (HERE / "models.txt").read_text().splitlines())
    rows = (line.split() for line in lines if line)
    return {path: TESTS / source for path, source, *_ in rows}


def lay_out(folder: Path) -> None:
    """Copies the models to where they are served from."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, source in sources().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)


class Model:
    """A served model's own recorded requests and answers."""

    def __init__(self, path: str) -> None:
        source = sources()[path]
        self.arrays = recorded.read(source.parent / (source.stem + ".ref"))
        self.rel = float(self.arrays.get("rel", [0.0])[0])

    def rows(self, n: int | None = None) -> np.ndarray:
        return self.arrays["X"][:n]

    def answer(self, output: str, n: int | None = None, kind: str = "f8") -> np.ndarray:
        return self.arrays[f"{kind}.{output}"][:n]

    @property
    def features(self) -> list[str]:
        return list(self.arrays["features"])

    def tensors(self, direction: str, request: int = 0) -> dict[str, np.ndarray]:
        """Returns the inputs ("in") or outputs ("out") of a recorded request by name."""
        prefix = f"{direction}.{request}."
        return {name.removeprefix(prefix): a for name, a in self.arrays.items() if name.startswith(prefix)}


    def columns(self) -> tuple[dict[str, np.ndarray], list[int]]:
        """Returns the rows as columns by name, n × 1, and which rows: those where every text is there."""
        rows, names = self.rows(), self.features
        is_text = [any(isinstance(value, str) for value in column) for column in rows.T]
        kept = [i for i, row in enumerate(rows) if all(isinstance(v, str) == t for v, t in zip(row, is_text))]
        columns = {name: column[kept][:, None].astype(object if t else np.float64)
                   for name, column, t in zip(names, rows.T, is_text)}
        return columns, kept

    def records(self) -> tuple[list[dict], list[int]]:
        """Returns the same as objects by name, for JSON: a missing number is None."""
        columns, kept = self.columns()
        lists = {name: column[:, 0].tolist() for name, column in columns.items()}
        return [{name: None if values[i] != values[i] else values[i] for name, values in lists.items()}
                for i in range(len(kept))], kept


def free_port() -> int:
    """Returns a port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Server:
    """Runs until stop(); address and admin are "127.0.0.1:PORT".

    command and environment take the place of the usual ones; an empty value unsets a variable, {models} is the models'
    folder and {port} a free port.
    """

    def __init__(self, program: Path, folder: Path, *, command: list[str] | None = None,
                 environment: dict[str, str] | None = None) -> None:
        self.program = program
        self.folder = folder
        self.models = folder / "models"
        lay_out(self.models)
        self.log = (folder / "weir.log").open("wb")
        arguments = command or ["serve", "--config", str(HERE / "weir.yaml"), str(self.models)]
        env = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_")}
        library = ROOT / ".deps" / "onnxruntime" / "libonnxruntime.so.1"
        if library.exists():
            env["WEIR_ONNXRUNTIME_LIBRARY"] = str(library)
        env |= {"WEIR_LISTEN": "127.0.0.1:0", "WEIR_ADMIN": "127.0.0.1:0"}
        for name, value in (environment or {}).items():
            env[name] = value.format(models=self.models, port=free_port())
            if not value:
                del env[name]
        self.process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, stderr=self.log, env=env,
                                        cwd=folder, text=True)
        self.address, self.admin = self._read_addresses()
        self._wait_ready(len(sources()) if command is None else 1)

    def _read_addresses(self) -> tuple[str, str]:
        found = {}
        for line in self.process.stdout:
            match = re.match(r"(listening|admin) on (\S+)", line)
            if match:
                found[match[1]] = match[2].replace("0.0.0.0", "127.0.0.1")
            if len(found) == 2:
                return found["listening"], found["admin"]
        raise RuntimeError(f"weir did not start; see {self.log.name}")

    def _wait_ready(self, n_models: int) -> None:
        """Waits until every model, at least so many, has been loaded or refused."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with urllib.request.urlopen(f"http://{self.admin}/weir/v1/models", timeout=5) as answer:
                states = re.findall(r'"state":"(\w+)"', answer.read().decode())
            if len(states) >= n_models and all(state in ("ready", "failed") for state in states):
                return
            time.sleep(0.05)
        raise RuntimeError(f"weir is not ready: {states}; see {self.log.name}")

    def model(self, name: str, version: int | None = None) -> Model:
        """Returns what a served model must answer; version: the highest."""
        paths = [path for path in sources() if path.split("/")[0].split(".")[0] == name]
        if version is not None:
            paths = [path for path in paths if path.split("/")[1] == str(version)]
        return Model(max(paths))

    def stop(self) -> int:
        """Ends the server; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return 128 + signal.SIGKILL
        finally:
            self.log.close()
