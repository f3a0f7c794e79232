"""What a decision costs does not grow with the number of members."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.search.scale import costs


def test_a_plan_and_taking_in_a_member_cost_as_much_with_four_hundred_members_as_with_forty() -> None:
    found = costs(400, 30)
    early, late = found[20:60], found[-40:]
    assert statistics.median(c.taking_s for c in late) < 2.5 * statistics.median(c.taking_s for c in early)
    assert statistics.median(c.planning_s for c in late) < 2.5 * statistics.median(c.planning_s for c in early)
