"""topout: prompt optimization that reports held-out gains with intervals and says when prompting has topped out.

    import topout
    run = topout.optimize("tasks/support-tickets")
    print(run.verdict.sentence)

`optimize`, `optimize_folds`, `optimize_until_decided`, `resume`, `evaluate`, `gate`, `compare`, `bench`, `plan_bench`, `ladder`, `plan_ladder`, `export`, `hand_off`, `import_prompt`, `probe`, `load_run`, `rebuild`, `list_runs` and `verdict_on` come from `topout.app`, which is imported when one of them is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from topout.app import (
        BenchOptions,
        BenchPlan,
        BenchView,
        CallOptions,
        Comparison,
        Delivery,
        Evaluation,
        Folds,
        ForeignView,
        Gated,
        Imported,
        LadderOptions,
        LadderPlan,
        LadderView,
        RunEstimate,
        RunHead,
        RunOptions,
        RunView,
        bench,
        compare,
        estimate,
        evaluate,
        export,
        gate,
        hand_off,
        import_prompt,
        ladder,
        list_runs,
        load_run,
        optimize,
        optimize_folds,
        optimize_until_decided,
        plan_bench,
        plan_ladder,
        probe,
        rebuild,
        resume,
        verdict_on,
    )

__version__ = "0.1.0"

__all__ = [
    "BenchOptions",
    "BenchPlan",
    "BenchView",
    "CallOptions",
    "Comparison",
    "Delivery",
    "Evaluation",
    "Folds",
    "ForeignView",
    "Gated",
    "Imported",
    "LadderOptions",
    "LadderPlan",
    "LadderView",
    "RunEstimate",
    "RunHead",
    "RunOptions",
    "RunView",
    "__version__",
    "bench",
    "compare",
    "estimate",
    "evaluate",
    "export",
    "gate",
    "hand_off",
    "import_prompt",
    "ladder",
    "list_runs",
    "load_run",
    "optimize",
    "optimize_folds",
    "optimize_until_decided",
    "plan_bench",
    "plan_ladder",
    "probe",
    "rebuild",
    "resume",
    "verdict_on",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        from topout import app

        return vars(app)[name]
    raise AttributeError(f"module 'topout' has no attribute '{name}'")
