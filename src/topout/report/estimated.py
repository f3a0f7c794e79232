"""What a run was expected to take and what it took: a table before, a line after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType

from topout.domain import Json
from topout.plateau.wording import dollars
from topout.report.findings import Findings, total
from topout.report.layout import block, grid, text
from topout.report.words import safe_text

__all__ = ["before", "estimate_document", "estimate_line", "estimated"]

PARTS = {"task": "task model", "critic": "critic", "judge": "judge"}
FIGURES = {"calls": "calls", "tokens in": "prompt_tokens", "tokens out": "output_tokens"}


def estimated(e: Mapping[str, Json], task: str) -> RenderableType:
    """What `--dry-run` prints, from an estimate's document: for each model the likely figures with their ranges."""
    lines: list[RenderableType] = []
    unknown: list[str] = []
    for part, name in PARTS.items():
        one = e.get(part)
        if not isinstance(one, dict):
            continue
        cost = three(one.get("cost_usd"))
        if cost is None:
            unknown.append(str(one.get("model")))
        figures = {what: three(one.get(field)) for what, field in FIGURES.items()}
        rows: list[Sequence[RenderableType]] = [(text(f"  {what}"), text(ranged(value))) for what, value in figures.items()]
        rows.append((text("  dollars"), text(money(cost))))
        lines += [text(f"{name} {safe_text(str(one.get('model')), 60)}", "bold"), grid(rows)]
    whole = three(e.get("cost_usd"))
    if whole is not None and whole[2] == 0:
        lines.append(text("Together free."))
    elif whole is not None:
        lines.append(text(f"Together about {money(whole)}, at list price; replies that the cache has cost nothing."))
    for model in dict.fromkeys(unknown):
        lines.append(
            text(
                f"No price known for {safe_text(model, 60)}: --price '{safe_text(model, 60)}=IN,OUT' (dollars per million tokens)."
            )
        )
    lines.append(
        text(f"Never more than {e.get('max_calls'):,} calls, {e.get('exam_calls'):,} of them for the exam. Nothing was asked.")
    )
    return Group(block(f"A run of {safe_text(str(e.get('recipe')), 40)} on {safe_text(task, 60)} would take", *lines))


def before(e: Mapping[str, Json]) -> str:
    """One line for the start of a run, '' for a run that costs nothing."""
    whole, tokens = three(e.get("cost_usd")), expected(e, "prompt_tokens")
    if whole is not None and whole[2] == 0:
        return ""
    cost = "dollars unknown (--price tells them)" if whole is None else money(whole)
    return f"expected: {e.get('max_calls'):,} calls at most, {ranged(tokens)} tokens in, {cost}"


def estimate_document(f: Findings) -> Json:
    """The estimate that a run began with, and how far off it was: `error` are (took - likely) / likely, null where nothing was expected or known; None for
    a run that made none."""
    e = f.started.manifest.get("estimate")
    if not isinstance(e, dict):
        return None
    took = taken(f)
    errors: dict[str, Json] = {}
    for name, value in took.items():
        likely = expected(e, name)
        errors[name] = round((value - likely[1]) / likely[1], 4) if likely and likely[1] and value is not None else None
    return {**e, "took": dict(took), "error": errors}


def estimate_line(f: Findings) -> str:
    """`Expected: 7,963 (5,563 to 8,000) calls, taken -1 %; ...`, '' for a run without an estimate or one that was cut short."""
    e = f.started.manifest.get("estimate")
    if not isinstance(e, dict) or f.ended is None or f.ended.ending not in ("budget", "finished"):
        return ""
    said = []
    for name, unit in (("calls", "calls"), ("prompt_tokens", "tokens in"), ("output_tokens", "tokens out"), ("cost_usd", "")):
        likely, value = expected(e, name), taken(f)[name]
        if likely is None or value is None or not likely[1]:
            continue
        figure = money(likely) if name == "cost_usd" else f"{ranged(likely)} {unit}"
        inside = "" if likely[0] <= value <= likely[2] else ", outside the range"
        said.append(f"{figure}, taken {100 * (value - likely[1]) / likely[1]:+.0f} %{inside}")
    return f"Expected: {'; '.join(said)}." if said else ""


def taken(f: Findings) -> dict[str, float | None]:
    """What the run took, replies from the cache at list price included, as the estimate counts them; probes are not in it."""
    spend = total([used for role, used in f.spend.items() if role != "probe"])
    return {
        "calls": float(spend.calls),
        "prompt_tokens": float(spend.prompt_tokens),
        "output_tokens": float(spend.output_tokens),
        "cost_usd": None if spend.unpriced else spend.cost_usd,
    }


def expected(e: Mapping[str, Json], name: str) -> tuple[float, float, float] | None:
    """All models' figures together."""
    if name == "cost_usd":
        return three(e.get(name))
    found = [three(one.get(name)) for one in map(e.get, PARTS) if isinstance(one, dict)]
    if not found or any(one is None for one in found):
        return None
    low, likely, high = (sum(one[i] for one in found if one is not None) for i in range(3))
    most = e.get("max_calls")
    if name == "calls" and isinstance(most, int):  # the models share them: not all can take their most
        likely, high = min(likely, float(most)), min(high, float(most))
    return low, likely, high


def three(value: Json) -> tuple[float, float, float] | None:
    """[low, likely, high] as a journal has it."""
    match value:
        case [int() | float() as low, int() | float() as likely, int() | float() as high]:
            return float(low), float(likely), float(high)
        case _:
            return None


def ranged(value: tuple[float, float, float] | None) -> str:
    """`7,963 (5,563 to 7,985)`."""
    return "unknown" if value is None else f"{short(value[1])} ({short(value[0])} to {short(value[2])})"


def money(value: tuple[float, float, float] | None) -> str:
    """`$1.20 ($0.40 to $3.00)`."""
    return "unknown" if value is None else f"{dollars(value[1])} ({dollars(value[0])} to {dollars(value[2])})"


def short(value: float) -> str:
    """`850`, `12k`, `7.1M`."""
    if value >= 1e6:
        return f"{value / 1e6:.1f}M"
    return f"{value / 1000:.0f}k" if value >= 10_000 else f"{value:,.0f}"
