"""mine.py keeps the contract of an optimizer. Run with: pytest test_mine.py"""

from pathlib import Path

from topout.plugins.optimizers import load_recipe
from topout.testing.conformance import check_optimizer

FILE = Path(__file__).with_name("mine.py")


def test_a_run_can_be_trusted_to_it() -> None:
    check_optimizer(lambda: load_recipe(str(FILE)).optimizer)
