"""A mapping by candidate, example and sample is a dict, and holds less."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, MutableMapping

from hypothesis import given
from hypothesis import strategies as st

from topout.engine.pairs import Key, Pairs

KEYS = st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 1))


@given(st.lists(st.tuples(KEYS, st.integers())), KEYS)
def test_it_is_a_dict(items: list[tuple[Key, int]], asked: Key) -> None:
    pairs: Pairs[int] = Pairs()
    pairs.update(items)
    known = dict(items)
    assert dict(pairs) == known and len(pairs) == len(known)
    assert pairs.get(asked) == known.get(asked) and pairs.get(asked, "none") == known.get(asked, "none")
    assert (asked in pairs) == (asked in known)
    odd: object = "a"
    assert odd not in pairs
    assert sorted(pairs.values()) == sorted(known.values())
    if asked in known:
        del pairs[asked]
        assert asked not in pairs and len(pairs) == len(known) - 1


def test_a_hundred_thousand_entries_take_half_of_what_a_dict_takes() -> None:
    names = [f"candidate {i}" for i in range(100)], [f"row {i}" for i in range(1000)]

    def held(make: Callable[[], MutableMapping[Key, int]]) -> int:
        tracemalloc.start()
        made = make()
        for candidate in names[0]:
            for row in names[1]:
                made[candidate, row, 0] = 1
        found = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return found

    plain: Callable[[], MutableMapping[Key, int]] = dict
    assert held(Pairs) < held(plain) / 2
