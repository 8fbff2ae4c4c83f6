# SPDX-License-Identifier: MIT
"""Stands between a client and the server, and writes down both sides of every connection."""

import socket
import threading
from dataclasses import dataclass, field


@dataclass
class Part:
    """Bytes that went one way in one piece of a conversation, during one call of the client."""

    call: str
    is_request: bool
    data: bytearray


@dataclass
class Conversation:
    """A connection: its parts, in the order in which they passed."""

    parts: list[Part] = field(default_factory=list)

    def add(self, call: str, is_request: bool, data: bytes) -> None:
        last = self.parts[-1] if self.parts else None
        if last and last.is_request == is_request and last.call == call:
            last.data += data
        else:
            self.parts.append(Part(call, is_request, bytearray(data)))


class Recorder:
    """Listens on address and hands every byte on to the server."""

    def __init__(self, server: str) -> None:
        host, port = server.rsplit(":", 1)
        self.server = (host, int(port))
        self.call = ""
        self.conversations: list[Conversation] = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(self.server)
            conversation = Conversation()
            self.conversations.append(conversation)
            for source, target, is_request in ((client, server, True), (server, client, False)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._copy, args=(source, target, is_request, conversation),
                                 daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket, is_request: bool, conversation: Conversation) -> None:
        try:
            while data := source.recv(1 << 16):
                with self.lock:
                    conversation.add(self.call, is_request, data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            target.close()
