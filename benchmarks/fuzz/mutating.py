"""Inputs made from known ones: cut, doubled, glued together, with words in them that readers stumble over."""

from __future__ import annotations

import random
from collections.abc import Sequence

__all__ = ["mutated"]

WORDS = (
    *(b"\x00", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\n", b"\r\n", b"\x0b", b"\x85", b"\xe2\x80\xa8", b'"', b"'", b"\\", b"`"),
    *(b"{", b"}", b"[", b"]", b"(", b")", b"<", b">", b"=", b":", b",", b";", b"#", b"-", b"&", b"*", b"!", b"|", b"%", b"@"),
    *(b"null", b"true", b"false", b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0", b"0.1", b"1" * 5000, b"9" * 400, b"[" * 3000, b'{"a":' * 2000, b"(" * 500),
    *(b"{{text}}", b"{{x}}", b"{{", b"}}", b"{%", b"%}", b"${x}", b"%s%n", b"{0.__class__}", b"__proto__", b"<script>", b"=cmd()", b"\x1b[2J", b"\xe2\x80\xae"),
    *(b"\\ud83d", b"\\u0000", b'"id"', b'"text"', b'"expected"', b'"event"', b'"score"', b"schema", b"name", b"fields", b"--- user ---", b"--- x ---", b"```", b"~~~"),
    *(b"../", b"/etc/passwd", b"!!python/object/apply:os.system", b"&a [*a]", b"<<: *a", b"cos\nsystem\n", b"-1", b"0", b"1e-400", b"inf", b"nan", b"1_000", b"0x10"),
)  # fmt: skip


def mutated(seeds: Sequence[bytes], rng: random.Random, most: int = 200_000) -> bytes:
    """One input: a seed with one to eight changes, seldom plain noise."""
    if rng.random() < 0.02:
        return rng.randbytes(rng.randrange(200))
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 2, 4, 16, 64, 400)))
        match rng.randrange(8):
            case 0:
                del data[at:end]
            case 1:
                data[at:at] = rng.choice(WORDS)
            case 2:
                data[at:end] = rng.choice(WORDS)
            case 3:
                data[at:at] = data[at:end] * rng.choice((1, 2, 30))
            case 4 if data:
                data[at - 1] = rng.randrange(256)
            case 5:
                other = rng.choice(seeds)
                start = rng.randrange(len(other) + 1)
                data[at:at] = other[start : start + rng.choice((8, 80, 800))]
            case 6:
                swap_values(data, rng)
            case _:
                del data[at:]
    return bytes(data[:most])


def swap_values(data: bytearray, rng: random.Random) -> None:
    """A value after a colon or an equals sign becomes one of another kind."""
    marks = [i for i, byte in enumerate(data) if byte in b":="]
    if not marks:
        return
    start = rng.choice(marks) + 1
    end = start
    while end < len(data) and data[end] not in b",}\n]":
        end += 1
    data[start:end] = rng.choice(
        (
            b' ""',
            b" null",
            b" []",
            b" {}",
            b" -1",
            b" 1e999",
            b" NaN",
            b" true",
            b' "x"',
            b" 0",
            b" 1.5",
            b' ["a"]',
            b' {"a": 1}',
            b" 99999999999999999999",
        )
    )
