from __future__ import annotations

import json
import math
import time
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topout.domain import Estimate, Gain
from topout.plateau import Challenger, Contender, Evidence, decide
from topout.plateau.calibration import FEATURES, PROBE_FEATURES, chance_inputs, features, interactions, shipped
from topout.plateau.effects import Effects, best_of, effects, pooled_errors, spread


def stored() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("topout.plateau").joinpath("calibration.json").read_text(encoding="utf-8"))
    return found


def revived(one: dict[str, Any]) -> Evidence:
    def gain(data: dict[str, Any]) -> Gain:
        return Gain(**{**data, "estimate": Estimate(**data["estimate"])})

    return Evidence(
        **{
            **one,
            "challengers": tuple(Challenger(**c) for c in one["challengers"]),
            "champion": Estimate(**one["champion"]),
            "last_doubling": gain(one["last_doubling"]),
            "since_baseline": gain(one["since_baseline"]),
            "probe": tuple(Contender(**c) for c in one["probe"]),
            "levers_tried": tuple(one["levers_tried"]),
            "levers_untried": tuple(one["levers_untried"]),
        }
    )


@pytest.mark.parametrize("index", range(5))
def test_code_and_calibration_agree_on_the_stored_examples(index: int) -> None:
    one = stored()["examples"][index]
    evidence = revived(one["evidence"])
    assert decide(evidence).probability == pytest.approx(one["probability"], abs=1e-6)


def test_the_calibration_has_as_many_numbers_as_the_code_has_terms() -> None:
    sizes = (
        (shipped().alone, len(FEATURES)),
        *((one, len(PROBE_FEATURES)) for _, one in shipped().probed),
        (shipped().chance, len(chance_inputs(0.3, 50, 400))),
    )
    for calibration, size in sizes:
        assert len(calibration.means) == len(calibration.sds) == size
        assert len(calibration.coefficients) == len(interactions([0.0] * size, 0.02))
        assert list(calibration.deltas) == sorted(calibration.deltas)


def test_some_stored_examples_rest_on_a_probe() -> None:
    probes = [bool(one["evidence"]["probe"]) for one in stored()["examples"]]
    assert probes == [False, False, True, True, True]


def test_the_calibration_tells_where_it_comes_from_and_how_often_it_errs() -> None:
    provenance = stored()["provenance"]
    assert provenance["command"] == "python -m benchmarks.plateau --fit"
    assert provenance["runs"] >= 6000
    assert list(provenance["measured_out_of_fold"]) == ["alone", "probe of 20", "probe of 50", "probe of 100"]
    for measured in provenance["measured_out_of_fold"].values():
        for delta in ("0.01", "0.02", "0.03"):
            assert measured[delta]["wrongly_topped_out"] <= 0.05
            assert measured[delta]["wrongly_climbing"] <= 0.05


def test_thresholds_between_two_deltas_are_the_more_careful_of_both() -> None:
    calibration = shipped().alone
    low, high = calibration.thresholds(0.02), calibration.thresholds(0.03)
    assert calibration.thresholds(0.025) == (min(low[0], high[0]), max(low[1], high[1]))
    assert calibration.thresholds(0.02) == (calibration.topped_out[2], calibration.climbing[2])
    assert min(calibration.climbing + tuple(x for _, one in shipped().probed for x in one.climbing)) >= 0.65


def test_a_probe_is_judged_by_the_largest_design_of_which_it_has_four_fifths() -> None:
    by_size = dict(shipped().probed)
    assert list(by_size) == [20, 50, 100]
    for scored, size in ((15, 20), (39, 20), (40, 50), (79, 50), (80, 100), (150, 100)):
        assert shipped().of_probe(scored) is by_size[size]


def test_the_spread_of_clear_effects_is_found_again() -> None:
    weights = spread([-0.2] * 50 + [0.1] * 50, [0.004] * 100)
    assert sum(weights) == pytest.approx(1.0)
    assert weights[30] == pytest.approx(0.5, abs=0.01)  # grid point -0.2
    assert weights[60] == pytest.approx(0.5, abs=0.01)  # grid point +0.1
    assert best_of(weights, 1) == pytest.approx(0.05, abs=0.002)
    assert best_of(weights, 10) == pytest.approx(0.0999, abs=0.002)


def test_without_challengers_nothing_is_promised() -> None:
    assert effects([]) == Effects(0.0, 0.0, 0.0, 0.0, 0.0)
    assert effects([Challenger(0.0, 0.0, 0, False)]) == Effects(0.0, 0.0, 0.0, 0.0, 0.0)


def test_few_rows_without_a_change_are_not_taken_for_certainty() -> None:
    errors = pooled_errors([Challenger(0.0, 0.0, 16, True), Challenger(-0.1, 0.08, 100, False)])
    assert errors[0] == pytest.approx(0.1450, abs=1e-3)


def test_two_hundred_challengers_are_judged_in_a_fifth_of_a_second() -> None:
    challengers = [Challenger(math.sin(i) / 10, 0.05, 16 + i % 60, i % 3 == 0) for i in range(200)]
    started = time.process_time()
    effects(challengers)
    assert time.process_time() - started < 0.2


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0, 1), st.integers(1, 400), st.booleans()), min_size=20, max_size=30),
    st.floats(-1, 1),
    st.floats(0.001, 0.5),
    st.lists(st.tuples(st.floats(-1, 1) | st.just(math.nan), st.floats(0) | st.just(math.nan), st.integers(0, 400)), max_size=30),
)
def test_any_evidence_gives_a_probability_that_is_one_and_a_sentence(
    rows: list[tuple[float, float, int, bool]], mean: float, delta: float, probe: list[tuple[float, float, int]]
) -> None:
    gain = Gain(Estimate(mean, -1.0, 1.0, 50), 0.1)
    evidence = Evidence(
        delta=delta,
        n_dev=50,
        n_holdout=50,
        challengers=tuple(Challenger(*row) for row in rows),
        calls=1000,
        calls_at_last_change=0,
        champion=Estimate(1.0, 0.9, 1.0, 50),
        last_doubling=gain,
        since_baseline=gain,
        probe=tuple(Contender(*one) for one in probe),
    )
    found = decide(evidence)
    assert found.probability is not None and 0.0 <= found.probability <= 1.0
    assert found.sentence.endswith(".")
    assert not any("nan" in line.split() for line in found.evidence)


def test_without_held_out_scores_there_is_no_probability() -> None:
    assert features(Evidence(0.02, 50, 50, (Challenger(0.0, 0.1, 20, True),) * 20, 1000, 0), Effects(0, 0, 0, 0, 0)) is None
