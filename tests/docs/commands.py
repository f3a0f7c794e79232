"""The commands that README.md and docs/*.md show, in the order of the page.

A command stands in a fenced block (bash, sh, console) or in an indented one that begins with a program's name. What a test must know of a block stands
before it in comments that no reader of the page sees:

    <!-- not run: REASON -->          the block is not run, only held against the command line's own options
    <!-- slow: REASON -->             it is run by the slow tests alone
    <!-- run with: OPTIONS -->        the fast tests add these options to its last command
    <!-- hours: OPTIONS -->           the slow tests add these to each of its commands, which take hours as they stand
    <!-- exits with: CODES -->        its last commands end with these codes, in their order
    <!-- before: COMMAND -->          done first, and shown to nobody: topout, python, cp or mkdir
    <!-- stands for: NAME=VALUE -->   what a name of the reader's own is here, when it is not what STANDS_FOR says; of VALUE,VALUE each in turn

What needs no word: hosted models and local servers are those of stand_ins.py; a registry's command is run where the registry's packages are (make
test-registries); `optimize` without a limit gets a small one in the fast tests; `pip install` is run by tests/packaging.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path

__all__ = ["ELSEWHERE", "HOSTED", "ROOT", "Command", "commands", "pages"]

ROOT = Path(__file__).parents[2]
PROGRAMS = (
    "topout",
    "python",
    "pip",
    "pipx",
    "uv",
    "uvx",
    "make",
    "git",
    "npx",
    "npm",
    "export",
    "touch",
    "curl",
    "docker",
    "cd",
    "source",
    "ollama",
    "vllm",
)
COMMENT = re.compile(r"<!--\s*(not run|slow|run with|hours|exits with|before|stands for):\s*(.*?)\s*-->")
FENCE = re.compile(r"^ {0,3}(```+|~~~+)\s*(\w*)")
STANDS_FOR = {"TASK": "support-tickets", "RUN": "runs/latest", "FILE": "made.html", "FOLDER": "made", "RUN_DIR": "made-by-gepa"}
"""Names that stand for the reader's own, and what they are in the tests."""
UNNAMED = re.compile(r"(?<![A-Za-z$])[A-Z][A-Z_]+(?![A-Za-z.])|^\[|\]$|^\|$")
HOSTED = re.compile(
    r"^(openai|anthropic|gemini|vertex_ai|bedrock|azure|ollama_chat|ollama|hosted_vllm|lm_studio|llamafile|groq|mistral|deepseek)/|^https?://"
)
REGISTRIES = re.compile(r"^(mlflow|phoenix|langfuse):")
SERVERS = frozenset({"mlflow", "phoenix", "langfuse"})
ELSEWHERE = {
    ("make", "test"): "CI's own command (.ci/run)",
    ("make", "test-registries"): "CI's own command (.ci/run)",
    ("make", "docs"): "CI's own command (.ci/run)",
    ("make", "test-cluster"): "installs PostgreSQL where it is missing",
    ("make", "test-ray"): "installs Ray in a venv of its own, and takes minutes",
    ("make", "packaging"): "is tests/packaging",
    ("make", "faults"): "a quarter of an hour; make faults-quick is run",
    ("python", "-m", "benchmarks.search.intents", "SOURCE", "clinc18"): "has a test of its own, on texts of its own",
}
"""Commands that no test here runs, and why."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a page. `why_not` says why it is not run ('' when it is), `slow` why only by the slow tests. `extra` are options that the fast tests
    add, `hours` those that the slow tests add, `code` how it should end, `hidden` whether the page does not show it, `registry` whether it takes a registry's
    packages, `names` what its names stand for, `shown` the lines of output that the page shows below it."""

    page: str
    line: int
    words: tuple[str, ...]
    why_not: str = ""
    slow: str = ""
    extra: tuple[str, ...] = ()
    hours: tuple[str, ...] = ()
    code: int = 0
    hidden: bool = False
    registry: bool = False
    names: Mapping[str, str] = field(default_factory=lambda: STANDS_FOR)
    shown: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def typed(self) -> tuple[str, ...]:
        """The words with what their names stand for (of several values the next one each time); `...` is left out."""
        values = {name: cycle(value.split(",")) for name, value in self.names.items()}

        def value(name: re.Match[str]) -> str:
            return next(values[name[0]]) if name[0] in values else name[0]

        return tuple(re.sub(r"(?<![\w-])[A-Z][A-Z_]+(?![\w-])", value, word) for word in self.words if word != "...")

    @property
    def text(self) -> str:
        return shlex.join(self.words)


def pages() -> list[str]:
    """README.md and the pages of docs/, by path from the root."""
    return ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]


def commands(page: str) -> list[Command]:
    """All commands of a page, in its order. Raises ValueError for a block that no shell would take."""
    found: list[Command] = []
    for notes, begins, lines in blocks((ROOT / page).read_text(encoding="utf-8").split("\n")):
        known = dict(note for note in notes if note[0] != "before")
        typed = list(joined(lines, begins))
        names = STANDS_FOR | dict(text.split("=", 1) for kind, text in notes if kind == "stands for")
        registry = any(needs_registry(line.split()) for _, line in typed)
        for kind, text in notes:
            if kind == "before":
                found.append(Command(page, begins, tuple(shlex.split(text)), hidden=True, registry=registry))
        codes = [int(code) for code in known.get("exits with", "").split()]
        codes = [0] * (len(typed) - len(codes)) + codes
        for i, (number, line) in enumerate(typed):
            try:
                words = tuple(shlex.split(line, comments=True))
            except ValueError as error:
                raise ValueError(f"{page}:{number}: {error}: {line}") from error
            if not words or words[0] not in PROGRAMS:
                continue  # Python, or what a program printed
            last = i == len(typed) - 1
            one = Command(page, number, words, code=codes[i], registry=needs_registry(words), names=names)
            why_not = known["not run"] if "not run" in known else not_run(one)
            slow = known.get("slow", "") or takes_long(words)
            extra = tuple(shlex.split(known.get("run with", ""))) if last else ()
            if words[:2] == ("topout", "optimize") and not {"--max-calls", "--dry-run"} & {*words, *extra}:
                extra = ("--max-calls", "250")
            hours = tuple(shlex.split(known.get("hours", "")))
            slow = slow or ("hours" if hours else "")
            shown = printed_below(page, number) if last else ()
            found.append(replace(one, why_not=why_not, slow=slow, extra=extra, hours=hours, shown=shown))
    return found


def printed_below(page: str, number: int) -> tuple[str, ...]:
    """The lines of the indented block that follows a fenced one whose last command stands in this line."""
    lines = (ROOT / page).read_text(encoding="utf-8").split("\n")[number:]
    if lines[:1] != ["```"]:
        return ()
    rest = "\n".join(lines[1:]).lstrip("\n").split("\n")
    end = next((i for i, line in enumerate(rest) if line.strip() and not line.startswith("    ")), len(rest))
    return tuple(line.strip() for line in rest[:end] if line.strip())


def blocks(lines: list[str]) -> Iterator[tuple[list[tuple[str, str]], int, list[str]]]:
    """Blocks of commands: the comments before, the number of the first line, the lines."""
    notes: list[tuple[str, str]] = []
    at, blank = 0, True
    while at < len(lines):
        line, fence = lines[at], FENCE.match(lines[at])
        if fence:
            end = next((i for i in range(at + 1, len(lines)) if lines[i].strip().startswith(fence[1])), len(lines))
            if fence[2] in ("bash", "sh", "console"):
                yield notes, at + 2, prompted(lines[at + 1 : end], fence[2])
            notes, at, blank = [], end + 1, True
            continue
        if blank and line.startswith("    ") and line.split()[:1] and line.split()[0] in PROGRAMS:
            end = next((i for i in range(at, len(lines)) if lines[i].strip() and not lines[i].startswith("    ")), len(lines))
            yield notes, at + 1, [text[4:] for text in lines[at:end]]
            notes, at, blank = [], end, False
            continue
        said = COMMENT.findall(line)
        if said:
            notes += said
        elif line.strip():
            notes = []
        blank = not line.strip() or bool(said)
        at += 1


def prompted(lines: list[str], kind: str) -> list[str]:
    """What is typed in a block; in a console, that is what follows `$ `."""
    return [line[2:] if line.startswith("$ ") else "" for line in lines] if kind == "console" else lines


def joined(lines: list[str], begins: int) -> Iterator[tuple[int, str]]:
    """Commands with the number of their line; a backslash at the end goes on in the next."""
    held, start = "", begins
    for number, line in enumerate(lines, begins):
        start = start if held else number
        held += line
        if line.rstrip().endswith("\\"):
            held = held.rstrip()[:-1]
            continue
        if held.strip():
            yield start, held
        held = ""


def not_run(one: Command) -> str:
    """Why a command is not run here, '' when it is."""
    words = one.words
    if words in ELSEWHERE:
        return ELSEWHERE[words]
    if words[:2] == ("pip", "install"):
        return "run by tests/packaging"
    if (
        words[0] not in ("topout", "make", "touch")
        and words[:3] != ("python", "-m", "pytest")
        and not one.typed[2].startswith("benchmarks.")
    ):
        return "another program"
    if any(UNNAMED.search(word) for word in one.typed):
        return "names stand for the reader's own"
    if "--install-completion" in words:
        return "changes the reader's shell"
    return ""


def needs_registry(words: Sequence[str]) -> bool:
    """Whether a command speaks to a registry."""
    to = words[words.index("--to") + 1 : words.index("--to") + 2] if "--to" in words else ()
    return bool(SERVERS & set(to)) or any(REGISTRIES.search(word) for word in words)


def takes_long(words: tuple[str, ...]) -> str:
    """Why a command is for the slow tests only, '' when it is not."""
    if words[:2] == ("topout", "probe") and "--dry-run" not in words:
        return "thousands of calls"
    if words[0] == "make" or (words[2:3] and words[2].startswith("benchmarks.")):
        return "minutes"
    several = {"--until-decided", "--folds"} & set(words) or words[1:2] in (("bench",), ("ladder",))
    return "thousands of calls" if several and "--dry-run" not in words else ""
