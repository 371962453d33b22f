"""A call that is being written: its body, and the deltas that hand it out.

In: pieces of the body. Out: ``CallStarted`` with the first piece of arguments that is certain, then
``CallDelta``s, then ``CallEnded``. The one rule: nothing of a call goes out before its tool is
known and a first piece of its arguments is right.
"""

import html
from typing import Protocol

from chat2api_core.ambient import Ids
from chat2api_core.toolcalls.toolbox import Named
from chat2api_core.turn import CallDelta, CallEnded, CallStarted, Delta, ToolCall

_ID_DIGITS = 24


class Body(Protocol):
    """The inside of a call. ``feed`` and ``close`` give what may be handed out."""

    trouble: str
    done: bool
    rest: str

    @property
    def sent(self) -> str: ...

    @property
    def raw(self) -> str: ...

    def feed(self, text: str) -> str: ...

    def close(self) -> str: ...

    def resume(self, cut: bool) -> None: ...


class Nameless:
    """The body of a call whose tool is not known before all of it is there."""

    def __init__(self) -> None:
        self.trouble = ""
        self.done = False
        self.rest = ""
        self._raw: list[str] = []

    @property
    def sent(self) -> str:
        """Nothing is handed out from here."""
        return ""

    @property
    def raw(self) -> str:
        """The body as it was written."""
        return "".join(self._raw)

    def feed(self, text: str) -> str:
        """Keep it."""
        self._raw.append(text)
        return ""

    def close(self) -> str:
        """Nothing: the parser looks into ``raw``."""
        return ""

    def resume(self, cut: bool) -> None:
        """The rest follows, behind what there is."""


class OpenCall:
    """One call. ``named`` is None while its tool is unknown. If it was ``escaped``, as HTML, its
    body is read at its end."""

    def __init__(
        self, index: int, ids: Ids, named: Named | None, body: Body, escaped: bool = False
    ) -> None:
        self.index = index
        self.named = named
        self.body = body
        self.started = False
        self.id = ""
        self._ids = ids
        self._escaped: list[str] | None = [] if escaped else None

    def feed(self, text: str) -> list[Delta]:
        """More of the body."""
        if self._escaped is None:
            return self._hand(self.body.feed(text))
        self._escaped.append(text)
        return []

    def close(self) -> list[Delta]:
        """The body has ended. See ``body.done`` and ``body.trouble`` for how."""
        deltas: list[Delta] = []
        if self._escaped:
            text, self._escaped = html.unescape("".join(self._escaped)), []
            deltas += self._hand(self.body.feed(text))
        return deltas + self._hand(self.body.close())

    def end(self) -> list[Delta]:
        """All was right: the call is whole."""
        deltas = [] if self.started else self._start()
        return [*deltas, CallEnded(self.index)]

    @property
    def made(self) -> ToolCall:
        """The call as it was handed out."""
        assert self.named is not None
        tool = self.named.tool
        return ToolCall(self.id, tool.name, self.body.sent, tool.kind, tool.namespace)

    def _hand(self, text: str) -> list[Delta]:
        if not text:
            return []
        deltas = [] if self.started else self._start()
        return [*deltas, CallDelta(self.index, text)]

    def _start(self) -> list[Delta]:
        assert self.named is not None
        tool = self.named.tool
        self.started = True
        self.id = f"call_{self._ids.hex(_ID_DIGITS)}"
        return [CallStarted(self.index, self.id, tool.name, tool.kind, tool.namespace)]
