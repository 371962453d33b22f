"""An answer that is nothing but a call, written without the request's mark.

In: the text of an answer, from its beginning. Out: whether it may still become such a call, and in
the end which tool it calls. Known here: ``{"name": …, "arguments": …}`` and its relatives, alone or
in a list, ``<tool_call>`` and its relatives, ``functions.get_weather({…})``, each fenced or not.

The one rule: what has no mark is never taken for a call of the model's own choice, for a page that
it repeats could hold one; it is for the model to say, and it is asked. Only where the client has
chosen the one tool is a JSON object its arguments: the answer can be nothing else.
"""

import re

from chat2api_core.toolcalls.canonical import encode
from chat2api_core.toolcalls.envelope import open_envelope
from chat2api_core.toolcalls.fit import read_json
from chat2api_core.toolcalls.toolbox import Named, Toolbox

# Characters of an answer that is kept back because it may be a call.
MAX_HELD = 64_000
# Within so many characters a call has said which tool it calls.
_BEGINNING = 200
_FENCE = re.compile(r"\s*(?:`{1,3}[\w.+\-]*\s*)?")
_PART_OF_FENCE = re.compile(r"\s*`{1,3}[\w.+\-]{0,16}\Z")
_FENCED = re.compile(r"\s*`{1,3}[\w.+\-]*\s*(.*?)\s*`{0,3}\s*", re.DOTALL)
_WORD = re.compile(r"[\w.\-]+")
_AROUND = ("tool_calls", "tool_uses", "function_calls", "calls")
# What may stand before the name of the tool.
_BEFORE = (
    *_AROUND, "name", "tool", "tool_name", "function", "function_name", "recipient_name",
    "function_call", "type", "tool_call", "tool_use", "tool_code", "invoke", "call",
)  # fmt: skip
_OTHER_MARK = re.compile(r"call_[a-z]{0,16}\Z")
_ELEMENT = re.compile(r"<\|?(?:tool_\w+|function_calls?|calls?)\s*\|?>\s*(.*)", re.DOTALL)
_NAMED_ELEMENT = re.compile(
    r"<(?:(?:invoke|function|tool|call)\w*\b[^>]*?[=\s\"'])?([\w.\-]+)[\"']?\s*/?>"
)


class Unmarked:
    """Knows the tools of one request. ``chosen`` is the one function that has to be called, if
    there is no other choice."""

    def __init__(self, toolbox: Toolbox) -> None:
        self._toolbox = toolbox
        only = toolbox.allowed[0] if toolbox.required and len(toolbox.allowed) == 1 else None
        self.chosen = only if only is not None and only.tool.kind == "function" else None
        names = [name for named in toolbox.allowed for name in (named.name, named.tool.name)]
        self._words = (*_BEFORE, "functions.", *names, *(f"functions.{name}" for name in names))

    def may_be(self, text: str) -> bool:
        """Whether an answer that begins so may turn out to be a call."""
        if len(text) > MAX_HELD or not self._toolbox.allowed:
            return False
        start = text[:_BEGINNING]
        bare = _unfenced(start)
        if not bare or _PART_OF_FENCE.match(start):
            return len(text) < _BEGINNING
        if bare[0] not in "{[<":
            return self._is_invoked(bare)
        return (bare[0] == "{" and self.chosen is not None) or self._is_named(bare)

    def tool(self, text: str) -> Named | None:
        """The tool that a whole answer calls without the mark, if it is nothing but a call."""
        fenced = _FENCED.fullmatch(text)
        bare = fenced[1] if fenced else text.strip()
        if not self.may_be(text) or bare[-1:] not in ("}", "]", ">", ")"):
            return None
        if bare[0] == "{" and self.chosen is not None:
            return self.chosen
        return self._toolbox.find(_name(bare))

    def _is_invoked(self, bare: str) -> bool:
        """``get_weather(``, as far as it has come."""
        word = _WORD.match(bare)
        if word is None:
            return False
        if word.end() == len(bare):
            return self._may_go_on(word[0])
        return bare[word.end()] == "(" and self._toolbox.find(word[0]) is not None

    def _is_named(self, bare: str) -> bool:
        """Whether the first word that is no part of the form around it is the name of a tool."""
        for found in _WORD.finditer(bare):
            word, other = found[0], _OTHER_MARK.match(found[0]) is not None
            if found.end() == len(bare) < _BEGINNING:
                return other or self._may_go_on(word)
            if word in _BEFORE:
                continue
            if self._toolbox.find(word) is not None:
                return True
            if not other:
                return False
        return len(bare) < _BEGINNING // 2

    def _may_go_on(self, word: str) -> bool:
        return any(each.startswith(word) for each in self._words)


def _unfenced(text: str) -> str:
    fence = _FENCE.match(text)
    return text[fence.end() :] if fence else text


def _name(bare: str) -> str:
    """The name of the tool that is called, "" if there is none."""
    element = _ELEMENT.match(bare)
    inner = element[1] if element else bare
    named = _NAMED_ELEMENT.match(inner)
    if named:
        return named[1]
    value = read_json(inner[: inner.rfind("}") + 1] if element else inner)
    for key in _AROUND:
        value = value.get(key, value) if isinstance(value, dict) else value
    if isinstance(value, list) and value:
        value = value[0]
    return open_envelope(encode(value) if isinstance(value, dict) else inner)[0]
