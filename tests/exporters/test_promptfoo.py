"""The promptfoo project, run by promptfoo itself (npm, found by NODE_PATH) with its `echo` provider: it sends back the messages.

Slow: a Python process for each row. `npm install --prefix X promptfoo dotprompt`, then `NODE_PATH=X/node_modules pytest -m slow` this file.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import topout
from tests.exporters.handed_off import HOSTILE, SECRET, row, write_run, write_task
from topout.contracts import Grading, HandOff, Offer
from topout.domain import Example, Json
from topout.exporters.promptfoo import promptfoo
from topout.text.rendering import render


def evaluated(folder: Path, secret: str = "") -> list[dict[str, Any]]:
    """What promptfoo made of the project in a folder, test by test."""
    node = shutil.which("node")
    found = node and subprocess.run([node, "-e", "console.log(require.resolve('promptfoo'))"], capture_output=True, text=True)
    if not node or not found or found.returncode:
        pytest.skip("node, or the npm package promptfoo (on NODE_PATH), is not installed")
    place = next(one for one in Path(found.stdout.strip()).parents if one.name == "promptfoo")
    entry = place / json.loads((place / "package.json").read_text())["bin"]["promptfoo"]
    environment = {
        **os.environ,
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
        "PROMPTFOO_CONFIG_DIR": str(folder / "home"),
        "PROMPTFOO_PYTHON": sys.executable,
        "OPENAI_API_KEY": secret,
    }
    words = ["eval", "-c", "promptfooconfig.json", "--no-cache", "--no-write", "--no-table", "-o", "out.json"]
    subprocess.run([node, str(entry), *words], cwd=folder, env=environment, capture_output=True, timeout=120)
    results: list[dict[str, Any]] = json.loads((folder / "out.json").read_text())["results"]["results"]
    return sorted(results, key=lambda one: int(one["vars"]["row"]))


@pytest.mark.slow
def test_promptfoo_sends_the_same_messages_and_grades_with_the_tasks_scorer(
    offer: Offer, inputs: tuple[dict[str, str], ...], tmp_path: Path
) -> None:
    rows = tuple(Example(f"row {{{{env.OPENAI_API_KEY}}}} {i}", one, "x") for i, one in enumerate((*inputs, *hostile())))
    settings: dict[str, Json] = {"ignore_case": True}
    grading = Grading("contains", settings)
    wanted = ["東京", "no such text"]
    made = HandOff(replace(offer, prompt=offer.prompt), tuple(replace(r, expected=[*wanted]) for r in rows), (), grading)
    for name, data in promptfoo(made, tmp_path).files.items():
        (tmp_path / name).write_bytes(data)
    config = json.loads((tmp_path / "promptfooconfig.json").read_text())
    (tmp_path / "promptfooconfig.json").write_text(json.dumps({**config, "providers": ["echo"]}))
    results = evaluated(tmp_path, SECRET)
    assert len(results) == 58
    for one, example in zip(results, rows, strict=True):
        expected = [{"role": m.role, "content": m.content} for m in render(offer.prompt, example.inputs)]
        assert json.loads(one["response"]["output"]) == expected
        assert one["score"] == 0.5 and one["success"] is False  # one of two texts is in every prompt
        assert one["gradingResult"]["reason"].startswith("expected to find 'no such text'")
    assert SECRET not in json.dumps([one["response"] for one in results])


def hostile() -> list[dict[str, str]]:
    return [{"text": text, "sender": "{{env.OPENAI_API_KEY}}"} for text in HOSTILE]


def test_the_held_out_rows_are_the_tests_and_the_config_names_them_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs" / "one", write_task(tmp_path / "tickets"))
    done = topout.hand_off("one", to="promptfoo")
    folder = tmp_path / "exports" / "tickets" / "promptfoo"
    config = json.loads((folder / "promptfooconfig.json").read_text())
    assert config["tests"][59] == {"description": "row 59", "vars": {"row": 59}} and len(config["tests"]) == 60
    assert config["providers"] == [{"id": "openai:chat:gpt-4.1-mini", "config": {}}]
    assert json.loads((folder / "rows.json").read_text())[7]["inputs"]["text"] == row("holdout", 7)["text"]
    assert any("rows.json holds the held-out rows" in warning for warning in done.warnings)


def test_a_model_that_promptfoo_does_not_know_is_told(offer: Offer, tmp_path: Path) -> None:
    made = replace(offer, provenance=replace(offer.provenance, model="embedded/reader"))
    exported = promptfoo(HandOff(made, (), (), Grading("exact")), tmp_path)
    assert json.loads(exported.files["promptfooconfig.json"])["providers"] == ["echo"]
    assert "promptfoo has no name for embedded/reader" in exported.warnings[-1]
