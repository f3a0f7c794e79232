import pytest
from hypothesis import given
from hypothesis import strategies as st

from topout.domain import Component, Demo, Message, Prompt
from topout.text.rendering import render
from topout.text.templates import alike, from_chat, to_chat

SYSTEM = Component("system", "system", "Choose.")
USER = Component("user", "user", "From {{who}}: {{ text }}")


def chat(*turns: tuple[str, str]) -> list[Message]:
    return [Message(role, content) for role, content in turns]  # type: ignore[arg-type]


def test_only_system_and_last_message_are_templates() -> None:
    prompt = Prompt((SYSTEM, USER), (Demo({"who": "{{text}}", "text": "a"}, "x"),))
    assert [(t.message.role, t.message.content, t.template) for t in to_chat(prompt)] == [
        ("system", "Choose.", False),
        ("user", "From {{text}}: a", False),
        ("assistant", "x", False),
        ("user", "From {{who}}: {{text}}", True),
    ]


def test_names_cuts_and_blank_lines_around_make_no_other_prompt() -> None:
    one = Prompt((Component("a", "system", "Choose.\n\nBe brief.", True), USER))
    other = Prompt((SYSTEM, Component("b", "system", "\nBe brief.\n"), Component("user", "user", "From {{who}}: {{text}}\n")))
    assert alike(one, other)
    assert not alike(one, other.with_text("b", "Be long."))
    assert not alike(one, one.with_demos((Demo({"who": "a", "text": "b"}, "c"),)))


def test_a_conversation_reads_back_as_the_prompt_that_renders_it() -> None:
    rules = Component("rules", "user", "Rules: one word.")
    prompt = Prompt((SYSTEM, rules, USER), (Demo({"who": "a: b", "text": "c\n\n d"}, "x"), Demo({"who": "", "text": ""}, "")))
    back = from_chat([t.message for t in to_chat(prompt)])
    assert alike(back, prompt)
    assert render(back, {"who": "w", "text": "t"}) == render(prompt, {"who": "w", "text": "t"})


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=3))
def test_demos_come_back_or_are_refused(pairs: list[tuple[str, str]]) -> None:
    prompt = Prompt((SYSTEM, USER), tuple(Demo({"who": who, "text": text}, "ok") for who, text in pairs))
    assert alike(from_chat([t.message for t in to_chat(prompt)]), prompt)


@pytest.mark.parametrize(
    ("turns", "why"),
    [
        ([("system", "s")], "no place for the example"),
        ([("user", "{{a}}"), ("system", "s"), ("user", "{{a}}")], "stands after others"),
        ([("user", "{{a}}"), ("user", "{{a}}")], "not user and assistant in turn"),
        ([("user", "no field")], "has no {{field}}"),
        ([("user", "q: 1"), ("assistant", "x"), ("user", "Q: {{a}}")], "does not have the layout"),
        ([("user", "{{b}}"), ("assistant", "x"), ("user", "{{a}}")], "topout's demos are literal"),
    ],
)
def test_other_conversations_are_refused_with_the_reason(turns: list[tuple[str, str]], why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("{", r"\{")):
        from_chat(chat(*turns))
