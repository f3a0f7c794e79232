"""Every command that the documentation shows is run, in the order of its page and in a folder of its own, or held against the options that there are."""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from tests.docs.commands import ROOT, Command, commands, pages
from topout.cli.main import app, main

FILES = Path(__file__).parent / "files"
SHOWN = {page: commands(page) for page in pages()}
RUN = [page for page, found in SHOWN.items() if any(not one.why_not and not one.hidden for one in found)]


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
        code, said = carried_out(("topout", "optimize", "tasks/support-tickets", "--max-calls", "1000", "--quiet"))
    assert code == 0, said
    return folder


@pytest.fixture
def here(worked_in: Path, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "reader"
    shutil.copytree(worked_in, folder, symlinks=True)
    with contextlib.chdir(folder):
        yield folder


def carried_out(words: tuple[str, ...]) -> tuple[int, str]:
    """Exit code and output of a command: ours in this process, `python` and the few others in one of their own."""
    if words[0] == "topout":
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(words[1:])
        return code, said.getvalue()
    if words[0] == "cp":
        Path(words[2]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(words[1], words[2])
        return 0, ""
    if words[0] == "mkdir":
        Path(words[1]).mkdir(parents=True, exist_ok=True)
        return 0, ""
    assert words[0] == "python", f"{words[0]}: no command that a hidden step may be"
    told = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, env={**os.environ, "PYTEST_ADDOPTS": ""})
    return told.returncode, told.stdout + told.stderr


def follow(page: str, slow: bool) -> int:
    """Do what a page says, from its beginning. The number of commands that were run."""
    done = 0
    for one in SHOWN[page]:
        if one.why_not or (one.slow and not slow):
            continue
        words = one.words if slow else (*one.words, *one.extra)
        code, said = carried_out(words)
        assert code == one.code, f"{one.place}: {' '.join(words)}\nended with {code}, expected {one.code}:\n{said[-2000:]}"
        done += not one.hidden
    return done


@pytest.mark.parametrize("page", RUN)
def test_what_the_page_shows_runs(page: str, here: Path) -> None:
    assert follow(page, slow=False) + sum(bool(one.slow) and not one.why_not for one in SHOWN[page]) > 0


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_what_the_page_shows_runs_as_it_stands_there(page: str, here: Path) -> None:
    assert follow(page, slow=True) > 0


def test_what_is_not_run_has_a_reason_and_names_verbs_and_options_that_there_are() -> None:
    """Shown with `pytest -rP`: what is not run, and why."""
    found = [one for all_of_them in SHOWN.values() for one in all_of_them if not one.hidden]
    left_out = [one for one in found if one.why_not]
    reasons = Counter(one.why_not for one in left_out)
    slow = sum(bool(one.slow) and not one.why_not for one in found)
    print(
        f"{len(found)} commands shown: {len(found) - len(left_out) - slow} run, {slow} run by the slow tests, {len(left_out)} not run"
    )
    for reason, count in reasons.most_common():
        print(f"  {count} not run: {reason}")
    print(*(f"  {one.place}: {one.text}  [{one.why_not}]" for one in left_out), sep="\n")
    problems = [f"{one.place}: {problem}" for one in found if (problem := unknown(one))]
    assert not problems, "\n".join(problems)


@functools.cache
def whole_command() -> TyperGroup:
    """The command line with all its verbs."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def unknown(one: Command) -> str:
    """What a command names that the command line does not have; '' when all is well."""
    if one.words[0] != "topout":
        return ""
    group = whole_command()
    options = {name for parameter in group.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options |= {"--help", "-h", "--install-completion", "--show-completion"}
    command = group
    for word in one.words[1:]:
        inner = getattr(command, "commands", {})
        if inner and not word.startswith("-"):
            if word not in inner:
                return "" if word.isupper() else f"topout has no verb '{word}'"
            command = inner[word]
            options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {
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
