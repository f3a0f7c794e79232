"""Servers that refuse, break, hang or are not there: each is told in a line with what to do, within seconds, and no key is in it."""

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from topout.app.registering import register
from topout.contracts import Registry
from topout.errors import UserError
from topout.exporters import langfuse_registry, phoenix_registry
from topout.testing.exporting import made_up_offer

Connect = Callable[[str], Registry]
BOTH = pytest.mark.parametrize("connect", [phoenix_registry.connect, langfuse_registry.connect])


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PHOENIX_API_KEY", "LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"):
        monkeypatch.setenv(name, "planted-secret")


@contextmanager
def answering(status: int, body: bytes = b"{}", delay_s: float = 0.0) -> Iterator[str]:
    """A server that says the same to everybody."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the terminal."""

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_PATCH(self) -> None:
            self.answer()

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            time.sleep(delay_s)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@BOTH
@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "not signed in. Set "),
        (403, "not allowed to do this"),
        (409, "Export once more"),
        (413, "too large for this server"),
        (429, "Wait a minute"),
        (500, "broken or overloaded"),
        (503, "broken or overloaded"),
        (418, "did not take the request"),
        (302, "did not take the request"),
    ],
)
def test_a_status_is_told_with_a_remedy(connect: Connect, status: int, said: str) -> None:
    with answering(status, b'{"message": "because"}') as url, pytest.raises(UserError, match=rf"HTTP {status}: .*{said}") as caught:
        register(connect(url), made_up_offer(), ())
    assert "because" in str(caught.value)
    assert "planted" not in str(caught.value)


@BOTH
def test_a_key_that_the_server_repeats_is_not_shown(connect: Connect) -> None:
    sent = base64.b64encode(b"planted-secret:planted-secret")
    with answering(401, b'{"message": "no user planted-secret, ' + sent + b', or word pass-word"}') as url:
        address = url.replace("//", "//me:pass-word@")
        with pytest.raises(UserError, match=r"It said: .*no user \*\*\*, .* or word \*\*\*") as caught:
            register(connect(address), made_up_offer(), ())
    assert "planted" not in str(caught.value) and "pass-word" not in str(caught.value)
    assert connect is phoenix_registry.connect or sent.decode() not in str(caught.value)


@BOTH
def test_404_to_a_write_says_to_check_the_address(connect: Connect) -> None:
    with answering(404) as url, pytest.raises(UserError, match=r"HTTP 404: no such thing there\. Check the address"):
        connect(url).publish(made_up_offer(), {})


@BOTH
def test_a_page_instead_of_an_answer_is_told(connect: Connect) -> None:
    with answering(200, b"<html>sign in</html>") as url, pytest.raises(UserError, match="its answer is no JSON"):
        register(connect(url), made_up_offer(), ())


@BOTH
def test_nobody_there_is_told_at_once_and_a_hanging_server_within_15_seconds(connect: Connect) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        free = one.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(UserError, match="nobody answers there"):
        register(connect(f"http://user:planted@127.0.0.1:{free}/"), made_up_offer(), ())
    assert time.monotonic() - began < 5
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(UserError, match="no answer within 5 s") as caught:
            register(connect(f"http://user:planted@127.0.0.1:{silent.getsockname()[1]}"), made_up_offer(), ())
    assert time.monotonic() - began < 15
    assert "planted" not in str(caught.value)


@BOTH
@pytest.mark.parametrize("uri", ["localhost:3000", "ftp://host", "http://"])
def test_what_is_no_address_is_told(connect: Connect, uri: str) -> None:
    with pytest.raises(UserError, match="not the address of a server"):
        connect(uri)


@BOTH
@pytest.mark.parametrize("body", [b"[]", b"null", b'{"data": 3}', b'{"data": [7]}', b'{"data": [{"name": 1}]}', b'{"version": {}}'])
def test_answers_of_another_shape_break_nothing(connect: Connect, body: bytes) -> None:
    with answering(200, body) as url:
        registry = connect(url)
        assert all(one.prompt is None for one in registry.versions("tickets", 3))
        found = registry.find("tickets", "production")
        assert found is None or found.prompt is None


def test_the_body_that_is_sent_holds_no_key() -> None:
    heard: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the terminal."""

        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data": {"id": "x"}, "version": 1}')

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for connect in (phoenix_registry.connect, langfuse_registry.connect):
            connect(f"http://127.0.0.1:{server.server_port}").publish(replace(made_up_offer()), {"run": "r"})
    finally:
        server.shutdown()
        server.server_close()
    assert len(heard) == 2
    assert all(json.loads(body) and b"planted" not in body for body in heard)
