"""Models compared on a user's own task, each with the prompts that it could be given: the task's, a fixed few-shot set, the best that a run of its own found, and the best that any
model's run found.

A model's run is an ordinary one in a folder of the ladder's own, so the same command again goes on where it stopped and a model that is added to the list later finds the
others' runs done. What a run has not measured is asked through the cache. A run's winner is chosen on dev, and so is the one that is handed on: no held-out score
has been selected before the table is read.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Unpack, cast

from topout.app.batches import has_ended, one_run
from topout.app.estimating import estimate_run
from topout.app.judges import judge_of, with_judge
from topout.app.judging import groups_of
from topout.app.options import LadderOptions, RunOptions, asked, check_names
from topout.app.places import task_path
from topout.app.planning import exam_of
from topout.app.running import measured
from topout.app.views import RunView
from topout.app.workbench import Watch, Workbench
from topout.config.settings import RunSettings
from topout.domain import Candidate, Deployment, Ending, Prompt, Rollout, Task
from topout.engine.exam import ExamPlan
from topout.errors import UserError
from topout.models.addresses import Addresses
from topout.models.event_loop import run_blocking
from topout.models.prices import Prices, parse_price
from topout.plugins.optimizers import load_recipe
from topout.plugins.prompt_folders import save_prompt
from topout.plugins.tasks import TaskFolder, load_task
from topout.report.findings import RoleSpend, call_card, count, total
from topout.report.ladder import Kind, Ladder, Measurement, laddered
from topout.report.ladder_json import ladder_document
from topout.report.samples import every_rollout, put, row_score
from topout.search.demos import fitting, spread
from topout.search.place import rng_for
from topout.store.layout import slug, write_text
from topout.text.fingerprints import prompt_id

__all__ = ["LadderPlan", "LadderView", "ladder", "plan_ladder"]

SHOTS = 16
SHOT_WORDS = 1500


@dataclass(frozen=True, slots=True)
class LadderPlan:
    """What a ladder would do. `run_calls` are those of one model's run, exam included, `extra_calls` at most those that measure the other prompts on its `rows` held-out
    rows. `done` runs have ended already. `max_cost` are dollars of all models together; `cost_usd` what all calls may come to at list price, from and to, None where a price
    is not known."""

    task: str
    folder: Path
    models: tuple[str, ...]
    critics: tuple[str, ...]
    recipe: str
    rows: int
    run_calls: int
    extra_calls: int
    done: int
    max_cost: float | None
    cost_usd: tuple[float, float] | None

    @property
    def all_calls(self) -> int:
        """Of all models together, at most."""
        return len(self.models) * (self.run_calls + self.extra_calls)


@dataclass(frozen=True, slots=True)
class LadderView:
    """A ladder as far as it came. `found` is None until every model has had its run and its prompts. `ending` tells why it stopped short, None when it did not."""

    plan: LadderPlan
    found: Ladder | None
    done: int
    ending: Ending | None = None


def plan_ladder(task: str | Path, *, models: Sequence[str], **options: Unpack[LadderOptions]) -> LadderPlan:
    """What `ladder` with these arguments would do and cost at most. No model is asked. Raises UserError as `ladder` does."""
    return Climb(task, models, options).plan


def ladder(
    task: str | Path,
    *,
    models: Sequence[str],
    deployment: Deployment | None = None,
    watch: Watch | None = None,
    tell: Callable[[str], None] = lambda line: None,
    **options: Unpack[LadderOptions],
) -> LadderView:
    """Measure every model with the task's prompt, with `shots` seeded examples beside it, with the prompt that its own run finds, and with the one that did best on dev of all
    runs; and name the cheapest that is shown to be no more than `delta` worse than the best.

    `options` are those of `LadderOptions`: `max_calls` (of all models' roles) is for each model, `max_cost` (dollars at list price) for all together in equal shares. With `warm`, each run after the
    first begins from the prompt that has done best on dev so far: the order of `models` counts then. `deployment`
    is for the break-even (None: the task's). `tell` is told a line a model. Raises UserError for bad input, and what a run raises.
    """
    return Climb(task, models, options).go(deployment, watch, tell)


class Climb:
    """One ladder: checked when it is made, before any model is asked."""

    def __init__(self, task: str | Path, models: Sequence[str], options: LadderOptions) -> None:
        check_names(options, LadderOptions.__annotations__)
        self.task, self.models, self.options = str(task), tuple(models), options
        self.warm, shots = options.get("warm", False), options.get("shots", SHOTS)
        if len(self.models) < 2:
            raise UserError(
                "--models: expected two models or more, such as openai/gpt-4.1,openai/gpt-4.1-mini. One alone: `topout optimize`."
            )
        for model in self.models:
            if self.models.count(model) > 1:
                raise UserError(f"--models: '{model}' is named twice.")
        if shots < 0:
            raise UserError(f"--shots {shots}: expected 0 (no few-shot prompt) or more.")
        self.bases = addresses(options.get("api_bases", ()), self.models)
        self.folder = load_task(task_path(self.task))
        whole = with_judge(self.settings_of(self.models[0]), self.folder)[0]
        self.recipe = load_recipe(whole.recipe)
        subject, calls = self.folder.task, whole.max_calls or self.recipe.recipe.max_calls
        self.few_shot = few_shot(subject, shots, whole.seed)
        plan = exam_of(self.folder, self.recipe, calls)
        each = (plan.weight if self.few_shot else 0) + plan.heaviest + (plan.weight if self.warm else 0)
        if whole.max_calls is not None:
            plan, calls = self.within(whole.max_calls, each)
        extra = each * len(plan.holdout)
        self.rows = plan.holdout
        known = dict(parse_price(text) for text in whole.prices)
        self.tables = {model: Prices(known, self.addressed(model)) for model in self.models}
        self.share = None if whole.max_cost is None else whole.max_cost / len(self.models)
        part = None if self.share is None else self.share * calls / (calls + extra)
        own = {"max_calls": calls, "max_cost": part}
        self.settings = {model: self.settings_of(model).model_copy(update=own) for model in self.models}
        for one in self.settings.values():
            Workbench(one)  # a missing price is told before the first model is asked
        compared = [
            subject.fingerprint,
            self.folder.holdout_fingerprint,
            self.recipe.sha,
            calls,
            whole.seed,
            *filter(None, [whole.judge]),
        ]
        self.place = Path(options.get("runs_dir", "runs")) / f"ladder-{slug(subject.name)}-{digest(compared)}"
        costs = [
            estimate_run(
                subject,
                self.recipe,
                plan,
                calls + extra,
                model,
                self.settings[model].critic,
                table,
                judge_of(self.folder),
                whole.judge,
            ).cost_usd
            for model, table in self.tables.items()
        ]
        ends = [cost for cost in costs if cost is not None]
        cold = [] if self.warm else [self.where(model, None) for model in self.models]
        self.plan = LadderPlan(
            subject.name,
            self.place,
            self.models,
            tuple(self.settings[model].critic for model in self.models),
            self.recipe.name,
            len(self.rows),
            calls,
            extra,
            sum(has_ended(place, self.settings[model]) for model, place in zip(self.models, cold, strict=False)),
            whole.max_cost,
            (sum(c.low for c in ends), sum(c.high for c in ends)) if len(ends) == len(costs) else None,
        )

    def addressed(self, model: str) -> Addresses:
        """Where the model is, as far as that decides on its price."""
        return Addresses({model: self.bases[model]} if model in self.bases else {}, os.environ)

    def within(self, most: int, each: int) -> tuple[ExamPlan, int]:
        """The largest run that leaves `each` calls a held-out row for the other prompts. Raises UserError when there is none."""
        least = max(1, most - each * len(exam_of(self.folder, self.recipe, most).holdout))
        try:
            plan = exam_of(self.folder, self.recipe, least)
        except UserError as error:
            raise UserError(
                f"--max-calls {most}, of which {most - least:,} measure the other prompts: {error} (That is for the run alone.)"
            ) from error
        high = most + 1
        while high - least > 1:
            middle = (least + high) // 2
            larger = exam_of(self.folder, self.recipe, middle)
            if middle + each * len(larger.holdout) <= most:
                least, plan = middle, larger
            else:
                high = middle
        return plan, least

    def settings_of(self, model: str) -> RunSettings:
        """What a model's run was asked for, before calls and money are shared out."""
        common = {name: value for name, value in self.options.items() if name in RunOptions.__annotations__}
        own = {"recipe": self.options.get("recipe", "quick"), "model": model, "api_base": self.bases.get(model)}
        return asked(self.task, **cast(RunOptions, {**common, **own}))

    def where(self, model: str, start: Prompt | None) -> Path:
        """The folder of a model's run, which begins from this prompt (None: the task's)."""
        begun = prompt_id(start) if start is not None else ""
        return self.place / f"{slug(model)}-{digest([model, self.settings[model].critic, begun])}"

    def go(self, deployment: Deployment | None, watch: Watch | None, tell: Callable[[str], None]) -> LadderView:
        """Run all of it."""
        views: dict[str, RunView] = {}
        for number, model in enumerate(self.models, 1):
            start = champion_of(views) if self.warm else None
            view = self.run(model, None if start is None else views[start].prompt, watch)
            ended = view.findings.ended
            if ended is None or ended.ending in ("stopped", "outage"):
                return LadderView(self.plan, None, len(views), ended.ending if ended else "stopped")
            views[model] = view
            tell(f"model {number} of {len(self.models)}: {model}: {view.verdict.ruling}; {view.folder.name}")
        champion = champion_of(views) or self.models[0]
        cells: list[Measurement] = []
        cut: list[tuple[str, Ending]] = []
        spends = [total(list(view.findings.spend.values())) for view in views.values()]
        for model, view in views.items():
            found, spend, ending = self.cells(model, view, views[champion].prompt, model == champion, watch)
            if ending in ("stopped", "outage"):
                return LadderView(self.plan, None, len(views), ending)
            ended = view.findings.ended
            early = ended.ending if ended is not None and ended.ending not in ("budget", "finished") else ending
            if early is not None:
                cut.append((model, early))
            cells += found
            spends.append(spend)
        compared = laddered(
            self.folder.task.name,
            self.recipe.name,
            cells,
            champion=champion,
            delta=self.settings[champion].delta,
            clusters=groups_of(self.rows),
            runs=[(model, f"{view.folder.parent.name}/{view.folder.name}") for model, view in views.items()],
            cut_short=cut,
            spend=total(spends),
            deployment=deployment or self.folder.task.deployment,
        )
        document = json.dumps(ladder_document(compared, self.place), indent=1, ensure_ascii=False)
        write_text(self.place / "ladder.json", document + "\n")
        return LadderView(self.plan, compared, len(views))

    def run(self, model: str, start: Prompt | None, watch: Watch | None) -> RunView:
        """A model's run, begun from this prompt."""
        place, settings = self.where(model, start), self.settings[model]
        if start is not None:
            settings = settings.model_copy(update={"task": str(warmed(self.folder, self.place, start))})
        return one_run(place, settings, watch)

    def cells(
        self, model: str, view: RunView, transplant: Prompt, is_own: bool, watch: Watch | None
    ) -> tuple[list[Measurement], RoleSpend, Ending | None]:
        """All prompts of a model, those that its run has not measured asked now; what that took, and why rows are missing."""
        f = view.findings
        prompts: list[tuple[Kind, Prompt]] = [("baseline", self.folder.task.baseline)]
        if self.few_shot is not None:
            prompts.append(("few-shot", self.few_shot))
        prompts.append(("optimized", view.prompt))
        if not is_own:
            prompts.append(("transplanted", transplant))
        kinds: dict[str, list[Kind]] = {}
        for kind, prompt in prompts:
            kinds.setdefault(prompt_id(prompt), []).append(kind)
        by_id = {prompt_id(prompt): prompt for _, prompt in prompts}
        table = dict(f.table)
        unasked = [name for name in kinds if not any((name, row.id) in table for row in self.rows)]
        spend, ending = RoleSpend(), None
        if unasked:
            settings = self.settings[model]
            if self.share is not None:
                left = self.share - total(list(f.spend.values())).cost_usd
                settings = settings.model_copy(update={"max_cost": max(left, 1e-9)})
            workbench = Workbench(settings)
            with workbench.owing(self.place / f"owed-{digest([model])}"):
                work = measured(workbench, self.folder, [Candidate(name, by_id[name]) for name in unasked], self.rows, watch)
                rollouts, ending = run_blocking(work, workbench.stop)
            for rollout in rollouts:
                put(table, rollout)
                count(spend, rollout)
        return [self.measurement(model, tuple(kinds[name]), name, table) for name in kinds], spend, ending

    def measurement(
        self, model: str, kinds: tuple[Kind, ...], name: str, table: Mapping[tuple[str, str], Mapping[int, Rollout]]
    ) -> Measurement:
        """One prompt with one model. The price goes by the list of now: a run of before may not have known one."""
        scores = tuple(row_score(table.get((name, row.id))) for row in self.rows)
        card = call_card([r for r in every_rollout(table, name, "holdout") if r.failure is None])
        price, cost = self.tables[model].of(model), card.cost_usd
        if price is not None and card.prompt_tokens is not None and card.output_tokens is not None:
            cost = price.cost(card.prompt_tokens, card.output_tokens)
        return Measurement(model, kinds, name, scores, card, None if cost is None else 1000 * cost)


def digest(values: object) -> str:
    """Eight letters that stand for these values."""
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]


def few_shot(task: Task, shots: int, seed: int) -> Prompt | None:
    """The baseline with `shots` train rows behind its own demos, drawn by the seed, one of each answer before a second; no search. None where the task has none to show,
    and for a program, whose steps are not shown whole rows."""
    if task.program or not shots:
        return None
    shown = {demo.example_id for demo in task.baseline.demos}
    rows = [row for row in task.rows("train") if row.id not in shown]
    rng_for(seed, 0, "ladder").shuffle(rows)
    demos = fitting(spread(rows), shots, SHOT_WORDS)
    return task.baseline.with_demos((*task.baseline.demos, *demos)) if demos else None


def champion_of(views: Mapping[str, RunView]) -> str | None:
    """The model whose winner did best on dev; None of none."""
    means = {model: view.findings.dev.winner.mean for model, view in views.items()}
    return max(means, key=lambda model: means[model] if math.isfinite(means[model]) else -1.0, default=None)


def addresses(given: Sequence[str], models: Sequence[str]) -> dict[str, str]:
    """The server of each model: `MODEL=URL`, or `URL` for all that are not embedded. Raises UserError."""
    found: dict[str, str] = {}
    for text in given:
        name, sep, rest = text.partition("=http")
        if sep and not text.startswith("http"):
            if name not in models:
                raise UserError(f"--api-base {text}: '{name}' is none of --models.")
            found[name] = "http" + rest
        else:
            found = {**{model: text for model in models if not model.startswith("embedded/")}, **found}
    return found


def warmed(folder: TaskFolder, place: Path, prompt: Prompt) -> Path:
    """The task with this prompt as its baseline, copied into a folder of the ladder's once. Raises UserError when the copy is another task: its files lie elsewhere."""
    copy = place / f"task-{prompt_id(prompt)[:8]}"
    if not (copy / "task.toml").is_file():
        left_out = shutil.ignore_patterns("runs", "exports", "__pycache__", ".*")
        shutil.copytree(folder.folder, copy, ignore=left_out, dirs_exist_ok=True)
        save_prompt(prompt, copy)
    if load_task(copy).holdout_fingerprint != folder.holdout_fingerprint:
        raise UserError(
            f"--warm: a copy of {folder.folder} is not the same task. Its data and scorer have to lie in the folder itself."
        )
    return copy
