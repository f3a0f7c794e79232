"""For all tests."""

import os
import signal

from hypothesis import settings


def pytest_configure() -> None:
    """The drawn inputs are the same each time, so that a failure tells of the change that it fails on (HYPOTHESIS_PROFILE=drawn draws new ones; `make fuzz`
    draws many). Ctrl-C works in the tests and in what they start, also where the shell that began them ignores it (a job in the background)."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("same", derandomize=True)
    settings.register_profile("drawn", print_blob=True)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
