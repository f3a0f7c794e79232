"""Programs of task folders: loaded, bound to prompts, and kept to what they declared."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from topout.contracts import Solved
from topout.domain import Demo, Example, Failure, Prompt, Request, Scored
from topout.engine.meter import Meter
from topout.errors import ProgramError, TopoutError, UserError
from topout.plugins.prompt_folders import load_prompt, save_prompt
from topout.plugins.tasks import TaskFolder, load_task
from topout.testing.fakes import FakeModel
from topout.text.fingerprints import prompt_id

TWO_STEPS = """
async def run(example, prompts, model):
    topic = await model.ask("topic", question=example["question"])
    model.note("library", f"a book on {topic}", topic=topic)
    return await model.ask("answer", question=example["question"], book=f"a book on {topic}")
"""

PROMPT = """--- system: topic ---
Say what it is about.

--- system: answer ---
Answer from the book.

--- user: answer.input ---
Book: {{book}}
Question: {{question}}
"""


def folder(tmp_path: Path, program: str = TWO_STEPS, prompt: str = PROMPT, settings: str = "calls = 2", model: str = "") -> Path:
    """A task folder with a program and a few rows."""
    (tmp_path / "data").mkdir(parents=True, exist_ok=True)
    (tmp_path / "task.toml").write_text(
        f'name = "two"\nfields = ["question"]\n[scorer]\nname = "exact"\n[program]\n{settings}\n[model]\n{model}\n',
        encoding="utf-8",
    )
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    (tmp_path / "prompt.md").write_text(prompt, encoding="utf-8")
    for split in ("train", "dev", "holdout"):
        rows = [{"id": f"{split}{i}", "question": f"{split} question {i}", "expected": "yes"} for i in range(4)]
        (tmp_path / "data" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


def solve(
    loaded: TaskFolder, answer: Callable[[Request], str | Failure], prompt: Prompt | None = None, sample: int = 0, row: int = 0
) -> Solved | Failure:
    """What the program makes of a dev row."""
    assert loaded.program is not None
    bound = loaded.program.bind(prompt or loaded.task.baseline)
    return asyncio.run(bound(loaded.task.rows("dev")[row], sample, FakeModel(answer), "fake/model"))


def say(text: str) -> Callable[[Request], str | Failure]:
    return lambda request: text


def test_each_call_of_a_program_is_a_step_with_what_was_asked_and_answered(tmp_path: Path) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> str:
        seen.append(request)
        return "ships" if len(seen) == 1 else "yes"

    solved = solve(load_task(folder(tmp_path)), answer)
    assert isinstance(solved, Solved)
    assert solved.answer == "yes"
    assert [(s.component, dict(s.asked), s.answered) for s in solved.steps] == [
        ("topic", {"question": "dev question 0"}, "ships"),
        ("library", {"topic": "ships"}, "a book on ships"),
        ("answer", {"question": "dev question 0", "book": "a book on ships"}, "yes"),
    ]
    assert [m.content for m in seen[0].messages] == ["Say what it is about.", "question: dev question 0"]
    assert [m.content for m in seen[1].messages] == ["Answer from the book.", "Book: a book on ships\nQuestion: dev question 0"]


def test_demos_of_a_step_are_shown_to_that_step_alone(tmp_path: Path) -> None:
    loaded = load_task(folder(tmp_path))
    demo = Demo({"question": "Why do sails tear?"}, "sails", component="topic")
    sizes: list[int] = []

    def answer(request: Request) -> str:
        sizes.append(len(request.messages))
        return "x"

    solve(loaded, answer, loaded.task.baseline.with_demos((demo,)))
    assert sizes == [4, 2]


def test_usage_and_cost_are_those_of_all_calls(tmp_path: Path) -> None:
    loaded = load_task(folder(tmp_path))
    assert loaded.program is not None
    meter = Meter(FakeModel(say("yes!")), 8)
    asyncio.run(loaded.program.bind(loaded.task.baseline)(loaded.task.rows("dev")[0], 0, meter, "fake"))
    rollout = meter.rollout("c", "e", "dev", 0, "yes!", Scored(1.0))
    assert (rollout.calls, rollout.output_tokens, rollout.cost_usd) == (2, 2, 0.0)


def test_one_call_too_many_is_a_wrong_answer_even_if_the_program_hides_it(tmp_path: Path) -> None:
    program = """
async def run(example, prompts, model):
    try:
        while True:
            await model.ask("topic", question="again")
    except Exception:
        return "yes"
"""
    solved = solve(load_task(folder(tmp_path, program)), say("x"))
    assert isinstance(solved, Solved)
    assert (solved.answer, solved.wrong) == ("", "the program asked for more than 2 calls (calls = 2 in task.toml)")
    assert len(solved.steps) == 2


def test_an_outage_is_a_failure_even_if_the_program_goes_on(tmp_path: Path) -> None:
    program = """
async def run(example, prompts, model):
    await model.ask("topic", question="one")
    try:
        await model.ask("topic", question="two")
    except BaseException:
        pass
    return "yes"
"""
    replies: list[str | Failure] = ["fine", Failure("outage", "down")]
    failed = solve(load_task(folder(tmp_path, program)), lambda request: replies.pop(0))
    assert isinstance(failed, Failure)
    assert (failed.kind, len(failed.steps)) == ("outage", 1)
    assert [s.answered for s in failed.steps] == ["fine"]


def test_a_program_that_overfills_the_window_is_wrong_but_a_row_that_is_too_long_is_a_failure(tmp_path: Path) -> None:
    loaded = load_task(folder(tmp_path))
    replies: list[str | Failure] = ["fine", Failure("context", "too long")]
    later = solve(loaded, lambda request: replies.pop(0))
    assert isinstance(later, Solved)
    assert later.wrong == "the program made a prompt that is longer than the model's window: too long"
    assert isinstance(solve(loaded, lambda request: Failure("context", "too long")), Failure)


def test_what_a_program_raises_is_its_wrong_answer_in_one_line(tmp_path: Path) -> None:
    program = """
async def run(example, prompts, model):
    said = await model.ask("topic", question="how many")
    return str(int(said))
"""
    loaded = load_task(folder(tmp_path, program))
    solved = solve(loaded, say("many"))
    assert isinstance(solved, Solved)
    assert solved.wrong.startswith("the program raised ValueError: invalid literal for int()")
    assert solved.wrong.endswith("(program.py:4)")
    assert [s.answered for s in solved.steps] == ["many"]


def test_a_program_that_raises_on_every_row_ends_the_run_with_its_line(tmp_path: Path) -> None:
    loaded = load_task(folder(tmp_path, "async def run(example, prompts, model):\n    return nothing\n"))
    for _ in range(7):
        assert isinstance(solve(loaded, say("x")), Solved)
    with pytest.raises(ProgramError, match=r"program\.py:2: the program raised NameError: name 'nothing' is not defined"):
        solve(loaded, say("x"))


def test_errors_of_ours_go_through_a_program_untouched(tmp_path: Path) -> None:
    def broken(request: Request) -> str:
        raise UserError("no price for it")

    with pytest.raises(TopoutError, match="no price for it"):
        solve(load_task(folder(tmp_path)), broken)


def test_structures_are_answers_as_json_and_none_is_no_answer(tmp_path: Path) -> None:
    made = folder(tmp_path / "json", 'async def run(example, prompts, model):\n    return {"rows": [1, 2]}\n')
    solved = solve(load_task(made), say("x"))
    assert isinstance(solved, Solved)
    assert solved.answer == '{"rows": [1, 2]}'
    made = folder(tmp_path / "none", "async def run(example, prompts, model):\n    pass\n")
    solved = solve(load_task(made), say("x"))
    assert isinstance(solved, Solved)
    assert solved.wrong == "program.py: run() returned None, expected the answer"


def test_the_same_question_again_is_another_draw_above_temperature_zero(tmp_path: Path) -> None:
    program = """
async def run(example, prompts, model):
    return " ".join([await model.ask("topic", question="same") for _ in range(2)])
"""
    drawn: list[int] = []

    def answer(request: Request) -> str:
        drawn.append(request.sample)
        return "x"

    solve(load_task(folder(tmp_path / "warm", program, model="temperature = 0.7")), answer, sample=1)
    assert drawn == [1, 1001]
    drawn.clear()
    solve(load_task(folder(tmp_path / "cold", program)), answer)
    assert drawn == [0, 0]


def test_long_texts_are_shortened_in_the_trace_and_whole_for_the_program(tmp_path: Path) -> None:
    solved = solve(load_task(folder(tmp_path)), say("y" * 5000))
    assert isinstance(solved, Solved)
    assert len(solved.answer) == 5000
    assert solved.steps[0].cut
    assert solved.steps[0].answered.endswith("[... 1000 more characters]")


def test_a_programs_prompt_is_written_and_read_with_the_steps_of_its_demos(tmp_path: Path) -> None:
    task = load_task(folder(tmp_path / "task")).task
    prompt = task.baseline.with_demos((Demo({"question": "q"}, "a", "train0", "topic"),))
    save_prompt(prompt, tmp_path / "best")
    assert load_prompt(tmp_path / "best", task) == prompt


def test_a_part_that_the_program_lacks_is_told(tmp_path: Path) -> None:
    task = load_task(folder(tmp_path / "task")).task
    other = tmp_path / "other.md"
    other.write_text(PROMPT.replace("system: topic", "system: topics"), encoding="utf-8")
    with pytest.raises(UserError, match=r"no step for the part 'topics'\. Did you mean 'topic'"):
        load_prompt(other, task)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("def run(example, prompts, model):\n    return 1\n", "'run' is no async function"),
        ("async def run(example):\n    return 1\n", "does not take three arguments"),
        ("async def rum(example, prompts, model):\n    return 1\n", "neither 'async def run"),
        ("import nothing_like_it\n", "does not import"),
    ],
)
def test_a_file_that_is_no_program_is_told_in_one_line(tmp_path: Path, program: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_task(folder(tmp_path, program))


def test_the_program_is_part_of_the_tasks_fingerprint(tmp_path: Path) -> None:
    one = load_task(folder(tmp_path / "one"))
    other = load_task(folder(tmp_path / "other", TWO_STEPS.replace("a book", "the book")))
    assert one.task.fingerprint != other.task.fingerprint
    assert one.holdout_fingerprint != other.holdout_fingerprint


def test_a_demos_step_is_part_of_a_prompts_id_and_plain_demos_keep_theirs() -> None:
    plain = Prompt((), (Demo({"q": "x"}, "y"),))
    assert prompt_id(plain) == "7984c50a0ec0"
    assert prompt_id(Prompt((), (Demo({"q": "x"}, "y", component="topic"),))) != prompt_id(plain)


def test_expected_answers_are_out_of_the_programs_reach(tmp_path: Path) -> None:
    program = "async def run(example, prompts, model):\n    return sorted(example)\n"
    solved = solve(load_task(folder(tmp_path, program)), say("x"))
    assert isinstance(solved, Solved)
    assert solved.answer == '["question"]'


def test_examples_are_the_tasks_own(tmp_path: Path) -> None:
    assert load_task(folder(tmp_path)).task.rows("dev")[0] == Example("dev0", {"question": "dev question 0"}, "yes")
