"""A scorer that travels gives the score that it gives here."""

from types import ModuleType

import pytest

from topout.config.task_file import ScorerSettings, TaskFile
from topout.contracts import Grading
from topout.domain import Example, Json, Scored
from topout.errors import UserError
from topout.exporters.training.grader import foreign_imports, grader
from topout.plugins.scorers import built_in

ANSWERS = (
    "refund", "Refund.", "The answer is: refund", "I think refund, not billing", "", "42", "about 1,249.50 euros", "-3", "1.249,5", '{"a": 1, "b": "X"}',
    '```json\n{"a": 1.0, "b": "x"}\n```', '{"a": 2}', "[1]", "{{x}} \u2028 </s>", "a the refund of it", "x" * 100_010 + "refund",
)  # fmt: skip
SCHEMA: dict[str, Json] = {"type": "object", "properties": {"a": {"type": "integer", "maximum": 1}}, "required": ["a"]}
CASES: list[tuple[dict[str, Json], Json]] = [
    ({"name": "label"}, "refund"),
    ({"name": "label", "strict": False}, "refund"),
    ({"name": "exact"}, ["refund", "-3"]),
    ({"name": "exact", "ignore_case": True}, "REFUND"),
    ({"name": "contains"}, ["refund", "it"]),
    ({"name": "contains", "ignore_case": False}, "Refund"),
    ({"name": "regex"}, "ref(und)+"),
    ({"name": "regex", "pattern": "is: (\\w+)", "ignore_case": True}, "Refund"),
    ({"name": "token_f1"}, "the refund of money"),
    ({"name": "numeric"}, 1249.5),
    ({"name": "numeric", "tolerance": 0.1, "relative": True}, "-3"),
    ({"name": "json"}, {"a": 1, "b": "x"}),
    ({"name": "json", "kinds": {"b": "casefold"}, "credit": "all", "fences": False, "tolerance": 1.0}, {"a": 1, "b": "x"}),
]


@pytest.mark.parametrize(("settings", "expected"), CASES)
@pytest.mark.parametrize("schema", [None, SCHEMA])
def test_it_gives_the_same_score_and_feedback_in_a_file_of_its_own(
    settings: dict[str, Json], expected: Json, schema: dict[str, Json] | None
) -> None:
    task = TaskFile.model_validate({"name": "t", "fields": ["text"], "scorer": settings})
    chosen: ScorerSettings = task.scorer
    labels = ("refund", "billing")
    grading = Grading(chosen.name, chosen.model_dump(mode="json", exclude={"name", "schema_file"}), labels, schema)
    source = grader(grading, "t", "")
    module = ModuleType("nameless")
    exec(compile(source, "reward.py", "exec"), vars(module))
    assert foreign_imports(source) == (("jsonschema", "referencing") if chosen.name == "json" else ())
    here = built_in(chosen, labels, schema).scorer
    for answer in ANSWERS:
        score = here(answer, Example("1", {"text": "t"}, expected))
        assert isinstance(score, Scored)
        assert module.judged(answer, expected, {"text": "t"}) == (score.value, score.feedback)


def test_what_is_no_built_in_scorer_is_told() -> None:
    with pytest.raises(UserError, match="the scorer 'judge' has no code that could travel"):
        grader(Grading("judge"), "t", "")


def test_imports_beyond_the_standard_library_are_found_wherever_they_stand() -> None:
    assert foreign_imports("import json, numpy as np\ndef f():\n    from yaml.nodes import x\n    from . import y\n") == (
        ".",
        "numpy",
        "yaml",
    )
