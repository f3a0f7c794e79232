"""What a person is told of a judge."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest

from topout.domain import Json, Request, RunStarted
from topout.engine.exam import plan_exam
from topout.report.findings import Findings, find
from topout.report.judged import judge_line, judge_lines, judge_report
from topout.search.evolve import Evolve, EvolveSettings
from topout.testing.engine_room import run_in_memory
from topout.testing.fakes import UnevenModel, made_up_task, writing_critic
from topout.text.judging import points


def wavering(request: Request) -> str:
    """2 of 5 at first, 4 of 5 the second time: whatever the answer."""
    return f'{{"score": {2 + 2 * request.sample}}}'


def judged_run(repeats: int) -> Findings:
    task = made_up_task(20, 24, 30)
    plan = replace(plan_exam(task, 600, 0.5, weight=2, noisy=True), repeats=repeats, search=200)
    outcome = asyncio.run(
        run_in_memory(
            task,
            points("Right or wrong."),
            Evolve(EvolveSettings(lanes=3, read_rows=8, first_block=4)),
            UnevenModel(lambda request: "right"),
            UnevenModel(writing_critic()),
            max_calls=600,
            plan=plan,
            judge=UnevenModel(wavering),
        )
    )
    started = outcome.events[0]
    assert isinstance(started, RunStarted)
    facts: dict[str, Json] = {"judge": {"model": "fake/judge", "rubric": "0123456789ab", "mode": "points"}}
    return find([replace(started, manifest={**started.manifest, **facts}), *outcome.events[1:]])


def test_the_judges_noise_is_what_equal_answers_score_differently() -> None:
    f = judged_run(repeats=30)
    found = judge_report(f)
    assert found is not None and found.noise is not None
    assert found.noise.sd.mean == pytest.approx(0.5 / math.sqrt(30)) and found.noise.sd.n == 30
    assert found.noise.sd.low < found.noise.sd.mean <= found.noise.sd.high
    assert judge_line(f) == "fake/judge, points, rubric 0123456789ab"
    assert judge_lines(found)[0].startswith("Two evaluations of the same answers to these 30 rows differ by about 9.1 points [")
    assert f.sampling.wavers and f.sampling.baseline is not None


def test_a_judge_that_was_asked_once_has_no_known_noise() -> None:
    found = judge_report(judged_run(repeats=0))
    assert found is not None and found.noise is None
    assert judge_lines(found)[0] == "Its noise was not measured: no answer was judged twice."
