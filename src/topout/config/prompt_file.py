"""prompt.toml: how the model is asked with the prompt beside it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from topout.domain import AnswerFormat, Reasoning

__all__ = ["PromptGenes"]


class PromptGenes(BaseModel):
    """Genes of a prompt, as `topout.domain.Prompt` tells them. A prompt without the file has none switched on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reasoning: Reasoning = "direct"
    answer_format: AnswerFormat = "plain"
    votes: int = Field(default=1, ge=1, le=99)
    retrieved: int = Field(default=0, ge=0, le=99)
