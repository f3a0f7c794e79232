"""`topout gate` for a terminal, and as JUnit XML for whatever shows the results of a build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from xml.etree import ElementTree as Xml

from rich.console import Group, RenderableType

from topout.domain import Ending, Estimate, Split
from topout.plateau.gate import LEVEL, Decision, Outcome
from topout.plateau.wording import points
from topout.report.findings import CallCard, RoleSpend
from topout.report.layout import block, grid, text
from topout.report.terminal import call_card, spend_table, unscored_line
from topout.report.words import EMBEDDED_NOTE, difference, is_embedded, quality, safe_text

__all__ = ["Gate", "Measure", "gate_name", "gate_report", "gate_sentence", "junit"]

NON_CHARACTERS = dict.fromkeys((0xFFFE, 0xFFFF), "�")
"""What XML 1.0 cannot hold, beside the controls that `safe_text` makes visible."""


class Measure(Protocol):
    """What is needed of a measured prompt."""

    @property
    def task(self) -> str: ...
    @property
    def split(self) -> Split: ...
    @property
    def prompt(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def estimate(self) -> Estimate: ...
    @property
    def card(self) -> CallCard: ...
    @property
    def unscored(self) -> Mapping[str, int]: ...
    @property
    def ending(self) -> Ending | None: ...


class Gate(Protocol):
    """A gate, as the app hands it back."""

    @property
    def measured(self) -> Measure: ...
    @property
    def reference(self) -> Measure | None: ...
    @property
    def decisions(self) -> Sequence[Decision]: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def spend(self) -> RoleSpend: ...
    @property
    def seconds(self) -> float: ...
    @property
    def same(self) -> bool: ...


def gate_name(decision: Decision) -> str:
    """`min-score 85 %`, `no-worse-than, margin 2 points`."""
    if decision.kind == "min-score":
        return f"min-score {points(decision.bound)} %"
    return f"no-worse-than, margin {points(-decision.bound)} points"


def gate_sentence(decision: Decision, same: bool = False) -> str:
    """What was found, what was asked for, and when it is undecided, how many rows would tell."""
    d = decision
    if d.kind == "no-worse-than" and same:
        return "Met: it is the same prompt."
    if not d.estimate.n:
        return "Undecided: no row has a score" + (" from both prompts." if d.kind == "no-worse-than" else ".")
    if d.kind == "min-score":
        found, asked = f"the score is {quality(d.estimate)}", f"{points(d.bound)} %"
    else:
        rows = f"n = {d.estimate.n} ({d.better:,} row{'' if d.better == 1 else 's'} better, {d.worse:,} worse)"
        found, asked = f"the difference is {difference(d.estimate)}, {rows}", f"{points(d.bound)} points"
    match d.outcome:
        case "met":
            return f"Met: {found}; its low end reaches {asked}."
        case "not met":
            return f"Not met: {found}; its high end is below {asked}."
        case _ if d.tipped:
            return f"Undecided: {found}, which would decide about {asked}; but {d.estimate.unscored:,} rows without a score could tip it."
    if d.rows is None:
        return f"Undecided: {found}, which is at {asked}: no number of rows that can be labelled would tell."
    return f"Undecided: {found}; {asked} lies within. About {d.rows:,} scored rows would decide in 80 % of cases, if that is the true figure."


def gate_report(g: Gate) -> RenderableType:
    """The decisions first; then what they rest on."""
    m = g.measured
    colours = {"met": "bold green", "not met": "bold red", "undecided": "bold yellow"}
    facts: list[tuple[RenderableType, RenderableType]] = [
        (text("task", "dim"), text(m.task, "bold", 60)),
        (text("prompt", "dim"), text(m.prompt)),
        *([(text("against", "dim"), text(g.reference.prompt))] if g.reference else []),
        (text("rows", "dim"), text(m.split)),
        (text("model", "dim"), text(m.model, "bold", 66)),
        *([(text(""), text(EMBEDDED_NOTE, "yellow"))] if is_embedded(m.model) else []),
    ]
    parts: list[RenderableType] = [grid(facts)]
    for decision in g.decisions:
        parts.append(block(f"Gate: {gate_name(decision)}", text(gate_sentence(decision, g.same), colours[decision.outcome])))
    note = f"Intervals: each end is a one-sided {100 * LEVEL:.0f} % bound."
    cards = [("prompt", m.card), *([("against", g.reference.card)] if g.reference else [])]
    parts += [text(""), text(note, "dim"), block("One answer", call_card(cards)), block("Spend", *spend_table([("gate", g.spend)]))]
    for one in (m, g.reference):
        if one is not None and one.unscored:
            parts.append(block(f"Without a score: {safe_text(one.prompt, 60)}", text(unscored_line(one.unscored), "yellow")))
    return Group(*parts)


def junit(g: Gate, undecided_passes: bool) -> bytes:
    """A test suite with a case a gate. What is not met is a failure; so is what is undecided, or a skipped case when that passes."""
    m = g.measured
    suite = Xml.Element("testsuite", name=xml_text(f"topout gate {m.task}"), time=f"{g.seconds:.3f}")
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    properties = Xml.SubElement(suite, "properties")
    spent = "" if g.spend.unpriced else f"{g.spend.paid_usd:.6f}"
    figures = {"prompt": m.prompt, "model": m.model, "split": m.split, "calls": str(g.spend.calls), "paid_usd": spent}
    for name, value in figures.items():
        Xml.SubElement(properties, "property", name=name, value=xml_text(value))
    for d in g.decisions:
        counts["tests"] += 1
        case = Xml.SubElement(
            suite, "testcase", classname=xml_text(f"topout.{m.task}"), name=xml_text(f"{m.prompt}: {gate_name(d)}"), time="0"
        )
        said = xml_text(gate_sentence(d, g.same))
        if d.outcome == "undecided" and undecided_passes:
            counts["skipped"] += 1
            Xml.SubElement(case, "skipped", message=said)
        elif d.outcome != "met":
            counts["failures"] += 1
            Xml.SubElement(case, "failure", type=d.outcome, message=said).text = said
        else:
            Xml.SubElement(case, "system-out").text = said
    for name, number in counts.items():
        suite.set(name, str(number))
    document: bytes = Xml.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def xml_text(value: str) -> str:
    """Foreign text as XML can hold it: controls are visible, the rest is escaped by the writer."""
    return safe_text(value).translate(NON_CHARACTERS)
