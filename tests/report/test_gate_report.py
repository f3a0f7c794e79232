from __future__ import annotations

import io
from dataclasses import dataclass, field
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from topout.domain import Ending, Estimate, Split
from topout.plateau.gate import Decision, Outcome, at_least, no_worse
from topout.report.findings import CallCard, RoleSpend
from topout.report.gate import gate_report, gate_sentence, junit


@dataclass(frozen=True, slots=True)
class Found:
    task: str = "support-tickets"
    split: Split = "holdout"
    prompt: str = "new.md"
    model: str = "openai/gpt-4.1-mini"
    estimate: Estimate = field(default_factory=lambda: Estimate(0.86, 0.79, 0.91, 100, 0.9))
    card: CallCard = field(default_factory=lambda: CallCard(100, 200.0, 3.0, 0.0001, 0.4))
    unscored: dict[str, int] = field(default_factory=dict)
    ending: Ending | None = None


@dataclass(frozen=True, slots=True)
class Gated:
    decisions: tuple[Decision, ...]
    measured: Found = field(default_factory=Found)
    reference: Found | None = None
    spend: RoleSpend = field(default_factory=lambda: RoleSpend(100, 100, cost_usd=0.01, paid_usd=0.01))
    seconds: float = 3.25
    same: bool = False
    outcome: Outcome = "undecided"


UNDECIDED = at_least([1.0] * 86 + [0.0] * 14, 0.85)
MET = at_least([1.0] * 95 + [0.0] * 5, 0.85)
NOT_MET = at_least([1.0] * 60 + [0.0] * 40, 0.85)


def test_a_sentence_says_what_was_found_and_what_was_asked() -> None:
    assert gate_sentence(MET) == "Met: the score is 95.0 % [90.2, 98.0], n = 100; its low end reaches 85 %."
    assert gate_sentence(NOT_MET).startswith("Not met: the score is 60.0 % [")
    said = gate_sentence(UNDECIDED)
    assert said.startswith("Undecided: the score is 86.0 % [") and "85 % lies within. About 7," in said
    loss = gate_sentence(no_worse([0.0] * 100, [1.0, 0.0] * 50, 0.02))
    assert loss.startswith("Not met: the difference is -50.0 points [") and loss.endswith("its high end is below -2 points.")


def test_the_report_fits_80_columns() -> None:
    out = io.StringIO()
    Console(file=out, width=80).print(gate_report(Gated((UNDECIDED, MET), reference=Found(prompt="old.md"))))
    assert max(map(len, out.getvalue().splitlines())) <= 80
    assert "Gate: min-score 85 %" in out.getvalue()


def test_junit_counts_what_is_not_met_as_a_failure() -> None:
    suite = Xml.fromstring(junit(Gated((MET, NOT_MET, UNDECIDED)), undecided_passes=False))
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors", "time")} == {
        "tests": "3",
        "failures": "2",
        "skipped": "0",
        "errors": "0",
        "time": "3.250",
    }
    failures = [found.get("type") for found in suite.iter("failure")]
    assert failures == ["not met", "undecided"]
    lenient = Xml.fromstring(junit(Gated((UNDECIDED,)), undecided_passes=True))
    assert (lenient.get("failures"), lenient.get("skipped")) == ("0", "1")


@given(st.text(), st.text())
def test_junit_holds_any_name(task: str, prompt: str) -> None:
    suite = Xml.fromstring(junit(Gated((NOT_MET,), Found(task=task, prompt=prompt)), False))
    assert suite.tag == "testsuite" and len(list(suite.iter("testcase"))) == 1


@pytest.mark.parametrize("name", ['<failure/>"&]]>', "a\x1b]52;c;x\x07b\x00\ufffe"])
def test_junit_escapes_what_would_be_markup_or_a_control(name: str) -> None:
    written = junit(Gated((MET,), Found(prompt=name)), False)
    assert b"\x1b" not in written and b"\x00" not in written
    assert Xml.fromstring(written).find("testcase/failure") is None
