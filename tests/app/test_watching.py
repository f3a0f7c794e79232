"""The server of `topout watch`: what it answers, what it refuses, and what it says of a run that goes on, stops, ends or was killed."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from topout.app.serving import MOST_READERS, WatchServer
from topout.app.watched import WatchedRun
from topout.domain import AttemptDone, Event, RunEnded
from topout.store.codec import encode
from topout.store.layout import Lock, RunFolder
from topout.testing.runs import PretendedRun, write_run

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \x1b[31m \u202e & \"' </script> data: \n\ndata: {}"


class Clock:
    """Seconds that go by when they are told to, and `each` with every look."""

    def __init__(self, each: float = 0.0) -> None:
        self.now = 100.0
        self.each = each

    def __call__(self) -> float:
        self.now += self.each
        return self.now


@dataclass
class Watched:
    """A pretended run that is being written, its server, and the clock that both go by."""

    folder: RunFolder
    events: list[Event]
    run: WatchedRun
    server: WatchServer
    clock: Clock
    lock: Lock

    def write(self, events: list[Event]) -> None:
        with self.folder.journal.open("a", encoding="utf-8") as file:
            file.write("".join(encode(event) + "\n" for event in events))

    def ask(self, method: str = "GET", path: str = "/", **headers: str) -> tuple[int, str, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=20)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": f"127.0.0.1:{self.server.server_port}", **headers}.items():
            if value:
                connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        got = connection.getresponse()
        text = got.read().decode()
        connection.close()
        return got.status, text, got.headers

    def raw(self, data: bytes) -> bytes:
        """What the server says to these bytes; nothing when it closes without a word."""
        with socket.create_connection(("127.0.0.1", self.server.server_port), timeout=20) as line:
            said = b""
            try:
                line.sendall(data)
                while piece := line.recv(65536):
                    said += piece
            except ConnectionError:
                pass
        return said

    def status(self, later_s: float = 2.0) -> dict[str, Any]:
        self.clock.now += later_s
        found: dict[str, Any] = json.loads(self.run.status())
        return found


def serving(tmp_path: Path, pretended: PretendedRun, known: Callable[[list[Event]], int]) -> Iterator[Watched]:
    path = write_run(tmp_path / "runs", pretended)
    folder, events = RunFolder(path), pretended.events()
    lines = folder.journal.read_text(encoding="utf-8").splitlines(keepends=True)
    at = known(events)
    folder.journal.write_text("".join(lines[:at]), encoding="utf-8")
    lock, clock = folder.lock(), Clock()
    work = Clock(each=2.0)
    run = WatchedRun(folder, "runs/r", clock, work)
    server = WatchServer(run)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield Watched(folder, events[at:], run, server, clock, lock)
    server.shutdown()
    server.close()
    lock.release()


def half(events: list[Event]) -> int:
    """Where the third attempt was committed."""
    return [i for i, event in enumerate(events) if isinstance(event, AttemptDone)][2] + 1


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    yield from serving(tmp_path, PretendedRun(dev=30, holdout=40, shift=0, settings={"max_calls": 900}), half)


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Watched]:
    yield from serving(tmp_path, PretendedRun(dev=30, holdout=40, shift=0), lambda events: 10)


def test_the_page_comes_with_a_policy_is_kept_by_nobody_and_goes_into_no_frame(watched: Watched) -> None:
    status, text, headers = watched.ask()
    assert status == 200 and "Plateau curve" in text and 'id="stop" hidden' in text
    assert watched.server.token not in text
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert policy.count("'sha256-") == 3 and "unsafe-inline" not in policy.partition("style-src")[0]
    assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY" and headers["Referrer-Policy"] == "no-referrer"
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert headers["Server"] == "topout"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", "0.0.0.0", ""])
@pytest.mark.parametrize("path", ["/", "/sections", "/events", "/stop"])
def test_another_host_gets_nothing(watched: Watched, host: str, path: str) -> None:
    status, text, _ = watched.ask("POST" if path == "/stop" else "GET", path, Host=host, X_Topout_Token=watched.server.token)
    assert (status, text) == (421, "421 Misdirected Request\n")
    assert not watched.folder.stop.exists()


def test_two_hosts_are_none(watched: Watched) -> None:
    port = watched.server.server_port
    said = watched.raw(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n\r\n".encode())
    assert said.startswith(b"HTTP/1.0 421 ")


def test_localhost_by_name_is_this_host(watched: Watched) -> None:
    assert watched.ask(Host=f"localhost:{watched.server.server_port}")[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "file://"])
def test_another_origin_is_refused_also_with_the_token(watched: Watched, origin: str) -> None:
    assert watched.ask("POST", "/stop", Origin=origin, X_Topout_Token=watched.server.token)[0] == 403
    assert watched.ask(Origin=origin)[0] == 403
    assert not watched.folder.stop.exists()


@pytest.mark.parametrize(
    "path",
    [
        "/journal.jsonl",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/stop/",
        "/sections?x=1",
        "/best/prompt.md",
        "http://evil.example/",
        "/\u00e9".encode().decode("latin-1"),
    ],
)
def test_any_other_path_is_not_there(watched: Watched, path: str) -> None:
    port = watched.server.server_port
    said = watched.raw(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode("latin-1"))
    assert said.startswith(b"HTTP/1.0 404 ") and said.endswith(b"\r\n\r\n404 Not Found\n")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"),
        ("GET", "/stop"),
        ("HEAD", "/"),
        ("PUT", "/stop"),
        ("DELETE", "/"),
        ("OPTIONS", "/stop"),
        ("TRACE", "/"),
        ("X", "/"),
    ],
)
def test_other_methods_are_refused(watched: Watched, method: str, path: str) -> None:
    status, text, headers = watched.ask(method, path, X_Topout_Token=watched.server.token)
    assert status == 405 and headers["Allow"] in ("GET", "POST")
    assert text == ("" if method == "HEAD" else "405 Method Not Allowed\n")
    assert not watched.folder.stop.exists()


def test_a_stop_needs_the_token(watched: Watched) -> None:
    for given in ("", "wrong", watched.server.token[:-1], watched.server.token + "x", "\u00e9"):
        status, text, _ = watched.ask("POST", "/stop", X_Topout_Token=given)
        assert status == 403 and "topout watch" in text
    assert watched.ask("POST", f"/stop?token={watched.server.token}")[0] == 404
    assert not watched.folder.stop.exists()
    assert watched.status()["state"] == "running"


def test_a_stop_with_the_token_asks_the_run_by_its_file(watched: Watched) -> None:
    status, text, _ = watched.ask("POST", "/stop", X_Topout_Token=watched.server.token, Content_Length="0")
    assert (status, text) == (202, "stopping\n")
    assert watched.folder.stop.is_file()
    now = watched.status()
    assert now["state"] == "stopping" and "`topout resume runs/r`" in now["said"]
    watched.write([RunEnded("stopped", "the run was asked to stop", 2e9)])
    watched.folder.forget_stop()
    watched.lock.release()
    now = watched.status()
    assert (now["state"], now["title"]) == ("ended", "Ended")
    assert now["said"] == "The run ended (stopped): the run was asked to stop. `topout resume runs/r` goes on with it."
    assert watched.ask("POST", "/stop", X_Topout_Token=watched.server.token)[0] == 409
    assert not watched.folder.stop.exists()


@pytest.mark.parametrize(
    ("more", "status"),
    [
        (b"Content-Length: 1000000000\r\n\r\n", b"413"),
        (b"Content-Length: 5\r\n\r\nhello", b"413"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"413"),
        (b"X: " + b"x" * 70_000 + b"\r\n\r\n", b"431"),
        (b"".join(b"X%d: x\r\n" % i for i in range(200)) + b"\r\n", b"431"),
    ],
)
def test_what_is_too_large_is_refused_unread(watched: Watched, more: bytes, status: bytes) -> None:
    head = f"POST /stop HTTP/1.1\r\nHost: 127.0.0.1:{watched.server.server_port}\r\nX-Topout-Token: {watched.server.token}\r\n"
    said = watched.raw(head.encode() + more)
    assert said.startswith(b"HTTP/1.0 " + status) or said == b""  # the system may cut off what was not read
    assert not watched.folder.stop.exists()


@pytest.mark.parametrize(
    "line", [b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
)
def test_what_is_no_request_is_answered_in_a_word(watched: Watched, line: bytes) -> None:
    said = watched.raw(line)
    assert b"Traceback" not in said and b"xxxx" not in said
    assert watched.ask()[0] == 200


def test_a_path_that_is_long_is_refused(watched: Watched) -> None:
    assert watched.ask(path="/" + "x" * 300)[0] == 414


def open_events(watched: Watched) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", watched.server.server_port, timeout=20)
    connection.request("GET", "/events")
    return connection.getresponse()


def next_event(stream: http.client.HTTPResponse) -> dict[str, Any]:
    while not (line := stream.readline()).startswith(b"data: "):
        assert line, "the stream ended"
    found: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
    return found


def test_events_tell_when_the_journal_has_grown(watched: Watched) -> None:
    stream = open_events(watched)
    assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    first = next_event(stream)
    assert first["state"] == "running" and " of 900 calls, " in first["said"]
    watched.write(watched.events[:200])
    watched.clock.now += 1000
    second = next_event(stream)
    assert second["version"] == first["version"] + 200
    status, text, headers = watched.ask(path="/sections")
    assert status == 200 and int(headers["X-Topout-Version"]) == second["version"]
    assert text.lstrip().startswith("<header>") and "<html" not in text


def test_so_many_readers_and_no_more_and_one_that_goes_makes_room(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topout.app.serving.EVERY_S", 0.02)
    monkeypatch.setattr("topout.app.serving.BEAT_S", 0.02)
    streams = [open_events(watched) for _ in range(MOST_READERS)]
    for stream in streams:
        next_event(stream)
    assert watched.ask(path="/events")[0] == 503
    for stream in streams:
        stream.close()
    deadline = time.monotonic() + 10
    while (stream := open_events(watched)).status == 503:
        assert time.monotonic() < deadline, "nobody was let go"
        time.sleep(0.05)
    assert next_event(stream)["state"] == "running"


def test_a_run_without_a_baseline_has_a_waiting_page_that_becomes_the_real_one(waiting: Watched) -> None:
    _, text, _ = waiting.ask()
    assert "once the baseline is measured" in text and "Plateau curve" not in text
    assert waiting.status()["state"] == "running"
    waiting.write(waiting.events)
    now = waiting.status()
    assert now["state"] == "ended" and now["version"] == 10 + len(waiting.events)
    _, text, _ = waiting.ask(path="/sections")
    assert "once the baseline is measured" not in text and "Plateau curve" in text and 'class="ruling"' in text


def test_while_a_run_goes_on_there_is_no_verdict(watched: Watched) -> None:
    _, text, _ = watched.ask(path="/sections")
    assert "So far" in text and 'class="ruling"' not in text and "Next rung" not in text
    assert "the baseline; no champion was examined yet" in text and 'data-figure="curve.0.holdout.mean"' in text
    watched.write(watched.events)
    watched.status()
    assert 'class="ruling"' in watched.ask(path="/sections")[1]


def test_a_killed_run_is_told_from_one_that_thinks_for_long(watched: Watched) -> None:
    assert watched.status(later_s=60)["state"] == "running"
    watched.lock.release()
    now = watched.status(later_s=60)
    assert now["state"] == "interrupted" and "`topout resume runs/r`" in now["said"]
    assert watched.ask("POST", "/stop", X_Topout_Token=watched.server.token)[0] == 409


def test_a_journal_that_is_damaged_or_gone_is_told_and_the_page_stays(watched: Watched) -> None:
    before = watched.status()["version"]
    with watched.folder.journal.open("a") as file:
        file.write("{broken\n")
    now = watched.status()
    assert now["state"] == "unreadable" and "not an event" in now["said"]
    watched.folder.remove()
    now = watched.status()
    assert now["state"] == "unreadable" and now["version"] == before
    assert "Plateau curve" in watched.ask()[1]


def test_a_page_is_made_anew_only_when_its_cost_allows_it(watched: Watched) -> None:
    watched.ask()
    first = watched.status()["version"]
    watched.write(watched.events[:50])
    assert watched.status(later_s=15)["version"] == first  # a page took 2 s of a core
    assert watched.status(later_s=10)["version"] == first + 50


def test_hostile_text_neither_ends_a_line_of_the_stream_nor_becomes_markup(tmp_path: Path) -> None:
    texts = dict.fromkeys(("label", "reason", "rationale"), HOSTILE)
    names = dict.fromkeys(("task", "model", "critic", "recipe"), HOSTILE)
    run = PretendedRun(dev=10, holdout=10, shift=0, texts=texts, settings=dict(names), ending="money", reason=HOSTILE)
    for watched in serving(tmp_path, run, len):
        assert "\n" not in watched.run.status()
        said = watched.status()["said"]
        assert "\x1b" not in said and "\u202e" not in said and "\n" not in said
        for path in ("/", "/sections"):
            text = watched.ask(path=path)[1]
            assert "<script>alert" not in text and "<img src=x" not in text and "\x1b" not in text


def test_a_port_that_is_taken_is_told(watched: Watched, topout: Any) -> None:
    done = topout("watch", watched.folder.path, "--no-open", "--port", watched.server.server_port)
    assert done.code == 2 and done.line.startswith(f"--port {watched.server.server_port}: ") and "leave it out" in done.line


def test_a_run_that_is_not_there_is_told(topout: Any) -> None:
    done = topout("watch", "nothing", "--no-open")
    assert done.code == 2 and "no run there" in done.line
