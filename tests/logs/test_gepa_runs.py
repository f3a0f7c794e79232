"""GEPA's run folders, written by gepa itself, are read without executing what is in them."""

from __future__ import annotations

import os
import pickle
import random
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from topout.app.foreign import verdict_on
from topout.errors import UserError
from topout.logs import read_log
from topout.logs.inert_pickle import UnreadablePickleError, read_inert


class Coins:
    """A GEPA adapter whose scores are coins thrown by the row and the prompt; longer prompts do better."""

    propose_new_texts = None

    def evaluate(self, batch: list[int], candidate: dict[str, str], capture_traces: bool = False) -> Any:
        from gepa.core.adapter import EvaluationBatch

        chance = min(0.9, 0.3 + 0.05 * candidate["system"].count("x"))
        scores = [float(random.Random(f"{row} {candidate['system']}").random() < chance) for row in batch]
        traces = [{"row": row} for row in batch] if capture_traces else None
        return EvaluationBatch(outputs=[str(s) for s in scores], scores=scores, trajectories=traces)

    def make_reflective_dataset(
        self, candidate: dict[str, str], batch: object, names: list[str]
    ) -> dict[str, list[dict[str, str]]]:
        return {name: [{"Inputs": "row", "Generated Outputs": "coin", "Feedback": "wrong"}] for name in names}


@pytest.fixture(scope="module")
def gepa_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A folder that a real run of gepa left behind, and what gepa says of it."""
    gepa = pytest.importorskip("gepa")
    folder = tmp_path_factory.mktemp("gepa") / "run"
    rng = random.Random(3)
    number = iter(range(1000))
    result = gepa.optimize(
        seed_candidate={"system": "start"},
        trainset=list(range(40)),
        valset=list(range(100, 150)),
        adapter=Coins(),
        reflection_lm=lambda prompt: f"```\nprompt {next(number)} {'x' * rng.randint(0, 9)}\n```",
        max_metric_calls=900,
        run_dir=str(folder),
        display_progress_bar=False,
    )
    return folder, result


def test_a_run_is_read_as_gepa_tells_it(gepa_folder: tuple[Path, Any]) -> None:
    folder, result = gepa_folder
    run = read_log(f"gepa:{folder}")
    assert run.trials[-1].calls == result.total_metric_calls
    assert [sum(rows) / 50 for rows in run.dev.values()] == pytest.approx(result.val_aggregate_scores)
    assert run.trials[-1].champion == str(result.best_idx)
    met = [trial.challenger for trial in run.trials if trial.challenger is not None]
    assert sum(one.kept for one in met) == len(result.candidates) - 1
    assert {one.rows for one in met if not one.kept} == {3}
    assert run.by_row


def test_without_held_out_rows_the_verdict_is_that_it_cannot_tell(gepa_folder: tuple[Path, Any]) -> None:
    folder, _ = gepa_folder
    found = verdict_on(f"gepa:{folder}")
    assert found.verdict.ruling == "can't tell yet"
    assert any("scored holdout rows (0 of at least 30)" in need for need in found.verdict.needs)
    assert found.holdout_gain is None
    assert [p.calls for p in found.curve] == sorted(p.calls for p in found.curve)


class Bomb:
    """Whoever unpickles it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, ...]]:
        return os.mkdir, (str(self.path),)


def test_what_a_state_file_wants_to_execute_is_not_executed(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    state = {"prog_candidate_val_subscores": [{0: 1.0, 1: 0.0}], "adapter_state": Bomb(trap), "total_num_evals": 2}
    (tmp_path / "gepa_state.bin").write_bytes(pickle.dumps(state))
    run = read_log(f"gepa:{tmp_path}")
    assert not trap.exists()
    assert run.dev == {"0": (1.0, 0.0)}


def test_a_memo_index_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(UnreadablePickleError, match="memo index"):
        read_inert(b"\x80\x04Nr" + struct.pack("<I", 2**31) + b".")


def test_containers_and_numpy_numbers_come_through() -> None:
    np = pytest.importorskip("numpy")
    data = {"a": OrderedDict(x=np.float64(0.25)), "b": {1, 2}, "c": np.float32(0.5), "d": [True, None], "e": frozenset({3})}
    for protocol in (2, 4, 5):
        found = read_inert(pickle.dumps(data, protocol=protocol))
        assert found == {"a": {"x": 0.25}, "b": {1, 2}, "c": 0.5, "d": [True, None], "e": {3}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read as a GEPA state"),
        (b"no pickle at all", "cannot be read as a GEPA state"),
        (pickle.dumps([1, 2]), "found list"),
        (pickle.dumps({}), "'prog_candidate_val_subscores' is missing"),
        (pickle.dumps({"prog_candidate_val_subscores": [{0: 7.0}]}), "expected numbers from 0 to 1"),
        (
            pickle.dumps({"prog_candidate_val_subscores": [{0: 1.0}], "full_program_trace": [{"new_program_idx": 5}]}),
            "names candidate 5",
        ),
    ],
)
def test_a_folder_that_cannot_be_read_is_told_in_a_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "gepa_state.bin").write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_log(f"gepa:{tmp_path}")


def test_a_folder_without_a_state_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"run_dir \(or log_dir\) of a GEPA run"):
        read_log(f"gepa:{tmp_path}")
