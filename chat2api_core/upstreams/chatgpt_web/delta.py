"""The v1 delta encoding: frames that patch open documents, as the web client applies them.

In:   delta frames ``{"c":…,"p":…,"o":…,"v":…}``, decoded from JSON; whole documents of old events.
Out:  the document that a frame touched, as plain JSON, except that a text which was appended to is
      a ``Rope`` (read texts with ``text_of``).

``c`` is the number of an open document, ``p`` a JSON pointer into it, ``o`` an operation, ``v`` its
value. What a frame leaves out of c, p and o is as in the delta frame before; ``v`` never is. A
frame without p and o whose value holds a ``message`` opens a document, whatever was carried. The
frames inside a ``patch`` have paths below the outer one and neither inherit nor leave anything.

The one rule: a frame is applied exactly or refused with ``Problem(GARBAGE)``; a text is never
guessed. Memory is bounded by the bytes that were fed (the reader bounds those).
"""

from collections.abc import Callable
from typing import TypeAlias

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.rope import Rope

_DEPTH = 64  # tokens of a pointer
_NESTING = 8  # patches within patches
_DIGITS = 9  # of an array index
Holder: TypeAlias = dict[str, object] | list[object]

_NONE: dict[str, object] = {}
_OPERATIONS = frozenset({"add", "replace", "append", "remove", "truncate", "patch"})


class Documents:
    """The open documents of one stream and what is carried from frame to frame.

    ``tip`` is the text that the last frame appended to, if it did just that: a following frame of
    a bare string does the same again, and the caller may then append to ``tip`` itself."""

    __slots__ = ("_c", "_o", "_open", "_p", "_tokens", "tip")

    def __init__(self) -> None:
        self._open: dict[int, dict[str, object]] = {}
        self._c = 0
        self._p = ""
        self._o = "add"
        self._tokens: tuple[str, ...] = ()
        self.tip: Rope | None = None

    def carries(self, frame: dict[str, object]) -> bool:
        """Whether ``frame`` says of c, p and o nothing but what is carried."""
        return (
            frame.get("p", self._p) == self._p
            and frame.get("o", self._o) == self._o
            and frame.get("c", self._c) == self._c
        )

    def feed(self, frame: dict[str, object]) -> dict[str, object]:
        """Apply one delta frame; return the document that it touched.

        Raises ``Problem(GARBAGE)`` for what cannot be applied."""
        self.tip = None
        bare = "p" not in frame and "o" not in frame
        self._carry(frame)
        value = frame.get("v")
        if bare and isinstance(value, dict) and "message" in value:
            self._open[self._c] = value
            return value
        if bare and "v" not in frame and self._o != "remove":
            return self._open.get(self._c, _NONE)  # it only chose a document
        if "v" not in frame and self._o != "remove":
            raise _garbage("a change without a value")
        root: dict[str, object] = {"": self._open.get(self._c, {})}
        if self._o == "patch":
            _patch(root, self._tokens, value, 0)
        else:
            self.tip = _apply(root, self._tokens, self._o, value)
        document = root.get("", {})
        if not isinstance(document, dict):
            raise _garbage("a document that is no object")
        self._open[self._c] = document
        return document

    def put(self, document: dict[str, object]) -> None:
        """A whole document of the old form: it takes the place of the current one."""
        self.tip = None
        self._open[self._c] = document

    def _carry(self, frame: dict[str, object]) -> None:
        cursor = frame.get("c", self._c)
        if type(cursor) is not int:
            raise _garbage("a document number that is no number")
        path = frame.get("p", self._p)
        if path != self._p:
            self._tokens = _pointer(path)
            assert isinstance(path, str)
            self._p = path
        operation = frame.get("o", self._o)
        if not isinstance(operation, str) or operation not in _OPERATIONS:
            raise _garbage("an operation that is not known")
        self._c, self._o = cursor, operation


def text_of(node: object) -> str:
    """The text at a place of a document; empty where there is none."""
    if isinstance(node, str):
        return node
    return str(node) if isinstance(node, Rope) else ""


def object_of(node: object) -> dict[str, object]:
    """The object at a place of a document; empty where there is none."""
    return node if isinstance(node, dict) else _NONE


def list_of(node: object) -> list[object]:
    """The list at a place of a document; empty where there is none."""
    return node if isinstance(node, list) else []


def _pointer(path: object) -> tuple[str, ...]:
    """The tokens of a JSON pointer."""
    if not isinstance(path, str) or (path and not path.startswith("/")):
        raise _garbage("a path that is no path")
    if path.count("/") > _DEPTH:
        raise _garbage("a path that is too deep")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in path.split("/")[1:])


def _patch(root: dict[str, object], outer: tuple[str, ...], changes: object, nesting: int) -> None:
    """Apply a list of changes, each below ``outer``."""
    if not isinstance(changes, list) or nesting >= _NESTING:
        raise _garbage("a patch that is no list of changes")
    for change in changes:
        operation = change.get("o") if isinstance(change, dict) else None
        if not isinstance(change, dict) or not isinstance(operation, str):
            raise _garbage("a patch that is no list of changes")
        tokens = outer + _pointer(change.get("p", ""))
        if operation == "patch":
            _patch(root, tokens, change.get("v"), nesting + 1)
        elif operation != "remove" and "v" not in change:
            raise _garbage("a change without a value")
        else:
            _apply(root, tokens, operation, change.get("v"))


def _apply(
    root: dict[str, object], tokens: tuple[str, ...], operation: str, value: object
) -> Rope | None:
    """One change. Returns the text that it appended to, if that is what it did.

    ``root`` is a box with the document under the empty key, so the root needs no special case."""
    if len(tokens) > _DEPTH:
        raise _garbage("a path that is too deep")
    if not tokens and operation == "remove":
        root[""] = {}  # what is left of a document is an empty one, also for changes that follow
        return None
    makes = operation in {"add", "replace", "append"}
    holder: object = root
    key = ""
    for token in tokens:
        holder = _step(holder, key, token, makes=makes)
        if holder is None:
            return None
        key = token
    if not isinstance(holder, dict | list):
        raise _garbage("a path that leads through a text")
    if operation == "append":
        return _append(holder, key, value)
    change = _CHANGES.get(operation)
    if change is None:
        raise _garbage("an operation that is not known")
    change(holder, key, value)
    return None


def _step(holder: object, key: str, following: str, *, makes: bool) -> object:
    """The container under ``key``; made if missing, a list where ``following`` is an index.

    Returns None if there is none and none is to be made."""
    if not isinstance(holder, dict | list):
        raise _garbage("a path that leads through a text")
    node = _get(holder, key)
    if node is None and makes:
        node = [] if following == "-" or _is_index(following) else {}
        _set(holder, key, node)
    return node


def _append(holder: Holder, key: str, value: object) -> Rope | None:
    """Texts grow, lists take one or many, objects take the other's members."""
    node = _get(holder, key)
    if isinstance(node, list):
        node.extend(value if isinstance(value, list) else [value])
    elif isinstance(node, dict) and isinstance(value, dict):
        node.update(value)
    elif isinstance(value, str) and (node is None or isinstance(node, str | Rope)):
        if not isinstance(node, Rope):
            node = Rope(node or "")
            _set(holder, key, node)
        node.append(value)
        return node
    elif node is None:
        _set(holder, key, value)
    else:
        raise _garbage("an append of what does not fit")
    return None


def _truncate(holder: Holder, key: str, size: object) -> None:
    """Keep the first ``size`` characters or elements. A cut text is a new text: ropes only grow."""
    node = _get(holder, key)
    if type(size) is not int or size < 0 or not isinstance(node, str | Rope | list | None):
        raise _garbage("a truncation of what cannot be cut")
    if isinstance(node, list):
        del node[size:]
    elif node is not None and size < len(node):
        _set(holder, key, str(node)[:size])


def _get(holder: Holder, key: str) -> object:
    if isinstance(holder, dict):
        return holder.get(key)
    index = _index(holder, key)
    return holder[index] if index < len(holder) else None


def _set(holder: Holder, key: str, value: object) -> None:
    """Overwrite; the place just behind a list is one more element."""
    if isinstance(holder, dict):
        holder[key] = value
        return
    index = _index(holder, key)
    holder[index : index + 1] = [value]


def _add(holder: Holder, key: str, value: object) -> None:
    """Set a member, or insert before an element."""
    if isinstance(holder, dict):
        holder[key] = value
    else:
        holder.insert(_index(holder, key), value)


def _remove(holder: Holder, key: str, _: object) -> None:
    if isinstance(holder, dict):
        holder.pop(key, None)
    else:
        index = _index(holder, key)
        del holder[index : index + 1]


_CHANGES: dict[str, Callable[[Holder, str, object], None]] = {
    "add": _add,
    "replace": _set,
    "remove": _remove,
    "truncate": _truncate,
}


def _is_index(token: str) -> bool:
    return token.isascii() and token.isdigit()


def _index(holder: list[object], token: str) -> int:
    """A place in a list, at most the one just behind it (which ``-`` also means)."""
    if token == "-":  # noqa: S105 (a token of a path, not a secret)
        return len(holder)
    if not _is_index(token) or len(token) > _DIGITS or int(token) > len(holder):
        raise _garbage("an index outside of its list")
    return int(token)


def _garbage(what: str) -> Problem:
    return Problem(Kind.GARBAGE, f"ChatGPT sent {what}.", step="stream")
