"""What a power cut may leave in the simulation: all that was flushed, none of what was never written, and anything between."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.faults.power import Call, Disk, parsed


def left(*calls: Call) -> list[dict[str, bytes]]:
    """Every state that some cut leaves."""
    found: list[dict[str, bytes]] = []
    for seed in range(300):
        state = Disk(calls).left(random.Random(seed))
        if state not in found:
            found.append(state)
    return found


NAMED = (Call("create", "a"), Call("begin", ".", 1), Call("flush", ".", 1))
SURE = (*NAMED, Call("write", "a", 0, b"old"), Call("begin", "a", 2), Call("flush", "a", 2))


def test_what_was_flushed_is_there_and_what_was_not_may_be() -> None:
    assert left(*SURE) == [{"a": b"old"}]
    states = left(*SURE, Call("write", "a", -1, b"new"))
    assert all(state["a"].startswith(b"old") for state in states)
    assert {b"old", b"oldnew", b"oldn", b"oldne"} <= {state["a"] for state in states}


def test_a_new_name_needs_its_folder_flushed() -> None:
    calls = (Call("create", "a"), Call("write", "a", 0, b"x"), Call("begin", "a", 1), Call("flush", "a", 1))
    assert {tuple(state) for state in left(*calls)} == {(), ("a",)}


def test_a_file_that_is_renamed_over_another_is_one_of_the_two() -> None:
    fresh = (Call("create", "b"), Call("write", "b", 0, b"new"), Call("begin", "b", 3), Call("flush", "b", 3))
    states = left(*SURE, *fresh, Call("rename", "b", 0, b"a"))
    assert {state["a"] for state in states} == {b"old", b"new"}


def test_what_is_written_during_a_flush_is_not_promised_by_it() -> None:
    states = left(*NAMED, Call("begin", "a", 2), Call("write", "a", 0, b"late"), Call("flush", "a", 2))
    assert {b"", b"late"} <= {state["a"] for state in states}


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def test_a_call_that_another_thread_interrupts_is_read_in_two_pieces() -> None:
    file = f"3<{hexed('/p/a')}>"
    lines = [
        f'7 openat(AT_FDCWD<{hexed("/")}>, "{hexed("/p/a")}", O_WRONLY|O_CREAT, 0644) = {file}',
        f'7 pwrite64({file}, "{hexed("data")}", 4, 8 <unfinished ...>',
        f"8 fsync({file} <unfinished ...>",
        "7 <... pwrite64 resumed>)  = 4",
        "8 <... fsync resumed>)     = 0",
        f'7 unlink("{hexed("/p/a")}") = 0',
        f'7 unlink("{hexed("/elsewhere")}") = 0',
    ]
    assert list(parsed(lines, Path("/p"))) == [
        Call("create", "a"),
        Call("begin", "a", 2),
        Call("write", "a", 8, b"data"),
        Call("flush", "a", 2),
        Call("unlink", "a"),
    ]
