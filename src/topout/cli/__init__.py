"""The command line: parse, call the app, print, exit code. The only place that prints."""

from topout.cli.main import main

__all__ = ["main"]
