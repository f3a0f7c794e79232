"""What a user asks for when starting a run."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["RunSettings"]

Positive = Annotated[float, Field(gt=0)]


class RunSettings(BaseModel):
    """Everything that was asked, as it stands in the run's first event and in run.toml. No secrets: keys come from the environment.

    `judge` is the model that judges, for a task that is scored by one ('' else). `max_cost` in dollars, `max_time` in seconds; None is no limit of that kind. `max_calls` None takes the recipe's. `delta` is the smallest gain
    worth having, in score units. `prices` are `MODEL=IN,OUT` in dollars per million tokens. With `paid_only`, replies that were in the cache cost nothing
    of `max_cost`. `executor` is where rows are answered: 'local', 'ray' or 'ray:ADDRESS'. `study` is the storage that attempts are mirrored into, '' for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    model: str = "embedded/reader"
    critic: str = "embedded/critic"
    recipe: str = "evolve"
    seed: int = Field(default=0, ge=0)
    max_calls: Annotated[int, Field(gt=0)] | None = None
    max_cost: Positive | None = None
    paid_only: bool = False
    max_time: Positive | None = None
    concurrency: int = Field(default=32, ge=1, le=4096)
    api_base: str | None = None
    critic_api_base: str | None = None
    judge: str = ""
    judge_api_base: str | None = None
    prices: tuple[str, ...] = ()
    delta: float = Field(default=0.02, gt=0, lt=1)
    timeout: Positive = 120.0
    executor: Annotated[str, Field(pattern=r"^(local|ray(:.+)?)$")] = "local"
    cache_dir: str = ".topout/cache"
    study: str = ""
