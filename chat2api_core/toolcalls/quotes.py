"""Quotes around strings, and whether one of them ends its string.

In: what stands behind a quote inside of a string. Out: whether the string ends there. Models forget
to escape quotes, so ``"say "hi" to all"`` has to be told from two strings: by what follows.

The one rule: in text that is JSON the answer is always right. None means that more text is needed;
a window bounds how much.
"""

import re

# Characters looked at behind a quote.
WINDOW = 256
_TRIPLE = 3
# Characters that are no more than space, though not all of them are to ``str.isspace``.
UNSEEN = "\ufeff\u200b\u200c\u200d\u2060"
_BLANKS = (
    " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    f"\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000{UNSEEN}"
)
# As they stand on Chinese and Japanese keyboards.
COMMAS = ",\uff0c"
COLONS = ":=\uff1a"
# Which characters end a string that began with this one, straight quotes and then smart ones; and
# what runs freely inside of it.
CLOSERS = {
    '"': '"', "'": "'", "`": "`",
    "\u201c": "\u201d\u201c\u201e\"", "\u201d": "\u201d\u201c\"", "\u201e": "\u201c\u201d\"",
    "\u2018": "\u2019\u2018'", "\u2019": "\u2019'",
}  # fmt: skip
RUNS = {first: re.compile(f"[^\\\\{re.escape(last)}]+") for first, last in CLOSERS.items()}
_TAIL_OF_CLOSERS = re.compile(r"[\r\n}\]][\s}\]]*\Z")
_KEY_AHEAD = re.compile(r"""(["'])[^"'\n]{0,100}\1\s*[:=]""")
_AFTER_COMMA = {
    "{": re.compile(r"""["'\u201c\u2018`},/.\u2026]|[A-Za-z_$][\w$-]*\s*:"""),
    "[": re.compile(
        r"""["'\u201c\u2018`\[\]{,/.\u2026\d-]|(?:true|false|null|True|False|None)\b"""
    ),
}
# What stands behind a comment to the end of its line, if it is one.
_AFTER_COMMENT = re.compile(r"""#[^\n]*\n\s*(?:[}\]]|["'][^"'\n]{0,100}["']\s*[:=])""")
_MAYBE_WORD = re.compile(r"[A-Za-z_$][\w$-]*\s*\Z")


def surely_inside(text: str) -> str:
    """What of the last piece of a string is surely in it: brackets and lines at its very end may
    turn out to stand behind a forgotten quote."""
    tail = _TAIL_OF_CLOSERS.search(text)
    return text[: tail.start()] if tail else text


def opening(text: str, at: int, final: bool) -> str | None:
    """The quotes that begin a string at this place, one or three of them; None while that cannot
    be told."""
    first, ahead = text[at], text[at : at + 3]
    if first not in "\"'" or ahead.strip(first):
        return first
    if len(ahead) < _TRIPLE:
        return first if final else None
    return ahead


def ends_triple(ahead: str, quotes: str, final: bool) -> bool | None:
    """Whether three quotes end what three of them began; ``ahead`` is up to three characters."""
    if len(ahead) < _TRIPLE and quotes.startswith(ahead) and not final:
        return None
    return ahead == quotes


def ends_string(window: str, stack: list[str], is_key: bool, final: bool) -> bool | None:
    """``window`` is what follows the quote, up to ``WINDOW`` characters; ``stack`` the brackets
    that are open; ``final`` tells that no more follows the window."""
    sure = final or len(window) >= WINDOW
    ahead = window.lstrip(_BLANKS)
    if not ahead:
        return True if sure else None
    if is_key:
        return not (ahead[0].isalnum() and window[0] == ahead[0])
    if not stack:
        return ahead[0] in "`;)]}<" or window[0] in "\r\n"
    if ahead[0] in "}]":
        return ("{" if ahead[0] == "}" else "[") in stack
    if ahead[0] in COMMAS:
        return _comma(ahead[1:].lstrip(_BLANKS), stack, sure)
    return _forgotten_comma(window, ahead, stack, sure)


def _comma(ahead: str, stack: list[str], sure: bool) -> bool | None:
    if not ahead:
        return True if sure else None
    if _AFTER_COMMA[stack[-1]].match(ahead):
        return True
    return None if not sure and _MAYBE_WORD.match(ahead) else False


def _forgotten_comma(window: str, ahead: str, stack: list[str], sure: bool) -> bool | None:
    if ahead.startswith(("//", "/*")):
        return True
    if ahead[0] == "#" and window[0].isspace():
        found = _AFTER_COMMENT.match(ahead)
        return found is not None if found or sure else None
    if ahead[0] not in CLOSERS or not window[0].isspace():
        return None if ahead == "/" and not sure else False
    if stack[-1] == "[" or _KEY_AHEAD.match(ahead):
        return True
    return False if sure or "\n" in ahead else None
