"""What a dialect is to the web layer: client JSON to ``Prompt``, ``Delta``s to client bytes. Pure.

What all OpenAI dialects share stands here, too: their one error shape, and the words for a body
that is wrong. Of the body itself a message repeats at most one short word, never the text of a
prompt, and its ``param`` is the path of the field as a client would write it
(``messages[2].content[0].type``).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec
from msgspec import Struct

from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import Delta, Picture, Prompt

# The switches of ChatGPT's web that a client may set by name, an extension of ours.
Hint: TypeAlias = Literal["search", "reason", "canvas", "research"]
HINTS = "search, reason, canvas or research"

# Patterns here are compiled when they are first needed: most answers need none.
_BRACKETS = r"[\[\]\\]"
_FORMAT = r"[a-z0-9.+-]{1,32}"

# Line ends of Unicode that are none in JSON or SSE, but which many clients split lines at.
_LINE_ENDS = (
    (b"\xc2\x85", rb"\u0085"),
    (b"\xe2\x80\xa8", rb"\u2028"),
    (b"\xe2\x80\xa9", rb"\u2029"),
)


class Request(Struct, frozen=True):
    """A parsed request: what to ask, and how the client wants to hear the answer. ``places`` are
    the names of the pictures and files in it, in order, for whoever finds fault with one."""

    prompt: Prompt
    stream: bool = False
    include_usage: bool = False
    places: tuple[str, ...] = ()


class Head(Struct, frozen=True, gc=False):
    """What stays the same within one answer: a fresh name and the time it began (unix seconds)."""

    id: str
    created: int


class Encoder(Protocol):
    """The last stage of a stream. After ``Finished`` the success marker goes out with it."""

    def feed(self, deltas: Sequence[Delta], /) -> bytes:
        """The bytes to send for these deltas, possibly none."""
        ...

    def fail(self, problem: Problem, /) -> bytes:
        """The bytes that end the stream as failed. No success marker follows."""
        ...


class Dialect(Protocol):
    """One public API over ``Prompt`` and ``Delta``."""

    @property
    def name(self) -> str: ...

    def parse(self, body: bytes) -> Request:
        """Raises ``Problem`` of kind INVALID_REQUEST or UNSUPPORTED_PARAMETER with ``param``."""
        ...

    def encoder(self, request: Request, head: Head) -> Encoder: ...

    def document(self, request: Request, head: Head, transcript: Transcript) -> bytes:
        """The non-streaming answer: the sum of the stream."""
        ...


# ------------------------------------------------------------------------------------ the errors


def error_object(problem: Problem) -> dict[str, str | None]:
    """The inside of OpenAI's error shape, plus ``stage`` where a step is known."""
    error = {
        "message": problem.message,
        "type": problem.type,
        "param": problem.param,
        "code": problem.code,
    }
    if problem.step is not None:
        error["stage"] = problem.step
    return error


def error_document(problem: Problem) -> bytes:
    """OpenAI's error shape: ``{"error": {"message", "type", "param", "code"}}``."""
    return msgspec.json.encode({"error": error_object(problem)})


_LONGEST_ECHO = 60
_MISSING = r"Object missing required field `(.*)`"
_UNKNOWN = r"Invalid (?:enum )?value (.*)"
_TYPES = r"`([a-z |]+)`"
_INDEX = r"\[\d+\]"
_NAMES = {
    "str": "a string", "int": "an integer", "float": "a number", "bool": "a boolean",
    "array": "an array", "object": "an object", "null": "null",
}  # fmt: skip


def invalid(words: str, param: str | None) -> Problem:
    """A 400 about ``param``: its message is ``param`` and ``words`` as one sentence."""
    message = f"{param or 'The body'} {words}."
    return Problem(Kind.INVALID_REQUEST, message, step="request", param=param)


def unsupported(why: str, param: str) -> Problem:
    """A 400 for what is right in itself but not to be had here."""
    message = f"{param} is not supported here: {why}."
    return Problem(Kind.UNSUPPORTED_PARAMETER, message, step="request", param=param)


def unreadable(error: Exception, choices: Mapping[str, str], at: str = "") -> Problem:
    """What to say of a value, at the path ``at`` of the body, that msgspec could not decode at all
    or not into our types.

    ``choices`` tells what may stand in a field of which msgspec only says that the value is none of
    these, by the end of its path: ``role`` or ``messages[].role``."""
    if isinstance(error, msgspec.ValidationError):
        return _misshapen(str(error), choices, at)
    if isinstance(error, UnicodeDecodeError):
        return invalid("is not valid UTF-8", None)
    if isinstance(error, RecursionError):
        return invalid("is nested too deeply", None)
    return invalid(f"is not valid JSON ({error})", None)


def _misshapen(complaint: str, choices: Mapping[str, str], at: str) -> Problem:
    # msgspec ends its messages with " - at `$.path`" or " - at `key` in `$.path`".
    what, found, where = complaint.rpartition(" - at `")
    if not found:
        what, where = complaint, ""
    param = f"{at}{where.rstrip('`').rpartition('$')[2]}".lstrip(".")
    path = re.sub(_INDEX, "[]", param)
    if missing := re.fullmatch(_MISSING, what):
        return invalid("is missing", f"{param}.{missing[1]}".lstrip("."))
    if unknown := re.fullmatch(_UNKNOWN, what, re.DOTALL):
        return invalid(_not_a_choice(unknown[1], path, choices), param or None)
    words = _plain(what) if "matching regex" not in what else _not_of_the_form(path, choices)
    if where.startswith("key"):
        words = f"has a key that {words}"
    return invalid(words, param or None)


def _not_a_choice(value: str, path: str, choices: Mapping[str, str]) -> str:
    if len(value) > _LONGEST_ECHO:
        value = f"{value[:_LONGEST_ECHO]}..."
    while path and path not in choices:
        path = path.partition(".")[2]
    known = f"; it is one of: {choices[path]}" if path else ""
    return f"cannot be {value}{known}"


def _not_of_the_form(path: str, choices: Mapping[str, str]) -> str:
    return f"must be {choices[path]}" if path in choices else "has not the right form"


def _plain(what: str) -> str:
    """``Expected `str | null`, got `int` `` as words."""
    if not what.startswith("Expected"):
        return f"is wrong: {what[:1].lower()}{what[1:]}"
    words = re.sub(
        _TYPES, lambda types: " or ".join(_NAMES[name] for name in types[1].split(" | ")), what
    )
    return words.replace("Expected", "must be", 1).replace(", got", ", not", 1)


def markdown_of(picture: Picture) -> str:
    """A picture as Markdown: by its link, else as what it is; empty where nothing shows it."""
    url = picture.url
    if not url and picture.data and re.fullmatch(_FORMAT, picture.format):
        url = f"data:image/{picture.format};base64,{picture.data}"
    if not url:
        return ""
    title = " ".join(re.sub(_BRACKETS, " ", picture.title).split()) or "Picture"
    return f"![{title}]({url})"


def one_line(raw: bytes) -> bytes:
    """The same JSON with all line ends escaped that a client might split lines at."""
    for end, escaped in _LINE_ENDS:
        if end in raw:
            raw = raw.replace(end, escaped)
    return raw
