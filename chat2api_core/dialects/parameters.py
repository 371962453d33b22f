"""Every parameter of a route and what becomes of it: one row each, for the parsers and the docs.

In: the rows of a route, which its dialect holds. Out: refusals, and the table as Markdown. The
rule: a parameter is used, or leaving it out changes nothing that the caller can rely on (echoed,
ignored), or it is refused by name. What is in no table is ignored, because real clients send what
no public document knows.
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from chat2api_core.dialects.base import unsupported
from chat2api_core.problem import Problem

Fate: TypeAlias = Literal["used", "echoed", "ignored", "refused"]


class Parameter(Struct, frozen=True):
    """One row. ``why`` is one line for the reader of the docs and of the error. ``neutral`` holds
    the values of a refused parameter that ask for nothing; null and leaving it out always do."""

    name: str
    fate: Fate
    why: str
    neutral: tuple[object, ...] = ()

    def asks_for_nothing(self, value: object) -> bool:
        """Whether a refused parameter may have this value. In JSON, unlike in Python, true is not
        1 and false is not 0."""
        return value is None or any(
            value == same and isinstance(value, bool) == isinstance(same, bool)
            for same in self.neutral
        )

    def refusal(self) -> Problem:
        """What to say of a value that asks for something: an UNSUPPORTED_PARAMETER."""
        taken = f" or send {' or '.join(map(_json, self.neutral))}" if self.neutral else ""
        return unsupported(f"{self.why} (leave it out{taken})", self.name)


def refused(rows: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """The rows of what is refused."""
    return tuple(row for row in rows if row.fate == "refused")


def table(rows: Iterable[Parameter]) -> str:
    """The rows as the docs show them, ending in a newline."""
    lines = ["| parameter | | why, how |", "|---|---|---|"]
    for row in rows:
        values = ", ".join(f"`{_json(value)}`" for value in row.neutral)
        taken = f" (taken: {values})" if values else ""
        lines.append(f"| `{row.name}` | {row.fate} | {row.why}{taken} |")
    return "\n".join(lines) + "\n"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
