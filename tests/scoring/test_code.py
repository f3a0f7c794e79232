from __future__ import annotations

import threading
import time

import pytest

from topout.contracts import SlowScorer
from topout.domain import Example, Json, Scored
from topout.errors import ScorerError
from topout.scoring.code_answers import code, code_problem, program_in, same
from topout.scoring.sandbox import Isolation, Limits, find_isolation

LIMITS = Limits(cpu_s=3, memory_mb=256, disk_mb=4, output_kb=64)


@pytest.fixture(scope="module")
def way() -> Isolation:
    found, why = find_isolation()
    if found is None:
        pytest.skip(f"no sandbox here: {why}")
    return found


def judged(scorer: SlowScorer, answer: str, expected: Json) -> Scored:
    score = scorer(answer, Example("1", {}, expected))
    assert isinstance(score, Scored)
    return score


ADD = "Here it is:\n\n```python\ndef add(a, b):\n    return a + b\n```\nIt adds."


def test_tests_of_a_row_run_after_the_program_of_the_answer(way: Isolation) -> None:
    scorer = code(way, LIMITS)
    assert judged(scorer, ADD, "assert add(1, 2) == 3\nassert add(-1, 1) == 0") == Scored(1.0)
    wrong = judged(scorer, ADD.replace("+", "-"), "assert add(1, 2) == 3")
    assert (wrong.value, wrong.feedback) == (0.0, "0 of 1 cases passed: AssertionError in `assert add(1, 2) == 3`")


def test_credit_is_for_all_cases_or_by_case(way: Isolation) -> None:
    tests: Json = ["assert add(1, 2) == 3", "assert add('a', 'b') == 'ba'", "assert add(0, 0) == 0"]
    assert judged(code(way, LIMITS), ADD, tests).value == 0.0
    by_case = judged(code(way, LIMITS, credit="cases"), ADD, tests)
    assert by_case.value == pytest.approx(2 / 3)
    assert by_case.feedback == "2 of 3 cases passed: AssertionError in `assert add('a', 'b') == 'ba'`"


def test_calls_are_compared_outside(way: Isolation) -> None:
    calls: Json = [
        {"call": "pair(1, 2)", "returns": [1, 2]},
        {"call": "pair(1.0, None)", "returns": [1.0, None]},
        {"call": "pair(True, 2)", "returns": [1, 2]},
        {"call": "missing()", "returns": 1},
    ]
    found = judged(code(way, LIMITS, credit="cases"), "def pair(a, b):\n    return (a, b)", calls)
    assert found.value == 0.5
    assert found.feedback == (
        "2 of 4 cases passed: pair(True, 2): expected [1, 2], got [true, 2]; missing(): NameError: name 'missing' is not defined"
    )


def test_a_program_reads_its_input_and_prints(way: Isolation) -> None:
    cases: Json = [{"stdin": "3 4\n", "stdout": "7"}, {"stdin": "1 1\n", "stdout": "2\n"}]
    program = "```py\na, b = map(int, input().split())\nprint(a + b, ' ')\n```"
    assert judged(code(way, LIMITS), program, cases) == Scored(1.0)
    wrong = judged(code(way, LIMITS, credit="cases"), program.replace("a + b", "a * b"), cases)
    assert (wrong.value, wrong.feedback) == (
        0.0,
        "0 of 2 cases passed: with input '3 4': expected '7', got '12'; with input '1 1': expected '2', got '1'",
    )


def test_ending_early_is_not_passing(way: Isolation) -> None:
    for cheat in ("import os\nos._exit(0)", "import sys\nsys.exit(0)", "raise SystemExit", "quit = 1\nimport os\nos.abort()"):
        assert judged(code(way, LIMITS), cheat, "assert add(1, 2) == 3").value == 0.0, cheat


def test_what_is_expected_of_calls_is_not_in_the_sandbox(way: Isolation) -> None:
    """A program that looks through all objects of its process finds no answer to copy."""
    snoop = "import gc\ndef add(a, b):\n    return [repr(o) for o in gc.get_objects() if str(int('271') * 1000 + 828) in repr(o)][:1] or 'nothing'"
    found = judged(code(way, LIMITS), snoop, [{"call": "add(1, 2)", "returns": 271828}])
    assert "got nothing" in found.feedback.replace('"', "")


def test_no_code_is_told_so(way: Isolation) -> None:
    assert judged(code(way, LIMITS), "  \n", "assert True") == Scored(0.0, "there is no code in the answer")
    assert judged(code(way, LIMITS), "def add(:", "assert True").feedback.startswith("0 of 1 cases passed: SyntaxError")


@pytest.mark.parametrize(
    "hostile", ["}" * 5000, "\x00", "(" * 20_000, "'''" * 999, "x = " + "-" * 50_000 + "1", "\ud83d", "a" * 200_000]
)
def test_no_answer_raises(way: Isolation, hostile: str) -> None:
    assert judged(code(way, LIMITS), hostile, "assert never").value == 0.0


def test_the_last_closed_python_block_is_the_program() -> None:
    assert program_in("```python\na\n```\nor\n```python\nb\n```\n```text\nc\n```") == "b\n"
    assert program_in("~~~\na\n~~~") == "a\n"
    assert program_in("```python\na") == "a"
    assert program_in("a = 1") == "a = 1"
    assert program_in("```py\r\na\r\n```") == "a\n"
    assert program_in("````python\na\n```\n````") == "a\n```\n"
    assert program_in("~~~~\nnever closed\n```python\na\n```") == "a\n"
    assert program_in("```python\na\n```\n```python\nb") == "a\n"


@pytest.mark.parametrize("runaway", ["~" * 50_000 + "\n" + "x\n" * 25_000, "```a\n" * 20_000, "```" + " " * 99_000 + "x"])
def test_a_runaway_answer_costs_no_minutes(runaway: str) -> None:
    """Quadratic, each would take a minute or more."""
    began = time.process_time()
    assert program_in(runaway) == runaway[:100_000]
    assert time.process_time() - began < 5


def test_equal_is_as_in_json() -> None:
    assert same([1, {"a": 0.1 + 0.2}], [1.0, {"a": 0.3}])
    assert not same(True, 1)
    assert not same(1, True)
    assert not same([1], [1, 2])
    assert not same({"a": 1}, {"b": 1})
    assert not same("1", 1)
    assert not same(10**400, 5)
    assert same(10**400, 10**400)


def test_a_row_without_cases_is_told() -> None:
    assert code_problem("assert True") == ""
    assert code_problem([{"stdin": "", "stdout": ""}]) == ""
    wrongs: list[Json] = [[], "", 3, None, [""], ["assert True", {"stdin": "", "stdout": ""}], [{"call": "f()"}]]
    wrongs.append([{"call": "f()", "returns": 1, "x": 2}])
    for wrong in wrongs:
        assert code_problem(wrong).startswith("expected a text of tests"), wrong


def test_a_sandbox_that_fails_scores_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ScorerError, match=r"scorer 'code': .*Nothing was run"):
        code("bubblewrap", LIMITS)("x = 1", Example("1", {}, "assert True"))


def test_programs_of_several_answers_run_at_the_same_time(way: Isolation) -> None:
    scorer = code(way, LIMITS)
    found: list[float] = []
    threads = [threading.Thread(target=lambda: found.append(judged(scorer, ADD, "assert add(1, 2) == 3").value)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1.0] * 4
