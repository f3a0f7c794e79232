"""DSPy modules as programs: our model answers, their predictors are the parts of the prompt."""

import json
from pathlib import Path

import pytest

from tests.plugins.test_programs import folder, solve
from topout.contracts import Solved
from topout.domain import Demo, Failure, Request
from topout.errors import UserError
from topout.plugins.tasks import load_task
from topout.text.rendering import placeholders

MODULE = """
import dspy


class Hops(dspy.Module):
    def __init__(self):
        super().__init__()
        self.query = dspy.Predict(dspy.Signature("question -> query", "Write a query."))
        self.answer = dspy.ChainOfThought(dspy.Signature("question, page -> answer", "Answer from the page."))

    def forward(self, question):
        query = self.query(question=question).query
        return self.answer(question=question, page=f"the page on {query}")


program = Hops
"""


def task_folder(tmp_path: Path, module: str = MODULE, settings: str = 'calls = 2\noutput = "answer"') -> Path:
    """A task whose prompt is the module's own."""
    made = folder(tmp_path, module, settings=settings)
    (made / "prompt.md").unlink()
    return made


def fields(**outputs: str) -> str:
    """A reply as DSPy's chat adapter asks for it."""
    return "\n\n".join([f"[[ ## {name} ## ]]\n{value}" for name, value in outputs.items()] + ["[[ ## completed ## ]]"])


def hop(request: Request) -> str:
    """Answers both predictors."""
    if "[[ ## query ## ]]" in request.messages[0].content:
        return fields(query="tall ships")
    return fields(reasoning="It says so.", answer="yes")


def test_the_parts_of_the_prompt_are_the_predictors_instructions(tmp_path: Path) -> None:
    task = load_task(task_folder(tmp_path)).task
    assert task.program == "dspy"
    assert [(c.name, c.role, c.text) for c in task.baseline.components] == [
        ("query", "system", "Write a query."),
        ("answer.predict", "system", "Answer from the page."),
    ]


@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_each_predictor_is_a_step_told_by_its_fields(tmp_path: Path, kind: str) -> None:
    asynchronous = (
        MODULE.replace("def forward", "async def aforward")
        .replace("self.query(q", "(await self.query.acall(q")
        .replace(").query", ")).query")
        .replace("return self.answer(", "return await self.answer.acall(")
    )
    solved = solve(load_task(task_folder(tmp_path, MODULE if kind == "blocking" else asynchronous)), hop)
    assert isinstance(solved, Solved)
    assert (solved.answer, solved.wrong) == ("yes", "")
    assert [(s.component, dict(s.asked), s.answered) for s in solved.steps] == [
        ("query", {"question": "dev question 0"}, "tall ships"),
        (
            "answer.predict",
            {"question": "dev question 0", "page": "the page on tall ships"},
            '{"reasoning": "It says so.", "answer": "yes"}',
        ),
    ]


def test_instructions_and_demos_of_a_candidate_reach_the_model(tmp_path: Path) -> None:
    loaded = load_task(task_folder(tmp_path))
    demo = Demo({"question": "Q0", "page": "P0"}, '{"reasoning": "R0", "answer": "A0"}', "train0", "answer.predict")
    prompt = loaded.task.baseline.with_text("query", "Write a clever query.").with_demos((demo,))
    seen: list[Request] = []

    def answer(request: Request) -> str:
        seen.append(request)
        return hop(request)

    solve(loaded, answer, prompt)
    assert "Write a clever query." in seen[0].messages[0].content
    assert [m.role for m in seen[1].messages] == ["system", "user", "assistant", "user"]
    assert "[[ ## reasoning ## ]]\nR0" in seen[1].messages[2].content
    assert "Write a clever query." not in str(load_task(task_folder(tmp_path)).task.baseline)


def test_the_saved_state_is_loaded_by_the_module(tmp_path: Path) -> None:
    loaded = load_task(task_folder(tmp_path / "task"))
    demo = Demo({"question": "Q0"}, "ships", "train0", "query")
    assert loaded.state is not None
    file = tmp_path / "program.json"
    file.write_bytes(loaded.state(loaded.task.baseline.with_text("query", "New text.").with_demos((demo,))))
    names: dict[str, object] = {}
    exec(MODULE, names)
    module = names["program"]()  # type: ignore[operator]
    module.load(file)
    assert module.query.signature.instructions == "New text."
    assert [dict(d) for d in module.query.demos] == [{"question": "Q0", "query": "ships"}]
    assert json.loads(file.read_text(encoding="utf-8"))["query"]["lm"] is None


def test_a_reply_that_the_adapter_cannot_read_costs_a_call_and_is_in_the_trace(tmp_path: Path) -> None:
    replies = ["no fields at all", json.dumps({"query": "ships"}), fields(reasoning="R", answer="yes")]
    solved = solve(load_task(task_folder(tmp_path, settings='calls = 3\noutput = "answer"')), lambda request: replies.pop(0))
    assert isinstance(solved, Solved)
    assert solved.answer == "yes"
    assert [(s.component, s.answered) for s in solved.steps][:2] == [("query", "no fields at all"), ("query", "ships")]


def test_what_a_module_raises_is_its_wrong_answer_and_an_outage_is_none(tmp_path: Path) -> None:
    loaded = load_task(task_folder(tmp_path, settings='calls = 9\noutput = "answer"'))
    wrong = solve(loaded, lambda request: "nothing that it can read")
    assert isinstance(wrong, Solved)
    assert wrong.wrong.startswith("the program raised AdapterParseError")
    failed = solve(loaded, lambda request: Failure("outage", "down"))
    assert isinstance(failed, Failure)
    assert failed.kind == "outage"


def test_one_call_too_many_is_a_wrong_answer(tmp_path: Path) -> None:
    solved = solve(load_task(task_folder(tmp_path, settings='calls = 1\noutput = "answer"')), hop)
    assert isinstance(solved, Solved)
    assert solved.wrong == "the program asked for more than 1 calls (calls = 1 in task.toml)"


def test_without_a_named_output_the_answer_is_all_of_them_as_json(tmp_path: Path) -> None:
    solved = solve(load_task(task_folder(tmp_path, settings="calls = 2")), hop)
    assert isinstance(solved, Solved)
    assert solved.answer == '{"reasoning": "It says so.", "answer": "yes"}'


@pytest.mark.parametrize(
    ("module", "settings", "said"),
    [
        ("program = 3\n", "calls = 1", "'program' is a int, expected a dspy.Module"),
        ("import dspy\nprogram = dspy.Module()\n", "calls = 1", "has no dspy.Predict in it"),
        (MODULE, 'calls = 1\noutput = "anser"', "output = 'anser' is no output field. Did you mean 'answer'"),
        (
            MODULE.replace('"Write a query."))', '"Write."))\n        self.query.lm = dspy.LM("openai/x")'),
            "calls = 1",
            "LM of its own",
        ),
    ],
)
def test_what_cannot_be_run_is_told_in_one_line(tmp_path: Path, module: str, settings: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        load_task(task_folder(tmp_path, module, settings))
    assert said in str(error.value)


def test_a_demo_that_a_module_brings_is_part_of_the_baseline(tmp_path: Path) -> None:
    module = MODULE.replace(
        "    def forward",
        '        self.query.demos = [dspy.Example(question="Q", query="S").with_inputs("question")]\n\n    def forward',
    )
    assert load_task(task_folder(tmp_path, module)).task.baseline.demos == (Demo({"question": "Q"}, "S", "", "query"),)


def test_a_prompt_file_may_stand_in_for_the_modules_own_words(tmp_path: Path) -> None:
    made = task_folder(tmp_path)
    (made / "prompt.md").write_text(
        "--- system: query ---\nAsk.\n\n--- system: answer.predict ---\nAnswer {{it}}.\n", encoding="utf-8"
    )
    baseline = load_task(made).task.baseline
    assert [c.text for c in baseline.components] == ["Ask.", "Answer {{it}}."]
    assert placeholders(baseline.components[1].text) == ("it",)


def test_a_module_may_ask_from_threads_of_its_own(tmp_path: Path) -> None:
    module = MODULE.replace(
        "query = self.query(question=question).query",
        "query = dspy.Parallel(num_threads=2, disable_progress_bar=True)([(self.query, dspy.Example(question=question).with_inputs('question'))])[0].query",
    )
    solved = solve(load_task(task_folder(tmp_path, module)), hop)
    assert isinstance(solved, Solved)
    assert [s.component for s in solved.steps] == ["query", "answer.predict"]
