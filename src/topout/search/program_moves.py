"""What `evolve` tries on the prompt of a program: the same operators, each on one step.

Demos of a step in the middle cannot be made of train rows, which only tell the final answer. They are taken from traces that came to the right end
(Khattab et al. 2023, arXiv 2310.03714: bootstrapping).
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Protocol

from topout.contracts import History, Member, Move
from topout.domain import Component, Demo, Example, Operator, Prompt, Step
from topout.search.blame import choose_part
from topout.search.demos import drop_some, spend_words
from topout.search.parents import draw_partner
from topout.search.steps import asking, step_of_part
from topout.search.system_merge import system_merge
from topout.search.trial import Terms, instructs, race_calls, rewrite_move

__all__ = ["ProgramTerms", "program_move"]

DROP = 0.15
SWAP = 0.3
STEPS = (2, 4, 8, 16)
LEAST_READ = 12


class ProgramTerms(Protocol):
    """The settings that moves on programs go by."""

    @property
    def blame(self) -> float: ...
    @property
    def max_demos(self) -> int: ...
    @property
    def demo_word_cap(self) -> int: ...


def program_move(
    operator: Operator, parent: Member, history: History, rng: random.Random, terms: Terms, own: ProgramTerms, rows: int
) -> Move | None:
    """The move of one operator on this parent, raced over so many dev rows; None when it does not apply."""
    first, rest = race_calls(rows, terms, parent.calls)
    editable = [c for c in parent.candidate.prompt.components if instructs(c)]
    match operator:
        case "demos":
            edit = edit_step_demos(parent, history, rng, own)
            return edit and Move("demos", (parent,), prompt=edit[0], rationale=edit[1], calls=first, more=rest, rows=rows)
        case "merge":
            partner = draw_partner(history, rng, parent) if len(history.pool) > 2 else None
            merged = system_merge(parent, partner, history) if partner is not None else None
            if partner is None or merged is None:
                return None
            pair = (parent, partner) if parent.mean >= partner.mean else (partner, parent)
            return Move("merge", pair, prompt=merged[0], rationale=merged[1], calls=first, more=rest, rows=rows)
        case "rewrite" if editable:
            part = choose_part(editable, parent, history, rng, own.blame)
            read = max(LEAST_READ, terms.read_rows // parent.calls)  # a row costs as many calls as the program has steps
            move = rewrite_move(parent, part, history, replace(terms, read_rows=min(read, terms.read_rows)), rng, rows)
            return replace(move, references=right_answers(part.name, parent, history, terms.reference_words, rng))
        case "shorten":
            long = [c for c in editable if len(c.text.split()) >= 60]
            if not long:
                return None
            component = rng.choice(long)
            cap = max(40, int(len(component.text.split()) * 0.7))
            return Move("shorten", (parent,), component=component.name, word_cap=cap, calls=1 + first, more=rest, rows=rows)
        case _:
            return None


def edit_step_demos(parent: Member, history: History, rng: random.Random, own: ProgramTerms) -> tuple[Prompt, str] | None:
    """A prompt with other demos for one of its steps, and what was done; None when there is nothing to do."""
    prompt = parent.candidate.prompt
    if prompt.demos and (len(prompt.demos) > own.max_demos or spend_words(prompt.demos) > own.demo_word_cap or rng.random() < DROP):
        return drop_some(prompt, rng)
    worked = right_steps(parent, history)
    parts = [Component(step, "system", "") for step in sorted(worked)]
    if not parts:
        return None
    step = choose_part(parts, parent, history, rng, own.blame).name
    shown = {(d.example_id, tuple(sorted(d.inputs.items()))) for d in prompt.demos if d.component == step}
    order = [d for d in worked[step] if (d.example_id, tuple(sorted(d.inputs.items()))) not in shown]
    rng.shuffle(order)
    have = [d for d in prompt.demos if d.component == step]
    if have and order and rng.random() < SWAP:
        gone = rng.choice(have)
        demos = tuple(order[0] if d is gone else d for d in prompt.demos)
        if spend_words(demos) <= own.demo_word_cap:
            return replace(prompt, demos=demos), f"{step}: swap a demo for one of {order[0].example_id}"
    added: list[Demo] = []
    words = own.demo_word_cap - spend_words(prompt.demos)
    most = min(own.max_demos - len(prompt.demos), rng.choice(STEPS))
    for demo in by_answer(order, have):
        size = spend_words([demo])
        if size <= words and len(added) < most:
            added.append(demo)
            words -= size
    if not added:
        return drop_some(prompt, rng) if prompt.demos else None
    rows = ", ".join(d.example_id for d in added)
    return replace(
        prompt, demos=(*prompt.demos, *added)
    ), f"{step}: add {len(added)} of its steps on rows that came to the right end ({rows})"


def right_steps(parent: Member, history: History) -> dict[str, list[Demo]]:
    """Steps of traces that came to the right end, as demos, by step: this member's own, and any other candidate's on rows that it is not known to pass."""
    found: dict[str, dict[str, list[Step]]] = {}
    mine = parent.candidate.id
    for candidate in sorted(history.train_steps, key=lambda one: one == mine):
        scores = history.train_scores.get(candidate, {})
        for row, steps in history.train_steps[candidate].items():
            if scores.get(row, 0.0) >= 1.0:
                own: dict[str, list[Step]] = {}
                for step in asking(steps, parent.candidate.prompt):
                    own.setdefault(step.component, []).append(step)
                for name, some in own.items():
                    found.setdefault(name, {})[row] = some
    whole = {name: [(row, step) for row, some in rows.items() for step in some if not step.cut] for name, rows in found.items()}
    return {name: [Demo(dict(s.asked), s.answered, row, name) for row, s in whole[name]] for name in sorted(whole) if whole[name]}


def right_answers(part: str, parent: Member, history: History, words: int, rng: random.Random) -> tuple[Example, ...]:
    """What the step of a part was asked and answered in traces that came to the right end, as rows of its own: as many as the words allow. Of a step
    that runs in a loop there are none, for its answers are no ends."""
    worked = right_steps(parent, history)
    step = step_of_part(part, set(worked))
    known = worked.get(step, [])
    if len({d.example_id for d in known}) < len(known):
        return ()
    order = list(known)
    rng.shuffle(order)
    out: list[Example] = []
    for demo in by_answer(order, []):
        size = spend_words([demo])
        if size <= words:
            out.append(Example(demo.example_id, demo.inputs, demo.output))
            words -= size
    return tuple(out)


def by_answer(order: list[Demo], have: list[Demo]) -> list[Demo]:
    """The same demos, one of each answer first, those first that no demo shows yet."""
    turns: dict[str, int] = {}
    for demo in have:
        turns[demo.output] = turns.get(demo.output, 0) + 1
    ranked: list[tuple[int, int]] = []
    for position, demo in enumerate(order):
        turns[demo.output] = turns.get(demo.output, 0) + 1
        ranked.append((turns[demo.output], position))
    return [order[position] for _, position in sorted(ranked)]
