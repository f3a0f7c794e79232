"""What is written to a journal comes back as it was, whatever models and users put into it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.domain import (
    Attempt,
    AttemptDone,
    Candidate,
    Component,
    Critiqued,
    Demo,
    Ending,
    Event,
    FailureKind,
    Operator,
    Outcome,
    ProbeEnded,
    ProbeResumed,
    ProbeStarted,
    Prompt,
    Proposal,
    Proposed,
    Rollout,
    RolloutDone,
    RunEnded,
    RungDone,
    RunResumed,
    RunStarted,
    Scored,
    Split,
    Step,
    Unscored,
)
from topout.store.codec import SCHEMA, decode, encode


def joined(text: str) -> str:
    """Two halves in a row are one character: as such they come back."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=20).map(joined)
"""All code points, also half surrogate pairs and control characters."""

FRACTION = st.floats(0, 1, allow_nan=False)
COUNT = st.none() | st.integers(0, 10**12)
COST = st.none() | st.floats(0, 1e9, allow_nan=False)
SECONDS = st.integers(0, 10**10).map(lambda n: n / 1e6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
SCORES = st.builds(Scored, FRACTION, ANY_TEXT, st.dictionaries(ANY_TEXT, FRACTION, max_size=3)) | st.builds(Unscored, ANY_TEXT)
FAILURES = st.none() | st.sampled_from(get_args(FailureKind))
ASKED = st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2)
STEPS = st.builds(
    Step, ANY_TEXT, ASKED, ANY_TEXT, st.text("0123456789abcdef", min_size=1), COUNT, COUNT, COST, st.booleans(), st.booleans()
) | st.builds(Step, ANY_TEXT, ASKED, ANY_TEXT)
"""Calls of a model, and of tools."""

ROLLOUTS = st.builds(
    Rollout,
    ANY_TEXT,
    ANY_TEXT,
    st.sampled_from(get_args(Split)),
    st.integers(0, 9),
    ANY_TEXT,
    SCORES,
    COUNT,
    COUNT,
    COST,
    SECONDS,
    st.booleans(),
    FAILURES,
    ANY_TEXT,
    steps=st.lists(STEPS, max_size=2).map(tuple),
)
PROMPTS = st.builds(
    Prompt,
    st.lists(st.builds(Component, ANY_TEXT, st.sampled_from(["system", "user"]), ANY_TEXT, st.booleans()), max_size=2).map(tuple),
    st.lists(st.builds(Demo, st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2), ANY_TEXT, ANY_TEXT, ANY_TEXT), max_size=2).map(tuple),
)
CANDIDATES = st.builds(
    Candidate, ANY_TEXT, PROMPTS, st.lists(ANY_TEXT, max_size=2).map(tuple), st.sampled_from(get_args(Operator)), ANY_TEXT
)
ATTEMPTS = st.builds(
    Attempt,
    st.integers(-1, 999),
    st.sampled_from(get_args(Operator)),
    st.lists(ANY_TEXT, max_size=2).map(tuple),
    st.sampled_from(get_args(Outcome)),
    ANY_TEXT,
    st.none() | CANDIDATES,
    st.none() | st.floats(-1, 1),
    st.none() | FRACTION,
    st.integers(0, 999),
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(RolloutDone, st.integers(-2, 999), ROLLOUTS),
    st.builds(AttemptDone, ATTEMPTS, st.integers(0, 10**6), st.integers(0, 10**6), ANY_TEXT, COST),
    st.builds(
        Critiqued,
        st.integers(-1, 999),
        st.sampled_from(["critic", "judge"]),
        ANY_TEXT,
        ANY_TEXT,
        COUNT,
        COUNT,
        COST,
        SECONDS,
        st.booleans(),
        FAILURES,
        ANY_TEXT,
    ),
    st.builds(
        RunStarted,
        st.integers(1, 9),
        ANY_TEXT,
        st.dictionaries(ANY_TEXT, JSON, max_size=3),
        st.dictionaries(ANY_TEXT, JSON, max_size=3),
        SECONDS,
    ),
    st.builds(RunResumed, SECONDS),
    st.builds(RunEnded, st.sampled_from(get_args(Ending)), ANY_TEXT, SECONDS, st.dictionaries(ANY_TEXT, JSON, max_size=3)),
    st.builds(
        ProbeStarted,
        st.integers(1, 9),
        ANY_TEXT,
        st.lists(st.tuples(st.integers(1, 99), st.integers(1, 999)), max_size=3).map(tuple),
        st.integers(0, 200),
        st.integers(0, 10**6),
        st.integers(0, 200),
        st.none() | FRACTION,
        st.dictionaries(ANY_TEXT, JSON, max_size=3),
        SECONDS,
    ),
    st.builds(ProbeResumed, st.integers(1, 9), SECONDS),
    st.builds(
        Proposed,
        st.integers(10**6, 10**7),
        st.sampled_from(get_args(Operator)),
        st.lists(ANY_TEXT, max_size=2).map(tuple),
        st.sampled_from(get_args(Proposal)),
        ANY_TEXT,
        st.none() | CANDIDATES,
    ),
    st.builds(RungDone, st.integers(1, 9), st.integers(0, 3), st.lists(st.integers(10**6, 10**7), max_size=3).map(tuple)),
    st.builds(ProbeEnded, st.integers(1, 9), st.sampled_from(get_args(Ending)), ANY_TEXT, SECONDS),
)


@given(EVENTS)
def test_every_event_comes_back_as_it_was_from_one_line_of_utf_8(event: Event) -> None:
    line = (encode(event) + "\n").encode()
    assert line.count(b"\n") == 1
    assert decode(line.decode()) == event


def test_the_bulk_of_a_journal_is_spelled_like_its_nouns() -> None:
    rollout = Rollout("c", "e", "dev", 0, "é", Scored(0.5, "half", {"a": 1.0}), 3, 1, 0.01, 0.25, False, None, "k")
    assert json.loads(encode(RolloutDone(4, rollout))) == {
        "event": "RolloutDone",
        "attempt": 4,
        "rollout": {
            "candidate": "c",
            "example": "e",
            "split": "dev",
            "sample": 0,
            "answer": "é",
            "score": {"value": 0.5, "feedback": "half", "parts": {"a": 1.0}},
            "prompt_tokens": 3,
            "output_tokens": 1,
            "cost_usd": 0.01,
            "latency_s": 0.25,
            "paid": False,
            "key": "k",
        },
    }


@given(st.text(st.sampled_from("\ud83d\ude00é\n\u2028a"), max_size=8))
def test_half_characters_come_back_and_two_halves_as_one_character(answer: str) -> None:
    found = decode(encode(RolloutDone(0, Rollout("c", "e", "dev", 0, answer, Scored(1.0)))).encode().decode())
    assert isinstance(found, RolloutDone)
    assert found.rollout.answer == joined(answer)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x",
        "null",
        "[]",
        "{}",
        '{"event": "Nonsense"}',
        '{"event": "RunResumed"}',
        '{"event": "RunResumed", "at": "never"}',
        '{"event": "RolloutDone", "attempt": 1, "rollout": {}}',
        '{"event": "RunEnded", "ending": "sulk", "reason": "", "at": 0}',
        '{"event": "RunStarted", "schema": 1, "run": "r", "settings": [], "manifest": {}, "at": 0}',
        '{"event": "RunResumed", "at": 1',
        '{"event": "RunResumed", "at": NaN}',
        '{"event": "RunResumed", "at": -Infinity}',
        '{"event": "RunResumed", "at": 1e999}',
    ],
)
def test_what_is_not_an_event_is_a_value_error(line: str) -> None:
    with pytest.raises(ValueError):
        decode(line)


PLAIN = RolloutDone(3, Rollout("c1", "row-7", "dev", 0, "refund", Scored(1.0, "right"), 10, 2, 0.25, 0.5, True, None, "ab" * 32))


@pytest.mark.parametrize(
    ("written", "other", "read"),
    [
        ('"value":1.0', '"value":1', PLAIN),
        ('"cost_usd":0.25', '"cost_usd":null', replace(PLAIN, rollout=replace(PLAIN.rollout, cost_usd=None))),
        ('"split":"dev"', '"split":"tests"', None),
        ('"sample":0', '"sample":"first"', None),
        ('"latency_s":0.5', '"latency_s":NaN', None),
        ('"cost_usd":0.25', '"cost_usd":1e999', None),
        ('"paid":true', '"paid":[]', None),
        ('"answer":"refund"', '"answer":7', None),
    ],
)
def test_a_plain_rollout_is_read_as_the_full_validation_reads_it(written: str, other: str, read: Event | None) -> None:
    line = encode(PLAIN)
    assert decode(line) == PLAIN
    assert written in line
    changed = line.replace(written, other)
    if read is None:
        with pytest.raises(ValueError):
            decode(changed)
    else:
        assert decode(changed) == read


def test_names_and_short_texts_of_rollouts_are_one_string_in_memory() -> None:
    one, other = decode(encode(PLAIN)), decode(encode(PLAIN))
    assert isinstance(one, RolloutDone) and isinstance(other, RolloutDone)
    assert one.rollout.example is other.rollout.example and one.rollout.answer is other.rollout.answer


def test_the_schema_has_a_number() -> None:
    started: dict[str, Any] = json.loads(encode(RunStarted(SCHEMA, "r", {}, {}, 0.0)))
    assert started["schema"] == 1
