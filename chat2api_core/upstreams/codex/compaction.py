"""A history made short by the Codex backend: what is sent for that, and what comes back.

In: a prompt; then the bytes of a document. Out: bytes; then ``Compacted``. The rule: what comes
back is handed on as it is, because the client sends it back to the same backend. Source of the
shapes: seen in the Codex command-line client, and the public Responses API.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from chat2api_core.turn import Message, Prompt, Usage
from chat2api_core.upstreams.codex.events import Counts, unreadable, usage_of
from chat2api_core.upstreams.codex.items import calls, input_items
from chat2api_core.upstreams.codex.names import Names
from chat2api_core.upstreams.codex.request import Outgoing, Target


class Compacted(Struct, frozen=True):
    """A short history: items of the Responses API. ``usage`` where the backend tells it."""

    items: tuple[Raw, ...]
    usage: Usage | None


def compact_body(prompt: Prompt, target: Target, *, sealed: bool) -> Outgoing:
    """The body of ``POST /backend-api/codex/responses/compact``. Instructions at the head stay
    apart from the history. Raises ``Problem`` UNSUPPORTED_PARAMETER."""
    instructions, messages = _apart(prompt.messages)
    names = Names(calls(messages))
    items = input_items(messages, names, sealed=sealed)
    body = {"model": target.slug, "instructions": instructions, "input": items}
    has_sealed = any(item["type"] == "reasoning" for item in items)
    return Outgoing(msgspec.json.encode(body), names, has_sealed)


def _apart(messages: Sequence[Message]) -> tuple[str, Sequence[Message]]:
    if messages and messages[0].role == "system":
        return messages[0].text, messages[1:]
    return "", messages


class _Document(Struct):
    output: tuple[Raw, ...]
    usage: Counts | None = None


def read_compacted(body: bytes) -> Compacted:
    """Raises ``Problem`` GARBAGE for what is no short history."""
    try:
        document = msgspec.json.decode(body, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unreadable() from error
    return Compacted(document.output, usage_of(document.usage))
