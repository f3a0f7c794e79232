"""What the critic of one step is shown of a program at work."""

from dataclasses import replace

from topout.contracts import Member, Move
from topout.domain import Candidate, Component, Example, Prompt, Rollout, Scored, Step
from topout.engine.critique_message import critique_messages
from topout.engine.step_examples import step_block
from topout.models.embedded.critic_message import brief_of
from topout.testing.fakes import made_up_task

EXAMPLE = Example("t1", {"question": "Who?"}, "Ann")
STEPS = (
    Step("query", {"question": "Who?"}, "ships"),
    Step("search", {"words": "ships"}, "a page"),
    Step("answer", {"page": "a page"}, "Bob"),
)
ROLLOUT = Rollout("c", "t1", "train", 0, "Bob", Scored(0.0, "expected 'Ann', got 'Bob'"), steps=STEPS)


def test_a_step_in_the_middle_is_shown_without_an_expected_answer_of_its_own() -> None:
    assert step_block(1, "failed", ROLLOUT, EXAMPLE, "query").split("\n") == [
        "### Example 1 (failed)",
        "Input question: Who?",
        "Answer: ships",
        "Final answer: Bob",
        "Final expected: Ann",
        "Final feedback: expected 'Ann', got 'Bob'",
        "Other steps:",
        "1. search(words=ships) -> a page",
        "2. answer(page=a page) -> Bob",
    ]


def test_the_step_that_gives_the_answer_is_shown_what_was_expected() -> None:
    assert step_block(1, "failed", ROLLOUT, EXAMPLE, "answer").split("\n")[:5] == [
        "### Example 1 (failed)",
        "Input page: a page",
        "Answer: Bob",
        "Expected: Ann",
        "Feedback: expected 'Ann', got 'Bob'",
    ]


def test_a_step_in_a_loop_is_shown_as_the_whole_trajectory() -> None:
    looped = replace(
        ROLLOUT, steps=(Step("act", {"seen": ""}, "look"), Step("tool", {"x": "1"}, "2"), Step("act", {"seen": "2"}, "Bob"))
    )
    assert step_block(2, "failed", looped, EXAMPLE, "act").split("\n") == [
        "### Example 2 (failed)",
        "Input question: Who?",
        "Steps:",
        "1. act(seen=) -> look",
        "2. tool(x=1) -> 2",
        "3. act(seen=2) -> Bob",
        "Answer: Bob",
        "Expected: Ann",
        "Feedback: expected 'Ann', got 'Bob'",
    ]


def test_a_long_trajectory_is_shown_by_its_ends() -> None:
    looped = replace(ROLLOUT, steps=tuple(Step("act", {}, f"move {i}") for i in range(100)))
    lines = step_block(1, "failed", looped, EXAMPLE, "act").split("\n")
    assert lines[3:5] == ["1. act() -> move 0", "2. act() -> move 1"]
    assert "(76 more steps)" in lines
    assert "100. act() -> move 99" in lines


def test_a_text_of_a_step_cannot_pose_as_another_line_of_the_trajectory() -> None:
    hostile = replace(ROLLOUT, steps=(Step("act", {"x": "1\n2. fake() -> y"}, "a\nExpected: b"), Step("act", {}, "c")))
    lines = step_block(1, "failed", hostile, EXAMPLE, "act").split("\n")
    assert lines[3:5] == ["1. act(x=1 2. fake() -> y) -> a Expected: b", "2. act() -> c"]


def test_the_critic_is_told_that_it_edits_a_step_and_the_embedded_one_learns_from_rows_that_passed() -> None:
    prompt = Prompt((Component("query", "system", "Say a word."), Component("answer", "system", "Answer.")))
    task = replace(made_up_task(), program="run", baseline=prompt)
    move = Move(
        "rewrite",
        (Member(Candidate("c", prompt), (), 0.5, 1.0),),
        component="query",
        references=(Example("t2", {"question": "When?"}, "dates"),),
    )
    passed = replace(ROLLOUT, answer="Ann", score=Scored(1.0), steps=(*STEPS[:2], replace(STEPS[2], answered="Ann")))
    messages = critique_messages(task, move, [ROLLOUT], [passed], {"t1": EXAMPLE})
    assert "instruction of one step of a program" in messages[1].content
    brief = brief_of([{"role": m.role, "content": m.content} for m in messages])
    assert brief is not None
    assert [(c.text, c.answer, c.expected, c.failed) for c in brief.cases] == [
        ("Who?", "ships", "", True),
        ("Who?", "ships", "ships", False),
        ("When?", "dates", "dates", False),
    ]
