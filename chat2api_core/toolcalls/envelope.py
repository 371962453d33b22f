"""A call whose tag names no tool: the name stands in the body.

In: the body. Out: the name and the body that belongs to it. Read here: ``{"name": …, "arguments":
…}``, ``get_weather({…})``, a first line with the name, ``<name>`` elements.

The one rule: it finds the name or gives "" for it; it never invents one.
"""

import re

from chat2api_core.toolcalls.canonical import encode
from chat2api_core.toolcalls.fit import ENVELOPES, read_json
from chat2api_core.toolcalls.loose import loosen

_NAMES = ("name", "tool", "tool_name", "function_name", "recipient_name", "action", "function")
_ELEMENT = re.compile(
    r"<(?:name|tool_name|tool|function)\s*>\s*([\w.\-]+)\s*</\w+\s*>", re.IGNORECASE
)
_OPENED = re.compile(
    r"\s*<(?:invoke|function|tool)\b[^>]*?=\s*[\"']?([\w.\-]+)[\"']?\s*>", re.IGNORECASE
)
_LABELLED = re.compile(
    r"\s*(?:action|tool|function)\s*:\s*([\w.\-]+)\s*\n\s*"
    r"(?:action input|input|arguments|args|parameters)\s*:\s*",
    re.IGNORECASE,
)
_CALLED = re.compile(r"[\s`]*([\w.\-]+)\s*(?=\()")
_FIRST_LINE = re.compile(r"[\s`]*([\w.\-]+)[\s:]*(?=[\n{])")


def open_envelope(body: str) -> tuple[str, str]:
    """The name, "" if there is none, and the body without it."""
    opened = _OPENED.match(body)
    if opened:
        return opened[1], body[opened.end() :]
    element = _ELEMENT.search(body)
    if element:
        return element[1], body[: element.start()] + body[element.end() :]
    value = read_json(loosen(body))
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if isinstance(value, dict):
        names = [key for key in _NAMES if isinstance(value.get(key), str)]
        if names:
            inner = [value[key] for key in ENVELOPES if key in value]
            rest = {key: item for key, item in value.items() if key not in (names[0], "id", "type")}
            arguments = inner[0] if inner else rest
            return str(value[names[0]]), _text(arguments)
    for pattern in (_LABELLED, _CALLED, _FIRST_LINE):
        match = pattern.match(body)
        if match:
            return match[1], body if pattern is _CALLED else body[match.end() :]
    return "", body


def open_envelopes(body: str) -> list[tuple[str, str]]:
    """The same of a body that may hold a list of calls."""
    value = read_json(body)
    if isinstance(value, list) and len(value) > 1:
        return [open_envelope(encode(item)) for item in value]
    return [open_envelope(body)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else encode(value)
