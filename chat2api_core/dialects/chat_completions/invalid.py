"""What is wrong with a body, in words: the JSON decoder's complaints become ``Problem``s.

In: an exception of the decoder. Out: a ``Problem`` of kind INVALID_REQUEST whose ``param`` is the
path of the offending field as a client would write it (``messages[2].content[0].type``). The rule:
of the body itself a message repeats at most one short word, never the text of a prompt.
"""

import re

import msgspec

from chat2api_core.problem import Kind, Problem

_SHAPE = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_UNKNOWN = re.compile(r"Invalid (?:enum )?value (.*)", re.DOTALL)
_TYPES = re.compile(r"`([a-z |]+)`")
_INDEX = re.compile(r"\[\d+\]")
_LONGEST_ECHO = 60

_NAMES = {
    "str": "a string", "int": "an integer", "float": "a number", "bool": "a boolean",
    "array": "an array", "object": "an object", "null": "null",
}  # fmt: skip

# What may stand at a place of which the decoder only says that the value is unknown.
_CHOICES = {
    "messages[].role": "system, developer, user, assistant, tool or function",
    "messages[].content[].type": (
        "text, image_url or file in user and tool messages, text or refusal in assistant messages, "
        "text elsewhere"
    ),
    "messages[].content[].image_url.detail": "auto, low, high or original",
    "messages[].tool_calls[].type": "function or custom",
    "reasoning_effort": "none, minimal, low, medium, high, xhigh or max",
}


def invalid(param: str | None, words: str) -> Problem:
    """A 400 about ``param``: the message is ``param`` and ``words`` as one sentence."""
    return Problem(
        Kind.INVALID_REQUEST, f"{param or 'The body'} {words}.", step="request", param=param
    )


def unreadable(error: Exception) -> Problem:
    """What to say of a body that the decoder could not decode at all or not into our types."""
    if isinstance(error, msgspec.ValidationError):
        return _misshapen(str(error))
    if isinstance(error, UnicodeDecodeError):
        return invalid(None, "is not valid UTF-8")
    if isinstance(error, RecursionError):
        return invalid(None, "is nested too deeply")
    return invalid(None, f"is not valid JSON ({error})")


def _misshapen(text: str) -> Problem:
    found = _SHAPE.fullmatch(text)
    assert found is not None
    what, path = found["what"], (found["path"] or "").lstrip(".")
    if missing := _MISSING.fullmatch(what):
        return invalid(f"{path}.{missing[1]}".lstrip("."), "is missing")
    if unknown := _UNKNOWN.fullmatch(what):
        return invalid(path, _not_a_choice(path, unknown[1]))
    return invalid(path or None, _plain(what))


def _not_a_choice(path: str, value: str) -> str:
    if len(value) > _LONGEST_ECHO:
        value = f"{value[:_LONGEST_ECHO]}..."
    return f"cannot be {value}; it is one of: {_CHOICES[_INDEX.sub('[]', path)]}"


def _plain(what: str) -> str:
    """``Expected `str | null`, got `int` `` as words."""
    if not what.startswith("Expected"):
        return f"is wrong: {what[:1].lower()}{what[1:]}"
    words = _TYPES.sub(
        lambda types: " or ".join(_NAMES[name] for name in types[1].split(" | ")), what
    )
    return words.replace("Expected", "must be", 1).replace(", got", ", not", 1)
