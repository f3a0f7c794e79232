"""The first prompt: does it name what it should, in braces that are read?"""

from __future__ import annotations

import re
from collections.abc import Iterable

from topout.checks.found import Found, Subject

__all__ = ["placeholders_and_labels"]


def placeholders_and_labels(subject: Subject) -> Iterable[Found]:
    """A field in braces of another template language, which nobody fills, and labels that the prompt never names."""
    task = subject.task
    known = "|".join(re.escape(name) for name in sorted(task.fields, key=len, reverse=True))
    other = re.compile(rf"(?<![{{$\w])(?:\$?\{{[ \t]*({known})[ \t]*\}}|<({known})>|%\(({known})\)s)(?!\}})")
    for number, line in enumerate(subject.prompt_lines, 1):
        match = other.search(line)
        if match is not None:
            name = next(one for one in match.groups() if one)
            yield Found(
                "warning",
                "placeholder",
                f"{subject.prompt_path}:{number}",
                f"'{match[0]}' is sent as it stands: nothing is filled in there",
                f"Write {{{{{name}}}}} for the field's text.",
            )
            break
    if not task.labels or task.program:
        return
    said = "\n".join([*(c.text for c in task.baseline.components), *(d.output for d in task.baseline.demos)]).casefold()
    lacking = [label for label in task.labels if re.search(rf"(?<!\w){re.escape(label.casefold())}(?!\w)", said) is None]
    if lacking:
        some = ", ".join(lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        yield Found(
            "warning",
            "unnamed-labels",
            f"{subject.prompt_path}:1",
            f"{len(lacking)} of {len(task.labels)} labels {'is' if len(lacking) == 1 else 'are'} not named in the first prompt ({some}): a model can hardly answer with them",
            "List all labels in it; the search starts from there.",
        )
