"""`python .ci/audit.py LOCK...`: what the lock files would install.

Looked at, for every package: a pinned version, a hash for every file, no address or path of its own, not one of the releases known to be malicious
(.ci/malicious.txt). A lock without a package in it fails: an audit of nothing is no audit.

Known holes are looked up with pip-audit where it is installed and its database answers. pip-audit says "no known vulnerabilities" and exits 0 also when
the database knew none of the packages (an index without advisories, a proxy); so what it skipped is counted here, and told as not checked. That fails with
AUDIT_ADVISORIES=required, as for a release; otherwise it is told in capitals.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


def entries(text: str) -> list[str]:
    """The requirements of a lock, one string each, comments left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [" ".join(part.split()) for part in "\n".join(lines).replace("\\\n", " ").splitlines()]


def listed(name: str) -> dict[str, str]:
    """A file of `key  # source or reason` lines."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("#") for line in lines if line.strip() and not line.startswith("#"))
    return {key.strip().lower(): reason.strip() for key, _, reason in pairs}


def faults(lock: Path, malicious: dict[str, str]) -> tuple[set[tuple[str, str]], list[str]]:
    """The packages of a lock and what is wrong with them."""
    pins: set[tuple[str, str]] = set()
    wrong: list[str] = []
    for entry in entries(lock.read_text(encoding="utf-8")):
        pin = PIN.match(entry)
        if pin is None:
            wrong.append(f"{lock}: '{entry[:80]}' is no pinned package (an option, an address, a path or a range)")
            continue
        name, version = re.sub(r"[-_.]+", "-", pin["name"]).lower(), pin["version"]
        pins.add((name, version))
        if not HASH.search(entry):
            wrong.append(f"{lock}: {name}=={version} has no sha256 hash")
        if "://" in entry or " @ " in entry:
            wrong.append(f"{lock}: {name}=={version} comes from an address of its own")
        if f"{name}=={version}" in malicious:
            wrong.append(f"{lock}: {name}=={version} is a malicious release ({malicious[f'{name}=={version}']})")
    if not pins:
        wrong.append(f"{lock}: no package in it: nothing was audited")
    return pins, wrong


def advisories(pins: set[tuple[str, str]], accepted: dict[str, str]) -> tuple[int, list[str], str]:
    """How many packages an advisory database knew, the holes that are not accepted, and why it knew no more ('' when it knew all)."""
    if find_spec("pip_audit") is None:
        return 0, [], "pip-audit is not installed"
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder, "pins.txt")
        asked.write_text("".join(f"{name}=={version}\n" for name, version in sorted(pins)), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "-r",
            str(asked),
            "--no-deps",
            "--disable-pip",
            "--progress-spinner",
            "off",
            "-f",
            "json",
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=900)
            found = json.loads(done.stdout)["dependencies"]
        except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
            return 0, [], f"pip-audit gave no answer ({type(error).__name__})"
    known = [one for one in found if "vulns" in one]
    holes = [
        f"{one['name']}=={one['version']}: {hole['id']} ({', '.join(hole.get('aliases', ()))}), mended in {', '.join(hole.get('fix_versions', ())) or 'no release'}"
        for one in known
        for hole in one["vulns"]
        if not {name.lower() for name in (hole["id"], *hole.get("aliases", ()))} & accepted.keys()
    ]
    lacking = len(pins) - len(known)
    return len(known), holes, f"the database did not know {lacking} of {len(pins)} packages" if lacking > 0 else ""


def main(locks: list[str]) -> int:
    malicious, accepted = listed("malicious.txt"), listed("accepted.txt")
    pins: set[tuple[str, str]] = set()
    wrong: list[str] = [] if locks else ["no lock file was named: nothing was audited"]
    for lock in locks:
        here, faulty = faults(Path(lock), malicious)
        pins |= here
        wrong += faulty
        print(
            f"{lock}: {len(here)} packages, {len(faulty)} faults (pinned, hashed, no address, none of {len(malicious)} malicious releases)"
        )
    known, holes, lacking = advisories(pins, accepted) if pins else (0, [], "there was nothing to ask about")
    print(
        f"advisories: {known} of {len(pins)} packages looked up, {len(holes)} known holes"
        if known
        else f"advisories: NOT CHECKED: {lacking}"
    )
    wrong += holes
    if lacking and os.environ.get("AUDIT_ADVISORIES") == "required":
        wrong.append(f"advisories are required, and {lacking}")
    for line in wrong:
        print(f"  {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
