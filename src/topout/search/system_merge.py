"""Two prompts of a program become one, part by part, without asking anybody.

After GEPA's system-aware merge (Agrawal et al. 2025, arXiv 2507.19457, appendix on Merge): each part, and the demos of each step, is taken from the parent that
changed it since their common ancestor; where both did, from the better one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from topout.contracts import History, Member
from topout.domain import Candidate, Demo, Prompt
from topout.search.population import better

__all__ = ["system_merge"]


def system_merge(one: Member, other: Member, history: History) -> tuple[Prompt, str] | None:
    """The merged prompt and what was taken from whom; None when the two have no common ancestor or there is nothing to combine: one of them would
    come out again."""
    known = {member.candidate.id: member.candidate for member in history.pool}
    root = common_ancestor(one.candidate, other.candidate, known)
    if root is None:
        return None
    ahead, behind = (other, one) if better(other, one) else (one, other)
    a, b, old = ahead.candidate.prompt, behind.candidate.prompt, root.prompt
    if [c.name for c in a.components] != [c.name for c in b.components]:
        return None
    taken: list[str] = []
    parts = []
    for mine, theirs, before in zip(a.components, b.components, old.components, strict=True):
        use = mine.text == before.text and theirs.text != before.text
        parts.append(replace(mine, text=theirs.text) if use else mine)
        taken += [mine.name] if use else []
    demos: list[Demo] = []
    for step in dict.fromkeys(d.component for d in (*a.demos, *b.demos)):
        mine_, theirs_, before_ = (demos_of(prompt, step) for prompt in (a, b, old))
        use = mine_ == before_ and theirs_ != before_
        demos += theirs_ if use else mine_
        taken += [f"demos of {step}"] if use else []
    merged = replace(a, components=tuple(parts), demos=tuple(demos))
    if merged in (a, b) or not taken:
        return None
    return merged, f"{', '.join(taken)} from {behind.candidate.id[:8]}, all else from {ahead.candidate.id[:8]}"


def common_ancestor(one: Candidate, other: Candidate, known: Mapping[str, Candidate]) -> Candidate | None:
    """The nearest prompt that both come from by any parents; one of the two itself is none."""
    above = ancestors(one, known)
    return next((known[name] for name in ancestors(other, known) if name in above and name not in (one.id, other.id)), None)


def ancestors(start: Candidate, known: Mapping[str, Candidate]) -> dict[str, None]:
    """All prompts above one, itself first, nearest first."""
    found = {start.id: None}
    level = [start]
    while level:
        parents = [known[name] for one in level for name in one.parents if name in known and name not in found]
        found |= {one.id: None for one in parents}
        level = list({one.id: one for one in parents}.values())
    return found


def demos_of(prompt: Prompt, step: str) -> tuple[Demo, ...]:
    """The demos that a step is shown."""
    return tuple(d for d in prompt.demos if d.component == step)
