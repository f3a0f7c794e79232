"""What is tried on the prompt of a program: which step is blamed, whose demos it gets, and how two prompts become one."""

import random
from collections.abc import Mapping
from dataclasses import replace

from topout.contracts import History, Member, Move
from topout.domain import Candidate, Component, Demo, Example, Prompt, Step
from topout.search.blame import blamed, choose_part
from topout.search.evolve import Evolve, EvolveSettings
from topout.search.program_moves import edit_step_demos, right_answers
from topout.search.system_merge import system_merge
from topout.testing.fakes import made_up_task
from topout.text.fingerprints import prompt_id

QUERY, ANSWER = Component("query", "system", "Say a word."), Component("answer", "system", "Answer.")
BASE = Prompt((QUERY, ANSWER))
ROWS = tuple(Example(f"t{i}", {"question": f"question {i}"}, f"Answer {i}") for i in range(4))


def step(name: str, asked: str, answered: str) -> Step:
    return Step(name, {"question": asked}, answered, key="k")


def member(prompt: Prompt, mean: float = 0.5, parents: tuple[str, ...] = ()) -> Member:
    return Member(Candidate(prompt_id(prompt), prompt, parents), (mean, mean), mean, 1.0, 2)


def history(
    pool: list[Member], steps: Mapping[str, Mapping[str, tuple[Step, ...]]], scores: Mapping[str, Mapping[str, float]]
) -> History:
    task = replace(made_up_task(dev=2), program="run", baseline=BASE, splits={"train": ROWS, "dev": ROWS[:2], "holdout": ()})
    return History(task, [], pool, 0, [[0], [0]], scores, 0, 1000, steps)


ME = member(BASE)
MINE = ME.candidate.id


def blame_of(steps: Mapping[str, tuple[Step, ...]], **others: tuple[Step, ...]) -> dict[str, float]:
    scores = {MINE: dict.fromkeys(steps, 0.0), "other": dict.fromkeys(others, 1.0)}
    return blamed(ME, history([ME], {MINE: steps, "other": others}, scores))


def test_a_step_that_was_given_the_answer_and_lost_it_is_blamed() -> None:
    assert blame_of({"t0": (step("query", "?", "ships"), step("answer", "a page that says answer 0.", "Bob"))}) == {"answer": 1.0}


def test_where_no_step_saw_the_answer_those_before_the_last_are_blamed() -> None:
    assert blame_of({"t0": (step("query", "?", "ships"), step("answer", "a page on nothing", "Bob"))}) == {"query": 1.0}


def test_the_step_that_answers_otherwise_than_in_a_trace_that_passed_is_blamed() -> None:
    mine = (step("query", "?", "ships"), step("answer", "a page", "Bob"))
    assert blame_of({"t0": mine}, t0=(step("query", "?", "boats"), step("answer", "b page", "Answer 0"))) == {"query": 1.0}
    assert blame_of({"t0": mine}, t0=(step("query", "?", "Ships."), step("answer", "a page", "Answer 0"))) == {"answer": 1.0}


def test_rows_that_pass_and_tools_blame_nobody() -> None:
    traces = {"t0": (step("query", "?", "x"),), "t1": (Step("search", {"words": "x"}, "y"),)}
    assert blamed(ME, history([ME], {MINE: traces}, {MINE: {"t0": 1.0, "t1": 0.0}})) == {}


def test_blame_draws_the_part_most_often_and_turns_draw_each_alike() -> None:
    steps = {MINE: {"t0": (step("query", "?", "ships"), step("answer", "nothing", "Bob"))}}
    past = history([ME], steps, {MINE: {"t0": 0.0}})
    by_blame = [choose_part((QUERY, ANSWER), ME, past, random.Random(i), 1.0).name for i in range(400)]
    assert 350 <= by_blame.count("query") <= 390  # 1 - 0.15 / 2 of the draws
    assert [choose_part((QUERY, ANSWER), ME, past, random.Random(i), 0.0).name for i in range(3)] == ["query"] * 3


def test_demos_of_a_step_come_from_traces_that_came_to_the_right_end() -> None:
    traces = {f"t{i}": (step("query", f"q{i}", f"w{i}"), step("answer", f"p{i}", f"Answer {i}")) for i in range(4)}
    past = history([ME], {MINE: traces}, {MINE: {"t0": 1.0, "t1": 0.0, "t2": 1.0, "t3": 0.0}})
    edit = edit_step_demos(ME, past, random.Random(3), EvolveSettings())
    assert edit is not None
    prompt, why = edit
    assert {d.component for d in prompt.demos} <= {"query", "answer"}
    assert {d.example_id for d in prompt.demos} == {"t0", "t2"}
    assert all(d.output == ("w" if d.component == "query" else "Answer ") + d.example_id[1:] for d in prompt.demos)
    assert "add 2 of its steps on rows that came to the right end" in why


def test_a_step_whose_text_was_cut_is_no_demo() -> None:
    cut = Step("query", {"question": "q"}, "w", key="k", cut=True)
    past = history([ME], {MINE: {"t0": (cut,)}}, {MINE: {"t0": 1.0}})
    assert edit_step_demos(ME, past, random.Random(3), EvolveSettings()) is None


def test_a_merge_takes_each_part_from_who_changed_it() -> None:
    one = BASE.with_text("query", "Say a better word.")
    other = BASE.with_text("answer", "Answer well.").with_demos((Demo({"question": "q"}, "a", "t0", "answer"),))
    pool = [ME, member(one, 0.6, (MINE,)), member(other, 0.7, (MINE,))]
    merged = system_merge(pool[1], pool[2], history(pool, {}, {}))
    assert merged is not None
    assert [c.text for c in merged[0].components] == ["Say a better word.", "Answer well."]
    assert merged[0].demos == other.demos
    assert merged[1] == f"query from {pool[1].candidate.id[:8]}, all else from {pool[2].candidate.id[:8]}"


def test_a_part_that_both_changed_is_the_better_ones() -> None:
    one, other = BASE.with_text("query", "One."), BASE.with_text("query", "Other.").with_text("answer", "Else.")
    pool = [ME, member(one, 0.9, (MINE,)), member(other, 0.7, (MINE,))]
    merged = system_merge(pool[1], pool[2], history(pool, {}, {}))
    assert merged is not None
    assert [c.text for c in merged[0].components] == ["One.", "Else."]


def test_a_child_is_not_merged_with_its_own_parent() -> None:
    child = BASE.with_text("query", "One.")
    pool = [ME, member(child, 0.6, (MINE,))]
    assert system_merge(pool[0], pool[1], history(pool, {}, {})) is None


def test_evolve_edits_one_step_of_a_program() -> None:
    traces = {f"t{i}": (step("query", f"q{i}", f"w{i}"), step("answer", f"p{i}", "no")) for i in range(4)}
    past = history([ME], {MINE: traces}, {MINE: dict.fromkeys(traces, 0.0)})
    moves = [Evolve(EvolveSettings(blame=1.0)).plan(i, past, random.Random(i)) for i in range(40)]
    edited = [move.component for move in moves if isinstance(move, Move)]
    assert {move.operator for move in moves if isinstance(move, Move)} == {"rewrite"}
    assert {move.references for move in moves if isinstance(move, Move)} == {()}
    assert set(edited) <= {"query", "answer"}
    assert edited.count("query") >= 32


def test_the_critic_is_shown_what_the_step_answered_in_traces_that_passed() -> None:
    traces = {f"t{i}": (step("query", f"q{i}", f"w{i}"), step("answer", f"p{i}", "no")) for i in range(4)}
    past = history([ME], {MINE: traces}, {MINE: {"t0": 0.0, "t1": 1.0, "t2": 1.0, "t3": 0.0}})
    shown = right_answers("query", ME, past, 1000, random.Random(0))
    assert sorted((e.id, dict(e.inputs), e.expected) for e in shown) == [
        ("t1", {"question": "q1"}, "w1"),
        ("t2", {"question": "q2"}, "w2"),
    ]
    looped = {"t0": (step("query", "q", "a"), step("query", "q", "b"))}
    assert right_answers("query", ME, history([ME], {MINE: looped}, {MINE: {"t0": 1.0}}), 1000, random.Random(0)) == ()
