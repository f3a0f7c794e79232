"""The journal keeps what it was told, and says where it is damaged."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from topout.domain import Event, Rollout, RolloutDone, RunResumed, RunStarted, Scored
from topout.errors import JournalError, StoreError
from topout.store.codec import encode
from topout.store.journal import Follower, JournalFile, read_journal

START = RunStarted(1, "r", {"model": "fake"}, {}, 0.0)


def answered(number: int, answer: str = "right") -> RolloutDone:
    return RolloutDone(0, Rollout("c", f"e{number}", "dev", 0, answer, Scored(1.0)))


def written(path: Path, *events: Event) -> Path:
    journal = JournalFile(path).open()
    for event in events:
        journal.append(event)
    journal.close()
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_events_come_back_in_order_also_when_it_was_opened_anew(path: Path) -> None:
    written(path, START, answered(0))
    written(path, RunResumed(1.0), answered(1, "é\n\u2028\x85 \ud83d \x00"))
    assert read_journal(path) == [START, answered(0), RunResumed(1.0), answered(1, "é\n\u2028\x85 \ud83d \x00")]


def test_an_event_is_in_the_file_when_append_returns(path: Path) -> None:
    journal = JournalFile(path).open()
    journal.append(START)
    assert read_journal(path) == [START]
    journal.append(answered(0))
    assert read_journal(path) == [START, answered(0)]
    journal.close()


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_a_torn_last_line_is_left_out_on_reading_and_cut_off_on_opening(path: Path, kept: int) -> None:
    data = written(path, START, answered(0), answered(1)).read_bytes()
    last = data.rstrip(b"\n").rindex(b"\n") + 1
    path.write_bytes(data[: last + kept] if kept > 0 else data[:kept])
    assert read_journal(path) == [START, answered(0)]
    written(path, answered(2))
    assert read_journal(path) == [START, answered(0), answered(2)]


def test_a_long_torn_line_is_cut_off_as_well(path: Path) -> None:
    data = written(path, START, answered(0), answered(1, "x" * 200_000)).read_bytes()
    path.write_bytes(data[:-2])
    written(path, answered(2))
    assert read_journal(path) == [START, answered(0), answered(2)]


@pytest.mark.parametrize("damage", [b"{", b"", b"\xff\xfe", b'{"event":"Nonsense"}', b'{"event":"RolloutDone","attempt":1}'])
def test_damage_in_the_middle_is_told_with_its_line(path: Path, damage: bytes) -> None:
    lines = written(path, START, answered(0), answered(1), answered(2)).read_bytes().split(b"\n")
    lines[2] = damage
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(JournalError) as caught:
        read_journal(path)
    assert str(caught.value).startswith(f"{path}:3: not an event (")
    assert "\n" not in str(caught.value)


def test_another_schema_is_told_even_when_its_events_are_spelled_otherwise(path: Path) -> None:
    path.write_text('{"event":"Begun","schema":7,"by":"a later topout"}\n{"event":"Thing"}\n')
    with pytest.raises(JournalError, match=r"journal.jsonl:1: written with journal schema 7, this topout reads 1"):
        read_journal(path)


def test_a_journal_begins_with_its_start(path: Path) -> None:
    written(path, answered(0))
    with pytest.raises(JournalError, match=r"journal.jsonl:1: a journal begins with RunStarted"):
        read_journal(path)


def test_an_empty_missing_or_torn_first_line_is_told(path: Path) -> None:
    with pytest.raises(JournalError, match="No such file"):
        read_journal(path)
    path.write_bytes(b"")
    with pytest.raises(JournalError, match="begins with RunStarted"):
        read_journal(path)
    path.write_bytes(b'{"event":"RunSta')
    with pytest.raises(JournalError, match="the first line is torn, nothing was recorded"):
        read_journal(path)


def test_a_full_disk_is_told_with_what_to_do(path: Path) -> None:
    path.symlink_to("/dev/full")
    journal = JournalFile(path).open()
    with pytest.raises(
        StoreError, match=r"no space left on the disk. All that was written is kept: free some space, then `topout resume"
    ):
        journal.append(START)


def test_a_disk_that_fills_up_within_a_line_leaves_no_piece_of_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = JournalFile(path).open()
    journal.append(START)
    write, calls = os.write, 0

    def filling_up(descriptor: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            return write(descriptor, data[:25])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", filling_up)
        with pytest.raises(StoreError, match="no space left"):
            journal.append(answered(0))
    journal.append(answered(1))
    journal.close()
    assert read_journal(path) == [START, answered(1)]


def test_a_write_in_pieces_is_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = JournalFile(path).open()
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
        journal.append(START)
    journal.close()
    assert read_journal(path) == [START]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written_is_told(path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refusing(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(
        StoreError, match=r"the folder cannot be written. Give it write permission or choose another with --runs-dir"
    ):
        JournalFile(path).open()


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(StoreError, match="Not a directory"):
        JournalFile(tmp_path / "run" / "journal.jsonl").open()


def test_a_follower_gives_what_came_since_and_waits_for_the_end_of_a_line(path: Path) -> None:
    written(path, START, answered(0))
    follower = Follower(path)
    assert follower.read() == [START, answered(0)]
    assert follower.read() == []
    line = (encode(answered(1, "é")) + "\n").encode()
    half = line.index(b"\xc3") + 1  # in the middle of a letter
    with path.open("ab") as file:
        file.write(line[:half])
        file.flush()
        assert follower.read() == []
        file.write(line[half:] + line[:10])
    assert follower.read() == [answered(1, "é")]
    written(path, answered(2))  # cuts the torn line off
    assert follower.read() == [answered(2)]


def test_a_follower_of_an_empty_journal_waits(path: Path) -> None:
    path.touch()
    follower = Follower(path)
    assert follower.read() == []
    written(path, START)
    assert follower.read() == [START]


def test_a_follower_tells_damage_by_line_and_a_journal_that_is_gone_or_cut(path: Path) -> None:
    written(path, START, answered(0))
    follower = Follower(path)
    follower.read()
    with path.open("ab") as file:
        file.write(b"{broken\n")
    with pytest.raises(JournalError, match=r"journal\.jsonl:3: not an event"):
        follower.read()
    path.write_bytes(b"")
    with pytest.raises(JournalError, match="shorter than it was"):
        follower.read()
    path.unlink()
    with pytest.raises(JournalError, match="Is this the folder of a run"):
        follower.read()


def test_an_event_is_flushed_a_second_after_it_was_written_though_none_follows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = threading.Event()
    monkeypatch.setattr("topout.store.journal.SYNC_AFTER_S", 0.01)
    journal = JournalFile(path).open()
    fsync = os.fsync

    def noticed(descriptor: int) -> None:
        fsync(descriptor)
        flushed.set()

    monkeypatch.setattr("topout.store.journal.os.fsync", noticed)
    journal.append(START)
    assert flushed.wait(20)
    journal.close()


def test_a_disk_that_fails_while_flushing_is_told_with_the_next_event(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()
    monkeypatch.setattr("topout.store.journal.SYNC_AFTER_S", 0.01)
    journal = JournalFile(path).open()

    def failing(descriptor: int) -> None:
        failed.set()
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("topout.store.journal.os.fsync", failing)
    journal.append(START)
    assert failed.wait(20)
    with pytest.raises(StoreError, match="Input/output error"):
        for number in range(1000):
            journal.append(answered(number))
            time.sleep(0.01)
    monkeypatch.undo()
    journal.close()


def test_zeros_at_the_end_as_a_power_cut_can_leave_them_are_a_torn_line(path: Path) -> None:
    data = written(path, START, answered(0), answered(1)).read_bytes()
    path.write_bytes(data[:-30] + bytes(5000))
    assert read_journal(path) == [START, answered(0)]
    written(path, answered(2))
    assert read_journal(path) == [START, answered(0), answered(2)]


def test_closing_at_the_moment_of_a_flush_waits_for_nobody(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topout.store.journal.SYNC_AFTER_S", 0.01)
    journal = JournalFile(path)
    closing = threading.Thread(target=journal.close, daemon=True)

    class Unlucky(threading.Event):
        """Cleared just after somebody else has set it in order to close."""

        def clear(self) -> None:
            closing.start()
            while not self.closes():
                time.sleep(0.001)
            super().clear()

        def closes(self) -> bool:
            return journal._closing.is_set() and self.woken

        woken = False

        def set(self) -> None:
            super().set()
            self.woken = threading.current_thread() is closing

    journal._fresh = Unlucky()
    journal.open().append(START)
    journal._syncer.join(20)
    closing.join(20)
    assert not closing.is_alive()
    assert read_journal(path) == [START]
