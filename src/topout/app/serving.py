"""A server on loopback for the page of one run. It serves that and nothing else: no file, no other address, no other origin.

- Only 127.0.0.1 is listened on, and only requests whose Host is this address or localhost, with its port, are answered: a page elsewhere whose name is
  made to point here (DNS rebinding) gets nothing. No CORS header is ever sent, and a request of another origin is refused.
- GET of three paths, POST of one. Nothing of a request is kept, run or read from disk; a body is never read.
- The stop wants a token that only the person who started the server has. It stands in the fragment of the address, which browsers send nowhere.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any, cast

from topout.app.watched import WatchedRun
from topout.errors import StoreError, UserError
from topout.report.page.live import live_policy

__all__ = ["WatchServer"]

LOOPBACK = "127.0.0.1"
EVERY_S = 1.0
BEAT_S = 10.0
LONGEST_PATH = 200
MOST_CONNECTIONS = 32
MOST_READERS = 16
"""Of events: each keeps a connection."""
TOKEN = "X-Topout-Token"
METHODS = {"/": "GET", "/sections": "GET", "/events": "GET", "/stop": "POST"}


class WatchServer(ThreadingHTTPServer):
    """Serves `run` on `port` of loopback (0: any that is free). Raises UserError when the port is taken. `close` ends it at once."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 16

    def __init__(self, run: WatchedRun, port: int = 0) -> None:
        self.run = run
        self.token = secrets.token_urlsafe(24)
        self.closing = threading.Event()
        self.readers = threading.BoundedSemaphore(MOST_READERS)
        self._connections = threading.BoundedSemaphore(MOST_CONNECTIONS)
        try:
            super().__init__((LOOPBACK, port), Handler)
        except OSError as error:
            raise UserError(
                f"--port {port}: {error.strerror or error}. Give another one, or leave it out for any that is free."
            ) from error
        self.hosts = frozenset(f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost"))

    @property
    def address(self) -> str:
        """What to open; with the token in its fragment."""
        return f"http://{LOOPBACK}:{self.server_port}/#token={self.token}"

    def server_bind(self) -> None:
        """Without the look-up of this machine's name that http.server would make."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    def process_request(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """A thread for the connection; too many of them are closed unread."""
        if self._connections.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that broke concerns nobody else."""

    def close(self) -> None:
        """Let everybody go."""
        self.closing.set()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    timeout = 10.0

    @property
    def watch(self) -> WatchServer:
        return cast(WatchServer, self.server)

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        """Refuse, or serve."""
        refused = self.refusal()
        if refused is not None:
            self.send_error(refused)
            return
        match self.path:
            case "/":
                self.send(HTTPStatus.OK, self.watch.run.page(), "text/html")
            case "/sections":
                version, frame = self.watch.run.frame()
                self.send(HTTPStatus.OK, frame, "text/html", {"X-Topout-Version": str(version)})
            case "/events":
                self.events()
            case _:
                self.stop()

    def refusal(self) -> HTTPStatus | None:
        """Why this request is not answered; None when it is."""
        hosts, origin = self.headers.get_all("Host", []), self.headers.get("Origin")
        if len(hosts) != 1 or hosts[0] not in self.watch.hosts:
            return HTTPStatus.MISDIRECTED_REQUEST
        if origin is not None and origin.removeprefix("http://") != hosts[0]:
            return HTTPStatus.FORBIDDEN
        if len(self.path) > LONGEST_PATH:
            return HTTPStatus.REQUEST_URI_TOO_LONG
        if self.path not in METHODS:
            return HTTPStatus.NOT_FOUND
        if METHODS[self.path] != self.command:
            return HTTPStatus.METHOD_NOT_ALLOWED
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return None

    def stop(self) -> None:
        """End the run, for whoever has the token."""
        given = self.headers.get(TOKEN, "")
        if not secrets.compare_digest(given.encode(errors="replace"), self.watch.token.encode()):
            self.send(HTTPStatus.FORBIDDEN, "Only the address that `topout watch` printed can stop the run: open that one.\n")
            return
        try:
            asked = self.watch.run.stop()
        except StoreError as error:
            self.send(HTTPStatus.INTERNAL_SERVER_ERROR, f"{error}\n")
            return
        if asked:
            self.send(HTTPStatus.ACCEPTED, "stopping\n")
        else:
            self.send(HTTPStatus.CONFLICT, "The run is not running.\n")

    def events(self) -> None:
        """Tell how the run stands, whenever that changes, at most once a second; else a sign of life, so that a client that is gone is found out."""
        if not self.watch.readers.acquire(blocking=False):
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        try:
            self.begin(HTTPStatus.OK, "text/event-stream")
            self.wfile.write(b"retry: 2000\n\n")
            told, silent = "", 0.0
            while not self.watch.closing.is_set():
                now = self.watch.run.status()
                if now != told:
                    self.wfile.write(f"data: {now}\n\n".encode())
                    told, silent = now, 0.0
                elif silent >= BEAT_S:
                    self.wfile.write(b": still here\n\n")
                    silent = 0.0
                self.watch.closing.wait(EVERY_S)
                silent += EVERY_S
        except OSError:
            pass  # the client is gone
        finally:
            self.watch.readers.release()

    def send(self, status: HTTPStatus, text: str, kind: str = "text/plain", more: Mapping[str, str] | None = None) -> None:
        """A whole answer."""
        body = text.encode(errors="replace")
        self.begin(status, kind, {**(more or {}), "Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def begin(self, status: HTTPStatus, kind: str, more: Mapping[str, str] | None = None) -> None:
        """Status and headers."""
        self.send_response(status)
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Security-Policy": live_policy() if kind == "text/html" else "default-src 'none'; frame-ancestors 'none'",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "Connection": "close",
            **(more or {}),
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A refusal in a word. Nothing of the request is repeated in it."""
        status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code)
        more = {"Allow": METHODS.get(self.path, "GET")} if status == HTTPStatus.METHOD_NOT_ALLOWED else None
        self.close_connection = True
        self.send(status, f"{status.value} {status.phrase}\n", more=more)

    def version_string(self) -> str:
        """What serves, without its versions."""
        return "topout"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what a request says does not belong on a terminal."""
