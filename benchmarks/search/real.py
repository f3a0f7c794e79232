"""A task folder as a ground: real text, read by the embedded reader, criticised by the embedded critic; truth is the accuracy on all its holdout rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from topout.contracts import Scorer
from topout.domain import Prompt, Reply, Request, Scored, Task, Usage
from topout.models.embedded import answer
from topout.plugins.tasks import load_task
from topout.text.rendering import renderer

__all__ = ["FolderGround"]


@dataclass
class EmbeddedModel:
    """An embedded model at the Model seam, without litellm. `asked` counts calls."""

    name: str
    asked: int = 0

    async def complete(self, request: Request) -> Reply:
        return self.answer(request)

    def answer(self, request: Request) -> Reply:
        """The reply, without the event loop."""
        self.asked += 1
        messages = [{"role": m.role, "content": m.content} for m in request.messages]
        told = answer(
            self.name, messages, temperature=request.temperature, seed=request.seed, max_tokens=request.max_output_tokens
        )[0]
        return Reply(told.text, told.finish_reason, Usage(told.prompt_tokens, told.output_tokens), 0.0)


@dataclass
class FolderGround:
    """The folder at `path`. The seed is the optimizer's alone: the rows are the same for all."""

    path: Path
    seed: int = 0
    best: float | None = None
    model: EmbeddedModel = field(default_factory=lambda: EmbeddedModel("reader"))
    critic: EmbeddedModel = field(default_factory=lambda: EmbeddedModel("critic"))

    def __post_init__(self) -> None:
        folder = load_task(self.path)
        self.task: Task = folder.task
        self.scorer: Scorer = folder.scorer

    @cached_property
    def name(self) -> str:
        return self.task.name

    def quality(self, prompt: Prompt) -> float:
        """The mean score on all holdout rows."""
        to_messages, reader = renderer(prompt), EmbeddedModel("reader")
        rows = self.task.rows("holdout")
        total = 0.0
        for row in rows:
            told = reader.answer(Request("reader", to_messages(row.inputs), max_output_tokens=self.task.max_output_tokens))
            score = self.scorer(told.text, row)
            total += score.value if isinstance(score, Scored) else 0.0
        return total / len(rows)
