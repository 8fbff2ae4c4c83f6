# SPDX-License-Identifier: MIT
"""A server that answers as told, wrongly too: what the load generator is tested against."""

import asyncio
import threading
import time

SIGNATURE = '{"name":"m","inputs":[{"name":"x","datatype":"FP64","shape":[-1,%d]}],"outputs":[]}'


class Fake:
    """Runs in a thread; answer(number, body) gives the bytes to send, or None to close."""

    def __init__(self, answer=None, n_features=3):
        self.answer = answer or (lambda number, body: reply(b'{"prediction":[0.0]}'))
        self.n_features = n_features
        self.requests = []  # (method and path, body) of every request
        self.port = None
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def bodies(self, path):
        return [body for line, body in self.requests if line.split()[1] == path]

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        server.close()
        self._loop.close()

    async def _serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                size = 0
                for line in head.split("\r\n"):
                    if line.lower().startswith("content-length:"):
                        size = int(line.split(":")[1])
                body = await reader.readexactly(size) if size else b""
                path = head.split()[1]
                self.requests.append((head.split("\r\n")[0], body))
                if path == "/v2/models":
                    writer.write(reply(b'{"models":["m"]}'))
                elif path == "/v2/models/m":
                    writer.write(reply((SIGNATURE % self.n_features).encode()))
                else:
                    answer = self.answer(len(self.requests), body)
                    if answer is None:
                        break
                    if answer != b"":
                        writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


def reply(body, status="200 OK", headers=""):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def stalls(every_s, for_s):
    """An answer function that holds the whole server up for a while, now and then."""
    until = [time.monotonic() + every_s]

    def answer(number, body):
        if time.monotonic() > until[0]:
            time.sleep(for_s)
            until[0] = time.monotonic() + every_s
        return reply(b'{"prediction":[0.0]}')

    return answer
