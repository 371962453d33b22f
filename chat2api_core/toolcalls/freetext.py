"""The body of a call of a custom tool: free text, handed out as it arrives.

In: pieces of the body, as they stand between the tags. Out: pieces of the text. The line breaks
beside the tags do not belong to it; a CDATA section or a code fence around all of it, or a JSON
object with the text as its one member, is taken off.

The one rule: free text is never wrong, so there is nothing to repair but a cut; what may still turn
out to be wrapping is held until that is known.
"""

import json
import re
from typing import Literal, TypeAlias

from chat2api_core.toolcalls.checked import MAX_LENGTH
from chat2api_core.toolcalls.fit import ENVELOPES
from chat2api_core.toolcalls.grammar import Grammar
from chat2api_core.toolcalls.resumption import Handed, Resumption

_CDATA = "<![CDATA["
_TICKS = "```"
_FENCED = re.compile(r"\s*`{3,}[^\n`]*\n(.*?)\n?[ \t]*`{3,}\s*", re.DOTALL)
_MEMBERS = (*ENVELOPES, "text", "content", "code", "patch", "value")
_LAST_BREAK = re.compile(r"\r?\n?\Z")
_LAST_CDATA = re.compile(r"(?:\]\]?>?)?\s*\Z")
_State: TypeAlias = Literal["start", "plain", "cdata", "whole"]


class FreeText:
    """``feed`` pieces of a body, then ``close``: the same shape as ``Arguments``."""

    def __init__(self, grammar: Grammar) -> None:
        self.trouble = ""
        self.done = False
        self.rest = ""
        self._grammar = grammar
        self._state: _State = "start"
        self._pending = ""
        self._raw: list[str] = []
        self._handed = Handed()
        self._second: Resumption | None = None
        self._length = 0

    @property
    def sent(self) -> str:
        """All that was handed out."""
        return self._handed.text

    @property
    def raw(self) -> str:
        """The body as it was written."""
        return "".join(self._raw)

    def feed(self, text: str) -> str:
        """Read on; what may go out now."""
        self._length += len(text)
        if self._length > MAX_LENGTH:
            self.trouble = f"longer than {MAX_LENGTH} characters"
        if self.trouble:
            return ""
        if self._second is not None:
            body = self._second.feed(text)
            if body is None:
                return ""
            self._second, text = None, body
        return self._read(text)

    def close(self) -> str:
        """The body has ended."""
        if self.trouble:
            return ""
        out = "" if self._second is None else self._read(self._second.close())
        if self._state == "start":
            self._start(final=True)
        if self._state == "cdata":
            self._pending = self._pending.rstrip().removesuffix("]]>")
        elif self._state == "plain":
            self._pending = re.sub(r"\r?\n\Z", "", self._pending)
        else:
            self._pending = _unwrapped(self._pending)
        out += self._emit(len(self._pending))
        self.done = not self.trouble
        return out

    def resume(self, cut: bool) -> None:
        """Another writing of the same body follows: all of it or what is missing."""
        self._second = Resumption(self.raw if cut else self.sent)
        self._handed.again()
        self._raw = []
        self._pending = ""
        self._state = "start"
        self._length = 0
        self.trouble = ""

    def _read(self, text: str) -> str:
        self._raw.append(text)
        self._pending += text
        if self._state == "start":
            self._start(final=False)
        if self._state in ("start", "whole"):
            return ""
        last = _LAST_CDATA if self._state == "cdata" else _LAST_BREAK
        match = last.search(self._pending)
        end = match.start() if match else len(self._pending)
        return self._emit(min(end, self._grammar.restorable(self._pending[:end])))

    def _start(self, final: bool) -> None:
        """See what the body begins as."""
        body = self._pending.lstrip()
        if body.upper().startswith(_CDATA):
            self._pending = body[len(_CDATA) :]
            self._state = "cdata"
        elif body.startswith(("{", _TICKS)):
            self._state = "whole"
        elif final or not (_CDATA.startswith(body.upper()) or _TICKS.startswith(body)):
            self._state = "plain"
        if self._state in ("plain", "whole"):
            self._pending = re.sub(r"\A\r?\n", "", self._pending)

    def _emit(self, end: int) -> str:
        text, self._pending = self._grammar.restore(self._pending[:end]), self._pending[end:]
        given = self._handed.give(text)
        if self._handed.differs:
            self.trouble = "the text does not begin as it did before"
        return given


def _unwrapped(text: str) -> str:
    """The text inside a fence around all of it, or inside a JSON object of one member."""
    fenced = _FENCED.fullmatch(text)
    if fenced:
        return fenced[1]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and len(value) == 1:
        key, inner = next(iter(value.items()))
        if key in _MEMBERS and isinstance(inner, str):
            return inner
    return re.sub(r"\r?\n\Z", "", text)
