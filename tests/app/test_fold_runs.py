"""`topout optimize --folds`: k ordinary runs on one holdout, taken up again where they stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import topout as api
from topout.app.folding import go_on
from topout.domain import SPLITS, Split
from topout.errors import UserError
from topout.plugins.fold_tasks import fold_folders
from topout.plugins.shipped import shipped
from topout.plugins.tasks import load_task
from topout.store.batch import write_batch
from topout.testing.server import error


def folds_of(task: Path, k: int, place: Path) -> list[Path]:
    found = []
    for i, files in enumerate(fold_folders(task, k)):
        write_batch(place / f"fold-{i + 1}", files)
        found.append(place / f"fold-{i + 1}")
    return found


def ids(folder: Path, split: Split) -> set[str]:
    return {e.id for e in load_task(folder).task.rows(split)}


@pytest.mark.parametrize("name", ["support-tickets", "order-emails"])
def test_folds_are_tasks_that_share_out_train_and_dev_and_measure_alike(name: str, tmp_path: Path) -> None:
    whole = load_task(shipped("tasks") / name)
    folders = folds_of(shipped("tasks") / name, 3, tmp_path)
    pool = {e.id for split in ("train", "dev") for e in whole.task.splits[split]}
    devs = [ids(folder, "dev") for folder in folders]
    assert set().union(*devs) == pool
    assert sum(map(len, devs)) == len(pool)
    assert max(map(len, devs)) - min(map(len, devs)) <= 1
    for folder, dev in zip(folders, devs, strict=True):
        fold = load_task(folder)
        assert ids(folder, "train") == pool - dev
        assert fold.holdout_fingerprint == whole.holdout_fingerprint
        assert fold.task.labels == whole.task.labels
        assert (fold.task.baseline, fold.task.rows("shift")) == (whole.task.baseline, whole.task.rows("shift"))
    if whole.task.labels:
        counts = [
            {label: sum(e.expected == label for e in load_task(f).task.rows("dev")) for label in whole.task.labels} for f in folders
        ]
        assert all(max(c[label] for c in counts) - min(c[label] for c in counts) <= 1 for label in whole.task.labels)


def test_groups_and_files_of_any_layout_stay_whole(tmp_path: Path) -> None:
    (tmp_path / "task" / "data").mkdir(parents=True)
    rows = "".join(f'"note {i}, long",{"yes" if i % 2 else "no"},c{i // 3}\n' for i in range(90))
    (tmp_path / "task" / "data" / "all.csv").write_text("text,answer,customer\n" + rows)
    (tmp_path / "task" / "prompt.md").write_text("{{text}}\n")
    (tmp_path / "task" / "helper.py").write_text("RIGHT = 1.0\n")
    (tmp_path / "task" / "scorer.py").write_text("def score(answer, expected, inputs):\n    return float(answer == expected)\n")
    (tmp_path / "task" / "task.toml").write_text(
        'name = "notes"\ndescription = "a \\"quoted\\" task"\nfields = ["text"]\nexpected = "answer"\ngroup = "customer"\n'
        '[splits]\nfile = "data/all.csv"\nratios = { train = 0.4, dev = 0.3, holdout = 0.3 }\n[scorer]\nfile = "scorer.py"\n'
    )
    whole = load_task(tmp_path / "task").task
    for folder in folds_of(tmp_path / "task", 4, tmp_path / "folds"):
        fold = load_task(folder).task
        groups = [{e.group for e in fold.rows(split)} for split in SPLITS[:3]]
        assert not groups[0] & groups[1]
        assert fold.rows("holdout") == whole.rows("holdout")
        assert (folder / "helper.py").is_file()
        assert not (folder / "data" / "all.csv").exists()


def test_three_folds_come_to_one_figure_and_a_prompt_that_dev_chose(tiny_task: Path, topout: Any) -> None:
    said = topout("optimize", tiny_task, "--folds", 3, "--max-calls", 480, "--quiet", "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["event"] == "Folds"
    assert [one["dev_rows"] for one in found["folds"]] == [8, 8, 8]
    gains = [one["holdout_gain"]["mean"] for one in found["folds"] if one["holdout_gain"]]
    assert found["mean_gain"]["mean"] == pytest.approx(sum(gains) / 3)
    assert found["mean_gain"]["n"] == 30
    by_dev = max(found["folds"], key=lambda one: one["dev_gain"]["mean"] if one["dev_gain"] else 0.0)
    assert found["folds"][found["chosen"] - 1]["dev_gain"] == by_dev["dev_gain"]
    views = [api.load_run(one["run"]) for one in found["folds"]]
    assert sum(spend.calls for view in views for spend in view.findings.spend.values()) <= 600
    shown = " ".join(topout("resume", f"runs/{found['folder']}").out.split())
    assert "Together: mean held-out gain of the 3 prompts" in shown
    assert "The prompt to ship (*)" in shown
    assert "…" not in shown
    comparison = api.compare([one["run"] for one in found["folds"][:2]])
    assert comparison.task == "small"


def test_folds_that_an_outage_cut_short_go_on_where_they_were(
    tiny_task: Path, topout: Any, providers: Callable[..., Any], impatient: None
) -> None:
    """The provider goes down for good a few calls into the second fold."""
    since = 0

    def fault(body: Any, number: int) -> Any:
        nonlocal since
        plans = list(Path("runs").glob("*-folds-*/folds.json"))
        since += bool(plans and json.loads(plans[0].read_text())["runs"][0])
        return error(503, "down") if since > 20 else None

    with providers(fault=fault) as provider:
        said = topout("optimize", tiny_task, "--folds", 2, "--max-calls", 400, "--quiet", *provider.words)
        assert said.code == 3
        folder = next(Path("runs").glob("*-folds-*"))
        names = json.loads((folder / "folds.json").read_text())["runs"]
        assert [name is not None for name in names] == [True, True]
        assert f"topout resume {folder}" in " ".join(said.out.split())
        provider.fault = lambda body, number: None
        again = topout("resume", folder, "--quiet", "--json")
    assert again.code == 0, again.err
    found = json.loads(again.out)
    assert [one["run"] for one in found["folds"]] == names
    assert found["ending"] is None
    assert found["mean_gain"]["n"] == 30
    assert go_on(folder).gain is not None


def test_too_few_rows_or_folds_and_a_wrong_mix_are_told(tiny_task: Path, topout: Any) -> None:
    with pytest.raises(UserError, match=r"--folds 6: 24 train and dev rows leave a fold with 4 dev rows; 5 are the least"):
        api.optimize_folds(tiny_task, folds=6)
    assert topout("optimize", tiny_task, "--folds", 1).code == 2
    assert topout("optimize", tiny_task, "--folds", 2, "--until-decided", "--max-calls", 500).code == 2
    assert not Path("runs").exists()
