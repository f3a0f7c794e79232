"""Small HTTP servers on loopback: one that fails as it is told, and one that stands between a client and a real server and keeps what was sent."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

Answer = tuple[int, dict[str, str], bytes] | None
"""Status, headers and body; None drops the connection without a byte."""
Ask = Callable[[str, str, dict[str, str], bytes], Answer]


class Loopback:
    """A context manager: `ask(method, path, headers, body)` answers each request, in a thread of its own."""

    def __init__(self, ask: Ask) -> None:
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                found = ask(self.command, self.path, dict(self.headers.items()), body)
                if found is None:
                    self.close_connection = True
                    return
                status, headers, data = found
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def failing(status: int, body: bytes = b"", headers: dict[str, str] | None = None, *, wait_s: float = 0.0) -> Ask:
    """Always the same answer, after a while."""

    def ask(method: str, path: str, got: dict[str, str], data: bytes) -> Answer:
        time.sleep(wait_s)
        return status, headers or {}, body

    return ask


class Between:
    """Passes requests on to a server and keeps all that was sent. `lose` says for which paths (counted from now on) the answer is lost on its way back."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc
        self.sent: list[bytes] = []
        self.lose: str = ""

    def __call__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.sent.append(f"{method} {path} {headers}\n".encode() + body)
        connection = http.client.HTTPConnection(self._host, timeout=10)
        passed = {name: value for name, value in headers.items() if name.lower() not in ("host", "accept-encoding")}
        connection.request(method, path, body, passed)
        got = connection.getresponse()
        data = got.read()
        connection.close()
        if self.lose and self.lose in path:
            return None
        return got.status, {"Content-Type": got.getheader("Content-Type") or ""}, data
