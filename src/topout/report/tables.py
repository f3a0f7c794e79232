"""A run as pandas DataFrames, and their CSV. Scores are fractions (0.713), costs dollars, latencies seconds; what is unknown is empty."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from topout.domain import PROBE_ATTEMPTS, Estimate, Prompt, RolloutDone, Scored, Unscored, probe_of
from topout.report.findings import Findings
from topout.report.measures import split_estimates, split_means

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["candidates_table", "curve_table", "probe_table", "rollouts_csv", "rollouts_table", "to_csv", "write_rollouts_parquet"]

BATCH = 20_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t")
NEEDS_QUOTES = re.compile('[,"\n]')
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

type_of = {"int": "Int64", "float": "float64", "text": "object", "flag": "bool"}


def curve_table(f: Findings) -> pd.DataFrame:
    """The plateau curve, a row a checkpoint. `dev_selected_*` are scores on the rows that the champion was selected on, hence optimistic;
    `holdout_*` is the pointwise interval, `band_*` holds for all points at once. `calls` are task calls of the search so far."""
    points = f.curve
    dev, exam = [p.dev for p in points], [p.holdout for p in points]
    return frame(
        {
            "calls": ("int", [p.calls for p in points]),
            "cost_usd": ("float", [p.cost_usd for p in points]),
            "candidate": ("text", [p.candidate for p in points]),
            **estimates("dev_selected", dev),
            **estimates("holdout", exam),
            "band_low": ("float", [p.band_low for p in points]),
            "band_high": ("float", [p.band_high for p in points]),
        }
    )


def candidates_table(f: Findings) -> pd.DataFrame:
    """All attempts in order, also the rejected ones. `dev_gain_vs_parent` is the mean paired difference (a fraction, not points) over
    `dev_gain_rows` rows; `holdout_*` is filled for the few that sat the exam; `champion_after` is who led after the attempt."""
    done = f.attempts
    tries = [d.attempt for d in done]
    found = [a.candidate for a in tries]
    dev, exam = split_means(f, "dev"), split_estimates(f, "holdout")
    on_dev = [dev.get(c.id) if c else None for c in found]
    return frame(
        {
            "attempt": ("int", [a.number for a in tries]),
            "candidate": ("text", [c.id if c else None for c in found]),
            "operator": ("text", [a.operator for a in tries]),
            "parents": ("text", [" ".join(a.parents) for a in tries]),
            "outcome": ("text", [a.outcome for a in tries]),
            "reason": ("text", [a.reason for a in tries]),
            "dev_gain_vs_parent": ("float", [a.gain for a in tries]),
            "dev_gain_se": ("float", [a.gain_se for a in tries]),
            "dev_gain_rows": ("int", [a.rows for a in tries]),
            "words": ("int", [words(c.prompt) if c else None for c in found]),
            "demos": ("int", [len(c.prompt.demos) if c else None for c in found]),
            "dev_selected_mean": ("float", [m[0] if m else None for m in on_dev]),
            "dev_selected_n": ("int", [m[1] if m else None for m in on_dev]),
            **estimates("holdout", [exam.get(c.id) if c else None for c in found]),
            "task_calls": ("int", [d.task_calls for d in done]),
            "champion_after": ("text", [d.champion for d in done]),
            "rationale": ("text", [c.rationale if c else None for c in found]),
        }
    )


ROLLOUT_COLUMNS = {
    "attempt": "int",
    "candidate": "text",
    "example": "text",
    "split": "text",
    "sample": "int",
    "score": "float",
    "feedback": "text",
    "parts": "text",
    "unscored": "text",
    "failure": "text",
    "answer": "text",
    "prompt_tokens": "int",
    "output_tokens": "int",
    "cost_usd": "float",
    "latency_s": "float",
    "paid": "flag",
    "calls": "int",
}


def rollout_row(done: RolloutDone) -> tuple[str | float | None, ...]:
    """A rollout as the columns have it."""
    r, score = done.rollout, done.rollout.score
    scored = score if isinstance(score, Scored) else None
    return (
        done.attempt,
        r.candidate,
        r.example,
        r.split,
        r.sample,
        scored.value if scored else None,
        scored.feedback if scored else None,
        json.dumps(dict(scored.parts)) if scored and scored.parts else None,
        score.reason if isinstance(score, Unscored) else None,
        r.failure,
        r.answer,
        r.prompt_tokens,
        r.output_tokens,
        None if r.cost_usd is None else float(r.cost_usd),
        float(r.latency_s),
        r.paid,
        r.calls,
    )


def rollouts_table(f: Findings) -> pd.DataFrame:
    """Every rollout in the order of the journal. `score` is empty where there is no judgement, `unscored` says why; `paid` is False for replies
    from the cache; `parts` is a JSON object of part scores, empty without any."""
    columns = list(zip(*map(rollout_row, f.rollouts), strict=True)) or [()] * len(ROLLOUT_COLUMNS)
    return frame({name: (kind, values) for (name, kind), values in zip(ROLLOUT_COLUMNS.items(), columns, strict=True)})


def rollouts_csv(f: Findings) -> Iterator[str]:
    """The CSV of `rollouts_table`, piece by piece: a million rollouts need no more memory than a thousand."""
    yield ",".join(ROLLOUT_COLUMNS) + "\n"
    for some in batched(f.rollouts):
        yield utf8("".join(",".join(map(cell, rollout_row(done))) + "\n" for done in some))


def write_rollouts_parquet(f: Findings, path: Path) -> None:
    """The rollouts as a Parquet file, with the same columns, in pieces. Texts stand in it as they came, but for lone surrogates. Raises ImportError without
    pyarrow, OSError when the disk refuses."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"int": pa.int64(), "float": pa.float64(), "text": pa.string(), "flag": pa.bool_()}
    schema = pa.schema([(name, types[kind]) for name, kind in ROLLOUT_COLUMNS.items()])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for some in batched(f.rollouts):
            columns = zip(*map(rollout_row, some), strict=True)
            arrays = [
                pa.array([utf8(v) if isinstance(v, str) else v for v in values], types[kind])
                for kind, values in zip(ROLLOUT_COLUMNS.values(), columns, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def batched(rollouts: Sequence[RolloutDone]) -> Iterator[Sequence[RolloutDone]]:
    """In pieces of `BATCH`."""
    return (rollouts[start : start + BATCH] for start in range(0, len(rollouts), BATCH))


def utf8(text: str) -> str:
    """With lone surrogates as escapes, so that UTF-8 can hold it."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def probe_table(f: Findings) -> pd.DataFrame:
    """All proposals of the run's probes in order. `selected_difference` is the mean paired difference to the champion (a fraction) on the holdout rows
    that it was selected on, hence optimistic for whoever got far; `corrected_*` is the estimate of the true one, corrected for that selection, for
    those that met the champion in a finished probe. `rung` is the last one that it ran, from 1."""
    rows = [(p, {r.attempt: r for r in probe.racers}.get(p.attempt)) for probe in f.probes for p in probe.proposals]
    racers = [racer for _, racer in rows]
    met = [racer.met if racer and racer.met.rows else None for racer in racers]
    return frame(
        {
            "probe": ("int", [probe_of(p.attempt) for p, _ in rows]),
            "proposal": ("int", [p.attempt % PROBE_ATTEMPTS for p, _ in rows]),
            "operator": ("text", [p.operator for p, _ in rows]),
            "parents": ("text", [" ".join(p.parents) for p, _ in rows]),
            "outcome": ("text", [p.outcome for p, _ in rows]),
            "reason": ("text", [p.reason for p, _ in rows]),
            "candidate": ("text", [r.candidate.id if r else None for r in racers]),
            "rows": ("int", [m.rows if m else None for m in met]),
            "selected_difference": ("float", [m.mean if m else None for m in met]),
            "selected_difference_se": ("float", [m.se if m else None for m in met]),
            "rung": ("int", [r.rung if r else None for r in racers]),
            "finalist": ("flag", [r is not None and r.finalist for r in racers]),
            **estimates("corrected", [r.corrected if r else None for r in racers]),
            "rationale": ("text", [r.candidate.rationale if r else None for r in racers]),
        }
    )


def to_csv(frame: pd.DataFrame) -> str:
    """CSV that a spreadsheet takes for data: text cells that would be a formula get a leading apostrophe, numbers stay as they are.

    Lines end in a line feed; cells with one, a comma or a quote are quoted. Controls other than tab and line feed become their escapes (`\\x1b`), so that
    a file that is printed steers no terminal, and so do lone surrogates; the journal has them as they came."""
    columns = [[cell(value) for value in frame[name].tolist()] for name in frame.columns]
    lines = [",".join(frame.columns), *map(",".join, zip(*columns, strict=True))]
    return utf8("\n".join(lines)) + "\n"


def cell(value: object) -> str:
    """One cell; empty for None, nan and NA."""
    match value:
        case str():
            shown = CONTROLS.sub(lambda match: f"\\x{ord(match.group()):02x}", value.replace("\r\n", "\n"))
            text = f"'{shown}" if shown.startswith(FORMULA_STARTS) else shown
            return '"' + text.replace('"', '""') + '"' if NEEDS_QUOTES.search(text) else text
        case float():
            return "" if math.isnan(value) else repr(value)
        case int():
            return str(value)
        case _:
            return ""


def words(prompt: Prompt) -> int:
    """Words of the instructions; demos are not counted."""
    return sum(len(component.text.split()) for component in prompt.components)


def estimates(prefix: str, known: Sequence[Estimate | None]) -> dict[str, tuple[str, Sequence[object]]]:
    """Mean, interval and n as columns; empty where there is no estimate."""
    return {
        f"{prefix}_mean": ("float", [e.mean if e and e.n else None for e in known]),
        f"{prefix}_low": ("float", [e.low if e and e.n else None for e in known]),
        f"{prefix}_high": ("float", [e.high if e and e.n else None for e in known]),
        f"{prefix}_n": ("int", [e.n if e else None for e in known]),
    }


def frame(columns: Mapping[str, tuple[str, Sequence[object]]]) -> pd.DataFrame:
    """A frame with one type a column, also when it has no rows: integers may be missing, text is plain Python text."""
    import pandas as pd

    return pd.DataFrame({name: pd.Series(list(values), dtype=type_of[kind]) for name, (kind, values) in columns.items()})
