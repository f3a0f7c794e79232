import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import topout
from topout.cli import main
from topout.domain import Ending, Estimate, Event, Json, Rollout, Scored
from topout.errors import JournalError, ModelError, TopoutError, UserError
from topout.report.findings import CallCard, Findings, RoleSpend, find
from topout.report.live import Gauge
from topout.testing.runs import PretendedRun

Watch = Callable[[Event, Gauge], None]
HEAVY = (
    "litellm",
    "pandas",
    "altair",
    "vl_convert",
    "scipy",
    "optuna",
    "dspy",
    "rich",
    "pydantic",
    "diskcache",
    "numpy",
    "topout.app",
)


@dataclass(frozen=True, slots=True)
class View:
    folder: Path
    findings: Findings
    went_on: bool = True
    places: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluated:
    task: str = "support-tickets"
    split: str = "holdout"
    prompt: str = "baseline"
    model: str = "embedded/reader"
    estimate: Estimate = field(default_factory=lambda: Estimate(0.5, 0.4, 0.6, 90))
    card: CallCard = field(default_factory=lambda: CallCard(90, 200.0, 3.0, 0.0, 0.001))
    spend: RoleSpend = field(default_factory=lambda: RoleSpend(90, 90))
    unscored: dict[str, int] = field(default_factory=dict)
    failures: tuple[Rollout, ...] = (Rollout("c", "row-7", "holdout", 0, "billing", Scored(0.0, "expected 'delivery'")),)
    ending: Ending | None = None
    against: None = None


class FreeRun:
    """An estimate of a run that costs nothing."""

    def document(self) -> dict[str, Json]:
        return {"max_calls": 10, "cost_usd": [0.0, 0.0, 0.0]}


@dataclass(slots=True)
class FakeApp:
    """Stands in for topout.app: remembers what it was asked and hands back a pretended run, or raises."""

    folder: Path
    run: PretendedRun = field(default_factory=lambda: PretendedRun(dev=30, holdout=30, shift=0))
    asked: list[tuple[str, tuple[object, ...], dict[str, object]]] = field(default_factory=list)
    error: BaseException | None = None
    evaluated: Evaluated = field(default_factory=Evaluated)
    went_on: bool = True

    def view(self, verb: str) -> Callable[..., View]:
        def call(*args: object, watch: Watch | None = None, **options: object) -> View:
            self.asked.append((verb, args, options))
            if self.error is not None:
                raise self.error
            events = self.run.events()
            if watch is not None:
                for i, event in enumerate(events):
                    watch(event, Gauge(i, len(events), 3, 0.1, 0.1, "search"))
            return View(self.folder, find(events), self.went_on)

        return call

    def evaluate(self, *args: object, watch: Watch | None = None, **options: object) -> Evaluated:
        self.asked.append(("evaluate", args, options))
        return self.evaluated

    def module(self) -> types.ModuleType:
        module = types.ModuleType("topout.app")
        module.__path__ = [str(Path(topout.__file__).parent / "app")]  # its parts are there as they are
        for verb in ("optimize", "optimize_until_decided", "resume", "load_run", "rebuild"):
            setattr(module, verb, self.view(verb))
        setattr(module, "evaluate", self.evaluate)  # noqa: B010
        setattr(module, "list_runs", lambda runs_dir, unread: [])  # noqa: B010
        setattr(module, "estimate", lambda *args, **options: ("t", FreeRun()))  # noqa: B010
        setattr(module, "estimate", lambda *args, **options: ("t", FreeRun()))  # noqa: B010
        return module


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    folder = tmp_path / "runs" / "20260301T101500Z-support-tickets-evolve-5f3a"
    folder.mkdir(parents=True)
    fake = FakeApp(folder)
    monkeypatch.setitem(sys.modules, "topout.app", fake.module())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return fake


def test_help_imports_nothing_heavy() -> None:
    code = (
        f"import sys; from topout.cli import main; heavy = set({HEAVY!r});"
        "assert main(['--help']) == 0; assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "heavy.add('topout.app');"
        "assert main(['export', '--help']) == 0; assert not (heavy - {'pydantic'}) & set(sys.modules), heavy & set(sys.modules);"
        "heavy.discard('pydantic');"  # typer asks it about the types of options, where it is installed
        "assert main(['optimize', '--help']) == 0; assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "optimize" in done.stdout and "--max-cost DOLLARS" in done.stdout


def test_it_runs_as_a_module_and_tells_its_version() -> None:
    done = subprocess.run([sys.executable, "-m", "topout", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("topout 0.")


def test_without_a_verb_it_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Usage: topout" in capsys.readouterr().out


def test_options_reach_the_app_in_its_own_units(app: FakeApp) -> None:
    line = "optimize tasks/t --model openai/m --critic openai/c --max-cost 5 --max-time 15m --max-calls 900 --seed 3 --price m=1,2 --price c=3,4 -q"
    assert main(line.split()) == 0
    verb, args, options = app.asked[0]
    assert (verb, args) == ("optimize", ("tasks/t",))
    expected = {"model": "openai/m", "critic": "openai/c", "max_cost": 5.0, "max_time": 900.0, "max_calls": 900, "seed": 3}
    assert expected.items() <= options.items()
    assert options["prices"] == ("m=1,2", "c=3,4")
    assert options["delta"] == 0.02 and options["runs_dir"] == "runs"


@pytest.mark.parametrize(("text", "seconds"), [("90", 90.0), ("90s", 90.0), ("1.5m", 90.0), ("2h", 7200.0), ("1 D", 86400.0)])
def test_times_may_have_a_unit(app: FakeApp, text: str, seconds: float) -> None:
    assert main(["resume", "latest", "--max-time", text, "-q"]) == 0
    assert app.asked[0][2]["max_time"] == seconds


@pytest.mark.parametrize("text", ["", "x", "-5", "0", "5 minutes", "1e400", "nan"])
def test_a_bad_time_gets_one_line_with_what_is_expected(app: FakeApp, capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert main(["resume", "latest", f"--max-time={text}"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("topout: ") and "90, 90s, 15m, 2h" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["optimise", "t"], "Did you mean 'optimize'"),
        (["optimize", "t", "--sed", "1"], "--seed"),
        (["optimize"], "Missing argument 'TASK'"),
        (["optimize", "t", "--concurrency", "0"], "--concurrency"),
        (["optimize", "t", "--max-cost", "much"], "--max-cost"),
        (["show", "latest", "--split", "holdut"], "Did you mean 'holdout'"),
    ],
)
def test_usage_errors_are_one_line_and_exit_with_2(
    app: FakeApp, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith("topout: ") and said in err and err.count("\n") == 1
    assert app.asked == []


@pytest.mark.parametrize(("error", "code"), [(UserError("a: b"), 2), (ModelError("a: b"), 3), (JournalError("a: b"), 4)])
def test_our_errors_are_one_line_without_a_traceback(
    app: FakeApp, capsys: pytest.CaptureFixture[str], error: TopoutError, code: int
) -> None:
    app.error = error
    assert main(["optimize", "t", "-q"]) == code
    assert capsys.readouterr().err == "topout: a: b\n"


def test_an_error_cannot_move_the_cursor(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    app.error = UserError("a\x1b[2J\nb")
    assert main(["optimize", "t", "-q"]) == 2
    assert capsys.readouterr().err == "topout: a␛[2J b\n"


def test_debug_shows_where_an_error_was_raised(
    app: FakeApp, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app.error = UserError("a: b")
    assert main(["--debug", "optimize", "t", "-q"]) == 2
    assert "Traceback" in capsys.readouterr().err
    monkeypatch.setenv("TOPOUT_DEBUG", "1")
    assert main(["optimize", "t", "-q"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_the_summary_goes_to_stdout_and_the_progress_to_stderr(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", "t"]) == 0
    out, err = capsys.readouterr()
    assert "Held-out score" in out and "Verdict" in out
    assert "in flight" in err and "in flight" not in out
    assert "runs/20260301T101500Z-support-tickets-evolve-5f3a" in out


def test_no_line_of_a_result_ends_in_blanks(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", "tasks/x", "-q"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 20 and [line for line in lines if line.endswith(" ")] == []


def test_next_commands_use_latest_while_it_is_this_run(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    (app.folder.parent / "latest").symlink_to(app.folder.name)
    assert main(["optimize", "t", "-q"]) == 0
    out, err = capsys.readouterr()
    assert "topout show runs/latest\n" in out
    assert err == ""


@pytest.mark.parametrize(
    ("ending", "code"), [("budget", 0), ("money", 0), ("time", 0), ("finished", 0), ("stopped", 130), ("outage", 3)]
)
def test_the_exit_code_tells_how_the_run_ended(app: FakeApp, capsys: pytest.CaptureFixture[str], ending: str, code: int) -> None:
    app.run = PretendedRun(dev=30, holdout=30, shift=0, ending=ending)  # type: ignore[arg-type]
    assert main(["resume", "latest", "-q"]) == code
    assert ("topout resume" in capsys.readouterr().out) == (ending not in ("budget", "finished"))


def test_a_resume_that_found_nothing_to_do_says_so_and_what_would_go_on(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    app.went_on = False
    assert main(["resume", "latest", "-q"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert (
        out.startswith("Nothing was to do: this run has used up its calls.") and "--max-calls N" in out and "Held-out score" in out
    )
    app.run = replace(app.run, ending="finished")
    assert main(["resume", "latest", "-q"]) == 0
    assert capsys.readouterr().out.startswith("Nothing was to do: this run came to its end.")


def test_json_is_events_and_last_the_verdict_document(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", "t", "--json"]) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines[0]["event"] == "RunStarted"
    assert lines[-1]["event"] == "Verdict" and lines[-1]["holdout"]["winner"]["n"] == 30
    assert any(line["event"] == "Progress" for line in lines)
    assert err == ""


def test_quiet_json_is_the_verdict_document_alone(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", "t", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["event"] == "Verdict"


def test_a_second_ctrl_c_quits_with_130_and_names_resume(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    app.error = KeyboardInterrupt()
    assert main(["optimize", "t"]) == 130
    assert "topout resume" in capsys.readouterr().err
    assert main(["optimize", "t", "--quiet"]) == 130


def test_evaluate_keeps_holdout_rows_to_itself_unless_asked(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "t", "--prompt", "runs/latest/best", "-q"]) == 0
    out = capsys.readouterr().out
    assert "50.0 % [40.0, 60.0], n = 90" in out and "row-7" not in out
    assert app.asked[0][2]["prompt"] == Path("runs/latest/best") and app.asked[0][2]["split"] == "holdout"
    assert main(["evaluate", "t", "--failures", "1", "-q"]) == 0
    assert "row-7" in capsys.readouterr().out


def test_evaluate_as_json_is_one_document(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "t", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["score"]["mean"] == 0.5 and document["embedded"] is True and document["not_fully_right"] == ["row-7"]


@pytest.mark.parametrize(("ending", "code"), [(None, 0), ("money", 0), ("stopped", 130), ("outage", 3)])
def test_evaluate_exits_as_it_ended(app: FakeApp, ending: Ending | None, code: int) -> None:
    app.evaluated = replace(app.evaluated, ending=ending)
    assert main(["evaluate", "t", "-q"]) == code


def test_show_report_and_runs_read_without_asking_a_model(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    (app.folder / "plateau.png").write_bytes(b"")
    assert main(["show", "latest", "--candidate", "00c0"]) == 0
    assert "the baseline" in capsys.readouterr().out
    assert main(["report", "latest"]) == 0
    assert "5f3a/plateau.png" in capsys.readouterr().out
    assert main(["runs"]) == 0
    assert "No runs in runs/" in capsys.readouterr().out
    assert main(["runs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert [verb for verb, _, _ in app.asked] == ["load_run", "rebuild"]


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    code = (
        "import sys, topout, types; from pathlib import Path; from topout.report.findings import find; from topout.testing.runs import PretendedRun;"
        "m = types.ModuleType('topout.app'); "
        "m.__path__ = [str(Path(topout.__file__).parent / 'app')]; f = find(PretendedRun(dev=30, holdout=30).events());"
        "m.load_run = lambda run, runs_dir: types.SimpleNamespace(folder=Path('x'), findings=f); sys.modules['topout.app'] = m;"
        "from topout.cli import main; sys.exit(main(['show', 'x']))"
    )
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, check=False, cwd=tmp_path)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_megabyte_in_an_error_is_cut(app: FakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    app.error = UserError("x\x1b" * 1_000_000)
    assert main(["optimize", "t", "-q"]) == 2
    err = capsys.readouterr().err
    assert len(err) < 5000 and "\x1b" not in err


def test_the_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "0 done; 2 something that you wrote or asked for is wrong; 3 a model could not be used" in told
    assert "100 a gate is not met; 130 stopped by Ctrl-C" in told
