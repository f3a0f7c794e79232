"""Tasks: what a user brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from typing_extensions import TypeAliasType

from topout.domain.prompt import Prompt

__all__ = ["SPLITS", "Deployment", "Example", "Json", "Split", "Task"]

Json = TypeAliasType("Json", "bool | int | float | str | list[Json] | dict[str, Json] | None")
Split = Literal["train", "dev", "holdout", "shift"]
SPLITS: tuple[Split, ...] = ("train", "dev", "holdout", "shift")


@dataclass(frozen=True, slots=True)
class Example:
    """One row: `inputs` by field name (text), the `expected` answer as the scorer reads it. `group` marks rows that belong together."""

    id: str
    inputs: Mapping[str, str]
    expected: Json
    group: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the advice needs to know of the world; None means not told, and is asked for rather than assumed.

    What each says and how it is read: topout.config.task_file.DeploymentFacts. None of it can change a score.
    """

    calls_per_day: float | None = None
    output_stability: Literal["stable", "drifting"] | None = None
    verifiable: bool | None = None
    out_of_distribution_cost: Literal["low", "medium", "high"] | None = None
    label_count: int | None = None
    latency_limit_s: float | None = None
    target_score: float | None = None
    label_agreement: float | None = None
    stronger_model: Literal["open", "tried", "ruled out"] | None = None
    stronger_price_per_1000_usd: float | None = None
    demonstrable: bool | None = None
    output_narrow: bool | None = None
    good_rows: int | None = None
    keep_other_abilities: bool | None = None
    base_model_stable: bool | None = None
    tuned_base: bool | None = None
    training_cost_usd: float | None = None
    tuned_price_per_1000_usd: float | None = None
    maintenance_usd_per_month: float | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task folder, read and checked.

    `splits` holds train (the critic reads it, demos come from it), dev (candidates are selected on it), holdout (reporting
    only) and, optionally, shift (out-of-distribution). Ids are unique over all splits. `fingerprint` is a hash over everything
    that can change a score: prompt, rows, scorer settings and code. `max_output_tokens` and `temperature` are the task model's. `program` says how
    a prompt answers a row: '' by one call, 'run' by a function of the user's own, 'dspy' by a DSPy module; with a program, the components of the prompt
    are the instructions of its steps. `output_schema` is the JSON schema that answers have to fit, None without one.
    """

    name: str
    description: str
    fields: tuple[str, ...]
    baseline: Prompt
    splits: Mapping[Split, tuple[Example, ...]]
    fingerprint: str
    scorer_name: str
    labels: tuple[str, ...] = ()
    critic_notes: str = ""
    deployment: Deployment = field(default_factory=Deployment)
    temperature: float = 0.0
    max_output_tokens: int = 512
    program: Literal["", "run", "dspy"] = ""
    output_schema: Mapping[str, Json] | None = None

    def rows(self, split: Split) -> tuple[Example, ...]:
        """The rows of a split, empty when the task has none."""
        return self.splits.get(split, ())
