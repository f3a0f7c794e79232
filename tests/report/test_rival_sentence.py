import math

import pytest

from topout.domain import Estimate, Gain
from topout.report.measured import rival_sentence


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (Gain(Estimate(0.05, 0.01, 0.09, 300), 0.05), "Better: the whole interval of the gain lies above 0."),
        (Gain(Estimate(-0.05, -0.09, -0.01, 300), 0.05), "Worse: the whole interval of the gain lies below 0."),
        (Gain(Estimate(0.02, 0.0, 0.04, 1200), 0.025), "No real difference is shown: 0 is in the interval of the gain. 1,200 rows show gains from 2.5 points up."),
        (Gain(Estimate(math.nan, -1, 1, 0), math.inf), "Not compared: no row has a score from both."),
    ],
)  # fmt: skip
def test_a_difference_is_named_only_when_its_whole_interval_shows_it(gain: Gain, said: str) -> None:
    assert rival_sentence(gain) == said
