"""Bad input: one line with path, line and remedy, exit code 2, no traceback, and no run left behind."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from topout.app import load_run
from topout.store.journal import read_journal

Topout = Callable[..., Any]
Spoil = Callable[[Path], object]


def rewrite(name: str, old: str, new: str, count: int = 1) -> Spoil:
    """Replaces text in a file of the task."""

    def spoil(task: Path) -> None:
        path = task / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, count))

    return spoil


def own_scorer(body: str) -> Spoil:
    """A scorer of the user's own."""

    def spoil(task: Path) -> None:
        text = (task / "task.toml").read_text()
        text = text.replace('[scorer]\nname = "label"', '[scorer]\nname = "python"\nfile = "scorer.py"')
        (task / "task.toml").write_text(re.sub(r"labels = .*\n", "", text))
        (task / "scorer.py").write_text(f"def score(answer, expected, inputs):\n    {body}\n")

    return spoil


def append(name: str, text: str | bytes) -> Spoil:
    """Adds to a file of the task."""

    def spoil(task: Path) -> None:
        with (task / name).open("ab") as file:
            file.write(text.encode() if isinstance(text, str) else text)

    return spoil


ROW = '{"id": "%s", "text": "%s", "expected": "%s"}\n'

TASKS: dict[str, tuple[Spoil, str, str]] = {
    "missing data file": (lambda task: (task / "data/dev.jsonl").unlink(), "data/dev.jsonl: no such file", "name other files"),
    "missing prompt": (lambda task: (task / "prompt.md").unlink(), "prompt.md: no such file", ""),
    "missing task.toml": (lambda task: (task / "task.toml").unlink(), "task.toml: no such file", ""),
    "broken line": (append("data/dev.jsonl", "{broken\n"), "data/dev.jsonl:13: broken JSON", "Write one JSON object a line"),
    "duplicate ids": (append("data/dev.jsonl", ROW % ("dev-0", "x", "tool")), "data/dev.jsonl:13: id 'dev-0'", "rename or remove"),
    "two splits": (
        append("data/dev.jsonl", ROW % ("train-1", "x", "tool")),
        "data/dev.jsonl:13: example 'train-1' (dev) is also in train",
        "Keep one",
    ),
    "empty split": (lambda task: (task / "data/dev.jsonl").write_text(""), "data/dev.jsonl: no rows in it", "cannot be used"),
    "placeholder": (rewrite("prompt.md", "{{text}}", "{{txet}}"), "prompt.md:10: unknown placeholder {{txet}}", "'text'?"),
    "no placeholder": (rewrite("prompt.md", "{{text}}", "text"), "prompt.md: no placeholder", "Write {{text}} in it"),
    "unknown key": (rewrite("task.toml", "description", "descripton"), "task.toml:2: unknown", "Did you mean 'description'?"),
    "scorer's key": (append("task.toml", "strcit = true\n"), "task.toml:10: unknown", "Did you mean 'strict'?"),
    "unknown scorer": (rewrite("task.toml", '"label"', '"lable"'), "task.toml:9:", "'label'"),
    "broken TOML": (append("task.toml", "= 3\n"), "task.toml:10:", ""),
    "label outside": (append("data/dev.jsonl", ROW % ("new", "x", "fruits")), "data/dev.jsonl:13: ", "Did you mean 'fruit'?"),
    "not UTF-8": (append("data/dev.jsonl", b'{"id": "n", "text": "caf\xe9"}\n'), "data/dev.jsonl:13: not UTF-8", ""),
    "5 MB": (append("data/dev.jsonl", ROW % ("new", "x" * 5_000_000, "tool")), "data/dev.jsonl:13: a row of 5,", "max_row_bytes"),
    "raises": (own_scorer("return 1 / 0"), "scorer.py:2: score() raised ZeroDivisionError", "(example 'train-0')"),
    "NaN": (own_scorer("return float('nan')"), "scorer.py:1: score() returned nan", "expected a number in [0, 1]"),
    "7": (own_scorer("return 7"), "scorer.py:1: score() returned 7", "expected a number in [0, 1]"),
    "syntax error": (own_scorer("return ("), "scorer.py:2: ", ""),
}


@pytest.mark.parametrize("name", TASKS)
def test_a_bad_task_is_told_by_path_and_line_with_what_to_do(tiny_task: Path, topout: Topout, name: str) -> None:
    spoil, place, remedy = TASKS[name]
    spoil(tiny_task)
    for verb in ("optimize", "evaluate"):
        done = topout(verb, tiny_task)
        assert done.code == 2 and done.out == ""
        assert place in done.line and remedy in done.line and str(tiny_task) in done.line
        assert len(done.line) < 600
    assert not Path("runs").exists()


RECIPES = {
    "lanse = 3": "mine.toml:3: unknown setting 'lanse'. Did you mean 'lanes'?",
    "lanes = 0": "lanes must be at least 1",
    'lanes = "3"': "mine.toml:3: lanes = '3': expected a whole number",
}


@pytest.mark.parametrize("line", RECIPES)
def test_a_bad_recipe_is_told_by_line(tiny_task: Path, topout: Topout, line: str) -> None:
    Path("mine.toml").write_text(f'optimizer = "evolve"\n[settings]\n{line}\n')
    done = topout("optimize", tiny_task, "--recipe", "mine.toml")
    assert done.code == 2 and RECIPES[line] in done.line


def test_an_unknown_key_of_a_recipe_is_told_with_the_nearest_name(tiny_task: Path, topout: Topout) -> None:
    Path("mine.toml").write_text('optimizer = "evolve"\nmax_cals = 3\n')
    done = topout("optimize", tiny_task, "--recipe", "mine.toml")
    assert done.code == 2 and "mine.toml:2: unknown" in done.line and "Did you mean 'max_calls'?" in done.line


OPTIONS: dict[str, tuple[list[str], str]] = {
    "no such recipe": (["--recipe", "evolv"], "recipe 'evolv': no such recipe. Did you mean 'evolve'?"),
    "no such recipe file": (["--recipe", "gone.toml"], "gone.toml: no such recipe file"),
    "provider": (["--model", "opnai/x"], "opnai/x: no such provider. Did you mean 'openai'? A model is named PROVIDER/NAME"),
    "no provider": (["--model", "nonsense"], "nonsense: no such provider. A model is named PROVIDER/NAME"),
    "embedded": (["--model", "embedded/raeder"], "embedded/raeder: no such embedded model. Valid names: embedded/reader,"),
    "critic": (["--critic", "embedded/x"], "critic: embedded/x: no such embedded model. Valid names:"),
    "key": (["--model", "openai/x"], "openai/x: no key for this provider. Set OPENAI_API_KEY in the environment."),
    "another key": (["--model", "anthropic/x"], "anthropic/x: no key for this provider. Set ANTHROPIC_API_KEY in the environment."),
    "critic's key": (["--critic", "openai/x"], "critic: openai/x: no key for this provider. Set OPENAI_API_KEY"),
    "no address": (["--model", "openai/x", "--api-base", "nonsense"], "'nonsense' is no address of a server. Write it like http"),
    "few calls": (["--max-calls", "20"], "max_calls = 20: too few for this task"),
    "price": (["--price", "x"], "--price 'x': expected MODEL=IN,OUT"),
    "negative price": (["--price", "x=-1,2"], "--price 'x=-1,2': expected MODEL=IN,OUT"),
    "no price": (["--model", "openai/x", "--max-cost", "1"], "no price known for 'openai/x': pass --price"),
    "delta": (["--delta", "7"], "--delta = 7.0: input should be less than 1. It is a fraction of the score: 0.02 is 2 points."),
    "two addresses for one model": (
        ["--model", "openai/x", "--api-base", "http://localhost:1/v1", "--critic-api-base", "http://localhost:2/v1"],
        "--critic-api-base: openai/x is the task model and the critic, and one name has one address.",
    ),
    "concurrency": (["--concurrency", "9999"], "--concurrency = 9999: input should be less than or equal to 4096"),
    "max-cost": (["--max-cost", "-1"], "--max-cost = -1.0: input should be greater than 0"),
    "runs in a file": (["--runs-dir", "small/task.toml"], "small/task.toml: cannot be written: Not a directory"),
    "no runs there": (["--runs-dir", "/proc/x"], "/proc/x: cannot be written: No such file or directory. Choose another folder"),
    "cache in a file": (["--cache-dir", "small/task.toml"], "small/task.toml/cache.db: cannot use the reply cache"),
    "no cache there": (["--cache-dir", "/proc/x"], "/proc/x/cache.db: cannot use the reply cache"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_bad_option_is_one_line_with_what_to_do_and_leaves_no_run_behind(tiny_task: Path, topout: Topout, name: str) -> None:
    words, said = OPTIONS[name]
    done = topout("optimize", tiny_task, *words, "-q")
    assert done.code == 2 and done.out == "" and said in done.line
    assert not Path("runs/latest").is_symlink() and not list(Path().glob("runs/*"))


@pytest.mark.parametrize(
    ("model", "began"),
    [("openai/gpt-4.1-mini", "tokens in, $"), ("anthropic/of-our-own", "tokens in, dollars unknown (--price tells them)\n")],
)
def test_what_a_run_would_cost_is_told_and_a_price_is_called_unknown_only_where_it_is(
    tiny_task: Path, topout: Topout, model: str, began: str
) -> None:
    done = topout("optimize", tiny_task, "--model", model)
    assert done.code == 2 and began in done.err and "no key for this provider" in done.err
    assert "price unknown" not in done.err


@pytest.mark.parametrize("name", ["provider", "no provider", "embedded", "key", "another key", "no address"])
def test_an_evaluation_meets_what_no_later_call_will_mend_on_its_first_row(tiny_task: Path, topout: Topout, name: str) -> None:
    words, said = OPTIONS[name]
    done = topout("evaluate", tiny_task, *words, "-q")
    assert done.code == 2 and said in done.line


def test_a_server_that_is_not_there_is_told_with_its_address(tiny_task: Path, topout: Topout) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        for verb in ("optimize", "evaluate"):
            done = topout(verb, tiny_task, "--model", "openai/x", "--api-base", address, "-q")
            assert done.code == 2 and f"no server answers at {address}" in done.line and "Start it" in done.line


def test_other_verbs_tell_what_is_not_there(tiny_task: Path, topout: Topout) -> None:
    for verb in ("show", "report", "resume"):
        done = topout(verb, "latest")
        assert done.code == 2 and "latest: no run there" in done.line and "`topout runs` lists" in done.line
    assert topout("runs").code == 0
    assert "Did you mean 'small'?" in topout("optimize", "smal").line
    assert "Did you mean 'holdout'?" in topout("evaluate", tiny_task, "--split", "holdut").line
    assert "gone: no such file" in topout("evaluate", tiny_task, "--prompt", "gone").line


LATE = {
    "raises": ("if inputs['text'].startswith(LATE): return 1 / 0", "scorer.py:3: score() raised ZeroDivisionError"),
    "NaN": ("if inputs['text'].startswith(LATE): return float('nan')", "scorer.py:2: score() returned nan"),
    "7": ("if inputs['text'].startswith(LATE): return 7", "scorer.py:2: score() returned 7"),
}


@pytest.mark.parametrize("name", LATE)
def test_a_scorer_that_fails_in_mid_run_ends_it_with_one_line_and_everything_kept(
    tiny_task: Path, provider: Any, topout: Topout, name: str
) -> None:
    body, said = LATE[name]
    own_scorer(f"{body}\n    return float(answer == expected)")(tiny_task)
    last = json.loads((tiny_task / "data" / "train.jsonl").read_text().splitlines()[-1])["text"]
    scorer = tiny_task / "scorer.py"
    scorer.write_text(f"LATE = {last!r}\n{scorer.read_text()}")
    done = topout("optimize", tiny_task, *provider.words, "--max-calls", 150, "-q")
    assert done.code == 2 and said in done.line and "All replies are kept" in done.line
    view = load_run("latest")
    assert view.findings.holdout.baseline.n + view.findings.dev.baseline.n >= 12
    assert topout("show", "latest").code == 0 and topout("report", "latest").code == 0
    before = provider.arrived
    assert sum(s.paid_calls for s in view.findings.spend.values()) == len(read_journal(view.folder / "journal.jsonl")) - 3
    scorer.write_text(f"LATE = '~'\n{scorer.read_text().partition(chr(10))[2]}")
    assert topout("resume", "latest").code == 4
    assert topout("optimize", tiny_task, *provider.words, "--max-calls", 150, "-q").code == 0
    assert provider.arrived == len(provider.keys) > before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(tiny_task: Path, topout: Topout) -> None:
    Path("runs").mkdir(mode=0o555)
    done = topout("optimize", tiny_task)
    assert done.code == 2 and "runs: the folder cannot be written. Give it write permission or choose another" in done.line
