"""From what a journal holds to the ledger of levers and the advice: the facts of use are read from the run's first event, so no task folder is needed."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from topout.config.task_file import DeploymentFacts
from topout.domain import Advice, Deployment, Estimate, FailureAnalysis, Gain, Json, LeverRecord, RunStarted, Verdict
from topout.errors import JournalError
from topout.plateau.advice import advise
from topout.plateau.situation import Situation
from topout.report.words import is_embedded

__all__ = ["advice_of", "allowed_levers", "deployment_of"]


def allowed_levers(started: RunStarted) -> tuple[str, ...]:
    """The levers that the run's recipe allows."""
    levers = started.manifest.get("levers")
    return tuple(str(lever) for lever in levers) if isinstance(levers, list) else ()


def deployment_of(started: RunStarted) -> Deployment:
    """What the task said of its use when the run began. Raises JournalError for facts that no task file can hold."""
    try:
        facts = DeploymentFacts.model_validate(started.manifest.get("deployment") or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, ("deployment", *first["loc"])))
        raise JournalError(f"{started.run}: manifest: {where}: {first['msg'].lower()}. Restore the journal.") from error
    return Deployment(**facts.model_dump())


def advice_of(
    started: RunStarted,
    verdict: Verdict,
    *,
    quality: Estimate,
    gain: Gain | None,
    levers: tuple[LeverRecord, ...],
    failures: FailureAnalysis | None,
    deployment: Deployment | None,
    cost_usd_per_call: float | None,
    calls: int,
    latency_s: float | None,
) -> Advice:
    """The next rung for a run's winner: `quality` and `gain` are held out, cost and latency means and median over `calls` calls. `deployment` None:
    the facts that the run began with."""
    manifest = started.manifest
    return advise(
        Situation(
            verdict,
            quality,
            gain,
            train_rows=rows(manifest, "train"),
            dev_rows=rows(manifest, "dev"),
            holdout_rows=rows(manifest, "holdout"),
            shift_rows=rows(manifest, "shift"),
            levers=levers,
            failures=failures,
            deployment=deployment_of(started) if deployment is None else deployment,
            cost_usd_per_call=cost_usd_per_call,
            priced_calls=calls,
            latency_s=latency_s,
            embedded=is_embedded(str(started.settings.get("model", ""))),
        )
    )


def rows(manifest: Mapping[str, Json], split: str) -> int:
    """How many rows a split has, as the manifest says."""
    splits = manifest.get("splits")
    count = splits.get(split) if isinstance(splits, dict) else None
    return count if isinstance(count, int) else 0
