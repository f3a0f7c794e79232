"""What a program is handed as `model`: its way to the task model, with a record of all that it asks.

A program is the user's own code between our counting and our model. So a call past the declared number, an outage or a halt ends the example here,
whatever the code would make of it: an outage never becomes a wrong answer, and no loop outruns the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from topout.contracts import Model, Solved
from topout.domain import Component, Failure, Message, Prompt, Reply, Request, Step, belongs
from topout.errors import TopoutError, did_you_mean
from topout.text.rendering import renderer
from topout.text.untrusted import beginning, well_formed

__all__ = ["KEPT_CHARACTERS", "Asked", "Asker", "Calls", "Ended", "Sheets"]

KEPT_CHARACTERS = 4000
"""So much of a text is kept in the trace."""

TRACE_CHARACTERS = 24_000
"""So much of all texts of one example together: the journal holds every rollout."""

NOTES = 200
"""So many steps of tools are kept of one example."""

REPEATS = 1000
"""Above temperature 0, the same question asked again within one example is another draw; its number is this far from the first's."""


class Ended(BaseException):
    """The example is over."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How the task model is asked, unless a program says otherwise."""

    temperature: float
    max_output_tokens: int
    most: int


class Calls:
    """The calls of one example, at most `asked.most`. `over` is set when it has to end: by a failure, by an error of ours that goes through the program, or
    by words on what the program did wrong. Used on the event loop alone."""

    def __init__(self, model: Model, name: str, sample: int, asked: Asked) -> None:
        self.over: Failure | TopoutError | str | None = None
        self._model = model
        self._name = name
        self._sample = sample
        self._asked = asked
        self._made = 0
        self._notes = 0
        self._replies: list[Reply] = []
        self._steps: list[Step | None] = []
        self._characters = 0
        self._times: dict[tuple[Message, ...], int] = {}

    async def complete(
        self,
        component: str,
        asked: Mapping[str, str],
        messages: tuple[Message, ...],
        *,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        stop: tuple[str, ...] = (),
        json_schema: str = "",
    ) -> tuple[int, Reply]:
        """The reply, and the number of the step that it makes. Raises Ended when the example is over."""
        if self.over is not None:
            raise Ended
        if self._made >= self._asked.most:
            self.end(f"the program asked for more than {self._asked.most} calls (calls = {self._asked.most} in task.toml)")
        self._made += 1
        place = len(self._steps)
        self._steps.append(None)
        warmth = self._asked.temperature if temperature is None else temperature
        before = self._times.get(messages, 0) if warmth > 0 else 0
        self._times[messages] = before + 1
        request = Request(
            self._name,
            messages,
            temperature=warmth,
            max_output_tokens=max_output_tokens or self._asked.max_output_tokens,
            sample=self._sample + REPEATS * before,
            stop=stop,
            json_schema=json_schema,
        )
        try:
            reply = await self._model.complete(request)
        except TopoutError as error:
            self.end(error)
        if isinstance(reply, Failure):
            if reply.kind == "context" and self._replies:
                self.end(f"the program made a prompt that is longer than the model's window: {reply.message}")
            self.end(reply)
        reply = replace(reply, text=well_formed(reply.text))
        self._replies.append(reply)
        self._steps[place] = self._kept(step_of(component, asked, reply))
        return place, reply

    def note(self, name: str, asked: Mapping[str, str], answered: str) -> None:
        """A step that asks no model."""
        self._notes += 1
        if self._notes <= NOTES:
            self._steps.append(self._kept(Step(name, asked, well_formed(answered))))

    def restate(self, place: int, asked: Mapping[str, str], answered: str) -> None:
        """What a step asked and answered, told better: by the fields of a DSPy signature instead of its chat messages."""
        step = self._steps[place]
        if step is not None:
            self._characters -= size(step)
            self._steps[place] = self._kept(replace(step, asked=asked, answered=answered, cut=False))

    def end(self, over: Failure | TopoutError | str) -> NoReturn:
        """The example is over, the first reason stands. Always raises Ended."""
        if self.over is None:
            self.over = over
        raise Ended

    def solved(self, answer: str, wrong: str = "") -> Solved | Failure:
        """What became of the example. Raises an error of ours that the program was passed through by."""
        steps = tuple(step for step in self._steps if step is not None)
        match self.over:
            case TopoutError() as error:
                raise error
            case Failure() as failure:
                return replace(failure, steps=steps)
            case str(reason):
                answer, wrong = "", reason
            case None:
                pass
        return Solved(answer, steps=steps, wrong=wrong)

    def _kept(self, step: Step) -> Step:
        """The step with texts of a size that a journal can bear."""
        left = max(0, TRACE_CHARACTERS - self._characters)
        asked: dict[str, str] = {}
        for name, value in step.asked.items():
            asked[name] = beginning(value, min(KEPT_CHARACTERS, left))
            left -= len(asked[name])
        answered = beginning(step.answered, min(KEPT_CHARACTERS, max(left, 200)))
        cut = answered != step.answered or asked != dict(step.asked)
        kept = replace(step, asked=asked, answered=answered, cut=cut)
        self._characters += size(kept)
        return kept


class Sheets:
    """The parts of a prompt by the step that they belong to: those named like the step, and those named `step.anything`."""

    def __init__(self, prompt: Prompt) -> None:
        self.texts: dict[str, str] = {c.name: c.text for c in prompt.components}
        self._prompt = prompt
        self._renderers: dict[tuple[str, tuple[str, ...]], Callable[[Mapping[str, str]], tuple[Message, ...]]] = {}

    def messages(self, step: str, values: Mapping[str, str]) -> tuple[Message, ...]:
        """The chat messages of a step: its parts and its demos, filled with these values. Where no user part names a value, all are shown as lines
        `name: value`. Raises ValueError for a step that the prompt does not have, and for a placeholder without a value."""
        key = (step, tuple(values))
        if key not in self._renderers:
            self._renderers[key] = self._renderer(step, key[1])
        try:
            return self._renderers[key](values)
        except KeyError as error:
            raise ValueError(
                f"step '{step}': the prompt names {{{{{error.args[0]}}}}}, and the program gives no such value"
            ) from None

    def _renderer(self, step: str, names: Sequence[str]) -> Callable[[Mapping[str, str]], tuple[Message, ...]]:
        parts = [c for c in self._prompt.components if belongs(c.name, step)]
        if not parts:
            known = [c.name for c in self._prompt.components]
            raise ValueError(f"the prompt has no part for the step '{step}'.{did_you_mean(step, known)}")
        if not any(c.role == "user" and c.text for c in parts):
            parts.append(Component("", "user", "\n".join(f"{name}: {{{{{name}}}}}" for name in names) or "Go on."))
        return renderer(Prompt(tuple(parts), tuple(d for d in self._prompt.demos if d.component == step)))


class Asker:
    """`model` in `async def run(example, prompts, model)`."""

    def __init__(self, calls: Calls, sheets: Sheets) -> None:
        self._calls = calls
        self._sheets = sheets

    async def ask(self, step: str, **values: object) -> str:
        """One call with the step's part of the prompt and its demos; the reply's text. `{{name}}` in the part is filled by the value of that name."""
        asked = {name: str(value) for name, value in values.items()}
        _, reply = await self._calls.complete(step, asked, self._sheets.messages(step, asked))
        return reply.text

    async def send(
        self,
        step: str,
        messages: Sequence[Mapping[str, str]],
        *,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        stop: Sequence[str] = (),
    ) -> str:
        """One call with messages of the program's own (`{"role": ..., "content": ...}`), recorded under the step's name."""
        turns = tuple(message_of(one) for one in messages)
        if not turns:
            raise ValueError(f"step '{step}': no messages")
        asked: dict[str, str] = {turn.role: turn.content for turn in turns[-1:]}
        _, reply = await self._calls.complete(
            step, asked, turns, temperature=temperature, max_output_tokens=max_output_tokens, stop=tuple(stop)
        )
        return reply.text

    def note(self, name: str, answered: object, **asked: object) -> None:
        """Put a step without a model (a search, a tool) into the trace, for the critic to read."""
        self._calls.note(name, {key: well_formed(str(value)) for key, value in asked.items()}, str(answered))


def message_of(one: Mapping[str, str]) -> Message:
    """A message as programs write it."""
    role, content = one["role"], str(one["content"])
    if role not in ("system", "user", "assistant"):
        raise ValueError(f"a message has the role '{role}', expected system, user or assistant")
    return Message(role, well_formed(content))  # type: ignore[arg-type]  # one of the three


def step_of(component: str, asked: Mapping[str, str], reply: Reply) -> Step:
    """The step that a reply makes."""
    tokens = reply.usage
    return Step(
        component,
        {name: well_formed(value) for name, value in asked.items()},
        reply.text,
        reply.key,
        tokens.prompt_tokens,
        tokens.output_tokens,
        reply.cost_usd,
        reply.paid,
    )


def size(step: Step) -> int:
    return len(step.answered) + sum(map(len, step.asked.values()))
