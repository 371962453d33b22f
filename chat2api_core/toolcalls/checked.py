"""JSON that is checked against its schema while it arrives.

In: pieces of what a model wrote. Out: pieces of canonical JSON that may be handed out for good:
each is a prefix of a value that is valid as far as it goes. The last closer waits for the verdict
of the full validator on the whole.

The one rule: what went out is never wrong by itself. A value whose schema asks for more than a type
(an enum, a bound, a choice among several) is held until it is whole; so is a value of the wrong
type or an unknown key, which may still be fitted. If it cannot be, ``trouble`` says why, and
nothing more goes out.
"""

import json
from typing import TypeAlias

from chat2api_core.toolcalls.canonical import encode, encode_chars
from chat2api_core.toolcalls.events import Event
from chat2api_core.toolcalls.fit import (
    MISSING,
    Fit,
    alias,
    is_envelope,
    kind_of,
    scalar_value,
)
from chat2api_core.toolcalls.repair import Reader
from chat2api_core.toolcalls.schema import ANY, Json, Node, Schema

# Characters of one value, as canonical JSON.
MAX_LENGTH = 2_000_000

_Place: TypeAlias = Node | None


class _Frame:
    """An object or array that is open. ``node`` judges its members; None while all is held."""

    __slots__ = ("bracket", "count", "key", "node", "seen", "shown")

    def __init__(self, bracket: str, node: Node | None) -> None:
        self.bracket = bracket
        self.node = node
        self.key = ""
        self.seen: set[str] = set()
        self.count = 0
        self.shown = False


class _Held:
    """A value kept back until it is whole: where it stands, and what goes in front of it.
    ``place`` is None for a key that the schema does not know."""

    __slots__ = ("depth", "lead", "pieces", "place")

    def __init__(self, place: _Place, lead: str, depth: int) -> None:
        self.place = place
        self.lead = lead
        self.depth = depth
        self.pieces: list[str] = []


class CheckedJson:
    """``feed`` pieces, then ``close``. ``done`` when the value was valid and has gone out whole;
    ``trouble`` is empty or says what is wrong, in words for the model."""

    def __init__(self, schema: Schema) -> None:
        self.done = False
        self.trouble = ""
        self._schema = schema
        self._fit = Fit(schema)
        self._reader = Reader()
        self._frames: list[_Frame] = []
        self._held: _Held | None = None
        self._out: list[str] = []
        self._sent: list[str] = []
        self._length = 0

    @property
    def rest(self) -> str:
        """What stands behind the value."""
        return self._reader.rest

    def feed(self, text: str) -> str:
        """What may go out now."""
        if self.done or self.trouble:
            return ""
        self._length += len(text)
        if self._length > MAX_LENGTH:
            self.trouble = f"longer than {MAX_LENGTH} characters"
            return ""
        return self._take(self._reader.feed(text))

    def close(self) -> str:
        """The text has ended: what is open is closed, checked and handed out."""
        if self.done or self.trouble:
            return ""
        return self._take(self._reader.close())

    def _take(self, events: list[Event]) -> str:
        for event in events:
            self._one(event)
            if self.trouble:
                break
        else:
            self.trouble = self.trouble or self._reader.error
        text = "".join(self._out)
        self._out = []
        self._sent.append(text)
        return text

    def _one(self, event: Event) -> None:
        kind, text = event
        if kind == "chars":
            self._put(encode_chars(text))
        elif kind == "key":
            self._key(text)
        elif kind == "scalar":
            self._begin(kind_of(scalar_value(text)))
            self._put(text)
            self._end()
        elif kind == "string":
            self._begin("string")
            self._put('"')
        elif kind == "quoted":
            self._put('"')
            self._end()
        elif kind == "open":
            node = self._begin("object" if text == "{" else "array")
            self._frames.append(_Frame(text, node))
        else:
            self._close(text)

    def _put(self, text: str) -> None:
        (self._out if self._held is None else self._held.pieces).append(text)

    # ------------------------------------------------------------------------- values

    def _begin(self, kind: str) -> Node | None:
        """A value begins: the node that judges it while it arrives, or None from where on
        everything is held."""
        lead = self._lead()
        if self._held is not None:
            self._held.pieces.append(lead)
            return None
        place = self._place()
        node = None if place is None else self._schema.narrow(place, kind)
        if node is None:
            self._held = _Held(place, lead, len(self._frames))
        else:
            self._open(lead)
        return node

    def _open(self, lead: str) -> None:
        """The value's lead goes out, and with it the bracket of what it is the first in."""
        self._out.append(lead)
        if self._frames:
            self._frames[-1].count += 1
            self._frames[-1].shown = True

    def _lead(self) -> str:
        if not self._frames:
            return ""
        frame = self._frames[-1]
        lead = "," if frame.count else frame.bracket
        if self._held is not None:
            frame.count += 1
            frame.shown = True
        return lead + (f"{encode(frame.key)}:" if frame.bracket == "{" else "")

    def _place(self) -> _Place:
        if not self._frames:
            return self._schema.root
        frame = self._frames[-1]
        node = frame.node or ANY
        if frame.bracket == "[":
            return node.items or ANY
        if frame.key in node.properties:
            return node.properties[frame.key]
        if isinstance(node.extra, Node):
            return node.extra
        return ANY if node.extra else None

    def _key(self, key: str) -> None:
        frame = self._frames[-1]
        if self._held is None and frame.node is not None:
            first = len(self._frames) == 1 and not frame.seen
            if first and is_envelope(key, frame.node):
                self._hold_all()
            else:
                key = self._known(key, frame, frame.node)
        frame.key = key

    def _hold_all(self) -> None:
        self._held = _Held(self._schema.root, "", 0)
        self._frames[0].node = None

    def _known(self, key: str, frame: _Frame, node: Node) -> str:
        if key not in node.properties:
            key = alias(key, node.properties) or key
        if key in frame.seen:
            self.trouble = f"{self._path()}.{key}: given twice"
        frame.seen.add(key)
        return key

    def _end(self) -> None:
        """A value is whole. If it is the one that was held, it is fitted and judged now."""
        held = self._held
        if held is None or held.depth != len(self._frames):
            self._finish_root()
            return
        self._held = None
        value: Json = json.loads("".join(held.pieces))
        if held.place is None:
            self._unknown(value)
        elif not held.depth:
            self._whole(self._fit.whole(value))
        else:
            self._judge(value, held.place, held.lead)

    def _unknown(self, value: Json) -> None:
        """A key that the schema does not know is dropped if it says nothing."""
        frame = self._frames[-1]
        if value not in (None, "", [], {}):
            known = ", ".join(frame.node.properties) if frame.node else ""
            self.trouble = f"{self._path(member=True)}: there is no such parameter"
            self.trouble += f"; there are: {known}" if known else ""

    def _judge(self, value: Json, place: Node, lead: str) -> None:
        fitted = self._fit.at(value, place)
        wrong = self._schema.check(fitted, place)
        frame = self._frames[-1]
        if not wrong:
            self._open(lead)
            self._out.append(encode(fitted))
        elif value not in (None, "") or frame.bracket == "[" or self._is_required(frame):
            self.trouble = self._path(member=True) + wrong.removeprefix("$")
        else:
            frame.seen.discard(frame.key)

    def _is_required(self, frame: _Frame) -> bool:
        return frame.node is not None and frame.key in frame.node.required

    def _whole(self, value: Json) -> None:
        self.trouble = self._schema.check(value)
        if not self.trouble:
            self._out.append(encode(value))
            self.done = True

    # ------------------------------------------------------------------------- closers

    def _close(self, bracket: str) -> None:
        frame = self._frames[-1]
        if self._held is None and frame.node is not None:
            self._fill(frame, frame.node)
        self._frames.pop()
        if self.trouble:
            return
        if not frame.shown:
            self._put(frame.bracket)
        if self._frames or self._held is not None:
            self._put(bracket)
            self._end()
        else:
            self._finish_root()

    def _fill(self, frame: _Frame, node: Node) -> None:
        """Required members that were left out get what may stand for them."""
        for name in node.required:
            if name in frame.seen:
                continue
            filler = self._fit.filler(node.properties.get(name, ANY))
            if filler is MISSING:
                self.trouble = f"{self._path()}: {name!r} is required but missing"
                return
            frame.key = name
            self._open(self._lead())
            self._out.append(encode(filler))

    def _finish_root(self) -> None:
        """The end of the outermost value: the last word is the validator's."""
        if self._frames or self.done or self._held is not None:
            return
        text = "".join(self._sent) + "".join(self._out)
        closer = {"{": "}", "[": "]"}.get(text[:1], "")
        value: Json = json.loads(text + closer)
        self.trouble = self._schema.check(value)
        if not self.trouble:
            self._out.append(closer)
            self.done = True

    def _path(self, member: bool = False) -> str:
        """Where the innermost open object or array stands, such as ``$.rows[2]``, or the member of
        it that comes next."""
        steps = ["$"]
        for frame in self._frames[:-1]:
            steps.append(f".{frame.key}" if frame.bracket == "{" else f"[{frame.count - 1}]")
        if member and self._frames:
            frame = self._frames[-1]
            steps.append(f".{frame.key}" if frame.bracket == "{" else f"[{frame.count}]")
        return "".join(steps)
