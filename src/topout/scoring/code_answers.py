"""Answers that are code: scored by running them in the sandbox."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import Literal

from topout.contracts import SlowScorer
from topout.domain import Example, Json, Score, Scored
from topout.errors import ScorerError
from topout.scoring.answers import ANSWER_CAP, shown
from topout.scoring.numbers import close
from topout.scoring.sandbox import Isolation, Job, Limits, Outcome, run_job

__all__ = ["code", "code_problem", "program_in"]

OPENING = re.compile(r"[ ]{0,3}(?P<fence>`{3,}+|~{3,}+)[ \t]*+(?P<info>[^`]*+)")
CLOSING = re.compile(r"[ ]{0,3}(?P<fence>`{3,}+|~{3,}+)[`~]*+[ \t]*+")
OPEN = re.compile(r"^[ ]{0,3}`{3,}+[ \t]*+(?:python3?|py)?+[ \t]*+\n(?P<body>.*)\Z", re.DOTALL | re.MULTILINE)
PYTHON = frozenset({"", "py", "python", "python3"})
FORMS = 'a text of tests, a list of tests, a list of {"call": ..., "returns": ...} or a list of {"stdin": ..., "stdout": ...}'


def code(
    isolation: Isolation, limits: Limits, *, credit: Literal["all", "cases"] = "all", packages: bool = False, at_once: int = 2
) -> SlowScorer:
    """Runs the answer's program against the row's cases.

    The expected value is one of: Python tests (a text, or a list of texts, each a case) that run after the program and have to raise nothing; a list of
    `{"call": expression, "returns": value}`; a list of `{"stdin": text, "stdout": text}`, for each of which the program is run from the start. The last two
    are compared out here: what is expected never enters the sandbox, so no program can find it there. Tests are: a program that wants to cheat
    rather than to solve can take hold of them.

    `credit` "all" gives 1 when every case passes, "cases" the share that does. A program that crashes, never ends or goes past a limit has failed; a
    sandbox that cannot be set up says nothing of the answer (ScorerError).
    """

    def score(answer: str, example: Example) -> Score:
        program = program_in(answer)
        if not program.strip():
            return Scored(0.0, "there is no code in the answer")
        results = run_cases(program, example.expected, isolation, limits, packages)
        failed = [words for words in results if words]
        share = 1.0 - len(failed) / len(results)
        if not failed:
            return Scored(1.0)
        told = "; ".join(failed[:3]) + (f"; and {len(failed) - 3} more" if len(failed) > 3 else "")
        value = share if credit == "cases" else 0.0
        return Scored(value, f"{len(results) - len(failed)} of {len(results)} cases passed: {told}")

    return SlowScorer(score, at_once)


def program_in(answer: str) -> str:
    """The program of an answer: its last closed Python block, else what follows its first open one, else all of it."""
    text = answer[:ANSWER_CAP].replace("\r\n", "\n")
    programs = [body for info, body in blocks(text.split("\n")) if info.strip().lower() in PYTHON]
    if programs:
        return programs[-1]
    opened = OPEN.search(text)
    return opened["body"] if opened else text


def blocks(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The closed fenced blocks, as (info, body). Takes time in proportion to the text, however many fences a runaway answer opens."""
    unclosed = {"`": math.inf, "~": math.inf}  # from this length on, no fence is closed any more
    at = 0
    while at < len(lines):
        opening = OPENING.fullmatch(lines[at])
        at += 1
        if opening is None or len(opening["fence"]) >= unclosed[opening["fence"][0]]:
            continue
        closings = ((i, CLOSING.fullmatch(lines[i])) for i in range(at, len(lines)))
        end = next((i for i, found in closings if found is not None and found["fence"].startswith(opening["fence"])), None)
        if end is None:
            unclosed[opening["fence"][0]] = len(opening["fence"])
            continue
        yield opening["info"], "".join(f"{line}\n" for line in lines[at:end])
        at = end + 1


def run_cases(program: str, expected: Json, isolation: Isolation, limits: Limits, packages: bool) -> list[str]:
    """Why each case failed ('' for one that passed)."""
    cases = expected if isinstance(expected, list) else [expected]
    first = cases[0]
    if isinstance(first, dict) and "stdin" in first:
        return [spoken(program, case, isolation, limits, packages) for case in cases if isinstance(case, dict)]
    if isinstance(first, dict):
        calls = [case for case in cases if isinstance(case, dict)]
        outcome = run(Job(program, "calls", tuple(str(case["call"]) for case in calls), packages=packages), isolation, limits)
        return [returned(outcome, number, case) for number, case in enumerate(calls)]
    tests = tuple(str(case) for case in cases)
    outcome = run(Job(program, "tests", tests, packages=packages), isolation, limits)
    return [missing(outcome, number) or outcome.cases[number].error for number in range(len(tests))]


def run(job: Job, isolation: Isolation, limits: Limits) -> Outcome:
    """What came of a job. Raises ScorerError when the sandbox was not set up."""
    outcome = run_job(job, limits, isolation)
    if outcome.refused:
        raise ScorerError(f"scorer 'code': {outcome.refused}. Nothing was run. Try again, or see docs/code-scorers.md.")
    return outcome


def missing(outcome: Outcome, number: int) -> str:
    """Why a case has no result ('' when it has one)."""
    if number in outcome.cases:
        return ""
    return outcome.problem or "no result"


def returned(outcome: Outcome, number: int, case: dict[str, Json]) -> str:
    """Why a call did not return what it should."""
    lacking = missing(outcome, number)
    if lacking:
        return lacking
    found = outcome.cases[number]
    call = shown(str(case["call"]), 120)
    if found.error:
        return f"{call}: {found.error}"
    return (
        ""
        if same(found.value, case["returns"])
        else f"{call}: expected {shown(as_json(case['returns']))}, got {shown(as_json(found.value))}"
    )


def spoken(program: str, case: dict[str, Json], isolation: Isolation, limits: Limits, packages: bool) -> str:
    """Why a program did not print what it should. White space at the end of lines and of the text is no matter."""
    outcome = run(Job(program, stdin=str(case["stdin"]), packages=packages), isolation, limits)
    if outcome.problem:
        return f"with input {shown(str(case['stdin']), 40)!r}: {outcome.problem}"
    if lines(outcome.output) == lines(str(case["stdout"])):
        return ""
    return f"with input {shown(str(case['stdin']), 40)!r}: expected {shown(str(case['stdout']))!r}, got {shown(outcome.output)!r}"


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]


def as_json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def same(found: Json, wanted: Json) -> bool:
    """Equal as JSON, numbers to 9 digits; true is not 1."""
    match found, wanted:
        case bool(), _:
            return found is wanted
        case _, bool():
            return False
        case int() | float(), int() | float():
            return close(found, wanted, 0.0)
        case list(), list():
            return len(found) == len(wanted) and all(same(a, b) for a, b in zip(found, wanted, strict=True))
        case dict(), dict():
            return found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in found)
        case _:
            return found == wanted


def code_problem(expected: Json) -> str:
    """Why a row's expected value holds no cases ('' when it does)."""
    cases = expected if isinstance(expected, list) else [expected]
    kinds = {kind_of(case) for case in cases}
    if not cases or len(kinds) != 1 or "" in kinds:
        return f"expected {FORMS}, found {shown(expected)}."
    return ""


def kind_of(case: Json) -> str:
    """Which kind of case this is, '' for none."""
    match case:
        case str() if case.strip():
            return "test"
        case {"call": str(call), "returns": _, **rest} if call.strip() and not rest:
            return "call"
        case {"stdin": str(), "stdout": str(), **rest} if not rest:
            return "program"
        case _:
            return ""
