"""A few rows answered with the first prompt, before a run is: what only a model can show of a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from topout.app.judges import with_judge
from topout.app.planning import calls_of
from topout.app.running import checked_settings, measured
from topout.app.workbench import Workbench
from topout.checks import Asked
from topout.domain import Candidate, Request, Scored
from topout.models.estimate import Bounds
from topout.models.event_loop import run_blocking
from topout.models.prices import Prices
from topout.plateau.wording import dollars
from topout.plugins.tasks import TaskFolder
from topout.text.fingerprints import prompt_id
from topout.text.rendering import renderer

__all__ = ["Answers", "ask_rows"]


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of it. `rows` in their order; `latency_s` is the median of a call, `cost_usd` what was paid (None: a price is unknown). `unscored` rows were
    asked and have no answer."""

    model: str
    rows: tuple[Asked, ...]
    latency_s: float | None
    cost_usd: float | None
    unscored: int


def ask_rows(
    folder: TaskFolder,
    n: int,
    *,
    model: str,
    prices: Sequence[str],
    table: Prices,
    api_base: str | None,
    max_cost: float | None,
    cache_dir: str,
    judge: str,
    tell: Callable[[str], None],
) -> Answers:
    """The baseline on the first `n` dev rows. `tell` hears what that can cost at most before the first call leaves; replies are kept in the cache, where a
    run finds them. Raises UserError for a wrong name, key or address."""
    rows = folder.task.rows("dev")[:n]
    steps = calls_of(folder)(folder.task.baseline)
    price = table.of(model)
    if price is None:
        cost = "no price known"
    elif folder.task.program:
        cost = "each by the task's program, so the cost is not known beforehand"
    else:
        bounds, render = Bounds(), renderer(folder.task.baseline)
        asked = [Request(model, render(e.inputs), max_output_tokens=folder.task.max_output_tokens) for e in rows]
        cost = (
            f"at most {dollars(sum(price.cost(*bounds.of(one)) for one in asked))} at list price"
            if price.input_usd or price.output_usd
            else "free"
        )
    tell(f"{model}: {len(rows) * steps} calls for {len(rows)} dev rows with the first prompt, {cost}")
    settings = checked_settings(
        task=str(folder.folder),
        model=model,
        critic=model,
        max_cost=max_cost,
        concurrency=8,
        api_base=api_base,
        prices=tuple(prices),
        cache_dir=cache_dir,
        judge=judge,
    )
    settings, folder = with_judge(settings, folder)
    bench = Workbench(settings)
    baseline = Candidate(prompt_id(folder.task.baseline), folder.task.baseline)
    rollouts, _ = run_blocking(measured(bench, folder, [baseline], rows, None), bench.stop)
    known = {r.example: r for r in rollouts}
    found = [(e, r.answer, r.score.value) for e in rows if (r := known.get(e.id)) is not None and isinstance(r.score, Scored)]
    done = [r for r in rollouts if r.failure is None]
    paid = [r.cost_usd for r in done if r.paid]
    return Answers(
        model,
        tuple(found),
        median(r.latency_s for r in done) if done else None,
        None if any(one is None for one in paid) else sum(one for one in paid if one is not None),
        len(rows) - len(found),
    )
