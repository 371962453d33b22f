"""Writes ``deploy/lambda.lock``: ``python -m deploy.lock``, after a change of requirements.txt.

In: requirements.txt and the package index. Out: every wheel that a function is made of, pinned with
the hashes of both architectures. The one rule: nothing but a wheel gets in.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from deploy.package import GLIBC, LOCK, MACHINES, PYTHON, ROOT

_HEAD = "# Made by python -m deploy.lock from requirements.txt; do not edit.\n"


def wheels(machine: str, folder: Path) -> None:
    """Download what requirements.txt needs on this machine."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    platforms = [f"--platform={glibc}_{machine}" for glibc in GLIBC]
    options = ["--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}"]
    where = [f"--dest={folder}", f"-r{ROOT / 'requirements.txt'}"]
    subprocess.run([*command, *options, *platforms, *where], check=True)  # noqa: S603 (fixed words)


def main() -> None:
    """Write the lock."""
    hashes: defaultdict[str, set[str]] = defaultdict(set)
    for machine in MACHINES.values():
        with tempfile.TemporaryDirectory() as folder:
            wheels(machine, Path(folder))
            for wheel in Path(folder).iterdir():
                name, version = wheel.name.split("-")[:2]
                pin = f"{re.sub('[-_.]+', '-', name).lower()}=={version}"
                hashes[pin].add(hashlib.sha256(wheel.read_bytes()).hexdigest())
    lines = [
        " \\\n    ".join([pin, *(f"--hash=sha256:{one}" for one in sorted(found))]) + "\n"
        for pin, found in sorted(hashes.items())
    ]
    LOCK.write_text(_HEAD + "".join(lines))


if __name__ == "__main__":
    main()
