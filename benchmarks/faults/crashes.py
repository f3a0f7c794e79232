"""Kills at random instants and inside writes, full and read-only disks, torn journals, two processes at one run, clocks that jump."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.faults.promises import Tried
from benchmarks.faults.runs import CALLS, SIZES, outcome
from benchmarks.faults.zygote import Zygote
from topout.app import load_run
from topout.domain import Critiqued, RolloutDone
from topout.errors import TopoutError
from topout.store.journal import read_journal
from topout.testing.faults import FaultyProvider
from topout.testing.provider import make_task

__all__ = ["crashes", "kills"]

SAME = "kill -9: the resumed run ends as the uninterrupted one"
ONCE = "kill -9: nothing is paid twice beyond what was in flight"
OWED = "kill -9: never a cent more than --max-cost over all sessions"
TORN = "a journal cut at any byte goes on to the same end, nothing asked again"
FULL = "a full disk is told in one line, and the run goes on with more room"
READ_ONLY = "a folder that cannot be written is told in one line"
LOCK = "a second process at a run is told who holds it"
CLOCK = "wall-clock jumps change nothing, and deadlines hold"

CONCURRENCY = 4
PER_KILL = 2 * CONCURRENCY  # task model and critic
PRICES = {"reader": (0.001, 0.00001), "critic": (0.001, 0.00001)}
CAP = 2.0


class Room:
    """One provider, one zygote, one task, and the run that was never disturbed. `seed` is the run's."""

    def __init__(self, folder: Path, provider: FaultyProvider, zygote: Zygote, seed: int) -> None:
        self.folder, self.provider, self.zygote, self.seed = folder, provider, zygote, seed
        self.task = make_task(folder / "small", SIZES)
        began = time.monotonic()
        place = self.place()
        code, said = zygote.do(self.job(place))
        self.takes_s = time.monotonic() - began
        assert code == 0, said
        self.whole = Path(said["folder"])
        self.expected = outcome(load_run(self.whole))
        self.writes = self.whole.joinpath("journal.jsonl").read_bytes().count(b"\n")

    def place(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))

    def job(self, place: Path, **more: Any) -> dict[str, Any]:
        settings = {"task": str(self.task), "url": self.provider.url, "seed": self.seed, "cache": str(place / "cache")}
        settings |= {"concurrency": CONCURRENCY, **more.pop("settings", {})}
        return {"settings": settings, "runs": str(place / "runs"), "out": str(place / "said.json"), **more}

    def go_on(self, place: Path, **more: Any) -> tuple[int, dict[str, Any]]:
        """Resume the run of a place; begin it anew where nothing was recorded."""
        journal = next((place / "runs").glob("*/journal.jsonl"), None)
        if journal is None or b"\n" not in journal.read_bytes():
            return self.zygote.do(self.job(place, **more))
        return self.zygote.do({"resume": str(journal.parent), "out": str(place / "said.json"), **more})

    def same(self, place: Path) -> tuple[bool, str]:
        """Whether the run of a place came to the end of the undisturbed one."""
        try:
            found = outcome(load_run(self.run_of(place)))
        except TopoutError as error:
            return False, str(error)
        return found == self.expected, f"other {', '.join(k for k in found if found[k] != self.expected[k])}"

    def run_of(self, place: Path) -> Path:
        """The run that has most in its journal."""
        return max((p.parent for p in (place / "runs").glob("*/journal.jsonl")), key=lambda p: (p / "journal.jsonl").stat().st_size)


def kills(folder: Path, first: int, count: int) -> Iterator[Tried]:
    """So many kills from number `first` on."""
    with FaultyProvider(delay_s=0.002) as provider, Zygote(provider.url) as zygote:
        room = Room(folder, provider, zygote, seed=3)
        for number in range(first, first + count):
            yield from killed(room, number)


def crashes(folder: Path, cuts: int, disks: int, pairs: int, clocks: int) -> Iterator[Tried]:
    """Everything else that can happen to a process and its files, so many times each."""
    with FaultyProvider(delay_s=0.002) as provider, Zygote(provider.url) as zygote:
        room = Room(folder, provider, zygote, seed=3)
        yield from torn(room, cuts)
        yield from full(room, disks)
        if disks:
            yield from read_only(room)
        yield from second(room, pairs)
        yield from clock(room, clocks)


def killed(room: Room, number: int) -> Iterator[Tried]:
    """One run, killed once or twice, then resumed to its end."""
    rng = random.Random(f"kill/{number}")
    place, before = room.place(), len(room.provider.log)
    kills = 0
    names = []
    more: dict[str, Any] = {}
    with_money = number % 5 == 4
    if with_money:
        more["settings"] = {"max_cost": CAP, "prices": [f"openai/{name}=1000,10" for name in PRICES]}
    for _turn in range(1 + (rng.random() < 0.25)):
        way: dict[str, Any] = {}
        kind = rng.choice(("instant", "instant", "write", "put", "rename"))
        match kind:
            case "write":
                way["in_write"] = (rng.randint(1, room.writes - 1), rng.random())
            case "put":
                way["in_put"] = (
                    rng.randint(1, len(room.expected["scores"])),
                    rng.choice(("before", "in", "after")),
                    rng.random() * 3e-4,
                )  # type: ignore[arg-type]
            case "rename":
                way |= {"in_rename": rng.randint(1, 8), "derive": True}
            case _:
                pass
        names.append(kind)
        journal = next((place / "runs").glob("*/journal.jsonl"), None)
        fresh = journal is None or b"\n" not in journal.read_bytes()
        job = room.job(place, **more, **way) if fresh else {"resume": str(journal.parent), "out": str(place / "said.json"), **way}  # type: ignore[union-attr]
        pid = room.zygote.start(job)
        if kind == "instant":
            time.sleep(rng.random() * room.takes_s)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        code, _ = room.zygote.wait(pid, place / "said.json")
        kills += code == -signal.SIGKILL
    code, said = room.go_on(place, **more)
    where = f"kill {number} ({', '.join(names)})"
    if with_money:
        spent = sum((s.usage[0] * PRICES["reader"][0] + s.usage[1] * PRICES["reader"][1]) for s in room.provider.log[before:])
        told = code == 0 or (
            code == 3 and "money: $" in said.get("error", "")
        )  # what the killed sessions may owe can be more than is left
        yield Tried(OWED, told and spent <= CAP, where, f"${spent:.3f} of ${CAP}, {said}")
    else:
        same, what = room.same(place) if code == 0 else (False, str(said))
        yield Tried(SAME, same, where, what)
    asked = Counter(one.key for one in room.provider.log[before:])
    extra = asked.total() - len(asked)
    calls = [
        e.rollout if isinstance(e, RolloutDone) else e
        for e in read_journal(room.run_of(place) / "journal.jsonl")
        if isinstance(e, RolloutDone | Critiqued)
    ]
    twice = [key for key, n in Counter(c.key for c in calls if c.paid and c.failure is None).items() if n > 1]
    yield Tried(
        ONCE,
        extra <= kills * PER_KILL and not twice and len(asked) <= CALLS,
        where,
        f"{extra} asked again after {kills} kills; twice in the journal: {len(twice)}",
    )
    shutil.rmtree(place, ignore_errors=True)


def torn(room: Room, cases: int) -> Iterator[Tried]:
    """The journal of a whole run, cut anywhere; the replies are in the cache."""
    for number in range(cases):
        rng = random.Random(f"torn/{number}")
        place = room.place()
        shutil.copytree(room.whole.parent, place / "runs", symlinks=True)
        shutil.copytree(room.whole.parents[1] / "cache", place / "cache")
        journal = next((place / "runs").glob("*/journal.jsonl"))
        data = journal.read_bytes()
        ends = [n for n, byte in enumerate(data) if byte == 10]
        kind = ("in a line", "after a line", "before a line's end", "zeros", "garbage")[number % 5]
        at = rng.randrange(ends[0] + 1, len(data))
        match kind:
            case "after a line":
                at = rng.choice(ends) + 1
            case "before a line's end":
                at = rng.choice(ends[1:])
            case _:
                pass
        tail = {"zeros": bytes(700), "garbage": rng.randbytes(300).replace(b"\n", b"")}.get(kind, b"")
        journal.write_bytes(data[:at] + tail)
        before = len(room.provider.log)
        code, said = room.zygote.do({"resume": str(journal.parent), "out": str(place / "said.json")})
        same, what = room.same(place) if code == 0 else (False, str(said))
        asked = len(room.provider.log) - before
        yield Tried(TORN, same and asked == 0, f"cut {number} at byte {at} ({kind})", f"{what}; {asked} asked again")
        shutil.rmtree(place, ignore_errors=True)


def full(room: Room, cases: int) -> Iterator[Tried]:
    """A limit on the size of files stands in for a full disk: journal and cache fail in the same place."""
    size = (room.whole / "journal.jsonl").stat().st_size
    for number in range(cases):
        rng = random.Random(f"full/{number}")
        place = room.place()
        code, said = room.zygote.do(room.job(place, largest_file=rng.randrange(200, int(size * 1.2)), derive=True))
        told = said.get("error", "")
        one_line = bool(told) and "\n" not in told and "crash" not in said and code == 2
        code, again = room.go_on(place)
        same, what = room.same(place) if code == 0 else (False, str(again))
        yield Tried(FULL, one_line and same, f"disk {number}", f"{said}; then {what}")
        shutil.rmtree(place, ignore_errors=True)


def read_only(room: Room) -> Iterator[Tried]:
    """Folders of somebody else: for the runs, for the cache, for a run that is to be resumed."""
    for what in ("runs", "cache", "resume"):
        place = room.place()
        place.chmod(0o777)
        for parent in (room.folder, *room.folder.parents):
            if os.access(parent, os.W_OK) and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o055)
        said_at = place / "out"
        said_at.mkdir(mode=0o777)
        said_at.chmod(0o777)
        job = room.job(place, nobody=True)
        if what == "resume":
            shutil.copytree(room.whole.parent, place / "runs", symlinks=True)
            journal = next((place / "runs").glob("*/journal.jsonl"))
            journal.write_bytes(b"\n".join(journal.read_bytes().split(b"\n")[:20]) + b"\n")
            for path in place.rglob("*"):
                path.chmod(0o555 if path.is_dir() else 0o444)
            said_at.chmod(0o777)
            job = {"resume": str(journal.parent), "nobody": True}
        else:
            (place / "runs").mkdir(mode=0o777)
            (place / "runs").chmod(0o777 if what == "cache" else 0o555)
            (place / "cache").mkdir()
            (place / "cache").chmod(0o777 if what == "runs" else 0o555)
        code, said = room.zygote.do({**job, "out": str(said_at / "said.json")})
        told = said.get("error", "")
        yield Tried(READ_ONLY, code == 2 and bool(told) and "\n" not in told, f"read-only {what}", json.dumps([code, said]))


def second(room: Room, cases: int) -> Iterator[Tried]:
    """Two at one run."""
    for number in range(cases):
        place = room.place()
        pid = room.zygote.start(room.job(place))
        deadline = time.monotonic() + 30
        while not (journal := next((place / "runs").glob("*/journal.jsonl"), None)) and time.monotonic() < deadline:
            time.sleep(0.005)
        if journal is None:
            yield Tried(LOCK, False, f"pair {number}", "the first process wrote no journal")
            continue
        code, said = room.zygote.do({"resume": str(journal.parent), "out": str(place / "second.json")})
        first, _ = room.zygote.wait(pid, place / "said.json")
        same, what = room.same(place)
        named = f"process {pid}" in said.get("error", "")
        yield Tried(LOCK, code == 4 and named and first == 0 and same, f"pair {number}", f"{said}; {what}")
        shutil.rmtree(place, ignore_errors=True)


def clock(room: Room, cases: int) -> Iterator[Tried]:
    """Sessions under a wall clock that jumps; every third one with a deadline, every third one killed and resumed."""
    for number in range(cases):
        place = room.place()
        began = time.monotonic()
        if number % 3 == 0:
            code, said = room.zygote.do(room.job(place, clock=number, settings={"max_time": 60.0}, derive=True))
        elif number % 3 == 1:
            room.zygote.do(room.job(place, clock=number, in_write=(room.writes // 2, 0.5)))
            code, said = room.go_on(place, clock=number + 100, derive=True)
        else:
            code, said = room.zygote.do(room.job(place, clock=number, derive=True))
        took = time.monotonic() - began
        same, what = room.same(place) if code == 0 else (False, "")
        sane = number % 3 == 1 or 0 < said.get("seconds", -1) <= took
        yield Tried(CLOCK, same and sane, f"clock {number}", f"{said}, {what}, took {took:.1f} s")
        shutil.rmtree(place, ignore_errors=True)
