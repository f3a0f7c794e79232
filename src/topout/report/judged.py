"""What a run's judge is, and how far its scores can be trusted: its noise, its taste for a place, verdicts that could not be read."""

from __future__ import annotations

from dataclasses import dataclass

from topout.domain import Estimate, Rollout, Scored
from topout.plateau.intervals import mean_interval
from topout.plateau.noise import SamplingNoise, sampling_noise
from topout.plateau.wording import points
from topout.report.findings import Findings

__all__ = ["JudgeReport", "judge_line", "judge_lines", "judge_report"]


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """`noise`: how far two evaluations of one prompt differ because the same answers are judged anew, from held-out answers that were judged
    twice and were equal letter by letter; None without any. `by_order`: the share of pairwise judgements in which each place won once (None for marks).
    `unreadable` held-out verdicts of `judged` were none."""

    model: str
    rubric: str
    mode: str
    noise: SamplingNoise | None
    by_order: Estimate | None
    unreadable: int
    judged: int


def judge_report(f: Findings) -> JudgeReport | None:
    """None for a run without a judge."""
    facts = f.started.manifest.get("judge")
    if not isinstance(facts, dict):
        return None
    held_out = {key: samples for key, samples in f.table.items() if next(iter(samples.values())).split == "holdout"}
    every = [r for samples in held_out.values() for r in samples.values() if r.judged]
    orders = [r.score.parts["order"] for r in every if isinstance(r.score, Scored) and "order" in r.score.parts]
    pairs, rows = [], []
    for (_, example), samples in held_out.items():
        one, other = samples.get(0), samples.get(1)
        if one is not None and other is not None and one.answer == other.answer:
            both = (value(one), value(other))
            if both[0] is not None and both[1] is not None:
                pairs.append((both[0], both[1]))
                rows.append(example)
    asked = len({example for _, example in held_out})
    return JudgeReport(
        str(facts.get("model") or "unknown"),
        str(facts.get("rubric") or ""),
        str(facts.get("mode") or ""),
        sampling_noise(pairs, asked, clusters=rows) if pairs else None,
        mean_interval(orders) if orders else None,
        sum(r.failure == "unreadable" for r in every),
        len(every),
    )


def value(rollout: Rollout) -> float | None:
    return rollout.score.value if isinstance(rollout.score, Scored) else None


def judge_line(f: Findings) -> str:
    """`openai/gpt-5, points, rubric 3f2a9c01bd44`; '' for a run without a judge."""
    found = f.started.manifest.get("judge")
    return f"{found.get('model')}, {found.get('mode')}, rubric {found.get('rubric')}" if isinstance(found, dict) else ""


def judge_lines(found: JudgeReport) -> list[str]:
    """What a person is told of the judge, a sentence each."""
    said = []
    if found.noise is None:
        said.append("Its noise was not measured: no answer was judged twice.")
    else:
        sd = found.noise.sd
        said.append(
            f"Two evaluations of the same answers to these {found.noise.rows:,} rows differ by about {points(sd.mean)} points "
            f"[{points(sd.low)}, {points(sd.high)}] by the judge alone (standard deviation; {sd.n:,} answers judged twice)."
        )
    if found.by_order is not None:
        o = found.by_order
        said.append(
            f"Which answer stood first decided {100 * o.mean:.1f} % [{100 * o.low:.1f}, {100 * o.high:.1f}] of the judgements, n = {o.n:,}; "
            "those count half."
        )
    if found.unreadable:
        said.append(f"{found.unreadable:,} of {found.judged:,} held-out verdicts could not be read: those rows have no score.")
    said.append(
        "The intervals above are over rows, and hold the judge's noise: each row is one judgement. They do not hold its taste: whether "
        "people would say the same is not known from this run."
    )
    return said
