from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from topout.text.replies import Proposal, fenced, first_fence, read_proposal


def test_a_reply_gives_its_rationale_and_text() -> None:
    assert read_proposal("Rationale: say what refunds are.\n\n```text\nPick.\nBe brief.\n```\nDone.") == Proposal(
        "Pick.\nBe brief.", "say what refunds are.", True
    )


def test_an_unclosed_fence_is_told_apart() -> None:
    assert read_proposal("**Rationale:** shorter\n````\nPick ```one``` and") == Proposal("Pick ```one``` and", "shorter", False)


def test_a_reply_without_a_fence_is_no_proposal() -> None:
    assert read_proposal("I cannot help with that.") is None
    assert read_proposal("use ``` as you like``` here") is None


def test_a_rationale_may_follow_the_block_or_be_the_first_line() -> None:
    assert read_proposal("```\nA\n```\n- Rationale: after") == Proposal("A", "after", True)
    assert read_proposal("Made it shorter.\nHere:\n```\nA\n```") == Proposal("A", "Made it shorter.", True)
    assert read_proposal("```\nRationale: not this\n```") == Proposal("Rationale: not this", "", True)


def test_a_longer_fence_holds_shorter_ones() -> None:
    fence = first_fence("x\n`````md\n```\na\n```\n`````\n```\nb\n```")
    assert fence is not None
    assert (fence.text, fence.info, fence.closed, fence.before) == ("```\na\n```", "md", True, "x")


def test_a_block_with_an_info_string_inside_does_not_cut_the_text() -> None:
    fence = first_fence("```\nAnswer like this:\n```json\n{}\n```\nand nothing else.\n```")
    assert fence is not None
    assert (fence.text, fence.closed) == ("Answer like this:\n```json\n{}\n```\nand nothing else.", True)


def test_tildes_and_indents_are_fences_too() -> None:
    fence = first_fence("  ~~~\n  a\n   b\n  ~~~")
    assert fence is not None
    assert (fence.text, fence.closed) == ("a\n b", True)


@given(st.text(st.sampled_from(["`", "~", "\n", "a", " "]), max_size=40), st.sampled_from(["", "text"]))
def test_what_is_fenced_is_found_again(text: str, info: str) -> None:
    fence = first_fence("before\n" + fenced(text, info) + "\nafter")
    assert fence is not None
    assert (fence.text, fence.info, fence.closed) == (text, info, True)
