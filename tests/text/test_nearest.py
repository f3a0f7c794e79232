"""Which rows are most like an input."""

from topout.domain import Example
from topout.text.nearest import Nearest

ROWS = (
    Example("a", {"text": "my parcel is late"}, "delivery"),
    Example("b", {"text": "money back please"}, "refund", "g1"),
    Example("c", {"text": "the parcel never came"}, "delivery"),
    Example("d", {"text": "I want my money back for the parcel"}, "refund", "g1"),
)


def ids(example: Example, most: int) -> list[str]:
    return [row.id for row in Nearest(ROWS).to(example, most)]


def test_rows_with_rare_shared_words_come_first() -> None:
    assert ids(Example("x", {"text": "Give my MONEY back!"}, ""), 2) == ["b", "d"]
    assert ids(Example("x", {"text": "is the parcel late"}, ""), 1) == ["a"]


def test_a_row_is_never_its_own_neighbour_nor_one_of_its_group() -> None:
    assert ids(ROWS[0], 4) == ["d", "c", "b"]
    assert ids(ROWS[1], 4) == ["a", "c"]


def test_rows_that_share_nothing_come_in_their_order() -> None:
    assert ids(Example("x", {"text": "zzz"}, ""), 3) == ["a", "b", "c"]
    assert ids(Example("x", {"text": ""}, ""), 0) == []
