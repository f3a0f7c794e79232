"""Whatever models, data, files and folders say: the terminal is not steered, and the layout holds."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from topout.domain import Candidate, Component, Demo, Estimate, Event, Prompt, Rollout, RolloutDone, RunStarted, Scored
from topout.plateau.gate import at_least
from topout.report.changed import changed, changes_between
from topout.report.compared import compared
from topout.report.comparison import compare_runs
from topout.report.findings import CallCard, Findings, RoleSpend, find
from topout.report.gate import gate_report
from topout.report.live import Gauge, Status, drawing
from topout.report.measured import measured
from topout.report.showing import runs_table, show
from topout.report.terminal import summary
from topout.testing.runs import PretendedRun

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
NASTY = [
    "\x1b[2J\x1b[H",
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "\x1b]52;c;cm0gLXJmIH4=\x07",
    "\x9b31m",
    "\u202eevil\u202c",
    "\u2066\u2069\u200f",
    "nul\x00",
    "over\rwrite",
    "\x08\x08\x08",
    "[bold red]markup[/]",
    "tab\tand\nline\n",
    "中文字符" * 30,
    "x" * 300,
    "=1+1",
    "{{text}}",
    "",
]
HOSTILE = st.lists(st.sampled_from(NASTY) | st.text(max_size=8), max_size=4).map("".join)


def printed(*parts: RenderableType) -> str:
    out = io.StringIO()
    console = Console(file=out, width=80, highlight=False, markup=False, emoji=False)
    for part in parts:
        console.print(part)
    return out.getvalue()


def hostile_run(said: str, name: str = "run") -> Findings:
    """A run in which everything that is foreign says that: labels, reasons, rationales, prompts, demos, names, models, row ids."""
    pretended = PretendedRun(
        qualities=(0.4, 0.6),
        idle=2,
        dev=12,
        holdout=12,
        shift=4,
        texts={"label": said, "reason": said, "rationale": said},
        settings={"model": f"openai/{said}", "critic": said, "recipe": said, "task": f"tasks/{said}"},
        reason=said,
    )
    events: list[Event] = pretended.events()
    first = events[0]
    assert isinstance(first, RunStarted)
    events[0] = replace(first, run=said, manifest={**first.manifest, "task": said, "holdout_fingerprint": "ab", "recipe": said})
    named = [
        replace(e, rollout=replace(e.rollout, example=e.rollout.example + said)) if isinstance(e, RolloutDone) else e
        for e in events
    ]
    found = find(named)
    prompt = Prompt(
        (Component(said or "system", "system", said), Component("user", "user", f"{{{{text}}}} {said}")),
        (Demo({said: said}, said, said),),
    )
    winner = replace(found.winner, prompt=prompt)
    return replace(found, winner=winner, candidates={**found.candidates, winner.id: winner})


class Measured:
    """A measured prompt whose every text is foreign."""

    def __init__(self, said: str) -> None:
        self.task, self.prompt, self.model, self.split = said, said, f"openai/{said}", "holdout"
        self.estimate = Estimate(0.5, 0.4, 0.6, 20)
        self.card, self.spend = CallCard(20, 10.0, 1.0, 0.1, 0.1), RoleSpend(20, 20)
        self.unscored = {said or "outage": 2}
        self.failures = [Rollout("c", said, "holdout", 0, said, Scored(0.0, said))]
        self.ending = None
        self.against = None


class Gate:
    def __init__(self, said: str) -> None:
        self.measured, self.reference = Measured(said), Measured(said)
        self.decisions = [at_least([1.0] * 20, 0.9)]
        self.outcome, self.spend, self.seconds, self.same = "undecided", RoleSpend(40, 40), 1.0, False


class Head:
    def __init__(self, said: str) -> None:
        self.name = self.task = self.model = self.recipe = self.ending = self.ruling = said
        self.started, self.seed, self.calls, self.paid_usd, self.kept_baseline = 0.0, 1, 3, None, False
        self.baseline = self.winner = Estimate(0.5, 0.4, 0.6, 20)


def verbs(said: str) -> dict[str, list[RenderableType]]:
    """What every verb prints, by verb."""
    f = hostile_run(said)
    status: Any = Status(Gauge(1, 2, 3, 0.1, 0.1, said, ((said, 1, 2),)), 1.0, None, None, None, None, "", (0.1, 0.2))
    foreign: Any = Measured(said)
    gate: Any = Gate(said)
    heads: Any = [Head(said)]
    return {
        "optimize": [summary(f, f"runs/{said}", "runs/latest", {"task": said})],
        "show": [show(f, None, "dev", 3), show(f, f.baseline.id, "holdout", 3)],
        "runs": [runs_table(heads)],
        "compare": [compared(compare_runs([(f"a{said}", f), (f"b{said}", hostile_run(said))]))],
        "diff": [changed(f, changes_between(f, "baseline", "winner"), marks) for marks in (True, False)],
        "evaluate": [measured(foreign, 3)],
        "gate": [gate_report(gate)],
        "live": [drawing(status)],
    }


@settings(max_examples=12, deadline=None)
@given(HOSTILE)
def test_no_verb_lets_foreign_text_steer_the_terminal(said: str) -> None:
    for verb, parts in verbs(said).items():
        shown = printed(*parts)
        assert not STEERING.search(shown), (verb, said)


@settings(max_examples=12, deadline=None)
@given(HOSTILE)
def test_no_verb_is_wider_than_80_columns(said: str) -> None:
    for verb, parts in verbs(said).items():
        for line in printed(*parts).splitlines():
            assert cell_len(line) <= 80, (verb, line)


@pytest.mark.parametrize("said", ["x" * 1_000_000, "word " * 200_000, "\x1b[31m" * 200_000, "字" * 1_000_000])
def test_a_megabyte_of_it_does_not_flood_the_terminal(said: str) -> None:
    for verb, parts in verbs(said).items():
        shown = printed(*parts)
        assert len(shown) < 400_000, (verb, len(shown))
        assert not STEERING.search(shown), verb


def test_a_candidate_that_is_named_like_an_escape_is_told_harmlessly() -> None:
    f = hostile_run("x")
    odd = Candidate("\x1b[2J", f.winner.prompt, (), "rewrite", "\x07")
    assert not STEERING.search(printed(show(replace(f, winner=odd, candidates={**f.candidates, odd.id: odd}))))
