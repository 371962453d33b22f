"""What the upstream said, fit to be shown to any caller.

In: text of any origin. Out: one line of at most 300 characters, without markup, and with a mark in
place of everything that could be a token, a mail address or the name of an account.
The rule that must hold: hiding comes last, and a word that was cut is not shown: else a piece of a
token could slip through.
"""

import re

_MAX_READ = 8000
_MAX_SHOWN = 300
_HIDDEN = "[hidden]"

# Patterns, compiled when there is something to quote.
_TAG = r"<[^<>]*>|[<>]"
_SECRETS = (
    r"eyJ[\w.+/=-]*"  # a JWT, or the beginning of one
    r"|gAAAAA[\w.+/=~-]*"  # sentinel tokens
    r"|\b(?:sk|rt|sess)[-_][\w.+/=-]{6,}"  # keys and refresh tokens by their prefix,
    r"|(?:sk|rt|sess)[-_][\w.+/=-]{16,}"  # also where they stick to a word
    r"|(?i:bearer)\s+\S+"
    r"|[\w.+-]+@[\w.-]+"  # a mail address
    r"|(?:user|org|acct)-(?=\w*[A-Z0-9])\w{6,}"
    r"|[\w+/=-]{40,}"  # anything long and opaque; a uuid is shorter
)


def quote(text: str) -> str:
    """The text as it may be shown; empty if nothing is left of it."""
    plain = re.sub(_TAG, " ", _cut(text))
    printable = "".join(letter if letter.isprintable() else " " for letter in plain)
    shown = re.sub(_SECRETS, _HIDDEN, " ".join(printable.split()))
    return shown if len(shown) <= _MAX_SHOWN else shown[: _MAX_SHOWN - 1] + "…"


def _cut(text: str) -> str:
    if len(text) <= _MAX_READ:
        return text
    words = text[:_MAX_READ].rsplit(maxsplit=1)
    return words[0] if len(words) > 1 else ""
