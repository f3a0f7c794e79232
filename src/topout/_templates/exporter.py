"""A format of one's own for prompts. Use it with `topout export RUN --to mine.py`.

It is given what is offered and the folder, and returns files; topout writes them. To ship it in a package, name the function in
pyproject.toml, and it has a name of its own for --to:

    [project.entry-points."topout.exporters"]
    mine = "your_package.mine:exporter"
"""

from pathlib import Path

from topout.contracts import Exported, Offer
from topout.domain import Json
from topout.exporters.provenance import as_json, beside


def exporter(offer: Offer, folder: Path) -> Exported:
    """One JSON file: the texts with their roles, the fields and the worked examples."""
    parts: list[Json] = [{"role": part.role, "text": part.text} for part in offer.prompt.components]
    demos: list[Json] = [{"inputs": dict(demo.inputs), "output": demo.output} for demo in offer.prompt.demos]
    document: dict[str, Json] = {"name": offer.name, "fields": list(offer.fields), "parts": parts, "demos": demos}
    files = {"mine.json": as_json(document)}
    note = "Fill {{field}} in the texts with the row's own text, literally."
    # beside() adds where the prompt comes from and what it is worth, and refuses to replace a file that no export wrote.
    return beside(offer, folder, "mine", files, note, ())
