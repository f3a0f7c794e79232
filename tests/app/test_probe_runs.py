"""`topout probe`: the plan first, then no more than it said; killed and taken up again; refusals in a line."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import PRICES
from topout.app import load_run, probe
from topout.cli import main
from topout.domain import Critiqued, Event, ProbeEnded, Proposed, RolloutDone, RungDone, probe_of
from topout.report.probe_plan import ProbePlanView
from topout.report.probes import finalists
from topout.store.journal import read_journal
from topout.store.layout import RunFolder
from topout.testing.provider import Provider, make_task

Topout = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[str]"]


@dataclass(frozen=True)
class Runs:
    """Folders to work in copies of, each with a run of 160 calls and 30 holdout rows in runs/latest: without a probe, and with one of at most 700 calls."""

    provider: Provider
    ended: Path
    probed: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    place = tmp_path_factory.mktemp("runs")
    with Provider() as served, contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.chdir(place))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        (place / "ended").mkdir()
        os.chdir(place / "ended")
        make_task(Path("small"), {"train": 12, "dev": 12, "holdout": 30})
        assert main(["optimize", "small", *served.words, *PRICES, "--max-calls", "160", "-q"]) == 0
        shutil.copytree(place / "ended", place / "probed", symlinks=True)
        os.chdir(place / "probed")
        assert main(["probe", "latest", "--max-calls", "700", "-q"]) == 0
        yield Runs(served, place / "ended", place / "probed")


@pytest.fixture
def provider(made: Runs) -> Provider:
    """The provider of those runs, which goes on counting."""
    return made.provider


@pytest.fixture
def ended(made: Runs, tmp_path: Path) -> Path:
    """A run without a probe."""
    shutil.copytree(made.ended, tmp_path, symlinks=True, dirs_exist_ok=True)
    return Path("runs/latest")


@pytest.fixture
def probed(made: Runs, tmp_path: Path) -> Path:
    """The run with a probe that has finished."""
    shutil.copytree(made.probed, tmp_path, symlinks=True, dirs_exist_ok=True)
    return Path("runs/latest")


def journal(run: Path) -> list[Event]:
    return read_journal(run / "journal.jsonl")


def calls_of(events: list[Event]) -> list[RolloutDone | Critiqued]:
    return [e for e in events if isinstance(e, RolloutDone | Critiqued) and probe_of(e.attempt)]


def decisions(events: list[Event]) -> list[Event]:
    return [e for e in events if isinstance(e, Proposed | RungDone)]


def test_a_dry_run_tells_the_plan_and_asks_nothing(ended: Path, provider: Any, topout: Topout) -> None:
    before, arrived = (ended / "journal.jsonl").read_bytes(), provider.arrived
    done = topout("probe", "latest", "--dry-run")
    assert done.code == 0
    assert "100 fresh proposals" in done.out and "100 on 10 rows, 40 on 30 of the holdout" in " ".join(done.out.split())
    assert "list price  about $" in done.out
    assert provider.arrived == arrived and (ended / "journal.jsonl").read_bytes() == before


def test_a_probe_asks_no_more_than_its_plan_and_keeps_the_run_as_it_was(ended: Path, provider: Any, topout: Topout) -> None:
    before, arrived = load_run("latest").findings, provider.arrived
    plain = {name: (ended / name).read_bytes() for name in ("curve.csv", "candidates.csv", "best/prompt.md")}
    done = topout("probe", "latest", "--max-calls", 700, "-q")
    assert done.code == 0 and done.err == ""
    assert "Probe (fresh proposals" in done.out and "no held-out score" in " ".join(done.out.split()) and "Verdict" in done.out
    assert "Held-out score" not in done.out
    assert 0 < provider.arrived - arrived <= 700
    f = load_run("latest").findings
    assert f.curve == before.curve and f.holdout == before.holdout
    assert {name: (ended / name).read_bytes() for name in plain} == plain
    assert len(calls_of(journal(ended))) == f.spend["probe"].calls
    for finalist in finalists(f.probes):
        assert (ended / "probe" / finalist.candidate.id / "prompt.md").is_file()
        refused = topout("export", "latest", "--to", "text", "--candidate", finalist.candidate.id[:8])
        assert refused.code == 2 and "found by a probe and selected on held-out rows" in refused.err
    rows = (ended / "probe" / "probe.csv").read_text().splitlines()
    assert rows[0].startswith("probe,proposal,operator") and len(rows) == 1 + len(f.probes[0].proposals)
    told = json.loads((ended / "verdict.json").read_text())["probe"]
    assert told["probes"][0]["ending"] == "finished"
    assert told["spend"]["calls"] == f.spend["probe"].calls
    assert set(told["finalists"][0]) == {"candidate", "operator", "folder", "corrected_difference"}


def test_json_tells_plan_events_and_verdict_a_line_each(ended: Path, topout: Topout) -> None:
    done = topout("probe", "latest", "--max-calls", 700, "--json")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert lines[0]["event"] == "ProbePlan" and lines[0]["calls"] <= 700
    assert lines[1]["event"] == "ProbeStarted"
    assert lines[-1]["event"] == "Verdict" and lines[-1]["probe"]["probes"][0]["number"] == 1


def test_money_is_never_overshot_and_the_probe_goes_on_with_more(ended: Path, provider: Any, topout: Topout) -> None:
    before, dollars = provider.usd, 10
    done = topout("probe", "latest", "--max-calls", 700, "--max-cost", dollars, "-q")
    assert done.code == 0 and provider.usd - before <= dollars
    last = journal(ended)[-1]
    assert isinstance(last, ProbeEnded) and last.ending == "money"
    assert "cut short (money" in done.out and "no evidence before it is finished" in " ".join(done.out.split())
    assert topout("probe", "latest", "--max-cost", 100000, "-q").code == 0
    assert [p.finished for p in load_run("latest").findings.probes] == [True]
    keys = Counter(call.rollout.key if isinstance(call, RolloutDone) else call.key for call in calls_of(journal(ended)))
    assert max(keys.values()) == 1


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_and_buys_nothing_twice(
    tiny_task: Path, slow_provider: Any, prices: list[str], topout: Topout, start: Start
) -> None:
    assert topout("optimize", tiny_task, *slow_provider.words, *prices, "--max-calls", 160, "-q").code == 0
    run = Path("runs/latest").resolve()
    before = (run / "journal.jsonl").read_bytes()
    assert topout("probe", run, "--max-calls", 700, "--concurrency", 4, "-q").code == 0
    whole = journal(run)
    (run / "journal.jsonl").write_bytes(before)
    arrived = slow_provider.arrived
    for _ in range(3):
        process = start("probe", run, *([] if arrived < slow_provider.arrived else ["--max-calls", 700]), "--concurrency", 4, "-q")
        size = (run / "journal.jsonl").stat().st_size
        deadline = time.monotonic() + 30
        while process.poll() is None and (run / "journal.jsonl").stat().st_size < size + 60_000 and time.monotonic() < deadline:
            time.sleep(0.002)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    assert topout("probe", run, "--force", "-q").code == 0
    again = journal(run)
    assert decisions(again)[: len(decisions(whole))] == decisions(whole)
    of_first = [call for call in calls_of(again) if probe_of(call.attempt) == 1]
    assert len(of_first) == len(calls_of(whole))
    assert slow_provider.arrived - arrived <= 3 * 8  # the replies were in the cache already, but for those in flight at a kill


@pytest.mark.slow
def test_ctrl_c_ends_it_in_good_order(ended: Path, provider: Any, topout: Topout) -> None:
    target = provider.arrived + 100

    def press() -> None:
        while provider.arrived < target:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    assert topout("probe", "latest", "--max-calls", 700, "--concurrency", 1, "-q").code == 130
    last = journal(ended)[-1]
    assert isinstance(last, ProbeEnded) and last.ending == "stopped"
    assert topout("probe", "latest", "-q").code == 0


def test_what_cannot_be_probed_is_refused_in_a_line(ended: Path, provider: Any, prices: list[str], topout: Topout) -> None:
    done = topout("probe", "latest", "--max-calls", 100)
    assert done.code == 2 and "too few for the smallest probe, 20 proposals. Give at least --max-calls" in done.line
    lock = RunFolder(ended.resolve()).lock()
    done = topout("probe", "latest", "--dry-run")
    lock.release()
    assert done.code == 4 and f"process {os.getpid()}" in done.line
    data = Path("small/data/dev.jsonl")
    kept = data.read_text()
    data.write_text("".join(kept.splitlines(keepends=True)[:-1]))
    done = topout("probe", "latest")
    assert done.code == 4 and "the task changed since this run began" in done.line
    data.write_text(kept)
    assert topout("optimize", "small", *provider.words, *prices, "--max-cost", 1, "--max-calls", 200, "--seed", 7, "-q").code == 0
    done = topout("probe", "latest")
    assert done.code == 2 and "the run was cut short (money). `topout resume" in done.line


def test_too_few_holdout_rows_are_told(task_maker: Any, tmp_path: Path, provider: Any, topout: Topout) -> None:
    task = task_maker(tmp_path / "few", {"train": 12, "dev": 12, "holdout": 20})
    assert topout("optimize", task, *provider.words, "--max-calls", 140, "-q").code == 0
    done = topout("probe", "latest")
    assert done.code == 2 and "20 holdout rows are too few for a probe, 30 are needed" in done.line


def test_a_smaller_cap_than_the_probe_under_way_was_planned_for_is_told(ended: Path, topout: Topout) -> None:
    assert topout("probe", "latest", "--max-calls", 700, "--max-cost", 5, "-q").code == 0
    done = topout("probe", "latest", "--max-calls", 500)
    assert done.code == 2 and "--max-calls 500: probe 1 is under way and was planned for" in done.line


def test_a_journal_cut_at_any_line_of_a_probe_is_read_in_good_order(probed: Path, topout: Topout) -> None:
    path = probed / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    begin = next(i for i, line in enumerate(lines) if b'"ProbeStarted"' in line)
    for cut in (begin + 1, (begin + len(lines)) // 2, len(lines) - 2):
        path.write_bytes(b"".join(lines[:cut]) + lines[cut][:9])
        done = topout("report", "latest")
        assert done.code == 0 and "Probe (fresh" in done.out and "`topout probe" in done.out
        assert topout("resume", "latest").code == 0


def test_python_is_told_the_plan(ended: Path, provider: Any) -> None:
    plans: list[ProbePlanView] = []
    arrived = provider.arrived
    view = probe("latest", max_calls=700, dry_run=True, tell=plans.append)
    assert provider.arrived == arrived
    assert [p.number for p in plans] == [1] and plans[0].calls <= 700
    assert view.findings.probes == ()
    assert plans[0].cost_usd is not None and plans[0].cost_usd > 0
