"""The body of a call with JSON arguments, from what was written to what is handed out.

In: pieces of the body. Out: pieces of the arguments, as ``CheckedJson`` lets them go. A body that
begins as a JSON object is read as it arrives; any other is collected and unwrapped at its end.

The one rule: ``sent`` only grows. A body that went wrong can be written once more (``resume``),
whole or from where it stopped; nothing is sent twice or taken back.
"""

import re
from typing import Literal, TypeAlias

from chat2api_core.toolcalls.checked import MAX_LENGTH, CheckedJson
from chat2api_core.toolcalls.loose import loosen
from chat2api_core.toolcalls.quotes import UNSEEN
from chat2api_core.toolcalls.resumption import Handed, Resumption
from chat2api_core.toolcalls.schema import Schema

_FENCE = r"(?:`{3,}[^\n`{]{0,24}(?:\n|(?=\{)))?\s*"
_LEAD = re.compile(rf"[\s{UNSEEN}]*{_FENCE}(?:<!\[CDATA\[)?\s*{_FENCE}", re.IGNORECASE)
_CDATA = "<![CDATA["
_MAX_FENCE = 32
_State: TypeAlias = Literal["start", "live", "loose"]


class Arguments:
    """``feed`` pieces of a body, then ``close``. ``done`` when the arguments were valid and went
    out whole, ``rest`` is then what stood behind them; ``trouble`` says what is wrong."""

    def __init__(self, schema: Schema) -> None:
        self.trouble = ""
        self.done = False
        self.rest = ""
        self._schema = schema
        self._state: _State = "start"
        self._json = CheckedJson(schema)
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
        if self.trouble:
            return ""
        self._length += len(text)
        if self._length > MAX_LENGTH:
            self.trouble = f"longer than {MAX_LENGTH} characters"
            return ""
        if self._second is None:
            return self._read(text)
        body = self._second.feed(text)
        return "" if body is None else self._begin_again(body)

    def close(self) -> str:
        """The body has ended."""
        if self.trouble or self.done:
            return ""
        out = self._begin_again(self._second.close()) if self._second is not None else ""
        if self._state == "live":
            return out + self._emit(self._json.close())
        text, self._pending = loosen(self._pending), ""
        return out + self._emit(self._json.feed(text) + self._json.close())

    def resume(self, cut: bool) -> None:
        """Another writing of the same body follows: all of it or what is missing. What is missing
        begins where the last writing was ``cut`` off or, if it went wrong, behind what was sent."""
        self._second = Resumption(self.raw if cut else self.sent)
        self._handed.again()
        self._json = CheckedJson(self._schema)
        self._raw = []
        self._pending = ""
        self._state = "start"
        self._length = 0
        self.trouble = ""

    def _begin_again(self, body: str) -> str:
        self._second = None
        return self._read(body)

    def _read(self, text: str) -> str:
        self._raw.append(text)
        if self._state == "live":
            return self._emit(self._json.feed(text))
        self._pending += text
        return self._start() if self._state == "start" else ""

    def _start(self) -> str:
        """See what the body begins as."""
        lead = _LEAD.match(self._pending)
        body = self._pending[lead.end() if lead else 0 :]
        if not body or _CDATA.startswith(body.upper()) or _may_be_fence(body):
            return ""
        second = body[1:].lstrip()[:1]
        if body[0] != "{" or (second and second in "\\{"):
            self._state = "loose"
        elif second:
            self._state = "live"
            self._pending = ""
            return self._emit(self._json.feed(body))
        return ""

    def _emit(self, text: str) -> str:
        given = self._handed.give(text)
        self.trouble = self._json.trouble
        if self._handed.differs or (self._json.done and self._handed.short):
            self.trouble = self.trouble or "the arguments do not begin as they did before"
        self.done = self._json.done and not self.trouble
        self.rest = self._json.rest if self.done and self._state == "live" else ""
        return given


def _may_be_fence(text: str) -> bool:
    return text[0] == "`" and len(text) < _MAX_FENCE and "\n" not in text and "{" not in text
