"""task.toml: what a task folder says about itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

__all__ = [
    "CodeScorer",
    "ContainsScorer",
    "CriticNotes",
    "DeploymentFacts",
    "ExactScorer",
    "JsonScorer",
    "JudgeScorer",
    "LabelScorer",
    "ModelSettings",
    "NumericScorer",
    "ProgramSettings",
    "PythonScorer",
    "Ratios",
    "RegexScorer",
    "ScorerSettings",
    "Splits",
    "TaskFile",
    "TokenF1Scorer",
]

FieldName = Annotated[str, Field(pattern=r"^[^\W\d][\w.-]*$")]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelScorer(Section):
    """1 for the expected label, else 0."""

    name: Literal["label"] = Field(description="Which scorer: one label out of a list.")
    strict: bool = Field(
        default=True,
        description="Only the bare label counts. When false, a sentence that mentions exactly one label counts as that label.",
    )


class ExactScorer(Section):
    """1 when the answer equals the expected text."""

    name: Literal["exact"] = Field(description="Which scorer: equal text. An expected list: any of its texts.")
    ignore_case: bool = Field(default=False, description="Whether upper and lower case are the same.")


class ContainsScorer(Section):
    """The share of the expected texts that occur in the answer."""

    name: Literal["contains"] = Field(description="Which scorer: the expected text, or each text of a list, occurs in the answer.")
    ignore_case: bool = Field(default=True, description="Whether upper and lower case are the same.")


class RegexScorer(Section):
    """1 for a match."""

    name: Literal["regex"] = Field(description="Which scorer: a regular expression.")
    pattern: str = Field(
        default="",
        description="Takes the answer out of the reply: its first group has to equal the expected text. Empty: each row's expected value is the expression.",
    )
    ignore_case: bool = Field(default=False, description="Whether upper and lower case are the same.")


class NumericScorer(Section):
    """1 for the expected number."""

    name: Literal["numeric"] = Field(description="Which scorer: the last number in the answer.")
    tolerance: float = Field(default=0.0, ge=0, description="How far off still counts, in the number's own unit.")
    relative: bool = Field(default=False, description="Whether the tolerance is a share of the expected number instead.")


class TokenF1Scorer(Section):
    """F1 over words."""

    name: Literal["token_f1"] = Field(description="Which scorer: overlap of words with the expected text, between 0 and 1.")


class JsonScorer(Section):
    """An object, valid and right field by field."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True)

    name: Literal["json"] = Field(description="Which scorer: a JSON object compared field by field.")
    schema_file: str = Field(
        default="",
        alias="schema",
        description="A JSON Schema file in the task folder that answers and expected objects have to fit.",
    )
    credit: Literal["fields", "all"] = Field(
        default="fields", description="'fields' gives the share of right fields, 'all' gives 1 only when everything is right."
    )
    kinds: dict[str, Literal["exact", "casefold", "number"]] = Field(
        default_factory=dict, description="How a field is compared. By default numbers as 'number', all else as 'exact'."
    )
    fences: bool = Field(default=True, description="Whether an answer inside one fenced block is accepted.")
    tolerance: float = Field(default=0.0, ge=0, description="How far off a number still counts.")


class CodeScorer(Section):
    """The answer is Python code, and the row says how it is tried."""

    name: Literal["code"] = Field(
        description="Which scorer: the answer's program is run in a sandbox against the row's tests, calls or inputs and outputs."
    )
    credit: Literal["all", "cases"] = Field(
        default="all", description="'all' gives 1 only when every case passes, 'cases' gives the share that does."
    )
    timeout_s: float = Field(
        default=5.0, gt=0, le=600, description="Processor time of one run, in seconds; three times that on the clock."
    )
    memory_mb: int = Field(default=512, ge=64, le=65_536, description="Memory of one run, in megabytes.")
    disk_mb: int = Field(default=16, ge=1, le=4096, description="Files that one run may write in its own directory, in megabytes.")
    output_kb: int = Field(default=256, ge=1, le=65_536, description="What one run may print, in kilobytes.")
    packages: bool = Field(default=False, description="Whether a program may import the packages that are installed beside topout.")
    at_once: int = Field(default=2, ge=1, le=256, description="How many programs run at the same time.")
    allow_unsandboxed: bool = Field(
        default=False,
        description="Run programs also where no sandbox works: they can then read, write and send all that you can. Only within a container or virtual machine.",
    )


class PythonScorer(Section):
    """A scorer of the user's own."""

    name: Literal["python"] = Field(
        default="python", description="Which scorer: a Python file. May be left out where 'file' is given."
    )
    file: str = Field(
        min_length=1,
        description="A Python file in the task folder with `score(answer, expected, inputs)`, returning a number in [0, 1], (number, feedback), or a dict of parts.",
    )
    threads: int = Field(
        default=0,
        ge=0,
        le=256,
        description="In how many threads it is called, so that calls of the models go on meanwhile: for a scorer that takes more than a few milliseconds. 0: in none of its own.",
    )
    processes: int = Field(
        default=0,
        ge=0,
        le=256,
        description="In how many processes it is called: for a scorer that burns processor time (threads of one Python share a processor). It may keep nothing between calls. 0: in none of its own.",
    )

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if self.threads and self.processes:
            raise ValueError("threads and processes are two ways to call a scorer; keep one")
        return self


class JudgeScorer(Section):
    """A model judges by a rubric."""

    name: Literal["judge"] = Field(
        description="Which scorer: a model that judges each answer by a rubric, as its own calls and at its own cost."
    )
    rubric: str = Field(default="rubric.md", min_length=1, description="A text file in the task folder: what makes an answer good.")
    model: str = Field(default="", description="The judge, by its litellm name. --judge names another one for a run.")
    mode: Literal["points", "pairs"] = Field(
        default="points",
        description="'points' marks one answer on the scale; 'pairs' compares it with the expected one, in both orders: two calls.",
    )
    against: str = Field(
        default="",
        description='For \'pairs\': a file of answers to beat instead of the expected ones, a line a row: {"id": row, "answer": text}. `topout evaluate --answers` writes one.',
    )
    scale: tuple[float, float] = Field(default=(1.0, 5.0), description="Worst and best mark of 'points'; they become 0 and 1.")
    criteria: dict[str, float] = Field(
        default_factory=dict, description="Criteria of 'points' that are marked one by one, with their weights. None: one mark."
    )
    reference: bool = Field(default=True, description="Whether the judge of 'points' is shown the expected answer.")
    human: str = Field(
        default="",
        description='A file of answers that people marked, a line each: {"id": row, "answer": text, "score": on the scale}. `topout check --judge` holds the judge against it.',
    )
    temperature: float = Field(default=0.0, ge=0, le=2, description="Sampling temperature of the judge.")
    max_output_tokens: int = Field(default=512, gt=0, description="Longest verdict, in tokens.")

    @model_validator(mode="after")
    def of_its_mode(self) -> JudgeScorer:
        if self.mode == "pairs" and (given := {"scale", "criteria", "reference"} & self.model_fields_set):
            raise ValueError(f"'{min(given)}' is for mode = 'points'; 'pairs' asks which of two answers is better.")
        if self.mode == "points" and self.against:
            raise ValueError("'against' is for mode = 'pairs'; 'points' marks one answer by itself.")
        return self


ScorerSettings = (
    LabelScorer
    | ExactScorer
    | ContainsScorer
    | RegexScorer
    | NumericScorer
    | TokenF1Scorer
    | JsonScorer
    | CodeScorer
    | JudgeScorer
    | PythonScorer
)


class Ratios(Section):
    """Shares of one data file; they add up to 1."""

    train: Share = Field(default=0.3, description="Share that the critic may read and demos come from.")
    dev: Share = Field(default=0.2, description="Share that candidates are selected on.")
    holdout: Share = Field(default=0.5, description="Share that is used for reporting only.")

    @model_validator(mode="after")
    def adds_up(self) -> Ratios:
        total = self.train + self.dev + self.holdout
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train, dev and holdout add up to {total:g}, expected 1.")
        if 0 in (self.train, self.dev, self.holdout):
            raise ValueError("train, dev and holdout each need a share above 0.")
        return self


class Splits(Section):
    """Where the rows are."""

    train: str = Field(default="", description="Rows that the critic reads and demos come from. Default data/train.jsonl or .csv.")
    dev: str = Field(default="", description="Rows that candidates are selected on. Default data/dev.jsonl or .csv.")
    holdout: str = Field(default="", description="Rows for reporting only. Default data/holdout.jsonl or .csv.")
    shift: str = Field(
        default="",
        description="Optional rows from another source, to see how far a gain carries. Default data/shift.jsonl or .csv.",
    )
    file: str = Field(
        default="",
        description="One file for train, dev and holdout instead. A row's split depends on a hash of its id (or group) alone, so adding rows moves none.",
    )
    ratios: Ratios = Field(default_factory=Ratios, description="How the rows of 'file' are shared out.")
    max_row_bytes: int = Field(default=1_000_000, gt=0, description="A longer row is refused, as models cannot read it.")

    @model_validator(mode="after")
    def one_way(self) -> Splits:
        if self.file and (self.train or self.dev or self.holdout):
            raise ValueError("'file' together with 'train', 'dev' or 'holdout'. Give one file, or a file per split.")
        if "ratios" in self.model_fields_set and not self.file:
            raise ValueError("'ratios' without 'file'. Name the data file that is to be shared out.")
        return self


class CriticNotes(Section):
    """What the critic is told."""

    notes: str = Field(default="", description="What a critic should know of the task and cannot see in its rows.")


class ModelSettings(Section):
    """How the task model is asked."""

    temperature: float = Field(default=0.0, ge=0, le=2, description="Sampling temperature of the task model.")
    max_output_tokens: int = Field(default=512, gt=0, description="Longest answer, in tokens.")


class ProgramSettings(Section):
    """A program of the user's own that answers a row by several calls."""

    file: str = Field(
        default="program.py",
        min_length=1,
        description="A Python file in the task folder: `async def run(example, prompts, model)`, or `program`, a dspy.Module or a function that makes one.",
    )
    calls: int = Field(
        gt=0, le=1000, description="The most calls of the model for one row. One more, and the row is answered wrong."
    )
    output: str = Field(
        default="",
        description="Of a DSPy module: the field of its prediction that is the answer. Default: the only one, else all as JSON.",
    )
    reads: tuple[str, ...] = Field(
        default=(), description="Other files of the task folder that the program reads. When one changes, runs are of another task."
    )


class DeploymentFacts(Section):
    """What the advice needs to know; what is left out is asked for rather than assumed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)  # these travel in JSON

    calls_per_day: float | None = Field(default=None, ge=0, description="How often the prompt will be called in a day.")
    output_stability: Literal["stable", "drifting"] | None = Field(
        default=None, description="Whether the distribution of right answers stays as it is or drifts."
    )
    verifiable: bool | None = Field(
        default=None, description="Whether a program can tell right answers from wrong ones in production."
    )
    out_of_distribution_cost: Literal["low", "medium", "high"] | None = Field(
        default=None, description="What a wrong answer on unusual inputs costs."
    )
    label_count: int | None = Field(
        default=None, gt=0, description="How many different answers there are, for tasks with a closed list."
    )
    latency_limit_s: float | None = Field(default=None, gt=0, description="Longest acceptable time to an answer, in seconds.")
    target_score: float | None = Field(default=None, ge=0, le=1, description="The score that is good enough, between 0 and 1.")
    label_agreement: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The score that one careful person's answers get against another's: no score above it can be measured.",
    )
    stronger_model: Literal["open", "tried", "ruled out"] | None = Field(
        default=None, description="Whether the next stronger model can still be tried, was tried, or is ruled out."
    )
    stronger_price_per_1000_usd: float | None = Field(
        default=None, ge=0, description="What 1,000 calls of the next stronger model cost, in dollars."
    )
    demonstrable: bool | None = Field(
        default=None, description="Whether a person can write the right answer down for any input, so that a model can copy it."
    )
    output_narrow: bool | None = Field(
        default=None,
        description="Whether answers take one of few forms (labels, one fixed object). Known where label_count is given.",
    )
    good_rows: int | None = Field(
        default=None,
        ge=0,
        description="Examples with checked answers to train on, without dev, holdout and shift rows. Known where train alone has 500.",
    )
    keep_other_abilities: bool | None = Field(
        default=None, description="Whether a trained model still has to do other things as well as before."
    )
    base_model_stable: bool | None = Field(
        default=None, description="Whether the base model stays for as long as training has to pay back."
    )
    tuned_base: bool | None = Field(
        default=None, description="Whether a fine-tuned model that answers in the right form is at hand, to start RL from."
    )
    training_cost_usd: float | None = Field(
        default=None, ge=0, description="What one training costs with all work around it, in dollars."
    )
    tuned_price_per_1000_usd: float | None = Field(
        default=None, ge=0, description="What 1,000 calls of a trained model cost, in dollars."
    )
    maintenance_usd_per_month: float | None = Field(
        default=None,
        ge=0,
        description="What keeping a trained model takes in a month (hosting, re-training, watching), in dollars.",
    )


class TaskFile(Section):
    """A task for topout: inputs, expected answers, how answers are scored, and what is known about its use."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="The task's name: letters, digits, '.', '_' and '-'.")
    description: str = Field(default="", description="What the task is, in a sentence or two. The critic reads it.")
    fields: tuple[FieldName, ...] = Field(min_length=1, description="The input columns, which the prompt names as {{field}}.")
    expected: str = Field(default="expected", min_length=1, description="The column with the right answer.")
    id: str | None = Field(
        default=None,
        description="The column with the row's id. Default: column 'id' where a row has one, else a hash of the row's content.",
    )
    group: str | None = Field(default=None, description="A column whose equal values keep rows together in one split.")
    labels: tuple[str, ...] | Literal["from:train"] = Field(
        default="from:train", description="The labels of a label task: a list, or 'from:train' to collect them from the train rows."
    )
    splits: Splits = Field(default_factory=Splits, description="Where the rows are.")
    scorer: Annotated[ScorerSettings, Field(discriminator="name")] = Field(description="How answers are scored.")
    critic: CriticNotes = Field(default_factory=CriticNotes, description="What the critic is told.")
    model: ModelSettings = Field(default_factory=ModelSettings, description="How the task model is asked.")
    program: ProgramSettings | None = Field(
        default=None, description="A program that answers a row by several calls. Default: one call of prompt.md."
    )
    deployment: DeploymentFacts = Field(default_factory=DeploymentFacts, description="What the advice needs to know of the use.")

    @model_validator(mode="before")
    @classmethod
    def file_means_python(cls, data: Any) -> Any:
        """`[scorer] file = "scorer.py"` needs no name."""
        if isinstance(data, dict) and isinstance(scorer := data.get("scorer"), dict) and "file" in scorer and "name" not in scorer:
            return {**data, "scorer": {**scorer, "name": "python"}}
        return data

    @field_validator("fields")
    @classmethod
    def fields_differ(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a field is named twice.")
        return value

    @model_validator(mode="after")
    def columns_differ(self) -> TaskFile:
        if self.expected in self.fields:
            raise ValueError(f"'{self.expected}' is an input field and the expected column. The model would be shown the answer.")
        return self


def task_schema() -> dict[str, JsonValue]:
    """The JSON Schema of task.toml, as it is published."""
    schema: dict[str, JsonValue] = TaskFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
