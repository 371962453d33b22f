"""Cold imports: what a fresh process pays before it can answer. Source files have bytecode.

In: modules. Out: the CPU seconds of importing them in a fresh interpreter, as it tells them itself.
"""

import statistics
import subprocess
import sys
from collections.abc import Sequence

from tests.bench.process import ROOT, environment

_TIMES = 7
# httpx imports what it needs for its command line if it finds it. It comes with tools for
# development and is not there where cold starts count.
_SNIPPET = """
import sys, time
sys.modules.update(click=None, pygments=None, rich=None)
began = time.process_time()
import {modules}
print(time.process_time() - began)
"""
API = ROOT / "api"
BARE = ("tests.bench.bare",)
# The table of routes, the handler, and the gateway that it wakes with the first request.
CHAT = ("api.index", "api.v1.chat.completions", "chat2api_core.wiring")


def handlers() -> list[str]:
    """The modules of ``api/``, by their dotted names."""
    files = sorted(API.rglob("*.py"))
    return [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]


def import_seconds(groups: Sequence[Sequence[str]]) -> list[float]:
    """CPU seconds of importing each group of modules in a fresh interpreter of its own; medians.
    They take turns, so that a busy moment of the machine meets all of them."""
    for modules in groups:
        _import_once(modules)  # leaves the bytecode
    rounds = [[_import_once(modules) for modules in groups] for _ in range(_TIMES)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def _import_once(modules: Sequence[str]) -> float:
    command = [sys.executable, "-c", _SNIPPET.format(modules=", ".join(modules))]
    done = subprocess.run(
        command, cwd=ROOT, env=environment({}), capture_output=True, check=True, timeout=60
    )
    return float(done.stdout)
