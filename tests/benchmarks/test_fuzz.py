"""Odd and hostile input: a UserError with one clear line, or success. `make fuzz` tries the same for longer."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz.mutating import WORDS, mutated
from benchmarks.fuzz.targets import TARGETS, attempt
from topout.app.starting import init
from topout.errors import JournalError, UserError
from topout.plugins.optimizers import load_recipe
from topout.plugins.prompt_folders import read_prompt
from topout.store.journal import read_journal

BOUNDED = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def broken_rule(name: str, data: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        finding = attempt(TARGETS[name], data, Path(folder))
    return f"{finding.what} at {finding.where}" if finding else ""


@pytest.mark.parametrize("name", list(TARGETS))
def test_what_the_readers_are_made_for_is_read(name: str) -> None:
    assert [broken_rule(name, seed) for seed in TARGETS[name].seeds] == [""] * len(TARGETS[name].seeds)


@pytest.mark.parametrize("name", list(TARGETS))
@BOUNDED
@given(turn=st.integers(0, 2**32))
def test_changed_input_breaks_no_rule(name: str, turn: int) -> None:
    assert broken_rule(name, mutated(TARGETS[name].seeds, random.Random(turn))) == ""


@pytest.mark.parametrize("name", list(TARGETS))
@BOUNDED
@given(data=st.binary(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=12).map(b"".join))
def test_noise_breaks_no_rule(name: str, data: bytes) -> None:
    assert broken_rule(name, data) == ""


def test_an_attempt_notices_what_it_is_there_for(tmp_path: Path) -> None:
    """The guard itself: an exception, a hang, a program that is started."""
    import os
    import time
    from dataclasses import replace

    target = TARGETS["recipe"]
    for run, what in (
        (lambda data, folder: 1 // 0, "ZeroDivisionError"),
        (lambda data, folder: time.sleep(5), "HangError"),
        (lambda data, folder: os.system("true"), "ExecutedError: os.system"),
    ):
        finding = attempt(replace(target, run=run), b"", tmp_path, seconds=0.2)
        assert finding is not None
        assert finding.what.startswith(what)


# --- what it found, each as it was found ---


def test_a_table_nested_a_thousand_deep_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("x = " + "[" * 3000, encoding="utf-8")
    with pytest.raises(UserError, match="TOML that is nested too deeply"):
        load_recipe(str(path))


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("x = " + "1" * 5000, "r.toml: TOML with a number of thousands of digits"),
        ('optimizer = "\\u0000.py"', "no such file beside the recipe"),
    ],
)
def test_numbers_and_names_that_no_machine_takes_are_told(tmp_path: Path, toml: str, said: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(toml, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        load_recipe(str(path))


def test_a_data_file_named_with_a_nul_is_told() -> None:
    name = b'[splits]\ntrain = "\\u0000"\n'
    assert broken_rule("task.toml", TARGETS["task.toml"].seeds[0].replace(b"[splits]\n", name)) == ""


def test_a_journal_nested_a_thousand_deep_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"event": ' + "[" * 100_000 + "\n", encoding="utf-8")
    with pytest.raises(JournalError, match=r"journal.jsonl:1: not an event \(nested too deeply\)"):
        read_journal(path)


def test_a_line_end_in_a_name_does_not_break_the_message(tmp_path: Path) -> None:
    (tmp_path / "prompt.md").write_text("--- user ---\n{{text}}\n", encoding="utf-8")
    (tmp_path / "demos.jsonl").write_text('{"inputs": {"text": "x"}, "answe\\r\\nr": "a"}\n', encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_prompt(tmp_path / "prompt.md", ("text",))
    assert len(str(error.value).splitlines()) == 1


def test_an_assertion_of_no_kind_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "tests.yaml"
    path.write_text("prompts: ['{{q}}']\ntests:\n  - vars: {q: a}\n    assert: [{type: [], value: b}]\n", encoding="utf-8")
    with pytest.raises(UserError, match="no test has an assertion that topout reads"):
        init(tmp_path / "made", source=path)
