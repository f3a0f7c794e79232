"""Code of a task or a recipe runs only from folders and files that the user named. Each file here would leave a mark if it were run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from topout.errors import UserError
from topout.plugins.optimizers import load_recipe
from topout.plugins.tasks import load_task

TOML = 'name = "t"\nfields = ["text"]\n[scorer]\nfile = "{file}"\n'
MARK = "from pathlib import Path\nPath({mark!r}).write_text('ran')\ndef score(answer, expected, inputs):\n    return 1.0\n"


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


def task(folder: Path, file: str) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "task.toml").write_text(TOML.format(file=file), encoding="utf-8")
    (folder / "prompt.md").write_text("--- user ---\n{{text}}\n", encoding="utf-8")
    for split in ("train", "dev", "holdout"):
        row = {"id": split, "text": split, "expected": "x"}
        (folder / "data" / f"{split}.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return folder


def test_a_scorer_in_the_folder_runs(tmp_path: Path, mark: Path) -> None:
    folder = task(tmp_path / "task", "scorer.py")
    (folder / "scorer.py").write_text(MARK.format(mark=str(mark)), encoding="utf-8")
    load_task(folder)
    assert mark.exists()


def test_a_scorer_outside_of_the_folder_does_not(tmp_path: Path, mark: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text(MARK.format(mark=str(mark)), encoding="utf-8")
    linked = task(tmp_path / "linked", "scorer.py")
    (linked / "scorer.py").symlink_to(other)
    by_link = task(tmp_path / "by-link", "sub/other.py")
    (by_link / "sub").symlink_to(tmp_path)
    for folder in (task(tmp_path / "up", "../other.py"), task(tmp_path / "absolute", str(other)), linked, by_link):
        with pytest.raises(UserError, match=r"leads out of .*code runs only from the folder that you named"):
            load_task(folder)
    assert not mark.exists()


def test_a_schema_outside_of_the_folder_is_not_read(tmp_path: Path) -> None:
    """Keys lie about in JSON files, and what is taken for a schema goes to models and into exports."""
    (tmp_path / "keys.json").write_text('{"api_key": "sk-planted"}', encoding="utf-8")
    folder = task(tmp_path / "task", "x")
    text = 'name = "t"\nfields = ["text"]\n[scorer]\nname = "json"\nschema = "../keys.json"\n'
    (folder / "task.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"'../keys.json' leads out of .*a model is sent only the schema that lies in the folder"):
        load_task(folder)


def test_a_folder_that_is_a_link_itself_is_named_by_the_user(tmp_path: Path, mark: Path) -> None:
    folder = task(tmp_path / "task", "scorer.py")
    (folder / "scorer.py").write_text(MARK.format(mark=str(mark)), encoding="utf-8")
    (tmp_path / "short").symlink_to(folder)
    load_task(tmp_path / "short")
    assert mark.exists()


@pytest.mark.parametrize("shadow", ["evolve.py", "evolve.toml"])
def test_a_recipe_of_this_directory_that_is_code_does_not_run_for_its_name(tmp_path: Path, mark: Path, shadow: str) -> None:
    """`--recipe evolve`, the default, in a directory that somebody else filled."""
    optimizers = tmp_path / "optimizers"
    optimizers.mkdir()
    code = f"from pathlib import Path\nPath({str(mark)!r}).write_text('ran')\ndef optimizer(settings): ...\n"
    (optimizers / ("evolve.py" if shadow == "evolve.py" else "mine.py")).write_text(code, encoding="utf-8")
    if shadow == "evolve.toml":
        (optimizers / shadow).write_text('optimizer = "mine.py"\n', encoding="utf-8")
    with pytest.raises(UserError, match=rf"is code, and code runs only when its file was named. Give --recipe optimizers/{shadow}"):
        load_recipe("evolve", tmp_path)
    assert not mark.exists()


def test_a_recipe_names_no_code_outside_of_its_folder(tmp_path: Path, mark: Path) -> None:
    (tmp_path / "mine.py").write_text(f"from pathlib import Path\nPath({str(mark)!r}).write_text('ran')\n", encoding="utf-8")
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "r.toml").write_text('optimizer = "../mine.py"\n', encoding="utf-8")
    with pytest.raises(UserError, match="leads out of"):
        load_recipe(str(folder / "r.toml"))
    assert not mark.exists()
