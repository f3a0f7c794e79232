"""Runs on a real Ray of two processors: the same journal, workers and drivers that are killed, and what is bought meanwhile, counted at the server."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import pytest

from topout.domain import AttemptDone, Critiqued, Event, RolloutDone, RunEnded, RunResumed
from topout.store.journal import read_journal
from topout.testing.postgres import PASSWORD, PostgresServer, postgres_programs
from topout.testing.provider import Provider, make_task

pytest.importorskip("ray", reason="Ray is not installed: make test-ray runs these")
pytestmark = pytest.mark.ray

PRICES = ["--price", "openai/reader=1000,10", "--price", "openai/critic=1000,10"]
SIZES = {"train": 12, "dev": 24, "holdout": 30}


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "topout", *map(str, words), "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    out, err = process.communicate(timeout=600)
    assert process.returncode == code, err
    return out + err


def journal_of(runs: str) -> Path | None:
    return next(iter(Path(runs).glob("*/journal.jsonl")), None)


def events_of(runs: str) -> list[Event]:
    path = journal_of(runs)
    assert path is not None
    return read_journal(path)


def content(events: list[Event]) -> tuple[list[str], list[str], list[str]]:
    """What two runs that are the same agree on: rollouts and critiques whatever their order and latency, commits in their order."""
    rollouts = sorted(repr((e.attempt, replace(e.rollout, latency_s=0.0))) for e in events if isinstance(e, RolloutDone))
    critiques = sorted(repr(replace(e, latency_s=0.0)) for e in events if isinstance(e, Critiqued))
    return rollouts, critiques, [repr(replace(e, cost_usd=None)) for e in events if isinstance(e, AttemptDone)]


def paid(events: list[Event]) -> Counter[str]:
    """How often each request was journaled as paid."""
    calls = [e.rollout if isinstance(e, RolloutDone) else e for e in events if isinstance(e, RolloutDone | Critiqued)]
    return Counter(call.key for call in calls if call.paid and call.failure is None)


def below(process: int) -> dict[int, str]:
    """The processes that this one started, and theirs, with their names."""
    parents: dict[int, tuple[int, str]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text, line = status.read_text(), (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(status.parent.name)] = (
            int(text.rpartition(")")[2].split()[1]),
            line.replace(b"\0", b" ").decode(errors="replace"),
        )
    found: dict[int, str] = {}
    grown = True
    while grown:
        more = {pid: name for pid, (parent, name) in parents.items() if (parent == process or parent in found) and pid not in found}
        found |= more
        grown = bool(more)
    return found


def lives(pid: int) -> bool:
    """Whether this process still runs; one that nobody has buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def end(pids: Iterable[int]) -> None:
    """What outlives a raylet that was killed: its two agents. (`ray stop` would end everybody's.)"""
    for pid in pids:
        if lives(pid):
            os.kill(pid, signal.SIGKILL)


def wait_for(what: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_the_journal_is_that_of_a_run_in_one_process(ray_files: Path, tmp_path: Path) -> None:
    task = make_task(tmp_path / "task", SIZES)
    words = ["optimize", task, "--max-calls", 400, "--seed", 3]
    ended(start(*words, "--runs-dir", "local", "--cache-dir", "cache-local"))
    ended(start(*words, "--runs-dir", "ray", "--cache-dir", "cache-ray", "--executor", "ray"))
    ended(start(*words, "--runs-dir", "warm", "--cache-dir", "cache-local", "--executor", "ray"))
    local, ray, warm = (content(events_of(runs)) for runs in ("local", "ray", "warm"))
    assert len(local[0]) > 100 and len(local[2]) > 2
    assert ray == local
    assert [[line.replace("paid=False", "paid=True") for line in part] for part in warm] == list(local)
    assert not any("paid=True" in line for line in warm[0])


def test_a_killed_worker_loses_nothing_and_buys_nothing_twice(ray_files: Path, tmp_path: Path) -> None:
    task = make_task(tmp_path / "task", SIZES)
    with Provider(delay_s=0.05) as provider:
        words = ["optimize", task, *provider.words, *PRICES, "--max-calls", 400, "--concurrency", 8]
        ended(start(*words, "--runs-dir", "local", "--cache-dir", "cache-local"))
        keys, before = set(provider.keys), provider.arrived
        provider.keys.clear()
        process = start(*words, "--runs-dir", "ray", "--cache-dir", "cache-ray", "--executor", "ray", "--max-cost", 1000)
        killed = 0
        for target in (40, 120):
            wait_for(lambda target=target: provider.arrived >= before + target or process.poll() is not None)  # type: ignore[misc]
            workers = [pid for pid, name in below(process.pid).items() if name.startswith("ray::Worker")]
            assert workers, below(process.pid)
            os.kill(workers[0], signal.SIGKILL)
            killed += 1
        ended(process)
        arrived = provider.arrived - before
    events = events_of("ray")
    assert content(events)[2] == content(events_of("local"))[2]
    assert max(paid(events).values()) == 1
    assert paid(events) == paid(events_of("local"))
    assert provider.keys == keys
    print(f"{killed} workers killed: {arrived} requests for {len(keys)} replies")
    assert len(keys) <= arrived <= len(keys) + killed * 8  # what was on its way


def test_a_killed_driver_takes_its_workers_with_it_and_its_run_goes_on(ray_files: Path, tmp_path: Path) -> None:
    task = make_task(tmp_path / "task", SIZES)
    with Provider(delay_s=0.05) as provider:
        words = [task, *provider.words, *PRICES, "--max-calls", 400, "--concurrency", 8]
        ended(start("optimize", *words, "--runs-dir", "local", "--cache-dir", "cache-local"))
        keys, before = set(provider.keys), provider.arrived
        provider.keys.clear()
        process = start("optimize", *words, "--runs-dir", "ray", "--cache-dir", "cache-ray", "--executor", "ray")
        wait_for(lambda: provider.arrived >= before + 60)
        started = below(process.pid)
        workers = [pid for pid, name in started.items() if name.startswith("ray::Worker")]
        assert workers
        process.send_signal(signal.SIGKILL)
        process.communicate()
        wait_for(lambda: not any(lives(pid) for pid in workers), 60)
        end(started)
        run = journal_of("ray")
        assert run is not None
        ended(start("resume", run.parent, "--runs-dir", "ray"))
        arrived = provider.arrived - before
    events = events_of("ray")
    assert sum(isinstance(e, RunResumed) for e in events) == 1
    assert content(events)[2] == content(events_of("local"))[2]
    assert paid(events) == paid(events_of("local"))
    assert provider.keys == keys
    print(f"driver killed: {arrived} requests for {len(keys)} replies")
    assert len(keys) <= arrived <= len(keys) + 2 * 8


def test_a_limit_of_money_holds_and_a_key_goes_nowhere(ray_files: Path, tmp_path: Path) -> None:
    task = make_task(tmp_path / "task", SIZES)
    with Provider(delay_s=0.02) as provider:
        words = ["optimize", task, *provider.words, *PRICES, "--max-calls", 400, "--executor", "ray", "--max-cost", 4]
        said = ended(start(*words, "--runs-dir", "ray", "--cache-dir", "cache"))
        assert 2 < provider.usd <= 4
    last = events_of("ray")[-1]
    assert isinstance(last, RunEnded) and last.ending == "money"
    key = os.environ["OPENAI_API_KEY"].encode()
    places = [*ray_files.rglob("*"), *Path("ray").rglob("*"), *Path("cache").rglob("*")]
    files = [path for path in places if path.is_file() and not path.is_symlink()]
    assert any("raylet" in path.name for path in files)
    assert [path for path in files if key in path.read_bytes()] == []
    assert key.decode() not in said


def test_a_stop_ends_in_good_order_and_the_run_can_go_on(ray_files: Path, tmp_path: Path) -> None:
    task = make_task(tmp_path / "task", SIZES)
    with Provider(delay_s=0.05) as provider:
        words = ["optimize", task, *provider.words, "--max-calls", 400, "--executor", "ray", "--concurrency", 8]
        process = start(*words, "--runs-dir", "ray", "--cache-dir", "cache")
        wait_for(lambda: provider.arrived >= 80)
        process.send_signal(signal.SIGINT)
        ended(process, 130)
        run = journal_of("ray")
        assert run is not None
        ended(start("resume", run.parent, "--runs-dir", "ray", "--executor", "local"))
        assert provider.arrived == len(provider.keys)  # what was on its way was waited for


def test_a_worker_that_cannot_read_the_task_says_so_in_a_line(ray_files: Path, tmp_path: Path) -> None:
    task = make_task(tmp_path / "task", {"train": 4, "dev": 6, "holdout": 8})
    (task / "scorer.py").write_text(
        "import os\nif 'RAY_JOB_ID' in os.environ or 'RAY_RAYLET_PID' in os.environ:\n    raise OSError('not here')\n"
        "def score(answer, expected, inputs):\n    return float(answer == expected)\n"
    )
    (task / "task.toml").write_text((task / "task.toml").read_text().replace('name = "label"', 'file = "scorer.py"'))
    said = ended(start("optimize", task, "--max-calls", 60, "--executor", "ray"), 2)
    assert "scorer.py:3: does not import: OSError: not here" in said and "on all machines" in said
    assert "Traceback" not in said


def ray_start(*words: object) -> None:
    command = [Path(sys.executable).with_name("ray"), "start", *words, "--num-cpus", 1, "--object-store-memory", 100_000_000]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def with_word(word: str, name: str) -> list[int]:
    """Processes of that name whose command line holds a word, the oldest first."""
    found = [
        (int(path.name), (path / "cmdline").read_bytes()) for path in Path("/proc").glob("[0-9]*") if (path / "cmdline").exists()
    ]
    return sorted(pid for pid, line in found if word.encode() in line and name.encode() in line)


def test_a_cluster_of_two_machines_goes_on_with_one(ray_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = make_task(tmp_path / "task", SIZES)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    monkeypatch.setenv("RAY_worker_niceness", "0")
    started: list[int] = []
    try:
        ray_start("--head", "--port", port, "--include-dashboard=false")
        ray_start("--address", f"127.0.0.1:{port}")
        with Provider(delay_s=0.05) as provider:
            words = ["optimize", task, *provider.words, "--max-calls", 400, "--executor", f"ray:127.0.0.1:{port}"]
            process = start(*words, "--concurrency", 8, "--runs-dir", "ray", "--cache-dir", "cache")
            wait_for(lambda: provider.arrived >= 80)
            raylets = with_word(str(ray_files), "raylet/raylet")
            started += [pid for raylet in raylets for pid in below(raylet)]
            os.kill(raylets[-1], signal.SIGKILL)
            ended(process)
            print(f"machine lost: {provider.arrived} requests for {len(provider.keys)} replies")
            assert provider.arrived <= len(provider.keys) + 8
    finally:
        end([*started, *with_word(str(ray_files), "")])
    events = events_of("ray")
    assert isinstance(events[-1], RunEnded) and events[-1].ending in ("budget", "finished")
    assert max(paid(events).values()) == 1


@pytest.mark.skipif(postgres_programs() is None or find_spec("psycopg") is None, reason="PostgreSQL is not installed")
def test_workers_share_replies_in_a_database_and_its_password_goes_nowhere(
    ray_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task(tmp_path / "task", SIZES)
    with PostgresServer() as server, Provider(delay_s=0.05) as provider:
        name = server.new_database()
        monkeypatch.setenv("TOPOUT_CACHE", server.url(name))
        words = [
            "optimize",
            task,
            *provider.words,
            "--max-calls",
            300,
            "--concurrency",
            8,
            "--executor",
            "ray",
            "--runs-dir",
            "ray",
        ]
        process = start(*words, "--cache", server.bare_url(name))
        wait_for(lambda: provider.arrived >= 60 or process.poll() is not None)
        workers = [pid for pid, what in below(process.pid).items() if what.startswith("ray::Worker")]
        os.kill(workers[0], signal.SIGKILL)
        said = ended(process)
        assert len(provider.keys) <= provider.arrived <= len(provider.keys) + 8
        arrived = provider.arrived
        said += ended(start(*words[:-1], "again", "--cache", server.bare_url(name)))
        assert provider.arrived == arrived  # all of it was in the database
    files = [path for folder in (ray_files, Path("ray"), Path("again")) for path in folder.rglob("*")]
    read = [path.read_bytes() for path in files if path.is_file() and not path.is_symlink()]
    assert len(read) > 20
    assert not any(secret.encode() in text for secret in (PASSWORD, quote(PASSWORD, safe="")) for text in read)
    assert PASSWORD not in said
