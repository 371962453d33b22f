"""Processes under measurement: started, watched from outside, and ended.

In: a command. Out: the port it listens on, the CPU seconds it has used, its resident memory. The
rule: whoever starts a process ends it, and nothing waits for one without a bound.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[2]
_READY = 30.0  # seconds until a server must have said where it listens
_END = 25.0  # seconds that one gets to end by itself
_KIB = 1024
# Passed on as they are; everything else of the environment might be a setting of the server.
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")


class Server(Struct, frozen=True):
    """A server on this machine that is ready to answer."""

    pid: int
    port: int


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """What a measured process sees of the environment: nothing that this machine's user set."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "ENV": "bench", **settings}


@contextlib.contextmanager
def serving(command: Sequence[str], settings: Mapping[str, str], *, ready: str) -> Iterator[Server]:
    """Run ``python <command>`` until left. ``ready`` is a pattern for the line of its output that
    tells the port. Raises ``RuntimeError`` if no such line comes."""
    process = subprocess.Popen(  # (the command is ours)
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield Server(process.pid, _port(process, ready))
    finally:
        _end(process)


def _port(process: "subprocess.Popen[str]", ready: str) -> int:
    assert process.stdout is not None
    limit = threading.Timer(_READY, process.kill)
    limit.start()
    try:
        for line in process.stdout:
            found = re.search(ready, line)
            if found is not None:
                return int(found[1])
    finally:
        limit.cancel()
    raise RuntimeError(f"{process.args!r} ended, or was not ready within {_READY:.0f} seconds")


def _end(process: "subprocess.Popen[str]") -> None:
    """An interrupt, as from a keyboard: what profiles itself gets to write its results."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def cpu_seconds(pid: int) -> float:
    """The CPU time, user and system, of all threads of a process that there ever were."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        # The name in parentheses may hold blanks; utime and stime are the 12th and 13th behind it.
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return clock_seconds(_ps(pid, "time"))


def resident_bytes(pid: int) -> int:
    """The memory of a process that is in RAM."""
    statm = Path(f"/proc/{pid}/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return int(_ps(pid, "rss")) * _KIB


def clock_seconds(text: str) -> float:
    """Seconds of ``[[days-]hours:]minutes:seconds``, as ``ps`` writes CPU times."""
    days, _, clock = text.strip().rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds + float(days or 0) * 86_400


def _ps(pid: int, column: str) -> str:
    command = ["ps", "-o", f"{column}=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
