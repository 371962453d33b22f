"""How a call and a result look as text: the one place that knows.

    <call_MARKER name="get_weather">             <result_MARKER name="get_weather">
    {"city": "Paris"}                            12 degrees, rain
    </call_MARKER>                               </result_MARKER>

``MARKER`` is drawn for each request, so no page that a model reads can hold a call that was made
before: what has another marker, or none, is text.

In: names, arguments, results, or the text of a model. Out: blocks, or where tags stand and which
end of a text may still become one. The one rule: text put into a block never spells the marker
(``neutralise``), and ``restore`` gives it back as it was; so a block ends where it was closed.
"""

import html
import re

from msgspec import Struct

from chat2api_core.ambient import Ids
from chat2api_core.toolcalls.canonical import encode
from chat2api_core.toolcalls.fit import read_json

MARKER_LENGTH = 8
# Letters only: a model copies them without a slip, and no JSON escape can spell them.
_LETTERS = "bcdfghjklmnpqrst"
# Words that models put where ``call`` belongs. The marker is what counts.
_CALL_WORDS = (
    "call", "calls", "tool", "tool_call", "tool_use", "tool_calls", "function", "function_call",
    "function_calls", "invoke", "",
)  # fmt: skip
_RESULT_WORDS = ("result", "results", "tool_result", "function_result")
_BETWEEN = r"(?:\\?[\s_:.\-]){0,2}"
# A tag that is longer than this ends where it has got to.
MAX_TAG = 8192
_LONGEST_HEAD = 48
_NAME_KEYS = ("name", "function", "tool", "tool_name", "function_name", "fn")
_BODY_KEYS = ("arguments", "args", "parameters", "params", "input")
_OPENERS = re.compile(r"\\|<|&|\uff1c")
_SQUASHED = re.compile(r"[\s/\\_:.\-]+")
_KEY = re.compile(r"[,;:=\s]*([\w.\-]+)\s*=\s*")
_BARE_VALUE = re.compile(r"(?:(?!&gt;)[^\s>\"'/{])+")
_WORD = re.compile(r"[,;:=\s]*([^\s>\"'={]+?)(?=\s|>|/>|\{|&gt;|\uff1e|\Z)")
_END = re.compile(r"[,;\s]*(/?)\s*(?:>|&gt;|\uff1e)")
_CLOSED = re.compile(r"[^<>&\n{\uff1e]{0,40}(?:>|&gt;|\uff1e)")
# What ends an attribute besides the quotes that ``html.escape`` takes care of.
_CONTROLS = re.compile(r"[\n\r\u201d]")
_CLOSING_QUOTES = {'"': '"\u201d', "'": "'\u2019", "\u201c": '\u201d\u201c"', "\u2018": "\u2019'"}
_WRAP = re.compile(r"\s*(?:`|<!\[CDATA\[|\{)")


class Head(Struct, frozen=True):
    """The beginning of a tag up to its marker, between two offsets of the text."""

    start: int
    end: int
    closing: bool = False
    result: bool = False
    escaped: bool = False


class Tag(Struct, frozen=True):
    """A whole opening tag, up to the offset ``end``. ``body`` is None unless the arguments stood
    in an attribute; ``closed`` tells that the tag closed itself."""

    end: int
    name: str = ""
    body: str | None = None
    closed: bool = False


def new_marker(ids: Ids) -> str:
    """A marker for one request: 32 bits, as letters."""
    return "".join(_LETTERS[int(digit, 16)] for digit in ids.hex(MARKER_LENGTH))


class Grammar:
    """The grammar with one marker. Stateless."""

    def __init__(self, marker: str) -> None:
        self.marker = marker
        words = sorted((*_CALL_WORDS, *_RESULT_WORDS), key=len, reverse=True)
        spelled = "|".join(re.sub("_", r"[\\s_\\-]?", word) for word in words if word)
        self._head = re.compile(
            rf"(?:\\?<|(?P<escaped>&lt;)|\uff1c)\s?(?P<closing>/?)\s?"
            rf"(?:(?P<word>{spelled}){_BETWEEN})?{marker}(?!\w)",
            re.IGNORECASE,
        )
        self._candidates = tuple(_SQUASHED.sub("", word) + marker for word in words)
        half = len(marker) // 2
        first, second = re.escape(marker[:half]), re.escape(marker[half:])
        self._spelled = re.compile(f"({first}~*)({second})", re.IGNORECASE)
        self._neutral = re.compile(f"({first}~*)~({second})", re.IGNORECASE)
        self._partial = re.compile(_prefixes(marker[:half], "~*", marker[half:]), re.IGNORECASE)

    # -------------------------------------------------------------------------- rendering

    def call(self, name: str, body: str) -> str:
        """A call whose body stands as given."""
        return f"<call_{self.marker} {_attribute(name)}>\n{body}\n</call_{self.marker}>"

    def json_call(self, name: str, arguments: str) -> str:
        """A call with JSON arguments. They are rewritten only if they spell the marker."""
        if not self._spelled.search(arguments):
            return self.call(name, arguments.strip() or "{}")
        value = read_json(arguments)
        text = arguments if isinstance(value, str) else encode(value)
        # Inside of JSON these stand in strings only, and without them there is no tag.
        text = text.replace("<", "\\u003c").replace("&", "\\u0026").replace("\uff1c", "\\uff1c")
        return self.call(name, text)

    def text_call(self, name: str, text: str) -> str:
        """A call with free text. Text that could be taken for a wrapped body is wrapped."""
        body = self.neutralise(text)
        if _WRAP.match(text) or text.endswith("\r"):
            body = f"<![CDATA[{body}]]>"
        return self.call(name, body)

    def result(self, name: str, text: str, number: int = 0) -> str:
        """What came of a call; ``number`` counts the calls of a message from 1, 0 if it had one."""
        which = f' call="{number}"' if number else ""
        body = self.neutralise(text)
        return f"<result_{self.marker} {_attribute(name)}{which}>\n{body}\n</result_{self.marker}>"

    def neutralise(self, text: str) -> str:
        """The text with every spelling of the marker broken by a ``~`` (and by one more if it is
        broken already)."""
        return self._spelled.sub(r"\1~\2", text)

    def restore(self, text: str) -> str:
        """The inverse of ``neutralise``."""
        return self._neutral.sub(r"\1\2", text)

    def restorable(self, text: str) -> int:
        """Up to where a text may be restored now: from there it may go on to spell the marker."""
        match = self._partial.search(text)
        return match.start() if match else len(text)

    # ---------------------------------------------------------------------------- reading

    def find(self, text: str, final: bool, start: int = 0) -> Head | None:
        """The first tag of this grammar that begins in the text, at ``start`` or behind it."""
        match = self._head.search(text, start)
        if match is None or (match.end() == len(text) and not final):
            return None
        result = "result" in (match["word"] or "").lower()
        return Head(
            match.start(), match.end(), bool(match["closing"]), result, bool(match["escaped"])
        )

    def settled(self, text: str) -> int:
        """Up to where the text surely holds no beginning of a tag."""
        start = max(0, len(text) - _LONGEST_HEAD)
        for match in _OPENERS.finditer(text, start):
            if self._may_open(text[match.start() :]):
                return match.start()
        return len(text)

    def _may_open(self, tail: str) -> bool:
        tail = tail.removeprefix("\\").lower()
        if tail.startswith("&"):
            if "&lt;".startswith(tail):
                return True
            if not tail.startswith("&lt;"):
                return False
            tail = tail[3:]
        elif tail and tail[0] not in "<\uff1c":
            return False
        rest = _SQUASHED.sub("", tail[1:])
        return any(candidate.startswith(rest) for candidate in self._candidates)

    def closing_end(self, text: str, at: int, final: bool) -> int | None:
        """The end of a closing tag whose head ends at ``at``; None while it has not come whole."""
        end = _CLOSED.match(text, at)
        if end:
            return end.end()
        sure = final or len(text) - at > _LONGEST_HEAD or re.search(r"[\n<{]", text[at:])
        return at if sure else None

    def tag(self, text: str, at: int, final: bool) -> Tag | None:
        """The opening tag whose head ends at ``at``; None while it has not come whole."""
        return _TagReader(text, at, final or len(text) - at > MAX_TAG).read()


class _TagReader:
    """Reads the inside of an opening tag: a name in any of the ways models write it."""

    def __init__(self, text: str, at: int, final: bool) -> None:
        self._text = text
        self._at = at
        self._final = final
        self._name = ""
        self._body: str | None = None
        self._others: dict[str, str] = {}

    def read(self) -> Tag | None:
        while True:
            end = _END.match(self._text, self._at)
            if end:
                return self._made(end.end(), closed=bool(end[1]))
            left = self._text[self._at :].lstrip()
            if left[:1] in ("{", "[") or (not left and self._final):
                return self._made(len(self._text) - len(left))
            if self._waits(left):
                return None
            if not self._attribute() and not self._word():
                self._at = len(self._text) - len(left) + 1
            if self._at < 0:
                return None

    def _waits(self, left: str) -> bool:
        return not self._final and (not left or left == "/" or "&gt;".startswith(left))

    def _made(self, end: int, closed: bool = False) -> Tag:
        body = self._body
        if body is None and closed:
            body = encode(self._others)
        return Tag(end, html.unescape(self._name), body, closed)

    def _attribute(self) -> bool:
        """Take ``key=value``. Sets the position to -1 while the value has not come whole."""
        key = _KEY.match(self._text, self._at)
        if key is None:
            return False
        if key.end() == len(self._text):
            self._at = len(self._text) if self._final else -1
            return True
        name = key[1].lower()
        value = self._value(key.end(), multiline=name in _BODY_KEYS)
        if value is None:
            self._at = -1
            return True
        if name in _NAME_KEYS and not self._name:
            self._name = value
        elif name in _BODY_KEYS and self._body is None:
            self._body = html.unescape(value)
        else:
            self._others[key[1]] = html.unescape(value)
        return True

    def _value(self, at: int, multiline: bool) -> str | None:
        closers = _CLOSING_QUOTES.get(self._text[at])
        if closers is None:
            bare = _BARE_VALUE.match(self._text, at)
            end = bare.end() if bare else at + 1
            self._at = end
            return None if end == len(self._text) and not self._final else self._text[at:end]
        for end in range(at + 1, len(self._text)):
            if self._text[end] in closers:
                self._at = end + 1
                return self._text[at + 1 : end]
            if self._text[end] in ">\n" and not multiline:
                self._at = end
                return self._text[at + 1 : end]
        self._at = len(self._text)
        return self._text[at + 1 :] if self._final else None

    def _word(self) -> bool:
        word = _WORD.match(self._text, self._at)
        if word is None:
            return False
        if word.end() == len(self._text) and not self._final:
            self._at = -1
            return True
        self._at = word.end()
        self._name = self._name or word[1]
        return True


def _attribute(name: str) -> str:
    plain = html.escape(name)
    return f'name="{_CONTROLS.sub(lambda char: f"&#{ord(char[0])};", plain)}"'


def _prefixes(first: str, middle: str, last: str) -> str:
    """A pattern for an end of text that may go on to be ``first middle last``."""
    begun = [re.escape(first[:size]) for size in range(len(first), 0, -1)]
    done = [re.escape(last[:size]) for size in range(len(last) - 1, -1, -1)]
    return f"(?:{re.escape(first)}{middle}(?:{'|'.join(done)})|{'|'.join(begun)})\\Z"
