"""Where runs live, who holds them, and how they are found again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from topout.errors import JournalError, StoreError, UserError
from topout.store.layout import RunFolder, create_run_folder, find_run, list_runs, slug, write_pieces, write_text

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def made(runs: Path, run_id: str = "ab12", now: datetime = NOW) -> RunFolder:
    folder = create_run_folder(runs, "Support tickets", "evolve", run_id, now)
    folder.journal.write_text("")
    folder.point_latest()
    return folder


def test_a_run_folder_is_named_by_time_task_recipe_and_id_and_latest_points_at_it(tmp_path: Path) -> None:
    runs = tmp_path / "deep" / "runs"
    first = made(runs)
    assert first.name == "20260304T050607Z-support-tickets-evolve-ab12"
    assert (runs / "latest").resolve() == first.path.resolve()
    second = made(runs, "cd34", NOW.replace(hour=6))
    assert (runs / "latest").resolve() == second.path.resolve()
    assert (runs / "latest").readlink() == Path(second.name)
    assert [run.name for run in list_runs(runs)] == [first.name, second.name]
    assert sorted(p.name for p in runs.iterdir()) == sorted([first.name, second.name, "latest"])


def test_a_link_to_a_run_that_is_gone_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to("gone")
    assert (tmp_path / "latest").is_symlink()
    run = made(tmp_path)
    assert (tmp_path / "latest").resolve() == run.path.resolve()


def test_a_run_is_found_by_path_name_or_latest(tmp_path: Path) -> None:
    run = made(tmp_path)
    for named in (run.path, Path(run.name), Path("latest"), tmp_path / "latest"):
        assert find_run(named, tmp_path).path == run.path.resolve()


def test_a_run_that_is_not_there_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(UserError, match=r"lastest: no run there .* Did you mean 'latest'\?"):
        find_run(Path("lastest"), tmp_path)
    with pytest.raises(UserError, match="no run there"):
        find_run(Path("x"), tmp_path / "nowhere")


def test_the_same_name_twice_and_a_file_in_the_way_are_told(tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(StoreError, match="File exists"):
        made(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Not a directory"):
        made(tmp_path / "file" / "runs")
    with pytest.raises(StoreError, match=r"File exists|Not a directory"):
        made(tmp_path / "file")


def test_names_become_parts_of_a_path() -> None:
    assert slug("../../etc/passwd") == "etc-passwd"
    assert slug("Ünïcode tåsk!") == "n-code-t-sk"
    assert slug("???") == "run"
    assert len(slug("x" * 99)) == 40


HOLDER = """
import sys
from pathlib import Path
from topout.store.layout import RunFolder
lock = RunFolder(Path(sys.argv[1])).lock()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_run_held_by_another_process_names_it_and_is_free_when_that_is_killed(tmp_path: Path) -> None:
    run = made(tmp_path)
    command = [sys.executable, "-c", HOLDER, str(run.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(JournalError) as caught:
            run.lock()
        assert f"this run is being written by process {process.pid}." in str(caught.value)
        process.kill()
    run.lock().release()


def test_a_lock_can_be_taken_again_after_its_release(tmp_path: Path) -> None:
    run = made(tmp_path)
    lock = run.lock()
    with pytest.raises(JournalError, match=f"process {os.getpid()}"):
        run.lock()
    lock.release()
    lock.release()
    run.lock().release()


def test_a_derived_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "best" / "prompt.md"
    write_text(target, "first")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("topout.store.layout.os.fsync", full)
    with pytest.raises(StoreError, match="no space left"):
        write_text(target, "second")
    assert target.read_text() == "first"


def test_a_lock_ends_with_its_block_and_a_refused_write_leaves_no_piece(tmp_path: Path) -> None:
    run = made(tmp_path)
    with run.lock(), pytest.raises(JournalError):
        run.lock()
    run.lock().release()
    (run.path / "taken").mkdir()
    with pytest.raises(StoreError):
        write_text(run.path / "taken", "x")
    assert sorted(path.name for path in run.path.iterdir()) == ["journal.jsonl", "lock", "taken"]


def test_a_run_is_held_while_somebody_has_its_lock_and_looking_takes_nothing_from_it(tmp_path: Path) -> None:
    run = made(tmp_path)
    assert not run.held()
    lock = run.lock()
    assert run.held()
    with pytest.raises(JournalError, match="this run is being written by process"):
        run.lock()
    lock.release()
    assert not run.held()
    run.lock().release()


def test_a_stop_is_asked_for_by_a_file_and_can_be_taken_back(tmp_path: Path) -> None:
    run = made(tmp_path)
    run.ask_to_stop()
    run.ask_to_stop()
    assert (run.path / "stop").is_file()
    run.forget_stop()
    run.forget_stop()
    assert not run.stop.exists()
    run.remove()
    with pytest.raises(StoreError, match="cannot be written"):
        run.ask_to_stop()


def test_a_derived_file_whose_writing_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def pieces() -> Iterator[str]:
        yield "id,answer\n"
        raise ValueError("half a surrogate pair")

    with pytest.raises(ValueError, match="surrogate"):
        write_pieces(tmp_path / "rollouts.csv", pieces())
    assert list(tmp_path.iterdir()) == []
