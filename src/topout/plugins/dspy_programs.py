"""A `dspy.Module` as a program: every predictor's instructions and demos are a part of the prompt, and our model serves as its LM.

DSPy reaches a model through an engine (`complete(lm15.Request) -> lm15.Response`), which outlives `BaseLM.forward()`. Ours hands each request to `Calls`, so
cache, limits, ledger and journal hold, and DSPy's own cache and retries are off. A module without `aforward` runs in a thread; its calls come back to
the event loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from topout.contracts import Model, Solve, Solved
from topout.domain import Component, Demo, Example, Failure, Json, Message, Prompt
from topout.errors import UserError, did_you_mean, place
from topout.plugins.calling import Asked, Calls, Ended
from topout.plugins.loaded_program import Crashes, LoadedProgram, answer_text, crashed
from topout.plugins.modules import Crash, boundary, guarded
from topout.text.untrusted import well_formed

__all__ = ["load_dspy"]

THREADS = 64
"""So many examples of a module without `aforward` are under way at once."""

ROLES = {"user": "user", "assistant": "assistant", "developer": "system"}


def load_dspy(path: Path, given: object, asked: Asked, output: str) -> LoadedProgram:
    """The program of a module, or of a function without arguments that makes one. Raises UserError, one line, for what is no module, has no predictor,
    or brings an LM of its own."""
    import dspy

    if not isinstance(given, dspy.Module) and callable(given):
        try:
            given = guarded(path, given)
        except Crash as crash:
            raise UserError(f"{place(path, crash.line)}: program() raised {crash.what}.") from crash
    if not isinstance(given, dspy.Module):
        raise UserError(f"{path}: 'program' is a {type(given).__name__}, expected a dspy.Module or a function that makes one.")
    predictors = dict(given.named_predictors())
    if not predictors:
        raise UserError(f"{path}: 'program' has no dspy.Predict in it, so there is nothing to optimize.")
    for name, predictor in predictors.items():
        if predictor.lm is not None:
            raise UserError(
                f"{path}: the predictor '{name}' has an LM of its own. Leave it out: topout's model answers for all of them (--model)."
            )
    outputs = {name for predictor in predictors.values() for name in predictor.signature.output_fields}
    if output and output not in outputs:
        raise UserError(f"{path.with_name('task.toml')}: output = '{output}' is no output field.{did_you_mean(output, outputs)}")
    components = tuple(Component(name, "system", str(p.signature.instructions)) for name, p in predictors.items())
    demos = tuple(demo_of(name, p, demo) for name, p in predictors.items() for demo in p.demos)

    def state(prompt: Prompt) -> bytes:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "program.json"
            with_prompt(given, prompt).save(file)
            return file.read_bytes()

    return LoadedProgram(
        "dspy", lambda baseline: DspyProgram(path, given, asked, output, Crashes(path, baseline)), Prompt(components, demos), state
    )


def demo_of(name: str, predictor: Any, demo: Any) -> Demo:
    """A demo that a module brings."""
    row = dict(demo)
    inputs = {field: as_text(row[field]) for field in predictor.signature.input_fields if field in row}
    return Demo(inputs, output_text({field: row[field] for field in predictor.signature.output_fields if field in row}), "", name)


def output_text(outputs: Mapping[str, object]) -> str:
    """The outputs of a predictor as one text: the text itself where it is the only output, else JSON by field."""
    if len(outputs) == 1 and isinstance(only := next(iter(outputs.values())), str):
        return only
    return json.dumps(outputs, ensure_ascii=False, default=as_text)


def outputs_of(text: str, fields: Sequence[str]) -> dict[str, Json]:
    """What `output_text` was given."""
    try:
        read: Json = json.loads(text)
    except (ValueError, RecursionError):
        read = text
    if isinstance(read, dict) and read.keys() <= set(fields):
        return read
    return {fields[0]: text} if len(fields) == 1 else {}


def as_text(value: object) -> str:
    """A field's value as text."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return str(value)


def with_prompt(module: Any, prompt: Prompt) -> Any:
    """A copy of the module that carries the prompt."""
    copy = module.deepcopy()
    for name, predictor in copy.named_predictors():
        predictor.signature = predictor.signature.with_instructions(prompt.component(name).text)
        fields = tuple(predictor.signature.output_fields)
        shown = [{**d.inputs, **outputs_of(d.output, fields)} for d in prompt.demos if d.component == name]
        predictor.demos = shown
    return copy


class DspyProgram:
    """A module of the user's own. Raises nothing that a row can cause: what the module raises is its wrong answer."""

    def __init__(self, path: Path, module: Any, asked: Asked, output: str, crashes: Crashes) -> None:
        self._path = path
        self._module = module
        self._asked = asked
        self._output = output
        self._crashes = crashes
        self._threads: ThreadPoolExecutor | None = None
        self._asynchronous = inspect.iscoroutinefunction(vars_of(type(module)).get("aforward"))

    def calls(self, prompt: Prompt) -> int:
        return self._asked.most

    def bind(self, prompt: Prompt) -> Solve:
        import dspy

        module = with_prompt(self._module, prompt)
        names = {id(predictor): name for name, predictor in module.named_predictors()}
        watched = self._crashes.watch(prompt)
        asked = self._asked

        async def solve(example: Example, sample: int, model: Model, name: str) -> Solved | Failure:
            record = Record(Calls(model, name, sample, asked), names)
            loop = asyncio.get_running_loop()
            lm = dspy.LM(
                name,
                engine=Engine(record, loop),
                async_engine=AsyncEngine(record),
                cache=False,
                num_retries=0,
                temperature=asked.temperature,
                max_tokens=asked.max_output_tokens,
            )
            answer, wrong = "", ""
            try:
                with boundary(self._path):
                    if self._asynchronous:
                        with dspy.context(lm=lm, trace=record.trace, disable_history=True):
                            prediction = await module.acall(**example.inputs)
                    else:
                        prediction = await self._in_thread(loop, module, lm, record, example)
                answer = self._answer(prediction)
            except Crash as crash:
                wrong = crashed(self._path, crash)
                if watched and record.calls.over is None:
                    self._crashes.met(crash, example.id)
            except ValueError as error:
                wrong = f"the program returned {error}"
            except (Ended, BaseExceptionGroup):
                if record.calls.over is None:
                    raise
            if watched and not wrong:
                self._crashes.came_through()
            record.restate()
            return record.calls.solved(answer, wrong)

        return solve

    async def _in_thread(self, loop: asyncio.AbstractEventLoop, module: Any, lm: Any, record: Record, example: Example) -> object:
        import dspy

        def work() -> object:
            with dspy.context(lm=lm, trace=record.trace, disable_history=True):
                return module(**example.inputs)

        self._threads = self._threads or ThreadPoolExecutor(THREADS, "topout-program")
        return await loop.run_in_executor(self._threads, contextvars.copy_context().run, work)

    def _answer(self, prediction: object) -> str:
        """The answer in a prediction. Raises ValueError for what is none."""
        import dspy

        if not isinstance(prediction, dspy.Prediction):
            return answer_text(prediction)
        fields: dict[str, object] = dict(prediction.items())
        if self._output:
            if self._output not in fields:
                raise ValueError(f"a prediction without '{self._output}'")
            fields = {self._output: fields[self._output]}
        if len(fields) == 1:
            only = next(iter(fields.values()))
            return answer_text(only if only is None or isinstance(only, str | list | dict | int | float | bool) else as_text(only))
        return output_text(fields)


def vars_of(kind: type) -> dict[str, object]:
    """What a class and those above it define."""
    found: dict[str, object] = {}
    for one in reversed(kind.__mro__):
        found.update(vars(one))
    return found


@dataclass
class Record:
    """What one example's calls were made for. `trace` is DSPy's own: (predictor, inputs, prediction), appended when a predictor has read its reply."""

    calls: Calls
    names: Mapping[int, str]
    trace: list[Any] = field(default_factory=list)
    asked: list[tuple[int, int, int]] = field(default_factory=list)  # step, predictor, length of the trace before

    def restate(self) -> None:
        """Tell the steps by the fields of the predictors that asked, where they came to a prediction; others keep the chat messages."""
        told: set[int] = set()
        for position, (predictor, inputs, prediction) in enumerate(self.trace):
            who = id(predictor)
            mine = [step for step, asking, before in self.asked if asking == who and before <= position and step not in told]
            if mine:  # the last one that it asked before it answered: earlier ones were replies that it could not read
                outputs = {name: prediction[name] for name in predictor.signature.output_fields if name in prediction}
                asked = {name: well_formed(as_text(value)) for name, value in inputs.items()}
                told.add(mine[-1])
                self.calls.restate(mine[-1], asked, well_formed(output_text(outputs)))

    async def complete(self, request: Any, predictor: int) -> Any:
        """Answer a request of DSPy's. On the event loop."""
        from dspy.lm15 import Message as Turn
        from dspy.lm15 import Response, TextPart, Usage

        before = len(self.trace)
        messages = messages_of(request, self.calls)
        config = request.config
        step, reply = await self.calls.complete(
            self.names.get(predictor, "program"),
            {"messages": messages[-1].content},
            messages,
            temperature=config.temperature,
            max_output_tokens=config.max_tokens,
            stop=tuple(config.stop),
            json_schema=json.dumps(config.response_format["schema"]) if has_schema(config.response_format) else "",
        )
        self.asked.append((step, predictor, before))
        usage = Usage(input_tokens=reply.usage.prompt_tokens, output_tokens=reply.usage.output_tokens)
        return Response(None, request.model, Turn.assistant([TextPart(reply.text)]), "stop", usage)


def has_schema(form: object) -> bool:
    """Whether a response format is a JSON Schema."""
    return isinstance(form, Mapping) and isinstance(form.get("schema"), Mapping)


def messages_of(request: Any, calls: Calls) -> tuple[Message, ...]:
    """The chat messages of a request. One that holds more than texts ends the run: no model behind our gateway would see the rest."""
    turns: list[Message] = []
    if request.system is not None:
        system = request.system if isinstance(request.system, str) else "".join(part.text for part in request.system)
        turns.append(Message("system", well_formed(system)))
    plain = not request.tools
    for message in request.messages:
        role = ROLES.get(message.role)
        plain = plain and role is not None and all(part.type == "text" for part in message.parts)
        if plain:
            text = well_formed("".join(part.text for part in message.parts))
            turns.append(Message(role, text))  # type: ignore[arg-type]  # one of the three
    if not plain:
        calls.end(
            UserError(
                "the DSPy program sends pictures, files or native tool calls, and topout's models take texts only. Use dspy.ReAct's text tools."
            )
        )
    return tuple(turns)


def asking_predictor() -> int:
    """Which predictor's call is being answered, by identity; 0 when the module asked the LM itself."""
    import dspy

    return next((id(module) for module in reversed(dspy.settings.caller_modules or []) if isinstance(module, dspy.Predict)), 0)


class AsyncEngine:
    """DSPy's asynchronous way to our model."""

    def __init__(self, record: Record) -> None:
        self._record = record

    async def complete(self, request: Any) -> Any:
        return await self._record.complete(request, asking_predictor())

    def stream(self, request: Any) -> Any:
        raise NotImplementedError("topout's models do not stream")

    async def aclose(self) -> None:
        return None


class Engine:
    """DSPy's blocking way to our model, from a thread of the program's own."""

    def __init__(self, record: Record, loop: asyncio.AbstractEventLoop) -> None:
        self._record = record
        self._loop = loop

    def complete(self, request: Any) -> Any:
        work = self._record.complete(request, asking_predictor())
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stream(self, request: Any) -> Any:
        raise NotImplementedError("topout's models do not stream")

    def close(self) -> None:
        return None
