"""A tolerant reader of JSON as models write it, piece by piece.

In: pieces of text, cut anywhere. Out: events from which strict JSON can be written at once. What
models get wrong is put right on the way: single, smart, triple and missing quotes, quotes and
newlines inside strings, lone backslashes, Python and JavaScript literals, comments, trailing and
missing commas, closers that are missing or of the wrong kind.

The one rule: text that is JSON is read as RFC 8259 says, however it is cut; a repair is only made
where strict JSON would be an error. What cannot be put right ends in ``error``, never in a guess
about a missing key or value.
"""

import re
from collections.abc import Callable

from chat2api_core.toolcalls.canonical import canonical_scalar
from chat2api_core.toolcalls.escapes import unescape
from chat2api_core.toolcalls.events import QUOTED, STRING, Event
from chat2api_core.toolcalls.gaps import SEPARATORS, colon_end, skip
from chat2api_core.toolcalls.quotes import (
    CLOSERS,
    RUNS,
    WINDOW,
    ends_string,
    ends_triple,
    opening,
    surely_inside,
)

MAX_DEPTH = 64
# Characters of a number, a literal or a word without quotes.
_MAX_WORD = 4096

_BARE_KEY = re.compile(r"[^\s:=\uff1a,{}\[\]\"'`\u201c\u201d\u201e\u2018\u2019\\]+")
_WORD = re.compile(r"[^\s,:;}\]\[{\"'<]+")
_LINE = re.compile(r"[^,}\]\n\r]*")
# What may follow a literal or a number only if it is the first word of a text without quotes.
_WORDS_GO_ON = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:")


class Reader:
    """Reads one JSON value. ``done`` when it is whole; ``rest`` is then what stands behind it.

    ``error`` is empty or says, in words for the model, why the text cannot be read as JSON."""

    def __init__(self) -> None:
        self.error = ""
        self.done = False
        self._buffer = ""
        self._at = 0
        self._read = 0
        self._final = False
        self._stack: list[str] = []
        self._events: list[Event] = []
        self._step: Callable[[], bool] = self._value
        self._quotes = '"'
        self._key: list[str] | None = None

    @property
    def rest(self) -> str:
        """What was fed behind the end of the value."""
        return self._buffer[self._at :]

    def feed(self, text: str) -> list[Event]:
        """Read on. Raises nothing: see ``error``."""
        self._read += self._at
        self._buffer = self._buffer[self._at :] + text
        self._at = 0
        return self._run()

    def close(self) -> list[Event]:
        """No more text comes: what is open is closed."""
        self._final = True
        events = self._run()
        if self.done or self.error:
            return events
        self._events = events
        self._finish()
        return self._events

    def _run(self) -> list[Event]:
        self._events = []
        while not (self.done or self.error) and self._step():
            pass
        events, self._events = self._events, []
        return events

    def _finish(self) -> None:
        if self._step == self._string and self._key is None:
            self._events.append(QUOTED)
            self._after_value()
        elif self._step in (self._value, self._colon, self._string):
            self._fail("it ends where a value is missing" if self._stack else "there is no JSON")
        while self._stack and not self.error:
            self._pop()

    def _fail(self, why: str) -> bool:
        self.error = f"not valid JSON at character {self._read + self._at}: {why}"
        return False

    # ------------------------------------------------------------------ between the tokens

    def _skip(self) -> str:
        """The next character that counts, or nothing while it has not come."""
        char, self._at = skip(self._buffer, self._at, self._final)
        return char

    def _value(self) -> bool:
        char = self._skip()
        if not char:
            return False
        if char in "{[":
            return self._push(char)
        if char in CLOSERS:
            return self._open_string(None)
        if char in ",}]" and self._stack:
            return self._fail("a value is missing after the colon")
        return self._bare()

    def _push(self, char: str) -> bool:
        if len(self._stack) >= MAX_DEPTH:
            return self._fail(f"nested deeper than {MAX_DEPTH} levels")
        self._at += 1
        self._stack.append(char)
        self._events.append(Event("open", char))
        self._step = self._member if char == "{" else self._item
        return True

    def _item(self) -> bool:
        char = self._skip()
        if char and char in SEPARATORS:
            self._at += 1
            return True
        if char and char in "]}":
            return self._close_bracket(char)
        return bool(char) and self._value()

    def _member(self) -> bool:
        char = self._skip()
        if not char:
            return False
        if char in SEPARATORS:
            self._at += 1
            return True
        if char in "]}":
            return self._close_bracket(char)
        if char in CLOSERS:
            return self._open_string([])
        return self._bare_key()

    def _bare_key(self) -> bool:
        match = _BARE_KEY.match(self._buffer, self._at)
        if match is None or match.end() - match.start() > _MAX_WORD:
            return self._fail(f"a key is expected, not {self._buffer[self._at]!r}")
        if match.end() == len(self._buffer) and not self._final:
            return False
        self._at = match.end()
        self._events.append(Event("key", match[0]))
        self._step = self._colon
        return True

    def _colon(self) -> bool:
        char = self._skip()
        if not char:
            return False
        end = colon_end(self._buffer, self._at, self._final)
        if end is None:
            return False
        if end == self._at:
            return self._fail("a colon is missing after the key")
        self._at = end
        self._step = self._value
        return True

    def _separator(self) -> bool:
        char = self._skip()
        if not char:
            return False
        if char in "]}":
            return self._close_bracket(char)
        self._step = self._member if self._stack[-1] == "{" else self._item
        return True

    def _close_bracket(self, char: str) -> bool:
        self._at += 1
        wanted = "{" if char == "}" else "["
        if wanted in self._stack:
            while self._pop() != wanted:
                pass
        return True

    def _pop(self) -> str:
        bracket = self._stack.pop()
        self._events.append(Event("close", "}" if bracket == "{" else "]"))
        self._after_value()
        return bracket

    def _after_value(self) -> None:
        self._step = self._separator
        self.done = not self._stack

    # ------------------------------------------------------------- numbers, literals, bare words

    def _bare(self) -> bool:
        match = _WORD.match(self._buffer, self._at)
        if match and match.end() == len(self._buffer) and not self._final:
            return self._word_or_wait(match[0])
        scalar = canonical_scalar(match[0]) if match else ""
        ahead = self._buffer[match.end() :].lstrip(" \t")[:1] if match else ""
        if scalar and not ahead and not self._final:
            return False
        if match and scalar and ahead not in _WORDS_GO_ON:
            self._at = match.end()
            self._events.append(Event("scalar", scalar))
            self._after_value()
            return True
        return self._bare_string()

    def _word_or_wait(self, word: str) -> bool:
        return len(word) > _MAX_WORD and self._fail("a value is not in quotes")

    def _bare_string(self) -> bool:
        line = _LINE.match(self._buffer, self._at)
        text = line[0].strip() if line else ""
        if line and line.end() == len(self._buffer) and not self._final:
            return self._word_or_wait(text)
        if not line or not text or not self._stack:
            return self._fail("a value is expected")
        self._at = line.end()
        self._events += (STRING, Event("chars", text), QUOTED)
        self._after_value()
        return True

    # ----------------------------------------------------------------------------------- strings

    def _open_string(self, key: list[str] | None) -> bool:
        quotes = opening(self._buffer, self._at, self._final)
        if quotes is None:
            return False
        self._quotes = quotes
        self._at += len(quotes)
        self._key = key
        if key is None:
            self._events.append(STRING)
        self._step = self._string
        return True

    def _string(self) -> bool:
        run = RUNS[self._quotes[0]].match(self._buffer, self._at)
        if run:
            return self._plain_run(run[0])
        if self._at == len(self._buffer):
            return False
        if self._buffer[self._at] == "\\":
            return self._escape()
        return self._quote_char()

    def _plain_run(self, text: str) -> bool:
        """Hand out what is surely inside the string; the rest waits for what follows."""
        whole = len(text)
        if self._at + whole == len(self._buffer):
            text = surely_inside(text)
        self._chars(text)
        self._at += len(text)
        if len(text) == whole:
            return True
        if self._final:
            self._at = len(self._buffer)
        return False

    def _chars(self, text: str) -> None:
        if self._key is not None:
            self._key.append(text)
        elif text:
            self._events.append(Event("chars", text))

    def _quote_char(self) -> bool:
        ahead = self._buffer[self._at : self._at + 1 + WINDOW]
        if len(self._quotes) > 1:
            closes = ends_triple(ahead[: len(self._quotes)], self._quotes, self._final)
        else:
            closes = ends_string(ahead[1:], self._stack, self._key is not None, self._final)
        if closes is None:
            return False
        if not closes:
            self._chars(self._buffer[self._at])
            self._at += 1
            return True
        self._at += len(self._quotes)
        self._end_string()
        return True

    def _end_string(self) -> None:
        if self._key is not None:
            self._events.append(Event("key", "".join(self._key)))
            self._step = self._colon
            return
        self._events.append(QUOTED)
        self._after_value()

    def _escape(self) -> bool:
        meant = unescape(self._buffer, self._at, self._final)
        if meant is None:
            return False
        self._chars(meant[0])
        self._at += meant[1]
        return True
