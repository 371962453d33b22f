"""What one answer may take of this process's memory. Pure.

In: the sizes of what is kept of its messages, in bytes. Out: nothing, or ``Problem`` GARBAGE when
it is too much. The one rule: a message that comes whole again and again counts once, as its largest
event.
"""

from chat2api_core.problem import Kind, Problem

_BYTES = 64 * 1024 * 1024
_MESSAGES = 4096


class Memory:
    """What is left of it."""

    __slots__ = ("_left", "_sizes")

    def __init__(self) -> None:
        self._left = _BYTES
        self._sizes: dict[str, int] = {}  # by message: its largest event

    def charge(self, size: int) -> None:
        """Count so many bytes."""
        self._left -= size
        if self._left < 0:
            raise garbage("more than an answer can hold")

    def keep(self, message_id: str, size: int) -> bool:
        """Count an event of a message. Says whether the message is a new one."""
        largest = self._sizes.get(message_id)
        if largest is None and len(self._sizes) >= _MESSAGES:
            raise garbage("more messages than an answer can have")
        if largest is None or size > largest:
            self.charge(size - (largest or 0))
            self._sizes[message_id] = size
        return largest is None


def garbage(what: str) -> Problem:
    """The problem that ChatGPT sent something that no answer is made of."""
    return Problem(Kind.GARBAGE, f"ChatGPT sent {what}.", step="stream")
