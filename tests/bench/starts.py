"""The table of cold starts: each route beside the yardstick, with bytecode and without.

In: nothing but this machine. Out: a ``Table`` of medians, a goal in each row of ours. The rule: a
route is compared with a yardstick that was measured in turns with it, against the same upstream.
"""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from chat2api_core.emulator import Emulator
from chat2api_core.server import serving
from tests.bench import cold
from tests.bench.door import Site, behind_tls
from tests.bench.report import Goal, Row, Table

_GOAL = Goal(most=1.2)
_PACE = 0.02  # seconds for each token, or the first byte would wait for the last
_MS = 1e3
# What asks ChatGPT is measured with TLS as well.
_ASKING = ("POST /v1/chat/completions", "POST /v1/responses")


class _Cold(Struct, frozen=True):
    """One route's milliseconds, and how many times the yardstick's they are."""

    name: str
    figures: tuple[float, float]
    goal: Goal | None


def cold_starts() -> Table:
    """CPU from the start of a process to the first byte of its first answer, for each route, beside
    the yardstick's; then once more where the upstream speaks TLS, for what asks it."""
    columns: list[list[_Cold]] = []
    with (
        tempfile.TemporaryDirectory() as name,
        serving(Emulator(delay=_PACE), "critical") as plain,
        behind_tls(plain) as secure,
    ):
        folder = Path(name)
        cold.install(folder)
        for compiled in (True, False):
            if compiled:
                cold.compile_all(folder)
            else:
                _without_bytecode(folder)
            asking = {route: cold.ROUTES[route] for route in _ASKING}
            columns.append(
                [
                    *_cold(folder, Site(plain), cold.ROUTES, ""),
                    *_cold(folder, secure, asking, ", upstream with TLS"),
                ]
            )
    rows = [
        Row(warm.name, [*warm.figures, *without.figures], warm.goal, [1, 3])
        for warm, without in zip(*columns, strict=True)
    ]
    title = "process start to first byte, with and without bytecode"
    return Table(title, ("CPU ms", "ratio", "without", "ratio"), rows)


def _cold(
    folder: Path, upstream: Site, routes: Mapping[str, cold.Request], note: str
) -> list[_Cold]:
    """Of the yardstick, then of each route."""
    bare, *ours = cold.medians(folder, upstream, [cold.BARE, *routes.values()])
    return [
        _Cold(f"starlette and httpx alone{note}", (bare * _MS, 1.0), None),
        *(
            _Cold(route + note, (one * _MS, one / bare), _GOAL)
            for route, one in zip(routes, ours, strict=True)
        ),
    ]


def _without_bytecode(folder: Path) -> None:
    for cache in list(folder.rglob("__pycache__")):
        shutil.rmtree(cache)
