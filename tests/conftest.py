"""For all tests."""

import signal


def pytest_configure() -> None:
    """Ctrl-C works in the tests and in what they start, also where the shell that began them ignores it (a job in the background)."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
