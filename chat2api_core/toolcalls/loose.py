"""Bodies of calls that do not begin as JSON: what models write instead, turned to JSON.

In: the whole body of a call, as it was written. Out: text for the tolerant reader. Read here: code
fences, CDATA, ``<arguments>`` and ``<parameter name="city">`` elements, ``get_weather(city="x")``,
``city: x`` lines, JSON with every quote escaped or every brace doubled, a label in front.

The one rule: it only unwraps. A body that it does not know comes back as it is, for the reader to
refuse with a reason.
"""

import html
import json
import re

from chat2api_core.toolcalls.canonical import encode
from chat2api_core.toolcalls.quotes import CLOSERS, UNSEEN

_FENCED = re.compile(r"`{3,}[^\n`{]*\n?(.*?)\s*(?:`{3,}\s*)?", re.DOTALL)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)(?:\]\]>)?\s*", re.DOTALL | re.IGNORECASE)
_WHOLE = re.compile(
    r"(?:.{0,80}?)<(arguments|parameters|args|params|input|invoke|json)\b[^>]*>(.*?)"
    r"(?:</\1\s*>.{0,80})?",
    re.DOTALL | re.IGNORECASE,
)
_NAMED = re.compile(
    r"<(parameter|param|arg|argument)\b[^>]*?(?:\b(?:name|key)\s*)?=\s*[\"']?([\w.\-]+)[\"']?\s*>"
    r"(.*?)</\1\s*>",
    re.DOTALL | re.IGNORECASE,
)
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_ASIDE = re.compile(r"(?:await|return)\s+(?=[\w.]+\s*\()")
_ELEMENT = re.compile(r"<([A-Za-z_][\w.\-]*)\s*>(.*?)</\1\s*>", re.DOTALL)
_CALLED = re.compile(r"[\w.:\-]+\s*\((.*)\)\s*;?\s*", re.DOTALL)
_KEYWORD = re.compile(r"(?:(?<=,)|(?<=\s)|\A)([A-Za-z_]\w*)\s*=(?!=)\s*")
_LABELLED = re.compile(r"[\w .:=*#\-\n`]{1,80}?(?=\{)")
_PAIRS = re.compile(r"[\"']?[A-Za-z_$][\w$.\-]*[\"']?\s*[:=]")
_NOTHING = ("", "null", "none", "undefined", "{}", "()")


def loosen(body: str) -> str:
    """The JSON that a body stands for, as far as that is plain."""
    text = body.strip().strip(UNSEEN)
    for _ in range(4):
        inner = _unwrap(text)
        if inner == text:
            break
        text = inner
    if text.lower() in _NOTHING:
        return "{}"
    return _rewrite(text)


def _unwrap(text: str) -> str:
    for pattern in (_FENCED, _CDATA):
        match = pattern.fullmatch(text)
        if match:
            return match[1].strip()
    for pattern in (_COMMENT, _ASIDE):
        if match := pattern.match(text):
            return text[match.end() :]
    whole = _WHOLE.fullmatch(text)
    if whole:
        return whole[2].strip()
    if text.startswith("{{") and text.endswith("}}"):
        return text[1:-1].strip()
    return text


def _rewrite(text: str) -> str:
    if text.startswith("<"):
        return _elements(text)
    if re.match(r"[{\[]\s*\\", text):
        return _unescaped(text)
    called = _CALLED.fullmatch(text)
    if called:
        inner = called[1].strip()
        alone = inner[:1] in CLOSERS and not _KEYWORD.search(inner)
        return (
            inner if alone or inner.startswith("{") else "{" + _KEYWORD.sub(r'"\1": ', inner) + "}"
        )
    if _PAIRS.match(text):
        return f"{{{text}}}"
    label = _LABELLED.match(text)
    return text[label.end() :] if label and text[0] != "{" else text


def _elements(text: str) -> str:
    found = [(match[2], match[3]) for match in _NAMED.finditer(text)]
    found = found or [(match[1], match[2]) for match in _ELEMENT.finditer(text)]
    if not found:
        return text
    return encode({key: html.unescape(_content(value.strip())) for key, value in found})


def _content(text: str) -> str:
    match = _CDATA.fullmatch(text)
    return match[1] if match else text


def _unescaped(text: str) -> str:
    try:
        inner = json.loads(f'"{text}"', strict=False)
    except ValueError:
        inner = text.replace('\\"', '"').replace("\\n", "\n").replace("\\t", "\t")
    return str(inner)
