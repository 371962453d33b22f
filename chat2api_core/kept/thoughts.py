"""Sealed thinking, and what it is remembered by: only the account that sealed it can open it. Pure.

In: a prompt, or the deltas of an answer. Out: the name under which the ledger knows whose account
sealed the last thinking in it, empty where none is sealed.
"""

import hashlib
from collections.abc import Iterable

from chat2api_core.turn import Delta, Prompt, Reasoning, ReasoningSealed


def brought(prompt: Prompt) -> str:
    """Of the thinking that a client hands back."""
    for message in reversed(prompt.messages):
        for part in reversed(message.parts):
            if isinstance(part, Reasoning) and part.encrypted:
                return name_of(part.encrypted)
    return ""


def given(deltas: Iterable[Delta]) -> str:
    """Of the thinking in an answer."""
    last = ""
    for delta in deltas:
        if isinstance(delta, ReasoningSealed):
            last = delta.encrypted
    return name_of(last) if last else ""


def name_of(sealed: str) -> str:
    """Of one that is sealed."""
    digest = hashlib.sha256(sealed.encode("utf-8", "surrogatepass")).hexdigest()
    return f"thoughts {digest}"
