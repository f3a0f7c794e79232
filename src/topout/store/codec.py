"""Events as JSON lines. `{"event": "RolloutDone", ...}`: field by field what the nouns in topout.domain say, with a schema number in the
first line of a journal."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from functools import cache
from math import isfinite
from sys import intern
from typing import Any

from topout.domain import (
    Analysed,
    AttemptDone,
    Critiqued,
    Event,
    ProbeEnded,
    ProbeResumed,
    ProbeStarted,
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
)

__all__ = ["SCHEMA", "decode", "encode"]

SCHEMA = 1

PLAIN = dict.fromkeys(
    (
        "candidate",
        "example",
        "split",
        "sample",
        "answer",
        "score",
        "prompt_tokens",
        "output_tokens",
        "cost_usd",
        "latency_s",
        "paid",
        "key",
    )
).keys()
"""The fields of a rollout of one call, in the order in which they are written."""

BULK = '{"event":"RolloutDone",'
DONE = {"event", "attempt", "rollout"}
JUDGED = {"value", "feedback"}
SPLITS: dict[str, Split] = {"train": "train", "dev": "dev", "holdout": "holdout", "shift": "shift"}
SHORT = 64

SURROGATE = re.compile("[\ud800-\udfff]")

KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        RunStarted,
        RunResumed,
        RolloutDone,
        Critiqued,
        AttemptDone,
        RunEnded,
        Analysed,
        ProbeStarted,
        ProbeResumed,
        Proposed,
        RungDone,
        ProbeEnded,
    )
}


def encode(event: Event) -> str:
    """One line without its end, which UTF-8 can hold. Rollouts are the bulk of a journal, so they are spelled out by hand.

    Half a surrogate pair (rows and messages from outside can hold one) is written as its JSON escape, so it comes back as it was.
    """
    match event:
        case RolloutDone(attempt, r):
            body: dict[str, Any] = {"event": "RolloutDone", "attempt": attempt, "rollout": rollout_fields(r)}
        case _:
            body = {"event": type(event).__name__, **asdict(event)}
    line = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return line if line.isascii() or SURROGATE.search(line) is None else json.dumps(body, separators=(",", ":"), allow_nan=False)


def rollout_fields(r: Rollout) -> dict[str, Any]:
    score: dict[str, Any]
    if isinstance(r.score, Scored):
        score = {"value": r.score.value, "feedback": r.score.feedback}
        if r.score.parts:
            score["parts"] = dict(r.score.parts)
    else:
        score = {"reason": r.score.reason}
    fields: dict[str, Any] = {
        "candidate": r.candidate,
        "example": r.example,
        "split": r.split,
        "sample": r.sample,
        "answer": r.answer,
        "score": score,
        "prompt_tokens": r.prompt_tokens,
        "output_tokens": r.output_tokens,
        "cost_usd": r.cost_usd,
        "latency_s": round(r.latency_s, 6),
        "paid": r.paid,
        "key": r.key,
    }
    if r.failure is not None:
        fields["failure"] = r.failure
    if r.steps:
        fields["steps"] = [step_fields(step) for step in r.steps]
    if r.calls != 1:
        fields |= {"calls": r.calls, "cached": r.cached, "cached_usd": r.cached_usd}
    if r.unread:
        fields["unread"] = r.unread
    if r.judged:
        fields["judged"] = [step_fields(step) for step in r.judged]
    return fields


def step_fields(step: Step) -> dict[str, Any]:
    """A step, without what is as by default."""
    fields: dict[str, Any] = {"component": step.component, "asked": dict(step.asked), "answered": step.answered}
    if step.key or step.prompt_tokens is not None:
        fields |= {"key": step.key, "prompt_tokens": step.prompt_tokens, "output_tokens": step.output_tokens}
        fields |= {"cost_usd": step.cost_usd, "paid": step.paid}
    return {**fields, "cut": True} if step.cut else fields


def decode(line: str) -> Event:
    """The event of a line. Raises ValueError when it is not one (broken JSON, unknown kind, wrong types)."""
    try:
        if line.startswith(BULK) and (done := plain_rollout(json.loads(line))) is not None:
            return done
        body = json.loads(line, parse_constant=refuse, parse_float=finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(body, dict):
        raise ValueError("not an object")
    kind = str(body.pop("event", ""))
    if kind not in KINDS:
        raise ValueError("unknown kind of event")
    event: Event = adapter(kind).validate_python(body)
    return event


def plain_rollout(body: Any) -> RolloutDone | None:
    """A rollout of one call that was scored, exactly as `encode` writes it: nearly all of a large journal, so that it is checked by hand, in two thirds
    of the time. Names and short texts that many rollouts share are one string in memory. None for anything else, which the full validation is for."""
    if type(body) is not dict or body.keys() != DONE:
        return None
    attempt, fields = body["attempt"], body["rollout"]
    if type(attempt) is not int or type(fields) is not dict or fields.keys() != PLAIN:
        return None
    candidate, example, split, sample, answer, score, tokens_in, tokens_out, cost, latency, paid, key = map(
        fields.__getitem__, PLAIN
    )
    if type(score) is not dict or score.keys() != JUDGED:
        return None
    value, feedback = score["value"], score["feedback"]
    if not (
        type(candidate) is type(example) is type(answer) is type(key) is type(feedback) is str
        and type(split) is str
        and split in SPLITS
        and type(sample) is int
        and type(value) is type(latency) is float
        and type(paid) is bool
        and (tokens_in is None or type(tokens_in) is int)
        and (tokens_out is None or type(tokens_out) is int)
        and (cost is None or (type(cost) is float and isfinite(cost)))
        and isfinite(value)
        and isfinite(latency)
    ):
        return None
    rollout = Rollout(
        intern(candidate),
        intern(example),
        SPLITS[split],
        sample,
        intern(answer) if len(answer) <= SHORT else answer,
        Scored(value, intern(feedback) if len(feedback) <= SHORT else feedback),
        tokens_in,
        tokens_out,
        cost,
        latency,
        paid,
        None,
        key,
    )
    return RolloutDone(attempt, rollout)


def refuse(word: str) -> float:
    """No event holds NaN or an infinity: what is not known is null."""
    raise ValueError(f"{word} is not a number of a journal")


def finite(digits: str) -> float:
    """A number that a float can hold."""
    number = float(digits)
    return number if isfinite(number) else refuse(digits)


@cache
def adapter(kind: str) -> Any:
    """pydantic's validator of a kind, made once."""
    from pydantic import TypeAdapter

    return TypeAdapter(KINDS[kind])
