"""The attempts of a run in a storage of Optuna while the run goes on (`--study`), for a team that watches with optuna-dashboard.

A listener: it is told of events, and a thread of its own brings the storage to what they come to. Nothing waits for it and nothing is decided by it. Each round
compares what is known with what the storage has, so a round that failed half-way, a storage that was gone for an hour and a killed session are all mended in
the same way, by the next round. A trial that is RUNNING gets a heartbeat; who has the run's lock knows that all others of its study belong to nobody, and ends them.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from topout.app.workbench import Watch
from topout.config.databases import STUDY, address_with_password, study_file
from topout.config.settings import RunSettings
from topout.domain import Event, Json, RunStarted
from topout.errors import UserError
from topout.report.live import Gauge
from topout.report.study import Trial, Unfolding
from topout.report.words import safe_text

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

__all__ = ["BEAT_S", "Mirror", "Shelf", "Tell", "warned"]

Tell = Callable[[str], None]

BEAT_S = 20.0
"""Between two heartbeats of a trial, and two tries at a storage that is down. Optuna's own grace is twice the interval: watch with 60 s or more."""
PAUSE_S = 0.5
"""Between two rounds: what begins and ends in one pause is written once."""
PATIENCE_S = 15.0
"""So long the end of a run waits for the storage."""
LOST = "lost"
"""The outcome of a trial whose session ended before it was decided."""
CONNECTING: dict[str, Any] = {"connect_timeout": 5, "tcp_user_timeout": 10_000, "application_name": "topout"}


def warned(line: str) -> None:
    """Tell a caller who gave no other way to be told."""
    warnings.warn(line, RuntimeWarning, stacklevel=2)


class Mirror:
    """Told of events by one thread at a time; writes on another. `before` are the events of earlier sessions."""

    def __init__(self, shelf: Shelf, before: Iterable[Event], tell: Tell) -> None:
        self._shelf = shelf
        self._tell = tell
        self._lock = threading.Lock()
        self._unfolding = Unfolding()
        for event in before:
            self._unfolding.take(event)
        self._fresh = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = ""
        self._told = False

    @classmethod
    def of(cls, settings: RunSettings, run: str, started: RunStarted, before: Iterable[Event], tell: Tell) -> Mirror | None:
        """The mirror that the settings ask for, None for none. Opens nothing yet. Raises UserError when psycopg is missing."""
        if not settings.study:
            return None
        if not study_file(settings.study):
            try:
                import psycopg  # noqa: F401
            except ImportError as error:
                raise UserError(
                    "--study: PostgreSQL needs psycopg, which is not installed here: pip install 'topout[postgres]'"
                ) from error
        facts: dict[str, Json] = {name: started.manifest.get(name) for name in ("task", "recipe", "topout")}
        facts |= {name: started.settings.get(name) for name in ("model", "critic", "seed")}
        return cls(Shelf(settings.study, run, facts), before, tell)

    def beside(self, watch: Watch | None) -> Watch:
        """A watcher that tells both this mirror and another one of each event."""

        def both(event: Event, gauge: Gauge) -> None:
            self.take(event)
            if watch is not None:
                watch(event, gauge)

        return both

    def take(self, event: Event) -> None:
        """Take one event: microseconds. What went wrong meanwhile is told here, once, on the thread that everything else is told on."""
        with self._lock:
            news = self._unfolding.take(event)
            begun = self._unfolding.begun
        if begun:
            self._begin()
        if news:
            self._fresh.set()
        self._say()

    def catch_up(self) -> None:
        """Bring the storage to what earlier sessions came to: the last one may have been killed when its run was over and its study was not."""
        self._begin()
        self.close()

    def close(self) -> None:
        """Bring the storage to the last state, and let go. A storage that does not answer is not waited for longer than `PATIENCE_S`."""
        if self._thread is None:
            return
        self._closing.set()
        self._fresh.set()
        self._thread.join(PATIENCE_S)
        if self._thread.is_alive():
            self._trouble = self._trouble or f"no answer in {PATIENCE_S:.0f} s"
        self._say()

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="topout-study", daemon=True)
            self._thread.start()

    def _say(self) -> None:
        if self._trouble and not self._told:
            self._told = True
            self._tell(
                f"--study {self._shelf.place}: cannot be written ({self._trouble}). The run goes on without it: its attempts are in the journal, "
                "and go to the study when the storage answers again."
            )

    def _write(self) -> None:
        failed = 0
        while True:
            self._fresh.clear()
            last = self._closing.is_set()
            with self._lock:
                decided, running = list(self._unfolding.decided), list(self._unfolding.running)
            try:
                self._shelf.bring(decided, running)
                failed = 0
            except Exception as error:  # noqa: BLE001 - Optuna, SQLAlchemy and drivers: whatever it is, the run goes on
                self._shelf.drop()
                failed += 1
                if failed > 1:  # once is nothing: a file that is locked, two that make the tables at the same time
                    self._trouble = self._shelf.explained(error)
            if last and failed != 1:
                self._shelf.drop()
                return
            self._closing.wait(PAUSE_S if failed < 2 else BEAT_S)
            if not failed:
                self._fresh.wait(BEAT_S)


class Shelf:
    """One study of a storage, as one session writes it. `run` is its name, `facts` what is told of it there."""

    def __init__(self, place: str, run: str, facts: Mapping[str, Json], environ: Mapping[str, str] = os.environ) -> None:
        self.place = place
        self._run = run
        self._facts = facts
        self._environ = environ
        self._session = secrets.token_hex(4)
        self._storage: RDBStorage | None = None
        self._study = 0
        self._open: dict[int, int] = {}
        self._written: set[int] = set()
        self._due = 0.0

    def bring(self, decided: list[Trial], running: list[int]) -> None:
        """Bring the study to these attempts: each decided one a finished trial, each running one a RUNNING trial with a heartbeat, no other trial
        RUNNING. Raises what Optuna and the database raise; it may be tried again at any time."""
        from optuna.trial import TrialState, create_trial

        storage = self._opened()
        for trial in decided:
            if trial.attempt not in self._written:
                self._finish(storage, trial)
                self._written.add(trial.attempt)
        for attempt in [a for a in self._open if a not in running]:
            lose(storage, self._open.pop(attempt), "its session ended first")
        beating = time.monotonic() >= self._due
        for attempt in running:
            if fresh := attempt not in self._open:
                about = {"attempt": attempt, "session": self._session}
                template = create_trial(state=TrialState.RUNNING, user_attrs=about)
                self._open[attempt] = storage.create_new_trial(self._study, template)
            if fresh or beating:
                storage.record_heartbeat(self._open[attempt])
        if beating:
            self._due = time.monotonic() + BEAT_S / 2

    def drop(self) -> None:
        """Let the connections go. What the storage has is looked up again when it is next written to."""
        storage, self._storage = self._storage, None
        if storage is not None:
            with suppress(Exception):  # a connection that is broken already
                storage.remove_session()
                storage.engine.dispose()

    def explained(self, error: BaseException) -> str:
        """The innermost cause in a line, without the password."""
        while (inner := error.__cause__ or error.__context__) is not None:
            error = inner
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        words = lines[0] if lines else type(error).__name__
        secret = address_with_password(self.place, self._environ, STUDY)[1]
        for known in filter(None, (secret, unquote(secret))):
            words = words.replace(known, "***")
        return safe_text(words.rstrip("."), 300)

    def _opened(self) -> RDBStorage:
        """The storage, with what the study holds looked up: its finished attempts, and RUNNING trials, those of other sessions ended."""
        if self._storage is not None:
            return self._storage
        import logging

        from optuna.storages import RDBStorage
        from optuna.study import StudyDirection
        from optuna.trial import TrialState

        said = logging.getLogger("optuna.storages._rdb.storage")
        level = said.level
        said.setLevel(logging.WARNING)
        try:
            storage = RDBStorage(*self._engine())
            try:
                self._study = storage.get_study_id_from_name(self._run)
            except KeyError:
                self._study = storage.create_new_study([StudyDirection.MAXIMIZE], self._run)
                storage.set_study_system_attr(self._study, "study:metric_names", ["dev score"])
                for name, fact in self._facts.items():
                    storage.set_study_user_attr(self._study, name, fact)
        finally:
            said.setLevel(level)
        self._open, self._written = {}, set()
        for trial in storage.get_all_trials(self._study, deepcopy=False):
            attempt, outcome = trial.user_attrs.get("attempt"), trial.user_attrs.get("outcome", LOST)
            if trial.state == TrialState.RUNNING and trial.user_attrs.get("session") != self._session:
                lose(storage, trial._trial_id, "its session was killed")
            elif trial.state == TrialState.RUNNING:
                self._open[attempt] = trial._trial_id
            elif outcome != LOST:
                self._written.add(attempt)
        self._storage = storage
        return storage

    def _engine(self) -> tuple[str, dict[str, Any]]:
        """What Optuna hands to SQLAlchemy. A database is connected to by libpq alone, so that its address is read in one way and SQLAlchemy never has it."""
        if study_file(self.place):
            return self.place, {"connect_args": {"timeout": PATIENCE_S}}
        address, _ = address_with_password(self.place, self._environ, STUDY)

        def connect() -> object:
            import psycopg

            return psycopg.connect(address, **CONNECTING)

        return "postgresql+psycopg://", {"creator": connect, "pool_pre_ping": True}

    def _finish(self, storage: RDBStorage, trial: Trial) -> None:
        """Write a decided attempt: into its RUNNING trial, or as one of its own where there is none or somebody else has ended it."""
        from optuna.distributions import IntDistribution
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState, create_trial

        state = TrialState.FAIL if trial.value is None else TrialState.COMPLETE
        kinds = {name: IntDistribution(0, max(1, number)) for name, number in trial.params.items()}
        number = self._open.pop(trial.attempt, None)
        if number is not None:
            with suppress(UpdateFinishedTrialError):
                for name, kind in kinds.items():
                    storage.set_trial_param(number, name, trial.params[name], kind)
                for name, value in trial.attributes().items():
                    storage.set_trial_user_attr(number, name, value)
                storage.set_trial_state_values(number, state, None if trial.value is None else [trial.value])
                return
        about = {"session": self._session, **trial.attributes()}
        whole = create_trial(state=state, value=trial.value, params=dict(trial.params), distributions=dict(kinds), user_attrs=about)
        storage.create_new_trial(self._study, whole)


def lose(storage: RDBStorage, number: int, reason: str) -> None:
    """End a trial that nobody is at any more, unless that was done."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    with suppress(UpdateFinishedTrialError):
        storage.set_trial_user_attr(number, "reason", reason)
        storage.set_trial_user_attr(number, "outcome", LOST)
        storage.set_trial_state_values(number, TrialState.FAIL)
