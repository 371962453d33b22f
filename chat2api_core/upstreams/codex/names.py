"""Names of tools as the Codex backend takes them: at most 64 letters, digits, ``_`` and ``-``.

In: the names that a client uses. Out: names fit for the wire, and the way back. The rules: two
tools of one namespace never share a name on the wire, a fit name is never changed, and what comes
back is exactly what the client said.
"""

import re
from collections.abc import Iterable

LONGEST = 64
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")
_MCP = "mcp__"


class Names:
    """Both directions, for the names of one turn. Each is a pair of namespace and name."""

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        wanted = list(dict.fromkeys(names))
        self._wire = {pair: pair[1] for pair in wanted if _fits(pair[1])}
        taken = set(self._wire)
        for space, name in wanted:
            if not _fits(name):
                fit = _free(_shortened(name), space, taken)
                taken.add((space, fit))
                self._wire[space, name] = fit
        self._back = {(space, fit): name for (space, name), fit in self._wire.items()}

    def wire(self, name: str, namespace: str = "") -> str:
        """The name on the wire, of one of the names given."""
        return self._wire[namespace, name]

    def restore(self, wire: str, namespace: str = "") -> str:
        """What the client calls it; a name that was never sent stays as it is."""
        return self._back.get((namespace, wire), wire)


def _fits(name: str) -> bool:
    return 0 < len(name) <= LONGEST and _UNFIT.search(name) is None


def _shortened(name: str) -> str:
    """A fit name that still says what it is: of ``mcp__server__tool`` the tool counts most."""
    fit = _UNFIT.sub("_", name) or "tool"
    if len(fit) > LONGEST and fit.startswith(_MCP):
        fit = _MCP + fit.rpartition("__")[2]
    return fit[:LONGEST]


def _free(fit: str, space: str, taken: set[tuple[str, str]]) -> str:
    number, candidate = 0, fit
    while (space, candidate) in taken:
        number += 1
        ending = f"_{number}"
        candidate = fit[: LONGEST - len(ending)] + ending
    return candidate
