"""Every command that the documentation shows is run, in the order of its page and in a folder of its own, or held against the options that there are."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.commands import ELSEWHERE, HOSTED, ROOT, Command, commands, pages
from tests.docs.stand_ins import StandIns, stand_ins
from topout.cli.main import command, main

MARKED = ("docs/executors.md", "docs/scale.md")
"""Pages with commands that are marked as not run: they take Ray, a database, several machines or minutes."""
AS_SHOWN = ("check", "init")
"""Verbs that print what the pages show, word for word but for `...` and for figures, which move with the default recipe."""
FILES = Path(__file__).parent / "files"
SHOWN = {page: commands(page) for page in pages()}
RUN = [page for page, found in SHOWN.items() if any(not one.why_not and not one.hidden and not one.registry for one in found)]
LONG = [page for page, found in SHOWN.items() if any(one.slow and not one.why_not for one in found)]
REGISTRIES = [page for page, found in SHOWN.items() if any(one.registry and not one.why_not and not one.hidden for one in found)]


@pytest.fixture(scope="session")
def worked_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader has who began with the tutorial: the bundled tasks, one small run and its replies, and some files of their own."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(FILES, folder, dirs_exist_ok=True)
    shutil.copytree(ROOT / "tasks", folder / "tasks")
    rows = [json.loads(line) for line in (ROOT / "tasks/support-tickets/data/train.jsonl").read_text().splitlines()][:300]
    with (folder / "tickets.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "category"), *((row["text"], row["category"]) for row in rows)])
    shutil.copytree(ROOT / "optimizers", folder / "optimizers", ignore=shutil.ignore_patterns("__pycache__"))
    with contextlib.chdir(folder):
        code, said = carried_out(("topout", "optimize", "tasks/support-tickets", "--max-calls", "600", "--quiet"))
    assert code == 0, said
    return folder


@pytest.fixture(scope="session")
def servers() -> Iterator[StandIns]:
    with stand_ins() as found:
        yield found


@pytest.fixture
def here(worked_in: Path, tmp_path: Path, servers: StandIns, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The reader's folder, with a key in the environment and the stand-ins in place of the hosted models."""
    folder = tmp_path / "reader"
    shutil.copytree(worked_in, folder, symlinks=True, ignore=shutil.ignore_patterns(".topout"))
    (folder / ".topout").symlink_to(worked_in / ".topout")  # one cache: what a page asked costs the next one nothing
    monkeypatch.setenv("OPENAI_API_KEY", "none-is-needed")
    monkeypatch.setenv("OPENAI_API_BASE", servers.openai)
    monkeypatch.setenv("BROWSER", "true")
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    monkeypatch.setenv(
        "MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db"
    )  # what it is without: but MLflow remembers the first folder's
    with contextlib.chdir(folder):
        yield folder


def carried_out(words: tuple[str, ...]) -> tuple[int, str]:
    """Exit code and output of a command: ours in this process, the others in one of their own."""
    match words:
        case ("topout", "watch", *_):
            return watched(words)
        case ("topout", *rest):
            said = io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                code = main(rest)
            return code, said.getvalue()
        case ("cp", source, target):
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        case ("mkdir" | "touch", path):
            Path(path).mkdir(parents=True, exist_ok=True) if words[0] == "mkdir" else Path(path).touch()
        case ("make", target):
            bin_ = Path(sys.executable).parent
            return process("make", "-f", str(ROOT / "Makefile"), "-o", ".venv/.core", "-o", ".venv/.dev", f"BIN={bin_}", target)
        case ("python", *rest):
            return process(sys.executable, *rest)
        case _:
            raise AssertionError(f"{words[0]}: no command that is known here")
    return 0, ""


def process(*words: str) -> tuple[int, str]:
    """The same of another program, which finds this checkout's modules."""
    environ = {**os.environ, "PYTEST_ADDOPTS": "", "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
    told = subprocess.run(words, capture_output=True, text=True, env=environ)
    return told.returncode, told.stdout + told.stderr


def watched(words: tuple[str, ...]) -> tuple[int, str]:
    """`topout watch`, with the page fetched from the address that it prints, until Ctrl-C. Any free port takes the place of the one that is shown."""
    words = tuple("0" if before == "--port" else word for before, word in zip(("", *words), words, strict=False))
    said, ended, page = io.StringIO(), threading.Event(), b""

    def reader() -> None:
        nonlocal page
        while "\n" not in said.getvalue() and not ended.wait(0.02):
            pass
        try:
            with urllib.request.urlopen(said.getvalue().split()[0], timeout=60) as got:
                page = got.read(2000)
        finally:
            if not ended.is_set():
                signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=reader)
    thread.start()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(words[1:])
        ended.set()
    thread.join()
    assert code or b"<html" in page
    return code, said.getvalue()


def as_run(one: Command, servers: StandIns, slow: bool) -> tuple[str, ...]:
    """The words as they are run: shorter where the page's own would take long, with the stand-ins' addresses, and with a price for hosted models, which a
    server on loopback has none of."""
    words = [*one.typed, *(one.hours if slow else one.extra)]
    words = [
        servers.ollama if "11434" in word else servers.openai if HOSTED.match(word) and "://" in word else word for word in words
    ]
    if one.words[0] == "topout" and not Path("tasks/my-task").exists() and one.words[1] != "init":
        words = [re.sub(r"^(tasks|exports)/my-task\b", r"\1/support-tickets", word) for word in words]
    if "--max-cost" in words:
        models = {
            part for word in words for part in word.split(",") if HOSTED.match(part) and "=" not in part and "://" not in part
        }
        words += [word for model in sorted(models) for word in ("--price", f"{model}=0.4,1.6")]
    return tuple(words)


def in_form(text: str) -> str:
    """A text with single spaces and without its figures."""
    return re.sub(r"\d[\d.,]*", "N", " ".join(text.split()))


def follow(page: str, servers: StandIns, slow: bool = False, registries: bool = False) -> int:
    """Do what a page says, from its beginning. The number of commands that were run."""
    done = 0
    for one in SHOWN[page]:
        if one.why_not or one.registry != registries or (one.slow and not slow):
            continue
        words = as_run(one, servers, slow)
        with pytest.MonkeyPatch.context() as patch:
            if words[1] == "check" and "--ask" not in words:
                patch.delenv("OPENAI_API_BASE")  # nothing is asked, and the price of a server on loopback is not known
            code, said = carried_out(words)
        assert code == one.code, f"{one.place}: {' '.join(words)}\nended with {code}, expected {one.code}:\n{said[-2000:]}"
        if words[1] in AS_SHOWN:
            parts = [part for line in one.shown for part in line.split("...")]
            assert [part for part in parts if in_form(part) not in in_form(said)] == [], one.place
        done += not one.hidden
    return done


@pytest.mark.parametrize("page", [page for page in RUN if page not in LONG or any(not one.slow for one in SHOWN[page])])
def test_what_the_page_shows_runs(page: str, here: Path, servers: StandIns) -> None:
    assert follow(page, servers) + sum(bool(one.slow) and not one.why_not for one in SHOWN[page]) > 0


@pytest.mark.slow
@pytest.mark.parametrize("page", LONG)
def test_what_the_page_shows_runs_as_it_stands_there(page: str, here: Path, servers: StandIns) -> None:
    assert follow(page, servers, slow=True) > 0


@pytest.mark.registries
@pytest.mark.parametrize("page", REGISTRIES)
def test_what_the_page_shows_of_registries_runs(page: str, here: Path, servers: StandIns) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not installed: make test-registries runs this")
    assert follow(page, servers, registries=True) > 0


def test_what_is_not_run_has_a_reason_and_names_verbs_and_options_that_there_are() -> None:
    """Shown with `pytest -rP`: what is not run, and why."""
    found = [one for all_of_them in SHOWN.values() for one in all_of_them if not one.hidden]
    left_out = [one for one in found if one.why_not]
    reasons = Counter(one.why_not for one in left_out)
    slow = sum(bool(one.slow) and not one.why_not for one in found)
    registries = sum(one.registry and not one.why_not for one in found)
    print(
        f"{len(found)} commands shown: {len(found) - len(left_out) - slow - registries} run, {registries} run beside the registries' packages, "
        f"{slow} run by the slow tests, {len(left_out)} not run here"
    )
    for reason, count in reasons.most_common():
        print(f"  {count} not run: {reason}")
    print(*(f"  {one.place}: {one.text}  [{one.why_not}]" for one in left_out), sep="\n")
    here_not = {one.words for one in left_out if one.page not in MARKED and one.words[0] != "pip"}
    assert here_not == set(ELSEWHERE), "docs/index.md names what no test runs"
    ci = (ROOT / ".ci" / "run").read_text() if (ROOT / ".ci" / "run").is_file() else None
    assert ci is None or [one.text for one in left_out if one.why_not.startswith("CI's own") and f"\n{one.text}\n" not in ci] == []
    problems = [f"{one.place}: {problem}" for one in found if (problem := unknown(one))]
    assert not problems, "\n".join(problems)


def unknown(one: Command) -> str:
    """What a command names that the command line, the Makefile or what CI runs does not have; '' when all is well."""
    if one.words[0] == "make":
        lacks = not re.search(rf"^{one.words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return f"the Makefile has no {one.words[1]}" if lacks else ""
    if one.words[0] != "topout":
        return ""
    group = command()
    options = {name for parameter in group.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options |= {"--help", "-h", "--install-completion", "--show-completion"}
    found: Any = group
    for word in one.words[1:]:
        inner = getattr(found, "commands", {})
        if inner and not word.startswith("-"):
            if word not in inner:
                return "" if word.isupper() else f"topout has no verb '{word}'"
            found = inner[word]
            options = {name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)} | {
                "--help",
                "-h",
            }
        elif word.strip("[]|").startswith("-") and len(word) > 1 and not word.lstrip("-")[:1].isdigit():
            name = word.strip("[]|").partition("=")[0]
            if name not in options:
                return f"'{' '.join(one.words[:3])}' has no option {name}"
    return ""


def test_the_command_line_that_is_asked_is_the_real_one() -> None:
    wrong = Command("page", 1, ("topout", "optimize", "TASK", "--max-dollars", "5"))
    assert unknown(wrong) == "'topout optimize TASK' has no option --max-dollars"
    assert unknown(Command("page", 1, ("topout", "optimise", "TASK"))) == "topout has no verb 'optimise'"
    assert unknown(Command("page", 1, ("topout", "cache", "prune", "--older-then", "3d"))).endswith("has no option --older-then")
