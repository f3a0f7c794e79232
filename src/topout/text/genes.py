"""Genes of a prompt in words: what the model is told for them, and how its answer is found in the reply.

A prompt that thinks or answers in JSON is rendered as a plain prompt with a frozen rule at the end of its system text, and demos in the same
form. So whatever sends the plain prompt asks the same, and only the reading of the reply is left to do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from topout.domain import Component, Demo, Json, Prompt, Task

__all__ = ["AnswerForm", "described", "plain", "read_reply", "recognised", "reply_schema", "switched"]

THINK = "Think step by step first. Then give the final answer on a new last line that begins with `Answer:`, and write nothing after it."
THINK_JSON = 'Think step by step first, in the field "reasoning". Then give the final answer in the field "answer".'
RULE = "answer-form"
"""The name of the part that holds the rule."""

MARK = re.compile(
    r"^[ \t>*_#`-]*(?:the[ \t]+)?(?:final[ \t]+)?answer[ \t*_`]*(?::|is\b[ \t]*:?)[ \t*_]*", re.IGNORECASE | re.MULTILINE
)
FENCE = re.compile(r"^```\w*[ \t]*\n(.*?)\n?```[ \t]*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """What an answer of a task looks like: one of `labels`, a number, an object of this `schema`, or any text."""

    labels: tuple[str, ...] = ()
    numeric: bool = False
    schema: Mapping[str, Json] | None = None

    @classmethod
    def of(cls, task: Task) -> AnswerForm:
        labels = task.labels if task.scorer_name == "label" else ()
        return cls(labels, task.scorer_name == "numeric", task.output_schema)

    @property
    def is_object(self) -> bool:
        """Whether the answer itself is a JSON object."""
        return self.schema is not None


def switched(prompt: Prompt) -> dict[str, str | int]:
    """The genes that are not as by default, by name."""
    found: dict[str, str | int] = {}
    if prompt.reasoning != "direct":
        found["reasoning"] = prompt.reasoning
    if prompt.answer_format != "plain":
        found["answer_format"] = prompt.answer_format
    if prompt.votes != 1:
        found["votes"] = prompt.votes
    if prompt.retrieved:
        found["retrieved"] = prompt.retrieved
    return found


def described(prompt: Prompt) -> tuple[str, ...]:
    """The genes that are switched on, a phrase each, for a person."""
    found = []
    if prompt.reasoning == "think":
        found.append("thinks step by step before it answers")
    if prompt.answer_format == "json":
        found.append("answers with a JSON object")
    if prompt.votes != 1:
        found.append(f"draws {prompt.votes} answers, the majority counts")
    if prompt.retrieved:
        found.append(f"is shown the {prompt.retrieved} train examples most like each input")
    return tuple(found)


def plain(prompt: Prompt, form: AnswerForm) -> Prompt:
    """The prompt that says in its own text what reasoning and answer format ask for; votes and retrieval are left as they are."""
    if prompt.reasoning == "direct" and prompt.answer_format == "plain":
        return prompt
    rule = Component(RULE, "system", rule_text(prompt, form), True)
    demos = tuple(replace(demo, output=shown_output(prompt, form, demo)) for demo in prompt.demos)
    return replace(prompt, components=(*prompt.components, rule), demos=demos, reasoning="direct", answer_format="plain")


def rule_text(prompt: Prompt, form: AnswerForm) -> str:
    """What the model is told."""
    if prompt.answer_format == "plain":
        return THINK
    if prompt.reasoning == "think":
        shape = f"an object of this JSON schema: {schema_words(form.schema)}" if form.schema is not None else kind_words(form)
        return f'{THINK_JSON} Reply with one JSON object and nothing else: {{"reasoning": "...", "answer": ...}}, where the answer is {shape}.'
    if form.schema is not None:
        return f"Reply with one JSON object and nothing else. It has to fit this JSON schema: {schema_words(form.schema)}"
    return f'Reply with one JSON object and nothing else: {{"answer": ...}}, where the answer is {kind_words(form)}.'


def kind_words(form: AnswerForm) -> str:
    return "a number" if form.numeric else "a text"


def schema_words(schema: Mapping[str, Json] | None) -> str:
    """A schema in a prompt's text, where double braces would be a placeholder."""
    return json.dumps(schema, ensure_ascii=False).replace("{{", "{ {").replace("}}", "} }")


def shown_output(prompt: Prompt, form: AnswerForm, demo: Demo) -> str:
    """A demo's output in the form that the prompt asks for. A demo holds no reasoning, so it shows the answer alone."""
    if prompt.answer_format == "plain":
        return f"Answer: {demo.output}"
    answer = parsed(demo.output) if form.is_object or form.numeric else None
    if form.is_object and prompt.reasoning == "direct":
        return demo.output
    return json.dumps({"answer": demo.output if answer is None else answer}, ensure_ascii=False)


def reply_schema(prompt: Prompt, form: AnswerForm) -> str:
    """The JSON schema of a reply as JSON text, '' for a plain one. Fields in the order in which the model is to write them."""
    if prompt.answer_format == "plain":
        return ""
    if form.schema is not None and prompt.reasoning == "direct":
        return json.dumps(form.schema, ensure_ascii=False)
    answer: Json = (
        {"type": "string", "enum": list(form.labels)} if form.labels else {"type": "number" if form.numeric else "string"}
    )
    fields: dict[str, Json] = {"answer": dict(form.schema) if form.schema is not None else answer}
    if prompt.reasoning == "think":
        fields = {"reasoning": {"type": "string"}, **fields}
    whole: Json = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return json.dumps(whole, ensure_ascii=False)


def read_reply(prompt: Prompt, form: AnswerForm, reply: str) -> tuple[str, bool]:
    """The final answer in a reply, and whether it stood where it was asked for. Without its mark the last line is taken for it (of JSON the whole
    reply): a guess, which is counted."""
    if prompt.answer_format == "json":
        return read_json(prompt, form, reply)
    if prompt.reasoning == "think":
        marks = list(MARK.finditer(reply))
        if marks and (answer := tidy(reply[marks[-1].end() :])):
            return answer, True
        lines = [line for line in reply.splitlines() if line.strip()]
        return tidy(reply if not lines or lines[-1].strip() in ("}", "```") else lines[-1]), False
    return reply, True


def read_json(prompt: Prompt, form: AnswerForm, reply: str) -> tuple[str, bool]:
    """The answer in a JSON reply."""
    found = parsed(reply)
    if not isinstance(found, dict):
        return reply.strip(), False
    if form.is_object and prompt.reasoning == "direct":
        return json.dumps(found, ensure_ascii=False), True
    if "answer" not in found:
        return reply.strip(), False
    answer = found["answer"]
    return answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False), True


def parsed(text: str) -> Json:
    """The JSON value that a text is, or that begins at its first brace; None when there is none."""
    fence = FENCE.search(text.strip())
    body = (fence[1] if fence else text).strip()
    at = body.find("{")
    for start in dict.fromkeys((0, max(at, 0))):
        try:
            value: Json = json.JSONDecoder().raw_decode(body[start:])[0]
        except (ValueError, RecursionError):
            continue
        return value
    return None


def tidy(answer: str) -> str:
    """An answer without a fence and emphasis around it."""
    body = answer.strip()
    fence = FENCE.fullmatch(body)
    body = fence[1].strip() if fence else body
    for mark in ("**", "`"):
        body = body.removesuffix(mark).strip() if body.count(mark) == 1 else body
    return body


def recognised(prompt: Prompt) -> Prompt:
    """The prompt with its gene where its text ends as `plain` makes one think: so a prompt that went out as text comes back as what it was."""
    system = [c for c in prompt.components if c.role == "system"]
    if not system or not system[-1].text.endswith(THINK) or any(not demo.output.startswith("Answer: ") for demo in prompt.demos):
        return prompt
    last, text = system[-1], system[-1].text.removesuffix(THINK).rstrip()
    parts = tuple(replace(c, text=text) if c is last else c for c in prompt.components)
    demos = tuple(replace(demo, output=demo.output.removeprefix("Answer: ")) for demo in prompt.demos)
    return replace(prompt, components=tuple(c for c in parts if c.text), demos=demos, reasoning="think")
