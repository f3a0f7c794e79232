"""A task folder -> Task and Scorer. The only reader of tasks/."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from topout.config.task_file import JsonScorer, JudgeScorer, LabelScorer, PythonScorer, TaskFile
from topout.config.toml_files import check_toml, line_of, read_text
from topout.contracts import Program, Scorer
from topout.domain import Deployment, Example, Json, Prompt, Split, Task
from topout.errors import UserError, did_you_mean, place
from topout.plugins.answer_files import read_answers
from topout.plugins.loaded_program import LoadedProgram
from topout.plugins.modules import code_file
from topout.plugins.programs import load_program
from topout.plugins.prompt_folders import PROMPT_FILE, read_prompt, read_steps
from topout.plugins.rows import as_text
from topout.plugins.scorers import Grader, anything, built_in, load_judge, load_scorer
from topout.plugins.splits import Located, read_splits
from topout.scoring.labels import label_problem
from topout.text.fingerprints import digest, prompt_id
from topout.text.rendering import placeholders

__all__ = ["TaskFolder", "load_task"]

UNMEASURED: dict[str, bool | set[str]] = {"scorer": {"processes"}}
"""Settings that say where scores are computed, and change none."""


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """A task with its scorer. `warnings` are lines for the user about what is allowed and looks unintended.

    `holdout_fingerprint` is a hash over what can change a prompt's held-out score: held-out rows, scorer, and how the model is asked. With
    equal ones, two prompts were measured alike, whatever the task's own prompt and train rows were. `output_schema` is the JSON Schema of a json scorer,
    `places` are file and line by example id. `program` is how a prompt answers a row, None for one call. `state` makes what another tool loads of a
    program with a prompt (None where there is no such tool): the state of a DSPy module.
    """

    task: Task
    scorer: Scorer
    folder: Path
    warnings: tuple[str, ...] = ()
    holdout_fingerprint: str = ""
    output_schema: Mapping[str, Json] | None = None
    places: Mapping[str, str] = field(default_factory=dict)
    program: Program | None = None
    state: Callable[[Prompt], bytes] | None = None


def load_task(folder: Path) -> TaskFolder:
    """Read and check a task folder: task.toml, prompt.md (and demos.jsonl), the data files, and a scorer.py where it names one.

    Everything is checked before anything is paid for, the user's own scorer by one call on the first train row. Raises UserError
    (ScorerError for that call), one line: path, line, what was found, what to do.
    """
    if not folder.is_dir():
        parent = folder.parent
        names = sorted(p.parent.name for p in parent.glob("*/task.toml")) if parent.is_dir() else []
        raise UserError(f"{folder}: no such task folder.{did_you_mean(folder.name, names) or ' A task folder has a task.toml.'}")
    toml = folder / "task.toml"
    text = read_text(toml)
    settings = check_toml(text, toml, TaskFile)
    program = load_program(folder, settings.program, settings.model) if settings.program is not None else None
    baseline = read_baseline(folder, settings, program)
    rows = read_splits(folder, settings)
    labels = labels_of(settings, rows)
    schema = read_schema(folder, settings)
    where = place(toml, line_of(text, ("scorer",)))
    rivals = rivals_of(folder, settings, rows, where)
    grader = grader_of(folder, settings, labels, schema, rivals, where)
    check_expected(settings, rows, labels, grader)
    used = {name for c in baseline.components for name in placeholders(c.text)}
    splits = {split: tuple(example for example, _ in located) for split, located in rows.items()}
    if isinstance(settings.scorer, PythonScorer):
        first = splits["train"][0]
        grader.scorer(as_text(first.expected), first)
    task = Task(
        name=settings.name,
        description=settings.description,
        fields=settings.fields,
        baseline=baseline,
        splits=splits,
        fingerprint=fingerprint(folder, settings, prompt_id(baseline), splits, schema),
        scorer_name=settings.scorer.file if isinstance(settings.scorer, PythonScorer) else settings.scorer.name,
        labels=labels,
        critic_notes=settings.critic.notes,
        deployment=Deployment(**settings.deployment.model_dump()),
        temperature=settings.model.temperature,
        max_output_tokens=settings.model.max_output_tokens,
        program=program.kind if program is not None else "",
        output_schema=schema,
    )
    unused = [name for name in settings.fields if name not in used and program is None]
    warnings = tuple(f"{folder / 'prompt.md'}: the prompt never uses the field '{name}'." for name in unused)
    places = {example.id: row.where for located in rows.values() for example, row in located}
    return TaskFolder(
        task,
        grader.scorer,
        folder,
        warnings,
        holdout_fingerprint(folder, settings, task, schema),
        schema,
        places,
        program.made(baseline) if program is not None else None,
        program.state if program is not None else None,
    )


def read_baseline(folder: Path, settings: TaskFile, program: LoadedProgram | None) -> Prompt:
    """The prompt that the task brings: prompt.md, or what a program comes with where there is none."""
    file = folder / PROMPT_FILE
    if program is None:
        return read_prompt(file, settings.fields)
    if program.steps is not None and not file.exists():
        return program.steps
    return read_steps(file, program.steps)


def labels_of(settings: TaskFile, rows: Mapping[Split, list[Located]]) -> tuple[str, ...]:
    """The listed labels, or those of the train rows, sorted; none for a task that is not about labels."""
    if settings.labels != "from:train":
        return settings.labels
    if not isinstance(settings.scorer, LabelScorer):
        return ()
    return tuple(sorted({as_text(example.expected) for example, _ in rows["train"]}))


def read_schema(folder: Path, settings: TaskFile) -> dict[str, Json] | None:
    """The JSON Schema that a json scorer names. It lies in the folder, for it goes to models, into runs and into exports."""
    if not isinstance(settings.scorer, JsonScorer) or not settings.scorer.schema_file:
        return None
    why = "a model is sent only the schema that lies in the folder that you named"
    path = code_file(folder, settings.scorer.schema_file, str(folder / "task.toml"), why)
    try:
        schema: Json = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise UserError(f"{place(path, error.lineno)}: broken JSON: {error.msg} at column {error.colno}.") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path}: JSON with too long a number in it, or nested too deeply. Shorten it.") from None
    if not isinstance(schema, dict):
        raise UserError(f"{path}: a JSON Schema is an object {{...}}.")
    return schema


def rivals_of(folder: Path, settings: TaskFile, rows: Mapping[Split, list[Located]], where: str) -> Mapping[str, str] | None:
    """The answers that a judge of pairs holds each row's answer against, None where it is the expected one. Raises UserError when a row has none."""
    if not isinstance(settings.scorer, JudgeScorer) or not settings.scorer.against:
        return None
    path = code_file(folder, settings.scorer.against, where, "a judge is sent only what lies in the folder that you named")
    found = {line.example: line.answer for line in read_answers(path)}
    missing = [(split, example.id) for split, located in rows.items() for example, _ in located if example.id not in found]
    if missing:
        split, name = missing[0]
        raise UserError(
            f"{path}: no answer to row '{name}' of {split} ({len(missing):,} rows have none). "
            f"`topout evaluate TASK --split {split} --answers FILE` writes them, with a scorer that needs none of them."
        )
    return found


def grader_of(
    folder: Path,
    settings: TaskFile,
    labels: tuple[str, ...],
    schema: Mapping[str, Json] | None,
    rivals: Mapping[str, str] | None,
    where: str,
) -> Grader:
    """The task's scorer. `where` is the place of the scorer's table in task.toml."""
    if isinstance(settings.scorer, PythonScorer):
        return Grader(
            load_scorer(code_file(folder, settings.scorer.file, where), settings.scorer.threads, settings.scorer.processes),
            anything,
        )
    try:
        if isinstance(settings.scorer, JudgeScorer):
            rubric = code_file(folder, settings.scorer.rubric, where, "a judge is sent only what lies in the folder that you named")
            return load_judge(settings.scorer, read_text(rubric), rivals)
        return built_in(settings.scorer, labels, schema)
    except ValueError as error:
        raise UserError(f"{where}: scorer '{settings.scorer.name}': {error}.") from None


def check_expected(settings: TaskFile, rows: Mapping[Split, list[Located]], labels: tuple[str, ...], grader: Grader) -> None:
    """Every expected value has to be one that the scorer can grant."""
    known = frozenset(labels)
    hint = (
        " Labels are collected from train: add a train row with it, or list 'labels' in task.toml."
        if settings.labels == "from:train"
        else " Mend the row, or add it to 'labels' in task.toml."
    )
    for located in rows.values():
        for example, row in located:
            problem = grader.problem(example.expected)
            if problem:
                raise UserError(f"{row.where}: {settings.expected}: {problem}")
            if labels and as_text(example.expected) not in known:
                raise UserError(f"{row.where}: {label_problem(example.expected, labels)}{hint}")


def fingerprint(
    folder: Path, settings: TaskFile, baseline: str, splits: Mapping[Split, tuple[Example, ...]], schema: dict[str, Json] | None
) -> str:
    """A hash over all that can change a score or a search. Where rows are stored and facts about the use are no part of it."""
    code = scorer_text(folder, settings)
    return digest(
        {
            "task": settings.model_dump(
                mode="json",
                exclude={
                    "deployment": True,
                    "splits": True,
                    **UNMEASURED,
                    **({"program": True} if settings.program is None else {}),
                },
            ),
            "prompt": baseline,
            "splits": {split: [[e.id, e.inputs, e.expected, e.group] for e in examples] for split, examples in splits.items()},
            "scorer": code,
            "schema": schema,
            **program_files(folder, settings),
        }
    )


def scorer_text(folder: Path, settings: TaskFile) -> str:
    """What a scorer is made of: the user's own code, or a judge's rubric and the answers that it holds others against. '' for a built-in one."""
    match settings.scorer:
        case PythonScorer(file=name):
            return read_text(folder / name)
        case JudgeScorer(rubric=name, against=against):
            return read_text(folder / name) + (read_text(folder / against) if against else "")
        case _:
            return ""


def program_files(folder: Path, settings: TaskFile) -> dict[str, dict[str, str]]:
    """What a program is made of, by file; nothing for a task without one."""
    if settings.program is None:
        return {}
    return {"program": {name: content(folder / name) for name in (settings.program.file, *settings.program.reads)}}


def content(path: Path) -> str:
    """A hash over a file. Raises UserError when it cannot be read."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}. The program reads it, as task.toml says.") from error


def holdout_fingerprint(folder: Path, settings: TaskFile, task: Task, schema: dict[str, Json] | None) -> str:
    """A hash over all that can change the held-out score of a given prompt with a given model."""
    code = scorer_text(folder, settings)
    return digest(
        {
            "settings": settings.model_dump(
                mode="json",
                include={"scorer", "model", *(("program",) if settings.program is not None else ())},
                exclude=UNMEASURED,
            ),
            "labels": task.labels,
            "holdout": [[e.id, e.inputs, e.expected, e.group] for e in task.rows("holdout")],
            "scorer": code,
            "schema": schema,
            **program_files(folder, settings),
        }
    )
