"""A run's summary for a terminal of 80 columns: what was gained on rows that nobody selected on, what it cost, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from topout.domain import Verdict
from topout.report.closer import sampling_lines
from topout.report.estimated import estimate_line
from topout.report.findings import CallCard, Findings, RoleSpend, SplitResult, total
from topout.report.judged import judge_line, judge_lines, judge_report
from topout.report.layout import block, bullets, commands, grid, table, text
from topout.report.measures import setting, unbeaten
from topout.report.next_commands import RESUMABLE, next_commands
from topout.report.probed import probe_block
from topout.report.rungs import levers_block, next_rung
from topout.report.words import EMBEDDED_NOTE, amount, count, difference, duration, is_embedded, paired, quality, safe_text, seconds

__all__ = ["call_card", "money", "probe_summary", "ruled", "sparkline", "spend_table", "summary", "unscored_line"]

MOST_CLUSTERS, SHOWN_IDS = 5, 6

ROLES = {"task": "search", "exam": "exam (holdout, shift)", "critic": "critic", "judge": "judge", "probe": "probe"}


def summary(f: Findings, folder: str, run: str = "", places: Mapping[str, str] | None = None) -> RenderableType:
    """Everything that a person should know at the end of a run. `folder` is the run's, `run` a shorter way to type it (`runs/latest`), `places` as
    in `next_commands`."""
    parts: list[RenderableType] = [header(f, folder), held_out(f)]
    if f.shift is not None:
        parts.append(shifted(f, f.shift))
    parts += [*closer(f), *still_failing(f), curve(f), per_call(f), spend(f)]
    if f.unscored:
        parts.append(block("Without a score", text(unscored_line(f.unscored), "yellow")))
    if f.probes:
        parts.append(probe_block(f, run or folder))
    parts += [
        ruled(f.verdict),
        levers_block(f.levers),
        next_rung(f.advice),
        ending(f),
        commands("Next", next_commands(f, run or folder, places)),
    ]
    return Group(*parts)


def probe_summary(f: Findings, run: str, places: Mapping[str, str] | None = None) -> RenderableType:
    """The end of `topout probe`: what was found, what it took, the verdict anew and the next rung that follows from it."""
    spent = block("Spend", *spend_table([("probe", f.spend.get("probe", RoleSpend()))]))
    return Group(probe_block(f, run), spent, ruled(f.verdict), next_rung(f.advice), commands("Next", next_commands(f, run, places)))


def header(f: Findings, folder: str) -> RenderableType:
    """Task, models and recipe; an embedded model is told as what it is."""
    model = setting(f, "model", "unknown")
    task = str(f.started.manifest.get("task") or setting(f, "task", "unknown"))
    facts: list[tuple[RenderableType, RenderableType]] = [
        (text("task", "dim"), text(task, "bold", 60)),
        (text("model", "dim"), text(model, "bold", 66)),
        (text("critic", "dim"), text(setting(f, "critic", "none"), limit=66)),
        *([(text("judge", "dim"), text(judge_line(f), limit=66))] if judge_line(f) else []),
        (text("recipe", "dim"), text(f"{setting(f, 'recipe', 'unknown')}, seed {setting(f, 'seed', '0')}", limit=66)),
        (text("run", "dim"), text(folder)),
        (text("page", "dim"), text(f"{folder}/report.html")),
    ]
    if is_embedded(model):
        facts.insert(2, (text(""), text(EMBEDDED_NOTE, "yellow")))
    return grid(facts)


def held_out(f: Findings) -> RenderableType:
    """Baseline, best and paired gain on the holdout; dev beside them, named as what it is."""
    result = f.holdout
    same = f.winner.id == f.baseline.id
    level = f"{100 * result.winner.level:.0f} %"
    rows: list[tuple[RenderableType, RenderableType]] = [
        (text("baseline"), text(quality(result.baseline))),
        (
            text("best"),
            Text(f"the baseline: {unbeaten(f)}" if same else quality(result.winner), style="bold"),
        ),
    ]
    if not same:
        style = "bold green" if result.gain and result.gain.estimate.low > 0 else "bold"
        rows.append((text("gain"), text(paired(result.gain), style)))
    if not same:
        seen = f"{quality(f.dev.baseline)} -> {quality(f.dev.winner)}: the best was selected on these rows, so optimistic"
        rows.append((text("(dev", "dim"), text(f"{seen})", "dim")))
    return block(f"Held-out score (rows that the search never saw, {level} intervals)", grid(rows))


def shifted(f: Findings, shift: SplitResult) -> RenderableType:
    """The rows of another kind: scores, paired gain, and how far the winner falls from holdout to shift."""
    drop = f.shift_drop
    rows: list[tuple[RenderableType, RenderableType]] = [(text("baseline"), text(quality(shift.baseline)))]
    if f.winner.id != f.baseline.id:
        rows += [(text("best"), text(quality(shift.winner))), (text("gain"), text(paired(shift.gain)))]
    if drop is not None:
        rows.append((text("shift - holdout"), text(f"{difference(drop)} for the best (other rows, so not paired)")))
    return block("Under shift (rows of another kind, never seen either)", grid(rows))


def closer(f: Findings) -> list[RenderableType]:
    """How much of a score is sampling (nothing at temperature 0), and why no lever of the best was measured alone where two of them could have been;
    what they gained stands among the levers."""
    parts: list[RenderableType] = []
    if f.sampling.wavers:
        lines = sampling_lines(f.sampling, f.winner.id == f.baseline.id)
        parts.append(block("Sampling noise", *map(text, lines)))
    judge = judge_report(f)
    if judge is not None:
        parts.append(block("The judge", *map(text, judge_lines(judge))))
    if f.alone.note.startswith("not measured"):
        parts.append(block("Each lever of the best alone", text(f.alone.note)))
    return parts


def still_failing(f: Findings) -> list[RenderableType]:
    """Why the best prompt still fails on dev, by the critic: at most five clusters with their rows, and rows to look at. Nothing when nothing fails."""
    found = f.failures
    parts: list[RenderableType] = []
    if found is not None:
        for c in found.clusters[:MOST_CLUSTERS]:
            more = f" and {len(c.rows) - SHOWN_IDS} more" if len(c.rows) > SHOWN_IDS else ""
            parts.append(text(f"{len(c.rows)} of {c.of} rows: {c.cause}. {safe_text(c.title, 100)}", "bold"))
            parts.append(Padding(text(safe_text(c.explanation, 300)), (0, 0, 0, 2)))
            parts.append(
                Padding(text(f"rows {', '.join(safe_text(i, 40) for i in c.rows[:SHOWN_IDS])}{more}", "dim"), (0, 0, 0, 2))
            )
        rest = sum(len(c.rows) for c in found.clusters[MOST_CLUSTERS:])
        others = [f"{rest} of {found.read} rows: in smaller clusters"] if rest else []
        others += [f"{found.unassigned} of {found.read} rows: no cause told"] if found.unassigned else []
        if others:
            parts.append(text("; ".join(others)))
    elif f.failures_note.startswith("not analysed"):
        parts.append(text(f.failures_note))
    if f.suspects:
        more = " ..." if len(f.suspects) > SHOWN_IDS else ""
        ids = ", ".join(safe_text(i, 40) for i in f.suspects[:SHOWN_IDS])
        parts.append(text(f"{len(f.suspects)} dev rows that no good candidate solved; worth a look at their labels: {ids}{more}"))
    if not parts:
        return []
    seen = f" (the critic read {found.read} of the {found.failing} failing dev rows)" if found else ""
    return [block(f"What still fails{seen}", *parts)]


def sparkline(values: list[float], low: float, high: float) -> str:
    """A block character a value, from `low` to `high`."""
    blocks = "▁▂▃▄▅▆▇█"
    span = max(high - low, 1e-9)
    return "".join(blocks[min(7, max(0, round(7 * (value - low) / span)))] for value in values)


def curve(f: Findings) -> RenderableType:
    """The plateau curve in two lines of blocks on one scale."""
    exam = [p for p in f.curve if p.holdout is not None and p.holdout.n]
    if len(exam) < 2:
        return block("Plateau curve", text("one point only: no champion but the first was examined", "dim"))
    held = [p.holdout.mean for p in exam if p.holdout is not None]
    dev = [p.dev.mean for p in exam if p.dev.n]
    low, high = min(held + dev), max(held + dev)
    middle = (low + high) / 2
    low, high = min(low, middle - 0.025), max(high, middle + 0.025)
    rows = [
        (
            text("held out"),
            Text("".join(2 * c for c in sparkline(held, low, high)), style="bold blue"),
            text(f"{100 * held[0]:.1f} % -> {100 * held[-1]:.1f} %, after {exam[0].calls:,} -> {exam[-1].calls:,} task calls"),
        ),
        (
            text("dev", "dim"),
            Text("".join(2 * c for c in sparkline(dev, low, high)), style="dim"),
            text(f"{100 * dev[0]:.1f} % -> {100 * dev[-1]:.1f} %, selected on these rows" if dev else "not measured", "dim"),
        ),
    ]
    return block("Plateau curve (champions chosen on dev, measured on holdout)", grid(rows))


def per_call(f: Findings) -> RenderableType:
    """What an answer of the baseline and of the best takes."""
    changed = (("best", f.after),) if f.winner.id != f.baseline.id else ()
    return block("One answer", call_card((("baseline", f.before), *changed)))


def call_card(cards: Sequence[tuple[str, CallCard]]) -> RenderableType:
    """Calls, tokens, price and seconds of an answer, a line a prompt; calls where one takes more than one."""
    several = any(c.calls != 1 for _, c in cards)
    rows = [
        [
            text(name),
            *([text(f"{c.calls:.3g}")] if several else []),
            text(count(c.prompt_tokens)),
            text(count(c.output_tokens)),
            text(amount(c.cost_usd)),
            text(seconds(c.latency_s)),
            text(f"{c.n:,}"),
        ]
        for name, c in cards
    ]
    heads = ("", *(["calls"] if several else []), "tokens in", "tokens out", "list price", "median time", "n answers")
    return table(heads, rows, right=tuple(range(1, len(heads))))


def spend(f: Findings) -> RenderableType:
    """Calls, tokens and dollars by role."""
    off = estimate_line(f)
    expected = [text(off, "dim")] if off else []
    return block("Spend", *spend_table([(ROLES.get(role, role), used) for role, used in f.spend.items() if used.calls]), *expected)


def spend_table(used: list[tuple[str, RoleSpend]]) -> list[RenderableType]:
    """What was paid, what all of it costs at list price, and what the cache saved."""
    if len(used) > 1:
        used = [*used, ("all", total([s for _, s in used]))]
    rows = [
        [
            text(name, "bold" if name == "all" else ""),
            text(f"{s.calls:,}"),
            text(f"{s.paid_calls:,}"),
            text(f"{s.prompt_tokens:,}"),
            text(f"{s.output_tokens:,}"),
            text(money(s.paid_usd, s)),
            text(money(s.cost_usd, s)),
        ]
        for name, s in used
    ]
    parts: list[RenderableType] = [
        table(("", "calls", "sent", "tokens in", "tokens out", "paid", "list price"), rows, right=(1, 2, 3, 4, 5, 6))
    ]
    whole = used[-1][1] if used else RoleSpend()
    cached = whole.calls - whole.paid_calls
    if cached:
        saved = money(whole.cost_usd - whole.paid_usd, whole)
        parts.append(text(f"{cached:,} replies came from the cache and cost nothing; sent, they would have cost {saved}.", "dim"))
    if whole.unpriced:
        parts.append(
            text(f"The price of {whole.unpriced:,} calls is unknown and in none of these sums (--price MODEL=IN,OUT).", "yellow")
        )
    if whole.failed:
        parts.append(text(f"{whole.failed:,} calls failed.", "yellow"))
    return parts


def money(value: float, spend: RoleSpend) -> str:
    """Dollars; `unknown` when no call has a price, `+` when some have none."""
    if spend.unpriced and spend.unpriced >= spend.calls - spend.failed:
        return "unknown"
    return f"{amount(max(0.0, value))}{'+' if spend.unpriced else ''}"


MEANT: Mapping[str, str] = {
    "circuit": "not sent while the provider was failing",
    "budget": "not sent: the limit had no room for it",
    "context": "longer than the model's window",
    "filtered": "withheld by the provider's content filter",
    "empty": "a reply without an answer in it",
    "quota": "the account's money or quota is used up",
    "rejected": "the provider refuses the request itself",
    "stopped": "the run was asked to stop",
    "unreadable": "no verdict in the judge's reply, or a scorer that died of the answer",
}
"""Names of failures (see `topout.domain.FailureKind`) that do not speak for themselves."""


def unscored_line(unscored: Mapping[str, int]) -> str:
    """`12 rows: 10 outage, 2 context (longer than the model's window). They count neither as right nor as wrong.`"""
    ordered = sorted(unscored.items(), key=lambda item: (-item[1], item[0]))
    reasons = ", ".join(f"{n:,} {reason}{f' ({MEANT[reason]})' if reason in MEANT else ''}" for reason, n in ordered)
    whole = sum(unscored.values())
    if whole == 1:
        return f"1 row: {reasons}. It counts neither as right nor as wrong."
    return f"{whole:,} rows: {reasons}. They count neither as right nor as wrong."


def ruled(v: Verdict) -> RenderableType:
    """The verdict in one sentence, what would decide it, and the step that follows from it."""
    style = {"topped out": "bold magenta", "still climbing": "bold green", "can't tell yet": "bold yellow"}[v.ruling]
    parts: list[RenderableType] = [text(v.sentence, style)]
    if v.needs:
        parts += [text("What would help to decide:"), bullets(v.needs)]
    if v.next_step:
        parts.append(text(v.next_step))
    return block(f"Verdict: has prompting topped out, for a gain of {100 * v.delta:g} points?", *parts)


def ending(f: Findings) -> RenderableType:
    """How the run ended, and when it was not by itself."""
    if f.ended is None:
        return block("Ending", text("not ended: it is running, or was killed", "yellow"))
    again = f", resumed {f.resumed} x" if f.resumed else ""
    style = "yellow" if f.ended.ending in RESUMABLE else ""
    reason = f.ended.reason.removeprefix(f.ended.ending).removeprefix(": ")
    said = f"{f.ended.ending}{': ' if reason else ''}{reason} ({duration(f.seconds)}{again})"
    return block("Ending", text(said, style))
