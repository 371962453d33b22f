"""The report: rows of figures with their goals, as a table to read and to paste.

In: ``Row``s. Out: text. The rule: a figure is shown as measured, also when it misses its goal.
"""

import os
import platform
import sysconfig
import time
from collections.abc import Sequence

from msgspec import Struct

_NAME, _FIGURE = 52, 9
_HUNDRED, _TEN = 100, 10


class Goal(Struct, frozen=True):
    """What a figure must not exceed (``most``) or fall short of (``least``)."""

    most: float = float("inf")
    least: float = float("-inf")

    def met(self, figure: float) -> bool:
        return self.least <= figure <= self.most

    def __str__(self) -> str:
        return f"<= {self.most:g}" if self.most != float("inf") else f">= {self.least:g}"


class Row(Struct, frozen=True):
    """A line: figures by column, None where there is none. The goal is one of every figure, or of
    the columns of ``binds`` only."""

    name: str
    figures: Sequence[float | None]
    goal: Goal | None = None
    binds: Sequence[int] | None = None


class Table(Struct, frozen=True):
    """Rows with the same columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Row]

    def text(self) -> str:
        head = self.title.ljust(_NAME) + "".join(column.rjust(_FIGURE) for column in self.columns)
        return "\n".join([head, *(_line(row) for row in self.rows)])


def _line(row: Row) -> str:
    shown = "".join(_shown(figure).rjust(_FIGURE) for figure in row.figures)
    line = f"  {row.name}".ljust(_NAME) + shown
    if row.goal is None:
        return line
    bound = range(len(row.figures)) if row.binds is None else row.binds
    figures = [figure for place in bound if (figure := row.figures[place]) is not None]
    verdict = "met" if all(map(row.goal.met, figures)) else "MISSED"
    return line + f"   {row.goal} {verdict}".rstrip()


def _shown(figure: float | None) -> str:
    if figure is None:
        return "-"
    size = abs(figure)
    digits = 0 if size >= _HUNDRED else 1 if size >= _TEN else 2
    return f"{figure:,.{digits}f}"


def machine() -> str:
    """What was measured on, and how fast it is just now: figures of a busy machine drift."""
    configured = str(sysconfig.get_config_var("CONFIG_ARGS"))
    plain = "" if "--enable-optimizations" in configured else " (built without optimizations)"
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()} {platform.machine()}, "
        f"{platform.python_implementation()} {platform.python_version()}{plain}, "
        f"{yardstick():.0f} ms for a million turns of a loop"
    )


def yardstick() -> float:
    """CPU milliseconds of a fixed piece of Python, the best of five."""
    return min(_loop() for _ in range(5)) * 1e3


def _loop() -> float:
    began = time.process_time()
    total = 0
    for number in range(1_000_000):
        total += number & 7
    return time.process_time() - began
