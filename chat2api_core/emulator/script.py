"""The script of a run: what the emulator shall say and where it shall fail, in order.

Input: ``push`` (or the same values as JSON). Output: what is due at a step, each thing once. The
rule: an empty script changes nothing.
"""

from collections import deque
from typing import Literal, TypeAlias, TypeVar, get_args

import msgspec
from msgspec import Struct

from chat2api_core.emulator.faults import NAMED, Fault, Interrupt, Named
from chat2api_core.emulator.replies import Reply

# The places where a fault can happen: one name per kind of call.
Place: TypeAlias = Literal[
    "bootstrap", "requirements", "prepare", "finalize", "conversation_prepare", "conversation",
    "stream", "resume", "history", "init", "models", "account", "session", "refresh", "other",
    "codex", "codex_models", "signin", "files", "downloads", "blob", "transcribe", "synthesize",
    "socket",
]  # fmt: skip

_MAX_QUEUE = 10_000
_T = TypeVar("_T")


class At(Struct, frozen=True, tag_field="type", tag="at", forbid_unknown_fields=True):
    """A fault for the next ``times`` calls at a place. At ``stream`` an ``Interrupt`` is meant."""

    place: Place
    fault: Fault
    times: int = 1


class Demands(Struct, frozen=True, tag_field="type", tag="demands", forbid_unknown_fields=True):
    """What the sentinel asks of a client.

    ``difficulty`` is hex, smaller is harder, empty: no proof is asked for. ``announced`` means that
    the answer says "required" but the conversation goes well without; ``enforced`` refuses it.
    ``expire_after`` is the life of the tokens in seconds."""

    difficulty: str = "0fffff"
    turnstile: Literal["off", "announced", "enforced"] = "announced"
    arkose: Literal["off", "announced", "enforced"] = "off"
    so: Literal["off", "announced", "enforced"] = "off"
    force_login: bool = False
    expire_after: int = 540


Item: TypeAlias = Reply | At | Demands

_decoder: msgspec.json.Decoder[list[Item]] = msgspec.json.Decoder(list[Item])


def read_items(body: bytes) -> list[Item]:
    """The items of a JSON list such as ``[{"type": "at", "place": "models", ...}]``.

    Raises ``ValueError`` that says what is wrong with it."""
    items = _decoder.decode(body)
    for item in items:
        _check(item)
    return items


class Script:
    """The queues. One per emulator; used from its event loop only."""

    def __init__(self) -> None:
        self._replies: deque[Reply] = deque()
        self._demands: deque[Demands] = deque()
        self._faults: dict[Place, deque[Fault]] = {}
        self.clear()

    def push(self, *items: Item) -> None:
        """Append to the script. Raises ``ValueError`` for a fault that cannot happen there."""
        for item in items:
            _check(item)
        for item in items:
            if isinstance(item, Reply):
                _room(self._replies, 1).append(item)
            elif isinstance(item, Demands):
                _room(self._demands, 1).append(item)
            else:
                _room(self._faults[item.place], item.times).extend([item.fault] * item.times)

    def clear(self) -> None:
        """Forget everything that is still due."""
        self._replies.clear()
        self._demands.clear()
        self._faults = {place: deque() for place in get_args(Place)}

    def next_reply(self) -> Reply | None:
        """What the model says next, None if it is free to choose."""
        return self._replies.popleft() if self._replies else None

    def next_demands(self) -> Demands | None:
        """What the next sentinel round asks, None if it asks the usual."""
        return self._demands.popleft() if self._demands else None

    def next_fault(self, place: Place) -> Fault | None:
        """What goes wrong with this call, None if nothing."""
        due = self._faults[place]
        return due.popleft() if due else None

    @property
    def pending(self) -> int:
        """How many items are still due."""
        faults = sum(map(len, self._faults.values()))
        return len(self._replies) + len(self._demands) + faults


def _check(item: Item) -> None:
    if not isinstance(item, At):
        return
    if isinstance(item.fault, Interrupt) != (item.place == "stream"):
        raise ValueError("an interrupt happens at the place 'stream', everything else elsewhere")
    if isinstance(item.fault, Named) and item.fault.name not in NAMED:
        raise ValueError(f"no fault is named {item.fault.name!r}")


def _room(queue: "deque[_T]", more: int) -> "deque[_T]":
    if len(queue) + more > _MAX_QUEUE:
        raise ValueError(f"the script is longer than {_MAX_QUEUE} items")
    return queue
