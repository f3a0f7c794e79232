"""A recipe: which optimizer, with which settings."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Recipe"]


class Recipe(BaseModel):
    """optimizers/<name>.toml. `settings` are the optimizer's own and are checked by it. `levers` are the kinds of change that it may make: the
    shipped optimizers keep to them, one of your own is trusted to; the verdict names those that had no turn. `opening_rows` is how many dev rows the
    baseline is measured on before the search (0: all)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = ""
    optimizer: str = "evolve"
    levers: tuple[Literal["instructions", "demos", "reasoning", "format", "voting", "retrieval"], ...] = ("instructions", "demos")
    max_calls: int = Field(default=8000, gt=0)
    exam_share: float = Field(default=0.4, gt=0, lt=1)
    opening_rows: int = Field(default=0, ge=0)
    critic_temperature: float = Field(default=1.0, ge=0, le=2)
    critic_max_output_tokens: int = Field(default=4000, ge=64)
    settings: dict[str, bool | int | float | str] = Field(default_factory=dict)
