"""Randomness by place: equal on every machine, different for every decision."""

from __future__ import annotations

from topout.search.place import rng_for, seed_for


def test_a_place_has_the_same_seed_everywhere() -> None:
    assert seed_for(0, 0, "plan") == 3705916799233749959
    assert 0 <= seed_for(7, 3, "race") < 2**63


def test_places_do_not_share_their_randomness() -> None:
    places = [(seed, number, purpose) for seed in range(5) for number in range(50) for purpose in ("plan", "race", "critic/1")]
    assert len({seed_for(*place) for place in places}) == len(places)
    assert len({rng_for(*place).random() for place in places}) == len(places)


def test_a_generator_does_not_depend_on_draws_elsewhere() -> None:
    one, other = rng_for(1, 2, "plan"), rng_for(1, 2, "plan")
    first = [one.random() for _ in range(3)]
    [rng_for(1, 1, "plan").random() for _ in range(10)]
    assert [other.random() for _ in range(3)] == first
