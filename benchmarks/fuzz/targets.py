"""What reads bytes from outside, each as a function of bytes. The rule: a TopoutError with one clear line, or success; never another exception, a
hang, or code that is executed."""

from __future__ import annotations

import io
import json
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console

from topout.app.foreign import verdict_on
from topout.app.starting import init
from topout.contracts import Member, Move
from topout.domain import Candidate, Component, Example, Json, Prompt
from topout.engine.causes_message import BadReply, read_causes
from topout.engine.critique_checks import check_reply
from topout.errors import TopoutError
from topout.exporters import langfuse_registry, phoenix_registry
from topout.exporters.directory import DirectoryRegistry
from topout.models.cache import ReplyCache
from topout.models.prices import parse_price
from topout.plugins.optimizers import load_recipe
from topout.plugins.prompt_folders import read_prompt
from topout.plugins.rows import read_rows
from topout.plugins.tasks import load_task
from topout.report.findings import find
from topout.report.page import sections
from topout.report.showing import show
from topout.report.terminal import summary
from topout.scoring import contains, exact, json_fields, label, numeric, regex, token_f1
from topout.scoring.code_answers import code_problem, program_in
from topout.store.codec import encode
from topout.store.journal import read_journal
from topout.testing.runs import PretendedRun
from topout.text.rendering import render
from topout.text.replies import first_fence, read_proposal

__all__ = ["TARGETS", "Finding", "Target", "attempt"]

HANG_S = 20.0
FORBIDDEN = frozenset(
    {
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "os.forkpty",
        "subprocess.Popen",
        "socket.connect",
        "pty.spawn",
        "ctypes.dlopen",
    }
)
"""Audit events that no reader of data has a reason for."""


@dataclass(frozen=True, slots=True)
class Target:
    """`run` reads bytes with a folder of its own for files; `seeds` are bytes that it accepts, to start from."""

    name: str
    run: Callable[[bytes, Path], object]
    seeds: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule: what happened, and where in topout (the same `where` is the same finding)."""

    target: str
    what: str
    where: str
    data: bytes


class HangError(BaseException):
    """It took too long."""


class ExecutedError(BaseException):
    """Something was started that data must not start."""


WATCHED: list[bool] = []


def watch(event: str, _: tuple[object, ...]) -> None:
    if WATCHED and event in FORBIDDEN:
        raise ExecutedError(event)


@contextmanager
def guarded(seconds: float) -> Iterator[None]:
    """A deadline, and no program or connection started within."""

    def late(number: int, frame: FrameType | None) -> None:
        raise HangError(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    WATCHED.append(True)
    try:
        yield
    finally:
        WATCHED.clear()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def attempt(target: Target, data: bytes, folder: Path, seconds: float = HANG_S) -> Finding | None:
    """Try one input; the rule that it broke, None when it broke none."""
    try:
        with guarded(seconds):
            target.run(data, folder)
    except TopoutError as error:
        line = str(error)
        if not line.strip() or "\n" in line or "\r" in line:
            return Finding(target.name, f"not one line: {line[:200]!r}", "message", data)
        return None
    except (Exception, HangError, ExecutedError, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is the finding
        frames = [f for f in traceback.extract_tb(error.__traceback__) if "topout" in f.filename and "fuzz" not in f.filename]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "outside"
        return Finding(target.name, f"{type(error).__name__}: {' '.join(str(error).split())[:160]}", where, data)
    return None


sys.addaudithook(watch)

# --- task folders ---

TOML = b"""name = "t"
description = "d"
fields = ["text"]
expected = "expected"
labels = ["a", "b"]
[scorer]
name = "label"
strict = true
[splits]
max_row_bytes = 1000
[model]
temperature = 0.0
max_output_tokens = 16
[critic]
notes = ""
[deployment]
calls_per_day = 10
"""
TOMLS = (
    TOML,
    b'name = "t"\nfields = ["text"]\n[scorer]\nname = "json"\nschema = "s.json"\nkinds = {a = "number"}\n[splits]\nfile = "data/train.jsonl"\nratios = {train = 0.4, dev = 0.3, holdout = 0.3}\n',
    b'name = "t"\nfields = ["text"]\n[scorer]\nfile = "scorer.py"\n',
    b'name = "t"\nfields = ["text"]\n[scorer]\nname = "regex"\npattern = "(a+)+$"\n[program]\ncalls = 3\n',
)
PROMPT = b"--- system ---\nChoose a or b.\n--- user (frozen) ---\nText: {{text}}\n"
ROWS = b'{"id": "1", "text": "x", "expected": "a"}\n{"id": "2", "text": "y", "expected": "b"}\n'


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def task_folder(folder: Path) -> Path:
    put(folder / "task.toml", TOML)
    put(folder / "prompt.md", PROMPT)
    for split in ("train", "dev", "holdout"):
        put(
            folder / "data" / f"{split}.jsonl",
            ROWS.replace(b'"1"', f'"{split}1"'.encode())
            .replace(b'"2"', f'"{split}2"'.encode())
            .replace(b'"x"', f'"{split} x"'.encode())
            .replace(b'"y"', f'"{split} y"'.encode()),
        )
    return folder


def task_toml(data: bytes, folder: Path) -> None:
    put(task_folder(folder) / "task.toml", data)
    load_task(folder)


def prompt_md(data: bytes, folder: Path) -> None:
    put(folder / "prompt.md", data)
    with suppress(KeyError):  # a placeholder that the row does not have: told when a task is loaded
        render(read_prompt(folder / "prompt.md", ("text",)), {"text": "{{text}} {% x %} ${y}"})


def demos(data: bytes, folder: Path) -> None:
    put(folder / "prompt.md", PROMPT)
    put(folder / "demos.jsonl", data)
    render(read_prompt(folder / "prompt.md", ("text",)), {"text": "x"})


def rows_jsonl(data: bytes, folder: Path) -> None:
    put(task_folder(folder) / "data" / "dev.jsonl", data)
    load_task(folder)


def rows_csv(data: bytes, folder: Path) -> None:
    put(folder / "rows.csv", data)
    read_rows(folder / "rows.csv")


def recipe(data: bytes, folder: Path) -> None:
    put(folder / "r.toml", data)
    load_recipe(str(folder / "r.toml"))


# --- replies ---

SCHEMA: dict[str, Json] = {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "string", "pattern": "^(x+)+$"}}}


def replies(data: bytes, folder: Path) -> None:
    text = data.decode("utf-8", "surrogateescape" if data[:1] == b"\xff" else "replace")
    judges = (
        (label(["a", "b"]), "a"), (label(["a", "b"], strict=False), "b"), (exact(), ["a", "b"]), (contains(), "a"), (numeric(), 3.5),
        (numeric(tolerance=0.1, relative=True), 0), (token_f1(), "the a"), (regex(r"answer: (\w+)"), "a"), (regex(), "[ab]{2,3}"),
        (json_fields(), {"a": 1}), (json_fields(schema=SCHEMA, credit="all", kinds={"b": "casefold"}), {"a": 1, "b": "x"}),
    )  # fmt: skip
    for scorer, expected in judges:
        scorer(text, Example("1", {}, expected))  # type: ignore[arg-type]
    first_fence(text)
    read_proposal(text)
    program_in(text)
    parent = Candidate(
        "c", Prompt((Component("system", "system", "say {{text}}"), Component("user", "user", "{{text}}")), ()), (), "baseline", ""
    )
    member = Member(parent, (0.5,), 0.5, 10.0)
    check_reply(
        text,
        "stop",
        Move("rewrite", (member,), component="system"),
        [Example("1", {"text": "a b c d e f g h i j k l m n o p"}, "a")],
    )
    with suppress(BadReply):
        read_causes(text, "stop", ["1", "2", "3"])
    with suppress(ValueError, RecursionError):
        code_problem(json.loads(text))
    with suppress(ValueError):
        parse_price(text)


# --- files of runs ---


def pretended() -> bytes:
    run = PretendedRun(qualities=(0.4, 0.6), idle=1, dev=6, holdout=6)
    return "".join(encode(event) + "\n" for event in run.events()).encode()


def journal(data: bytes, folder: Path) -> None:
    put(folder / "journal.jsonl", data)
    events = read_journal(folder / "journal.jsonl")
    found = find(events)
    out = Console(file=io.StringIO(), width=80)
    out.print(summary(found, "runs/x"))
    out.print(show(found))
    sections(found, "runs/x")


def cache(data: bytes, folder: Path) -> None:
    kept = ReplyCache.open(folder / "made")
    kept.close()
    file = folder / "made" / "cache.db"
    whole = bytearray(file.read_bytes())
    at = int.from_bytes(data[:3], "big") % max(1, len(whole))
    whole[at : at + len(data[3:])] = data[3:]
    for one in (folder / "made").iterdir():
        if one.is_file():
            one.unlink()
    file.write_bytes(whole)
    opened = ReplyCache.open(folder / "made")
    try:
        opened.get("k")
        list(opened.rows())
        opened.problems()
    finally:
        opened.close()


def log_of(kind: str, name: str) -> Callable[[bytes, Path], None]:
    def read(data: bytes, folder: Path) -> None:
        put(folder / name, data)
        verdict_on(f"{kind}:{folder if kind == 'gepa' else folder / name}")

    return read


# --- files and replies of other tools ---


def source_of(suffix: str) -> Callable[[bytes, Path], None]:
    def read(data: bytes, folder: Path) -> None:
        put(folder / f"rows{suffix}", data)
        init(folder / "made", source=folder / f"rows{suffix}")

    return read


def registry_replies(data: bytes, folder: Path) -> None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(found, dict):
        return
    langfuse_registry.registered(found)
    phoenix_registry.registered(phoenix_registry.inner({"data": found}))
    phoenix_registry.listed({"data": [found]})


def directory_registry(data: bytes, folder: Path) -> None:
    for name in ("prompt.md", "provenance.json", "scores.json"):
        put(folder / "p" / "1" / name, data if name != "prompt.md" else PROMPT)
    put(folder / "p" / "aliases" / "production", data[:8])
    registry = DirectoryRegistry(folder, lambda path, files, name: None)
    registry.find("p", "production")
    registry.versions("p", 5)


def seeds_of_journal() -> tuple[bytes, ...]:
    whole = pretended()
    lines = whole.splitlines(keepends=True)
    return (whole, b"".join(lines[:3]))


LANGFUSE = json.dumps(
    {"version": 3, "prompt": [{"role": "system", "content": "a {{text}}"}], "config": {"topout": {"record": {"rows": {}}, "prompt": "{}"}},
     "id": "x", "description": 'x\ntopout: {"record": {}, "prompt": "{}"}', "template": {"messages": [{"role": "user", "content": "{text}"}]}, "template_format": "F_STRING"}
).encode()  # fmt: skip
PICKLE = b"\x80\x04}\x94(\x8c\x12program_candidates\x94]\x94}\x94\x8c\x01a\x94\x8c\x01b\x94sa\x8c\x17prog_candidate_val_subscores\x94]\x94}\x94K\x00G?\xe0\x00\x00\x00\x00\x00\x00sa\x8c\x11total_num_evals\x94K\x05u."
CSV = b"candidate,example,score\na,1,0.5\nb,1,1\n"

TARGETS: dict[str, Target] = {
    one.name: one
    for one in (
        Target("task.toml", task_toml, TOMLS),
        Target("prompt.md", prompt_md, (PROMPT, b"{{text}}")),
        Target("demos.jsonl", demos, (b'{"inputs": {"text": "x"}, "answer": "a", "reasoning": ""}\n', b'{"text": "x", "output": "a"}\n')),
        Target("rows.jsonl", rows_jsonl, (ROWS,)),
        Target("rows.csv", rows_csv, (b"id,text,expected\n1,x,a\n2,\"y\n\",b\n", b"\xef\xbb\xbfid;text\r\n1;2\r\n")),
        Target("recipe", recipe, (b'optimizer = "evolve"\nmax_calls = 100\n[settings]\nlanes = 2\n', b'optimizer = "fewshot"\nlevers = ["demos"]\n', b'optimizer = "bootstrap"\n')),
        Target("replies", replies, (b"a", b'```json\n{"a": 1, "b": "x"}\n```', b"Rationale: x\n```\nnew {{text}}\n```", b"answer: a, 1,234.5 %", b'[{"call": "f()", "returns": 1}]', b'{"clusters": [{"title": "x", "cause": "y", "rows": ["1"]}]}')),
        Target("journal", journal, seeds_of_journal()),
        Target("cache", cache, (b"\x00\x00\x10junk", b"\x00\x10\x00" + b"\x00" * 64)),
        Target("csv log", log_of("csv", "log.csv"), (CSV, b"split,candidate,mean,n\ndev,a,0.5,100\nholdout,a,0.4,50\n")),
        Target("dspy log", log_of("dspy", "run.log"), (b"2024/01/01 INFO dspy: Average Metric: 5 / 10 (50.0%)\nScores so far: [50.0, 60.0]\nFull eval score: 60.0\n",)),
        Target("gepa state", log_of("gepa", "gepa_state.bin"), (PICKLE,)),
        Target("csv rows of others", source_of(".csv"), (b"question,answer\n" + b"".join(b"q%d,a%d\n" % (i, i % 2) for i in range(12)),)),
        Target("json rows of others", source_of(".json"), (json.dumps([{"inputs": {"q": f"q{i}"}, "outputs": {"a": "x"}} for i in range(8)]).encode(), json.dumps([{"question": f"q{i}", "answer": i} for i in range(8)]).encode(), b'{"traces": []}')),
        Target("jsonl rows of others", source_of(".jsonl"), (b"".join(b'{"input": "q%d", "target": "a%d"}\n' % (i, i % 2) for i in range(8)),)),
        Target("yaml rows of others", source_of(".yaml"), (b"prompts: ['say {{q}}']\ntests:\n" + b"".join(b"  - vars: {q: q%d}\n    assert: [{type: equals, value: a%d}]\n" % (i, i % 2) for i in range(8)), b"!!python/object/apply:os.system ['true']\n")),
        Target("registry replies", registry_replies, (LANGFUSE,)),
        Target("directory registry", directory_registry, (b'{"production": 1}', b'{"rows": {}}')),
    )
}  # fmt: skip
