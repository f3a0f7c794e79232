"""For all tests."""

import gc
import os
import signal

from hypothesis import HealthCheck, settings


def pytest_configure() -> None:
    """The drawn inputs are the same each time, so that a failure tells of the change that it fails on (HYPOTHESIS_PROFILE=drawn draws new ones; `make fuzz`
    draws many). Ctrl-C works in the tests and in what they start, also where the shell that began them ignores it (a job in the background). Garbage is
    looked for as seldom as in the command line's own process: that takes a tenth off the tests."""
    gc.set_threshold(100_000, 50, 100)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
    settings.register_profile("same", patient, derandomize=True)
    settings.register_profile("drawn", patient, print_blob=True)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
