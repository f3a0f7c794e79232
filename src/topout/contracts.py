"""The whole extension surface on one page.

Whoever writes a model, a scorer, an optimizer, a journal, an exporter or a registry of their own implements one of these, and sits the same exam as the
shipped ones (`topout.testing`).
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from topout.domain import (
    Attempt,
    Candidate,
    Estimate,
    Event,
    Example,
    Failure,
    Gain,
    Json,
    Message,
    Operator,
    Prompt,
    Reply,
    Request,
    Rollout,
    Score,
    Split,
    Step,
    Task,
    Unscored,
    Verdict,
)

__all__ = [
    "Answer",
    "Answered",
    "Apart",
    "Block",
    "Carried",
    "Critique",
    "Executor",
    "Exported",
    "Exporter",
    "Grading",
    "HandOff",
    "HandOffExporter",
    "History",
    "Journal",
    "Judge",
    "Lab",
    "Member",
    "Model",
    "Move",
    "Offer",
    "Optimizer",
    "Program",
    "Provenance",
    "Registered",
    "Registry",
    "RegistryTarget",
    "Scorer",
    "SlowScorer",
    "Solve",
    "Solved",
    "Stop",
]


class Model(Protocol):
    """Anything that answers requests. Outages and refusals are returned, never raised."""

    async def complete(self, request: Request) -> Reply | Failure: ...


@dataclass(frozen=True, slots=True)
class Solved:
    """What a program made of an example: `answer` goes to the scorer. `latency_s` is how long that took, with calls side by side counted once (None: the
    sum over its calls). Calls, tokens and dollars are counted where the calls are made, not told here.

    `steps` are the calls of a program of several, in order. `wrong` says, in words for a critic, why there is no answer and that is the program's own
    doing (it raised, it never came to an end): the score is 0 then, and the scorer is not asked. `unread` counts replies that lacked the mark of the
    final answer, so that it had to be guessed."""

    answer: str
    latency_s: float | None = None
    steps: tuple[Step, ...] = ()
    wrong: str = ""
    unread: int = 0


class Solve(Protocol):
    """A program with its prompt in place. Asks `model` under `name`; a failure of a call that it cannot do without is returned. `sample` tells
    repeated draws apart."""

    async def __call__(self, example: Example, sample: int, model: Model, name: str) -> Solved | Failure: ...


class Program(Protocol):
    """How a prompt answers an example: one call of the task model, or several."""

    def calls(self, prompt: Prompt) -> int:
        """The most calls that one example takes with this prompt (at least 1): what a budget sets aside for it. A call past them is refused."""
        ...

    def bind(self, prompt: Prompt) -> Solve:
        """The program with this prompt: what does not depend on the example is done once, here."""
        ...


class Scorer(Protocol):
    """Judges one answer. Pure: equal arguments, equal score. Raises nothing for a bad answer (that is a low score).

    It is called on the event loop, so that what it returns can be journaled at once: while it works, no call is sent or received. Microseconds are
    well; one that takes longer (it runs a program, asks a database) is wrapped in a `SlowScorer`.
    """

    def __call__(self, answer: str, example: Example) -> Score: ...


class Apart(Protocol):
    """A scorer that works in processes of its own. It blocks, and bears being called from several threads."""

    def __call__(self, answer: str, example: Example) -> Score: ...

    def close(self) -> None:
        """End the processes; whoever waits for a score gets none."""
        ...


@dataclass(frozen=True, slots=True)
class SlowScorer:
    """A scorer that takes longer than a few milliseconds: the engine calls it in threads, `at_once` of them, and goes on with its calls meanwhile.

    `score` must bear being called from several threads, and must return: it is not interrupted. With `apart`, the engine's threads hand their answers to as
    many processes instead, that the thing which it makes keeps: for a scorer that burns processor time. Anyone else may call this object as any other scorer.
    """

    score: Scorer
    at_once: int
    apart: Callable[[], Apart] | None = None

    def __call__(self, answer: str, example: Example) -> Score:
        return self.score(answer, example)


@dataclass(frozen=True, slots=True)
class Judge:
    """A scorer that asks a model. Pure on both sides of the asking, which is the engine's: `ask` makes the questions about an answer to an example, `read`
    makes the score of the replies to them, in that order (Unscored, with the reason, for a reply that is no verdict).

    `calls` is how many questions there are about an answer. `rubric` is a hash of what the judge is told, whatever the row; `mode` says how it judges ('points':
    one answer by itself, 'pairs': beside the reference). `model` is whom the task names, '' for nobody. Called as other scorers are, where no model is at
    hand, it gives no score.
    """

    ask: Callable[[str, Example], tuple[tuple[Message, ...], ...]]
    read: Callable[[Sequence[str]], Score]
    calls: int
    rubric: str
    mode: Literal["points", "pairs"] = "points"
    model: str = ""
    temperature: float = 0.0
    max_output_tokens: int = 512

    def __call__(self, answer: str, example: Example) -> Score:
        return Unscored("a model judges these answers, and none is asked here")


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that one candidate is to answer: what is handed to an executor. `sample` tells repeated draws apart."""

    candidate: Candidate
    rows: tuple[tuple[Example, Split], ...]
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a row. `halted` is the failure that means the end of the whole run; a `rollout` beside it was bought and is no result yet."""

    rollout: Rollout | None
    halted: Failure | None = None


class Executor(Protocol):
    """Where rows are answered and scored: in this process, or on workers elsewhere.

    Only that is its work. What is asked, in which order it counts, the journal and the budget stay with the engine, so a run is the same whoever
    executes it. The engine asks for a pair of candidate and example once a session; an executor may work at it more than once (a worker was killed) as long as
    it gives one result, and buys no reply again that it had received.
    """

    def calls(self, prompt: Prompt) -> int:
        """The most calls that one answer of this prompt takes, those of a judge included."""
        ...

    def answer(self, block: Block) -> Sequence[Awaitable[Answered]]:
        """What becomes of each row, in their order, each to be had as soon as it is known. Raises, here or there, what the user's code raised (a scorer, a
        placeholder that the row has not)."""
        ...

    async def close(self) -> None:
        """Let go of what nobody waits for any more. Replies that are on their way are waited for, some seconds at most."""
        ...


class Journal(Protocol):
    """Append-only. `append` returns when the event would survive a kill of this process."""

    def append(self, event: Event) -> None: ...


@dataclass(frozen=True, slots=True)
class Member:
    """A candidate in the pool with its score on each dev row, in the order of the dev split (nan where unscored or not measured).

    `mean` is over the rows that were scored, `tokens` the mean prompt tokens of an answer, `calls` how many calls an answer takes at most. `level` is the mean
    of its scores less what the pool made of the same rows before it came (`History.ease`): comparable between members that were measured on different rows."""

    candidate: Candidate
    scores: tuple[float, ...]
    mean: float
    tokens: float
    calls: int = 1
    level: float = 0.0


@dataclass(frozen=True, slots=True)
class History:
    """What has happened, as an optimizer sees it: committed attempts in order and the pool they left behind.

    `pool[0]` is the baseline. `champion` is the member with the best dev score (ties to the fewer tokens, then to the older).
    `holders[i]` are the indices into `pool` of the members that do best on dev row i (empty when nobody scores there):
    the per-example Pareto frontier. `train_scores[candidate][example]` is what is known of candidates on train rows, `train_steps` the steps
    of a program there.
    `ease[i]` is how much better than their own level the members do on dev row i, shrunken towards 0 while few were measured there.
    `calls` are those of the search so far (of both models), `calls_left` those that are neither made nor held by attempts in flight.
    Sequences are live views that only the engine extends: read them in `plan`, keep none.
    """

    task: Task
    attempts: Sequence[Attempt]
    pool: Sequence[Member]
    champion: int
    holders: Sequence[Sequence[int]]
    train_scores: Mapping[str, Mapping[str, float]]
    calls: int
    calls_left: int
    train_steps: Mapping[str, Mapping[str, tuple[Step, ...]]] = field(default_factory=dict)
    ease: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """What to try next. `parents` come from the pool; `read` are train examples for the critic; `component` is what to edit.

    `prompt` is set when the proposal needs no critic. `calls` is how many calls are set aside for the attempt beside those for `read` on
    the first parent; past them it waits for its turn and asks for more. A rollout counts as many calls as an answer of its prompt takes (`Member.calls`).
    `more` is how many it will need then if all goes well: nothing is planned that could not be finished with what is left. `references` are train rows that the critic is shown with their expected
    answers alone: they cost no call. `critiques` is how often the critic is asked at most when `prompt` is not set. `rows` is how many dev rows the race is over, 0 for all. `bar` is what a challenger is held against on each dev row (empty:
    the first parent's own scores). `notes` are edits that failed before, told to the critic. `word_cap` bounds
    the critic's text.
    """

    operator: Operator
    parents: tuple[Member, ...]
    read: tuple[Example, ...] = ()
    references: tuple[Example, ...] = ()
    component: str = ""
    prompt: Prompt | None = None
    notes: tuple[str, ...] = ()
    calls: int = 0
    more: int = 0
    critiques: int = 1
    rows: int = 0
    bar: tuple[float, ...] = ()
    rationale: str = ""
    word_cap: int = 600


@dataclass(frozen=True, slots=True)
class Stop:
    """Nothing left to try, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Critique:
    """A checked proposal of the critic: the new prompt and the rationale; or `prompt` None and `rejected`, the reason."""

    prompt: Prompt | None
    rationale: str
    rejected: str = ""


class Lab(Protocol):
    """What an attempt can do. Everything is metered, cached, journaled and replayed by the engine behind it."""

    @property
    def task(self) -> Task: ...

    def rng(self, purpose: str) -> random.Random:
        """Randomness that depends on the run's seed, this attempt and the purpose alone."""
        ...

    async def measure(self, candidate: Candidate, examples: Sequence[Example]) -> list[Rollout] | None:
        """One rollout an example, in their order, asked at once; None when the budget does not allow for all of them or the run is being halted.

        Train and dev rows only: the holdout is not reachable from here."""
        ...

    async def critique(self, move: Move, failing: Sequence[Rollout], passing: Sequence[Rollout]) -> Critique | None:
        """Ask the critic for an edit of `move.component` of the first parent, shown these rollouts; None when the budget does not allow for it or
        the run is being halted. A critic that has no answer to this one question is a rejected proposal."""
        ...

    async def ask(self, messages: Sequence[Message]) -> str | None:
        """Put a question of the optimizer's own to the critic, who is told nothing else: for optimizers that bring their own prompts for it.

        The reply as it came, unchecked; '' when the critic has no answer to this one or was cut off in it. None when the budget does not allow for it or the run is
        being halted."""
        ...

    def candidate(self, prompt: Prompt, move: Move, rationale: str) -> Candidate:
        """The candidate of that prompt, with its lineage."""
        ...


class Optimizer(Protocol):
    """A function from what has happened to what to try next.

    The engine keeps `lanes` attempts in flight and commits them in order of their number: attempt k is planned when attempt
    k - lanes has been committed, whatever the speed of the models. So a run is a function of its seed and the replies, at any
    concurrency, and a resumed run is the uninterrupted one.
    """

    @property
    def lanes(self) -> int: ...

    def plan(self, number: int, history: History, rng: random.Random) -> Move | Stop:
        """What attempt `number` should try. Pure: all that it may use is in its arguments."""
        ...

    async def attempt(self, number: int, move: Move, lab: Lab) -> Attempt:
        """Carry the move out and decide. Sees nothing of the other attempts."""
        ...


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a prompt comes from and what it is worth: travels with every export. No addresses, no keys, no environment.

    `task_fingerprint` is a hash over the whole task, `holdout_fingerprint` over what can change a given prompt's held-out score: rows, scorer and how
    the model is asked. `baseline` and `score` are held-out scores of the task's own prompt and of this one, `gain` the paired difference (None
    when one of them was not measured, or they are the same). `verdict` is that of the whole run. `topout` is the version that ran it.
    """

    run: str
    candidate: str
    task: str
    task_fingerprint: str
    holdout_fingerprint: str
    model: str
    critic: str
    scorer: str
    recipe: str
    baseline: Estimate
    score: Estimate
    gain: Gain | None
    verdict: Verdict
    topout: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A prompt that is to be exported under `name`, and on which terms.

    `fields` are the placeholders that the prompt asks for. `scores` are its held-out scores by example id, `groups` what rows belong
    together: for a paired comparison with what a registry has now. `alias` ('' for none) is to point at it; `force` overrides a refusal.
    `temperature` and `max_output_tokens` are how the task model was asked, None where the run does not say; `output_schema` is the JSON schema
    that the task's scorer holds answers against, None without one. `program` is '' for a prompt of one call, else how the task's program is written
    (`Task.program`): its parts are those of several steps then. `state` is what DSPy loads of such a program with this prompt, where it is one of DSPy's.
    """

    name: str
    prompt: Prompt
    fields: tuple[str, ...]
    provenance: Provenance
    scores: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    alias: str = ""
    force: bool = False
    temperature: float | None = None
    max_output_tokens: int | None = None
    output_schema: Mapping[str, Json] | None = None
    program: Literal["", "run", "dspy"] = ""
    state: bytes | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export comes to: files by their path below the folder, in the order in which they are put in place.

    They are written all or none. `note` says in one sentence how to use them, `warnings` what the format cannot carry.
    """

    files: Mapping[str, bytes]
    note: str = ""
    warnings: tuple[str, ...] = ()


class Exporter(Protocol):
    """Turns an offer into files. Reads what is in `folder` (which may not exist), writes nothing.

    Raises UserError when the format cannot carry the prompt, or when what is there must not be replaced.
    """

    def __call__(self, offer: Offer, folder: Path) -> Exported: ...


@dataclass(frozen=True, slots=True)
class Grading:
    """A task's scorer in a form that travels: `name` and `settings` (with `labels` and `schema`) of a built-in one, or `code`, the text of the user's
    own scorer.py ('' for a built-in one)."""

    name: str
    settings: Mapping[str, Json] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Json] | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a candidate of the run answered to an example, and the score of that in [0, 1]."""

    candidate: str
    example: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class HandOff:
    """Rows of a task and what a run knows of them, for another program's trainer or test runner.

    `rows` are all that may be written: train and dev rows for a trainer, held-out rows for a test runner, never both. `answers` are to these rows.
    `offer.prompt` is what the other program's model is to be asked with. `bar` is the lowest score of an answer that is worth learning from. `source` is
    the task folder as the user wrote it; `left_out` says which rows stay behind, a sentence each.
    """

    offer: Offer
    rows: tuple[Example, ...]
    answers: tuple[Answer, ...]
    grading: Grading
    bar: float = 1.0
    source: str = ""
    left_out: tuple[str, ...] = ()


class HandOffExporter(Protocol):
    """Turns a hand-off into a folder of files. As an Exporter: reads what is there, writes nothing, raises UserError for what it cannot carry."""

    def __call__(self, hand_off: HandOff, folder: Path) -> Exported: ...


@dataclass(frozen=True, slots=True)
class Registered:
    """A version that a registry holds.

    `version` is its name there. `prompt` is what topout reads it back as; None when the registry's format holds what no Prompt is (tools, pictures, a
    template language). `record` is what `publish` was given: empty when somebody else made the version or it is damaged. `unread` says what stood in
    the way of either, in a clause.
    """

    version: str
    prompt: Prompt | None
    record: Mapping[str, Json] = field(default_factory=dict)
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Carried:
    """What becomes of a prompt in a registry: `prompt` as it will be read back (parts joined, names lost, ...), `warnings` what is not carried, one
    sentence each."""

    prompt: Prompt
    warnings: tuple[str, ...] = ()


class Registry(Protocol):
    """Versions of prompts under a name, and aliases that point at them: a directory, or somebody's server.

    What is decided (is this prompt there already, may the alias move) is topout's and the same for all; a registry only carries. Blocking: each call
    answers within 15 s, or raises UserError that says what happened and what to do (server down, not allowed, no such thing, conflict, too large, too
    many requests, broken server). Such a message names the address without credentials and no header, and never holds the server's reply unread.
    Names and aliases come as topout allows them (`exporters/names.py`); a registry with narrower rules raises UserError that states them.
    """

    def carries(self, offer: Offer) -> Carried:
        """What would be read back if this were published. Asks no server. Raises UserError when the format cannot hold the prompt, or the name or
        alias is not allowed here."""
        ...

    def find(self, name: str, pointer: str) -> Registered | None:
        """The version that an alias points at, or the version of that name; None when there is no such prompt, alias or version."""
        ...

    def versions(self, name: str, most: int) -> Sequence[Registered]:
        """The newest versions, newest first, at most `most`; empty when there is no such prompt."""
        ...

    def publish(self, offer: Offer, record: Mapping[str, Json]) -> str:
        """Make a new version that holds the prompt and the record, and return its name. The alias is not touched. The version appears as a whole or
        not at all. Where there is not room for all of the record, its "rows" may be left out and nothing else."""
        ...

    def point(self, name: str, alias: str, version: str) -> None:
        """Let the alias point at that version, whatever it pointed at before."""
        ...

    def address(self, name: str, pointer: str) -> str:
        """What a person writes to load that alias or version, such as `mlflow.genai.load_prompt("prompts:/tickets@production")`."""
        ...


@dataclass(frozen=True, slots=True)
class RegistryTarget:
    """How a registry is reached: what an entry point of the group `topout.exporters` names for one (for files it names an Exporter).

    `connect` is given the address that the user wrote ('' for none: the registry's own environment variable or default decides). It asks no server.
    Raises UserError when a package is missing, with the command that installs it, or the address is none.
    """

    connect: Callable[[str], Registry]
