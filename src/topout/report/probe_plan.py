"""What a probe is going to do, told before its first call: design, calls, dollars, time, and its chance of deciding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Group, RenderableType

from topout.domain import Json, RolloutDone
from topout.plateau.wording import chance
from topout.report.findings import Findings, RoleSpend
from topout.report.layout import block, grid, text
from topout.report.words import amount, duration

__all__ = ["ProbePlanView", "plan_document", "plan_view", "rungs_in_words", "shown_plan"]


@dataclass(frozen=True, slots=True)
class ProbePlanView:
    """A probe before its first call. `rungs` are pairs of contenders and holdout rows; `proposals` are asked for; `read_calls` are task calls on train
    rows that the critic reads, `race_calls` those on holdout rows: all of them the most that can be. `cost_usd` and `seconds` are expectations
    from the run's own means, None where it does not tell. `chance` is that of a clear verdict, None where it is not known. `again`: it began earlier,
    and what it has done already is not done again."""

    number: int
    again: bool
    rungs: tuple[tuple[int, int], ...]
    proposals: int
    read_calls: int
    race_calls: int
    critic_calls: int
    cost_usd: float | None
    seconds: float | None
    chance: float | None
    ruling: str
    delta: float
    stopped: str = ""

    @property
    def calls(self) -> int:
        return self.read_calls + self.race_calls + self.critic_calls


def plan_view(
    f: Findings,
    *,
    number: int,
    again: bool,
    rungs: tuple[tuple[int, int], ...],
    proposals: int,
    read_calls: int,
    race_calls: int,
    critic_calls: int,
    chance: float | None,
    stopped: str,
    concurrency: int,
) -> ProbePlanView:
    """The plan with what the run's own means say of its price and time."""
    task_calls = read_calls + race_calls
    return ProbePlanView(
        number,
        again,
        rungs,
        proposals,
        read_calls,
        race_calls,
        critic_calls,
        expected_usd(f, task_calls, critic_calls),
        expected_s(f, task_calls, critic_calls, concurrency),
        chance,
        f.verdict.ruling,
        f.verdict.delta,
        stopped,
    )


def expected_usd(f: Findings, task_calls: int, critic_calls: int) -> float | None:
    """At the mean list price of the winner's answers (with those who judge them) and of the critic's calls; None when one of them is unknown."""
    critic = f.spend["critic"]
    of_critic = price(critic) if critic_calls else 0.0
    if f.after.cost_usd is None or of_critic is None:
        return None
    judge = f.started.manifest.get("judge")
    judged = judge.get("calls") if isinstance(judge, dict) else 0
    more = judged if isinstance(judged, int) else 0
    of_judge = price(f.spend["judge"]) if more and "judge" in f.spend else 0.0
    if of_judge is None:
        return None
    return task_calls * (f.after.cost_usd + more * of_judge) / (f.after.calls + more) + critic_calls * of_critic


def price(spend: RoleSpend) -> float | None:
    """The mean list price of a role's calls, None when one of them has none."""
    known = spend.calls - spend.failed
    return spend.cost_usd / known if known and not spend.unpriced else None


def expected_s(f: Findings, task_calls: int, critic_calls: int, concurrency: int) -> float | None:
    """At the pace of the run, where most of its calls were sent; else by the latencies of its replies and what may be in flight at once."""
    own = [spend for role, spend in f.spend.items() if role != "probe"]
    sent, calls = sum(s.paid_calls for s in own), sum(s.calls for s in own)
    if f.seconds > 0 and calls and 2 * sent > calls:
        return (task_calls + critic_calls) * f.seconds / sent
    task = mean([d.rollout.latency_s / max(1, d.rollout.calls) for d in f.rollouts if answered(d)])
    critic = mean([c.latency_s for c in f.critiques if c.failure is None])
    if task is None or (critic is None and critic_calls):
        return None
    return math.ceil(task_calls / concurrency) * task + math.ceil(critic_calls / concurrency) * (critic or 0.0)


def answered(done: RolloutDone) -> bool:
    return done.rollout.failure is None


def mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def rungs_in_words(rungs: Sequence[tuple[int, int]]) -> str:
    """`50 on 25 rows, 15 on 100, 5 on 400`."""
    first, *rest = rungs
    return ", ".join([f"{first[0]} on {first[1]} rows", *(f"{contenders} on {rows}" for contenders, rows in rest)])


def shown_plan(plan: ProbePlanView) -> RenderableType:
    """The plan for a terminal."""
    asked = f"{plan.proposals} fresh proposals from where the run ended"
    if plan.stopped:
        asked += f" (the optimizer plans no more: {plan.stopped})"
    read = f"{plan.read_calls:,} to read train rows, {plan.race_calls:,} to race, {plan.critic_calls:,} of the critic"
    rows: list[tuple[RenderableType, RenderableType]] = [
        (text("asks for"), text(asked)),
        (text("races"), text(f"the best of them against the champion: {rungs_in_words(plan.rungs)} of the holdout")),
        (text("calls"), text(f"{plan.calls:,} at most: {read}")),
        (text("list price"), text(f"about {amount(plan.cost_usd)}" if plan.cost_usd is not None else "unknown")),
        (text("time"), text(f"about {duration(plan.seconds)}" if plan.seconds is not None else "unknown")),
        (text("decides"), text(f"with a chance of {chance(plan.chance)}" if plan.chance is not None else "chance not known")),
    ]
    title = f"Probe {plan.number}" + (", taken up again: what it has done is not done again" if plan.again else "")
    return Group(block(title, grid(rows)))


def plan_document(plan: ProbePlanView) -> dict[str, Json]:
    """The plan for machines; what is unknown is null."""
    fields: dict[str, Json] = dict(asdict(plan))
    return {**fields, "rungs": [[contenders, rows] for contenders, rows in plan.rungs], "calls": plan.calls}
