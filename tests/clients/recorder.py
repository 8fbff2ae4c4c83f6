# SPDX-License-Identifier: MIT
"""Stands between a client and the server, and writes what the client sent as a script of tests/replay.

The answers are not written: `replay --write` asks the server again with these very bytes and adds them.
"""

import re
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
END_STREAM, DATA, HEADERS = 0x1, 0x0, 0x1


@dataclass
class Connection:
    """What is known of a connection while its bytes pass."""

    number: int
    listener: str
    is_http2: bool = False
    is_asked: bool = False  # HTTP/1: a request has passed whose answer has not begun
    frames: bytearray = field(default_factory=bytearray)  # HTTP/2: the server's bytes that are no whole frame yet


class Recorder:
    """Listens in front of the server's two listeners and notes every request byte, and where answers came."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self.steps: list[str] = []
        self.call = ""
        self.n_connections = 0
        self.last: tuple[str, int] = ("", 0)  # the call and the connection of the last step
        self.pending = bytearray()  # what the client has sent since then
        self.lock = threading.Lock()
        self.addresses = {name: self._listen(name, address) for name, address in addresses.items()}

    def _listen(self, name: str, address: str) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, args=(name, address, listener), daemon=True).start()
        return "127.0.0.1:%d" % listener.getsockname()[1]

    def _accept(self, name: str, address: str, listener: socket.socket) -> None:
        host, port = address.rsplit(":", 1)
        while True:
            client, _ = listener.accept()
            server = socket.create_connection((host, int(port)))
            with self.lock:
                self.n_connections += 1
                connection = Connection(self.n_connections, name)
            for source, target, note in ((client, server, self._asked), (server, client, self._answered)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._copy, args=(source, target, note, connection), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket, note, connection: Connection) -> None:
        try:
            while data := source.recv(1 << 16):
                with self.lock:
                    note(connection, data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            target.close()

    def _asked(self, connection: Connection, data: bytes) -> None:
        self._on(connection)
        connection.is_http2 |= data.startswith(PREFACE[: len(data)])
        connection.is_asked = True
        self.pending += data

    def _answered(self, connection: Connection, data: bytes) -> None:
        if connection.is_http2:
            connection.frames += data
            for stream in ended_streams(connection.frames):
                self._on(connection)
                self._flush()
                self.steps.append(f"stream {stream}")
        elif connection.is_asked:
            self._on(connection)
            self._flush()
            self.steps.append("continue" if data.startswith(b"HTTP/1.1 100") else "answer")
            connection.is_asked = False

    def _on(self, connection: Connection) -> None:
        """Says in the script which call and connection come now, if others came before."""
        call, number = self.last
        if number != connection.number or call != self.call:
            self._flush()
            if call != self.call:
                self.steps.append(f"call {self.call}")
            if number != connection.number:
                self.steps.append(f"on {connection.number} {connection.listener}")
            self.last = (self.call, connection.number)

    def _flush(self) -> None:
        # Host is a fixed text, so that a recording does not change with the port.
        data = re.sub(rb"(?i)(\r\nhost: 127\.0\.0\.1):\d+", rb"\1:8000", bytes(self.pending))
        self.steps += [f"> {line}" for line in written(data)]
        self.pending.clear()

    def write(self, path: Path, packages: dict[str, str], environment: dict[str, str]) -> None:
        """Writes the script; its answers are still missing."""
        with self.lock:
            self._flush()
            about = ", ".join(f"{name} {version}" for name, version in packages.items())
            lines = [f"# What the real client sent ({about}); written by tests/clients/run --record.", "needs onnx"]
            lines += [f"env {name}={value}" for name, value in environment.items()]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join([*lines, *self.steps]) + "\n", encoding="utf-8")


def ended_streams(frames: bytearray) -> list[int]:
    """Takes whole HTTP/2 frames from the bytes; returns the streams that ended in them."""
    ended = []
    while len(frames) >= 9 and len(frames) >= 9 + int.from_bytes(frames[:3], "big"):
        size, kind, flags = int.from_bytes(frames[:3], "big"), frames[3], frames[4]
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            ended.append(int.from_bytes(frames[5:9], "big"))
        del frames[: 9 + size]
    return ended


def written(data: bytes) -> list[str]:
    """Returns bytes as the arguments of lines: text in quotes with C's escapes, what is no text in hex."""
    lines = []
    for piece in re.findall(rb"[\t\r\n -~]{6,}|(?:(?![\t\r\n -~]{6}).)+", data, re.DOTALL):
        if re.fullmatch(rb"[\t\r\n -~]+", piece) and len(piece) >= 6:
            text = piece.decode().replace("\\", "\\\\").replace('"', '\\"')
            text = text.replace("\t", "\\t").replace("\r", "\\r").replace("\n", "\\n")
            lines += [f'"{part}"' for part in re.findall(r"(?:\\.|[^\\]){1,100}?(?:\\n|$)|(?:\\.|[^\\]){1,100}", text)]
        else:
            lines += [piece[i : i + 50].hex() for i in range(0, len(piece), 50)]
    return lines
