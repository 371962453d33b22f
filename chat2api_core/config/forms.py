"""The forms that a setting's value may have: from text (or a tree of it) to a typed value. Pure.

A ``Form`` says in words what it expects and reads a value; a value that does not fit raises
``Mismatch``. The one rule: no value, nor an exception that quotes one, leaves this module.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import SplitResult, urlsplit

from chat2api_core.accounts.token_form import is_account_id, is_visible
from chat2api_core.config.error import Mismatch
from chat2api_core.config.tree import Tree
from chat2api_core.secret import Secret

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_SHORTEST_KEY = 16

_WORDS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
# Patterns; each is compiled when a setting is first read by it.
_SEPARATORS = r"[,;\n\r]"
_WHOLE = r"[0-9]{1,12}"
_DECIMAL = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
_HEX = r"[0-9a-f]{1,16}"
_HOST = r"[\w.:%-]+"
_PATH = r"[\w.~-]+(?:/[\w.~-]+)*"
_MOMENT = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_MODEL = r"[\w.:/@()-]{1,100}"
_ALIAS = rf"{_MODEL}\*?"
_WEB = frozenset({"http", "https"})
_PROXIES = frozenset({"http", "https", "socks5", "socks5h"})


class Form(NamedTuple, Generic[T_co]):
    """What is expected, in words that go on after "expected", and how it is read."""

    expected: str
    read: Callable[[Tree], T_co]


def text_of(tree: Tree) -> str:
    """The text of a scalar without the blanks around it. Raises ``Mismatch`` for lists and maps."""
    if not isinstance(tree, str):
        raise Mismatch
    return tree.strip()


def _flag(tree: Tree) -> bool:
    word = text_of(tree).lower()
    if word not in _WORDS:
        raise Mismatch
    return _WORDS[word]


def whole(low: int, high: int) -> Form[int]:
    """A whole number within bounds."""

    def read(tree: Tree) -> int:
        text = text_of(tree)
        if not re.fullmatch(_WHOLE, text, re.ASCII) or not low <= int(text) <= high:
            raise Mismatch
        return int(text)

    return Form(f"a whole number from {low} to {high}", read)


def seconds(low: float, high: float) -> Form[float]:
    """A time span in seconds within bounds."""

    def read(tree: Tree) -> float:
        text = text_of(tree)
        if not re.fullmatch(_DECIMAL, text, re.ASCII) or not low <= float(text) <= high:
            raise Mismatch
        return float(text)

    return Form(f"a number of seconds from {low:g} to {high:g}", read)


def choice(*names: str, aliases: tuple[tuple[str, str], ...] = ()) -> Form[str]:
    """One of a few lower case names, in any case; ``aliases`` are (other name, name)."""
    known = {**{name: name for name in names}, **dict(aliases)}

    def read(tree: Tree) -> str:
        word = text_of(tree).lower()
        if word not in known:
            raise Mismatch
        return known[word]

    return Form(f"one of {', '.join(names)}", read)


def matching(expected: str, pattern: str) -> Form[str]:
    """Text that a regular expression matches from end to end."""

    def read(tree: Tree) -> str:
        text = text_of(tree)
        if not re.fullmatch(pattern, text, re.ASCII):
            raise Mismatch
        return text

    return Form(expected, read)


def _hex(tree: Tree) -> str:
    text = text_of(tree).lower()
    if not re.fullmatch(_HEX, text, re.ASCII):
        raise Mismatch
    return text


def many(item: Form[T]) -> Form[tuple[T, ...]]:
    """One or several of another form: a list in a file, a text with separators anywhere.

    The items of a list are taken whole, so a list may hold what a separator would cut."""

    def read(tree: Tree) -> tuple[T, ...]:
        if isinstance(tree, str):
            return tuple(item.read(piece) for piece in re.split(_SEPARATORS, tree) if piece.strip())
        if isinstance(tree, list):
            return tuple(item.read(piece) for piece in tree if piece != "")
        raise Mismatch

    return Form(f"{item.expected}, or several with commas between them", read)


def _secret(tree: Tree) -> Secret:
    text = text_of(tree)
    if not is_visible(text):
        raise Mismatch
    return Secret(text)


def _secret_key(tree: Tree) -> Secret:
    key = _secret(tree)
    if len(key.reveal()) < _SHORTEST_KEY:
        raise Mismatch
    return key


def _token(tree: Tree) -> Secret:
    token = _secret(tree)
    if "," in token.reveal():
        raise Mismatch
    return token


def _account_id(tree: Tree) -> str:
    text = text_of(tree)
    if not is_account_id(text):
        raise Mismatch
    return text


def _url(text: str, schemes: frozenset[str]) -> SplitResult:
    """The parts of a URL with a host and a usable port; ``Mismatch`` for anything else."""
    if not is_visible(text):  # urlsplit drops line breaks silently
        raise Mismatch
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise Mismatch from None  # the cause quotes the value
    host = parts.hostname or ""
    if parts.scheme not in schemes or not re.fullmatch(_HOST, host, re.ASCII) or port == 0:
        raise Mismatch
    return parts


def _web_url(tree: Tree) -> str:
    text = text_of(tree)
    if "@" in _url(text, _WEB).netloc or "?" in text or "#" in text:
        raise Mismatch
    return text.rstrip("/")


def _proxy(tree: Tree) -> Secret:
    text = text_of(tree)
    parts = _url(text, _PROXIES)
    if parts.path not in {"", "/"} or "?" in text or "#" in text:
        raise Mismatch
    return Secret(text)


def _origin(tree: Tree) -> str:
    text = text_of(tree)
    if text == "*":
        return text
    url = _web_url(text)
    if urlsplit(url).path:
        raise Mismatch
    return url.lower()


def _alias(tree: Tree) -> tuple[str, str]:
    name, equals, target = (piece.strip() for piece in text_of(tree).partition("="))
    named = re.fullmatch(_ALIAS, name, re.ASCII) and re.fullmatch(_MODEL, target, re.ASCII)
    if not (equals and named):
        raise Mismatch
    return name, target


def _api_prefix(tree: Tree) -> str:
    text = text_of(tree).strip("/")
    if not text:
        return ""
    if not re.fullmatch(_PATH, text, re.ASCII) or not {".", ".."}.isdisjoint(text.split("/")):
        raise Mismatch
    return f"/{text}"


def _line(tree: Tree) -> str:
    text = text_of(tree)
    if not text.isascii() or not text.isprintable():
        raise Mismatch
    return text


def _note(tree: Tree) -> str:
    text = text_of(tree)
    if not text.isprintable():
        raise Mismatch
    return text


def _path(tree: Tree) -> Path:
    text = text_of(tree)
    if "\0" in text:
        raise Mismatch
    return Path(text)


def _moment(tree: Tree) -> str:
    text = text_of(tree)
    known = (
        text.lower() in _WORDS
        or re.fullmatch(_DECIMAL, text, re.ASCII)
        or re.fullmatch(_MOMENT, text, re.ASCII)
    )
    if not known:
        raise Mismatch
    return text


FLAG = Form("true or false", _flag)
HEX = Form("1 to 16 hex digits", _hex)
SECRET = Form("visible ASCII characters without blanks", _secret)
SECRET_KEY = Form(f"at least {_SHORTEST_KEY} visible ASCII characters", _secret_key)
TOKEN = Form("one token (a workspace goes into account_id)", _token)
ACCOUNT_ID = Form("an account id (letters, digits and dashes)", _account_id)
WEB_URL = Form("a URL such as https://host or https://host/path, without user or query", _web_url)
PROXY = Form("a proxy URL: http, https, socks5 or socks5h://[user:password@]host[:port]", _proxy)
ORIGIN = Form("an origin such as https://host, or *", _origin)
ALIAS = Form("a pair of names of models such as gpt-3.5-turbo=auto", _alias)
API_PREFIX = Form("a path such as /private, of letters, digits and . _ ~ -", _api_prefix)
LINE = Form("one line of visible ASCII", _line)
TEXT = Form("text", text_of)
NOTE = Form("one line of text", _note)
PATH = Form("a path", _path)
MOMENT = Form("a date and time such as 2026-08-22T00:00:00Z", _moment)
