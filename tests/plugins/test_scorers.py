from __future__ import annotations

import sys
from pathlib import Path

import pytest

from topout.domain import Example, Scored
from topout.errors import ScorerError, UserError
from topout.plugins.scorers import load_scorer

EXAMPLE = Example("t7", {"text": "hi"}, {"n": [1]})


def written(folder: Path, body: str) -> Path:
    path = folder / "scorer.py"
    path.write_text(body)
    return path


def returning(folder: Path, value: str) -> Path:
    return written(folder, f"import math\n\ndef score(answer, expected, inputs):\n    return {value}\n")


@pytest.mark.parametrize(
    ("value", "score"),
    [
        ("0.5", Scored(0.5)),
        ("answer == 'yes'", Scored(1.0)),
        ("0, 'expected no'", Scored(0.0, "expected no")),
        ("{'a': 1, 'b': 0.5}", Scored(0.75, "", {"a": 1.0, "b": 0.5})),
        ("{'a': 1, 'score': 0.25, 'feedback': 'hm'}", Scored(0.25, "hm", {"a": 1.0})),
        ("float(expected['n'] == [1] and inputs == {'text': 'hi'})", Scored(1.0)),
    ],
)
def test_numbers_pairs_and_parts_are_scores(tmp_path: Path, value: str, score: Scored) -> None:
    assert load_scorer(returning(tmp_path, value))("yes", EXAMPLE) == score


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("7", "3: score() returned 7, expected a number in [0, 1] (example 't7')."),
        ("math.nan", "3: score() returned nan, expected a number in [0, 1] (example 't7')."),
        ("None", "3: score() returned None, expected a number in [0, 1], (number, feedback) or a dict of parts (example 't7')."),
        ("'1'", "3: score() returned '1', expected a number in [0, 1], (number, feedback) or a dict of parts (example 't7')."),
        ("{'a': 'x'}", "3: score() returned 'x' for 'a', expected a number in [0, 1] (example 't7')."),
        ("{}", "3: score() returned a dict without a number in it (example 't7')."),
        ("{'a': 1, 'feedback': 2}", "3: score() returned 2 as 'feedback', expected a text (example 't7')."),
        ("1 / 0", "4: score() raised ZeroDivisionError: division by zero (example 't7')."),
        ("exit(3)", "4: score() raised SystemExit: 3 (example 't7')."),
    ],
)
def test_what_is_no_score_is_an_error_and_not_a_zero(tmp_path: Path, value: str, message: str) -> None:
    path = returning(tmp_path, value)
    with pytest.raises(ScorerError) as error:
        load_scorer(path)("yes", EXAMPLE)
    assert str(error.value) == f"{path}:{message}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def score(answer, expected, inputs)\n    return 1\n", "1: not Python: expected ':'."),
        ("import nosuchmodule\n", "1: does not import: ModuleNotFoundError: No module named 'nosuchmodule'."),
        ("x = 1\nraise ValueError('two\\nlines')\n", "2: does not import: ValueError: two lines."),
        ("\ndef score(answer):\n    return 1\n", "2: 'score' does not take three arguments (answer, expected, inputs)."),
    ],
)
def test_a_file_that_cannot_be_used_says_where(tmp_path: Path, body: str, message: str) -> None:
    path = written(tmp_path, body)
    with pytest.raises(UserError) as error:
        load_scorer(path)
    assert str(error.value) == f"{path}:{message}"


def test_a_file_without_score_names_the_nearest_function(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no function 'score\(answer, expected, inputs\)' in it. Did you mean 'scores'\?"):
        load_scorer(written(tmp_path, "def scores(a, e, i):\n    return 1\n"))
    with pytest.raises(UserError, match=r"scorer.py: no such file."):
        load_scorer(tmp_path / "none" / "scorer.py")


def test_a_scorer_cannot_change_the_example(tmp_path: Path) -> None:
    scorer = load_scorer(written(tmp_path, "def score(a, e, i):\n    e['n'].append(2); i.clear()\n    return len(e['n']) / 2\n"))
    assert scorer("", EXAMPLE) == scorer("", EXAMPLE) == Scored(1.0)
    assert Example("t7", {"text": "hi"}, {"n": [1]}) == EXAMPLE


def test_dataclasses_work_and_the_import_path_is_left_alone(tmp_path: Path) -> None:
    body = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n@dataclass\nclass P:\n    v: float\n\n"
        "def score(a, e, i):\n    return P(1.0).v\n"
    )
    before = list(sys.path)
    assert load_scorer(written(tmp_path, body))("", EXAMPLE) == Scored(1.0)
    assert sys.path == before
    assert "scorer" not in sys.modules
