"""Exported, loaded with the target's own library, rendered: the same messages, character for character."""

import importlib.util
import json
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topout.app.registering import register
from topout.contracts import Exported, Exporter, Offer, Provenance
from topout.domain import Component, Demo, Estimate, Prompt, Verdict
from topout.errors import UserError
from topout.exporters import TARGETS
from topout.exporters.directory import DirectoryRegistry
from topout.plugins.prompt_folders import read_prompt
from topout.store.batch import write_batch
from topout.text.rendering import placeholders, render

Carry = Callable[[Exporter, Offer], Exported]
Inputs = tuple[Mapping[str, str], ...]


def rendered(prompt: Prompt, inputs: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in render(prompt, inputs)]


def load_module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fill(document: Mapping[str, object], inputs: Mapping[str, str]) -> list[dict[str, str]]:
    """What the rendering note in messages.json says, and nothing else."""
    found, fields, templates = document["messages"], document["fields"], document["templates"]
    assert isinstance(found, list) and isinstance(fields, list) and isinstance(templates, list)
    pattern = re.compile("|".join(re.escape("{{" + name + "}}") for name in fields))
    filled = [
        {
            "role": m["role"],
            "content": pattern.sub(lambda hit: inputs[hit[0][2:-2]], m["content"]) if i in templates else m["content"],
        }
        for i, m in enumerate(found)
    ]
    return [m for m in filled if m["role"] != "system" or m["content"]]


def test_a_python_module_renders_the_same_messages(offer: Offer, inputs: Inputs, carry: Carry, tmp_path: Path) -> None:
    carry(TARGETS["python"], offer)
    module = load_module(tmp_path / "ticket_label.py")
    for one in inputs:
        assert module.render(**one) == rendered(offer.prompt, one)
    with pytest.raises(TypeError, match="needs a text for: text"):
        module.render(sender="x")


def test_chat_messages_render_the_same_when_filled_as_their_note_says(
    offer: Offer, inputs: Inputs, carry: Carry, tmp_path: Path
) -> None:
    exported = carry(TARGETS["messages"], offer)
    document = json.loads((tmp_path / "messages.json").read_text(encoding="utf-8"))
    for one in inputs:
        assert fill(document, one) == rendered(offer.prompt, one)
    assert exported.warnings == (
        "Demos hold text that looks like a placeholder (sender, text): fill only the messages in `templates`.",
    )


def test_a_text_file_renders_the_same_when_read_by_topout(offer: Offer, inputs: Inputs, carry: Carry, tmp_path: Path) -> None:
    carry(TARGETS["text"], offer)
    loaded = read_prompt(tmp_path, ("sender", "text"))
    assert loaded.components == offer.prompt.components
    for one in inputs:
        assert rendered(loaded, one) == rendered(offer.prompt, one)


def test_a_registry_version_renders_the_same_when_read_by_topout(offer: Offer, inputs: Inputs, tmp_path: Path) -> None:
    register(DirectoryRegistry(tmp_path, write_batch), offer, ())
    loaded = read_prompt(tmp_path / "ticket-label" / "versions" / "1", ("sender", "text"))
    for one in inputs:
        assert rendered(loaded, one) == rendered(offer.prompt, one)


def test_dspy_loads_the_same_instructions_demos_and_fields(inputs: Inputs, offer: Offer, carry: Carry, tmp_path: Path) -> None:
    import dspy

    demos = tuple(Demo(one, f"label {i} {{{{text}}}}") for i, one in enumerate(inputs))
    text = 'Sort "it" into {one} kind.\n\nsystem: stay calm\n  - a {{\n  - 東京 """ \\n'
    prompt = Prompt((Component("system", "system", text), Component("user", "user", "From: {{sender}}\nTicket: {{text}}")), demos)
    exported = carry(TARGETS["dspy"], replace(offer, prompt=prompt))
    program = dspy.Predict("sender, text -> answer")
    program.load(tmp_path / "program.json")
    assert program.signature.instructions == text
    assert [dict(demo) for demo in program.demos] == [{**d.inputs, "answer": d.output} for d in demos]
    assert list(program.signature.input_fields) == ["sender", "text"]
    assert [f.json_schema_extra["desc"] for f in program.signature.input_fields.values()] == ["From", "Ticket"]
    assert program.lm is None
    state = json.loads((tmp_path / "program.json").read_bytes())
    assert state["lm"] is None and "dspy" in state["metadata"]["dependency_versions"]
    assert 'dspy.Predict("sender, text -> answer")' in exported.note
    assert any("Measure again in DSPy" in warning for warning in exported.warnings)


def test_dspy_says_what_becomes_of_templates_and_indentation(offer: Offer, carry: Carry, tmp_path: Path) -> None:
    exported = carry(TARGETS["dspy"], offer)
    state = json.loads((tmp_path / "program.json").read_bytes())
    assert "The sender is `sender`; write to `sender`." in state["signature"]["instructions"]
    assert any("{{field}} became `field`" in warning for warning in exported.warnings)
    assert any("tabs" in warning for warning in exported.warnings)


def test_dspy_calls_the_output_something_else_when_an_input_is_called_answer(offer: Offer, carry: Carry) -> None:
    prompt = Prompt((Component("user", "user", "Judge: {{answer}}"),))
    exported = carry(TARGETS["dspy"], replace(offer, prompt=prompt, fields=("answer",)))
    assert 'dspy.Predict("answer -> answer_")' in exported.note


@pytest.mark.parametrize("field", ["lm", "demos", "a-b", "_x", "class", "fields"])
def test_dspy_refuses_fields_that_it_cannot_take(offer: Offer, tmp_path: Path, field: str) -> None:
    prompt = Prompt((Component("user", "user", f"In: {{{{{field}}}}}"),))
    with warnings.catch_warnings(), pytest.raises(UserError, match="DSPy cannot take"):
        warnings.simplefilter("ignore")
        TARGETS["dspy"](replace(offer, prompt=prompt, fields=(field,)), tmp_path)


def test_text_says_so_when_it_cannot_keep_blank_lines(offer: Offer, tmp_path: Path) -> None:
    prompt = offer.prompt.with_text("rules", "\n\nOne word.\n")
    assert (
        "Blank lines around a part and line ends are not kept: rules."
        in TARGETS["text"](replace(offer, prompt=prompt), tmp_path).warnings
    )


def test_text_refuses_what_does_not_read_back(offer: Offer, tmp_path: Path) -> None:
    odd = Prompt((Component("my part", "user", "{{text}}"),))
    with pytest.raises(UserError):
        TARGETS["text"](replace(offer, prompt=odd), tmp_path)
    with pytest.raises(UserError, match="NUL"):
        register(DirectoryRegistry(tmp_path, write_batch), replace(offer, prompt=offer.prompt.with_text("rules", "a\0b")), ())


@pytest.mark.parametrize("target", list(TARGETS))
def test_half_a_surrogate_pair_is_refused(offer: Offer, tmp_path: Path, target: str) -> None:
    broken = replace(offer, prompt=offer.prompt.with_text("rules", "a\ud83db"))
    if target == "python":  # a Python literal can hold it
        source = TARGETS[target](broken, tmp_path).files["ticket_label.py"]
        assert b"\\ud83d" in source
        return
    with pytest.raises(UserError, match="half a surrogate pair"):
        TARGETS[target](broken, tmp_path)


def test_a_python_module_is_literals_only(offer: Offer, carry: Carry, tmp_path: Path) -> None:
    evil = "'''\"\"\" + __import__('os').system('touch hacked') + \\"
    prompt = Prompt((Component("user", "user", evil + "{{text}}" + evil),), (Demo({"text": evil}, evil),))
    p = replace(offer.provenance, model=f"openai/{evil}\n{evil}")
    carry(TARGETS["python"], replace(offer, prompt=prompt, fields=("text",), provenance=p, name="2024.import"))
    module = load_module(tmp_path / "prompt_2024_import.py")
    assert module.render(text=evil) == rendered(prompt, {"text": evil})
    assert evil in (module.__doc__ or "")


TEXT = st.text(
    st.one_of(st.sampled_from("{}'\"\\\n\r\t `$%<&#-"), st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    max_size=40,
)
PART = st.lists(st.one_of(TEXT, st.sampled_from(["{{text}}", "{{ sender }}", "{{{text}}}", "--- user ---", "{{"])), max_size=5).map(
    "".join
)


@given(system=PART, user=PART, demo=PART, output=PART, text=PART, sender=PART)
@settings(max_examples=200, deadline=None)
def test_any_prompt_renders_the_same(system: str, user: str, demo: str, output: str, text: str, sender: str) -> None:
    parts = (Component("s", "system", system), Component("t", "user", user), Component("u", "user", "{{text}}"))
    prompt = Prompt(parts, (Demo({"text": demo, "sender": user}, output),))
    fields = tuple(dict.fromkeys(name for part in parts for name in placeholders(part.text)))
    nothing = Estimate(float("nan"), 0.0, 1.0, 0)
    p = Provenance("r", "c", "t", "f", "h", "m", "k", "s", "e", nothing, nothing, None, Verdict("topped out", 0.02, None, ""), "0")
    made = Offer("any", prompt, fields, p)
    one = {**dict.fromkeys(fields, user), "text": text, "sender": sender}
    try:
        expected = rendered(prompt, one)
    except KeyError:  # a placeholder by chance that the demo has no value for
        return
    assert fill(json.loads(TARGETS["messages"](made, Path("nowhere")).files["messages.json"]), one) == expected
    module: dict[str, Any] = {}
    exec(TARGETS["python"](made, Path("nowhere")).files["any.py"].decode(), module)
    assert module["render"](**one) == expected
