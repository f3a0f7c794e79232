"""The commands that README.md and docs/*.md show, in the order of the page.

A command stands in a fenced block (bash, sh, console) or in an indented one that begins with a program's name. What a test must know of a block stands
before it in comments that no reader of the page sees:

    <!-- not run: REASON -->          the block is not run, only held against the command line's own options
    <!-- slow: REASON -->             it is run by the slow tests alone
    <!-- run with: OPTIONS -->        the fast tests add these options to its last command
    <!-- exits with: CODES -->        its last commands end with these codes, in their order
    <!-- before: COMMAND -->          done first, and shown to nobody: topout, cp or mkdir

What needs no word: a command with names that stand for the reader's own (TASK, RUN, FILE), with a hosted model, a server or a registry, or of another
program is not run; `optimize` without a limit gets a small one in the fast tests.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Command", "commands", "pages"]

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
    "curl",
    "docker",
    "cd",
    "source",
    "ollama",
    "vllm",
)
COMMENT = re.compile(r"<!--\s*(not run|slow|run with|exits with|before):\s*(.*?)\s*-->")
FENCE = re.compile(r"^ {0,3}(```+|~~~+)\s*(\w*)")
STANDS_FOR = re.compile(r"(?<![A-Za-z$])[A-Z][A-Z_]+(?![A-Za-z.])|^\[|\]$|^\.\.\.$|^\|$")
REMOTE = re.compile(
    r"^(openai|anthropic|gemini|vertex_ai|bedrock|azure|ollama_chat|ollama|hosted_vllm|lm_studio|llamafile|groq|mistral|deepseek)/|^https?://"
    r"|^(mlflow|phoenix|langfuse|hf):|^hf$"
)
SERVERS = frozenset({"mlflow", "phoenix", "langfuse"})


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a page. `why_not` says why it is not run ('' when it is), `slow` why only by the slow tests. `extra` are options that the fast tests
    add, `code` how it should end, `hidden` whether the page does not show it."""

    page: str
    line: int
    words: tuple[str, ...]
    why_not: str = ""
    slow: str = ""
    extra: tuple[str, ...] = ()
    code: int = 0
    hidden: bool = False

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

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
        for kind, text in notes:
            if kind == "before":
                found.append(Command(page, begins, tuple(shlex.split(text)), hidden=True))
        typed = list(joined(lines, begins))
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
            why_not = known["not run"] if "not run" in known else not_run(words)
            slow = known.get("slow", "") or takes_long(words)
            extra = tuple(shlex.split(known.get("run with", ""))) if last else ()
            if words[:2] == ("topout", "optimize") and "--max-calls" not in (*words, *extra):
                extra = ("--max-calls", "400")
            found.append(Command(page, number, words, why_not, slow, extra, codes[i]))
    return found


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


def not_run(words: tuple[str, ...]) -> str:
    """Why a command cannot be run here, '' when it can."""
    if words[0] not in ("topout", "python"):
        return "another program"
    if words[0] == "python" and words[1:3] != ("-m", "pytest"):
        return "another program"
    asks = words[1:2] != ("check",)  # whose --model is looked up in a table of prices
    if asks and any(REMOTE.search(part) for word in words for part in (word, word.partition("=")[2])):
        return "needs a hosted model, a server or a registry"
    if "--to" in words and words[words.index("--to") + 1] in SERVERS:
        return "needs a hosted model, a server or a registry"
    if any(STANDS_FOR.search(word) for word in words):
        return "names stand for the reader's own"
    if words[1:2] == ("watch",):
        return "serves until it is stopped"
    if "--install-completion" in words:
        return "changes the reader's shell"
    return ""


def takes_long(words: tuple[str, ...]) -> str:
    """Why a command is for the slow tests only, '' when it is not."""
    if words[:2] == ("topout", "probe") and "--dry-run" not in words:
        return "thousands of calls"
    several = {"--until-decided", "--folds"} & set(words)
    return "thousands of calls" if several or words[1:2] in (("bench",), ("ladder",)) else ""
