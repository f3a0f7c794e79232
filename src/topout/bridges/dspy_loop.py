"""DSPy's own optimizers, the package as it comes, with a host in the place of models: MIPROv2 (Opsahl-Ong et al. 2024, arXiv 2406.11695) and bootstrap
random search (Khattab et al. 2023, arXiv 2310.03714).

The program that they optimize has one predictor, whose instructions and demos are put into the task's own prompt: what DSPy measures is what topout exports, without the
frame that DSPy's adapters write around it. Evaluations are announced by DSPy's callbacks, so that all their rows are asked at once; single
rows, as they come in bootstrapping, are asked one by one. Instructions are proposed by DSPy's own prompts, read and written by its own adapter.
"""

from __future__ import annotations

import builtins
import contextlib
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from topout.bridges.host import Host, Step, answerable, editable, points
from topout.domain import Demo, Example, Message, Prompt, Rollout
from topout.search.demos import answer_text
from topout.text.fingerprints import prompt_id
from topout.text.replies import read_proposal

__all__ = ["AUTO", "MiproSettings", "RandomSearchSettings", "fitting_auto", "run_mipro", "run_random_search"]

AUTO = ("light", "medium", "heavy")
VALIDATED = {"light": 100, "medium": 300, "heavy": 1000}
SETS = {"light": 6, "medium": 12, "heavy": 18}
TRIALS = {"light": 10, "medium": 18, "heavy": 27}
MINIBATCH = 35
ASKED_FOR = re.compile(r"starting with the field `\[\[ ## (\w+) ## \]\]`")
"""How DSPy's chat adapter says which field it wants."""


@dataclass(frozen=True, slots=True)
class MiproSettings:
    """Settings of `mipro`, by DSPy's own names; what each means stands in optimizers/mipro.toml. `auto` may be 'fit': the largest that fits into the
    calls. With `num_candidates` above 0, it and `num_trials` replace `auto`. Raises ValueError when out of range."""

    auto: str = "fit"
    num_candidates: int = 0
    num_trials: int = 0
    minibatch_size: int = MINIBATCH
    minibatch_full_eval_steps: int = 5
    max_bootstrapped_demos: int = 4
    max_labeled_demos: int = 4
    view_data_batch_size: int = 10

    def __post_init__(self) -> None:
        if self.auto not in (*AUTO, "fit"):
            raise ValueError(f"auto must be one of fit, {', '.join(AUTO)}")
        for name in ("num_candidates", "num_trials", "max_bootstrapped_demos", "max_labeled_demos"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0")
        for name in ("minibatch_size", "minibatch_full_eval_steps", "view_data_batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.num_candidates and self.num_trials < 1:
            raise ValueError("num_candidates needs num_trials as well")


@dataclass(frozen=True, slots=True)
class RandomSearchSettings:
    """Settings of DSPy's BootstrapFewShotWithRandomSearch, by its own names."""

    max_bootstrapped_demos: int = 4
    max_labeled_demos: int = 16
    num_candidate_programs: int = 16


def mipro_calls(auto: str, dev: int) -> int:
    """About how many calls MIPROv2 makes at a setting: its proposals, bootstrapping, minibatches and full evaluations."""
    rows, trials = min(dev, VALIDATED[auto]), TRIALS[auto]
    if rows <= 50:
        return rows * (1 + trials) + SETS[auto] * 10
    return rows * (2 + trials // 5 + (trials % 5 > 0)) + MINIBATCH * trials + SETS[auto] * 10 + 15


def fitting_auto(dev: int, calls: int) -> str:
    """The largest of MIPROv2's own settings that so many calls suffice for; its smallest when none does."""
    return next((auto for auto in reversed(AUTO) if mipro_calls(auto, dev) <= calls), AUTO[0])


def run_mipro(host: Host, settings: MiproSettings, seed: int, calls: int) -> None:
    """One MIPROv2 compilation, with `calls` to spend. Raises whatever DSPy raises."""
    with quiet_dspy() as dspy:
        own = settings.num_candidates > 0
        auto = None if own else fitting_auto(len(host.task.rows("dev")), calls) if settings.auto == "fit" else settings.auto
        program = Program(dspy, host)
        critic = critic_of(dspy, host, program.text)
        teleprompter = dspy.MIPROv2(
            metric=metric,
            prompt_model=critic,
            task_model=critic,  # never asked: the program asks the host
            auto=auto,
            num_candidates=settings.num_candidates or None,
            max_bootstrapped_demos=settings.max_bootstrapped_demos,
            max_labeled_demos=settings.max_labeled_demos,
            num_threads=1,
            seed=seed + 1,  # it takes 0 for none given
            track_stats=False,
            metric_threshold=1.0,
        )
        with dspy.context(callbacks=[announcing(dspy, host, program)], disable_history=True):
            teleprompter.compile(
                program.student,
                trainset=program.examples("train"),
                valset=program.examples("dev"),
                num_trials=settings.num_trials or None,
                minibatch_size=min(settings.minibatch_size, len(host.task.rows("dev"))),
                minibatch_full_eval_steps=settings.minibatch_full_eval_steps,
                minibatch=len(host.task.rows("dev")) > settings.minibatch_size,
                view_data_batch_size=settings.view_data_batch_size,
            )


def run_random_search(host: Host, settings: RandomSearchSettings, seed: int) -> None:
    """One compilation of DSPy's bootstrap random search. Its own seeds are fixed numbers, so the order of the train rows is the seed's."""
    from topout.search.place import rng_for

    with quiet_dspy() as dspy:
        program = Program(dspy, host)
        train = program.examples("train")
        rng_for(seed, 0, "order of the train rows").shuffle(train)
        teleprompter = dspy.BootstrapFewShotWithRandomSearch(
            metric=metric,
            max_bootstrapped_demos=settings.max_bootstrapped_demos,
            max_labeled_demos=settings.max_labeled_demos,
            num_candidate_programs=settings.num_candidate_programs,
            num_threads=1,
            metric_threshold=1.0,
        )
        with dspy.context(
            callbacks=[announcing(dspy, host, program)], lm=critic_of(dspy, host, program.text), disable_history=True
        ):
            teleprompter.compile(program.student, trainset=train, valset=program.examples("dev"))


def metric(example: Any, prediction: Any, trace: object = None) -> float:
    """The host's score, which travels with the prediction."""
    return float(prediction.points)


class Program:
    """The task as a DSPy program with one predictor: its instructions are the first text that may be edited, its demos the few-shot set."""

    def __init__(self, dspy: Any, host: Host) -> None:
        self._dspy = dspy
        self.host = host
        task = host.task
        self.component = next(iter(editable(task)), None)
        self.text = self.component.text if self.component else task.description or "Answer."
        self._names = dict(zip(task.fields, names_of(task.fields), strict=True))
        self._rows: dict[tuple[str, ...], Example] = {}
        for row in (*task.rows("train"), *task.rows("dev")):
            self._rows.setdefault(tuple(row.inputs[field] for field in task.fields), row)
        self._known: dict[tuple[str, str], Rollout] = {}
        fields = {name: (str, dspy.InputField()) for name in self._names.values()} | {"answer": (str, dspy.OutputField())}
        signature = dspy.Signature(fields, self.text)
        self.student = student_of(dspy, signature, self)
        self.student.predictors()[0].demos = [self.example(demo.inputs, demo.output) for demo in task.baseline.demos]

    def example(self, inputs: Mapping[str, str], answer: str) -> Any:
        named = {name: inputs[field] for field, name in self._names.items()}
        return self._dspy.Example(**named, answer=answer).with_inputs(*named)

    def examples(self, split: Any) -> list[Any]:
        return [self.example(row.inputs, answer_text(row.expected)) for row in self.host.task.rows(split)]

    def row(self, example: Mapping[str, str]) -> Example:
        return self._rows[tuple(example[name] for name in self._names.values())]

    def prompt(self, predictor: Any) -> Prompt:
        """The baseline with the predictor's instructions and demos."""
        prompt = self.host.task.baseline
        if self.component is not None:
            prompt = prompt.with_text(self.component.name, str(predictor.signature.instructions))
        demos = []
        for demo in predictor.demos:
            row = self.row(demo)
            demos.append(Demo(dict(row.inputs), str(demo["answer"]), row.id))
        return prompt.with_demos(tuple(demos))

    def measure(self, prompt: Prompt, rows: Sequence[Example]) -> list[Rollout] | None:
        """The rollouts of a prompt, asked for in one go where they are not known; None for a prompt that no row can be put into."""
        if not answerable(prompt, self.host.task):
            return None
        name = prompt_id(prompt)
        missing = {row.id: row for row in rows if (name, row.id) not in self._known}
        if missing:
            for rollout in self.host.measure(prompt, list(missing.values())):
                self._known[name, rollout.example] = rollout
        return [self._known[name, row.id] for row in rows]

    def forget(self) -> None:
        """An evaluation is over: the next one of the same prompt and row is the host's affair again."""
        self._known.clear()


def student_of(dspy: Any, signature: Any, program: Program) -> Any:
    """The module. DSPy copies it deeply: what it measures with is reached through a closure."""

    class Measured(dspy.Predict):  # type: ignore[misc]
        def forward(self, **inputs: Any) -> Any:
            prompt, row = program.prompt(self), program.row(inputs)
            told = program.measure(prompt, [row])
            rollout = told[0] if told else None
            found = dspy.Prediction(answer=rollout.answer if rollout else "")
            trace = dspy.settings.trace
            if trace is not None:
                trace.append((self, inputs, found))
            return dspy.Prediction(answer=found.answer, points=points([rollout])[0] if rollout else 0.0)

    class Student(dspy.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.answer = Measured(signature)

        def forward(self, **inputs: Any) -> Any:
            return self.answer(**inputs)

    return Student()


def announcing(dspy: Any, host: Host, program: Program) -> Any:
    """DSPy's callback that has all rows of an evaluation measured before it begins, and tells of a step when it is over."""

    class Announcing(dspy.utils.callback.BaseCallback):  # type: ignore[misc]
        under_way: tuple[Prompt, bool] | None = None

        def on_evaluate_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
            instance.display_progress = False
            devset = inputs.get("devset") or instance.devset
            metadata = inputs.get("callback_metadata") or {}
            prompt = program.prompt(inputs["program"].predictors()[0])
            self.under_way = (prompt, metadata.get("metric_key", "eval_full") == "eval_full")
            program.forget()
            program.measure(prompt, [program.row(example) for example in devset])

        def on_evaluate_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
            if self.under_way is None or outputs is None:
                return
            (prompt, full), self.under_way = self.under_way, None
            program.forget()
            score, rows = float(outputs.score) / 100, len(outputs.results)
            said = f"DSPy: {100 * score:.1f} % on {rows} dev rows"
            if full and answerable(prompt, host.task):
                host.tell(Step("kept", said, prompt, host.task.baseline, score))
            else:
                host.tell(Step("dropped", f"{said}{'' if full else ', a minibatch'}", prompt, host.task.baseline, score))

    return Announcing()


def critic_of(dspy: Any, host: Host, instead: str) -> Any:
    """The critic as a DSPy language model. To a question that it has no answer to, `instead` is the instruction that it would have proposed: the error
    that DSPy would else be handed ends its whole run."""

    class CriticLM(dspy.BaseLM):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(model="topout/critic", cache=False, num_retries=0)

        def forward(self, prompt: str | None = None, messages: Any = None, **kwargs: Any) -> Any:
            turns = messages or [{"role": "user", "content": prompt or ""}]
            asked = [Message(turn["role"], str(turn["content"])) for turn in turns]
            told = in_fields(host.ask(asked), asked[-1].content, instead)
            choice = Reply(message=Reply(content=told, tool_calls=None), finish_reason="stop")
            return Reply(choices=[choice], usage={}, model="topout/critic")

    return CriticLM()


def in_fields(reply: str, question: str, instead: str) -> str:
    """A reply in the form that DSPy's adapter reads. A model that answered without its markers has the text taken for the field that was asked for, the
    fenced block alone where there is one."""
    found = ASKED_FOR.search(question)
    if found is None or f"[[ ## {found[1]} ## ]]" in reply:
        return reply
    proposal = read_proposal(reply)
    text = proposal.text.strip() if proposal is not None else reply.strip()
    return f"[[ ## {found[1]} ## ]]\n{text or instead}\n\n[[ ## completed ## ]]"


class Reply:
    """A response in the shape that DSPy reads."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


def names_of(fields: Sequence[str]) -> list[str]:
    """Names for DSPy: identifiers, none that it has a use for itself."""
    taken = {"answer", "demos", "config", "signature", "lm", "inputs", "labels", "keys", "values", "items", "get", "copy"}
    out: list[str] = []
    for field in fields:
        name = "".join(c if c.isalnum() and c.isascii() else "_" for c in field)
        if not name.isidentifier() or name.startswith("_") or name in taken:
            name = f"input_{name}"
        while name in taken:
            name += "_"
        taken.add(name)
        out.append(name)
    return out


class Quiet:
    """In the place of the tqdm module: no bar."""

    @staticmethod
    def tqdm(rows: Sequence[Any]) -> Sequence[Any]:
        return rows


@contextlib.contextmanager
def quiet_dspy() -> Iterator[Any]:
    """DSPy without its log lines, bars and warnings: only the command line prints. What the process had set is put back.

    Its modules print, some unconditionally: they are given a print and a bar of their own, since to take stdout away would take it from everybody."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with warnings.catch_warnings(), contextlib.ExitStack() as undo:
        warnings.simplefilter("ignore")
        import dspy
        import dspy.utils.callback
        import optuna
        from dspy.teleprompt import bootstrap, random_search, utils

        for module in (bootstrap, random_search, utils):
            for name, stand_in in (("print", silent), ("tqdm", Quiet)):
                before = vars(module).get(name, vars(builtins).get(name))
                if before is not None:
                    undo.callback(setattr, module, name, before)
                    setattr(module, name, stand_in)
        logger = logging.getLogger("dspy")
        undo.callback(logger.setLevel, logger.level)
        undo.callback(optuna.logging.set_verbosity, optuna.logging.get_verbosity())
        logger.setLevel(logging.CRITICAL)
        yield dspy


def silent(*said: object, **how: object) -> None:
    """In the place of print."""
