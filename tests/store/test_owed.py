"""What a run may owe survives a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from topout.store.owed import Owed

KILLED = """
import os, signal, sys
from pathlib import Path
from topout.store.owed import Owed
owed = Owed(Path(sys.argv[1]))
owed.keep(7, 11)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_leaves_what_was_noted(tmp_path: Path) -> None:
    path = tmp_path / "owed"
    assert Owed(path).before == (0, 0)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.returncode == -signal.SIGKILL
    assert Owed(path).before == (7, 11)


def test_a_file_of_another_kind_owes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "owed"
    path.write_bytes(b"short")
    assert Owed(path).before == (0, 0)
    path.write_bytes(b"\xff" * 16)
    assert Owed(path).before == (0, 0)
